package server

import (
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/tokens"
	"localrouter/routing"
)

// countTokens says how many tokens a request would take. A provider of the application's dialect is asked, since its own
// count is exact and free; for the others, and where it has no such endpoint, the count is an estimate that says so.
func countTokens(x *exchange) *llm.Error {
	req, e := x.scan(llm.CountTokens)
	if e != nil {
		return e
	}
	first, e := x.g.Router.First(&routing.Call{Request: req, Codec: x.codec, Key: x.policy()})
	if e != nil {
		return e
	}
	src, id := first.Source, first.ID
	if src.Dialect == req.Dialect {
		_, listed := src.Model(id)
		if e = x.ask(req); e == nil || x.sent || !unserved(e, listed) {
			return e
		}
	} else {
		x.entry.Asked = cutText(req.Model, 256)
	}
	conversation, err := x.codec.Decode(req)
	if err != nil {
		return llm.AsError(err)
	}
	n := tokens.Conversation(conversation, tokens.FamilyOf(id))
	x.set("X-Localrouter-Estimated", "true")
	return x.sendJSON([]byte(`{"input_tokens":` + strconv.FormatInt(n, 10) + `}`))
}

// unserved reports whether e says that the provider has no such endpoint, rather than no such model: the error is not
// one of the dialect, or the model is one that the provider itself lists.
func unserved(e *llm.Error, listed bool) bool {
	return (e.Status == 404 || e.Status == 405 || e.Status == 501) && (e.Type == "" || listed)
}
