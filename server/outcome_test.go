package server

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/providertest"
	tracker "localrouter/routing/health"
)

// passage is one way of a request through the gateway.
type passage struct {
	row      *outcome
	app, far llm.Dialect
	stream   bool
}

func (p passage) String() string {
	kind := "whole"
	if p.stream {
		kind = "stream"
	}
	return fmt.Sprintf("%s/%s to %s %s", p.row.name, p.app, p.far, kind)
}

func (p passage) raw() bool { return p.app == p.far }

// script is what the failing provider does.
func (p passage) script() providertest.Script { return p.row.script(p.far, p.stream) }

// everyPassage runs a test on every row, in both dialects on both sides, whole and streamed.
func everyPassage(t *testing.T, test func(t *testing.T, p passage)) {
	dialects := []llm.Dialect{llm.OpenAI, llm.Anthropic}
	for i := range outcomes {
		for _, app := range dialects {
			for _, far := range dialects {
				for _, stream := range []bool{false, true} {
					p := passage{&outcomes[i], app, far, stream}
					if p.row.only == nil || p.row.only(far, stream) {
						t.Run(p.String(), func(t *testing.T) { test(t, p) })
					}
				}
			}
		}
	}
}

// stage sets up the provider "a", which fails, and those behind it, which answer.
func (p passage) stage(t *testing.T, keys []string, others ...string) *scene {
	peers := []peer{{name: "a", dialect: p.far, keys: keys, options: p.row.options}}
	for _, name := range others {
		peers = append(peers, peer{name: name, dialect: p.far})
	}
	s := stage(t, peers)
	for _, name := range others {
		s.up[name].Answer(ok(p.far, p.stream))
	}
	switch {
	case p.row.script == nil:
		s.up["a"].Close()
	case keys != nil:
		s.up["a"].Answer(byKey(map[string]providertest.Script{keys[0]: p.script(), keys[1]: ok(p.far, p.stream)}))
	default:
		s.up["a"].Answer(p.script())
	}
	return s
}

// came checks how often an upstream was asked, where somebody was there to count.
func (p passage) came(t *testing.T, s *scene, name string, want int) {
	t.Helper()
	if name == "a" && p.row.script == nil {
		return
	}
	if got := s.asked(name); got != want {
		t.Errorf("%s was asked %d times, want %d", name, got, want)
	}
}

// answered checks that an application got the answer of a provider, after so many attempts.
func (p passage) answered(t *testing.T, s *scene, a *answer, by string, attempts int, router string) {
	t.Helper()
	if a.StatusCode != 200 || !strings.Contains(a.body, okText) || a.err != nil {
		t.Fatalf("got %d %s (%v)", a.StatusCode, a.body, a.err)
	}
	if p.raw() && !p.stream {
		want := providertest.Reply(okText)
		if p.far == llm.Anthropic {
			want = messageReply
		}
		if a.body != want {
			t.Errorf("the reply was changed: %s", a.body)
		}
	}
	if strings.Contains(a.body, `"error"`) {
		t.Errorf("an error is left in the answer: %s", a.body)
	}
	p.named(t, s, a, by, attempts, router)
	if last := a.entry.Attempts[attempts-1]; last.Kind != "" || last.Status != 200 || a.entry.Kind != "" {
		t.Errorf("the record calls it a failure: %+v", a.entry)
	}
}

// named checks that header, record and receipt say the same: who was asked, how often, and by whose choice.
func (p passage) named(t *testing.T, s *scene, a *answer, by string, attempts int, router string) {
	t.Helper()
	h := a.Header
	if h.Get("X-Localrouter-Route") != by+"/m" || h.Get("X-Localrouter-Attempts") != strconv.Itoa(attempts) || h.Get("X-Localrouter-Router") != router {
		t.Errorf("header: route %q, attempts %q, router %q; want %s/m, %d, %q", h.Get("X-Localrouter-Route"), h.Get("X-Localrouter-Attempts"), h.Get("X-Localrouter-Router"), by, attempts, router)
	}
	e := a.entry
	if len(e.Attempts) != attempts || e.Provider != by || e.Model != "m" {
		t.Fatalf("record: %s/%s by %+v, want %s after %d", e.Provider, e.Model, e.Attempts, by, attempts)
	}
	if (router != "") != (e.Route != nil) || router != "" && e.Route.Chosen != router {
		t.Errorf("record: route %+v, want %q", e.Route, router)
	}
	for i := range attempts - 1 {
		if got := e.Attempts[i]; got.Kind != p.row.kind || got.Status != p.row.status || got.Model != "m" {
			t.Errorf("attempt %d was %+v, want %s %d", i+1, got, p.row.kind, p.row.status)
		}
	}
	if r := s.receipt(a); !reflect.DeepEqual(r.Attempts, e.Attempts) || r.ID != e.ID || router != "" && r.Chosen != router || router == "" && r.Chosen != "a/m" {
		t.Errorf("receipt %+v of the record %+v", r, e)
	}
}

