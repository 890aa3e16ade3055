package routing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing"
)

// mood is what is the matter with a request itself.
type mood uint8

const (
	plain     mood = iota
	malformed      // every provider refuses it
	rude           // the first provider refuses its content
	longer         // the first provider finds it too long
)

// trip is one request of the day.
type trip struct {
	n       int
	at      time.Duration
	key     *routing.Policy
	model   string // as it is asked for
	routed  string // name of the router that this stands for; empty: an explicit model
	stream  bool
	uses    []llm.Feature
	input   int64
	output  int64
	priced  bool
	patient time.Duration // when the application goes away; 0: it stays
	deny    bool          // limits refuse it
	mood    mood
	talk    string // its conversation; empty: it has no past

	// What came of it, guarded by day.mu.
	version   *version
	visits    []*visit
	down      map[string]bool // targets that could rest when it began or when it was decided
	trying    map[string]bool // providers of which another request was finding out whether they are back
	busy      map[string]bool // providers that were full between then and the decision
	admits    int
	reserved  string // the target that limits reserved for
	begun     string // the one they reserved for at first, which they never refuse
	refused   bool   // limits refused it
	waited    bool   // in a provider's queue
	turned    bool   // a provider's queue was full
	early     *llm.Attempt
	cancelled bool
	left      time.Duration // when it was cancelled
	committed int           // calls of the observer
	failed    int

	// What the router said.
	decided  time.Duration
	answered string // provider/model
	source   *llm.Source
	attempts []llm.Attempt
	err      *llm.Error
	receipt  *llm.Receipt
	steady   bool // providers and settings were the same all the time of the selection and the attempts
}

func (t *trip) id() string                     { return fmt.Sprintf("trip-%d", t.n) }
func (t *trip) explicit() bool                 { return t.routed == "" }
func (t *trip) router(*day) *settings.Router   { return t.version.settings.Router(t.routed) }
func (t *trip) Usage(llm.Usage)                {}
func (t *trip) Finish(string)                  {}
func (t *trip) Committed()                     { t.committed++ }
func (t *trip) Failed(*llm.Error)              { t.failed++ }
func (t *trip) wants(place, model string) bool { return t.model == place+"/"+model || t.model == model }

// planned is the reason of limits.
const planned = "its plan is used up"

// tight reports whether the plan of a target has no room for the trip.
func (t *trip) tight(name string) bool {
	return t.n%8 == 0 && (len(name)+t.n)%5 == 0
}

// bound is the most attempts.
func (t *trip) bound(d *day) int {
	conf := t.version.settings
	if r := t.router(d); r != nil && r.Fallback.Attempts > 0 {
		return r.Fallback.Attempts
	}
	return conf.Resilience.Attempts
}

// String tells all of a trip, for a report.
func (t *trip) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s at %v: key %s asks for %s", t.id(), t.at, t.key.Name, t.model)
	fmt.Fprintf(&b, ", stream %v, uses %v, %d tokens in, mood %d, cancelled %v, answered by %q at %v, error %v\n", t.stream, t.uses, t.input, t.mood, t.cancelled, t.answered, t.decided, t.err)
	for _, v := range t.visits {
		fmt.Fprintf(&b, "  visit %s/%s (%s) at %v until %v: %q, content %v\n", v.place.name, v.model, v.credential, v.at, v.left, v.kind, v.committed)
	}
	if t.receipt != nil {
		text, _ := json.Marshal(t.receipt)
		fmt.Fprintf(&b, "  receipt %s", text)
	}
	return b.String()
}

// gate is what the simulator drives.
type gate interface {
	Send(context.Context, *routing.Call) (*routing.Answer, []llm.Attempt, *llm.Error)
	Receipt(id, key string) *llm.Receipt
}

