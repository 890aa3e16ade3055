package routing

import (
	"localrouter/providers/llm"
	"localrouter/routing/health"
)

// Target is one model at one provider.
type Target struct {
	Source *llm.Source
	ID     string     // the provider's own
	Model  *llm.Model // nil where nothing is known of it
}

// Name is provider/model.
func (t *Target) Name() string { return t.Source.Name + "/" + t.ID }

// Local reports whether no data leaves this person's ground.
func (t *Target) Local() bool { return t.Source.RunsHere(t.ID) }

// billing is how the target is paid for.
func (t *Target) billing() llm.Billing {
	if t.Model != nil && t.Model.Billing != "" {
		return t.Model.Billing
	}
	return t.Source.Billing
}

// Free reports whether one more request costs nothing.
func (t *Target) Free() bool { return t.Local() || t.billing().Flat() }

// price is what the target charges, nil where that is not known; free is true where it charges nothing.
func (t *Target) price() (p *llm.Price, free bool) {
	if t.Free() {
		return nil, true
	}
	if t.Model == nil {
		return nil, false
	}
	return t.Model.Price, false
}

// candidate is a target as a table holds it: with what selection asks of it worked out beforehand.
type candidate struct {
	// What every selection asks comes first and together: of a thousand candidates the caches hold little more.
	local   bool
	free    bool
	flat    bool // a subscription or free by plan
	api     llm.API
	dialect llm.Dialect
	lacks   llm.Set // features that the model is known not to have
	unseen  llm.Set // features that it does not have by the list of what it takes
	context int64
	health  *health.Target
	runs    [mostRuns]int32
	price   *llm.Price
	static  int64   // order by strength, smaller is stronger
	refuses llm.Set // features that a request of another dialect may not use
	Target
}

func newCandidate(t Target, tracker *health.Tracker) candidate {
	c := candidate{Target: t, dialect: t.Source.Dialect, local: t.Local(), flat: t.billing().Flat(), api: apiOf(&t), static: strengthOf(&t)}
	c.price, c.free = t.price()
	c.health = tracker.Target(t.Source.Name, t.Source.Local, credentialIDs(t.Source), t.ID)
	if m := t.Model; m != nil {
		c.lacks, c.unseen, c.context = m.Lacks, cannotSee(m), int64(m.ContextLength)
	}
	if f := t.Source.Features; f != nil {
		c.refuses = f.Refuses(t.Model)
	}
	return c
}

func credentialIDs(s *llm.Source) []string {
	if len(s.Credentials) == 0 {
		return []string{""}
	}
	ids := make([]string, len(s.Credentials))
	for i := range s.Credentials {
		ids[i] = s.Credentials[i].ID
	}
	return ids
}

// provider is the client of one credential.
func (c *candidate) provider(credential int) llm.Provider {
	if credential < len(c.Source.Credentials) {
		return c.Source.Credentials[credential].Provider
	}
	return c.Source.Provider
}
