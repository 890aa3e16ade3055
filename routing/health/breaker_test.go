package health

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// TestTheBreakerOpensAndComesBack is the life of a breaker: it opens, one request tries, the wait doubles, it closes.
func TestTheBreakerOpensAndComesBack(t *testing.T) {
	r := newRig(t)
	m, other := r.remote(), r.Target("p", false, []string{"k2"}, "other")
	r.asks(4, m, fault(llm.ProviderFailed))
	r.is(m, "", 0)
	r.ask(other, fault(llm.Timeout)) // all models and credentials of a provider count together
	r.is(m, BreakerOpen, 15*time.Second)
	r.is(other, BreakerOpen, 15*time.Second)
	r.is(r.Target("q", false, nil, "m"), "", 0)

	for _, wait := range []time.Duration{15, 30, 60, 120, 240, 300, 300} {
		r.is(m, BreakerOpen, wait*time.Second)
		r.pass(wait*time.Second - 1)
		r.is(m, BreakerOpen, 1)
		r.pass(1)
		r.is(m, "", 0)
		trial := r.enter(m)
		if !trial.Trial {
			t.Error("the one that tries does not know it")
		}
		r.is(other, Trying, time.Second)
		trial.Done(Outcome{Err: fault(llm.Unreachable)})
	}
	r.pass(5 * time.Minute)
	r.ask(m, nil)
	r.is(m, "", 0)
	r.asks(5, m, fault(llm.Broken))
	r.is(m, BreakerOpen, 15*time.Second) // the doubling began anew
}

func TestALocalProviderIsGivenUpSooner(t *testing.T) {
	r := newRig(t)
	m := r.Target("ollama", true, nil, "m")
	r.asks(2, m, fault(llm.Unreachable))
	r.is(m, BreakerOpen, 15*time.Second)
}

// TestFailuresLeaveTheWindow: five in thirty seconds, not five since the start.
func TestFailuresLeaveTheWindow(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	for range 20 {
		r.ask(m, fault(llm.ProviderFailed))
		r.pass(7500 * time.Millisecond)
	}
	r.is(m, "", 0)
	r.asks(2, m, fault(llm.ProviderFailed))
	r.is(m, BreakerOpen, 15*time.Second)
}

// TestWhatIsHeldAgainstWhom holds the column "marks" of the table of outcomes, for every kind of failure.
func TestWhatIsHeldAgainstWhom(t *testing.T) {
	kinds := map[llm.Kind]struct {
		cause                 Cause
		wait                  time.Duration
		same, key, model, all bool // what else rests: the same model with another credential, ...
	}{
		llm.Unreachable: {BreakerOpen, 15 * time.Second, true, true, true, true}, llm.Redirected: {BreakerOpen, 15 * time.Second, true, true, true, true},
		llm.ProviderFailed: {BreakerOpen, 15 * time.Second, true, true, true, true}, llm.Broken: {BreakerOpen, 15 * time.Second, true, true, true, true},
		llm.Timeout:     {BreakerOpen, 15 * time.Second, true, true, true, true},
		llm.RateLimited: {cause: RateLimited, wait: 15 * time.Second},
		llm.Quota:       {cause: QuotaUsed, wait: 15 * time.Minute, key: true}, llm.ProviderAuth: {cause: KeyRefused, wait: 15 * time.Minute, key: true},
		llm.ModelNotFound: {cause: ModelUnknown, wait: 5 * time.Minute, same: true},
		llm.BadRequest:    {}, llm.InvalidKey: {}, llm.KeyDisabled: {}, llm.Forbidden: {}, llm.NotFound: {}, llm.MethodNotAllowed: {}, llm.TooLarge: {},
		llm.UnsupportedMedia: {}, llm.LimitReached: {}, llm.ClientGone: {}, llm.Overloaded: {}, llm.Stopping: {}, llm.VaultLocked: {}, llm.Loop: {},
		llm.Internal: {}, llm.ProviderRejected: {}, llm.ContextTooLong: {}, llm.ContentPolicy: {},
	}
	for kind, want := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			r := newRig(t)
			m := r.remote()
			var passes []*Pass
			for range 5 { // sent together, so that a rest does not keep the next away
				passes = append(passes, r.enter(m))
			}
			for _, p := range passes {
				p.Done(Outcome{Err: fault(kind)})
			}
			r.is(m, want.cause, want.wait)
			for _, o := range []struct {
				t     *Target
				rests bool
			}{{r.Target("p", false, []string{"k2"}, "m"), want.same}, {r.Target("p", false, []string{"k1"}, "n"), want.key}, {r.Target("p", false, []string{"k2"}, "n"), want.all}, {r.Target("q", false, []string{"k1"}, "m"), false}} {
				if o.rests == o.t.Ready(r.clock()) {
					t.Errorf("%+v: %+v, want it to rest: %t", o.t.lanes, o.t.Standing(r.clock()), o.rests)
				}
			}
		})
	}
}

