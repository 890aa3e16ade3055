package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// FuzzScan: what is accepted is JSON to encoding/json too, its spans hold what they say, and the spliced body says what
// was decided.
func FuzzScan(f *testing.F) {
	for _, g := range goldens(f) {
		if body, ok := g.file(f, "request"); ok {
			f.Add([]byte(body))
		}
	}
	for _, seed := range []string{"", "{", `{"model":"a","model":"b"}`, `{"stream_options":{"include_usage":true},"model":"x","stream":true}`, `{"model":"\ud83d\ude00"}`, `{"a":[[[{}]]],"model":""}`, "{\"model\":\"\\u0000\"}", `{"model":1e999}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := NewCodec().Scan(llm.Chat, "/chat/completions", bytes.Clone(body))
		if err != nil {
			if e := llm.AsError(err); e.Kind != llm.BadRequest || e.Message == "" {
				t.Fatalf("%+v", e)
			}
			return
		}
		if !json.Valid(body) && valid(body) {
			t.Fatalf("accepted, and encoding/json does not: %q", body)
		}
		if req.ModelSpan.Found() {
			if s, ok := wire.Unquote(body[req.ModelSpan.Start:req.ModelSpan.End]); !ok || s != req.Model {
				t.Fatalf("the model is %q, its span holds %q", req.Model, body[req.ModelSpan.Start:req.ModelSpan.End])
			}
		}
		all, err := io.ReadAll(spliced(req, "new", true))
		if err != nil {
			t.Fatal(err)
		}
		if !valid(body) {
			return
		}
		var head struct {
			Model         string `json:"model"`
			StreamOptions struct {
				IncludeUsage bool `json:"include_usage"`
			} `json:"stream_options"`
		}
		if err := json.Unmarshal(all, &head); err == nil && (req.ModelSpan.Found() && head.Model != "new" || !head.StreamOptions.IncludeUsage) {
			t.Fatalf("%q\nbecame %q", body, all)
		}
	})
}

// valid leaves out what Scan does not look at: the inside of strings. It is the provider's to refuse those.
func valid(body []byte) bool {
	for _, c := range body {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return !bytes.ContainsRune(body, '\\') && !bytes.ContainsAny(body, "\n\r\t")
}

// FuzzStream relays any bytes as an event stream, in pieces of any size: it ends, it holds back nothing but usage, and
// tells of every failure.
func FuzzStream(f *testing.F) {
	for _, g := range goldens(f) {
		if body, ok := g.file(f, "stream"); ok {
			f.Add([]byte(body), uint8(7))
		}
	}
	f.Add([]byte(head1+text1+used1+done1), uint8(1))
	f.Add([]byte("data: {\"choices\":[{}],\"usage\":{}}\r\n\r\n: x\r\n\r\ndata:[DONE]"), uint8(3))
	f.Fuzz(func(t *testing.T, body []byte, size uint8) {
		h := &heard{t: t}
		s, err := played(t, &pieces{body, int(size) + 1}).Send(context.Background(), scan(t, llm.Chat, "/chat/completions", streamed), "m", h)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var out []byte
		for range len(body) + 10 {
			b, err := s.Next()
			out = append(out, b...)
			if err != nil {
				if err != io.EOF && h.failed != 1 {
					t.Fatalf("it failed with %v and told nobody", err)
				}
				if err == io.EOF && !strings.Contains(string(body), "[DONE]") && !strings.Contains(string(body), "finish_reason") {
					t.Fatal("a clean end without the end mark")
				}
				if len(out) > len(body)+2 {
					t.Fatalf("%d bytes became %d", len(body), len(out))
				}
				return
			}
		}
		t.Fatal("it does not end")
	})
}

// pieces reads so many bytes at a time.
type pieces struct {
	left []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[:min(p.size, len(p.left))])
	p.left = p.left[n:]
	return n, nil
}

// FuzzAnswer reads any bytes as a reply, an error and a model list.
func FuzzAnswer(f *testing.F) {
	for _, g := range goldens(f) {
		if body, ok := g.file(f, "response"); ok {
			f.Add([]byte(body))
		}
	}
	f.Add([]byte(`{"data":[{"id":"m","pricing":{"prompt":"1e400","completion":"-1"}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got facts
		got.read(body)
		if u := got.usage; u.Input < 0 || u.CacheRead < 0 || u.CacheWrite < 0 || u.Output < 0 || u.Reasoning > u.Output {
			t.Fatalf("usage %+v", u)
		}
		classify(500, hear(body))
		models, err := parseModels(body)
		if err != nil {
			return
		}
		for _, m := range models {
			if m.ID == "" || m.ContextLength < 0 || m.Price != nil && (m.Price.Input < 0 || m.Price.Output < 0) {
				t.Fatalf("%+v", m)
			}
		}
	})
}
