package health

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// fresh is how long a measurement stands. What was slow once would else never be tried again by those who go by
	// speed, and so never be measured anew.
	fresh = 10 * time.Minute
	// weight is how much a new measurement counts against all before it.
	weight = 0.25
	// halfLife is the time in which a request counts half as one of late.
	halfLife = 10 * time.Minute
	// steadyOutput and steadyTime are the least that a speed is told by, steadyWhole the least of an answer whose beginning
	// nobody saw.
	steadyOutput = 8
	steadyWhole  = 64
	steadyTime   = 100 * time.Millisecond
	// thinking is added to the time of a free call where a first content is guessed by it: models take longer than lists.
	thinking = 400 * time.Millisecond
)

// Averages are the running figures of a target, as of the newest attempt at any target. Zero figures are not known.
type Averages struct {
	FirstToken      time.Duration // to the first content of a stream
	Total           time.Duration // to the end of an answer
	TokensPerSecond float64       // from the first content on
	Recent          float64       // requests of late: each counts half as much after ten minutes
	Running         int
	// Guessed says that FirstToken is not of this model: it is that of the provider, or of its health checks.
	Guessed bool
}

// Averages tells the running figures. It takes no lock.
func (t *Target) Averages() (a Averages) { // a named result: a copy of it would cost more than all the rest
	now := t.tracker.latest.Load()
	f := &t.model.figures
	a.FirstToken = time.Duration(f.first.get(now))
	a.Total = time.Duration(f.total.get(now))
	a.TokensPerSecond = f.speed.get(now)
	a.Recent = f.recent.get(now)
	a.Running = int(t.model.running.Load())
	if a.FirstToken == 0 {
		a.FirstToken = t.provider.firstToken(now)
		a.Guessed = a.FirstToken != 0
	}
	return a
}

// firstToken guesses that of a model which has not been measured: by the others of the provider, else by its free calls and a
// usual time for thinking.
func (p *provider) firstToken(now int64) time.Duration {
	if known := p.figures.first.get(now); known != 0 {
		return time.Duration(known)
	}
	if took := p.check.took.get(now); took != 0 {
		return time.Duration(took) + thinking
	}
	return 0
}

// figures are written under the provider's lock and read without.
type figures struct {
	first, total, speed average
	recent              fading
}

func (f *figures) asked(at int64) { f.recent.add(at) }

func (f *figures) answered(at int64, o *Outcome) {
	f.total.add(at, float64(o.Total))
	if !o.Streamed {
		f.first.add(at, f.began(o))
		if o.Output >= steadyWhole && o.Total >= steadyTime {
			f.speed.add(at, float64(o.Output)/o.Total.Seconds())
		}
		return
	}
	f.first.add(at, float64(o.FirstToken))
	if writing := o.Total - o.FirstToken; o.Output >= steadyOutput && writing >= steadyTime && o.FirstToken > 0 {
		f.speed.add(at, float64(o.Output)/writing.Seconds())
	}
}

// began is when a whole answer is taken to have begun: what its tokens did not take to write, by the speed that is known,
// else half of its time.
func (f *figures) began(o *Outcome) float64 {
	total, speed := float64(o.Total), f.speed.last()
	if speed == 0 || o.Output == 0 {
		return total / 2
	}
	return max(total-float64(o.Output)/speed*float64(time.Second), total/10)
}

// average is a running average: the plain one of the first few, then one that forgets.
type average struct {
	bits atomic.Uint64
	at   atomic.Int64 // of the newest
	n    int
}

func (a *average) add(at int64, x float64) {
	if x <= 0 {
		return
	}
	if at-a.at.Load() > int64(fresh) {
		a.n = 0
	}
	a.n++
	old := a.last()
	a.bits.Store(math.Float64bits(old + (x-old)*max(weight, 1/float64(a.n))))
	a.at.Store(at)
}

// last is the average however old it is.
func (a *average) last() float64 { return math.Float64frombits(a.bits.Load()) }

// get is the average as long as it is fresh, then 0.
func (a *average) get(now int64) float64 {
	if at := a.at.Load(); at == 0 || now-at > int64(fresh) {
		return 0
	}
	return a.last()
}

// fading counts what fades away by halves. The count and its time stand in one word, so that they are read together:
// a float32 above a time in steps.
type fading struct{ word atomic.Uint64 }

const (
	fadingStep = int64(100 * time.Millisecond)
	halfSteps  = int64(halfLife) / fadingStep
)

func (f *fading) add(at int64) {
	then := uint32(f.word.Load())
	step := max(then, uint32(at/fadingStep))
	f.word.Store(uint64(math.Float32bits(float32(f.get(int64(step)*fadingStep)+1)))<<32 | uint64(step))
}

func (f *fading) get(at int64) float64 {
	word := f.word.Load()
	if word == 0 {
		return 0
	}
	count, steps := float64(math.Float32frombits(uint32(word>>32))), at/fadingStep-int64(uint32(word))
	if steps <= 0 {
		return count
	}
	return count * half(steps)
}

// half is 2 to the power of -steps/halfSteps: within a half life by a parabola, which is right to two parts in a
// thousand, and the whole ones by the exponent of the number. A thousand candidates are asked in one selection, and
// math.Exp2 takes three times as long.
func half(steps int64) float64 {
	whole, part := steps/halfSteps, float64(steps%halfSteps)/float64(halfSteps)
	if whole > 1000 {
		return 0
	}
	return (1 + part*(part*0.1716-0.6716)) * math.Float64frombits(uint64(1023-whole)<<52)
}

// Measured is the time to the first content and the speed from there on, as far as this model was measured; zero: it was
// not. It takes no lock and is cheaper than Averages, for who asks thousands.
func (t *Target) Measured() (first time.Duration, tokensPerSecond float64) {
	f, now := &t.model.figures, t.tracker.latest.Load()
	return time.Duration(f.first.get(now)), f.speed.get(now)
}

// Guess is the time to the first content of any model of the provider that was not measured; zero: there is nothing to guess
// by.
func (t *Target) Guess() time.Duration { return t.provider.firstToken(t.tracker.latest.Load()) }
