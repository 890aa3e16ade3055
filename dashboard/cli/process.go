package cli

import (
	"os"
	"runtime"
	"syscall"
)

// alive reports whether pid is a running process of this user. On Windows opening the process is the test; elsewhere
// the null signal is, which another user's process refuses.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer p.Release()
	return runtime.GOOS == "windows" || p.Signal(syscall.Signal(0)) == nil
}
