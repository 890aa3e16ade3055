package dashboard

import (
	"strings"
	"time"

	"localrouter/db"
	"localrouter/providers"
	"localrouter/providers/llm"
)

// newestShown is how many finished requests the Overview lists.
const newestShown = 10

type overviewView struct {
	Range     string
	Banners   []bannerView
	Tiles     []tileView
	Running   []runView
	Providers []providerView
	Newest    []newestView
}

type tileView struct {
	Metric, Label, Figure, Unit, Note string
	Chosen                            bool
	Spark                             []string
}

type runView struct{ ID, Key, Model, For, Tokens string }

type providerView struct {
	Name, Shape, Class, Word, Latency, Models, Detail string
	Local                                             bool
}

type newestView struct {
	ID, Time, Key, Model, Tokens, Cost, Took string
	Estimated, CostWord                      bool
	Shape, Class, Word, Reason               string
}

func (d *Dashboard) overviewView() (*overviewView, error) {
	recent := d.o.Recorder.Recent(1000)
	tiles, compared, err := d.tiles(recent, metrics[0].id)
	if err != nil {
		return nil, err
	}
	return &overviewView{
		Range: d.rangeWords(compared), Banners: d.banners(d.o.Gateway.State()), Tiles: tiles, Running: d.runs(),
		Providers: d.providerStrip(), Newest: d.newest(recent),
	}, nil
}

// rangeWords says what the tiles count, and what their changes compare with.
func (d *Dashboard) rangeWords(compared bool) string {
	day := d.midnight()
	words := day.Format("2 Jan 15:04") + " to now"
	if compared {
		words += ", against the same hours of " + day.AddDate(0, 0, -1).Format("2 Jan")
	}
	return words
}

// tiles are today's figures; compared reports whether there was a day before to compare with.
func (d *Dashboard) tiles(recent []db.Entry, chosen string) (tiles []tileView, compared bool, err error) {
	now, day := d.o.Now(), d.midnight()
	var today, before figures
	if today.Cell, err = d.o.Recorder.Totals(db.Query{From: day}); err != nil {
		return nil, false, err
	}
	if before.Cell, err = d.o.Recorder.Totals(db.Query{From: day.AddDate(0, 0, -1), To: now.AddDate(0, 0, -1)}); err != nil {
		return nil, false, err
	}
	step := max(now.Sub(day)/32, time.Minute)
	_, slots, err := d.series(day, step, recent)
	if err != nil {
		return nil, false, err
	}
	for i := range slots {
		today.speeds = append(today.speeds, slots[i].speeds...)
	}
	for i := range metrics {
		m := &metrics[i]
		t := tileView{Metric: m.id, Label: m.label, Chosen: m.id == chosen, Note: change(m, &today, &before), Spark: spark(m, slots)}
		t.Figure, t.Unit = figure(m, &today)
		if note := noteOf(m, &today); note != "" {
			t.Note = note
		}
		tiles = append(tiles, t)
	}
	return tiles, before.Requests > 0, nil
}

// figure is a tile's number with its unit apart, where the unit is written smaller.
func figure(m *metric, c *figures) (text, unit string) {
	v, ok := m.value(c)
	if !ok {
		return "–", ""
	}
	text = m.text(v)
	switch m.axis {
	case "ms":
		text, unit, _ = strings.Cut(text, nbsp)
	case "speed":
		unit = m.unit
	case "usd":
		if c.Requests > 0 && c.CostUnknown == c.Requests {
			return "unknown", ""
		}
	}
	return text, unit
}

// noteOf says what a change in percent would hide; empty where the change may stand.
func noteOf(m *metric, c *figures) string {
	_, ok := m.value(c)
	switch {
	case c.Requests == 0:
		return "none yet"
	case m.axis == "usd" && c.CostUnknown == c.Requests:
		return "no price"
	case m.axis == "usd" && c.CostUnknown > 0:
		return "+ " + formatCount(c.CostUnknown) + " unknown"
	case m.axis == "ms" && !ok:
		return "under 5 answers"
	case m.axis == "speed" && !ok:
		return "no stream yet"
	case m.axis == "speed":
		return "median"
	}
	return ""
}

func (d *Dashboard) runs() []runView {
	var list []runView
	now := d.o.Now()
	for _, r := range d.o.Gateway.Running() {
		v := runView{ID: r.ID, Key: r.Key, Model: r.Asked, For: formatClock(now.Sub(r.Start))}
		switch {
		case r.Waiting:
			v.Model = "in line for " + r.Provider
		case r.Provider != "" && r.Model != "":
			v.Model = r.Provider + " / " + r.Model
		}
		if r.Tokens > 0 {
			v.Tokens = formatTokens(r.Tokens) + " tokens"
		}
		list = append(list, v)
	}
	return list
}

// providerWords are shape, class and word for each state of a provider.
var providerWords = map[providers.State][3]string{
	providers.Healthy:   {"ok", "", "healthy"},
	providers.Degraded:  {"warn", "warn-text", "degraded"},
	providers.Unhealthy: {"err", "err-text", "down"},
	providers.Off:       {"off", "", "off"},
	providers.Unknown:   {"off", "", "not asked yet"},
}

func (d *Dashboard) providerStrip() []providerView {
	var list []providerView
	d.o.Providers.Sources() // asking is what keeps their checks going while the page is open
	for _, p := range d.o.Providers.Status() {
		state := p.State
		if !p.Enabled {
			state = providers.Off
		}
		words, ok := providerWords[state]
		if !ok {
			words = providerWords[providers.Unknown]
		}
		v := providerView{Name: p.Name, Shape: words[0], Class: words[1], Word: words[2], Detail: p.Detail, Local: p.Local, Models: plural(p.Models, "model")}
		if p.Models == 0 {
			v.Models = "no list of models"
		}
		if p.Latency > 0 && state != providers.Off && state != providers.Unhealthy {
			v.Latency = formatDuration(p.Latency)
		}
		if (state == providers.Degraded || state == providers.Unhealthy) && p.Detail != "" {
			v.Models = p.Detail // the reason stands beside every amber or red shape
		}
		list = append(list, v)
	}
	return list
}

func (d *Dashboard) newest(recent []db.Entry) []newestView {
	now := d.o.Now()
	var list []newestView
	for i := range recent {
		if len(list) == newestShown {
			break
		}
		e := &recent[i]
		v := newestView{
			ID: e.ID, Time: formatTime(e.Start, now), Key: e.Key, Model: e.Asked, Tokens: formatTokens(e.Usage.Total()), Estimated: e.Usage.Estimated,
			Cost: formatCost(e.Cost, e.CostSource), Took: formatDuration(e.Latency),
		}
		v.CostWord = !strings.ContainsRune(v.Cost, '$')
		if e.Provider != "" {
			v.Model = e.Provider + " / " + e.Model
		}
		if v.Key == "" {
			v.Key = "no key"
		}
		v.Shape, v.Class, v.Word, v.Reason = outcome(e)
		list = append(list, v)
	}
	return list
}

// outcome says how a request ended.
func outcome(e *db.Entry) (shape, class, word, reason string) {
	switch e.Kind {
	case "":
		return "ok", "", "answered", e.Finish
	case llm.ClientGone:
		return "off", "", "given up", "the application went away"
	}
	return "err", "err-text", strings.ReplaceAll(string(e.Kind), "_", " "), e.Error
}
