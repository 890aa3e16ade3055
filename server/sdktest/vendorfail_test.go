package sdktest

import "net/http"

// fails answers with an error of a status, as the vendor words it.
func (v *vendor) fails(w http.ResponseWriter, status int) {
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "7")
	}
	e := failuresOf[v.dialect][status]
	if v.dialect == "anthropic" {
		anthropicError(w, status, e.kind, e.message)
	} else {
		openAIError(w, status, e.kind, e.code, e.param, e.message)
	}
}

// vendorFailure is an error in a vendor's words.
type vendorFailure struct{ kind, code, param, message string }

var failuresOf = map[string]map[int]vendorFailure{
	"openai": {
		400: {"invalid_request_error", "unsupported_value", "temperature", "The vendor cannot take this temperature."},
		401: {"invalid_request_error", "invalid_api_key", "", "The vendor does not know this key."},
		403: {"invalid_request_error", "unsupported_country", "", "The vendor forbids this."},
		404: {"invalid_request_error", "model_not_found", "", "The vendor has no such model."},
		413: {"invalid_request_error", "request_too_large", "", "The vendor finds this too large."},
		429: {"requests", "rate_limit_exceeded", "", "The vendor is asked too often. Please try again in 7s."},
		500: {"server_error", "server_error", "", "The vendor had an error while processing your request."},
		503: {"service_unavailable_error", "server_is_overloaded", "", "The vendor is overloaded."},
		529: {"server_error", "server_error", "", "The vendor is overloaded."},
	},
	"anthropic": {
		400: {kind: "invalid_request_error", message: "temperature: The vendor cannot take this temperature."},
		401: {kind: "authentication_error", message: "The vendor does not know this key."},
		403: {kind: "permission_error", message: "The vendor forbids this."},
		404: {kind: "not_found_error", message: "The vendor has no such model."},
		413: {kind: "request_too_large", message: "The vendor finds this too large."},
		429: {kind: "rate_limit_error", message: "The vendor is asked too often."},
		500: {kind: "api_error", message: "The vendor had an error while processing your request."},
		503: {kind: "api_error", message: "The vendor is overloaded."},
		529: {kind: "overloaded_error", message: "The vendor is overloaded."},
	},
}
