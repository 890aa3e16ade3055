package upstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"localrouter/providers/anthropic"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/upstream"
)

// TestAStreamWithoutItsEndMark: not every server of the OpenAI dialect sends [DONE]. What has named its finish and ended
// properly is complete; all else may not be, and Anthropic's applications want the end mark itself.
func TestAStreamWithoutItsEndMark(t *testing.T) {
	const (
		text   = `data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}` + "\n\n"
		finish = `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
		claude = "event: message_start\ndata: " + `{"type":"message_start","message":{"id":"c","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}` + "\n\n" +
			"event: content_block_start\ndata: " + `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n" +
			"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}` + "\n\n" +
			"event: message_delta\ndata: " + `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}` + "\n\n"
	)
	for name, c := range map[string]struct {
		provider llm.Dialect
		body     io.Reader
		clean    bool
	}{
		"finish, then the end":          {llm.OpenAI, strings.NewReader(text + finish), true},
		"finish without its blank line": {llm.OpenAI, strings.NewReader(text + strings.TrimRight(finish, "\n")), true},
		"finish, then a broken line":    {llm.OpenAI, io.MultiReader(strings.NewReader(text+finish), resets{}), false},
		"no finish":                     {llm.OpenAI, strings.NewReader(text), false},
		"half a finish":                 {llm.OpenAI, strings.NewReader(text + finish[:len(finish)-9]), false},
		"nothing but a finish":          {llm.OpenAI, strings.NewReader(finish), true},
		"Anthropic's finish":            {llm.Anthropic, strings.NewReader(claude), false},
	} {
		for _, raw := range []bool{true, false} {
			body := c.body
			if s, ok := body.(*strings.Reader); ok {
				s.Seek(0, io.SeekStart)
			} else {
				body = io.MultiReader(strings.NewReader(text+finish), resets{})
			}
			out, err := answered(t, c.provider, body, raw)
			if (err == io.EOF) != c.clean {
				t.Errorf("%s, raw %v: %v after %q", name, raw, err, out)
			}
			if !raw && c.clean && !strings.Contains(out, "message_stop") {
				t.Errorf("%s: the application sees no end: %q", name, out)
			}
		}
	}
}

// answered asks a provider that answers with body, by an application of its own dialect or of the other.
func answered(t *testing.T, dialect llm.Dialect, body io.Reader, raw bool) (string, error) {
	t.Helper()
	o := upstream.Options{Name: "p", BaseURL: "http://127.0.0.1/v1", Trip: func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(body)}, nil
	}}
	codecs := map[llm.Dialect]llm.Codec{llm.OpenAI: openai.NewCodec(), llm.Anthropic: anthropic.NewCodec()}
	var p llm.Provider
	var err error
	app, features := llm.Anthropic, openai.Features()
	if dialect == llm.OpenAI {
		p, err = openai.New(openai.Options{Options: o})
	} else {
		app, features = llm.OpenAI, anthropic.Features()
		p, err = anthropic.New(anthropic.Options{Options: o})
	}
	if err != nil {
		t.Fatal(err)
	}
	if raw {
		app = dialect
	}
	req, err := codecs[app].Scan(llm.Chat, "/x", []byte(`{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var relay llm.Relay
	if raw {
		relay, err = p.Send(context.Background(), req, "m", nobody{})
	} else {
		if req.Conversation, err = codecs[app].Decode(req); err != nil {
			t.Fatal(err)
		}
		var s llm.Stream
		s, err = p.Converse(context.Background(), &llm.Order{Request: req, ID: "m", Plan: llm.Plan(req, features, nil)}, nobody{})
		if err == nil {
			relay = llm.Translated(s, codecs[app].Encoder(req, llm.Answered{Provider: "p", Model: "m", ID: "x"}), false)
		}
	}
	if err != nil {
		return "", err
	}
	defer relay.Close()
	var out strings.Builder
	for {
		b, err := relay.Next()
		out.Write(b)
		if err != nil {
			return out.String(), err
		}
	}
}

// resets is a connection that breaks.
type resets struct{}

func (resets) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }
