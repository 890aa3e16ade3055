package routing_test

import (
	"cmp"
	"slices"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// judge holds all that was seen of a trip against what was promised.
func (d *day) judge(t *trip) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.countLocked(t)
	d.judgeNamesLocked(t)
	d.judgeEndLocked(t)
	d.judgeClocksLocked(t)
	d.judgeAvailabilityLocked(t)
	if t.receipt == nil {
		if len(t.visits) > 0 {
			d.problemLocked(checkNamed, t, "there is no receipt")
		}
		return
	}
	if !t.explicit() && t.steady {
		d.judgeChoiceLocked(t)
		d.judgeCostLocked(t)
	}
}

// What a day must have seen of its requests.
const (
	fellOver = "fell over to another target"
	wentAway = "was cancelled"
	early    = "had its headers sent early"
	inLine   = "waited in a line"
	stuck    = "stayed with its conversation"
	torn     = "broke after its first content"
)

// countLocked notes what the day was like.
func (d *day) countLocked(t *trip) {
	d.counts["requests"]++
	d.counts["attempts"] += len(t.visits)
	for _, c := range []struct {
		name string
		is   bool
	}{
		{"was answered", t.answered != ""}, {fellOver, t.answered != "" && len(t.visits) > 1}, {wentAway, t.cancelled},
		{early, t.early != nil}, {inLine, t.waited}, {stuck, t.receipt != nil && t.receipt.Sticky},
		{"asked nobody", len(t.visits) == 0 && !t.refused}, {torn, t.answered != "" && t.err != nil && !t.cancelled},
	} {
		if c.is {
			d.counts[c.name]++
		}
	}
}

// judgeNamesLocked holds the attempts that were told against those that were made.
func (d *day) judgeNamesLocked(t *trip) {
	told := [][]llm.Attempt{t.attempts}
	if t.receipt != nil {
		told = append(told, t.receipt.Attempts)
	}
	for _, list := range told {
		if len(list) != len(t.visits) {
			d.problemLocked(checkNamed, t, "%d attempts were made and %d named: %+v", len(t.visits), len(list), list)
			continue
		}
		for i, a := range list {
			v := t.visits[i]
			if a.Provider != v.place.name || a.Model != v.model || a.Kind != v.kind {
				d.problemLocked(checkNamed, t, "attempt %d was %s/%s %q and is named %+v", i+1, v.place.name, v.model, v.kind, a)
			}
		}
	}
	if t.admits > 1 || t.admits == 0 && len(t.visits) > 0 {
		d.problemLocked(checkAdmit, t, "limits were asked %d times for %d attempts", t.admits, len(t.visits))
	}
}

// judgeEndLocked looks at how the request ended.
func (d *day) judgeEndLocked(t *trip) {
	if t.answered != "" {
		if v := t.visits[len(t.visits)-1]; t.answered != v.place.name+"/"+v.model || !v.committed {
			d.problemLocked(checkNamed, t, "the answer came from %s/%s and is said to be of %s", v.place.name, v.model, t.answered)
		}
		if t.committed != 1 {
			d.problemLocked(checkCommit, t, "the observer heard of %d commits", t.committed)
		}
		return
	}
	switch {
	case t.err == nil:
		d.problemLocked(checkTable, t, "neither answer nor error")
	case t.cancelled && t.err.Kind == llm.ClientGone:
	case t.refused:
		if t.err.Kind != llm.LimitReached {
			d.problemLocked(checkAdmit, t, "limits refused it and the error is %v", t.err)
		}
	case len(t.visits) > 0 && !slices.ContainsFunc(t.visits, func(v *visit) bool { return v.kind == t.err.Kind }):
		d.problemLocked(checkTable, t, "the error %v is of none of the attempts", t.err)
	case len(t.visits) > 0 && t.err.Kind != llm.RateLimited && t.err.Kind != llm.ClientGone && !ownDoing(t.err.Kind) && slices.ContainsFunc(t.visits, func(v *visit) bool { return v.kind == llm.RateLimited && v.retry > 0 }):
		d.problemLocked(checkTable, t, "the error %v hides a 429 that says when to come back", t.err)
	}
}

