package llm

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// TestTiersAreOfTheWholeRequest: one token more makes all of them dearer, whichever class it is of; output does not count.
func TestTiersAreOfTheWholeRequest(t *testing.T) {
	p := &Price{Input: 10, CacheRead: 1, CacheWrite: 12, CacheWriteLong: 20, Output: 50,
		Tiers: []PriceTier{{100, 20, 2, 24, 40, 75}, {200, 40, 4, 48, 80, 100}}}
	for _, c := range []struct {
		u     Usage
		want  PicoUSD
		above int64
	}{
		{Usage{Input: 100, Output: 1000}, 100*10 + 1000*50, 0},
		{Usage{Input: 101, Output: 1}, 101*20 + 75, 100},
		{Usage{Input: 1, CacheRead: 100}, 20 + 200, 100},
		{Usage{CacheWrite: 50, CacheWriteLong: 51}, 50*24 + 51*40, 100},
		{Usage{Input: 200}, 4000, 100},
		{Usage{Input: 201}, 201 * 40, 200},
		{Usage{}, 0, 0},
	} {
		if b := p.Bill(&c.u); b.Total() != c.want || p.Cost(c.u) != c.want || b.Above != c.above {
			t.Errorf("%+v costs %d above %d, want %d above %d", c.u, b.Total(), b.Above, c.want, c.above)
		}
	}
}

// TestEachPartIsRoundedOnce, half up, and not token by token.
func TestEachPartIsRoundedOnce(t *testing.T) {
	p := &Price{Input: 1, CacheRead: 1, Output: 1, Request: 7, Search: 3, Region: Ratio{11, 10},
		Services: []ServicePrice{{ServiceFlex, Ratio{1, 2}}, {ServicePriority, Ratio{5, 2}}}}
	for _, c := range []struct {
		u    Usage
		want PicoUSD
	}{
		{Usage{Input: 3, Service: ServiceFlex}, 2 + 7},                                  // 1.5
		{Usage{Input: 1, CacheRead: 1, Output: 1, Service: ServiceFlex}, 1 + 1 + 1 + 7}, // 0.5 each
		{Usage{Input: 5, Service: ServicePriority}, 13 + 7},                             // 12.5
		{Usage{Input: 4, InRegion: true}, 4 + 7},                                        // 4.4
		{Usage{Input: 5, InRegion: true}, 6 + 7},                                        // 5.5
		{Usage{Input: 2, InRegion: true, Service: ServicePriority}, 6 + 7},              // 5.5, not 5 x 1.1 rounded twice
		{Usage{Input: 3, Service: ServiceFast}, 3 + 7},                                  // no price of its own
		{Usage{Input: 3, Searches: 2, Service: ServiceFlex}, 2 + 7 + 6},
	} {
		if got := p.Cost(c.u); got != c.want {
			t.Errorf("%+v costs %d, want %d", c.u, got, c.want)
		}
	}
}

// TestSoundHasItsOwnPrice: its tokens are a part of the others, and never charged twice.
func TestSoundHasItsOwnPrice(t *testing.T) {
	u := Usage{Input: 10, AudioInput: 4, Output: 6, AudioOutput: 6}
	p := &Price{Input: 1, Output: 2, AudioInput: 100, AudioOutput: 1000}
	if got := p.Cost(u); got != 6+400+6000 {
		t.Errorf("%d", got)
	}
	p.AudioInput, p.AudioOutput = 0, 0
	if got := p.Cost(u); got != 10+12 {
		t.Errorf("without a price of its own: %d", got)
	}
}

