package health

import (
	"testing"
	"time"

	"localrouter/providers/llm"
)

// reported checks state and cause of the provider p.
func (r *rig) reported(state State, cause Cause, wait time.Duration) Report {
	r.Helper()
	got := r.Report("p")
	until := time.Duration(0)
	if !got.Until.IsZero() {
		until = got.Until.Sub(r.clock())
	}
	if got.State != state || got.Cause != cause || until != wait {
		r.Errorf("it is %s because of %q for %s, want %s, %q, %s", got.State, got.Cause, until, state, cause, wait)
	}
	return got
}

// TestHealthChecksNameTheState by the rule: slow, 429 and 5xx are degraded, refused and 401 unhealthy; a verdict stands
// for a while, until the next check, or until a request is answered.
func TestHealthChecksNameTheState(t *testing.T) {
	for kind, want := range map[llm.Kind]struct {
		state State
		cause Cause
	}{
		llm.Unreachable: {Unhealthy, Unreachable}, llm.Redirected: {Unhealthy, Unreachable}, llm.ProviderAuth: {Unhealthy, KeyRefused},
		llm.RateLimited: {Degraded, RateLimited}, llm.Quota: {Degraded, RateLimited}, llm.ProviderFailed: {Degraded, Failing}, llm.Broken: {Degraded, Failing},
		llm.Timeout: {Degraded, Slow}, llm.ModelNotFound: {Healthy, ""}, llm.Stopping: {Healthy, ""}, llm.ClientGone: {Healthy, ""},
	} {
		r := newRig(t)
		m := r.remote()
		r.Checked("p", fault(kind), time.Millisecond)
		r.reported(want.state, want.cause, 0)
		if sick := m.SickAt(r.Moment(r.clock())); sick != (want.state == Unhealthy) || !m.Ready(r.clock()) {
			t.Errorf("%s: to an order it is sick %t, ready %t", kind, sick, m.Ready(r.clock()))
		}
		r.Checked("p", fault(llm.ClientGone), 0) // ended by us: says nothing
		r.reported(want.state, want.cause, 0)
		r.pass(2 * time.Minute)
		r.reported(Healthy, "", 0)
		r.Checked("p", fault(kind), time.Millisecond)
		r.ask(m, nil)
		if kind != llm.Unreachable { // which counts as a failure
			r.reported(Healthy, "", 0)
		}
	}
	r := newRig(t)
	r.Checked("p", nil, 2001*time.Millisecond)
	r.reported(Degraded, Slow, 0)
	r.Checked("p", nil, 2*time.Second)
	if got := r.reported(Healthy, "", 0); got.Checked == 0 {
		t.Errorf("%+v", got)
	}
}

// TestARefusedCheckCountsAsOneFailure, of a closed breaker only; other checks do not count.
func TestARefusedCheckCountsAsOneFailure(t *testing.T) {
	r := newRig(t)
	m := r.Target("p", true, nil, "m")
	for _, k := range []llm.Kind{llm.RateLimited, llm.ProviderFailed, llm.Timeout, llm.ProviderAuth} {
		for range 10 {
			r.Checked("p", fault(k), 0)
		}
		r.is(m, "", 0)
	}
	r.Checked("p", fault(llm.Unreachable), 0)
	r.is(m, "", 0)
	r.ask(m, fault(llm.Unreachable))
	r.is(m, BreakerOpen, 15*time.Second)
	r.pass(10 * time.Second)
	for range 3 {
		r.Checked("p", fault(llm.Unreachable), 0)
		r.is(m, BreakerOpen, 5*time.Second)
	}
	r.settings.Resilience.Breaker.Enabled = false
	r.Forget(func(string, string) bool { return true })
	for range 10 {
		r.Checked("p", fault(llm.Unreachable), 0)
	}
	r.is(m, "", 0)
}

// TestACheckThatSucceedsClosesNothing: but where nobody was there it lets the next request try.
func TestACheckThatSucceedsClosesNothing(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	r.asks(5, m, fault(llm.ProviderFailed))
	r.Checked("p", nil, time.Millisecond)
	r.is(m, BreakerOpen, 15*time.Second)
	r.pass(15 * time.Second)
	r.ask(m, fault(llm.Unreachable))
	r.is(m, BreakerOpen, 30*time.Second)
	r.Checked("p", nil, time.Millisecond)
	trial := r.enter(m)
	r.is(m, Trying, time.Second)
	r.Checked("p", nil, time.Millisecond)
	r.is(m, Trying, time.Second)
	trial.Done(Outcome{Err: fault(llm.Unreachable)})
	r.is(m, BreakerOpen, time.Minute)
}

