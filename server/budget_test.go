package server

import (
	"context"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing/limits"
)

// boundBy puts limits and budgets of all owners on the rig, at a time of its own.
func boundBy(conf settings.Settings, budget settings.Budget, texts ...string) func(*Options) {
	return func(o *Options) {
		limitedBy(texts...)(o)
		at := time.Date(2026, 6, 10, 18, 30, 0, 0, time.FixedZone("here", 7200))
		o.Limits = limits.New(limits.Options{Wall: func() time.Time { return at }, Elapsed: func() time.Duration { return time.Hour }})
		o.Limits.Apply(&conf)
		o.Keys.(*fakeKeys).keys[goodToken].Budget = budget
	}
}

const dollar = int64(llm.USD)

// chat asks for a model with a maximum of output, which decides what is reserved: at the rig's p/m 10,000 tokens cost ten
// cents.
func (r *rig) chat(model string, output int) *httptest.ResponseRecorder {
	return r.call(request("POST", "/v1/chat/completions", `{"model":"`+model+`","max_tokens":`+strconv.Itoa(output)+`}`))
}

// dear answers at a price the provider names itself.
func dear(cost int64) func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) {
	return func(ctx context.Context, req *llm.Request, obs llm.Observer) (llm.Relay, error) {
		relay, err := whole("{}")(ctx, req, obs)
		relay.(*fakeRelay).usage = &llm.Usage{Input: 3, Output: 5, Cost: llm.PicoUSD(cost), CostReported: true}
		return relay, err
	}
}

