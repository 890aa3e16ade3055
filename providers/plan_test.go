package providers

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"localrouter/providers/anthropic"
	"localrouter/providers/catalog"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
)

// TestPlanOfEveryFeature is the table of what becomes of each feature, application by provider and model. It is checked
// in, so that a change of a table shows as what it means for people.
func TestPlanOfEveryFeature(t *testing.T) {
	type column struct {
		app      llm.Dialect
		name     string
		features *llm.Features
		model    *llm.Model
	}
	at := func(address string) *llm.Features {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		s := serviceAt(u)
		return s.features()
	}
	columns := []column{
		{llm.OpenAI, "anthropic, claude-3-5-haiku", anthropic.Features(), catalog.Facts("anthropic", "claude-3-5-haiku-latest")},
		{llm.OpenAI, "anthropic, claude-sonnet-4-5", anthropic.Features(), catalog.Facts("anthropic", "claude-sonnet-4-5")},
		{llm.OpenAI, "anthropic, claude-opus-4-8", anthropic.Features(), catalog.Facts("anthropic", "claude-opus-4-8")},
		{llm.OpenAI, "anthropic, a Claude not known yet", anthropic.Features(), catalog.Facts("anthropic", "claude-x")},
		{llm.Anthropic, "openai, gpt-4o", at("https://api.openai.com/v1"), catalog.Facts("openai", "gpt-4o")},
		{llm.Anthropic, "openai, gpt-5.6-sol", at("https://api.openai.com/v1"), catalog.Facts("openai", "gpt-5.6-sol")},
		{llm.Anthropic, "openrouter, unknown model", at("https://openrouter.ai/api/v1"), nil},
		{llm.Anthropic, "deepseek", at("https://api.deepseek.com/v1"), nil},
		{llm.Anthropic, "mistral", at("https://api.mistral.ai/v1"), nil},
		{llm.Anthropic, "any other server", at("http://127.0.0.1:8080/v1"), nil},
		{llm.OpenAI, "openai (its own dialect)", openai.Features(), nil},
	}
	var b strings.Builder
	for _, c := range columns {
		if strings.Contains(c.name, "gpt") && c.model == nil {
			t.Errorf("nothing is known of %s", c.name)
		}
		fmt.Fprintf(&b, "%s application, %s\n", c.app, c.name)
		for _, f := range llm.AllFeatures() {
			conversation := &llm.Conversation{}
			conversation.Use(f, "x")
			fmt.Fprintf(&b, "  %-34s %s\n", f, becomes(llm.Plan(&llm.Request{Dialect: c.app, Op: llm.Chat, Conversation: conversation}, c.features, c.model), f))
		}
	}
	const file = "testdata/plan.txt"
	want, err := os.ReadFile(file)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		want, err = []byte(b.String()), os.WriteFile(file, []byte(b.String()), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(b.String(), "\n") {
		if lines := strings.Split(string(want), "\n"); i >= len(lines) || lines[i] != line {
			t.Fatalf("%s:%d: now it is %q; if that is meant, run go test ./providers -run %s -update", file, i+1, line, t.Name())
		}
	}
}

// becomes says in a word what a plan makes of the one feature that is used.
func becomes(p llm.Planned, f llm.Feature) string {
	switch {
	case p.Path == llm.PathRaw:
		return "as it is"
	case p.Refused != nil:
		return "refused"
	case p.Near.Has(f):
		return "approximated"
	case p.Keep.Has(f):
		return "mapped"
	}
	return "dropped"
}
