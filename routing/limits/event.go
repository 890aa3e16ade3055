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
			list = append(list, Event{Account: a.id, Name: a.name, Limit: w.limit, Percent: int(n), Spent: spent, Of: w.limit.Amount,
				Until: l.wall().Add(time.Duration(max(0, w.ring.empties()-a.last)))})
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
		if n := percent(sum-held, p.bound); s.told.reaches(n, a.last) {
			list = append(list, Event{Account: a.id, Name: a.name, Period: p.period, Limit: settings.Limit{Kind: settings.LimitCost, Amount: p.bound},
				Percent: int(n), Spent: sum - held, Of: p.bound, Until: p.period.ends(wall)})
		}
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
	what := "Its limit of $" + Money(e.Of) + " in " + e.Limit.WindowText()
	if e.Period != Sliding {
		what = "The budget of $" + Money(e.Of) + " " + e.Period.span()
	}
	title = fmt.Sprintf("%s has spent %d %% of its money", e.Name, e.Percent)
	if e.Percent >= whole {
		title = e.Name + " has no money left"
	}
	text = what + " is nearly used up: $" + Money(e.Spent) + " are spent."
	if e.Percent >= whole {
		text = what + " is used up. Requests that cost money are refused until there is room again; local and free models go on."
		if e.Period != Sliding {
			text = what + " is used up. Requests that cost money are refused until " + e.Until.Format("2006-01-02 15:04") + "; local and free models go on."
		}
	}
	return title, text
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
