package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"localrouter/providers/llm"
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

// modelList is the spelled list of one state of the providers.
type modelList struct {
	from *llm.Sources
	body []byte
}

func describe(src *llm.Source, m *llm.Model) modelEntry {
	e := modelEntry{ID: src.Name + "/" + m.ID, Object: "model", OwnedBy: m.OwnedBy, Name: m.Name,
		ContextLength: m.ContextLength, MaxOutput: m.MaxOutput, Parameters: m.Parameters}
	if e.OwnedBy == "" {
		e.OwnedBy = src.Name
	}
	if !m.Created.IsZero() {
		e.Created = m.Created.Unix()
	}
	if len(m.InputModes)+len(m.OutputModes) > 0 {
		e.Modalities = &modelModes{m.InputModes, m.OutputModes}
	}
	switch p := m.Price; {
	case src.Local:
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

// named is a model under the name that applications ask for it by.
func named(src *llm.Source, m *llm.Model) llm.Model {
	out := *m
	out.ID = src.Name + "/" + m.ID
	return out
}

// listModels answers GET /v1/models from the lists as they are known: no provider is asked.
func listModels(x *exchange) *llm.Error {
	var sources *llm.Sources
	if x.g.Directory != nil {
		sources = x.g.Directory.Sources()
	}
	if l, ok := x.codec.(lister); ok {
		return x.sendJSON(page(l, sources, x.r.URL.Query()))
	}
	list := x.g.models.Load()
	if list == nil || list.from != sources {
		entries := []modelEntry{}
		if sources != nil {
			for _, src := range sources.List {
				for i := range src.Models {
					entries = append(entries, describe(src, &src.Models[i]))
				}
			}
		}
		body, err := json.Marshal(struct {
			Object string       `json:"object"`
			Data   []modelEntry `json:"data"`
		}{"list", entries})
		if err != nil {
			return llm.AsError(err)
		}
		list = &modelList{sources, body}
		x.g.models.Store(list)
	}
	return x.sendJSON(list.body)
}

// page spells the part of all models that a query asks for.
func page(l lister, sources *llm.Sources, query url.Values) []byte {
	var list []llm.Model
	if sources != nil {
		for _, src := range sources.List {
			for i := range src.Models {
				list = append(list, named(src, &src.Models[i]))
			}
		}
	}
	limit, _ := strconv.Atoi(query.Get("limit")) // what is no number is the usual one
	return l.AppendModels(nil, list, limit, query.Get("after_id"), query.Get("before_id"))
}

// showModel answers GET /v1/models/{id}; the id may hold slashes, as they are or escaped.
func showModel(x *exchange) *llm.Error {
	id := x.vars["id"]
	x.entry.Asked = cutText(id, 256)
	src, own, e := x.g.Router.Resolve(id)
	if e != nil {
		return e
	}
	m, ok := src.Model(own)
	if !ok {
		return &llm.Error{Kind: llm.ModelNotFound, Status: http.StatusNotFound, Code: "model_not_found", Param: "model", Model: id,
			Message: "The provider " + src.Name + " does not list the model " + quoted(own) + ". GET /v1/models lists what it does."}
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
