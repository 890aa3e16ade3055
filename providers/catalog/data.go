package catalog

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"localrouter/providers/llm"
)

// catalog.json is made by the program in gen, which also writes prices.txt: where its sources disagree.
//
//go:embed catalog.json
var embedded []byte

// file is what catalog.json holds. Amounts are decimal texts in USD for a million tokens.
type file struct {
	Date    string `json:"date"` // of the newest source
	Sources []struct {
		Name, Version, Date, SHA256 string
	} `json:"sources"`
	Services []service                  `json:"services"`
	Models   map[string]json.RawMessage `json:"models"` // by provider type: a list of records
}

// service tells what tiers of service cost at a provider, as a part of the usual price.
type service struct {
	Provider  string   `json:"provider"`
	Models    []string `json:"models"` // none: all
	From      string   `json:"from"`
	Until     string   `json:"until"`
	Flex      string   `json:"flex"`
	Batch     string   `json:"batch"`
	Priority  string   `json:"priority"`
	Fast      string   `json:"fast"`
	Ultrafast string   `json:"ultrafast"`
	Region    string   `json:"region"`
}

// record is a model.
type record struct {
	ID          string   `json:"id"`
	Aliases     []string `json:"aliases"`
	Name        string   `json:"name"`
	API         llm.API  `json:"api"`
	Context     int      `json:"context"`
	Output      int      `json:"output"`
	Input       []string `json:"input"`
	OutputModes []string `json:"output_modes"`
	Tools       bool     `json:"tools"`
	Strict      bool     `json:"strict"` // it keeps to a schema
	Reasons     *bool    `json:"reasons"`
	Efforts     []string `json:"efforts"`
	Prices      []span   `json:"prices"`
	Source      string   `json:"source"`

	provider string
	prices   []*llm.Price // by time
	size     int64
	class    llm.Strength
}

// rates are what a million tokens cost; empty: the source does not say.
type rates struct {
	In      string `json:"in"`
	Out     string `json:"out"`
	Read    string `json:"read"`
	Write   string `json:"write"`
	Write1h string `json:"write_1h"`
}

// span is what holds in one span of time.
type span struct {
	rates
	From     string `json:"from"`
	Until    string `json:"until"`
	AudioIn  string `json:"audio_in"`
	AudioOut string `json:"audio_out"`
	Requests string `json:"thousand_requests"`
	Searches string `json:"thousand_searches"`
	Tiers    []struct {
		Above int64 `json:"above"`
		rates
	} `json:"tiers"`
	Hours []struct {
		From  string `json:"from"`
		Until string `json:"until"`
		rates
	} `json:"hours"`
}

// data is the catalogue as it is looked up in.
type data struct {
	date   time.Time
	models map[string]func() map[string]*record // by provider type, and id or alias
}

// load reads the embedded catalogue, once; what it says of a provider's models is read when they are first asked for. A
// test has read the same bytes before they were built in.
var load = sync.OnceValue(func() *data {
	d, err := read(embedded)
	if err != nil {
		panic("catalog: " + err.Error())
	}
	return d
})

// Date is the day of the newest data in the catalogue.
func Date() time.Time { return load().date }

func read(b []byte) (*data, error) {
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	d := &data{models: map[string]func() map[string]*record{}}
	var err error
	if d.date, err = time.Parse(time.DateOnly, f.Date); err != nil {
		return nil, err
	}
	for provider, raw := range f.Models {
		d.models[provider] = sync.OnceValue(func() map[string]*record {
			models, err := readModels(provider, raw, f.Services)
			if err != nil {
				panic("catalog: " + err.Error())
			}
			return models
		})
	}
	return d, nil
}

// of is what is known of a provider type's models, by id or alias.
func (d *data) of(kind string) map[string]*record {
	if models := d.models[kind]; models != nil {
		return models()
	}
	return nil
}

