package server

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"localrouter/db"
	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/providers/providertest"
	tracker "localrouter/routing/health"
)

// pair is two providers of OpenAI's dialect.
func pair() []peer { return []peer{{name: "a", dialect: llm.OpenAI}, {name: "b", dialect: llm.OpenAI}} }

func fault(status int, code string, fields ...string) providertest.Script {
	return providertest.JSON(status, refusal(llm.OpenAI, "x_error", code, "It says "+code+"."), fields...)
}

// router edits the router of a scene.
func router(change func(*settings.Router)) func(*settings.Settings) {
	return func(conf *settings.Settings) { change(conf.Router("two")) }
}

// TestFallbackSwitchedOff: the first choice is the only one, and its error is its own.
func TestFallbackSwitchedOff(t *testing.T) {
	s := stage(t, pair(), router(func(r *settings.Router) { r.Fallback.Enabled = false }), func(conf *settings.Settings) { conf.Resilience.Retries = 0 })
	s.up["a"].Answer(fault(503, "down"))
	a := s.chat(llm.OpenAI, "router/two", false)
	if s.asked("a") != 1 || s.asked("b") != 0 || a.StatusCode != 503 || a.body != refusal(llm.OpenAI, "x_error", "down", "It says down.") {
		t.Errorf("a was asked %d times, b %d: %d %s", s.asked("a"), s.asked("b"), a.StatusCode, a.body)
	}
}

// TestContentPolicyGoesOnWhereTheRouterSaysSo, and where all refuse the application reads the refusal as it was.
func TestContentPolicyGoesOnWhereTheRouterSaysSo(t *testing.T) {
	s := stage(t, pair(), router(func(r *settings.Router) { r.Fallback.ContentPolicy = true }))
	s.up["a"].Answer(fault(400, "content_policy_violation"))
	s.up["b"].Answer(ok(llm.OpenAI, false), fault(400, "content_policy_violation"))
	if a := s.chat(llm.OpenAI, "router/two", false); a.StatusCode != 200 || s.asked("b") != 1 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	a := s.chat(llm.OpenAI, "router/two", false)
	if a.StatusCode != 400 || a.body != refusal(llm.OpenAI, "x_error", "content_policy_violation", "It says content_policy_violation.") || a.Header.Get("X-Localrouter-Attempts") != "2" {
		t.Errorf("%d %s after %s", a.StatusCode, a.body, a.Header.Get("X-Localrouter-Attempts"))
	}
}

// TestContextTooLongGoesToALargerWindow, never to one that is smaller or not known, whatever fails in between.
func TestContextTooLongGoesToALargerWindow(t *testing.T) {
	of := func(name string, window int) peer {
		return peer{name: name, dialect: llm.OpenAI, models: []llm.Model{{ID: "m", ContextLength: window}}}
	}
	long, down, fine := fault(400, "context_length_exceeded"), fault(503, "down"), ok(llm.OpenAI, false)
	for name, c := range map[string]struct {
		windows []int
		scripts []providertest.Script
		asked   []int
		status  int
	}{
		"the next larger":            {[]int{8000, 0, 8000, 128000}, []providertest.Script{long, fine, fine, fine}, []int{1, 0, 0, 1}, 200},
		"nobody is larger":           {[]int{8000, 4000, 0}, []providertest.Script{long, fine, fine}, []int{1, 0, 0}, 400},
		"its own is not known":       {[]int{0, 128000}, []providertest.Script{long, fine}, []int{1, 0}, 400},
		"still too long":             {[]int{8000, 32000, 16000, 200000}, []providertest.Script{long, long, fine, fine}, []int{1, 1, 0, 1}, 200},
		"the larger one fails":       {[]int{8000, 32000, 4000}, []providertest.Script{long, down, fine}, []int{1, 3, 0}, 400},
		"who failed before may help": {[]int{32000, 8000}, []providertest.Script{func(c *providertest.Conn) error { return c.Raw("") }, long}, []int{0, 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if c.status == 0 { // first down, then fine
				c.scripts[0], c.asked[0], c.status = nil, 2, 200
			}
			var peers []peer
			for i, w := range c.windows {
				peers = append(peers, of(fmt.Sprintf("p%d", i), w))
			}
			s := stage(t, peers)
			for i, script := range c.scripts {
				if s.up[peers[i].name].Answer(down, fine); script != nil {
					s.up[peers[i].name].Answer(script)
				}
			}
			a := s.chat(llm.OpenAI, "router/two", false)
			if a.StatusCode != c.status || c.status == 400 && !strings.Contains(a.body, `"context_length_exceeded"`) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			for i, want := range c.asked {
				if got := s.asked(peers[i].name); got != want {
					t.Errorf("%s was asked %d times, want %d", peers[i].name, got, want)
				}
			}
		})
	}
}

