package limits

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"localrouter/db/settings"
)

// often is how many times something is tried: few for every day, n in the long proofs (make full).
func often(few, n int) int {
	if os.Getenv("LOCALROUTER_FULL") == "1" {
		return n
	}
	return few
}

// clocks are the limiter's clocks in the hand of a test.
type clocks struct {
	elapsed time.Duration
	wall    time.Time
}

func (c *clocks) pass(d time.Duration) { c.elapsed += d; c.wall = c.wall.Add(d) }

func (c *clocks) limiter() *Limiter {
	return New(Options{Elapsed: func() time.Duration { return c.elapsed }, Wall: func() time.Time { return c.wall }})
}

func newClocks() *clocks { return &clocks{wall: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func limited(t testing.TB, texts ...string) *Key {
	t.Helper()
	k := &Key{ID: "k", Revision: 1}
	for _, text := range texts {
		l, err := settings.ParseLimit(text)
		if err != nil {
			t.Fatal(err)
		}
		k.Limits = append(k.Limits, l)
	}
	return k
}

// sure is a claim without a guess in it.
func sure(input, output, cost int64) *Claim {
	a := Amounts{1, input, output, input + output, cost}
	return &Claim{Expected: a, Least: a}
}

func used(input, output, cost int64) Amounts { return Amounts{1, input, output, input + output, cost} }

// admitted is a request as the oracle knows it: by the true time at which it was let in.
type admitted struct {
	at, settledAt    int64
	reserved, actual Amounts
	ticket           *Ticket
	refunded         bool
}

// TestNoWindowIsEverOverItsLimit plays random requests against a naive oracle that counts what was let in, by its true
// time. Requests never pass their limit in any window; tokens and cost only by what the requests then running used
// beyond their own estimates.
func TestNoWindowIsEverOverItsLimit(t *testing.T) {
	sets := [][]string{
		{"requests=7/1s", "requests=40/10s"},
		{"requests=256/7s", "requests=300/9s"},
		{"requests=700/11s", "tokens=90000/5s", "cost=0.5/13s"},
		{"input_tokens=30000/3s", "output_tokens=20000/2s", "requests=90/4s"},
		{"cost=0.2/1m", "cost=0.03/2s", "tokens=40000/1s"},
	}
	for i, set := range sets {
		t.Run(fmt.Sprint(set), func(t *testing.T) { playAgainstOracle(t, uint64(i), set, often(4_000, 1_000_000)) })
	}
}

func playAgainstOracle(t *testing.T, seed uint64, set []string, steps int) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	c, key := newClocks(), limited(t, set...)
	l := c.limiter()
	var all []*admitted
	var running []*admitted
	refused := 0
	for range steps {
		switch rnd.IntN(12) {
		case 0:
			if rnd.IntN(20) == 0 {
				c.pass(time.Duration(rnd.Int64N(int64(2 * time.Second))))
			}
		case 1:
			c.wall = c.wall.Add(time.Duration(rnd.Int64N(int64(2*time.Hour))) - time.Hour) // is nothing to running windows
		case 2, 3, 4:
			if len(running) > 0 {
				i := rnd.IntN(len(running))
				settleRandomly(rnd, running[i], int64(c.elapsed))
				running = slices.Delete(running, i, i+1)
			}
		default:
			c.pass(time.Duration(rnd.Int64N(int64(10 * time.Millisecond))))
			claim := sure(rnd.Int64N(900), rnd.Int64N(900), rnd.Int64N(int64(4e9)))
			ticket, refusals := l.Admit(claim, key)
			checkVerdict(t, key, all, claim, refusals, int64(c.elapsed))
			if ticket == nil {
				refused++
				continue
			}
			r := &admitted{at: int64(c.elapsed), settledAt: 1 << 62, reserved: claim.Expected, actual: claim.Expected, ticket: ticket}
			all, running = append(all, r), append(running, r)
		}
		if t.Failed() {
			return
		}
	}
	if refused == 0 || len(all) < steps/50 {
		t.Fatalf("%d refused and %d let in of %d steps: the test proves nothing", refused, len(all), steps)
	}
	for _, limit := range key.Limits {
		checkWindows(t, limit, all)
	}
}

func settleRandomly(rnd *rand.Rand, r *admitted, now int64) {
	r.settledAt = now
	switch rnd.IntN(5) {
	case 0:
		r.refunded, r.actual = true, Amounts{}
		r.ticket.Refund()
	case 1: // used more than it said
		r.actual = used(r.reserved[1]*2, r.reserved[2]*3, r.reserved[4]*2)
		r.ticket.Settle(r.actual)
	default:
		r.actual = used(r.reserved[1], r.reserved[2]/2, r.reserved[4]/2)
		r.ticket.Settle(r.actual)
	}
	r.ticket.Settle(Amounts{9, 1e9, 1e9, 1e9, 1e9}) // a second end counts for nothing
}

// checkVerdict holds a verdict against what the oracle counts: small limits of requests are exact; the others refuse
// nothing that a window longer by one part would take.
func checkVerdict(t *testing.T, key *Key, all []*admitted, claim *Claim, refusals []Refusal, now int64) {
	t.Helper()
	for _, limit := range key.Limits {
		refuses := slices.ContainsFunc(refusals, func(r Refusal) bool { return r.Limit == limit })
		exactly := limit.Kind == settings.LimitRequests && limit.Amount <= exact
		span := int64(limit.Window)
		if !exactly {
			span += (span + parts - 1) / parts
		}
		var sum int64
		for i := len(all) - 1; i >= 0 && all[i].at > now-span; i-- {
			sum += all[i].actual[limit.Kind]
		}
		fits := sum+claim.Expected[limit.Kind] <= limit.Amount
		if refuses && fits || exactly && !refuses && !fits {
			t.Fatalf("%s: refuses is %t with %d in the window and %d wanted", limit, refuses, sum, claim.Expected[limit.Kind])
		}
	}
}

// checkWindows looks at each window that ends with an admission; no other can hold more.
func checkWindows(t *testing.T, limit settings.Limit, all []*admitted) {
	t.Helper()
	kind := limit.Kind
	for i, r := range all {
		if r.reserved[kind] == 0 {
			continue // it took nothing: the window holds what it held before
		}
		var sum, over int64
		for j := i; j >= 0 && all[j].at > r.at-int64(limit.Window); j-- {
			o := all[j]
			sum += o.actual[kind]
			if o.settledAt >= r.at {
				over += max(0, o.actual[kind]-o.reserved[kind])
			}
		}
		if kind == settings.LimitRequests {
			over = 0
		}
		if sum > limit.Amount+over {
			t.Fatalf("%s: %d in the window that ends with request %d, where the bound is %d", limit, sum, i, limit.Amount+over)
		}
	}
}

// TestEveryEndSettlesOnce ends requests in every way, several ways at once: afterwards each counts exactly once or, if
// it was refunded, not at all.
func TestEveryEndSettlesOnce(t *testing.T) {
	c, key := newClocks(), limited(t, "requests=1000000/31d", "tokens=900000000000/31d", "cost=90000/31d")
	l := c.limiter()
	router, machine := limited(t, "requests=1000000/31d", "cost=90000/31d"), spender(90_000*usd, 90_000*usd)
	router.ID = "router:r"
	var want [settings.LimitKinds]atomic.Int64
	n := often(5_000, 100_000)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(worker), 2))
			for range n / 4 {
				ticket, refusals := l.Admit(sure(rnd.Int64N(500), rnd.Int64N(500), rnd.Int64N(1000)), key, router, machine)
				if refusals != nil {
					t.Error("refused", refusals)
					return
				}
				end := used(rnd.Int64N(700), rnd.Int64N(700), rnd.Int64N(2000))
				if rnd.IntN(3) == 0 {
					end = Amounts{}
				}
				var ends sync.WaitGroup
				for range 1 + rnd.IntN(3) {
					ends.Go(func() { ticket.Settle(end) })
				}
				ends.Wait()
				ticket.Refund()
				for kind := range end {
					want[kind].Add(end[kind])
				}
			}
		})
	}
	group.Wait()
	for _, k := range []*Key{key, router, machine} {
		for _, s := range l.Standings(k) {
			if got := s.Limit.Amount - s.Remaining; got != want[s.Limit.Kind].Load() {
				t.Errorf("%s, %s: %d counted, %d used", k.ID, s.Limit, got, want[s.Limit.Kind].Load())
			}
		}
	}
	for _, s := range l.Purses(machine) {
		if s.Reserved != 0 || s.Spent != want[settings.LimitCost].Load() {
			t.Errorf("%s: %d counted, %d still reserved, %d used", s.Period, s.Spent, s.Reserved, want[settings.LimitCost].Load())
		}
	}
}

