package openai

import (
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// spelled is a request of another dialect as this one says it.
type spelled struct {
	body []byte
	// names gives the application's name of a tool by the one that was sent; nil where all are the same.
	names map[string]string
	// stops are the stop sequences that were sent.
	stops []llm.Text
	// left names what could not be said because of something else in the request, as Planned.Report does: llm.Plan
	// decides feature by feature and cannot see it.
	left []string
}

// spell puts o.Request.Conversation into this dialect, as st wants it and as far as o.Plan kept it. The body is made in
// one buffer that is large enough from the start, so that a picture is copied once.
func spell(o *llm.Order, st Style) (*spelled, *llm.Error) {
	c := o.Request.Conversation
	if c == nil {
		return nil, &llm.Error{Kind: llm.Internal, Status: 500, Message: "internal error: the request was not decoded"}
	}
	s := &speller{o: o, c: c, st: st, keep: o.Plan.Keep, rough: o.Plan.Near, names: wire.NewNames(c, mostName)}
	s.pickTools()
	s.dst = make([]byte, 0, s.size())
	s.dst = wire.AppendQuote(append(s.dst, `{"model":`...), o.ID)
	s.dst = append(s.dst, `,"messages":[`...)
	if s.messages(); s.err != nil {
		return nil, s.err
	}
	if s.strange {
		s.leave(llm.FeatureThinking, "")
	}
	s.dst = append(s.dst, ']')
	s.appendTools()
	s.limits()
	level := s.effort()
	s.sampling(level)
	s.dst = appendEffort(s.dst, level, st.Effort)
	s.format()
	s.extras()
	if s.unmarked && s.kept(llm.FeatureCacheMarks) {
		s.leave(llm.FeatureCacheMarks, ";approximated")
	}
	s.dst = append(s.dst, '}')
	return &spelled{body: s.dst, names: s.names.Own(), stops: s.stops, left: s.left}, nil
}

// speller is the state of one spell.
type speller struct {
	o           *llm.Order
	c           *llm.Conversation
	st          Style
	keep, rough llm.Set
	names       *wire.Names
	tools       []*llm.Tool     // those that are sent
	customs     map[string]bool // the names of those that take free text
	stops       []llm.Text      // those that are sent
	left        []string
	dst         []byte

	begun   bool        // a message was spelled
	spoken  bool        // somebody but the system has spoken
	items   []item      // of the message in hand
	opening []item      // what the system says before all others
	carried []item      // what goes into the next user's message
	done    []*llm.Part // results that were spelled already
	bridge  bool        // the message before was a result
	err     *llm.Error

	strange  bool   // reasoning of another provider's was left out
	loose    bool   // a tool was to be strict, and its schema is not
	unmarked bool   // a mark found no place
	toolMark string // of the last tool that has one
}

// frame is more than what surrounds a part, a turn or a tool.
const frame = 128

// size is at least the length of the body. Arguments are written as strings, which can take twice their length.
func (s *speller) size() int {
	n := 1024 + 2*len(s.o.ID) + len(s.c.User) + len(s.c.CacheKey) + len(s.c.Format.Schema) + len(s.c.Format.Description)
	for i := range s.c.Turns {
		n += 2*frame + len(s.c.Turns[i].Name) + partsSize(s.c.Turns[i].Parts)
	}
	for _, t := range s.tools {
		n += 2*frame + len(t.Description) + len(t.Schema)
	}
	for _, t := range s.c.Stop {
		n += len(t) + 3
	}
	return n
}

func partsSize(parts []llm.Part) (n int) {
	for i := range parts {
		p := &parts[i]
		n += 2*frame + len(p.Text) + len(p.Data) + len(p.URL) + len(p.FileID) + len(p.Name) + len(p.ID) + 2*len(p.Args)
		for j := range p.Parts { // results hold no results
			q := &p.Parts[j]
			n += 2*frame + len(q.Text) + len(q.Data) + len(q.URL) + len(q.FileID) + len(q.Name)
		}
	}
	return n
}

// kept reports whether a feature is to be spelled.
func (s *speller) kept(f llm.Feature) bool { return s.keep.Has(f) }

// exact reports whether it is to be spelled as it was meant.
func (s *speller) exact(f llm.Feature) bool { return s.keep.Has(f) && !s.rough.Has(f) }

// leave notes that what the request said by f could not be said; how follows its fields: "" or ";approximated".
func (s *speller) leave(f llm.Feature, how string) {
	for _, u := range s.c.Uses {
		if u.Feature == f {
			s.left = append(s.left, u.Field+how)
		}
	}
}

func (s *speller) limits() {
	n := llm.OutputLimit(s.o.Request, s.o.Model)
	if n <= 0 {
		return
	}
	name := `,"max_tokens":`
	if s.st.MaxCompletionTokens {
		name = `,"max_completion_tokens":`
	}
	s.dst = strconv.AppendInt(append(s.dst, name...), int64(n), 10)
}

// number appends a number where it was given and its feature is kept.
func (s *speller) number(name, n string, f llm.Feature) {
	if n != "" && s.kept(f) {
		s.dst = append(append(s.dst, name...), n...)
	}
}

// sampling appends how the answer is made, of a model that reasons at level.
func (s *speller) sampling(level string) {
	if s.st.SamplesAtRest && level != "" && level != "none" {
		for _, f := range []llm.Feature{llm.FeatureTemperature, llm.FeatureTopP, llm.FeaturePenalties} {
			if s.kept(f) {
				s.leave(f, "")
			}
		}
	} else {
		s.heat()
	}
	seed := `,"seed":`
	if s.st.RandomSeed {
		seed = `,"random_seed":`
	}
	s.number(seed, s.c.Seed, llm.FeatureSeed)
	s.stop()
}

// heat appends how freely words are chosen.
func (s *speller) heat() {
	temperature := s.c.Temperature
	if t, _ := strconv.ParseFloat(temperature, 64); t > 1 && !s.exact(llm.FeatureHot) {
		temperature = "1"
	}
	s.number(`,"temperature":`, temperature, llm.FeatureTemperature)
	if s.c.Temperature == "" || !s.kept(llm.FeatureTemperature) || s.kept(llm.FeatureTopPToo) {
		s.number(`,"top_p":`, s.c.TopP, llm.FeatureTopP)
	}
	s.number(`,"top_k":`, s.c.TopK, llm.FeatureTopK)
	s.number(`,"presence_penalty":`, s.c.PresencePenalty, llm.FeaturePenalties)
	s.number(`,"frequency_penalty":`, s.c.FrequencyPenalty, llm.FeaturePenalties)
}

func (s *speller) stop() {
	if !s.kept(llm.FeatureStop) {
		return
	}
	for i, t := range s.c.Stop {
		switch {
		case len(t) == 0: // refused everywhere
			s.leave(llm.FeatureStop, "["+strconv.Itoa(i)+"]")
			continue
		case len(s.stops) == mostStops && !s.exact(llm.FeatureManyStops), !s.kept(llm.FeatureBlankStop) && blank(t):
			continue
		}
		if s.stops = append(s.stops, t); len(s.stops) == 1 {
			s.dst = append(s.dst, `,"stop":[`...)
		} else {
			s.dst = append(s.dst, ',')
		}
		s.dst = quoted(s.dst, t)
	}
	if len(s.stops) > 0 {
		s.dst = append(s.dst, ']')
	}
}

// format appends the form of the answer. Strict mode refuses schemas that do not keep to its rules, so it is only asked
// for where the application did, or where the schema does.
func (s *speller) format() {
	f := &s.c.Format
	switch {
	case f.Kind == llm.FormatJSON && s.kept(llm.FeatureJSON):
		s.dst = append(s.dst, `,"response_format":{"type":"json_object"}`...)
	case f.Kind == llm.FormatSchema && s.kept(llm.FeatureSchema):
		name := f.Name
		if !wire.IsName(name, mostName) {
			name = llm.Text("response")
		}
		s.dst = quoted(append(s.dst, `,"response_format":{"type":"json_schema","json_schema":{"name":`...), name)
		if len(f.Description) > 0 {
			s.dst = quoted(append(s.dst, `,"description":`...), f.Description)
		}
		s.dst = append(append(s.dst, `,"schema":`...), f.Schema...)
		switch {
		case f.Strict != nil:
			s.dst = appendBool(append(s.dst, `,"strict":`...), *f.Strict)
		case strictSchema(f.Schema):
			s.dst = append(s.dst, `,"strict":true`...)
		}
		s.dst = append(s.dst, "}}"...)
	}
}

// extras appends what stands beside the conversation.
func (s *speller) extras() {
	if len(s.c.User) > 0 && s.kept(llm.FeatureUser) {
		s.dst = quoted(append(s.dst, `,"user":`...), short(s.c.User))
	}
	if len(s.c.CacheKey) > 0 && s.kept(llm.FeatureCacheKey) {
		s.dst = quoted(append(s.dst, `,"prompt_cache_key":`...), short(s.c.CacheKey))
	}
	if s.c.Tier != "" && s.kept(llm.FeatureTier) {
		if tier := s.tier(); tier != "" {
			s.dst = wire.AppendQuote(append(s.dst, `,"service_tier":`...), tier)
		} else {
			s.leave(llm.FeatureTier, "")
		}
	}
	if s.c.Verbosity != "" && s.kept(llm.FeatureVerbosity) {
		s.dst = wire.AppendQuote(append(s.dst, `,"verbosity":`...), s.c.Verbosity)
	}
	if s.o.Request.Stream {
		s.dst = append(s.dst, `,"stream":true`...)
		if s.st.StreamUsage {
			s.dst = append(s.dst, `,"stream_options":{"include_usage":true}`...)
		}
	}
}

// tier is the service tier in this dialect's words; "" where it has none for it.
func (s *speller) tier() string {
	switch {
	case s.o.Request.Dialect == llm.OpenAI:
		return s.c.Tier
	case s.c.Tier == "standard_only":
		return "default"
	}
	return ""
}

// mostID is how long an opaque id may be.
const mostID = 64

// short is an opaque id, or the hash of one that is too long: it is the same for the same person all the same.
func short(t llm.Text) llm.Text {
	if len(t) <= mostID {
		return t
	}
	return llm.Text(wire.Digest(t, mostID))
}
