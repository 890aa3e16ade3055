package server

import (
	"math/bits"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"localrouter/providers/llm"
)

const (
	// largeBody is the size from which a body's memory is used again for the next one, and given back to the system
	// once things are quiet. Smaller ones the garbage collector handles as cheaply.
	largeBody = 64 << 10
	// spareMax is how much memory waits for the next large body.
	spareMax = 32 << 20
	// looseMax is how much may lie around, spare or garbage, before it is worth a collection to give it back.
	looseMax = 8 << 20
	quiet    = time.Second
)

// memory bounds what all buffered bodies take together, and keeps the large ones for use again: for a picture of 2 MB
// a fresh buffer costs more than everything else that the gateway does.
type memory struct {
	used atomic.Int64

	mu      sync.Mutex // guards the fields below
	spare   map[int][][]byte
	spared  int // bytes in spare
	loose   int // bytes let go since the last rest
	timer   *time.Timer
	stopped bool
}

// sizeClass rounds up to one of four sizes between powers of two.
func sizeClass(n int) int {
	step := max(1, 1<<(bits.Len(uint(n-1))-1)/4)
	return (n + step - 1) / step * step
}

// take gives a buffer of at least n bytes. It holds what the last body left in it.
func (m *memory) take(n int) []byte {
	class := sizeClass(n)
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.spare[class]
	if len(list) == 0 {
		return make([]byte, class)
	}
	b := list[len(list)-1]
	list[len(list)-1] = nil
	m.spare[class] = list[:len(list)-1]
	m.spared -= class
	return b
}

// give takes a buffer back that nobody reads any more.
func (m *memory) give(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if class := cap(b); !m.stopped && m.spared+class <= spareMax {
		if m.spare == nil {
			m.spare = map[int][][]byte{}
		}
		m.spare[class] = append(m.spare[class], b[:class])
		m.spared += class
	}
	m.restLocked(cap(b))
}

// dropped notes that n bytes were left to the garbage collector.
func (m *memory) dropped(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.restLocked(int(n))
}

// restLocked arranges that the pages go back to the system once no large body has come for a second. Go alone would
// keep them for minutes.
func (m *memory) restLocked(n int) {
	m.loose += n
	switch {
	case m.stopped || m.loose < looseMax:
	case m.timer == nil:
		m.timer = time.AfterFunc(quiet, m.rest)
	default:
		m.timer.Reset(quiet)
	}
}

func (m *memory) rest() {
	m.mu.Lock()
	m.spare, m.spared, m.loose = nil, 0, 0
	m.mu.Unlock()
	debug.FreeOSMemory()
}

func (m *memory) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped, m.spare, m.spared = true, nil, 0
	if m.timer != nil {
		m.timer.Stop()
	}
}

// hold takes n bytes more from the cap for this request.
func (x *exchange) hold(n int64) *llm.Error {
	if x.g.memory.used.Add(n) > x.g.Settings().Server.BufferBytes {
		x.g.memory.used.Add(-n)
		return overloaded()
	}
	x.held += n
	return nil
}

// letGo gives back what the body holds of the cap, and leaves its memory to the garbage collector: the provider's
// client may still look at it. It may be called twice.
func (x *exchange) letGo() {
	if x.held == 0 {
		return
	}
	x.g.memory.used.Add(-x.held)
	if x.held >= largeBody && x.buffer == nil {
		x.g.memory.dropped(x.held)
	}
	x.held = 0
}

// reuse gives the body's buffer to the next large body. No attempt runs any more, and a provider reads no body after
// that.
func (x *exchange) reuse() {
	if x.buffer != nil {
		x.g.memory.give(x.buffer)
		x.buffer = nil
	}
}