func TestParallelRequestsAdmitExactlyTheLimit(t *testing.T) {
	for _, text := range []string{"requests=100/1h", "tokens=1000/1h", "cost=0.001/1h", "budget"} {
		key, l := limited(t, "requests=999/1h"), New(Options{})
		second := spender(usd/1000, 0)
		if text != "budget" {
			second = limited(t, text)
			second.ID = "router:r"
		}
		var let atomic.Int64
		var group sync.WaitGroup
		for i := range 1000 {
			both := []*Key{key, second}
			if i%2 == 1 {
				both[0], both[1] = second, key // the order of the names is nobody's lock
			}
			group.Go(func() {
				if ticket, _ := l.Admit(sure(4, 6, usd/100_000), both...); ticket != nil {
					let.Add(1)
				}
			})
		}
		group.Wait()
		if let.Load() != 100 {
			t.Errorf("%s: %d of 1,000 were let in, want 100", text, let.Load())
		}
		if s := l.Standings(key); s[0].Remaining != 899 {
			t.Errorf("%s: of the key are left %d, want 899", text, s[0].Remaining)
		}
	}
}

// TestWaitIsTheTruth: who waits as long as he was told is let in, and a moment sooner he is not.
func TestWaitIsTheTruth(t *testing.T) {
	for _, text := range []string{"requests=3/1m", "requests=300/1m", "tokens=3000/1m", "cost=0.3/1h"} {
		c, key := newClocks(), limited(t, text)
		l := c.limiter()
		claim := sure(4, 6, 1e9)
		for {
			c.pass(70 * time.Millisecond)
			_, refusals := l.Admit(claim, key)
			if refusals == nil {
				continue
			}
			c.pass(refusals[0].Wait - 1)
			if ticket, _ := l.Admit(claim, key); ticket != nil {
				t.Errorf("%s: let in before its time", text)
			}
			c.pass(1)
			if ticket, again := l.Admit(claim, key); ticket == nil {
				t.Errorf("%s: waited %v and is told to wait %v more", text, refusals[0].Wait, again[0].Wait)
			}
			break
		}
	}
}

