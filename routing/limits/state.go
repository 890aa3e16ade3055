package limits

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"localrouter/db/settings"
)

// stateVersion is the first byte of every state. The first knew no budgets.
const (
	stateVersion = 2
	firstVersion = 1
)

// clockID is the name under which the time stands beside the states of the keys.
const clockID = "clock"

// latestTime leaves room to count on from.
const latestTime = 1 << 62

var errState = errors.New("the state of its limits cannot be read")

// Unsaved returns the states that changed since they were saved, by key id, with the time they hold for; nil is for a
// key that is to be forgotten. saved must be called once they are on disk. Both are empty where nothing changed.
func (l *Limiter) Unsaved() (states map[string][]byte, saved func()) {
	type version struct {
		a *account
		n uint64
	}
	var versions []version
	states = map[string][]byte{}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, a := range l.accounts {
		a.mu.Lock()
		if a.version != a.saved {
			states[id] = a.appendState(nil)
			versions = append(versions, version{a, a.version})
		}
		a.mu.Unlock()
	}
	gone := make([]string, 0, len(l.gone))
	for id := range l.gone {
		states[id] = nil
		gone = append(gone, id)
	}
	if len(states) == 0 {
		return nil, func() {}
	}
	states[clockID] = appendNumbers([]byte{stateVersion}, l.now(), l.wallNanos())
	return states, func() {
		for _, v := range versions {
			v.a.mu.Lock()
			v.a.saved = v.n
			v.a.mu.Unlock()
		}
		l.mu.Lock()
		for _, id := range gone {
			if l.accounts[id] == nil {
				delete(l.gone, id)
			}
		}
		l.mu.Unlock()
	}
}

// Restore takes up the states of the run before, whose time goes on as long as the wall clock says that the program was
// away; where that clock was set back, as if it had not been away. It must be called before anything else. A state that
// cannot be read is left out, and the error names its key.
func (l *Limiter) Restore(states map[string][]byte) error {
	if len(states) == 0 {
		return nil
	}
	clock := numbers{rest: states[clockID]}
	clock.version()
	then, wall := clock.next(), clock.next()
	away := max(0, l.wallNanos()-wall)
	if clock.bad || then > latestTime-away {
		return errors.New("the time of the limits cannot be read; they begin with empty windows")
	}
	l.base = then + away - int64(l.elapsed())
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for id, state := range states {
		if id == clockID {
			continue
		}
		a := l.addLocked(id)
		if err := a.readState(state, then); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w; its windows begin empty", id, err))
			delete(l.accounts, id)
		}
	}
	return errors.Join(errs...)
}

// appendState writes the account: the times, each as the distance from the one before, of every window the parts that
// hold something, and the budgets. What running requests reserve counts as spent: after a kill nobody knows what came of
// them.
func (a *account) appendState(b []byte) []byte {
	b = appendNumbers(append(b, stateVersion), a.last)
	n, newest := 0, a.last
	if a.times != nil {
		n = a.times.n
	}
	b = appendNumbers(b, int64(n))
	for k := 1; k <= n; k++ {
		b = appendNumbers(b, newest-a.times.back(k))
		newest = a.times.back(k)
	}
	b = appendNumbers(b, int64(len(a.windows)))
	for _, w := range a.windows {
		b = appendNumbers(b, int64(w.limit.Kind), w.limit.Amount, int64(w.limit.Window), w.ring.head)
		filled := int64(0)
		for _, sum := range w.ring.sums {
			if sum != 0 {
				filled++
			}
		}
		b = appendNumbers(b, filled)
		for i, sum := range w.ring.sums {
			if sum != 0 {
				b = appendNumbers(b, int64(i), sum)
			}
		}
		b = appendNumbers(b, w.told.percent, w.told.at)
	}
	b = appendNumbers(b, a.grace.until, a.grace.day, a.grace.asked)
	for _, p := range a.purses {
		b = p.appendState(b)
	}
	return b
}

