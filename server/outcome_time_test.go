package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/providers/providertest"
	"localrouter/providers/upstream"
	tracker "localrouter/routing/health"
)

// These tests let minutes pass in no time: real clients ask a network that is a function.

// step is a piece of an answer and the time before it. The first one's time is that before the headers.
type step struct {
	after time.Duration
	text  string
}

// trip is a provider that answers in steps, the first one with a status, or never if there is none.
type trip struct {
	status int
	kind   string // Content-Type; empty: JSON
	steps  []step

	mu    sync.Mutex
	asked []time.Time
}

func (p *trip) times() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *trip) do(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asked = append(p.asked, time.Now())
	p.mu.Unlock()
	io.Copy(io.Discard, r.Body)
	if len(p.steps) == 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if err := rest(r.Context(), p.steps[0].after); err != nil {
		return nil, err
	}
	kind := p.kind
	if kind == "" {
		kind = "application/json"
	}
	return &http.Response{StatusCode: p.status, Header: http.Header{"Content-Type": {kind}}, ContentLength: -1, Request: r,
		Body: &tripBody{ctx: r.Context(), text: p.steps[0].text, steps: p.steps[1:]}}, nil
}

// tripBody sends the text of one step after the other, and then nothing more until it is closed or given up. An empty
// last step is the end.
type tripBody struct {
	ctx   context.Context
	text  string
	steps []step
}

func (b *tripBody) Read(p []byte) (int, error) {
	for b.text == "" {
		if len(b.steps) == 0 {
			<-b.ctx.Done()
			return 0, b.ctx.Err()
		}
		s := b.steps[0]
		if err := rest(b.ctx, s.after); err != nil {
			return 0, err
		}
		if b.steps = b.steps[1:]; s.text == "" {
			return 0, io.EOF
		}
		b.text = s.text
	}
	n := copy(p, b.text)
	b.text = b.text[n:]
	return n, nil
}

func (b *tripBody) Close() error { return nil }

const events = "text/event-stream"

// never takes a request and says nothing; dumb begins a stream and says nothing more.
func never() *trip { return &trip{} }
func dumb() *trip  { return &trip{status: 200, kind: events, steps: []step{{0, providertest.Role()}}} }
func slow(d time.Duration) *trip { // to its headers
	return &trip{status: 200, kind: events, steps: []step{{d, strings.Join(providertest.Chat(okText), "")}, {0, ""}}}
}
func late(d time.Duration) *trip { // to its first content
	return &trip{status: 200, kind: events, steps: []step{{0, providertest.Role()}, {d, strings.Join(providertest.Chat(okText)[1:], "")}, {0, ""}}}
}
func fails(status int, after time.Duration) *trip {
	return &trip{status: status, steps: []step{{after, refusal(llm.OpenAI, "x_error", "x", "It failed.")}, {0, ""}}}
}
func replies(after time.Duration) *trip {
	return &trip{status: 200, steps: []step{{after, providertest.Reply(okText)}, {0, ""}}}
}

// arranged is a scene of trips, by the names a, b, c and so on; those in local are local.
func arranged(t *testing.T, trips []*trip, local string, change ...func(*settings.Settings)) *scene {
	var peers []peer
	for i, p := range trips {
		name := string(rune('a' + i))
		peers = append(peers, peer{name: name, dialect: llm.OpenAI, local: strings.Contains(local, name), options: upstream.Options{Trip: p.do}})
	}
	return stage(t, peers, change...)
}

// timed is an answer as it came: when the headers and when the end.
type timed struct {
	*httptest.ResponseRecorder
	start, headers, end time.Time
}

func (w *timed) WriteHeader(status int) {
	w.headers = time.Now()
	w.ResponseRecorder.WriteHeader(status)
}

// ask sends a request through the handler.
func (s *scene) ask(app llm.Dialect, model string, stream bool) *timed {
	w := &timed{ResponseRecorder: httptest.NewRecorder(), start: time.Now()}
	s.ServeHTTP(w, request("POST", chatPath(app), chatText(app, model, stream)))
	w.end = time.Now()
	return w
}

