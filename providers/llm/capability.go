package llm

import "slices"

// Belief is what is known of a question. The zero value is that nothing is.
type Belief int8

// The beliefs.
const (
	Maybe Belief = 0
	Yes   Belief = 1
	No    Belief = -1
)

// Capability is what a person asks of a model, by a short name.
type Capability struct {
	Name string
	// Mode is the kind of input that it stands for; empty: none.
	Mode string
	// Parameter is the request's member by which lists tell of it; empty: none.
	Parameter string
	// Main is the feature that decides; Features are all that go with it.
	Main     Feature
	Features Set
}

// Capabilities lists what can be asked of a model.
var Capabilities = []Capability{
	{"tools", "", "tools", FeatureTools, 1<<FeatureTools | 1<<FeatureToolChoice | 1<<FeatureToolReasoning},
	{"vision", "image", "", FeatureImages, 1<<FeatureImages | 1<<FeatureImageURLs | 1<<FeatureImageDetail | 1<<FeatureToolImages},
	{"audio", "audio", "", FeatureAudio, 1 << FeatureAudio},
	{"files", "file", "", FeatureFiles, 1<<FeatureFiles | 1<<FeatureFileURLs | 1<<FeatureToolFiles},
	{"json_schema", "", "structured_outputs", FeatureSchema, 1<<FeatureSchema | 1<<FeatureStrictTools},
	{"reasoning", "", "reasoning", FeatureReasoning, 1<<FeatureReasoning | 1<<FeatureToolReasoning},
}

// CapabilityNamed finds a capability; nil where there is none of that name.
func CapabilityNamed(name string) *Capability {
	for i := range Capabilities {
		if Capabilities[i].Name == name {
			return &Capabilities[i]
		}
	}
	return nil
}

// Can tells whether the model has a capability, as far as that is known. It is Maybe for a name that there is not.
func (m *Model) Can(name string) Belief {
	c := CapabilityNamed(name)
	switch {
	case c == nil:
		return Maybe
	case m.Lacks.Has(c.Main):
		return No
	case m.Has.Has(c.Main):
		return Yes
	case c.Main == FeatureReasoning && m.Thinking != 0:
		return believe(m.Thinking&ThinksNever == 0)
	case c.Main == FeatureReasoning && len(m.Efforts) > 0:
		return Yes
	case c.Mode != "" && m.InputModes != nil:
		return believe(slices.Contains(m.InputModes, c.Mode))
	case c.Parameter != "" && m.Parameters != nil:
		return believe(slices.Contains(m.Parameters, c.Parameter))
	}
	return Maybe
}

func believe(yes bool) Belief {
	if yes {
		return Yes
	}
	return No
}
