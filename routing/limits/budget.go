package limits

import (
	"slices"
	"time"
)

// Period is a stretch of the local calendar.
type Period uint8

// The periods. A limit slides and has none.
const (
	Sliding Period = iota
	Day
	Month
)

func (p Period) String() string { return [...]string{"sliding", "day", "month"}[p] }

// label numbers the periods of the local calendar in order.
func (p Period) label(wall time.Time) int64 {
	year, month, day := wall.Date()
	n := max(0, int64(year))*12 + int64(month)
	if p == Day {
		n = n*32 + int64(day)
	}
	return n
}

// ends returns when the period that holds wall is over.
func (p Period) ends(wall time.Time) time.Time {
	year, month, day := wall.Date()
	next := time.Date(year, month, day+1, 0, 0, 0, 0, wall.Location())
	if p == Month {
		next = time.Date(year, month+1, 1, 0, 0, 0, 0, wall.Location())
	}
	// Where the clocks are put forward at midnight there is none, and the time before may be returned in its place.
	for now := p.label(wall); p.label(next) == now; {
		next = next.Add(15 * time.Minute)
	}
	return next
}

func (p Period) left(wall time.Time) time.Duration { return max(p.ends(wall).Sub(wall), 1) }

// longest is how long a period can last by a clock that never jumps: that on which the clocks are put back an hour.
func (p Period) longest() int64 {
	if p == Day {
		return int64(25 * time.Hour)
	}
	return int64(31*24*time.Hour + time.Hour)
}

// moment is the present by the clock on the wall, asked once for an admission. It is zero where no budget asks.
type moment struct {
	wall       time.Time
	day, month int64
}

func (m *moment) label(p Period) int64 {
	if p == Day {
		return m.day
	}
	return m.month
}

func (l *Limiter) calendar(s *locked) (m moment) {
	for _, a := range s.list() {
		if a.purses != [2]*purse{} {
			wall := l.wall()
			return moment{wall, Day.label(wall), Month.label(wall)}
		}
	}
	return m
}

// purse is a budget for each day or each month: what was spent in the latest of them, by the label each bore when the
// money went. The label is the wall clock's, which jumps, so a label alone decides nothing:
//
// What was spent under a later label than today's counts today too. A clock that is set back therefore opens no day
// again, neither the one it came from nor the one it went to.
//
// What was spent longer ago than a period can last counts no more, whatever its label, by the clock that never jumps. A
// clock that stood in a far year for a minute therefore locks nobody out until then.
type purse struct {
	period  Period
	bound   int64
	started bool // what had been spent before it was counted has been told
	list    []*spending
}

// spending is what one period took.
type spending struct {
	label int64
	began int64 // when the first of it was spent
	sum   int64
	held  int64 // the part of sum that running requests reserve and may not use
	told  told
}

// spendings is how many periods a purse remembers. Two are enough where nobody plays with the clock.
const spendings = 6

func (s *spending) add(sum, held int64) {
	s.sum = min(max(s.sum+sum, 0), most)
	s.held = min(max(s.held+held, 0), most)
}

// counts reports whether s counts against a period at a time.
func (p *purse) counts(s *spending, label, now int64) bool {
	return s.label >= label && now-s.began < p.period.longest()
}

// spent is what counts against the period, and the part of it that is only reserved.
func (p *purse) spent(label, now int64) (sum, held int64) {
	for _, s := range p.list {
		if p.counts(s, label, now) {
			sum, held = sum+s.sum, held+s.held
		}
	}
	return min(sum, most), held
}

// at returns what was spent under a label; nil where nothing was.
func (p *purse) at(label int64) *spending {
	for _, s := range p.list {
		if s.label == label {
			return s
		}
	}
	return nil
}

// rebound changes the bound. A share that is not reached any more is told of again.
func (p *purse) rebound(bound int64) {
	p.bound = bound
	for _, s := range p.list {
		s.told.percent = min(s.told.percent, share(s.sum-s.held, bound))
	}
}

// book finds the place where the money of a period is booked.
func (p *purse) book(label, now int64) *spending {
	p.list = slices.DeleteFunc(p.list, func(s *spending) bool { return now-s.began >= p.period.longest() })
	if s := p.at(label); s != nil {
		return s
	}
	if len(p.list) == spendings { // the two earliest become one, which counts as long as the later of them
		a, b := p.list[0], p.list[1]
		b.began = max(a.began, b.began)
		b.add(a.sum, a.held)
		p.list = p.list[1:]
	}
	s := &spending{label: label, began: now}
	p.list = append(p.list, s)
	slices.SortFunc(p.list, func(a, b *spending) int { return int(a.label - b.label) })
	return s
}

// Begin tells what had been spent of a budget in its present day and month before anybody counted: the budget is new, its
// day is not. Where counting has begun nothing changes. spent is asked without a lock.
func (l *Limiter) Begin(k *Key, spent func(Period) int64) {
	if k == nil {
		return
	}
	var s locked
	l.lock(&s, []*Key{k})
	if s.n == 0 {
		return
	}
	a := s.room[0]
	due := false
	for _, p := range a.purses {
		due = due || p != nil && !p.started
	}
	s.unlock()
	if !due {
		return
	}
	amounts := [...]int64{spent(Day), spent(Month)}
	a.mu.Lock()
	wall := l.wall()
	for i, p := range a.purses {
		if p != nil && !p.started {
			p.started = true
			p.book(p.period.label(wall), a.last).add(max(amounts[i], 0), 0)
			a.version++
		}
	}
	a.mu.Unlock()
	l.changed()
}

// Purse is how a budget stands.
type Purse struct {
	Account, Name string
	Period        Period
	Spent         int64 // settled
	Reserved      int64 // by requests that run
	Of            int64
	Until         time.Time // end of the period
	// Grace is until when the budget refuses nobody; zero: it does.
	Grace time.Time
	// Graced reports whether that was asked for today already.
	Graced bool
}

// Purses tells how the budgets of keys stand.
func (l *Limiter) Purses(keys ...*Key) []Purse {
	var list []Purse
	for _, k := range keys {
		if k == nil || k.Budget.Day <= 0 && k.Budget.Month <= 0 {
			continue
		}
		var s locked
		l.lock(&s, []*Key{k})
		a, at := s.room[0], l.calendar(&s)
		for _, p := range a.purses {
			if p == nil {
				continue
			}
			sum, held := p.spent(at.label(p.period), a.last)
			out := Purse{Account: a.id, Name: a.name, Period: p.period, Spent: max(0, sum-held), Reserved: held, Of: p.bound, Until: p.period.ends(at.wall), Graced: a.grace.used(&at, a.last)}
			if a.grace.holds(a.last) {
				out.Grace = at.wall.Add(time.Duration(a.grace.until - a.last))
			}
			list = append(list, out)
		}
		s.unlock()
	}
	return list
}
