package routing

import (
	"context"
	"io"
	"runtime"
	"slices"
	"testing"
	"weak"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing/health"
)

// saying is a provider that fails, or answers where e is nil, and counts who asked.
func saying(e *llm.Error, asked *int) *script {
	return &script{
		send: func(context.Context) error {
			*asked++
			if e != nil {
				return e
			}
			return nil
		},
		next: func(context.Context) ([]byte, error) { return nil, io.EOF },
	}
}

// twoOf is a router over two scripted providers, a and b, and the settings it goes by.
func twoOf(a, b *script) (*Router, *settings.Settings) {
	conf := settings.Default()
	two := settings.NewRouter("two")
	two.Select.Manual = []string{"a/m", "b/m"}
	conf.Routers = append(conf.Routers, two)
	return New(fixed{llm.NewSources([]*llm.Source{{Name: "a", Provider: a, Models: models("m")}, {Name: "b", Provider: b, Models: models("m")}})},
		Options{Settings: func() *settings.Settings { return &conf }, Rand: func() float64 { return 0 }}), &conf
}

func asking(model string) *Call {
	return &Call{ID: "r1", Request: &llm.Request{Op: llm.Chat, Model: model, Conversation: &llm.Conversation{}}, Observer: quietObserver{}}
}

// TestRecordAndReceiptDoNotKeepTheRequest: a thousand receipts would hold a thousand bodies.
func TestRecordAndReceiptDoNotKeepTheRequest(t *testing.T) {
	for name, e := range map[string]*llm.Error{"failed": {Kind: llm.ProviderRejected, Status: 400}, "answered": nil} {
		n := 0
		r, _ := twoOf(saying(e, &n), saying(e, &n))
		var attempts []llm.Attempt
		body := func() weak.Pointer[llm.Request] {
			c := asking("router/two")
			c.Request.Body = make([]byte, 1<<20)
			p := weak.Make(c.Request)
			answer, list, _ := r.Send(t.Context(), c)
			if attempts = list; answer != nil {
				answer.Relay.Close()
			}
			return p
		}()
		runtime.GC()
		runtime.GC()
		if body.Value() != nil {
			t.Errorf("%s: the request is kept by its receipt or record", name)
		}
		if rec := r.AnyReceipt("r1"); rec == nil || len(rec.Attempts) != 1 || len(attempts) != 1 {
			t.Errorf("%s: %+v %+v", name, rec, attempts)
		}
	}
}

// TestLimitsAreAskedAboutWhoeverIsTriedNext, also where the first had no attempt because it was busy.
func TestLimitsAreAskedAboutWhoeverIsTriedNext(t *testing.T) {
	for name, busy := range map[string]bool{"it failed": false, "it was busy": true} {
		n := 0
		r, conf := twoOf(saying(&llm.Error{Kind: llm.ProviderFailed, Status: 500}, &n), saying(nil, &n))
		if busy {
			conf.Providers = []settings.Provider{{Name: "a", MaxParallel: 1}}
			r.health.TrySlot("a", 1)
		}
		c := asking("router/two")
		var moves []string
		c.Admit = func([]Target, string) ([]string, *llm.Error) { return nil, nil }
		c.Move = func(to Target, asked bool) string {
			if moves = append(moves, to.Name()); asked == busy {
				t.Errorf("%s: the one before was asked: %t", name, asked)
			}
			return ""
		}
		if _, _, e := r.Send(t.Context(), c); e != nil || !slices.Equal(moves, []string{"b/m"}) {
			t.Errorf("%s: asked about %v (%v)", name, moves, e)
		}
	}
}

