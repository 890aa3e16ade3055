package routing

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// manyOf is a router named "all" over one model at each of the providers, which answer, with its settings.
func manyOf(names string, change func(*llm.Source)) (*Router, *settings.Settings) {
	conf := settings.Default()
	all := settings.NewRouter("all")
	var list []*llm.Source
	for _, name := range strings.Fields(names) {
		s := &llm.Source{Name: name, Models: models("m"), Provider: &script{next: func(context.Context) ([]byte, error) { return nil, io.EOF }}}
		if change != nil {
			change(s)
		}
		list = append(list, s)
		all.Select.Manual = append(all.Select.Manual, name+"/m")
	}
	conf.Routers = append(conf.Routers, all)
	return New(fixed{llm.NewSources(list)}, Options{Settings: func() *settings.Settings { return &conf }, Rand: func() float64 { return 0 }}), &conf
}

// TestLimitsThatLeaveOutTheFirstTargets: the limits look at some at a time; where none of those may be used the next are
// looked at, and the request is lost only where none is left.
func TestLimitsThatLeaveOutTheFirstTargets(t *testing.T) {
	for last, wants := range map[string]string{"d": "e", "e": "f", "h": "i", "i": ""} {
		r, _ := manyOf("a b c d e f g h i", nil)
		c := asking("router/all")
		wait := 10 * time.Second
		c.Admit = func(targets []Target, router string) (left []string, e *llm.Error) {
			left = make([]string, len(targets))
			free := false
			for i := range targets {
				if targets[i].Source.Name <= last {
					left[i] = "its plan is full"
				} else {
					free = true
				}
			}
			if !free {
				wait += 10 * time.Second
				e = &llm.Error{Kind: llm.LimitReached, Status: 429, RetryAfter: wait}
			}
			return left, e
		}
		answer, attempts, e := r.Send(t.Context(), c)
		switch {
		case wants == "" && (e == nil || e.Kind != llm.LimitReached || e.RetryAfter != 20*time.Second || len(attempts) > 0):
			t.Errorf("all are full: %+v", e)
		case wants == "":
		case e != nil:
			t.Errorf("%s is lost: %v", wants, e)
		case answer.Source.Name != wants || len(attempts) != 1:
			t.Errorf("%s answered, wanted %s", answer.Source.Name, wants)
		}
		full := 0
		for _, one := range r.AnyReceipt("r1").Candidates {
			if one.Left == "its plan is full" {
				full++
			}
		}
		if wants := int(last[0]-'a') + 1; full != wants {
			t.Errorf("the receipt names %d of %d that are full", full, wants)
		}
	}
}

// TestARouterWithALimitOfCost takes nobody whose price is not known, as one with a limited key does.
func TestARouterWithALimitOfCost(t *testing.T) {
	r, conf := manyOf("a b c d e f", func(s *llm.Source) {
		s.Dialect = llm.OpenAI
		if s.Name == "f" {
			s.Models[0].Price = &llm.Price{Input: 1, Output: 1}
		}
	})
	conf.Router("all").Limits = []settings.Limit{{Kind: settings.LimitCost, Amount: 1, Window: time.Hour}}
	c := asking("router/all")
	c.Request.Dialect = llm.OpenAI
	c.Admit = func(targets []Target, _ string) ([]string, *llm.Error) {
		if len(targets) != 1 || targets[0].Source.Name != "f" {
			t.Errorf("the limits are asked about %v", targets)
		}
		return nil, nil
	}
	if answer, _, e := r.Send(t.Context(), c); e != nil || answer.Source.Name != "f" {
		t.Fatalf("%v", e)
	}
	if left := r.AnyReceipt("r1").Candidates; left[1].Left != "price unknown" {
		t.Errorf("the receipt says %+v", left)
	}
	preview, e := r.Preview("router/all", PreviewOptions{})
	if e != nil || preview.Candidates[0].Provider != "f" || preview.Candidates[1].Left != "price unknown" {
		t.Errorf("the preview shows another choice: %+v %v", preview, e)
	}
}

