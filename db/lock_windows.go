package db

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// lockFile takes the lock that keeps a second instance out, waiting at most so long. bbolt's own lock comes too late:
// the file must be checked, and perhaps replaced, before bbolt maps it. The system frees it when the process ends.
func lockFile(path string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the database: %w", err)
	}
	for end := time.Now().Add(wait); ; {
		err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
		if err == nil {
			return f, nil
		}
		busy := errors.Is(err, windows.ERROR_LOCK_VIOLATION)
		if !busy || time.Now().After(end) {
			f.Close()
			if busy {
				return nil, ErrInUse
			}
			return nil, fmt.Errorf("lock the database: %w", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// syncDir does nothing: Windows writes names through by itself and cannot sync a folder.
func syncDir(string) error { return nil }

func diskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
