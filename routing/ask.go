package routing

import (
	"context"
	"crypto/rand"
	"strings"

	"localrouter/providers/llm"
	"localrouter/routing/health"
)

// attempt makes one attempt. entered is false where the target would not let it begin: somebody else is trying whether
// it is back, or it is busy.
func (j *journey) attempt(ctx context.Context, at int) (e *llm.Error, entered bool) {
	c, p := j.order[at], &j.states[at]
	p.tried = true
	plan, e := j.c.plan(&c.Target)
	if e != nil {
		return e, j.meaning.router == nil
	}
	if j.c.Move != nil && (j.reserved != c || j.used) {
		why := j.c.Move(c.Target, j.used)
		j.used = false
		if j.reserved = c; why != "" {
			j.reserved = nil
			j.leave(c, why)
			return &llm.Error{Kind: llm.LimitReached, Provider: c.Source.Name, Model: c.ID, Status: 429, Code: "rate_limit_exceeded", Message: why}, false
		}
	}
	slot, e := j.slot(ctx, at)
	if e != nil {
		j.pass(at, "busy")
		return e, ctx.Err() != nil
	}
	tried := p.credentials
	if p.repeats > 0 || p.waited {
		tried = 0 // it is tried again
	}
	if !c.local && j.r.settings().Offline { // it may have been switched on while the request waited, or another was tried
		if slot != nil {
			slot()
		}
		j.pass(at, "offline mode: not local")
		return j.policy.notLocal(c.Name(), true), false
	}
	pass, ok := c.health.Enter(j.r.now(), j.forced, tried)
	if !ok {
		if slot != nil {
			slot()
		}
		e := j.closed(c)
		how := c.health.Standing(j.r.now())
		j.pass(at, restingWords(how.Cause, how.Wait))
		return e, false
	}
	j.pass(at, "")
	j.used = true
	if j.c.Request.Stream {
		pass.Streams()
	}
	p.credentials |= 1 << pass.Credential
	return j.ask(ctx, c, &plan, pass, slot), true
}

// ask sends the request to a target that let it in, and gives back what the attempt holds unless content came: what
// holds it then is the answer.
func (j *journey) ask(ctx context.Context, c *candidate, plan *llm.Planned, pass health.Pass, slot func()) *llm.Error {
	out := health.Outcome{Err: gone} // a defect of ours on the way says nothing about the target
	answered := false
	defer func() {
		if answered {
			return
		}
		pass.Done(out)
		if slot != nil {
			slot()
		}
	}()
	if len(j.attempts) > 0 && j.c.Again != nil {
		j.c.Again()
	}
	j.attempts = append(j.attempts, llm.Attempt{Provider: c.Source.Name, Model: c.ID, Dropped: strings.Join(plan.Report, ", ")})
	a := &j.attempts[len(j.attempts)-1]
	start := j.r.now()
	j.watch = watch{to: j.c.Observer, now: j.r.now, start: start, stream: j.c.Request.Stream}
	e := j.try(ctx, c, plan, a, pass)
	spent := j.r.now().Sub(start)
	a.DurationMS = spent.Milliseconds()
	if !c.local {
		j.remote += spent
	}
	if e == nil {
		j.relay.slot = slot
		a.Status = j.relay.Relay.Head().Status
		j.answer = Answer{Relay: &j.relay, Source: c.Source, Model: c.Model, ModelID: c.ID}
		j.remember(c)
		answered = true
		return nil
	}
	out = j.watch.outcome()
	out.Err = j.held(e)
	a.Kind, a.Status = e.Kind, e.Status
	if e.Provider == "" && e.Kind != llm.ClientGone {
		e = blame(e, c.Source.Name)
	}
	return e
}

// held is what is held against the target after a failure.
func (j *journey) held(e *llm.Error) *llm.Error {
	switch {
	case e.Code == codeRehearsed, j.hurried:
		return gone // the provider was not asked, or was given no fair time
	case j.c.Request.Op == llm.Chat, e.Status != 404 && e.Status != 405 && e.Status != 501:
	case e.Code != "model_not_found" || j.c.Request.Op == llm.CountTokens || j.c.Request.Op == llm.Forward:
		return gone // it lacks this endpoint, or the model there: that says nothing about the model in conversations
	}
	return e
}

// slot takes one of the places of a provider that has a number of them. Where another target waits nobody stands in line,
// until those have been tried as well.
func (j *journey) slot(ctx context.Context, at int) (func(), *llm.Error) {
	name := j.order[at].Source.Name
	conf := j.conf.Provider(name)
	if conf == nil || conf.MaxParallel <= 0 {
		return nil, nil
	}
	if release, ok := j.r.health.TrySlot(name, conf.MaxParallel); ok {
		return release, nil
	}
	if p := &j.states[at]; !p.busy && j.another() {
		p.busy, p.tried = true, false
		return nil, &llm.Error{Kind: llm.Overloaded, Provider: name, Status: 503, Code: "overloaded",
			Message: "The provider " + name + " is busy with as many requests as its max_parallel allows."}
	}
	return j.r.health.Slot(ctx, name, conf.MaxParallel, conf.Queue, func(waiting bool) {
		if j.c.Waiting != nil {
			j.c.Waiting(name, waiting)
		}
	})
}

