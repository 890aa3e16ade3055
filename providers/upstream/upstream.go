// Package upstream knows how a provider is asked and how its answer is relayed or read, whatever its dialect: the
// request, the clocks of an attempt, the refusals, the bytes that travel and what has to be known of them. What differs
// between dialects comes in as a Format and a Decoder; it knows no vendor.
package upstream

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// Options say how one provider is reached. Name and BaseURL are required.
type Options struct {
	// Name is the provider's in the settings; errors carry it.
	Name string
	// BaseURL is where the API begins, usually with /v1 at its end.
	BaseURL string
	// Key is the credential. Empty: none is sent.
	Key string
	// KeyHeader names the field that carries Key alone. Empty: "Authorization: Bearer KEY".
	KeyHeader string
	// Header and Query are added to every request, as the person wrote them.
	Header, Query map[string]string
	// Secrets are what must not be handed on where the provider repeats it in an error; Key need not be named.
	Secrets []string
	// Local says that the provider runs on this person's own ground: it may have to load a model first.
	Local bool
	// Hop is this installation's id, sent to loopback and private addresses so that a gateway pointed at itself
	// notices. Empty: not sent.
	Hop string
	// Agent is the User-Agent. Empty: "LocalRouter".
	Agent string
	// Connect, FirstByte and Idle are the clocks of a request; zero means the defaults of the settings.
	Connect, FirstByte, Idle time.Duration
	// CAFile and Getenv are the transport's.
	CAFile string
	Getenv func(string) string
	// Pass names further header fields of applications that this provider understands, in canonical form.
	Pass []string
	// Now is the clock for dates in Retry-After. Nil: time.Now.
	Now func() time.Time
	// Count counts the tokens of a text, where a provider does not. Nil: by length.
	Count func(text []byte) int
	// Trip takes the place of the network in benchmarks and fuzz tests. Nil: the network.
	Trip func(*http.Request) (*http.Response, error)
}

// Format is what a client has to know of its provider's wire format.
type Format interface {
	Dialect() llm.Dialect
	// Passes reports whether an application's header field, in canonical form, may go to any provider of the dialect.
	Passes(name string) bool
	// Refused reads the body of a response other than 2xx: Kind, Code, Type, Param and Message of the error.
	Refused(status int, h http.Header, body []byte) *llm.Error
	// Watch makes the watcher of one stream on the raw path.
	Watch(op llm.Op, wantsUsage bool) Watch
	// Last is the data of the end mark of a stream, where an answer that has named its finish is complete without it, too;
	// nil: it never is.
	Last() []byte
	// Whole looks at a whole reply of status 200. An error says why it is none.
	Whole(op llm.Op, body []byte, f *Facts) *llm.Error
}

// Watch looks at the events of one stream on their way past.
type Watch interface {
	// Event fills f, which is zero, with what has to be known of one event. committed says that content came before.
	Event(name, data []byte, committed bool, f *Facts)
}

// Facts are what has to be known of one event of a stream, or of a whole reply.
type Facts struct {
	Content  int    // bytes of content, reasoning and tool calls
	Text     []byte // of them what stands in one JSON string, as it was written; aliases the event
	Finish   string // why the model stopped, in the provider's own word
	Usage    llm.Usage
	HasUsage bool
	Service  llm.Service // the tier of service, wherever it was named
	Model    []byte      // that answered, as a JSON string; aliases the event
	Withhold bool        // a trailing usage that the application did not ask for
	End      bool        // the dialect's end mark
	Failure  *llm.Error  // the provider reports a failure inside its answer
}

const (
	firstByte      = 120 * time.Second // of a stream, until the response headers
	firstByteLocal = 600 * time.Second // models load
	idle           = 120 * time.Second // silence inside an answer
	wholeReply     = 600 * time.Second // headers of a whole reply come when it is finished
	errorWait      = 30 * time.Second  // for the body of a refusal
)

// Client asks one provider. It may be used by many goroutines at once.
type Client struct {
	o      Options
	format Format
	base   *url.URL
	query  string
	urls   map[string]*url.URL // of the paths that are known beforehand
	t      *wire.Transport
	trip   func(*http.Request) (*http.Response, error)
	near   bool
	silent atomic.Bool // it answered without usage: from then on texts are kept, to be counted
}

