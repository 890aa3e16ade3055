package upstream_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/tokens"
	"localrouter/providers/upstream"
)

// counted keeps the last count that an observer was told.
type counted struct {
	nobody
	usage llm.Usage
}

func (c *counted) Usage(u llm.Usage) { c.usage = u }

// TestAProviderThatCountsNothingIsCountedByATokenizer: the first answer without usage is counted by its length; from
// then on the texts are counted as the model would, streamed and whole, within the dialect.
func TestAProviderThatCountsNothingIsCountedByATokenizer(t *testing.T) {
	const said = "敏捷的棕色狐狸跳过了懒狗。\\n敏捷的棕色狐狸跳过了懒狗。"
	text := strings.ReplaceAll(said, "\\n", "\n")
	stream := `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	for _, r := range []string{"敏捷的棕色", "狐狸跳过了懒狗。\\n敏捷的", "棕色狐狸跳过了懒狗。"} {
		stream += `data: {"choices":[{"index":0,"delta":{"content":"` + r + `"},"finish_reason":null}]}` + "\n\n"
	}
	stream += `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
	whole := `{"choices":[{"index":0,"message":{"role":"assistant","content":"` + said + `"},"finish_reason":"stop"}]}`

	streamed := true
	p, err := openai.New(openai.Options{Options: upstream.Options{Name: "p", BaseURL: "http://127.0.0.1/v1", Count: tokens.Count, Trip: func(*http.Request) (*http.Response, error) {
		if streamed {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(strings.NewReader(stream))}, nil
		}
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(whole))}, nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func() llm.Usage {
		t.Helper()
		body := `{"model":"m","stream":true,"messages":[{"role":"user","content":"` + said + `"}]}`
		if !streamed {
			body = strings.Replace(body, "true", "false", 1)
		}
		req, err := openai.NewCodec().Scan(llm.Chat, "/chat/completions", []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		var c counted
		relay, err := p.Send(context.Background(), req, "m", &c)
		if err != nil {
			t.Fatal(err)
		}
		defer relay.Close()
		for err == nil {
			_, err = relay.Next()
		}
		if err != io.EOF || !c.usage.Estimated {
			t.Fatalf("%v, %+v", err, c.usage)
		}
		return c.usage
	}
	exact := int64(tokens.Count([]byte(text)))
	if first := ask(); first.Output < exact/3 || first.Output > exact*3 {
		t.Errorf("by length %d tokens, by the tokenizer %d", first.Output, exact)
	}
	for _, streamed = range []bool{true, false} {
		if u := ask(); u.Output < exact || u.Output > exact+1 || u.Input < exact || u.Input > exact+12 {
			t.Errorf("streamed %v: %d tokens in and %d out, want about %d", streamed, u.Input, u.Output, exact)
		}
	}
}
