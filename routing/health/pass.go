package health

import (
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// Pass is leave for one attempt. Do not copy it once it is in use. The zero Pass does nothing.
type Pass struct {
	Credential int  // which to use, an index into those of the target
	Trial      bool // it finds out whether somebody is back: others wait for how it goes

	target *Target
	seq    uint64 // its number; the fields below are guarded by the provider's lock
	counts uint64 // its number for the breaker, which begins anew where the answer was committed
	done   bool
	silent bool // a stream that has not begun
}

// Outcome is how an attempt ended.
type Outcome struct {
	// Err is nil where the whole answer came. What the application or the gateway itself caused (llm.ClientGone,
	// llm.Stopping and the like) is neither a success nor a failure.
	Err *llm.Error
	// Streamed tells whether FirstToken and Total are those of a stream.
	Streamed bool
	// FirstToken is the time to the first content, Total that to the end. Zero: not known.
	FirstToken, Total time.Duration
	// Output counts tokens. Zero: not known.
	Output int64
}

// mark says what the failure of an attempt is held against.
type mark uint8

const (
	marksNothing  mark = iota // the application's or the gateway's doing
	marksAnswered             // nothing either, but the provider is there and answers
	marksProvider             // its breaker
	marksPair                 // the credential with the model
	marksKey                  // the credential
	marksModel                // the model at the provider
)

// markOf is the column "marks" of the table of outcomes.
func markOf(k llm.Kind) mark {
	switch k {
	case llm.Unreachable, llm.Redirected, llm.ProviderFailed, llm.Broken, llm.Timeout:
		return marksProvider
	case llm.RateLimited:
		return marksPair
	case llm.Quota, llm.ProviderAuth:
		return marksKey
	case llm.ModelNotFound:
		return marksModel
	case llm.ContextTooLong, llm.ContentPolicy, llm.ProviderRejected:
		return marksAnswered
	}
	return marksNothing
}

// Streams tells that a stream is asked for, whose beginning says something: a provider of which none begins is warming up.
// It may be left out.
func (p *Pass) Streams() {
	if p.target == nil {
		return
	}
	pr := p.target.provider
	at := p.target.tracker.latest.Load()
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if p.done || p.silent {
		return
	}
	p.silent = true
	if pr.silent++; pr.silent == 1 {
		pr.since = at
	}
}

// Answered tells that the answer has been committed, so that others need not wait until a long stream that tries is
// over: the provider is back. It may be left out. What breaks later is told by Done, and counts.
func (p *Pass) Answered() {
	if p.target == nil {
		return
	}
	pr := p.target.provider
	pr.mu.Lock()
	changed := false
	if !p.done {
		p.beginLocked(p.target.tracker.latest.Load())
	}
	if !p.done && p.Trial {
		changed = p.succeedLocked(false)
		p.counts = pr.next()
	}
	pr.mu.Unlock()
	if changed {
		p.target.tracker.restsChanged()
	}
}

// Done ends the attempt and tells how it went. Only the first of all calls counts.
func (p *Pass) Done(o Outcome) {
	if p.target == nil {
		return
	}
	t := p.target.tracker
	at := t.present()
	var limits *settings.Resilience
	var why *llm.Error
	if o.Err != nil {
		limits, why = t.resilience(p.target.provider.name), brief(o.Err)
	}
	p.target.provider.mu.Lock()
	changed := false
	if !p.done {
		changed = p.doneLocked(at, &o, why, limits)
	}
	p.target.provider.mu.Unlock()
	if changed {
		t.restsChanged()
	}
}

func (p *Pass) doneLocked(at int64, o *Outcome, why *llm.Error, limits *settings.Resilience) (changed bool) {
	p.done = true
	t, pr := p.target, p.target.provider
	pr.running--
	p.beginLocked(at)
	t.model.running.Add(-1)
	if o.Err == nil {
		t.model.figures.answered(at, o)
		pr.figures.answered(at, o)
		changed = pr.check.clear()
		return p.succeedLocked(true) || changed
	}
	changed = p.failLocked(at, why, limits)
	p.leaveLocked()
	return changed || p.Trial
}

// beginLocked notes that the provider has begun to answer, or that it will not any more.
func (p *Pass) beginLocked(at int64) {
	if pr := p.target.provider; p.silent {
		p.silent = false
		pr.silent--
		pr.since = at
	}
}

// succeedLocked ends what the pass was sent in spite of.
func (p *Pass) succeedLocked(whole bool) bool {
	t, pr := p.target, p.target.provider
	lane := &t.lanes[p.Credential]
	changed := pr.breaker.succeed(p.counts, pr.next(), whole)
	changed = lane.key.succeed(p.seq) || changed
	changed = lane.pair.succeed(p.seq) || changed
	changed = t.model.rest.succeed(p.seq) || changed
	p.leaveLocked()
	return changed
}

// leaveLocked frees the places that the pass still holds.
func (p *Pass) leaveLocked() {
	t, pr := p.target, p.target.provider
	if pr.forced == p.seq {
		pr.forced = 0
	}
	pr.breaker.leave(p.seq)
	t.lanes[p.Credential].key.leave(p.seq)
}

// failLocked marks what the failure is held against.
func (p *Pass) failLocked(at int64, e *llm.Error, limits *settings.Resilience) bool {
	t, pr := p.target, p.target.provider
	what := markOf(e.Kind)
	if what == marksProvider {
		return pr.breaker.fail(p.counts, pr.next(), at, e, &limits.Breaker, pr.local, t.tracker.rand())
	}
	if what == marksNothing {
		return false
	}
	changed := pr.breaker.succeed(p.counts, pr.next(), false) // it answers, whatever it said
	if !limits.Cooldowns {
		return changed
	}
	lane := &t.lanes[p.Credential]
	switch what {
	case marksPair:
		return lane.pair.limit(p.seq, pr.next(), at, e) || changed
	case marksKey:
		lane.key.leave(p.seq)
		cause := QuotaUsed
		if e.Kind == llm.ProviderAuth {
			cause = KeyRefused
		}
		return lane.key.begin(p.seq, pr.next(), at, cause, ceiling, e) || changed
	case marksModel:
		return t.model.rest.begin(p.seq, pr.next(), at, ModelUnknown, unknownRest, e) || changed
	}
	return changed
}
