package anthropic

import (
	"context"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/upstream"
	"localrouter/providers/wire"
)

// Options say how one provider is reached. Name and BaseURL are required; BaseURL ends in /v1.
type Options struct {
	upstream.Options
}

// Client asks one provider. It may be used by many goroutines at once.
type Client struct {
	up     *upstream.Client
	memory memory // of the reasoning that applications of other dialects cannot give back
}

const (
	pathMessages = "/messages"
	pathCount    = "/messages/count_tokens"

	// apiVersion is the API version spoken in translations. Under it the sampling fields stay possible on the models that
	// take them; 2026-10-21 refuses them for all.
	apiVersion = "2023-06-01"
)

// versioned is set where the application names no version of its own.
var versioned = []llm.Field{{Name: "Anthropic-Version", Value: apiVersion}}

// New makes a client. The error says what is wrong with the options, for a person.
func New(o Options) (*Client, error) {
	if o.KeyHeader == "" {
		o.KeyHeader = "X-Api-Key"
	}
	up, err := upstream.New(o.Options, format{}, pathMessages, pathCount)
	if err != nil {
		return nil, err
	}
	return &Client{up: up}, nil
}

// Close drops idle connections; requests that run end on their own.
func (c *Client) Close() { c.up.Close() }

// Send makes one attempt; see llm.Provider.
func (c *Client) Send(ctx context.Context, req *llm.Request, model string, obs llm.Observer) (llm.Relay, error) {
	relay, err := c.up.Relay(ctx, &upstream.Ask{Op: req.Op, Model: model, Path: req.Path, Query: req.Query, Stream: req.Stream, WantsUsage: true,
		Input: req.InputEstimate, ContentType: req.ContentType, Header: req.Header, Set: versioned, Body: wire.NewBody(wire.Spliced(req, edits(req, model))...)}, obs)
	if err != nil {
		return nil, err
	}
	return relay, nil
}

// edits are the changes that a body needs: the model's own name, and none of the signatures that we made ourselves.
func edits(req *llm.Request, model string) []wire.Edit {
	list := make([]wire.Edit, 0, 1+len(req.Cuts))
	named := model == req.Model || !req.ModelSpan.Found()
	for _, cut := range req.Cuts {
		if !named && req.ModelSpan.Start < cut.Start {
			list, named = append(list, wire.Rename(req, model)), true
		}
		list = append(list, wire.Edit{At: cut})
	}
	if !named {
		list = append(list, wire.Rename(req, model))
	}
	return list
}

// Converse makes one attempt to have a request of another dialect answered; see llm.Provider. The provider is asked for a
// stream also where the application wants a whole reply that may take longer than ten minutes.
func (c *Client) Converse(ctx context.Context, o *llm.Order, obs llm.Observer) (llm.Stream, error) {
	sp, err := spell(o, func(callID string) *kept { return c.memory.get(o.Request.Key, o.ID, callID) })
	if err != nil {
		return nil, err
	}
	o.Plan.Leave(sp.left...)
	stream, err := c.up.Converse(ctx, &upstream.Ask{Op: o.Request.Op, Model: o.ID, Path: pathMessages, Stream: sp.stream, Input: o.Request.InputEstimate,
		ContentType: "application/json", Set: versioned, Body: wire.NewBody(sp.body)}, newDecoder(sp), obs)
	if err != nil {
		return nil, err
	}
	return &recorded{Stream: stream, recorder: c.memory.record(o.Request.Key, o.ID, sp.prefix), hidden: sp.hidden}, nil
}

// recorded is a stream whose thinking is kept for the turns that follow. Where it is hidden it goes no further.
type recorded struct {
	llm.Stream
	recorder *recorder
	hidden   bool
}

func (r *recorded) Next(e *llm.Event) error {
	err := r.Stream.Next(e)
	if err == nil {
		r.recorder.see(e)
		if r.hidden && (e.Kind == llm.EventThinking || e.Kind == llm.EventSignature) {
			e.Kind, e.Text = llm.EventSignature, nil // an event stays: it may say that no other is at hand
		}
	}
	return err
}

// Ping makes a free call that reads no list.
func (c *Client) Ping(ctx context.Context) error {
	if e := c.up.Ping(ctx, "/models", "limit=1", versioned...); e != nil {
		return e
	}
	return nil
}

// maxList bounds a page of the model list, maxPages how many are read.
const (
	maxList  = 16 << 20
	maxPages = 20
)

// Models lists what the provider offers; see llm.Provider.
func (c *Client) Models(ctx context.Context) ([]llm.Model, error) {
	var all []llm.Model
	query := "limit=1000"
	for range maxPages {
		body, e := c.up.Get(ctx, "/models", query, maxList, versioned...)
		if e != nil {
			return nil, e
		}
		models, more, last, err := parseModels(body)
		if err != nil {
			return nil, c.up.Fault("", llm.ProviderFailed, "answered with something that is no model list; check its base_url", err)
		}
		all = append(all, models...)
		if !more || last == "" || strings.ContainsAny(last, "&#?% ") {
			break
		}
		query = "limit=1000&after_id=" + last
	}
	return all, nil
}
