package health

import (
	"testing"
	"time"
	"unsafe"
)

// setWall is now with its wall clock set by jump and the monotonic one untouched: what time.Now returns after somebody
// set the clock, and what no function of package time makes. The first word holds the wall seconds above 30 bits.
func setWall(t *testing.T, now time.Time, jump time.Duration) time.Time {
	t.Helper()
	set := now
	*(*uint64)(unsafe.Pointer(&set)) += uint64(int64(jump/time.Second)) << 30
	if set.Round(0).Sub(now.Round(0)) != jump || set.Sub(now) != 0 {
		t.Fatalf("the clock was not set: wall %s, monotonic %s", set.Round(0).Sub(now.Round(0)), set.Sub(now))
	}
	return set
}
