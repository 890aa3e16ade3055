package routing_test

import (
	"slices"
	"strings"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// judgeChoiceLocked holds a receipt against the oracle: who was left out and why, who came first and who was asked.
func (d *day) judgeChoiceLocked(t *trip) {
	offers := map[string]llm.Offer{}
	for _, o := range d.offers(t) {
		offers[o.Source.Name+"/"+o.Model.ID] = o
	}
	var order []turn
	full := mostOrdered
	for _, c := range t.receipt.Candidates {
		name := c.Provider + "/" + c.Model
		o, ok := offers[name]
		delete(offers, name)
		switch {
		case !ok:
			d.problemLocked(checkReason, t, "%s stands in the receipt and is none of the router's, or stands there twice", name)
		case c.Left == planned:
			full-- // it had its place until the limits were asked
			fallthrough
		case c.Left != "":
			d.judgeReasonLocked(t, name, o, c.Left)
		default:
			if why := d.unable(t, o); why != "" && why != planned {
				d.problemLocked(checkReason, t, "%s was not left out: %s", name, why)
			}
		}
		if c.Left == "" || len(c.Figures) > 0 { // figures: it had its place, but was passed over when its turn came
			order = append(order, turn{o, name, c.Left != ""})
		}
	}
	for name := range offers {
		d.problemLocked(checkReason, t, "%s is not in the receipt", name)
	}
	d.judgeOrderLocked(t, order, full)
}

func (d *day) judgeReasonLocked(t *trip, name string, o llm.Offer, left string) {
	for _, w := range leftOut {
		if !strings.HasPrefix(left, w.words) {
			continue
		}
		if w.words == "busy" {
			if !t.busy[o.Source.Name] {
				d.problemLocked(checkReason, t, "%s was not busy", name)
			}
			return
		}
		if w.true == nil && !t.down[name] || w.true != nil && !w.true(d, t, o) {
			d.problemLocked(checkReason, t, "%s was left out for what is not so: %s", name, left)
		}
		return
	}
	d.problemLocked(checkReason, t, "%s was left out for a reason that nobody knows: %q", name, left)
}

// mostOrdered is how many candidates of a router are put in their full order: more than are ever tried.
const mostOrdered = 16

// turn is a candidate that has a place in the order of trying.
type turn struct {
	llm.Offer
	name   string
	passed bool // nobody was asked when its turn came, and the receipt says why
}

// judgeOrderLocked checks that candidates stand by the strategies and that they were asked in that order.
// The first of them, as many as full says, stand in their full order.
func (d *day) judgeOrderLocked(t *trip, order []turn, full int) {
	if len(order) == 0 {
		return
	}
	r, listed := t.router(d), d.offers(t)
	sorted := order
	if t.receipt.Sticky {
		sorted = order[1:]
		if !slices.Contains(d.served[t.talk], order[0].name) {
			d.problemLocked(checkChoice, t, "the conversation is said to have begun with %s, and did not", order[0].name)
		}
	}
	for i := 1; i < len(sorted); i++ {
		if whole := len(order)-len(sorted)+i < full; !inOrder(t, r.Strategies, listed, sorted[i-1].Offer, sorted[i].Offer, whole) {
			d.problemLocked(checkChoice, t, "by %v %s comes before %s", r.Strategies, sorted[i].name, sorted[i-1].name)
			return
		}
	}
	waits := slices.IndexFunc(order, func(o turn) bool { return !o.passed })
	switch {
	case waits < 0: // nobody could be asked
	case len(t.visits) == 0 && !t.refused && !t.cancelled:
		d.problemLocked(checkChoice, t, "nobody was asked, not even %s", order[waits].name)
	default:
		d.judgeTurnsLocked(t, order[:min(len(order), max(full, 0))])
	}
}

// judgeTurnsLocked checks of each attempt at another target that nobody before it in the order was left waiting.
func (d *day) judgeTurnsLocked(t *trip, order []turn) {
	asked := map[string]bool{}
	failed := map[string]bool{} // providers
	larger := 0                 // the context that was too small
	for k, v := range t.visits {
		name := v.place.name + "/" + v.model
		if !asked[name] {
			for _, o := range order {
				if o.name == name {
					break
				}
				later := slices.ContainsFunc(t.visits[k:], func(u *visit) bool { return u.place.name+"/"+u.model == o.name })
				if o.passed || asked[o.name] || failed[o.Source.Name] || o.Model.ContextLength <= larger || later && t.busy[o.Source.Name] {
					continue
				}
				d.problemLocked(checkChoice, t, "attempt %d was %s while %s waited", k+1, name, o.name)
				return
			}
		}
		asked[name] = true
		failed[v.place.name] = true
		if v.kind == llm.ContextTooLong {
			larger = v.context()
		}
	}
	if !d.gaveUp(t) {
		return
	}
	for _, o := range order {
		if !asked[o.name] && (!o.passed || t.busy[o.Source.Name] && !t.waited && !t.turned) && o.Model.ContextLength > larger && !t.tight(o.name) {
			d.problemLocked(checkChoice, t, "it ended with %v while %s waited", t.err, o.name)
			return
		}
	}
}

// gaveUp reports whether a trip failed although more could have been tried: there were attempts and time left, and nothing
// had been said that another target cannot mend.
func (d *day) gaveUp(t *trip) bool {
	if t.answered != "" || t.cancelled || t.refused || t.early != nil || len(t.visits) == 0 || len(t.visits) >= t.bound(d) || !t.router(d).Fallback.Enabled {
		return false
	}
	switch t.visits[len(t.visits)-1].kind {
	case llm.ProviderRejected, llm.ContentPolicy:
		return false
	}
	spent := t.decided - t.at
	return t.stream && (spent < 100*time.Second || len(t.visits) == 1) || !t.stream && spent < longestWhole-3*time.Second
}

// inOrder reports whether a may stand before b. Measured figures are not the oracle's to know: where one decides, both
// orders may be right. Where not the whole order is asked for the first strategy alone decides.
func inOrder(t *trip, strategies []settings.Strategy, listed []llm.Offer, a, b llm.Offer, whole bool) bool {
	for _, s := range strategies {
		var x, y int64
		switch s {
		case settings.LocalFirst, settings.RemoteFirst:
			if x, y = yes(!a.Source.Local), yes(!b.Source.Local); s == settings.RemoteFirst {
				x, y = y, x
			}
		case settings.SubscriptionFirst:
			x, y = yes(!a.Source.Billing.Flat()), yes(!b.Source.Billing.Flat())
		case settings.APIFirst:
			x, y = yes(costsNothing(a)), yes(costsNothing(b))
		case settings.LowestCost:
			x, y = price(t, a), price(t, b)
		case settings.HighestPerformance:
			if x, y = -int64(a.Model.Class), -int64(b.Model.Class); x == y {
				return true
			}
		default:
			return true
		}
		if x != y || !whole {
			return x <= y
		}
	}
	return position(listed, a) < position(listed, b)
}

func position(list []llm.Offer, o llm.Offer) int {
	return slices.IndexFunc(list, func(x llm.Offer) bool { return x == o })
}

func yes(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
