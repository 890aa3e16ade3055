package server

import (
	"context"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"localrouter/db"
	"localrouter/providers/llm"
)

// exchange is one request and its answer. All of it belongs to the goroutine of the handler, but what the comments say.
type exchange struct {
	http.ResponseWriter
	g     *Gateway
	r     *http.Request
	codec llm.Codec // of the dialect the application speaks
	entry *db.Entry
	vars  map[string]string
	key   *db.Key // nil until one was accepted

	reservations

	ctx    context.Context
	cancel context.CancelCauseFunc // nil until the request is admitted
	held   int64                   // bytes of the body that count against the memory cap
	buffer []byte                  // of a large body, to be used again; nil for others
	rest   *upload                 // what is still to come of an upload; nil for a body that was read whole

	beat   *beat // nil where silence needs none
	answer account
	sent   bool // the status line is out
	events bool // and promised an event stream
	cut    bool // the answer cannot be ended properly: the connection must go

	// values backs the header fields of the response, so that each costs no allocation.
	values [20]string
	used   int

	run run // guarded by runs.mu
}

const (
	tagMax   = 64  // runes of X-LocalRouter-Tag that are kept
	errorMax = 600 // bytes of an error text in the record
)

// open begins an exchange. From here on the request has an id and will be recorded.
func (g *Gateway) open(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{ResponseWriter: w, g: g, r: r, codec: g.codecOf(r)}
	x.entry = &db.Entry{ID: g.ids.next(), Start: g.Now(), Dialect: x.codec.Dialect(), Path: cutText(r.URL.Path, 256)}
	x.answer.x = x
	if tag := r.Header["X-Localrouter-Tag"]; len(tag) > 0 {
		x.entry.Tag = cleanTag(tag[0])
	}
	x.set("X-Localrouter-Request-Id", x.entry.ID)
	x.set("X-Localrouter-Attempts", "0")
	return x
}

// close ends an exchange on every path, a panic of ours included: the account is settled and the record made once.
func (x *exchange) close() {
	if p := recover(); p != nil {
		x.buffer = nil // whoever failed may hold it
		x.crashed(p)
	}
	x.beat.stop()
	if x.cancel != nil {
		x.g.runs.remove(x)
		x.cancel(nil)
	}
	x.letGo()
	x.reuse()
	if x.rest != nil {
		x.rest.Close()
	}
	e := x.entry
	x.settle()
	e.Latency = x.g.Now().Sub(e.Start)
	x.g.Recorder.Record(e)
	if x.cut {
		panic(http.ErrAbortHandler) // the one way to end a response so that the application sees that it is not whole
	}
}

// settle books what the request used. It may be called twice, once nothing more can come.
func (x *exchange) settle() {
	x.answer.settle()
	x.settleLimits()
}

// crashed answers for a panic, where it still can.
func (x *exchange) crashed(p any) {
	defer func() {
		if recover() != nil { // the answer to it panicked as well: nothing more to be said
			x.cut = true
		}
	}()
	x.g.Log.Error("server: a request failed by a defect of this program", "request", x.entry.ID, "panic", x.g.Redact(text(p)), "stack", string(debug.Stack()))
	x.fail(&llm.Error{Kind: llm.Internal, Status: http.StatusInternalServerError, Code: "internal_error",
		Message: "LocalRouter failed on this request by a defect of its own. Its log names the cause under request " + x.entry.ID + "."})
}

// fail spells e for the application, as far as the answer still allows, and notes it in the record. Nil is no failure.
func (x *exchange) fail(e *llm.Error) {
	if e == nil {
		return
	}
	x.note(e)
	x.beat.stop()
	switch {
	case e.Kind == llm.ClientGone:
		// Nobody reads it; the connection is dropped, in case only one half of it was closed.
		x.cut = true
		x.entry.Status = 499
	case !x.sent:
		x.refuse(e)
	case x.events:
		if _, err := x.ResponseWriter.Write(x.codec.StreamError(x.entry.Op, e)); err != nil {
			x.cut = true
		}
	default:
		x.cut = true
	}
}

// note writes the failure into the record. The first one counts: what follows from it is no news.
func (x *exchange) note(e *llm.Error) {
	if x.entry.Kind != "" {
		return
	}
	x.entry.Kind = e.Kind
	said := e.Message
	if e.Err != nil {
		said += ": " + e.Err.Error()
	}
	x.entry.Error = cutText(x.g.Redact(said), errorMax)
}

// refuse answers with an error and nothing else.
func (x *exchange) refuse(e *llm.Error) {
	x.settle() // first, so that the header tells how the key stands without this request
	status, contentType, body := x.codec.Error(e)
	for _, f := range e.Header {
		x.setForeign(f)
	}
	h := x.ResponseWriter.Header()
	if e.RetryAfter > 0 && len(h["Retry-After"]) == 0 {
		seconds := int64((e.RetryAfter + time.Second - 1) / time.Second)
		x.set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	if e.Kind == llm.InvalidKey {
		x.set("Www-Authenticate", "Bearer")
	}
	x.nameRequest()
	x.set("Content-Type", contentType)
	x.set("Content-Length", strconv.Itoa(len(body)))
	x.send(status)
	x.ResponseWriter.Write(body) // a failure means that the application is gone: nothing is left to tell it
}

// send sends the status line and the header.
func (x *exchange) send(status int) {
	x.sent = true
	if x.entry.Status == 0 {
		x.entry.Status = status
	}
	x.sayLimits()
	x.ResponseWriter.WriteHeader(status)
}

// set sets a header field of the response; name is in canonical form.
func (x *exchange) set(name, value string) {
	if x.used == len(x.values) {
		x.ResponseWriter.Header()[name] = []string{value}
		return
	}
	i := x.used
	x.used++
	x.values[i] = value
	x.ResponseWriter.Header()[name] = x.values[i : i+1 : i+1]
}

// cleanTag makes an application's own label fit for logs and pages: printable, one line, cut.
func cleanTag(s string) string {
	var b strings.Builder
	n := 0
	for _, c := range s {
		if n == tagMax {
			break
		}
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			continue
		}
		b.WriteRune(c)
		n++
	}
	return strings.TrimSpace(b.String())
}

// cutText bounds a text by bytes without splitting a character.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// text spells what a panic carried.
func text(p any) string {
	switch p := p.(type) {
	case error:
		return p.Error()
	case string:
		return p
	}
	return "a value that is no text"
}
