package routing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing/health"
)

const (
	receiptsKept = 1000
	passedNamed  = 8 // candidates that the log names
)

// record is a receipt as it is kept: spelled when somebody asks.
type record struct {
	id, key  string
	time     time.Time
	asked    string
	meaning  meaning
	shape    shape
	selected *selected
	needs    needs
	stuck    bool
	refused  string // why the one target that was named may not be used
	attempts []llm.Attempt
	took     time.Duration
}

// receipts keeps those of the newest requests. The zero value is ready.
type receipts struct {
	mu   sync.Mutex // guards what follows
	byID map[string]*record
	ring []*record
	next int
}

func (l *receipts) add(rec *record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID == nil {
		l.byID, l.ring = make(map[string]*record, receiptsKept), make([]*record, receiptsKept)
	}
	if old := l.ring[l.next]; old != nil {
		delete(l.byID, old.id)
	}
	l.ring[l.next] = rec
	l.byID[rec.id] = rec
	l.next = (l.next + 1) % receiptsKept
}

func (l *receipts) find(id string) *record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byID[id]
}

// keep files the receipt of a journey and gives its caller the short form.
func (r *Router) keep(j *journey, attempts []llm.Attempt) {
	if j.meaning.chosen == "" {
		return // the name stood for nothing
	}
	if j.c.ID != "" {
		r.receipts.add(&record{id: j.c.ID, key: j.policy.ID, time: j.start, asked: j.c.Request.Model, meaning: j.meaning, shape: j.shapeOf(), selected: j.selected,
			needs: j.needs, stuck: j.stuck, refused: j.refused, attempts: attempts, took: j.took})
	}
	if j.selected != nil {
		j.c.Route = j.route()
	}
}

func (j *journey) shapeOf() shape {
	if j.selected != nil {
		return j.selected.shape
	}
	return shape{input: j.c.Request.InputEstimate, output: j.c.Output, at: j.start}
}

func (j *journey) route() *llm.Route {
	s := j.selected
	out := &llm.Route{Chosen: j.meaning.chosen, Because: j.meaning.because, Sticky: j.stuck}
	if len(s.pool.list) == len(s.best) {
		return out
	}
	for i := range s.lefts {
		if s.lefts[i].why == fits {
			continue
		}
		if len(out.Passed) < passedNamed {
			c := &s.pool.list[i]
			out.Passed = append(out.Passed, llm.Candidate{Provider: c.Source.Name, Model: c.ID, Left: s.words(i, &j.needs)})
		}
	}
	for why, n := range s.counts {
		if n > 0 {
			if out.Left == nil {
				out.Left = map[string]int{}
			}
			out.Left[exclusionNames[why]] = int(n)
		}
	}
	return out
}

// pass notes why a target whose turn had come was not asked; empty: it was. One that was asked before stands among the
// attempts.
func (j *journey) pass(at int, why string) {
	if j.selected == nil || j.forced || j.states[at].credentials != 0 {
		return
	}
	s := j.selected
	for row, i := range s.best {
		if &s.pool.list[i] == j.order[at] {
			s.passed[row] = why
		}
	}
}

// exclusionNames are the reasons as the log counts them.
var exclusionNames = [exclusions]string{notAllowed: "not_allowed", notLocal: "not_local", offline: "offline", wrongEndpoint: "wrong_endpoint", noOperation: "no_operation",
	lacksFeature: "lacks_feature", contextSmall: "context_too_small", priceUnknown: "price_unknown", costsMoney: "costs_money", resting: "resting", notAdmitted: "limits"}

// Receipt tells how one of the newest requests found its target; nil where it is not known, or another key made it.
func (r *Router) Receipt(id, key string) *llm.Receipt {
	rec := r.receipts.find(id)
	if rec == nil || rec.key != key {
		return nil
	}
	return rec.spell()
}

// AnyReceipt is Receipt for the person at the dashboard, whatever the key.
func (r *Router) AnyReceipt(id string) *llm.Receipt {
	rec := r.receipts.find(id)
	if rec == nil {
		return nil
	}
	return rec.spell()
}

func (rec *record) spell() *llm.Receipt {
	out := &llm.Receipt{ID: rec.id, Key: rec.key, Time: rec.time, Asked: rec.asked, Chosen: rec.meaning.chosen, Because: rec.meaning.because, Sticky: rec.stuck,
		Input: rec.shape.input, Output: rec.shape.output, Attempts: slices.Clone(rec.attempts), Took: rec.took}
	if rec.selected == nil {
		t := &rec.meaning.target
		out.Candidates = []llm.Candidate{{Provider: t.Source.Name, Model: t.ID, Left: rec.refused}}
		return out
	}
	for _, s := range rec.meaning.router.Strategies {
		out.Strategies = append(out.Strategies, string(s))
	}
	out.Candidates = rec.selected.candidates(&rec.needs)
	return out
}

