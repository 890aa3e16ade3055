package dashboard

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/gorilla/mux"

	"localrouter/db"
	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing"
)

// routerJSON is a router as the admin API tells and takes it, with the words of the settings file.
type routerJSON struct {
	Name          string              `json:"name"`
	Title         string              `json:"title"`
	Include       settings.Patterns   `json:"include"`
	Exclude       settings.Patterns   `json:"exclude"`
	MinParameters string              `json:"min_parameters"` // "7B"; empty: no bound
	MaxParameters string              `json:"max_parameters"`
	Capabilities  []string            `json:"capabilities"`
	Manual        []string            `json:"manual"` // empty: the models that pass the others
	Strategies    []settings.Strategy `json:"strategies"`
	FreeOnly      bool                `json:"free_only"`
	Fallback      bool                `json:"fallback"`
	Attempts      int                 `json:"attempts"` // 0: as resilience says
	ContentPolicy bool                `json:"content_policy"`
	Limits        []settings.Limit    `json:"limits"`
}

// listedRouter is a router in the list of all.
type listedRouter struct {
	routerJSON
	// Default is "yes" for one of a first start, "changed" where the person changed it since, else empty.
	Default string `json:"default"`
	// Candidates is how many models could be tried now, and Left how many are left out; null: not known.
	Candidates *int `json:"candidates"`
	Left       *int `json:"left_out"`
}

func routerOut(r *settings.Router) routerJSON {
	a := &r.Select.Automatic
	return routerJSON{Name: r.Name, Title: r.Title, Include: full(a.Include), Exclude: full(a.Exclude), MinParameters: countText(a.MinParameters), MaxParameters: countText(a.MaxParameters),
		Capabilities: full(a.Capabilities), Manual: full(r.Select.Manual), Strategies: full(r.Strategies), FreeOnly: r.FreeOnly,
		Fallback: r.Fallback.Enabled, Attempts: r.Fallback.Attempts, ContentPolicy: r.Fallback.ContentPolicy, Limits: full(r.Limits)}
}

// full makes a list that is written as [] and not as null.
func full[S ~[]E, E any](list S) S { return append(S{}, list...) }

func countText(n int64) string {
	if n == 0 {
		return ""
	}
	return settings.FormatCount(n)
}

func (d *Dashboard) listRouters(w http.ResponseWriter, _ *http.Request) error {
	list := []listedRouter{}
	routers := d.o.Settings.Get().Routers
	for i := range routers {
		one := listedRouter{routerJSON: routerOut(&routers[i]), Default: defaultMark(&routers[i])}
		if receipt, err := d.preview(routers[i].Name, routing.PreviewOptions{}); err == nil {
			left := 0
			for _, c := range receipt.Candidates {
				if c.Left != "" {
					left++
				}
			}
			there := len(receipt.Candidates) - left
			one.Candidates, one.Left = &there, &left
		}
		list = append(list, one)
	}
	writeJSON(w, http.StatusOK, map[string]any{"routers": list})
	return nil
}

// preview asks who chooses.
func (d *Dashboard) preview(name string, o routing.PreviewOptions) (*llm.Receipt, error) {
	if d.o.Routing == nil {
		return nil, &problem{Status: http.StatusNotImplemented, Message: "this program cannot preview a router", NextStep: "look at the receipt of a request"}
	}
	receipt, e := d.o.Routing.Preview(settings.RouterPrefix+name, o)
	if e != nil {
		return nil, explain(e)
	}
	return receipt, nil
}

// defaultMark tells whether r is one of a first start, and is still as it was then.
func defaultMark(r *settings.Router) string {
	for _, d := range settings.DefaultRouters() {
		switch {
		case d.Name != r.Name:
		case reflect.DeepEqual(routerOut(&d), routerOut(r)):
			return "yes"
		default:
			return "changed"
		}
	}
	return ""
}

