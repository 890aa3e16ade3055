package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"localrouter/providers/llm"
)

func TestWholeAnswerTravelsByteForByte(t *testing.T) {
	r := newRig(t)
	r.provider.answer = whole(`{ "odd"  :1.0e0, "id":"x" }`)
	req := request("POST", "/v1/chat/completions", chatBody)
	req.Header.Set("X-LocalRouter-Tag", " build\n\x1b[31m 7 ")
	req.Header.Set("Idempotency-Key", "once")
	req.Header.Set("Cookie", "secret")
	w := r.call(req)
	if w.Code != 200 || w.Body.String() != `{ "odd"  :1.0e0, "id":"x" }` {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{"X-LocalRouter-Route": "p/m", "X-LocalRouter-Attempts": "1", "X-Request-Id": "up-1",
		"Content-Type": "application/json", "Content-Length": "27"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	sent := r.provider.got[0]
	if string(sent.Body) != chatBody || r.provider.models[0] != "m" || sent.Path != "/chat/completions" || sent.Op != llm.Chat {
		t.Errorf("the provider got %+v", sent)
	}
	if len(sent.Header) != 1 || sent.Header[0] != (llm.Field{Name: "Idempotency-Key", Value: "once"}) {
		t.Errorf("fields that reached the provider: %v", sent.Header)
	}
	e := r.only()
	if e.ID != w.Header().Get("X-LocalRouter-Request-Id") || e.KeyID != "k1" || e.Key != "my-app-1" || e.Provider != "p" || e.Model != "m" ||
		e.Asked != "p/m" || e.Op != llm.Chat || e.Path != "/v1/chat/completions" || e.Tag != "build[31m 7" || e.Status != 200 || e.Kind != "" ||
		e.Finish != "stop" || e.Usage != (llm.Usage{Input: 3, Output: 5}) || e.Cost != 3*2_500_000+5*10_000_000 || e.CostSource != llm.CostComputed ||
		e.FirstToken <= 0 || e.Latency < e.FirstToken || len(e.Attempts) != 1 || !e.Counted() {
		t.Errorf("record: %+v", e)
	}
}

func TestCostSaysWhereItComesFrom(t *testing.T) {
	answer := func(u *llm.Usage, stream bool) func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) {
		return func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
			relay := streamRelay(ctx, obs, func(n int) ([]byte, error) {
				if n == 20 {
					return nil, io.EOF
				}
				return []byte(event), nil
			})
			relay.usage, relay.head.Stream = u, stream
			return relay, nil
		}
	}
	for _, c := range []struct {
		name, path, model string
		answer            func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error)
		source            llm.CostSource
		usage             llm.Usage
		cost              llm.PicoUSD
	}{
		{"computed", "/v1/chat/completions", "p/m", answer(&llm.Usage{Input: 10, Output: 1}, true), llm.CostComputed, llm.Usage{Input: 10, Output: 1}, 35_000_000},
		{"reported", "/v1/chat/completions", "p/m", answer(&llm.Usage{Input: 10, Cost: 42, CostReported: true}, true), llm.CostReported, llm.Usage{Input: 10, Cost: 42, CostReported: true}, 42},
		{"local", "/v1/chat/completions", "here/small", answer(&llm.Usage{Input: 10}, true), llm.CostLocal, llm.Usage{Input: 10}, 0},
		{"no price", "/v1/chat/completions", "p/other", answer(&llm.Usage{Input: 10}, true), llm.CostUnknown, llm.Usage{Input: 10}, 0},
		{"stream without usage", "/v1/chat/completions", "p/m", answer(nil, true), llm.CostEstimated, llm.Usage{Input: 7, Output: 20, Estimated: true}, 7*2_500_000 + 20*10_000_000},
		{"zero usage", "/v1/chat/completions", "p/m", answer(&llm.Usage{}, true), llm.CostEstimated, llm.Usage{Input: 7, Output: 20, Estimated: true}, 7*2_500_000 + 20*10_000_000},
		{"embeddings without usage", "/v1/embeddings", "p/m", answer(nil, false), llm.CostEstimated, llm.Usage{Input: 7, Estimated: true}, 7 * 2_500_000},
		{"sound", "/v1/audio/speech", "p/m", answer(nil, false), llm.CostUnknown, llm.Usage{}, 0},
		{"refused", "/v1/chat/completions", "p/m", func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) {
			return nil, &llm.Error{Kind: llm.RateLimited, Status: 429}
		}, "", llm.Usage{}, 0},
	} {
		r := newRig(t)
		r.provider.answer = c.answer
		r.call(request("POST", c.path, `{"model":"`+c.model+`"}`))
		if e := r.only(); e.CostSource != c.source || e.Usage != c.usage || e.Cost != c.cost || !e.Counted() {
			t.Errorf("%s: %s %d %+v, want %s %d %+v", c.name, e.CostSource, e.Cost, e.Usage, c.source, c.cost, c.usage)
		}
	}
}

