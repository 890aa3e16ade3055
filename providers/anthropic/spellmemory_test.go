package anthropic

import (
	"strings"
	"testing"

	"localrouter/providers/llm"
)

func TestRememberedThinkingComesBack(t *testing.T) {
	c := &llm.Conversation{Tools: []llm.Tool{weather}, Reasoning: llm.Reasoning{Effort: "high"}, MaxOutput: 50000,
		Turns: []llm.Turn{user(text("a")), assistant(text("Let me see."), use("t1", "get_weather", "{}"), use("t2", "get_weather", "{}")), user(result("t1", text("1")), result("t2", text("2")))}}
	c.Use(llm.FeatureReasoning, "reasoning_effort")
	c.Use(llm.FeatureToolReasoning, "reasoning_effort")
	// What the answer with the calls was an answer to.
	nothing := func(string) *kept { return nil }
	asked := *c
	asked.Turns = c.Turns[:1]
	_, first := request(t, order(&asked, sonnet45, about(sonnet45)), nothing)
	memory := func(id string) *kept {
		switch id {
		case "t1":
			return &kept{prefix: first.prefix, before: [][]byte{[]byte(`{"type":"thinking","thinking":"x","signature":"s"}`), []byte(`{"type":"redacted_thinking","data":"r"}`)}}
		case "t2":
			return &kept{prefix: first.prefix, after: [][]byte{[]byte(`{"type":"thinking","thinking":"y","signature":"s"}`)}}
		}
		return nil
	}
	v, sp := request(t, order(c, sonnet45, about(sonnet45)), memory)
	expect(t, v, "messages.1.content.0", `{"type":"thinking","thinking":"x","signature":"s"}`)
	expect(t, v, "messages.1.content.1", `{"type":"redacted_thinking","data":"r"}`)
	expect(t, v, "messages.1.content.2.text", `"Let me see."`)
	expect(t, v, "messages.1.content.3.id", `"t1"`)
	expect(t, v, "messages.1.content.4.thinking", `"y"`)
	expect(t, v, "thinking", `{"type":"enabled","budget_tokens":24576}`)
	if len(sp.left) != 0 {
		t.Errorf("left out: %q", sp.left)
	}
	// Without it the vendor would refuse to think with a budget in the middle of a tool's loop; it is said so.
	v, sp = request(t, order(c, sonnet45, about(sonnet45)), nil)
	expect(t, v, "thinking", "")
	if len(sp.left) != 1 || sp.left[0] != "reasoning_effort" {
		t.Errorf("left out: %q", sp.left)
	}
}

// TestThinkingBelongsToItsConversation: newer models refuse thinking for good whose conversation was changed before it, so
// it comes back only where all that came before is as it was, and in its place.
func TestThinkingBelongsToItsConversation(t *testing.T) {
	later := func(change func(c *llm.Conversation)) *llm.Conversation {
		c := &llm.Conversation{Tools: []llm.Tool{weather}, Turns: []llm.Turn{system("s"), user(text("a")), assistant(text("Let me see."), use("t1", "get_weather", "{}")), user(result("t1", text("1")))}}
		change(c)
		return c
	}
	nothing := func(string) *kept { return nil }
	first := later(func(c *llm.Conversation) { c.Turns = c.Turns[:2] })
	_, sp := request(t, order(first, "claude-opus-5-5", about("claude-opus-5-5")), nothing)
	m := &memory{}
	r := m.record("k", "m", sp.prefix)
	for _, e := range []llm.Event{said1("Let me see."), thought1("hm"), {Kind: llm.EventSignature, Text: llm.Text("sig")}, calls(0, "t1", "get_weather")} {
		r.see(&e)
	}
	for _, c := range []struct {
		name   string
		change func(c *llm.Conversation)
		back   bool
	}{
		{"nothing is changed", func(*llm.Conversation) {}, true},
		{"it has gone on", func(c *llm.Conversation) { c.Turns = append(c.Turns, assistant(text("x")), user(text("y"))) }, true},
		{"a cache mark and the tuning are others", func(c *llm.Conversation) {
			c.Turns[1].Parts = []llm.Part{{Kind: llm.PartText, Text: llm.Text("a"), Cache: "5m"}}
			c.Temperature, c.MaxOutput = "0.1", 77
		}, true},
		{"another system text", func(c *llm.Conversation) { c.Turns[0] = system("t") }, false},
		{"another question", func(c *llm.Conversation) { c.Turns[1] = user(text("b")) }, false},
		{"a history that was shortened", func(c *llm.Conversation) { c.Turns[1] = user(text("summary"), text("a")) }, false},
		{"another tool", func(c *llm.Conversation) { c.Tools = append(c.Tools, llm.Tool{Name: llm.Text("g")}) }, false},
	} {
		_, sp := request(t, order(later(c.change), "claude-opus-5-5", about("claude-opus-5-5")), func(id string) *kept { return m.get("k", "m", id) })
		want := `{"role":"assistant","content":[{"type":"text","text":"Let me see."},{"type":"tool_use","id":"t1"`
		if c.back {
			want = `{"role":"assistant","content":[{"type":"text","text":"Let me see."},{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"tool_use","id":"t1"`
		}
		if !strings.Contains(string(sp.body), want) {
			t.Errorf("%s: %s", c.name, sp.body)
		}
	}
}
