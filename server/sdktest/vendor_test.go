package sdktest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// vendor plays a provider that takes nothing but what the real one takes: it refuses every other request in the
// vendor's own words. What it answers is chosen by the model's id, so that an application chooses its scene.
type vendor struct {
	*http.Server
	dialect string // "openai" or "anthropic"
	name    string // of the provider
	base    string // "http://127.0.0.1:PORT", without /v1

	mu       sync.Mutex // guards what follows
	answers  int
	received []received
	faults   []string          // what was wrong with the requests that were refused
	thoughts map[string]string // thinking text by the signature it was given
	proofs   map[string]string // signature by the id of a tool call that came after it
	scripts  map[string]script // scenes of the test at hand, by model
}

// script answers one request that was found right.
type script func(w http.ResponseWriter, r *http.Request, asked *request)

// request is what every script needs of a request.
type request struct {
	model  string
	stream bool
	usage  bool // the stream shall tell it
	body   []byte
}

// scenes are the models that both vendors offer, and the golden case each answers with.
var scenes = map[string]map[string]string{
	"openai": {"plain": "text", "tools": "tool_call", "parallel": "parallel_tools", "toolresult": "tool_result", "image": "image",
		"file": "file", "schema": "json_schema", "reasoning": "reasoning_content", "thinkingtool": "thinking_tool", "stop": "stop_sequence",
		"length": "length", "refusal": "refusal", "empty": "empty", "usage": "usage", "budget": "reasoning"},
	"anthropic": {"plain": "text", "tools": "tool_call", "parallel": "parallel_tools", "toolresult": "tool_result", "image": "image",
		"file": "file", "schema": "json_schema", "reasoning": "reasoning", "thinkingtool": "thinking_tool", "stop": "stop_sequence",
		"length": "length", "refusal": "refusal", "empty": "empty", "usage": "usage", "budget": "reasoning"},
}

// troubles are the models that never answer well.
var troubles = []string{"slow", "broken", "cut", "midstream-error", "e400", "e401", "e403", "e404", "e413", "e429", "e500", "e503", "e529"}

// vendorModels lists the ids of a vendor in a fixed order. "golden" answers with what a test hands it.
func vendorModels(dialect string) []string {
	ids := append([]string{"golden"}, troubles...)
	for id := range scenes[dialect] {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// vendorProviders are the strict vendors as the settings name them: a server of which nothing is known but that it speaks
// OpenAI's dialect, one that is said to be OpenAI's own, and Anthropic's.
var vendorProviders = []struct{ name, kind, dialect, path string }{
	{"upo", "openai-compatible", "openai", "/v1"},
	{"upown", "openai", "openai", "/v1"},
	{"upa", "anthropic", "anthropic", ""},
}

func startVendor(dialect, name string) (*vendor, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	v := &vendor{dialect: dialect, name: name, base: "http://" + l.Addr().String(), thoughts: map[string]string{}, proofs: map[string]string{}, scripts: map[string]script{}}
	v.Server = &http.Server{Handler: v}
	go v.Serve(l) // ends with Close
	return v, nil
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if r.Method == http.MethodPost {
		v.mu.Lock()
		v.received = append(v.received, received{r.URL.Path, r.Header.Clone(), body})
		v.mu.Unlock()
	}
	if v.dialect == "anthropic" {
		v.serveAnthropic(w, r, body)
	} else {
		v.serveOpenAI(w, r, body)
	}
}

// begins forgets what was received before, and gives the models named scenes of their own for the rest of the test.
// No request may be found wrong until the test ends.
func (v *vendor) begins(t *testing.T, own map[string]script) {
	t.Helper()
	v.mu.Lock()
	v.received, v.faults, v.scripts = nil, nil, own
	v.mu.Unlock()
	t.Cleanup(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, f := range v.faults {
			t.Errorf("the %s vendor refused a request: %s", v.dialect, f)
		}
		v.faults, v.scripts = nil, nil
	})
}

// last is the latest request, count how many there were.
func (v *vendor) last(t *testing.T) received {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.received) == 0 {
		t.Fatal("nothing reached the " + v.dialect + " vendor")
	}
	return v.received[len(v.received)-1]
}

func (v *vendor) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.received)
}