func TestAllRefusingLimitsAreNamed(t *testing.T) {
	c, key := newClocks(), limited(t, "requests=1/1m", "tokens=100/1h", "output_tokens=1000/1m", "cost=1/1d")
	l := c.limiter()
	l.Admit(sure(60, 30, 1), key)
	_, refusals := l.Admit(sure(60, 30, 1), key)
	if len(refusals) != 2 || refusals[0].Limit != key.Limits[0] || refusals[1].Limit != key.Limits[1] || refusals[1].Wait < time.Hour {
		t.Errorf("%+v", refusals)
	}
	if _, refusals = l.Admit(sure(101, 0, 1), key); len(refusals) != 2 || !refusals[1].Never {
		t.Errorf("what can never fit: %+v", refusals)
	}
}

// TestAGuessKeepsNobodyOutOfAnEmptyWindow: an application that names no maximum gets its answer all the same, once.
func TestAGuessKeepsNobodyOutOfAnEmptyWindow(t *testing.T) {
	c, key := newClocks(), limited(t, "output_tokens=1000/1m")
	l := c.limiter()
	guess := sure(10, 4096, 0)
	guess.Least = sure(10, 0, 0).Least
	ticket, refusals := l.Admit(guess, key)
	if ticket == nil {
		t.Fatalf("refused: %+v", refusals)
	}
	if second, _ := l.Admit(guess, key); second != nil {
		t.Error("a second one was let in while the first holds the whole window")
	}
	ticket.Settle(used(10, 200, 0))
	if s := l.Standings(key); s[0].Remaining != 800 {
		t.Errorf("%+v", s)
	}
}

func TestChangedLimitsKeepWhatWasUsed(t *testing.T) {
	c, key := newClocks(), limited(t, "requests=300/1h", "tokens=1000/1h")
	l := c.limiter()
	for range 50 {
		l.Admit(sure(5, 5, 0), key)
	}
	fewer := limited(t, "requests=40/1h", "cost=1/1h")
	fewer.Revision = 2
	if ticket, refusals := l.Admit(sure(1, 1, 0), fewer); ticket != nil || len(refusals) != 1 {
		t.Errorf("a lowered limit forgot what was used: %+v", refusals)
	}
	if ticket, _ := l.Admit(sure(1, 1, 0), key); ticket != nil {
		t.Error("a request that still holds the old limits went by them")
	}
	more := limited(t, "requests=51/1h")
	more.Revision = 3
	if ticket, _ := l.Admit(sure(1, 1, 0), more); ticket == nil {
		t.Error("a raised limit does not let another request in")
	}
	if ticket, _ := l.Admit(sure(1, 1, 0), more); ticket != nil {
		t.Error("a raised limit lets two in where one fits")
	}
}

