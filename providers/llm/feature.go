package llm

import "slices"

// Feature is something a request can make use of that not every dialect and model has.
type Feature uint8

// The features. What all dialects have (text, turns, a model, an output limit) is none.
const (
	FeatureChoices        Feature = iota // several answers
	FeatureLogprobs                      // probabilities of tokens
	FeatureLogitBias                     // pushing tokens
	FeaturePenalties                     // against repetition
	FeatureSeed                          // repeatable sampling
	FeatureTemperature                   // any
	FeatureHot                           // a temperature above 1
	FeatureTopP                          //
	FeatureTopPToo                       // top_p beside a temperature
	FeatureTopK                          //
	FeatureStop                          // stop sequences
	FeatureManyStops                     // more than four of them
	FeatureBlankStop                     // one of nothing but white space
	FeatureImages                        // pictures as data
	FeatureImageURLs                     // pictures by address
	FeatureImageDetail                   // how closely to look
	FeatureAudio                         // sound, either way
	FeatureFiles                         // PDF as data
	FeatureFileURLs                      // files by address
	FeatureFileIDs                       // files that a vendor keeps, pictures among them
	FeatureFileTexts                     // documents of plain text
	FeatureOtherFiles                    // files of other types as data
	FeatureSearchResults                 // passages with a source, given by the application
	FeatureTools                         // functions to call
	FeatureToolImages                    // pictures in a tool's result
	FeatureToolFiles                     // files in a tool's result
	FeatureToolErrors                    // results of tools that failed
	FeatureToolReferences                // tools named by the result of a search for tools
	FeatureStrictTools                   // arguments kept to their schema
	FeatureCustomTools                   // tools that take free text
	FeatureHostedTools                   // tools that the provider runs
	FeatureToolChoice                    // at least one call, or a named one
	FeatureNoToolChoice                  // no call although there are tools
	FeatureToolSubset                    // only some of the tools
	FeatureOneCall                       // no parallel calls
	FeatureBadArguments                  // a call in the history whose arguments are no JSON object
	FeatureLostResult                    // a call in the history without its result
	FeatureJSON                          // any JSON
	FeatureSchema                        // JSON of a schema
	FeatureReasoning                     // a level or budget of reasoning
	FeatureToolReasoning                 // reasoning beside tools
	FeatureNoReasoning                   // none at all
	FeatureThinking                      // reasoning text in the history
	FeatureOpaque                        // blocks that only their maker understands
	FeatureCacheMarks                    // where a prompt cache ends
	FeatureCacheKey                      // what shares a prompt cache
	FeatureUser                          // who is behind the application
	FeatureTier                          // service tiers
	FeatureVerbosity                     //
	FeaturePrediction                    // an expected answer, for speed
	FeatureStore                         // keeping the answer at the provider
	FeatureCitations                     // asking for them
	FeatureSearch                        // search built into the model
	FeatureNames                         // of the speakers
	FeatureMidSystem                     // system turns between the others
	FeaturePrefill                       // an answer to be continued
	FeatureModeration                    // judging input and output on the way
	FeatureOther                         // anything of the dialect that changes how, not what, is answered
	FeatureVital                         // anything of the dialect without which the answer would be another
	featureCount
)

var _ [64 - featureCount]struct{} // a Set holds them all

var featureNames = [featureCount]string{"several answers", "log probabilities", "logit bias", "penalties", "seed", "temperature",
	"temperature above 1", "top_p", "top_p beside temperature", "top_k", "stop sequences", "more than 4 stop sequences", "blank stop sequence", "images",
	"image URLs", "image detail", "audio", "PDF", "file URLs", "vendor files", "text documents", "other files", "search results", "tools",
	"images in tool results", "files in tool results", "failed tool results", "tool references", "strict tools", "free-text tools", "hosted tools", "forced tool choice",
	"tool choice none", "tool subset", "no parallel calls", "malformed arguments in history", "call without result", "JSON mode", "JSON schema",
	"reasoning level", "reasoning beside tools", "reasoning off", "reasoning in history", "opaque blocks", "cache marks", "cache key",
	"user id", "service tier", "verbosity", "prediction", "stored answers", "citations", "built-in search", "speaker names",
	"system turns in mid-conversation", "prefilled answer", "moderation", "other tuning", "other vital fields"}

// String names f for people.
func (f Feature) String() string { return featureNames[f] }

// AllFeatures lists every feature.
func AllFeatures() []Feature {
	list := make([]Feature, featureCount)
	for i := range list {
		list[i] = Feature(i)
	}
	return list
}

// Set is a set of features.
type Set uint64

// SetOf makes a set.
func SetOf(list ...Feature) (s Set) {
	for _, f := range list {
		s |= 1 << f
	}
	return s
}

// Has reports whether f is in the set.
func (s Set) Has(f Feature) bool { return s&(1<<f) != 0 }

// Class says what becomes of a feature on its way to another dialect.
type Class uint8

// The classes. The zero value refuses, so that what nobody thought of is never lost in silence.
const (
	Refused      Class = iota // 400: without it the answer would mean something else
	Mapped                    // the other dialect says it too
	Approximated              // it says something near, and the application is told
	Dropped                   // it is left out, and the application is told
)

// String names c as the README does.
func (c Class) String() string { return [...]string{"refused", "mapped", "approximated", "dropped"}[c] }

// Row is what becomes of one feature on its way into a dialect.
type Row struct {
	Feature Feature
	Class   Class
	// Lacking is the class where the model is known not to have the feature.
	Lacking Class
	// Fact is the vendor's fact that a class other than Mapped rests on.
	Fact string
}

// Features is what a dialect has, as a provider of it speaks it. The zero value refuses everything.
type Features struct {
	Dialect Dialect
	// Ops lists what can be translated into the dialect.
	Ops  []Op
	rows [featureCount]Row
}

// NewFeatures makes the table of a dialect. A feature without a row is refused.
func NewFeatures(d Dialect, ops []Op, rows ...Row) *Features {
	f := &Features{Dialect: d, Ops: ops}
	for i := range f.rows {
		f.rows[i].Feature = Feature(i)
	}
	for _, r := range rows {
		f.rows[r.Feature] = r
	}
	return f
}

// With returns a copy of f with other rows: for a server that differs from its dialect.
func (f *Features) With(rows ...Row) *Features {
	g := *f
	for _, r := range rows {
		g.rows[r.Feature] = r
	}
	return &g
}

// Lacking returns a copy of f for a server that does not have i: what becomes of it is what else a model without it
// would mean.
func (f *Features) Lacking(i Feature) *Features {
	g := *f
	if r := &g.rows[i]; r.Class == Mapped || r.Class == Approximated {
		r.Class = r.Lacking
	}
	return &g
}

// Rows lists the table, a row for each feature.
func (f *Features) Rows() []Row { return f.rows[:] }

// class is what becomes of a feature at a model, which may be nil.
func (f *Features) class(i Feature, m *Model) Class {
	r := &f.rows[i]
	if (r.Class == Mapped || r.Class == Approximated) && m != nil && m.Lacks.Has(i) {
		return r.Lacking
	}
	return r.Class
}

// Refuses lists the features whose use a model m of the dialect refuses. Nil stands for a model of which nothing is known.
func (f *Features) Refuses(m *Model) (s Set) {
	for i := range Feature(featureCount) {
		if f.class(i, m) == Refused {
			s |= 1 << i
		}
	}
	return s
}

// Speaks reports whether the dialect has an operation for requests of other dialects.
func (f *Features) Speaks(op Op) bool { return slices.Contains(f.Ops, op) }
