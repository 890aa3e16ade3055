package server

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing/limits"
)

// limitReached names every bound that refuses and whose it is. Who waits for the last of them has not waited for too
// little.
func limitReached(refusals []limits.Refusal) *llm.Error {
	e := &llm.Error{Kind: llm.LimitReached, Status: http.StatusTooManyRequests, Code: "rate_limit_exceeded"}
	var said []string
	never, waits := false, false
	for rest := refusals; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Account == rest[0].Account {
			n++
		}
		said = append(said, ownerText(rest[:n])...)
		rest = rest[n:]
	}
	for i := range refusals {
		r := &refusals[i]
		never = never || r.Never
		waits = waits || !r.Never && r.Period == limits.Sliding
		if r.Period != limits.Sliding {
			e.Code = "budget_exceeded"
		}
		e.RetryAfter = max(e.RetryAfter, r.Wait)
	}
	if never {
		e.RetryAfter = 0
	}
	if never || e.Code == "budget_exceeded" {
		e.Header = []llm.Field{{Name: "X-Should-Retry", Value: "false"}} // or OpenAI's SDKs send it again at once
	}
	e.Message = strings.Join(append(said, nextStep(refusals, never, waits)), " ")
	return e
}

// ownerText names the limits and the budgets of one owner that refuse, in a sentence each.
func ownerText(refusals []limits.Refusal) []string {
	var said, named []string
	for i := range refusals {
		if r := &refusals[i]; r.Period == limits.Sliding {
			named = append(named, refusalText(r))
		} else {
			said = append(said, budgetText(r))
		}
	}
	if named != nil {
		said = append([]string{refusals[0].Name + " is at its limit: " + strings.Join(named, "; ") + "."}, said...)
	}
	return said
}

// refusalText names a limit that refuses, without whose it is.
func refusalText(r *limits.Refusal) string {
	what := fmt.Sprintf("%s %s in %s", limitAmount(r.Limit, r.Limit.Amount), limitNoun(r.Limit), r.Limit.WindowText())
	if r.Never {
		return fmt.Sprintf("%s (this request alone may take %s)", what, limitAmount(r.Limit, r.Need))
	}
	return fmt.Sprintf("%s (room in %s)", what, waitText(r.Wait))
}

// budgetText tells what was spent, and of what.
func budgetText(r *limits.Refusal) string {
	span, next := "today", "A new day begins in "
	if r.Period == limits.Month {
		span, next = "this month", "A new month begins in "
	}
	if r.Never {
		return fmt.Sprintf("%s may spend $%s %s, and this request alone may cost $%s.", r.Name, r.Limit.AmountText(r.Limit.Amount), span, limits.Money(r.Need))
	}
	return fmt.Sprintf("%s has spent or reserved $%s of its budget of $%s for %s, and this request may cost $%s. %s%s.", r.Name,
		limits.Money(r.Spent), r.Limit.AmountText(r.Limit.Amount), span, limits.Money(r.Need), next, waitText(r.Wait))
}

// nextStep is what a person can do about it.
func nextStep(refusals []limits.Refusal, never, waits bool) string {
	var steps []string
	add := func(step string) {
		for _, s := range steps {
			if s == step {
				return
			}
		}
		steps = append(steps, step)
	}
	if never {
		add("send a shorter request or a lower maximum of output")
	} else if waits {
		add("wait")
	}
	for i := range refusals {
		switch r := &refusals[i]; {
		case r.Period != limits.Sliding && r.Account == limits.MachineID:
			add("use a local or free model")
			add("allow an hour more with `localrouter budget allow`")
			add("raise budget in the settings file")
		case r.Period != limits.Sliding:
			add("use a local or free model")
			add("allow an hour more with `localrouter budget allow --key " + strings.TrimPrefix(r.Name, "The key ") + "`")
			add("raise the budget with `localrouter keys set`")
		case strings.HasPrefix(r.Account, limits.RouterPrefix):
			add("raise the limits of the router in the settings file")
		default:
			add("raise the limit with `localrouter keys set`")
		}
	}
	text := strings.Join(steps, ", or ")
	if never {
		return "Waiting does not help: " + text + "."
	}
	return upperFirst(text) + "."
}

