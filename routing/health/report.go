package health

import (
	"cmp"
	"slices"
	"time"

	"localrouter/providers/llm"
)

// State is how a provider is, in one word.
type State string

// The states.
const (
	Healthy   State = "healthy" // or nothing bad is known
	Degraded  State = "degraded"
	Unhealthy State = "unhealthy"
)

// SickAt reports whether the last free call found nobody at the target's provider, or its key refused: an order of candidates
// may put it behind the others. It takes no lock.
func (t *Target) SickAt(moment Moment) bool { return t.provider.check.sick.Load() > int64(moment) }

// Report is how a provider stands, for people.
type Report struct {
	Provider string
	State    State
	Cause    Cause      // of the state; empty where it is healthy
	Until    time.Time  // when what keeps requests away ends; zero where nothing does
	Last     *llm.Error // what caused it; nil where that is not known
	Trial    bool       // one request is finding out whether it is back
	Failures int        // that count at the moment
	Running  int        // attempts
	Waiting  int        // for a place

	FirstToken, Total time.Duration // averages, however old; zero: never measured
	TokensPerSecond   float64
	Checked           time.Duration // how long health checks take

	Rests []Rest // those that end first before the others
}

// Rest is a credential or a model that rests.
type Rest struct {
	Model      string // empty: all models
	Credential string // its id; empty: all credentials, or the provider has none
	Cause      Cause
	Until      time.Time // zero where it is over: the next request tries, or one does
	Trial      bool      // one tries
	Last       *llm.Error
}

// why is the cause that stands for the provider.
func (r *Rest) why() Cause {
	if r.Trial {
		return Trying
	}
	return r.Cause
}

// Report tells how a provider stands.
func (t *Tracker) Report(name string) Report {
	r := Report{Provider: name, State: Healthy}
	p := t.find(name)
	if p == nil {
		return r
	}
	now := t.now()
	at := t.at(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	window := t.resilience(name).Breaker.Window
	r.Running, r.Waiting, r.Failures = p.running, p.slots.waiting(), len(p.breaker.recent(at, window))
	r.FirstToken, r.Total = time.Duration(p.figures.first.last()), time.Duration(p.figures.total.last())
	r.TokensPerSecond, r.Checked = p.figures.speed.last(), time.Duration(p.check.took.last())
	wall := func(until int64) time.Time {
		if until <= at {
			return time.Time{}
		}
		return now.Add(time.Duration(until - at))
	}
	p.eachRestLocked(func(model, credential string, rest *rest) {
		if rest.until > at || rest.trial != 0 || rest.until != 0 && rest.cause == KeyRefused { // until edited or tested
			r.Rests = append(r.Rests, Rest{model, credential, rest.cause, wall(rest.until), rest.trial != 0, rest.last})
		}
	})
	slices.SortFunc(r.Rests, func(a, b Rest) int {
		return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Credential, b.Credential))
	})
	r.judge(p, at, wall)
	return r
}

// judge finds the state and its cause: the worst first.
func (r *Report) judge(p *provider, at int64, wall func(int64) time.Time) {
	b, c := &p.breaker, &p.check
	r.Trial = b.trial != 0
	refused := 0
	var first, key *Rest // of all rests, and of credentials that were refused, the one that ends first
	for i := range r.Rests {
		rest := &r.Rests[i]
		r.Trial = r.Trial || rest.Trial
		if rest.Model == "" && rest.Cause == KeyRefused {
			refused++
			if key == nil {
				key = rest
			}
		}
		if first == nil && rest.Cause != ModelUnknown {
			first = rest
		}
	}
	switch {
	case b.trial != 0:
		r.State, r.Cause, r.Last = Unhealthy, Trying, b.last
	case b.open:
		r.State, r.Cause, r.Until, r.Last = Unhealthy, BreakerOpen, wall(b.until), b.last
	case refused > 0 && refused == len(p.keys):
		r.State, r.Cause, r.Until, r.Last = Unhealthy, key.why(), key.Until, key.Last
	case c.sick.Load() > at:
		r.State, r.Cause, r.Last = Unhealthy, c.cause, c.last
	case first != nil:
		r.State, r.Cause, r.Until, r.Last = Degraded, first.why(), first.Until, first.Last
	case r.Failures > 0:
		r.State, r.Cause, r.Last = Degraded, Failing, b.last
	case r.Waiting > 0:
		r.State, r.Cause = Degraded, Busy
	case p.local && p.silent > 0 && at-p.since >= int64(silence):
		r.State, r.Cause = Degraded, WarmingUp
	case c.slow.Load() > at:
		r.State, r.Cause, r.Last = Degraded, c.cause, c.last
	}
}

// eachRestLocked visits the states of all credentials, models, and models with a credential.
func (p *provider) eachRestLocked(visit func(model, credential string, r *rest)) {
	for id, k := range p.keys {
		visit("", id, k)
	}
	for name, m := range p.models {
		visit(name, "", &m.rest)
		for id, pair := range m.pairs {
			visit(name, id, pair)
		}
	}
}
