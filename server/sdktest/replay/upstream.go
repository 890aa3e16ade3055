package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// vendorKey is the credential that every upstream wants.
const vendorKey = "sk-replay-vendor"

// upstream is one place that answers, on an address that stays the same, with a switch for its troubles. It counts what
// it was asked, so that nothing has to be believed of what the gateway tells.
type upstream struct {
	name  string
	addr  string
	offer []offered
	haste bool // nobody thinks
	reply func(*upstream, http.ResponseWriter, *http.Request, *question)

	mu     sync.Mutex // guards the rest
	server *http.Server
	ended  chan struct{} // closed when server's goroutine is done
	now    trouble
	asked  []question
	billed float64 // USD, by its own list
}

// offered is a model as its vendor lists it, with what it costs in USD for a million tokens.
type offered struct {
	id      string
	in, out float64
	context int
	tools   bool
	vision  bool
	thinks  int // milliseconds before its first word
}

// question is what the upstreams need of a request.
type question struct {
	Path          string
	Model         string            `json:"model"`
	Stream        bool              `json:"stream"`
	MaxTokens     int               `json:"max_tokens"`
	MaxCompletion int               `json:"max_completion_tokens"`
	Tools         []json.RawMessage `json:"tools"`
	Messages      []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Input         json.RawMessage `json:"input"`
	StreamOptions struct {
		Usage bool `json:"include_usage"`
	} `json:"stream_options"`

	trouble trouble // at the moment it came
	tokens  int     // of the request, by a vendor's count
	model   *offered
}

// start listens; an upstream that was never started has no address yet.
func (u *upstream) start() error {
	l, err := net.Listen("tcp4", cmp.Or(u.addr, "127.0.0.1:0"))
	if err != nil {
		return err
	}
	u.addr = l.Addr().String()
	server, ended := &http.Server{Handler: u}, make(chan struct{})
	u.mu.Lock()
	u.server, u.ended = server, ended
	u.mu.Unlock()
	go func() {
		defer close(ended)
		server.Serve(l)
	}()
	return nil
}

// stop closes the listener and tears all connections.
func (u *upstream) stop() {
	u.mu.Lock()
	server, ended := u.server, u.ended
	u.server = nil
	u.mu.Unlock()
	if server != nil {
		server.Close()
		<-ended
	}
}

// turn is the hand at the switch.
func (u *upstream) turn(t trouble) error {
	u.mu.Lock()
	was := u.now
	u.now = t
	u.mu.Unlock()
	switch {
	case t.Ill == killed && was.Ill != killed:
		u.stop()
	case t.Ill != killed && was.Ill == killed:
		return u.start()
	}
	return nil
}

func (u *upstream) state() trouble {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.now
}

// generations is how many requests for an answer have come so far.
func (u *upstream) generations() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.asked)
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	anthropic := strings.HasSuffix(r.URL.Path, "/messages") || strings.HasSuffix(r.URL.Path, "/count_tokens") || r.Header.Get("Anthropic-Version") != ""
	q := question{Path: r.URL.Path}
	if r.Method == http.MethodPost {
		json.Unmarshal(body, &q) // what cannot be read has no model, and is refused for that
	}
	q.tokens = len(body) / 4
	for i := range u.offer {
		if u.offer[i].id == q.Model {
			q.model = &u.offer[i]
		}
	}
	u.mu.Lock()
	q.trouble = u.now
	if r.Method == http.MethodPost && !strings.HasSuffix(r.URL.Path, "/count_tokens") {
		u.asked = append(u.asked, q)
	}
	u.mu.Unlock()
	if q.trouble.refuse(w, r, anthropic) {
		return
	}
	if q.model != nil && !u.haste {
		trouble{Ill: slow, Wait: time.Duration(q.model.thinks) * time.Millisecond}.refuse(w, r, anthropic)
	}
	u.reply(u, w, r, &q)
}

// bill adds what an answer costs by the vendor's own list.
func (u *upstream) bill(q *question, output int) float64 {
	cost := (float64(q.tokens)*q.model.in + float64(output)*q.model.out) / 1e6
	u.mu.Lock()
	defer u.mu.Unlock()
	u.billed += cost
	return cost
}

// behind hands requests on to the server at addr, so that a real one, too, can be killed and slowed by the switch.
func behind(addr string) func(*upstream, http.ResponseWriter, *http.Request, *question) {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	proxy.FlushInterval = -1
	proxy.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
		if r.Context().Err() == context.Canceled {
			return
		}
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
	return func(_ *upstream, w http.ResponseWriter, r *http.Request, q *question) {
		if q.trouble.Ill == broken || q.trouble.Ill == hollow {
			q.trouble.sendWhole(w, "", false)
			return
		}
		proxy.ServeHTTP(w, r)
	}
}

// words is how much an upstream answers: less than it was allowed, and not always the same.
func (q *question) words() int {
	n := 12 + q.tokens%29
	for _, most := range []int{q.MaxTokens, q.MaxCompletion} {
		if most > 0 {
			n = min(n, most)
		}
	}
	return n
}

// calls reports whether the answer is a tool call: tools are offered and the last word is the person's, who asks to look.
func (q *question) calls() bool {
	if len(q.Tools) == 0 || len(q.Messages) == 0 {
		return false
	}
	last := q.Messages[len(q.Messages)-1]
	return last.Role == "user" && strings.Contains(string(last.Content), "look") && !strings.Contains(string(last.Content), "tool_result")
}

// prose is an answer of n words.
func prose(n int) []string {
	const said = "the loop reads one line at a time and stops at the first that it cannot parse so the error names the place"
	list := strings.Fields(said)
	words := make([]string, n)
	for i := range words {
		words[i] = list[i%len(list)] + " "
	}
	return words
}
