package routing_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing"
)

const (
	usualDay = 20_000 // requests of a day
	fullDay  = 50_000 // with LOCALROUTER_FULL=1
	fullDays = 4
)

// TestVirtualDay drives the router for a day over twelve scripted providers that fail, refuse, slow down and change their
// prices, and holds all that was promised against what they saw and what the receipts say. LOCALROUTER_SEED repeats a
// day that failed.
func TestVirtualDay(t *testing.T) {
	requests, days := usualDay, 1
	if os.Getenv("LOCALROUTER_FULL") == "1" {
		requests, days = fullDay, fullDays
	}
	seed := uint64(1)
	if s := os.Getenv("LOCALROUTER_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("LOCALROUTER_SEED: %v", err)
		}
		seed, days = n, 1
	}
	for range days {
		synctest.Test(t, func(t *testing.T) { newDay(seed).run(t, requests) })
		seed++
	}
}

func newDay(seed uint64) *day {
	return &day{seed: seed, begin: time.Now(), pool: newPool(), problems: map[string][]string{}, counts: map[string]int{}, served: map[string][]string{}, waiting: map[string]int{}}
}

func (d *day) run(t *testing.T, requests int) {
	rng := rand.New(rand.NewPCG(d.seed, 0))
	d.troubles(rng)
	changing := &changes{gone: map[string]bool{}, prices: map[string]llm.Price{}, edits: map[string]int{}}
	d.now.Store(d.build(changing))
	var chance struct {
		sync.Mutex
		*rand.Rand
	}
	chance.Rand = rand.New(rand.NewPCG(d.seed, 1))
	r := routing.New(d, routing.Options{Settings: d.settings, Rand: func() float64 {
		chance.Lock()
		defer chance.Unlock()
		return chance.Float64()
	}})
	var running sync.WaitGroup
	for _, e := range d.events(rng, requests) {
		time.Sleep(e.at - d.time())
		switch {
		case e.trip != nil:
			running.Go(func() { d.travel(r, e.trip) })
		case e.change != nil:
			e.change(changing)
			d.now.Store(d.build(changing))
		default:
			running.Wait()
			d.rollCall(r)
		}
	}
	running.Wait()
	d.report(t)
}

// event is what happens at one time of the day: a request, a change of providers or settings, or else a roll call.
type event struct {
	at     time.Duration
	trip   *trip
	change func(*changes)
}