// ownDoing reports whether a failure is what the application must mend itself.
func ownDoing(k llm.Kind) bool {
	return k == llm.ProviderRejected || k == llm.ContentPolicy || k == llm.ContextTooLong || k == llm.BadRequest
}

// judgeClocksLocked looks at how long it took.
func (d *day) judgeClocksLocked(t *trip) {
	if t.cancelled && t.answered == "" && t.decided > t.left+200*time.Millisecond {
		d.problemLocked(checkPatience, t, "the application went at %v and the router noticed at %v", t.left, t.decided)
	}
	var away, house time.Duration
	for _, v := range t.visits {
		if v.kind == llm.Timeout && v.left-v.at < time.Second {
			d.problemLocked(checkPatience, t, "%s/%s was asked and given only %v", v.place.name, v.model, v.left-v.at)
		}
		if !v.ended {
			d.problemLocked(checkPatience, t, "%s/%s is still at work after the end", v.place.name, v.model)
		}
		if v.place.local {
			house += v.left - v.at
		} else {
			away += v.left - v.at
		}
	}
	if t.stream && away > 2*time.Minute+time.Second {
		d.problemLocked(checkPatience, t, "remote attempts took %v before the first content", away)
	}
	if !t.stream && away+house > 10*time.Minute+time.Second {
		d.problemLocked(checkPatience, t, "the attempts for a whole reply took %v", away+house)
	}
	if quiet := t.decided - t.at - away - house; quiet > 10*time.Second && !t.waited {
		d.problemLocked(checkPatience, t, "it did nothing for %v", quiet)
	}
}

// judgeAvailabilityLocked counts requests that somebody could have answered, and those of them without content.
func (d *day) judgeAvailabilityLocked(t *trip) {
	if t.cancelled || t.deny || t.mood != plain || !t.steady || t.answered == "" && (t.waited || t.turned) && t.err.Kind == llm.Overloaded {
		return
	}
	if r := t.router(d); r != nil && (!r.Fallback.Enabled || r.Fallback.Attempts > 0) {
		return // the person wanted less than all
	}
	if slices.ContainsFunc(t.visits, func(v *visit) bool {
		// A local model may be loading: whoever waits for it is bound to it. An explicit model has no other.
		// A whole reply has no other bound than that of all attempts together.
		return v.place.local && v.left-v.at >= 15*time.Second || !t.stream && v.left-v.at >= longestWhole || v.hiccup && t.explicit()
	}) {
		return
	}
	if !slices.ContainsFunc(d.capable(t), func(o llm.Offer) bool {
		return !t.trying[o.Source.Name] && d.place(o.Source.Name).up(o.Model.ID, t.at, t.decided+time.Millisecond)
	}) {
		return
	}
	d.asked++
	if t.answered == "" {
		d.lost++
		if d.lost <= 3 {
			d.lossesLocked(t)
		}
	}
}

func (d *day) lossesLocked(t *trip) { d.losses = append(d.losses, t.String()) }

func (d *day) place(name string) *place {
	i := slices.IndexFunc(d.pool, func(p *place) bool { return p.name == name })
	return d.pool[i]
}

// offers lists what a trip's router looks at, or its explicit model.
func (d *day) offers(t *trip) (list []llm.Offer) {
	router := t.router(d)
	for _, s := range t.version.sources.List {
		for i := range s.Models {
			m := &s.Models[i]
			if router == nil && t.wants(s.Name, m.ID) || router != nil && takes(router, s.Name, m) {
				list = append(list, llm.Offer{Source: s, Model: m})
				if router == nil {
					return list
				}
			}
		}
	}
	if router != nil && router.Select.Manual != nil {
		at := func(o llm.Offer) int { return slices.Index(router.Select.Manual, o.Source.Name+"/"+o.Model.ID) }
		slices.SortFunc(list, func(a, b llm.Offer) int { return cmp.Compare(at(a), at(b)) })
	}
	return list
}

