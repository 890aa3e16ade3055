package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ill is what may be wrong with an upstream.
type ill string

// The troubles. Killed is nobody listening; all others are a server that answers badly.
const (
	well     ill = ""
	killed   ill = "killed"   // the listener is closed and all its connections are torn
	slow     ill = "slow"     // the first byte comes after Wait
	limited  ill = "limited"  // 429 with Retry-After: Wait, in whole seconds
	busy     ill = "busy"     // 429 without a word on when to come back
	failing  ill = "failing"  // 500
	broken   ill = "broken"   // streams are cut after their first words; whole answers before their first byte
	hollow   ill = "hollow"   // 200, and then an error before the first word
	poor     ill = "poor"     // the credit is used up
	stranger ill = "stranger" // the key is refused
)

// trouble is one of them with its time.
type trouble struct {
	Ill  ill
	Wait time.Duration
}

func (t trouble) String() string {
	switch {
	case t.Ill == well:
		return "well"
	case t.Wait > 0:
		return fmt.Sprintf("%s (%v)", t.Ill, t.Wait)
	}
	return string(t.Ill)
}

// parseTrouble reads what a person types: "slow 2s", "killed", "well".
func parseTrouble(words []string) (t trouble, err error) {
	if len(words) == 0 {
		return t, fmt.Errorf("say what is wrong with it: well, killed, slow 2s, limited 10s, busy, failing, broken, hollow, poor, stranger")
	}
	switch t.Ill = ill(words[0]); t.Ill {
	case "well":
		return trouble{}, nil
	case killed, busy, failing, broken, hollow, poor, stranger:
	case slow, limited:
		t.Wait = 2 * time.Second
		if len(words) > 1 {
			t.Wait, err = time.ParseDuration(words[1])
		}
	default:
		return t, fmt.Errorf("there is no trouble %q", words[0])
	}
	return t, err
}

// refuse writes the trouble's answer to a request, in the words of the vendor, and reports whether that was all.
func (t trouble) refuse(w http.ResponseWriter, r *http.Request, anthropic bool) bool {
	asked := r.Method == http.MethodPost
	switch t.Ill {
	case slow:
		pause := time.NewTimer(t.Wait)
		defer pause.Stop()
		select {
		case <-pause.C:
			return false
		case <-r.Context().Done():
			return true
		}
	case limited:
		if asked {
			w.Header().Set("Retry-After", strconv.Itoa(int(t.Wait/time.Second)))
			say(w, anthropic, http.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded", "Too many requests. Come back later.")
		}
		return asked
	case busy:
		if asked {
			say(w, anthropic, http.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded", "Too many requests.")
		}
		return asked
	case failing:
		say(w, anthropic, http.StatusInternalServerError, "api_error", "server_error", "The server had an error while processing your request.")
		return true
	case poor:
		if asked && anthropic {
			say(w, anthropic, http.StatusPaymentRequired, "billing_error", "", "Your credit balance is too low to access the API.")
		} else if asked {
			say(w, anthropic, http.StatusTooManyRequests, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.")
		}
		return asked
	case stranger:
		say(w, anthropic, http.StatusUnauthorized, "authentication_error", "invalid_api_key", "Incorrect API key provided.")
		return true
	}
	return false
}

// say writes an error as the vendor spells it.
func say(w http.ResponseWriter, anthropic bool, status int, kind, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if anthropic {
		fmt.Fprintf(w, `{"type":"error","error":{"type":%q,"message":%q},"request_id":"req_replay"}`, kind, message)
		return
	}
	fmt.Fprintf(w, `{"error":{"message":%q,"type":%q,"param":null,"code":%q}}`, message, kind, code)
}

// send writes a stream event by event. A broken upstream tears the connection after the first words, a hollow one has
// an error where they would be; begins is how many events come before the first word.
func (t trouble) send(w http.ResponseWriter, events []string, begins int, anthropic bool) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	for i, event := range events {
		switch {
		case t.Ill == hollow && i == begins && anthropic:
			event = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
		case t.Ill == hollow && i == begins:
			event = "data: {\"error\":{\"message\":\"The engine is overloaded.\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n"
		case t.Ill == broken && i == begins+3:
			panic(http.ErrAbortHandler)
		}
		if _, err := io.WriteString(w, event); err != nil {
			return
		}
		flush.Flush()
		if t.Ill == hollow && strings.Contains(event, "error") {
			return
		}
	}
}

// sendWhole writes a whole answer, unless the upstream is broken.
func (t trouble) sendWhole(w http.ResponseWriter, body string, anthropic bool) {
	switch t.Ill {
	case broken:
		panic(http.ErrAbortHandler)
	case hollow:
		say(w, anthropic, http.StatusServiceUnavailable, "overloaded_error", "server_error", "The engine is overloaded.")
	default:
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}
