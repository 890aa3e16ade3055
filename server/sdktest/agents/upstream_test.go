package agents

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// providerKey is the provider's credential; agents never see it.
const providerKey = "sk-provider-secret"

// dialect is how an upstream speaks: it refuses what the real one would, and streams as the real one does.
type dialect interface {
	// path is where conversations go, models what the list of models says, small the one for side requests.
	path() string
	models() string
	small() string
	// authorized reports whether the request carries the key.
	authorized(h http.Header, key string) bool
	// read checks the request and says what the model sees; the text is the refusal.
	read(h http.Header, body []byte) (request, string)
	// whole and stream write the answer.
	whole(w http.ResponseWriter, model string, r reply)
	stream(w *events, model string, t turn, r reply)
	// refuse writes an error of the dialect.
	refuse(w http.ResponseWriter, status int, message string)
}

// request is what a dialect understood.
type request struct {
	turn
	model     string
	streamed  bool
	reasoning int // parts of earlier reasoning in the history
}

// upstream is a provider whose model follows a script; it records what it was asked.
type upstream struct {
	url     string
	dialect dialect

	mu      sync.Mutex // guards what follows
	script  script
	records []record
}

// record is one request in short.
type record struct {
	method, path, model, step string
	streamed                  bool
	tools, results, reasoning int
	refused                   string
}

func (r record) String() string {
	if r.refused != "" {
		return fmt.Sprintf("%s %s model %q REFUSED: %s", r.method, r.path, r.model, r.refused)
	}
	if r.step == "" {
		return r.method + " " + r.path
	}
	return fmt.Sprintf("%s %s model %q streamed %v tools %d results %d reasoning %d -> %s", r.method, r.path, r.model, r.streamed, r.tools, r.results, r.reasoning, r.step)
}

func startUpstream(t *testing.T, d dialect) *upstream {
	t.Helper()
	u := &upstream{dialect: d}
	server := httptest.NewServer(u)
	t.Cleanup(server.Close)
	u.url = server.URL
	return u
}

// plays sets the script for the next run of an agent and forgets the last one's record.
func (u *upstream) plays(s script) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.script, u.records = s, nil
}

func (u *upstream) recorded() []record {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.records
}

func (u *upstream) record(r record) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.records = append(u.records, r)
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := record{method: r.Method, path: r.URL.Path}
	defer func() {
		if !strings.HasSuffix(at.path, "/models") { // a gateway asks for these when it likes
			u.record(at)
		}
	}()
	refuse := func(status int, message string) {
		at.refused = message
		u.dialect.refuse(w, status, message)
	}
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		at.refused = err.Error()
		return
	case r.Method == http.MethodHead:
		return // a warm-up
	case !u.dialect.authorized(r.Header, providerKey):
		refuse(401, "invalid key")
		return
	case strings.HasSuffix(r.URL.Path, "/models"):
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, u.dialect.models())
		return
	case strings.HasSuffix(r.URL.Path, "/count_tokens"):
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"input_tokens":%d}`, len(body)/4)
		return
	case r.Method != http.MethodPost || r.URL.Path != u.dialect.path():
		refuse(404, "no such path: "+r.Method+" "+r.URL.Path)
		return
	}
	req, refusal := u.dialect.read(r.Header, body)
	at.model, at.streamed, at.tools, at.results, at.reasoning = req.model, req.streamed, len(req.tools), len(req.results), req.reasoning
	if refusal != "" {
		refuse(400, refusal)
		return
	}
	u.mu.Lock()
	answer := u.script.next(req.turn)
	u.mu.Unlock()
	at.step = answer.step
	if !req.streamed {
		w.Header().Set("Content-Type", "application/json")
		u.dialect.whole(w, req.model, answer)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	u.dialect.stream(&events{w}, req.model, req.turn, answer)
}

// events writes a stream, event by event.
type events struct{ w http.ResponseWriter }

// send writes one event; without a name it is data alone.
func (e *events) send(name string, data any) {
	if name != "" {
		fmt.Fprintf(e.w, "event: %s\n", name)
	}
	text, ok := data.(string)
	if !ok {
		b, _ := json.Marshal(data)
		text = string(b)
	}
	fmt.Fprintf(e.w, "data: %s\n\n", text)
	http.NewResponseController(e.w).Flush()
}

// pieces cuts text as models do, never inside a character.
func pieces(text string) []string {
	var all []string
	for len(text) > 0 {
		n := min(7, len(text))
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n++
		}
		all = append(all, text[:n])
		text = text[n:]
	}
	return all
}

// known says which member of an object a strict vendor would not know.
func known(members map[string]json.RawMessage, names string) string {
	for m := range members {
		if !strings.Contains(" "+names+" ", " "+m+" ") {
			return m
		}
	}
	return ""
}

func rand10() string { return rand.Text()[:10] }
