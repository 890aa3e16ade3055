package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"localrouter/providers/llm"
)

// Run is a request that is being answered.
type Run struct {
	ID              string // request id
	KeyID, Key      string
	Asked           string // the model as the application wrote it
	Provider, Model string // that answers; empty until it does
	Op              llm.Op
	Stream          bool
	Start           time.Time
	Waiting         bool // for Provider, which is busy
}

// run is an exchange's place in the list of what runs. All of it is guarded by runs.mu.
type run struct {
	prev, next      *exchange
	listed, ended   bool
	provider, model string
	waiting         bool
}

// runs is the list of all requests between admission and their end.
type runs struct {
	mu      sync.Mutex // guards the fields below and the run of every exchange
	first   *exchange
	count   int
	refused bool          // the gateway is stopping: nothing more is added
	empty   chan struct{} // closed when the last one ends; nil while nobody waits
}

func (l *runs) add(x *exchange) *llm.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused {
		return stopping()
	}
	if l.first != nil {
		l.first.run.prev = x
	}
	x.run.next, x.run.listed = l.first, true
	l.first = x
	l.count++
	return nil
}

// remove takes x off the list. After it nobody else touches x.
func (l *runs) remove(x *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !x.run.listed {
		return
	}
	if x.run.prev != nil {
		x.run.prev.run.next = x.run.next
	} else {
		l.first = x.run.next
	}
	if x.run.next != nil {
		x.run.next.run.prev = x.run.prev
	}
	x.run.prev, x.run.next, x.run.listed = nil, nil, false
	if l.count--; l.count == 0 && l.empty != nil {
		close(l.empty)
		l.empty = nil
	}
	if x.run.ended {
		if c, ok := x.ResponseWriter.(writeClock); ok {
			c.SetWriteDeadline(time.Time{}) // the connection may serve another request
		}
	}
}

// target notes who answers x.
func (l *runs) target(x *exchange, a *llm.Attempt) {
	l.mu.Lock()
	x.run.provider, x.run.model, x.run.waiting = a.Provider, a.Model, false
	l.mu.Unlock()
}

// wait notes that x waits for a provider, or no longer does.
func (l *runs) wait(x *exchange, provider string, waits bool) {
	l.mu.Lock()
	x.run.provider, x.run.waiting = provider, waits
	l.mu.Unlock()
}

// writeClock is the part of a response writer that bounds the wait for the application to read.
type writeClock interface{ SetWriteDeadline(time.Time) error }

// lastWords is how long an application that does not read may delay the end of its stream.
const lastWords = 500 * time.Millisecond

// endLocked ends a running request with a reason that the application is told.
func (l *runs) endLocked(x *exchange, e *llm.Error) {
	if x.run.ended {
		return
	}
	x.run.ended = true
	x.cancel(e)
	if c, ok := x.ResponseWriter.(writeClock); ok {
		c.SetWriteDeadline(time.Now().Add(lastWords))
	}
}

// endAll ends those requests for which why gives a reason, and reports how many it ended.
func (l *runs) endAll(why func(*exchange) *llm.Error) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for x := l.first; x != nil; x = x.run.next {
		if e := why(x); e != nil {
			l.endLocked(x, e)
			n++
		}
	}
	return n
}

// Running lists the requests that are being answered, the newest first.
func (g *Gateway) Running() []Run {
	g.runs.mu.Lock()
	defer g.runs.mu.Unlock()
	list := make([]Run, 0, g.runs.count)
	for x := g.runs.first; x != nil; x = x.run.next {
		e := x.entry // these fields do not change once the request is listed
		list = append(list, Run{ID: e.ID, KeyID: e.KeyID, Key: e.Key, Asked: e.Asked, Op: e.Op, Stream: e.Stream, Start: e.Start,
			Provider: x.run.provider, Model: x.run.model, Waiting: x.run.waiting})
	}
	return list
}

// StopRun ends the request with that id and reports whether it was running. The application gets an error that says so.
func (g *Gateway) StopRun(id string) bool {
	return 0 < g.runs.endAll(func(x *exchange) *llm.Error {
		if x.entry.ID != id {
			return nil
		}
		return &llm.Error{Kind: llm.Stopping, Status: http.StatusServiceUnavailable, Code: "stopped_by_user",
			Header:  []llm.Field{{Name: "X-Should-Retry", Value: "false"}}, // or OpenAI's SDKs send it again at once
			Message: "This request was stopped by hand in LocalRouter. Send it again if it is still wanted."}
	})
}

// endDeadKeys ends the requests of keys that were disabled, deleted or made anew, or have expired.
func (g *Gateway) endDeadKeys() {
	g.runs.endAll(func(x *exchange) *llm.Error { return g.Keys.Ended(x.key) })
}

// ended is how long the requests that were ended may take to say so.
const ended = time.Second

// Drain refuses new requests with 503 and waits for the running ones. When ctx ends, those that are left get an error
// that says so. It returns when none is left, at most a second after ctx.
func (g *Gateway) Drain(ctx context.Context) {
	g.stopping.Store(true)
	g.runs.mu.Lock()
	g.runs.refused = true
	if g.runs.count == 0 {
		g.runs.mu.Unlock()
		return
	}
	if g.runs.empty == nil {
		g.runs.empty = make(chan struct{})
	}
	empty := g.runs.empty
	g.runs.mu.Unlock()
	select {
	case <-empty:
		return
	case <-ctx.Done():
	}
	g.runs.endAll(func(*exchange) *llm.Error { return stopping() })
	t := time.NewTimer(ended)
	defer t.Stop()
	select {
	case <-empty:
	case <-t.C:
	}
}

// Resume takes requests again after Drain.
func (g *Gateway) Resume() {
	g.runs.mu.Lock()
	g.runs.refused = false
	g.runs.mu.Unlock()
	g.stopping.Store(false)
}
