package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/providers/providertest"
	"localrouter/providers/upstream"
	tracker "localrouter/routing/health"
)

// bothWays runs a test for each dialect of application and provider.
func bothWays(t *testing.T, test func(t *testing.T, app, far llm.Dialect)) {
	for _, app := range []llm.Dialect{llm.OpenAI, llm.Anthropic} {
		for _, far := range []llm.Dialect{llm.OpenAI, llm.Anthropic} {
			t.Run(fmt.Sprintf("%s to %s", app, far), func(t *testing.T) { test(t, app, far) })
		}
	}
}

// TestNoSwitchAfterContent: what has begun is ended with the error event of the application's dialect. Nobody else is
// asked, and it counts against the provider.
func TestNoSwitchAfterContent(t *testing.T) {
	fails := func(c *providertest.Conn) error {
		if c.Request().Path == "/v1/messages" {
			if err := c.Chunk("event: error\ndata: " + refusal(llm.Anthropic, "overloaded_error", "", "Overloaded") + "\n\n"); err != nil {
				return err
			}
		} else if err := c.Chunk(providertest.Event(`{"error":{"message":"Overloaded","type":"server_error","code":503}}`)); err != nil {
			return err
		}
		return c.End()
	}
	for name, c := range map[string]struct {
		end  func(*providertest.Conn) error
		kind llm.Kind
		says string
	}{
		"cut":         {(*providertest.Conn).Cut, llm.Broken, "broke the answer off"},
		"no end mark": {(*providertest.Conn).End, llm.Broken, "end mark"},
		"error event": {fails, llm.ProviderFailed, "Overloaded"},
		"silence":     {(*providertest.Conn).Stall, llm.Timeout, "idle clock"},
	} {
		bothWays(t, func(t *testing.T, app, far llm.Dialect) {
			s := stage(t, []peer{{name: "a", dialect: far, options: upstream.Options{Idle: 40 * time.Millisecond}}, {name: "b", dialect: far}})
			s.up["a"].Answer(begins(far, c.end, "half"))
			a := s.chat(app, "router/two", true)
			if a.StatusCode != 200 || !strings.Contains(a.body, "half") || a.err != nil {
				t.Fatalf("%s: got %d %s (%v)", name, a.StatusCode, a.body, a.err)
			}
			if e, err := readError(app, a); err != nil || !strings.Contains(e.message, c.says) {
				t.Errorf("%s: %+v %v", name, e, err)
			}
			if s.asked("a") != 1 || s.asked("b") != 0 || a.Header.Get("X-Localrouter-Attempts") != "1" {
				t.Errorf("%s: a was asked %d times, b %d", name, s.asked("a"), s.asked("b"))
			}
			if a.entry.Kind != c.kind || a.entry.Status != 200 || len(a.entry.Attempts) != 1 {
				t.Errorf("%s: the record says %+v", name, a.entry)
			}
			if r := s.router.Health().Report("a"); r.Failures != 1 || r.Running != 0 {
				t.Errorf("%s: it stands %+v", name, r)
			}
		})
	}
}

// begin sends a request whose client can go away.
func (s *scene) begin(ctx context.Context, app llm.Dialect, model string, stream bool) <-chan *http.Response {
	s.tb.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", s.url+chatPath(app), strings.NewReader(chatText(app, model, stream)))
	if err != nil {
		s.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+goodToken)
	came := make(chan *http.Response, 1)
	go func() {
		resp, _ := http.DefaultTransport.RoundTrip(req) // nil: the client went before the headers
		came <- resp
	}()
	return came
}

// one lets a provider take a single request at once.
func one(conf *settings.Settings) {
	conf.Providers = append(conf.Providers, settings.Provider{Name: "a", MaxParallel: 1})
}

// TestWhoGoesAwayCountsAgainstNobody: before the headers, in a stream, and waiting for a whole reply. The provider hears of
// it at once, and its only place is free for the next.
func TestWhoGoesAwayCountsAgainstNobody(t *testing.T) {
	for name, c := range map[string]struct {
		script func(llm.Dialect) providertest.Script
		stream bool
	}{
		"before the headers": {func(llm.Dialect) providertest.Script { return providertest.Silent() }, true},
		"before the content": {func(d llm.Dialect) providertest.Script { return silent(d, (*providertest.Conn).Stall) }, true},
		"in the stream":      {func(d llm.Dialect) providertest.Script { return begins(d, (*providertest.Conn).Stall, "half") }, true},
		"whole":              {func(llm.Dialect) providertest.Script { return providertest.Silent() }, false},
	} {
		bothWays(t, func(t *testing.T, app, far llm.Dialect) {
			s := stage(t, []peer{{name: "a", dialect: far}}, one)
			s.up["a"].Answer(c.script(far), ok(far, c.stream))
			s.leave(app, c.stream, name == "in the stream")
			e := s.next()
			if e.Kind != llm.ClientGone || len(e.Attempts) != 1 {
				t.Errorf("%s: the record says %+v", name, e)
			}
			if r := s.router.Health().Report("a"); r.Failures != 0 || r.Running != 0 || r.State != tracker.Healthy {
				t.Errorf("%s: it stands %+v", name, r)
			}
			if a := s.chat(app, "a/m", c.stream); a.StatusCode != 200 || s.asked("a") != 2 {
				t.Errorf("%s: the next one got %d %s", name, a.StatusCode, a.body)
			}
		})
	}
}

