package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/providertest"
	"localrouter/providers/upstream"
	"localrouter/routing"
)

// overTheWire is a rig with a real codec and a real client, whose provider is the hostile upstream.
func overTheWire(t *testing.T, change ...func(*Options)) (*rig, *providertest.Upstream) {
	t.Helper()
	u := providertest.New(t)
	client, err := openai.New(openai.Options{Options: upstream.Options{Name: "p", BaseURL: u.URL + "/v1", Key: "sk-upstream"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return newRig(t, append([]func(*Options){func(o *Options) {
		directory := fixedDirectory{llm.NewSources([]*llm.Source{{Name: "p", Type: "openai", Dialect: llm.OpenAI, Provider: client, Models: []llm.Model{
			{ID: "m", MaxOutput: 1024, Price: &llm.Price{Input: 2_000_000, Output: 10_000_000}}}}})}
		o.Codecs, o.Directory, o.Router = []llm.Codec{openai.NewCodec()}, directory, routing.New(directory, routing.Options{})
	}}, change...)...), u
}

// TestLimitsOverTheWire: what a provider really sends, and where it breaks off, is what the windows hold afterwards.
func TestLimitsOverTheWire(t *testing.T) {
	reply := `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":60}}`
	for name, c := range map[string]struct {
		script   providertest.Script
		stream   bool
		code     int
		requests string
		tokens   string // empty: fewer than there were
		cost     string
	}{
		"whole":                {providertest.JSON(200, reply, "X-Ratelimit-Remaining-Requests: 777"), false, 200, "9", "4900", "0.99932"},
		"stream":               {providertest.Stream(providertest.Role(), providertest.Text("a"), providertest.Finish("stop"), providertest.Usage(40, 60), providertest.Event("[DONE]")), true, 200, "9", "4900", "0.99932"},
		"refused":              {providertest.JSON(400, `{"error":{"message":"no"}}`), false, 400, "10", "5000", "1"},
		"failed":               {providertest.JSON(500, `{"error":{"message":"no"}}`), true, 500, "10", "5000", "1"},
		"no byte":              {providertest.Hangup(), true, 0, "10", "5000", "1"},
		"broken in the middle": {providertest.StreamThen((*providertest.Conn).Cut, providertest.Role(), providertest.Text("some")), true, 200, "9", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, u := overTheWire(t, limitedBy("requests=10/1h", "tokens=5000/1h", "cost=1/1h"))
			u.Answer(c.script)
			url := r.serve()
			resp := post(t, t.Context(), url, "/v1/chat/completions", fmt.Sprintf(`{"model":"p/m","stream":%t,"max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`, c.stream))
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			r.next()
			if c.code != 0 && resp.StatusCode != c.code {
				t.Errorf("answered with %d, want %d", resp.StatusCode, c.code)
			}
			if got := resp.Header.Get("X-Ratelimit-Remaining-Requests"); got != c.requests {
				t.Errorf("its own header says %q are left, want %s", got, c.requests)
			}
			w := r.standing()
			if left(w, "Requests") != c.requests || c.tokens != "" && (left(w, "Tokens") != c.tokens || left(w, "Cost") != c.cost) || c.tokens == "" && (left(w, "Tokens") == "5000" || left(w, "Cost") == "1") {
				t.Errorf("left are %s requests, %s tokens, %s USD", left(w, "Requests"), left(w, "Tokens"), left(w, "Cost"))
			}
		})
	}
}

// TestRunningAnswersHoldTheirEstimate, and what goes away with the application is given back but for what was counted.
func TestRunningAnswersHoldTheirEstimate(t *testing.T) {
	r, u := overTheWire(t, limitedBy("output_tokens=1000/1h"))
	u.Answer(providertest.Endless(providertest.Text("word")))
	url := r.serve()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp := post(t, ctx, url, "/v1/chat/completions", `{"model":"p/m","stream":true,"max_tokens":600,"messages":[{"role":"user","content":"hi"}]}`)
	if got := resp.Header.Get("X-Ratelimit-Remaining-Output-Tokens"); got != "400" {
		t.Errorf("%s are left while it runs", got)
	}
	second := post(t, t.Context(), url, "/v1/chat/completions", `{"model":"p/m","max_tokens":401,"messages":[{"role":"user","content":"hi"}]}`)
	body, _ := io.ReadAll(second.Body)
	if second.StatusCode != http.StatusTooManyRequests || !strings.Contains(string(body), "1000 output tokens in 1h") || len(u.Received()) != 1 {
		t.Errorf("%d %s", second.StatusCode, body)
	}
	r.next()
	cancel()
	if e := r.next(); e.Kind != llm.ClientGone || e.Usage.Output == 0 || !e.Usage.Estimated {
		t.Errorf("%+v", e)
	}
	used := r.recorder.entries()[1].Usage.Output
	if got := left(r.standing(), "Output-Tokens"); got != fmt.Sprint(max(0, 1000-used)) {
		t.Errorf("%s are left after %d", got, used)
	}
}
