package server

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestHeapIsPacedByWhatIsAlive: much headroom while little is kept, little while much is.
func TestHeapIsPacedByWhatIsAlive(t *testing.T) {
	t.Setenv("GOGC", "")
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	percent := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	PaceHeap()
	keep := make([]byte, 64<<20)
	eventually(t, "a large heap gets little headroom", func() bool { runtime.GC(); return percent() == 25 })
	runtime.KeepAlive(keep)
	keep = nil
	eventually(t, "a small heap gets much", func() bool { runtime.GC(); return percent() == 200 })
}