func TestStandings(t *testing.T) {
	c, key := newClocks(), limited(t, "requests=10/1m", "requests=5/1h", "cost=2.5/1d")
	l := c.limiter()
	ticket, _ := l.Admit(sure(1, 1, 5e11), key)
	c.pass(10 * time.Second)
	s := l.Standings(key)
	if len(s) != 2 || s[0].Limit.Amount != 5 || s[0].Remaining != 4 || s[0].Reset != time.Hour-10*time.Second || s[1].Remaining != 2e12 {
		t.Errorf("%+v", s)
	}
	ticket.Refund()
	if s := l.Standings(key); s[0].Remaining != 5 || s[0].Reset != 0 || s[1].Remaining != 2.5e12 || s[1].Reset != 0 {
		t.Errorf("after a refund %+v", s)
	}
}

// TestMemoryOfAThousandKeys fills every window that 1,000 keys can have.
func TestMemoryOfAThousandKeys(t *testing.T) {
	c := newClocks()
	l := c.limiter()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	fillAThousandKeys(t, c, l)
	runtime.GC()
	runtime.ReadMemStats(&after)
	const bound = 25 << 20
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > bound {
		t.Errorf("1,000 keys take %d bytes, want under %d", held, bound)
	} else {
		t.Logf("1,000 keys x 5 kinds x 4 windows take %.1f MB", float64(held)/(1<<20))
	}
	runtime.KeepAlive(l)
}

func fillAThousandKeys(t testing.TB, c *clocks, l *Limiter) []*Key {
	var texts []string
	for _, kind := range []string{"requests", "input_tokens", "output_tokens", "tokens", "cost"} {
		for _, window := range []string{"1m", "1h", "1d", "31d"} {
			texts = append(texts, kind+"=99999/"+window)
		}
	}
	texts[0] = "requests=256/1m"
	var keys []*Key
	for i := range 1000 {
		key := limited(t, texts...)
		key.ID = fmt.Sprint("key-", i)
		keys = append(keys, key)
		for range 300 {
			ticket, _ := l.Admit(sure(1, 1, 1), key)
			ticket.Settle(used(1, 1, 1))
		}
		c.pass(time.Second)
	}
	return keys
}

func TestOutputs(t *testing.T) {
	var o Outputs
	for i := range 200 {
		if _, ok := o.Guess("m"); ok != (i >= outputsLeast) {
			t.Fatalf("after %d answers there is a guess: %t", i, ok)
		}
		o.Add("m", int64(i%100))
	}
	if n, _ := o.Guess("m"); n < 94 || n > 98 {
		t.Errorf("the guess is %d", n)
	}
	for i := range 3 * outputModels {
		o.Add(fmt.Sprint(i), 1)
	}
	if len(o.models) > outputModels {
		t.Errorf("%d models are remembered", len(o.models))
	}
}

// BenchmarkAdmit is an admission and its settling, per limit, with 1,000 keys known: by a key alone, and held against the
// key, one router and the machine's budgets.
func BenchmarkAdmit(b *testing.B) {
	router := limited(b, "requests=100000000/1m", "tokens=1000000000000/1h")
	router.ID = "router:r"
	for name, more := range map[string][]*Key{"key": nil, "key, router and machine": {router, spender(90_000*usd, 90_000*usd)}} {
		b.Run(name, func(b *testing.B) {
			c := newClocks()
			l := New(Options{Elapsed: func() time.Duration { return c.elapsed }, Event: func(Event) {}})
			var lists [][]*Key
			for i := range 1000 {
				key := limited(b, "requests=250/1s", "tokens=1000000000/1h", "cost=90000/1d", "output_tokens=1000000000/1m")
				key.ID = fmt.Sprint("key-", i)
				lists = append(lists, append([]*Key{key}, more...))
			}
			claim := sure(10, 10, 10)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.pass(5 * time.Microsecond)
				ticket, _ := l.Admit(claim, lists[i%len(lists)]...)
				ticket.Settle(used(10, 10, 10))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(4+2*len(more)), "ns/limit")
		})
	}
}
