// Package server is the door applications knock on: it checks who asks and what is asked, hands the request to the
// router, relays the answer and settles the account. Dialects reach it as values; it knows no vendor.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"localrouter/db"
	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing"
	"localrouter/routing/limits"
)

// Options of a Gateway. Keys, Router, Recorder, Codecs and Settings are required.
type Options struct {
	Keys      Keys
	Router    Router
	Directory Directory // for the model lists; nil: they are empty
	Recorder  Recorder
	Limits    *limits.Limiter // nil: nothing is limited
	Codecs    []llm.Codec     // of the dialects that are spoken here; the first is spoken where nothing tells which is meant
	Settings  func() *settings.Settings
	InstallID string // of this installation; empty: no check for loops
	Version   string
	Redact    func(string) string // takes secrets out of a text for the log; nil: nothing is taken out
	Log       *slog.Logger        // nil: nothing is logged
	Now       func() time.Time    // nil: time.Now
}

// Gateway answers applications. It is an http.Handler and may be used by many goroutines at once.
type Gateway struct {
	Options
	routes   *mux.Router
	codecs   map[llm.Dialect]llm.Codec
	ids      requestIDs
	memory   memory
	runs     runs
	names    atomic.Pointer[hostNames]
	models   atomic.Pointer[modelList]
	outputs  outputs
	policies policies
	stopping atomic.Bool
	cancel   func() // ends the watch on the keys
}

// New makes a gateway. Close ends its watch on the keys.
func New(o Options) *Gateway {
	g := &Gateway{Options: o, codecs: map[llm.Dialect]llm.Codec{}}
	for _, c := range o.Codecs {
		g.codecs[c.Dialect()] = c
	}
	if g.Log == nil {
		g.Log = slog.New(slog.DiscardHandler)
	}
	if g.Now == nil {
		g.Now = time.Now
	}
	if g.Redact == nil {
		g.Redact = func(s string) string { return s }
	}
	g.ids.start()
	g.routes = mux.NewRouter().SkipClean(true) // its cleaning would answer a POST with a redirect
	for _, r := range table() {
		if r.class == dialect {
			r.do = known(r.do)
		}
		g.routes.Path(r.path).Methods(r.methods...).Handler(r.do)
	}
	g.routes.NotFoundHandler = handler(notFound)
	g.routes.MethodNotAllowedHandler = handler(methodNotAllowed)
	g.cancel = g.Keys.Subscribe(func() {
		g.policies.forget()
		g.endDeadKeys()
	})
	return g
}

// Close ends the watch on the keys and the clock of the memory. It may be called twice.
func (g *Gateway) Close() {
	g.cancel()
	g.memory.stop()
}

// class says who may call a route.
type class int

const (
	open    class = iota + 1 // anybody who passes the guards; carries no data
	dialect                  // applications, with their key
)

// route is one line of the table.
type route struct {
	path    string
	methods []string
	class   class
	do      handler
}

// table lists all routes of the gateway; the busiest come first. What is not here is refused.
func table() []route {
	post, get := []string{http.MethodPost}, []string{http.MethodGet, http.MethodHead}
	return []route{
		{"/v1/chat/completions", post, dialect, generate(llm.Chat)},
		{"/v1/completions", post, dialect, generate(llm.Completions)},
		{"/v1/messages", post, dialect, generate(llm.Chat)},
		{"/v1/messages/count_tokens", post, dialect, countTokens},
		{"/v1/embeddings", post, dialect, generate(llm.Embeddings)},
		{"/v1/models", get, dialect, listModels},
		{"/v1/models/{id:.+}", get, dialect, showModel},
		{"/v1/generation", get, dialect, generation},
		{"/v1/audio/{rest:.+}", post, dialect, forward},
		{"/v1/images/{rest:.+}", post, dialect, forward},
		{"/v1/moderations", post, dialect, forward},
		{"/v1/rerank", post, dialect, forward},
		{"/health", get, open, health},
		{"/", get, open, ping},
		{"/api/hello", get, open, ping},
	}
}

// ServeHTTP takes every request through the same door, in this order: request id, the guards against web pages, the
// route; for the routes of a dialect then the key, and in the handler the body's type and size, the scan, the limits,
// the router, the relay. Whatever happens, close settles and records once.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := g.open(w, r)
	defer x.close()
	if e := x.guardHost(); e != nil {
		x.fail(e)
		return
	}
	if answered, e := x.guardOrigin(); e != nil || answered {
		x.fail(e)
		return
	}
	straighten(r.URL)
	var match mux.RouteMatch
	g.routes.Match(r, &match) // not mux's ServeHTTP: it copies the request twice to carry the variables
	x.vars = match.Vars
	match.Handler.ServeHTTP(x, r)
}

// known is what stands before every route of a dialect.
func known(do handler) handler {
	return func(x *exchange) *llm.Error {
		if x.g.stopping.Load() {
			return stopping()
		}
		if e := x.authenticate(); e != nil {
			return e
		}
		if e := x.guardKeyOrigin(); e != nil {
			return e
		}
		if e := x.guardLoop(); e != nil {
			return e
		}
		return do(x)
	}
}

// handler answers one request, or says why it cannot.
type handler func(*exchange) *llm.Error

// ServeHTTP lets mux carry handlers. The writer is always the exchange that the gateway opened.
func (do handler) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	x := w.(*exchange)
	x.fail(do(x))
}

// ping answers what applications ask before anything else to see whether somebody is there; Claude Code does.
func ping(x *exchange) *llm.Error {
	x.send(http.StatusOK)
	return nil
}

// health tells other programs that the gateway is up, and nothing else.
func health(x *exchange) *llm.Error {
	if x.g.stopping.Load() {
		return stopping()
	}
	x.send(http.StatusNoContent)
	return nil
}

// Directory hands out the enabled providers as they are now.
type Directory interface {
	Sources() *llm.Sources
}

// Router finds who answers. It stands here so that the door is tested without a provider.
type Router interface {
	Send(ctx context.Context, c *routing.Call) (*routing.Answer, []llm.Attempt, *llm.Error)
	// First tells which target would be tried first; nothing is sent.
	First(c *routing.Call) (routing.Target, *llm.Error)
	Resolve(model string) (*llm.Source, string, *llm.Error)
	Receipt(id, key string) *llm.Receipt
}

// Keys knows the applications' keys. It stands here because the gateway needs four methods of many.
type Keys interface {
	ByToken(token string) (*db.Key, *llm.Error)
	HasOrigin(origin string) bool
	Subscribe(fn func()) (cancel func())
	Ended(key *db.Key) *llm.Error
}

// Recorder takes the record of each request, exactly once.
type Recorder interface {
	Record(*db.Entry)
}
