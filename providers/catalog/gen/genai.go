package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// genaiProviders are our provider types by the names of genai-prices. OpenRouter has a list of its own that is read while
// the program runs.
var genaiProviders = map[string]string{"anthropic": "anthropic", "cerebras": "cerebras", "deepseek": "deepseek", "fireworks": "fireworks",
	"google": "gemini", "groq": "groq", "mistral": "mistral", "moonshotai": "moonshot", "openai": "openai", "together": "together", "x-ai": "xai"}

// genaiModel is an entry of genai-prices.
type genaiModel struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Match      clause          `json:"match"`
	Context    int             `json:"context_window"`
	Deprecated bool            `json:"deprecated"`
	Prices     json.RawMessage `json:"prices"`
}

// clause says which ids a price is for.
type clause struct {
	Equals     string   `json:"equals"`
	StartsWith string   `json:"starts_with"`
	EndsWith   string   `json:"ends_with"`
	Contains   string   `json:"contains"`
	Regex      string   `json:"regex"`
	Or         []clause `json:"or"`
	And        []clause `json:"and"`
}

// is reports whether an id of the provider's own is meant. It is asked only of the id that the entry itself is named by.
func (c *clause) is(id string) bool {
	switch {
	case c.Equals != "":
		return id == c.Equals
	case c.StartsWith != "":
		return strings.HasPrefix(id, c.StartsWith)
	case c.EndsWith != "":
		return strings.HasSuffix(id, c.EndsWith)
	case c.Contains != "":
		return strings.Contains(id, c.Contains)
	case c.Regex != "":
		re, err := regexp.Compile(c.Regex)
		return err != nil || re.MatchString(id) // what Go cannot read only takes ids out of others
	case c.Or != nil:
		return slices.ContainsFunc(c.Or, func(c clause) bool { return c.is(id) })
	}
	return c.And != nil && !slices.ContainsFunc(c.And, func(c clause) bool { return !c.is(id) })
}

// exact lists the ids that are named in full.
func (c *clause) exact() (list []string) {
	if c.Equals != "" {
		list = append(list, c.Equals)
	}
	for i := range c.Or {
		list = append(list, c.Or[i].exact()...)
	}
	return list
}

// genaiSpan is a price under a condition.
type genaiSpan struct {
	Constraint struct {
		Type      string `json:"type"`
		StartDate string `json:"start_date"`
		StartTime string `json:"start_time"`
		EndTime   string `json:"end_time"`
	} `json:"constraint"`
	Prices genaiRates `json:"prices"`
}

type genaiRates struct {
	In       genaiPrice `json:"input_mtok"`
	Out      genaiPrice `json:"output_mtok"`
	Read     genaiPrice `json:"cache_read_mtok"`
	Write    genaiPrice `json:"cache_write_mtok"`
	Write1h  genaiPrice `json:"cache_write_1h_mtok"`
	AudioIn  genaiPrice `json:"input_audio_mtok"`
	AudioOut genaiPrice `json:"output_audio_mtok"`
	Requests genaiPrice `json:"requests_kcount"`
	Searches genaiPrice `json:"web_searches_kcount"`

	foreign bool // something is charged by a unit that we do not count
}

// counted are the units that we count by. What is also charged by another one, such as pages or pictures, has no price that
// we could tell. Searches of stored files are not told in replies; they are the one part that is left out.
var counted = []string{"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok", "input_audio_mtok", "output_audio_mtok",
	"cache_audio_read_mtok", "requests_kcount", "web_searches_kcount", "storage_searches_kcount"}

func (r *genaiRates) UnmarshalJSON(b []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for unit := range all {
		r.foreign = r.foreign || !slices.Contains(counted, unit)
	}
	type plain genaiRates
	return json.Unmarshal(b, (*plain)(r))
}

// genaiPrice is a number, or a base with tiers.
type genaiPrice struct {
	base  usd
	tiers map[int64]usd
}

func (p *genaiPrice) UnmarshalJSON(b []byte) error {
	var object struct {
		Base  json.Number `json:"base"`
		Tiers []struct {
			Start int64       `json:"start"`
			Price json.Number `json:"price"`
		} `json:"tiers"`
	}
	if b[0] != '{' {
		object.Base = json.Number(b)
	} else if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	n, err := parseUSD(object.Base)
	p.base = usd{n, true}
	for _, t := range object.Tiers {
		if n, err = parseUSD(t.Price); err != nil {
			break
		}
		if p.tiers == nil {
			p.tiers = map[int64]usd{}
		}
		// 199999 and 200000 both stand for "above 200000" there, give or take the one token.
		if t.Start%1000 == 999 {
			t.Start++
		}
		p.tiers[t.Start] = usd{n, true}
	}
	return err
}

