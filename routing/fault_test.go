package routing_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// trouble is what may be wrong with a provider.
type trouble uint8

const (
	fine     trouble = iota
	refused          // no connection
	failing          // 5xx
	hanging          // no headers ever
	silent           // headers, then no content ever
	cutting          // the stream breaks before its first content
	tearing          // the stream breaks after its first content
	limiting         // 429 with Retry-After, or without where it is zero
	spent            // 402
	barred           // 401, until the credential is edited
	unknown          // 404 for the model
	slow             // the first content is late
)

// fault is one trouble of a provider from one time of the day to another.
type fault struct {
	from, to   time.Duration
	trouble    trouble
	credential string        // provider#name; empty: all
	model      string        // empty: all
	after      time.Duration // Retry-After, or how late the first content is
}

// mostRest is the ceiling of every cool-down.
const mostRest = 15 * time.Minute

// mostOpen is what a breaker's longest time may be with all of its jitter.
const mostOpen = 8 * time.Minute

// lasts is how long a fault may keep a router away after it has ended: until then nobody can know better.
func (f *fault) lasts() time.Duration {
	switch f.trouble {
	case limiting:
		if f.after > 0 {
			return min(f.after, mostRest)
		}
		return mostRest
	case spent, unknown:
		return mostRest
	case barred:
		return 0 // the edited credential is another one
	case slow:
		return mostOpen // one that was too slow may have counted as a failure
	}
	return mostOpen
}

// holds reports whether the fault is about this credential and model at any time from one to the other.
func (f *fault) holds(credential, model string, from, to time.Duration) bool {
	return f.from < to && from < f.to && (f.credential == "" || f.credential == credential) && (f.model == "" || f.model == model)
}

// patient is how late a first content may be without the provider counting as down.
const patient = 10 * time.Second

// calms are times without any fault, so that at their ends all must be as new.
var calms = []struct{ from, to time.Duration }{{3 * time.Hour, 4*time.Hour + 10*time.Minute}, {22*time.Hour + 30*time.Minute, 24 * time.Hour}}

// calm reports whether nothing may be wrong at a time.
func calm(at time.Duration) bool {
	for _, c := range calms {
		if c.from <= at && at < c.to {
			return true
		}
	}
	return false
}

// troubles writes the faults of a day into the pool and the edits of credentials that end some.
func (d *day) troubles(rng *rand.Rand) {
	for _, p := range d.pool {
		p.faults = nil
		for range 7 {
			d.trouble(p, rng)
		}
	}
	named := func(names ...string) (list []*place) {
		for _, p := range d.pool {
			if slices.Contains(names, p.name) || len(names) == 0 && !p.local {
				list = append(list, p)
			}
		}
		return list
	}
	// Several at once: the cheap ones, the whole network, and all but the dearest.
	hit := func(list []*place, at, long time.Duration, t trouble) {
		for _, p := range list {
			p.faults = append(p.faults, fault{from: at, to: at + long, trouble: t})
		}
	}
	hit(named("gum", "cedar", "birch"), 10*time.Hour, 12*time.Minute, refused)
	hit(named(), 13*time.Hour, 5*time.Minute, refused)
	hit(named("gum", "cedar", "birch", "iris", "juniper", "fir", "hazel"), 17*time.Hour, 6*time.Minute, failing)
	hit(named("ollama", "studio"), 19*time.Hour, 10*time.Minute, hanging)
	for _, p := range d.pool {
		slices.SortStableFunc(p.faults, func(a, b fault) int { return cmp.Compare(a.from, b.from) })
	}
}

func (d *day) trouble(p *place, rng *rand.Rand) {
	f := fault{from: time.Duration(rng.Int64N(int64(22 * time.Hour)))}
	f.to = f.from + 20*time.Second + time.Duration(math.Min(rng.ExpFloat64()*float64(5*time.Minute), float64(25*time.Minute)))
	if calm(f.from) || calm(f.to) || f.from < 3*time.Hour && f.to > 3*time.Hour {
		return
	}
	one := p.credentials[rng.IntN(len(p.credentials))]
	switch n := rng.IntN(100); {
	case n < 18:
		f.trouble = refused
	case n < 32:
		f.trouble = failing
	case n < 40:
		f.trouble = hanging
	case n < 45:
		f.trouble = silent
	case n < 52:
		f.trouble = cutting
	case n < 60:
		f.trouble = tearing
	case n < 80:
		f.trouble = limiting
		f.after = []time.Duration{0, 0, time.Second, 1500 * time.Millisecond, 20 * time.Second, time.Minute, 40 * time.Minute}[rng.IntN(7)]
		f.credential = p.name + "#" + one
		if rng.IntN(2) == 0 {
			f.model = p.models[rng.IntN(len(p.models))].ID
		}
	case n < 84:
		f.trouble, f.credential = spent, p.name+"#"+one
	case n < 88:
		f.trouble, f.credential = barred, p.name+"#"+one
		d.edits = append(d.edits, edit{f.to, p.name + "#" + one})
	case n < 92:
		f.trouble, f.model = unknown, p.models[rng.IntN(len(p.models))].ID
	default:
		f.trouble, f.after = slow, time.Duration(3+rng.IntN(15))*time.Second
	}
	if p.local && (f.trouble == limiting || f.trouble == spent || f.trouble == barred) {
		f.trouble, f.credential, f.model = failing, "", ""
	}
	p.faults = append(p.faults, f)
}

// edit is the moment at which a person gives a credential anew.
type edit struct {
	at         time.Duration
	credential string // provider#name
}

// fault is what is wrong with p for a credential and model at a time; nil: nothing.
func (p *place) fault(credential, model string, at time.Duration) *fault {
	for i := range p.faults {
		if f := &p.faults[i]; f.holds(account(credential), model, at, at+1) {
			return f
		}
	}
	return nil
}

// account is a credential's ID without its edits: they give a router a new one, but the account behind it is the same.
func account(credential string) string {
	for len(credential) > 0 && credential[len(credential)-1] == '+' {
		credential = credential[:len(credential)-1]
	}
	return credential
}

// up reports whether p would have answered with some credential all the time from one to the other, and a router can
// have known that.
func (p *place) up(model string, from, to time.Duration) bool {
	return slices.ContainsFunc(p.credentials, func(name string) bool {
		return !slices.ContainsFunc(p.faults, func(f fault) bool {
			return !(f.trouble == slow && f.after <= patient) && f.holds(p.name+"#"+name, model, from-f.lasts(), to)
		})
	})
}