// TestBudgetsRefuseUntilMidnight in the dialect's shape, with what was spent, of what, and the next step.
func TestBudgetsRefuseUntilMidnight(t *testing.T) {
	for name, c := range map[string]struct {
		machine, key settings.Budget
		retry        int
		says         []string
	}{
		"the key's day":     {settings.Budget{}, settings.Budget{Day: dollar}, 5*3600 + 1800, []string{"The key my-app-1 has spent or reserved $1.00 of its budget of $1 for today", "5h30m0s", "localrouter budget allow --key my-app-1", "localrouter keys set"}},
		"the key's month":   {settings.Budget{}, settings.Budget{Month: dollar}, 20*86400 + 5*3600 + 1800, []string{"for this month", "A new month begins"}},
		"the machine's day": {settings.Budget{Day: dollar}, settings.Budget{}, 5*3600 + 1800, []string{"This machine has spent or reserved $1.00", "localrouter budget allow`", "settings file"}},
		"both":              {settings.Budget{Day: dollar}, settings.Budget{Day: dollar, Month: dollar}, 20*86400 + 5*3600 + 1800, []string{"This machine has", "The key my-app-1 has", "for this month"}},
	} {
		r := newRig(t, boundBy(settings.Settings{Budget: c.machine}, c.key))
		r.provider.answer = dear(dollar)
		if w := r.chat("p/m", 10); w.Code != 200 {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		w := r.chat("p/m", 10)
		if w.Code != 429 || !strings.Contains(w.Body.String(), `"code":"budget_exceeded"`) || w.Header().Get("Retry-After") != strconv.Itoa(c.retry) || w.Header().Get("X-Should-Retry") != "false" {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
		for _, words := range c.says {
			if !strings.Contains(w.Body.String(), words) {
				t.Errorf("%s: %q is not said: %s", name, words, w.Body)
			}
		}
		if left(w, "Cost") != "0" || w.Header().Get("X-Ratelimit-Limit-Cost") != "1" {
			t.Errorf("%s: %v", name, w.Header())
		}
		if w := r.chat("here/small", 10); w.Code != 200 {
			t.Errorf("%s: what costs nothing was refused: %s", name, w.Body)
		}
		if w := r.chat("p/unlisted", 10); w.Code != 403 || !strings.Contains(w.Body.String(), "price_unknown") || !strings.Contains(w.Body.String(), "has a budget") {
			t.Errorf("%s: a price that is unknown: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestABudgetIsInTheHeaderWhereItIsTheTightest, and a machine's budget hides nothing that providers tell.
func TestABudgetIsInTheHeaderWhereItIsTheTightest(t *testing.T) {
	r := newRig(t, boundBy(settings.Settings{Budget: settings.Budget{Day: 3 * dollar}}, settings.Budget{Month: 20 * dollar}, "cost=5/1h"))
	if w := r.standing(); left(w, "Cost") != "3" || w.Header().Get("X-Ratelimit-Reset-Cost") != "5h30m0s" {
		t.Errorf("%v", w.Header())
	}
	r = newRig(t, boundBy(settings.Settings{Budget: settings.Budget{Day: 9 * dollar}}, settings.Budget{Month: 20 * dollar}, "cost=5/1h"))
	if w := r.standing(); left(w, "Cost") != "5" {
		t.Errorf("%v", w.Header())
	}
	r = newRig(t, boundBy(settings.Settings{Budget: settings.Budget{Day: dollar}}, settings.Budget{}))
	r.provider.answer = refusedBy(llm.Error{Kind: llm.RateLimited, Status: 429, Message: "slow down", Header: []llm.Field{{Name: "X-Ratelimit-Remaining-Requests", Value: "777"}}})
	if w := r.chat("p/m", 10); left(w, "Requests") != "777" || left(w, "Cost") != "1" {
		t.Errorf("%v", w.Header())
	}
}

// TestRoutersAndPlansBoundARequestToo: all refusals are named with their owners, and nobody keeps a reservation.
func TestRoutersAndPlansBoundARequestToo(t *testing.T) {
	minute, free := settings.Limit{Kind: settings.LimitRequests, Amount: 1, Window: time.Minute}, settings.Limit{Kind: settings.LimitRequests, Amount: 2, Window: time.Hour}
	router := settings.NewRouter("fast")
	router.Limits = []settings.Limit{minute}
	provider := settings.NewProvider("p", "openai")
	provider.Facts = []settings.Fact{{Models: []string{"m"}, Limits: []settings.Limit{free}}}
	r := newRig(t, boundBy(settings.Settings{Routers: []settings.Router{router}, Providers: []settings.Provider{provider}}, settings.Budget{}, "requests=1/1h"))
	p, here := r.source("p"), r.source("here")
	priced, _ := p.Model("m")
	targets := []target{{Source: p, ID: "m", Model: priced}, {Source: here, ID: "small"}}
	ask := func(targets ...target) (*exchange, []string, *llm.Error) {
		x := r.exchange()
		left, e := x.reserve(&llm.Request{Op: llm.Chat, InputEstimate: 7}, "fast", targets)
		return x, left, e
	}
	one, left, e := ask(targets...)
	if left != nil || e != nil {
		t.Fatalf("%q %v", left, e)
	}
	_, left, e = ask(targets...)
	if e == nil || e.Code != "rate_limit_exceeded" || !strings.Contains(e.Message, "The key my-app-1 is at its limit: 1 request in 1h") || !strings.Contains(e.Message, "The router fast is at its limit: 1 request in 1m") || left != nil {
		t.Fatalf("%q %v", left, e)
	}
	one.ticket.Refund()
	if one.moveTo(&targets[1], true) != "" || one.plan != nil {
		t.Error("this machine has no plan")
	}
	// One of the two that the plan allows has gone to the provider. Whoever was only passed over gives his place back.
	for range 3 {
		passed, _, e := ask(targets...)
		if e != nil || passed.moveTo(&targets[1], false) != "" {
			t.Fatalf("a place that was given back is missing: %v", e)
		}
		passed.ticket.Refund()
	}
	two, left, e := ask(targets...)
	if left != nil || e != nil {
		t.Fatalf("%q %v", left, e)
	}
	two.ticket.Refund()
	three, left, e := ask(targets...)
	if e != nil || len(left) != 2 || left[1] != "" || !strings.Contains(left[0], "2 requests in 1h (room in") {
		t.Fatalf("%q %v", left, e)
	}
	if why := three.moveTo(&targets[0], false); !strings.Contains(why, "2 requests in 1h") {
		t.Errorf("a full plan is moved to: %q", why)
	}
	three.ticket.Refund()
	_, left, e = ask(targets[0])
	if e == nil || e.Status != 429 || e.RetryAfter < 59*time.Minute || !strings.Contains(e.Message, "The plan of p is at its limit") || left[0] == "" {
		t.Errorf("%q %v", left, e)
	}
	if s := r.Limits.Standings(&three.own, three.router); s[0].Remaining != 1 {
		t.Errorf("a refusal by the plan was counted: %+v", s)
	}
}

// TestTheDearestOfTheCandidatesIsReserved, and those without a price are left out under whatever counts money.
func TestTheDearestOfTheCandidatesIsReserved(t *testing.T) {
	r := newRig(t, boundBy(settings.Settings{}, settings.Budget{Day: dollar}, "output_tokens=100000/1h"))
	p := r.source("p")
	flat := &llm.Model{ID: "flat", Billing: llm.BillingFlat}
	targets := []target{
		{Source: r.source("here"), ID: "small"},
		{Source: p, ID: "cheap", Model: &llm.Model{ID: "cheap", MaxOutput: 9000, Price: &llm.Price{Input: 1, Output: 1_000_000}}},
		{Source: p, ID: "unknown"},
		{Source: p, ID: "dear", Model: &llm.Model{ID: "dear", MaxOutput: 1000, Price: &llm.Price{Input: 1_000_000, Output: 50_000_000}}},
		{Source: p, ID: "flat", Model: flat},
	}
	x := r.exchange()
	left, e := x.reserve(&llm.Request{Op: llm.Chat, InputEstimate: 1000, MaxOutput: 2000}, "", targets)
	if e != nil || len(left) != 5 || left[0]+left[1]+left[3]+left[4] != "" || !strings.Contains(left[2], "price is not known") {
		t.Fatalf("%q %v", left, e)
	}
	if got, want := x.claim.Expected, (limits.Amounts{1, 1000, 2000, 3000, 1000*1_000_000 + 1000*50_000_000}); got != want {
		t.Errorf("reserved %v, want %v", got, want)
	}
	x.ticket.Refund()
	for _, free := range []target{targets[0], targets[4]} {
		x = r.exchange()
		if left, e := x.reserve(&llm.Request{Op: llm.Chat, InputEstimate: 1000}, "", []target{free, targets[2]}); e != nil || x.claim.Expected[settings.LimitCost] != 0 || left[1] == "" {
			t.Errorf("%s: %q %v", free.ID, left, e)
		}
	}
	x = r.exchange()
	if left, e := x.reserve(&llm.Request{Op: llm.Chat, Model: "router/x"}, "", targets[2:3]); e == nil || e.Code != "price_unknown" || left[0] == "" {
		t.Errorf("%q %v", left, e)
	}
}

// TestWhatCostsNothingGoesOnWithoutMoney: a budget that is used up leaves a router its local and free models, whichever
// stands first, and a fallback from them reaches nothing that costs money.
func TestWhatCostsNothingGoesOnWithoutMoney(t *testing.T) {
	r := newRig(t, boundBy(settings.Settings{}, settings.Budget{Day: dollar}, "requests=3/1h"))
	r.provider.answer = dear(dollar)
	r.chat("p/m", 10)
	model, _ := r.source("p").Model("m")
	paid, local := target{Source: r.source("p"), ID: "m", Model: model}, target{Source: r.source("here"), ID: "small"}
	flat := target{Source: r.source("p"), ID: "flat", Model: &llm.Model{ID: "flat", Billing: llm.BillingFlat}}
	x := r.exchange()
	left, e := x.reserve(&llm.Request{Op: llm.Chat, MaxOutput: 100}, "", []target{paid, local, flat})
	if e != nil || len(left) != 3 || left[0] != "the key my-app-1 has no money left for it" || left[1]+left[2] != "" {
		t.Fatalf("%q %v", left, e)
	}
	if got := x.claim.Expected; got[settings.LimitCost] != 0 || got[settings.LimitRequests] != 1 {
		t.Errorf("reserved %v", got)
	}
	if x.moveTo(&paid, true) == "" || x.moveTo(&flat, true) != "" {
		t.Error("a fallback spends what is not there, or refuses what costs nothing")
	}
	if s := r.Limits.Standings(&x.own); s[0].Remaining != 1 {
		t.Errorf("counted twice: %+v", s)
	}
	x.ticket.Refund()
	x = r.exchange() // of the first targets each costs money: the next are asked for
	if left, e := x.reserve(&llm.Request{Op: llm.Chat, MaxOutput: 100}, "", []target{paid, paid}); e == nil || e.Code != "budget_exceeded" || left[0] == "" || left[1] == "" {
		t.Errorf("%q %v", left, e)
	}
	if left, e := x.reserve(&llm.Request{Op: llm.Chat, MaxOutput: 100}, "", []target{paid, flat}); e != nil || left[0] == "" || left[1] != "" {
		t.Errorf("%q %v", left, e)
	}
	if left, e := x.reserve(&llm.Request{Op: llm.Chat, MaxOutput: 100}, "", []target{paid}); e == nil || e.Code != "budget_exceeded" || left[0] == "" {
		t.Errorf("%q %v", left, e)
	}
	r.chat("here/small", 10)
	x = r.exchange() // more than money is short: nothing goes on
	if left, e := x.reserve(&llm.Request{Op: llm.Chat, MaxOutput: 100}, "", []target{paid, local}); e == nil || e.Status != 429 || !strings.Contains(e.Message, "3 requests in 1h") {
		t.Errorf("%q %v", left, e)
	}
}

// TestThePriceOfNowIsReserved, not the one that held before; none is known where the last has run out.
func TestThePriceOfNowIsReserved(t *testing.T) {
	r := newRig(t, boundBy(settings.Settings{}, settings.Budget{Day: dollar}))
	past := time.Now().Add(-time.Hour)
	for _, c := range []struct {
		later *llm.Price
		want  int64
	}{{&llm.Price{From: past, Output: 50_000_000}, 50_000_000_000}, {nil, -1}} {
		x := r.exchange()
		m := &llm.Model{ID: "offer", Price: &llm.Price{Until: past, Output: 1_000_000, Later: c.later}}
		_, e := x.reserve(&llm.Request{Op: llm.Chat, MaxOutput: 1000}, "", []target{{Source: r.source("p"), ID: "offer", Model: m}})
		if got := x.claim.Expected[settings.LimitCost]; c.want >= 0 && (e != nil || got != c.want) || c.want < 0 && (e == nil || e.Code != "price_unknown") {
			t.Errorf("reserved %d, want %d; %v", got, c.want, e)
		}
		x.ticket.Refund()
	}
}

// TestWhatIsPaidForAlreadyCostsNothing: a subscription is neither charged nor counted against a budget.
func TestWhatIsPaidForAlreadyCostsNothing(t *testing.T) {
	r := newRig(t, boundBy(settings.Settings{}, settings.Budget{Day: dollar}))
	model, _ := r.source("p").Model("m")
	model.Billing = llm.BillingFlat
	r.provider.answer = dear(dollar)
	r.chat("p/m", 10)
	if w := r.chat("p/m", 10); w.Code != 200 || left(w, "Cost") != "1" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if e := r.recorder.entries()[0]; e.Cost != 0 || e.CostSource != llm.CostFlat {
		t.Errorf("%d %s", e.Cost, e.CostSource)
	}
}

// source is a provider of the rig.
func (r *rig) source(name string) *llm.Source { return r.Directory.Sources().Named(name) }

// exchange is a request of the rig's key that is still to be admitted.
func (r *rig) exchange() *exchange {
	x := r.open(httptest.NewRecorder(), request("POST", "/v1/chat/completions", ""))
	x.key = r.keys.keys[goodToken]
	return x
}
