package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"localrouter/providers/anthropic"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/routing"
)

// twoDialects is a rig whose door speaks both dialects; the provider "claude" speaks Anthropic's, "p" OpenAI's.
func twoDialects(t *testing.T, change ...func(*Options)) *rig {
	return newRig(t, append([]func(*Options){func(o *Options) {
		p := o.Directory.Sources().Named("p")
		directory := fixedDirectory{llm.NewSources([]*llm.Source{p, {Name: "claude", Type: "anthropic", Dialect: llm.Anthropic, Provider: p.Provider,
			Features: anthropic.Features(), Models: []llm.Model{{ID: "claude-x", Name: "Claude X", ContextLength: 200000, MaxOutput: 64000, Created: time.Unix(1700000000, 0)}}}})}
		o.Codecs = []llm.Codec{openai.NewCodec(), anthropic.NewCodec()}
		o.Directory, o.Router = directory, routing.New(directory, routing.Options{})
	}}, change...)...)
}

const messagesBody = `{"model":"claude/claude-x","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`

// anthropicError reads the envelope that Anthropic's SDKs know.
func anthropicError(t *testing.T, w *httptest.ResponseRecorder) (kind, message string) {
	t.Helper()
	var e struct {
		Type  string
		Error struct{ Type, Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Type != "error" || e.Error.Message == "" {
		t.Errorf("%d %s is not Anthropic's envelope (%v)", w.Code, w.Body, err)
	}
	return e.Error.Type, e.Error.Message
}

// TestEveryFailureSpeaksTheApplicationsDialect: whatever goes wrong before a provider is asked, an application of
// Anthropic's dialect gets an error that its SDK can read.
func TestEveryFailureSpeaksTheApplicationsDialect(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *http.Request)
		body   string
		path   string
		status int
		kind   string
	}{
		"no key":        {func(r *http.Request) { r.Header.Del("Authorization") }, messagesBody, "/v1/messages", 401, "authentication_error"},
		"wrong key":     {func(r *http.Request) { r.Header.Set("Authorization", "Bearer lr-nobody") }, messagesBody, "/v1/messages?beta=true", 401, "authentication_error"},
		"key disabled":  {func(r *http.Request) { r.Header.Set("Authorization", "Bearer lr-off") }, messagesBody, "/v1/messages", 403, "permission_error"},
		"foreign host":  {func(r *http.Request) { r.Host = "evil.example" }, messagesBody, "/v1/messages", 403, "permission_error"},
		"bad JSON":      {nil, `{"model":`, "/v1/messages", 400, "invalid_request_error"},
		"not JSON":      {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, messagesBody, "/v1/messages", 415, "invalid_request_error"},
		"unknown model": {nil, `{"model":"claude-nobody","max_tokens":1,"messages":[]}`, "/v1/messages", 404, "not_found_error"},
		"unknown path":  {nil, messagesBody, "/v1/messages/batches", 404, "not_found_error"},
		"/v1 twice":     {nil, messagesBody, "/v1/v1/messages", 404, "not_found_error"},
		"count of none": {nil, `{"model":"claude-nobody","messages":[]}`, "/v1/messages/count_tokens", 404, "not_found_error"},
		"by its header": {func(r *http.Request) { r.Header.Set("Anthropic-Version", "2023-06-01"); r.Header.Del("Authorization") }, `{}`, "/v1/models", 405, "invalid_request_error"},
		"no translation of logprobs": {nil, `{"model":"p/m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"mcp_servers":[{"type":"url","url":"https://x","name":"x"}]}`, "/v1/messages", 400,
			"invalid_request_error"},
	} {
		t.Run(name, func(t *testing.T) {
			r := twoDialects(t)
			req := request("POST", c.path, c.body)
			if c.change != nil {
				c.change(req)
			}
			w := r.call(req)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if kind, message := anthropicError(t, w); kind != c.kind || len(message) < 20 {
				t.Errorf("%q %q, want the type %q and a next step", kind, message, c.kind)
			}
			if w.Header().Get("Request-Id") != w.Header().Get("X-Localrouter-Request-Id") {
				t.Error("the SDKs look for the id of a request in Request-Id, and it is not there")
			}
			if r.provider.asked.Load() > 0 {
				t.Error("the provider was asked")
			}
		})
	}
}