// TestTheBestErrorIsKept: a limit with a time says more than a refused connection, whatever came last, and of several
// times the earliest is told; also that of a target that rests and was not asked.
func TestTheBestErrorIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		a, b   providertest.Script // nil: nobody is there
		status int
		after  string
		tried  int
	}{
		"limit, then nobody there": {fault(429, "rate_limit_exceeded", "Retry-After: 40"), nil, 429, "40", 2},
		"nobody there, then limit": {nil, fault(429, "rate_limit_exceeded", "Retry-After: 40"), 429, "40", 2},
		"two limits":               {fault(429, "rate_limit_exceeded", "Retry-After: 20"), fault(429, "rate_limit_exceeded", "Retry-After: 70"), 429, "20", 2},
		"two limits, turned":       {fault(429, "rate_limit_exceeded", "Retry-After: 70"), fault(429, "rate_limit_exceeded", "Retry-After-Ms: 19500"), 429, "20", 2},
		"one without a time":       {fault(429, "rate_limit_exceeded", "Retry-After: 70"), fault(429, "rate_limit_exceeded"), 429, "15", 2},
		"auth, then failure":       {fault(401, "invalid_api_key"), fault(500, "down"), 500, "", 4},
		"failure, then not found":  {fault(500, "down"), fault(404, "model_not_found"), 500, "", 4},
		"quota, then nobody":       {fault(429, "insufficient_quota"), nil, 429, "", 2},
		"failure, then a mistake":  {fault(500, "down"), fault(400, "bad"), 400, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := stage(t, pair())
			for n, script := range map[string]providertest.Script{"a": c.a, "b": c.b} {
				if s.up[n].Answer(script); script == nil {
					s.up[n].Close()
				}
			}
			a := s.chat(llm.OpenAI, "router/two", false)
			if a.StatusCode != c.status || a.Header.Get("Retry-After") != c.after || len(a.Header.Values("Retry-After-Ms")) > 0 && c.tried > 1 {
				t.Errorf("%d, Retry-After %q: %s", a.StatusCode, a.Header.Get("Retry-After"), a.body)
			}
			if c.status == 400 {
				if a.body != refusal(llm.OpenAI, "x_error", "bad", "It says bad.") {
					t.Errorf("a mistake of the application's own is told as it was: %s", a.body)
				}
			} else if n := len(a.entry.Attempts); n != c.tried && !(c.tried == 4 && n >= 3) || !strings.Contains(a.body, "Tried: 1. a/m") || !strings.Contains(a.body, "b/m") {
				t.Errorf("%d attempts, %s", n, a.body)
			}
		})
	}
	s := stage(t, pair())
	s.up["a"].Answer(fault(429, "rate_limit_exceeded", "Retry-After: 30"))
	s.up["b"].Answer(ok(llm.OpenAI, false), fault(429, "rate_limit_exceeded", "Retry-After: 600"))
	s.chat(llm.OpenAI, "router/two", false)
	a := s.chat(llm.OpenAI, "router/two", false)
	if n := len(a.entry.Attempts); n != 1 || a.Header.Get("Retry-After") != "30" || a.body != refusal(llm.OpenAI, "x_error", "rate_limit_exceeded", "It says rate_limit_exceeded.") {
		t.Errorf("after one attempt: Retry-After %q, %s (%d attempts)", a.Header.Get("Retry-After"), a.body, n)
	}
	if len(a.entry.Route.Passed) != 1 || a.entry.Route.Left["resting"] != 1 || !strings.HasPrefix(a.entry.Route.Passed[0].Left, "rate limited, ") {
		t.Errorf("the log does not say why a was passed over: %+v", a.entry.Route)
	}
}