// TestOneTries: of a thousand that come at once when the wait is over exactly one is let in, and again when it is gone.
func TestOneTries(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	r.asks(5, m, fault(llm.ProviderFailed))
	for _, force := range []bool{true, false} {
		if !force {
			r.pass(time.Minute)
		}
		for round := range 3 {
			var in atomic.Int64
			var won atomic.Pointer[Pass]
			var all sync.WaitGroup
			begin := make(chan bool)
			for range 1000 {
				all.Go(func() {
					h := r.Target("p", false, []string{"k1"}, "m")
					<-begin
					if p, ok := h.Enter(r.clock(), force, 0); ok {
						in.Add(1)
						won.Store(&p)
					}
				})
			}
			close(begin)
			all.Wait()
			if in.Load() != 1 {
				t.Fatalf("force %t, round %d: %d were let in, want 1", force, round, in.Load())
			}
			all = sync.WaitGroup{}
			for range 10 { // whoever ends it, and how often
				all.Go(func() { won.Load().Done(Outcome{Err: fault(llm.ClientGone)}) })
			}
			all.Wait()
		}
	}
	if got := r.Report("p"); got.Running != 0 || got.State != Unhealthy {
		t.Errorf("%+v", got)
	}
}

// TestACancelledTrialSaysNothing: the place is free again, the wait is not longer.
func TestACancelledTrialSaysNothing(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	r.asks(5, m, fault(llm.ProviderFailed))
	r.pass(15 * time.Second)
	for _, k := range []llm.Kind{llm.ClientGone, llm.Stopping, llm.KeyDisabled, llm.BadRequest} {
		r.ask(m, fault(k))
		r.is(m, "", 0)
	}
	r.ask(m, fault(llm.ProviderFailed))
	r.is(m, BreakerOpen, 30*time.Second)
}

// TestAnAnswerOfAnyKindShowsThatTheProviderIsBack, even where it refuses this request.
func TestAnAnswerOfAnyKindShowsThatTheProviderIsBack(t *testing.T) {
	r := newRig(t)
	m, other := r.remote(), r.Target("p", false, []string{"k2"}, "other")
	r.asks(5, m, fault(llm.ProviderFailed))
	r.pass(15 * time.Second)
	r.ask(m, limited(time.Minute))
	r.is(other, "", 0)
	r.is(m, RateLimited, time.Minute)
	r.asks(5, other, fault(llm.ProviderFailed))
	r.is(other, BreakerOpen, 30*time.Second) // it has not answered a request since
}

// TestWhatWasSentBeforeDoesNotCount: requests that were under way when the breaker opened neither close it nor make it
// stay open for longer, and those under way when it closed do not open it.
func TestWhatWasSentBeforeDoesNotCount(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	var before []*Pass
	for range 20 {
		before = append(before, r.enter(m))
	}
	r.asks(5, m, fault(llm.ProviderFailed))
	for i := range 10 {
		before[i].Done(Outcome{Err: fault(llm.ProviderFailed)})
	}
	before[10].Done(Outcome{})
	r.is(m, BreakerOpen, 15*time.Second)
	r.pass(15 * time.Second)
	trial := r.enter(m)
	before[11].Done(Outcome{})
	before[12].Done(Outcome{Err: fault(llm.ProviderFailed)})
	r.is(m, Trying, time.Second)
	trial.Done(Outcome{})
	for _, p := range before[13:] {
		p.Done(Outcome{Err: fault(llm.ProviderFailed)})
	}
	r.is(m, "", 0)
}

// TestALongAnswerDoesNotKeepOthersWaiting: once it is committed the provider is back; what breaks later counts anew.
func TestALongAnswerDoesNotKeepOthersWaiting(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	r.asks(5, m, fault(llm.ProviderFailed))
	r.pass(15 * time.Second)
	trial := r.enter(m)
	r.is(m, Trying, time.Second)
	trial.Answered()
	r.is(m, "", 0)
	trial.Done(Outcome{Err: fault(llm.Broken)})
	r.is(m, "", 0)
	if n := r.Report("p").Failures; n != 1 {
		t.Errorf("%d failures, want 1", n)
	}
	r.asks(4, m, fault(llm.Broken))
	r.is(m, BreakerOpen, 30*time.Second) // it has not given a whole answer since
	r.pass(30 * time.Second)
	trial = r.enter(m)
	trial.Answered()
	trial.Answered()
	trial.Done(Outcome{})
	r.asks(5, m, fault(llm.Broken))
	r.is(m, BreakerOpen, 15*time.Second)
}

