package providers

import (
	"slices"
	"strings"

	"localrouter/providers/llm"
)

// Query says which models are wanted. The zero value wants all that can be talked to.
type Query struct {
	// Providers are names of the settings. Empty: all.
	Providers []string
	// Capabilities lists names of llm.Capabilities that a model must be known to have.
	Capabilities []string
	// MaxInput and MaxOutput are the most that a million tokens may cost, in PicoUSD per token as a Price has it; nil: no
	// bound. A model whose price is not known passes neither.
	MaxInput, MaxOutput *llm.PicoUSD
	// MinContext is the least context, in tokens. Zero: no bound. A model whose context is not known does not pass one.
	MinContext int
	// MinParameters and MaxParameters bound the size. Zero: no bound. A model whose size is not known passes none.
	MinParameters, MaxParameters int64
	// Text must stand in the id or the name, whichever case; several words each. Empty: any.
	Text string
	// API is what the model is for. Empty: conversations.
	API llm.API
	// Any wants models for anything, whatever API says.
	Any bool
}

// Find lists the models of all providers that a query wants, in the order of the settings and of the providers.
func Find(sources *llm.Sources, q Query) []llm.Offer {
	var list []llm.Offer
	words := strings.Fields(strings.ToLower(q.Text))
	for _, src := range sources.List {
		if len(q.Providers) > 0 && !slices.Contains(q.Providers, src.Name) {
			continue
		}
		for i := range src.Models {
			if m := &src.Models[i]; q.wants(src, m) && holds(m, words) {
				list = append(list, llm.Offer{Source: src, Model: m})
			}
		}
	}
	return list
}

func (q *Query) wants(src *llm.Source, m *llm.Model) bool {
	switch {
	case !q.Any && m.API != q.API && !(q.API == "" && m.API == llm.APIResponses):
	case q.MinContext > 0 && m.ContextLength < q.MinContext:
	case q.MinParameters > 0 && m.Size < q.MinParameters:
	case q.MaxParameters > 0 && (m.Size == 0 || m.Size > q.MaxParameters):
	case !q.affords(src, m):
	default:
		return !slices.ContainsFunc(q.Capabilities, func(name string) bool { return m.Can(name) != llm.Yes })
	}
	return false
}

// affords compares prices. What runs here, or is paid for by the month, costs nothing more.
func (q *Query) affords(src *llm.Source, m *llm.Model) bool {
	if q.MaxInput == nil && q.MaxOutput == nil {
		return true
	}
	billing := m.Billing
	if billing == "" {
		billing = src.Billing
	}
	switch {
	case src.RunsHere(m.ID) || billing.Flat():
		return true
	case m.Price == nil:
		return false
	}
	return (q.MaxInput == nil || m.Price.Input <= *q.MaxInput) && (q.MaxOutput == nil || m.Price.Output <= *q.MaxOutput)
}

// holds reports whether each of the words stands in the id or the name.
func holds(m *llm.Model, words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(m.ID + "\n" + m.Name)
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}
