// Package limits keeps what keys may use within sliding windows. It knows keys by their ids only, and the time by the
// clocks it is given; what a request will use it is told, and what it did use.
package limits

import (
	"slices"
	"sync"
	"time"

	"localrouter/db/settings"
)

// Options of a Limiter. The zero value works.
type Options struct {
	// Elapsed is a clock that never jumps and goes on while the machine sleeps; its zero may be anywhere. nil: the time
	// since the machine was started.
	Elapsed func() time.Duration
	// Wall is the clock on the wall. It is asked where the time between two runs of the program must be told, and
	// nowhere else: a jump of it leaves the windows of a running program alone. nil: time.Now.
	Wall func() time.Time
	// Changed is called when there is something new to save. It must be quick. nil: nobody is told.
	Changed func()
}

// Limiter admits requests. It may be used by many goroutines at once.
type Limiter struct {
	elapsed func() time.Duration
	wall    func() time.Time
	changed func()
	base    int64 // time of the windows at zero of elapsed

	mu       sync.RWMutex // guards the fields below
	accounts map[string]*account
	gone     map[string]bool // accounts that are to be forgotten on disk too
}

// New makes a limiter of empty windows.
func New(o Options) *Limiter {
	l := &Limiter{elapsed: o.Elapsed, wall: o.Wall, changed: o.Changed, accounts: map[string]*account{}, gone: map[string]bool{}}
	if l.elapsed == nil {
		l.elapsed = sinceBoot
	}
	if l.wall == nil {
		l.wall = time.Now
	}
	if l.changed == nil {
		l.changed = func() {}
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
// a request out of a window that is empty.
type Claim struct {
	Expected, Least Amounts
}

// need is what the claim takes of a limit.
func (c *Claim) need(l *settings.Limit) int64 {
	n := min(c.Expected[l.Kind], max(c.Least[l.Kind], l.Amount))
	return min(max(n, 0), most)
}

// Refusal is one limit that has no room.
type Refusal struct {
	Limit settings.Limit
	Need  int64 // what the request would take of it
	Wait  time.Duration
	Never bool // it would not fit an empty window either
}

// Key names a key and its limits. Of two revisions of the same key the higher is the newer.
type Key struct {
	ID       string
	Revision uint64
	Limits   []settings.Limit
}

// account is what is kept of one key.
type account struct {
	mu       sync.Mutex // guards all below
	revision uint64
	windows  []*window
	times    *times // of requests; nil while none are limited
	last     int64  // newest time that was seen: none is older than it
	version  uint64 // counts changes
	saved    uint64 // version that is on disk
}

type window struct {
	limit settings.Limit
	ring  ring
}

// exact reports whether the window goes by the time of each request.
func (w *window) exact() bool {
	return w.limit.Kind == settings.LimitRequests && w.limit.Amount <= exact
}

// lock finds the account of a key, or makes it, and locks it with the key's present limits and time.
func (l *Limiter) lock(k *Key) *account {
	l.mu.RLock()
	a := l.accounts[k.ID]
	l.mu.RUnlock()
	if a == nil {
		l.mu.Lock()
		if a = l.accounts[k.ID]; a == nil {
			a = &account{}
			l.accounts[k.ID] = a
			delete(l.gone, k.ID)
		}
		l.mu.Unlock()
	}
	a.mu.Lock()
	a.last = max(a.last, l.now()) // asked under the lock, so that times come in order
	if k.Revision > a.revision {
		a.apply(k)
	}
	return a
}

// apply puts the limits of a key in place. A window that was there before goes on with what it holds.
func (a *account) apply(k *Key) {
	a.revision = k.Revision
	old := a.windows
	a.windows = make([]*window, 0, len(k.Limits))
	for _, limit := range k.Limits {
		i := slices.IndexFunc(old, func(w *window) bool { return w.limit.Kind == limit.Kind && w.limit.Window == limit.Window })
		w := &window{limit: limit, ring: newRing(limit.Window)}
		if i >= 0 {
			w = old[i]
			w.limit = limit
		}
		a.windows = append(a.windows, w)
		if limit.Kind == settings.LimitRequests && a.times == nil {
			a.times = &times{}
		}
	}
}

// check tells whether need fits into a window now; else when it will, if nothing else comes.
func (a *account) check(w *window, need int64) (wait time.Duration, ok bool) {
	var at int64
	if w.exact() {
		n := int(w.limit.Amount)
		if need == 0 || a.times.n < n || a.times.back(n) <= a.last-int64(w.limit.Window) {
			return 0, true
		}
		at = a.times.back(n) + int64(w.limit.Window)
	} else {
		w.ring.advance(a.last)
		excess := w.ring.total() + need - w.limit.Amount
		if excess <= 0 {
			return 0, true
		}
		at = w.ring.falls(excess)
	}
	return time.Duration(max(at-a.last, 1)), false
}

// Admit reserves what a request is expected to use in every window of a key, or in none: then it tells which have no
// room. A key without limits gets no ticket.
func (l *Limiter) Admit(k *Key, c *Claim) (*Ticket, []Refusal) {
	if len(k.Limits) == 0 {
		return nil, nil
	}
	a := l.lock(k)
	var refusals []Refusal
	for _, w := range a.windows {
		need := c.need(&w.limit)
		if wait, ok := a.check(w, need); !ok {
			refusals = append(refusals, Refusal{w.limit, need, wait, need > w.limit.Amount})
		}
	}
	if refusals != nil {
		a.mu.Unlock()
		return nil, refusals
	}
	t := &Ticket{limiter: l, account: a, at: a.last}
	t.holds = t.room[:0]
	for _, w := range a.windows {
		h := hold{w, w.ring.advance(a.last), c.need(&w.limit)}
		w.ring.add(h.part, h.amount)
		t.holds = append(t.holds, h)
	}
	if a.times != nil && c.Expected[settings.LimitRequests] > 0 {
		a.times.add(a.last)
	}
	a.version++
	a.mu.Unlock()
	l.changed()
	return t, nil
}

// Ticket is what an admitted request holds until it is settled. A nil ticket holds nothing.
type Ticket struct {
	limiter *Limiter
	account *account
	at      int64
	holds   []hold
	room    [4]hold
	settled bool // guarded by account.mu
}

type hold struct {
	window *window
	part   int64
	amount int64
}

// Settle replaces what was reserved by what was used. Only the first of all calls counts. What was used is booked at the
// time of admission, so it leaves the windows with the request.
func (t *Ticket) Settle(used Amounts) {
	if t == nil {
		return
	}
	a := t.account
	a.mu.Lock()
	if t.settled {
		a.mu.Unlock()
		return
	}
	t.settled = true
	for _, h := range t.holds {
		if n := used[h.window.limit.Kind]; n != Reserved {
			h.window.ring.add(h.part, min(max(n, 0), most)-h.amount)
		}
	}
	if a.times != nil && used[settings.LimitRequests] == 0 {
		a.times.remove(t.at)
	}
	a.version++
	a.mu.Unlock()
	t.limiter.changed()
}

// Refund settles a request that used nothing: it counts nowhere.
func (t *Ticket) Refund() { t.Settle(Amounts{}) }

// Standing is how a key stands with its limits of one kind: of several the one with the least left.
type Standing struct {
	Limit     settings.Limit
	Remaining int64
	Reset     time.Duration // until the window is empty, if nothing else comes
}

// Standings tells how a key stands, at most once for each kind.
func (l *Limiter) Standings(k *Key) []Standing {
	if len(k.Limits) == 0 {
		return nil
	}
	a := l.lock(k)
	defer a.mu.Unlock()
	list := make([]Standing, 0, settings.LimitKinds)
	for _, w := range a.windows {
		s := a.standing(w)
		i := slices.IndexFunc(list, func(o Standing) bool { return o.Limit.Kind == s.Limit.Kind })
		if i < 0 {
			list = append(list, s)
		} else if o := list[i]; s.Remaining < o.Remaining || s.Remaining == o.Remaining && s.Reset > o.Reset {
			list[i] = s
		}
	}
	return list
}

func (a *account) standing(w *window) Standing {
	s := Standing{Limit: w.limit}
	var used, empty int64
	if w.exact() {
		used = a.times.since(a.last - int64(w.limit.Window))
		if used > 0 {
			empty = a.times.back(1) + int64(w.limit.Window)
		}
	} else {
		w.ring.advance(a.last)
		used, empty = w.ring.total(), w.ring.empties()
	}
	s.Remaining = max(0, w.limit.Amount-used)
	s.Reset = time.Duration(max(0, empty-a.last))
	return s
}

// Retain forgets the keys that keep does not want, on disk as well.
func (l *Limiter) Retain(keep func(id string) bool) {
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
