package settings

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fullFile is a file on a disk without room.
type fullFile struct {
	tempFile
	writes, syncs bool
}

var errNoSpace = errors.New("no space left on device")

func (f fullFile) Write(p []byte) (int, error) {
	if f.writes {
		n, _ := f.tempFile.Write(p[:len(p)/2])
		return n, errNoSpace
	}
	return f.tempFile.Write(p)
}

func (f fullFile) Sync() error {
	if f.syncs {
		return errNoSpace
	}
	return f.tempFile.Sync()
}

func TestFullDiskFailsTheSaveAndLeavesTheOldFile(t *testing.T) {
	for _, full := range []fullFile{{writes: true}, {syncs: true}} {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		s := openStore(t, path)
		real := s.disk.create
		s.disk.create = func(dir, pattern string) (tempFile, error) {
			f, err := real(dir, pattern)
			return fullFile{f, full.writes, full.syncs}, err
		}
		was := s.Get()
		err := s.Update(setPort(1))
		if !errors.Is(err, errNoSpace) || !strings.Contains(err.Error(), "the old ones stay") {
			t.Errorf("got %v", err)
		}
		if s.Get() != was || read(t, path) != defaultFile || read(t, path+".bak") != defaultFile {
			t.Error("something changed")
		}
		if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 2 {
			t.Errorf("a temp file was left: %v", names)
		}
		s.disk = osDisk()
		if err := s.Update(setPort(1)); err != nil {
			t.Errorf("with room again: %v", err)
		}
	}
}

func TestWriteFileReplacesInOneStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, data := range [][]byte{[]byte("one"), bytes.Repeat([]byte("x"), 1<<20), {}} {
		if err := WriteFile(path, data); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != string(data) {
			t.Errorf("got %d bytes, want %d", len(got), len(data))
		}
		if info, _ := os.Stat(path); filepath.Separator == '/' && info.Mode().Perm() != 0o600 {
			t.Errorf("got mode %v", info.Mode())
		}
	}
	if err := WriteFile(t.TempDir(), nil); err == nil {
		t.Error("a folder was overwritten")
	}
	if err := WriteFile(filepath.Join(t.TempDir(), "missing", "f"), nil); err == nil {
		t.Error("a missing folder was no error")
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(path, nil); err == nil || !strings.Contains(err.Error(), "another user") {
			t.Errorf("got %v, want the foreign file refused", err)
		}
	}
}

func TestLeftTempFilesAreSweptAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	old, young := filepath.Join(filepath.Dir(path), ".settings.yaml.tmp-1"), filepath.Join(filepath.Dir(path), ".settings.yaml.tmp-2")
	put(t, old, "x")
	put(t, young, "x")
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	openStore(t, path)
	if _, err := os.Stat(old); err == nil {
		t.Error("the old one is still there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("the young one, perhaps another program's, is gone")
	}
}