// TestTheCourseOfEveryKind holds the table of outcomes against what is held against whom: what marks the provider lets
// another one be tried.
func TestTheCourseOfEveryKind(t *testing.T) {
	goesOn := map[llm.Kind]bool{llm.Unreachable: true, llm.Redirected: true, llm.Timeout: true, llm.ProviderFailed: true, llm.Broken: true, llm.RateLimited: true,
		llm.Quota: true, llm.ProviderAuth: true, llm.VaultLocked: true, llm.ModelNotFound: true, llm.Overloaded: true, llm.ContextTooLong: true}
	for _, k := range []llm.Kind{llm.BadRequest, llm.InvalidKey, llm.KeyDisabled, llm.Forbidden, llm.NotFound, llm.ModelNotFound, llm.MethodNotAllowed, llm.TooLarge,
		llm.UnsupportedMedia, llm.LimitReached, llm.ClientGone, llm.Overloaded, llm.Stopping, llm.VaultLocked, llm.Loop, llm.Internal, llm.Unreachable, llm.Redirected,
		llm.ProviderAuth, llm.Quota, llm.RateLimited, llm.ProviderRejected, llm.ContextTooLong, llm.ContentPolicy, llm.ProviderFailed, llm.Broken, llm.Timeout} {
		if c := courseOf(&llm.Error{Kind: k}); c.next != goesOn[k] || !c.next && c != (course{}) {
			t.Errorf("%s: %+v", k, c)
		}
		n, asked := 0, 0
		r, _ := twoOf(saying(&llm.Error{Kind: k, Status: 500, Message: "No."}, &n), saying(nil, &asked))
		_, attempts, e := r.Send(t.Context(), asking("router/two"))
		want := 0
		if goesOn[k] && k != llm.ContextTooLong {
			want = 1
		}
		if asked != want || (e == nil) != (want == 1) || len(attempts) != 1+want {
			t.Errorf("%s: the other was asked %d times, want %d (%v)", k, asked, want, e)
		}
		if e != nil && e.Message != "No." {
			t.Errorf("%s: said %q", k, e.Message)
		}
		if rep := r.Health().Report("a"); rep.Running != 0 || goesOn[k] == false && (rep.Failures > 0 || rep.State != health.Healthy) {
			t.Errorf("%s: it stands %+v", k, rep)
		}
	}
}

// TestModelsElsewhere: what a provider at home has run for it on other people's machines is not local, however it is
// written.
func TestModelsElsewhere(t *testing.T) {
	for id, local := range map[string]bool{"llama3.2:1b": true, "qwen/qwen3:8b": true, "cloud": true, "my-cloud": true, "cloudy:8b": true,
		"gpt-oss:120b-cloud": false, "glm-4.6:cloud": false, "GPT-OSS:120B-CLOUD": false, "x:y:cloud": false, "x/y:1-Cloud": false, "glm:cloud ": false} {
		for _, kind := range []string{"ollama", "openai", "compatible"} {
			target := Target{Source: &llm.Source{Name: "here", Type: kind, Local: true}, ID: id}
			if target.Local() != local || target.Free() != local {
				t.Errorf("%s: %q local %t, want %t", kind, id, target.Local(), local)
			}
		}
	}
}

// TestOneProviderDoesNotTakeAllAttempts: where the models that come first are all of one that is down, another is reached
// before the attempts are used up.
func TestOneProviderDoesNotTakeAllAttempts(t *testing.T) {
	conf := settings.Default()
	all := settings.NewRouter("all")
	all.Select.Manual = []string{"a/1", "a/2", "a/3", "a/4", "a/5", "b/m"}
	conf.Routers = append(conf.Routers, all)
	n, m := 0, 0
	a := saying(&llm.Error{Kind: llm.ProviderFailed, Status: 503}, &n)
	r := New(fixed{llm.NewSources([]*llm.Source{{Name: "a", Provider: a, Models: models("1", "2", "3", "4", "5")}, {Name: "b", Provider: saying(nil, &m), Models: models("m")}})},
		Options{Settings: func() *settings.Settings { return &conf }, Rand: func() float64 { return 0 }})
	if answer, attempts, e := r.Send(t.Context(), asking("router/all")); e != nil || answer.Source.Name != "b" || len(attempts) != 3 || attempts[1].Model != "2" {
		t.Errorf("%v after %+v", e, attempts)
	}
}
