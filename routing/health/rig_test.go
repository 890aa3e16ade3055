package health

import (
	"sync"
	"testing"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// rig is a tracker with a clock and chance of the test.
type rig struct {
	*testing.T
	*Tracker
	mu       sync.Mutex
	at       time.Time
	chance   float64
	settings settings.Settings
	changes  int
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, at: time.Now(), chance: 0.5} // in the middle: no jitter
	r.settings = settings.Settings{Resilience: settings.DefaultResilience()}
	r.restart()
	return r
}

// restart begins a new run of the program.
func (r *rig) restart() {
	r.Tracker = New(Options{
		Now: r.clock, Rand: func() float64 { return r.chance },
		Settings: func() *settings.Settings { return &r.settings },
		Changed:  func() { r.changes++ },
	})
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = r.at.Add(d)
}

func fault(k llm.Kind) *llm.Error {
	return &llm.Error{Kind: k, Provider: "p", Status: 500, Message: "it said so"}
}

func limited(after time.Duration) *llm.Error {
	e := fault(llm.RateLimited)
	e.RetryAfter = after
	return e
}

// enter must be let in.
func (r *rig) enter(t *Target) *Pass {
	r.Helper()
	p, ok := t.Enter(r.clock(), false, 0)
	if !ok {
		r.Fatalf("not let in: %+v", t.Standing(r.clock()))
	}
	return &p
}

// ask sends one request that ends at once.
func (r *rig) ask(t *Target, err *llm.Error) {
	r.Helper()
	r.enter(t).Done(Outcome{Err: err})
}

// asks sends n of them.
func (r *rig) asks(n int, t *Target, err *llm.Error) {
	r.Helper()
	for range n {
		r.ask(t, err)
	}
}

// is checks the standing, and that Ready and Enter agree with it.
func (r *rig) is(t *Target, cause Cause, wait time.Duration) {
	r.Helper()
	now := r.clock()
	s := t.Standing(now)
	if s.Cause != cause || s.Wait != wait || s.Ready != (cause == "") || !s.Ready && !s.Until.Equal(now.Add(wait)) {
		r.Fatalf("it stands %+v, want %q for %s", s, cause, wait)
	}
	if t.Ready(now) != s.Ready {
		r.Fatalf("Ready is %t where Standing says %+v", t.Ready(now), s)
	}
	p, ok := t.Enter(now, false, 0)
	p.Done(Outcome{Err: fault(llm.ClientGone)})
	if ok != s.Ready {
		r.Fatalf("Enter is %t where Standing says %+v", ok, s)
	}
}

func (r *rig) remote() *Target { return r.Target("p", false, []string{"k1"}, "m") }
