package anthropic

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"localrouter/providers/llm"
)

func keeping(key, model, call string, blocks ...[]byte) *kept {
	return &kept{at: place{key, model, call}, before: blocks}
}

func TestMemoryTellsNobodyElse(t *testing.T) {
	var m memory
	m.put(keeping("k1", "m", "a", []byte("x")))
	if m.get("k1", "m", "a") == nil {
		t.Error("it is not there")
	}
	if m.get("k2", "m", "a") != nil || m.get("k1", "n", "a") != nil || m.get("k1", "m", "c") != nil {
		t.Error("it is given to another key, model or call")
	}
	m.put(keeping("k1", "m", "a", []byte("y")))
	if got := m.get("k1", "m", "a"); len(got.before) != 1 || string(got.before[0]) != "y" {
		t.Errorf("%q", got.before)
	}
	m.put(keeping("k1", "m", "z"))
	if m.get("k1", "m", "z") != nil {
		t.Error("nothing was kept as something")
	}
}

// TestMemoryMendsHalves: what is kept goes back to Anthropic, which refuses half of a pair.
func TestMemoryMendsHalves(t *testing.T) {
	var m memory
	r := m.record("k", "m", 0)
	for _, s := range []string{`\ud83d`, `\ude00`, `\ud83d`} {
		r.see(&llm.Event{Kind: llm.EventThinking, Text: llm.Text(s)})
	}
	r.see(&llm.Event{Kind: llm.EventSignature, Text: llm.Text("s")})
	r.see(&llm.Event{Kind: llm.EventToolCall, ID: "a"})
	if got := m.get("k", "m", "a").before; len(got) != 1 || string(got[0]) != `{"type":"thinking","thinking":"\ud83d\ude00\ufffd","signature":"s"}` {
		t.Errorf("%q", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m memory
	m.put(keeping("k", "m", "used", []byte("x")))
	for i := range maxKept + 100 {
		m.put(keeping("k", "m", fmt.Sprint(i), []byte("x")))
		m.get("k", "m", "used")
	}
	if m.order.Len() > maxKept || len(m.index) != m.order.Len() || m.get("k", "m", "used") == nil || m.get("k", "m", "0") != nil {
		t.Errorf("%d kept, %d known", m.order.Len(), len(m.index))
	}
	big := bytes.Repeat([]byte("x"), 1<<20)
	for i := range 40 {
		m.put(keeping("k", "m", fmt.Sprint("big", i), big))
	}
	if m.bytes > maxKeptBytes || m.order.Len() > 16 {
		t.Errorf("%d bytes of %d answers", m.bytes, m.order.Len())
	}
	m.put(keeping("k", "m", "huge", bytes.Repeat(big, 5)))
	if m.get("k", "m", "huge") != nil || m.order.Len() == 0 {
		t.Error("one answer pushed out all others")
	}
	for m.order.Len() > 0 {
		m.dropLocked(m.order.Back())
	}
	if m.bytes != 0 || len(m.index) != 0 {
		t.Errorf("%d bytes and %d places are left of nothing", m.bytes, len(m.index))
	}
}

func TestMemoryInManyHands(t *testing.T) {
	var m memory
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 500 {
				m.put(keeping("k", "m", fmt.Sprint(i, j), []byte("x")))
				m.get("k", "m", fmt.Sprint(j))
			}
		})
	}
	wg.Wait()
}

// TestThinkingIsRecorded: what led to a call is found by its id; what has no signature, or belongs to nobody, is not kept.
func TestThinkingIsRecorded(t *testing.T) {
	var m memory
	r := m.record("k", "claude", 7)
	thinks := func(i int, s, sign string) {
		r.see(&llm.Event{Kind: llm.EventThinking, Index: i, Text: llm.Text(s)})
		if sign != "" {
			r.see(&llm.Event{Kind: llm.EventSignature, Index: i, Text: llm.Text(sign)})
		}
	}
	thinks(0, `a\n`, "s1")
	r.see(&llm.Event{Kind: llm.EventOpaque, Raw: []byte(`{"type":"redacted_thinking","data":"d"}`)})
	r.see(&llm.Event{Kind: llm.EventOpaque, Raw: []byte(`{"type":"server_tool_use","id":"x"}`)})
	thinks(3, "unsigned", "")
	thinks(4, "", "s2")
	r.see(&llm.Event{Kind: llm.EventText, Text: llm.Text("so")})
	thinks(5, "after all", "s2b")
	r.see(&llm.Event{Kind: llm.EventToolCall, ID: "t1"})
	r.see(&llm.Event{Kind: llm.EventToolCall, Index: 1, ID: "t2"})
	thinks(7, "b", "s3")
	r.see(&llm.Event{Kind: llm.EventToolCall, Index: 2, ID: "t3"})
	want := map[string]string{
		"t1": `{"type":"thinking","thinking":"a\n","signature":"s1"} {"type":"redacted_thinking","data":"d"} {"type":"thinking","thinking":"","signature":"s2"}|{"type":"thinking","thinking":"after all","signature":"s2b"}`,
		"t2": "",
		"t3": `|{"type":"thinking","thinking":"b","signature":"s3"}`,
	}
	for id, w := range want {
		got := ""
		if k := m.get("k", "claude", id); k != nil {
			got = string(bytes.Join(k.before, []byte(" "))) + "|" + string(bytes.Join(k.after, []byte(" ")))
			if k.prefix != 7 {
				t.Errorf("%s: it belongs to %d", id, k.prefix)
			}
		}
		if got != w {
			t.Errorf("%s: %s", id, got)
		}
	}
	r = m.record("k", "claude", 7)
	for range 5 {
		r.see(&llm.Event{Kind: llm.EventThinking, Text: llm.Text(strings.Repeat("x", 1<<20))})
	}
	r.see(&llm.Event{Kind: llm.EventToolCall, ID: "huge"})
	if m.get("k", "claude", "huge") != nil {
		t.Error("too much was kept")
	}
}
