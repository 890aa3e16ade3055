package db_test

import (
	"testing"
	"testing/synctest"
	"time"

	"localrouter/db"
	"localrouter/providers/llm"
	"localrouter/routing/health"
)

// tracker starts one on what the folder holds.
func (h *home) tracker() *health.Tracker {
	h.Helper()
	states, err := h.store.RestStates()
	if err != nil {
		h.Fatal(err)
	}
	t := health.New(health.Options{Changed: func() {
		if h.rec != nil {
			h.rec.Touch()
		}
	}})
	if err := t.Load(states); err != nil {
		h.Fatal(err)
	}
	return t
}

// TestRestsOutliveAKill: within a second of a refusal it is on disk that its credential rests, beside the limits.
func TestRestsOutliveAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.now = time.Now
		var keep func() (map[string][]byte, func())
		h.extra = db.KeepAll(db.KeepLimits(unsaved(func() (map[string][]byte, func()) { return map[string][]byte{"k": {1}}, func() {} })),
			db.KeepRests(unsaved(func() (map[string][]byte, func()) { return keep() })))
		keep = func() (map[string][]byte, func()) { return nil, func() {} }
		h.open()
		tracker := h.tracker()
		keep = tracker.Unsaved
		target := func(t *health.Tracker) *health.Target { return t.Target("p", false, []string{"k1"}, "m") }
		p, _ := target(tracker).Enter(time.Now(), false, 0)
		p.Done(health.Outcome{Err: &llm.Error{Kind: llm.Quota}})
		time.Sleep(time.Second)
		synctest.Wait()

		killed := h.image()
		killed.open()
		time.Sleep(5 * time.Minute)
		if s := target(killed.tracker()).Standing(time.Now()); s.Cause != health.QuotaUsed || s.Wait > 10*time.Minute || s.Wait < 9*time.Minute {
			t.Errorf("after a kill: %+v", s)
		}
		if states, err := killed.store.LimitStates(); err != nil || states["k"] == nil {
			t.Errorf("the limits were lost: %v %v", states, err)
		}
		killed.close()

		tracker.Retry("p")
		h.extra = nil
		h.reopen() // quits: all is written at once
		if s := target(h.tracker()).Standing(time.Now()); !s.Ready {
			t.Errorf("after a quit: %+v", s)
		}
		h.close()
	})
}

// unsaved hands out what a function says.
type unsaved func() (map[string][]byte, func())

func (u unsaved) Unsaved() (map[string][]byte, func()) { return u() }