// TestNoSumWraps: a cost is exact or the largest there is, never small or negative.
func TestNoSumWraps(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	huge := func() int64 { return int64(rnd.Uint64()>>1) >> rnd.IntN(63) }
	for range 20_000 {
		p := &Price{Input: PicoUSD(huge()), CacheRead: PicoUSD(huge()), Output: PicoUSD(huge()), Request: PicoUSD(huge()),
			Services: []ServicePrice{{ServiceFast, Ratio{rnd.Uint32() | 1, rnd.Uint32() | 1}}}}
		u := Usage{Input: huge(), CacheRead: huge(), Output: huge(), Service: ServiceFast}
		r := p.Services[0].Ratio
		want := big.NewInt(int64(p.Request))
		for _, part := range [][2]int64{{int64(p.Input), u.Input}, {int64(p.CacheRead), u.CacheRead}, {int64(p.Output), u.Output}} {
			plain := new(big.Int).Mul(big.NewInt(part[0]), big.NewInt(part[1]))
			if plain.IsUint64() { // (2 x num + den) / (2 den), rounded down, is half up
				plain.Mul(plain, big.NewInt(2*int64(r.Num))).Add(plain, big.NewInt(int64(r.Den))).Quo(plain, big.NewInt(2*int64(r.Den)))
			} else {
				plain.SetInt64(math.MaxInt64)
			}
			want.Add(want, plain)
		}
		exact := PicoUSD(math.MaxInt64)
		if want.IsInt64() {
			exact = PicoUSD(want.Int64())
		}
		if got := p.Cost(u); got != exact {
			t.Fatalf("%+v at %+v costs %d, want %d", u, p, got, exact)
		}
	}
	if got := (&Price{Input: 5, Request: -3}).Cost(Usage{Input: -7}); got != 0 {
		t.Errorf("what cannot be counts %d", got)
	}
}

// TestAPriceHoldsForItsTime: by days and by hours, bounds included as they are said.
func TestAPriceHoldsForItsTime(t *testing.T) {
	day := func(text string) time.Time {
		d, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	intro, usual := &Price{Input: 1, From: day("2026-01-01T00:00:00Z"), Until: day("2027-01-01T00:00:00Z")}, &Price{Input: 2, From: day("2027-01-01T00:00:00Z"), Until: day("2028-01-01T00:00:00Z")}
	intro.Later, usual.Earlier = usual, intro
	night := &Price{Input: 9}
	usual.Hours = []HourPrice{{60, 120, night}}
	for when, want := range map[string]*Price{
		"2025-12-31T23:59:59Z":      nil,
		"2026-01-01T00:00:00Z":      intro,
		"2026-12-31T23:59:59Z":      intro,
		"2027-01-01T00:00:00Z":      usual,
		"2027-01-01T00:30:00+01:00": intro,
		"2027-06-01T00:59:59Z":      usual,
		"2027-06-01T01:00:00Z":      night,
		"2027-06-01T03:30:00+02:00": night,
		"2027-06-01T02:00:00Z":      usual,
		"2028-01-01T00:00:00Z":      nil,
	} {
		for _, from := range []*Price{intro, usual} {
			if got := from.At(day(when)); got != want {
				t.Errorf("at %s, asked of the price from %v: %+v, want %+v", when, from.From, got, want)
			}
		}
	}
	if (*Price)(nil).At(time.Now()) != nil {
		t.Error("an unknown price became known")
	}
}

func TestParseUSD(t *testing.T) {
	for text, want := range map[string]PicoUSD{"0": 0, "3": 3_000_000, "0.25": 250_000, "0.003625": 3625, "12.500000000": 12_500_000, "9223372036854": 9_223_372_036_854_000_000, "1.": -1, "": -1, ".5": -1,
		"-1": -1, "1e3": -1, "0.0000001": -1, "1,5": -1, "9223372036855": -1, "99999999999999999999999999": -1, "$3": -1, " 3": -1} {
		got, err := ParseUSD(text, PerMillion)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d (%v), want %d", text, got, err, want)
		}
	}
	if got, err := ParseUSD("0.000000000001", Whole); got != 1 || err != nil {
		t.Errorf("%d %v", got, err)
	}
}