// try makes the attempt itself: it ends when the first content is there, or with the reason why there will be none.
func (j *journey) try(ctx context.Context, c *candidate, plan *llm.Planned, a *llm.Attempt, pass health.Pass) *llm.Error {
	if j.c.Rehearse && j.policy.Rehearse && len(j.attempts) == 1 {
		return rehearsed(c)
	}
	var clock *patience
	switch {
	case j.c.Request.Stream:
		clock = &patience{call: j.c, source: c.Source, attempt: *a, number: len(j.attempts)}
		ctx = clock.start(ctx, j.another(), c.local, j.r.within(c.Source.Name)-j.remote)
		defer clock.stop() // whatever happens on the way: nobody may write to a response that is over
	case len(j.attempts) > 1:
		// The bound for the first is the client's own for whole replies.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, wholeWithin-j.r.now().Sub(j.start), lateWhole(c))
		context.AfterFunc(ctx, cancel)
	}
	relay, err := j.send(ctx, c, plan, a, pass.Credential)
	if err == nil {
		clock.answered()
		j.relay.Relay, j.relay.clock, j.relay.ctx, j.relay.pass, j.relay.watch = relay, clock, ctx, pass, &j.watch
		j.relay.first, j.relay.err = relay.Next()
		if err = j.relay.err; err == nil || isEnd(err) {
			j.committed = clock.stop() || j.committed
			if ctx.Err() == nil || isEnd(err) {
				j.relay.pass.Answered()
				return nil
			}
			err = ctx.Err() // its time was over in the same moment: what follows would not come
		}
		relay.Close()
	}
	j.committed = clock.stop() || j.committed
	e := reason(ctx, err)
	j.hurried = ctx.Err() != nil && e.Kind == llm.Timeout && j.r.now().Sub(j.watch.start) < headersWithin
	clock.close()
	return e
}

// plan decides how the request goes to t. A request of another dialect than t's is understood first, once.
func (c *Call) plan(t *Target) (llm.Planned, *llm.Error) {
	if c.Request.Dialect == t.Source.Dialect {
		return llm.Planned{}, nil
	}
	features := t.Source.Features
	if features == nil {
		features = &llm.Features{Dialect: t.Source.Dialect}
	}
	if c.Request.Conversation == nil && c.Request.Op == llm.Chat {
		conversation, err := c.Codec.Decode(c.Request)
		if err != nil {
			return llm.Planned{}, llm.AsError(err)
		}
		c.Request.Conversation = conversation
	}
	plan := llm.Plan(c.Request, features, t.Model)
	return plan, plan.Refused
}

// send asks the provider in the way that was planned, and notes what it was not told.
func (j *journey) send(ctx context.Context, t *candidate, plan *llm.Planned, a *llm.Attempt, credential int) (llm.Relay, error) {
	c, provider := j.c, t.provider(credential)
	if plan.Path == llm.PathRaw {
		return provider.Send(ctx, c.Request, t.ID, &j.watch)
	}
	order := &llm.Order{Request: c.Request, ID: t.ID, Model: t.Model, Plan: *plan}
	stream, err := provider.Converse(ctx, order, &j.watch)
	a.Dropped = strings.Join(order.Plan.Report, ", ")
	if err != nil {
		return nil, err
	}
	enc := c.Codec.Encoder(c.Request, llm.Answered{Provider: t.Source.Name, Model: t.ID, InputEstimate: c.Request.InputEstimate,
		ID: rand.Text(), Created: j.r.now().Unix()})
	return llm.Translated(stream, enc, !c.Request.Stream), nil
}

const codeRehearsed = "rehearsed"

// rehearsed is the failure that a person asked for. The provider knows nothing of it.
func rehearsed(c *candidate) *llm.Error {
	return &llm.Error{Kind: llm.ProviderFailed, Provider: c.Source.Name, Model: c.ID, Status: 503, Code: codeRehearsed,
		Message: "This failure of " + c.Name() + " was rehearsed by X-LocalRouter-Simulate; the provider was not asked."}
}

func lateWhole(c *candidate) *llm.Error {
	return &llm.Error{Kind: llm.Timeout, Provider: c.Source.Name, Model: c.ID, Status: 504, Code: "timeout",
		Message: "No answer came within the ten minutes that all attempts of a request may take together. Ask for a stream, or for a shorter answer."}
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