// plansReached is the failure where every target that could be asked is at what its plan allows. One of them is enough,
// so the wait is the shortest.
func plansReached(refusals []limits.Refusal) *llm.Error {
	e := &llm.Error{Kind: llm.LimitReached, Status: http.StatusTooManyRequests, Code: "rate_limit_exceeded"}
	for rest := refusals; len(rest) > 0; {
		n, wait, never := 1, rest[0].Wait, rest[0].Never
		for n < len(rest) && rest[n].Account == rest[0].Account {
			wait, never = max(wait, rest[n].Wait), never || rest[n].Never
			n++
		}
		e.Message += strings.Join(ownerText(rest[:n]), " ") + " "
		if !never && (e.RetryAfter == 0 || wait < e.RetryAfter) {
			e.RetryAfter = wait
		}
		rest = rest[n:]
	}
	if e.RetryAfter == 0 {
		e.Header = []llm.Field{{Name: "X-Should-Retry", Value: "false"}}
		e.Message += "Waiting does not help: send a shorter request or a lower maximum of output, use another model, or correct the limits under facts in the settings file."
		return e
	}
	e.Message += "Wait, use another model, or correct the limits under facts in the settings file."
	return e
}

func upperFirst(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}

func lowerFirst(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(first)) + s[n:]
}

func limitAmount(l settings.Limit, n int64) string {
	if l.Kind == settings.LimitCost {
		return "$" + l.AmountText(n)
	}
	return l.AmountText(n)
}

func limitNoun(l settings.Limit) string {
	if l.Kind == settings.LimitCost {
		return "of cost"
	}
	noun := strings.ReplaceAll(l.Kind.String(), "_", " ")
	if l.Amount == 1 {
		noun = strings.TrimSuffix(noun, "s")
	}
	return noun
}

// waitText rounds up: who waits as long as he reads must not come too soon.
func waitText(d time.Duration) string {
	if d > time.Second {
		d = (d + time.Second - 1).Truncate(time.Second)
	} else {
		d = (d + time.Millisecond - 1).Truncate(time.Millisecond)
	}
	return d.String()
}

// limitFields are the names of the header fields of each kind of limit.
var limitFields = [settings.LimitKinds]struct{ limit, remaining, reset string }{
	settings.LimitRequests: {"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
	settings.LimitInput:    {"X-Ratelimit-Limit-Input-Tokens", "X-Ratelimit-Remaining-Input-Tokens", "X-Ratelimit-Reset-Input-Tokens"},
	settings.LimitOutput:   {"X-Ratelimit-Limit-Output-Tokens", "X-Ratelimit-Remaining-Output-Tokens", "X-Ratelimit-Reset-Output-Tokens"},
	settings.LimitTokens:   {"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
	settings.LimitCost:     {"X-Ratelimit-Limit-Cost", "X-Ratelimit-Remaining-Cost", "X-Ratelimit-Reset-Cost"},
}

// sayLimits tells the application how its key, the router and the machine stand, the tightest of each kind. It is the last
// that is set before the header goes out.
func (x *exchange) sayLimits() {
	if !x.bounded() {
		return
	}
	keys := x.bounds()
	for _, s := range x.g.Limits.Standings(keys[:]...) {
		names := &limitFields[s.Limit.Kind]
		x.set(names.limit, s.Limit.AmountText(s.Limit.Amount))
		x.set(names.remaining, s.Limit.AmountText(s.Remaining))
		x.set(names.reset, waitText(s.Reset))
	}
}

// setForeign sets a provider's field, unless it tells of limits where those of the key or its router are told. The budget
// of the machine is of money only, of which no provider tells.
func (x *exchange) setForeign(f llm.Field) {
	if x.bounded() && (x.own.Bounds() || x.router.Bounds()) && (strings.HasPrefix(f.Name, "X-Ratelimit-") || strings.HasPrefix(f.Name, "Ratelimit") || strings.HasPrefix(f.Name, "Anthropic-Ratelimit-")) {
		return
	}
	x.set(f.Name, f.Value)
}