// appendState writes a budget, as 0 where there is none.
func (p *purse) appendState(b []byte) []byte {
	if p == nil {
		return append(b, 0)
	}
	started := int64(0)
	if p.started {
		started = 1
	}
	b = appendNumbers(b, p.bound, started, int64(len(p.list)))
	for _, s := range p.list {
		b = appendNumbers(b, s.label, s.began, s.sum, s.told.percent, s.told.at)
	}
	return b
}

func readPurse(r *numbers, period Period, latest int64) (p *purse, ok bool) {
	bound := r.next()
	if bound == 0 {
		return nil, !r.bad
	}
	started, n := r.next(), r.next()
	if r.bad || bound > most || started > 1 || n > spendings {
		return nil, false
	}
	p = &purse{period: period, bound: bound, started: started == 1}
	label := int64(-1)
	for range n {
		s := &spending{label: r.next(), began: r.next(), sum: r.next(), told: told{r.next(), r.next()}}
		if r.bad || s.label <= label || s.label > mostLabel || s.began > latest || s.sum > most {
			return nil, false
		}
		label = s.label
		p.list = append(p.list, s)
	}
	return p, true
}

// mostLabel bounds the label of a period, far beyond any year.
const mostLabel = 1 << 40

// readState reads what appendState wrote. latest is the time at which it was saved.
func (a *account) readState(state []byte, latest int64) error {
	r := numbers{rest: state}
	version := r.version()
	a.last = r.next()
	n := r.next()
	if r.bad || a.last > latest || n > exact {
		return errState
	}
	if n > 0 {
		a.times = &times{n: int(n), next: int(n) % exact}
	}
	at := a.last
	for k := range n {
		if at -= r.next(); at < 0 {
			return errState
		}
		a.times.at[n-1-k] = at
	}
	windows := r.next()
	if r.bad || windows > settings.MostLimits {
		return errState
	}
	for range windows {
		w, ok := readWindow(&r, version)
		if !ok || w.ring.head > a.last/w.ring.width || w.told.at > a.last {
			return errState
		}
		if w.limit.Kind == settings.LimitRequests && a.times == nil {
			a.times = &times{}
		}
		a.windows = append(a.windows, w)
	}
	if version > firstVersion {
		a.grace = grace{until: r.next(), day: r.next(), asked: r.next()}
		for i := range a.purses {
			var ok bool
			if a.purses[i], ok = readPurse(&r, Period(i+1), a.last); !ok {
				return errState
			}
		}
		if r.bad || a.grace.day > mostLabel || a.grace.asked > a.last || a.grace.until > a.last+int64(longestGrace) {
			return errState
		}
	}
	if len(r.rest) > 0 {
		return errState
	}
	return nil
}

func readWindow(r *numbers, version byte) (*window, bool) {
	kind, amount, span, head, filled := r.next(), r.next(), r.next(), r.next(), r.next()
	if r.bad || kind >= settings.LimitKinds || amount < 1 || span < int64(settings.ShortestWindow) || span > int64(settings.LongestWindow) || filled > parts+1 {
		return nil, false
	}
	w := &window{limit: settings.Limit{Kind: settings.LimitKind(kind), Amount: amount, Window: time.Duration(span)}, ring: newRing(time.Duration(span))}
	w.ring.head = head
	for range filled {
		i, sum := r.next(), r.next()
		if r.bad || i > parts || sum > most {
			return nil, false
		}
		w.ring.sums[i] = sum
	}
	if version > firstVersion {
		w.told = told{r.next(), r.next()}
	}
	return w, !r.bad
}

func appendNumbers(b []byte, list ...int64) []byte {
	for _, n := range list {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

// numbers reads what appendNumbers wrote; none is negative.
type numbers struct {
	rest []byte
	bad  bool
}

func (r *numbers) next() int64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > 1<<63-1 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return int64(n)
}

func (r *numbers) version() byte {
	if len(r.rest) == 0 || r.rest[0] < firstVersion || r.rest[0] > stateVersion {
		r.bad, r.rest = true, nil
		return 0
	}
	v := r.rest[0]
	r.rest = r.rest[1:]
	return v
}