func TestProviderErrorsArriveAsTheyAre(t *testing.T) {
	for _, c := range []struct {
		e      *llm.Error
		status int
		body   string
		header map[string]string
	}{
		{&llm.Error{Kind: llm.RateLimited, Status: 429, RetryAfter: 2500 * time.Millisecond, Message: "slow down", Body: []byte(`{"error":{"odd":1}}`), ContentType: "application/json",
			Header: []llm.Field{{Name: "X-Request-Id", Value: "up-2"}}}, 429, `{"error":{"odd":1}}`, map[string]string{"Retry-After": "3", "X-Request-Id": "up-2", "X-LocalRouter-Route": "p/m"}},
		{&llm.Error{Kind: llm.RateLimited, Status: 429, RetryAfter: 7 * time.Second, Message: "m", Header: []llm.Field{{Name: "Retry-After", Value: "7"}}}, 429, "", map[string]string{"Retry-After": "7"}},
		{&llm.Error{Kind: llm.Unreachable, Status: 502, Code: "upstream_unreachable", Message: "refused"}, 502, "", nil},
		{&llm.Error{Kind: llm.Timeout, Status: 504, Code: "timeout", Message: "late"}, 504, "", nil},
		{&llm.Error{Kind: llm.ProviderAuth, Status: 502, Code: "provider_auth", Message: "bad credential"}, 502, "", nil},
	} {
		r := newRig(t)
		r.provider.answer = func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) { return nil, c.e }
		w := r.call(request("POST", "/v1/chat/completions", chatBody))
		if w.Code != c.status || (c.body != "" && w.Body.String() != c.body) {
			t.Errorf("%s: %d %s", c.e.Kind, w.Code, w.Body)
		}
		for name, want := range c.header {
			if got := w.Header()[http.CanonicalHeaderKey(name)]; len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s %v, want %q", c.e.Kind, name, got, want)
			}
		}
		if e := r.only(); e.Kind != c.e.Kind || e.Status != c.status || e.Attempts[0].Kind != c.e.Kind {
			t.Errorf("record: %+v", e)
		}
	}
}

func TestRecordedErrorIsRedactedAndCut(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Redact = func(s string) string { return strings.ReplaceAll(s, "sk-secret", "***") }
	})
	r.provider.answer = func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) {
		return nil, &llm.Error{Kind: llm.ProviderFailed, Status: 500, Message: "key sk-secret " + strings.Repeat("é", 2000), Err: errors.New("sk-secret")}
	}
	r.call(request("POST", "/v1/chat/completions", chatBody))
	if e := r.only(); strings.Contains(e.Error, "sk-secret") || len(e.Error) > errorMax+4 || !strings.HasSuffix(e.Error, "é…") {
		t.Errorf("recorded: %d bytes, %q", len(e.Error), e.Error)
	}
}

