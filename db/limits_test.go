package db_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"localrouter/db"
	"localrouter/db/settings"
	"localrouter/routing/limits"
)

var hundredAnHour = &limits.Key{ID: "k1", Revision: 1, Limits: []settings.Limit{{Kind: settings.LimitRequests, Amount: 100, Window: time.Hour}}}

var fiveADay = &limits.Key{ID: "k2", Revision: 1, Budget: settings.Budget{Day: 5e12, Month: 50e12}}

func oneRequest() *limits.Claim {
	c := &limits.Claim{}
	c.Expected[settings.LimitRequests] = 1
	return c
}

// restore starts a limiter on what the folder holds.
func (h *home) restore() *limits.Limiter {
	h.Helper()
	states, err := h.store.LimitStates()
	if err != nil {
		h.Fatal(err)
	}
	l := limits.New(limits.Options{})
	if err := l.Restore(states); err != nil {
		h.Fatal(err)
	}
	return l
}

// TestLimitsOutliveAKill: within a second of an admission its window is on disk, even where the request is still running
// and nothing else is recorded.
func TestLimitsOutliveAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.now = time.Now
		l := limits.New(limits.Options{Changed: func() { h.rec.Touch() }})
		h.extra = db.KeepLimits(l)
		h.open()
		for range 30 {
			l.Admit(oneRequest(), hundredAnHour)
		}
		dollar := oneRequest()
		dollar.Expected[settings.LimitCost] = 1e12
		l.Admit(dollar, hundredAnHour, fiveADay) // still runs at the kill: what it cost nobody will know
		used, _ := l.Admit(dollar, fiveADay)
		used.Settle(limits.Amounts{settings.LimitRequests: 1, settings.LimitCost: 5e11})
		if _, err := l.Allow(fiveADay, time.Hour); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		killed := h.image()
		killed.open()
		after := killed.restore()
		if s := after.Standings(hundredAnHour); s[0].Remaining != 69 {
			t.Errorf("after a kill %d are left, want 69", s[0].Remaining)
		}
		if p := after.Purses(fiveADay); p[0].Spent != 15e11 || p[1].Spent != 15e11 || p[0].Grace.IsZero() {
			t.Errorf("after a kill the budgets are %+v", p)
		}
		killed.close()

		ticket, _ := l.Admit(oneRequest(), hundredAnHour)
		ticket.Refund()
		l.Admit(oneRequest(), hundredAnHour)
		h.extra = nil
		h.reopen() // quits: all is written at once
		if s := h.restore().Standings(hundredAnHour); s[0].Remaining != 68 {
			t.Errorf("after a quit %d are left, want 68", s[0].Remaining)
		}
		h.close()
	})
}

// TestAWindowThatWasNotSavedIsSavedLater: a transaction that failed confirms nothing.
func TestAWindowThatWasNotSavedIsSavedLater(t *testing.T) {
	h := newHome(t)
	l := limits.New(limits.Options{})
	keep, full := db.KeepLimits(l), true
	h.extra = func(tx *bbolt.Tx) error {
		if err := keep(tx); err != nil || !full {
			return err
		}
		return errors.New("no space left")
	}
	h.open()
	l.Admit(oneRequest(), hundredAnHour)
	if h.rec.Flush() == nil {
		t.Fatal("the disk was full")
	}
	full = false
	if err := h.rec.Flush(); err != nil {
		t.Fatal(err)
	}
	if s := h.restore().Standings(hundredAnHour); s[0].Remaining != 99 {
		t.Errorf("%+v", s)
	}
	l.Retain(func(string) bool { return false })
	if err := h.rec.Flush(); err != nil {
		t.Fatal(err)
	}
	if states, _ := h.store.LimitStates(); states["k1"] != nil {
		t.Error("a key that is gone is still on disk")
	}
}
