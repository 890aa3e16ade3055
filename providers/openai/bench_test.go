package openai

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
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
	c := &Client{o: Options{Name: "lab", Now: time.Now}}
	c.o.clocks()
	x := &exchange{c: c, model: "m", obs: nobody{}, ask: asked{llm.Chat, true, false, 1}}
	x.clock = wire.NewClock(context.Background(), time.Hour, x.late)
	x.resp = &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(&again{chunk: chunk})}
	s := newStream(x)
	defer s.Close()
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

// again is a stream of one chunk for ever.
type again struct{ chunk string }

func (a *again) Read(b []byte) (int, error) { return copy(b, a.chunk), nil }
