package openai

import (
	"strings"
	"testing"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/providertest"
)

// TestRefusals: what each status means, who gets which words, and what is handed on.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		script  providertest.Script
		kind    llm.Kind
		status  int
		retry   time.Duration
		asItWas bool   // the provider's own body goes to the application
		says    string // in our own words
	}{
		"its key is refused":       {providertest.JSON(401, `{"error":{"message":"Incorrect API key provided: sk-upstream"}}`), llm.ProviderAuth, 502, 0, false, "set-key lab"},
		"its key may not":          {providertest.JSON(403, `{"error":{"message":"no"}}`), llm.ProviderAuth, 502, 0, false, "set-key lab"},
		"unknown model":            {providertest.JSON(404, `{"error":{"message":"no such model","code":"model_not_found"}}`), llm.ModelNotFound, 404, 0, true, ""},
		"bad request":              {providertest.JSON(400, `{"error":{"message":"bad","param":"n"}}`), llm.ProviderRejected, 400, 0, true, ""},
		"unprocessable":            {providertest.JSON(422, `{"detail":[{"msg":"field required"}]}`), llm.ProviderRejected, 422, 0, true, ""},
		"too long":                 {providertest.JSON(400, `{"error":{"message":"m","code":"context_length_exceeded"}}`), llm.ContextTooLong, 400, 0, true, ""},
		"bearer is no context":     {providertest.JSON(401, `{"error":{"message":"bearer token context_length_exceeded","code":"context_length_exceeded"}}`), llm.ProviderAuth, 502, 0, false, "set-key"},
		"policy":                   {providertest.JSON(400, `{"error":{"message":"m","code":"content_policy_violation"}}`), llm.ContentPolicy, 400, 0, true, ""},
		"not for this model":       {providertest.JSON(403, `{"error":{"message":"You are not allowed to generate embeddings from this model","type":"invalid_request_error","param":null,"code":null}}`), llm.ProviderRejected, 403, 0, true, ""},
		"flagged by OpenRouter":    {providertest.JSON(403, `{"error":{"message":"m","code":403,"metadata":{"reasons":["x"],"flagged_input":"bad words","provider_name":"p","model_slug":"s"}}}`), llm.ContentPolicy, 403, 0, true, ""},
		"busy":                     {providertest.JSON(429, `{"error":{"message":"m","code":"rate_limit_exceeded"}}`, "Retry-After: 7"), llm.RateLimited, 429, 7 * time.Second, true, ""},
		"busy for milliseconds":    {providertest.JSON(429, `{"error":{"message":"m"}}`, "Retry-After-Ms: 1500"), llm.RateLimited, 429, 1500 * time.Millisecond, true, ""},
		"no money":                 {providertest.JSON(429, `{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}`), llm.Quota, 429, 0, true, ""},
		"payment required":         {providertest.JSON(402, `{"error":{"message":"m","code":402}}`), llm.Quota, 402, 0, true, ""},
		"failed":                   {providertest.JSON(500, `{"error":{"message":"oops"}}`), llm.ProviderFailed, 500, 0, true, ""},
		"a page of a proxy":        {providertest.Body(503, "text/html", "<html>down</html>"), llm.ProviderFailed, 503, 0, false, "status 503"},
		"overloaded":               {providertest.JSON(529, `{"error":{"message":"m"}}`), llm.ProviderFailed, 529, 0, true, ""},
		"nothing in it":            {providertest.JSON(500, ``), llm.ProviderFailed, 500, 0, false, "no explanation"},
		"a redirect":               {providertest.Redirect("http://127.0.0.1:1/v1"), llm.Redirected, 502, 0, false, "never followed"},
		"the connection is closed": {providertest.Hangup(), llm.Unreachable, 502, 0, false, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			u := providertest.New(t)
			u.Answer(c.script)
			req := scan(t, llm.Chat, "/chat/completions", plain)
			a := ask(t, newClient(t, u), req)
			if a.err == nil || a.err.Kind != c.kind || a.err.RetryAfter != c.retry {
				t.Fatalf("%+v, want %s after %v", a.err, c.kind, c.retry)
			}
			status, _, body := NewCodec().Error(a.err)
			if status != c.status || c.asItWas != (len(a.err.Body) > 0) || !strings.Contains(string(body), c.says) {
				t.Errorf("the application gets %d %s", status, body)
			}
			if strings.Contains(string(body), "sk-upstream") {
				t.Errorf("the provider's credential goes to the application: %s", body)
			}
		})
	}
}

// TestWholeReplies tells a reply from what only looks like one.
func TestWholeReplies(t *testing.T) {
	for body, kind := range map[string]llm.Kind{
		`{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`: "",
		`{"choices":[]}`: llm.ProviderFailed,
		`{"error":{"message":"m","code":"rate_limit_exceeded"}}`: llm.RateLimited,
		`{"choices":[{"message":{"cont`:                          llm.ProviderFailed,
		`"ok"`:                                                   llm.ProviderFailed,
	} {
		u := providertest.New(t)
		u.Answer(providertest.JSON(200, body))
		a := ask(t, newClient(t, u), scan(t, llm.Chat, "/chat/completions", plain))
		switch {
		case kind == "" && (a.err != nil || a.body != body):
			t.Errorf("%s failed: %v", body, a.err)
		case kind != "" && (a.err == nil || a.err.Kind != kind || a.body != ""):
			t.Errorf("%s gave %v and %q, want %s", body, a.err, a.body, kind)
		}
	}
}

// TestWhatTravels: the provider gets its own credential and what an allow-list lets through, and nothing else.
func TestWhatTravels(t *testing.T) {
	u := providertest.New(t)
	u.Answer(providertest.JSON(200, `{"choices":[{"message":{"content":"x"}}]}`, "X-Request-Id: req-1", "Set-Cookie: a=b", "X-Ratelimit-Remaining-Requests: 5"))
	req := scan(t, llm.Chat, "/chat/completions", plain)
	req.Header = []llm.Field{{Name: "Idempotency-Key", Value: "i"}, {Name: "X-Title", Value: "t"}}
	a := ask(t, newClient(t, u, func(o *Options) {
		o.Header, o.Query, o.Hop = map[string]string{"X-Team": "seven"}, map[string]string{"api-version": "1"}, "here"
	}), req)
	got := u.Last()
	if got.Header.Get("Idempotency-Key") != "i" || got.Header.Get("X-Title") != "" || got.Header.Get("X-Team") != "seven" || got.Query != "api-version=1" ||
		got.Header.Get("X-Localrouter-Hop") != "here" || got.Header.Get("Accept-Encoding") != "" || got.Length != int64(len(got.Body)) {
		t.Errorf("%s %v", got.Query, got.Header)
	}
	if !hasField(a.head.Header, "X-Request-Id", "req-1") || !hasField(a.head.Header, "X-Ratelimit-Remaining-Requests", "5") || len(a.head.Header) != 2 {
		t.Errorf("the application gets %v", a.head.Header)
	}
	ask(t, newClient(t, u, func(o *Options) { o.KeyHeader = "Api-Key" }), req)
	if h := u.Last().Header; h.Get("Api-Key") != "sk-upstream" || h.Get("Authorization") != "" {
		t.Errorf("%v", h)
	}
}