// TestKeysOfAnthropicsSDKs: both majors of the SDKs carry the key in another field, and Claude Code can send both.
func TestKeysOfAnthropicsSDKs(t *testing.T) {
	for _, fields := range []map[string]string{
		{"X-Api-Key": goodToken, "Anthropic-Version": "2023-06-01"},
		{"Authorization": "Bearer " + goodToken, "Anthropic-Version": "2026-10-21"},
		{"Authorization": "Bearer " + goodToken, "X-Api-Key": goodToken},
		{"X-Api-Key": goodToken},
	} {
		r := twoDialects(t)
		r.provider.answer = whole(`{"type":"message","content":[]}`)
		req := request("POST", "/v1/messages?beta=true", messagesBody)
		req.Header.Del("Authorization")
		for name, value := range fields {
			req.Header.Set(name, value)
		}
		req.Header.Add("Anthropic-Beta", "a-1,b-2")
		req.Header.Add("Anthropic-Beta", "c-3")
		if w := r.call(req); w.Code != 200 {
			t.Errorf("%v: %d %s", fields, w.Code, w.Body)
			continue
		}
		got := r.provider.got[0]
		sent := map[string]string{}
		for _, f := range got.Header {
			sent[f.Name] = f.Value
		}
		if sent["Anthropic-Beta"] != "a-1,b-2,c-3" || sent["Anthropic-Version"] != fields["Anthropic-Version"] || got.Query != "beta=true" {
			t.Errorf("%v: the provider gets %v and the query %q", fields, sent, got.Query)
		}
		if got.Dialect != llm.Anthropic || r.only().Dialect != llm.Anthropic {
			t.Errorf("recorded as %s", r.only().Dialect)
		}
	}
}

func TestModelsInTheShapeThatWasAskedFor(t *testing.T) {
	type list struct {
		Data []struct {
			ID, Type, Object string
			DisplayName      string `json:"display_name"`
			CreatedAt        string `json:"created_at"`
			MaxInput         int    `json:"max_input_tokens"`
		}
		HasMore bool   `json:"has_more"`
		FirstID string `json:"first_id"`
		LastID  string `json:"last_id"`
	}
	get := func(path string, fields ...string) (l list) {
		t.Helper()
		req := request("GET", path, "")
		for i := 0; i < len(fields); i += 2 {
			req.Header.Set(fields[i], fields[i+1])
		}
		w := twoDialects(t).call(req)
		if err := json.Unmarshal(w.Body.Bytes(), &l); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return l
	}
	if l := get("/v1/models"); len(l.Data) != 6 || l.Data[0].Object != "model" {
		t.Errorf("OpenAI's shape: %+v", l)
	}
	version := []string{"Anthropic-Version", "2023-06-01"}
	l := get("/v1/models?limit=1000", version...)
	if len(l.Data) != 6 || l.HasMore || l.FirstID != "auto" || l.LastID != "claude/claude-x" {
		t.Fatalf("Anthropic's shape: %+v", l)
	}
	if m := l.Data[5]; m.Type != "model" || m.DisplayName != "Claude X" || m.CreatedAt != "2023-11-14T22:13:20Z" || m.MaxInput != 200000 {
		t.Errorf("%+v", m)
	}
	if l := get("/v1/models?limit=5", version...); len(l.Data) != 5 || !l.HasMore || l.LastID != "p/vendor/deep/m:2" {
		t.Errorf("the first page: %+v", l)
	}
	if l := get("/v1/models?limit=2&after_id=p/vendor/deep/m:2", version...); len(l.Data) != 1 || l.HasMore || l.FirstID != "claude/claude-x" {
		t.Errorf("the second page: %+v", l)
	}
	req := request("GET", "/v1/models/claude/claude-x", "")
	req.Header.Set("Anthropic-Version", "2023-06-01")
	if w := twoDialects(t).call(req); w.Code != 200 || !strings.Contains(w.Body.String(), `"type":"model"`) {
		t.Errorf("one model: %d %s", w.Code, w.Body)
	}
}