// TestTheClocksOfAStream: 30 s to the headers where another target waits, 120 s to the first content over all remote
// attempts, no bound for a local model that loads; and after 15 s the headers where nobody else waits.
func TestTheClocksOfAStream(t *testing.T) {
	min := time.Minute
	for name, c := range map[string]struct {
		trips          []*trip
		local          string
		model          string
		change         func(*settings.Settings)
		headers, total time.Duration
		status         int
		attempts       []llm.Kind
	}{
		"quick":                                {[]*trip{slow(time.Second)}, "", "a/m", nil, time.Second, time.Second, 200, []llm.Kind{""}},
		"slow headers, nobody else":            {[]*trip{slow(100 * time.Second)}, "", "a/m", nil, 15 * time.Second, 100 * time.Second, 200, []llm.Kind{""}},
		"slow content, nobody else":            {[]*trip{late(100 * time.Second)}, "", "a/m", nil, 15 * time.Second, 100 * time.Second, 200, []llm.Kind{""}},
		"never, nobody else":                   {[]*trip{never()}, "", "a/m", nil, 15 * time.Second, 120 * time.Second, 200, []llm.Kind{llm.Timeout}},
		"dumb, nobody else":                    {[]*trip{dumb()}, "", "a/m", nil, 15 * time.Second, 120 * time.Second, 200, []llm.Kind{llm.Timeout}},
		"never, another waits":                 {[]*trip{never(), slow(time.Second)}, "", "router/two", nil, 31 * time.Second, 31 * time.Second, 200, []llm.Kind{llm.Timeout, ""}},
		"29 s, another waits":                  {[]*trip{slow(29 * time.Second), slow(time.Second)}, "", "router/two", nil, 29 * time.Second, 29 * time.Second, 200, []llm.Kind{""}},
		"slow content while another waits":     {[]*trip{late(80 * time.Second), slow(time.Second)}, "", "router/two", nil, 80 * time.Second, 80 * time.Second, 200, []llm.Kind{""}},
		"dumb, another has what is left":       {[]*trip{dumb(), slow(20 * time.Second)}, "", "router/two", nil, 105 * time.Second, 110 * time.Second, 200, []llm.Kind{llm.Timeout, ""}},
		"three that never answer":              {[]*trip{never(), never(), never()}, "", "router/two", nil, 75 * time.Second, 120 * time.Second, 200, []llm.Kind{llm.Timeout, llm.Timeout, llm.Timeout}},
		"the last is slow":                     {[]*trip{fails(500, time.Second), slow(50 * time.Second)}, "", "router/two", nil, 16 * time.Second, 51 * time.Second, 200, []llm.Kind{llm.ProviderFailed, ""}},
		"fallback is off":                      {[]*trip{slow(50 * time.Second), slow(0)}, "", "router/two", router(func(r *settings.Router) { r.Fallback.Enabled = false }), 15 * time.Second, 50 * time.Second, 200, []llm.Kind{""}},
		"it was the last attempt":              {[]*trip{slow(50 * time.Second), slow(0)}, "", "router/two", router(func(r *settings.Router) { r.Fallback.Attempts = 1 }), 15 * time.Second, 50 * time.Second, 200, []llm.Kind{""}},
		"a local model loads":                  {[]*trip{slow(9 * min)}, "a", "a/m", nil, 15 * time.Second, 9 * min, 200, []llm.Kind{""}},
		"a local model loads, another waits":   {[]*trip{slow(9 * min), slow(0)}, "a", "router/two", nil, 15 * time.Second, 9 * min, 200, []llm.Kind{""}},
		"a local one has no part in the 120 s": {[]*trip{dumb(), late(5 * min)}, "b", "router/two", nil, 105 * time.Second, 90*time.Second + 5*min, 200, []llm.Kind{llm.Timeout, ""}},
		"after the early header nobody else":   {[]*trip{never(), slow(0)}, "a", "router/two", nil, 15 * time.Second, 10 * min, 200, []llm.Kind{llm.Timeout}},
		"a local one's time is not counted":    {[]*trip{fails(404, 14*time.Second), dumb()}, "a", "router/two", nil, 29 * time.Second, 134 * time.Second, 200, []llm.Kind{llm.ModelNotFound, llm.Timeout}},
		"a longer first_byte": {[]*trip{dumb()}, "", "a/m", func(conf *settings.Settings) {
			conf.Providers = append(conf.Providers, settings.Provider{Name: "a", Timeout: settings.Timeout{FirstByte: 5 * min}})
		}, 15 * time.Second, 2 * min, 200, []llm.Kind{llm.Timeout}}, // its idle clock
	} {
		for _, app := range []llm.Dialect{llm.OpenAI, llm.Anthropic} {
			t.Run(fmt.Sprintf("%s, %s", name, app), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					change := c.change
					if change == nil {
						change = func(*settings.Settings) {}
					}
					for i := range c.trips {
						c.trips[i] = &trip{status: c.trips[i].status, kind: c.trips[i].kind, steps: c.trips[i].steps}
					}
					s := arranged(t, c.trips, c.local, change)
					w := s.ask(app, c.model, true)
					near(t, "headers", w.headers.Sub(w.start), c.headers)
					near(t, "end", w.end.Sub(w.start), c.total)
					e := s.next()
					var kinds []llm.Kind
					for _, a := range e.Attempts {
						kinds = append(kinds, a.Kind)
					}
					if !reflect.DeepEqual(kinds, c.attempts) || w.Code != c.status {
						t.Errorf("%d after %q, want %d after %q: %s", w.Code, kinds, c.status, c.attempts, w.Body)
					}
					if last := c.attempts[len(c.attempts)-1]; last == "" != strings.Contains(w.Body.String(), okText) || last != e.Kind {
						t.Errorf("%s %s", e.Kind, w.Body)
					} else if last != "" {
						a := &answer{Response: w.Result(), body: strings.ReplaceAll(w.Body.String(), keepAlive, "")}
						if said, err := readError(app, a); err != nil || app == llm.OpenAI && said.code != "timeout" || app == llm.Anthropic && said.kind != "timeout_error" {
							t.Errorf("%+v %v", said, err)
						}
					}
					if early := c.headers == 15*time.Second; early && c.model == "router/two" != (w.Header().Get("X-Localrouter-Router") == "router/two") {
						t.Errorf("the header names the router %q", w.Header().Get("X-Localrouter-Router"))
					}
				})
			})
		}
	}
}