// New makes a client that knows some paths beforehand. The error says what is wrong with the options, for a person.
func New(o Options, f Format, paths ...string) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(o.BaseURL, "/"))
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Agent == "" {
		o.Agent = "LocalRouter"
	}
	if o.Key != "" {
		o.Secrets = append(slices.Clone(o.Secrets), o.Key)
	}
	o.clocks()
	c := &Client{o: o, format: f, base: base, query: queryOf(base, o.Query)}
	_, c.near = wire.Near(base)
	getenv := o.Getenv
	if o.Local {
		getenv = nil // a proxy may stand anywhere, and what is local leaves this person's ground on no way
	}
	c.t, err = wire.NewTransport(base, wire.Options{Connect: o.Connect, CAFile: o.CAFile, Getenv: getenv, Header: c.fixed()})
	if err != nil {
		return nil, err
	}
	if c.trip = o.Trip; c.trip == nil {
		c.trip = c.t.RoundTrip
	}
	c.urls = map[string]*url.URL{}
	for _, path := range paths {
		c.urls[path] = c.url(path, "")
	}
	return c, nil
}

func (o *Options) clocks() {
	if o.FirstByte <= 0 {
		o.FirstByte = firstByte
		if o.Local {
			o.FirstByte = firstByteLocal
		}
	}
	if o.Idle <= 0 {
		o.Idle = idle
	}
}

// fixed is what every request carries; the transport attaches it last.
func (c *Client) fixed() http.Header {
	h := http.Header{"User-Agent": {c.o.Agent}}
	if c.near && c.o.Hop != "" {
		h.Set("X-LocalRouter-Hop", c.o.Hop)
	}
	for name, value := range c.o.Header {
		h.Set(name, value)
	}
	switch {
	case c.o.Key == "":
	case c.o.KeyHeader != "":
		h.Set(c.o.KeyHeader, c.o.Key)
	default:
		h.Set("Authorization", "Bearer "+c.o.Key)
	}
	return h
}

func queryOf(base *url.URL, more map[string]string) string {
	q := base.Query()
	for name, value := range more {
		q.Set(name, value)
	}
	return q.Encode()
}

// url is the address of a path below the base. more is a further query, encoded.
func (c *Client) url(path, more string) *url.URL {
	if more == "" {
		if u := c.urls[path]; u != nil {
			return u
		}
	}
	u := *c.base
	u.Path, u.RawPath, u.RawQuery, u.Fragment = c.base.Path+path, "", c.query, ""
	if more != "" {
		u.RawQuery = strings.TrimPrefix(c.query+"&"+more, "&")
	}
	return &u
}

// Silent reports whether the provider is known to answer without usage.
func (c *Client) Silent() bool { return c.o.Count != nil && c.silent.Load() }

// Close drops idle connections; requests that run end on their own.
func (c *Client) Close() { c.t.Close() }

// Ask is what one attempt asks for. Op, Model and Path are required.
type Ask struct {
	Op    llm.Op
	Model string // the provider's own id
	Path  string // below the base URL, with a leading slash
	Query string // beyond that of the options, encoded
	// Stream says that an event stream is expected; WantsUsage that its usage goes to the application.
	Stream, WantsUsage bool
	Input              int64 // estimated tokens, where the provider counts nothing
	ContentType        string
	Header             []llm.Field // the application's, of which those go that Format.Passes and Options.Pass name
	Set                []llm.Field // the dialect's own, which the application's override
	Body               *wire.Body
	Rest               io.Reader // what follows Body; nil: nothing
	Length             int64     // of Body and Rest together, -1 where unknown; read only with Rest
}

// Relay makes one attempt whose answer is handed on as it comes; see llm.Provider.Send.
func (c *Client) Relay(ctx context.Context, a *Ask, obs llm.Observer) (llm.Relay, *llm.Error) {
	x, e := c.attempt(ctx, a, obs)
	if e != nil {
		return nil, e
	}
	switch {
	case isEvents(x.resp) || a.Stream && !isJSON(x.resp) && a.Op != llm.Forward:
		x.headed.Store(true)
		return newStream(x), nil
	case a.Op == llm.Forward && !isJSON(x.resp):
		x.headed.Store(true)
		return newPassing(x), nil
	}
	return newWhole(x), nil
}

// Converse makes one attempt whose answer is read by d; see llm.Provider.Converse.
func (c *Client) Converse(ctx context.Context, a *Ask, d llm.Decoder, obs llm.Observer) (llm.Stream, *llm.Error) {
	x, e := c.attempt(ctx, a, obs)
	if e != nil {
		return nil, e
	}
	stream := isEvents(x.resp) || a.Stream && !isJSON(x.resp)
	if stream {
		x.headed.Store(true)
	}
	return newReading(x, d, stream), nil
}

