package health

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"localrouter/providers/llm"
)

// naive is the breaker as one would tell it: what happened, and the state found from it each time.
type naive struct {
	state    string // closed, open, half
	failures []time.Time
	until    time.Time
	wait     time.Duration // of the next opening
	trial    int           // number of the pass that tries, or -1
	born     map[int]int   // state's number at which a pass was sent
	age      int           // number of the state
}

func (n *naive) enter(now time.Time, pass int, force bool) bool {
	if n.state == "open" && !now.Before(n.until) {
		n.state = "half"
	}
	switch {
	case n.trial >= 0:
		return false
	case n.state == "closed":
	case n.state == "half" || force:
		n.trial = pass
	default:
		return false
	}
	n.born[pass] = n.age
	return true
}

func (n *naive) opens(now time.Time) {
	n.state, n.until, n.failures = "open", now.Add(n.wait), nil
	n.wait = min(2*n.wait, 5*time.Minute)
	n.age++
}

func (n *naive) done(now time.Time, pass int, verdict string) {
	switch {
	case pass == n.trial:
		n.trial = -1
		switch verdict {
		case "good":
			n.state, n.failures, n.wait = "closed", nil, 15*time.Second
			n.age++
		case "bad":
			if !now.Before(n.until) {
				n.opens(now)
			}
		}
	case n.state == "closed" && n.born[pass] == n.age:
		switch verdict {
		case "good":
			n.wait = 15 * time.Second
		case "bad":
			n.failures = append(slices.DeleteFunc(n.failures, func(at time.Time) bool { return now.Sub(at) >= 30*time.Second }), now)
			if len(n.failures) == 5 {
				n.opens(now)
			}
		}
	}
}

// TestTheBreakerIsAsOneWouldTellIt compares a breaker with a naive one over 100,000 random steps.
func TestTheBreakerIsAsOneWouldTellIt(t *testing.T) {
	r := newRig(t)
	random := rand.New(rand.NewPCG(5, 15))
	m := r.remote()
	model := naive{state: "closed", trial: -1, wait: 15 * time.Second, born: map[int]int{}}
	running := map[int]*Pass{}
	var order []int
	reached := map[string]int{}
	for step := range 100_000 {
		now := r.clock()
		what := fmt.Sprintf("step %d, %s", step, model.state)
		switch n := random.IntN(10); {
		case n < 4:
			force := random.IntN(4) == 0
			pass, ok := m.Enter(now, force, 0)
			if want := model.enter(now, step, force); ok != want {
				t.Fatalf("%s: let in %t, want %t (force %t)", what, ok, want, force)
			}
			if ok {
				running[step] = &pass
				order = append(order, step)
				reached[fmt.Sprint(model.state, pass.Trial)]++
			}
		case n < 8 && len(order) > 0:
			i := random.IntN(len(order))
			id := order[i]
			order = slices.Delete(order, i, i+1)
			verdict := []string{"good", "bad", "bad", "bad", "none"}[random.IntN(5)]
			running[id].Done(Outcome{Err: map[string]*llm.Error{"bad": fault(llm.ProviderFailed), "none": fault(llm.ClientGone)}[verdict]})
			running[id].Done(Outcome{})
			model.done(now, id, verdict)
			delete(running, id)
		default:
			r.pass(time.Duration(random.ExpFloat64() * float64(3*time.Second)))
		}
		now = r.clock()
		ready := model.trial < 0 && (model.state != "open" || !now.Before(model.until))
		if m.Ready(now) != ready || m.Standing(now).Ready != ready {
			t.Fatalf("%s: ready %t, standing %+v, want %t", what, m.Ready(now), m.Standing(now), ready)
		}
		if model.state == "open" && model.trial < 0 && !ready && m.Standing(now).Wait != model.until.Sub(now) {
			t.Fatalf("%s: %+v, want until %s", what, m.Standing(now), model.until.Sub(now))
		}
		if n := r.Report("p").Running; n != len(order) {
			t.Fatalf("%s: %d running, want %d", what, n, len(order))
		}
	}
	for _, state := range []string{"closedfalse", "halftrue", "opentrue"} {
		if reached[state] < 100 {
			t.Errorf("the steps reached too little: %v", reached)
		}
	}
}
