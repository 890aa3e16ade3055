package server

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing/limits"
)

// guessMax is the expected output where neither the application nor recent answers of the model say more.
const guessMax = 4096

// admit reserves what req is expected to use in the windows of its key, or refuses it. It is asked once for each request
// that is to be sent, before any provider is tried; close settles.
func (x *exchange) admit(req *llm.Request) *llm.Error {
	if !x.limited() || req.Op == llm.CountTokens {
		return nil
	}
	claim, e := x.claim(req)
	if e != nil {
		return e
	}
	ticket, refusals := x.g.Limits.Admit(&x.limits, claim)
	if refusals != nil {
		return limitReached(x.key.Name, refusals)
	}
	x.ticket = ticket
	return nil
}

// limited reports whether the key of the request has limits.
func (x *exchange) limited() bool {
	if x.g.Limits == nil || x.key == nil || len(x.key.Limits) == 0 {
		return false
	}
	if x.limits.Limits == nil {
		x.limits = limits.Key{ID: x.key.ID, Revision: x.key.Revision, Limits: x.key.Limits}
	}
	return true
}

// claim estimates what req will use: one request, the estimated input, and as output the request's own maximum. Without
// one it is a guess: what 95 of 100 recent answers of the model stayed within, else the model's maximum up to 4,096.
func (x *exchange) claim(req *llm.Request) (*limits.Claim, *llm.Error) {
	c := &limits.Claim{}
	c.Expected[settings.LimitRequests], c.Expected[settings.LimitInput] = 1, req.InputEstimate
	c.Expected[settings.LimitTokens] = req.InputEstimate
	c.Least = c.Expected
	if !x.counts(settings.LimitOutput, settings.LimitTokens, settings.LimitCost) {
		return c, nil
	}
	src, id, e := x.g.Router.Resolve(req.Model)
	if e != nil {
		return nil, e
	}
	model := src.About(id)
	price, e := x.price(req, src, model)
	if e != nil {
		return nil, e
	}
	output := x.g.outputs.expect(req, src.Name+"/"+id, model)
	c.Expected[settings.LimitOutput] = output
	c.Expected[settings.LimitTokens] += output
	c.Expected[settings.LimitCost] = costOf(price, req.InputEstimate, output)
	if req.MaxOutput > 0 {
		c.Least = c.Expected
	} else {
		c.Least[settings.LimitCost] = costOf(price, req.InputEstimate, 0)
	}
	return c, nil
}

// counts reports whether the key has a limit of one of the kinds.
func (x *exchange) counts(kinds ...settings.LimitKind) bool {
	for _, l := range x.key.Limits {
		for _, k := range kinds {
			if l.Kind == k {
				return true
			}
		}
	}
	return false
}

// price is what the target charges. Under a limit of cost a target without a known price is refused: what it costs could
// not be counted. Nil: it costs nothing, or nothing counts that.
func (x *exchange) price(req *llm.Request, src *llm.Source, model *llm.Model) (*llm.Price, *llm.Error) {
	switch {
	case src.Local || !x.counts(settings.LimitCost):
		return nil, nil
	case req.Op == llm.Forward:
		e := forbidden("price_unknown", "The key "+x.key.Name+" has a limit of cost, and what "+req.Path+" costs cannot be counted. Use a key without such a limit for it, or limit this one by requests.")
		e.Model = req.Model
		return nil, e
	case model == nil || model.Price == nil:
		e := forbidden("price_unknown", "The key "+x.key.Name+" has a limit of cost, and the price of "+cutText(req.Model, 128)+" is not known. Choose a model with a known price (`localrouter models` shows them), or limit the key by tokens.")
		e.Param, e.Model = "model", req.Model
		return nil, e
	}
	return model.Price, nil
}

