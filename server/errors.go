package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"localrouter/providers/llm"
)

// The failures that the door itself finds. Each says what happened and what to do.

func badRequest(code, message string) *llm.Error {
	return &llm.Error{Kind: llm.BadRequest, Status: http.StatusBadRequest, Code: code, Message: message}
}

func unauthorised(message string) *llm.Error {
	return &llm.Error{Kind: llm.InvalidKey, Status: http.StatusUnauthorized, Code: "invalid_api_key", Message: message}
}

func forbidden(code, message string) *llm.Error {
	return &llm.Error{Kind: llm.Forbidden, Status: http.StatusForbidden, Code: code, Message: message}
}

func unsupported(message string) *llm.Error {
	return &llm.Error{Kind: llm.UnsupportedMedia, Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Message: message}
}

func tooLarge(limit int64) *llm.Error {
	return &llm.Error{Kind: llm.TooLarge, Status: http.StatusRequestEntityTooLarge, Code: "request_too_large",
		Message: "The request body is larger than " + size(limit) + ". Send less, or raise server.max_body in the settings."}
}

func overloaded() *llm.Error {
	return &llm.Error{Kind: llm.Overloaded, Status: http.StatusServiceUnavailable, Code: "overloaded", RetryAfter: time.Second,
		Message: "The requests that are running fill the memory set aside for them. Try again in a moment, or raise server.buffers in the settings."}
}

func stopping() *llm.Error {
	return &llm.Error{Kind: llm.Stopping, Status: http.StatusServiceUnavailable, Code: "stopping", RetryAfter: 5 * time.Second,
		Message: "LocalRouter is stopping. Start it again from its icon, or with `localrouter serve`."}
}

func clientGone(cause error) *llm.Error {
	return &llm.Error{Kind: llm.ClientGone, Status: 499, Message: "The application went away before the answer was complete", Err: cause}
}

func notFound(x *exchange) *llm.Error {
	message := "There is nothing at this path."
	switch path := x.r.URL.Path; {
	case strings.HasPrefix(path, "/v1/v1/messages"), strings.HasPrefix(path, "/messages"):
		message += " The base URL of an application that speaks Anthropic's dialect is LocalRouter's address alone, without /v1."
	case strings.HasPrefix(path, "/v1/v1/"):
		message += " It holds /v1 twice: the base URL of the application should end in one /v1."
	case strings.HasPrefix(path, "/v1"):
		message += " LocalRouter serves /v1/chat/completions, /v1/messages, /v1/messages/count_tokens, /v1/completions, /v1/embeddings, /v1/models, and forwards /v1/audio, /v1/images, /v1/moderations and /v1/rerank."
	default:
		message += " The base URL of the application should end in /v1."
	}
	return &llm.Error{Kind: llm.NotFound, Status: http.StatusNotFound, Code: "not_found", Message: message}
}

func methodNotAllowed(x *exchange) *llm.Error {
	var allowed []string
	probe := *x.r
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		var match mux.RouteMatch
		probe.Method = method
		if x.g.routes.Match(&probe, &match) && match.MatchErr == nil {
			allowed = append(allowed, method)
		}
	}
	allow := strings.Join(allowed, ", ")
	x.set("Allow", allow)
	return &llm.Error{Kind: llm.MethodNotAllowed, Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
		Message: "This path does not take " + cutText(x.r.Method, 20) + ". Use " + allow + "."}
}

// size spells a number of bytes as the settings do.
func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
