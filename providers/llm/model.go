package llm

import (
	"slices"
	"strings"
	"time"
)

// Model is one model of one provider. Zero means unknown in every field but ID.
type Model struct {
	ID            string // the provider's own
	Name          string // for people
	OwnedBy       string
	Created       time.Time
	ContextLength int      // tokens
	MaxOutput     int      // tokens
	InputModes    []string // "text", "image", "audio", "file", "video"
	OutputModes   []string
	Parameters    []string // request parameters the provider says it takes
	Price         *Price   // nil: unknown
	Billing       Billing  // how it is paid for; zero: by use
	Size          int64    // number of parameters
	Class         Strength // how strong it is said to be
	Rank          int      // the person's own order of strength, 1 the best; 0: none
	// API is the endpoint that answers; the zero value is that of conversations.
	API API
	// Lacks holds features that the model is known not to have, Has some of those that it is known to have.
	Lacks, Has Set
	// Thinking is how it can be asked to reason.
	Thinking Thinking
	// Efforts are the levels of reasoning it takes, least first; nil where that is not known.
	Efforts []string
}

// Thinking says how a model can be asked to reason; the zero value that nothing is known.
type Thinking uint8

// The ways, which may be combined.
const (
	ThinksByBudget Thinking = 1 << iota // a bound in tokens is taken
	ThinksAdaptive                      // it decides itself, within a level of effort
	ThinksAlways                        // it cannot be turned off
	ThinksNever                         // it does not reason
)

// API names an endpoint of a provider. The zero value is that of conversations, or nothing is known.
type API string

// The endpoints beside that of conversations.
const (
	APIResponses   API = "responses" // conversations, but there only
	APICompletions API = "completions"
	APIEmbeddings  API = "embeddings"
	APIImages      API = "images"
	APIAudio       API = "audio" // speech, either way
	APIVideos      API = "videos"
	APIRealtime    API = "realtime"
	APIModeration  API = "moderations"
	APIRerank      API = "rerank"
	APIOther       API = "other" // judging, reading documents, and what else there is
)

// Billing says how use of a model is paid for. The zero value is by use.
type Billing string

// The ways of paying.
const (
	BillingUse         Billing = "by_use"
	BillingFree        Billing = "free"              // costs nothing
	BillingRateLimited Billing = "rate_limited_free" // costs nothing within published limits
	BillingFlat        Billing = "subscription"      // a flat rate, paid already
)

// Flat reports whether one more request costs nothing more.
func (b Billing) Flat() bool { return b == BillingFree || b == BillingRateLimited || b == BillingFlat }

// Strength is the class of a model; the zero value is unknown.
type Strength uint8

// The classes, weakest first.
const (
	StrengthUnknown Strength = iota
	Small
	Medium
	Large
	Frontier
)

var strengthNames = [...]string{"", "small", "medium", "large", "frontier"}

func (s Strength) String() string { return strengthNames[s] }

// Credential is one of the keys a provider is asked with.
type Credential struct {
	// ID tells it from all others and from what it was before it was edited; it holds no secret.
	ID string
	// Name is for people; empty where there is one only.
	Name     string
	Provider Provider
}

// Source is one configured and enabled provider as routing sees it. Sources are immutable.
type Source struct {
	Name     string // from the settings
	Type     string // "openai", "ollama", "demo", ...
	Provider Provider
	// Credentials are all keys of the provider in the order in which they are tried, that of Provider first. Nil: there
	// is one, whose ID is the empty text.
	Credentials []Credential
	Billing     Billing // of its models, where they say nothing else
	Dialect     Dialect
	Local       bool // runs on this machine: costs nothing and sends no data away
	Demo        bool // the built-in demonstration
	// Features is what the provider's dialect has, for requests of other dialects; nil: it takes none.
	Features *Features
	// Facts tells of a model that the list does not hold; it may be nil, and may return nil.
	Facts func(id string) *Model
	// Models is the last list that could be read, in the provider's order; Listed reports whether there was one.
	// A provider without a list is still tried for an explicit name.
	Models []Model
	Listed bool
}

// Model finds a model of the source by its exact id; ok is false where the list does not hold it.
func (s *Source) Model(id string) (m *Model, ok bool) {
	for i := range s.Models {
		if s.Models[i].ID == id {
			return &s.Models[i], true
		}
	}
	return nil, false
}

// RunsHere reports whether a model runs on this person's own ground. Some of Ollama's models are run elsewhere, on its
// makers' machines, and say so in their names. Ollama may be set up as any server of OpenAI's dialect, takes names in any
// case, and with the place behind the tag (name:20b:cloud) or a registry's port before it.
func (s *Source) RunsHere(id string) bool { return s.Local && !elsewhere(id) }

func elsewhere(id string) bool {
	parts := strings.FieldsFunc(strings.ToLower(id), func(c rune) bool { return c == ':' || c == '@' })
	for i, part := range parts {
		// What has no place in a name is not looked at: a server may not either.
		part = strings.TrimFunc(part, func(c rune) bool { return c <= ' ' || c > '~' })
		if i > 0 && (part == "cloud" || strings.HasSuffix(part, "-cloud")) {
			return true
		}
	}
	return false
}

// About is what is known of a model, listed or not; nil where nothing is.
func (s *Source) About(id string) *Model {
	if m, ok := s.Model(id); ok {
		return m
	}
	if s.Facts == nil {
		return nil
	}
	return s.Facts(id)
}

// Sources is an immutable snapshot of all enabled providers.
type Sources struct {
	List   []*Source // in the order of the settings
	byName map[string]*Source
	byID   map[string][]*Offer
}

// Offer is a model at a source.
type Offer struct {
	Source *Source
	Model  *Model
}

// NewSources indexes list.
func NewSources(list []*Source) *Sources {
	s := &Sources{List: list, byName: make(map[string]*Source, len(list)), byID: map[string][]*Offer{}}
	for _, src := range list {
		s.byName[src.Name] = src
		for i := range src.Models {
			m := &src.Models[i]
			s.byID[m.ID] = append(s.byID[m.ID], &Offer{src, m})
		}
	}
	return s
}

// Holds reports whether a source has a credential. A source of one key, whose id is not told, has the empty one.
func (s *Sources) Holds(source, credential string) bool {
	src := s.byName[source]
	switch {
	case src == nil:
		return false
	case len(src.Credentials) == 0:
		return credential == ""
	}
	return slices.ContainsFunc(src.Credentials, func(c Credential) bool { return c.ID == credential })
}

// Named finds a source by its exact name; nil where there is none.
func (s *Sources) Named(name string) *Source { return s.byName[name] }

// Offers lists who offers a model id, in provider order. The slice must not be changed.
func (s *Sources) Offers(id string) []*Offer { return s.byID[id] }

// Answered is what is known of the model that answered where m, which may be nil, was asked for, and the reply names id; it
// is m where that is the same model or nothing is known of the price of the other.
func (s *Source) Answered(m *Model, id string) *Model {
	if id == "" || m != nil && SameModel(m.ID, id) {
		return m
	}
	if other := s.About(id); other != nil && other.Price != nil {
		return other
	}
	return m
}

// Attempt is one try at one target, as the receipt names it.
type Attempt struct {
	Provider   string `json:"provider"`
	Model      string `json:"model"`
	Kind       Kind   `json:"kind,omitempty"` // empty: answered
	Status     int    `json:"status,omitempty"`
	DurationMS int64  `json:"duration_ms"`
	// Dropped is Planned.Report, joined: what of the request the target was not told, or was told approximately.
	Dropped string `json:"dropped,omitempty"`
}
