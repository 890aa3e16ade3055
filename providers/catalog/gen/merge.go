package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// services are what tiers of service cost, as a part of the usual price, by the vendors' price pages as of November 2026;
// no source of data has them. Of several rows that name a tier the first holds.
var services = []string{
	`{"provider":"openai","models":["gpt-5.5"],"priority":"5/2","fast":"5/2"}`,
	`{"provider":"openai","flex":"1/2","batch":"1/2","priority":"2/1","fast":"2/1","ultrafast":"3/1","until":"2027-03-01"}`,
	`{"provider":"openai","flex":"1/2","batch":"1/2","priority":"2/1","fast":"2/1","ultrafast":"6/1","from":"2027-03-01"}`,
	`{"provider":"anthropic","batch":"1/2","fast":"2/1","region":"11/10"}`,
	`{"provider":"gemini","batch":"1/2"}`,
}

// stale are rows of genai-prices whose price is known to be of another time than the model that has the name now.
var stale = map[string]bool{"deepseek/deepseek-chat": true, "deepseek/deepseek-reasoner": true}

// difference is where two sources disagree on a price.
type difference struct {
	model, what   string
	taken, other  usd
	from, against string
}

// merge makes the rows. For a model that pi-ai has, it says the price of input and output, tiers, sizes and what is taken;
// genai-prices says the prices of caches, sound and searches, what held before and what will, as long as the two agree on
// input and output to 1 %. What pi-ai lacks comes from genai-prices, else from catwalk.
func merge(pi, genai, catwalk []*model) ([]*model, []difference) {
	rows := map[string]*model{}
	for _, m := range pi {
		if old := rows[m.key()]; old == nil || old.API != "" {
			rows[m.key()] = m // a model that also talks is one that talks
		}
	}
	var differences []difference
	for _, g := range genai {
		if stale[g.key()] {
			continue
		}
		differences = append(differences, g.join(rows)...)
	}
	for _, c := range catwalk {
		if m := rows[c.key()]; m == nil {
			rows[c.key()] = c
		} else {
			if c.Provider != "openrouter" { // its prices move every day, and are read from its own list
				differences = append(differences, m.compare(c)...)
			}
			if m.Efforts == nil && m.Reasons != nil && *m.Reasons {
				m.Efforts = c.Efforts
			}
		}
	}
	var list []*model
	for _, m := range rows {
		m.longWrites()
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *model) int {
		return cmp.Or(strings.Compare(a.Provider, b.Provider), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(differences, func(a, b difference) int {
		return strings.Compare(a.model+" "+a.what+" "+a.against, b.model+" "+b.what+" "+b.against)
	})
	return list, differences
}

func (m *model) key() string { return m.Provider + "/" + m.ID }

// join adds what genai-prices knows to the rows it names in full; where there is none it becomes one.
func (m *model) join(rows map[string]*model) (differences []difference) {
	names := append([]string{m.ID}, m.equals...)
	var latest []string
	for _, name := range names {
		if strings.HasSuffix(name, "-latest") && name != m.ID && rows[m.Provider+"/"+name] == nil {
			latest = append(latest, name)
		}
	}
	joined := false
	for i, name := range names {
		row := rows[m.Provider+"/"+name]
		if row == nil || slices.Contains(names[:i], name) || row.Sources[0] != "pi" || slices.Contains(row.Sources, "genai") {
			continue
		}
		differences = append(differences, row.complete(m)...)
		if !joined {
			row.Aliases = latest
		}
		joined = true
	}
	if joined || rows[m.key()] != nil {
		return differences
	}
	for _, name := range m.equals {
		if name != m.ID && rows[m.Provider+"/"+name] == nil {
			m.Aliases = append(m.Aliases, name)
		}
	}
	rows[m.key()] = m
	return differences
}

// complete takes from g, the same model in genai-prices, what m does not say.
func (m *model) complete(g *model) (differences []difference) {
	differences = m.compare(g)
	m.Sources = append(m.Sources, "genai")
	if m.Context == 0 {
		m.Context = g.Context
	}
	if len(m.Prices) != 1 {
		return differences
	}
	now := g.at(piAI.date)
	if now < 0 || !agree(&m.Prices[0].Rates, &g.Prices[now].Rates) {
		return differences
	}
	own, theirs := &m.Prices[0], g.Prices[now]
	for _, f := range []struct{ to, from *usd }{{&own.Rates.Read, &theirs.Rates.Read}, {&own.Rates.Write, &theirs.Rates.Write}, {&own.Rates.Write1h, &theirs.Rates.Write1h},
		{&own.AudioIn, &theirs.AudioIn}, {&own.AudioOut, &theirs.AudioOut}, {&own.Request, &theirs.Request}, {&own.Search, &theirs.Search}} {
		if f.from.known {
			*f.to = *f.from
		}
	}
	if own.Tiers == nil {
		own.Tiers = theirs.Tiers
	}
	for i := range own.Tiers {
		for _, t := range theirs.Tiers {
			if t.Above == own.Tiers[i].Above && t.Rates.Write1h.known {
				own.Tiers[i].Rates.Write1h = t.Rates.Write1h
			}
		}
	}
	own.Hours, own.From, own.Until = theirs.Hours, theirs.From, theirs.Until
	list := slices.Clone(g.Prices)
	list[now] = *own
	m.Prices = list
	return differences
}

// at finds the price of a day, -1 where there is none.
func (m *model) at(day string) int {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return -1
	}
	for i := range m.Prices {
		if p := &m.Prices[i]; !t.Before(p.From) && (p.Until.IsZero() || t.Before(p.Until)) {
			return i
		}
	}
	return -1
}

// agree reports whether two prices are the same for input and output, to 1 %.
func agree(a, b *rates) bool { return near(a.In, b.In) && near(a.Out, b.Out) }

func near(a, b usd) bool {
	return !a.known || !b.known || 100*max(a.n-b.n, b.n-a.n) <= max(a.n, b.n)
}

// compare lists where the prices of a day differ by more than 1 %.
func (m *model) compare(o *model) (list []difference) {
	i, j := m.at(piAI.date), o.at(piAI.date)
	if i < 0 || j < 0 {
		return nil
	}
	a, b := &m.Prices[i].Rates, &o.Prices[j].Rates
	for _, f := range []struct {
		what string
		a, b usd
	}{{"input", a.In, b.In}, {"output", a.Out, b.Out}, {"cache read", a.Read, b.Read}, {"cache write", a.Write, b.Write}} {
		if !near(f.a, f.b) {
			list = append(list, difference{m.key(), f.what, f.a, f.b, m.Sources[0], o.Sources[0]})
		}
	}
	return list
}

// longWrites fills in what Anthropic charges for a cache of an hour: twice the input, as its price list says.
func (m *model) longWrites() {
	if m.Provider != "anthropic" {
		return
	}
	for i := range m.Prices {
		m.Prices[i].Rates.longWrite()
		for j := range m.Prices[i].Tiers {
			m.Prices[i].Tiers[j].Rates.longWrite()
		}
	}
}

func (r *rates) longWrite() {
	if !r.Write1h.known {
		r.Write1h = usd{2 * r.In.n, true}
	}
}

// spellReport writes the differences for people.
func spellReport(list []difference) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Where the sources of catalog.json differ by more than 1 %% on what a million tokens cost on %s, in USD.\n", piAI.date)
	b.WriteString("The first figure is taken. pi is pi-ai of 2026-11-10, genai is genai-prices of 2026-09-23, catwalk is of 2026-10-28.\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MODEL\tOF\tTAKEN\tFROM\tOTHER\tFROM")
	for _, d := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", d.model, d.what, d.taken, d.from, d.other, d.against)
	}
	w.Flush()
	return b.Bytes()
}
