package routing_test

import (
	"slices"
	"time"

	"localrouter/providers/llm"
)

// watch is a naive breaker of one provider, fed with the outcomes that the provider delivered. It knows two bounds of
// the truth: surely open, from what no reading of the rules can deny, and perhaps open, from all that may count.
type watch struct {
	place *place

	open       bool            // surely
	since      time.Duration   // when it surely opened
	generation int             // raised when it surely opens and closes
	failures   []time.Duration // counted since it closed
	alone      int             // requests inside that began while it was open

	perhaps bool            // open, perhaps
	closed  time.Duration   // when it last was no longer
	doubts  []time.Duration // failures that may count
	opened  time.Duration   // when it last opened, perhaps
	last    time.Duration   // the last failure that may count
	inside  int             // requests that have not come to an outcome

	rests []*rest
}

// rest is a time for which a credential, or a model with it, asked to be left alone.
type rest struct {
	credential, model string // an empty model: all
	from, until       time.Duration
	sure              bool // the time was said
	over              bool // an answer has ended it
	alone             int  // requests inside that began within it
}

func (r *rest) about(credential, model string) bool {
	return (r.credential == "" || r.credential == credential) && (r.model == "" || r.model == model)
}

// tries reports whether one request tries when it is over, while others wait: so it is after a credential's.
func (r *rest) tries() bool { return r.model == "" && !r.over }

func counted(kind llm.Kind) bool {
	switch kind {
	case llm.Unreachable, llm.ProviderFailed, llm.Broken, llm.Timeout:
		return true
	}
	return false
}

func (w *watch) threshold() int {
	switch {
	case w.place.failures > 0:
		return w.place.failures
	case w.place.local:
		return 2
	}
	return 5
}

const (
	breakerWindow = 30 * time.Second
	leastOpen     = 12 * time.Second // the least time that a breaker stays open, with all of its jitter
	fairTime      = 30 * time.Second // a provider that is given less has not failed
)

func (w *watch) enterLocked(d *day, v *visit) {
	w.inside++
	v.generation, v.doubtful = w.generation, w.perhaps
	if w.open {
		if w.alone > 0 {
			d.problemLocked(checkOpen, v.trip, "%s is open after its failures and has %d more requests inside, at %v", w.place.name, w.alone, v.at)
		}
		w.alone++
		v.alone = true
		if v.at < w.since+leastOpen {
			d.turnedAwayLocked(v, "is open")
		}
	}
	for _, r := range w.rests {
		if r.sure && !r.over && v.at < r.until && r.about(v.credential, v.model) {
			if r.alone > 0 {
				d.problemLocked(checkOpen, v.trip, "%s/%s rests until %v and has %d more requests inside, at %v", w.place.name, v.model, r.until, r.alone, v.at)
			}
			r.alone++
			v.resting = append(v.resting, r)
			d.turnedAwayLocked(v, "rests")
		}
	}
}

// turnedAwayLocked notes a request at a target that is to be left alone, although another could have been asked.
func (d *day) turnedAwayLocked(v *visit, what string) {
	t := v.trip
	if t.explicit() || d.now.Load() != t.version || v.at-t.at > time.Minute {
		return
	}
	for _, o := range d.capable(t) {
		name := o.Source.Name + "/" + o.Model.ID
		tried := slices.ContainsFunc(t.visits, func(u *visit) bool {
			return u.place.name == o.Source.Name || u.kind == llm.ContextTooLong && o.Model.ContextLength <= u.context()
		})
		if o.Source.Name != v.place.name && !tried && !t.down[name] && !t.busy[o.Source.Name] {
			d.problemLocked(checkOpen, t, "%s/%s %s and was asked at %v while %s was free", v.place.name, v.model, what, v.at, name)
			return
		}
	}
}

// leaveLocked takes in the outcome of a visit.
func (w *watch) leaveLocked(d *day, v *visit, kind llm.Kind, retry time.Duration) {
	now := d.time()
	w.inside--
	if v.alone {
		w.alone--
	}
	for _, r := range v.resting {
		r.alone--
		if kind == "" || kind == llm.RateLimited {
			r.sure = false // it was tried: it is well again, or what it says now counts
		}
	}
	switch {
	case kind == llm.ClientGone: // says nothing about anybody
	case counted(kind):
		w.failLocked(v, kind, now)
	default:
		if w.open || v.doubtful { // it may have been the one that tried
			w.close()
		}
		w.restLocked(v, kind, retry, now)
	}
}

// brokeLocked takes in that an answer broke after its beginning.
func (w *watch) brokeLocked(d *day, v *visit, kind llm.Kind) {
	if counted(kind) {
		w.failLocked(v, kind, d.time())
	}
}

// provedLocked takes in a whole answer: whoever was open before it began is closed.
func (w *watch) provedLocked(v *visit, now time.Duration) {
	if v.at >= w.opened && w.perhaps {
		w.perhaps, w.closed = false, now
	}
	for _, r := range w.rests {
		if v.at >= r.from && r.credential == v.credential && r.about(v.credential, v.model) {
			r.until, r.over = min(r.until, now), true
		}
	}
}

func (w *watch) close() {
	w.open, w.failures = false, nil
	w.generation++
}

func (w *watch) failLocked(v *visit, kind llm.Kind, now time.Duration) {
	// A router may cut an attempt whose request has no time left. That says nothing of the provider.
	if kind == llm.Timeout && now-v.at < fairTime {
		return
	}
	w.last = now
	recent := func(list []time.Duration) []time.Duration {
		return append(slices.DeleteFunc(list, func(at time.Duration) bool { return at <= now-breakerWindow }), now)
	}
	w.doubts = recent(w.doubts)
	if len(w.doubts) >= w.threshold() || w.perhaps && v.at >= w.opened {
		w.perhaps, w.opened = true, now
	}
	if !w.open && v.generation == w.generation {
		if w.failures = recent(w.failures); len(w.failures) >= w.threshold() {
			w.open, w.since = true, now
			w.generation++
		}
	}
}

// restLocked takes in an outcome that keeps requests from a credential or a model.
func (w *watch) restLocked(v *visit, kind llm.Kind, retry time.Duration, now time.Duration) {
	r := &rest{credential: v.credential, model: v.model, from: now, until: now + mostRest}
	switch kind {
	case llm.RateLimited:
		if retry > 0 {
			r.until, r.sure = now+min(retry, mostRest), true
		}
	case llm.Quota, llm.ProviderAuth:
		r.model, r.sure = "", true
	case llm.ModelNotFound:
		r.credential = ""
	default:
		return
	}
	// What comes while it rests need not move the end that was promised.
	if slices.ContainsFunc(w.rests, func(o *rest) bool { return o.sure && now < o.until && o.about(v.credential, v.model) }) {
		r.sure = false
	}
	w.rests = append(slices.DeleteFunc(w.rests, func(o *rest) bool { return o.until <= now-time.Hour && o.alone == 0 && !o.tries() }), r)
}

// mayRest reports whether there was anything since a time that can keep a request from the provider's model.
func (w *watch) mayRest(model string, since time.Duration) bool {
	if w.perhaps && (since < w.last+mostOpen || w.inside > 0) || w.closed > 0 && w.closed >= since {
		return true
	}
	return slices.ContainsFunc(w.rests, func(r *rest) bool {
		return (since <= r.until || r.tries() && w.inside > 0) && (r.model == "" || r.model == model)
	})
}
