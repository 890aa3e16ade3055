package routing

import (
	"cmp"
	"context"
	"math"
	"time"

	"localrouter/providers/llm"
)

// progress is how far a journey has come with one target.
type progress struct {
	credentials uint64 // tried, by index
	tried       bool
	busy        bool          // it was passed by because it was busy: the next time the request stands in line for it
	repeats     int           // of asLast
	waited      bool          // afterWait was used
	pause       time.Duration // to wait before it is tried again
	again       bool          // it may be tried again where no other is left
	ready       time.Time     // when its provider wants to be asked again; zero: it did not say
}

// The pauses before a target is tried again: they double from the first to the longest, and chance takes a part of each.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 2 * time.Second
)

// travel tries the targets until one answers or none is left.
func (j *journey) travel(ctx context.Context) *llm.Error {
	at, failed, what := 0, 0, course{next: true}
	for {
		e, entered := j.attempt(ctx, at)
		if e == nil {
			return nil
		}
		// One that could not be asked changes nothing in what may follow the last that was.
		what.credential = false
		if entered {
			failed = at
			j.keepBest(e)
			if ctx.Err() != nil || j.committed {
				return j.finish(e)
			}
			what = j.judge(at, e)
		}
		if len(j.attempts) >= j.most() {
			return j.finish(e)
		}
		if at = j.following(failed, what); at < 0 {
			return j.finish(e)
		}
		if !j.pause(ctx, at) {
			return j.finish(e)
		}
	}
}

// most is how many attempts the request may have.
func (j *journey) most() int {
	n := j.conf.Resilience.Attempts
	if router := j.meaning.router; router != nil {
		n = cmp.Or(router.Fallback.Attempts, n)
	} else {
		n = cmp.Or(j.conf.ResilienceOf(j.meaning.target.Source.Name).Attempts, n)
	}
	return max(n, 1)
}

// judge says what may follow the failure of a target, and notes it.
func (j *journey) judge(at int, e *llm.Error) course {
	what, p := courseOf(e), &j.states[at]
	if e.RetryAfter > 0 {
		again := p.waited || p.repeats > 0 // then what it said before is over; else another credential may come sooner
		if ready := j.r.now().Add(e.RetryAfter); again || p.ready.IsZero() || ready.Before(p.ready) {
			p.ready = ready
		}
	}
	switch {
	case j.c.Request.Rest != nil: // what was read of an upload is gone: it can be sent once
		return course{}
	case j.forced: // another credential may have come back meanwhile
		return course{credential: what.credential}
	}
	if what.again == asLast && j.failures(j.order[at].Source.Name) > 1 {
		what.provider = true // two of its models failed: it is not the model's trouble, and attempts are few
	}
	if what.larger {
		j.floor = max(j.floor, j.order[at].context)
		if j.order[at].context <= 0 {
			j.floor = math.MaxInt64 // no window is known to be larger than one that is not known
		}
	}
	if e.Kind == llm.ContentPolicy && j.meaning.router != nil && j.meaning.router.Fallback.ContentPolicy {
		what.next = true
	}
	switch {
	case what.again == afterWait && !p.waited:
		p.waited, p.pause = true, e.RetryAfter
	case what.again == asLast && p.repeats < j.conf.ResilienceOf(j.order[at].Source.Name).Retries:
		p.again = true
	}
	return what
}

// failures counts the attempts at a provider. All of them failed, or there would be an answer.
func (j *journey) failures(provider string) (n int) {
	for i := range j.attempts {
		if j.attempts[i].Provider == provider {
			n++
		}
	}
	return n
}

// following finds the target that is tried next: the same one after the short wait its provider named, its next
// credential, the next target, or, where no other is left, one that may be tried again. -1: none.
func (j *journey) following(at int, what course) int {
	p := &j.states[at]
	if p.pause > 0 {
		return at
	}
	if what.credential && j.spare(at) {
		j.forced = false
		return at
	}
	if what.next && (j.mayFallBack() || j.meaning.router != nil && len(j.attempts) == 0) { // nobody was asked yet: that is no fallback
		if next := j.untried(at, what.provider); next >= 0 {
			return next
		}
	}
	if !what.next {
		return -1
	}
	for step := range len(j.order) { // the next of those that may be tried again, in order, this one last
		i := (at + 1 + step) % len(j.order)
		if q := &j.states[i]; q.tried && q.again && j.serves(j.order[i]) {
			q.again = false
			q.repeats++
			q.pause = j.backoff(q.repeats)
			return i
		}
	}
	return -1
}

func (j *journey) mayFallBack() bool {
	return j.meaning.router != nil && j.meaning.router.Fallback.Enabled
}

// untried finds the next target that was not tried, -1 where there is none. After a failure that is likely to meet all
// models of a provider those of others come first, and those that are busy last.
func (j *journey) untried(at int, provider bool) int {
	failed := j.order[at].Source
	best, worst := -1, 3
	for i, c := range j.order {
		p := &j.states[i]
		if p.tried || !j.serves(c) {
			continue
		}
		how := 0
		switch {
		case p.busy:
			how = 2
		case provider && c.Source == failed:
			how = 1
		}
		if how < worst {
			best, worst = i, how
		}
	}
	return best
}

// serves reports whether a target still has the time and the room for the request.
func (j *journey) serves(c *candidate) bool {
	return (j.floor == 0 || c.context > j.floor) && j.hasTime(c)
}

// hasTime reports whether the request's clock leaves time for an attempt at c. One without would say nothing about c.
func (j *journey) hasTime(c *candidate) bool {
	if !j.c.Request.Stream {
		return j.r.now().Sub(j.start) < wholeWithin-shortWait
	}
	return c.local || j.remote < j.r.within(c.Source.Name)-shortWait
}

// spare reports whether a target has a credential that was not tried and does not rest.
func (j *journey) spare(at int) bool {
	c, p := j.order[at], &j.states[at]
	n := len(c.Source.Credentials)
	return n > 1 && c.health.Spare(j.r.now(), p.credentials)
}

func (j *journey) backoff(n int) time.Duration {
	most := min(firstPause<<(n-1), longestPause)
	return time.Duration(j.r.chance() * float64(most))
}

// pause waits before a target is tried again, and reports whether the request is still wanted.
func (j *journey) pause(ctx context.Context, at int) bool {
	d := j.states[at].pause
	j.states[at].pause = 0
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		j.keepBest(reason(ctx, ctx.Err()))
		return false
	case <-t.C:
		return true
	}
}

// another reports whether another target waits for its turn.
func (j *journey) another() bool {
	if len(j.attempts) >= j.most() || !j.mayFallBack() {
		return false
	}
	for i, c := range j.order {
		if !j.states[i].tried && j.serves(c) {
			return true
		}
	}
	return false
}

// within is the time to the first content for a provider.
func (r *Router) within(provider string) time.Duration {
	d := contentWithin
	if p := r.settings().Provider(provider); p != nil {
		d = max(d, p.Timeout.FirstByte)
	}
	return d
}