// travel sends a request through the router and reads its answer.
func (d *day) travel(r gate, t *trip) {
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), tripKey{}, t))
	defer cancel()
	if t.patient > 0 {
		defer time.AfterFunc(t.patient, func() {
			d.mu.Lock()
			t.cancelled, t.left = true, d.time()
			d.mu.Unlock()
			cancel()
		}).Stop()
	}
	d.start(t)
	answer, attempts, e := r.Send(ctx, d.call(t))
	d.decide(t, answer, attempts, e)
	t.receipt = r.Receipt(t.id(), t.key.ID)
	if answer != nil {
		for {
			if _, err := answer.Relay.Next(); err != nil {
				if err != io.EOF && t.err == nil {
					t.err = llm.AsError(err)
				}
				break
			}
		}
		answer.Relay.Close()
	}
	if later := r.Receipt(t.id(), t.key.ID); !reflect.DeepEqual(later, t.receipt) {
		d.mu.Lock()
		d.problemLocked(checkNamed, t, "the receipt said something else when the answer was over: %+v", later)
		d.mu.Unlock()
	}
	d.judge(t)
}

// start notes what was so when a request came.
func (d *day) start(t *trip) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.at = d.time()
	t.version = d.now.Load()
	t.down, t.trying, t.busy = map[string]bool{}, map[string]bool{}, map[string]bool{}
	d.lookLocked(t)
	for _, p := range d.pool {
		t.trying[p.name] = p.watch.perhaps && p.watch.inside > 0
	}
}

// longestLine is how many may wait for a provider.
const longestLine = 64

// lookLocked notes which targets the router may keep away from.
func (d *day) lookLocked(t *trip) {
	for _, p := range d.pool {
		t.busy[p.name] = t.busy[p.name] || p.busyLocked(t.at)
		t.turned = t.turned || d.waiting[p.name] >= longestLine
		for i := range p.models {
			if id := p.models[i].ID; p.watch.mayRest(id, t.at) {
				t.down[p.name+"/"+id] = true
			}
		}
	}
}

func (d *day) decide(t *trip, answer *routing.Answer, attempts []llm.Attempt, e *llm.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.decided, t.attempts, t.err = d.time(), attempts, e
	t.steady = d.now.Load() == t.version
	if n := len(t.visits); answer == nil && !t.cancelled && n > 0 && n < t.bound(d) {
		if spare := d.spareLocked(t.visits[n-1]); spare != "" {
			d.problemLocked(checkTable, t, "it ended while the credential %s was free", spare)
		}
	}
	d.lookLocked(t)
	if answer != nil {
		t.answered, t.source = answer.Source.Name+"/"+answer.ModelID, answer.Source
		d.served[t.talk] = append(d.served[t.talk], t.answered)
	}
}

// call makes the router's view of a trip.
func (d *day) call(t *trip) *routing.Call {
	talk := &llm.Conversation{}
	for _, f := range t.uses {
		talk.Use(f, f.String())
	}
	if t.talk != "" { // it goes on
		talk.Turns = []llm.Turn{{Role: llm.User}, {Role: llm.Assistant}, {Role: llm.User}}
	}
	c := &routing.Call{ID: t.id(), Observer: t, Key: t.key, Output: t.output, Priced: t.priced, Session: t.talk,
		Request: &llm.Request{Dialect: llm.OpenAI, Op: llm.Chat, Path: "/chat/completions", Key: t.key.ID, Model: t.model, Stream: t.stream,
			InputEstimate: t.input, Conversation: talk, Body: []byte("{}"), Length: 2}}
	c.Admit = func(targets []routing.Target, _ string) (left []string, e *llm.Error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		left = make([]string, len(targets))
		for i := range targets {
			if name := targets[i].Name(); t.tight(name) && len(targets) > 1 {
				left[i] = planned
			} else if t.reserved == "" {
				t.reserved = name
			}
		}
		if t.reserved == "" { // a plan never keeps all away here
			left[0], t.reserved = "", targets[0].Name()
		}
		t.begun = t.reserved
		t.admits++
		if len(targets) == 0 {
			d.problemLocked(checkAdmit, t, "limits were asked about no target")
		}
		if t.deny {
			t.refused = true
			return nil, &llm.Error{Kind: llm.LimitReached, Status: 429, Message: "The limit is reached"}
		}
		return left, nil
	}
	c.Move = func(target routing.Target, _ bool) string {
		d.mu.Lock()
		defer d.mu.Unlock()
		if t.reserved = target.Name(); t.reserved != t.begun && t.tight(t.reserved) {
			t.reserved = ""
			return planned
		}
		return ""
	}
	c.Waiting = func(provider string, waiting bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if t.waited = true; waiting {
			d.waiting[provider]++
		} else {
			d.waiting[provider]--
		}
	}
	c.Early = func(a llm.Attempt, _ int) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if t.early != nil || !t.stream {
			d.problemLocked(checkPatience, t, "the headers were sent early twice, or for a whole reply")
		}
		t.early = &a
	}
	return c
}

