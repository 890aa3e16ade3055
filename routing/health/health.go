// Package health knows how the targets of requests stand: the breaker of each provider, the rests of credentials and
// models that refused, how quick each was, how many requests run, and who waits for a provider that takes only so many
// at once. It knows providers, credentials and models by their names only; it never asks one, it is told how requests
// went.
package health

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// Options of a Tracker. The zero value works.
type Options struct {
	// Now is the clock; nil: time.Now. Times are compared by their monotonic part, so a wall clock that is set opens
	// and closes nothing.
	Now func() time.Time
	// Rand returns a number in [0, 1), for the jitter of breakers; nil: math/rand/v2.
	Rand func() float64
	// Settings returns the present settings, for the thresholds of each provider; nil: the defaults.
	Settings func() *settings.Settings
	// Changed is called, with no lock held, when a breaker, a rest or the verdict of a health check changed: there may be
	// something to save or to show. It must be quick. nil: nobody is told.
	Changed func()
}

// Tracker keeps the states of all targets. It may be used by many goroutines at once.
type Tracker struct {
	now      func() time.Time
	rand     func() float64
	settings func() *settings.Settings
	changed  func()
	base     time.Time    // zero of the times in here
	latest   atomic.Int64 // newest time that was seen; what averages are as of

	version atomic.Uint64 // counts changes of rests
	saved   atomic.Uint64 // version that is on disk

	mu        sync.RWMutex // guards providers
	providers map[string]*provider
}

// New makes a tracker that knows nothing bad of anybody.
func New(o Options) *Tracker {
	t := &Tracker{now: o.Now, rand: o.Rand, settings: o.Settings, changed: o.Changed, providers: map[string]*provider{}}
	if t.now == nil {
		t.now = time.Now
	}
	if t.rand == nil {
		t.rand = rand.Float64
	}
	if t.settings == nil {
		defaults := &settings.Settings{Resilience: settings.DefaultResilience()}
		t.settings = func() *settings.Settings { return defaults }
	}
	if t.changed == nil {
		t.changed = func() {}
	}
	t.base = t.now().Add(-1)
	return t
}

// at is a time in here: nanoseconds since just before the tracker was made. It is above zero, which stands for "never"
// in gates and rests.
func (t *Tracker) at(now time.Time) int64 { return max(1, int64(now.Sub(t.base))) }

// see remembers the newest time.
func (t *Tracker) see(at int64) {
	for {
		seen := t.latest.Load()
		if at <= seen || t.latest.CompareAndSwap(seen, at) {
			return
		}
	}
}

// present is the time by the tracker's own clock.
func (t *Tracker) present() int64 {
	at := t.at(t.now())
	t.see(at)
	return at
}

// resilience returns the thresholds of a provider.
func (t *Tracker) resilience(name string) *settings.Resilience {
	return t.settings().ResilienceOf(name)
}

// provider is what is known of one provider.
type provider struct {
	name string

	mu      sync.Mutex // guards all below; the atomic fields are written under it and read without
	local   bool
	seq     uint64 // counts passes and changes, so that of two it is known which came first
	breaker breaker
	forced  uint64 // the one pass that was let in against the rests, 0: none
	running int
	silent  int              // of those running, the streams that have not begun
	since   int64            // from when on nobody has begun; read only with silent > 0
	keys    map[string]*rest // by credential id
	models  map[string]*model
	figures figures // over all models
	check   check

	slots slots // has a lock of its own: nobody who waits is in the way of the rest
}

// model is what is known of one model at a provider.
type model struct {
	rest    rest
	pairs   map[string]*rest // of the model with each credential
	figures figures
	running atomic.Int64
	used    int64 // when it was last asked, or its handle made
}

func (p *provider) next() uint64 {
	p.seq++
	return p.seq
}

// find returns what is known of a provider, nil where that is nothing.
func (t *Tracker) find(name string) *provider {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.providers[name]
}

