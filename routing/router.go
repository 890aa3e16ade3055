// Package routing decides who answers a request, and who answers next. It knows models, providers by name and the
// clocks of an attempt; it knows neither HTTP nor any vendor.
package routing

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// Directory hands out the enabled providers as they are now. The snapshot is immutable.
type Directory interface {
	Sources() *llm.Sources
}

// Options of a Router. The zero value works.
type Options struct {
	// Now is the clock of the attempts' durations; nil: time.Now.
	Now func() time.Time
	// Log hears of what nobody else is told; nil: nothing is logged.
	Log *slog.Logger
	// Settings gives the current settings, asked only when an attempt has been silent for 15 s; nil: the defaults.
	Settings func() *settings.Settings
}

// Router sends requests to models. It may be used by many goroutines at once.
type Router struct {
	dir      Directory
	now      func() time.Time
	log      *slog.Logger
	settings func() *settings.Settings
}

// New makes a router over the providers of dir.
func New(dir Directory, o Options) *Router {
	r := &Router{dir: dir, now: o.Now, log: o.Log, settings: o.Settings}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	return r
}

// Call is one request on its way to an answer.
type Call struct {
	Request *llm.Request
	// Codec is that of the request's dialect: by it the request is understood and the answer spelled where the provider
	// speaks another.
	Codec    llm.Codec
	Observer llm.Observer
	// Early is called at most once, from another goroutine but never after Send has returned, when an event stream
	// has been without content for 15 s and no other target waits: the application must hear something, or it
	// gives up. It sends the response headers. The argument names the target that is being tried. Nil: never.
	Early func(llm.Attempt)
}

// Answer is an answer whose first content has arrived: the first Next of Relay returns at once.
type Answer struct {
	Relay   llm.Relay
	Source  *llm.Source
	Model   *llm.Model // nil where nothing is known of it
	ModelID string     // the provider's own id
}

// outcome is all that a Send allocates for itself.
type outcome struct {
	answer   Answer
	relay    primed
	attempts [1]llm.Attempt
}

// Send has c.Request answered and waits for the first content. The attempts are returned with success and failure
// alike, in order; none means that no provider was tried.
func (r *Router) Send(ctx context.Context, c *Call) (*Answer, []llm.Attempt, *llm.Error) {
	t, e := r.resolve(c.Request.Model)
	if e != nil {
		return nil, nil, e
	}
	plan, e := c.plan(&t)
	if e != nil {
		return nil, nil, e
	}
	o := &outcome{}
	o.attempts[0] = llm.Attempt{Provider: t.source.Name, Model: t.id, Dropped: strings.Join(plan.Report, ", ")}
	attempt := &o.attempts[0]
	start := r.now()
	e = r.try(ctx, c, &t, &plan, o)
	attempt.DurationMS = r.now().Sub(start).Milliseconds()
	if e != nil {
		attempt.Kind, attempt.Status = e.Kind, e.Status
		if e.Provider == "" && e.Kind != llm.ClientGone {
			e = blame(e, t.source.Name)
		}
		return nil, o.attempts[:], e
	}
	attempt.Status = o.relay.Relay.Head().Status
	o.answer = Answer{Relay: &o.relay, Source: t.source, Model: t.model, ModelID: t.id}
	return &o.answer, o.attempts[:], nil
}

// plan decides how the request goes to t. A request of another dialect than t's is understood first, once.
func (c *Call) plan(t *target) (llm.Planned, *llm.Error) {
	if c.Request.Dialect == t.source.Dialect {
		return llm.Planned{}, nil
	}
	features := t.source.Features
	if features == nil {
		features = &llm.Features{Dialect: t.source.Dialect}
	}
	if c.Request.Conversation == nil && c.Request.Op == llm.Chat {
		conversation, err := c.Codec.Decode(c.Request)
		if err != nil {
			return llm.Planned{}, llm.AsError(err)
		}
		c.Request.Conversation = conversation
	}
	plan := llm.Plan(c.Request, features, t.model)
	return plan, plan.Refused
}

// try makes one attempt: it ends when the first content is there, or with the reason why there will be none.
func (r *Router) try(ctx context.Context, c *Call, t *target, plan *llm.Planned, o *outcome) *llm.Error {
	var clock *patience
	if c.Request.Stream {
		// A whole reply needs no clock here: its headers come when it is finished, and the provider's own bound
		// for whole replies holds.
		ctx, clock = r.startPatience(ctx, c, t.source, o.attempts[0])
	}
	relay, err := r.send(ctx, c, t, plan, &o.attempts[0])
	if err == nil {
		o.relay = primed{Relay: relay, clock: clock}
		o.relay.first, o.relay.err = relay.Next()
		if err = o.relay.err; err == nil || isEnd(err) {
			clock.stop()
			return nil
		}
		relay.Close()
	}
	clock.stop()
	e := reason(ctx, err)
	clock.close()
	return e
}

// send asks the provider in the way that was planned, and notes what it was not told.
func (r *Router) send(ctx context.Context, c *Call, t *target, plan *llm.Planned, a *llm.Attempt) (llm.Relay, error) {
	if plan.Path == llm.PathRaw {
		return t.source.Provider.Send(ctx, c.Request, t.id, c.Observer)
	}
	order := &llm.Order{Request: c.Request, ID: t.id, Model: t.model, Plan: *plan}
	stream, err := t.source.Provider.Converse(ctx, order, c.Observer)
	a.Dropped = strings.Join(order.Plan.Report, ", ")
	if err != nil {
		return nil, err
	}
	enc := c.Codec.Encoder(c.Request, llm.Answered{Provider: t.source.Name, Model: t.id, InputEstimate: c.Request.InputEstimate,
		ID: rand.Text(), Created: r.now().Unix()})
	return llm.Translated(stream, enc, !c.Request.Stream), nil
}

// blame copies e with the name of the provider that was being tried: an *llm.Error may be shared, a cancellation's
// cause for one.
func blame(e *llm.Error, provider string) *llm.Error {
	switch e.Kind {
	case llm.Stopping, llm.KeyDisabled, llm.Forbidden:
		return e // nothing the provider did
	}
	c := *e
	c.Provider = provider
	return &c
}
