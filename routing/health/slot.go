package health

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

const (
	defaultQueue = 64
	defaultWait  = time.Minute
)

// slots are the places of a provider that takes so many requests at once, and those who wait for one, in order.
type slots struct {
	mu    sync.Mutex // guards all below
	used  int
	most  int // 0: no bound
	queue []*waiter
}

type waiter struct{ granted chan struct{} }

// Slot takes one of most places of a provider, and waits for one in order of arrival where none is free, bounded by q.
// Without a bound (most <= 0) it never waits. waiting, which may be nil, is called with true where it has to wait and
// with false when that is over. release gives the place back; only its first call counts. err is an llm.Overloaded
// where the queue is full or the wait took too long, the cause of ctx where that is one of ours, else llm.ClientGone.
//
// It is to be called before Enter: who waits here must not hold the place of the one that tries.
func (t *Tracker) Slot(ctx context.Context, name string, most int, q settings.Queue, waiting func(bool)) (release func(), err *llm.Error) {
	if ctx.Err() != nil {
		return nil, gone(ctx)
	}
	p := t.provider(name)
	s := &p.slots
	length, wait := q.Length, q.Wait
	if length <= 0 {
		length = defaultQueue
	}
	if wait <= 0 {
		wait = defaultWait
	}
	s.mu.Lock()
	if s.takeLocked(most) {
		s.mu.Unlock()
		return s.releaser(), nil
	}
	if n := len(s.queue); n >= length {
		s.mu.Unlock()
		return nil, p.overloaded(n, most, fmt.Sprintf("and %d are waiting for it", n))
	}
	w := &waiter{make(chan struct{})}
	s.queue = append(s.queue, w)
	s.mu.Unlock()

	if waiting != nil {
		waiting(true)
		defer waiting(false)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-w.granted:
		return s.releaser(), nil
	case <-ctx.Done():
		if !s.leave(w) {
			s.releaser()()
		}
		return nil, gone(ctx)
	case <-timer.C:
		if !s.leave(w) { // granted in the same moment
			return s.releaser(), nil
		}
		return nil, p.overloaded(s.waiting(), most, fmt.Sprintf("and none of them ended within %s", wait))
	}
}

// TrySlot takes one of most places of a provider if one is free and nobody waits for it.
func (t *Tracker) TrySlot(name string, most int) (release func(), ok bool) {
	s := &t.provider(name).slots
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.takeLocked(most) {
		return nil, false
	}
	return s.releaser(), true
}

// takeLocked takes a place if one is free. The bound may be another than before: the settings changed.
func (s *slots) takeLocked(most int) bool {
	s.most = most
	s.grantLocked()
	if s.most > 0 && s.used >= s.most { // always so where somebody waits
		return false
	}
	s.used++
	return true
}

// grantLocked gives free places to those who wait longest.
func (s *slots) grantLocked() {
	for len(s.queue) > 0 && (s.most <= 0 || s.used < s.most) {
		w := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		s.used++
		close(w.granted)
	}
}

func (s *slots) releaser() func() {
	released := false
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if released {
			return
		}
		released = true
		s.used--
		s.grantLocked()
	}
}

// leave takes a waiter out of the queue. It reports false where a place had been granted to it.
func (s *slots) leave(w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.queue, w)
	if i < 0 {
		return false
	}
	s.queue = slices.Delete(s.queue, i, i+1)
	return true
}

func (s *slots) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}

// idle reports whether nobody holds or awaits a place.
func (s *slots) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used == 0 && len(s.queue) == 0
}

// gone says why a wait was given up.
func gone(ctx context.Context) *llm.Error {
	if e, ok := errors.AsType[*llm.Error](context.Cause(ctx)); ok {
		return e
	}
	return &llm.Error{Kind: llm.ClientGone, Status: 499, Message: "The application went away while its request waited", Err: context.Cause(ctx)}
}

// overloaded is the refusal of a queue. When to come back is guessed by how long answers of the provider take.
func (p *provider) overloaded(waiting, most int, why string) *llm.Error {
	after := 5 * time.Second
	if total := p.figures.total.last(); total > 0 {
		after = time.Duration(total * float64(waiting+1) / float64(most))
	}
	requests := "requests"
	if most == 1 {
		requests = "request"
	}
	return &llm.Error{
		Kind: llm.Overloaded, Provider: p.name, Status: 503, Code: "overloaded",
		Message:    fmt.Sprintf("The provider %s takes %d %s at once, %s; try again later, or raise max_parallel or queue of this provider in the settings", p.name, most, requests, why),
		RetryAfter: min(max(after, time.Second), time.Minute),
	}
}
