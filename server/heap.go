package server

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// PaceHeap says how far the heap may grow between two collections, by how much of it is alive. A quiet gateway keeps a
// few MB and allocates much per request, so that Go's own pace of 100 % costs a tenth of all its CPU; with a thousand
// open streams the same headroom would be most of the memory. It does nothing where the person set GOGC.
func PaceHeap() {
	if os.Getenv("GOGC") != "" {
		return
	}
	p := &pace{sample: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.collected()
}

// pace is told of each collection by a finalizer, which sets itself anew.
type pace struct {
	sample  []metrics.Sample
	percent int
}

// headroom is the pace for what is alive.
func headroom(live uint64) int {
	switch {
	case live < 12<<20:
		return 200
	case live < 24<<20:
		return 100
	}
	return 25
}

func (p *pace) collected() {
	metrics.Read(p.sample)
	if want := headroom(p.sample[0].Value.Uint64()); want != p.percent {
		p.percent = want
		debug.SetGCPercent(want) // stops the world for a moment, so only where it changes
	}
	runtime.SetFinalizer(&sentinel{p}, func(s *sentinel) { s.p.collected() })
}

// sentinel is garbage as soon as it is made, so the next collection finds it.
type sentinel struct{ p *pace }
