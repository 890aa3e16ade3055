// Package catalog knows facts of models that their providers do not tell: how long an answer may be, how a model is asked
// to reason, and what it refuses. It knows nothing of requests. The tables are kept by hand; each row names its source.
package catalog

import (
	"slices"
	"strings"

	"localrouter/providers/llm"
)

// row is what is known of one model, and of its aliases and dated snapshots that have no row of their own.
type row struct {
	id      string
	aliases []string
	context int // tokens of input and output together; 0: unknown
	output  int // tokens; 0: unknown
	think   llm.Thinking
	efforts []string
	lacks   llm.Set
	input   []string
	source  string // where the row is from, by the names below; the first holds where they disagree
}

// The sources of the rows:
//
//   - pi: model data of npm @earendil-works/pi-ai 1.5.2 (2026-11-10), anthropic.json and openai.json
//   - or: the same package's openrouter.json, for real context lengths; the others state where the long-prompt price begins
//   - bed: the same package's amazon-bedrock.json
//   - sheet: Anthropic's documentation of thinking and sampling by model, OpenAI's of chat completions, as of November 2026
//   - doc: the vendor's model pages, as long known
var (
	text       = []string{"text"}
	textImage  = []string{"text", "image"}
	textFile   = []string{"text", "image", "file"}
	outputText = []string{"text"}
)

// Facts tells what is known of the model id at a provider of the type kind, as the settings name it; nil where nothing is.
// At one of the type "anthropic" an unknown model has no sizes, and is taken to lack what is most likely refused.
// An id is known by its exact spelling, as a documented alias, or as a dated snapshot of one of these: "-20250929" or
// "-2025-09-29" behind it. It is never known by its beginning: gpt-5-pro is no gpt-5. The caller may change the model,
// its lists apart.
func Facts(kind, id string) *llm.Model {
	r, lacks := find(kind, id)
	if r == nil {
		return nil
	}
	m := &llm.Model{ID: id}
	fill(m, r, lacks)
	return m
}

// Complete fills in what m, a model that a provider of the type kind has listed, leaves unknown. What the provider states
// wins: also by the parameters that it says the model takes.
func Complete(kind string, m *llm.Model) {
	r, lacks := find(kind, m.ID)
	switch {
	case r == nil:
	case r == &newerClaude && m.Thinking != 0 && m.Thinking != llm.ThinksAdaptive:
		// Its provider says that it thinks in an older way, so it is no newer Claude.
	case r == &otherModel && m.InputModes != nil:
		// Its provider says itself what it can do.
	default:
		fill(m, r, lacks)
	}
}

func fill(m *llm.Model, r *row, lacks llm.Set) {
	if m.ContextLength == 0 {
		m.ContextLength = r.context
	}
	if m.MaxOutput == 0 {
		m.MaxOutput = r.output
	}
	if m.InputModes == nil {
		m.InputModes = r.input
	}
	if m.OutputModes == nil {
		m.OutputModes = outputText
	}
	if m.Thinking == 0 {
		m.Thinking = r.think
	}
	if m.Thinking&llm.ThinksNever == 0 {
		m.Thinking |= r.think & llm.ThinksAlways // which no list tells
	}
	if m.Efforts == nil {
		m.Efforts = r.efforts
	}
	for _, p := range parameters {
		if slices.Contains(m.Parameters, p.name) {
			lacks &^= p.has
		}
	}
	m.Lacks |= lacks
}

// parameters are the names under which lists say what a model takes.
var parameters = []struct {
	name string
	has  llm.Set
}{
	{"temperature", 1<<llm.FeatureTemperature | 1<<llm.FeatureHot},
	{"top_p", 1 << llm.FeatureTopP},
	{"top_k", 1 << llm.FeatureTopK},
	{"stop", stops},
	{"logprobs", 1 << llm.FeatureLogprobs},
	{"logit_bias", 1 << llm.FeatureLogitBias},
	{"presence_penalty", 1 << llm.FeaturePenalties},
	{"structured_outputs", 1 << llm.FeatureSchema},
	{"verbosity", 1 << llm.FeatureVerbosity},
	{"tools", 1 << llm.FeatureTools},
	{"parallel_tool_calls", 1 << llm.FeatureOneCall},
}

// find returns the row of a model, and what the model lacks when it is reached through a provider of the type kind.
func find(kind, id string) (*row, llm.Set) {
	switch kind {
	case "anthropic":
		r := lookup(anthropic, id, (*row).is)
		if r == nil {
			r = unknownAnthropic(id)
		}
		return r, r.lacks
	case "openai":
		if r := lookup(openai, id, (*row).is); r != nil {
			return r, r.lacks
		}
	case "openrouter":
		return throughOpenRouter(id)
	}
	return nil, 0
}

// throughOpenRouter finds "vendor/model", whose Claudes have points in their versions: "anthropic/claude-opus-4.8". A
// variant behind a colon is the same model where it only says who shall answer; ":free" and the like are others.
func throughOpenRouter(id string) (*row, llm.Set) {
	vendor, name, _ := strings.Cut(id, "/")
	if base, variant, _ := strings.Cut(name, ":"); variant == "nitro" || variant == "floor" || variant == "exacto" {
		name = base
	}
	var r *row
	switch vendor {
	case "anthropic":
		r = lookup(anthropic, name, (*row).isWithPoints)
	case "openai":
		r = lookup(openai, name, (*row).is)
	}
	if r == nil {
		return nil, 0
	}
	// What becomes of a call that the vendor refuses to force is for OpenRouter to say.
	if r.think == llm.ThinksNever {
		return r, r.lacks &^ (chatOnly&^thought | forcedCall)
	}
	return r, r.lacks &^ (chatOnly | forcedCall)
}

// lookup finds id in a table: exactly, else without its date.
func lookup(table []row, id string, is func(*row, string) bool) *row {
	for {
		for i := range table {
			if is(&table[i], id) {
				return &table[i]
			}
		}
		base, dated := undated(id)
		if !dated {
			return nil
		}
		id = base
	}
}

func (r *row) is(id string) bool { return r.id == id || slices.Contains(r.aliases, id) }

// isWithPoints compares id with the row's, in which a point stands for the dash between two digits.
func (r *row) isWithPoints(id string) bool {
	if len(id) != len(r.id) {
		return false
	}
	for i := range len(id) {
		want := r.id[i]
		if want == '-' && i > 0 && i+1 < len(r.id) && isDigit(r.id[i-1]) && isDigit(r.id[i+1]) {
			want = '.'
		}
		if id[i] != want {
			return false
		}
	}
	return true
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// undated takes a date off the end of an id.
func undated(id string) (base string, ok bool) {
	for _, form := range []string{"-20YYMMDD", "-20YY-MM-DD"} {
		if at := len(id) - len(form); at > 0 && isDate(id[at:], form) {
			return id[:at], true
		}
	}
	return id, false
}

// isDate compares s with a form of the same length, in which letters stand for digits.
func isDate(s, form string) bool {
	month, day := 0, 0
	for i := range len(form) {
		switch {
		case form[i] >= 'A' && !isDigit(s[i]):
			return false
		case form[i] == 'M':
			month = month*10 + int(s[i]-'0')
		case form[i] == 'D':
			day = day*10 + int(s[i]-'0')
		case form[i] < 'A' && s[i] != form[i]:
			return false
		}
	}
	return month >= 1 && month <= 12 && day >= 1 && day <= 31
}
