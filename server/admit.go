package server

import (
	"math"
	"slices"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing"
	"localrouter/routing/limits"
)

// guessMax is the expected output where neither the application nor recent answers of the model say more.
const guessMax = 4096

// target is one model at one provider that a request may go to.
type target = routing.Target

// reservations are what a request is held against: the bounds of its key, of the router it goes through and of the whole
// machine, and what the plan of the target allows.
type reservations struct {
	own    limits.Key  // of the key, once asked for; see bounded
	router *limits.Key // nil: none
	ticket *limits.Ticket
	plan   *limits.Key // of the target that is tried; nil: it allows everything
	// planned is apart from ticket, because another target may have another plan.
	planned *limits.Ticket
	claim   limits.Claim
	broke   string     // why only targets that cost nothing may be tried; empty: all may
	short   *llm.Error // what who asks for others is told; nil where broke is empty
}

// limit lets the limits take part in the routing of req: they reserve what it is expected to use, or refuse it, once for
// each request that is to be sent and before any provider is tried; close settles.
func (x *exchange) limit(call *routing.Call) {
	req := call.Request
	if x.g.Limits == nil || req.Op == llm.CountTokens {
		return
	}
	call.Priced = x.bounded() && x.moneyBound() != nil
	call.Admit = func(targets []routing.Target, router string) ([]string, *llm.Error) {
		return x.reserve(req, router, targets)
	}
	call.Move = func(t routing.Target, asked bool) string { return x.moveTo(&t, asked) }
}

// bounded reports whether anything bounds all requests of this key.
func (x *exchange) bounded() bool {
	if x.g.Limits == nil || x.key == nil {
		return false
	}
	if x.own.ID == "" {
		x.own = limits.OfKey(x.key.ID, x.key.Name, x.key.Revision, x.key.Limits, x.key.Budget)
	}
	return x.own.Bounds() || x.router.Bounds() || x.g.Limits.Machine().Bounds()
}

// bounds are what a request is held against, whichever target it goes to.
func (x *exchange) bounds() [3]*limits.Key {
	return [...]*limits.Key{&x.own, x.router, x.g.Limits.Machine()}
}

// reserve admits req, which goes through router (empty: none) to one of targets. What cannot be reserved for is left out:
// left tells why, by the places of targets, and is nil where all stay. An error means that none stays, or that the key,
// the router or the machine has no room; where only money is short, the targets that cost none stay. It is to be called
// again only where no target stays, with others; before another target than the first that stays is tried, moveTo is.
func (x *exchange) reserve(req *llm.Request, router string, targets []target) (left []string, e *llm.Error) {
	if x.g.Limits == nil || x.key == nil || len(targets) == 0 {
		return nil, nil
	}
	x.router = x.g.Limits.Router(router)
	x.bounded()
	left, e, refusals := x.fit(req, targets)
	if onlyMoney(refusals) { // money that is used up keeps nobody from what costs none
		x.broke, x.short = lowerFirst(refusals[0].Name)+" has no money left for it", e
		left, e, _ = x.fit(req, targets)
	}
	return left, e
}

// fit reserves for the targets that may be tried as things stand, or tells who has no room.
func (x *exchange) fit(req *llm.Request, targets []target) (left []string, e *llm.Error, refusals []limits.Refusal) {
	left, e = x.expect(req, targets)
	var full []limits.Refusal
	for i := range targets {
		if left != nil && left[i] != "" {
			continue
		}
		refusals := x.usePlan(&targets[i])
		if refusals == nil {
			e, refusals = x.reserveOwn()
			return left, e, refusals
		}
		if left == nil {
			left = make([]string, len(targets))
		}
		left[i], full = refusalText(&refusals[0]), append(full, refusals...)
	}
	if full != nil {
		return left, plansReached(full), nil
	}
	if e == nil {
		e = x.short
	}
	return left, e, nil
}

// onlyMoney reports whether money is all that there is no room for.
func onlyMoney(refusals []limits.Refusal) bool {
	return len(refusals) > 0 && !slices.ContainsFunc(refusals, func(r limits.Refusal) bool { return r.Limit.Kind != settings.LimitCost })
}

// reserveOwn reserves with the key, the router and the machine, whose target has been reserved for.
func (x *exchange) reserveOwn() (*llm.Error, []limits.Refusal) {
	keys := x.bounds()
	ticket, refusals := x.g.Limits.Admit(&x.claim, keys[:]...)
	if refusals == nil {
		x.ticket = ticket
		return nil, nil
	}
	x.planned.Refund()
	x.planned = nil
	return limitReached(refusals), refusals
}

// usePlan reserves with the plan of a target.
func (x *exchange) usePlan(t *target) (refusals []limits.Refusal) {
	x.plan = x.g.Limits.Plan(t.Source.Name, t.ID)
	x.planned, refusals = x.g.Limits.Admit(&x.claim, x.plan)
	return refusals
}

// moveTo reserves with the plan of the target that is tried next. The one before had its request all the same if it was
// asked; one that was passed over had none.
// Where the plan has no room it tells why, and the target is to be left out.
func (x *exchange) moveTo(t *target, asked bool) (left string) {
	if x.broke != "" && !t.Free() {
		return x.broke
	}
	if x.g.Limits == nil || !asked && x.plan == x.g.Limits.Plan(t.Source.Name, t.ID) {
		return ""
	}
	if asked {
		x.planned.Settle(limits.Amounts{settings.LimitRequests: 1})
	} else {
		x.planned.Refund()
	}
	if refusals := x.usePlan(t); refusals != nil {
		x.plan, x.planned = nil, nil
		return refusalText(&refusals[0])
	}
	return ""
}

