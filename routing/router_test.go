package routing

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// script is a provider whose steps a test writes down.
type script struct {
	send func(ctx context.Context) error // before the headers; nil: at once
	next func(ctx context.Context) ([]byte, error)
}

type scriptRelay struct {
	ctx    context.Context
	s      *script
	closed atomic.Bool
}

func (s *script) Send(ctx context.Context, _ *llm.Request, _ string, _ llm.Observer) (llm.Relay, error) {
	if s.send != nil {
		if err := s.send(ctx); err != nil {
			return nil, err
		}
	}
	return &scriptRelay{ctx: ctx, s: s}, nil
}
func (s *script) Models(context.Context) ([]llm.Model, error) { return nil, nil }
func (r *scriptRelay) Head() llm.Head                         { return llm.Head{Status: 200, Stream: true} }
func (r *scriptRelay) Next() ([]byte, error)                  { return r.s.next(r.ctx) }
func (r *scriptRelay) Close() error                           { r.closed.Store(true); return nil }

type fixed struct{ now *llm.Sources }

func (f fixed) Sources() *llm.Sources { return f.now }

func models(ids ...string) []llm.Model {
	var list []llm.Model
	for _, id := range ids {
		list = append(list, llm.Model{ID: id})
	}
	return list
}

func testSources() *llm.Sources {
	return llm.NewSources([]*llm.Source{
		{Name: "openai", Models: models("gpt-4o", "gpt-4o-mini", "o3")},
		{Name: "openrouter", Models: models("openai/gpt-4o", "meta/llama-3", "gpt-4o")},
		{Name: "ollama", Local: true, Models: models("llama3.2:1b", "qwen/qwen3:8b")},
	})
}

func TestModelNames(t *testing.T) {
	r := New(fixed{testSources()}, Options{})
	for _, c := range []struct{ asked, provider, id string }{
		{"openai/gpt-4o", "openai", "gpt-4o"},
		{"openai/not-listed", "openai", "not-listed"}, // the provider itself knows best
		{"openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o"},
		{"gpt-4o", "openai", "gpt-4o"},                 // provider order
		{"meta/llama-3", "openrouter", "meta/llama-3"}, // a bare id with a slash
		{"qwen/qwen3:8b", "ollama", "qwen/qwen3:8b"},
		{"ollama/llama3.2:1b", "ollama", "llama3.2:1b"},
	} {
		src, id, e := r.Resolve(c.asked)
		if e != nil || src.Name != c.provider || id != c.id {
			t.Errorf("%s: got %v %q %v, want %s %q", c.asked, src, id, e, c.provider, c.id)
		}
	}
	for _, c := range []struct {
		asked  string
		status int
		says   string
	}{
		{"", 400, "No model is named"},
		{"  ", 400, "No model is named"},
		{"auto", 404, "chooses among models"},
		{"localrouter/auto", 404, "chooses among models"},
		{"router/minimum-cost", 404, "chooses among models"},
		{"router/minimum", 404, "router/minimum-cost"},
		{"gpt4o", 404, "openai/gpt-4o"},
		{"openrouter/", 404, "unknown"},
		{"GPT-4O", 404, "openai/gpt-4o"},
		{"nowhere/llama-4", 404, "openrouter/meta/llama-3"},
		{"zzzzzzzzzzzzzz", 404, "GET /v1/models"},
		{strings.Repeat("x", 9000) + "\x1b[31m", 404, "unknown"},
	} {
		_, _, e := r.Resolve(c.asked)
		if e == nil || e.Status != c.status || !strings.Contains(e.Message, c.says) {
			t.Errorf("%.20q: got %v, want %d with %q", c.asked, e, c.status, c.says)
			continue
		}
		if len(e.Message) > 600 || strings.ContainsAny(e.Message, "\x1b\n") {
			t.Errorf("%.20q: the message repeats what it should not: %q", c.asked, e.Message)
		}
	}
}

