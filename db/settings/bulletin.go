package settings

import (
	"slices"
	"sync"
)

// bulletin tells subscribers about changes, in order, from one goroutine of its own, so that a slow subscriber never
// holds up a save and may itself save.
type bulletin struct {
	wake chan struct{}
	done chan struct{}

	mu     sync.Mutex // guards the fields below
	queue  []*Settings
	subs   []*subscriber
	closed bool
}

type subscriber struct{ fn func(*Settings) }

func newBulletin() *bulletin {
	b := &bulletin{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.run()
	return b
}

func (b *bulletin) run() {
	defer close(b.done)
	for range b.wake {
		for b.tellNext() {
		}
		b.mu.Lock()
		end := b.closed && len(b.queue) == 0
		b.mu.Unlock()
		if end {
			return
		}
	}
}

// tellNext tells one piece of news and reports whether there was one.
func (b *bulletin) tellNext() bool {
	b.mu.Lock()
	if len(b.queue) == 0 {
		b.mu.Unlock()
		return false
	}
	next := b.queue[0]
	b.queue = b.queue[1:]
	subs := slices.Clone(b.subs)
	b.mu.Unlock()
	for _, sub := range subs {
		b.mu.Lock()
		still := slices.Contains(b.subs, sub)
		b.mu.Unlock()
		if still {
			sub.fn(next)
		}
	}
	return true
}

func (b *bulletin) add(s *Settings) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.queue = append(b.queue, s)
		b.poke()
	}
}

func (b *bulletin) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *bulletin) subscribe(fn func(*Settings)) (cancel func()) {
	sub := &subscriber{fn}
	b.mu.Lock()
	b.subs = append(b.subs, sub)
	b.mu.Unlock()
	return func() {
		b.mu.Lock()
		b.subs = slices.DeleteFunc(b.subs, func(s *subscriber) bool { return s == sub })
		b.mu.Unlock()
	}
}

func (b *bulletin) close() {
	b.mu.Lock()
	b.closed = true
	b.poke()
	b.mu.Unlock()
	<-b.done
}
