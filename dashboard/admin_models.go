package dashboard

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"localrouter/db/settings"
	"localrouter/providers"
	"localrouter/providers/llm"
)

// priceJSON is a model's price in US dollars per million tokens.
type priceJSON struct {
	Local     bool     `json:"local,omitempty"`
	Flat      bool     `json:"flat,omitempty"` // one more request costs nothing more: a subscription, or free
	Input     *float64 `json:"input,omitempty"`
	CacheRead *float64 `json:"cache_read,omitempty"`
	Output    *float64 `json:"output,omitempty"`
	Request   float64  `json:"request,omitempty"` // on top, per request
}

// modelJSON is a model in the list of all.
type modelJSON struct {
	ID            string      `json:"id"` // provider/model
	Name          string      `json:"name,omitempty"`
	ContextLength int         `json:"context_length"` // 0: unknown, as all figures here
	MaxOutput     int         `json:"max_output"`
	Parameters    int64       `json:"parameters"`
	Capabilities  []string    `json:"capabilities"` // those it is known to have
	Billing       llm.Billing `json:"billing"`
	Price         *priceJSON  `json:"price"` // null: unknown
}

// parseModelQuery reads provider, has, max_price, min_context, min_params, max_params and q.
func parseModelQuery(r *http.Request) (q providers.Query, err error) {
	v := r.URL.Query()
	q.Any, q.Text = true, v.Get("q")
	if name := v.Get("provider"); name != "" {
		q.Providers = []string{name}
	}
	for word := range strings.SplitSeq(v.Get("has"), ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		if !slices.Contains(settings.Capabilities, word) {
			return q, &problem{Status: http.StatusBadRequest, Message: word + " is no capability", NextStep: "use " + strings.Join(settings.Capabilities, ", ")}
		}
		q.Capabilities = append(q.Capabilities, word)
	}
	if text := v.Get("max_price"); text != "" { // in USD for a million tokens
		n, err := settings.ParseUSD(text)
		if err != nil {
			return q, unprocessable(err)
		}
		most := llm.PicoUSD(n / 1_000_000)
		q.MaxInput, q.MaxOutput = &most, &most
	}
	if text := v.Get("min_context"); text != "" {
		if q.MinContext, err = strconv.Atoi(text); err != nil || q.MinContext < 0 {
			return q, &problem{Status: http.StatusBadRequest, Message: "min_context is no number of tokens", NextStep: "send ?min_context=100000"}
		}
	}
	for name, into := range map[string]*int64{"min_params": &q.MinParameters, "max_params": &q.MaxParameters} {
		if text := v.Get(name); text != "" {
			if *into, err = settings.ParseCount(text); err != nil {
				return q, unprocessable(err)
			}
		}
	}
	return q, nil
}

func (d *Dashboard) listModels(w http.ResponseWriter, r *http.Request) error {
	q, err := parseModelQuery(r)
	if err != nil {
		return err
	}
	for _, name := range q.Providers {
		if err := d.o.Settings.Get().CheckProvider(name, d.builtIn()...); err != nil {
			return missingName(err)
		}
	}
	list := []modelJSON{}
	for _, o := range providers.Find(d.o.Providers.Sources(), q) {
		list = append(list, d.modelOut(o.Source, o.Model))
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": list})
	return nil
}

func (d *Dashboard) modelOut(s *llm.Source, m *llm.Model) modelJSON {
	return modelJSON{ID: s.Name + "/" + m.ID, Name: m.Name, ContextLength: m.ContextLength, MaxOutput: m.MaxOutput, Parameters: m.Size, Capabilities: capabilitiesOf(m),
		Billing: billingOf(s, m), Price: d.priceOut(s, m)}
}

func billingOf(s *llm.Source, m *llm.Model) llm.Billing {
	if m.Billing != "" {
		return m.Billing
	}
	return s.Billing
}

// capabilitiesOf lists what a model is known to have.
func capabilitiesOf(m *llm.Model) []string {
	list := []string{}
	for _, word := range settings.Capabilities {
		if m.Can(word) == llm.Yes {
			list = append(list, word)
		}
	}
	return list
}

// priceOut is what a model costs now.
func (d *Dashboard) priceOut(s *llm.Source, m *llm.Model) *priceJSON {
	if s.RunsHere(m.ID) {
		return &priceJSON{Local: true}
	}
	flat := billingOf(s, m).Flat()
	p := m.Price.At(d.o.Now())
	switch {
	case p == nil && flat:
		return &priceJSON{Flat: true}
	case p == nil:
		return nil
	}
	perMillion := func(p llm.PicoUSD) *float64 { f := float64(p) / 1e6; return &f }
	return &priceJSON{Flat: flat, Input: perMillion(p.Input), CacheRead: perMillion(p.CacheRead), Output: perMillion(p.Output), Request: usd(p.Request)}
}
