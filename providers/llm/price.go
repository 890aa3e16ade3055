package llm

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"
)

// Price is what a model charges per token of each class. The zero value is not "free" but meaningless; a model
// without a known price has a nil *Price. Who makes one from data that says nothing of a cache class sets it to the price
// of Input, at which such tokens are charged then. A Price is never changed once it was made: many share it.
type Price struct {
	Input, CacheRead, CacheWrite, CacheWriteLong, Output PicoUSD // per token
	AudioInput, AudioOutput                              PicoUSD // per token of sound; zero: as any other
	Request                                              PicoUSD // per request, on top
	Search                                               PicoUSD // per search of the web, on top

	// Tiers hold from some length of input on, the shortest first. Nil: the price is the same for any length.
	Tiers []PriceTier
	// Services are the tiers of service with a price of their own. One that is not there costs what the usual one does.
	Services []ServicePrice
	// Region is what an answer that stays in one region costs, as a part of the price. The zero value: the same.
	Region Ratio

	// From and Until bound when the price holds: from the first on, before the second. Zero: no bound.
	From, Until time.Time
	// Earlier and Later are what holds before and after; nil: nothing is known of it.
	Earlier, Later *Price
	// Hours are other prices at certain times of the day. The price itself is the dearest.
	Hours []HourPrice

	// Source says who named the price.
	Source PriceSource
	// Row is which row of the catalogue it is: provider type and id. Empty: it is not of the catalogue.
	Row string
}

// PriceSource says who named a price.
type PriceSource string

// Who names prices.
const (
	PriceOfCatalog  PriceSource = "catalog"
	PriceOfProvider PriceSource = "provider" // in its model list
	PriceOfUser     PriceSource = "user"     // in the settings
)

// PriceTier takes the place of a price for the whole of a request whose input, cached or not, is longer than Above.
type PriceTier struct {
	Above                                                int64   // tokens
	Input, CacheRead, CacheWrite, CacheWriteLong, Output PicoUSD // per token
}

// ServicePrice is what a tier of service costs, as a part of the usual price.
type ServicePrice struct {
	Service Service
	Ratio   Ratio
}

// HourPrice is a price that holds every day from one minute of the day (UTC) on, before another.
type HourPrice struct {
	From, Until int
	Price       *Price
}

// Ratio is a factor as a fraction, so that no sum is rounded twice. The zero value is 1.
type Ratio struct{ Num, Den uint32 }

func (r Ratio) parts() (num, den uint64) {
	if r.Num == 0 || r.Den == 0 {
		return 1, 1
	}
	return uint64(r.Num), uint64(r.Den)
}

// At is the price that holds at a time, such as that of a request's beginning; nil where none is known for it. A nil price
// is unknown at all times.
func (p *Price) At(t time.Time) *Price {
	for p != nil && !p.From.IsZero() && t.Before(p.From) {
		p = p.Earlier
	}
	for p != nil && !p.Until.IsZero() && !t.Before(p.Until) {
		p = p.Later
	}
	if p == nil || !p.From.IsZero() && t.Before(p.From) {
		return nil
	}
	if len(p.Hours) > 0 {
		minute := int(t.Unix()/60) % (24 * 60)
		for i := range p.Hours {
			if h := &p.Hours[i]; minute >= h.From && minute < h.Until {
				return h.Price
			}
		}
	}
	return p
}

// Bill is what an answer costs, part by part.
type Bill struct {
	Input, CacheRead, CacheWrite, CacheWriteLong, Output, AudioInput, AudioOutput, Request, Search PicoUSD
	// Above is the bound of the tier that was charged, in tokens of input; zero: none was.
	Above int64
}

// Total is the sum; more than can be told is as much as can.
func (b *Bill) Total() (sum PicoUSD) {
	for _, part := range [...]PicoUSD{b.Input, b.CacheRead, b.CacheWrite, b.CacheWriteLong, b.Output, b.AudioInput, b.AudioOutput, b.Request, b.Search} {
		if part > math.MaxInt64-sum {
			return math.MaxInt64
		}
		sum += part
	}
	return sum
}

