package routing

import (
	"fmt"
	"strings"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// meaning is what the model of a request stands for: a router, or one target.
type meaning struct {
	router  *settings.Router // nil: target
	target  Target
	chosen  string // router/NAME or provider/model
	because string // in words, for the receipt
}

// Resolve tells which one model a name stands for, without a key: provider/model, an alias of one, or a bare id. A
// router is no model.
func (r *Router) Resolve(model string) (*llm.Source, string, *llm.Error) {
	t := r.table()
	if isAuto(model) {
		return nil, "", chooses(model)
	}
	m, e := t.named(model)
	if e == nil && m.router != nil {
		e = chooses(model)
	}
	return m.target.Source, m.target.ID, e
}

// chooses is the answer to who asks for the one model that a router stands for.
func chooses(model string) *llm.Error {
	return &llm.Error{Kind: llm.ModelNotFound, Status: 404, Code: "model_not_found", Param: "model", Model: model,
		Message: quote(model) + " chooses among models. GET /v1/models lists them."}
}

// nameMax bounds the name of a model in bytes. It is kept in receipts and records, and told in a header field.
const nameMax = 512

// meaning tells what a request's model stands for under a key.
func (t *table) meaning(req *llm.Request, policy *Policy) (meaning, *llm.Error) {
	switch {
	case len(req.Model) > nameMax:
		return meaning{}, &llm.Error{Kind: llm.BadRequest, Status: 400, Code: "invalid_value", Param: "model",
			Message: fmt.Sprintf("The name of the model is longer than %d bytes, as no model's is. GET /v1/models lists those there are.", nameMax)}
	case policy.Mode == ModeSelected && selects(req.Op):
		return t.selection(policy, "the key always uses its selection")
	case isAuto(req.Model):
		return t.selection(policy, "auto is the selection of the key")
	}
	m, e := t.named(req.Model)
	if e != nil || m.because != becauseSeveral {
		return m, e
	}
	if policy.Strict {
		return m, t.ambiguous(req.Model)
	}
	t.reachable(&m, policy)
	return m, nil
}

// reachable moves the meaning of a bare name, which several providers list, to the first of them that the key may reach. If
// it may reach none it stays, to be refused.
func (t *table) reachable(m *meaning, policy *Policy) {
	for _, o := range t.sources.Offers(m.target.ID) {
		if other := (Target{o.Source, m.target.ID, o.Model}); policy.Allows(&other, t.conf.Offline) {
			m.target, m.chosen = other, other.Name()
			return
		}
	}
}

// selects reports whether a key's selection is there for an operation. Vectors, sound and pictures need a model of their
// own, which the application names.
func selects(op llm.Op) bool { return op == llm.Chat || op == llm.Completions || op == llm.CountTokens }

func isAuto(model string) bool { return model == "auto" || model == "localrouter/auto" }

// selection is what the key has chosen.
func (t *table) selection(policy *Policy, because string) (meaning, *llm.Error) {
	name := policy.selection()
	m, e := t.named(name)
	if e == nil {
		m.because = because
		return m, nil
	}
	if strings.HasPrefix(name, settings.RouterPrefix) {
		return m, t.routerGone(policy, name)
	}
	e.Message = policy.who() + " has selected a model that is not there. " + e.Message
	return m, e
}

// routerGone refuses a key whose router is not there any more: it never falls to another.
func (t *table) routerGone(policy *Policy, name string) *llm.Error {
	return &llm.Error{Kind: llm.Forbidden, Status: 403, Code: "router_not_found", Param: "model", Model: name,
		Message: policy.who() + " has selected " + name + ", which does not exist any more. Select another with `localrouter keys set NAME --select router/...` (`localrouter routers list` shows them)."}
}

// Why a name stands for what it does.
const (
	becauseRouter   = "the router was asked for"
	becauseNamed    = "the provider was named"
	becauseOnly     = "the only provider that lists the model"
	becauseSeveral  = "the first of several providers that list the model"
	becauseAliasFor = "an alias for it"
)

// named tells what a name stands for, in this order: a router, an alias, a configured provider's model, with no second
// guess, or the exact id of a listed model, in provider order.
func (t *table) named(model string) (meaning, *llm.Error) {
	if strings.TrimSpace(model) == "" {
		return meaning{}, &llm.Error{Kind: llm.BadRequest, Status: 400, Code: "invalid_value", Param: "model",
			Message: "No model is named. Set \"model\" to one that GET /v1/models lists, for example \"provider/model\" or \"auto\"."}
	}
	if name, ok := strings.CutPrefix(model, settings.RouterPrefix); ok {
		if router := t.conf.Router(name); router != nil {
			return meaning{router: router, chosen: model, because: becauseRouter}, nil
		}
		return meaning{}, t.noRouter(model)
	}
	if stands, ok := t.conf.Aliases[model]; ok {
		m, e := t.plain(stands)
		m.because = becauseAliasFor
		return m, e
	}
	return t.plain(model)
}

// plain is named without aliases, which never lead to each other.
func (t *table) plain(model string) (meaning, *llm.Error) {
	if name, ok := strings.CutPrefix(model, settings.RouterPrefix); ok {
		if router := t.conf.Router(name); router != nil {
			return meaning{router: router, chosen: model, because: becauseRouter}, nil
		}
		return meaning{}, t.noRouter(model)
	}
	if source, id, ok := cutName(t.sources, model); ok {
		if id == "" {
			return meaning{}, unknown(t.sources, model)
		}
		return meaning{target: targetOf(t.sources, source, id), chosen: model, because: becauseNamed}, nil
	}
	offers := t.sources.Offers(model)
	if len(offers) == 0 {
		return meaning{}, unknown(t.sources, model)
	}
	m := meaning{target: Target{offers[0].Source, model, offers[0].Model}, chosen: offers[0].Source.Name + "/" + model, because: becauseOnly}
	if len(offers) > 1 {
		m.because = becauseSeveral
	}
	return m, nil
}

// cutName finds the configured provider a name begins with.
func cutName(sources *llm.Sources, model string) (*llm.Source, string, bool) {
	name, rest, ok := strings.Cut(model, "/")
	if !ok {
		return nil, "", false
	}
	source := sources.Named(name)
	return source, rest, source != nil
}

// targetOf finds what is known of a model. The list may be old or unreadable; the provider itself says whether it has it.
func targetOf(sources *llm.Sources, source *llm.Source, id string) Target {
	t := Target{Source: source, ID: id}
	for _, o := range sources.Offers(id) { // the index: a list may hold hundreds
		if o.Source == source {
			t.Model = o.Model
		}
	}
	if t.Model == nil && source.Facts != nil {
		t.Model = source.Facts(id)
	}
	return t
}

// noRouter is the answer to a router that is not there, with what was perhaps meant.
func (t *table) noRouter(model string) *llm.Error {
	e := &llm.Error{Kind: llm.ModelNotFound, Status: 404, Code: "model_not_found", Param: "model", Model: model}
	if len(t.conf.Routers) == 0 {
		e.Message = "There is no router " + quote(model) + ", and no other. `localrouter routers restore` brings the default ones back."
		return e
	}
	names := make([]string, 0, len(t.conf.Routers))
	for i := range t.conf.Routers {
		names = append(names, settings.RouterPrefix+t.conf.Routers[i].Name)
	}
	e.Message = "There is no router " + quote(model) + ". Those there are: " + strings.Join(names[:min(len(names), 8)], ", ") + "."
	return e
}

// ambiguous refuses a bare name where the key wants no guess.
func (t *table) ambiguous(model string) *llm.Error {
	var names []string
	for _, o := range t.sources.Offers(model) {
		names = append(names, o.Source.Name+"/"+model)
	}
	return &llm.Error{Kind: llm.ModelNotFound, Status: 404, Code: "model_ambiguous", Param: "model", Model: model,
		Message: "The model " + quote(model) + " is listed by several providers. Name one of " + strings.Join(names[:min(len(names), 8)], ", ") + "."}
}