func readModels(provider string, raw []byte, services []service) (map[string]*record, error) {
	var list []record
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	models := make(map[string]*record, len(list)+len(list)/8)
	for i := range list {
		r := &list[i]
		r.provider = provider
		if err := r.price(services); err != nil {
			return nil, fmt.Errorf("%s %s: %w", provider, r.ID, err)
		}
		r.size = sizeOf(r.ID)
		var last *llm.Price
		if n := len(r.prices); n > 0 {
			last = r.prices[n-1]
		}
		r.class = strength(r.ID, r.size, last)
		models[r.ID] = r
	}
	for i := range list {
		for _, alias := range list[i].Aliases {
			if models[alias] == nil {
				models[alias] = &list[i]
			}
		}
	}
	return models, nil
}

// price makes the prices of a record, one for each span of time in which nothing changes.
func (r *record) price(services []service) error {
	for i := range r.Prices {
		s := &r.Prices[i]
		bounds := []string{s.From}
		for j := range services {
			if f := services[j].From; services[j].Provider == r.provider && f > s.From && (s.Until == "" || f < s.Until) {
				bounds = append(bounds, f)
			}
		}
		for j, from := range bounds {
			until := s.Until
			if j+1 < len(bounds) {
				until = bounds[j+1]
			}
			p, err := s.make(r, from, until, services)
			if err != nil {
				return err
			}
			if n := len(r.prices); n > 0 {
				p.Earlier, r.prices[n-1].Later = r.prices[n-1], p
			}
			r.prices = append(r.prices, p)
		}
	}
	return nil
}

func (s *span) make(r *record, from, until string, services []service) (*llm.Price, error) {
	p := &llm.Price{Source: llm.PriceOfCatalog, Row: r.provider + "/" + r.ID}
	var m reading
	p.From, p.Until = m.date(from), m.date(until)
	t := m.tier(0, &s.rates)
	p.Input, p.CacheRead, p.CacheWrite, p.CacheWriteLong, p.Output = t.Input, t.CacheRead, t.CacheWrite, t.CacheWriteLong, t.Output
	p.AudioInput, p.AudioOutput = m.amount(s.AudioIn, 0), m.amount(s.AudioOut, 0)
	// A price in USD for a thousand is a thousand times that for a million tokens, per piece.
	p.Request, p.Search = 1000*m.amount(s.Requests, 0), 1000*m.amount(s.Searches, 0)
	for i := range s.Tiers {
		p.Tiers = append(p.Tiers, m.tier(s.Tiers[i].Above, &s.Tiers[i].rates))
	}
	m.services(p, r, from, services)
	for _, h := range s.Hours {
		at := *p
		t := m.tier(0, &h.rates)
		at.Input, at.CacheRead, at.CacheWrite, at.CacheWriteLong, at.Output = t.Input, t.CacheRead, t.CacheWrite, t.CacheWriteLong, t.Output
		at.From, at.Until, at.Tiers = time.Time{}, time.Time{}, nil
		p.Hours = append(p.Hours, llm.HourPrice{From: m.minute(h.From), Until: m.minute(h.Until), Price: &at})
	}
	return p, m.err
}

// reading turns texts into values, and keeps the first error.
type reading struct{ err error }

func (m *reading) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *reading) date(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		m.fail(err)
	}
	return t
}

func (m *reading) minute(text string) int {
	hour, minute, _ := strings.Cut(text, ":")
	h, err1 := strconv.Atoi(hour)
	n, err2 := strconv.Atoi(minute)
	if err1 != nil || err2 != nil || h < 0 || h > 24 || n < 0 || n > 59 {
		m.fail(errors.New(text + " is no time of the day"))
	}
	return h*60 + n
}

// amount is what a token costs; where the text is empty, as much as otherwise.
func (m *reading) amount(text string, otherwise llm.PicoUSD) llm.PicoUSD {
	if text == "" {
		return otherwise
	}
	n, err := llm.ParseUSD(text, llm.PerMillion)
	if err != nil {
		m.fail(err)
	}
	return n
}

