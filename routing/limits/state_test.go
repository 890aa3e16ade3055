package limits

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"testing"
	"time"
)

// restarted is a limiter that took up what another left, after the wall clock went on by away.
func restarted(t *testing.T, c *clocks, states map[string][]byte, away time.Duration) *Limiter {
	t.Helper()
	c.wall = c.wall.Add(away)
	c.elapsed = time.Duration(rand.Int64N(int64(time.Hour))) // another boot
	l := c.limiter()
	if err := l.Restore(states); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRestartGoesOnInTheMiddleOfAWindow(t *testing.T) {
	for _, text := range []string{"requests=100/1h", "requests=1000/1h", "tokens=2000/1h"} {
		c, key := newClocks(), limited(t, text)
		l := c.limiter()
		claim := sure(10, 10, 0)
		if text[0] == 'r' {
			for range key.Limits[0].Amount / 100 * 60 {
				l.Admit(claim, key)
			}
		} else {
			for range 60 {
				l.Admit(claim, key)
			}
		}
		before := l.Standings(key)[0]
		states, _ := l.Unsaved()
		l = restarted(t, c, states, 30*time.Minute)
		if s := l.Standings(key)[0]; s.Remaining != before.Remaining || s.Reset != before.Reset-30*time.Minute {
			t.Errorf("%s: %+v before, %+v after half an hour away", text, before, s)
		}
		states, _ = l.Unsaved() // nothing new: as it was
		if states != nil {
			t.Error("a restored state is saved again without a change")
		}
		c.pass(31*time.Minute + time.Minute)
		if s := l.Standings(key)[0]; s.Remaining != s.Limit.Amount {
			t.Errorf("%s: after its hour the window holds %d still", text, s.Limit.Amount-s.Remaining)
		}
	}
}

// TestManyRestartsDoNotMoveAWindow: a window that took a little longer with each start would lock whoever restarts often.
func TestManyRestartsDoNotMoveAWindow(t *testing.T) {
	c, key := newClocks(), limited(t, "tokens=100/1h")
	l := c.limiter()
	l.Admit(sure(60, 40, 0), key)
	all := map[string][]byte{}
	var others = limited(t, "requests=100000/1s")
	others.ID = "other"
	for range 1000 {
		l.Admit(sure(1, 1, 1), others) // so that there is something to save
		states, saved := l.Unsaved()
		saved()
		maps.Copy(all, states)
		l = restarted(t, c, all, 3660*time.Millisecond)
	}
	if s := l.Standings(key)[0]; s.Remaining != 100 {
		t.Errorf("%+v after an hour and a minute", s)
	}
}

func TestAClockThatJumpsNeitherResetsNorLocks(t *testing.T) {
	c, key := newClocks(), limited(t, "requests=5/1h", "cost=1/1h")
	l := c.limiter()
	full := func() bool { _, refusals := l.Admit(sure(1, 1, 2e11), key); return refusals != nil }
	for range 5 {
		if full() {
			t.Fatal("full before its limit")
		}
	}
	for _, jump := range []time.Duration{1000 * time.Hour, -5000 * time.Hour} {
		c.wall = c.wall.Add(jump)
		if !full() {
			t.Fatalf("a jump of %v emptied the window", jump)
		}
	}
	states, _ := l.Unsaved()
	l = restarted(t, c, states, -300*time.Hour)
	if !full() {
		t.Fatal("a clock that was set back during a restart emptied the window")
	}
	c.pass(time.Hour + 2*time.Minute)
	if full() {
		t.Fatal("a clock that was set back locks the window beyond its length")
	}
}

func TestForgottenKeysAreForgottenOnDisk(t *testing.T) {
	c, key := newClocks(), limited(t, "requests=5/1h")
	l := c.limiter()
	l.Admit(sure(1, 1, 1), key)
	states, saved := l.Unsaved()
	if len(states) != 2 {
		t.Fatalf("%v", states)
	}
	again, _ := l.Unsaved()
	if !bytes.Equal(again["k"], states["k"]) {
		t.Error("what was not confirmed as saved is not given again")
	}
	saved()
	if states, _ := l.Unsaved(); states != nil {
		t.Errorf("saved twice: %v", states)
	}
	l.Retain(func(string) bool { return false })
	states, saved = l.Unsaved()
	if state, ok := states["k"]; !ok || state != nil {
		t.Errorf("%v", states)
	}
	saved()
	if states, _ := l.Unsaved(); states != nil || len(l.accounts) != 0 {
		t.Error("the key is still known")
	}
}

// TestStatesOfTheFirstVersionAreRead: they held no budgets.
func TestStatesOfTheFirstVersionAreRead(t *testing.T) {
	c, key := newClocks(), limited(t, "requests=5/1h")
	first := func(list ...int64) []byte { return appendNumbers([]byte{firstVersion}, list...) }
	now := c.wall.UnixNano()
	window := int64(time.Hour)
	l := c.limiter()
	err := l.Restore(map[string][]byte{"k": first(now, 2, 0, 1, 1, 0, 5, window, now/(window/parts), 1, (now/(window/parts))%(parts+1), 2), clockID: first(now, now)})
	if s := l.Standings(key); err != nil || s[0].Remaining != 3 {
		t.Errorf("%+v %v", s, err)
	}
}

// FuzzRestore: whatever stands in the file, the limiter works afterwards and never lets more through than its limit.
func FuzzRestore(f *testing.F) {
	c, key := newClocks(), limited(f, "requests=5/1h", "requests=300/1m", "tokens=900/1d")
	l := c.limiter()
	l.Admit(sure(3, 4, 5), key)
	c.pass(time.Minute)
	l.Admit(sure(3, 4, 5), key)
	purse := spender(5*usd, 50*usd)
	l.Admit(sure(3, 4, usd), purse)
	l.Allow(purse, time.Hour)
	states, _ := l.Unsaved()
	f.Add(states["k"], states[clockID])
	f.Add(states["s"], states[clockID])
	f.Add([]byte{1}, []byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, state, clock []byte) {
		c, key := newClocks(), limited(t, "requests=5/1h", "requests=300/1m", "tokens=900/1d")
		l := c.limiter()
		l.Restore(map[string][]byte{"k": state, clockID: clock})
		let := 0
		for range 10 {
			if ticket, _ := l.Admit(sure(3, 4, 5), key); ticket != nil {
				let++
			}
		}
		if let > 5 {
			t.Errorf("%d were let in", let)
		}
		l.Restore(map[string][]byte{"s": state, clockID: clock})
		for range 3 {
			spend(l, spender(usd, 0), usd/2)
		}
		for _, p := range l.Purses(spender(usd, 0)) {
			if p.Spent < 0 || p.Reserved < 0 {
				t.Errorf("%+v", p)
			}
		}
		l.Standings(key)
		states, _ := l.Unsaved()
		if states != nil {
			if err := c.limiter().Restore(states); err != nil {
				t.Errorf("its own state cannot be read: %v", err)
			}
		}
	})
}
