package routing

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"localrouter/providers/llm"
)

const (
	// earlyAfter is how long an event stream may be without content before its headers are sent all the same: some
	// applications give up after 300 s without headers, and proxies between earlier.
	earlyAfter = 15 * time.Second
	// contentWithin is how long a remote stream may take to its first content, unless the provider's own
	// first_byte allows more.
	contentWithin = 120 * time.Second
)

// primed is a relay whose first step has been taken while the target could still be changed.
type primed struct {
	llm.Relay
	clock *patience
	first []byte
	err   error // of the first step
	taken bool
}

func (p *primed) Next() ([]byte, error) {
	if !p.taken {
		p.taken = true
		first := p.first
		p.first = nil
		return first, p.err
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.Relay.Next()
}

func (p *primed) Close() error {
	err := p.Relay.Close()
	p.clock.close()
	return err
}

// isEnd reports whether err is the clean end of an answer.
func isEnd(err error) bool { return err == io.EOF }

// patience is the clock of one streamed attempt until its first content. All its methods accept nil.
type patience struct {
	// mu guards done and is held while Early runs, so that stop waits for it: the caller goes on writing to the
	// same response. Nobody but this one request ever waits here.
	mu     sync.Mutex
	done   bool
	told   bool // Early was called
	timer  *time.Timer
	cancel context.CancelCauseFunc

	router  *Router
	call    *Call
	source  *llm.Source
	attempt llm.Attempt // as it was at the start: the attempt itself belongs to the other goroutine
}

func (r *Router) startPatience(ctx context.Context, c *Call, src *llm.Source, a llm.Attempt) (context.Context, *patience) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &patience{cancel: cancel, router: r, call: c, source: src, attempt: a}
	p.mu.Lock() // the timer's field is set before it can fire
	p.timer = time.AfterFunc(earlyAfter, p.fire)
	p.mu.Unlock()
	return ctx, p
}

func (p *patience) fire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return
	}
	if p.told {
		p.cancel(&llm.Error{Kind: llm.Timeout, Provider: p.source.Name, Model: p.attempt.Model, Status: 504, Code: "timeout",
			Message: "The provider " + p.source.Name + " sent no content within the time allowed; try again, or raise timeout.first_byte of this provider in the settings"})
		return
	}
	p.told = true
	if p.call.Early != nil {
		p.call.Early(p.attempt)
	}
	// A local model may be loading; the provider's client has its own, longer bounds for that.
	if !p.source.Local {
		p.timer.Reset(p.router.within(p.source.Name) - earlyAfter)
	}
}

// within is the time to the first content for a provider.
func (r *Router) within(provider string) time.Duration {
	d := contentWithin
	if r.settings == nil {
		return d
	}
	if p := r.settings().Provider(provider); p != nil {
		d = max(d, p.Timeout.FirstByte)
	}
	return d
}

// stop ends the waiting for content. After it Early does not run and never will.
func (p *patience) stop() {
	if p == nil {
		return
	}
	p.timer.Stop()
	p.mu.Lock()
	p.done = true
	p.mu.Unlock()
}

// close gives the attempt's context back.
func (p *patience) close() {
	if p != nil {
		p.cancel(nil)
	}
}

// reason names why an attempt failed. Who cancelled it knows better than the provider's client, which saw only that
// its connection went away.
func reason(ctx context.Context, err error) *llm.Error {
	if ctx.Err() == nil {
		return llm.AsError(err)
	}
	if e, ok := errors.AsType[*llm.Error](context.Cause(ctx)); ok {
		return e
	}
	return &llm.Error{Kind: llm.ClientGone, Status: 499, Message: "The application went away before the answer", Err: err}
}
