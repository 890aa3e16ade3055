package openai

import (
	"bytes"
	"net/http"
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// said is what a provider's error body tells, in any of the shapes of this dialect's servers.
type said struct {
	message, kind, code, param string
	class                      string // OpenRouter's stable metadata.error_type
	flagged                    bool   // OpenRouter's moderation refused the input, of which metadata.flagged_input is a part
}

// hear reads {"error":{...}}, {"error":"text"}, {"message":...}, {"detail":...} and the like.
func hear(body []byte) said {
	var s said
	var top said
	wire.Members(body, func(key, v []byte) bool {
		switch string(key) {
		case "error":
			if v[0] == '{' {
				wire.Members(v, s.member)
			} else if s.message == "" {
				s.message = wire.Text(v)
			}
		default:
			top.member(key, v)
		}
		return true
	})
	if s.message == "" {
		s.message = top.message
	}
	if s == (said{message: s.message}) {
		s.kind, s.code, s.param = top.kind, top.code, top.param
	}
	s.message = wire.Cut(s.message, 4<<10)
	return s
}

func (s *said) member(key, v []byte) bool {
	switch string(key) {
	case "message", "detail":
		if v[0] == '"' {
			s.message = wire.Text(v)
		} else if !wire.Empty(v) {
			s.message = string(v)
		}
	case "type":
		s.kind = wire.Cut(wire.Text(v), 128)
	case "code":
		s.code = wire.Cut(wire.Text(v), 128)
	case "param":
		s.param = wire.Cut(wire.Text(v), 256)
	case "metadata":
		wire.Members(v, func(key, v []byte) bool {
			switch string(key) {
			case "error_type":
				s.class = wire.Text(v)
			case "flagged_input":
				s.flagged = true
			}
			return true
		})
	}
	return true
}

// byCode is the meaning of the codes and types that say more than the status. Words of a message are never searched:
// "bearer token invalid" once became "context too long" that way.
var byCode = map[string]llm.Kind{
	"context_length_exceeded":          llm.ContextTooLong,
	"token_limit_exceeded":             llm.ContextTooLong,
	"exceed_context_size_error":        llm.ContextTooLong, // llama.cpp
	"model_max_prompt_tokens_exceeded": llm.ContextTooLong,

	"insufficient_quota":         llm.Quota,
	"credit_balance_exhausted":   llm.Quota,
	"billing_hard_limit_reached": llm.Quota,
	"billing_not_active":         llm.Quota,
	"payment_required":           llm.Quota,

	"content_filter":           llm.ContentPolicy,
	"content_policy_violation": llm.ContentPolicy,
	"refusal":                  llm.ContentPolicy,

	"model_not_found":      llm.ModelNotFound,
	"deployment_not_found": llm.ModelNotFound,
	"DeploymentNotFound":   llm.ModelNotFound,

	"rate_limit_exceeded": llm.RateLimited,
	"slow_down":           llm.RateLimited,

	"server_error":         llm.ProviderFailed,
	"server_is_overloaded": llm.ProviderFailed,
	"provider_overloaded":  llm.ProviderFailed,
	"provider_unavailable": llm.ProviderFailed,
}

// overloaded are the codes and types of a provider that is up, and has too much to do.
var overloaded = map[string]bool{"server_is_overloaded": true, "provider_overloaded": true, "overloaded_error": true, "engine_overloaded_error": true}

// classify says what a refusal means: by the error's own codes where they say more, else by the status.
func classify(status int, s said) llm.Kind {
	for _, code := range []string{s.class, s.code, s.kind} {
		kind, known := byCode[code]
		switch {
		case !known:
		case status == http.StatusUnauthorized: // the credential, whatever else is said
		case status >= 500 && kind != llm.ContentPolicy: // the provider failed; the code is about how
		case kind == llm.RateLimited && status != http.StatusTooManyRequests && status != 200:
		case kind == llm.ProviderFailed && status < 500 && status != 200:
		default:
			return kind
		}
	}
	if status == http.StatusForbidden && s.flagged { // the credential is as good as before
		return llm.ContentPolicy
	}
	if status == http.StatusForbidden && s.kind == "invalid_request_error" && s.code == "" {
		return llm.ProviderRejected // "You are not allowed to generate embeddings from this model": nor would another key be
	}
	return wire.StatusKind(status)
}

// insideError is an error object inside an answer that began with status 200.
func insideError(body, object []byte) *llm.Error {
	s := hear(append(append([]byte(`{"error":`), object...), '}'))
	e := &llm.Error{Status: http.StatusBadGateway, Code: s.code, Type: s.kind, Param: s.param, Message: s.message,
		Dialect: llm.OpenAI, Body: bytes.Clone(body), ContentType: "application/json"}
	if n, err := strconv.Atoi(s.code); err == nil && n >= 400 && n < 600 {
		e.Status = n // OpenRouter names the status there
		e.Kind = classify(n, s)
	} else if e.Kind = classify(http.StatusOK, s); e.Kind == llm.ProviderRejected {
		e.Kind = llm.ProviderFailed // it accepted the request, and says nothing we know of why it stopped
	} else {
		e.Status = spelling[e.Kind].status
	}
	if e.Kind == llm.ProviderFailed && (overloaded[s.class] || overloaded[s.code] || overloaded[s.kind]) {
		e.Status = http.StatusServiceUnavailable // in time it will do
	}
	if e.Message == "" {
		e.Message = "The provider reported an error inside its answer and did not say which."
	}
	return e
}
