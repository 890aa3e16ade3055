package openai

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/upstream"
)

var (
	body2K = []byte(`{"model":"lab/m","stream":true,"messages":[{"role":"user","content":"` + strings.Repeat("some words ", 180) + `"}]}`)
	body2M = []byte(`{"model":"lab/m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("iVBORw0K", 250_000) + `"}}]}]}`)
)

func benchScan(b *testing.B, body []byte) {
	codec := NewCodec()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.Scan(llm.Chat, "/chat/completions", body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScan2K(b *testing.B) { benchScan(b, body2K) }
func BenchmarkScan2M(b *testing.B) { benchScan(b, body2M) }

func BenchmarkSplice(b *testing.B) {
	req, err := NewCodec().Scan(llm.Chat, "/chat/completions", body2K)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		spliced(req, "m", true)
	}
}

// nobody observes for a benchmark.
type nobody struct{}

func (nobody) Committed()        {}
func (nobody) Usage(llm.Usage)   {}
func (nobody) Finish(string)     {}
func (nobody) Failed(*llm.Error) {}

// BenchmarkRelayStream is what one chunk of a stream costs: read, framed, searched for usage, handed out.
func BenchmarkRelayStream(b *testing.B) {
	chunk := strings.Replace(text1, "Grüße 🌍", "some more words", 1)
	s, err := played(b, &again{chunk: chunk}).Send(context.Background(), scan(b, llm.Chat, "/chat/completions", streamed), "m", nobody{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

// played is a client whose provider answers with the event stream that body reads.
func played(t testing.TB, body io.Reader) *Client {
	c, err := New(Options{Options: upstream.Options{Name: "lab", BaseURL: "http://127.0.0.1/v1", Trip: func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(body)}, nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// again is a stream of one chunk for ever.
type again struct{ chunk string }

func (a *again) Read(b []byte) (int, error) { return copy(b, a.chunk), nil }
