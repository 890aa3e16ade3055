package providers

import (
	"slices"

	"localrouter/db/settings"
	"localrouter/providers/catalog"
	"localrouter/providers/llm"
)

// corrections are what the person knows better of a provider's models. They win over what the provider says, which wins
// over the catalogue.
type corrections struct {
	plan  llm.Billing
	facts []correction
}

// correction is a Fact of the settings, made ready.
type correction struct {
	of    settings.Patterns // of models at any provider; nil: all
	price *llm.Price
	*settings.Fact
}

func correctionsOf(p *settings.Provider) *corrections {
	c := &corrections{plan: p.Plan}
	for i := range p.Facts {
		f := correction{Fact: &p.Facts[i], price: priceOf(p.Facts[i].Price)}
		for _, pattern := range f.Models {
			f.of = append(f.of, "*/"+pattern)
		}
		c.facts = append(c.facts, f)
	}
	return c
}

// priceOf makes a price of a person's; nil where there is none. The settings were checked: an amount that cannot be read is
// none that got here.
func priceOf(p *settings.Price) *llm.Price {
	if p == nil {
		return nil
	}
	ok := true
	amount := func(text string, digits int, otherwise llm.PicoUSD) llm.PicoUSD {
		if text == "" {
			return otherwise
		}
		n, err := llm.ParseUSD(text, digits)
		ok = ok && err == nil
		return n
	}
	made := &llm.Price{Source: llm.PriceOfUser, Input: amount(p.Input, llm.PerMillion, 0), Output: amount(p.Output, llm.PerMillion, 0), Request: amount(p.Request, llm.Whole, 0)}
	made.CacheRead, made.CacheWrite = amount(p.CacheRead, llm.PerMillion, made.Input), amount(p.CacheWrite, llm.PerMillion, made.Input)
	made.CacheWriteLong = amount(p.CacheWriteLong, llm.PerMillion, made.CacheWrite)
	if !ok || p.Input == "" || p.Output == "" {
		return nil
	}
	return made
}

// about is what is known of a model that no list names, corrected; nil where nothing is.
func (c *corrections) about(kind, id string) *llm.Model {
	m := catalog.Facts(kind, id)
	if m == nil {
		if !slices.ContainsFunc(c.facts, func(f correction) bool { return f.names(id) }) {
			return nil
		}
		m = &llm.Model{ID: id}
	}
	c.correct(m)
	return m
}

// complete fills in what a list leaves open and corrects the rest.
func (c *corrections) complete(kind string, m *llm.Model) {
	catalog.Complete(kind, m)
	c.correct(m)
}

func (f *correction) names(id string) bool { return f.of == nil || f.of.Match("", id) }

// correct applies to each field the first fact that names the model and says something of it.
func (c *corrections) correct(m *llm.Model) {
	var own llm.Model // what the person says
	said := map[string]bool{}
	for i := range c.facts {
		f := &c.facts[i]
		if !f.names(m.ID) {
			continue
		}
		first(&own.Billing, f.Plan)
		first(&own.Price, f.price)
		first(&own.Rank, f.Rank)
		first(&own.ContextLength, f.Context)
		first(&own.MaxOutput, f.MaxOutput)
		first(&own.Size, f.Parameters)
		for _, name := range f.Has {
			if !said[name] {
				said[name] = true
				grant(m, name)
			}
		}
		for _, name := range f.Lacks {
			if !said[name] {
				said[name] = true
				deny(m, name)
			}
		}
	}
	if c.plan != "" {
		m.Billing = "" // what the catalogue takes it for
	}
	instead(&m.Billing, own.Billing)
	instead(&m.Price, own.Price)
	instead(&m.Rank, own.Rank)
	instead(&m.ContextLength, own.ContextLength)
	instead(&m.MaxOutput, own.MaxOutput)
	if instead(&m.Size, own.Size); own.Size != 0 {
		m.Class = catalog.Strength(m)
	}
}

// first keeps what was said first.
func first[T comparable](v *T, said T) {
	var nothing T
	if *v == nothing {
		*v = said
	}
}

// instead puts what was said in the place of what is known.
func instead[T comparable](v *T, said T) {
	var nothing T
	if said != nothing {
		*v = said
	}
}

// grant notes that a model has a capability. Its lists are shared, so they are made anew.
func grant(m *llm.Model, name string) {
	c := llm.CapabilityNamed(name)
	if c == nil {
		return
	}
	m.Lacks &^= c.Features
	m.Has |= 1 << c.Main
	if c.Mode != "" && !slices.Contains(m.InputModes, c.Mode) {
		modes := slices.Clone(m.InputModes)
		if modes == nil {
			modes = []string{"text"}
		}
		m.InputModes = append(modes, c.Mode)
	}
	if c.Main == llm.FeatureReasoning {
		m.Thinking &^= llm.ThinksNever
	}
}

// deny notes that a model lacks a capability.
func deny(m *llm.Model, name string) {
	c := llm.CapabilityNamed(name)
	if c == nil {
		return
	}
	m.Lacks |= c.Features
	m.Has &^= 1 << c.Main
	if c.Mode != "" && m.InputModes != nil {
		m.InputModes = slices.DeleteFunc(slices.Clone(m.InputModes), func(mode string) bool { return mode == c.Mode })
	}
	if c.Main == llm.FeatureReasoning {
		m.Thinking, m.Efforts = llm.ThinksNever, nil
	}
}
