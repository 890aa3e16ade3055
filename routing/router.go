// Package routing decides who answers a request, and who answers next. It knows models, providers by name and the
// clocks of an attempt; it knows neither HTTP nor any vendor.
package routing

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing/health"
)

// Directory hands out the enabled providers as they are now. The snapshot is immutable.
type Directory interface {
	Sources() *llm.Sources
}

// Options of a Router. The zero value works.
type Options struct {
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Rand gives numbers from 0 to 1 for the pauses between attempts; nil: math/rand/v2.
	Rand func() float64
	// Log hears of what nobody else is told; nil: nothing is logged.
	Log *slog.Logger
	// Settings gives the current settings: the same pointer until they change. Nil: the defaults.
	Settings func() *settings.Settings
	// Health knows how targets stand; nil: one of the router's own.
	Health *health.Tracker
}

// Router sends requests to models. It may be used by many goroutines at once.
type Router struct {
	dir      Directory
	now      func() time.Time
	chance   func() float64
	log      *slog.Logger
	settings func() *settings.Settings
	health   *health.Tracker
	tables   atomic.Pointer[table]
	sticky   conversations
	receipts receipts
}

// New makes a router over the providers of dir.
func New(dir Directory, o Options) *Router {
	r := &Router{dir: dir, now: o.Now, chance: o.Rand, log: o.Log, settings: o.Settings, health: o.Health}
	if r.now == nil {
		r.now = time.Now
	}
	if r.chance == nil {
		r.chance = rand.Float64
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.settings == nil {
		s := settings.Default()
		r.settings = func() *settings.Settings { return &s }
	}
	if r.health == nil {
		r.health = health.New(health.Options{Now: o.Now, Rand: o.Rand, Settings: r.settings})
	}
	return r
}

// Call is one request on its way to an answer. Request, Codec and Observer are required.
type Call struct {
	ID      string // of the request, for its receipt; empty: no receipt is kept
	Request *llm.Request
	// Codec is that of the request's dialect: by it the request is understood and the answer spelled where the provider
	// speaks another.
	Codec    llm.Codec
	Observer llm.Observer
	// Key is what the application's key may reach; nil: everything.
	Key *Policy
	// Session is the application's own name of the conversation; empty: it is told by its beginning.
	Session string
	// Output is how many tokens of output are expected, for the comparison of costs; 0: 512.
	Output int64
	// Priced says that money is counted: a target whose price is not known is left out.
	Priced bool
	// Rehearse asks for a failure of the first target, where the key may.
	Rehearse bool
	// Admit is asked before any target is, with the first of those that may be tried: the limits. router names the one
	// that chose them; empty: none did. left says why a target may not be used, by the places of targets; nil: all may.
	// An error ends the request, unless it leaves all of targets out: then it is asked again, with the next. Nil:
	// everything is admitted.
	Admit func(targets []Target, router string) (left []string, e *llm.Error)
	// Move is asked before each attempt but the first at the target that Admit left first, and says why the target may not
	// be tried; empty: it may. asked tells whether the one that Admit or Move let pass last was asked. Nil: each may.
	Move func(t Target, asked bool) (left string)
	// Again is called before each attempt after the first: what was heard of the one before counts no more. Nil: nobody.
	Again func()
	// Waiting is called where the request waits for a provider that is busy, and when it no longer does. Nil: nobody.
	Waiting func(provider string, waiting bool)
	// Early is called at most once, from another goroutine but never after Send has returned, when an event stream
	// has been without content for 15 s and no other target waits: the application must hear something, or it
	// gives up. It sends the response headers. The arguments name the target that is being tried, and which attempt it
	// is, from 1. Nil: never.
	Early func(llm.Attempt, int)

	// Chosen is set by Send before anybody is tried, where a router chose: router/NAME.
	Chosen string
	// Route is set by Send where a router chose: the short form of the receipt, for the log.
	Route *llm.Route
}

// Answer is an answer whose first content has arrived: the first Next of Relay returns at once.
type Answer struct {
	Relay   llm.Relay
	Source  *llm.Source
	Model   *llm.Model // nil where nothing is known of it
	ModelID string     // the provider's own id
}

// usualOutput is how many tokens an answer is expected to have where nobody says.
const usualOutput = 512

// Send has c.Request answered and waits for the first content. The attempts are returned with success and failure
// alike, in order; none means that no provider was tried.
func (r *Router) Send(ctx context.Context, c *Call) (*Answer, []llm.Attempt, *llm.Error) {
	j := &journey{r: r, c: c, policy: c.Key, start: r.now()}
	j.attempts = j.backing[:0]
	if j.policy == nil {
		j.policy = anybody
	}
	e := j.choose()
	if j.selected != nil {
		c.Chosen = j.meaning.chosen
	}
	if e == nil && c.Admit != nil {
		e = j.admit()
	}
	if e == nil {
		e = j.travel(ctx)
	}
	attempts := slices.Clone(j.attempts) // record and receipt outlive the journey, and must not keep it
	r.keep(j, attempts)
	switch {
	case e != nil && len(attempts) == 0:
		return nil, nil, e
	case e != nil:
		return nil, attempts, e
	}
	return &j.answer, attempts, nil
}

// journey is all that a Send allocates for itself.
type journey struct {
	r      *Router
	c      *Call
	policy *Policy
	start  time.Time

	table    *table
	conf     *settings.Settings
	counts   *llm.Request // is read in place of the request: a count of tokens lacks what the chat that follows must have; nil: none
	meaning  meaning
	selected *selected // nil where no router chose
	needs    needs
	order    []*candidate // in the order of trying
	refused  string       // why the one target that was named may not be used
	forced   bool         // all rest: the one of order is tried out of turn
	stuck    bool         // the conversation stayed where it was
	identity uint64       // of the conversation; 0: it is not remembered
	signed   bool         // its history holds what only its home understands
	took     time.Duration

	answer    Answer
	relay     primed
	watch     watch
	attempts  []llm.Attempt
	committed bool          // the application was sent its headers
	remote    time.Duration // spent on remote attempts
	reserved  *candidate    // that the limits reserved for
	used      bool          // it was asked since
	floor     int64         // only targets with a larger context are tried; 0: all
	hurried   bool          // the last attempt was cut by the request's own clock, before its provider had a fair time
	states    []progress    // of those in order
	best      *llm.Error

	// What backs the slices where nobody chooses and the first answers.
	single  [1]*candidate
	alone   [1]progress
	backing [1]llm.Attempt
}

// several backs the slices of a journey whose targets a router chose.
type several struct {
	targets [mostTargets]*candidate
	states  [mostTargets]progress
}

// admitted is how many targets the limits look at.
const admitted = 4

// admit asks the limits, and leaves out what they do not admit.
func (j *journey) admit() *llm.Error {
	router := ""
	if j.meaning.router != nil {
		router = j.meaning.router.Name
	}
	var first *llm.Error
	for kept, rest := j.order[:0], j.order; ; {
		n := min(len(rest), admitted)
		var list [admitted]Target
		for i, c := range rest[:n] {
			list[i] = c.Target
		}
		left, e := j.c.Admit(list[:n], router)
		for i, c := range rest[:n] {
			if left != nil && left[i] != "" {
				j.leave(c, left[i])
				continue
			}
			kept = append(kept, c)
		}
		rest = rest[n:]
		if len(kept) > 0 || len(rest) == 0 {
			j.order = append(kept, rest...)
		}
		switch {
		case e == nil:
			j.reserved = j.order[0]
			return nil
		case len(kept) > 0: // it is not the targets that have no room
			return e
		case first == nil || e.RetryAfter > 0 && (first.RetryAfter == 0 || e.RetryAfter < first.RetryAfter):
			first = e
		}
		if len(rest) == 0 {
			return first
		}
	}
}

// leave notes that the limits keep a candidate out.
func (j *journey) leave(c *candidate, why string) {
	if s := j.selected; s != nil {
		j.stuck = j.stuck && (len(s.best) == 0 || &s.pool.list[s.best[0]] != c) // its home may not be used
		s.leave(c, why)
	}
}
