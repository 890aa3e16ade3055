package health

import (
	"fmt"
	"testing"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// TestARateLimitRestsAsLongAsTheProviderSaid, but never above the ceiling.
func TestARateLimitRestsAsLongAsTheProviderSaid(t *testing.T) {
	for said, want := range map[time.Duration]time.Duration{
		500 * time.Millisecond: 500 * time.Millisecond, time.Minute: time.Minute, 24 * time.Hour: 15 * time.Minute, 0: 15 * time.Second, -time.Hour: 15 * time.Second,
	} {
		r := newRig(t)
		m := r.remote()
		r.ask(m, limited(said))
		r.is(m, RateLimited, want)
		r.pass(want)
		r.is(m, "", 0)
		if p := r.enter(m); p.Trial {
			t.Error("after a rate limit nobody needs to try first")
		}
	}
}

// TestARateLimitOfUnknownLengthDoubles with each that follows, up to the ceiling; an answer ends that.
func TestARateLimitOfUnknownLengthDoubles(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	for _, wait := range []time.Duration{15, 30, 60, 120, 240, 480, 900, 900} {
		r.ask(m, limited(0))
		r.is(m, RateLimited, wait*time.Second)
		r.pass(wait * time.Second)
	}
	r.ask(m, nil)
	r.ask(m, limited(0))
	r.is(m, RateLimited, 15*time.Second)
}

// TestManyRefusedAtOnceAreOneRefusal: ten requests in parallel that meet the same limit do not double ten times, but the
// longest wait of them holds.
func TestManyRefusedAtOnceAreOneRefusal(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	var passes []*Pass
	for range 10 {
		passes = append(passes, r.enter(m))
	}
	for _, p := range passes[:8] {
		p.Done(Outcome{Err: limited(0)})
	}
	r.is(m, RateLimited, 15*time.Second)
	passes[8].Done(Outcome{Err: limited(time.Second)})
	r.is(m, RateLimited, 15*time.Second)
	passes[9].Done(Outcome{Err: limited(40 * time.Second)})
	r.is(m, RateLimited, 40*time.Second)
	r.pass(40 * time.Second)
	r.ask(m, limited(0))
	r.is(m, RateLimited, 30*time.Second)
}

// TestAnAnswerUnderWayDoesNotEndARest: what was sent before the refusal says nothing about after it.
func TestAnAnswerUnderWayDoesNotEndARest(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	early := r.enter(m)
	r.ask(m, limited(time.Minute))
	early.Answered()
	early.Done(Outcome{})
	r.is(m, RateLimited, time.Minute)
}

// TestForceAgainstARest: the newest word of the provider holds, a refusal without one changes nothing, an answer ends it.
func TestForceAgainstARest(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	force := func(err *llm.Error) {
		t.Helper()
		p, ok := m.Enter(r.clock(), true, 0)
		if !ok {
			t.Fatal("not let in")
		}
		p.Done(Outcome{Err: err})
	}
	r.ask(m, limited(time.Minute))
	r.pass(10 * time.Second)
	force(limited(0))
	r.is(m, RateLimited, 50*time.Second)
	force(limited(20 * time.Second))
	r.is(m, RateLimited, 20*time.Second)
	force(nil)
	r.is(m, "", 0)
	r.ask(m, limited(0))
	r.is(m, RateLimited, 15*time.Second)
	r.Retry("p")
	r.ask(m, fault(llm.ProviderAuth))
	r.pass(time.Minute)
	force(fault(llm.ProviderAuth))
	r.is(m, KeyRefused, 14*time.Minute) // what was promised
	force(fault(llm.Quota))
	r.is(m, QuotaUsed, 15*time.Minute) // another reason
}

// TestCredentialsTakeTurns: in order, past those that rest and those that this request tried.
func TestCredentialsTakeTurns(t *testing.T) {
	r := newRig(t)
	m := r.Target("p", false, []string{"k1", "k2", "k3"}, "m")
	used := func(tried uint64, want int) *Pass {
		t.Helper()
		p, ok := m.Enter(r.clock(), false, tried)
		if !ok || p.Credential != want {
			t.Fatalf("credential %d %t, want %d", p.Credential, ok, want)
		}
		return &p
	}
	used(1<<0, 1).Done(Outcome{})
	used(0, 0).Done(Outcome{Err: limited(time.Minute)})
	used(0, 1).Done(Outcome{Err: fault(llm.Quota)})
	used(0, 2).Done(Outcome{})
	if _, ok := m.Enter(r.clock(), false, 1<<2); ok {
		t.Error("a credential was used that rests, or was tried")
	}
	r.is(m, "", 0)
	r.ask(m, fault(llm.ProviderAuth))
	r.is(m, RateLimited, time.Minute)
	r.pass(time.Minute)
	used(0, 0)
}

// TestAfterACredentialsRestOneTries first; a cancelled one frees the place.
func TestAfterACredentialsRestOneTries(t *testing.T) {
	for kind, cause := range map[llm.Kind]Cause{llm.ProviderAuth: KeyRefused, llm.Quota: QuotaUsed} {
		r := newRig(t)
		m, other := r.remote(), r.Target("p", false, []string{"k1"}, "other")
		r.ask(m, fault(kind))
		r.pass(15*time.Minute - 1)
		r.is(other, cause, 1)
		r.pass(1)
		for _, err := range []*llm.Error{fault(llm.ClientGone), limited(time.Nanosecond), fault(llm.ProviderFailed)} {
			p := r.enter(other)
			if !p.Trial {
				t.Error("it does not know that it tries")
			}
			r.is(m, Trying, time.Second)
			if _, ok := m.Enter(r.clock(), true, 0); ok {
				t.Error("force let a second one try")
			}
			p.Done(Outcome{Err: err})
			r.pass(1)
			r.is(m, "", 0)
		}
		r.ask(m, fault(kind))
		r.is(other, cause, 15*time.Minute)
		r.pass(15 * time.Minute)
		long := r.enter(m)
		long.Answered()
		r.is(other, "", 0)
		if p := r.enter(other); p.Trial {
			t.Error("an answered request did not end the rest")
		}
	}
}

// TestAnEditedCredentialIsAnother: with a new id nothing is held against it, and the old one is forgotten.
func TestAnEditedCredentialIsAnother(t *testing.T) {
	r := newRig(t)
	early := r.enter(r.remote())
	r.ask(r.remote(), limited(time.Hour))
	early.Done(Outcome{Err: fault(llm.ProviderAuth)})
	edited := r.Target("p", false, []string{"k1-edited"}, "m")
	r.is(edited, "", 0)
	r.Forget(func(_, credential string) bool { return credential == "k1-edited" })
	r.is(r.remote(), "", 0)
	r.ask(edited, limited(time.Minute))
	r.Forget(func(_, credential string) bool { return credential == "k1-edited" })
	r.is(r.Target("p", false, []string{"k1-edited"}, "m"), RateLimited, time.Minute)
}

// TestStatesOutliveHandles: settings that change make new handles, and what is known stays.
func TestStatesOutliveHandles(t *testing.T) {
	r := newRig(t)
	r.ask(r.remote(), fault(llm.ModelNotFound))
	r.asks(3, r.Target("p", false, []string{"k2"}, "n"), fault(llm.ProviderFailed))
	r.Forget(func(provider, _ string) bool { return provider == "p" })
	r.is(r.Target("p", false, []string{"k3", "k1"}, "m"), ModelUnknown, 5*time.Minute)
	n := r.Target("p", false, []string{"k3"}, "n")
	r.asks(2, n, fault(llm.ProviderFailed))
	r.is(n, BreakerOpen, 15*time.Second)
	running := r.Target("p", false, []string{"k3"}, "o")
	p, _ := running.Enter(r.clock(), true, 0)
	r.Forget(func(string, string) bool { return false })
	if got := r.Report("p"); got.Running != 1 {
		t.Errorf("a provider was forgotten while it answers: %+v", got)
	}
	p.Done(Outcome{Err: fault(llm.ClientGone)})
	r.Forget(func(string, string) bool { return false })
	r.is(r.Target("p", false, []string{"k3"}, "n"), "", 0)
}

// TestTryNowEndsAllWaits, also for what was under way.
func TestTryNowEndsAllWaits(t *testing.T) {
	r := newRig(t)
	key, pair, unknown := r.remote(), r.Target("p", false, []string{"k2"}, "m"), r.Target("p", false, []string{"k3"}, "n")
	late, rested := r.enter(key), r.enter(r.Target("p", false, []string{"k5"}, "m"))
	r.ask(key, fault(llm.ProviderAuth))
	r.ask(pair, limited(time.Minute))
	r.ask(unknown, fault(llm.ModelNotFound))
	r.asks(5, r.Target("p", false, []string{"k4"}, "o"), fault(llm.ProviderFailed))
	r.is(pair, RateLimited, time.Minute)
	r.Retry("p")
	r.Retry("nobody")
	late.Done(Outcome{Err: fault(llm.ProviderAuth)}) // sent before
	rested.Done(Outcome{Err: fault(llm.ProviderAuth)})
	for _, m := range []*Target{key, pair, unknown, r.Target("p", false, []string{"k5"}, "m")} {
		r.is(m, "", 0)
	}
	p := r.enter(key)
	r.is(pair, Trying, time.Second) // the breaker still lets only one in
	p.Done(Outcome{Err: fault(llm.Unreachable)})
	r.is(pair, BreakerOpen, 30*time.Second)
}

// TestCooldownsSwitchedOff, for all or for one provider.
func TestCooldownsSwitchedOff(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	r.ask(m, limited(time.Minute))
	r.settings.Resilience.Cooldowns = false
	r.Forget(func(string, string) bool { return true })
	for _, e := range []*llm.Error{limited(time.Minute), fault(llm.Quota), fault(llm.ProviderAuth), fault(llm.ModelNotFound)} {
		r.ask(m, e)
		r.is(m, "", 0)
	}
	own := settings.DefaultResilience()
	r.settings.Providers = []settings.Provider{{Name: "p", Resilience: &own}}
	r.ask(m, limited(time.Minute))
	r.is(m, RateLimited, time.Minute)
}

// TestManyNamesOfModels: an application may ask for any; what is remembered is bounded, and what rests stays.
func TestManyNamesOfModels(t *testing.T) {
	r := newRig(t)
	for i := range 3 * mostModels {
		m := r.Target("p", false, nil, fmt.Sprint("model-", i))
		if i == 0 {
			r.ask(m, fault(llm.ModelNotFound))
		}
		r.pass(10 * time.Millisecond)
	}
	if n := len(r.find("p").models); n > mostModels {
		t.Errorf("%d models are remembered", n)
	}
	if r.Target("p", false, nil, "model-0").Ready(r.clock()) {
		t.Error("the one that rests was forgotten")
	}
	r.ask(r.Target("q", false, nil, "often"), nil)
	for i := range mostModels - 1 {
		r.Target("q", false, nil, fmt.Sprint("model-", i))
	}
	r.pass(2 * time.Hour)
	r.Target("q", false, nil, "often")
	r.Target("q", false, nil, "one more")
	if r.Target("q", false, nil, "often").Averages().Recent == 0 || len(r.find("q").models) != 2 {
		t.Error("what was asked lately was forgotten before what was not")
	}
}

// TestAJumpOfTheWallClockChangesNothing: neither what waits nor what is over.
func TestAJumpOfTheWallClockChangesNothing(t *testing.T) {
	for _, jump := range []time.Duration{-48 * time.Hour, 48 * time.Hour} {
		r := newRig(t)
		open, limit, window := r.Target("open", false, nil, "m"), r.Target("limit", false, nil, "m"), r.Target("window", false, nil, "m")
		r.asks(5, open, fault(llm.ProviderFailed))
		r.ask(limit, limited(time.Minute))
		r.asks(4, window, fault(llm.ProviderFailed))
		r.at = setWall(t, r.at, jump)
		r.is(open, BreakerOpen, 15*time.Second)
		r.is(limit, RateLimited, time.Minute)
		r.ask(window, fault(llm.ProviderFailed))
		r.is(window, BreakerOpen, 15*time.Second)
		r.pass(time.Minute)
		for _, m := range []*Target{open, limit, window} {
			r.is(m, "", 0)
		}
	}
}