// keys are those of the day's applications, with what each asks for and how often.
var keys = []struct {
	share  int
	model  string
	routed string
	key    routing.Policy
}{
	{30, "auto", "cheapest", routing.Policy{ID: "key-cheap", Name: "cheap", Selection: "router/cheapest"}},
	{12, "auto", "minimum-cost", routing.Policy{ID: "key-new", Name: "new"}},
	{9, "router/maximum-performance", "maximum-performance", routing.Policy{ID: "key-strong", Name: "strong", Mode: routing.ModeAsked}},
	{4, "auto", "paid", routing.Policy{ID: "key-paid", Name: "paid", Selection: "router/paid"}},
	{3, "router/away", "away", routing.Policy{ID: "key-away", Name: "away"}},
	{3, "router/quick", "quick", routing.Policy{ID: "key-quick", Name: "quick"}},
	{3, "router/even", "even", routing.Policy{ID: "key-even", Name: "even"}},
	{3, "router/free", "free", routing.Policy{ID: "key-free", Name: "free"}},
	{3, "router/handy", "handy", routing.Policy{ID: "key-handy", Name: "handy"}},
	{4, "gpt-hard-wired", "list", routing.Policy{ID: "key-wired", Name: "wired", Mode: routing.ModeSelected, Selection: "router/list"}},
	{2, "router/once", "once", routing.Policy{ID: "key-once", Name: "once"}},
	{2, "router/twice", "twice", routing.Policy{ID: "key-twice", Name: "twice"}},
	{3, "auto", "minimum-cost", routing.Policy{ID: "key-house", Name: "house", LocalOnly: true}},
	{4, "auto", "cheapest", routing.Policy{ID: "key-narrow", Name: "narrow", Selection: "router/cheapest", Allow: settings.Patterns{"birch", "cedar/*", "*/open-70b"}}},
	{15, "", "", routing.Policy{ID: "key-direct", Name: "direct"}},
}

// newTrip makes a request of a burst, whose direct requests all ask for the same model.
func (d *day) newTrip(n int, at time.Duration, direct string, rng *rand.Rand) *trip {
	t := &trip{n: n, at: at, stream: rng.IntN(10) < 7, output: 100 + rng.Int64N(900), input: 200 + rng.Int64N(3000)}
	share := rng.IntN(100)
	for i := range keys {
		k := &keys[i]
		t.key, t.model, t.routed = &k.key, k.model, k.routed
		if share -= k.share; share < 0 {
			break
		}
	}
	if t.model == "" {
		t.model = direct
	}
	switch size := rng.IntN(100); {
	case size < 10:
		t.input = 20_000
	case size < 18:
		t.input = 90_000
	case size < 21:
		t.input = 300_000
	}
	if rng.IntN(4) == 0 {
		t.uses = append(t.uses, llm.FeatureTools)
	}
	if rng.IntN(10) == 0 {
		t.uses = append(t.uses, llm.FeatureImages)
	}
	if rng.IntN(16) == 0 {
		t.patient = time.Duration(rng.Int64N(int64(8 * time.Second)))
	}
	if rng.IntN(12) == 0 {
		t.talk = fmt.Sprintf("talk-%d-%s", n/200, t.key.Name)
		t.uses = append(t.uses, llm.FeatureCacheMarks)
	}
	t.deny = rng.IntN(60) == 0
	t.priced = rng.IntN(10) == 0
	switch rng.IntN(120) {
	case 0:
		t.mood = malformed
	case 1:
		t.mood = rude
	case 2:
		t.mood = longer
	}
	return t
}
