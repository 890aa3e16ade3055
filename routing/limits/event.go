package limits

import (
	"fmt"
	"time"

	"localrouter/db/settings"
)

// Event is told once when so much of a budget, or of a limit of cost, is spent that a person should know.
type Event struct {
	Account, Name string
	Period        Period         // of a budget; Sliding: it is a limit
	Limit         settings.Limit // of a budget only kind and amount
	Percent       int            // 80, or 100: no room is left
	Spent, Of     int64          // 10^-12 USD
	Until         time.Time      // when the period is over; of a limit the latest time at which there is room again
	// Grace is until when a budget that is used up refuses nobody, Graced whether that was asked for today already. Only
	// Crossed fills them in.
	Grace  time.Time
	Graced bool
}

// The shares at which a person is told.
const (
	nearly = 80
	whole  = 100
)

// told is what a person was told of a period, or of a window.
type told struct {
	percent int64
	at      int64
}

// share is which of the shares an amount has reached; 0: none.
func share(spent, bound int64) int64 {
	switch {
	case spent >= bound:
		return whole
	case spent >= bound/100*nearly:
		return nearly
	}
	return 0
}

// reaches notes a share and reports whether it is news.
func (t *told) reaches(percent, now int64) bool {
	if percent <= t.percent {
		return false
	}
	t.percent, t.at = percent, now
	return true
}

// rearm forgets what was told of a window that has room again, at most once in its length. The ring must stand at now.
func (w *window) rearm(now int64) {
	if w.told.percent > 0 && now-w.told.at >= int64(w.limit.Window) && share(w.ring.total()-w.held, w.limit.Amount) == 0 {
		w.told = told{}
	}
}

// events adds what is news of the money of an account, after what was spent changed, or after c was refused. A bound that
// refuses although little is spent, because the request is dear or others run, is not used up.
func (a *account) events(l *Limiter, c *Claim, list []Event) []Event {
	percent := func(spent, bound int64) int64 {
		n := share(spent, bound)
		if n == nearly && c != nil && spent+c.need(settings.LimitCost, bound) > bound {
			n = whole
		}
		return n
	}
	for _, w := range a.windows {
		if w.limit.Kind != settings.LimitCost {
			continue
		}
		w.ring.advance(a.last)
		spent := w.ring.total() - w.held
		n := percent(spent, w.limit.Amount)
		w.rearm(a.last)
		if w.told.reaches(n, a.last) {
			list = append(list, a.windowEvent(w, spent, l.wall()))
		}
	}
	for _, p := range a.purses {
		if p == nil || c != nil && a.grace.holds(a.last) {
			continue
		}
		wall := l.wall()
		label := p.period.label(wall)
		sum, held := p.spent(label, a.last)
		s := p.at(label)
		if s == nil {
			continue
		}
		if s.told.reaches(percent(sum-held, p.bound), a.last) {
			list = append(list, a.purseEvent(p, s, sum-held, wall))
		}
	}
	return list
}

func (a *account) windowEvent(w *window, spent int64, wall time.Time) Event {
	return Event{Account: a.id, Name: a.name, Limit: w.limit, Percent: int(w.told.percent), Spent: spent, Of: w.limit.Amount,
		Until: wall.Add(time.Duration(max(0, w.ring.empties()-a.last)))}
}

func (a *account) purseEvent(p *purse, s *spending, spent int64, wall time.Time) Event {
	return Event{Account: a.id, Name: a.name, Period: p.period, Limit: settings.Limit{Kind: settings.LimitCost, Amount: p.bound},
		Percent: int(s.told.percent), Spent: spent, Of: p.bound, Until: p.period.ends(wall)}
}

// Crossed lists what was told of the keys and still holds.
func (l *Limiter) Crossed(keys ...*Key) (list []Event) {
	for _, k := range keys {
		if !k.CountsMoney() {
			continue
		}
		var s locked
		l.lock(&s, []*Key{k})
		a, wall := s.room[0], l.wall()
		at := moment{wall, Day.label(wall), Month.label(wall)}
		for _, w := range a.windows {
			if w.limit.Kind != settings.LimitCost || w.told.percent == 0 {
				continue
			}
			w.ring.advance(a.last)
			if spent := w.ring.total() - w.held; share(spent, w.limit.Amount) > 0 {
				list = append(list, a.windowEvent(w, spent, wall))
			}
		}
		for _, p := range a.purses {
			if p == nil {
				continue
			}
			spent := p.at(at.label(p.period))
			if spent == nil || spent.told.percent == 0 {
				continue
			}
			sum, held := p.spent(spent.label, a.last)
			e := a.purseEvent(p, spent, sum-held, wall)
			e.Graced = a.grace.used(&at, a.last)
			if a.grace.holds(a.last) {
				e.Grace = wall.Add(time.Duration(a.grace.until - a.last))
			}
			list = append(list, e)
		}
		s.unlock()
	}
	return list
}

// tell hands events out, with no lock held.
func (l *Limiter) tell(list []Event) {
	for _, e := range list {
		l.event(e)
	}
}

// Text tells a person what happened and what follows, in the same words everywhere.
func (e Event) Text() (title, text string) {
	amount := settings.Limit{Kind: settings.LimitCost}.AmountText(e.Of)
	what := "Its limit of $" + amount + " in " + e.Limit.WindowText()
	until := "there is room again"
	if e.Period != Sliding {
		what = "The budget of $" + amount + " " + e.Period.span()
		until = e.Until.Format("2006-01-02 15:04")
	}
	if e.Percent < whole {
		return fmt.Sprintf("%s has spent %d %% of its money", e.Name, e.Percent), what + " is nearly used up: $" + Money(e.Spent) + " are spent."
	}
	title = e.Name + " has no money left"
	if !e.Grace.IsZero() {
		return title, what + " is used up. Requests go on until " + e.Grace.Format("15:04") + ", because an hour more was allowed."
	}
	return title, what + " is used up. Requests that cost money are refused until " + until + "; local and free models go on."
}

// span is the period as it stands behind an amount.
func (p Period) span() string {
	if p == Day {
		return "for today"
	}
	return "for this month"
}

// Money spells an amount in USD for reading: cents, and of less than a dollar as many digits as tell something.
func Money(n int64) string {
	if n >= 1e12 || n == 0 {
		return fmt.Sprintf("%d.%02d", n/1e12, n%1e12/1e10)
	}
	return settings.Limit{Kind: settings.LimitCost}.AmountText(n - n%1e6)
}