// refused checks what an application is told when all failed.
func (p passage) refused(t *testing.T, s *scene, a *answer, by string, attempts int, router string) {
	t.Helper()
	p.named(t, s, a, by, attempts, router)
	row := p.row
	status := row.spelled[0]
	if p.app == llm.Anthropic {
		status = row.spelled[1]
	}
	own := p.raw() && row.body && (attempts == 1 || row.asIs)
	if own {
		status = row.status
	}
	if a.StatusCode != status || a.entry.Status != status || a.entry.Kind != row.kind {
		t.Errorf("status %d, in the record %d %s; want %d %s", a.StatusCode, a.entry.Status, a.entry.Kind, status, row.kind)
	}
	e, err := readError(p.app, a)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case own:
		// The body is checked where it is known; here that it is not ours.
		if want := p.ownBody(); a.body != want {
			t.Errorf("got %s, want the provider's own %s", a.body, want)
		}
	case row.kind == llm.ContextTooLong:
		if !strings.Contains(e.message, row.said) {
			t.Errorf("%q", e.message)
		}
	case !strings.HasPrefix(e.message, row.said):
		t.Errorf("the message %q does not begin with the provider's %q", e.message, row.said)
	}
	if attempts > 1 && !row.asIs {
		if want := fmt.Sprintf("Tried: 1. a/m: %s %d after ", row.kind, row.status); !strings.Contains(e.message, want) || strings.Count(e.message, "/m: ") != attempts {
			t.Errorf("%q does not name %d attempts", e.message, attempts)
		}
	}
	if strings.Contains(a.body, "Incorrect API key") || p.app == llm.OpenAI && row.kind == llm.ProviderAuth && e.code != "provider_auth" {
		t.Errorf("the application would doubt its own key: %s", a.body)
	}
	if row.after != "" && a.Header.Get("Retry-After") != row.after && !(own && a.Header.Get("Retry-After-Ms") != "") {
		t.Errorf("Retry-After %q, want %s", a.Header.Get("Retry-After"), row.after)
	}
}

// ownBody is what the failing provider said.
func (p passage) ownBody() string {
	switch row := p.row; {
	case row.kind == llm.RateLimited:
		return refusal(p.far, "rate_limit_error", "rate_limit_exceeded", row.said)
	case row.kind == llm.Quota && row.name == "402":
		return refusal(p.far, "billing_error", "", row.said)
	case row.kind == llm.Quota && p.far == llm.OpenAI:
		return refusal(p.far, "insufficient_quota", "insufficient_quota", row.said)
	case row.kind == llm.Quota:
		return refusal(p.far, "rate_limit_error", "", row.said)
	case row.kind == llm.ModelNotFound:
		return refusal(p.far, "not_found_error", "model_not_found", row.said)
	case row.kind == llm.ContextTooLong:
		return refusal(p.far, "invalid_request_error", "context_length_exceeded", row.said)
	case row.kind == llm.ContentPolicy:
		return refusal(p.far, "invalid_request_error", "content_policy_violation", row.said)
	case row.kind == llm.ProviderRejected:
		return refusal(p.far, "invalid_request_error", "", row.said)
	}
	return refusal(p.far, "api_error", "", p.row.said)
}

// TestOutcomeAlone: an explicit model has nobody to fall back to.
func TestOutcomeAlone(t *testing.T) {
	everyPassage(t, func(t *testing.T, p passage) {
		s := p.stage(t, nil)
		attempts := 1 + p.row.again
		if p.row.waits {
			attempts = 2
		}
		a := s.chat(p.app, "a/m", p.stream)
		p.came(t, s, "a", attempts)
		p.refused(t, s, a, "a", attempts, "")
		if r := s.router.Health().Report("a"); r.Running != 0 {
			t.Errorf("%d attempts are still held to run", r.Running)
		}
	})
}