// costOf is the price of so many tokens; more than can be told is as much as can.
func costOf(p *llm.Price, input, output int64) int64 {
	if p == nil {
		return 0
	}
	if float64(p.Request)+float64(p.Input)*float64(input)+float64(p.Output)*float64(output) > math.MaxInt64/2 {
		return math.MaxInt64 / 2
	}
	return int64(p.Cost(llm.Usage{Input: input, Output: output}))
}

// outputs guesses how long answers get.
type outputs struct{ recent limits.Outputs }

func (o *outputs) expect(req *llm.Request, name string, model *llm.Model) int64 {
	most := int64(math.MaxInt32)
	if model != nil && model.MaxOutput > 0 {
		most = int64(model.MaxOutput)
	}
	switch {
	case req.Op == llm.Embeddings || req.Op == llm.Forward:
		return 0
	case req.MaxOutput > 0:
		return min(int64(req.MaxOutput), most)
	}
	if n, ok := o.recent.Guess(name); ok {
		return min(n, most)
	}
	return min(guessMax, most)
}

// settleLimits books what the request used, once. One that no provider answered counts nowhere.
func (x *exchange) settleLimits() {
	e := x.entry
	if x.ticket != nil && e.Kind == "" && e.Usage.Output > 0 {
		x.g.outputs.recent.Add(e.Provider+"/"+e.Model, e.Usage.Output)
	}
	if e.Kind != "" && !x.answer.started && e.Usage.Zero() && e.Cost == 0 {
		x.ticket.Refund()
		return
	}
	u := e.Usage
	used := limits.Amounts{1, u.InputTotal(), u.Output, u.Total(), int64(e.Cost)}
	if e.CostSource == llm.CostUnknown || e.CostSource == "" {
		used[settings.LimitCost] = limits.Reserved
	}
	x.ticket.Settle(used)
}

// limitReached names every limit that refuses. Who waits for the last of them has not waited for too little.
func limitReached(key string, refusals []limits.Refusal) *llm.Error {
	e := &llm.Error{Kind: llm.LimitReached, Status: http.StatusTooManyRequests, Code: "rate_limit_exceeded"}
	never := false
	var named []string
	for _, r := range refusals {
		l := r.Limit
		what := fmt.Sprintf("%s %s in %s", limitAmount(l, l.Amount), limitNoun(l), l.WindowText())
		if r.Never {
			never = true
			named = append(named, fmt.Sprintf("%s (this request alone may take %s)", what, limitAmount(l, r.Need)))
			continue
		}
		named = append(named, fmt.Sprintf("%s (room in %s)", what, waitText(r.Wait)))
		e.RetryAfter = max(e.RetryAfter, r.Wait)
	}
	e.Message = "The key " + key + " is at its limit: " + strings.Join(named, "; ") + "."
	if never {
		e.RetryAfter = 0
		e.Header = []llm.Field{{Name: "X-Should-Retry", Value: "false"}} // or OpenAI's SDKs send it again at once
		e.Message += " Waiting does not help: send a shorter request or a lower maximum of output, or raise the limit with `localrouter keys set`."
		return e
	}
	e.Message += " Wait, or raise the limit with `localrouter keys set`."
	return e
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

// sayLimits tells the application how its key stands. It is the last that is set before the header goes out.
func (x *exchange) sayLimits() {
	if !x.limited() {
		return
	}
	for _, s := range x.g.Limits.Standings(&x.limits) {
		names := &limitFields[s.Limit.Kind]
		x.set(names.limit, s.Limit.AmountText(s.Limit.Amount))
		x.set(names.remaining, s.Limit.AmountText(s.Remaining))
		x.set(names.reset, waitText(s.Reset))
	}
}

// setForeign sets a provider's field, unless it tells of limits where those of the key are told.
func (x *exchange) setForeign(f llm.Field) {
	if x.limited() && (strings.HasPrefix(f.Name, "X-Ratelimit-") || strings.HasPrefix(f.Name, "Ratelimit") || strings.HasPrefix(f.Name, "Anthropic-Ratelimit-")) {
		return
	}
	x.set(f.Name, f.Value)
}
