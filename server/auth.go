package server

import (
	"net/http"
	"strings"

	"localrouter/providers/llm"
)

const noKey = "No API key was sent. Send one as \"Authorization: Bearer lr-...\"; make one on the dashboard or with `localrouter keys new`."

// authenticate finds the key of the request.
func (x *exchange) authenticate() *llm.Error {
	if q := x.r.URL.RawQuery; q != "" && strings.Contains(q, "key") && x.r.URL.Query().Has("key") {
		return unauthorised("An API key does not belong into a URL, where logs and histories keep it. Send it as \"Authorization: Bearer lr-...\", and make a new key in place of this one.")
	}
	token, e := credential(x.r.Header)
	if e != nil {
		return e
	}
	key, e := x.g.Keys.ByToken(token)
	if e != nil {
		return e
	}
	x.key = key
	x.entry.KeyID, x.entry.Key = key.ID, key.Name
	return nil
}

// carriers are the header fields that may hold a key besides Authorization.
var carriers = [...]string{"X-Api-Key", "X-Goog-Api-Key"}

// credential is the one extractor of keys. Carriers that say different things are refused: each reader downstream
// might believe another.
func credential(h http.Header) (string, *llm.Error) {
	token, found := "", false
	scheme := true
	differ := false
	add := func(s string) {
		if s = strings.TrimSpace(s); s == "" {
			return
		}
		differ = differ || found && s != token
		token, found = s, true
	}
	for _, v := range h["Authorization"] {
		if len(v) >= 7 && strings.EqualFold(v[:7], "Bearer ") {
			add(v[7:])
		} else if strings.TrimSpace(v) != "" && !strings.EqualFold(strings.TrimSpace(v), "Bearer") {
			scheme = false
		}
	}
	for _, name := range carriers {
		for _, v := range h[name] {
			add(v)
		}
	}
	switch {
	case differ || (!scheme && found):
		return "", badRequest("conflicting_api_keys", "The request carries API keys in several header fields that differ. Send one.")
	case !scheme:
		return "", unauthorised("The Authorization header must say \"Bearer\" and then the key: \"Authorization: Bearer lr-...\".")
	case !found:
		return "", unauthorised(noKey)
	}
	return token, nil
}
