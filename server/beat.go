package server

import (
	"sync"
	"time"
)

// beatEvery is how long a stream may be silent before the application hears that it still lives: Claude Code gives up
// after 300 s without a byte, and proxies between earlier.
const beatEvery = 15 * time.Second

// beat sends a dialect's keep-alive while the provider is silent. All its methods accept nil.
type beat struct {
	mu    sync.Mutex // guards the fields below, and writing to the application as long as the beat lives
	x     *exchange
	event []byte
	timer *time.Timer
	last  time.Time
	ended bool
}

func startBeat(x *exchange, event []byte) *beat {
	b := &beat{x: x, event: event, last: time.Now()}
	b.mu.Lock() // the timer's field is set before it can fire
	b.timer = time.AfterFunc(beatEvery, b.fire)
	b.mu.Unlock()
	return b
}

func (b *beat) fire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	left := beatEvery - time.Since(b.last)
	if left <= 0 {
		b.x.ResponseWriter.Write(b.event) // a failure means that the application is gone, which the context tells
		b.x.flush()
		b.last, left = time.Now(), beatEvery
	}
	b.timer.Reset(left)
}

// lock and unlock stand around every write to the application.
func (b *beat) lock() {
	if b != nil {
		b.mu.Lock()
	}
}

func (b *beat) unlock() {
	if b != nil {
		b.last = time.Now()
		b.mu.Unlock()
	}
}

// stop ends the beat. After it nobody but the handler writes.
func (b *beat) stop() {
	if b == nil {
		return
	}
	b.timer.Stop()
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
}