// TestAttemptsAreBounded by the router, by the provider of an explicit model, and at four where nobody says.
func TestAttemptsAreBounded(t *testing.T) {
	var peers []peer
	for i := range 7 {
		peers = append(peers, peer{name: fmt.Sprintf("p%d", i), dialect: llm.OpenAI})
	}
	all := func(s *scene) (n int) {
		for name, u := range s.up {
			n += s.asked(name)
			u.Answer(fault(500, "down"))
		}
		return n
	}
	for name, c := range map[string]struct {
		change func(*settings.Settings)
		model  string
		want   int
	}{
		"nobody says":       {func(*settings.Settings) {}, "router/two", 4},
		"the router":        {router(func(r *settings.Router) { r.Fallback.Attempts = 6 }), "router/two", 6},
		"one":               {router(func(r *settings.Router) { r.Fallback.Attempts = 1 }), "router/two", 1},
		"everywhere":        {func(conf *settings.Settings) { conf.Resilience.Attempts = 2 }, "router/two", 2},
		"an explicit model": {func(conf *settings.Settings) { conf.Resilience.Attempts = 2 }, "p3/m", 2},
		"its provider": {func(conf *settings.Settings) {
			own := settings.DefaultResilience()
			own.Retries = 1
			conf.Providers = append(conf.Providers, settings.Provider{Name: "p3", Resilience: &own})
		}, "p3/m", 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := stage(t, peers, c.change)
			all(s)
			a := s.chat(llm.OpenAI, c.model, false)
			if n := all(s); n != c.want || len(a.entry.Attempts) != c.want {
				t.Errorf("%d attempts, %d in the record, want %d", n, len(a.entry.Attempts), c.want)
			}
		})
	}
}

// TestAllAtRest: the one whose wait ends first gets one request at a time, out of turn.
func TestAllAtRest(t *testing.T) {
	s := stage(t, pair())
	s.up["a"].Answer(fault(429, "rate_limit_exceeded", "Retry-After: 300"))
	s.up["b"].Answer(fault(429, "rate_limit_exceeded", "Retry-After: 30"), providertest.Silent(), ok(llm.OpenAI, false))
	s.chat(llm.OpenAI, "router/two", false)
	s.begin(t.Context(), llm.OpenAI, "router/two", false)
	s.up["b"].Wait(2)
	a := s.chat(llm.OpenAI, "router/two", false)
	if a.StatusCode != 429 || a.Header.Get("Retry-After") == "" || s.asked("a") != 1 || s.asked("b") != 2 || len(a.entry.Attempts) != 0 || a.Header.Get("X-Localrouter-Attempts") != "0" {
		t.Errorf("%d, Retry-After %q, a %d, b %d: %s", a.StatusCode, a.Header.Get("Retry-After"), s.asked("a"), s.asked("b"), a.body)
	}
	if !strings.Contains(a.body, "It says rate_limit_exceeded.") || !strings.Contains(a.body, "providers retry b") {
		t.Errorf("it says neither why nor what to do: %s", a.body)
	}
	s.router.Health().Retry("a")
	s.up["a"].Answer(ok(llm.OpenAI, false))
	if a := s.chat(llm.OpenAI, "router/two", false); a.StatusCode != 200 || a.Header.Get("X-Localrouter-Route") != "a/m" {
		t.Errorf("after \"try now\": %d %s", a.StatusCode, a.body)
	}
}

// TestAnExplicitModelAtRest is a list of one: one request at a time is let through, the others are told when to come back.
func TestAnExplicitModelAtRest(t *testing.T) {
	for _, stream := range []bool{false, true} {
		s := stage(t, pair())
		s.up["a"].Answer(fault(500, "down"))
		for range 2 {
			s.chat(llm.OpenAI, "a/m", stream)
		}
		if how := s.router.Health().Report("a"); how.Cause != tracker.BreakerOpen || s.asked("a") != 5 {
			t.Fatalf("after %d failures it stands %+v", s.asked("a"), how)
		}
		if a := s.chat(llm.OpenAI, "a/m", stream); len(a.entry.Attempts) != 1 || a.StatusCode != 500 || a.body != refusal(llm.OpenAI, "x_error", "down", "It says down.") {
			t.Errorf("out of turn it got %d %s after %+v", a.StatusCode, a.body, a.entry.Attempts)
		}
		s.up["a"].Answer(providertest.Silent())
		s.begin(t.Context(), llm.OpenAI, "a/m", stream)
		s.up["a"].Wait(7)
		a := s.chat(llm.OpenAI, "a/m", stream)
		if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || len(a.entry.Attempts) != 0 || s.asked("a") != 7 || s.asked("b") != 0 || !strings.Contains(a.body, "It says down.") {
			t.Errorf("meanwhile another got %d %v %s", a.StatusCode, a.Header, a.body)
		}
	}
}

