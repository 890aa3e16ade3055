package anthropic

import (
	"testing"

	"localrouter/providers/llm"
)

// TestThinking: what a level or a budget becomes, by model.
func TestThinking(t *testing.T) {
	capped := func(id string, most int) *llm.Model { m := *about(id); m.MaxOutput = most; return &m }
	cases := []struct {
		name             string
		id               string
		m                *llm.Model
		r                llm.Reasoning
		limit            int
		choice           llm.ChoiceMode
		thinking, config string
		maxTokens        string
		left             bool
	}{
		{"nothing asked", sonnet45, nil, llm.Reasoning{}, 0, 0, "", "", "32000", false},
		{"minimal by budget", sonnet45, nil, llm.Reasoning{Effort: "minimal"}, 0, 0, `{"type":"enabled","budget_tokens":1024}`, "", "32000", false},
		{"medium by budget", sonnet45, nil, llm.Reasoning{Effort: "medium"}, 0, 0, `{"type":"enabled","budget_tokens":8192}`, "", "32000", false},
		{"high within the application's limit", sonnet45, nil, llm.Reasoning{Effort: "high"}, 4096, 0, `{"type":"enabled","budget_tokens":3072}`, "", "4096", true},
		{"max within the application's limit", sonnet45, nil, llm.Reasoning{Effort: "max"}, 4096, 0, `{"type":"enabled","budget_tokens":3072}`, "", "4096", false},
		{"high within a small limit", sonnet45, nil, llm.Reasoning{Effort: "high"}, 1100, 0, `{"type":"enabled","budget_tokens":1024}`, "", "1100", true},
		{"high within a limit that has no room for it", sonnet45, nil, llm.Reasoning{Effort: "high"}, 500, 0, "", "", "500", true},
		{"a budget within the application's limit", sonnet45, nil, llm.Reasoning{Budget: 4000}, 4096, 0, `{"type":"enabled","budget_tokens":4000}`, "", "4096", false},
		{"high within the model's limit", sonnet45, capped(sonnet45, 8192), llm.Reasoning{Effort: "high"}, 0, 0, `{"type":"enabled","budget_tokens":8191}`, "", "8192", false},
		{"no room at all", sonnet45, capped(sonnet45, 1000), llm.Reasoning{Effort: "low"}, 0, 0, "", "", "1000", true},
		{"max by budget", sonnet45, capped(sonnet45, 64000), llm.Reasoning{Effort: "max"}, 0, 0, `{"type":"enabled","budget_tokens":63999}`, "", "64000", false},
		{"a small budget", sonnet45, nil, llm.Reasoning{Budget: 100}, 0, 0, `{"type":"enabled","budget_tokens":1024}`, "", "32000", false},
		{"none by budget", sonnet45, nil, llm.Reasoning{Effort: "none"}, 0, 0, "", "", "32000", false},
		{"a forced call beside a budget", sonnet45, nil, llm.Reasoning{Effort: "high"}, 0, llm.ChoiceAny, "", "", "32000", true},
		{"an automatic call beside a budget", sonnet45, nil, llm.Reasoning{Effort: "low"}, 0, llm.ChoiceAuto, `{"type":"enabled","budget_tokens":1024}`, "", "32000", false},

		{"a level where both are taken", "claude-opus-4-6", nil, llm.Reasoning{Effort: "high"}, 0, 0, `{"type":"adaptive"}`, `{"effort":"high"}`, "32000", false},
		{"a budget where both are taken", "claude-opus-4-6", nil, llm.Reasoning{Budget: 2000}, 0, 0, `{"type":"enabled","budget_tokens":2000}`, "", "32000", false},
		{"a level that is not there", "claude-sonnet-4-6", nil, llm.Reasoning{Effort: "xhigh"}, 0, 0, `{"type":"adaptive"}`, `{"effort":"high"}`, "32000", true},

		{"adaptive", opus47, nil, llm.Reasoning{Effort: "xhigh", Shown: true}, 0, 0, `{"type":"adaptive","display":"summarized"}`, `{"effort":"xhigh"}`, "32000", false},
		{"minimal, adaptive", opus47, nil, llm.Reasoning{Effort: "minimal"}, 0, 0, `{"type":"adaptive"}`, `{"effort":"low"}`, "32000", true},
		{"a budget, adaptive", opus47, nil, llm.Reasoning{Budget: 30000}, 0, 0, `{"type":"adaptive"}`, `{"effort":"xhigh"}`, "32000", true},
		{"shown only", opus47, nil, llm.Reasoning{Shown: true}, 0, 0, `{"type":"adaptive","display":"summarized"}`, "", "32000", false},
		{"none, adaptive", opus47, nil, llm.Reasoning{Effort: "none"}, 0, 0, `{"type":"disabled"}`, "", "32000", false},
		{"a forced call, adaptive", opus47, nil, llm.Reasoning{Effort: "high"}, 0, llm.ChoiceOne, "", `{"effort":"high"}`, "32000", true},

		{"none where it always thinks", "claude-opus-5-5", nil, llm.Reasoning{Effort: "none"}, 0, 0, "", `{"effort":"low"}`, "32000", false},
		{"a level where it always thinks", "claude-fable-5", nil, llm.Reasoning{Effort: "max"}, 0, 0, `{"type":"adaptive"}`, `{"effort":"max"}`, "32000", false},
		{"one that does not think", "claude-3-5-haiku-20241022", nil, llm.Reasoning{Effort: "high"}, 0, 0, "", "", "32000", false},
		{"a Claude nobody knows", "claude-saga-7", nil, llm.Reasoning{Effort: "max"}, 0, 0, `{"type":"adaptive"}`, `{"effort":"high"}`, "32000", true},
		{"none for a Claude nobody knows", "claude-saga-7", nil, llm.Reasoning{Effort: "none"}, 0, 0, "", `{"effort":"low"}`, "32000", false},
		{"another vendor's model", "kimi-k3", nil, llm.Reasoning{Effort: "low"}, 0, 0, `{"type":"enabled","budget_tokens":1024}`, "", "32000", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			con := &llm.Conversation{Turns: []llm.Turn{user(text("hi"))}, Reasoning: c.r, MaxOutput: c.limit}
			if c.r.Effort == "none" {
				con.Use(llm.FeatureNoReasoning, "reasoning_effort")
			} else if c.r.Asked() {
				con.Use(llm.FeatureReasoning, "reasoning_effort")
			}
			if c.choice != 0 {
				con.Tools, con.Choice = []llm.Tool{weather}, llm.Choice{Mode: c.choice, Name: weather.Name}
			}
			m := c.m
			if m == nil {
				m = about(c.id)
			}
			v, sp := request(t, order(con, c.id, m), nil)
			expect(t, v, "thinking", c.thinking)
			expect(t, v, "output_config", c.config)
			expect(t, v, "max_tokens", c.maxTokens)
			if (len(sp.left) > 0) != c.left {
				t.Errorf("left out: %q", sp.left)
			}
		})
	}
}

func TestNoSamplingBesideThinking(t *testing.T) {
	c := &llm.Conversation{Turns: []llm.Turn{user(text("hi"))}, Reasoning: llm.Reasoning{Effort: "low"}, Temperature: "0.2", TopK: "4"}
	c.Use(llm.FeatureReasoning, "reasoning_effort")
	c.Use(llm.FeatureTemperature, "temperature")
	v, sp := request(t, order(c, sonnet45, about(sonnet45)), nil)
	expect(t, v, "temperature", "")
	expect(t, v, "top_k", "")
	if len(sp.left) != 2 || sp.left[0] != "temperature" || sp.left[1] != "top_k" {
		t.Errorf("left out: %q", sp.left)
	}
}
