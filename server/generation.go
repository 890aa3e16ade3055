package server

import (
	"encoding/json"
	"net/http"

	"localrouter/providers/llm"
)

// generation tells the key that made a request how it found its model: GET /v1/generation?id=REQUEST_ID.
func generation(x *exchange) *llm.Error {
	id := x.r.URL.Query().Get("id")
	if id == "" {
		return badRequest("missing_id", "Name the request: GET /v1/generation?id=ID, with the ID of its X-LocalRouter-Request-Id header.")
	}
	receipt := x.g.Router.Receipt(id, x.key.ID)
	if receipt == nil {
		return &llm.Error{Kind: llm.NotFound, Status: http.StatusNotFound, Code: "generation_not_found", Param: "id",
			Message: "No request " + quoted(id) + " of this key is remembered. The newest 1,000 are, until LocalRouter ends; the request log has the others."}
	}
	body, err := json.Marshal(receipt)
	if err != nil {
		return llm.AsError(err)
	}
	return x.sendJSON(body)
}
