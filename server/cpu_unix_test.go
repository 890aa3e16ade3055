//go:build unix

package server

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used so far: on a shared machine it carries over, elapsed time does not.
func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
