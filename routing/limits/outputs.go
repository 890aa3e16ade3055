package limits

import (
	"slices"
	"sync"
)

const (
	outputsKept  = 64   // newest answers of a model
	outputsLeast = 8    // answers that make a guess
	outputModels = 1024 // models that are remembered
)

// Outputs remembers how long the newest answers of each model were, to guess the next. The zero value is ready.
type Outputs struct {
	mu     sync.Mutex // guards what follows
	models map[string]*outputs
}

type outputs struct {
	newest [outputsKept]int64
	n      int
	guess  int64
}

// Add notes the tokens of an answer.
func (o *Outputs) Add(model string, tokens int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.models[model]
	if m == nil {
		if len(o.models) >= outputModels {
			o.models = nil // whoever is still in use is soon known again
		}
		if o.models == nil {
			o.models = map[string]*outputs{}
		}
		m = &outputs{}
		o.models[model] = m
	}
	m.newest[m.n%outputsKept] = tokens
	m.n++
	sorted := m.newest
	known := sorted[:min(m.n, outputsKept)]
	slices.Sort(known)
	m.guess = known[len(known)*95/100]
}

// Guess is what 95 of 100 recent answers of the model stayed within; false while too few are known.
func (o *Outputs) Guess(model string) (int64, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.models[model]
	if m == nil || m.n < outputsLeast {
		return 0, false
	}
	return m.guess, true
}
