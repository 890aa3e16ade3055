package routing

import (
	"math/bits"
	"slices"
	"strings"

	"localrouter/providers/llm"
)

// capabilities are what a router may demand of its models, by the names in the settings.
var capabilities = map[string]llm.Set{
	"tools":       llm.SetOf(llm.FeatureTools),
	"vision":      llm.SetOf(llm.FeatureImages),
	"audio":       llm.SetOf(llm.FeatureAudio),
	"files":       llm.SetOf(llm.FeatureFiles),
	"json_schema": llm.SetOf(llm.FeatureSchema),
	"reasoning":   llm.SetOf(llm.FeatureReasoning),
}

// modes are what a list or the catalogue calls the input that a capability is about.
var modes = map[string]string{"vision": "image", "audio": "audio", "files": "file"}

// has reports whether a target is known or believed to have a capability. What takes pictures, sound or files must be
// known: a model of which nothing is said takes texts.
func has(t *Target, capability string) bool {
	m := t.Model
	if mode, ok := modes[capability]; ok {
		return m != nil && slices.Contains(m.InputModes, mode)
	}
	if capability == "reasoning" {
		return m != nil && m.Thinking != 0 && m.Thinking&llm.ThinksNever == 0
	}
	lacks := llm.Set(0)
	if m != nil {
		lacks = m.Lacks
	}
	if t.Source.Features != nil {
		lacks |= t.Source.Features.Refuses(m)
	}
	return lacks&capabilities[capability] == 0
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
