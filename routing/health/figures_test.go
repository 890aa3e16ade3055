package health

import (
	"math"
	"testing"
	"time"

	"localrouter/providers/llm"
)

func near(got, want float64) bool { return math.Abs(got-want) <= want*0.005 }

// TestAveragesFollowWhatIsMeasured: the plain average at first, so that one model that had to load does not count for
// ever, then one that follows.
func TestAveragesFollowWhatIsMeasured(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	if a := m.Averages(); a != (Averages{}) {
		t.Errorf("before anything: %+v", a)
	}
	stream := func(first, total time.Duration, output int64) {
		r.enter(m).Done(Outcome{Streamed: true, FirstToken: first, Total: total, Output: output})
	}
	stream(time.Second, 3*time.Second, 100)
	stream(3*time.Second, 5*time.Second, 200)
	a := m.Averages()
	if a.FirstToken != 2*time.Second || a.Total != 4*time.Second || a.TokensPerSecond != 75 || a.Recent != 2 || a.Running != 0 || a.Guessed {
		t.Errorf("after two: %+v", a)
	}
	for range 20 {
		stream(100*time.Millisecond, 1100*time.Millisecond, 500)
	}
	if a := m.Averages(); a.FirstToken > 120*time.Millisecond || !near(a.TokensPerSecond, 500) {
		t.Errorf("after it became quick: %+v", a)
	}
	before := m.Averages()
	stream(0, 0, 0)                                                // nothing known
	stream(time.Second, time.Second+time.Millisecond, 10_000)      // all in one piece: no speed
	r.ask(m, fault(llm.ProviderFailed))                            // failures measure nothing
	r.enter(m).Done(Outcome{Err: fault(llm.ClientGone), Total: 1}) // nor do those who went away
	if a := m.Averages(); a.TokensPerSecond != before.TokensPerSecond || a.Total > before.Total {
		t.Errorf("%+v, want the speed of %+v", a, before)
	}
	p := r.enter(m)
	if a := m.Averages(); a.Running != 1 || r.Target("p", false, nil, "m").Averages().Running != 1 {
		t.Errorf("one is running: %+v", a)
	}
	p.Done(Outcome{})
}

// TestAWholeAnswerTeachesToo: nobody saw when it began, so that is told by how long its tokens take to write, or taken to be
// half of its time.
func TestAWholeAnswerTeachesToo(t *testing.T) {
	r := newRig(t)
	m := r.remote()
	r.enter(m).Done(Outcome{Total: 2 * time.Second, Output: 100})
	if a := m.Averages(); a.FirstToken != time.Second || a.Guessed || a.Total != 2*time.Second || a.TokensPerSecond != 50 {
		t.Errorf("%+v", a)
	}
	r.enter(m).Done(Outcome{Total: 4 * time.Second, Output: 100}) // two seconds of writing, by what is known
	if a := m.Averages(); a.FirstToken != 1500*time.Millisecond {
		t.Errorf("%+v", a)
	}
	short := r.Target("p", false, nil, "short")
	r.enter(short).Done(Outcome{Total: 4 * time.Second, Output: 10})
	if a := short.Averages(); a.TokensPerSecond != 0 {
		t.Errorf("ten tokens tell no speed: %+v", a)
	}
}

// TestWhatIsNotMeasuredIsGuessed: by the provider's other models, else by its health checks; and what was measured long
// ago stands no longer, so that a target which was slow once is tried again.
func TestWhatIsNotMeasuredIsGuessed(t *testing.T) {
	r := newRig(t)
	m, other := r.remote(), r.Target("p", false, nil, "other")
	r.Checked("p", nil, 80*time.Millisecond)
	if a := m.Averages(); a.FirstToken != 80*time.Millisecond+thinking || !a.Guessed {
		t.Errorf("by the check: %+v", a)
	}
	r.enter(other).Done(Outcome{Streamed: true, FirstToken: time.Second, Total: 2 * time.Second})
	if a := m.Averages(); a.FirstToken != time.Second || !a.Guessed {
		t.Errorf("by the provider: %+v", a)
	}
	r.enter(m).Done(Outcome{Streamed: true, FirstToken: 9 * time.Second, Total: 10 * time.Second})
	if a := m.Averages(); a.FirstToken != 9*time.Second || a.Guessed {
		t.Errorf("measured: %+v", a)
	}
	r.pass(11 * time.Minute)
	r.Checked("p", nil, 80*time.Millisecond)
	if a := m.Averages(); a.FirstToken != 80*time.Millisecond+thinking || a.Total != 0 || !a.Guessed {
		t.Errorf("after eleven minutes: %+v", a)
	}
	if got := r.Report("p"); got.FirstToken != 5*time.Second {
		t.Errorf("people see the last that is known: %+v", got)
	}
	r.enter(m).Done(Outcome{Streamed: true, FirstToken: time.Second, Total: 2 * time.Second})
	if a := m.Averages(); a.FirstToken != time.Second {
		t.Errorf("measured anew: %+v", a)
	}
}

// TestRequestsOfLateFadeByHalves.
func TestRequestsOfLateFadeByHalves(t *testing.T) {
	r := newRig(t)
	m, clock := r.remote(), r.Target("clock", false, nil, "m")
	for range 8 {
		r.ask(m, nil)
	}
	for minutes, want := range []float64{8, 7.464, 6.964, 6.498, 6.063, 5.657, 5.278, 4.925, 4.595, 4.287, 4} {
		if got := m.Averages().Recent; !near(got, want) {
			t.Errorf("after %d minutes %v, want %v", minutes, got, want)
		}
		r.pass(time.Minute)
		clock.Standing(r.clock())
	}
	r.pass(9 * time.Minute)
	r.ask(m, nil)
	if got := m.Averages().Recent; !near(got, 3) {
		t.Errorf("%v, want 2 + 1", got)
	}
	r.pass(100 * 24 * time.Hour)
	clock.Standing(r.clock())
	if got := m.Averages().Recent; got != 0 {
		t.Errorf("after a hundred days %v", got)
	}
}
