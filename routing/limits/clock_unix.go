//go:build linux || darwin

package limits

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot goes on while the machine sleeps, which Go's own monotonic clock does not: a window of an hour must not last
// over night because the lid was closed.
func sinceBoot() time.Duration {
	var at unix.Timespec
	if unix.ClockGettime(bootClock, &at) != nil {
		return time.Since(started)
	}
	return time.Duration(at.Nano())
}

var started = time.Now()