// attempt sends a request once and waits for the header of a 2xx.
func (c *Client) attempt(ctx context.Context, a *Ask, obs llm.Observer) (*exchange, *llm.Error) {
	limit := c.o.FirstByte
	if !a.Stream {
		limit = max(wholeReply, limit)
	}
	x := &exchange{c: c, model: a.Model, obs: obs, ask: asked{a.Op, a.Stream, a.WantsUsage, a.Input}, keeps: c.Silent()}
	x.clock = wire.NewClock(ctx, limit, x.late)
	resp, err := c.trip(c.request(x, a))
	if err != nil {
		e := c.unreachable(x.clock.Context(), a.Model, err)
		x.release(nil)
		return nil, e
	}
	x.resp = resp
	if resp.StatusCode >= 300 || resp.StatusCode < 200 {
		x.headed.Store(true)
		x.clock.Allow(errorWait)
		e := c.refused(x)
		x.release(nil)
		return nil, e
	}
	return x, nil
}

// Get reads a small document of the provider, such as its model list, of at most limit bytes.
func (c *Client) Get(ctx context.Context, path, query string, limit int64, set ...llm.Field) ([]byte, *llm.Error) {
	x, e := c.get(ctx, path, query, set)
	defer x.release(nil)
	if e != nil {
		return nil, e
	}
	body, err := wire.ReadAll(x.beating(), x.resp.ContentLength, limit)
	if err != nil {
		return nil, x.cut(err)
	}
	return body, nil
}

// pingRead is how much of a document is read to keep its connection; what is longer costs one.
const pingRead = 64 << 10

// Ping asks for a document as Get does, for the sake of how that goes: what it says is not kept.
func (c *Client) Ping(ctx context.Context, path, query string, set ...llm.Field) *llm.Error {
	x, e := c.get(ctx, path, query, set)
	defer x.release(nil)
	if e == nil {
		io.CopyN(io.Discard, x.resp.Body, pingRead)
	}
	return e
}

// get asks for a document. The exchange, whose response is a 2xx where there is no error, must be released.
func (c *Client) get(ctx context.Context, path, query string, set []llm.Field) (*exchange, *llm.Error) {
	x := &exchange{c: c, ask: asked{op: llm.Forward}}
	x.clock = wire.NewClock(ctx, time.Minute, x.late)
	h := http.Header{"Accept": {"application/json"}}
	for _, f := range set {
		h[f.Name] = []string{f.Value}
	}
	r := &http.Request{Method: http.MethodGet, URL: c.url(path, query), Host: c.base.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h}
	resp, err := c.trip(r.WithContext(x.clock.Context()))
	if err != nil {
		return x, c.unreachable(x.clock.Context(), "", err)
	}
	x.resp = resp
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		e := c.refused(x)
		if e.Kind == llm.ModelNotFound { // here it is the path that is unknown
			e = c.Fault("", llm.ProviderFailed, "has no model list at "+path+"; check its base_url", nil)
		}
		return x, e
	}
	return x, nil
}

// smallBody is the size up to which a body is copied into one piece.
const smallBody = 32 << 10

// request builds the HTTP request of an exchange.
func (c *Client) request(x *exchange, a *Ask) *http.Request {
	h := make(http.Header, 12)
	if a.ContentType != "" {
		h["Content-Type"] = []string{a.ContentType}
	}
	for _, f := range a.Set {
		h[f.Name] = []string{f.Value}
	}
	for _, f := range a.Header {
		if c.passes(f.Name) {
			h[f.Name] = []string{f.Value}
		}
	}
	out := &http.Request{Method: http.MethodPost, URL: c.url(a.Path, a.Query), Host: c.base.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h}
	body := a.Body
	out.ContentLength = body.Len()
	switch {
	case a.Rest != nil:
		x.body = body
		out.ContentLength = a.Length
		out.Body = &upload{body, a.Rest}
	case out.ContentLength <= smallBody:
		// net/http knows a bytes.Reader and sends it with the header in one go; anything else costs a second write, and
		// 32 KiB to copy through.
		wire.Repeatable(out)
		small := body.Bytes()
		out.Body = io.NopCloser(bytes.NewReader(small))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(small)), nil }
	default:
		x.body = body
		wire.Repeatable(out)
		out.Body, out.GetBody = body, body.Again
	}
	return out.WithContext(x.clock.Context())
}

func (c *Client) passes(name string) bool {
	if c.format.Passes(name) {
		return true
	}
	for _, p := range c.o.Pass {
		if p == name {
			return true
		}
	}
	return false
}

// upload sends what was read of a body and then the rest as it comes.
type upload struct {
	head *wire.Body
	rest io.Reader
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.head.Read(p)
	if err == io.EOF {
		return u.rest.Read(p)
	}
	return n, err
}

func (u *upload) Close() error { return nil }
