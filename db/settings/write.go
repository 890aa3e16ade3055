package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// WriteFile replaces the file at path in one step, readable by its owner only: a temp file in the same folder, fsync,
// rename, fsync of the folder. After an error the old file is there, byte for byte. A symlink, a special file or a file
// of another user is refused.
func WriteFile(path string, data []byte) error {
	return osDisk().write(path, data, nil)
}

// tempFile is what writing needs of an *os.File, so that a test can let the disk be full.
type tempFile interface {
	Name() string
	Write([]byte) (int, error)
	Sync() error
	Close() error
}

// disk is the way to the file system.
type disk struct {
	create func(dir, pattern string) (tempFile, error)
}

func osDisk() disk {
	return disk{create: func(dir, pattern string) (tempFile, error) { return os.CreateTemp(dir, pattern) }}
}

// write is WriteFile with a last look: before, if not nil, is asked when everything is ready but the rename, and its
// error leaves the old file in place.
func (d disk) write(path string, data []byte, before func() error) error {
	if err := checkOwn(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := d.create(filepath.Dir(path), tempPattern(path))
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	err = fill(f, data)
	if err == nil && before != nil {
		err = before()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: the folder could not be synced: %w", filepath.Base(path), err)
	}
	return nil
}

func fill(f tempFile, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func tempPattern(path string) string { return "." + filepath.Base(path) + ".tmp-*" }

// sweepTemps removes what a killed process left beside path. Young ones may belong to a second instance that is just
// finding out that it is the second.
func sweepTemps(path string, now time.Time) {
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), tempPattern(path)))
	if err != nil {
		return // the folder's name holds pattern characters; the files are small and harmless
	}
	for _, name := range names {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && now.Sub(info.ModTime()) > time.Hour {
			os.Remove(name)
		}
	}
}

// checkOwn refuses what is not a plain file of this user.
func checkOwn(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link, which is refused; put the file itself there", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a plain file; move it away", path)
	case !ownedByUser(info):
		return fmt.Errorf("%s belongs to another user, which is refused; make it yours with chown, or name another folder with --home", path)
	}
	return nil
}