func TestStreamThatBreaksEndsWithAnErrorEvent(t *testing.T) {
	r := newRig(t)
	r.provider.answer = func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
		return streamRelay(ctx, obs, func(n int) ([]byte, error) {
			if n == 3 {
				e := &llm.Error{Kind: llm.Broken, Provider: "p", Status: 502, Code: "stream_broken", Message: "The stream broke."}
				obs.Failed(e)
				return nil, e
			}
			return []byte(event), nil
		}), nil
	}
	base := r.serve()
	resp := post(t, t.Context(), base, "/v1/chat/completions", streamBody)
	got, err := io.ReadAll(resp.Body)
	want := strings.Repeat(event, 3) + `data: {"error":{"code":"stream_broken"`
	if err != nil || !strings.HasPrefix(string(got), want) || !strings.HasSuffix(string(got), "data: [DONE]\n\n") {
		t.Errorf("got %v %q", err, got)
	}
	if e := r.next(); e.Kind != llm.Broken || e.Status != 200 || !e.Usage.Estimated || e.Usage.Output != 3 {
		t.Errorf("record: %+v", e)
	}
}

func TestWholeAnswerThatBreaksIsNotTakenForWhole(t *testing.T) {
	for _, length := range []int64{-1, 1000} {
		r := newRig(t)
		r.provider.answer = func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
			relay := streamRelay(ctx, obs, func(n int) ([]byte, error) {
				if n == 1 {
					return nil, &llm.Error{Kind: llm.Broken, Status: 502}
				}
				return []byte(`{"half":`), nil
			})
			relay.head = llm.Head{Status: 200, ContentType: "application/json", Length: length}
			return relay, nil
		}
		req, _ := http.NewRequest("POST", r.serve()+"/v1/chat/completions", strings.NewReader(chatBody))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+goodToken)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
		}
		if err == nil {
			t.Errorf("length %d: the application cannot tell that the answer is not whole", length)
		}
		if e := r.next(); e.Kind != llm.Broken {
			t.Errorf("record: %+v", e)
		}
	}
}

func TestApplicationThatGoesEndsTheProvidersWork(t *testing.T) {
	for _, c := range []struct {
		name, body string
		before     bool // the answer has not begun
	}{
		{"before the headers", streamBody, true},
		{"mid-stream", streamBody, false},
		{"whole", chatBody, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			stopped, asked := make(chan time.Time, 1), make(chan struct{}, 1)
			if c.before {
				r.provider.answer = func(ctx context.Context, _ *llm.Request, _ llm.Observer) (llm.Relay, error) {
					asked <- struct{}{}
					<-ctx.Done()
					stopped <- time.Now()
					return nil, ctx.Err()
				}
			} else {
				r.provider.answer = endless(5*time.Millisecond, stopped)
			}
			base := r.serve()
			ctx, cancel := context.WithCancel(t.Context())
			if c.before {
				go func() {
					req, _ := http.NewRequestWithContext(ctx, "POST", base+"/v1/chat/completions", strings.NewReader(c.body))
					req.Header.Set("Content-Type", "application/json")
					req.Header.Set("X-Api-Key", goodToken)
					if resp, err := http.DefaultClient.Do(req); err == nil {
						resp.Body.Close()
					}
				}()
				<-asked
			} else {
				resp := post(t, ctx, base, "/v1/chat/completions", c.body)
				bufio.NewReader(resp.Body).ReadString('\n')
			}
			went := time.Now()
			cancel()
			select {
			case at := <-stopped:
				if d := at.Sub(went); d > 200*time.Millisecond {
					t.Errorf("the provider worked on for %v", d)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("the provider was not cancelled")
			}
			e := r.next()
			if e.Kind != llm.ClientGone || e.Status != 499 || !e.Usage.Estimated || e.Usage.Input != 7 || (e.Usage.Output == 0) != c.before || e.Cost == 0 {
				t.Errorf("record: %+v", e)
			}
			if len(r.Running()) != 0 {
				t.Error("still listed as running")
			}
		})
	}
}

// timedWriter notes when it was flushed first.
type timedWriter struct {
	*httptest.ResponseRecorder
	flushed time.Time
}

func (w *timedWriter) Flush() {
	if w.flushed.IsZero() {
		w.flushed = time.Now()
	}
	w.ResponseRecorder.Flush()
}

