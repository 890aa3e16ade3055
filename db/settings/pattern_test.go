package settings

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPatternsNameModelsExactly(t *testing.T) {
	for _, c := range []struct {
		pattern  string
		provider string
		model    string
		want     bool
	}{
		{"ollama", "ollama", "llama3:8b", true},
		{"ollama", "ollama2", "llama3:8b", false},
		{"ollama", "my-ollama", "ollama", false},
		{"openai/*", "openai", "gpt-5", true},
		{"openai/*", "openai", "ft:gpt-5/mine", true},
		{"openai/*", "azure", "openai/gpt-5", false},
		{"openai/gpt-5", "openai", "gpt-5", true},
		{"openai/gpt-5", "openai", "gpt-5-mini", false},
		{"openai/gpt-5", "openai", "GPT-5", false},
		{"OpenAI", "openai", "gpt-5", false},
		{"*/gpt-5", "openrouter", "gpt-5", true},
		{"*/gpt-5", "openrouter", "openai/gpt-5", false},
		{"*/*gpt-5", "openrouter", "openai/gpt-5", true},
		{"openrouter/anthropic/*", "openrouter", "anthropic/claude", true},
		{"openrouter/anthropic/*", "openrouter", "anthropic", false},
		{"openrouter/*/claude*", "openrouter", "anthropic/claude-4", true},
		{"openrouter/*:free", "openrouter", "x/y:free", true},
		{"openrouter/*:free", "openrouter", "x/y:free2", false},
		{"*", "any", "thing", true},
		{"*/*", "any", "thing", true},
		{"open*", "openrouter", "x", true},
		{"open*", "ollama", "open", false},
		{"a/x*x", "a", "x", false},
		{"a/x*x", "a", "xx", true},
		{"a/x**y", "a", "xy", true},
		{"a/*b*b", "a", "ab", false},
		{"a/*ab*ab", "a", "aabab", true},
		{"a/[ab].?", "a", "a.b", false},
		{"a/é*", "a", "élan", true},
		{"", "a", "b", false},
	} {
		if got := (Patterns{"nothing", c.pattern}).Match(c.provider, c.model); got != c.want {
			t.Errorf("%s and %s/%s: got %v", c.pattern, c.provider, c.model, got)
		}
	}
	if (Patterns)(nil).Match("a", "b") {
		t.Error("no pattern names something")
	}
}

func TestFactsAreAboutTheModelsTheyName(t *testing.T) {
	for _, c := range []struct {
		models []string
		id     string
		want   bool
	}{
		{nil, "anything", true},
		{[]string{"gpt-*"}, "gpt-5/x", true},
		{[]string{"o3", "gpt-*"}, "o3-mini", false},
		{[]string{"*/llama*:free"}, "meta/llama-3:free", true},
		{[]string{"gpt-5"}, "GPT-5", false},
	} {
		if got := (&Fact{Models: c.models}).Match(c.id); got != c.want {
			t.Errorf("%q and %s: got %v", c.models, c.id, got)
		}
	}
}

// byRegexp is the same question, asked of the regular expressions.
func byRegexp(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`(?s)\A` + strings.Join(parts, `.*`) + `\z`).MatchString(text)
}

func FuzzPatterns(f *testing.F) {
	f.Add("openai/*", "openai", "gpt-5")
	f.Add("*/a*b*a", "x-y", "abaaba")
	f.Add("ollama", "ollama", "a/b")
	f.Add("**/*", "", "")
	f.Fuzz(func(t *testing.T, pattern, provider, model string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(provider) || !utf8.ValidString(model) {
			return // the oracle reads runes
		}
		p, m, both := strings.Cut(pattern, "/")
		want := byRegexp(p, provider) && (!both || byRegexp(m, model))
		if got := (Patterns{pattern}).Match(provider, model); got != want {
			t.Errorf("%q and %q/%q: got %v", pattern, provider, model, got)
		}
	})
}

func TestMatchingAllocatesNothing(t *testing.T) {
	patterns := Patterns{"ollama", "openai/*-preview", "*/gpt-*-mini", "openrouter/anthropic/*"}
	model := strings.Repeat("anthropic/claude-", 5)
	fact := Fact{Models: []string{"gpt-*", "*claude*x"}}
	if n := testing.AllocsPerRun(100, func() { patterns.Match("openrouter", model); fact.Match(model) }); n != 0 {
		t.Errorf("got %v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	patterns := Patterns{"ollama", "openai/*-preview", "*/gpt-*-mini", "openrouter/anthropic/*"}
	b.ReportAllocs()
	for b.Loop() {
		patterns.Match("openrouter", "anthropic/claude-sonnet-4-5")
	}
}