// leave sends a request to a/m and goes away once the upstream has it, or, in a stream, once content came.
func (s *scene) leave(app llm.Dialect, stream, content bool) {
	s.tb.Helper()
	ctx, cancel := context.WithCancel(s.tb.Context())
	defer cancel()
	n := s.asked("a")
	came := s.begin(ctx, app, "a/m", stream)
	got := s.up["a"].Wait(n + 1)
	if content {
		resp := <-came
		if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
			s.tb.Fatal(err)
		}
		defer resp.Body.Close()
	}
	left := time.Now()
	cancel()
	if at, gone := s.up["a"].WaitGone(got); !gone || at.Sub(left) > 2*time.Second {
		s.tb.Errorf("the provider heard of it %s later (%t)", at.Sub(left), gone)
	}
}

// TestWhoGoesAwayWhileTryingLeavesThePlace: one request finds out whether a provider is back; if its application goes away,
// the next one does.
func TestWhoGoesAwayWhileTryingLeavesThePlace(t *testing.T) {
	for _, stream := range []bool{false, true} {
		s := stage(t, []peer{{name: "a", dialect: llm.OpenAI}, {name: "b", dialect: llm.OpenAI}})
		s.up["a"].Answer(providertest.JSON(500, `{"error":{"message":"down"}}`))
		s.up["b"].Answer(ok(llm.OpenAI, stream))
		for range 5 {
			s.chat(llm.OpenAI, "router/two", stream)
		}
		target := s.router.Health().Target("a", false, nil, "m")
		if how := target.Standing(s.clock()); how.Cause != tracker.BreakerOpen {
			t.Fatalf("it stands %+v", how)
		}
		s.pass(20 * time.Second)
		s.up["a"].Answer(providertest.Silent(), ok(llm.OpenAI, stream))
		s.leave(llm.OpenAI, stream, false)
		if e := s.next(); e.Kind != llm.ClientGone {
			t.Errorf("the record says %+v", e)
		}
		if how := target.Standing(s.clock()); !how.Ready {
			t.Errorf("after the trial was given up it stands %+v", how)
		}
		if a := s.chat(llm.OpenAI, "router/two", stream); a.Header.Get("X-Localrouter-Route") != "a/m" {
			t.Errorf("the next one went to %s", a.Header.Get("X-Localrouter-Route"))
		}
		if how := s.router.Health().Report("a"); how.State != tracker.Healthy {
			t.Errorf("it stands %+v", how)
		}
	}
}

// TestALongStreamThatTriesClosesTheBreaker with its first content: nobody waits for its end.
func TestALongStreamThatTriesClosesTheBreaker(t *testing.T) {
	s := stage(t, []peer{{name: "a", dialect: llm.OpenAI}, {name: "b", dialect: llm.OpenAI}})
	s.up["a"].Answer(providertest.JSON(500, `{"error":{"message":"down"}}`))
	s.up["b"].Answer(ok(llm.OpenAI, true))
	for range 5 {
		s.chat(llm.OpenAI, "router/two", true)
	}
	s.pass(20 * time.Second)
	s.up["a"].Answer(begins(llm.OpenAI, (*providertest.Conn).Stall, "long"), ok(llm.OpenAI, true))
	resp := <-s.begin(t.Context(), llm.OpenAI, "router/two", true)
	defer resp.Body.Close()
	if resp.Header.Get("X-Localrouter-Route") != "a/m" {
		t.Fatalf("the trial went to %s", resp.Header.Get("X-Localrouter-Route"))
	}
	if a := s.chat(llm.OpenAI, "router/two", true); a.Header.Get("X-Localrouter-Route") != "a/m" {
		t.Errorf("while the stream runs the next one went to %s", a.Header.Get("X-Localrouter-Route"))
	}
}

// TestWhatABrokenStreamUsed: Anthropic counts the input at the beginning and the output at the end. What broke in its middle
// is estimated by what came of it; what failed before any content is not charged, whatever was counted.
func TestWhatABrokenStreamUsed(t *testing.T) {
	long := strings.Repeat("four ", 80)
	for name, c := range map[string]struct {
		script providertest.Script
		output int64
		input  int64
	}{
		"broken in the middle":  {begins(llm.Anthropic, (*providertest.Conn).Cut, long), int64(len(long)+3) / 4, 5},
		"failed before content": {providertest.Stream(messageStart, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n"), 0, 0},
		"broken behind its count": {providertest.StreamThen((*providertest.Conn).Cut, messageStart, messageText(long),
			"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":3}}\n\n"), 3, 5},
	} {
		s := stage(t, []peer{{name: "a", dialect: llm.Anthropic}}, func(conf *settings.Settings) { conf.Resilience.Retries = 0 })
		s.up["a"].Answer(c.script)
		u := s.chat(llm.Anthropic, "a/m", true).entry.Usage
		if u.Input != c.input || u.Output != c.output || u.Estimated != (c.output > 3) {
			t.Errorf("%s: %+v", name, u)
		}
	}
}
