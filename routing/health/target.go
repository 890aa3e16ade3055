package health

import (
	"time"

	"localrouter/providers/llm"
)

// Target is the handle of one model at one provider. All handles of the same names share what is known.
type Target struct {
	tracker  *Tracker
	provider *provider
	model    *model
	lanes    []lane // one for each credential, in order
	room     [1]lane
}

// lane is a credential of a target.
type lane struct{ key, pair *rest }

func (l *lane) ready(at int64) bool { return l.key.gate.Load() <= at && l.pair.gate.Load() <= at }

// mostCredentials is how many credentials a mask of tried ones has room for; what is over it is never used.
const mostCredentials = 64

// Target finds or makes the handle of a model at a provider with these credentials, in order of preference. Without
// credentials it has one, whose id is empty. A handle is cheap to hold; after the settings changed, make new ones.
func (t *Tracker) Target(name string, local bool, credentials []string, modelID string) *Target {
	if len(credentials) == 0 {
		credentials = []string{""}
	}
	credentials = credentials[:min(len(credentials), mostCredentials)]
	p := t.provider(name)
	at := t.at(t.now())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.local = local
	h := &Target{tracker: t, provider: p, model: p.modelLocked(modelID, at)}
	h.lanes = h.room[:0]
	for _, id := range credentials {
		h.lanes = append(h.lanes, lane{p.keyLocked(id), h.model.pairLocked(id)})
	}
	return h
}

// Ready reports whether the target may be tried now without force. It takes no lock.
func (t *Target) Ready(now time.Time) bool { return t.ReadyAt(t.tracker.Moment(now)) }

// Moment is a time as the states of targets know it.
type Moment int64

// Moment tells a time once for many questions.
func (t *Tracker) Moment(now time.Time) Moment { return Moment(t.at(now)) }

// ReadyAt is Ready for who asks thousands.
func (t *Target) ReadyAt(moment Moment) bool {
	at := int64(moment)
	if t.provider.breaker.gate.Load() > at || t.model.rest.gate.Load() > at {
		return false
	}
	for i := range t.lanes {
		if t.lanes[i].ready(at) {
			return true
		}
	}
	return false
}

// Standing is how a target stands.
type Standing struct {
	Ready bool
	Cause Cause         // why it is not ready
	Until time.Time     // when it will be
	Wait  time.Duration // until then
	Last  *llm.Error    // what caused it; nil where that is not known any more
}

// Standing tells how the target stands: of several things that keep it, the one that ends last. While one request tries,
// others are told to wait for a second.
func (t *Target) Standing(now time.Time) Standing {
	at := t.tracker.at(now)
	t.tracker.see(at)
	p := t.provider
	p.mu.Lock()
	w := t.blockLocked(at)
	p.mu.Unlock()
	if w.until == 0 {
		return Standing{Ready: true}
	}
	wait := time.Duration(w.until - at)
	return Standing{Cause: w.cause, Until: now.Add(wait), Wait: wait, Last: w.last}
}

func (t *Target) blockLocked(at int64) block {
	free := t.lanes[0].block(at)
	for i := 1; i < len(t.lanes); i++ {
		if b := t.lanes[i].block(at); b.until < free.until {
			free = b
		}
	}
	return later(later(t.provider.breaker.block(at), t.model.rest.block(at)), free)
}

func (l *lane) block(at int64) block { return later(l.key.block(at), l.pair.block(at)) }

func later(a, b block) block {
	if b.until > a.until {
		return b
	}
	return a
}

// Enter asks leave for one attempt and picks the first credential that is ready and whose bit in tried is not set.
//
// force lets one request at a time in although nothing is ready, for the caller who has no other target left: with the
// credential whose rest ends first. It decides like any other trial.
//
// Where ok is true, Done must be called on every path.
func (t *Target) Enter(now time.Time, force bool, tried uint64) (pass Pass, ok bool) {
	at := t.tracker.at(now)
	t.tracker.see(at)
	p := t.provider
	p.mu.Lock()
	defer p.mu.Unlock()
	i := t.pick(at, tried)
	forced := i < 0 || p.breaker.gate.Load() > at || t.model.rest.gate.Load() > at
	if forced {
		if !force || p.forced != 0 || p.breaker.trial != 0 {
			return Pass{}, false
		}
		if i < 0 {
			i = t.soonestLocked(tried)
		}
		if i < 0 {
			return Pass{}, false
		}
	}
	pass = Pass{Credential: i, Trial: forced, target: t, seq: p.next()}
	pass.counts = pass.seq
	if forced {
		p.forced = pass.seq
	}
	if p.breaker.open {
		p.breaker.try(pass.seq)
		pass.Trial = true
	}
	if key := t.lanes[i].key; key.until != 0 {
		key.try(pass.seq)
		pass.Trial = true
	}
	p.running++
	t.model.running.Add(1)
	t.model.used = max(t.model.used, at)
	t.model.figures.asked(at)
	return pass, true
}

// pick returns the first credential that is ready, or -1.
func (t *Target) pick(at int64, tried uint64) int {
	for i := range t.lanes {
		if tried>>i&1 == 0 && t.lanes[i].ready(at) {
			return i
		}
	}
	return -1
}

// soonestLocked returns the credential whose rest ends first and which nobody tries, or -1.
func (t *Target) soonestLocked(tried uint64) int {
	best, until := -1, int64(0)
	for i := range t.lanes {
		l := &t.lanes[i]
		if tried>>i&1 == 1 || l.key.trial != 0 {
			continue
		}
		if u := max(l.key.until, l.pair.until); best < 0 || u < until {
			best, until = i, u
		}
	}
	return best
}

// Spare reports whether a credential of the target is ready whose bit in tried is not set.
func (t *Target) Spare(now time.Time, tried uint64) bool {
	at := t.tracker.at(now)
	return t.provider.breaker.gate.Load() <= at && t.model.rest.gate.Load() <= at && t.pick(at, tried) >= 0
}