// provider finds what is known of a provider, or begins it.
func (t *Tracker) provider(name string) *provider {
	if p := t.find(name); p != nil {
		return p
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.providers[name]
	if p == nil {
		p = &provider{name: name, keys: map[string]*rest{}, models: map[string]*model{}}
		t.providers[name] = p
	}
	return p
}

func (p *provider) keyLocked(id string) *rest {
	k := p.keys[id]
	if k == nil {
		k = &rest{}
		p.keys[id] = k
	}
	return k
}

// mostModels bounds what is remembered of one provider: applications may name any model.
const mostModels = 4096

func (p *provider) modelLocked(name string, at int64) *model {
	m := p.models[name]
	if m == nil {
		if len(p.models) >= mostModels {
			p.sweepLocked(at)
		}
		m = &model{pairs: map[string]*rest{}}
		p.models[name] = m
	}
	m.used = max(m.used, at)
	return m
}

// sweepLocked forgets the models that nobody asked for the longest, and those that rest only where there is nothing
// else to forget. A handle that is still held goes on by itself.
func (p *provider) sweepLocked(at int64) {
	for _, round := range []struct {
		idle    time.Duration
		resting bool
	}{{time.Hour, false}, {time.Minute, false}, {0, false}, {0, true}} {
		for name, m := range p.models {
			if m.running.Load() == 0 && at-m.used >= int64(round.idle) && (round.resting || !m.restsLocked(at)) {
				delete(p.models, name)
			}
		}
		if len(p.models) < mostModels*3/4 {
			return
		}
	}
}

func (m *model) restsLocked(at int64) bool {
	if m.rest.until > at {
		return true
	}
	for _, pair := range m.pairs {
		if pair.until > at {
			return true
		}
	}
	return false
}

func (m *model) pairLocked(credential string) *rest {
	r := m.pairs[credential]
	if r == nil {
		r = &rest{}
		m.pairs[credential] = r
	}
	return r
}

// Retry ends all waits of a provider, for a person who says "try now" or has tested a credential: rests are over, and
// where the breaker is open the next request tries whether the provider is back.
func (t *Tracker) Retry(name string) {
	p := t.find(name)
	if p == nil {
		return
	}
	at := t.present()
	p.mu.Lock()
	p.breaker.hasten(at)
	for _, k := range p.keys {
		k.end(p.next())
	}
	for _, m := range p.models {
		m.rest.end(p.next())
		for _, pair := range m.pairs {
			pair.end(p.next())
		}
	}
	p.check.clear()
	p.mu.Unlock()
	t.restsChanged()
}

// Forget is to be called after the settings changed. It forgets the credentials that keep does not want, and a provider
// of which none is wanted; a provider without credentials is asked for with an empty id. Where breakers or rests have
// been switched off since, they end.
func (t *Tracker) Forget(keep func(provider, credential string) bool) {
	at := t.present()
	t.mu.Lock()
	for name, p := range t.providers {
		p.mu.Lock()
		p.applyLocked(t.resilience(name), at)
		wanted := len(p.keys) == 0 && keep(name, "")
		for id := range p.keys {
			if keep(name, id) {
				wanted = true
				continue
			}
			delete(p.keys, id)
			for _, m := range p.models {
				delete(m.pairs, id)
			}
		}
		if !wanted && p.running == 0 && p.slots.idle() {
			delete(t.providers, name)
		}
		p.mu.Unlock()
	}
	t.mu.Unlock()
	t.restsChanged()
}

// applyLocked brings what was begun by old thresholds into the bounds of the new ones.
func (p *provider) applyLocked(r *settings.Resilience, at int64) {
	if !r.Breaker.Enabled {
		p.breaker.close(p.next())
	}
	p.breaker.shorten(at + int64(r.Breaker.Longest))
	if r.Cooldowns {
		return
	}
	for _, k := range p.keys {
		k.end(p.next())
	}
	for _, m := range p.models {
		m.rest.end(p.next())
		for _, pair := range m.pairs {
			pair.end(p.next())
		}
	}
}

// restsChanged tells that there is something new to save and to show.
func (t *Tracker) restsChanged() {
	t.version.Add(1)
	t.changed()
}

// brief is an error without what only the answer needs: it is kept for as long as a rest lasts.
func brief(e *llm.Error) *llm.Error {
	if e == nil {
		return nil
	}
	return &llm.Error{Kind: e.Kind, Provider: e.Provider, Model: e.Model, Status: e.Status, Code: e.Code, Type: e.Type,
		Message: e.Message, RetryAfter: e.RetryAfter, Dialect: e.Dialect}
}