func FuzzParseUSD(f *testing.F) {
	f.Add("0.25")
	f.Add("9223372036854.775807")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseUSD(text, PerMillion)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok || want.Mul(want, big.NewRat(1_000_000, 1)).Cmp(big.NewRat(int64(got), 1)) != 0 {
			t.Fatalf("%q is read as %d", text, got)
		}
	})
}

func TestLargerKeepsWhatThePriceDependsOn(t *testing.T) {
	a := Usage{Input: 5, Service: ServiceFlex, Model: "other", InRegion: true, Searches: 2}
	b := Usage{Input: 9, Output: 1}
	want := Usage{Input: 9, Output: 1, Service: ServiceFlex, Model: "other", InRegion: true, Searches: 2}
	if got := Larger(a, b); got != want {
		t.Errorf("%+v", got)
	}
	if got := Larger(b, a); got != want {
		t.Errorf("the other way round: %+v", got)
	}
}

// TestTheAnswererIsCharged: another model than was asked for, but not for a snapshot of the same, and not where nothing is
// known of the other.
func TestTheAnswererIsCharged(t *testing.T) {
	asked, other := Model{ID: "fast", Price: &Price{Input: 1}}, Model{ID: "strong", Price: &Price{Input: 5}}
	s := &Source{Models: []Model{asked, other, {ID: "unpriced"}}}
	m, _ := s.Model("fast")
	for id, want := range map[string]string{"": "fast", "fast": "fast", "fast-2026-01-02": "fast", "fast-20260102": "fast", "strong": "strong", "unpriced": "fast", "nobody": "fast"} {
		if got := s.Answered(m, id); got == nil || got.ID != want {
			t.Errorf("%q answered: charged as %+v, want %s", id, got, want)
		}
	}
	if got := s.Answered(nil, "strong"); got == nil || got.ID != "strong" {
		t.Errorf("%+v", got)
	}
	if got := s.Answered(nil, "nobody"); got != nil {
		t.Errorf("%+v", got)
	}
}

func TestWhatAModelCanDo(t *testing.T) {
	for name, c := range map[string]struct {
		m    Model
		ask  string
		want Belief
	}{
		"nothing is known":        {Model{}, "tools", Maybe},
		"it lacks them":           {Model{Lacks: SetOf(FeatureTools), Has: SetOf(FeatureTools)}, "tools", No},
		"it has them":             {Model{Has: SetOf(FeatureTools)}, "tools", Yes},
		"its list names them":     {Model{Parameters: []string{"tools"}}, "tools", Yes},
		"its list leaves it out":  {Model{Parameters: []string{"top_p"}}, "tools", No},
		"it takes pictures":       {Model{InputModes: []string{"text", "image"}}, "vision", Yes},
		"it takes texts":          {Model{InputModes: []string{"text"}}, "vision", No},
		"it reasons by a budget":  {Model{Thinking: ThinksByBudget}, "reasoning", Yes},
		"it never reasons":        {Model{Thinking: ThinksNever}, "reasoning", No},
		"its levels are known":    {Model{Efforts: []string{"low"}}, "reasoning", Yes},
		"no such thing to ask of": {Model{}, "dancing", Maybe},
	} {
		if got := c.m.Can(c.ask); got != c.want {
			t.Errorf("%s: %s %d, want %d", name, c.ask, got, c.want)
		}
	}
}

func BenchmarkCost(b *testing.B) {
	p := &Price{Input: 2_000_000, CacheRead: 100_000, CacheWrite: 2_500_000, Output: 10_000_000, Tiers: []PriceTier{{272_000, 4_000_000, 200_000, 5_000_000, 5_000_000, 15_000_000}},
		Services: []ServicePrice{{ServiceFlex, Ratio{1, 2}}}}
	u := Usage{Input: 1000, CacheRead: 300_000, Output: 500, Service: ServiceFlex}
	b.ReportAllocs()
	for b.Loop() {
		p.Cost(u)
	}
}
