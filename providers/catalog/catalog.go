// Package catalog knows facts of models that their providers do not tell: what they cost, how long an answer may be, how a
// model is asked to reason, and what it refuses. It knows nothing of requests. Prices and sizes are data that is made from
// published sources; what models refuse stands in tables that are kept by hand, each row of which names its source.
package catalog

import (
	"slices"
	"strings"
	"sync"
	"time"

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
// An id is known by its exact spelling, as a documented alias, as a dated snapshot of one of these ("-20250929" or
// "-2025-09-29" behind it), or with its own vendor's name before it. It is never known by its beginning: gpt-5-pro is no
// gpt-5. The caller may change the model, its lists and its price apart.
func Facts(kind, id string) *llm.Model { return factsAt(kind, id, time.Now()) }

func factsAt(kind, id string, now time.Time) *llm.Model {
	m := llm.Model{ID: id}
	if !complete(kind, &m, now) {
		return nil
	}
	return &m
}

// Complete fills in what m, a model that a provider of the type kind has listed, leaves unknown. What the provider states
// wins: also by the parameters that it says the model takes.
func Complete(kind string, m *llm.Model) { complete(kind, m, time.Now()) }

// complete reports whether anything is known of m. What stands in the tables kept by hand comes first, then the data, then
// what the name says.
func complete(kind string, m *llm.Model, now time.Time) (known bool) {
	r, lacks := find(kind, m.ID)
	known = r != nil
	if kind == "openai" && m.API == "" && responsesOnly(r) {
		m.API = llm.APIResponses
	}
	inputs := m.InputModes != nil // stated, here or by hand
	switch {
	case r == nil:
	case r == &newerClaude && m.Thinking != 0 && m.Thinking != llm.ThinksAdaptive:
		// Its provider says that it thinks in an older way, so it is no newer Claude.
	case r == &otherModel && inputs:
		// Its provider says itself what it can do.
	default:
		fill(m, r, lacks)
		inputs = inputs || r.input != nil
	}
	if rec, priced := locate(kind, m.ID, r); rec != nil {
		known = true
		rec.fill(m, r != nil, inputs)
		if m.Price == nil && priced {
			m.Price = rec.now(now)
		}
		if m.API == "" {
			orElse(&m.Class, rec.class)
		}
	}
	return derive(kind, m) || known
}

// locate finds a model in the data. priced says that the price is that of the very id: with a variant of OpenRouter's
// behind it, which says who shall answer, it is not.
func locate(kind, id string, r *row) (rec *record, priced bool) {
	d := load()
	if rec = d.recordOf(kind, id, r); rec != nil {
		return rec, true
	}
	if rest, ok := bare(kind, id); ok {
		return d.recordOf(kind, rest, r), true
	}
	if base, ok := withoutVariant(id); ok && kind == "openrouter" {
		return d.recordOf(kind, base, nil), false
	}
	return nil, false
}

// withoutVariant takes off what only says who shall answer; ":free" and the like are other models.
func withoutVariant(id string) (base string, ok bool) {
	base, variant, _ := strings.Cut(id, ":")
	return base, variant == "nitro" || variant == "floor" || variant == "exacto"
}

// fill fills in what m leaves open. byHand says that the tables kept by hand have told of its reasoning, inputs that it is
// known what it takes.
func (r *record) fill(m *llm.Model, byHand, inputs bool) {
	orElse(&m.Name, r.Name)
	orElse(&m.ContextLength, r.Context)
	orElse(&m.MaxOutput, r.Output)
	orElse(&m.Size, r.size)
	if !slices.Contains(m.OutputModes, "text") { // one that talks, too, is one that talks
		orElse(&m.API, r.API)
	}
	if !inputs && r.Input != nil {
		m.InputModes = r.Input
		if !slices.Contains(r.Input, "image") {
			m.Lacks |= pictures
		}
	}
	switch {
	case m.OutputModes != nil:
	case r.OutputModes != nil:
		m.OutputModes = r.OutputModes
	case r.Tools:
		m.OutputModes = outputText
	}
	if r.Tools && !m.Lacks.Has(llm.FeatureTools) {
		m.Has |= 1 << llm.FeatureTools
	}
	if r.Strict && !m.Lacks.Has(llm.FeatureSchema) {
		m.Has |= 1 << llm.FeatureSchema
	}
	if r.Reasons == nil || byHand || m.Parameters != nil || m.Thinking != 0 {
		return
	}
	switch {
	case !*r.Reasons:
		m.Thinking = llm.ThinksNever
		m.Lacks |= thought
	default:
		m.Has |= 1 << llm.FeatureReasoning
		if m.Efforts == nil {
			m.Efforts = r.Efforts
		}
	}
}

func orElse[T comparable](v *T, other T) {
	var zero T
	if *v == zero {
		*v = other
	}
}

// pictures are what a model lacks that takes none.
const pictures llm.Set = 1<<llm.FeatureImages | 1<<llm.FeatureImageURLs | 1<<llm.FeatureImageDetail | 1<<llm.FeatureToolImages

// derive fills in what the name of a model says; it reports whether it says anything.
func derive(kind string, m *llm.Model) bool {
	says := false
	if m.API == "" && !m.Has.Has(llm.FeatureTools) && !slices.Contains(m.OutputModes, "text") {
		m.API = apiOf(m.ID)
		says = m.API != ""
	}
	if m.Size == 0 {
		m.Size = sizeOf(m.ID)
		says = says || m.Size != 0
	}
	if m.Class == llm.StrengthUnknown && (m.API == "" || m.API == llm.APIResponses) {
		m.Class = strength(m.ID, m.Size, m.Price)
	}
	if m.Created.IsZero() {
		m.Created = dateOf(m.ID)
	}
	if kind == "openrouter" && m.Billing == "" && strings.HasSuffix(m.ID, ":free") && m.Price != nil && m.Price.Input == 0 && m.Price.Output == 0 {
		m.Billing = llm.BillingRateLimited
	}
	return says
}

// dateOf is the date at the end of an id; zero where there is none.
func dateOf(id string) time.Time {
	base, dated := llm.Undated(id)
	if !dated {
		return time.Time{}
	}
	form := "-20060102"
	if len(id)-len(base) != len(form) {
		form = "-2006-01-02"
	}
	t, err := time.Parse(form, id[len(base):])
	if err != nil {
		return time.Time{}
	}
	return t
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

// find returns the row of a model in the tables kept by hand, and what the model lacks when it is reached through a
// provider of the type kind.
func find(kind, id string) (*row, llm.Set) {
	var table map[string]*row
	switch kind {
	case "anthropic":
		table = byHand().anthropic
	case "openai":
		table = byHand().openai
	case "openrouter":
		return throughOpenRouter(id)
	default:
		return nil, 0
	}
	r := lookup(table, id)
	if r == nil {
		if rest, ok := bare(kind, id); ok {
			r = lookup(table, rest)
		}
	}
	if r == nil && kind == "anthropic" {
		r = unknownAnthropic(id)
	}
	if r == nil {
		return nil, 0
	}
	return r, r.lacks
}

// throughOpenRouter finds "vendor/model", whose Claudes have points in their versions: "anthropic/claude-opus-4.8". A
// variant behind a colon is the same model where it only says who shall answer; ":free" and the like are others.
func throughOpenRouter(id string) (*row, llm.Set) {
	vendor, name, _ := strings.Cut(id, "/")
	if base, ok := withoutVariant(name); ok {
		name = base
	}
	var r *row
	switch vendor {
	case "anthropic":
		r = lookup(byHand().pointed, name)
	case "openai":
		r = lookup(byHand().openai, name)
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

// names finds the rows kept by hand by their ids and aliases.
type names struct{ anthropic, openai, pointed map[string]*row }

var byHand = sync.OnceValue(func() *names {
	n := &names{map[string]*row{}, map[string]*row{}, map[string]*row{}}
	for i := range anthropic {
		r := &anthropic[i]
		n.anthropic[r.id], n.pointed[withPoints(r.id)] = r, r
		for _, alias := range r.aliases {
			n.anthropic[alias] = r
		}
	}
	for i := range openai {
		r := &openai[i]
		n.openai[r.id] = r
		for _, alias := range r.aliases {
			n.openai[alias] = r
		}
	}
	return n
})

// withPoints spells an id as OpenRouter does: with a point for the dash between two digits.
func withPoints(id string) string {
	b := []byte(id)
	for i := 1; i+1 < len(id); i++ {
		if id[i] == '-' && isDigit(id[i-1]) && isDigit(id[i+1]) {
			b[i] = '.'
		}
	}
	return string(b)
}

// lookup finds id in a table: exactly, else without its date.
func lookup(table map[string]*row, id string) *row {
	for name, more := id, true; more; name, more = llm.Undated(name) {
		if r := table[name]; r != nil {
			return r
		}
	}
	return nil
}