// TestOutcomeBeforeAnother: under a router the next target answers where it may.
func TestOutcomeBeforeAnother(t *testing.T) {
	everyPassage(t, func(t *testing.T, p passage) {
		s := p.stage(t, nil, "b")
		first := 1
		if p.row.waits {
			first = 2
		}
		a := s.chat(p.app, "router/two", p.stream)
		p.came(t, s, "a", first)
		if p.row.stays {
			p.came(t, s, "b", 0)
			p.refused(t, s, a, "a", 1, "router/two")
		} else {
			p.came(t, s, "b", 1)
			p.answered(t, s, a, "b", first+1, "router/two")
			if s.up["b"].Contains("sk-a") || s.up["b"].Contains(goodToken) || !s.up["b"].Contains("sk-b") {
				t.Errorf("it was asked with another's key: %v", s.up["b"].Last().Header)
			}
		}
		p.marked(t, s, first)
	})
}

// marked checks what one failed request left behind: where the next goes, and when the first target is tried again.
func (p passage) marked(t *testing.T, s *scene, asked int) {
	t.Helper()
	h := s.router.Health()
	target := h.Target("a", false, nil, "m")
	how := target.Standing(s.clock())
	switch {
	case p.row.waits:
		return // over in a moment
	case p.row.mark != "":
		if how.Cause != p.row.mark || how.Wait > p.row.rest || how.Wait < p.row.rest-3*time.Second {
			t.Errorf("it stands %+v, want %s for %s", how, p.row.mark, p.row.rest)
		}
		s.chat(p.app, "router/two", p.stream)
		p.came(t, s, "a", asked)
		s.pass(p.row.rest + time.Second)
		s.chat(p.app, "router/two", p.stream)
		p.came(t, s, "a", asked+1)
	case !p.row.breaker:
		if n := h.Report("a").Failures; !how.Ready || n != 0 {
			t.Errorf("it stands %+v with %d failures, want that nothing is held against it", how, n)
		}
	default:
		if n := h.Report("a").Failures; !how.Ready || n != 1 {
			t.Errorf("it stands %+v with %d failures, want 1", how, n)
		}
		for range 4 {
			s.chat(p.app, "router/two", p.stream)
		}
		if how = target.Standing(s.clock()); how.Cause != tracker.BreakerOpen || how.Wait > 18*time.Second || how.Wait < 10*time.Second {
			t.Fatalf("after five failures it stands %+v, want an open breaker", how)
		}
		p.came(t, s, "a", 5)
		p.answered(t, s, s.chat(p.app, "router/two", p.stream), "b", 1, "router/two")
		p.came(t, s, "a", 5)
		s.pass(18 * time.Second)
		s.chat(p.app, "router/two", p.stream)
		p.came(t, s, "a", 6)
	}
}

// TestOutcomeEverywhere: where the other fails in the same way, the best error is told, and four attempts are the most.
func TestOutcomeEverywhere(t *testing.T) {
	everyPassage(t, func(t *testing.T, p passage) {
		s := p.stage(t, nil, "b")
		if p.row.script == nil {
			s.up["b"].Close()
		} else {
			s.up["b"].Answer(p.script())
		}
		attempts, last := 2, "b"
		switch {
		case p.row.stays:
			attempts, last = 1, "a"
		case p.row.again > 0, p.row.waits:
			attempts = 4
		}
		if p.row.options.FirstByte > 0 { // only a has the short clock
			return
		}
		p.refused(t, s, s.chat(p.app, "router/two", p.stream), last, attempts, "router/two")
	})
}

// TestOutcomeOfACredential: where it is the credential's, the next one of the provider is asked, and from then on at once.
func TestOutcomeOfACredential(t *testing.T) {
	everyPassage(t, func(t *testing.T, p passage) {
		s := p.stage(t, []string{"one", "other"})
		a := s.chat(p.app, "a/m", p.stream)
		first := 1 + p.row.again
		if p.row.waits {
			first = 2
		}
		if !p.row.key {
			p.came(t, s, "a", first)
			p.refused(t, s, a, "a", first, "")
			return
		}
		p.came(t, s, "a", first+1)
		p.answered(t, s, a, "a", first+1, "")
		if p.row.waits {
			return
		}
		p.answered(t, s, s.chat(p.app, "a/m", p.stream), "a", 1, "")
		if last := s.up["a"].Last().Header; last.Get("Authorization") != "Bearer sk-other" && last.Get("X-Api-Key") != "sk-other" {
			t.Errorf("the next request came with the credential that rests: %v", last)
		}
		rests := s.router.Health().Report("a").Rests
		if len(rests) != 1 || rests[0].Credential != "one" || rests[0].Cause != p.row.mark || (rests[0].Model == "m") != (p.row.mark == tracker.RateLimited) {
			t.Errorf("at rest: %+v", rests)
		}
	})
}
