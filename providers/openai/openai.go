// Package openai knows the OpenAI dialect of chat, completions and embeddings: how applications speak it to us (Codec)
// and how a provider that speaks it is asked (Client). Bytes travel as they are; what has to be known of them is read
// on the way past. A request of another dialect is spelled in this one, and its answer read. Differences between the many
// servers of this dialect come in as values in Options.
package openai

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"

	"localrouter/providers/llm"
	"localrouter/providers/tokens"
	"localrouter/providers/upstream"
	"localrouter/providers/wire"
)

// Options say how one provider is reached. Name and BaseURL are required.
type Options struct {
	upstream.Options
	// ModelsPath is where the model list is, below BaseURL. Empty: "/models".
	ModelsPath string
	// NoStreamUsage is set for servers that refuse stream_options, or send usage unasked.
	NoStreamUsage bool
	// Style is how requests of other dialects are spelled.
	Style Style
}

// Client asks one provider. It may be used by many goroutines at once.
type Client struct {
	up      *upstream.Client
	o       Options
	noUsage refusers // of stream_options.include_usage
}

// refusers remembers models that refused an edit of ours. Applications may name any model, so it is bounded. The zero value
// is ready.
type refusers struct {
	models sync.Map
	n      atomic.Int32
}

const mostRefusers = 1024

func (r *refusers) add(model string) {
	if r.n.Add(1) > mostRefusers { // whoever is still in use is soon known again
		r.n.Store(1)
		r.models.Clear()
	}
	r.models.Store(model, true)
}

func (r *refusers) has(model string) bool {
	_, known := r.models.Load(model)
	return known
}

const pathChat = "/chat/completions"

// New makes a client. The error says what is wrong with the options, for a person.
func New(o Options) (*Client, error) {
	if o.ModelsPath == "" {
		o.ModelsPath = "/models"
	}
	up, err := upstream.New(o.Options, format{}, pathChat, "/completions", "/embeddings")
	if err != nil {
		return nil, err
	}
	return &Client{up: up, o: o}, nil
}

// Close drops idle connections; requests that run end on their own.
func (c *Client) Close() { c.up.Close() }

// Send makes one attempt; see llm.Provider.
func (c *Client) Send(ctx context.Context, req *llm.Request, model string, obs llm.Observer) (llm.Relay, error) {
	if strings.Contains(req.Path, "/../") || strings.HasSuffix(req.Path, "/..") {
		return nil, &llm.Error{Kind: llm.BadRequest, Status: 400, Code: "invalid_path", Message: "The path must not hold \"..\"."}
	}
	ask := c.asksUsage(req, model)
	relay, err := c.attempt(ctx, req, model, ask, obs)
	if err != nil && ask && refusesUsage(err) {
		// Only this edit was ours, so only this one is undone; the provider is not asked for it again.
		c.noUsage.add(model)
		relay, err = c.attempt(ctx, req, model, false, obs)
	}
	if err != nil {
		return nil, err
	}
	return relay, nil
}

// attempt sends req once.
func (c *Client) attempt(ctx context.Context, req *llm.Request, model string, ask bool, obs llm.Observer) (llm.Relay, *llm.Error) {
	a := upstream.Ask{Op: req.Op, Model: model, Path: req.Path, Stream: req.Stream, WantsUsage: req.WantsUsage, Input: c.input(req, model),
		ContentType: req.ContentType, Header: req.Header, Body: spliced(req, model, ask), Rest: req.Rest}
	if req.Rest != nil {
		a.Length = -1
		if req.Length >= 0 {
			a.Length = req.Length - int64(len(req.Body)) + a.Body.Len()
		}
	}
	return c.up.Relay(ctx, &a, obs)
}

// input is the number of input tokens to go by where the provider counts none: by length, and by a tokenizer once it is
// known for that.
func (c *Client) input(req *llm.Request, model string) int64 {
	if req.Op != llm.Chat || !c.up.Silent() {
		return req.InputEstimate
	}
	conversation := req.Conversation
	if conversation == nil {
		decoded, err := NewCodec().Decode(req)
		if err != nil {
			return req.InputEstimate // the provider may take what a translation would refuse
		}
		conversation = decoded
	}
	return tokens.Conversation(conversation, tokens.FamilyOf(model))
}

// asksUsage reports whether the request has to be edited so that the stream ends with its usage.
func (c *Client) asksUsage(req *llm.Request, model string) bool {
	if !req.Stream || req.WantsUsage || c.o.NoStreamUsage || req.Op != llm.Chat && req.Op != llm.Completions {
		return false
	}
	return !c.noUsage.has(model)
}

// refusesUsage reports whether err is a refusal that names the edit.
func refusesUsage(err *llm.Error) bool {
	if err.Kind != llm.ProviderRejected {
		return false
	}
	return strings.Contains(err.Param, "stream_options") || strings.Contains(string(err.Body), "stream_options") ||
		strings.Contains(string(err.Body), "include_usage")
}

// Converse makes one attempt to have a request of another dialect answered; see llm.Provider.
func (c *Client) Converse(ctx context.Context, o *llm.Order, obs llm.Observer) (llm.Stream, error) {
	st := c.o.Style
	st.StreamUsage = !c.o.NoStreamUsage && !c.noUsage.has(o.ID)
	s, err := c.converse(ctx, o, st, obs)
	if err != nil && o.Request.Stream && st.StreamUsage && refusesUsage(err) {
		c.noUsage.add(o.ID)
		st.StreamUsage = false
		s, err = c.converse(ctx, o, st, obs)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (c *Client) converse(ctx context.Context, o *llm.Order, st Style, obs llm.Observer) (llm.Stream, *llm.Error) {
	sp, err := spell(o, st)
	if err != nil {
		return nil, err
	}
	o.Plan.Leave(sp.left...)
	return c.up.Converse(ctx, &upstream.Ask{Op: o.Request.Op, Model: o.ID, Path: pathChat, Stream: o.Request.Stream, Input: c.input(o.Request, o.ID),
		ContentType: "application/json", Body: wire.NewBody(sp.body)}, newDecoder(sp, rand.Text), obs)
}
