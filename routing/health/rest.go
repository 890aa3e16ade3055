package health

import (
	"sync/atomic"
	"time"

	"localrouter/providers/llm"
)

// Cause says why a target may not be tried.
type Cause string

// The causes. The last five stand in a Report only: they keep nobody from trying.
const (
	BreakerOpen  Cause = "breaker_open"
	Trying       Cause = "trying" // one request finds out whether it is back
	RateLimited  Cause = "rate_limited"
	QuotaUsed    Cause = "quota"
	KeyRefused   Cause = "key_refused"
	ModelUnknown Cause = "model_unknown"

	Unreachable Cause = "unreachable" // a health check found nobody there
	Slow        Cause = "slow"        // a health check took long
	Failing     Cause = "failing"     // a health check or requests of late failed
	Busy        Cause = "busy"        // requests stand in line for it
	WarmingUp   Cause = "warming_up"  // a local one has been silent since it was asked: it loads a model
)

const (
	// silence is how long a local provider may take to begin before it is said to be warming up.
	silence = 3 * time.Second
	// ceiling is the longest that anything rests.
	ceiling = 15 * time.Minute
	// unknownRest is how long a model rests that the provider does not know: somebody may just be loading it there.
	unknownRest = 5 * time.Minute
	// limitedRest is the first rest after a rate limit of which the provider does not say how long it lasts.
	limitedRest = 15 * time.Second
	// trialWait is what others are told to wait while one request tries.
	trialWait = time.Second
)

// longest is the ceiling of a rest for that cause, 0 for what is no cause of a rest.
func (c Cause) longest() time.Duration {
	switch c {
	case RateLimited, QuotaUsed, KeyRefused:
		return ceiling
	case ModelUnknown:
		return unknownRest
	}
	return 0
}

// rest is the cool-down of a credential, of a model, or of a model with a credential. Only its gate may be read without
// the provider's lock. After a credential's rest one request tries first; the others' ends for all.
type rest struct {
	gate atomic.Int64 // from when on requests may pass: 0 where it does not rest, shut while one tries

	cause Cause
	until int64  // stays when it is over, until something succeeds: then the next rest is longer
	since uint64 // the change that began it
	trial uint64 // pass that tries, 0: none
	level int    // how many came one after another
	last  *llm.Error
}

func (r *rest) set() {
	if r.trial != 0 {
		r.gate.Store(shut)
	} else {
		r.gate.Store(r.until)
	}
}

func (r *rest) try(seq uint64) {
	r.trial = seq
	r.set()
}

// leave frees the place of the one that tries, without a verdict.
func (r *rest) leave(seq uint64) {
	if r.trial == seq {
		r.trial = 0
		r.set()
	}
}

// begin makes it rest. What was sent before the last rest began says nothing new, and what was let in against it leaves
// its end where it was promised.
func (r *rest) begin(seq, change uint64, at int64, cause Cause, wait time.Duration, e *llm.Error) bool {
	if seq < r.since {
		return false
	}
	r.last = e
	if at < r.until && r.cause == cause {
		return true
	}
	r.cause, r.until, r.since = cause, at+int64(wait), change
	r.level++
	r.set()
	return true
}

// limit makes it rest after a rate limit: for as long as the provider said, else longer each time.
func (r *rest) limit(seq, change uint64, at int64, e *llm.Error) bool {
	said := min(e.RetryAfter, ceiling)
	switch {
	case seq < r.since: // sent before this rest began: it may only be longer
		if said <= 0 || at+int64(said) <= r.until {
			return false
		}
		r.until, r.last = at+int64(said), e
		r.set()
		return true
	case at < r.until: // let in against the rest: the newer word holds, and it is not one more refusal
		r.last = e
		if said > 0 {
			r.until = at + int64(said)
			r.set()
		}
		return true
	}
	wait := said
	if wait <= 0 {
		wait = min(limitedRest<<min(r.level, 10), ceiling)
	}
	return r.begin(seq, change, at, RateLimited, wait, e)
}

// succeed ends the rest if the pass was sent since it began, and reports whether there was one.
func (r *rest) succeed(seq uint64) bool {
	if r.until == 0 || seq < r.since {
		return false
	}
	r.cause, r.until, r.trial, r.level, r.last = "", 0, 0, 0, nil
	r.set()
	return true
}

// end ends the rest at once, and what was sent before no longer counts. A request that tries goes on.
func (r *rest) end(change uint64) {
	r.until, r.level, r.since = 0, 0, change
	r.set()
}

// block is what keeps a request away, and until when. The zero value keeps nobody.
type block struct {
	until int64
	cause Cause
	last  *llm.Error
}

func (r *rest) block(at int64) block {
	switch {
	case r.trial != 0:
		return block{max(r.until, at+int64(trialWait)), Trying, r.last}
	case r.until > at:
		return block{r.until, r.cause, r.last}
	}
	return block{}
}