// TestWhoCannotBeginGoesOn: nobody was asked yet where another request is finding out whether the first target is back.
// That holds for an upload, which can be sent once, and where a router may not fall back.
func TestWhoCannotBeginGoesOn(t *testing.T) {
	for name, change := range map[string]func(*Call, *settings.Router){
		"an upload": func(c *Call, _ *settings.Router) {
			c.Request.Rest, c.Request.Op = strings.NewReader("the rest"), llm.Forward
		},
		"without a fall back": func(_ *Call, r *settings.Router) { r.Fallback.Enabled = false },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := make(chan struct{})
				failing := true
				a := &script{
					send: func(context.Context) error {
						if failing {
							return down
						}
						<-gate
						return nil
					},
					next: func(context.Context) ([]byte, error) { return nil, io.EOF },
				}
				n := 0
				r, conf := twoOf(a, saying(nil, &n))
				for range conf.Resilience.Breaker.Failures {
					r.Send(t.Context(), asking("a/m"))
				}
				failing = false
				time.Sleep(time.Minute)
				c := asking("router/two")
				change(c, conf.Router("two"))
				c.Admit = func([]Target, string) ([]string, *llm.Error) { // after the choice somebody else begins to try
					go r.Send(t.Context(), asking("a/m"))
					synctest.Wait()
					return nil, nil
				}
				answer, attempts, e := r.Send(t.Context(), c)
				if e != nil || answer.Source.Name != "b" || len(attempts) != 1 {
					t.Errorf("%v after %+v", e, attempts)
				}
				close(gate)
			})
		})
	}
}

// TestANameNoModelHas is refused before it is kept anywhere.
func TestANameNoModelHas(t *testing.T) {
	r, _ := manyOf("a", nil)
	for _, length := range []int{600, 1 << 20} {
		c := asking("a/" + strings.Repeat("x", length))
		if _, attempts, e := r.Send(t.Context(), c); e == nil || e.Status != 400 || len(attempts) > 0 || len(e.Message) > 300 || r.AnyReceipt("r1") != nil {
			t.Errorf("%d bytes: %+v %v", length, e, r.AnyReceipt("r1"))
		}
	}
	if _, _, e := r.Send(t.Context(), asking("a/"+strings.Repeat("x", 300))); e != nil {
		t.Errorf("300 bytes: %v", e)
	}
}

// TestForwardedRequestsGoToModelsOfTheirKind: the cheapest model for sound draws no picture.
func TestForwardedRequestsGoToModelsOfTheirKind(t *testing.T) {
	r, conf := manyOf("a b c d", func(s *llm.Source) {
		s.Models[0].API = map[string]llm.API{"a": llm.APIAudio, "b": llm.APIImages, "c": llm.APIModeration, "d": llm.APIRerank}[s.Name]
	})
	conf.Router("all").Select.Manual = nil
	for path, wants := range map[string]string{"/audio/speech": "a", "/images/generations": "b", "/moderations": "c", "/rerank": "d"} {
		c := asking("router/all")
		c.Request.Op, c.Request.Path = llm.Forward, path
		if answer, _, e := r.Send(t.Context(), c); e != nil || answer.Source.Name != wants {
			t.Errorf("%s: %v %v, want %s", path, answer, e, wants)
		}
	}
}

// TestAnEndpointThatAModelLacks is not held against it: the provider knows the model where it is talked to.
func TestAnEndpointThatAModelLacks(t *testing.T) {
	for _, op := range []llm.Op{llm.Completions, llm.Embeddings} {
		for code, cause := range map[string]bool{"": false, "model_not_found": true} {
			n := 0
			r, _ := twoOf(saying(&llm.Error{Kind: llm.ModelNotFound, Status: 404, Code: code}, &n), saying(nil, &n))
			c := asking("a/m")
			c.Request.Op = op
			r.Send(t.Context(), c)
			if rests := len(r.Health().Report("a").Rests) > 0; rests != cause {
				t.Errorf("%s, code %q: the model rests: %v", op, code, rests)
			}
		}
	}
}