func TestHeadersGoOutEarlyWhenAStreamIsSilent(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.provider.answer = func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
				time.Sleep(20 * time.Second)
				if fails {
					return nil, &llm.Error{Kind: llm.Unreachable, Status: 502, Code: "upstream_unreachable", Message: "refused"}
				}
				return streamRelay(ctx, obs, func(n int) ([]byte, error) {
					if n == 1 {
						return nil, io.EOF
					}
					return []byte(event), nil
				}), nil
			}
			w := &timedWriter{ResponseRecorder: httptest.NewRecorder()}
			began := time.Now()
			r.ServeHTTP(w, request("POST", "/v1/chat/completions", streamBody))
			if d := w.flushed.Sub(began); d != 15*time.Second || w.Code != 200 {
				t.Errorf("headers after %v, want 15 s", d)
			}
			if w.Header().Get("X-LocalRouter-Route") != "p/m" || w.Header().Get("Content-Type") != "text/event-stream" {
				t.Errorf("headers %v", w.Header())
			}
			e := r.only()
			if fails {
				if !strings.HasPrefix(w.Body.String(), `data: {"error":{"code":"upstream_unreachable"`) || e.Kind != llm.Unreachable || e.Status != 200 {
					t.Errorf("got %q, record %+v", w.Body, e)
				}
				return
			}
			if w.Body.String() != event || e.Kind != "" || e.FirstToken != 20*time.Second {
				t.Errorf("got %q, record %+v", w.Body, e)
			}
		})
	}
}

func TestPanicIsAnsweredAndRecordedOnce(t *testing.T) {
	r := newRig(t)
	checkError(t, "in the codec", r.call(request("POST", "/v1/chat/completions", `{"panic":true}`)), 500, "internal_error")
	if e := r.only(); e.Kind != llm.Internal || e.Status != 500 || r.memory.used.Load() != 0 {
		t.Errorf("record: %+v, %d bytes held", e, r.memory.used.Load())
	}
	r = newRig(t)
	r.provider.answer = func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
		return streamRelay(ctx, obs, func(n int) ([]byte, error) {
			if n == 2 {
				panic("defect")
			}
			return []byte(event), nil
		}), nil
	}
	w := r.call(request("POST", "/v1/chat/completions", streamBody))
	if !strings.Contains(w.Body.String(), "internal_error") {
		t.Errorf("got %q", w.Body)
	}
	if e := r.only(); e.Kind != llm.Internal || len(r.Running()) != 0 {
		t.Errorf("record: %+v", e)
	}
}

func TestRemovedKeyEndsItsStreamsWithinASecond(t *testing.T) {
	r := newRig(t)
	r.provider.answer = endless(time.Millisecond, nil)
	base := r.serve()
	resp := post(t, t.Context(), base, "/v1/chat/completions", streamBody)
	body := bufio.NewReader(resp.Body)
	body.ReadString('\n')
	if runs := r.Running(); len(runs) != 1 || runs[0].Key != "my-app-1" || runs[0].Provider != "p" || runs[0].Model != "m" || !runs[0].Stream {
		t.Errorf("running: %+v", runs)
	}
	began := time.Now()
	r.keys.remove(goodToken)
	rest, _ := io.ReadAll(body)
	if d := time.Since(began); d > time.Second || !strings.Contains(string(rest), `"key_disabled"`) {
		t.Errorf("ended after %v with %.200q", d, rest)
	}
	if e := r.next(); e.Kind != llm.KeyDisabled {
		t.Errorf("record: %+v", e)
	}
}

func TestRunCanBeStoppedByHand(t *testing.T) {
	r := newRig(t)
	r.provider.answer = endless(time.Millisecond, nil)
	base := r.serve()
	resp := post(t, t.Context(), base, "/v1/chat/completions", streamBody)
	if r.StopRun("unknown") || !r.StopRun(resp.Header.Get("X-LocalRouter-Request-Id")) {
		t.Error("the wrong run was found")
	}
	rest, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(rest), "stopped_by_user") {
		t.Errorf("got %v %.200q", err, rest)
	}
	r.next()
	// The same connection serves the next request, the old deadline forgotten.
	r.provider.answer = whole("{}")
	resp = post(t, t.Context(), base, "/v1/chat/completions", chatBody)
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "{}" {
		t.Errorf("next request: %q %v", b, err)
	}
}