// readGenai reads the prices of the providers that we have types for.
func readGenai(archive []byte) ([]*model, error) {
	files, err := untar(archive)
	if err != nil {
		return nil, err
	}
	_, data, ok := bytes.Cut(files["package/dist/index.js"], []byte("const E = "))
	if !ok {
		return nil, errors.New("the data does not begin where it did")
	}
	if data, err = literal(data); err != nil {
		return nil, err
	}
	var providers []struct {
		ID     string       `json:"id"`
		Models []genaiModel `json:"models"`
	}
	if err := json.Unmarshal(data, &providers); err != nil {
		return nil, err
	}
	var list []*model
	for _, p := range providers {
		for i := range p.Models {
			g := &p.Models[i]
			if genaiProviders[p.ID] == "" || p.ID == "google" && strings.Contains(g.ID, "claude") || strings.HasSuffix(g.ID, "-") {
				continue
			}
			m := &model{Provider: genaiProviders[p.ID], ID: g.ID, Name: g.Name, Context: g.Context, Sources: []string{"genai"}, equals: g.Match.exact()}
			if !g.Match.is(g.ID) && len(m.equals) == 0 {
				continue // a name for a family, not an id
			}
			if m.Prices, err = g.spans(); err != nil {
				return nil, fmt.Errorf("%s %s: %w", p.ID, g.ID, err)
			}
			list = append(list, m)
		}
	}
	return list, nil
}

// spans orders the prices of a model by time.
func (g *genaiModel) spans() ([]span, error) {
	var raw []genaiSpan
	if len(g.Prices) > 0 && g.Prices[0] == '[' {
		if err := json.Unmarshal(g.Prices, &raw); err != nil {
			return nil, err
		}
	} else {
		raw = make([]genaiSpan, 1)
		if err := json.Unmarshal(g.Prices, &raw[0].Prices); err != nil {
			return nil, err
		}
	}
	var list []span
	for _, s := range raw {
		if s.Prices.foreign {
			return nil, nil
		}
		switch s.Constraint.Type {
		case "", "start_date":
			next := s.Prices.span()
			if s.Constraint.StartDate != "" {
				from, err := time.Parse(time.DateOnly, s.Constraint.StartDate)
				if err != nil {
					return nil, err
				}
				next.From = from
				if len(list) > 0 {
					list[len(list)-1].Until = from
				}
			}
			list = append(list, next)
		case "time_of_date":
			from, err := time.Parse("15:04:05Z", s.Constraint.StartTime)
			until, err2 := time.Parse("15:04:05Z", s.Constraint.EndTime)
			if err != nil || err2 != nil || len(list) == 0 {
				return nil, errors.New("hours that cannot be read")
			}
			last := &list[len(list)-1]
			last.Hours = append(last.Hours, hours{from.Hour()*60 + from.Minute(), until.Hour()*60 + until.Minute(), s.Prices.span().Rates})
		default:
			return nil, errors.New("no condition is known of the kind " + s.Constraint.Type)
		}
	}
	for i := range list {
		if list[i].dearestFirst(); list[i].free() && list[i].AudioIn.n == 0 && list[i].Request.n == 0 {
			return nil, nil
		}
	}
	return list, nil
}

func (r *genaiRates) span() span {
	p := span{Rates: rates{r.In.base, r.Out.base, r.Read.base, r.Write.base, r.Write1h.base},
		AudioIn: r.AudioIn.base, AudioOut: r.AudioOut.base, Request: r.Requests.base, Search: r.Searches.base}
	var bounds []int64
	for bound := range r.In.tiers {
		bounds = append(bounds, bound)
	}
	slices.Sort(bounds)
	or := func(p *genaiPrice, bound int64) usd {
		if t, ok := p.tiers[bound]; ok {
			return t
		}
		return p.base
	}
	for _, b := range bounds {
		p.Tiers = append(p.Tiers, tier{b, rates{or(&r.In, b), or(&r.Out, b), or(&r.Read, b), or(&r.Write, b), or(&r.Write1h, b)}})
	}
	return p
}

// dearestFirst turns a price with dearer hours into one with cheaper hours, so that who does not ask for the time is not
// told too little.
func (p *span) dearestFirst() {
	if len(p.Hours) == 0 || p.Hours[0].Rates.In.n <= p.Rates.In.n {
		return
	}
	slices.SortFunc(p.Hours, func(a, b hours) int { return a.From - b.From })
	cheap, dear, at := p.Rates, p.Hours[0].Rates, 0
	var list []hours
	for _, h := range p.Hours {
		if h.From > at {
			list = append(list, hours{at, h.From, cheap})
		}
		at = h.Until
	}
	if at < 24*60 {
		list = append(list, hours{at, 24 * 60, cheap})
	}
	p.Rates, p.Hours = dear, list
}
