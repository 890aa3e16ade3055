package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/providertest"
	"localrouter/providers/upstream"
)

// heard keeps what an Observer is told, and notices what it must never be told.
type heard struct {
	t  *testing.T
	mu sync.Mutex

	committed, finished, failed int
	usage                       llm.Usage
	finish                      string
	failure                     *llm.Error
}

func (h *heard) Committed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.committed++
	if h.committed > 1 || h.failed > 0 {
		h.t.Error("Committed came twice or after Failed")
	}
}

func (h *heard) Usage(u llm.Usage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.usage = u
}

func (h *heard) Finish(reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.finished++; h.finished > 1 {
		h.t.Error("Finish came twice")
	}
	h.finish = reason
}

func (h *heard) Failed(e *llm.Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failed++; h.failed > 1 {
		h.t.Error("Failed came twice")
	}
	h.failure = e
}

// newClient makes a client of an upstream. more changes its options.
func newClient(t testing.TB, u *providertest.Upstream, more ...func(*Options)) *Client {
	t.Helper()
	o := Options{Options: upstream.Options{Name: "lab", BaseURL: u.URL, Key: "sk-upstream", Now: time.Now}}
	for _, f := range more {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// scan reads a request as the server does.
func scan(t testing.TB, op llm.Op, path, body string) *llm.Request {
	t.Helper()
	req, err := NewCodec().Scan(op, path, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

const (
	streamed = `{"model":"lab/m","stream":true,"messages":[{"role":"user","content":"hi"}]}`
	plain    = `{"model":"lab/m","messages":[{"role":"user","content":"hi"}]}`

	head1 = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
	text1 = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüße 🌍\"},\"finish_reason\":null}]}\n\n"
	stop1 = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	used1 = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}\n\n"
	done1 = "data: [DONE]\n\n"
)

// answer is what came of one attempt.
type answer struct {
	head llm.Head
	body string
	err  *llm.Error // nil: a clean end
	heard
}

// ask makes one attempt and reads it to its end.
func ask(t *testing.T, c *Client, req *llm.Request) *answer {
	t.Helper()
	return askWith(context.Background(), t, c, req)
}

func askWith(ctx context.Context, t *testing.T, c *Client, req *llm.Request) *answer {
	t.Helper()
	a := &answer{}
	a.t = t
	relay, err := c.Send(ctx, req, "m", &a.heard)
	if err != nil {
		a.err = llm.AsError(err)
		return a
	}
	defer relay.Close()
	var b strings.Builder
	for {
		chunk, err := relay.Next()
		b.Write(chunk)
		if err == io.EOF {
			break
		}
		if err != nil {
			e, ok := errors.AsType[*llm.Error](err)
			if !ok {
				t.Fatalf("Next failed with %T %v, not an *llm.Error", err, err)
			}
			a.err = e
			break
		}
	}
	a.head, a.body = relay.Head(), b.String()
	if (a.err != nil) != (a.failed == 1) {
		t.Errorf("the relay ended with %v, and Failed was called %d times", a.err, a.failed)
	}
	return a
}

// golden is one case of the index.
type golden struct {
	Dialect, Case, Path string
	Status              int
	Headers             map[string]string
	Files               []string
	Expect              struct {
		Text, Reasoning, Refusal, Stop string
		Cost                           float64
		Usage                          *struct {
			Input, Output, Reasoning int64
			CacheRead                int64 `json:"cache_read"`
		}
		Error map[string]any
	}
}

func goldens(t testing.TB) (list []golden) {
	t.Helper()
	b, err := os.ReadFile("testdata/golden/index.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// file reads one file of a case; ok is false where the case has none.
func (g *golden) file(t testing.TB, kind string) (string, bool) {
	t.Helper()
	if !slices.Contains(g.Files, kind) {
		return "", false
	}
	ext := ".json"
	if kind == "stream" {
		ext = ".txt"
	}
	b, err := os.ReadFile(filepath.Join("testdata/golden", g.Dialect, g.Case+"."+kind+ext))
	if err != nil {
		t.Fatal(err)
	}
	return string(b), true
}

func (g *golden) op() (llm.Op, string) {
	switch g.Dialect {
	case "openai-completions":
		return llm.Completions, "/completions"
	case "openai-embeddings":
		return llm.Embeddings, "/embeddings"
	}
	return llm.Chat, "/chat/completions"
}
