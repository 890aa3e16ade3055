package wire

import (
	"net/http"

	"localrouter/providers/llm"
)

// Head begins a request of dialect d: it scans the body and reads the members that the dialects have in common. strict
// are the names that decisions are taken by, here or in another dialect; see Scanner.Scan. The members of the body are
// for the caller to look through.
func Head(d llm.Dialect, op llm.Op, path string, body []byte, strict []string) (*llm.Request, []Member, *llm.Error) {
	var s Scanner
	members, end, bad := s.Scan(body, strict)
	if bad != nil {
		e := &llm.Error{Kind: llm.BadRequest, Status: http.StatusBadRequest, Code: "invalid_json", Message: "The request body is not valid JSON: " + bad.Error() + "."}
		if bad.Name != "" {
			e.Code, e.Param, e.Message = "invalid_name", bad.Name, "The request body cannot be accepted: "+bad.Error()+"."
		}
		return nil, nil, e
	}
	req := &llm.Request{Dialect: d, Op: op, Path: path, Body: body, Length: int64(len(body)), ContentType: "application/json",
		ObjectEnd: end, HasMembers: len(members) > 0, InputEstimate: s.Tokens()}
	for i := range members {
		m := &members[i]
		switch v := body[m.Value.Start:m.Value.End]; string(m.Key) {
		case "model":
			model, ok := Unquote(v)
			if !ok {
				return nil, nil, Refuse("model", "must be a string that names a model, such as \"provider/model\"")
			}
			req.Model, req.ModelSpan = model, m.Value
		case "stream":
			if v[0] != 't' && v[0] != 'f' && v[0] != 'n' {
				return nil, nil, Refuse("stream", "must be true or false")
			}
			req.Stream = v[0] == 't'
		case "n":
			req.Choices = int(min(Int(v), 1<<31-1))
		case "models", "fallbacks": // of OpenRouter and of LiteLLM
			req.Others = req.Others || v[0] != 'n'
		}
	}
	return req, members, nil
}

// BytesPerToken is the rule of thumb for estimates: four bytes of text are about one token.
const BytesPerToken = 4

// tokensPerMedia is what a picture, sound or file counts for in an estimate; vendors count 85 to some thousands.
const tokensPerMedia = 1000

// Tokens estimates the tokens of what was scanned. It goes by the size of all strings, names included, which makes up
// for the frame of messages.
func (s *Scanner) Tokens() int64 {
	return int64(s.Text/BytesPerToken + s.Numbers + s.Media*tokensPerMedia)
}

// Refuse is the refusal of a request for one of its fields. why follows the field's name: "must be a string".
func Refuse(field, why string) *llm.Error {
	return &llm.Error{Kind: llm.BadRequest, Status: http.StatusBadRequest, Code: "invalid_value", Param: field,
		Message: "The field \"" + field + "\" " + why + "."}
}

// Why a request is refused whose strings Strict and StrictValue do not take; for Refuse.
const (
	WhyText  = "must be a string of valid JSON: it holds a raw control character, a broken escape, or bytes that are not UTF-8"
	WhyValue = "must be valid JSON: a string in it holds a raw control character, a broken escape, or bytes that are not UTF-8"
)

// StatusKind is what the status of a refusal means where nothing else is known of it.
func StatusKind(status int) llm.Kind {
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
