package llm

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the class of a failure: what the program decides by. Messages are for people only.
type Kind string

// The kinds of failure. The first group is the application's doing, the second the gateway's, the third the provider's.
const (
	BadRequest       Kind = "bad_request"            // 400: malformed or contradictory
	InvalidKey       Kind = "invalid_key"            // 401: no key or an unknown one
	KeyDisabled      Kind = "key_disabled"           // 403
	Forbidden        Kind = "forbidden"              // 403: host, origin, model not allowed
	NotFound         Kind = "not_found"              // 404: no such path
	ModelNotFound    Kind = "model_not_found"        // 404
	MethodNotAllowed Kind = "method_not_allowed"     // 405
	TooLarge         Kind = "too_large"              // 413
	UnsupportedMedia Kind = "unsupported_media_type" // 415
	LimitReached     Kind = "limit_reached"          // 429: our own limit
	ClientGone       Kind = "client_gone"            // 499 in the log: the application went away

	Overloaded  Kind = "overloaded"   // 503: our own memory cap or queue
	Stopping    Kind = "stopping"     // 503: the gateway is going down
	VaultLocked Kind = "vault_locked" // 503: the keys cannot be read
	Loop        Kind = "loop"         // 508: the gateway was pointed at itself
	Internal    Kind = "internal"     // 500: a defect of ours

	Unreachable      Kind = "upstream_unreachable"    // 502: no connection
	Redirected       Kind = "upstream_redirect"       // 502: a 3xx, never followed
	ProviderAuth     Kind = "provider_auth"           // 502: the provider refused its credential
	Quota            Kind = "insufficient_quota"      // as the provider said
	RateLimited      Kind = "rate_limited"            // 429 of the provider
	ProviderRejected Kind = "provider_rejected"       // 400, 413, 422 of the provider, as is
	ContextTooLong   Kind = "context_length_exceeded" // 400
	ContentPolicy    Kind = "content_policy"          // as is
	ProviderFailed   Kind = "provider_failed"         // 408, 5xx, 529, or an error inside a 200
	Broken           Kind = "stream_broken"           // the answer ended without its end mark
	Timeout          Kind = "timeout"                 // 504
)

// Error is the one error of the request path. It is made once, at the edge where the failure is seen.
type Error struct {
	Kind       Kind
	Provider   string // empty where no provider is to blame
	Model      string
	Status     int           // to answer with; for a provider's failure the provider's own status
	Code       string        // the dialect's code, where the provider or we have one
	Type       string        // the dialect's type, where the provider has one
	Param      string        // the request's field that is to blame
	Message    string        // for a person: what happened and what to do
	RetryAfter time.Duration // 0: not said
	Err        error         // the cause, for the log only

	// Dialect is that of Code, Type, Param and Body where the provider said them; empty where they are our own words,
	// which every dialect may repeat.
	Dialect Dialect
	// Body is the provider's own error body; together with ContentType and Header it is handed on byte for byte
	// where the application speaks the same dialect and one attempt was made.
	Body        []byte
	ContentType string
	Header      []Field
}

func (e *Error) Error() string {
	who := ""
	if e.Provider != "" {
		who = e.Provider + ": "
	}
	if e.Err != nil {
		return fmt.Sprintf("%s%s (%s): %v", who, e.Message, e.Kind, e.Err)
	}
	return fmt.Sprintf("%s%s (%s)", who, e.Message, e.Kind)
}

func (e *Error) Unwrap() error { return e.Err }

// AsError finds the *Error in err's chain; anything else is wrapped as Internal.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Status: 500, Message: "internal error; the log names the cause", Err: err}
}
