package dashboard

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"localrouter/db/settings"
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

// modelQuery is what the list of models is narrowed by. The zero value lets all through.
type modelQuery struct {
	provider             string
	has                  []string
	maxPrice             float64 // USD per million tokens, in and out
	priced               bool    // maxPrice is asked for
	minContext           int64
	minParams, maxParams int64
	text                 string
}

// parseModelQuery reads provider, has, max_price, min_context, min_params, max_params and q.
func parseModelQuery(r *http.Request) (q modelQuery, err error) {
	v := r.URL.Query()
	q.provider, q.text = v.Get("provider"), strings.ToLower(v.Get("q"))
	for word := range strings.SplitSeq(v.Get("has"), ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		if !slices.Contains(settings.Capabilities, word) {
			return q, &problem{Status: http.StatusBadRequest, Message: word + " is no capability", NextStep: "use " + strings.Join(settings.Capabilities, ", ")}
		}
		q.has = append(q.has, word)
	}
	if text := v.Get("max_price"); text != "" {
		n, err := settings.ParseUSD(text)
		if err != nil {
			return q, unprocessable(err)
		}
		q.maxPrice, q.priced = usd(llm.PicoUSD(n)), true
	}
	if text := v.Get("min_context"); text != "" {
		if q.minContext, err = strconv.ParseInt(text, 10, 64); err != nil || q.minContext < 0 {
			return q, &problem{Status: http.StatusBadRequest, Message: "min_context is no number of tokens", NextStep: "send ?min_context=100000"}
		}
	}
	for name, into := range map[string]*int64{"min_params": &q.minParams, "max_params": &q.maxParams} {
		if text := v.Get(name); text != "" {
			if *into, err = settings.ParseCount(text); err != nil {
				return q, unprocessable(err)
			}
		}
	}
	return q, nil
}

// match reports whether a model is asked for. What is not known of it does not pass a bound on it.
func (q *modelQuery) match(s *llm.Source, m *modelJSON) bool {
	switch {
	case q.provider != "" && s.Name != q.provider,
		q.text != "" && !strings.Contains(strings.ToLower(m.ID+" "+m.Name), q.text),
		int64(m.ContextLength) < q.minContext,
		m.Parameters < q.minParams,
		q.maxParams > 0 && (m.Parameters == 0 || m.Parameters > q.maxParams):
		return false
	}
	for _, word := range q.has {
		if !slices.Contains(m.Capabilities, word) {
			return false
		}
	}
	p := m.Price
	return !q.priced || p != nil && (p.Local || p.Flat || p.Input != nil && *p.Input <= q.maxPrice && p.Output != nil && *p.Output <= q.maxPrice)
}

func (d *Dashboard) listModels(w http.ResponseWriter, r *http.Request) error {
	q, err := parseModelQuery(r)
	if err != nil {
		return err
	}
	if q.provider != "" {
		if err := d.o.Settings.Get().CheckProvider(q.provider, d.builtIn()...); err != nil {
			return missingName(err)
		}
	}
	list := []modelJSON{}
	for _, s := range d.o.Providers.Sources().List {
		for i := range s.Models {
			if one := modelOut(s, &s.Models[i]); q.match(s, &one) {
				list = append(list, one)
			}
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": list})
	return nil
}

func modelOut(s *llm.Source, m *llm.Model) modelJSON {
	return modelJSON{ID: s.Name + "/" + m.ID, Name: m.Name, ContextLength: m.ContextLength, MaxOutput: m.MaxOutput, Parameters: m.Size, Capabilities: capabilitiesOf(m),
		Billing: billingOf(s, m), Price: priceOut(s, m)}
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
	known := map[string]bool{
		"tools":       slices.Contains(m.Parameters, "tools"),
		"vision":      slices.Contains(m.InputModes, "image"),
		"audio":       slices.Contains(m.InputModes, "audio"),
		"files":       slices.Contains(m.InputModes, "file"),
		"json_schema": slices.Contains(m.Parameters, "structured_outputs"),
		"reasoning":   m.Thinking != 0 && m.Thinking&llm.ThinksNever == 0 || len(m.Efforts) > 0 || slices.Contains(m.Parameters, "reasoning"),
	}
	for _, word := range settings.Capabilities {
		if known[word] {
			list = append(list, word)
		}
	}
	return list
}

func priceOut(s *llm.Source, m *llm.Model) *priceJSON {
	if s.Local {
		return &priceJSON{Local: true}
	}
	flat := billingOf(s, m).Flat()
	if m.Price == nil {
		if flat {
			return &priceJSON{Flat: true}
		}
		return nil
	}
	perMillion := func(p llm.PicoUSD) *float64 { f := float64(p) / 1e6; return &f }
	return &priceJSON{Flat: flat, Input: perMillion(m.Price.Input), CacheRead: perMillion(m.Price.CacheRead), Output: perMillion(m.Price.Output), Request: usd(m.Price.Request)}
}
