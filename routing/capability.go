package routing

import (
	"math/bits"
	"slices"
	"strings"

	"localrouter/providers/llm"
)

// has reports whether a target is known or believed to have a capability. What takes pictures, sound or files, or reasons,
// must be known: a model of which nothing is said takes texts.
func has(t *Target, capability string) bool {
	c := llm.CapabilityNamed(capability)
	if c == nil {
		return false
	}
	known := llm.Maybe
	if t.Model != nil {
		known = t.Model.Can(capability)
	}
	if c.Mode != "" || c.Main == llm.FeatureReasoning {
		return known == llm.Yes
	}
	if f := t.Source.Features; f != nil && f.Refuses(t.Model).Has(c.Main) {
		return false
	}
	return known != llm.No
}

// blind are the features that a model which is said to take texts only cannot serve.
var blind = []struct {
	mode string
	set  llm.Set
}{
	{"image", llm.SetOf(llm.FeatureImages, llm.FeatureImageURLs, llm.FeatureImageDetail)},
	{"audio", llm.SetOf(llm.FeatureAudio)},
	{"file", llm.SetOf(llm.FeatureFiles, llm.FeatureFileURLs)},
}

// cannotSee are the features a model does not serve by the list of what it takes.
func cannotSee(m *llm.Model) (s llm.Set) {
	if m == nil || len(m.InputModes) == 0 {
		return 0
	}
	for _, b := range blind {
		if !slices.Contains(m.InputModes, b.mode) && !(b.mode == "file" && slices.Contains(m.InputModes, "pdf")) {
			s |= b.set
		}
	}
	return s
}

// apiOf is the endpoint that a target answers at; zero: conversations.
func apiOf(t *Target) llm.API {
	m := t.Model
	switch {
	case m == nil:
		return ""
	case m.API == "" && len(m.OutputModes) > 0 && !slices.Contains(m.OutputModes, "text"):
		return llm.APIOther
	}
	return m.API
}

// forwarded are the endpoints that are handed on unread, by the first part of their paths.
var forwarded = map[string]llm.API{"audio": llm.APIAudio, "images": llm.APIImages, "moderations": llm.APIModeration, "rerank": llm.APIRerank}

// endpointOf tells by a path which models a forwarded request is for; zero: nobody knows.
func endpointOf(path string) llm.API {
	part, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return forwarded[part]
}

// answers reports whether models of an endpoint are there for an operation; endpoint is that of a forwarded request,
// where it is known.
func answers(api llm.API, op llm.Op, endpoint llm.API) bool {
	switch op {
	case llm.Embeddings:
		return api == llm.APIEmbeddings
	case llm.Forward:
		if endpoint != "" {
			return api == endpoint
		}
		return api != "" && api != llm.APIEmbeddings && api != llm.APIResponses && api != llm.APICompletions
	case llm.Completions:
		return api == "" || api == llm.APICompletions
	}
	return api == ""
}

// firstOf names the first feature of a set.
func firstOf(s llm.Set) llm.Feature { return llm.Feature(bits.TrailingZeros64(uint64(s))) }