// Cost is what u costs at this price. More than can be told is as much as can.
func (p *Price) Cost(u Usage) PicoUSD {
	b := p.Bill(&u)
	return b.Total()
}

// Bill tells what u costs at this price, part by part: the parts of tokens rounded half up, each once.
func (p *Price) Bill(u *Usage) Bill {
	rates := PriceTier{0, p.Input, p.CacheRead, p.CacheWrite, p.CacheWriteLong, p.Output}
	for i := range p.Tiers {
		if u.InputTotal() > p.Tiers[i].Above {
			rates = p.Tiers[i]
		}
	}
	num, den := p.Region.parts()
	if !u.InRegion {
		num, den = 1, 1
	}
	if u.Service != ServiceUsual {
		for i := range p.Services {
			if s := &p.Services[i]; s.Service == u.Service {
				n, d := s.Ratio.parts()
				num, den = num*n, den*d
			}
		}
	}
	heard, said := min(u.AudioInput, u.Input), min(u.AudioOutput, u.Output)
	heardRate, saidRate := p.AudioInput, p.AudioOutput
	if heardRate == 0 {
		heard = 0
	}
	if saidRate == 0 {
		said = 0
	}
	return Bill{
		Input:          charge(rates.Input, u.Input-heard, num, den),
		CacheRead:      charge(rates.CacheRead, u.CacheRead, num, den),
		CacheWrite:     charge(rates.CacheWrite, u.CacheWrite, num, den),
		CacheWriteLong: charge(rates.CacheWriteLong, u.CacheWriteLong, num, den),
		Output:         charge(rates.Output, u.Output-said, num, den),
		AudioInput:     charge(heardRate, heard, num, den),
		AudioOutput:    charge(saidRate, said, num, den),
		Request:        max(p.Request, 0),
		Search:         charge(p.Search, u.Searches, 1, 1),
		Above:          rates.Above,
	}
}

// charge is rate x n x num / den, rounded half up, and never more than can be told.
func charge(rate PicoUSD, n int64, num, den uint64) PicoUSD {
	if rate <= 0 || n <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(rate), uint64(n))
	if high != 0 {
		return math.MaxInt64
	}
	if num == den {
		return PicoUSD(min(low, math.MaxInt64))
	}
	high, low = bits.Mul64(low, num)
	low, carry := bits.Add64(low, den/2, 0)
	if high += carry; high >= den {
		return math.MaxInt64
	}
	q, _ := bits.Div64(high, low, den)
	return PicoUSD(min(q, math.MaxInt64))
}

// The digits behind the point that a price may have, for ParseUSD.
const (
	PerMillion = 6  // in USD for a million tokens, it comes out per token
	Whole      = 12 // in USD, it comes out as it is
)

// ParseUSD reads a decimal such as "0.25" exactly, as an integer of its last digit allowed: with PerMillion a price in USD
// for a million tokens becomes PicoUSD per token. The error says what is wrong with the text.
func ParseUSD(text string, digits int) (PicoUSD, error) {
	whole, part, point := strings.Cut(text, ".")
	part = strings.TrimRight(part, "0")
	if whole == "" || point && strings.HasSuffix(text, ".") || len(part) > digits {
		return 0, fmt.Errorf("%q is no amount in USD: write it as 3 or 0.25, with at most %d digits behind the point", text, digits)
	}
	n := uint64(0)
	for i := range len(whole) + digits {
		digit := byte('0')
		switch {
		case i < len(whole):
			digit = whole[i]
		case i-len(whole) < len(part):
			digit = part[i-len(whole)]
		}
		if digit < '0' || digit > '9' {
			return 0, fmt.Errorf("%q is no amount in USD: write it as 3 or 0.25", text)
		}
		if n > (math.MaxInt64-9)/10 {
			return 0, fmt.Errorf("%q is more USD than can be counted", text)
		}
		n = n*10 + uint64(digit-'0')
	}
	return PicoUSD(n), nil
}
