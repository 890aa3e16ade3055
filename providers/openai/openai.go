// Package openai knows the OpenAI dialect of chat, completions and embeddings: how applications speak it to us (Codec)
// and how a provider that speaks it is asked (Client). Bytes travel as they are; what has to be known of them is read
// on the way past. Differences between the many servers of this dialect come in as values in Options.
package openai

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
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
	// ModelsPath is where the model list is, below BaseURL. Empty: "/models".
	ModelsPath string
	// NoStreamUsage is set for servers that refuse stream_options, or send usage unasked.
	NoStreamUsage bool
	// Pass names further header fields of applications that this provider understands, in canonical form.
	Pass []string
	// Now is the clock for dates in Retry-After. Nil: time.Now.
	Now func() time.Time
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
	o     Options
	base  *url.URL
	query string
	urls  map[string]*url.URL // of the paths that are known beforehand
	t     *wire.Transport
	near  bool

	noUsage sync.Map // models that refused stream_options.include_usage
}

// New makes a client. The error says what is wrong with the options, for a person.
func New(o Options) (*Client, error) {
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
	if o.ModelsPath == "" {
		o.ModelsPath = "/models"
	}
	o.clocks()
	c := &Client{o: o, base: base, query: queryOf(base, o.Query)}
	_, c.near = wire.Near(base)
	c.t, err = wire.NewTransport(base, wire.Options{Connect: o.Connect, CAFile: o.CAFile, Getenv: o.Getenv, Header: c.fixed()})
	if err != nil {
		return nil, err
	}
	c.urls = map[string]*url.URL{}
	for _, path := range []string{"/chat/completions", "/completions", "/embeddings"} {
		c.urls[path] = c.url(path)
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

// url is the address of a path below the base.
func (c *Client) url(path string) *url.URL {
	if u := c.urls[path]; u != nil {
		return u
	}
	u := *c.base
	u.Path, u.RawPath, u.RawQuery, u.Fragment = c.base.Path+path, "", c.query, ""
	return &u
}

// Close drops idle connections; requests that run end on their own.
func (c *Client) Close() { c.t.Close() }

// Send makes one attempt; see llm.Provider.
func (c *Client) Send(ctx context.Context, req *llm.Request, model string, obs llm.Observer) (llm.Relay, error) {
	if strings.Contains(req.Path, "/../") || strings.HasSuffix(req.Path, "/..") {
		return nil, &llm.Error{Kind: llm.BadRequest, Status: 400, Code: "invalid_path", Message: "The path must not hold \"..\"."}
	}
	ask := c.asksUsage(req, model)
	relay, err := c.attempt(ctx, req, model, ask, obs)
	if err != nil && ask && refusesUsage(err) {
		// Only this edit was ours, so only this one is undone; the provider is not asked for it again.
		c.noUsage.Store(model, true)
		relay, err = c.attempt(ctx, req, model, false, obs)
	}
	if err != nil {
		return nil, err
	}
	return relay, nil
}

// asksUsage reports whether the request has to be edited so that the stream ends with its usage.
func (c *Client) asksUsage(req *llm.Request, model string) bool {
	if !req.Stream || req.WantsUsage || c.o.NoStreamUsage || req.Op != llm.Chat && req.Op != llm.Completions {
		return false
	}
	_, refused := c.noUsage.Load(model)
	return !refused
}

// refusesUsage reports whether err is a refusal that names the edit.
func refusesUsage(err *llm.Error) bool {
	if err.Kind != llm.ProviderRejected {
		return false
	}
	return strings.Contains(err.Param, "stream_options") || strings.Contains(string(err.Body), "stream_options") ||
		strings.Contains(string(err.Body), "include_usage")
}

// attempt sends req once.
func (c *Client) attempt(ctx context.Context, req *llm.Request, model string, ask bool, obs llm.Observer) (llm.Relay, *llm.Error) {
	limit := c.o.FirstByte
	if !req.Stream {
		limit = max(wholeReply, limit)
	}
	x := &exchange{c: c, model: model, obs: obs, ask: asked{req.Op, req.Stream, req.WantsUsage, req.InputEstimate}}
	x.clock = wire.NewClock(ctx, limit, x.late)
	resp, err := c.t.RoundTrip(c.request(x, req, ask))
	if err != nil {
		e := c.unreachable(x.clock.Context(), model, err)
		x.release(nil)
		return nil, e
	}
	x.resp = resp
	switch {
	case resp.StatusCode >= 300 || resp.StatusCode < 200:
		x.headed.Store(true)
		x.clock.Allow(errorWait)
		e := c.refused(x)
		x.release(nil)
		return nil, e
	case isEvents(resp) || req.Stream && !isJSON(resp) && req.Op != llm.Forward:
		x.headed.Store(true)
		return newStream(x), nil
	case req.Op == llm.Forward && !isJSON(resp):
		x.headed.Store(true)
		return newPassing(x), nil
	}
	return newWhole(x), nil
}

// smallBody is the size up to which a body is copied into one piece.
const smallBody = 32 << 10

// request builds the HTTP request of an exchange.
func (c *Client) request(x *exchange, req *llm.Request, ask bool) *http.Request {
	h := make(http.Header, 12)
	if req.ContentType != "" {
		h["Content-Type"] = []string{req.ContentType}
	}
	for _, f := range req.Header {
		if c.passes(f.Name) {
			h[f.Name] = []string{f.Value}
		}
	}
	out := &http.Request{Method: http.MethodPost, URL: c.url(req.Path), Host: c.base.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h}
	body := spliced(req, x.model, ask)
	out.ContentLength = body.Len()
	switch {
	case req.Rest != nil:
		x.body = body
		out.ContentLength = -1
		if req.Length >= 0 {
			out.ContentLength = req.Length - int64(len(req.Body)) + body.Len()
		}
		out.Body = &upload{body, req.Rest}
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

// passed are the fields of an application that any provider of this dialect may see.
var passed = map[string]bool{"Idempotency-Key": true, "Openai-Beta": true, "X-Client-Request-Id": true}

func (c *Client) passes(name string) bool {
	if passed[name] {
		return true
	}
	for _, p := range c.o.Pass {
		if p == name {
			return true
		}
	}
	return false
}
