package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"localrouter/db"
	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing/limits"
)

// limitedBy puts limits on the rig's first key.
func limitedBy(texts ...string) func(*Options) {
	return func(o *Options) {
		o.Limits = limits.New(limits.Options{})
		key := o.Keys.(*fakeKeys).keys[goodToken]
		for _, text := range texts {
			l, err := settings.ParseLimit(text)
			if err != nil {
				panic(err)
			}
			key.Limits = append(key.Limits, l)
		}
		key.Revision = 1
	}
}

func refusedBy(e llm.Error) func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) {
	return func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) { return nil, &e }
}

// left reads what the header says is left of a kind.
func left(w *httptest.ResponseRecorder, kind string) string {
	return w.Header().Get("X-Ratelimit-Remaining-" + kind)
}

// standing asks for the header without using anything.
func (r *rig) standing() *httptest.ResponseRecorder { return r.call(request("GET", "/v1/models", "")) }

// TestLimitsAreSettledByWhatBecameOfTheRequest: an answer counts as what it used; what no provider answered counts
// nowhere.
func TestLimitsAreSettledByWhatBecameOfTheRequest(t *testing.T) {
	all := []string{"requests=10/1h", "input_tokens=1000/1h", "output_tokens=2000/1h", "tokens=3000/1h", "cost=1/1h"}
	for name, c := range map[string]struct {
		path, body string
		answer     func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error)
		want       string
	}{
		"answered":                {"/v1/chat/completions", chatBody, whole("{}"), "9 997 1995 2992 0.9999425"},
		"refused by the provider": {"/v1/chat/completions", chatBody, refusedBy(llm.Error{Kind: llm.ProviderFailed, Status: 500, Message: "no"}), "10 1000 2000 3000 1"},
		"unknown model":           {"/v1/chat/completions", `{"model":"none"}`, nil, "10 1000 2000 3000 1"},
		"a defect":                {"/v1/chat/completions", chatBody, func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) { panic("defect") }, "10 1000 2000 3000 1"},
		"on this machine":         {"/v1/chat/completions", strings.Replace(chatBody, "p/m", "here/small", 1), whole("{}"), "9 997 1995 2992 1"},
		"broken in the middle": {"/v1/chat/completions", streamBody, func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
			return streamRelay(ctx, obs, func(n int) ([]byte, error) {
				if n == 0 {
					return []byte(event), nil
				}
				return nil, &llm.Error{Kind: llm.Broken, Status: 502, Message: "broken"}
			}), nil
		}, "9 993 1999 2992 0.9999725"},
		"embedded": {"/v1/embeddings", chatBody, whole("{}"), "9 997 1995 2992 0.9999425"},
	} {
		r := newRig(t, limitedBy(all...))
		r.provider.answer = c.answer
		r.call(request("POST", c.path, c.body))
		w := r.standing()
		got := strings.Join([]string{left(w, "Requests"), left(w, "Input-Tokens"), left(w, "Output-Tokens"), left(w, "Tokens"), left(w, "Cost")}, " ")
		if got != c.want {
			t.Errorf("%s: left are %s, want %s", name, got, c.want)
		}
	}
}