func TestManyOpenStreamsLoseNothing(t *testing.T) {
	streams, events := 1024, 20
	if testing.Short() {
		streams = 128
	}
	r := newRig(t)
	r.provider.answer = func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
		tick := time.NewTicker(50 * time.Millisecond)
		return streamRelay(ctx, obs, func(n int) ([]byte, error) {
			if n == events {
				tick.Stop()
				return nil, io.EOF
			}
			<-tick.C
			return fmt.Appendf(nil, "data: %d\n\n", n), nil
		}), nil
	}
	l := NewListener(r.Gateway, ListenerOptions{})
	if err := l.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer l.Stop(context.Background())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: streams}}
	defer client.CloseIdleConnections()
	var want strings.Builder
	for n := range events {
		fmt.Fprintf(&want, "data: %d\n\n", n)
	}
	var lost atomic.Int64
	var wg sync.WaitGroup
	for range streams {
		wg.Go(func() {
			req, _ := http.NewRequest("POST", "http://"+l.Addr()+"/v1/chat/completions", strings.NewReader(streamBody))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Api-Key", goodToken)
			resp, err := client.Do(req)
			if err != nil {
				lost.Add(1)
				t.Log(err)
				return
			}
			defer resp.Body.Close()
			if got, err := io.ReadAll(resp.Body); err != nil || string(got) != want.String() {
				lost.Add(1)
			}
		})
	}
	wg.Wait()
	if lost.Load() != 0 {
		t.Errorf("%d of %d streams lost", lost.Load(), streams)
	}
	for range streams {
		if e := r.next(); e.Kind != "" || e.Status != 200 {
			t.Fatalf("record: %+v", e)
		}
	}
}

func TestHugeBodyIsReadWholeAndLetGo(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		r := newRig(t)
		base := r.serve()
		text := strings.Repeat("x", 9<<20)
		var body io.Reader = strings.NewReader(`{"model":"p/m","messages":"` + text + `"}`)
		if chunked {
			body = io.MultiReader(body) // hides the length
		}
		req, _ := http.NewRequest("POST", base+"/v1/chat/completions", body)
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
		req.Header.Set("Authorization", "Bearer "+goodToken)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("chunked %v: %v %v", chunked, resp, err)
		}
		resp.Body.Close()
		r.next()
		if n := len(r.provider.got[0].Body); n != len(text)+29 || r.memory.used.Load() != 0 {
			t.Errorf("chunked %v: the provider got %d bytes; %d are held", chunked, n, r.memory.used.Load())
		}
	}
}

func TestApplicationThatStopsSendingIsNoSuccess(t *testing.T) {
	r := newRig(t)
	base := r.serve()
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"mod", strings.TrimPrefix(base, "http://"), goodToken)
	c.Close()
	if e := r.next(); e.Kind != llm.ClientGone || e.Status != 499 || r.provider.asked.Load() != 0 {
		t.Errorf("record: %+v", e)
	}
}

func TestEveryRequestIsRecordedExactlyOnce(t *testing.T) {
	r := newRig(t)
	seen := map[string]bool{}
	requests := []*http.Request{
		request("POST", "/v1/chat/completions", chatBody), request("POST", "/v1/chat/completions", streamBody), request("POST", "/v1/completions", chatBody),
		request("POST", "/v1/embeddings", chatBody), request("POST", "/v1/rerank", chatBody), request("POST", "/v1/images/generations", chatBody),
		request("GET", "/v1/models", ""), request("GET", "/health", ""), request("GET", "/nothing", ""), request("POST", "/v1/chat/completions", `{`),
		request("POST", "/v1/chat/completions", `{"panic":true}`), request("OPTIONS", "/v1/models", ""),
	}
	for _, req := range requests {
		r.call(req)
	}
	for _, e := range r.recorder.entries() {
		if seen[e.ID] || e.ID == "" || e.Status == 0 || e.Dialect != llm.OpenAI {
			t.Errorf("record: %+v", e)
		}
		seen[e.ID] = true
	}
	if len(seen) != len(requests) {
		t.Errorf("%d records of %d requests", len(seen), len(requests))
	}
	counted := 0
	for _, e := range r.recorder.entries() {
		if e.Counted() {
			counted++
		}
	}
	if counted != 6 {
		t.Errorf("%d count as requests, want 6", counted)
	}
}
