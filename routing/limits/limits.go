// Package limits keeps what keys, routers, plans and the whole machine may use: within sliding windows, and of money by
// the local calendar. It knows them by their ids only, and the time by the clocks it is given; what a request will use it
// is told, and what it did use.
package limits

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"localrouter/db/settings"
)

// Options of a Limiter. The zero value works.
type Options struct {
	// Elapsed is a clock that never jumps and goes on while the machine sleeps; its zero may be anywhere. nil: the time
	// since the machine was started.
	Elapsed func() time.Duration
	// Wall is the clock on the wall, in the person's time zone. Windows ask it only how long the program was away: a jump
	// of it leaves those of a running program alone. Budgets go by its days and months. nil: time.Now.
	Wall func() time.Time
	// Changed is called when there is something new to save. It must be quick. nil: nobody is told.
	Changed func()
	// Event hears when so much of a budget or of a limit of cost is spent that a person should know; it must be quick.
	// nil: nobody hears.
	Event func(Event)
}

// Limiter admits requests. It may be used by many goroutines at once.
type Limiter struct {
	elapsed func() time.Duration
	wall    func() time.Time
	changed func()
	event   func(Event)
	base    int64 // time of the windows at zero of elapsed

	mu       sync.RWMutex // guards the fields below
	accounts map[string]*account
	made     uint64          // accounts so far
	gone     map[string]bool // accounts that are to be forgotten on disk too

	applying sync.Mutex             // one change of the settings at a time
	bounds   atomic.Pointer[bounds] // what the settings bound; nil: nothing
}

// New makes a limiter of empty windows.
func New(o Options) *Limiter {
	l := &Limiter{elapsed: o.Elapsed, wall: o.Wall, changed: o.Changed, event: o.Event, accounts: map[string]*account{}, gone: map[string]bool{}}
	if l.elapsed == nil {
		l.elapsed = sinceBoot
	}
	if l.wall == nil {
		l.wall = time.Now
	}
	if l.changed == nil {
		l.changed = func() {}
	}
	if l.event == nil {
		l.event = func(Event) {}
	}
	l.base = l.wallNanos() - int64(l.elapsed())
	return l
}

// wallNanos is the clock on the wall. One that stands before 1970 stands at 1970: no number of a window is negative.
func (l *Limiter) wallNanos() int64 { return max(0, l.wall().UnixNano()) }

// now is the time of the windows in nanoseconds. It began as the wall clock and goes its own way since.
func (l *Limiter) now() int64 { return l.base + int64(l.elapsed()) }

// Amounts hold one figure for each kind of limit.
type Amounts [settings.LimitKinds]int64

// Reserved stands in Settle for a figure nobody knows: what was reserved stays.
const Reserved = -1

// Claim is what a request is expected to use. Where Least is below Expected the rest is a guess of ours: it never keeps
// a request out of a window or a budget that is empty.
type Claim struct {
	Expected, Least Amounts
}

// need is what the claim takes of a bound of one kind.
func (c *Claim) need(kind settings.LimitKind, bound int64) int64 {
	n := min(c.Expected[kind], max(c.Least[kind], bound))
	return min(max(n, 0), most)
}

// Key names whoever is limited and its bounds: an application's key, a router, a plan, the machine. Of two revisions of
// the same one the higher is the newer. A nil Key bounds nothing.
type Key struct {
	ID       string
	Name     string // for people, as it stands in a sentence: "The key my-app"
	Revision uint64
	Limits   []settings.Limit
	Budget   settings.Budget
}

// OfKey is the Key of an application's key.
func OfKey(id, name string, revision uint64, limits []settings.Limit, budget settings.Budget) Key {
	return Key{ID: id, Name: "The key " + name, Revision: revision, Limits: limits, Budget: budget}
}

// Bounds reports whether there is anything to keep to.
func (k *Key) Bounds() bool { return k != nil && (len(k.Limits) > 0 || k.Budget != settings.Budget{}) }

// CountsMoney reports whether what a request costs must be known.
func (k *Key) CountsMoney() bool {
	return k != nil && (k.Budget != settings.Budget{} || slices.ContainsFunc(k.Limits, func(l settings.Limit) bool { return l.Kind == settings.LimitCost }))
}

