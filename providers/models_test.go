package providers

import (
	"slices"
	"strings"
	"testing"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// TestFindingModels: each bound alone, what is unknown never passes one, and what costs nothing more passes each price.
func TestFindingModels(t *testing.T) {
	cents := func(text string) *llm.PicoUSD {
		n, err := llm.ParseUSD(text, llm.PerMillion)
		if err != nil {
			t.Fatal(err)
		}
		return &n
	}
	p := func(name, kind string, models ...string) settings.Provider {
		p := settings.NewProvider(name, kind)
		p.Models, p.APIKeyEnv = models, "KEY"
		return p
	}
	flat := p("plan", "openai", "gpt-6-astra")
	flat.Plan = llm.BillingFlat
	sources := registry(t, Options{Getenv: func(string) string { return "sk-find" }},
		p("o", "openai", "gpt-6.1-sol", "gpt-6-luna", "gpt-4", "text-embedding-3-small", "gpt-99", "gpt-5.5-pro"),
		p("a", "anthropic", "claude-opus-5-5"), flat, p("g", "groq", "llama-3.3-70b-versatile", "openai/gpt-oss-20b"),
		p("home", "ollama", "qwen3:8b", "llama3.3:70b", "nomic-embed-text")).Sources()
	for _, c := range []struct {
		name string
		q    Query
		want string
	}{
		{"all that talk", Query{}, "o/gpt-6.1-sol o/gpt-6-luna o/gpt-4 o/gpt-99 o/gpt-5.5-pro a/claude-opus-5-5 plan/gpt-6-astra g/llama-3.3-70b-versatile g/openai/gpt-oss-20b home/qwen3:8b home/llama3.3:70b"},
		{"for embeddings", Query{API: llm.APIEmbeddings}, "o/text-embedding-3-small home/nomic-embed-text"},
		{"for anything", Query{Any: true, Providers: []string{"home"}}, "home/qwen3:8b home/llama3.3:70b home/nomic-embed-text"},
		{"by provider", Query{Providers: []string{"g", "a"}}, "a/claude-opus-5-5 g/llama-3.3-70b-versatile g/openai/gpt-oss-20b"},
		{"that take pictures", Query{Capabilities: []string{"vision"}}, "o/gpt-6.1-sol o/gpt-6-luna o/gpt-5.5-pro a/claude-opus-5-5 plan/gpt-6-astra"},
		{"that take tools and reason", Query{Capabilities: []string{"tools", "reasoning"}, Providers: []string{"o", "g"}}, "o/gpt-6-luna g/openai/gpt-oss-20b"},
		{"by what input costs", Query{MaxInput: cents("0.6")}, "o/gpt-6-luna plan/gpt-6-astra g/llama-3.3-70b-versatile g/openai/gpt-oss-20b home/qwen3:8b home/llama3.3:70b"},
		{"by what both cost", Query{MaxInput: cents("2"), MaxOutput: cents("10"), Providers: []string{"o"}}, "o/gpt-6.1-sol o/gpt-6-luna"},
		{"by context", Query{MinContext: 1_000_000}, "o/gpt-6.1-sol o/gpt-6-luna o/gpt-5.5-pro a/claude-opus-5-5 plan/gpt-6-astra"},
		{"large ones", Query{MinParameters: 60_000_000_000}, "g/llama-3.3-70b-versatile home/llama3.3:70b"},
		{"small ones", Query{MaxParameters: 20_000_000_000}, "g/openai/gpt-oss-20b home/qwen3:8b"},
		{"by words", Query{Text: "LLAMA 70B"}, "g/llama-3.3-70b-versatile home/llama3.3:70b"},
		{"by name", Query{Text: "Claude Opus"}, "a/claude-opus-5-5"},
		{"none", Query{Text: "nobody"}, ""},
	} {
		var got []string
		for _, o := range Find(sources, c.q) {
			got = append(got, o.Source.Name+"/"+o.Model.ID)
		}
		if !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %v\nwant %s", c.name, got, c.want)
		}
	}
}
