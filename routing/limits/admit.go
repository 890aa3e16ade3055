package limits

import (
	"slices"
	"sync/atomic"
	"time"

	"localrouter/db/settings"
)

// Refusal is one bound that has no room.
type Refusal struct {
	Account, Name string         // whose it is, by id and for people
	Limit         settings.Limit // of a budget only kind and amount
	Period        Period         // of a budget; Sliding: it is a limit
	Spent         int64          // of a budget: in the period, what running requests reserve included
	Need          int64          // what the request would take of it
	Wait          time.Duration
	Never         bool // it would not fit if nothing else were there either
}

// Admit reserves what a request is expected to use in every window and budget of all keys, or in none: then it tells
// which have no room, in the order of the keys. Without anything that bounds there is no ticket.
func (l *Limiter) Admit(c *Claim, keys ...*Key) (*Ticket, []Refusal) {
	var s locked
	l.lock(&s, keys)
	if s.n == 0 {
		return nil, nil
	}
	at := l.calendar(&s)
	var refusals []Refusal
	var events []Event
	for _, a := range s.list() {
		refusals = a.refuse(c, &at, refusals)
	}
	if refusals != nil {
		for _, a := range s.list() {
			events = a.events(l, c, events)
		}
		s.unlock()
		l.tell(events)
		sortByKeys(refusals, keys)
		return nil, refusals
	}
	t := &Ticket{limiter: l}
	t.holds = t.room[:0]
	for _, a := range s.list() {
		t.reserve(a, c, &at)
	}
	s.unlock()
	l.changed()
	return t, nil
}

// sortByKeys puts refusals in the order in which the caller named the keys.
func sortByKeys(list []Refusal, keys []*Key) {
	place := func(r Refusal) int {
		return slices.IndexFunc(keys, func(k *Key) bool { return k.Bounds() && k.ID == r.Account })
	}
	slices.SortStableFunc(list, func(a, b Refusal) int { return place(a) - place(b) })
}

// refuse adds the bounds of an account that have no room for the claim.
func (a *account) refuse(c *Claim, at *moment, list []Refusal) []Refusal {
	for _, w := range a.windows {
		need := c.need(w.limit.Kind, w.limit.Amount)
		if wait, ok := a.check(w, need); !ok {
			list = append(list, Refusal{Account: a.id, Name: a.name, Limit: w.limit, Need: need, Wait: wait, Never: need > w.limit.Amount})
		}
	}
	if a.grace.holds(a.last) {
		return list
	}
	for _, p := range a.purses {
		if p == nil {
			continue
		}
		need := c.need(settings.LimitCost, p.bound)
		spent, _ := p.spent(at.label(p.period), a.last)
		if need == 0 || spent+need <= p.bound { // what costs nothing needs no money
			continue
		}
		list = append(list, Refusal{Account: a.id, Name: a.name, Limit: settings.Limit{Kind: settings.LimitCost, Amount: p.bound}, Period: p.period,
			Spent: spent, Need: need, Wait: p.period.left(at.wall), Never: need > p.bound})
	}
	return list
}

