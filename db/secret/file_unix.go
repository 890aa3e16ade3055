//go:build unix

package secret

import (
	"io/fs"
	"os"
	"syscall"
)

// ours reports whether the file belongs to the user that runs the program.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

func private(info fs.FileInfo) bool { return info.Mode().Perm() == 0o600 }

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
