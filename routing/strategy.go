package routing

import (
	"cmp"
	"math"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// orderKey is one figure that candidates are ordered by; the smaller comes first. A strategy is one or two of them.
type orderKey uint8

const (
	byCost orderKey = iota
	byStrength
	bySpeed
	byLocal
	byRemote
	byFlat
	byUse
	byLatency
	byLoad
)

const mostKeys = 8

// orders is what each strategy orders by.
var orders = map[settings.Strategy][]orderKey{
	settings.LowestCost:         {byCost},
	settings.HighestPerformance: {byStrength, bySpeed},
	settings.LocalFirst:         {byLocal},
	settings.RemoteFirst:        {byRemote},
	settings.SubscriptionFirst:  {byFlat},
	settings.APIFirst:           {byUse},
	settings.LowestLatency:      {byLatency},
	settings.LeastUsed:          {byLoad},
}

// orderOf lists the figures of strategies. One that stands twice decides nothing the second time.
func orderOf(strategies []settings.Strategy) []orderKey {
	var keys []orderKey
	var seen [byLoad + 1]bool
	for _, s := range strategies {
		for _, k := range orders[s] {
			if !seen[k] && len(keys) < mostKeys {
				seen[k] = true
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// unknown stands last in every order.
const unknownFigure = math.MaxInt64

// shape is what a request is expected to be, for its cost.
type shape struct {
	input, output int64
	at            time.Time // when it began: prices change

	// What the models of a provider have in common while candidates are looked at: they come one after another.
	source *llm.Source
	guess  time.Duration
}

// pace is the time to the first content of c, guessed where it was not measured, and its speed.
func (s *shape) pace(c *candidate) (first time.Duration, tokensPerSecond float64) {
	first, tokensPerSecond = c.health.Measured()
	if first == 0 {
		if s.source != c.Source {
			s.source, s.guess = c.Source, c.health.Guess()
		}
		first = s.guess
	}
	return first, tokensPerSecond
}

// plainly is up to how many tokens a sum of any price is far from what can be told.
const plainly = 1 << 24

// figure is what c is ordered by.
func (k orderKey) figure(c *candidate, s *shape) int64 {
	switch k {
	case byCost:
		return c.cost(s)
	case byStrength:
		return c.static
	case bySpeed:
		return speed(s.pace(c))
	case byLocal:
		return flag(!c.local)
	case byRemote:
		return flag(c.local)
	case byFlat:
		return flag(!c.flat)
	case byUse:
		return flag(c.flat || c.local)
	case byLatency:
		first, _ := s.pace(c)
		return latency(first)
	}
	a := c.health.Averages()
	return int64(a.Recent*16) + int64(a.Running)*16
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// cost is what a request of that shape costs at c, in 10^-12 USD.
func (c *candidate) cost(s *shape) int64 {
	switch {
	case c.free:
		return 0
	case c.price == nil:
		return unknownFigure
	}
	p := c.price.At(s.at)
	switch {
	case p == nil:
		return unknownFigure
	case len(p.Tiers) == 0 && s.input < plainly && s.output < plainly:
		return int64(p.Request + p.Input*llm.PicoUSD(s.input) + p.Output*llm.PicoUSD(s.output))
	}
	return int64(p.Cost(llm.Usage{Input: s.input, Output: s.output}))
}

// typicalAnswer is how many tokens an answer is taken to have where speeds are compared, usualSpeed how many of them a
// second has where that was not measured.
const (
	typicalAnswer = 500
	usualSpeed    = 60
)

// speed is the time of a typical answer; steps makes figures that differ by little equal, so that what follows decides.
func speed(first time.Duration, tokensPerSecond float64) int64 {
	if first <= 0 && tokensPerSecond <= 0 {
		return unknownFigure
	}
	return steps(first + time.Duration(typicalAnswer/cmp.Or(tokensPerSecond, usualSpeed)*float64(time.Second)))
}

// latency is the time to the first content.
func latency(first time.Duration) int64 {
	if first <= 0 {
		return unknownFigure
	}
	return steps(first)
}

// noDifference is a time below which nobody sees one.
const noDifference = 20 * time.Millisecond

// steps puts a time into steps of about a tenth: the logarithm, read off the bits of the floating-point number.
func steps(d time.Duration) int64 {
	return int64(math.Float32bits(float32(max(d, noDifference))) >> (23 - 3))
}

// strengthOf orders by strength: the person's rank, the class of the catalogue, the number of parameters. Of a local
// model whose class nobody knows the size makes the class.
func strengthOf(t *Target) int64 {
	m := t.Model
	if m == nil {
		return unknownFigure
	}
	rank, class := int64(math.MaxUint16), m.Class
	if m.Rank > 0 {
		rank = min(int64(m.Rank), math.MaxUint16-1)
	}
	if class == llm.StrengthUnknown || t.Source.Local {
		class = cmp.Or(classOf(m.Size), class)
	}
	if m.Rank == 0 && class == llm.StrengthUnknown {
		return unknownFigure - 1
	}
	size := min(m.Size/1e6, 1<<36)
	return rank<<44 | int64(llm.Frontier-class)<<40 | (1<<36 - size)
}

// classOf is the class of a model by its parameters; open models of these sizes stand about there.
func classOf(size int64) llm.Strength {
	switch {
	case size <= 0:
		return llm.StrengthUnknown
	case size >= 200e9:
		return llm.Large
	case size >= 25e9:
		return llm.Medium
	}
	return llm.Small
}

// unsteps is the time in the middle of a step.
func unsteps(n int64) time.Duration {
	return time.Duration(math.Float32frombits(uint32(n)<<(23-3) | 1<<(23-4)))
}
