package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"localrouter/providers/llm"
	"localrouter/routing"
)

// generate is the handler of every operation with a JSON body, whole or streamed.
func generate(op llm.Op) handler {
	return func(x *exchange) *llm.Error {
		req, e := x.scan(op)
		if e != nil {
			return e
		}
		return x.ask(req)
	}
}

// scan reads the body and its head.
func (x *exchange) scan(op llm.Op) (*llm.Request, *llm.Error) {
	x.entry.Op = op
	body, e := x.readJSON()
	if e != nil {
		return nil, e
	}
	req, err := x.codec.Scan(op, x.below(), body)
	if err != nil {
		return nil, llm.AsError(err)
	}
	if req.ContentType == "" {
		req.ContentType = "application/json"
	}
	if req.Length == 0 {
		req.Length = int64(len(body))
	}
	if x.codec.Dialect() == llm.Anthropic { // OpenAI's endpoints have no queries
		req.Query = x.r.URL.RawQuery
	}
	return req, nil
}

// below is the request's path below a provider's API base.
func (x *exchange) below() string { return x.r.URL.Path[len("/v1"):] }

// passed are the fields of an application that reach providers. Everything else stays here: cookies, credentials and
// addresses are nobody's business.
var passed = [...]string{"Idempotency-Key", "Openai-Beta", "X-Client-Request-Id", "Http-Referer", "X-Title", "Anthropic-Version", "Anthropic-Beta"}

// ask has req answered: it is admitted, routed, relayed. The record and the account are close's.
func (x *exchange) ask(req *llm.Request) *llm.Error {
	entry := x.entry
	entry.Asked, entry.Stream = cutText(req.Model, 256), req.Stream
	for _, name := range passed {
		if v := x.r.Header[name]; len(v) > 0 {
			req.Header = append(req.Header, llm.Field{Name: name, Value: strings.Join(v, ",")})
		}
	}
	x.answer.input = req.InputEstimate
	req.Key = x.key.ID
	if x.buffer != nil {
		req.Model = strings.Clone(req.Model) // it outlives the buffer, in the record
		entry.Asked = cutText(req.Model, 256)
	}
	x.ctx, x.cancel = context.WithCancelCause(x.r.Context())
	if e := x.g.runs.add(x); e != nil {
		return e
	}
	call, e := x.call(req)
	if e != nil {
		return e
	}
	answer, attempts, e := x.g.Router.Send(x.ctx, call)
	x.routed(call.Route)
	x.attempted(attempts)
	if e != nil {
		if x.r.Context().Err() != nil && e.Kind != llm.ClientGone {
			e = clientGone(e)
		}
		return e
	}
	defer answer.Relay.Close()
	x.answer.source, x.answer.model = answer.Source, answer.Model
	// From the first content on nobody is asked again: the body may go. That of a stream is not used again, because it
	// would have to be kept to the stream's end.
	if call.Request, req = nil, nil; answer.Relay.Head().Stream {
		x.buffer = nil
	}
	x.letGo()
	return x.relay(answer)
}

// call is req on its way through the router.
func (x *exchange) call(req *llm.Request) (*routing.Call, *llm.Error) {
	rehearse, e := x.rehearsal()
	if e != nil {
		return nil, e
	}
	c := &routing.Call{ID: x.entry.ID, Request: req, Codec: x.codec, Observer: &x.answer, Key: x.policy(), Session: x.session(), Rehearse: rehearse,
		Again: x.answer.again, Waiting: x.waiting}
	c.Output, _ = x.g.outputs.recent.Guess(ofKey + x.key.ID)
	x.limit(c)
	if req.Stream {
		c.Early = func(a llm.Attempt, n int) { x.sendEarly(c.Chosen, &a, n) }
	}
	return c, nil
}

// routed notes how a router chose.
func (x *exchange) routed(route *llm.Route) {
	if route == nil {
		return
	}
	x.entry.Route = route
	if !x.sent {
		x.nameRouter(route.Chosen)
	}
}

// waiting notes that the request stands in line for a provider that is busy.
func (x *exchange) waiting(provider string, waits bool) { x.g.runs.wait(x, provider, waits) }

// attempted writes down who was tried, and says it in the header where that is still to come.
func (x *exchange) attempted(attempts []llm.Attempt) {
	if len(attempts) == 0 {
		return
	}
	last := &attempts[len(attempts)-1]
	x.entry.Attempts, x.entry.Provider, x.entry.Model = attempts, last.Provider, last.Model
	x.g.runs.target(x, last)
	if !x.sent {
		x.nameRoute(last, len(attempts))
	}
}

