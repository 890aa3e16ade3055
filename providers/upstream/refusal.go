package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// maxErrorBody bounds what is read of a refusal.
const maxErrorBody = 256 << 10

// refused turns a response other than 2xx into the error it means.
func (c *Client) refused(x *exchange) *llm.Error {
	resp := x.resp
	body, err := wire.ReadAll(x.beating(), resp.ContentLength, maxErrorBody)
	if err != nil && x.clock.Context().Err() != nil {
		return c.cancelled(x.clock.Context(), err)
	}
	body = c.hide(body)
	e := c.format.Refused(resp.StatusCode, resp.Header, body)
	e.Provider, e.Model, e.Status, e.Dialect = c.o.Name, x.model, resp.StatusCode, c.format.Dialect()
	e.Header, e.RetryAfter = fields(resp.Header), wire.RetryAfter(resp.Header, c.o.Now())
	if e.RetryAfter == 0 && e.Kind == llm.RateLimited {
		e.RetryAfter = wire.QuotaReset(resp.Header, c.o.Now())
	}
	switch e.Kind {
	case llm.ProviderAuth:
		return c.credential(x.model, resp.StatusCode, e.Message)
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

// hide masks the credential where a provider repeats it: what it says goes to applications, and is kept for as long as the
// provider rests. The length stays, and a body that does not repeat it stays as it came.
func (c *Client) hide(b []byte) []byte {
	for _, secret := range c.o.Secrets {
		if len(secret) >= minSecret && bytes.Contains(b, []byte(secret)) {
			b = bytes.ReplaceAll(b, []byte(secret), bytes.Repeat([]byte{'*'}, len(secret)))
		}
	}
	return b
}

// minSecret is the length below which a secret is not looked for: a shorter one would tear ordinary words apart.
const minSecret = 6

// credential is our own answer to a refused credential: the provider's 401 would make an application doubt its own key.
func (c *Client) credential(model string, status int, said string) *llm.Error {
	how := fmt.Sprintf("status %d", status)
	if status == 0 || status == http.StatusBadGateway {
		how = "inside its answer"
	}
	e := &llm.Error{Kind: llm.ProviderAuth, Provider: c.o.Name, Model: model, Status: http.StatusBadGateway, Code: string(llm.ProviderAuth),
		Message: fmt.Sprintf("The provider %s refused its credential (%s). Give it a new one in the dashboard or with `localrouter providers set-key %s`.", c.o.Name, how, c.o.Name)}
	if c.o.Key == "" {
		e.Message = fmt.Sprintf("The provider %s wants an API key (%s) and none is set. Give it one in the dashboard or with `localrouter providers set-key %s`.", c.o.Name, how, c.o.Name)
	}
	if said != "" {
		e.Err = errors.New(said)
	}
	return e
}

// named completes an error that was found inside an answer that began with status 200.
func (c *Client) named(model string, e *llm.Error) *llm.Error {
	e.Message, e.Body = string(c.hide([]byte(e.Message))), c.hide(e.Body)
	switch {
	case e.Kind == llm.ProviderAuth:
		return c.credential(model, e.Status, e.Message)
	case e.Status == 0: // made by Broken
		return c.Fault(model, e.Kind, e.Message, e.Err)
	}
	e.Provider, e.Model = c.o.Name, model
	if e.Dialect == "" {
		e.Dialect = c.format.Dialect()
	}
	if e.Status < 400 || e.Status > 599 {
		e.Status = http.StatusBadGateway
	}
	if e.Message == "" {
		e.Message = "The provider " + c.o.Name + " reported an error inside its answer."
	}
	return e
}

// Broken is the failure of an answer that cannot be understood, for a Format or Decoder. what says what the provider
// did; its name is put before it, and a full stop behind.
func Broken(kind llm.Kind, what string, err error) *llm.Error {
	return &llm.Error{Kind: kind, Message: what, Err: err}
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
