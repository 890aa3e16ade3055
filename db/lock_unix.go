//go:build unix

package db

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock that keeps a second instance out, waiting at most so long. bbolt's own lock comes too late:
// the file must be checked, and perhaps replaced, before bbolt maps it. The system frees it when the process ends.
func lockFile(path string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the database: %w", err)
	}
	for end := time.Now().Add(wait); ; {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		busy := errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR)
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

// syncDir makes a new or renamed name in dir outlive a power cut.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func diskFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