// droppedMax bounds X-LocalRouter-Dropped: names of fields come from outside.
const droppedMax = 2 << 10

func (x *exchange) nameRouter(chosen string) {
	if chosen != "" {
		x.set("X-Localrouter-Router", fieldText(chosen))
	}
}

func (x *exchange) nameRoute(a *llm.Attempt, n int) {
	x.set("X-Localrouter-Route", fieldText(a.Provider+"/"+a.Model))
	if a.Dropped != "" {
		x.set("X-Localrouter-Dropped", fieldText(cutText(a.Dropped, droppedMax)))
	}
	if n == 1 {
		x.set("X-Localrouter-Attempts", "1")
		return
	}
	x.set("X-Localrouter-Attempts", strconv.Itoa(n))
}

// sendEarly sends the header of an event stream that has had no content for long. It is called by the router's clock
// while the handler's goroutine waits in Send, and never after.
func (x *exchange) sendEarly(router string, a *llm.Attempt, n int) {
	x.nameRouter(router)
	x.nameRoute(a, n)
	x.set("Content-Type", "text/event-stream")
	x.events = true
	x.nameRequest()
	x.send(http.StatusOK)
	ping := x.codec.KeepAlive()
	if ping != nil {
		x.ResponseWriter.Write(ping) // a failure means that the application is gone, which the context tells
	}
	x.flush()
	if ping != nil { // last, because from here on it writes too
		x.beat = startBeat(x, ping)
	}
}

// relay copies the answer to the application as it comes. Each step's bytes are written and flushed before the next is
// asked for, so a slow application holds one step in memory and no more.
func (x *exchange) relay(a *routing.Answer) *llm.Error {
	head := a.Relay.Head()
	if x.sent && !head.Stream {
		return &llm.Error{Kind: llm.ProviderFailed, Provider: a.Source.Name, Status: http.StatusBadGateway, Code: "provider_failed",
			Message: "The provider " + a.Source.Name + " answered whole where a stream was asked for, and too late to say so. Ask without \"stream\"."}
	}
	chunk, err := a.Relay.Next()
	if !x.sent {
		x.sendHead(&head)
	}
	live := head.Stream || head.Length < 0
	if ping := x.codec.KeepAlive(); ping != nil && head.Stream && x.beat == nil {
		x.beat = startBeat(x, ping)
	}
	for {
		if len(chunk) > 0 {
			x.answer.passed(chunk)
			if werr := x.hand(chunk, live); werr != nil {
				return x.unread(werr)
			}
		}
		if err != nil {
			break
		}
		chunk, err = a.Relay.Next()
	}
	if err == io.EOF {
		return nil
	}
	return x.broken(err)
}

// hand writes a step of the answer to the application.
func (x *exchange) hand(chunk []byte, live bool) error {
	x.beat.lock()
	defer x.beat.unlock()
	if _, err := x.ResponseWriter.Write(chunk); err != nil || !live {
		return err
	}
	return x.flush()
}

func (x *exchange) sendHead(head *llm.Head) {
	for _, f := range head.Header {
		x.setForeign(f)
	}
	if head.ContentType != "" {
		x.set("Content-Type", head.ContentType)
	} else {
		x.ResponseWriter.Header()["Content-Type"] = nil // or net/http guesses one from the bytes
	}
	if head.Length >= 0 && !head.Stream {
		x.set("Content-Length", strconv.FormatInt(head.Length, 10))
	}
	x.events = head.Stream
	x.nameRequest()
	x.send(head.Status)
}

func (x *exchange) flush() error {
	switch f := x.ResponseWriter.(type) {
	case interface{ FlushError() error }:
		return f.FlushError()
	case http.Flusher:
		f.Flush()
	}
	return nil
}

// unread names why the application could not be written to.
func (x *exchange) unread(err error) *llm.Error {
	if e, ok := errors.AsType[*llm.Error](context.Cause(x.ctx)); ok {
		x.note(e) // we ended it ourselves, and the application did not even read that
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		return &llm.Error{Kind: llm.ClientGone, Status: 499, Message: "The application read nothing for 60 s and was cut off", Err: err}
	}
	return clientGone(err)
}

// broken names why an answer ended in its middle: who cancelled it knows best.
func (x *exchange) broken(err error) *llm.Error {
	if e, ok := errors.AsType[*llm.Error](context.Cause(x.ctx)); ok {
		return e
	}
	if x.r.Context().Err() != nil {
		return clientGone(err)
	}
	return llm.AsError(err)
}

// fieldText makes a text fit for a header field: model ids come from outside.
func fieldText(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return strconv.QuoteToASCII(s)
		}
	}
	return s
}
