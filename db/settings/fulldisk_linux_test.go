package settings

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReallyFullDisk(t *testing.T) {
	if !fullRun() || os.Geteuid() != 0 {
		t.Log("not run: mounting a file system of 2 MB needs root and LOCALROUTER_FULL=1 (make full)")
		return
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Log("not run: a tmpfs cannot be mounted here: ", err)
		return
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "settings.yaml")
	s := openStore(t, path)
	fill := filepath.Join(dir, "fill")
	f, err := os.Create(fill)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	f.Close()
	if err := s.Update(setPort(1)); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v", err)
	}
	if read(t, path) != defaultFile || s.Get().Server.Port != 3636 {
		t.Error("something changed")
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(setPort(1)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