const keepAlive = "event: ping\ndata: {\"type\":\"ping\"}\n\n"

// near compares times to the rounding of clocks that run one into the other.
func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if d := got - want; d < -10*time.Millisecond || d > 10*time.Millisecond {
		t.Errorf("%s after %s, want %s", what, got, want)
	}
}

// TestTheClocksOfAWholeReply: ten minutes over all attempts, and no other bound.
func TestTheClocksOfAWholeReply(t *testing.T) {
	for name, c := range map[string]struct {
		trips    []*trip
		total    time.Duration
		status   int
		attempts int
	}{
		"nine minutes":             {[]*trip{replies(9 * time.Minute), replies(0)}, 9 * time.Minute, 200, 1},
		"failure, then a slow one": {[]*trip{fails(500, 4*time.Minute), replies(5 * time.Minute)}, 9 * time.Minute, 200, 2},
		"failure, then too slow":   {[]*trip{fails(500, 4*time.Minute), never()}, 10 * time.Minute, 500, 2},
		"never":                    {[]*trip{never(), replies(0)}, 10 * time.Minute, 504, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := arranged(t, c.trips, "")
				w := s.ask(llm.OpenAI, "router/two", false)
				near(t, "end", w.end.Sub(w.start), c.total)
				if e := s.next(); w.Code != c.status || len(e.Attempts) != c.attempts {
					t.Errorf("%d after %+v: %s", w.Code, e.Attempts, w.Body)
				}
			})
		})
	}
}

// TestPausesAreTakenOnlyWhereNobodyElseIsLeft: 250 ms, doubled up to 2 s, of which chance takes a part; and the time that a
// limit names, where it is short.
func TestPausesAreTakenOnlyWhereNobodyElseIsLeft(t *testing.T) {
	gaps := func(p *trip) (list []time.Duration) {
		times := p.times()
		for i := 1; i < len(times); i++ {
			list = append(list, times[i].Sub(times[i-1]))
		}
		return list
	}
	ms := time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		a := fails(503, 0)
		s := arranged(t, []*trip{a}, "", func(conf *settings.Settings) {
			conf.Resilience.Retries, conf.Resilience.Attempts, conf.Resilience.Breaker.Enabled = 6, 7, false
		})
		s.chance = 1
		s.ask(llm.OpenAI, "a/m", false)
		if got, want := gaps(a), []time.Duration{250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 2000 * ms, 2000 * ms}; !reflect.DeepEqual(got, want) {
			t.Errorf("pauses of %v, want %v", got, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		a, b := fails(503, 0), fails(502, 0)
		s := arranged(t, []*trip{a, b}, "")
		s.chance = 1
		w := s.ask(llm.OpenAI, "router/two", false)
		if first := b.times()[0].Sub(a.times()[0]); first != 0 || len(a.times())+len(b.times()) != 4 || w.Code != 502 && w.Code != 503 {
			t.Errorf("the other was asked %s later, %d and %d times: %d", first, len(a.times()), len(b.times()), w.Code)
		}
		near(t, "end", w.end.Sub(w.start), 500*ms) // each paused once
	})
	for _, stream := range []bool{false, true} {
		for after, want := range map[string]time.Duration{"1": time.Second, "2": 2 * time.Second, "1500ms": 1500 * ms, "3": 0} {
			synctest.Test(t, func(t *testing.T) {
				a := &limiting{field: after}
				s := stage(t, []peer{{name: "a", dialect: llm.OpenAI, options: upstream.Options{Trip: a.do}}})
				w := s.ask(llm.OpenAI, "a/m", stream)
				if got := gaps(&a.trip); want > 0 && (w.Code != 200 || len(got) != 1 || got[0] != want) || want == 0 && (w.Code != 429 || len(got) != 0) {
					t.Errorf("Retry-After %s: asked again after %v, %d %s", after, got, w.Code, w.Body)
				}
			})
		}
	}
}

