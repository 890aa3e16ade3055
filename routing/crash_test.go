package routing

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

var down = &llm.Error{Kind: llm.ProviderFailed, Status: 500}

// crash sends c and swallows the panic of its provider, as the server does.
func crash(t *testing.T, r *Router, c *Call) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("the provider did not panic")
		}
	}()
	r.Send(t.Context(), c)
}

// TestADefectHoldsNothing: what panics gives back the place of the one that tries whether a provider is back, and that
// among the requests a provider takes at once.
func TestADefectHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mood := "down"
		a := &script{
			send: func(context.Context) error {
				switch mood {
				case "down":
					return down
				case "crashing":
					panic("a defect")
				}
				return nil
			},
			next: func(context.Context) ([]byte, error) { return nil, io.EOF },
		}
		n := 0
		r, conf := twoOf(a, saying(nil, &n))
		conf.Providers = []settings.Provider{{Name: "a", MaxParallel: 1}}
		conf.Resilience.Retries = 0
		for range conf.Resilience.Breaker.Failures {
			r.Send(t.Context(), asking("a/m"))
		}
		mood = "crashing"
		time.Sleep(time.Minute)
		crash(t, r, asking("a/m"))
		mood = "up"
		answer, _, e := r.Send(t.Context(), asking("a/m"))
		if e != nil {
			t.Fatalf("after the defect: %v", e)
		}
		answer.Relay.Close()
		if how := r.Health().Report("a"); how.Running != 0 {
			t.Errorf("%d requests are said to run", how.Running)
		}
	})
}

// TestADefectEndsTheClock: once Send is over nobody may write to the application's response any more.
func TestADefectEndsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		r, _ := twoOf(&script{next: func(context.Context) ([]byte, error) { panic("a defect") }}, saying(nil, &n))
		c := asking("a/m")
		c.Request.Stream = true
		c.Early = func(llm.Attempt, int) { t.Error("the headers are sent when the request is over") }
		crash(t, r, c)
		time.Sleep(time.Minute)
	})
}

// TestContentThatComesWithTheEnd: where the time of an attempt is over in the moment of its first content, nothing more
// would follow; the next target is asked.
func TestContentThatComesWithTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := &script{next: func(ctx context.Context) ([]byte, error) {
			<-ctx.Done()
			return []byte("just in time"), nil
		}}
		prompt := &script{next: func(context.Context) ([]byte, error) { return []byte("whole"), nil }}
		r, _ := twoOf(late, prompt)
		c := asking("router/two")
		c.Request.Stream = true
		answer, attempts, e := r.Send(t.Context(), c)
		if e != nil || len(attempts) != 2 || attempts[0].Kind != llm.Timeout || answer.Source.Name != "b" {
			t.Fatalf("%v %+v", e, attempts)
		}
		answer.Relay.Close()
	})
}
