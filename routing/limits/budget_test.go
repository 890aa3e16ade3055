package limits

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"localrouter/db/settings"
)

const usd = int64(1e12)

// spender is a key with a budget alone.
func spender(day, month int64) *Key {
	return &Key{ID: "s", Name: "The key s", Revision: 1, Budget: settings.Budget{Day: day, Month: month}}
}

// zoned are clocks that begin at a local time of a place with daylight saving.
func zoned(t testing.TB, place, at string) *clocks {
	t.Helper()
	loc, err := time.LoadLocation(place)
	if err != nil {
		t.Fatal(err)
	}
	wall, err := time.ParseInLocation("2006-01-02 15:04", at, loc)
	if err != nil {
		t.Fatal(err)
	}
	return &clocks{wall: wall}
}

// spend admits and settles one request of that cost, and reports whether it was let in.
func spend(l *Limiter, k *Key, cost int64) bool {
	ticket, _ := l.Admit(sure(1, 1, cost), k)
	ticket.Settle(used(1, 1, cost))
	return ticket != nil
}

func TestABudgetGoesByLocalMidnight(t *testing.T) {
	for _, c := range []struct {
		place, at string
		wait      time.Duration
	}{
		{"UTC", "2026-06-10 15:00", 9 * time.Hour},
		{"Europe/Berlin", "2026-06-10 15:00", 9 * time.Hour},
		{"America/New_York", "2026-11-01 00:30", 24*time.Hour + 30*time.Minute},    // put back in this night: 25 hours
		{"America/New_York", "2026-03-08 00:30", 22*time.Hour + 30*time.Minute},    // put forward: 23 hours
		{"Africa/Cairo", "2026-04-23 20:00", 4 * time.Hour},                        // there is no midnight at its end
		{"Pacific/Auckland", "2026-12-31 23:59", time.Minute},                      // and a new year
		{"Australia/Lord_Howe", "2026-04-05 00:00", 24*time.Hour + 30*time.Minute}, // half an hour
	} {
		clock := zoned(t, c.place, c.at)
		l, key := clock.limiter(), spender(5*usd, 0)
		if !spend(l, key, 5*usd) {
			t.Fatalf("%s: refused with the whole budget left", c.place)
		}
		_, refusals := l.Admit(sure(1, 1, usd), key)
		if len(refusals) != 1 || refusals[0].Period != Day || refusals[0].Spent != 5*usd || refusals[0].Need != usd || refusals[0].Wait != c.wait || refusals[0].Name != "The key s" {
			t.Fatalf("%s %s: %+v, want a wait of %v", c.place, c.at, refusals, c.wait)
		}
		clock.pass(c.wait - time.Second)
		if spend(l, key, usd) {
			t.Errorf("%s: let in a second before midnight", c.place)
		}
		clock.pass(time.Second)
		if !spend(l, key, 5*usd) || spend(l, key, 1) {
			t.Errorf("%s: a new day has not its own money", c.place)
		}
	}
}

func TestAMonthlyBudgetOutlivesTheDays(t *testing.T) {
	c := zoned(t, "Europe/Berlin", "2026-02-27 12:00")
	l, key := c.limiter(), spender(4*usd, 6*usd)
	if !spend(l, key, 4*usd) || spend(l, key, usd) {
		t.Fatal("the day's budget does not hold")
	}
	c.pass(24 * time.Hour)
	if !spend(l, key, 2*usd) {
		t.Fatal("the second day has no money")
	}
	_, refusals := l.Admit(sure(1, 1, usd), key)
	if len(refusals) != 1 || refusals[0].Period != Month || refusals[0].Wait != 12*time.Hour {
		t.Fatalf("%+v", refusals)
	}
	c.pass(12 * time.Hour)
	if !spend(l, key, 4*usd) {
		t.Error("March has no money")
	}
}

func TestWhatCostsNothingNeedsNoMoney(t *testing.T) {
	c := newClocks()
	l, key := c.limiter(), spender(usd, usd)
	ticket, _ := l.Admit(sure(1, 1, usd), key)
	ticket.Settle(used(1, 1, 3*usd)) // it was dearer than expected
	if !spend(l, key, 0) || spend(l, key, 1) {
		t.Error("over its budget, a key is to use free models and no others")
	}
	window := limited(t, "cost=1/1h")
	ticket, _ = l.Admit(sure(1, 1, usd), window)
	ticket.Settle(used(1, 1, 3*usd))
	if !spend(l, window, 0) || spend(l, window, 1) {
		t.Error("over its limit of cost, a key is to use free models and no others")
	}
}