// limiting refuses the first request for a time, and answers then.
type limiting struct {
	trip
	field string
}

func (l *limiting) do(r *http.Request) (*http.Response, error) {
	if l.trip.status, l.trip.steps = 200, slow(0).steps; !strings.Contains(fmt.Sprint(r.Header), "event-stream") {
		l.trip.kind = events
	}
	first := len(l.times()) == 0
	if first {
		l.trip.status, l.trip.kind, l.trip.steps = 429, "", fails(429, 0).steps
	}
	resp, err := l.trip.do(r)
	if err == nil && first {
		resp.Header.Set("Retry-After", l.field)
	}
	return resp, err
}

// abandon sends a request whose application goes away when ctx ends. The handler then breaks the connection off, which it
// can only do by a panic that the HTTP server knows.
func (s *scene) abandon(ctx context.Context) {
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			s.tb.Errorf("the handler ended with %v", p)
		}
	}()
	s.ServeHTTP(httptest.NewRecorder(), request("POST", "/v1/chat/completions", chatText(llm.OpenAI, "a/m", false)).WithContext(ctx))
}

// TestAnApplicationThatGoesWhileWaiting between two attempts is not waited for.
func TestAnApplicationThatGoesWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &limiting{field: "2"}
		s := stage(t, []peer{{name: "a", dialect: llm.OpenAI, options: upstream.Options{Trip: a.do}}}, one)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errors.New("gone")) })
		start := time.Now()
		s.abandon(ctx)
		near(t, "end", time.Since(start), time.Second)
		if e := s.next(); e.Kind != llm.ClientGone || len(a.times()) != 1 {
			t.Errorf("%+v", e)
		}
		if r := s.router.Health().Report("a"); r.Running != 0 || r.Failures != 0 {
			t.Errorf("it stands %+v", r)
		}
	})
}

// TestWhoWaitsForAPlaceIsShown, and told where the line is full; who leaves it is gone from it.
func TestWhoWaitsForAPlaceIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := arranged(t, []*trip{replies(20 * time.Second)}, "", func(conf *settings.Settings) {
			conf.Providers = append(conf.Providers, settings.Provider{Name: "a", MaxParallel: 1, Queue: settings.Queue{Length: 1, Wait: 30 * time.Second}})
		})
		var running sync.WaitGroup
		answers := make([]*timed, 2)
		for i := range answers {
			running.Go(func() { answers[i] = s.ask(llm.OpenAI, "a/m", false) })
			synctest.Wait()
		}
		list := s.Running()
		if len(list) != 2 || !list[0].Waiting || list[0].Provider != "a" || list[1].Waiting {
			t.Errorf("running: %+v", list)
		}
		if r := s.router.Health().Report("a"); r.Running != 1 || r.Waiting != 1 {
			t.Errorf("it stands %+v", r)
		}
		full := s.ask(llm.OpenAI, "a/m", false)
		if full.Code != 503 || full.Header().Get("Retry-After") == "" || !strings.Contains(full.Body.String(), "max_parallel") || full.Header().Get("X-Localrouter-Attempts") != "0" {
			t.Errorf("with a full line: %d %v %s", full.Code, full.Header(), full.Body)
		}
		running.Wait()
		near(t, "first", answers[0].end.Sub(answers[0].start), 20*time.Second)
		near(t, "second", answers[1].end.Sub(answers[1].start), 40*time.Second)
		if answers[0].Code != 200 || answers[1].Code != 200 || len(s.Running()) != 0 {
			t.Errorf("%d, %d", answers[0].Code, answers[1].Code)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		a := replies(40 * time.Second)
		s := arranged(t, []*trip{a}, "", func(conf *settings.Settings) {
			conf.Providers = append(conf.Providers, settings.Provider{Name: "a", MaxParallel: 1, Queue: settings.Queue{Wait: 30 * time.Second}})
		})
		var running sync.WaitGroup
		running.Go(func() { s.ask(llm.OpenAI, "a/m", false) })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		s.abandon(ctx)
		near(t, "who left the line", time.Since(start), time.Second)
		if e := s.next(); e.Kind != llm.ClientGone || len(e.Attempts) != 0 {
			t.Errorf("%+v", e)
		}
		w := s.ask(llm.OpenAI, "a/m", false)
		near(t, "who waited too long", w.end.Sub(w.start), 30*time.Second)
		if w.Code != 503 || len(a.times()) != 1 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		running.Wait()
		if how := s.router.Health().Report("a"); how.Running != 0 || how.Waiting != 0 || how.State != tracker.Healthy {
			t.Errorf("it stands %+v", how)
		}
	})
}