// events writes the load and the changes of a day.
func (d *day) events(rng *rand.Rand, requests int) []event {
	list := []event{
		{at: 4 * time.Hour}, {at: 23*time.Hour + 30*time.Minute}, // in the calms
		{at: 11 * time.Hour, change: func(c *changes) {
			c.prices["juniper/juniper-m"] = llm.Price{Input: 20_000, Output: 60_000} // now the cheapest
			c.prices["gum/gum-tiny"] = llm.Price{Input: 900_000, Output: 1_900_000}
		}},
		{at: 18 * time.Hour, change: func(c *changes) { clear(c.prices) }},
		{at: 14 * time.Hour, change: func(c *changes) { c.offline = true }},
		{at: 14*time.Hour + 40*time.Minute, change: func(c *changes) { c.offline = false }},
		{at: 16 * time.Hour, change: func(c *changes) { c.gone["gum"] = true }},
		{at: 17*time.Hour + 30*time.Minute, change: func(c *changes) { delete(c.gone, "gum") }},
		{at: 8 * time.Hour, change: func(c *changes) {
			c.routers = func(list []settings.Router) {
				for i := range list {
					if list[i].Name == "paid" {
						list[i].Strategies = []settings.Strategy{settings.APIFirst, settings.LowestCost}
					}
				}
			}
		}},
		{at: 20 * time.Hour, change: func(c *changes) { c.routers = nil }},
	}
	for _, e := range d.edits {
		list = append(list, event{at: e.at, change: func(c *changes) { c.edits[e.credential]++ }})
	}
	for n := 0; n < requests; {
		n = d.burst(rng, n, requests, &list)
	}
	slices.SortStableFunc(list, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return list
}

// burst adds some requests within a short time. Half of all bursts come while something is wrong.
func (d *day) burst(rng *rand.Rand, n, requests int, list *[]event) int {
	begin := time.Duration(rng.Int64N(int64(23*time.Hour + 15*time.Minute)))
	p := d.pool[rng.IntN(len(d.pool))]
	if rng.IntN(2) == 0 && len(p.faults) > 0 {
		f := p.faults[rng.IntN(len(p.faults))]
		begin = f.from + time.Duration(rng.Int64N(int64(f.to-f.from+2*time.Minute)))
	}
	if begin > 3*time.Hour+40*time.Minute && begin < 4*time.Hour+5*time.Minute || begin > 23*time.Hour+10*time.Minute {
		return n // what runs long must be over at the roll call
	}
	spread := time.Second << rng.IntN(7)
	model := p.models[rng.IntN(len(p.models))].ID
	direct := p.name + "/" + model
	if rng.IntN(5) == 0 {
		direct = model
	}
	for size := 1 + rng.IntN(40); size > 0 && n < requests; size-- {
		at := begin + time.Duration(rng.Int64N(int64(spread)))
		*list = append(*list, event{at: at, trip: d.newTrip(n, at, direct, rng)})
		n++
	}
	return n
}

// rollCall asks every target directly, and every provider for as much at once as it takes. All has been well for long
// enough: whoever does not answer is kept out by something that was never given back.
func (d *day) rollCall(r gate) {
	var key = routing.Policy{ID: "key-roll", Name: "roll"}
	n := 1_000_000 + int(d.time()/time.Hour)*1000
	ask := func(p *place, model string) *trip {
		n++
		return &trip{n: n, key: &key, model: p.name + "/" + model, stream: true, input: 1000, output: 100}
	}
	for _, p := range d.pool {
		for i := range p.models {
			t := ask(p, p.models[i].ID)
			d.travel(r, t)
			d.present(p, t)
		}
		var running sync.WaitGroup
		for range max(p.parallel, 4) {
			t := ask(p, p.models[0].ID)
			running.Go(func() {
				d.travel(r, t)
				d.present(p, t)
			})
		}
		running.Wait()
	}
}

// present checks the answer to a roll call.
func (d *day) present(p *place, t *trip) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := d.now.Load().sources.Named(p.name).Credentials[0].ID
	switch {
	case t.answered == "" || len(t.visits) != 1:
		d.problemLocked(checkReturned, t, "%s has long been well and did not answer", t.model)
	case t.visits[0].credential != first:
		d.problemLocked(checkReturned, t, "%s has long been well and was not asked with %s", t.model, first)
	case t.visits[0].at-t.at > time.Second && p.parallel == 0:
		d.problemLocked(checkReturned, t, "%s was asked after %v", t.model, t.visits[0].at-t.at)
	}
}

const (
	leastAvailable = 0.999
	mostCost       = 1.01
	shown          = 2 // examples of each check
)

// report tells what the checks found.
func (d *day) report(t *testing.T) {
	t.Helper()
	t.Logf("seed %d: %v, %d of %d lost while somebody could have answered, lowest cost paid %.4f of the best", d.seed, d.counts, d.lost, d.asked, float64(d.cost.paid)/float64(d.cost.best))
	if d.asked < d.counts["requests"]/3 || d.cost.best == 0 {
		t.Errorf("seed %d: too little was asked for the day to say anything", d.seed)
	}
	for _, what := range []string{fellOver, wentAway, early, inLine, stuck, torn} {
		if d.counts[what] == 0 {
			t.Errorf("seed %d: no request %s: the day says nothing about that", d.seed, what)
		}
	}
	if available := 1 - float64(d.lost)/float64(max(d.asked, 1)); available < leastAvailable {
		t.Errorf("seed %d: check %s: %.4f of %d requests were answered, want %v\n%s", d.seed, checkAvailability, available, d.asked, leastAvailable, strings.Join(d.losses, "\n"))
	}
	if float64(d.cost.paid) > mostCost*float64(d.cost.best) {
		t.Errorf("seed %d: check %s: %s were paid where %s was the best", d.seed, checkCost, dollars(d.cost.paid), dollars(d.cost.best))
	}
	for check, list := range d.problems {
		t.Errorf("seed %d: check %s: %d times, for example\n%s", d.seed, check, len(list), strings.Join(list[:min(len(list), shown)], "\n"))
	}
}

func dollars(pico int64) string { return fmt.Sprintf("$%.4f", float64(pico)/1e12) }
