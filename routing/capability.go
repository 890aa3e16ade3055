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

// outputKind is what a model is for.
type outputKind uint8

const (
	kindText outputKind = iota
	kindEmbedding
	kindOther // sound, pictures, judgements
)

// namesOfEmbeddings and namesOfOthers tell by its name what a model is for where nothing else does: OpenAI's list and
// those that copy it hold names only.
var (
	namesOfEmbeddings = []string{"embed", "bge-", "gte-", "e5-", "minilm"}
	namesOfOthers     = []string{"whisper", "tts-", "-tts", "dall-e", "moderation", "rerank", "-image", "transcribe", "sora", "-realtime", "-audio", "veo-", "imagen", "flux"}
)

func kindOf(t *Target) outputKind {
	if t.Model != nil && len(t.Model.OutputModes) > 0 {
		switch {
		case slices.Contains(t.Model.OutputModes, "text"):
			return kindText
		case slices.ContainsFunc(t.Model.OutputModes, func(m string) bool { return strings.HasPrefix(m, "embedding") }):
			return kindEmbedding
		}
		return kindOther
	}
	id := strings.ToLower(t.ID)
	holds := func(part string) bool { return strings.Contains(id, part) }
	switch {
	case slices.ContainsFunc(namesOfEmbeddings, holds):
		return kindEmbedding
	case slices.ContainsFunc(namesOfOthers, holds):
		return kindOther
	}
	return kindText
}

// serves reports whether models of a kind are there for an operation.
func (k outputKind) serves(op llm.Op) bool {
	switch op {
	case llm.Embeddings:
		return k == kindEmbedding
	case llm.Forward:
		return k == kindOther
	}
	return k == kindText
}

// firstOf names the first feature of a set.
func firstOf(s llm.Set) llm.Feature { return llm.Feature(bits.TrailingZeros64(uint64(s))) }
