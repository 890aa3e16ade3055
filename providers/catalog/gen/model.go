package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// model is a row of the catalogue, first as one source has it and then as it is written.
type model struct {
	Provider    string
	ID          string
	Aliases     []string
	Name        string
	API         string
	Context     int
	Output      int
	Input       []string
	OutputModes []string
	Tools       bool
	Strict      bool
	Reasons     *bool
	Efforts     []string
	Prices      []span // by time; nil: unknown
	Sources     []string

	equals []string // exact names that genai-prices knows it by
}

// span is what holds in one span of time.
type span struct {
	From, Until time.Time // zero: no bound
	Rates       rates
	AudioIn     usd
	AudioOut    usd
	Request     usd // for a thousand
	Search      usd // for a thousand
	Tiers       []tier
	Hours       []hours
}

// rates are in 10^-6 USD for a million tokens.
type rates struct{ In, Out, Read, Write, Write1h usd }

// usd is an amount in 10^-6 USD, if it is known.
type usd struct {
	n     int64
	known bool
}

type tier struct {
	Above int64
	Rates rates
}

// hours is what holds between two minutes of the day, in UTC.
type hours struct {
	From, Until int
	Rates       rates
}

// free reports whether nothing is charged, which in these sources mostly means that nothing is known.
func (p *span) free() bool { return p.Rates.In.n == 0 && p.Rates.Out.n == 0 }

// parseUSD reads an amount exactly; finer than 10^-6 there are none.
func parseUSD(n json.Number) (int64, error) {
	if n == "" {
		return 0, nil
	}
	r, ok := new(big.Rat).SetString(string(n))
	if !ok || r.Sign() < 0 {
		return 0, fmt.Errorf("%q is no price", n)
	}
	r.Mul(r, big.NewRat(1_000_000, 1))
	// Sources compute some prices in floating point: what differs from a whole number by less than a thousandth is meant
	// to be that number.
	whole := new(big.Int).Quo(new(big.Int).Add(new(big.Int).Mul(r.Num(), big.NewInt(2)), r.Denom()), new(big.Int).Mul(r.Denom(), big.NewInt(2)))
	return whole.Int64(), nil
}

func (u usd) String() string {
	s := fmt.Sprintf("%d.%06d", u.n/1_000_000, u.n%1_000_000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// spell writes the catalogue: one line for each model, so that a change shows.
func spell(models []*model) []byte {
	var b bytes.Buffer
	b.WriteString("{\"date\":\"" + piAI.date + "\",\"sources\":[")
	for i, a := range archives {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n {\"name\":%q,\"version\":%q,\"date\":%q,\"sha256\":%q}", a.name, a.version, a.date, a.hash)
	}
	b.WriteString("],\n\"services\":[")
	for i, s := range services {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n " + s)
	}
	b.WriteString("],\n\"models\":{")
	last := ""
	for _, m := range models {
		switch {
		case m.Provider == last:
			b.WriteByte(',')
		case last != "":
			b.WriteString("\n],")
		}
		if m.Provider != last {
			fmt.Fprintf(&b, "\n%q:[", m.Provider)
			last = m.Provider
		}
		b.WriteString("\n" + m.json())
	}
	b.WriteString("\n]}}\n")
	return b.Bytes()
}

// object collects the members of a JSON object; what is empty is left out.
type object struct{ b strings.Builder }

func (o *object) raw(name, value string) {
	if value == "" {
		return
	}
	if o.b.Len() > 0 {
		o.b.WriteByte(',')
	}
	o.b.WriteString(strconv.Quote(name) + ":" + value)
}

func (o *object) text(name, value string) {
	if value != "" {
		b, _ := json.Marshal(value) // of a string it cannot fail
		o.raw(name, string(b))
	}
}

func (o *object) texts(name string, list []string) {
	if len(list) > 0 {
		b, _ := json.Marshal(list)
		o.raw(name, string(b))
	}
}

func (o *object) number(name string, n int64) {
	if n != 0 {
		o.raw(name, strconv.FormatInt(n, 10))
	}
}

func (o *object) usd(name string, u usd) {
	if u.known {
		o.raw(name, strconv.Quote(u.String()))
	}
}

func (o *object) rates(r *rates) {
	o.usd("in", r.In)
	o.usd("out", r.Out)
	o.usd("read", r.Read)
	o.usd("write", r.Write)
	o.usd("write_1h", r.Write1h)
}

func (o *object) date(name string, t time.Time) {
	if !t.IsZero() {
		o.text(name, t.Format(time.DateOnly))
	}
}

func (o *object) String() string { return "{" + o.b.String() + "}" }

func (m *model) json() string {
	var o object
	o.text("id", m.ID)
	slices.Sort(m.Aliases)
	o.texts("aliases", slices.Compact(m.Aliases))
	if m.Name != m.ID {
		o.text("name", m.Name)
	}
	o.text("api", m.API)
	o.number("context", int64(m.Context))
	o.number("output", int64(m.Output))
	o.texts("input", m.Input)
	o.texts("output_modes", m.OutputModes)
	if m.Tools {
		o.raw("tools", "true")
	}
	if m.Strict {
		o.raw("strict", "true")
	}
	if m.Reasons != nil {
		o.raw("reasons", strconv.FormatBool(*m.Reasons))
	}
	o.texts("efforts", m.Efforts)
	var list []string
	for i := range m.Prices {
		list = append(list, m.Prices[i].json())
	}
	if len(list) > 0 {
		o.raw("prices", "["+strings.Join(list, ",")+"]")
	}
	o.text("source", strings.Join(m.Sources, ", "))
	return o.String()
}

func (p *span) json() string {
	var o object
	o.date("from", p.From)
	o.date("until", p.Until)
	o.rates(&p.Rates)
	o.usd("audio_in", p.AudioIn)
	o.usd("audio_out", p.AudioOut)
	o.usd("thousand_requests", p.Request)
	o.usd("thousand_searches", p.Search)
	var list []string
	for _, t := range p.Tiers {
		var one object
		one.number("above", t.Above)
		one.rates(&t.Rates)
		list = append(list, one.String())
	}
	if list != nil {
		o.raw("tiers", "["+strings.Join(list, ",")+"]")
	}
	list = nil
	for _, h := range p.Hours {
		var one object
		one.text("from", fmt.Sprintf("%02d:%02d", h.From/60, h.From%60))
		one.text("until", fmt.Sprintf("%02d:%02d", h.Until/60, h.Until%60))
		one.rates(&h.Rates)
		list = append(list, one.String())
	}
	if list != nil {
		o.raw("hours", "["+strings.Join(list, ",")+"]")
	}
	return o.String()
}