func takes(r *settings.Router, provider string, m *llm.Model) bool {
	if r.Select.Manual != nil {
		return slices.Contains(r.Select.Manual, provider+"/"+m.ID)
	}
	a := &r.Select.Automatic
	for _, c := range a.Capabilities {
		if c == "tools" && m.Lacks.Has(llm.FeatureTools) || c == "vision" && m.Lacks.Has(llm.FeatureImages) {
			return false
		}
	}
	return !a.Exclude.Match(provider, m.ID)
}

// capable lists those of a trip's offers that can serve it, up or not.
func (d *day) capable(t *trip) []llm.Offer {
	return slices.DeleteFunc(d.offers(t), func(o llm.Offer) bool { return d.unable(t, o) != "" })
}

// unable says by the oracle why an offer cannot serve a trip, in the words that a receipt begins with; empty: it can.
func (d *day) unable(t *trip, o llm.Offer) string {
	for _, w := range leftOut {
		if w.true != nil && w.true(d, t, o) {
			return w.words
		}
	}
	return ""
}

func costsNothing(o llm.Offer) bool {
	return o.Source.Local || o.Source.Billing.Flat() || o.Model.Billing.Flat()
}

// leftOut are the words of receipts and when they are true. Where nothing is said it is the provider's health.
var leftOut = []struct {
	words string
	true  func(*day, *trip, llm.Offer) bool
}{
	{"not allowed", func(_ *day, t *trip, o llm.Offer) bool {
		return len(t.key.Allow) > 0 && !t.key.Allow.Match(o.Source.Name, o.Model.ID)
	}},
	{"offline", func(_ *day, t *trip, o llm.Offer) bool { return t.version.settings.Offline && !o.Source.Local }},
	{"not local", func(_ *day, t *trip, o llm.Offer) bool { return t.key.LocalOnly && !o.Source.Local }},
	{"does not take", func(_ *day, t *trip, o llm.Offer) bool {
		return !t.explicit() && slices.ContainsFunc(t.uses, func(f llm.Feature) bool { return o.Model.Lacks.Has(f) })
	}},
	{"price unknown", func(_ *day, t *trip, o llm.Offer) bool {
		return !t.explicit() && t.priced && o.Model.Price == nil && !costsNothing(o)
	}},
	{"costs money", func(d *day, t *trip, o llm.Offer) bool {
		return !t.explicit() && t.router(d).FreeOnly && !costsNothing(o)
	}},
	{"context of", func(_ *day, t *trip, o llm.Offer) bool {
		return !t.explicit() && t.input > int64(o.Model.ContextLength)
	}},
	{planned, func(_ *day, t *trip, o llm.Offer) bool { return !t.explicit() && t.tight(o.Source.Name+"/"+o.Model.ID) }},
	{"busy", nil},
	{"rests after failures", nil},
	{"one request tries", nil},
	{"rate limited", nil},
	{"quota used up", nil},
	{"its key was refused", nil},
	{"the provider does not know the model", nil},
}

// price is what a trip is expected to cost at an offer.
func price(t *trip, o llm.Offer) int64 {
	switch {
	case costsNothing(o):
		return 0
	case o.Model.Price == nil:
		return 1 << 62
	}
	return int64(o.Model.Price.Input)*t.input + int64(o.Model.Price.Output)*t.output
}

// judgeCostLocked adds a trip of the cheapest router to what was paid and to what the best order would have cost.
func (d *day) judgeCostLocked(t *trip) {
	if t.routed != "cheapest" || t.answered == "" || t.receipt.Sticky || t.mood != plain {
		return
	}
	paid, best := int64(0), int64(1<<62)
	for _, o := range d.offers(t) {
		name := o.Source.Name + "/" + o.Model.ID
		cost := price(t, o)
		if name == t.answered {
			paid = cost
			best = min(best, cost)
			continue
		}
		if d.unable(t, o) != "" {
			continue
		}
		failed := slices.ContainsFunc(t.visits, func(v *visit) bool { return v.kind != "" && v.place.name == o.Source.Name })
		if !failed && !t.down[name] && d.place(o.Source.Name).up(o.Model.ID, t.at, t.decided) {
			best = min(best, cost)
		}
	}
	d.cost.paid += paid
	d.cost.best += best
}