// check tells whether need fits into a window now; else when it will, if nothing else comes.
func (a *account) check(w *window, need int64) (wait time.Duration, ok bool) {
	if need == 0 {
		return 0, true
	}
	var at int64
	if w.exact() {
		n := int(w.limit.Amount)
		if a.times.n < n || a.times.back(n) <= a.last-int64(w.limit.Window) {
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

// Ticket is what an admitted request holds until it is settled. A nil ticket holds nothing.
type Ticket struct {
	limiter *Limiter
	settled atomic.Bool
	holds   []hold
	room    [6]hold
}

// hold is one reservation: in a window, else in a budget, else the time of a request.
type hold struct {
	account  *account
	window   *window
	spending *spending
	at       int64 // the part of the window, or the time
	amount   int64
}

// reserve books the claim in an account that has room for it.
func (t *Ticket) reserve(a *account, c *Claim, at *moment) {
	for _, w := range a.windows {
		h := hold{account: a, window: w, at: w.ring.advance(a.last), amount: c.need(w.limit.Kind, w.limit.Amount)}
		w.rearm(a.last) // before this one fills it again
		w.ring.add(h.at, h.amount)
		w.held += h.amount
		t.holds = append(t.holds, h)
	}
	for _, p := range a.purses {
		if p == nil {
			continue
		}
		h := hold{account: a, spending: p.book(at.label(p.period), a.last), amount: c.need(settings.LimitCost, p.bound)}
		h.spending.add(h.amount, h.amount)
		t.holds = append(t.holds, h)
	}
	if a.times != nil && c.Expected[settings.LimitRequests] > 0 {
		a.times.add(a.last)
		t.holds = append(t.holds, hold{account: a, at: a.last})
	}
	a.version++
}

// Settle replaces what was reserved by what was used. Only the first of all calls counts. What was used is booked at the
// time of admission, so it leaves the windows with the request, and belongs to the day on which the request began.
func (t *Ticket) Settle(used Amounts) {
	if t == nil || t.settled.Swap(true) {
		return
	}
	var events []Event
	for rest := t.holds; len(rest) > 0; {
		a := rest[0].account
		n := 1
		for n < len(rest) && rest[n].account == a {
			n++
		}
		a.mu.Lock()
		for i := range rest[:n] {
			a.settle(&rest[i], &used)
		}
		a.version++
		a.last = max(a.last, t.limiter.now())
		events = a.events(t.limiter, nil, events)
		a.mu.Unlock()
		rest = rest[n:]
	}
	t.limiter.tell(events)
	t.limiter.changed()
}

func (a *account) settle(h *hold, used *Amounts) {
	kind := settings.LimitCost
	if h.window != nil {
		kind = h.window.limit.Kind
	}
	n := min(used[kind], most)
	if n < 0 { // Reserved
		n = h.amount
	}
	switch {
	case h.window != nil:
		h.window.ring.add(h.at, n-h.amount)
		h.window.held = max(0, h.window.held-h.amount)
	case h.spending != nil:
		h.spending.add(n-h.amount, -h.amount)
	case used[settings.LimitRequests] == 0:
		a.times.remove(h.at)
	}
}

// Refund settles a request that used nothing: it counts nowhere.
func (t *Ticket) Refund() { t.Settle(Amounts{}) }

// Standing is how the keys stand with their bounds of one kind: of several the one with the least left.
type Standing struct {
	Limit     settings.Limit // of a budget only kind and amount
	Remaining int64
	Reset     time.Duration // until the window is empty, if nothing else comes, or the budget's day or month is over
}

// Standings tells how keys stand, at most once for each kind.
func (l *Limiter) Standings(keys ...*Key) []Standing {
	var s locked
	l.lock(&s, keys)
	if s.n == 0 {
		return nil
	}
	defer s.unlock()
	at := l.calendar(&s)
	list := make([]Standing, 0, settings.LimitKinds)
	for _, a := range s.list() {
		for _, w := range a.windows {
			list = tightest(list, a.standing(w))
		}
		for _, p := range a.purses {
			if p != nil {
				spent, _ := p.spent(at.label(p.period), a.last)
				list = tightest(list, Standing{settings.Limit{Kind: settings.LimitCost, Amount: p.bound}, max(0, p.bound-spent), p.period.left(at.wall)})
			}
		}
	}
	return list
}

// tightest keeps of each kind what leaves the least.
func tightest(list []Standing, s Standing) []Standing {
	i := slices.IndexFunc(list, func(o Standing) bool { return o.Limit.Kind == s.Limit.Kind })
	if i < 0 {
		return append(list, s)
	}
	if o := list[i]; s.Remaining < o.Remaining || s.Remaining == o.Remaining && s.Reset > o.Reset {
		list[i] = s
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