// TestAClockThatIsSetBackOpensNoDay: neither yesterday's money is there again, nor today's when it comes the second time.
func TestAClockThatIsSetBackOpensNoDay(t *testing.T) {
	c := zoned(t, "Europe/Berlin", "2026-06-10 20:00")
	l, key := c.limiter(), spender(5*usd, 0)
	spend(l, key, 2*usd)
	c.pass(6 * time.Hour) // the 11th
	if !spend(l, key, 5*usd) {
		t.Fatal("a new day has no money")
	}
	for _, back := range []time.Duration{-6 * time.Hour, -time.Minute, -24 * time.Hour, 30 * time.Hour, -29 * time.Hour, 29 * time.Hour} {
		c.wall = c.wall.Add(back)
		if day := c.wall.Day(); day <= 11 && spend(l, key, usd) {
			t.Fatalf("set by %v to the %dth: money is open again", back, day)
		}
		if s := l.Standings(key); s[0].Remaining < 0 {
			t.Fatalf("%+v", s)
		}
	}
}

// TestAFarYearLocksNobody: a clock that stood wrong for a moment is forgotten within a day of true time, of a month's
// money within a month.
func TestAFarYearLocksNobody(t *testing.T) {
	c := zoned(t, "Europe/Berlin", "2026-06-10 12:00")
	l, key := c.limiter(), spender(5*usd, 50*usd)
	spend(l, key, usd)
	right := c.wall
	c.wall = right.AddDate(30, 0, 0)
	if !spend(l, key, 5*usd) || spend(l, key, usd) {
		t.Fatal("another day has its own money")
	}
	c.wall = right
	if spend(l, key, usd) {
		t.Error("what was spent in the far year counts for nothing")
	}
	c.pass(25 * time.Hour)
	if !spend(l, key, 5*usd) {
		t.Error("locked on the next day")
	}
	if s := l.Purses(key); s[1].Spent != 11*usd {
		t.Errorf("the month holds %+v", s[1])
	}
	c.pass(31*24*time.Hour + time.Hour)
	if s := l.Purses(key); s[1].Spent != 0 {
		t.Errorf("a month later it holds %+v", s[1])
	}
}

// TestBudgetsOutliveARestart, with what a running request had reserved, and with the hour that was allowed.
func TestBudgetsOutliveARestart(t *testing.T) {
	c := zoned(t, "Europe/Berlin", "2026-06-10 12:00")
	l, key := c.limiter(), spender(5*usd, 50*usd)
	l.Begin(key, func(p Period) int64 { return int64(p) * usd / 10 })
	l.Begin(key, func(Period) int64 { t.Error("asked a second time"); return 0 })
	spend(l, key, 2*usd)
	l.Admit(sure(1, 1, usd), key) // runs when the program is killed
	if _, err := l.Allow(key, time.Hour); err != nil {
		t.Fatal(err)
	}
	states, _ := l.Unsaved()
	l = restarted(t, c, states, 20*time.Minute)
	l.Begin(key, func(Period) int64 { t.Error("asked after a restart"); return 0 })
	s := l.Purses(key)
	if s[0].Spent != 31*usd/10 || s[1].Spent != 32*usd/10 || s[0].Reserved != 0 {
		t.Errorf("%+v", s)
	}
	if want := c.wall.Add(40 * time.Minute); !s[0].Grace.Equal(want) || !s[0].Graced {
		t.Errorf("the hour ends at %v, want %v", s[0].Grace, want)
	}
	if _, err := l.Allow(key, time.Hour); !errors.Is(err, ErrAllowed) {
		t.Errorf("a second hour on the same day: %v", err)
	}
	l = restarted(t, c, states, 12*time.Hour)
	if !spend(l, key, 5*usd) {
		t.Error("the day after a restart has no money")
	}
}

