package health

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// shut is a gate that no time opens: one request is trying.
const shut = math.MaxInt64

// breaker keeps requests from a provider that fails. It is closed, or open until a time, or, from then on, half open:
// then one request at a time tries. Only its gate may be read without the provider's lock.
//
// An outcome counts only for the state it began in: what was sent before the breaker opened says nothing about how the
// provider is now.
type breaker struct {
	gate atomic.Int64 // from when on requests may pass: 0 where it is closed, shut while one tries

	open     bool // or half open
	until    int64
	trial    uint64  // pass that tries, 0: none
	since    uint64  // the change that began this state
	level    int     // how often it opened since the last success
	failures []int64 // times of those that count, oldest first; kept while it is open, for people
	last     *llm.Error
}

// jitter is how much the time of an open breaker may be off, in parts of it: so that many programs which lost the same
// provider do not come back in step.
const jitter = 0.15

func (b *breaker) set() {
	switch {
	case !b.open:
		b.gate.Store(0)
	case b.trial != 0:
		b.gate.Store(shut)
	default:
		b.gate.Store(b.until)
	}
}

// try makes a pass the one that tries.
func (b *breaker) try(seq uint64) {
	b.trial = seq
	b.set()
}

// leave frees the place of the one that tries, without a verdict.
func (b *breaker) leave(seq uint64) {
	if b.trial == seq {
		b.trial = 0
		b.set()
	}
}

// fail counts the failure of a pass and reports whether that changed the breaker. change is the number of the change.
func (b *breaker) fail(seq, change uint64, at int64, e *llm.Error, t *settings.Breaker, local bool, chance float64) bool {
	switch {
	case !t.Enabled:
		return b.close(change)
	case b.trial == seq:
		b.trial, b.last = 0, e
		if at >= b.until {
			b.opens(change, at, t, chance)
			return true
		}
		b.set() // it was forced in before the wait was over: the wait stays what was promised
		return true
	case b.open || seq < b.since:
		return false
	}
	b.count(change, at, e, t, local, chance)
	return true
}

// count adds a failure to those of a closed breaker.
func (b *breaker) count(change uint64, at int64, e *llm.Error, t *settings.Breaker, local bool, chance float64) {
	most := max(1, t.Failures)
	if local {
		most = max(1, t.LocalFailures)
	}
	b.last = e
	b.failures = append(b.recent(at, t.Window), at)
	if len(b.failures) >= most {
		b.opens(change, at, t, chance)
	}
}

// recent drops the failures that have left the window and returns the others.
func (b *breaker) recent(at int64, window time.Duration) []int64 {
	b.failures = slices.DeleteFunc(b.failures, func(then int64) bool { return at-then >= int64(window) })
	return b.failures
}

func (b *breaker) opens(change uint64, at int64, t *settings.Breaker, chance float64) {
	wait := min(float64(t.Open)*math.Pow(2, float64(b.level)), float64(t.Longest))
	wait *= 1 - jitter + 2*jitter*chance
	b.open, b.since = true, change
	b.until = at + max(1, int64(min(wait, float64(t.Longest))))
	b.level++
	b.set()
}

// succeed takes the success of a pass and reports whether it closed the breaker. Only a whole answer ends the doubling:
// a provider that begins and breaks, again and again, is not well.
func (b *breaker) succeed(seq, change uint64, whole bool) bool {
	tried := b.trial != 0 && b.trial == seq
	if tried {
		b.close(change)
	}
	if whole && (tried || !b.open && seq > b.since) {
		b.level = 0
	}
	return tried
}

// close reports whether it was open. The doubling goes on where it was.
func (b *breaker) close(change uint64) bool {
	was := b.open
	b.failures = nil
	if was {
		b.open, b.trial, b.until, b.since = false, 0, 0, change
		b.set()
	}
	return was
}

// hasten ends the wait: the next request tries. What was counted by a closed breaker counts no more.
func (b *breaker) hasten(at int64) {
	if !b.open {
		b.failures = nil
	}
	b.shorten(at)
}

// shorten bounds the wait.
func (b *breaker) shorten(until int64) {
	if b.open {
		b.until = min(b.until, until)
		b.set()
	}
}

func (b *breaker) block(at int64) block {
	switch {
	case b.trial != 0:
		return block{max(b.until, at+int64(trialWait)), Trying, b.last}
	case b.open && b.until > at:
		return block{b.until, BreakerOpen, b.last}
	}
	return block{}
}