// fault keeps what was wrong with a request and tells the test at its end.
func (v *vendor) fault(body []byte, format string, a ...any) string {
	message := fmt.Sprintf(format, a...)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.faults = append(v.faults, message+"\n\tin "+string(body[:min(len(body), 1500)]))
	return message
}

// act answers a request that was found right.
func (v *vendor) act(w http.ResponseWriter, r *http.Request, asked *request) {
	v.mu.Lock()
	own := v.scripts[asked.model]
	v.mu.Unlock()
	name, known := scenes[v.dialect][asked.model]
	switch {
	case own != nil:
		own(w, r, asked)
	case known:
		v.tell(w, v.fresh(goldenOf(v.dialect, name)), asked)
	case strings.HasPrefix(asked.model, "e") && len(asked.model) == 4:
		status, _ := strconv.Atoi(asked.model[1:])
		v.fails(w, status)
	case slices.Contains(troubles, asked.model):
		v.breaks(w, asked)
	default:
		v.fails(w, http.StatusNotFound)
	}
}

// fresh is the case with ids and signatures that were never used before; the vendor knows them when they come back.
func (v *vendor) fresh(g *golden) *golden {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answers++
	signature := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "signature %06d of the %s vendor", v.answers, v.dialect))
	names := strings.NewReplacer("toolu_golden", fmt.Sprintf("toolu_%06dx", v.answers), "call_golden_", fmt.Sprintf("call_%06d_", v.answers),
		"msg_01Golden", fmt.Sprintf("msg_%06d", v.answers), "chatcmpl-golden01", fmt.Sprintf("chatcmpl-%06d", v.answers), "RXhhbXBsZVNpZ25hdHVyZTAx", signature)
	f := *g
	f.whole, f.stream = names.Replace(g.whole), names.Replace(g.stream)
	if v.dialect == "anthropic" && strings.Contains(f.whole, signature) {
		v.thoughts[signature] = g.Expect.Reasoning
		for i := range g.Expect.Calls {
			v.proofs[fmt.Sprintf("toolu_%06dx%d", v.answers, i+1)] = signature
		}
	}
	return &f
}

// tell answers with a case as it was asked: whole, or as a stream cut into odd pieces.
func (v *vendor) tell(w http.ResponseWriter, g *golden, asked *request) {
	for name, value := range g.Headers {
		w.Header().Set(name, value)
	}
	if !asked.stream || g.stream == "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(g.Status)
		io.WriteString(w, g.whole)
		return
	}
	stream := g.stream
	if v.dialect == "openai" && !asked.usage {
		stream = withoutUsage(stream)
	}
	v.mu.Lock()
	size := []int{1, 5, 17, 64, 257, 1 << 20}[v.answers%6]
	v.mu.Unlock()
	streamed(stream, size)(w, nil, nil)
}

// withoutUsage is an OpenAI stream as it comes when the usage was not asked for.
func withoutUsage(stream string) string {
	var kept []string
	for _, event := range strings.SplitAfter(stream, "\n\n") {
		if !strings.Contains(event, `"choices":[]`) {
			kept = append(kept, strings.Replace(event, `,"usage":null`, "", 1))
		}
	}
	return strings.Join(kept, "")
}

// breaks plays what goes wrong after the answer has begun.
func (v *vendor) breaks(w http.ResponseWriter, asked *request) {
	if !asked.stream { // a body that is shorter than was said
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "4000")
		io.WriteString(w, goldenOf(v.dialect, "text").whole)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	part := goldenOf(v.dialect, "error_midstream").stream
	if asked.model != "midstream-error" {
		events := strings.SplitAfter(part, "\n\n")
		part = strings.Join(events[:len(events)-2], "")
	}
	streamed(part, 40)(w, nil, nil)
	if asked.model == "broken" {
		panic(http.ErrAbortHandler) // "cut" ends cleanly, without an end mark
	}
}

// thoughtOf is the thinking text that a signature was given for.
func (v *vendor) thoughtOf(signature string) (text string, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	text, known = v.thoughts[signature]
	return text, known
}

// proofOf is the signature of the thinking before a tool call.
func (v *vendor) proofOf(id string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.proofs[id]
}

// as decodes JSON that a vendor received, for a test to look at.
func as[T any](t *testing.T, body []byte) (v T) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&v); err != nil {
		t.Fatalf("%v in %.400s", err, body)
	}
	return v
}
