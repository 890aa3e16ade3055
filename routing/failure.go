package routing

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"localrouter/providers/llm"
	"localrouter/routing/health"
)

// keepBest keeps of all failures the one that tells the application most.
func (j *journey) keepBest(e *llm.Error) {
	if j.best == nil || worth(e.Kind) >= worth(j.best.Kind) {
		j.best = e
	}
}

// finish gives the error that the request ends with; last is that of the last target. Of a single attempt it is the
// provider's own, byte for byte; of several the best, which then names all attempts.
func (j *journey) finish(last *llm.Error) *llm.Error {
	if j.best == nil {
		return last
	}
	e := j.best
	if e.Kind == llm.ClientGone || courseOf(e) == (course{}) {
		return e
	}
	soonest := j.earliest()
	several := len(j.attempts) > 1
	if !several && (soonest == 0 || e.Kind != llm.RateLimited || e.RetryAfter > 0 && e.RetryAfter <= soonest) {
		return e
	}
	named := *e
	if several {
		named.Body, named.ContentType = nil, ""
		named.Message = sentence(e.Message) + " " + attemptsText(j.attempts) + j.restsText()
	}
	if soonest > 0 {
		named.RetryAfter = soonest
		named.Header = slices.DeleteFunc(slices.Clone(e.Header), func(f llm.Field) bool { return strings.HasPrefix(f.Name, "Retry-After") })
	}
	return &named
}

// earliest is how soon somebody may be asked again: by what the targets said, and, where one limits the rate, by how long
// those of a router rest. 0: nobody knows.
func (j *journey) earliest() time.Duration {
	now := j.r.now()
	soonest := time.Duration(0)
	sooner := func(d time.Duration) {
		if d = max(d, time.Millisecond); soonest == 0 || d < soonest {
			soonest = d
		}
	}
	rests := j.selected != nil && j.best.Kind == llm.RateLimited
	for i, c := range j.order {
		switch p := &j.states[i]; {
		case !p.ready.IsZero():
			sooner(p.ready.Sub(now))
		case rests && p.tried:
			if how := c.health.Standing(now); !how.Ready {
				sooner(how.Wait)
			}
		}
	}
	if rests && j.selected.wait >= 0 {
		sooner(j.selected.until.Sub(now))
	}
	return soonest
}

// sentence ends a text of somebody else as a sentence, so that another may follow.
func sentence(s string) string {
	s = strings.TrimRight(s, " \n")
	if s == "" || strings.HasSuffix(s, "…") || strings.IndexByte(".!?:;", s[len(s)-1]) >= 0 {
		return s
	}
	return s + "."
}

func attemptsText(list []llm.Attempt) string {
	var b strings.Builder
	b.WriteString("Tried:")
	for i := range list {
		a := &list[i]
		fmt.Fprintf(&b, " %d. %s/%s: %s", i+1, a.Provider, a.Model, a.Kind)
		if a.Status > 0 {
			fmt.Fprintf(&b, " %d", a.Status)
		}
		fmt.Fprintf(&b, " after %d ms", a.DurationMS)
		if i < len(list)-1 {
			b.WriteByte(';')
		}
	}
	return b.String() + "."
}

// closed is the answer to a request whose target would not let it in: it rests, and another request tries whether it is
// back.
func (j *journey) closed(c *candidate) *llm.Error {
	s := c.health.Standing(j.r.now())
	name := c.Source.Name
	e := &llm.Error{Kind: llm.ProviderFailed, Provider: name, Model: c.ID, Status: 503, Code: "provider_resting", RetryAfter: max(s.Wait, time.Second)}
	switch s.Cause {
	case health.RateLimited:
		e.Kind, e.Status, e.Code = llm.RateLimited, 429, "rate_limit_exceeded"
	case health.QuotaUsed:
		e.Kind, e.Status, e.Code = llm.Quota, 429, "insufficient_quota"
	case health.KeyRefused:
		e.Kind, e.Status, e.Code = llm.ProviderAuth, 502, string(llm.ProviderAuth)
	case health.ModelUnknown:
		e.Kind, e.Status, e.Code = llm.ModelNotFound, 404, "model_not_found"
	}
	e.Message = "The provider " + name + " is not asked for the moment: " + restingWords(s.Cause, s.Wait) + "."
	if s.Last != nil && s.Last.Message != "" {
		e.Message += " What it said last: " + s.Last.Message
	}
	e.Message += " Try again in " + waitText(e.RetryAfter) + ", or at once with `localrouter providers retry " + name + "`."
	return e
}

// restsNamed is how many targets an error names that were not asked.
const restsNamed = 4

// restsText names those that could have been asked and rested.
func (j *journey) restsText() string {
	s := j.selected
	if s == nil || len(s.rested) == 0 {
		return ""
	}
	var names []string
	for _, r := range s.rested[:min(len(s.rested), restsNamed)] {
		names = append(names, s.pool.list[r.at].Name()+" ("+restingWords(r.how, r.left)+")")
	}
	if more := len(s.rested) - restsNamed; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return " Not asked: " + strings.Join(names, ", ") + "."
}