// expect estimates what req will use at the dearest of the targets: one request, the estimated input, and as output the
// request's own maximum. Without one it is a guess: what 95 of 100 recent answers of the model stayed within, else the
// model's maximum up to 4,096. Targets whose cost could not be counted where something counts it are left out; if none
// stays the error says so.
func (x *exchange) expect(req *llm.Request, targets []target) (left []string, e *llm.Error) {
	c := &x.claim
	*c = limits.Claim{}
	c.Expected[settings.LimitRequests], c.Expected[settings.LimitInput] = 1, req.InputEstimate
	c.Expected[settings.LimitTokens] = req.InputEstimate
	c.Least = c.Expected
	money := x.moneyBound()
	choices := max(1, int64(req.Choices))
	for i := range targets {
		t := &targets[i]
		if x.broke != "" && !t.Free() {
			if left == nil {
				left = make([]string, len(targets))
			}
			left[i] = x.broke
			continue
		}
		var price *llm.Price
		if money != nil && !t.Free() {
			var unknown *llm.Error
			if price, unknown = x.priceOf(req, t, money); unknown != nil {
				if left == nil {
					left = make([]string, len(targets))
				}
				left[i], e = "its price is not known, and "+lowerFirst(money.Name)+" counts cost", unknown
				continue
			}
		}
		c.Least[settings.LimitCost] = max(c.Least[settings.LimitCost], costOf(price, req.InputEstimate, choices*int64(req.MaxOutput)))
		output := choices * x.g.outputs.expect(req, t)
		c.Expected[settings.LimitOutput] = max(c.Expected[settings.LimitOutput], output)
		c.Expected[settings.LimitCost] = max(c.Expected[settings.LimitCost], costOf(price, req.InputEstimate, output))
	}
	c.Expected[settings.LimitTokens] += c.Expected[settings.LimitOutput]
	if req.MaxOutput > 0 {
		c.Least = c.Expected
	}
	if e != nil && slices.Contains(left, "") {
		e = nil
	}
	return left, e
}

// moneyBound is the first that counts what the request costs; nil: nobody does.
func (x *exchange) moneyBound() *limits.Key {
	for _, k := range x.bounds() {
		if k.CountsMoney() {
			return k
		}
	}
	return nil
}

// priceOf is what a target charges for a request of now. One without a known price is refused: what it costs could not be counted.
func (x *exchange) priceOf(req *llm.Request, t *target, money *limits.Key) (*llm.Price, *llm.Error) {
	who := money.Name + " has a limit of cost"
	if money.Budget != (settings.Budget{}) {
		who = money.Name + " has a budget"
	}
	var price *llm.Price
	if t.Model != nil {
		price = t.Model.Price.At(x.entry.Start)
	}
	var e *llm.Error
	switch {
	case req.Op == llm.Forward:
		e = forbidden("price_unknown", who+", and what "+req.Path+" costs cannot be counted. Use a key without it, or limit by requests instead.")
	case price == nil:
		e = forbidden("price_unknown", who+", and the price of "+cutText(t.Source.Name+"/"+t.ID, 128)+" is not known. Choose a model with a known price (`localrouter models` shows them), set its price under facts in the settings, or limit by tokens instead.")
		e.Param = "model"
	default:
		return price, nil
	}
	e.Model = req.Model
	return nil, e
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

// ofKey stands before the id of a key where the answers to all its requests are meant: no provider's name has it.
const ofKey = "key:"

// outputs guesses how long answers get.
type outputs struct{ recent limits.Outputs }

func (o *outputs) expect(req *llm.Request, t *target) int64 {
	most := int64(math.MaxInt32)
	if t.Model != nil && t.Model.MaxOutput > 0 {
		most = int64(t.Model.MaxOutput)
	}
	switch {
	case req.Op == llm.Embeddings || req.Op == llm.Forward:
		return 0
	case req.MaxOutput > 0:
		return min(int64(req.MaxOutput), most)
	}
	if n, ok := o.recent.Guess(t.Source.Name + "/" + t.ID); ok {
		return min(n, most)
	}
	return min(guessMax, most)
}

// left reports whether the request was ended from our side while a provider was at work: it may charge for what nobody
// read, so that this is no way past a limit.
func (x *exchange) left() bool {
	return len(x.entry.Attempts) > 0 && endedHere(x.entry.Kind)
}

// settleLimits books what the request used, once. One that no provider answered counts nowhere.
func (x *exchange) settleLimits() {
	e := x.entry
	if e.Kind == "" && e.Usage.Output > 0 {
		if x.ticket != nil {
			x.g.outputs.recent.Add(e.Provider+"/"+e.Model, e.Usage.Output)
		}
		if e.Route != nil {
			x.g.outputs.recent.Add(ofKey+e.KeyID, e.Usage.Output)
		}
	}
	if e.Kind != "" && !x.answer.started && e.Usage.Zero() && e.Cost == 0 && !x.left() {
		x.ticket.Refund()
		x.planned.Refund()
		return
	}
	u := e.Usage
	used := limits.Amounts{1, u.InputTotal(), u.Output, u.Total(), int64(e.Cost)}
	if e.CostSource == llm.CostUnknown || e.CostSource == "" {
		used[settings.LimitCost] = limits.Reserved
	}
	x.ticket.Settle(used)
	x.planned.Settle(used)
}
