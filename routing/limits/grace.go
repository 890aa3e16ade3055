package limits

import (
	"errors"
	"time"
)

// grace lets requests pass a budget for a while. What they spend counts all the same.
type grace struct {
	until int64 // by the time of the windows
	day   int64 // label of the day on which it was asked for; 0: never
	asked int64
}

func (g *grace) holds(now int64) bool { return now < g.until }

// used reports whether it was asked for on the present day. As with money, a clock that was set back gives no second one,
// and none locks longer than a day.
func (g *grace) used(at *moment, now int64) bool {
	return g.day != 0 && g.day >= at.day && now-g.asked < Day.longest()
}

// The reasons why Allow does not.
var (
	ErrNoBudget = errors.New("there is no budget to go past")
	ErrAllowed  = errors.New("that was allowed once today already")
)

// longestGrace is the most that Allow gives.
const longestGrace = 24 * time.Hour

// Allow lets a key's requests pass its budgets for a while, once a day, and returns until when.
func (l *Limiter) Allow(k *Key, d time.Duration) (time.Time, error) {
	if k == nil || k.Budget.Day <= 0 && k.Budget.Month <= 0 {
		return time.Time{}, ErrNoBudget
	}
	var s locked
	l.lock(&s, []*Key{k})
	a, at := s.room[0], l.calendar(&s)
	if a.grace.used(&at, a.last) {
		s.unlock()
		return time.Time{}, ErrAllowed
	}
	d = min(max(d, 0), longestGrace)
	a.grace = grace{until: a.last + int64(d), day: at.day, asked: a.last}
	a.version++
	s.unlock()
	l.changed()
	return at.wall.Add(d), nil
}
