package openai

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// maxErrorBody bounds what is read of a refusal.
const maxErrorBody = 256 << 10

// said is what a provider's error body tells, in any of the shapes of this dialect's servers.
type said struct {
	message, kind, code, param string
	class                      string // OpenRouter's stable metadata.error_type
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
			if string(key) == "error_type" {
				s.class = wire.Text(v)
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
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return llm.ProviderAuth
	case status == http.StatusPaymentRequired:
		return llm.Quota
	case status == http.StatusNotFound:
		return llm.ModelNotFound
	case status == http.StatusTooManyRequests:
		return llm.RateLimited
	case status >= 300 && status < 400:
		return llm.Redirected
	case status == http.StatusRequestTimeout, status >= 500:
		return llm.ProviderFailed
	}
	return llm.ProviderRejected
}

// refused turns a response other than 2xx into the error it means.
func (c *Client) refused(x *exchange) *llm.Error {
	resp := x.resp
	body, err := wire.ReadAll(x.beating(), resp.ContentLength, maxErrorBody)
	if err != nil && x.clock.Context().Err() != nil {
		return c.cancelled(x.clock.Context(), err)
	}
	s := hear(body)
	e := &llm.Error{Kind: classify(resp.StatusCode, s), Provider: c.o.Name, Model: x.model, Status: resp.StatusCode,
		Code: s.code, Type: s.kind, Param: s.param, Message: s.message, Header: fields(resp.Header),
		RetryAfter: wire.RetryAfter(resp.Header, c.o.Now())}
	switch e.Kind {
	case llm.ProviderAuth:
		return c.credential(x.model, resp.StatusCode, s)
	case llm.Redirected:
		return &llm.Error{Kind: llm.Redirected, Provider: c.o.Name, Model: x.model, Status: http.StatusBadGateway, Code: string(llm.Redirected),
			Message: fmt.Sprintf("The provider %s answered with a redirect (%d), which is never followed because it would carry the key away. Set its base_url to the address it really has.", c.o.Name, resp.StatusCode)}
	case llm.ProviderFailed:
		if resp.StatusCode < 400 {
			e.Status = http.StatusBadGateway
		}
	}
	if e.Status < 400 || e.Status > 599 {
		e.Status = http.StatusBadGateway
	}
	// A page for people is no error body of this dialect; its text would tell an application nothing.
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		e.Body, e.ContentType = body, resp.Header.Get("Content-Type")
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("The provider %s answered with status %d and no explanation.", c.o.Name, resp.StatusCode)
	}
	return e
}

// credential is our own answer to a refused credential: the provider's 401 would make an application doubt its own key.
func (c *Client) credential(model string, status int, s said) *llm.Error {
	e := &llm.Error{Kind: llm.ProviderAuth, Provider: c.o.Name, Model: model, Status: http.StatusBadGateway, Code: string(llm.ProviderAuth),
		Message: fmt.Sprintf("The provider %s refused its credential (status %d). Give it a new one in the dashboard or with `localrouter providers set-key %s`.", c.o.Name, status, c.o.Name)}
	if c.o.Key == "" {
		e.Message = fmt.Sprintf("The provider %s wants an API key (status %d) and none is set. Give it one in the dashboard or with `localrouter providers set-key %s`.", c.o.Name, status, c.o.Name)
	}
	if s.message != "" {
		e.Err = errors.New(s.message)
	}
	return e
}

// insideError is an error object inside an answer that began with status 200.
func (c *Client) insideError(model string, body, object []byte) *llm.Error {
	s := hear(append(append([]byte(`{"error":`), object...), '}'))
	e := &llm.Error{Provider: c.o.Name, Model: model, Status: http.StatusBadGateway, Code: s.code, Type: s.kind, Param: s.param, Message: s.message,
		Body: bytes.Clone(body), ContentType: "application/json"}
	if n, err := strconv.Atoi(s.code); err == nil && n >= 400 && n < 600 {
		e.Status = n // OpenRouter names the status there
		e.Kind = classify(n, s)
	} else if e.Kind = classify(http.StatusOK, s); e.Kind == llm.ProviderRejected {
		e.Kind = llm.ProviderFailed // it accepted the request, and says nothing we know of why it stopped
	} else {
		e.Status = spelling[e.Kind].status
	}
	if e.Kind == llm.ProviderAuth {
		return c.credential(model, e.Status, s)
	}
	if e.Message == "" {
		e.Message = "The provider " + c.o.Name + " reported an error inside its answer."
	}
	return e
}

// unreachable names why no answer came at all.
func (c *Client) unreachable(ctx context.Context, model string, err error) *llm.Error {
	if ctx.Err() != nil {
		return c.cancelled(ctx, err)
	}
	what := "The provider " + c.o.Name + " cannot be reached at " + c.base.Host + ": " + cause(err) + ". "
	switch {
	case c.o.Local || c.near:
		what += "Start it, or check its base_url."
	default:
		what += "Check the network and its base_url."
	}
	return &llm.Error{Kind: llm.Unreachable, Provider: c.o.Name, Model: model, Status: http.StatusBadGateway,
		Code: string(llm.Unreachable), Message: what, Err: err}
}

// cause spells a failure to connect in a few words.
func cause(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.Is(err, wire.ErrPlain):
		return wire.ErrPlain.Error()
	case errors.As(err, &dns):
		return "the name cannot be resolved"
	case errors.As(err, &unknown):
		return "its certificate is signed by an authority that is not known here (network.ca_file adds one)"
	case errors.As(err, &host), errors.As(err, &invalid):
		return "its certificate is not valid"
	case errors.As(err, &record):
		return "it does not speak TLS; its base_url may have to begin with http://"
	case strings.Contains(err.Error(), "connection refused"):
		return "the connection was refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no connection came about in time"
	}
	return "the connection failed"
}
