package upstream_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"localrouter/providers/anthropic"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/upstream"
)

// nobody observes.
type nobody struct{}

func (nobody) Committed()        {}
func (nobody) Usage(llm.Usage)   {}
func (nobody) Finish(string)     {}
func (nobody) Failed(*llm.Error) {}

// TestHalvesOfPairsArrive: a stream may cut a surrogate pair in two. Both halves arrive in the other dialect as they
// were, for applications put them together again; a whole reply has the pair.
func TestHalvesOfPairsArrive(t *testing.T) {
	frame := func(list ...string) string { return "data: " + strings.Join(list, "\n\ndata: ") + "\n\n" }
	openaiTrip := frame(
		`{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a\ud83d"}}]}`, `{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"\ude00b"}}]}`,
		`{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\":\"\ud83d"}}]}}]}`,
		`{"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\ude00\"}"}}]}}]}`,
		`{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`, `[DONE]`)
	anthropicTrip := frame(
		`{"type":"message_start","message":{"id":"c","model":"m","content":[]}}`, `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\ud83d"}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ude00b"}}`, `{"type":"content_block_stop","index":0}`,
		`{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"1","name":"f","input":{}}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\":\"\ud83d"}}`, `{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"\ude00\"}"}}`, `{"type":"content_block_stop","index":1}`,
		`{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}`, `{"type":"message_stop"}`)
	for _, c := range []struct {
		name     string
		codec    llm.Codec
		features *llm.Features
		request  string
		connect  func(upstream.Options) (llm.Provider, error)
		answer   string
		want     []string // of the stream
		whole    []string
	}{
		{"an OpenAI provider's", anthropic.NewCodec(), openai.Features(), `{"model":"p/m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f","input_schema":{"type":"object"}}]}`,
			func(o upstream.Options) (llm.Provider, error) { return openai.New(openai.Options{Options: o}) }, openaiTrip,
			[]string{`"text":"a\ud83d"`, `"text":"\ude00b"`, `"partial_json":"{\"x\":\"\ud83d"`, `"partial_json":"\ude00\"}"`}, []string{`"text":"a\ud83d\ude00b"`, `"input":{"x":"😀"}`}},
		{"an Anthropic provider's", openai.NewCodec(), anthropic.Features(), `{"model":"p/m","stream":true,"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]}`,
			func(o upstream.Options) (llm.Provider, error) { return anthropic.New(anthropic.Options{Options: o}) }, anthropicTrip,
			[]string{`"content":"a\ud83d"`, `"content":"\ude00b"`, `"arguments":"{\"x\":\"\ud83d"`, `"arguments":"\ude00\"}"`}, []string{`"content":"a\ud83d\ude00b"`, `"arguments":"{\"x\":\"\ud83d\ude00\"}"`}},
	} {
		for _, whole := range []bool{false, true} {
			request, want := c.request, c.want
			if whole {
				request, want = strings.Replace(request, `"stream":true`, `"stream":false`, 1), c.whole
			}
			p, err := c.connect(upstream.Options{Name: "p", BaseURL: "http://127.0.0.1/v1", Trip: func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(strings.NewReader(c.answer))}, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			out := translated(t, p, c.codec, c.features, request, whole)
			at := 0
			for _, piece := range want {
				i := strings.Index(out[at:], piece)
				if i < 0 {
					t.Errorf("%s answer lacks %s:\n%s", c.name, piece, out)
					break
				}
				at += i
			}
		}
	}
}

// translated asks p what an application of codec's dialect asks, and reads the answer as it does.
func translated(t *testing.T, p llm.Provider, codec llm.Codec, features *llm.Features, request string, whole bool) string {
	t.Helper()
	req, err := codec.Scan(llm.Chat, "/", []byte(request))
	if err != nil {
		t.Fatal(err)
	}
	if req.Conversation, err = codec.Decode(req); err != nil {
		t.Fatal(err)
	}
	s, err := p.Converse(context.Background(), &llm.Order{Request: req, ID: "m", Plan: llm.Plan(req, features, nil)}, nobody{})
	if err != nil {
		t.Fatal(err)
	}
	relay := llm.Translated(s, codec.Encoder(req, llm.Answered{Provider: "p", Model: "m", ID: "x"}), whole)
	defer relay.Close()
	var out strings.Builder
	for {
		b, err := relay.Next()
		out.Write(b)
		if err == io.EOF {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
