package anthropic

import (
	"net/http"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// said is what a provider's error body tells.
type said struct {
	message, kind string
	code          string // details.error_code, which the vendor asks to branch on
	request       string // the vendor's id of the request
	// waits is the caller's to set: the response named a time after which to come again.
	waits bool
}

// hear reads {"type":"error","error":{"type","message","details":{"error_code"}},"request_id"}, and what servers that
// copy the dialect make of it.
func hear(body []byte) said {
	var s said
	top := ""
	wire.Members(body, func(key, v []byte) bool {
		switch string(key) {
		case "error":
			if v[0] == '{' {
				wire.Members(v, s.member)
			} else if s.message == "" {
				s.message = wire.Text(v)
			}
		case "message", "detail":
			if v[0] == '"' {
				top = wire.Text(v)
			}
		case "request_id":
			s.request = wire.Cut(wire.Text(v), 128)
		}
		return true
	})
	if s.message == "" {
		s.message = top
	}
	s.message = wire.Cut(s.message, 4<<10)
	return s
}

func (s *said) member(key, v []byte) bool {
	switch string(key) {
	case "message":
		s.message = wire.Text(v)
	case "type":
		s.kind = wire.Cut(wire.Text(v), 128)
	case "code": // servers that come from the OpenAI dialect
		if s.code == "" {
			s.code = wire.Cut(wire.Text(v), 128)
		}
	case "details":
		wire.Members(v, func(key, v []byte) bool {
			if string(key) == "error_code" {
				s.code = wire.Cut(wire.Text(v), 128)
			}
			return true
		})
	}
	return true
}

// byCode is the meaning of codes that say more than type and status. The vendor's own "prompt is too long" comes as a
// plain invalid_request_error without a code, and words of a message are never searched: it stays ProviderRejected,
// whose body reaches the application as it is.
var byCode = map[string]llm.Kind{
	"context_length_exceeded":       llm.ContextTooLong,
	"model_context_window_exceeded": llm.ContextTooLong,
	"insufficient_quota":            llm.Quota,
}

// byType is the meaning of a type where there is no status: of an error inside a stream. The status is the vendor's.
var byType = map[string]struct {
	kind   llm.Kind
	status int
}{
	invalid:        {llm.ProviderRejected, 400},
	authentication: {llm.ProviderAuth, 502},
	billing:        {llm.Quota, 402},
	permission:     {llm.ProviderAuth, 502},
	notFound:       {llm.ModelNotFound, 404},
	conflict:       {llm.ProviderRejected, 409},
	tooLarge:       {llm.ProviderRejected, 413},
	rateLimit:      {llm.RateLimited, 429},
	apiError:       {llm.ProviderFailed, 500},
	timedOut:       {llm.ProviderFailed, 504},
	overloaded:     {llm.ProviderFailed, statusOverloaded},
}

// classify says what a refusal means: by the status, or where that only says that the request was refused, by the code.
func classify(status int, s said) llm.Kind {
	kind := wire.StatusKind(status)
	switch kind {
	case llm.RateLimited:
		// Without a time to wait it is the month's spending limit, which no waiting helps [the vendor's error page].
		if s.kind == rateLimit && !s.waits || byCode[s.code] == llm.Quota {
			return llm.Quota
		}
	case llm.ProviderRejected:
		if known, there := byCode[s.code]; there {
			return known
		}
		if s.kind == billing {
			return llm.Quota
		}
	}
	return kind
}

// inside is an error that a provider reported within an answer of status 200. Provider and Model are the caller's to set.
func inside(body []byte) *llm.Error {
	s := hear(body)
	e := &llm.Error{Kind: llm.ProviderFailed, Status: http.StatusBadGateway, Code: s.code, Type: s.kind, Message: s.message,
		Dialect: llm.Anthropic, Body: append([]byte(nil), body...), ContentType: "application/json"}
	if t, known := byType[s.kind]; known {
		e.Kind, e.Status = t.kind, t.status
	}
	if kind, known := byCode[s.code]; known && e.Kind == llm.ProviderRejected {
		e.Kind = kind
	}
	if e.Kind == llm.ProviderAuth {
		e.Body, e.ContentType = nil, "" // it is about our key, not the application's
	}
	if e.Message == "" {
		e.Message = "The provider reported an error inside its answer and did not say which."
	}
	return e
}

// broken is an answer that cannot be read.
func broken(what string) *llm.Error {
	return &llm.Error{Kind: llm.Broken, Status: http.StatusBadGateway, Code: string(llm.Broken),
		Message: "The provider's answer cannot be read: " + what + "."}
}
