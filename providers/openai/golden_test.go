package openai

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/providertest"
)

// TestGoldenAnswers relays the answers of the vendors' own pages: their bytes arrive as they were sent, and what has to
// be known of them was learnt on the way past.
func TestGoldenAnswers(t *testing.T) {
	n := 0
	for _, g := range goldens(t) {
		for _, kind := range []string{"response", "stream"} {
			body, ok := g.file(t, kind)
			if !ok || strings.HasSuffix(g.Dialect, "-models") {
				continue
			}
			n++
			t.Run(g.Dialect+"/"+g.Case+"/"+kind, func(t *testing.T) { relayGolden(t, &g, kind, body) })
		}
	}
	if n < 30 {
		t.Errorf("only %d golden answers were found", n)
	}
}

func relayGolden(t *testing.T, g *golden, kind, body string) {
	u := providertest.New(t)
	var fields []string
	for name, value := range g.Headers {
		fields = append(fields, name+": "+value)
	}
	op, path := g.op()
	request, ok := g.file(t, "request")
	if !ok {
		request = streamed
	}
	req := scan(t, op, path, request)
	if kind == "stream" {
		u.Answer(providertest.Body(g.Status, "text/event-stream", body, fields...))
		req.Stream, req.WantsUsage = true, true
	} else {
		u.Answer(providertest.JSON(g.Status, body, fields...))
		req.Stream = false
	}
	a := ask(t, newClient(t, u), req)
	if g.Expect.Error != nil {
		goldenError(t, g, kind, body, a)
		return
	}
	if a.err != nil {
		t.Fatalf("it failed: %v", a.err)
	}
	if a.body != body {
		t.Errorf("the answer changed on its way:\n%q\nwas\n%q", a.body, body)
	}
	if a.committed != 1 {
		t.Errorf("committed %d times", a.committed)
	}
	if g.Expect.Stop != "" && a.finish != g.Expect.Stop {
		t.Errorf("finish %q, want %q", a.finish, g.Expect.Stop)
	}
	for name, value := range g.Headers {
		if !hasField(a.head.Header, http.CanonicalHeaderKey(name), value) {
			t.Errorf("the provider's field %s did not arrive", name)
		}
	}
	if want := g.Expect.Usage; want != nil {
		got := a.usage
		if got.Estimated || got.InputTotal() != want.Input || got.Output != want.Output || got.CacheRead != want.CacheRead || want.Reasoning != 0 && got.Reasoning != want.Reasoning {
			t.Errorf("usage %+v, want %+v", got, *want)
		}
	}
	if g.Expect.Cost != 0 && (!a.usage.CostReported || fmt.Sprintf("%.9f", float64(a.usage.Cost)/float64(llm.USD)) != fmt.Sprintf("%.9f", g.Expect.Cost)) {
		t.Errorf("cost %d (%v), want $%v", a.usage.Cost, a.usage.CostReported, g.Expect.Cost)
	}
}

func goldenError(t *testing.T, g *golden, kind, body string, a *answer) {
	t.Helper()
	if a.err == nil {
		t.Fatal("a failure was taken for an answer")
	}
	status, _, spelt := NewCodec().Error(a.err)
	if kind == "response" {
		if status != g.Status || string(spelt) != body {
			t.Errorf("the application gets %d %s, the provider said %d %s", status, spelt, g.Status, body)
		}
		return
	}
	if !strings.HasPrefix(body, a.body) || !strings.Contains(a.body, g.Expect.Text) {
		t.Errorf("before the failure came %q", a.body)
	}
	if end := string(NewCodec().StreamError(llm.Chat, a.err)); !strings.HasSuffix(end, "\n\ndata: [DONE]\n\n") || !strings.Contains(end, `"error"`) {
		t.Errorf("the stream ends with %q", end)
	}
}

func hasField(list []llm.Field, name, value string) bool {
	for _, f := range list {
		if f.Name == name && f.Value == value {
			return true
		}
	}
	return false
}

// TestGoldenRequestsReachTheProviderAsTheyAre compares bytes: but the model's name nothing may change.
func TestGoldenRequestsReachTheProviderAsTheyAre(t *testing.T) {
	for _, g := range goldens(t) {
		body, ok := g.file(t, "request")
		if !ok {
			continue
		}
		t.Run(g.Dialect+"/"+g.Case, func(t *testing.T) {
			u := providertest.New(t)
			op, path := g.op()
			req := scan(t, op, path, body)
			req.WantsUsage = true
			ask(t, newClient(t, u), req)
			want := body[:req.ModelSpan.Start] + `"m"` + body[req.ModelSpan.End:]
			if got := u.Last(); string(got.Body) != want || got.Path != "/v1"+path || got.Header.Get("Authorization") != "Bearer sk-upstream" {
				t.Errorf("%s %s\n%s\nwant\n%s", got.Method, got.Path, got.Body, want)
			}
		})
	}
}

func TestGoldenModelLists(t *testing.T) {
	for _, g := range goldens(t) {
		if !strings.HasSuffix(g.Dialect, "-models") {
			continue
		}
		body, _ := g.file(t, "response")
		u := providertest.New(t)
		u.AnswerPath("/models", providertest.JSON(200, body))
		models, err := newClient(t, u).Models(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(models) < 1 {
			t.Errorf("%s: %d models", g.Dialect, len(models))
		}
		for _, m := range models {
			if m.ID == "" {
				t.Errorf("%s: a model without id", g.Dialect)
			}
			if g.Dialect == "openrouter-models" && (m.ContextLength == 0 || m.Price == nil) {
				t.Errorf("%s: %s has no context length or no price", g.Dialect, m.ID)
			}
		}
	}
}
