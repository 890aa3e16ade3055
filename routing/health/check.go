package health

import (
	"sync/atomic"
	"time"

	"localrouter/providers/llm"
)

const (
	// slowCheck is how long a healthy provider takes at most for a free call.
	slowCheck = 2 * time.Second
	// verdictStands is how long the verdict of a check holds at least where no other follows.
	verdictStands = 2 * time.Minute
)

// check is what the last health check found.
type check struct {
	sick, slow atomic.Int64 // until when the verdict holds that it is unhealthy, or degraded
	took       average
	cause      Cause
	last       *llm.Error
}

// clear forgets the verdict and reports whether there was one.
func (c *check) clear() bool {
	if c.sick.Load() == 0 && c.slow.Load() == 0 {
		return false
	}
	c.sick.Store(0)
	c.slow.Store(0)
	c.cause, c.last = "", nil
	return true
}

// Checked tells how a health check by a free call went. It decides what the provider is called, and orders, but it does
// not keep requests away by itself:
//
//   - A success closes no breaker: that models can be listed does not mean that they answer. But where the breaker is
//     open because nobody was there, it ends the wait, so that the next request tries. Its time stands for a first token
//     where none has been measured at the provider.
//   - A refused connection counts as one failure of a closed breaker, because a request would have met the same.
//   - Everything else, 429 above all, marks nothing: a check must not make worse what it watches.
//
// A check that the gateway itself ended says nothing.
func (t *Tracker) Checked(name string, err *llm.Error, took time.Duration) {
	p := t.provider(name)
	at := t.present()
	limits := t.resilience(name)
	until := at + int64(max(verdictStands, 3*limits.Health.Interval))
	p.mu.Lock()
	before := p.check.cause
	open := p.breaker.open
	p.checkedLocked(at, until, brief(err), took)
	if err != nil && err.Kind == llm.Unreachable && limits.Breaker.Enabled && !p.breaker.open {
		p.breaker.count(p.next(), at, brief(err), &limits.Breaker, p.local, t.rand())
	}
	changed := before != p.check.cause || open || p.breaker.open
	p.mu.Unlock()
	if changed {
		t.changed()
	}
}

func (p *provider) checkedLocked(at, until int64, err *llm.Error, took time.Duration) {
	c := &p.check
	if err != nil && markOf(err.Kind) == marksNothing {
		return
	}
	c.clear()
	if err == nil {
		c.took.add(at, float64(took))
		if p.breaker.last != nil && p.breaker.last.Kind == llm.Unreachable {
			p.breaker.hasten(at)
		}
		if took > slowCheck {
			c.slow.Store(until)
			c.cause = Slow
		}
		return
	}
	c.last = err
	switch err.Kind {
	case llm.Unreachable, llm.Redirected:
		c.sick.Store(until)
		c.cause = Unreachable
	case llm.ProviderAuth:
		c.sick.Store(until)
		c.cause = KeyRefused
	case llm.RateLimited, llm.Quota:
		c.slow.Store(until)
		c.cause = RateLimited
	case llm.Timeout:
		c.slow.Store(until)
		c.cause = Slow
	case llm.ProviderFailed, llm.Broken:
		c.slow.Store(until)
		c.cause = Failing
	}
}