// TestTheReportNamesWhatRests, with the reason for a person, and the worst first.
func TestTheReportNamesWhatRests(t *testing.T) {
	r := newRig(t)
	if got := r.Report("nobody"); got.State != Healthy || got.Provider != "nobody" {
		t.Errorf("%+v", got)
	}
	m, n := r.Target("p", false, []string{"k1", "k2"}, "m"), r.Target("p", false, []string{"k1", "k2"}, "n")
	r.ask(n, fault(llm.ModelNotFound))
	r.reported(Healthy, "", 0)
	r.ask(m, fault(llm.ProviderFailed))
	r.reported(Degraded, Failing, 0)
	r.ask(m, limited(time.Minute))
	got := r.reported(Degraded, RateLimited, time.Minute)
	if len(got.Rests) != 2 || got.Rests[0].Model != "m" || got.Rests[0].Credential != "k1" || got.Rests[0].Cause != RateLimited || got.Rests[0].Last.Message != "it said so" ||
		got.Rests[1].Model != "n" || got.Rests[1].Credential != "" || got.Rests[1].Cause != ModelUnknown || got.Rests[1].Until.Sub(r.clock()) != 5*time.Minute {
		t.Errorf("%+v", got.Rests)
	}
	r.pass(time.Minute)
	r.ask(m, fault(llm.ProviderAuth))
	r.reported(Degraded, KeyRefused, 15*time.Minute)
	r.ask(m, fault(llm.ProviderAuth))
	r.reported(Unhealthy, KeyRefused, 15*time.Minute)
	last := r.Target("p", false, []string{"k3"}, "m")
	r.asks(5, last, fault(llm.Unreachable))
	r.reported(Unhealthy, BreakerOpen, 15*time.Second)
	r.pass(15 * time.Second)
	if last.SickAt(r.Moment(r.clock())) {
		t.Error("a target that may be tried stands behind others")
	}
	p := r.enter(last)
	if got := r.reported(Unhealthy, Trying, 0); !got.Trial || got.Running != 1 || got.Last.Kind != llm.Unreachable {
		t.Errorf("%+v", got)
	}
	p.Done(Outcome{})
	r.reported(Degraded, KeyRefused, 885*time.Second)
}

// TestARefusedCredentialIsShownUntilItWorks: also when its rest is over and nobody has tried it yet.
func TestARefusedCredentialIsShownUntilItWorks(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	r.ask(m, fault(llm.ProviderAuth))
	r.pass(time.Hour)
	r.is(m, "", 0)
	if got := r.reported(Unhealthy, KeyRefused, 0); len(got.Rests) != 1 || !got.Rests[0].Until.IsZero() {
		t.Errorf("%+v", got.Rests)
	}
	p := r.enter(m)
	r.reported(Unhealthy, Trying, 0)
	p.Done(Outcome{})
	r.reported(Healthy, "", 0)
}

// TestErrorsAreKeptWithoutTheirBodies: a rest may last, and the body of an answer is of no use to it.
func TestErrorsAreKeptWithoutTheirBodies(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	e := limited(time.Minute)
	e.Body, e.Header = make([]byte, 1<<20), []llm.Field{{}}
	r.ask(m, e)
	if last := m.Standing(r.clock()).Last; last.Body != nil || last.Header != nil || last.Message != e.Message || last.RetryAfter != time.Minute {
		t.Errorf("%+v", last)
	}
}

// TestChangedIsCalledWhereSomethingChanged, and not for each of the requests that go well.
func TestChangedIsCalledWhereSomethingChanged(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	r.asks(100, m, nil)
	r.ask(m, fault(llm.ProviderRejected))
	r.Checked("p", nil, time.Millisecond)
	if r.changes != 0 {
		t.Errorf("%d changes of nothing", r.changes)
	}
	for i, change := range []func(){
		func() { r.ask(m, limited(time.Second)) }, func() { r.Retry("p") }, func() { r.asks(5, m, fault(llm.Broken)) },
		func() { r.pass(time.Minute); r.ask(m, nil) }, func() { r.Checked("p", fault(llm.ProviderAuth), 0) }, func() { r.Checked("p", nil, 0) },
		func() { r.Forget(func(string, string) bool { return true }) },
	} {
		before := r.changes
		change()
		if r.changes == before {
			t.Errorf("change %d was not told", i)
		}
	}
}

// TestALocalProviderWarmsUp: who waits for a model to load is told so, until it begins, fails or is given up.
func TestALocalProviderWarmsUp(t *testing.T) {
	for name, end := range map[string]func(p *Pass){
		"it begins":     func(p *Pass) { p.Answered() },
		"it fails":      func(p *Pass) { p.Done(Outcome{Err: fault(llm.ProviderRejected)}) },
		"it is let go":  func(p *Pass) { p.Done(Outcome{Err: fault(llm.ClientGone)}) },
		"it is at once": func(p *Pass) { p.Done(Outcome{Streamed: true, Total: time.Second}) },
	} {
		r := newRig(t)
		m := r.Target("p", true, nil, "m")
		pass, _ := m.Enter(r.clock(), false, 0)
		pass.Streams()
		r.reported(Healthy, "", 0)
		r.pass(silence)
		r.reported(Degraded, WarmingUp, 0)
		end(&pass)
		r.reported(Healthy, "", 0)
		pass.Done(Outcome{})
		r.pass(time.Hour)
		r.reported(Healthy, "", 0)
		if r.find("p").silent != 0 {
			t.Errorf("%s: %d are still silent", name, r.find("p").silent)
		}
	}
	r := newRig(t)
	whole := r.Target("p", true, nil, "m")
	pass, _ := whole.Enter(r.clock(), false, 0)
	r.pass(time.Minute) // a whole answer is silent to its end
	r.reported(Healthy, "", 0)
	pass.Done(Outcome{})
	far := r.Target("far", false, nil, "m")
	pass, _ = far.Enter(r.clock(), false, 0)
	pass.Streams()
	r.pass(time.Minute)
	if got := r.Report("far"); got.Cause != "" {
		t.Errorf("one on the internet has nothing to load: %+v", got)
	}
	pass.Done(Outcome{})
}
