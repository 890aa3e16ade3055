// Package anthropic knows the dialect of Anthropic's Messages API, as applications speak it and as providers do: requests,
// answers whole and streamed, errors, models and token counts.
package anthropic

import (
	"bytes"
	"net/http"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// Codec reads requests and writes answers and errors as applications of the Anthropic dialect know them.
type Codec struct{}

// NewCodec returns the dialect's codec. It has no state.
func NewCodec() llm.Codec { return Codec{} }

// Dialect is llm.Anthropic.
func (Codec) Dialect() llm.Dialect { return llm.Anthropic }

// strict are the names that decisions are taken by, here or in another dialect: none may come in a second spelling.
var strict = []string{"model", "messages", "input", "contents", "stream", "system"}

// Scan reads the head of a request; see llm.Codec.
func (Codec) Scan(op llm.Op, path string, body []byte) (*llm.Request, error) {
	req, members, bad := wire.Head(llm.Anthropic, op, path, body, strict)
	if bad != nil {
		return nil, bad
	}
	req.WantsUsage = true
	for _, m := range members {
		switch v := body[m.Value.Start:m.Value.End]; string(m.Key) {
		case "max_tokens":
			req.MaxOutput = int(min(wire.Int(v), 1<<31-1))
		case "messages":
			req.Cuts = cuts(v, m.Value.Start)
		}
	}
	return req, nil
}

// The types of errors, as the vendor lists them.
const (
	invalid        = "invalid_request_error"
	authentication = "authentication_error"
	billing        = "billing_error"
	permission     = "permission_error"
	notFound       = "not_found_error"
	conflict       = "conflict_error"
	tooLarge       = "request_too_large"
	rateLimit      = "rate_limit_error"
	apiError       = "api_error"
	timedOut       = "timeout_error"
	overloaded     = "overloaded_error"
)

// statusOverloaded is the vendor's own status for "try again later".
const statusOverloaded = 529

// form is how a kind of failure looks in this dialect.
type form struct {
	status int
	kind   string
}

var spelling = map[llm.Kind]form{
	llm.BadRequest:       {400, invalid},
	llm.InvalidKey:       {401, authentication},
	llm.KeyDisabled:      {403, permission},
	llm.Forbidden:        {403, permission},
	llm.NotFound:         {404, notFound},
	llm.ModelNotFound:    {404, notFound},
	llm.MethodNotAllowed: {405, invalid},
	llm.TooLarge:         {413, tooLarge},
	llm.UnsupportedMedia: {415, invalid},
	llm.LimitReached:     {429, rateLimit},
	llm.ClientGone:       {499, invalid},
	llm.Overloaded:       {statusOverloaded, overloaded},
	llm.Stopping:         {statusOverloaded, overloaded},
	llm.VaultLocked:      {503, apiError}, // waiting does not help: a person has to unlock it
	llm.Loop:             {508, invalid},
	llm.Internal:         {500, apiError},
	llm.Unreachable:      {502, apiError},
	llm.Redirected:       {502, apiError},
	llm.ProviderAuth:     {502, apiError},
	llm.Quota:            {402, billing},
	llm.RateLimited:      {429, rateLimit},
	llm.ProviderRejected: {400, invalid},
	llm.ContextTooLong:   {400, invalid},
	llm.ContentPolicy:    {400, invalid},
	llm.ProviderFailed:   {502, apiError},
	llm.Broken:           {502, apiError},
	llm.Timeout:          {504, timedOut},
}

// shape is how e looks in this dialect: the status and the type.
func shape(e *llm.Error) (status int, kind string) {
	s, known := spelling[e.Kind]
	if !known {
		s = spelling[llm.Internal]
	}
	status, kind = s.status, s.kind
	switch e.Kind {
	case llm.Overloaded, llm.Stopping, llm.Quota, llm.ProviderAuth:
		// The dialect has a status of its own for these, whatever another dialect's is.
	case llm.ProviderFailed:
		switch e.Status {
		case 503, statusOverloaded:
			status, kind = statusOverloaded, overloaded
		case 504:
			status, kind = 504, timedOut
		case 408:
			// A client would take it for its own slowness.
		default:
			if e.Status >= 500 && e.Status < 600 {
				status = e.Status
			}
		}
	default:
		if e.Status >= 400 && e.Status < 600 {
			status = e.Status
		}
	}
	if status == http.StatusRequestEntityTooLarge {
		kind = tooLarge
	}
	if ours(e) && typed[e.Type] {
		kind = e.Type
	}
	return status, kind
}

// typed are the types an application of this dialect knows.
var typed = map[string]bool{invalid: true, authentication: true, billing: true, permission: true, notFound: true, conflict: true,
	tooLarge: true, rateLimit: true, apiError: true, timedOut: true, overloaded: true}

// ours reports whether the words of e may be repeated here: they are our own, or of this dialect.
func ours(e *llm.Error) bool { return e.Dialect == "" || e.Dialect == llm.Anthropic }

// Error spells e with its status; a provider's own body in this dialect goes out as it came.
func (Codec) Error(e *llm.Error) (status int, contentType string, body []byte) {
	if len(e.Body) > 0 && ours(e) {
		if status = e.Status; status < 400 || status > 599 {
			status, _ = shape(e)
		}
		if contentType = e.ContentType; contentType == "" {
			contentType = "application/json"
		}
		return status, contentType, e.Body
	}
	status, _ = shape(e)
	return status, "application/json", object(nil, e)
}

// StreamError ends a committed stream: this dialect has no end mark after an error.
func (Codec) StreamError(_ llm.Op, e *llm.Error) []byte {
	b := []byte("event: error\ndata: ")
	if own := bytes.TrimSpace(e.Body); ours(e) && wire.IsObject(own) && bytes.Contains(own, []byte(`"error"`)) {
		b = wire.AppendLine(b, own)
	} else {
		b = object(b, e)
	}
	return append(b, "\n\n"...)
}

// object is {"type":"error","error":{"type","message"}}.
func object(b []byte, e *llm.Error) []byte {
	_, kind := shape(e)
	message := e.Message
	// Claude Code looks for these words to shorten the conversation and go on.
	const words = "prompt is too long"
	if e.Kind == llm.ContextTooLong && !strings.HasPrefix(strings.ToLower(message), words) {
		message = words + ": " + message
	}
	b = wire.AppendQuote(append(b, `{"type":"error","error":{"type":`...), kind)
	b = wire.AppendQuote(append(b, `,"message":`...), message)
	return append(b, "}}"...)
}

// KeepAlive is the dialect's own event for it, which may come anywhere.
func (Codec) KeepAlive() []byte { return []byte("event: ping\ndata: {\"type\":\"ping\"}\n\n") }
