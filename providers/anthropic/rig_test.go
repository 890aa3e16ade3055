package anthropic

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"localrouter/providers/catalog"
	"localrouter/providers/llm"
	"localrouter/providers/sse"
	"localrouter/providers/wire"
)

// golden is one case of the index.
type golden struct {
	Dialect, Case, Path string
	Status              int
	Files               []string
	Expect              struct {
		Text, Reasoning, Signature, Stop string
		JSON                             any `json:"json"`
		Usage                            *struct {
			Input, Output, Reasoning int64
			CacheRead                int64 `json:"cache_read"`
			CacheWrite               int64 `json:"cache_write"`
		}
		Calls []struct {
			Name      string
			Arguments any
		} `json:"tool_calls"`
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

func (g *golden) op() llm.Op {
	if strings.HasSuffix(g.Path, "count_tokens") {
		return llm.CountTokens
	}
	return llm.Chat
}

// scan reads a request as the server does.
func scan(t testing.TB, op llm.Op, body string) *llm.Request {
	t.Helper()
	req, err := NewCodec().Scan(op, "/messages", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// decode reads a request into the neutral language.
func decode(t testing.TB, body string) *llm.Conversation {
	t.Helper()
	req := scan(t, llm.Chat, body)
	c, err := NewCodec().Decode(req)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// uses lists what a conversation makes use of, as "name of the feature: field".
func uses(c *llm.Conversation) (list []string) {
	for _, u := range c.Uses {
		list = append(list, u.Feature.String()+": "+u.Field)
	}
	slices.Sort(list)
	return list
}

// order asks for c of a model as routing does, in the name of an application of another dialect.
func order(c *llm.Conversation, id string, m *llm.Model) *llm.Order {
	req := &llm.Request{Dialect: llm.OpenAI, Op: llm.Chat, Path: "/chat/completions", Conversation: c}
	return &llm.Order{Request: req, ID: id, Model: m, Plan: llm.Plan(req, Features(), m)}
}

// request spells c and reads it back as JSON.
func request(t testing.TB, o *llm.Order, remembered func(string) *kept) (map[string]any, *spelled) {
	t.Helper()
	if o.Plan.Refused != nil {
		t.Fatalf("the plan refuses it: %v", o.Plan.Refused)
	}
	sp, err := spell(o, remembered)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(sp.body, &v); err != nil {
		t.Fatalf("%v in %s", err, sp.body)
	}
	return v, sp
}

// has compares a part of a JSON value with what it shall be: "messages.0.content.1" and its JSON, "" for not there.
func expect(t testing.TB, v any, path, want string) {
	t.Helper()
	for _, step := range strings.Split(path, ".") {
		switch c := v.(type) {
		case map[string]any:
			v = c[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(c) {
				v = nil
			} else {
				v = c[i]
			}
		default:
			v = nil
		}
	}
	if want == "" {
		if v != nil {
			t.Errorf("%s is %s, and should not be there", path, compact(v))
		}
		return
	}
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if got := compact(v); got != compact(w) {
		t.Errorf("%s is\n\t%s, want\n\t%s", path, got, compact(w))
	}
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// answer is what a decoder told.
type answer struct {
	ID, Model, Text, Thinking, Signature, Refusal, Stop, Word string
	Reason                                                    llm.Reason
	Usage                                                     llm.Usage
	Calls                                                     []called
	Opaque, Cited                                             []string

	err   *llm.Error
	ended bool
}

type called struct {
	ID, Name, Args string
	Custom, Ended  bool
}

func (a *answer) take(t testing.TB, list []llm.Event) {
	t.Helper()
	for i := range list {
		e := &list[i]
		if !wire.Sound(e.Text) {
			t.Errorf("the text %q is not well-formed", e.Text)
		}
		switch e.Kind {
		case llm.EventStart:
			a.ID, a.Model, a.Usage = e.ID, e.Name, e.Usage
		case llm.EventText:
			a.Text += wire.Meaning(e.Text)
		case llm.EventThinking:
			a.Thinking += wire.Meaning(e.Text)
		case llm.EventSignature:
			a.Signature += wire.Meaning(e.Text)
		case llm.EventRefusal:
			a.Refusal += wire.Meaning(e.Text)
		case llm.EventToolCall:
			if e.Index != len(a.Calls) {
				t.Errorf("call %d has the index %d", len(a.Calls), e.Index)
			}
			a.Calls = append(a.Calls, called{ID: e.ID, Name: e.Name, Custom: e.Custom})
		case llm.EventArguments:
			a.Calls[e.Index].Args += wire.Meaning(e.Text)
		case llm.EventToolEnd:
			a.Calls[e.Index].Ended = true
		case llm.EventOpaque:
			a.Opaque = append(a.Opaque, string(e.Raw))
		case llm.EventCitation:
			a.Cited = append(a.Cited, string(e.Raw))
		case llm.EventUsage:
			a.Usage = e.Usage
		case llm.EventFinish:
			a.Reason, a.Stop, a.Word = e.Reason, wire.Meaning(e.Text), e.Name
		}
	}
}

// hearStream decodes a stream.
func hearStream(t testing.TB, sp *spelled, body string) *answer {
	t.Helper()
	a, d := &answer{}, newDecoder(sp)
	events(t, body, func(name, data []byte) bool {
		list, err := d.Event(nil, name, data)
		a.take(t, list)
		if err == io.EOF {
			a.ended = true
			return false
		}
		a.err, _ = errors.AsType[*llm.Error](err)
		return err == nil
	})
	return a
}

// hearWhole decodes a whole reply.
func hearWhole(t testing.TB, sp *spelled, body string) *answer {
	t.Helper()
	a := &answer{}
	list, err := newDecoder(sp).Whole(nil, []byte(body))
	a.take(t, list)
	a.err, _ = errors.AsType[*llm.Error](err)
	a.ended = err == nil
	return a
}

// events takes a stream apart.
func events(t testing.TB, body string, visit func(name, data []byte) bool) {
	t.Helper()
	var s sse.Scanner
	for b := []byte(body); ; {
		e, n, ok := s.Next(b)
		if !ok {
			if len(b) > 0 {
				t.Errorf("the stream ends with %q", b)
			}
			return
		}
		if b = b[n:]; e.Data != nil && !visit(e.Name, e.Data) {
			return
		}
	}
}

// spellAnswer encodes events.
func spellAnswer(list []llm.Event, stream bool, a llm.Answered) string {
	enc := NewCodec().Encoder(&llm.Request{Stream: stream}, a)
	var b []byte
	for i := range list {
		b = enc.Append(b, &list[i])
	}
	return string(enc.End(b))
}

// checkStream holds a stream against the grammar of the dialect: one message, blocks in order, none within another, each
// delta of its block's type, inputs that are JSON where whole is set.
func checkStream(t testing.TB, body string, objects bool) {
	t.Helper()
	open, next, state, kind, input := -1, 0, 0, "", ""
	events(t, body, func(name, data []byte) bool {
		var e struct {
			Type    string
			Index   int
			Message map[string]any
			Block   struct{ Type string } `json:"content_block"`
			Delta   map[string]any
			Usage   map[string]any
		}
		if err := json.Unmarshal(data, &e); err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if e.Type != string(name) {
			t.Fatalf("event %q is called %q", e.Type, name)
		}
		bad := false
		switch e.Type {
		case "message_start":
			bad = state != 0 || e.Message["role"] != "assistant" || e.Message["usage"] == nil
			state = 1
		case "content_block_start":
			bad = state != 1 || open >= 0 || e.Index != next || e.Block.Type == ""
			open, next, kind, input = e.Index, next+1, e.Block.Type, ""
		case "content_block_delta":
			bad = open < 0 || e.Index != open
			switch e.Delta["type"] {
			case "text_delta", "citations_delta":
				bad = bad || kind != "text"
			case "thinking_delta", "signature_delta":
				bad = bad || kind != "thinking"
			case "input_json_delta":
				bad = bad || kind != "tool_use"
				s, _ := e.Delta["partial_json"].(string)
				input += s
			default:
				bad = true
			}
		case "content_block_stop":
			bad = open < 0 || e.Index != open
			if kind == "tool_use" && objects && !wire.IsObject([]byte(input)) {
				t.Fatalf("the input %q is not an object in\n%s", input, body)
			}
			open = -1
		case "message_delta":
			bad = state != 1 || open >= 0 || e.Usage == nil || e.Delta["stop_reason"] == nil
			state = 2
		case "message_stop":
			bad = state != 2
			state = 3
		default:
			bad = true
		}
		if bad {
			t.Fatalf("%s comes out of turn in\n%s", data, body)
		}
		return true
	})
	if state != 3 {
		t.Fatalf("the stream does not end:\n%s", body)
	}
}

// about is what is known of a Claude but for its sizes.
func about(id string) *llm.Model {
	m := catalog.Facts("anthropic", id)
	if m != nil {
		m.ContextLength, m.MaxOutput = 0, 0
	}
	return m
}