// candidates lists all: those put in order, the others that fit, those left out.
func (s *selected) candidates(n *needs) []llm.Candidate {
	list := make([]llm.Candidate, 0, len(s.pool.list))
	ordered := make(map[int32]bool, len(s.best))
	for row, i := range s.best {
		ordered[i] = true
		c := &s.pool.list[i]
		one := llm.Candidate{Provider: c.Source.Name, Model: c.ID, Left: s.passed[row]}
		for k, key := range s.pool.keys {
			one.Figures = append(one.Figures, key.words(c, s.figures[row][k]))
		}
		if row >= s.well {
			one.Figures = append(one.Figures, "behind the others: the last check found nobody there")
		}
		list = append(list, one)
	}
	var rest []int32
	for i := range s.lefts {
		if s.lefts[i].why == fits && !ordered[int32(i)] {
			rest = append(rest, int32(i))
		}
	}
	slices.SortStableFunc(rest, func(a, b int32) int { return cmp.Compare(s.first[a], s.first[b]) })
	for _, i := range rest {
		c := &s.pool.list[i]
		one := llm.Candidate{Provider: c.Source.Name, Model: c.ID}
		if len(s.pool.keys) > 0 {
			figure := int64(unknownFigure)
			switch key := s.pool.keys[0]; {
			case !key.ofTheMoment():
				figure = key.figure(c, nil)
			case s.first[i] < unknownFigure:
				figure = int64(s.first[i])
			}
			one.Figures = []string{s.pool.keys[0].words(c, figure)}
		}
		list = append(list, one)
	}
	for i := range s.lefts {
		if s.lefts[i].why != fits {
			c := &s.pool.list[i]
			list = append(list, llm.Candidate{Provider: c.Source.Name, Model: c.ID, Left: s.words(i, n)})
		}
	}
	return list
}

// words says for a person what c was ordered by.
func (k orderKey) words(c *candidate, figure int64) string {
	switch k {
	case byCost:
		switch {
		case c.local:
			return "local, costs nothing"
		case c.free:
			return "costs nothing more"
		case figure == unknownFigure:
			return "price unknown"
		}
		return "$" + usd(figure)
	case byStrength:
		return strengthWords(c)
	case byLocal, byRemote:
		if c.local {
			return "local"
		}
		return "remote"
	case byFlat, byUse:
		switch {
		case c.flat:
			return string(c.billing())
		case c.local:
			return "local"
		}
		return "paid by use"
	case bySpeed:
		return timeWords(figure, "for a typical answer")
	case byLatency:
		return timeWords(figure, "to the first token")
	}
	return fmt.Sprintf("%.1f requests of late", float64(figure)/16)
}

func strengthWords(c *candidate) string {
	var words []string
	if m := c.Model; m != nil {
		if m.Rank > 0 {
			words = append(words, fmt.Sprintf("rank %d", m.Rank))
		}
		if class := cmp.Or(m.Class, classOf(m.Size)); class != llm.StrengthUnknown {
			words = append(words, class.String())
		}
		if m.Size > 0 {
			words = append(words, fmt.Sprintf("%.3gB parameters", float64(m.Size)/1e9))
		}
	}
	if len(words) == 0 {
		return "strength unknown"
	}
	return strings.Join(words, ", ")
}

func timeWords(figure int64, what string) string {
	if figure == unknownFigure {
		return "not measured"
	}
	d := unsteps(figure)
	text := fmt.Sprintf("%.1f s", d.Seconds())
	switch {
	case d < 100*time.Millisecond:
		text = fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Second:
		text = fmt.Sprintf("%d ms", d.Round(10*time.Millisecond).Milliseconds())
	}
	return "about " + text + " " + what
}

// usd spells an amount for people: two digits that say something are enough to compare by.
func usd(pico int64) string {
	v := float64(pico) / 1e12
	switch {
	case v == 0:
		return "0"
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	text := fmt.Sprintf("%.12f", v)
	digits := strings.IndexFunc(text[2:], func(r rune) bool { return r != '0' })
	if digits < 0 {
		return text
	}
	return strings.TrimRight(text[:min(len(text), 2+digits+3)], "0")
}

// PreviewOptions say what kind of request a preview is of.
type PreviewOptions struct {
	Tools, Vision bool
	Input, Output int64 // tokens; 0: 1,000 and 512
	Key           *Policy
	Dialect       llm.Dialect // of the application; zero: llm.OpenAI
	Op            llm.Op      // zero: llm.Chat
}

// Preview tells in what order a router's targets would be tried now.
func (r *Router) Preview(name string, o PreviewOptions) (*llm.Receipt, *llm.Error) {
	t := r.table()
	m, e := t.named(name)
	if e == nil && m.router == nil {
		e = t.noRouter(name)
	}
	if e != nil {
		return nil, e
	}
	policy := o.Key
	if policy == nil {
		policy = anybody
	}
	s := shape{input: cmp.Or(o.Input, 1000), output: cmp.Or(o.Output, usualOutput), at: r.now()}
	p := t.pool(r, m.router)
	n := needs{op: cmp.Or(o.Op, llm.Chat), dialect: cmp.Or(o.Dialect, llm.OpenAI), known: true, input: s.input, localOnly: policy.LocalOnly, offline: t.conf.Offline,
		priced: countsMoney(m.router), freeOnly: m.router.FreeOnly, automatic: len(m.router.Select.Manual) == 0, now: r.now(), allowed: t.allowedOf(p, policy)}
	if o.Tools {
		n.uses |= llm.SetOf(llm.FeatureTools)
	}
	if o.Vision {
		n.uses |= llm.SetOf(llm.FeatureImages)
	}
	n.moment = r.health.Moment(n.now)
	start := r.now()
	rec := record{time: start, asked: name, meaning: m, shape: s, selected: p.choose(&n, s), needs: n}
	rec.took = r.now().Sub(start)
	return rec.spell(), nil
}

// Routers lists the routers there are, with the number of their candidates.
func (r *Router) Routers() []RouterInfo {
	t := r.table()
	list := make([]RouterInfo, 0, len(t.conf.Routers))
	for i := range t.conf.Routers {
		router := &t.conf.Routers[i]
		list = append(list, RouterInfo{Router: router, Candidates: len(t.pool(r, router).list)})
	}
	return list
}

// RouterInfo is a router and how many models it chooses among now.
type RouterInfo struct {
	Router     *settings.Router
	Candidates int
}

// Health knows how targets stand.
func (r *Router) Health() *health.Tracker { return r.health }
