package health

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"localrouter/providers/llm"
)

// save is what lies on disk when the program ends.
func (r *rig) save() map[string][]byte {
	r.Helper()
	states, saved := r.Unsaved()
	if states == nil {
		r.Fatal("nothing to save")
	}
	saved()
	if again, _ := r.Unsaved(); again != nil {
		r.Fatal("it was saved, and is to be saved again")
	}
	return states
}

// load starts the program again after a time, on a wall clock that was set by jump meanwhile.
func (r *rig) load(states map[string][]byte, away, jump time.Duration) {
	r.Helper()
	r.pass(away)
	if jump != 0 {
		r.at = setWall(r.T, r.at, jump)
	}
	r.restart()
	if err := r.Load(states); err != nil {
		r.Fatal(err)
	}
}

// TestRestsOutliveARestart, breakers do not; what was over meanwhile is over.
func TestRestsOutliveARestart(t *testing.T) {
	r := newRig(t)
	limit, quota, refused, unknown, open := r.remote(), r.Target("p", false, []string{"k2"}, "m"), r.Target("p", false, []string{"k3"}, "m"), r.Target("q", true, nil, "m"), r.Target("o", true, nil, "m")
	for range 3 {
		r.ask(limit, limited(0))
		r.pass(limit.Standing(r.clock()).Wait)
	}
	r.ask(limit, limited(0)) // for two minutes
	r.ask(quota, fault(llm.Quota))
	r.ask(refused, fault(llm.ProviderAuth))
	r.ask(unknown, fault(llm.ModelNotFound))
	r.asks(2, open, fault(llm.Unreachable))
	r.is(open, BreakerOpen, 15*time.Second)
	states := r.save()

	r.load(states, time.Minute, 0)
	limit, quota, refused, unknown, open = r.remote(), r.Target("p", false, []string{"k2"}, "m"), r.Target("p", false, []string{"k3"}, "m"), r.Target("q", true, nil, "m"), r.Target("o", true, nil, "m")
	r.is(limit, RateLimited, time.Minute)
	r.is(quota, QuotaUsed, 14*time.Minute)
	r.is(refused, KeyRefused, 14*time.Minute)
	r.is(unknown, ModelUnknown, 4*time.Minute)
	r.is(open, "", 0)
	if e := quota.Standing(r.clock()).Last; e.Kind != llm.Quota || e.Message != "it said so" || e.Provider != "p" {
		t.Errorf("the reason: %+v", e)
	}
	r.is(r.Target("q", true, nil, "other"), "", 0)
	r.pass(time.Minute)
	r.ask(limit, limited(0))
	r.is(limit, RateLimited, 4*time.Minute) // the doubling goes on
	r.pass(13 * time.Minute)
	p := r.enter(refused)
	if !p.Trial {
		t.Error("nobody tries first")
	}
	p.Done(Outcome{})
	if list := r.Export(); len(list) != 0 {
		t.Errorf("what is over is saved: %+v", list)
	}

	r.load(states, 0, 0)
	if got := r.Report("p"); len(got.Rests) != 0 {
		t.Errorf("after all are over: %+v", got.Rests)
	}
}

// TestAClockThatWasSetLocksNothing for longer than was left.
func TestAClockThatWasSetLocksNothing(t *testing.T) {
	for _, jump := range []time.Duration{-1000 * time.Hour, -time.Minute, 1000 * time.Hour} {
		r := newRig(t)
		m := r.remote()
		r.ask(m, limited(10*time.Minute))
		r.load(r.save(), time.Second, jump)
		m = r.remote()
		if jump > 0 {
			r.is(m, "", 0)
		} else {
			r.is(m, RateLimited, 10*time.Minute)
		}
	}
}

// TestNothingIsRestoredBeyondItsCeiling, whatever the file says.
func TestNothingIsRestoredBeyondItsCeiling(t *testing.T) {
	r := newRig(t)
	now := r.clock().Round(0)
	far := now.Add(1000 * time.Hour)
	r.Restore([]Saved{
		{Provider: "p", Credential: "k1", Cause: KeyRefused, Until: far, At: now, Level: 1 << 40},
		{Provider: "q", Model: "m", Cause: ModelUnknown, Until: far, At: now},
		{Provider: "r", Model: "m", Cause: RateLimited, Until: far, At: far},
		{Provider: "s", Model: "m", Cause: BreakerOpen, Until: far, At: now},
		{Provider: "t", Cause: RateLimited, Until: far, At: now},
		{Cause: QuotaUsed, Until: far, At: now},
	})
	r.is(r.remote(), KeyRefused, 15*time.Minute)
	r.is(r.Target("q", false, nil, "m"), ModelUnknown, 5*time.Minute)
	for _, name := range []string{"r", "s", "t", ""} {
		r.is(r.Target(name, false, nil, "m"), "", 0)
	}
}

// TestWhatChangesWhileItIsSavedIsSavedAgain.
func TestWhatChangesWhileItIsSavedIsSavedAgain(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	if states, saved := r.Unsaved(); states != nil {
		t.Error("there is something to save at the start")
	} else {
		saved()
	}
	r.ask(m, limited(time.Minute))
	_, saved := r.Unsaved()
	r.Retry("p")
	saved()
	states := r.save()
	r.load(states, 0, 0)
	r.is(r.remote(), "", 0)
}

// TestTheFileStaysSmall whatever applications ask for.
func TestTheFileStaysSmall(t *testing.T) {
	r := newRig(t)
	for i := range 2 * mostSaved {
		r.ask(r.Target("p", false, nil, fmt.Sprint("m", i)), fault(llm.ModelNotFound))
	}
	r.ask(r.Target("q", false, nil, "m"), fault(llm.Quota))
	if list := r.Export(); len(list) != mostSaved || list[0].Cause != QuotaUsed {
		t.Errorf("%d are saved, first %+v", len(list), list[0])
	}
}

// FuzzLoad: what lies on disk neither stops the start nor makes anything rest for longer than it may.
func FuzzLoad(f *testing.F) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	good, err := json.Marshal([]Saved{
		{Provider: "p", Credential: "k1", Model: "m", Cause: RateLimited, Until: now.Add(time.Minute), At: now, Level: 3, Kind: llm.RateLimited, Status: 429},
		{Provider: "p", Credential: "k1", Cause: QuotaUsed, Until: now.Add(time.Hour), At: now},
		{Provider: "p", Model: "m", Cause: ModelUnknown, Until: now.Add(time.Minute), At: now},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`[{"provider":"p","cause":"quota","until":"9999-12-31T23:59:59Z","at":"0001-01-01T00:00:00Z","level":-5}]`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		tr := New(Options{Now: func() time.Time { return now }})
		if tr.Load(map[string][]byte{stateName: text}) != nil && len(tr.Export()) > 0 {
			t.Error("what cannot be read was taken up")
		}
		for _, s := range tr.Export() {
			if left := s.Until.Sub(now); left <= 0 || left > ceiling || s.Level < 1 || s.Level > 64 {
				t.Errorf("%+v", s)
			}
			m := tr.Target(s.Provider, false, []string{s.Credential}, s.Model)
			p, ok := m.Enter(now, true, 0)
			if !ok {
				t.Errorf("%+v keeps everybody away", s)
			}
			p.Done(Outcome{Err: limited(0)})
		}
	})
}