func TestAllowedForAnHourOnceADay(t *testing.T) {
	c := zoned(t, "Europe/Berlin", "2026-06-10 12:00")
	l, key := c.limiter(), spender(usd, 0)
	if _, err := l.Allow(limited(t, "cost=1/1d"), time.Hour); !errors.Is(err, ErrNoBudget) {
		t.Errorf("a limit is no budget: %v", err)
	}
	spend(l, key, usd)
	if spend(l, key, usd) {
		t.Fatal("the budget does not hold")
	}
	until, err := l.Allow(key, time.Hour)
	if err != nil || !until.Equal(c.wall.Add(time.Hour)) {
		t.Fatalf("%v %v", until, err)
	}
	c.wall = c.wall.Add(-3 * time.Hour) // makes no hour longer
	c.pass(time.Hour - 1)
	if !spend(l, key, usd) {
		t.Error("refused within the hour")
	}
	c.pass(1)
	if spend(l, key, 1) {
		t.Error("let in after the hour")
	}
	if s := l.Purses(key); s[0].Spent != 2*usd || !s[0].Grace.IsZero() || !s[0].Graced {
		t.Errorf("what was spent within the hour counts: %+v", s)
	}
	c.pass(24 * time.Hour)
	spend(l, key, usd)
	if _, err := l.Allow(key, time.Hour); err != nil || !spend(l, key, usd) {
		t.Errorf("the next day has its own hour: %v", err)
	}
}

// TestAllOrNothing: what the second account refuses the first has not reserved.
func TestAllOrNothing(t *testing.T) {
	c, key := newClocks(), limited(t, "requests=10/1h", "cost=9/1h")
	l := c.limiter()
	router := limited(t, "requests=3/1m")
	router.ID, router.Name = "router:fast", "The router fast"
	machine := spender(2*usd, 0)
	for range 3 {
		if ticket, refusals := l.Admit(sure(1, 1, usd/2), key, router, machine); ticket == nil {
			t.Fatal(refusals)
		}
	}
	_, refusals := l.Admit(sure(1, 1, usd), key, router, machine)
	if len(refusals) != 2 || refusals[0].Name != "The router fast" || refusals[1].Period != Day {
		t.Errorf("%+v", refusals)
	}
	if _, again := l.Admit(sure(1, 1, usd), machine, router, key); len(again) != 2 || again[0].Period != Day {
		t.Errorf("not in the order of the keys: %+v", again)
	}
	if s := l.Standings(key); s[0].Remaining != 7 || s[1].Remaining != 9*usd-3*usd/2 {
		t.Errorf("a refusal reserved something: %+v", s)
	}
	s := l.Standings(key, router, machine)
	if len(s) != 2 || s[0].Limit.Amount != 3 || s[0].Remaining != 0 || s[1].Limit.Amount != 2*usd || s[1].Remaining != usd/2 {
		t.Errorf("the tightest of each kind: %+v", s)
	}
	if ticket, _ := l.Admit(sure(1, 1, 0), key, nil, key); ticket == nil {
		t.Fatal("refused")
	} else if s := l.Standings(key); s[0].Remaining != 6 {
		t.Errorf("a key that was named twice counts %d times", 7-s[0].Remaining)
	}
}

func TestEventsAreToldOnceInEachPeriod(t *testing.T) {
	c := zoned(t, "Europe/Berlin", "2026-06-10 12:00")
	var got []string
	l := New(Options{Elapsed: func() time.Duration { return c.elapsed }, Wall: func() time.Time { return c.wall },
		Event: func(e Event) { got = append(got, fmt.Sprintf("%s %s %d", e.Account, e.Period, e.Percent)) }})
	key := spender(10*usd, 100*usd)
	told := func(when string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: told %q, want %q", when, got, want)
		}
		got = nil
	}
	spend(l, key, 7*usd)
	told("at 70 %")
	ticket, _ := l.Admit(sure(1, 1, 2*usd), key)
	told("while 90 % are only reserved")
	ticket.Settle(used(1, 1, usd))
	told("at 80 %", "s day 80")
	spend(l, key, usd)
	told("at 90 %")
	spend(l, key, 2*usd)
	told("refused for want of money", "s day 100")
	spend(l, key, 2*usd)
	spend(l, key, usd)
	told("once only")
	states, _ := l.Unsaved()
	if err := l.Restore(states); err != nil {
		t.Fatal(err)
	}
	spend(l, key, usd)
	told("after a restart")
	c.pass(12 * time.Hour)
	spend(l, key, 8*usd)
	told("on the next day", "s day 80")
	raised := spender(20*usd, 100*usd)
	raised.Revision = 2
	spend(l, raised, 4*usd)
	told("60 % of a raised budget")
	spend(l, raised, 4*usd)
	told("80 % of a raised budget", "s day 80")

	window := limited(t, "cost=1/1h")
	spend(l, window, usd)
	spend(l, window, usd)
	told("a limit of cost", "k sliding 100")
	for range 3 {
		c.pass(2 * time.Hour)
		spend(l, window, usd*85/100)
		told("when its window came round", "k sliding 80")
	}
	tokens := limited(t, "tokens=10/1h")
	tokens.ID = "t"
	spend(l, tokens, 0)
	told("of tokens nothing")
}