// TestForceLetsOneInAtATime: where everything is shut one request at a time may try all the same; a failure leaves the
// wait as it was promised, a success ends it.
func TestForceLetsOneInAtATime(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	r.asks(5, m, fault(llm.ProviderFailed))
	r.pass(5 * time.Second)
	force := func() (*Pass, bool) {
		p, ok := m.Enter(r.clock(), true, 0)
		return &p, ok
	}
	first, ok := force()
	if !ok || !first.Trial {
		t.Fatal("force did not let it in")
	}
	if _, ok := force(); ok {
		t.Fatal("two at a time")
	}
	r.is(m, Trying, 10*time.Second)
	first.Done(Outcome{Err: fault(llm.ProviderFailed)})
	r.is(m, BreakerOpen, 10*time.Second)
	second, _ := force()
	r.pass(time.Minute)
	r.is(m, Trying, time.Second) // it still tries when the wait is over: nobody else may
	second.Done(Outcome{Err: fault(llm.ProviderFailed)})
	r.is(m, BreakerOpen, 30*time.Second)
	third, _ := force()
	third.Done(Outcome{})
	r.is(m, "", 0)
	if p, ok := force(); !ok || p.Trial {
		t.Error("where it is ready force is as no force")
	}
}

// TestForceTakesTheCredentialWhoseRestEndsFirst, and not one that was tried already.
func TestForceTakesTheCredentialWhoseRestEndsFirst(t *testing.T) {
	r := newRig(t)
	m := r.Target("p", false, []string{"k1", "k2", "k3"}, "m")
	for _, s := range []int{60, 20, 40} {
		r.ask(m, limited(time.Duration(s)*time.Second))
	}
	r.is(m, RateLimited, 20*time.Second)
	for tried, want := range map[uint64]int{0: 1, 1 << 1: 2, 1<<1 | 1<<2: 0} {
		p, ok := m.Enter(r.clock(), true, tried)
		if !ok || p.Credential != want {
			t.Errorf("tried %b: %d %t, want %d", tried, p.Credential, ok, want)
		}
		if _, ok := m.Enter(r.clock(), true, tried); ok {
			t.Error("two at a time")
		}
		p.Done(Outcome{Err: fault(llm.ClientGone)})
	}
	if _, ok := m.Enter(r.clock(), true, 7); ok {
		t.Error("all were tried")
	}
}

// TestJitter: the time of an open breaker is off by at most 15 %, both ways, and never above the longest.
func TestJitter(t *testing.T) {
	seen := map[time.Duration]bool{}
	for _, chance := range []float64{0, 0.25, 0.5, 0.75, 0.999999} {
		r := newRig(t)
		r.chance = chance
		m := r.remote()
		r.asks(5, m, fault(llm.ProviderFailed))
		for level := range 8 {
			wait := m.Standing(r.clock()).Wait
			base := min(15*time.Second<<level, 5*time.Minute)
			if wait < base*84/100 || wait > min(base*116/100, 5*time.Minute) {
				t.Errorf("chance %v, level %d: %s", chance, level, wait)
			}
			if level == 0 {
				seen[wait] = true
			}
			r.pass(wait)
			r.ask(m, fault(llm.ProviderFailed))
		}
	}
	if len(seen) != 5 {
		t.Errorf("chance makes no difference: %v", seen)
	}
}

// TestSwitchedOffItNeverOpens, for all or for one provider, and what was open closes when that is applied.
func TestSwitchedOffItNeverOpens(t *testing.T) {
	r := newRig(t)
	m, other := r.remote(), r.Target("q", false, nil, "m")
	r.asks(5, m, fault(llm.ProviderFailed))
	own := settings.DefaultResilience()
	own.Breaker.Enabled = false
	r.settings.Providers = []settings.Provider{{Name: "p", Resilience: &own}}
	r.Forget(func(string, string) bool { return true })
	r.is(m, "", 0)
	r.asks(20, m, fault(llm.ProviderFailed))
	r.is(m, "", 0)
	r.asks(5, other, fault(llm.ProviderFailed))
	r.is(other, BreakerOpen, 15*time.Second)
	r.settings.Resilience.Breaker.Longest = 10 * time.Second
	r.Forget(func(string, string) bool { return true })
	r.is(other, BreakerOpen, 10*time.Second)
}

// TestThresholdsAreAsked at the time of the failure: a change of the settings needs no restart.
func TestThresholdsAreAsked(t *testing.T) {
	r := newRig(t)
	r.settings.Resilience.Breaker = settings.Breaker{Enabled: true, Failures: 3, Window: time.Minute, Open: time.Second, Longest: 3 * time.Second}
	m := r.remote()
	for range 3 {
		r.ask(m, fault(llm.ProviderFailed))
		r.pass(20 * time.Second)
	}
	r.pass(-20 * time.Second)
	for _, wait := range []time.Duration{1, 2, 3, 3} {
		r.is(m, BreakerOpen, wait*time.Second)
		r.pass(wait * time.Second)
		r.ask(m, fault(llm.ProviderFailed))
	}
}