// previewJSON is how a router would choose now.
type previewJSON struct {
	Name       string             `json:"name"`
	Strategies []string           `json:"strategies"`
	Input      int64              `json:"input_tokens"`
	Output     int64              `json:"output_tokens"`
	Took       int64              `json:"selection_ns"`
	Candidates []previewCandidate `json:"candidates"` // in the order of trying, then those left out
}

// previewCandidate is a target with what a person compares it by.
type previewCandidate struct {
	llm.Candidate
	Price         *priceJSON `json:"price"` // null: unknown
	ContextLength int        `json:"context_length"`
	LatencyMS     float64    `json:"latency_ms"` // to the first token where measured, else of the model list; 0: not known
	Health        string     `json:"health"`
	HealthDetail  string     `json:"health_detail,omitempty"`
}

func (d *Dashboard) previewRouter(w http.ResponseWriter, r *http.Request) error {
	name, q := mux.Vars(r)["name"], r.URL.Query()
	if err := d.o.Settings.Get().CheckSelection(settings.RouterPrefix + name); err != nil {
		return missingName(err)
	}
	o := routing.PreviewOptions{Tools: q.Get("tools") == "true", Vision: q.Get("vision") == "true"}
	if text := q.Get("context"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || n > 100_000_000 {
			return &problem{Status: http.StatusBadRequest, Message: "context is no number of tokens", NextStep: "send ?context=100000"}
		}
		o.Input = n
	}
	receipt, err := d.preview(name, o)
	if err != nil {
		return err
	}
	out := previewJSON{Name: name, Strategies: full(receipt.Strategies), Input: receipt.Input, Output: receipt.Output, Took: receipt.Took.Nanoseconds(),
		Candidates: make([]previewCandidate, 0, len(receipt.Candidates))}
	standing := d.standings()
	for _, c := range receipt.Candidates {
		one := previewCandidate{Candidate: c}
		if src := d.o.Providers.Sources().Named(c.Provider); src != nil {
			if m := src.About(c.Model); m != nil {
				one.Price, one.ContextLength = d.priceOut(src, m), m.ContextLength
			} else {
				one.Price = d.priceOut(src, &llm.Model{ID: c.Model})
			}
		}
		s := standing[c.Provider]
		one.Health, one.HealthDetail, one.LatencyMS = s.State, s.Detail, s.LatencyMS
		if s.FirstTokenMS > 0 {
			one.LatencyMS = s.FirstTokenMS
		}
		out.Candidates = append(out.Candidates, one)
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func missingName(err error) error {
	p := unprocessable(err).(*problem)
	p.Status = http.StatusNotFound
	return p
}

// restoreRouters puts the default routers back as they were at the first start. Others stay.
func (d *Dashboard) restoreRouters(w http.ResponseWriter, _ *http.Request) error {
	now, restored := d.o.Settings.Get(), []string{}
	for _, r := range settings.DefaultRouters() {
		if is := now.Router(r.Name); is == nil || defaultMark(is) != "yes" {
			restored = append(restored, r.Name)
		}
	}
	if err := d.o.Settings.RestoreRouters(); err != nil {
		return explain(err)
	}
	writeJSON(w, http.StatusOK, map[string][]string{"restored": restored})
	return nil
}

// routerChange is what is to become of a router; nil leaves a part as it is.
type routerChange struct {
	New           bool                 `json:"new"`  // refuse a name that is taken, else one that is not there
	Name          *string              `json:"name"` // another name; aliases and keys follow
	Title         *string              `json:"title"`
	Include       *settings.Patterns   `json:"include"`
	Exclude       *settings.Patterns   `json:"exclude"`
	MinParameters *string              `json:"min_parameters"`
	MaxParameters *string              `json:"max_parameters"`
	Capabilities  *[]string            `json:"capabilities"`
	Manual        *[]string            `json:"manual"`
	Strategies    *[]settings.Strategy `json:"strategies"`
	FreeOnly      *bool                `json:"free_only"`
	Fallback      *bool                `json:"fallback"`
	Attempts      *int                 `json:"attempts"`
	ContentPolicy *bool                `json:"content_policy"`
	Limits        *[]settings.Limit    `json:"limits"`
}

func (in *routerChange) apply(r *settings.Router) error {
	a := &r.Select.Automatic
	if err := setCount(&a.MinParameters, in.MinParameters); err != nil {
		return err
	}
	if err := setCount(&a.MaxParameters, in.MaxParameters); err != nil {
		return err
	}
	set(&r.Title, in.Title)
	set(&a.Include, in.Include)
	set(&a.Exclude, in.Exclude)
	set(&a.Capabilities, in.Capabilities)
	set(&r.Select.Manual, in.Manual)
	set(&r.Strategies, in.Strategies)
	set(&r.FreeOnly, in.FreeOnly)
	set(&r.Fallback.Enabled, in.Fallback)
	set(&r.Fallback.Attempts, in.Attempts)
	set(&r.Fallback.ContentPolicy, in.ContentPolicy)
	set(&r.Limits, in.Limits)
	return nil
}

func setCount(into *int64, text *string) error {
	switch {
	case text == nil:
		return nil
	case *text == "":
		*into = 0
		return nil
	}
	n, err := settings.ParseCount(*text)
	if err != nil {
		return unprocessable(err)
	}
	*into = n
	return nil
}

// putRouter makes a router, or changes what is named of one that is there.
func (d *Dashboard) putRouter(w http.ResponseWriter, r *http.Request) error {
	var in routerChange
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	name := mux.Vars(r)["name"]
	if err := settings.CheckSelection(settings.RouterPrefix + name); err != nil {
		return unprocessable(err)
	}
	err := d.o.Settings.Update(func(s *settings.Settings) error {
		router := s.Router(name)
		switch {
		case router == nil && !in.New:
			return missingName(s.CheckSelection(settings.RouterPrefix + name))
		case router != nil && in.New:
			return &problem{Status: http.StatusConflict, Message: "there is a router named " + name + " already", NextStep: "choose another name, or change it with: localrouter routers set " + name}
		case router == nil:
			s.Routers = append(s.Routers, settings.NewRouter(name))
			router = &s.Routers[len(s.Routers)-1]
		}
		if err := in.apply(router); err != nil || in.Name == nil {
			return err
		}
		return s.RenameRouter(name, *in.Name)
	})
	if err == nil && in.Name != nil && *in.Name != name {
		err = d.moveKeys(name, *in.Name)
		name = *in.Name
	}
	if err != nil {
		return explain(err)
	}
	router := d.o.Settings.Get().Router(name)
	if router == nil {
		return notFound("that router")
	}
	writeJSON(w, http.StatusOK, routerOut(router))
	return nil
}

// moveKeys lets the keys that select a router follow it to its new name.
func (d *Dashboard) moveKeys(name, to string) error {
	for _, k := range d.o.Keys.List() {
		if k.Selection != settings.RouterPrefix+name {
			continue
		}
		err := d.o.Keys.SetTerms(k.ID, func(t *db.KeyTerms) {
			if t.Selection == settings.RouterPrefix+name {
				t.Selection = settings.RouterPrefix + to
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteRouter removes a router. Keys that select it are refused from then on, which the answer tells.
func (d *Dashboard) deleteRouter(w http.ResponseWriter, r *http.Request) error {
	name := mux.Vars(r)["name"]
	s := d.o.Settings.Get()
	if err := s.CheckSelection(settings.RouterPrefix + name); err != nil {
		return missingName(err)
	}
	for alias, target := range s.Aliases {
		if target == settings.RouterPrefix+name {
			return &problem{Status: http.StatusConflict, Message: "the alias " + alias + " stands for router/" + name, NextStep: "change or remove it in the settings first"}
		}
	}
	if err := d.o.Settings.RemoveRouter(name); err != nil {
		return explain(err)
	}
	keys := []string{}
	for _, k := range d.o.Keys.List() {
		if k.Selection == settings.RouterPrefix+name && !k.Internal {
			keys = append(keys, k.Name)
		}
	}
	writeJSON(w, http.StatusOK, map[string][]string{"keys": keys})
	return nil
}