func (m *reading) tier(above int64, r *rates) llm.PriceTier {
	t := llm.PriceTier{Above: above, Input: m.amount(r.In, 0), Output: m.amount(r.Out, 0)}
	t.CacheRead, t.CacheWrite = m.amount(r.Read, t.Input), m.amount(r.Write, t.Input)
	t.CacheWriteLong = m.amount(r.Write1h, t.CacheWrite)
	return t
}

// services notes what tiers of service cost from a day on.
func (m *reading) services(p *llm.Price, r *record, from string, services []service) {
	for i := range services {
		s := &services[i]
		if s.Provider != r.provider || !s.holds(r.ID, from) {
			continue
		}
		for _, t := range []struct {
			service llm.Service
			ratio   string
		}{{llm.ServiceFlex, s.Flex}, {llm.ServiceBatch, s.Batch}, {llm.ServicePriority, s.Priority}, {llm.ServiceFast, s.Fast}, {llm.ServiceUltrafast, s.Ultrafast}} {
			if t.ratio != "" && !named(p.Services, t.service) {
				p.Services = append(p.Services, llm.ServicePrice{Service: t.service, Ratio: m.ratio(t.ratio)})
			}
		}
		if s.Region != "" {
			p.Region = m.ratio(s.Region)
		}
	}
}

// holds reports whether s is of a model, on a day; the empty day is the first of all.
func (s *service) holds(id, day string) bool {
	if s.From > day || s.Until != "" && day >= s.Until {
		return false
	}
	for _, m := range s.Models {
		if m == id {
			return true
		}
	}
	return s.Models == nil
}

func named(list []llm.ServicePrice, s llm.Service) bool {
	for i := range list {
		if list[i].Service == s {
			return true
		}
	}
	return false
}

func (m *reading) ratio(text string) llm.Ratio {
	num, den, _ := strings.Cut(text, "/")
	n, err1 := strconv.ParseUint(num, 10, 16)
	d, err2 := strconv.ParseUint(den, 10, 16)
	if err1 != nil || err2 != nil || n == 0 || d == 0 {
		m.fail(errors.New(text + " is no fraction"))
	}
	return llm.Ratio{Num: uint32(n), Den: uint32(d)}
}

// now finds the price that holds at a time; nil: none is known.
func (r *record) now(t time.Time) *llm.Price {
	for _, p := range r.prices {
		if (p.From.IsZero() || !t.Before(p.From)) && (p.Until.IsZero() || t.Before(p.Until)) {
			return p
		}
	}
	return nil
}

// prefixes are what a vendor's own models may be called by elsewhere, before their ids.
var prefixes = map[string][]string{"anthropic": {"anthropic/"}, "deepseek": {"deepseek/", "deepseek-ai/"}, "gemini": {"models/", "google/"},
	"mistral": {"mistralai/", "mistral/"}, "moonshot": {"moonshotai/"}, "openai": {"openai/"}, "xai": {"x-ai/", "xai/"}}

// bare takes the vendor's own prefix off an id.
func bare(kind, id string) (string, bool) {
	for _, p := range prefixes[kind] {
		if rest, ok := strings.CutPrefix(id, p); ok && rest != "" {
			return rest, true
		}
	}
	return id, false
}

// recordOf finds a model among those of a provider type: by its exact id or alias, else without its date. r is its row in
// the tables kept by hand, whose other names count, too; it may be nil.
func (d *data) recordOf(kind, id string, r *row) *record {
	models := d.of(kind)
	if models == nil {
		return nil
	}
	for name, more := id, true; more; name, more = llm.Undated(name) {
		if m := models[name]; m != nil {
			return m
		}
	}
	if r != nil {
		if m := models[r.id]; m != nil {
			return m
		}
		for _, alias := range r.aliases {
			if m := models[alias]; m != nil {
				return m
			}
		}
	}
	return nil
}