// TestNoDayIsEverOverItsBudget plays random requests, held against a router too, under a clock that runs, jumps and is put
// right again. The oracle remembers each that was let in, by the date on the wall and the true time: what was paid for
// today, or for a day that comes after it on the calendar, counts unless the first of that day is longer ago than a day
// can last. Nothing is let in past that, and nobody is refused who fits into twice as long.
func TestNoDayIsEverOverItsBudget(t *testing.T) {
	for _, place := range []string{"UTC", "America/New_York", "Australia/Lord_Howe"} {
		t.Run(place, func(t *testing.T) { playDays(t, place, often(8_000, 1_000_000)) })
	}
}

// paid is a request as the oracle knows it.
type paid struct {
	at, date, began  int64
	reserved, actual int64
	ticket           *Ticket
}

// paidFor is what counts against p: of its day and later ones, if the first of that day was within span.
func paidFor(all []*paid, p *paid, span time.Duration) (sum int64) {
	for i := len(all) - 1; i >= 0 && all[i].at > p.at-int64(2*span); i-- {
		if o := all[i]; o.date >= p.date && p.at-o.began < int64(span) {
			sum += o.actual
		}
	}
	return sum
}

func playDays(t *testing.T, place string, steps int) {
	const budget = 10 * usd
	rnd := rand.New(rand.NewPCG(uint64(len(place)), 9))
	c := zoned(t, place, "2026-10-20 12:00")
	router := limited(t, "requests=9/2h", "cost=9/6h")
	router.ID = "router:r"
	key, l := spender(budget, 0), c.limiter()
	wrong := time.Duration(0) // how far the wall stands from where it belongs
	var all, running []*paid
	refused := 0
	for range steps {
		switch n := rnd.IntN(60); {
		case n == 0:
			jump := time.Duration(rnd.Int64N(int64(100*time.Hour))) - 50*time.Hour
			c.wall, wrong = c.wall.Add(jump), wrong+jump
		case n <= 2:
			c.wall, wrong = c.wall.Add(-wrong), 0
		case n < 20 && len(running) > 0:
			i := rnd.IntN(len(running))
			p := running[i]
			p.actual = rnd.Int64N(2*p.reserved + 1)
			p.ticket.Settle(used(1, 1, p.actual))
			p.ticket.Settle(used(1, 1, 99*usd))
			running = slices.Delete(running, i, i+1)
		default:
			c.pass(time.Duration(rnd.Int64N(int64(20 * time.Minute))))
			p := &paid{at: int64(c.elapsed), reserved: rnd.Int64N(usd) + 1}
			year, month, day := c.wall.Date()
			p.date, p.began = int64(year*10000+int(month)*100+day), p.at
			for i := len(all) - 1; i >= 0 && all[i].at > p.at-int64(25*time.Hour); i-- {
				if all[i].date == p.date {
					if p.at-all[i].began < int64(25*time.Hour) {
						p.began = all[i].began
					}
					break
				}
			}
			p.actual = p.reserved
			ticket, refusals := l.Admit(sure(1, 1, p.reserved), key, router)
			if ticket != nil && paidFor(all, p, 25*time.Hour)+p.reserved > budget {
				t.Fatalf("%v: let in with %d spent", c.wall, paidFor(all, p, 25*time.Hour))
			}
			if slices.ContainsFunc(refusals, func(r Refusal) bool { return r.Period == Day }) && paidFor(all, p, 51*time.Hour)+p.reserved <= budget {
				t.Fatalf("%v: refused with %d spent: %+v", c.wall, paidFor(all, p, 51*time.Hour), refusals)
			}
			if p.ticket = ticket; ticket == nil {
				refused++
				continue
			}
			all, running = append(all, p), append(running, p)
		}
		for _, s := range l.Purses(key) {
			if s.Spent < 0 || s.Reserved < 0 {
				t.Fatalf("%+v", s)
			}
		}
	}
	if refused < steps/50 || len(all) < steps/50 {
		t.Fatalf("%d refused and %d let in of %d steps: the test proves nothing", refused, len(all), steps)
	}
	within := map[int64]int{} // what was let in through the router, by its exact limit of requests
	for i, p := range all {
		for j := i; j >= 0 && all[j].at > p.at-int64(2*time.Hour); j-- {
			within[p.at]++
		}
		if within[p.at] > 9 {
			t.Fatalf("%d requests within two hours of %v", within[p.at], time.Duration(p.at))
		}
	}
}