// TestCountTokens: the provider counts where it can; else the count is estimated and says so. It is no request that
// limits count.
func TestCountTokens(t *testing.T) {
	body := func(model string) string {
		return `{"model":"` + model + `","system":"Be short.","messages":[{"role":"user","content":"` + strings.Repeat("some words ", 100) + `"}]}`
	}
	refused := func(e llm.Error) func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) {
		return func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) { return nil, &e }
	}
	for name, c := range map[string]struct {
		model     string
		answer    func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error)
		status    int
		estimated bool
	}{
		"the provider's own":          {"claude/claude-x", whole(`{"input_tokens":411}`), 200, false},
		"no such endpoint":            {"claude/claude-x", refused(llm.Error{Kind: llm.ModelNotFound, Status: 404, Message: "no page"}), 200, true},
		"none, said in the dialect":   {"claude/claude-x", refused(llm.Error{Kind: llm.ModelNotFound, Status: 404, Type: "not_found_error", Message: "path"}), 200, true},
		"no such model":               {"claude/claude-y", refused(llm.Error{Kind: llm.ModelNotFound, Status: 404, Type: "not_found_error", Message: "model"}), 404, false},
		"a provider of OpenAI's kind": {"p/m", nil, 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := twoDialects(t, limitedBy("requests=5/1h"))
			r.provider.answer = c.answer
			w := r.call(request("POST", "/v1/messages/count_tokens", body(c.model)))
			if w.Code != c.status || (w.Header().Get("X-Localrouter-Estimated") == "true") != c.estimated {
				t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			var got struct {
				N int `json:"input_tokens"`
			}
			json.Unmarshal(w.Body.Bytes(), &got)
			if c.status == 200 && !c.estimated && got.N != 411 || c.estimated && (got.N < 180 || got.N > 400) {
				t.Errorf("%d tokens", got.N)
			}
			if e := r.only(); w.Header().Get("X-Ratelimit-Remaining-Requests") != "5" || !e.Usage.Zero() || e.CostSource != "" {
				t.Errorf("a count was taken for a request: %v, %+v", w.Header(), e)
			}
		})
	}
}

// TestSilentStreamsAreKeptAlive: Claude Code gives up after 300 s without a byte, so it hears a ping every 15 s, before
// the first content and in the middle; never inside an event, and never after the end.
func TestSilentStreamsAreKeptAlive(t *testing.T) {
	const ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n"
	const some = "event: content_block_delta\ndata: {}\n\n"
	for name, c := range map[string]struct {
		before, between time.Duration
		want            string
	}{
		"lively":             {time.Second, time.Second, some + some},
		"slow to begin":      {50 * time.Second, time.Second, ping + ping + ping + some + some},
		"silent in between":  {time.Second, 31 * time.Second, some + ping + ping + some},
		"slow and then dumb": {16 * time.Second, 16 * time.Second, ping + some + ping + some},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := twoDialects(t)
				r.provider.answer = func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
					time.Sleep(c.before)
					return streamRelay(ctx, obs, func(n int) ([]byte, error) {
						switch n {
						case 0:
							return []byte(some), nil
						case 1:
							time.Sleep(c.between)
							return []byte(some), nil
						}
						return nil, io.EOF
					}), nil
				}
				w := httptest.NewRecorder()
				r.ServeHTTP(w, request("POST", "/v1/messages", strings.Replace(messagesBody, "{", `{"stream":true,`, 1)))
				if w.Body.String() != c.want {
					t.Errorf("got %q\nwant %q", w.Body, c.want)
				}
				time.Sleep(time.Minute)
				if w.Body.String() != c.want {
					t.Errorf("a minute later %q", w.Body)
				}
			})
		})
	}
}
