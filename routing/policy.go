package routing

import (
	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// The modes of a key.
const (
	ModeAsked    = "asked"    // the request's model counts, the selection answers "auto"
	ModeSelected = "selected" // the selection counts, whatever the request names
)

// Policy is what a key may reach and what its names stand for. It never changes: an edited key has another. The zero
// value is everything, with the default selection.
type Policy struct {
	ID, Name string // of the key
	// Selection is what "auto" stands for: router/NAME or provider/model. Empty: settings.DefaultSelection.
	Selection string
	Mode      string            // empty: ModeAsked
	Allow     settings.Patterns // models that may be reached; nil: all
	LocalOnly bool              // nothing that is not local
	Strict    bool              // a bare name that several providers have is refused
	Rehearse  bool              // a failure of the first target may be rehearsed
}

var anybody = &Policy{}

func (p *Policy) selection() string {
	if p.Selection == "" {
		return settings.DefaultSelection
	}
	return p.Selection
}

// allows reports whether the key may reach a model.
func (p *Policy) allows(provider, model string) bool {
	return len(p.Allow) == 0 || p.Allow.Match(provider, model)
}

// Allows reports whether the key may reach a target.
func (p *Policy) Allows(t *Target, offline bool) bool {
	return p.allows(t.Source.Name, t.ID) && (!offline && !p.LocalOnly || t.Local())
}

// Refuses says why the key may not reach a target; nil: it may. name is what it was asked for by.
func (p *Policy) Refuses(t *Target, name string, offline bool) *llm.Error {
	switch {
	case p.Allows(t, offline):
		return nil
	case !p.allows(t.Source.Name, t.ID):
		return p.notAllowed(name)
	}
	return p.notLocal(name, offline)
}

func (p *Policy) who() string {
	if p.Name == "" {
		return "This key"
	}
	return "The key " + p.Name
}

// notAllowed refuses a model outside the key's allow-list.
func (p *Policy) notAllowed(name string) *llm.Error {
	return &llm.Error{Kind: llm.Forbidden, Status: 403, Code: "model_not_allowed", Param: "model", Model: name,
		Message: p.who() + " may not reach " + quote(name) + ". GET /v1/models lists what it may, and `localrouter keys set` changes that."}
}

// othersNamed refuses a request that names models a provider may use in place of the one that was checked.
func (p *Policy) othersNamed() *llm.Error {
	return &llm.Error{Kind: llm.Forbidden, Status: 403, Code: "model_not_allowed", Param: "models",
		Message: p.who() + " may reach certain models only, and this request lets the provider choose among others (models, fallbacks). Leave these fields out, and name one model or a router."}
}

// notLocal refuses a model on the internet where only local ones may be reached.
func (p *Policy) notLocal(name string, offline bool) *llm.Error {
	e := &llm.Error{Kind: llm.Forbidden, Status: 403, Code: "local_only", Param: "model", Model: name}
	if offline {
		e.Code = "offline"
		e.Message = "LocalRouter is in offline mode, and " + quote(name) + " is not local. Name a local model, or end it with `localrouter offline off`."
		return e
	}
	e.Message = p.who() + " may reach local models only, and " + quote(name) + " is not local. Name a local model, or use another key."
	return e
}
