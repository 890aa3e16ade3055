package catalog

import (
	"slices"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

var tables = map[string][]row{"anthropic": anthropic, "openai": openai}

// An id is the model, an alias or a dated snapshot of it, or nothing that is known.
func TestIDsAreMatchedExactly(t *testing.T) {
	for _, c := range []struct {
		kind, id string
		output   int // 0: unknown
	}{
		{"anthropic", "claude-opus-4-8", 128_000},
		{"anthropic", "claude-sonnet-4-5-20250929", 64_000},
		{"anthropic", "claude-sonnet-4-20250514", 64_000},
		{"anthropic", "claude-opus-4-20250514", 32_000},
		{"anthropic", "claude-opus-4-1-20250805", 32_000},
		{"anthropic", "claude-3-5-sonnet-20241022", 8192},
		{"anthropic", "claude-3-5-sonnet-latest", 8192},
		{"anthropic", "claude-opus-4-0", 32_000},
		{"openai", "gpt-4o", 16_384},
		{"openai", "gpt-4o-2024-08-06", 16_384},
		{"openai", "gpt-4o-2024-05-13", 4096},
		{"openai", "gpt-5-2025-08-07", 128_000},
		{"openai", "o3-2025-04-16", 100_000},
		{"openai", "gpt-6.1-sol", 128_000},
		{"openrouter", "anthropic/claude-opus-4.8", 128_000},
		{"openrouter", "anthropic/claude-3.5-sonnet", 8192},
		{"openrouter", "anthropic/claude-3.5-sonnet-20240620", 8192},
		{"openrouter", "anthropic/claude-sonnet-4", 64_000},
		{"openrouter", "anthropic/claude-fable-5.2:nitro", 128_000},
		{"openrouter", "openai/gpt-5.6-terra", 128_000},
		{"openrouter", "openai/gpt-4o-2024-05-13", 4096},

		{"anthropic", "claude", 0},
		{"anthropic", "claude-opus", 0},
		{"anthropic", "claude-opus-4-", 0},
		{"anthropic", "claude-opus-4-80", 0},
		{"anthropic", "claude-opus-4-8-fast", 0},
		{"anthropic", "claude-opus-4-8-2026", 0},
		{"anthropic", "claude-opus-4-8-20261301", 0},
		{"anthropic", "claude-opus-4-8-20260100", 0},
		{"anthropic", "claude-opus-4-8-2026010", 0},
		{"anthropic", "claude-opus-4-8-2026-1-01", 0},
		{"anthropic", "claude-opus-4-8-19991231", 0},
		{"anthropic", "claude-opus-4-8@20260101", 0},
		{"anthropic", "claude-opus-4.8", 0},
		{"anthropic", "Claude-Opus-4-8", 0},
		{"anthropic", " claude-opus-4-8", 0},
		{"anthropic", "anthropic/claude-opus-4-8", 128_000},
		{"anthropic", "anthropic/anthropic/claude-opus-4-8", 0},
		{"anthropic", "openai/gpt-4o", 0},
		{"anthropic", "gpt-4o", 0},
		{"anthropic", "", 0},
		{"anthropic", "-20260101", 0},
		{"openai", "gpt-5-turbo", 0},
		{"openai", "gpt-5-pro-max", 0},
		{"openai", "gpt-5.", 0},
		{"openai", "openai/gpt-4o", 16_384},
		{"openai", "anthropic/claude-opus-4-8", 0},
		{"openai", "ft:gpt-4o:me", 0},
		{"openrouter", "anthropic/claude-opus-4-8", 0},
		{"openrouter", "anthropic/claude-3-5-sonnet", 0},
		{"openrouter", "claude-opus-4.8", 0},
		{"openrouter", "openai/gpt-4o:free", 0},
		{"openrouter", "openai/", 0},
		{"openrouter", "/gpt-4o", 0},
		{"openrouter", "elsewhere/gpt-4o", 0},
		{"openrouter", "~anthropic/claude-opus-latest", 128_000}, // a model of its own there, in the data
		{"openai-compatible", "gpt-4o", 0},
		{"ollama", "claude-opus-4-8", 0},
		{"", "gpt-4o", 0},
	} {
		m := Facts(c.kind, c.id)
		if known := c.output != 0 || c.kind == "anthropic"; (m != nil) != known || m != nil && (m.MaxOutput != c.output || m.ID != c.id) {
			t.Errorf("%s %q: %+v, want %d tokens of output", c.kind, c.id, m, c.output)
		}
	}
}

// The longest ids of a table must not be taken for their beginnings, nor the other way round.
func TestNoModelIsAnother(t *testing.T) {
	for kind, table := range tables {
		seen := map[string]bool{}
		for i := range table {
			for _, id := range append([]string{table[i].id}, table[i].aliases...) {
				if seen[id] {
					t.Errorf("%s %s stands there twice", kind, id)
				}
				seen[id] = true
				r, _ := find(kind, id)
				if r != &table[i] {
					t.Errorf("%s %s is found as another", kind, id)
				}
				for _, near := range []string{id + "-x", id + "x", id + ".1", id + "-1", id[:len(id)-1], "x" + id} {
					if r, _ := find(kind, near); r == &table[i] {
						t.Errorf("%s %s is taken for %s", kind, near, id)
					}
				}
				if base, dated := llm.Undated(id); dated && !slices.ContainsFunc(table, func(r row) bool { return r.id == base }) {
					t.Errorf("%s: nothing is known of %s without its date", kind, id)
				}
			}
		}
	}
}

// A row says everything that the translation asks, and its facts do not contradict each other.
func TestRowsAreComplete(t *testing.T) {
	partly := []string{"claude-mythos-5", "gpt-6.2"} // of which the sources say no more
	for kind, table := range tables {
		for i := range table {
			r := &table[i]
			bad := func(why string) { t.Errorf("%s %s: %s", kind, r.id, why) }
			if !slices.Contains(partly, r.id) && (r.context < 8192 || r.output < 4096 || r.output > r.context || r.context > 2_000_000) {
				bad("context or output is missing")
			}
			if r.think == 0 || len(r.input) == 0 || r.lacks == 0 {
				bad("thinking, input or lacks is missing")
			}
			for _, name := range strings.Split(r.source, ", ") {
				if !slices.Contains([]string{"pi", "or", "bed", "sheet", "doc"}, name) {
					bad("no source " + name)
				}
			}
			if never := r.think&llm.ThinksNever != 0; never != r.lacks.Has(llm.FeatureReasoning) || never && (r.think != llm.ThinksNever || r.efforts != nil) {
				bad("it reasons, or not")
			}
			if always := r.think&llm.ThinksAlways != 0; always != r.lacks.Has(llm.FeatureNoReasoning) || always && slices.Contains(r.efforts, "none") {
				bad("it can be turned off, or not")
			}
			if !slices.Contains(partly, r.id) && r.efforts == nil && r.think&(llm.ThinksAdaptive|llm.ThinksAlways) != 0 {
				bad("its levels are missing")
			}
			if !slices.IsSortedFunc(r.efforts, func(a, b string) int { return slices.Index(llm.Efforts, a) - slices.Index(llm.Efforts, b) }) {
				bad("levels are not in order")
			}
			for _, level := range r.efforts {
				if !slices.Contains(llm.Efforts, level) || kind == "anthropic" && level == "none" {
					bad("level " + level)
				}
			}
			if r.lacks.Has(llm.FeatureTemperature) && !(r.lacks.Has(llm.FeatureHot) && r.lacks.Has(llm.FeatureTopP) && r.lacks.Has(llm.FeatureTopPToo)) {
				bad("sampling is half refused")
			}
			if r.lacks.Has(llm.FeatureTools) && !r.lacks.Has(llm.FeatureToolReasoning) {
				bad("no tools, but tools while reasoning")
			}
		}
	}
}

// The rows of the vendors' sheets that decide what a request may say.
func TestWhatTheSheetsSay(t *testing.T) {
	for _, c := range []struct {
		kind, id      string
		think         llm.Thinking
		lacks, keeps  []llm.Feature
		first, last   string // levels
		contextLength int
	}{
		{"anthropic", "claude-3-5-haiku-20241022", llm.ThinksNever, []llm.Feature{llm.FeatureReasoning, llm.FeatureSchema}, []llm.Feature{llm.FeatureTemperature, llm.FeaturePrefill}, "", "", 200_000},
		{"anthropic", "claude-sonnet-4-5", llm.ThinksByBudget, []llm.Feature{llm.FeatureTopPToo}, []llm.Feature{llm.FeatureTemperature, llm.FeatureSchema, llm.FeaturePrefill, llm.FeatureNoReasoning}, "", "", 200_000},
		{"anthropic", "claude-opus-4-6", llm.ThinksByBudget | llm.ThinksAdaptive, []llm.Feature{llm.FeaturePrefill, llm.FeatureTopPToo}, []llm.Feature{llm.FeatureTemperature, llm.FeatureTopK}, "low", "max", 1_000_000},
		{"anthropic", "claude-opus-4-7", llm.ThinksAdaptive, []llm.Feature{llm.FeatureTemperature, llm.FeatureTopK, llm.FeatureMidSystem}, []llm.Feature{llm.FeatureNoReasoning}, "low", "max", 1_000_000},
		{"anthropic", "claude-opus-4-8", llm.ThinksAdaptive, []llm.Feature{llm.FeatureTopP}, []llm.Feature{llm.FeatureMidSystem}, "low", "max", 1_000_000},
		{"anthropic", "claude-fable-5", llm.ThinksAdaptive | llm.ThinksAlways, []llm.Feature{llm.FeatureNoReasoning, llm.FeatureTemperature}, nil, "low", "max", 1_000_000},
		{"anthropic", "claude-opus-5-5", llm.ThinksAdaptive | llm.ThinksAlways, []llm.Feature{llm.FeatureToolChoice}, []llm.Feature{llm.FeatureSchema}, "low", "max", 1_000_000},
		{"anthropic", "claude-sonnet-5-5", llm.ThinksAdaptive | llm.ThinksAlways, []llm.Feature{llm.FeatureToolChoice}, nil, "low", "max", 1_000_000},
		{"anthropic", "claude-fable-5-1", llm.ThinksAdaptive | llm.ThinksAlways, []llm.Feature{llm.FeatureToolChoice}, nil, "low", "max", 1_000_000},
		{"anthropic", "claude-fable-5-2", llm.ThinksAdaptive | llm.ThinksAlways, []llm.Feature{llm.FeatureToolChoice}, nil, "low", "max", 1_000_000},
		{"anthropic", "claude-haiku-5-5", llm.ThinksAdaptive, []llm.Feature{llm.FeatureTemperature}, []llm.Feature{llm.FeatureNoReasoning, llm.FeatureToolChoice}, "low", "max", 1_000_000},
		{"openai", "gpt-4.1", llm.ThinksNever, []llm.Feature{llm.FeatureReasoning, llm.FeatureVerbosity}, []llm.Feature{llm.FeatureTools, llm.FeatureStop, llm.FeatureTemperature, llm.FeatureSchema}, "", "", 1_047_576},
		{"openai", "o4-mini", llm.ThinksAlways, []llm.Feature{llm.FeatureStop, llm.FeatureTemperature, llm.FeatureNoReasoning}, []llm.Feature{llm.FeatureTools, llm.FeatureToolReasoning}, "low", "high", 200_000},
		{"openai", "gpt-5", llm.ThinksAlways, []llm.Feature{llm.FeatureStop, llm.FeatureNoReasoning}, []llm.Feature{llm.FeatureTools, llm.FeatureToolReasoning, llm.FeatureVerbosity}, "minimal", "high", 400_000},
		{"openai", "gpt-5.1", llm.ThinksAdaptive, []llm.Feature{llm.FeatureStop}, []llm.Feature{llm.FeatureToolReasoning, llm.FeatureNoReasoning, llm.FeatureTemperature}, "none", "high", 400_000},
		{"openai", "gpt-5.4", llm.ThinksAdaptive, []llm.Feature{llm.FeatureToolReasoning}, []llm.Feature{llm.FeatureTools, llm.FeatureNoReasoning}, "none", "xhigh", 1_050_000},
		{"openai", "gpt-5.6-sol", llm.ThinksAdaptive, []llm.Feature{llm.FeatureToolReasoning, llm.FeatureTemperature}, []llm.Feature{llm.FeatureTools}, "none", "max", 1_050_000},
		{"openai", "gpt-6-astra", llm.ThinksAlways, []llm.Feature{llm.FeatureTools, llm.FeatureNoReasoning}, nil, "low", "max", 1_050_000},
		{"openai", "gpt-6.2", llm.ThinksAlways, []llm.Feature{llm.FeatureTools, llm.FeatureNoReasoning}, nil, "", "", 0},
		{"openrouter", "openai/gpt-6-astra", llm.ThinksAlways, []llm.Feature{llm.FeatureNoReasoning}, []llm.Feature{llm.FeatureTools, llm.FeatureToolReasoning}, "low", "max", 1_050_000},
		{"openrouter", "openai/gpt-4o", llm.ThinksNever, []llm.Feature{llm.FeatureReasoning, llm.FeatureToolReasoning}, []llm.Feature{llm.FeatureSearch}, "", "", 128_000},
		{"openrouter", "anthropic/claude-opus-4.7", llm.ThinksAdaptive, []llm.Feature{llm.FeatureTemperature}, []llm.Feature{llm.FeatureMidSystem}, "low", "max", 1_000_000},
	} {
		m := Facts(c.kind, c.id)
		if m == nil {
			t.Errorf("%s %s is unknown", c.kind, c.id)
			continue
		}
		if m.Thinking != c.think || m.ContextLength != c.contextLength {
			t.Errorf("%s: thinking %b of %d tokens, want %b of %d", c.id, m.Thinking, m.ContextLength, c.think, c.contextLength)
		}
		if c.first != "" && (m.Efforts[0] != c.first || m.Efforts[len(m.Efforts)-1] != c.last) {
			t.Errorf("%s: levels %v, want %s to %s", c.id, m.Efforts, c.first, c.last)
		}
		for _, f := range c.lacks {
			if !m.Lacks.Has(f) {
				t.Errorf("%s has %s", c.id, f)
			}
		}
		for _, f := range c.keeps {
			if m.Lacks.Has(f) {
				t.Errorf("%s lacks %s", c.id, f)
			}
		}
	}
}

// A model without a row at a provider of Anthropic's dialect: a Claude is as the newest are, any other as what copies the
// dialect.
func TestUnknownModelsOfAnthropicsDialect(t *testing.T) {
	newest, _ := find("anthropic", "claude-opus-5-5")
	for _, id := range []string{"claude-saga-7", "claude-opus-4-8-fast", "openai/claude-opus-4-8", "Claude"} {
		if m := Facts("anthropic", id); m.Thinking != newest.think || newest.lacks&^m.Lacks != 0 || m.Lacks.Has(llm.FeatureSchema) || m.MaxOutput != 0 {
			t.Errorf("%s: %+v", id, m)
		}
	}
	if m := Facts("anthropic", "kimi-k3"); m.Thinking != llm.ThinksByBudget || !m.Lacks.Has(llm.FeatureSchema) || m.Lacks.Has(llm.FeatureTemperature) || m.Lacks.Has(llm.FeatureToolChoice) {
		t.Errorf("%+v", m)
	}
	// What a list says wins.
	m := llm.Model{ID: "claude-saga-2", Thinking: llm.ThinksByBudget}
	if Complete("anthropic", &m); m.Lacks != 0 || m.Thinking != llm.ThinksByBudget {
		t.Errorf("%+v", m)
	}
	m = llm.Model{ID: "claude-saga-7", Thinking: llm.ThinksAdaptive}
	if Complete("anthropic", &m); !m.Lacks.Has(llm.FeatureToolChoice) || m.Thinking != newest.think {
		t.Errorf("%+v", m)
	}
	m = llm.Model{ID: "kimi-k3", InputModes: text}
	if Complete("anthropic", &m); m.Lacks != 0 {
		t.Errorf("%+v", m)
	}
	m = llm.Model{ID: "kimi-k3"}
	if Complete("anthropic", &m); !m.Lacks.Has(llm.FeatureSchema) {
		t.Errorf("%+v", m)
	}
}

func TestCompleteFillsInWhatTheProviderLeftOpen(t *testing.T) {
	m := llm.Model{ID: "claude-opus-5-5", Name: "Claude Opus 5.5"}
	Complete("anthropic", &m)
	if m.MaxOutput != 128_000 || m.ContextLength != 1_000_000 || m.Thinking != llm.ThinksAdaptive|llm.ThinksAlways || len(m.Efforts) != 5 ||
		!m.Lacks.Has(llm.FeatureTemperature) || !slices.Equal(m.InputModes, textFile) || m.Name != "Claude Opus 5.5" {
		t.Errorf("%+v", m)
	}
}

func TestTheProvidersOwnStatementWins(t *testing.T) {
	said := llm.Model{ID: "openai/gpt-6-sol", MaxOutput: 1000, ContextLength: 2000, InputModes: []string{"text"}, OutputModes: []string{"audio"},
		Lacks: llm.SetOf(llm.FeatureTools), Thinking: llm.ThinksNever, Efforts: []string{}, Parameters: []string{}}
	m := said
	Complete("openrouter", &m)
	if m.MaxOutput != said.MaxOutput || m.ContextLength != said.ContextLength || len(m.InputModes) != 1 || m.OutputModes[0] != "audio" ||
		!m.Lacks.Has(llm.FeatureTools) || m.Thinking != said.Thinking || m.Efforts == nil || len(m.Efforts) != 0 {
		t.Errorf("%+v, said was %+v", m, said)
	}
	m = llm.Model{ID: "openai/gpt-6-sol", Parameters: []string{"temperature", "max_tokens"}}
	Complete("openrouter", &m)
	if m.Lacks.Has(llm.FeatureTemperature) || !m.Lacks.Has(llm.FeatureTopP) {
		t.Errorf("it says that it takes a temperature, and lacks %b", m.Lacks)
	}
	m = llm.Model{ID: "local-model"}
	Complete("openai-compatible", &m)
	if m.MaxOutput != 0 || m.Lacks != 0 || m.Thinking != 0 || m.InputModes != nil {
		t.Errorf("%+v of an unknown model", m)
	}
}

// What one caller does to a model is none of the next one's business.
func TestFactsAreTheCallersOwn(t *testing.T) {
	a := Facts("openai", "gpt-4o")
	a.MaxOutput, a.Lacks = 1, 0
	if b := Facts("openai", "gpt-4o"); b.MaxOutput != 16_384 || b.Lacks == 0 {
		t.Errorf("%+v", b)
	}
}

func FuzzFacts(f *testing.F) {
	f.Add("openrouter", "anthropic/claude-opus-4.8:nitro")
	f.Add("anthropic", "claude-opus-4-8-20260101-2026-01-01")
	f.Add("openai", "-2024-01-01")
	f.Fuzz(func(t *testing.T, kind, id string) {
		if m := Facts(kind, id); m != nil && m.ID != id {
			t.Fatalf("%q became %q", id, m.ID)
		}
	})
}
