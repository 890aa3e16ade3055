package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing"
)

// modelEntry is one line of GET /v1/models: OpenAI's fields, and what is known beyond them.
type modelEntry struct {
	ID            string        `json:"id"`
	Object        string        `json:"object"`
	Created       int64         `json:"created"`
	OwnedBy       string        `json:"owned_by"`
	Name          string        `json:"name,omitempty"`
	ContextLength int           `json:"context_length,omitempty"`
	MaxOutput     int           `json:"max_output_tokens,omitempty"`
	Modalities    *modelModes   `json:"modalities,omitempty"`
	Parameters    []string      `json:"supported_parameters,omitempty"`
	Pricing       *modelPricing `json:"pricing,omitempty"`
}

type modelModes struct {
	Input  []string `json:"input,omitempty"`
	Output []string `json:"output,omitempty"`
}

// modelPricing is in US dollars per token as decimal texts: floating-point figures of that size lose digits.
type modelPricing struct {
	Prompt     string `json:"prompt"`
	Completion string `json:"completion"`
	CacheRead  string `json:"input_cache_read,omitempty"`
	CacheWrite string `json:"input_cache_write,omitempty"`
	Request    string `json:"request,omitempty"`
}

// describe spells a model; src is nil for what stands for others.
func describe(src *llm.Source, m *llm.Model) modelEntry {
	e := modelEntry{ID: m.ID, Object: "model", OwnedBy: m.OwnedBy, Name: m.Name,
		ContextLength: m.ContextLength, MaxOutput: m.MaxOutput, Parameters: m.Parameters}
	if src == nil {
		return e
	}
	if e.ID = src.Name + "/" + m.ID; e.OwnedBy == "" {
		e.OwnedBy = src.Name
	}
	if !m.Created.IsZero() {
		e.Created = m.Created.Unix()
	}
	if len(m.InputModes)+len(m.OutputModes) > 0 {
		e.Modalities = &modelModes{m.InputModes, m.OutputModes}
	}
	t := target{Source: src, ID: m.ID, Model: m}
	switch p := m.Price; {
	case t.Local():
		e.Pricing = &modelPricing{Prompt: "0", Completion: "0"}
	case p != nil:
		e.Pricing = &modelPricing{Prompt: dollars(p.Input), Completion: dollars(p.Output)}
		if p.CacheRead != 0 {
			e.Pricing.CacheRead = dollars(p.CacheRead)
		}
		if p.CacheWrite != 0 {
			e.Pricing.CacheWrite = dollars(p.CacheWrite)
		}
		if p.Request != 0 {
			e.Pricing.Request = dollars(p.Request)
		}
	}
	return e
}

