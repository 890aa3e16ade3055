package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile puts data at path so that a crash leaves the old content or the new, never half: a temporary file in the
// same folder, synced, renamed, and the folder synced. The file is for its owner only.
func WriteFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already if all went well
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if errClose := f.Close(); err == nil {
		err = errClose
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	return err
}

// Private makes sure that the file at path is an ordinary one, ours, and readable by nobody else, repairing its mode.
// It fails with fs.ErrNotExist if there is none. A link or another user's file is refused: whoever put it there would
// read what we write.
func Private(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not an ordinary file; move it away and start again", path)
	}
	if !ours(info) {
		return fmt.Errorf("%s belongs to another user; move it away and start again", path)
	}
	if private(info) {
		return nil
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("make %s private: %w", path, err)
	}
	return nil
}
