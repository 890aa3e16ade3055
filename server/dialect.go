package server

import (
	"net/http"
	"strings"

	"localrouter/providers/llm"
)

// codecOf tells which dialect a request is written in, before anything else is known of it: even its refusal must be
// readable for who asked. Paths tell; where several dialects share one, the header fields do that only the SDKs of one
// send.
func (g *Gateway) codecOf(r *http.Request) llm.Codec {
	if speaksAnthropic(r) {
		if c := g.codecs[llm.Anthropic]; c != nil {
			return c
		}
	}
	return g.Codecs[0]
}

func speaksAnthropic(r *http.Request) bool {
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/v1/messages"), strings.HasPrefix(path, "//v1/messages"), strings.HasPrefix(path, "/v1/v1/messages"),
		strings.HasPrefix(path, "/messages"):
		return true
	case strings.HasPrefix(path, "/v1/chat/"), strings.HasPrefix(path, "/v1/completions"), strings.HasPrefix(path, "/v1/embeddings"):
		return false
	}
	return len(r.Header["Anthropic-Version"]) > 0 || len(r.Header["X-Api-Key"]) > 0
}

// nameRequest gives the application the request's id under the name that its SDK looks for, unless the provider's own is
// there.
func (x *exchange) nameRequest() {
	name := "X-Request-Id"
	if x.codec.Dialect() == llm.Anthropic {
		name = "Request-Id"
	}
	if len(x.ResponseWriter.Header()[name]) == 0 {
		x.set(name, x.entry.ID)
	}
}
