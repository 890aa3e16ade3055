package sdktest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// upstream is a provider that answers as the test at hand wants and keeps what it received, byte for byte.
type upstream struct {
	*http.Server
	base string // "http://127.0.0.1:PORT/v1"

	mu       sync.Mutex // guards what follows
	answer   func(w http.ResponseWriter, r *http.Request, body []byte)
	received []received
}

// received is one request as it reached the provider; model lists are not kept.
type received struct {
	path   string
	header http.Header
	body   []byte
}

// upstreamModels is what the provider lists: an id with slashes and a colon among them, as OpenRouter has.
const upstreamModels = `{"object":"list","data":[
{"id":"plain","object":"model","created":1700000000,"owned_by":"someone"},
{"id":"org/large-7b:free","object":"model","created":1700000001,"owned_by":"org","context_length":32768},
{"id":"embedder","object":"model","created":1700000002,"owned_by":"someone"}]}`

func startUpstream() (*upstream, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{base: "http://" + l.Addr().String() + "/v1"}
	u.Server = &http.Server{Handler: u}
	go u.Serve(l) // ends with Close
	return u, nil
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/models") {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, upstreamModels)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	u.mu.Lock()
	u.received = append(u.received, received{r.URL.Path, r.Header.Clone(), body})
	answer := u.answer
	u.mu.Unlock()
	if answer == nil {
		http.Error(w, "no test is running", http.StatusTeapot)
		return
	}
	answer(w, r, body)
}

// answers sets what the provider does for the rest of the test and forgets what it received before.
func (u *upstream) answers(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, body []byte)) {
	t.Helper()
	set := func(a func(http.ResponseWriter, *http.Request, []byte)) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.answer, u.received = a, nil
	}
	set(answer)
	t.Cleanup(func() { set(nil) })
}

// last is the latest request the provider received.
func (u *upstream) last(t *testing.T) received {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.received) == 0 {
		t.Fatal("nothing reached the provider")
	}
	return u.received[len(u.received)-1]
}

// count is how many requests reached the provider in this test.
func (u *upstream) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.received)
}

// whole answers with one JSON body.
func whole(status int, body string, header ...string) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// streamed answers with an event stream, cut into pieces of size bytes wherever that falls: inside characters, inside
// line ends.
func streamed(events string, size int) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		for len(events) > 0 {
			n := min(size, len(events))
			io.WriteString(w, events[:n])
			http.NewResponseController(w).Flush()
			events = events[n:]
		}
	}
}

// stalls sends first (if any) and then nothing until the gateway hangs up; it tells when.
func stalls(first string) (answer func(http.ResponseWriter, *http.Request, []byte), reached chan struct{}, gone chan time.Time) {
	reached, gone = make(chan struct{}, 1), make(chan time.Time, 1)
	return func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if first != "" {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, first)
			http.NewResponseController(w).Flush()
		}
		reached <- struct{}{}
		<-r.Context().Done()
		gone <- time.Now()
	}, reached, gone
}

// withModel is body with the model's name as the provider knows it: all that the gateway may change.
func withModel(body []byte, asked, own string) []byte {
	return bytes.Replace(body, []byte(`"`+asked+`"`), []byte(`"`+own+`"`), 1)
}