// account is what is kept of one Key.
type account struct {
	id    string
	order uint64 // in which several are locked

	mu       sync.Mutex // guards all below
	name     string
	revision uint64
	windows  []*window
	times    *times    // of requests; nil while none are limited
	purses   [2]*purse // of day and month; nil where there is no budget
	grace    grace
	last     int64  // newest time that was seen: none is older than it
	version  uint64 // counts changes
	saved    uint64 // version that is on disk
}

type window struct {
	limit settings.Limit
	ring  ring
	held  int64 // what running requests reserve of it and may not use
	told  told
}

// exact reports whether the window goes by the time of each request.
func (w *window) exact() bool {
	return w.limit.Kind == settings.LimitRequests && w.limit.Amount <= exact
}

// find returns the account of a key, made anew where there is none.
func (l *Limiter) find(id string) *account {
	l.mu.RLock()
	a := l.accounts[id]
	l.mu.RUnlock()
	if a != nil {
		return a
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a = l.accounts[id]; a == nil {
		a = l.addLocked(id)
		delete(l.gone, id)
	}
	return a
}

func (l *Limiter) addLocked(id string) *account {
	l.made++
	a := &account{id: id, order: l.made}
	l.accounts[id] = a
	return a
}

// mostKeys is how many accounts one request may be held against: its key, two routers, a plan and the machine.
const mostKeys = 8

// locked are the accounts of several keys, locked.
type locked struct {
	room [mostKeys]*account
	n    int
}

func (s *locked) list() []*account { return s.room[:s.n] }

func (s *locked) unlock() {
	for _, a := range s.list() {
		a.mu.Unlock()
	}
}

// lock finds the accounts of the keys and locks them, with the keys' present bounds and the time. All callers lock in the
// same order, whatever the order of their keys. Keys that bound nothing are passed over, and one that stands twice counts
// once.
func (l *Limiter) lock(s *locked, keys []*Key) {
	var bounding [mostKeys]*Key
	for _, k := range keys {
		if !k.Bounds() || s.n == mostKeys {
			continue
		}
		a := l.find(k.ID)
		i := s.n
		for ; i > 0 && s.room[i-1].order > a.order; i-- {
			s.room[i], bounding[i] = s.room[i-1], bounding[i-1]
		}
		if i > 0 && s.room[i-1] == a {
			copy(s.room[i:s.n], s.room[i+1:s.n+1])
			copy(bounding[i:s.n], bounding[i+1:s.n+1])
			continue
		}
		s.room[i], bounding[i] = a, k
		s.n++
	}
	for i, a := range s.list() {
		a.mu.Lock()
		a.last = max(a.last, l.now()) // asked under the lock, so that times come in order
		if k := bounding[i]; k.Revision > a.revision {
			a.apply(k)
		}
	}
}

// apply puts the bounds of a key in place. A window or budget that was there before goes on with what it holds.
func (a *account) apply(k *Key) {
	a.revision, a.name = k.Revision, k.Name
	old := a.windows
	a.windows = make([]*window, 0, len(k.Limits))
	for _, limit := range k.Limits {
		i := slices.IndexFunc(old, func(w *window) bool { return w.limit.Kind == limit.Kind && w.limit.Window == limit.Window })
		w := &window{limit: limit, ring: newRing(limit.Window)}
		if i >= 0 {
			w = old[i]
			w.limit = limit
			w.told.percent = min(w.told.percent, share(w.ring.total()-w.held, limit.Amount))
		}
		a.windows = append(a.windows, w)
		if limit.Kind == settings.LimitRequests && a.times == nil {
			a.times = &times{}
		}
	}
	for i, bound := range [...]int64{k.Budget.Day, k.Budget.Month} {
		switch p := a.purses[i]; {
		case bound <= 0:
			a.purses[i] = nil
		case p == nil:
			a.purses[i] = &purse{period: Period(i + 1), bound: min(bound, most)}
		default:
			p.rebound(min(bound, most))
		}
	}
}

// Retain forgets the keys of applications that keep does not want, on disk as well. What the settings bound is Apply's.
func (l *Limiter) Retain(keep func(id string) bool) {
	l.retain(func(id string) bool { return ofSettings(id) || keep(id) })
}

func (l *Limiter) retain(keep func(id string) bool) {
	l.mu.Lock()
	n := len(l.gone)
	for id := range l.accounts {
		if !keep(id) {
			delete(l.accounts, id)
			l.gone[id] = true
		}
	}
	changed := len(l.gone) > n
	l.mu.Unlock()
	if changed {
		l.changed()
	}
}
