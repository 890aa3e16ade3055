package openai

import (
	"bytes"
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// Codec reads requests and writes errors as applications of the OpenAI dialect know them.
type Codec struct{}

// NewCodec returns the dialect's codec. It has no state.
func NewCodec() llm.Codec { return Codec{} }

// Dialect is llm.OpenAI.
func (Codec) Dialect() llm.Dialect { return llm.OpenAI }

// strict are the names that decisions are taken by, here or in another dialect: none may come in a second spelling.
var strict = []string{"model", "messages", "input", "contents", "stream"}

// Scan reads the head of a request; see llm.Codec.
func (Codec) Scan(op llm.Op, path string, body []byte) (*llm.Request, error) {
	req, members, bad := wire.Head(llm.OpenAI, op, path, body, strict)
	if bad != nil {
		return nil, bad
	}
	for _, m := range members {
		if bad := head(req, string(m.Key), body[m.Value.Start:m.Value.End], m.Value); bad != nil {
			return nil, bad
		}
	}
	return req, nil
}

// head takes what it needs from one member of a request.
func head(req *llm.Request, name string, v []byte, at llm.Span) *llm.Error {
	switch name {
	case "stream_options":
		return streamOptions(req, v, at)
	case "max_completion_tokens":
		req.MaxOutput = clamp(wire.Int(v))
	case "max_tokens":
		if req.MaxOutput == 0 {
			req.MaxOutput = clamp(wire.Int(v))
		}
	}
	return nil
}

func streamOptions(req *llm.Request, v []byte, at llm.Span) *llm.Error {
	req.StreamOptionsSpan = at
	if v[0] == 'n' {
		return nil
	}
	var s wire.Scanner
	members, _, bad := s.Scan(v, []string{"include_usage"})
	if bad != nil {
		return wire.Refuse("stream_options", "cannot be accepted: "+bad.Reason)
	}
	for _, m := range members {
		if string(m.Key) == "include_usage" {
			req.IncludeUsageSpan = llm.Span{Start: at.Start + m.Value.Start, End: at.Start + m.Value.End}
			req.WantsUsage = v[m.Value.Start] == 't'
		}
	}
	return nil
}

func clamp(n int64) int { return int(min(n, 1<<31-1)) }

const (
	invalid = "invalid_request_error"
	server  = "server_error"
)

// spelling is how each kind of failure looks in this dialect. Empty code: the kind itself.
var spelling = map[llm.Kind]struct {
	status     int
	kind, code string
}{
	llm.BadRequest:       {400, invalid, "bad_request"},
	llm.InvalidKey:       {401, invalid, "invalid_api_key"},
	llm.KeyDisabled:      {403, invalid, "key_disabled"},
	llm.Forbidden:        {403, invalid, "forbidden"},
	llm.NotFound:         {404, invalid, "not_found"},
	llm.ModelNotFound:    {404, invalid, "model_not_found"},
	llm.MethodNotAllowed: {405, invalid, "method_not_allowed"},
	llm.TooLarge:         {413, invalid, "request_too_large"},
	llm.UnsupportedMedia: {415, invalid, "unsupported_media_type"},
	llm.LimitReached:     {429, "rate_limit_error", "rate_limit_exceeded"},
	llm.ClientGone:       {499, invalid, "client_gone"},
	llm.Overloaded:       {503, "service_unavailable_error", "overloaded"},
	llm.Stopping:         {503, "service_unavailable_error", "stopping"},
	llm.VaultLocked:      {503, "service_unavailable_error", "vault_locked"},
	llm.Loop:             {508, invalid, "loop_detected"},
	llm.Internal:         {500, server, "internal_error"},
	llm.Unreachable:      {502, server, "upstream_unreachable"},
	llm.Redirected:       {502, server, "upstream_redirect"},
	llm.ProviderAuth:     {502, server, "provider_auth"},
	llm.Quota:            {429, "insufficient_quota", "insufficient_quota"},
	llm.RateLimited:      {429, "rate_limit_error", "rate_limit_exceeded"},
	llm.ProviderRejected: {400, invalid, "provider_rejected"},
	llm.ContextTooLong:   {400, invalid, "context_length_exceeded"},
	llm.ContentPolicy:    {400, invalid, "content_policy_violation"},
	llm.ProviderFailed:   {502, server, "provider_failed"},
	llm.Broken:           {502, server, "stream_broken"},
	llm.Timeout:          {504, server, "timeout"},
}

// Error spells e with its status; a provider's own body goes out as it came.
func (Codec) Error(e *llm.Error) (status int, contentType string, body []byte) {
	s, known := spelling[e.Kind]
	if !known {
		s = spelling[llm.Internal]
	}
	if status = e.Status; status < 400 || status > 599 {
		status = s.status
	}
	if len(e.Body) > 0 && !foreign(e) {
		if contentType = e.ContentType; contentType == "" {
			contentType = "application/json"
		}
		return status, contentType, e.Body
	}
	return status, "application/json", object(e)
}

// foreign reports whether body, type, code and param are in another dialect's words, which nobody here would understand.
func foreign(e *llm.Error) bool { return e.Dialect != "" && e.Dialect != llm.OpenAI }

// StreamError ends a committed stream: the error as an event, then the end mark, or clients wait for ever.
func (Codec) StreamError(_ llm.Op, e *llm.Error) []byte {
	b := []byte("data: ")
	if own := bytes.TrimSpace(e.Body); !foreign(e) && len(own) > 0 && own[0] == '{' && bytes.IndexByte(own, '\n') < 0 && bytes.IndexByte(own, '\r') < 0 && has(own, keyError) {
		b = append(b, own...)
	} else {
		b = append(b, object(e)...)
	}
	return append(b, "\n\ndata: [DONE]\n\n"...)
}

// object is {"error":{"message","type","param","code"}}.
func object(e *llm.Error) []byte {
	s, known := spelling[e.Kind]
	if !known {
		s = spelling[llm.Internal]
	}
	kind, code, param := e.Type, e.Code, e.Param
	if foreign(e) {
		kind, code, param = "", "", ""
	}
	if kind == "" {
		kind = s.kind
	}
	if code == "" {
		code = s.code
	}
	b := make([]byte, 0, len(e.Message)+160)
	b = wire.AppendQuote(append(b, `{"error":{"message":`...), e.Message)
	b = wire.AppendQuote(append(b, `,"type":`...), kind)
	if param != "" {
		b = wire.AppendQuote(append(b, `,"param":`...), param)
	} else {
		b = append(b, `,"param":null`...)
	}
	if n, err := strconv.Atoi(code); err == nil && strconv.Itoa(n) == code {
		b = append(append(b, `,"code":`...), code...)
	} else {
		b = wire.AppendQuote(append(b, `,"code":`...), code)
	}
	return append(b, "}}"...)
}
