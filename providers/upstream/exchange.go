package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// exchange is one attempt: what was asked, and the answer as far as it has come. It is the part that all relays share.
type exchange struct {
	c     *Client
	ask   asked
	model string
	obs   llm.Observer
	clock *wire.Clock
	body  *wire.Body
	resp  *http.Response

	head      llm.Head
	committed bool
	finished  bool
	reported  bool // usage came from the provider
	usage     llm.Usage
	service   llm.Service // as the reply names it
	answered  string      // the model, where the reply names another than was asked for
	content   int64       // bytes of text, for the estimate
	keeps     bool        // the text itself is kept for it
	text      []byte      // unescaped
	kept      int64       // bytes of it as it was written
	headed    atomic.Bool // the response headers are in: from here on the idle clock runs
	ended     atomic.Bool
}

// asked is what is needed of a request after it was sent. The request itself is not kept: its body may be large, and the
// answer long.
type asked struct {
	op         llm.Op
	stream     bool
	wantsUsage bool
	input      int64
}

// Head is what is known of the answer before its content.
func (x *exchange) Head() llm.Head { return x.head }

func (x *exchange) readHead(stream bool) {
	x.head = llm.Head{Status: x.resp.StatusCode, ContentType: x.resp.Header.Get("Content-Type"), Length: x.resp.ContentLength,
		Stream: stream, Header: fields(x.resp.Header)}
	if stream {
		x.head.Length = -1
	}
}

// Close ends the attempt; what still runs is cancelled.
func (x *exchange) Close() error {
	x.release(nil)
	return nil
}

func (x *exchange) release(cause error) {
	if x.ended.Swap(true) {
		return
	}
	x.clock.Stop(cause)
	if x.resp != nil {
		x.resp.Body.Close()
	}
	if x.body != nil {
		x.body.Release()
	}
}

func (x *exchange) commit() {
	if !x.committed {
		x.committed = true
		x.obs.Committed()
		x.clock.Allow(x.c.o.Idle)
		if x.body != nil {
			x.body.Spent()
		}
	}
}

// learn passes on what a chunk or reply told.
func (x *exchange) learn(f *Facts) {
	if f.Service != llm.ServiceUsual {
		x.service = f.Service
	}
	if x.answered == "" && len(f.Model) > 2 && string(wire.Inside(f.Model)) != x.model {
		x.answered = wire.Cut(wire.Text(f.Model), 256)
	}
	if f.HasUsage {
		x.count(f.Usage)
	}
	if f.Finish != "" {
		x.finish(f.Finish)
	}
}

func (x *exchange) count(u llm.Usage) {
	x.place(&u)
	if u = llm.Larger(x.usage, u); !x.reported || u != x.usage {
		x.usage, x.reported = u, true
		if !u.Zero() || u.CostReported {
			x.obs.Usage(u)
		}
	}
}

// place notes in a count what else the price depends on.
func (x *exchange) place(u *llm.Usage) {
	u.Model = x.answered
	if u.Service == llm.ServiceUsual {
		u.Service = x.service
	}
}

func (x *exchange) finish(reason string) {
	if !x.finished {
		x.finished = true
		x.obs.Finish(reason)
	}
}

// bytesPerToken is the rule of thumb for estimates: four bytes of text are about one token.
const bytesPerToken = 4

// maxKept bounds the text that is kept to be counted; what is longer is counted by its beginning.
const maxKept = 1 << 20

// keep notes text as it was written in a JSON string.
func (x *exchange) keep(text []byte) {
	if x.keeps && len(x.text) < maxKept {
		x.text = wire.AppendUnescaped(x.text, text)
		x.kept += int64(len(text))
	}
}