// TestABareNameMeansTheFirstThatMayBeReached: several providers list the model, and the key may not reach all of them.
func TestABareNameMeansTheFirstThatMayBeReached(t *testing.T) {
	offline := settings.Default()
	offline.Offline = true
	sources := llm.NewSources([]*llm.Source{
		{Name: "first", Dialect: llm.OpenAI, Provider: &quick{}, Models: models("m")},
		{Name: "second", Dialect: llm.OpenAI, Provider: &quick{}, Models: models("m")},
		{Name: "here", Dialect: llm.OpenAI, Provider: &quick{}, Local: true, Models: models("m")},
	})
	for name, c := range map[string]struct {
		policy Policy
		conf   *settings.Settings
		want   string
		code   string
	}{
		"all":            {want: "first"},
		"the second":     {policy: Policy{Allow: settings.Patterns{"second"}}, want: "second"},
		"local only":     {policy: Policy{LocalOnly: true}, want: "here"},
		"offline":        {conf: &offline, want: "here"},
		"none":           {policy: Policy{Allow: settings.Patterns{"fourth"}}, code: "model_not_allowed"},
		"without guess":  {policy: Policy{Strict: true}, code: "model_ambiguous"},
		"none, no guess": {policy: Policy{Strict: true, Allow: settings.Patterns{"second"}}, code: "model_ambiguous"},
	} {
		o := Options{}
		if c.conf != nil {
			o.Settings = func() *settings.Settings { return c.conf }
		}
		a, _, e := New(fixed{sources}, o).Send(t.Context(), &Call{Key: &c.policy, Request: &llm.Request{Dialect: llm.OpenAI, Op: llm.Completions, Model: "m"}, Observer: quietObserver{}})
		switch {
		case c.code != "":
			if e == nil || e.Code != c.code {
				t.Errorf("%s: %v", name, e)
			}
		case e != nil || a.Source.Name != c.want:
			t.Errorf("%s: %v %v, want %s", name, a, e, c.want)
		}
	}
}

func TestUnknownModelWithoutProvidersSaysHowToAddOne(t *testing.T) {
	_, _, e := New(fixed{llm.NewSources(nil)}, Options{}).Resolve("gpt-4o")
	if e == nil || e.Kind != llm.ModelNotFound || !strings.Contains(e.Message, "providers add") {
		t.Fatalf("got %v", e)
	}
}

type quietObserver struct{}

func (quietObserver) Committed()        {}
func (quietObserver) Usage(llm.Usage)   {}
func (quietObserver) Finish(string)     {}
func (quietObserver) Failed(*llm.Error) {}

// streamed runs one Send of a streamed request to a scripted provider and reports when Early was called.
func streamed(ctx context.Context, s *script, local bool, o Options) (a *Answer, attempts []llm.Attempt, e *llm.Error, early time.Duration) {
	r := New(fixed{llm.NewSources([]*llm.Source{{Name: "p", Provider: s, Local: local}})}, o)
	start := time.Now()
	call := &Call{Request: &llm.Request{Model: "p/m", Stream: true}, Observer: quietObserver{}}
	call.Early = func(a llm.Attempt, n int) {
		if n != 1 || a.Provider != "p" || a.Model != "m" {
			panic("Early names another target")
		}
		early = time.Since(start)
	}
	a, attempts, e = r.Send(ctx, call)
	return a, attempts, e, early
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestFirstContentIsReadBeforeSendReturnsAndNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		s := &script{next: func(ctx context.Context) ([]byte, error) {
			if n++; n == 3 {
				return nil, io.EOF
			}
			return []byte{byte('0' + n)}, wait(ctx, time.Second)
		}}
		a, attempts, e, early := streamed(t.Context(), s, false, Options{})
		if e != nil || early != 0 {
			t.Fatalf("got %v, early after %v", e, early)
		}
		if len(attempts) != 1 || attempts[0] != (llm.Attempt{Provider: "p", Model: "m", Status: 200, DurationMS: 1000}) {
			t.Errorf("attempts: %+v", attempts)
		}
		got := ""
		for {
			b, err := a.Relay.Next()
			got += string(b)
			if err != nil {
				if err != io.EOF {
					t.Error(err)
				}
				break
			}
		}
		if got != "12" {
			t.Errorf("got %q, want 12", got)
		}
		a.Relay.Close()
		time.Sleep(time.Hour) // no clock of the attempt is left to fire
	})
}

func TestSilentStreamTellsTheServerAfter15Seconds(t *testing.T) {
	for _, where := range []string{"before the headers", "before the content"} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{next: func(context.Context) ([]byte, error) { return []byte("x"), nil }}
			if where == "before the headers" {
				s.send = func(ctx context.Context) error { return wait(ctx, 40*time.Second) }
			} else {
				s.next = func(ctx context.Context) ([]byte, error) { return []byte("x"), wait(ctx, 40*time.Second) }
			}
			a, _, e, early := streamed(t.Context(), s, false, Options{})
			if e != nil || early != 15*time.Second {
				t.Errorf("%s: got %v, early after %v, want 15s", where, e, early)
			}
			a.Relay.Close()
		})
	}
}