// TestFallbackAcrossDialects: whoever is next may speak another dialect, and the application does not notice.
func TestFallbackAcrossDialects(t *testing.T) {
	bothWays(t, func(t *testing.T, app, first llm.Dialect) {
		second := llm.Anthropic
		if first == llm.Anthropic {
			second = llm.OpenAI
		}
		for _, stream := range []bool{false, true} {
			s := stage(t, []peer{{name: "a", dialect: first}, {name: "b", dialect: second}})
			s.up["a"].Answer(providertest.JSON(503, refusal(first, "a_error", "", "A is down.")))
			s.up["b"].Answer(ok(second, stream), providertest.JSON(422, refusal(second, "b_error", "", "B says no.")))
			a := s.chat(app, "router/two", stream)
			if a.StatusCode != 200 || !strings.Contains(a.body, okText) || a.Header.Get("X-Localrouter-Route") != "b/m" || a.Header.Get("X-Localrouter-Attempts") != "2" {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			if mark := map[llm.Dialect]string{llm.OpenAI: `"choices"`, llm.Anthropic: `"type":"message`}[app]; !strings.Contains(a.body, mark) {
				t.Errorf("it is not in %s's dialect: %s", app, a.body)
			}
			a = s.chat(app, "router/two", stream)
			if e, err := readError(app, a); err != nil || a.StatusCode != 422 || !strings.HasPrefix(e.message, "B says no.") || app != second && e.kind == "b_error" {
				t.Errorf("%d %s (%v)", a.StatusCode, a.body, err)
			}
		}
	})
}

// TestRedirectsAreNotFollowed: nobody at the other end hears of the request or the key.
func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := stage(t, pair())
		s.up["a"].Answer(func(c *providertest.Conn) error {
			return c.Raw(fmt.Sprintf("HTTP/1.1 %d Moved\r\nLocation: %s/chat/completions\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status, s.up["b"].URL))
		})
		a := s.chat(llm.OpenAI, "a/m", false)
		if a.StatusCode != 502 || s.asked("b") != 0 || a.Header.Get("Location") != "" || !strings.Contains(a.body, "upstream_redirect") {
			t.Errorf("%d: %d %s, b was asked %d times", status, a.StatusCode, a.body, s.asked("b"))
		}
	}
}

// TestRehearsal: with a key that may, the first target fails without being asked, and nothing is held against it.
func TestRehearsal(t *testing.T) {
	const field, value = "X-LocalRouter-Simulate", "primary-fails"
	s := stage(t, pair())
	s.up["a"].Answer(ok(llm.OpenAI, false))
	s.up["b"].Answer(ok(llm.OpenAI, false))
	if a := s.chat(llm.OpenAI, "router/two", false, field, value); a.StatusCode != 403 || !strings.Contains(a.body, "--rehearse") {
		t.Errorf("a key that may not: %d %s", a.StatusCode, a.body)
	}
	s.policy(func(k *db.Key) { k.Rehearse = true })
	if a := s.chat(llm.OpenAI, "router/two", false, field, "all-fail"); a.StatusCode != 400 || !strings.Contains(a.body, "primary-fails") {
		t.Errorf("an unknown value: %d %s", a.StatusCode, a.body)
	}
	if s.asked("a")+s.asked("b") != 0 {
		t.Fatal("somebody was asked")
	}
	a := s.chat(llm.OpenAI, "router/two", false, field, value)
	if a.StatusCode != 200 || a.Header.Get("X-Localrouter-Route") != "b/m" || s.asked("a") != 0 || len(a.entry.Attempts) != 2 || a.entry.Attempts[0].Kind != llm.ProviderFailed {
		t.Errorf("%d by %s: %+v", a.StatusCode, a.Header.Get("X-Localrouter-Route"), a.entry.Attempts)
	}
	if r := s.router.Health().Report("a"); r.Failures != 0 || r.State != tracker.Healthy {
		t.Errorf("it is held against the provider: %+v", r)
	}
	if a := s.chat(llm.OpenAI, "router/two", false); a.Header.Get("X-Localrouter-Route") != "a/m" {
		t.Errorf("without the header it went to %s", a.Header.Get("X-Localrouter-Route"))
	}
}

// TestUploadsAreSentOnce: what was read of a form is gone, so that nobody else can be asked.
func TestUploadsAreSentOnce(t *testing.T) {
	s := stage(t, pair())
	s.up["a"].Answer(fault(503, "down"))
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("model", "router/two")
	file, _ := w.CreateFormFile("file", "sound.wav")
	file.Write(bytes.Repeat([]byte("sound "), 1<<18))
	w.Close()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v1/audio/transcriptions", &form)
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Authorization", "Bearer "+goodToken)
	a := s.do(req)
	if a.StatusCode != 503 || s.asked("a") != 1 || s.asked("b") != 0 || a.body != refusal(llm.OpenAI, "x_error", "down", "It says down.") {
		t.Errorf("%d %s; a was asked %d times, b %d", a.StatusCode, a.body, s.asked("a"), s.asked("b"))
	}
}

// TestABusyProviderIsPassedBy under a router; where the others fail the request stands in line for it.
func TestABusyProviderIsPassedBy(t *testing.T) {
	s := stage(t, pair(), one)
	gate := make(chan struct{})
	s.up["a"].Answer(func(c *providertest.Conn) error {
		if err := c.Wait(gate); err != nil {
			return err
		}
		return ok(llm.OpenAI, false)(c)
	}, ok(llm.OpenAI, false))
	s.up["b"].Answer(ok(llm.OpenAI, false), fault(401, "invalid_api_key"))
	s.begin(t.Context(), llm.OpenAI, "a/m", false)
	s.up["a"].Wait(1)
	if a := s.chat(llm.OpenAI, "router/two", false); a.Header.Get("X-Localrouter-Route") != "b/m" || a.Header.Get("X-Localrouter-Attempts") != "1" {
		t.Errorf("it went to %s after %s", a.Header.Get("X-Localrouter-Route"), a.Header.Get("X-Localrouter-Attempts"))
	}
	waits := s.begin(t.Context(), llm.OpenAI, "router/two", false)
	s.up["b"].Wait(2)
	close(gate)
	if resp := <-waits; resp == nil || resp.StatusCode != 200 || resp.Header.Get("X-Localrouter-Route") != "a/m" || resp.Header.Get("X-Localrouter-Attempts") != "2" {
		t.Errorf("who stood in line got %+v", resp)
	}
}

// TestTheCountOfTokensIsHeldAgainstNobody: a provider without the endpoint is as good for a chat as before.
func TestTheCountOfTokensIsHeldAgainstNobody(t *testing.T) {
	for _, status := range []int{404, 405, 501} {
		s := stage(t, []peer{{name: "a", dialect: llm.Anthropic}, {name: "b", dialect: llm.Anthropic}})
		s.up["a"].AnswerPath("/messages/count_tokens", providertest.Body(status, "text/plain", "no such page"))
		s.up["b"].AnswerPath("/messages/count_tokens", providertest.JSON(200, `{"input_tokens":7}`))
		s.up["a"].Answer(ok(llm.Anthropic, false))
		for range 6 {
			if a := s.send("/v1/messages/count_tokens", chatText(llm.Anthropic, "router/two", false)); a.StatusCode != 200 {
				t.Fatalf("%d: %d %s", status, a.StatusCode, a.body)
			}
		}
		if a := s.chat(llm.Anthropic, "router/two", false); a.Header.Get("X-Localrouter-Route") != "a/m" {
			t.Errorf("%d: then the chat went to %s", status, a.Header.Get("X-Localrouter-Route"))
		}
	}
}

// TestACountGoesTheWayOfTheChat that would follow, although it does not say how long the answer may be: a count of another
// vendor's provider would be of other tokens.
func TestACountGoesTheWayOfTheChat(t *testing.T) {
	const body = `{"model":"router/two","messages":[{"role":"user","content":"hi"}]}`
	for name, peers := range map[string][]peer{"nobody of the dialect": pair(), "one behind another": {{name: "a", dialect: llm.OpenAI}, {name: "b", dialect: llm.Anthropic}}} {
		s := stage(t, peers)
		if a := s.send("/v1/messages/count_tokens", body); a.StatusCode != 200 || a.Header.Get("X-Localrouter-Estimated") != "true" || s.asked("b") != 0 {
			t.Errorf("%s: %d %s; b was asked %d times", name, a.StatusCode, a.body, s.asked("b"))
		}
	}
	s := stage(t, []peer{{name: "b", dialect: llm.Anthropic}, {name: "a", dialect: llm.OpenAI}})
	s.up["b"].AnswerPath("/messages/count_tokens", providertest.JSON(200, `{"input_tokens":7}`))
	if a := s.send("/v1/messages/count_tokens", body); a.StatusCode != 200 || a.body != `{"input_tokens":7}` {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
