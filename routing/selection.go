package routing

import (
	"fmt"
	"time"

	"localrouter/providers/llm"
	"localrouter/routing/health"
)

// mostTargets is how many targets of a router are put in order for one request: more than are ever tried.
const mostTargets = 16

// exclusion says why a candidate was left out; zero: it was not.
type exclusion uint8

const (
	fits exclusion = iota
	notAllowed
	notLocal
	offline
	wrongEndpoint
	noOperation
	lacksFeature
	contextSmall
	priceUnknown
	costsMoney
	resting
	notAdmitted
	exclusions
)

// left is the reason of one candidate, with the feature it is about.
type left struct {
	why     exclusion
	feature llm.Feature
}

// needs is what a request asks of a candidate.
type needs struct {
	op        llm.Op
	endpoint  llm.API // of a forwarded request; zero: nobody knows
	dialect   llm.Dialect
	uses      llm.Set
	known     bool // uses is known: the request could be read in the neutral language
	input     int64
	localOnly bool
	offline   bool
	priced    bool
	freeOnly  bool
	automatic bool
	now       time.Time
	moment    health.Moment
	allowed   []bool
}

// judge says whether c can serve, the cheapest questions first. Its health is asked last, so that whoever is left out by
// it alone is known to be able.
func (n *needs) judge(i int, c *candidate) left {
	switch {
	case n.allowed != nil && !n.allowed[i]:
		return left{why: notAllowed}
	case !c.local && n.offline:
		return left{why: offline}
	case !c.local && n.localOnly:
		return left{why: notLocal}
	case n.automatic && (c.api != "" || n.op != llm.Chat) && !answers(c.api, n.op, n.endpoint):
		return left{why: wrongEndpoint}
	}
	if c.dialect != n.dialect || n.uses&(c.lacks|c.unseen) != 0 {
		if l := n.able(c); l.why != fits {
			return l
		}
	}
	switch {
	case !c.free && n.priced && c.price.At(n.now) == nil:
		return left{why: priceUnknown}
	case n.freeOnly && !c.free:
		return left{why: costsMoney}
	case c.context > 0 && n.input > c.context:
		return left{why: contextSmall}
	case !c.health.ReadyAt(n.moment):
		return left{why: resting}
	}
	return left{}
}

// able reports whether the model and the way to it have all that the request makes use of.
func (n *needs) able(c *candidate) left {
	if c.dialect == n.dialect {
		if bad := n.uses & (c.lacks | c.unseen); bad != 0 {
			return left{lacksFeature, firstOf(bad)}
		}
		return left{}
	}
	if !n.known || c.Source.Features == nil || !c.Source.Features.Speaks(n.op) {
		return left{why: noOperation}
	}
	if bad := n.uses & (c.refuses | c.unseen); bad != 0 {
		return left{lacksFeature, firstOf(bad)}
	}
	return left{}
}

// selected is the outcome of a selection. It is kept as the receipt of the request.
type selected struct {
	pool  *pool
	shape shape
	best  []int32 // of pool.list, in the order of trying
	// figures holds those of best, one row for each.
	figures [mostTargets][mostKeys]int64
	lefts   []left // one for each of pool.list
	// first is what each of those that fit was first compared by, as exactly as people read it.
	first []float32
	// wait is the candidate that only its health keeps out and that is ready first; -1: there is none.
	wait   int32
	resort bool // it is asked all the same
	until  time.Time
	// well is how many of best come first: at the others the last check found nobody.
	well   int
	rested []rest
	// passed tells of those of best whose turn came and who were not asked all the same.
	passed [mostTargets]string
	said   map[int32]string // why the limits keep a candidate out
	counts [exclusions]int32
	backed [mostTargets]int32
}

// choose puts the candidates of a pool in order. It allocates the record of what it found and nothing for each model.
func (p *pool) choose(n *needs, s shape) *selected {
	out := &selected{pool: p, shape: s, wait: -1, lefts: make([]left, len(p.list)), first: make([]float32, len(p.list))}
	order, sick := ranking{steps: p.steps, shape: &out.shape}, ranking{steps: p.steps, shape: &out.shape}
	for i := range p.list {
		c := &p.list[i]
		l := n.judge(i, c)
		if l.why != fits {
			out.lefts[i] = l
			out.counts[l.why]++
			if l.why == resting {
				out.rests(i, c, n.now)
			}
			continue
		}
		where := &order
		if c.health.SickAt(n.moment) {
			where = &sick
		}
		out.first[i] = float32(where.place(int32(i), c))
	}
	out.best = out.backed[:0]
	order.into(out)
	out.well = len(out.best)
	sick.into(out)
	return out
}

