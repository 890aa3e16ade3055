package sdktest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// asError is err as the SDK's own type, which is what applications switch on.
func asError(t *testing.T, err error) *openai.Error {
	t.Helper()
	e, ok := errors.AsType[*openai.Error](err)
	if !ok {
		t.Fatalf("not an *openai.Error: %v", err)
	}
	return e
}

func TestFailuresAreTyped(t *testing.T) {
	const refused = `{"error":{"message":"temperature is too hot","type":"invalid_request_error","param":"temperature","code":"too_hot","x":1.0}}`
	const busy = `{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}`
	const broken = `{"error":{"message":"the model fell over","type":"server_error","param":null,"code":null}}`
	for _, c := range []struct {
		name    string
		answer  func(http.ResponseWriter, *http.Request, []byte)
		model   string
		options []option.RequestOption
		status  int
		code    string // empty: any
		message string // a part of it
		asIs    string // the provider's own body
		reaches bool   // the provider
	}{
		{name: "an unknown key", options: []option.RequestOption{option.WithAPIKey("lr-unknown")}, status: 401, code: "invalid_api_key"},
		{name: "an unknown model", model: "nobody-has-this", status: 404, code: "model_not_found", message: "nobody-has-this"},
		{name: "broken JSON", options: []option.RequestOption{option.WithRequestBody("application/json", []byte(`{"model":"up/plain",,}`))}, status: 400},
		{name: "a model named twice", options: []option.RequestOption{option.WithRequestBody("application/json", []byte(`{"model":"up/plain","Model":"up/embedder","messages":[]}`))}, status: 400},
		{name: "a request without a model", options: []option.RequestOption{option.WithRequestBody("application/json", []byte(`{"messages":[]}`))}, status: 400},
		{name: "another content type", options: []option.RequestOption{option.WithRequestBody("text/plain", []byte(`{"model":"up/plain","messages":[]}`))}, status: 415},
		{name: "the provider refuses the request", answer: whole(400, refused), status: 400, code: "too_hot", message: "temperature is too hot", asIs: refused, reaches: true},
		{name: "the provider is busy", answer: whole(429, busy, "Retry-After", "7"), status: 429, code: "rate_limit_exceeded", asIs: busy, reaches: true},
		{name: "the provider fails", answer: whole(500, broken), status: 500, message: "the model fell over", asIs: broken, reaches: true},
		{name: "the provider refuses our credential", answer: whole(401, `{"error":{"message":"bad key","code":"invalid_api_key"}}`), status: 502, code: "provider_auth", reaches: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			up.answers(t, c.answer)
			params := hello()
			if c.model != "" {
				params.Model = c.model
			}
			var resp *http.Response
			sdk := client()
			_, err := sdk.Chat.Completions.New(t.Context(), params, append(c.options, option.WithResponseInto(&resp))...)
			e := asError(t, err)
			if e.StatusCode != c.status || c.code != "" && e.Code != c.code || e.Message == "" || !strings.Contains(e.Message, c.message) {
				t.Errorf("got status %d, code %q, type %q, message %q", e.StatusCode, e.Code, e.Type, e.Message)
			}
			if c.asIs != "" && !strings.Contains(c.asIs, e.RawJSON()) {
				t.Errorf("the provider's words were changed: %s", e.RawJSON())
			}
			if reached := up.count() > 0; reached != c.reaches {
				t.Errorf("reached the provider: %v, want %v", reached, c.reaches)
			}
			if c.status == 429 && e.Response.Header.Get("Retry-After") != "7" {
				t.Errorf("Retry-After is %q", e.Response.Header.Get("Retry-After"))
			}
		})
	}
}

func TestABrokenStreamIsAnError(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, []byte){
		"no end mark":    streamed(strings.SplitAfter(deltas, "\n\n")[0]+strings.SplitAfter(deltas, "\n\n")[1], 1<<20),
		"an error event": streamed(deltas+`data: {"error":{"message":"the model fell over","type":"server_error","code":null}}`+"\n\n", 1<<20),
		"a dropped connection": func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, deltas)
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			up.answers(t, answer)
			c := client()
			stream := c.Chat.Completions.NewStreaming(t.Context(), hello())
			defer stream.Close()
			for stream.Next() {
			}
			if stream.Err() == nil {
				t.Error("the SDK took it for a whole answer")
			}
		})
	}
}

func TestLeavingReachesTheProviderWithin200ms(t *testing.T) {
	first := strings.SplitAfter(deltas, "\n\n")
	for _, c := range []struct {
		name     string
		sent     string // by the provider before it stalls
		streamed bool
	}{
		{"in the middle of a stream", first[0] + first[1], true},
		{"before the first byte of a stream", "", true},
		{"while waiting for a whole answer", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, reached, gone := stalls(c.sent)
			up.answers(t, answer)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			ended, content := make(chan struct{}), make(chan struct{}, 16)
			go func() {
				defer close(ended)
				sdk := client()
				if !c.streamed {
					sdk.Chat.Completions.New(ctx, hello())
					return
				}
				stream := sdk.Chat.Completions.NewStreaming(ctx, hello())
				defer stream.Close()
				for stream.Next() {
					content <- struct{}{}
				}
			}()
			<-reached
			if c.sent != "" {
				<-content
			}
			left := time.Now()
			leave()
			select {
			case at := <-gone:
				if took := at.Sub(left); took > 200*time.Millisecond {
					t.Errorf("the provider was left working for %v", took)
				}
			case <-time.After(5 * time.Second):
				t.Error("the provider was never told")
			}
			<-ended
		})
	}
}