// TestCancelledBeforeTheFirstByteCountsItsInput: the provider was at work when the application went.
func TestCancelledBeforeTheFirstByteCountsItsInput(t *testing.T) {
	// Of pictures and sound nobody knows the input; the request counts all the same.
	for path, want := range map[string]string{"/v1/chat/completions": "9 8993", "/v1/embeddings": "9 8993", "/v1/images/generations": "9 9000"} {
		r := newRig(t, limitedBy("requests=10/1h", "tokens=9000/1h"))
		asked := make(chan struct{})
		r.provider.answer = func(ctx context.Context, _ *llm.Request, _ llm.Observer) (llm.Relay, error) {
			close(asked)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		func() {
			defer func() { recover() }() // the connection is dropped by a panic that net/http knows
			r.call(request("POST", path, chatBody).WithContext(ctx))
		}()
		w := r.standing()
		if got := left(w, "Requests") + " " + left(w, "Tokens"); got != want {
			t.Errorf("%s: left are %s, want %s", path, got, want)
		}
	}
}

// TestSeveralAnswersAreReservedFor: each of n may be as long as the maximum.
func TestSeveralAnswersAreReservedFor(t *testing.T) {
	r := twoDialects(t, limitedBy("output_tokens=500/1m"))
	for n, code := range map[string]int{"6": 429, "2147483648000": 429, "5": 200} {
		w := r.call(request("POST", "/v1/chat/completions", `{"model":"p/m","max_tokens":100,"n":`+n+`,"messages":[{"role":"user","content":"hi"}]}`))
		if w.Code != code {
			t.Errorf("n %s: %d %s", n, w.Code, w.Body)
		}
	}
}

// TestRefusalNamesAllLimits in both dialects, with the wait for the last of them.
func TestRefusalNamesAllLimits(t *testing.T) {
	limit := limitedBy("requests=1/1m", "tokens=1500/1h", "cost=3/1d")
	for name, c := range map[string]struct {
		path, body string
		says       func(w *httptest.ResponseRecorder) bool
	}{
		"openai": {"/v1/chat/completions", `{"model":"p/m","max_tokens":1000,"messages":[{"role":"user","content":"hi"}]}`, func(w *httptest.ResponseRecorder) bool {
			return strings.Contains(w.Body.String(), `"code":"rate_limit_exceeded"`)
		}},
		"anthropic": {"/v1/messages", `{"model":"p/m","max_tokens":1000,"messages":[{"role":"user","content":"hi"}]}`, func(w *httptest.ResponseRecorder) bool {
			kind, _ := anthropicError(t, w)
			return kind == "rate_limit_error"
		}},
	} {
		r := twoDialects(t, limit)
		hold := make(chan struct{})
		running := make(chan struct{})
		r.provider.answer = func(ctx context.Context, req *llm.Request, obs llm.Observer) (llm.Relay, error) {
			close(running)
			<-hold
			return whole(`{"choices":[]}`)(ctx, req, obs)
		}
		var group sync.WaitGroup
		group.Go(func() {
			r.call(request("POST", "/v1/chat/completions", `{"model":"p/m","max_tokens":900,"messages":[{"role":"user","content":"hi"}]}`))
		})
		<-running
		w := r.call(request("POST", c.path, c.body))
		close(hold)
		group.Wait()
		body := w.Body.String()
		if w.Code != 429 || !c.says(w) || !strings.Contains(body, "1 request in 1m") || !strings.Contains(body, "1500 tokens in 1h") || strings.Contains(body, "of cost") {
			t.Errorf("%s: %d %s", name, w.Code, body)
		}
		if n, _ := strconv.Atoi(w.Header().Get("Retry-After")); n < 3590 || n > 3661 {
			t.Errorf("%s: Retry-After %q", name, w.Header().Get("Retry-After"))
		}
		if left(w, "Requests") != "0" || w.Header().Get("X-Ratelimit-Limit-Requests") != "1" || w.Header().Get("X-Ratelimit-Reset-Requests") == "" || w.Header().Get("X-Ratelimit-Limit-Cost") != "3" {
			t.Errorf("%s: %v", name, w.Header())
		}
		if w := r.standing(); left(w, "Requests") != "0" || left(w, "Tokens") != "1492" {
			t.Errorf("%s: a refusal was counted: %v", name, w.Header())
		}
	}
}

// TestWhatNeverFitsIsNotToldToWait: its SDK would send it again and again.
func TestWhatNeverFitsIsNotToldToWait(t *testing.T) {
	r := twoDialects(t, limitedBy("output_tokens=500/1m"))
	w := r.call(request("POST", "/v1/chat/completions", `{"model":"p/m","max_tokens":501,"messages":[{"role":"user","content":"hi"}]}`))
	if w.Code != 429 || w.Header().Get("Retry-After") != "" || w.Header().Get("X-Should-Retry") != "false" || !strings.Contains(w.Body.String(), "lower maximum") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	// Without a maximum it is our own guess, which keeps nobody out.
	if w := r.call(request("POST", "/v1/chat/completions", chatBody)); w.Code != 200 || left(w, "Output-Tokens") != "0" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := r.standing(); left(w, "Output-Tokens") != "495" {
		t.Errorf("settled: %v", w.Header())
	}
}

// TestUnknownPriceUnderACostLimit is refused before anybody is asked, with what to do.
func TestUnknownPriceUnderACostLimit(t *testing.T) {
	r := newRig(t, limitedBy("cost=5/1d"))
	for body, code := range map[string]int{
		strings.Replace(chatBody, "p/m", "p/vendor/deep/m:2", 1): 403,
		strings.Replace(chatBody, "p/m", "p/unlisted", 1):        403,
		strings.Replace(chatBody, "p/m", "here/small", 1):        200,
		chatBody: 200,
	} {
		asked := r.provider.asked.Load()
		w := r.call(request("POST", "/v1/chat/completions", body))
		if w.Code != code || code == 403 && (!strings.Contains(w.Body.String(), "price_unknown") || !strings.Contains(w.Body.String(), "by tokens") || r.provider.asked.Load() != asked) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := r.call(request("POST", "/v1/moderations", `{"model":"p/m","input":"x"}`)); w.Code != 403 || !strings.Contains(w.Body.String(), "price_unknown") {
		t.Errorf("what has no price by tokens: %d %s", w.Code, w.Body)
	}
}

// TestFieldsOfTheProviderAndOurs: a key with limits is told of its own, any other of the provider's.
func TestFieldsOfTheProviderAndOurs(t *testing.T) {
	answer := func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
		return &fakeRelay{ctx: ctx, obs: obs, head: llm.Head{Status: 200, ContentType: "application/json", Length: 2, Header: []llm.Field{
			{Name: "X-Ratelimit-Remaining-Requests", Value: "777"}, {Name: "Anthropic-Ratelimit-Tokens-Limit", Value: "777"}, {Name: "X-Request-Id", Value: "up-1"}}},
			step: func(n int) ([]byte, error) {
				if n == 0 {
					return []byte("{}"), nil
				}
				return nil, io.EOF
			}}, nil
	}
	r := newRig(t, limitedBy("requests=10/1h"))
	r.provider.answer = answer
	w := r.call(request("POST", "/v1/chat/completions", chatBody))
	if left(w, "Requests") != "9" || w.Header().Get("Anthropic-Ratelimit-Tokens-Limit") != "" || w.Header().Get("X-Request-Id") != "up-1" {
		t.Errorf("with limits: %v", w.Header())
	}
	bare := request("POST", "/v1/chat/completions", chatBody)
	bare.Header.Set("Authorization", "Bearer lr-bare")
	if w := r.call(bare); left(w, "Requests") != "777" || w.Header().Get("X-Ratelimit-Limit-Requests") != "" {
		t.Errorf("without limits: %v", w.Header())
	}
	r.provider.answer = refusedBy(llm.Error{Kind: llm.RateLimited, Status: 429, Message: "slow down", Header: []llm.Field{{Name: "X-Ratelimit-Remaining-Requests", Value: "777"}}})
	if w := r.call(request("POST", "/v1/chat/completions", chatBody)); w.Code != 429 || left(w, "Requests") != "9" {
		t.Errorf("a refusal of the provider's: %d %v", w.Code, w.Header())
	}
}

// TestAThousandParallelRequestsAtALimitOf100 through the whole door.
func TestAThousandParallelRequestsAtALimitOf100(t *testing.T) {
	r := newRig(t, limitedBy("requests=100/1h"))
	var mu sync.Mutex
	codes := map[int]int{}
	var group sync.WaitGroup
	for range 1000 {
		group.Go(func() {
			w := r.call(request("POST", "/v1/chat/completions", chatBody))
			mu.Lock()
			codes[w.Code]++
			mu.Unlock()
		})
	}
	group.Wait()
	if codes[200] != 100 || codes[429] != 900 || r.provider.asked.Load() != 100 {
		t.Errorf("%v, the provider was asked %d times", codes, r.provider.asked.Load())
	}
}

// TestEndOfAKeyIsToldInItsOwnWords: a stream that ends because its key expired says so.
func TestEndOfAKeyIsToldInItsOwnWords(t *testing.T) {
	r := newRig(t)
	keys := &expiringKeys{fakeKeys: r.keys}
	r.Gateway.Keys = keys
	r.provider.answer = endless(time.Millisecond, nil)
	url := r.serve()
	resp := post(t, t.Context(), url, "/v1/chat/completions", streamBody)
	keys.over.Store(true)
	r.endDeadKeys()
	body, _ := io.ReadAll(resp.Body)
	if !strings.Contains(string(body), "key_expired") {
		t.Errorf("%s", body[max(0, len(body)-300):])
	}
	if e := r.next(); e.Kind != llm.KeyDisabled {
		t.Errorf("%+v", e)
	}
}

type expiringKeys struct {
	*fakeKeys
	over atomic.Bool
}

func (k *expiringKeys) Ended(*db.Key) *llm.Error {
	if !k.over.Load() {
		return nil
	}
	return &llm.Error{Kind: llm.KeyDisabled, Status: http.StatusForbidden, Code: "key_expired", Message: "The key expired. Make another."}
}