// estimate tells the observer a count of our own, where the provider sent none or only zeros: by a tokenizer once the
// provider is known for it, before that by length.
func (x *exchange) estimate() (u llm.Usage) {
	if x.reported && (!x.usage.Zero() || x.usage.CostReported) || x.ask.op == llm.Forward || x.ask.op == llm.CountTokens {
		return u
	}
	u = llm.Usage{Input: x.ask.input, Output: (x.content + bytesPerToken - 1) / bytesPerToken, Estimated: true}
	switch {
	case len(x.text) > 0:
		u.Output = int64(x.c.o.Count(x.text))
		if left := x.content - x.kept; left > 0 { // what was not kept is as dense as what was
			u.Output += u.Output * left / x.kept
		}
	case x.finished:
		x.c.silent.Store(true)
	}
	if x.place(&u); !u.Zero() {
		x.obs.Usage(u)
	}
	return u
}

// unfinished corrects the provider's count of a stream that did not come to its end: some tell the input at the beginning
// and the output at the end only.
func (x *exchange) unfinished() {
	if u := x.usage; !x.finished && x.ask.stream && !u.Zero() && !u.CostReported {
		u.Output, u.Estimated = max(u.Output, (x.content+bytesPerToken-1)/bytesPerToken), true
		x.obs.Usage(u)
	}
}

// fail ends the answer with e, tells the observer and gives everything back.
func (x *exchange) fail(e *llm.Error) *llm.Error {
	if x.committed || e.Kind == llm.ClientGone {
		x.estimate()
		x.unfinished()
	}
	x.obs.Failed(e)
	x.release(nil)
	return e
}

// cut names why reading the answer failed.
func (x *exchange) cut(err error) *llm.Error {
	ctx := x.clock.Context()
	if ctx.Err() != nil || x.ended.Load() {
		return x.c.cancelled(ctx, err)
	}
	if errors.Is(err, wire.ErrTooLarge) {
		return x.c.Fault(x.model, llm.ProviderFailed, "sent a reply larger than 64 MiB; ask for a stream instead", err)
	}
	return x.c.Fault(x.model, llm.Broken, "broke the answer off", err)
}

// late is the error of a clock that ran out.
func (x *exchange) late(limit time.Duration) error {
	c, model, clock := x.c, x.model, "reply"
	switch {
	case x.headed.Load():
		clock = "idle"
	case x.ask.stream:
		clock = "first byte"
	}
	return &llm.Error{Kind: llm.Timeout, Provider: c.o.Name, Model: model, Status: http.StatusGatewayTimeout, Code: "timeout",
		Message: fmt.Sprintf("The provider %s sent nothing for %s (its %s clock). Try again, or raise its timeout in the settings.", c.o.Name, limit, clock)}
}

// cancelled names who ended an attempt.
func (c *Client) cancelled(ctx context.Context, err error) *llm.Error {
	if e, ok := errors.AsType[*llm.Error](context.Cause(ctx)); ok {
		return e
	}
	return &llm.Error{Kind: llm.ClientGone, Status: 499, Message: "The request was cancelled before the answer was complete", Err: err}
}

// Fault is a failure of the provider that has no status of its own. what follows its name.
func (c *Client) Fault(model string, kind llm.Kind, what string, err error) *llm.Error {
	return &llm.Error{Kind: kind, Provider: c.o.Name, Model: model, Status: http.StatusBadGateway, Code: string(kind),
		Message: "The provider " + c.o.Name + " " + what + ".", Err: err}
}

func isEvents(r *http.Response) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Type"))), "text/event-stream")
}

func isJSON(r *http.Response) bool {
	t, _, _ := strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
	t = strings.TrimSpace(t)
	return t == "application/json" || strings.HasSuffix(t, "+json")
}

// fields are the provider's header fields that applications may see: ids to ask the provider about, limits, waits.
func fields(h http.Header) []llm.Field {
	var list []llm.Field
	for name, values := range h {
		if len(values) > 0 && handedOn(name) {
			list = append(list, llm.Field{Name: name, Value: values[0]})
		}
	}
	return list
}

func handedOn(name string) bool {
	switch name {
	case "X-Request-Id", "Request-Id", "Retry-After", "Retry-After-Ms", "X-Should-Retry", "X-Generation-Id", "Content-Disposition":
		return true
	}
	return strings.HasPrefix(name, "Openai-") || strings.HasPrefix(name, "Anthropic-") || strings.HasPrefix(name, "X-Ratelimit-") || strings.HasPrefix(name, "Ratelimit")
}