// rest is how a candidate stood that only its health kept out.
type rest struct {
	at   int32
	how  health.Cause
	left time.Duration
}

// rests notes how a candidate rests, and which is ready first.
func (s *selected) rests(i int, c *candidate, now time.Time) {
	how := c.health.Standing(now)
	s.rested = append(s.rested, rest{int32(i), how.Cause, how.Wait})
	if s.wait < 0 || how.Until.Before(s.until) {
		s.wait, s.until = int32(i), how.Until
	}
}

// leave takes a candidate out of those that fit, for a reason that the limits gave.
func (s *selected) leave(c *candidate, why string) {
	for at, i := range s.best {
		if &s.pool.list[i] != c {
			continue
		}
		if s.said == nil {
			s.said = map[int32]string{}
		}
		s.said[i] = why
		s.lefts[i] = left{why: notAdmitted}
		s.counts[notAdmitted]++
		if at < s.well {
			s.well--
		}
		n := len(s.best)
		copy(s.best[at:], s.best[at+1:])
		copy(s.figures[at:n], s.figures[at+1:n])
		copy(s.passed[at:n], s.passed[at+1:n])
		s.best = s.best[:n-1]
		return
	}
}

// prefer moves a candidate that fits to the front and reports whether it did.
func (s *selected) prefer(provider, model string, moment health.Moment) bool {
	for i := range s.pool.list {
		c := &s.pool.list[i]
		if c.ID != model || c.Source.Name != provider {
			continue
		}
		if s.lefts[i].why != fits || c.health.SickAt(moment) {
			return false
		}
		at := len(s.best)
		for k, b := range s.best {
			if b == int32(i) {
				at = k
			}
		}
		if at == len(s.best) {
			if at == mostTargets {
				at--
			} else {
				s.best = s.backed[:at+1]
			}
		}
		row := s.figures[at]
		if s.best[at] != int32(i) {
			row = [mostKeys]int64{}
			for k, key := range s.pool.keys {
				row[k] = key.figure(c, &s.shape)
			}
		}
		copy(s.best[1:at+1], s.best[:at])
		copy(s.figures[1:at+1], s.figures[:at])
		s.best[0], s.figures[0] = int32(i), row
		if at >= s.well { // it had no place among those that are well
			s.well = min(s.well+1, len(s.best))
		}
		return true
	}
	return false
}

// words says for a person why a candidate was left out.
func (s *selected) words(i int, n *needs) string {
	l, c := s.lefts[i], &s.pool.list[i]
	switch l.why {
	case lacksFeature:
		return "does not take " + l.feature.String()
	case contextSmall:
		return fmt.Sprintf("context of %d tokens is too small", c.context)
	case notAdmitted:
		return s.said[int32(i)]
	case resting:
		for _, r := range s.rested {
			if r.at != int32(i) {
				continue
			}
			words := restingWords(r.how, r.left)
			if s.resort && s.wait == r.at {
				words += "; asked all the same, as nobody else is left"
			}
			return words
		}
	}
	return leftWords[l.why]
}

// leftWords are the reasons that need no figure.
var leftWords = [exclusions]string{notAllowed: "not allowed for this key", notLocal: "not local", offline: "offline mode: not local",
	wrongEndpoint: "not made for this kind of request", noOperation: "reached in a dialect that has nothing for this request",
	priceUnknown: "price unknown", costsMoney: "costs money"}

// causeWords says why a target rests.
var causeWords = map[health.Cause]string{health.BreakerOpen: "rests after failures", health.RateLimited: "rate limited", health.QuotaUsed: "quota used up",
	health.KeyRefused: "its key was refused", health.ModelUnknown: "the provider does not know the model", health.Trying: "one request tries whether it is back"}

// restingWords says why a target rests and for how long.
func restingWords(how health.Cause, left time.Duration) string {
	words := causeWords[how]
	if left > 0 {
		words += ", " + waitText(left) + " left"
	}
	return words
}

// waitText spells a wait for people, rounded up: who waits as long as he reads must not come too soon.
func waitText(d time.Duration) string {
	s := int((d + time.Second - 1) / time.Second)
	if s <= 90 {
		return fmt.Sprintf("%d s", s)
	}
	return fmt.Sprintf("%d min", (s+59)/60)
}