// dollars spells an amount exactly.
func dollars(p llm.PicoUSD) string {
	sign := ""
	if p < 0 {
		sign, p = "-", -p
	}
	s := fmt.Sprintf("%s%d.%012d", sign, p/llm.USD, p%llm.USD)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// lister is a Codec whose dialect has a shape of its own for model lists; the others share OpenAI's.
type lister interface {
	// AppendModels spells the limit models of list behind the id after, or before the id before; 0 is the usual number.
	AppendModels(dst []byte, list []llm.Model, limit int, after, before string) []byte
	AppendModel(dst []byte, m *llm.Model) []byte
}

// modelList is the spelled list of one state of the providers and settings, for keys that may see everything.
type modelList struct {
	from *llm.Sources
	conf *settings.Settings
	body []byte
}

// choices are the names that stand for others: auto, the routers, the aliases.
func choices(conf *settings.Settings) []llm.Model {
	list := []llm.Model{{ID: "auto", OwnedBy: ourName, Name: "What the key has selected"}}
	for i := range conf.Routers {
		r := &conf.Routers[i]
		list = append(list, llm.Model{ID: settings.RouterPrefix + r.Name, OwnedBy: ourName, Name: cmp.Or(r.Title, r.Name)})
	}
	for _, name := range slices.Sorted(maps.Keys(conf.Aliases)) {
		list = append(list, llm.Model{ID: name, OwnedBy: ourName, Name: "Stands for " + conf.Aliases[name]})
	}
	return list
}

// ourName owns what stands for others in lists of models.
const ourName = "localrouter"

// visible calls do with every model the key may reach, the names that stand for others first.
func (x *exchange) visible(sources *llm.Sources, conf *settings.Settings, do func(src *llm.Source, m *llm.Model)) {
	list, policy := choices(conf), x.policy()
	for i := range list {
		do(nil, &list[i])
	}
	if sources == nil {
		return
	}
	for _, src := range sources.List {
		for i := range src.Models {
			t := routing.Target{Source: src, ID: src.Models[i].ID, Model: &src.Models[i]}
			if policy.Allows(&t, conf.Offline) {
				do(src, t.Model)
			}
		}
	}
}

// listModels answers GET /v1/models from the lists as they are known: no provider is asked.
func listModels(x *exchange) *llm.Error {
	var sources *llm.Sources
	if x.g.Directory != nil {
		sources = x.g.Directory.Sources()
	}
	conf := x.g.Settings()
	if l, ok := x.codec.(lister); ok {
		return x.sendJSON(x.page(l, sources, conf))
	}
	narrow := x.key.LocalOnly || len(x.key.AllowList) > 0
	if list := x.g.models.Load(); !narrow && list != nil && list.from == sources && list.conf == conf {
		return x.sendJSON(list.body)
	}
	entries := []modelEntry{}
	x.visible(sources, conf, func(src *llm.Source, m *llm.Model) { entries = append(entries, describe(src, m)) })
	body, err := json.Marshal(struct {
		Object string       `json:"object"`
		Data   []modelEntry `json:"data"`
	}{"list", entries})
	if err != nil {
		return llm.AsError(err)
	}
	if !narrow {
		x.g.models.Store(&modelList{sources, conf, body})
	}
	return x.sendJSON(body)
}

// page spells the part of all models that the query asks for.
func (x *exchange) page(l lister, sources *llm.Sources, conf *settings.Settings) []byte {
	var list []llm.Model
	x.visible(sources, conf, func(src *llm.Source, m *llm.Model) { list = append(list, named(src, m)) })
	query := x.r.URL.Query()
	limit, _ := strconv.Atoi(query.Get("limit")) // what is no number is the usual one
	return l.AppendModels(nil, list, limit, query.Get("after_id"), query.Get("before_id"))
}

// named is a model under the name that applications ask for it by.
func named(src *llm.Source, m *llm.Model) llm.Model {
	out := *m
	if src != nil {
		out.ID = src.Name + "/" + m.ID
	}
	return out
}

// showModel answers GET /v1/models/{id}; the id may hold slashes, as they are or escaped.
func showModel(x *exchange) *llm.Error {
	id := x.vars["id"]
	x.entry.Asked = cutText(id, 256)
	src, m, e := x.shown(id)
	if e != nil {
		return e
	}
	if l, ok := x.codec.(lister); ok {
		whole := named(src, m)
		return x.sendJSON(l.AppendModel(nil, &whole))
	}
	body, err := json.Marshal(describe(src, m))
	if err != nil {
		return llm.AsError(err)
	}
	return x.sendJSON(body)
}

// shown finds a model by one of its names; src is nil for what stands for others.
func (x *exchange) shown(id string) (*llm.Source, *llm.Model, *llm.Error) {
	list := choices(x.g.Settings())
	for i := range list {
		if list[i].ID == id {
			return nil, &list[i], nil
		}
	}
	src, own, e := x.g.Router.Resolve(id)
	if e != nil {
		return nil, nil, e
	}
	if e = x.policy().Refuses(&routing.Target{Source: src, ID: own}, id, x.g.Settings().Offline); e != nil {
		return nil, nil, e
	}
	m, ok := src.Model(own)
	if !ok {
		return nil, nil, &llm.Error{Kind: llm.ModelNotFound, Status: http.StatusNotFound, Code: "model_not_found", Param: "model", Model: id,
			Message: "The provider " + src.Name + " does not list the model " + quoted(own) + ". GET /v1/models lists what it does."}
	}
	return src, m, nil
}

func (x *exchange) sendJSON(body []byte) *llm.Error {
	x.set("Content-Type", "application/json")
	x.set("Content-Length", strconv.Itoa(len(body)))
	x.set("X-Localrouter", "1") // by it other programs tell us from a plain server
	x.send(http.StatusOK)
	if x.r.Method != http.MethodHead {
		if _, err := x.ResponseWriter.Write(body); err != nil {
			return clientGone(err)
		}
	}
	return nil
}
