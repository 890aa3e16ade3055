package routing

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"localrouter/providers/llm"
	"localrouter/routing/health"
)

const (
	// earlyAfter is how long an event stream may be without content before its headers are sent all the same: some
	// applications give up after 300 s without headers, and proxies between earlier.
	earlyAfter = 15 * time.Second
	// headersWithin is how long a remote target may take to its response headers while another target waits.
	headersWithin = 30 * time.Second
	// contentWithin is how long all remote attempts of a stream may take to the first content together, unless the
	// provider's own first_byte allows more.
	contentWithin = 120 * time.Second
	// wholeWithin is how long all attempts of a whole reply may take together.
	wholeWithin = 600 * time.Second
)

// primed is an answer whose first step has been taken while the target could still be changed. It tells health how the
// answer ended.
type primed struct {
	llm.Relay
	clock *patience
	first []byte
	err   error // of the first step
	taken bool

	ctx   context.Context // of the attempt
	pass  health.Pass
	slot  func() // gives the provider's slot back; nil: there is none
	watch *watch
	ended atomic.Bool
}

func (p *primed) Next() ([]byte, error) {
	if !p.taken {
		p.taken = true
		first := p.first
		p.first = nil
		if p.err != nil {
			p.end(p.err)
		}
		return first, p.err
	}
	if p.err != nil {
		return nil, p.err
	}
	b, err := p.Relay.Next()
	if err != nil {
		p.end(err)
	}
	return b, err
}

func (p *primed) Close() error {
	p.end(gone)
	err := p.Relay.Close()
	p.clock.close()
	return err
}

// gone ends an answer that was not read to its end: it says nothing about the provider.
var gone = &llm.Error{Kind: llm.ClientGone, Status: 499, Message: "The application went away before the end of the answer"}

// end tells once how the answer ended. What was cancelled from this side is nobody's failure.
func (p *primed) end(err error) {
	if p.ended.Swap(true) {
		return
	}
	out := p.watch.outcome()
	if !isEnd(err) {
		out.Err = reason(p.ctx, err)
	}
	p.pass.Done(out)
	if p.slot != nil {
		p.slot()
	}
}

// isEnd reports whether err is the clean end of an answer.
func isEnd(err error) bool { return err == io.EOF }

// watch listens to an answer on behalf of health, and passes everything on.
type watch struct {
	to     llm.Observer
	now    func() time.Time
	start  time.Time
	first  time.Duration
	output int64
	stream bool
}

func (w *watch) Committed() {
	w.first = w.now().Sub(w.start)
	w.to.Committed()
}

func (w *watch) Usage(u llm.Usage) {
	w.output = u.Output
	w.to.Usage(u)
}

func (w *watch) Finish(reason string) { w.to.Finish(reason) }
func (w *watch) Failed(e *llm.Error)  { w.to.Failed(e) }

func (w *watch) outcome() health.Outcome {
	return health.Outcome{Streamed: w.stream, FirstToken: w.first, Total: w.now().Sub(w.start), Output: w.output}
}

// patience is the clock of one streamed attempt until its first content. All its methods accept nil.
type patience struct {
	// mu guards what follows and is held while Early runs, so that stop waits for it: the caller goes on writing to the
	// same response. Nobody but this one request ever waits here.
	mu     sync.Mutex
	done   bool
	told   bool // Early was called
	headed bool // the provider's headers are in
	timer  *time.Timer
	cancel context.CancelCauseFunc

	// The moments at which something is due, counted from the attempt's start; 0: never.
	early, headers, content time.Duration
	at                      time.Duration // what the timer is set to

	call    *Call
	source  *llm.Source
	attempt llm.Attempt // as it was at the start: the attempt itself belongs to the other goroutine
	number  int
}

// start sets the clocks of an attempt. another says that another target waits; left is what remote attempts have left.
func (p *patience) start(ctx context.Context, another, local bool, left time.Duration) context.Context {
	ctx, p.cancel = context.WithCancelCause(ctx)
	if !another || local {
		p.early = earlyAfter
	} else {
		p.headers = headersWithin
	}
	if !local { // a local model may be loading; the provider's client has its own, longer bounds for that
		p.content = max(left, time.Second)
		if another { // whose turn comes while it still has a fair time
			p.content = max(left-headersWithin, min(left, headersWithin))
		}
	}
	p.at = p.due(0)
	p.mu.Lock() // the timer's field is set before it can fire
	p.timer = time.AfterFunc(p.at, p.fire)
	p.mu.Unlock()
	return ctx
}

// due is the next moment after one; 0: there is none.
func (p *patience) due(after time.Duration) time.Duration {
	next := time.Duration(0)
	for _, d := range [...]time.Duration{p.early, p.headers, p.content} {
		if d > after && (next == 0 || d < next) {
			next = d
		}
	}
	return next
}

func (p *patience) fire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return
	}
	switch {
	case p.at == p.content, p.at == p.headers && !p.headed:
		p.cancel(p.late())
		return
	case p.at == p.early:
		p.told = true
		if p.call.Early != nil {
			p.call.Early(p.attempt, p.number)
		}
	}
	if next := p.due(p.at); next > 0 {
		p.timer.Reset(next - p.at)
		p.at = next
	}
}

func (p *patience) late() *llm.Error {
	what := "no content"
	if p.at == p.headers && !p.headed {
		what = "no sign of an answer"
	}
	return &llm.Error{Kind: llm.Timeout, Provider: p.source.Name, Model: p.attempt.Model, Status: 504, Code: "timeout",
		Message: "The provider " + p.source.Name + " sent " + what + " within the time allowed. Try again, or raise timeout.first_byte of this provider in the settings."}
}

// answered notes that the provider's headers are in.
func (p *patience) answered() {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.headed = true
	p.mu.Unlock()
}

// stop ends the waiting for content, and reports whether the application was sent its headers. After it Early does not
// run and never will.
func (p *patience) stop() (told bool) {
	if p == nil {
		return false
	}
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	return p.told
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