func TestRemoteStreamHas120SecondsToItsFirstContent(t *testing.T) {
	never := &script{next: func(ctx context.Context) ([]byte, error) { return nil, wait(ctx, time.Hour) }}
	long := settings.Default()
	long.Providers = []settings.Provider{{Name: "p", Timeout: settings.Timeout{FirstByte: 300 * time.Second}}}
	for _, c := range []struct {
		name string
		o    Options
		want int64
	}{
		{"default", Options{}, 120_000},
		{"first_byte of the settings", Options{Settings: func() *settings.Settings { return &long }}, 300_000},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, attempts, e, _ := streamed(t.Context(), never, false, c.o)
			if e == nil || e.Kind != llm.Timeout || e.Status != 504 || e.Provider != "p" {
				t.Fatalf("%s: got %v", c.name, e)
			}
			if attempts[0].DurationMS != c.want || attempts[0].Kind != llm.Timeout {
				t.Errorf("%s: %+v, want %d ms", c.name, attempts[0], c.want)
			}
		})
	}
}

func TestLocalModelMayLoadForMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: func(ctx context.Context) ([]byte, error) { return []byte("x"), wait(ctx, 9*time.Minute) }}
		a, _, e, early := streamed(t.Context(), s, true, Options{})
		if e != nil || early != 15*time.Second {
			t.Fatalf("got %v, early %v", e, early)
		}
		a.Relay.Close()
	})
}

func TestFailedAttemptNamesItsReason(t *testing.T) {
	stop := &llm.Error{Kind: llm.Stopping, Status: 503}
	for _, c := range []struct {
		name string
		s    *script
		end  error // the request is cancelled with it after a second; nil: it is not
		kind llm.Kind
	}{
		{"the provider says no", &script{send: func(context.Context) error { return &llm.Error{Kind: llm.RateLimited, Status: 429} }}, nil, llm.RateLimited},
		{"a foreign error", &script{send: func(context.Context) error { return errors.New("odd") }}, nil, llm.Internal},
		{"the application goes", &script{send: func(ctx context.Context) error { return wait(ctx, time.Hour) }}, context.Canceled, llm.ClientGone},
		{"the gateway stops", &script{send: func(ctx context.Context) error { return wait(ctx, time.Hour) }}, stop, llm.Stopping},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			if c.end != nil {
				go func() { time.Sleep(time.Second); cancel(c.end) }()
			}
			a, attempts, e, _ := streamed(ctx, c.s, false, Options{})
			cancel(nil)
			if a != nil || e == nil || e.Kind != c.kind || len(attempts) != 1 || attempts[0].Kind != c.kind {
				t.Errorf("%s: got %v %+v, want %s", c.name, e, attempts, c.kind)
			}
		})
	}
	if stop.Provider != "" {
		t.Error("a shared error was changed")
	}
}

func TestUnknownModelTriesNobody(t *testing.T) {
	r := New(fixed{testSources()}, Options{})
	a, attempts, e := r.Send(t.Context(), &Call{Request: &llm.Request{Model: "nothing"}, Observer: quietObserver{}})
	if a != nil || attempts != nil || e == nil || e.Kind != llm.ModelNotFound {
		t.Fatalf("got %v %v %v", a, attempts, e)
	}
}

func BenchmarkResolve(b *testing.B) {
	r := New(fixed{manyModels(1000)}, Options{})
	for b.Loop() {
		r.Resolve("p3/model-number-333")
	}
}

func BenchmarkUnknownModelAmongThousand(b *testing.B) {
	r := New(fixed{manyModels(1000)}, Options{})
	for b.Loop() {
		r.Resolve("model-numer-33x")
	}
}

func manyModels(n int) *llm.Sources {
	var list []*llm.Source
	for p := range 4 {
		src := &llm.Source{Name: "p" + string(rune('0'+p))}
		for i := range n / 4 {
			src.Models = append(src.Models, llm.Model{ID: "model-number-" + string(rune('0'+p)) + strings.Repeat("7", i%9) + string(rune('a'+i%26))})
		}
		list = append(list, src)
	}
	return llm.NewSources(list)
}

func (s *script) Converse(context.Context, *llm.Order, llm.Observer) (llm.Stream, error) {
	panic("asked to translate")
}
