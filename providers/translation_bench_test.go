package providers

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

// repeated is a stream that begins and then says the same for ever.
type repeated struct {
	head []byte
	unit []byte
	left []byte
}

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	if len(r.left) == 0 {
		r.left = r.unit
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// chunk is one word of an answer in each dialect, and what comes before the first.
var chunk = map[llm.Dialect][2]string{
	llm.OpenAI: {`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n",
		`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" some words"},"finish_reason":null}]}` + "\n\n"},
	llm.Anthropic: {"event: message_start\ndata: " + `{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}` +
		"\n\nevent: content_block_start\ndata: " + `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n",
		"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" some words"}}` + "\n\n"},
}

// BenchmarkChunk is what a chunk of a stream costs on the raw and on the translated path: read, understood, spelled.
// The goal is at most twice the raw path (G11).
func BenchmarkChunk(b *testing.B) {
	for _, d := range directions {
		for _, raw := range []bool{true, false} {
			name := string(d.provider) + "=raw"
			if !raw {
				name = string(d.provider) + "=to=" + string(d.app)
			}
			b.Run(name, func(b *testing.B) {
				c := chunk[d.provider]
				relay := d.open(b, &repeated{head: []byte(c[0]), unit: []byte(c[1])}, raw)
				defer relay.Close()
				if _, err := relay.Next(); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := relay.Next(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// open sends the request of d, or where raw one of the provider's own dialect.
func (d *direction) open(b *testing.B, body io.Reader, raw bool) llm.Relay {
	b.Helper()
	p, err := d.connect(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(body)}, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	from := d
	if raw {
		for i := range directions {
			if directions[i].app == d.provider {
				from = &directions[i]
			}
		}
	}
	req, err := from.codec.Scan(llm.Chat, from.path, []byte(from.request))
	if err != nil {
		b.Fatal(err)
	}
	if raw {
		relay, err := p.Send(context.Background(), req, "m", nobody{})
		if err != nil {
			b.Fatal(err)
		}
		return relay
	}
	if req.Conversation, err = d.codec.Decode(req); err != nil {
		b.Fatal(err)
	}
	stream, err := p.Converse(context.Background(), &llm.Order{Request: req, ID: "m", Plan: llm.Plan(req, d.features, nil)}, nobody{})
	if err != nil {
		b.Fatal(err)
	}
	return llm.Translated(stream, d.codec.Encoder(req, llm.Answered{Provider: "p", Model: "m", ID: "x"}), false)
}

// BenchmarkRequest is what it costs to understand a request and spell it in the other dialect, against handing its bytes
// on: 2 KB of text, and a picture of 2 MB, which is copied once.
func BenchmarkRequest(b *testing.B) {
	picture := strings.Repeat("iVBORw0K", 250_000)
	bodies := map[llm.Dialect]map[string]string{
		llm.OpenAI: {
			"2K": `{"model":"p/m","messages":[{"role":"system","content":"Be short."},{"role":"user","content":"` + strings.Repeat("some words ", 180) + `"}]}`,
			"2M": `{"model":"p/m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + picture + `"}}]}]}`},
		llm.Anthropic: {
			"2K": `{"model":"p/m","max_tokens":99,"system":"Be short.","messages":[{"role":"user","content":"` + strings.Repeat("some words ", 180) + `"}]}`,
			"2M": `{"model":"p/m","max_tokens":99,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + picture + `"}}]}]}`},
	}
	for _, size := range []string{"2K", "2M"} {
		for _, d := range directions {
			for _, raw := range []bool{true, false} {
				name := size + "/" + string(d.app) + "=raw"
				if !raw {
					name = size + "/" + string(d.app) + "=to=" + string(d.provider)
				}
				b.Run(name, func(b *testing.B) { d.sendOver(b, []byte(bodies[d.app][size]), raw) })
			}
		}
	}
}

func (d *direction) sendOver(b *testing.B, body []byte, raw bool) {
	var sent int64
	trip := func(r *http.Request) (*http.Response, error) {
		sent, _ = io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: 500, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil))}, nil
	}
	to := d
	if raw {
		for i := range directions {
			if directions[i].provider == d.app {
				to = &directions[i]
			}
		}
	}
	p, err := to.connect(trip)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		req, err := d.codec.Scan(llm.Chat, d.path, body)
		if err != nil {
			b.Fatal(err)
		}
		if raw {
			p.Send(context.Background(), req, "m", nobody{})
			continue
		}
		if req.Conversation, err = d.codec.Decode(req); err != nil {
			b.Fatal(err)
		}
		p.Converse(context.Background(), &llm.Order{Request: req, ID: "m", Plan: llm.Plan(req, d.features, nil)}, nobody{})
	}
	if sent < int64(len(body))*9/10 {
		b.Fatalf("%d bytes became %d", len(body), sent)
	}
}
