package node

import (
	"embed"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What applications say in the scenarios; harness.mjs has the same.
const (
	providerKey = "sk-provider-secret"
	beShort     = "Be short."
	hello       = "Hello <world> & 你好 👋"
	pixel       = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

//go:embed testdata
var answers embed.FS

// upstream is a provider whose model is named for a scenario: it refuses a request in which something of the scenario
// is missing, and answers from testdata.
type upstream struct {
	url  string
	read func(http.Header, []byte) (seen, error)
	name string // of the dialect, and of its folder in testdata
	path string
	// unasked: the model reasons without being asked to, as on servers that are not known to take a wish for it.
	unasked bool

	stalled, left atomic.Int64 // slow answers that began, and that the other side broke off
}

// seen is what a request says, whichever the dialect.
type seen struct {
	model, system, said string
	streamed            bool
	counted             bool // the usage of a stream is asked for
	tools               []string
	schemas             string // of the tools, as they stand in the request
	forced              string // the tool that must be called
	calls               []string
	results             []string
	picture             string
	format              string // the schema of the answer, as it stands in the request
	stop                []string
	limit               int
	thinks              bool
}

func startUpstream(t *testing.T, name, path string, read func(http.Header, []byte) (seen, error)) *upstream {
	u := &upstream{name: name, path: path, read: read}
	server := httptest.NewServer(u)
	t.Cleanup(server.Close)
	u.url = server.URL
	return u
}

// scenario is what a model of that name wants to see and the file it answers from.
type scenario struct {
	wants func(seen) string // what is missing; nil wants nothing
	file  string
	then  string // the file once the results of the calls are there
}

var scenarios = map[string]scenario{
	"plain":        {greets, "text", ""},
	"stream":       {greets, "text", ""},
	"usage":        {greets, "text", ""},
	"tools":        {offers, "tool_call", ""},
	"toolresult":   {offers, "tool_call", "tool_result"},
	"parallel":     {offers, "parallel_tools", "tool_result"},
	"thinkingtool": {thinksAndOffers, "thinking_tool", "tool_result"},
	"reasoning":    {thinks, "reasoning", ""},
	"image":        {shows, "image", ""},
	"schema":       {shapes, "json_schema", ""},
	"stop":         {stops, "stop", ""},
	"length":       {limits, "length", ""},
	"slow":         {greets, "text", ""},
}

func greets(s seen) string {
	if s.system != beShort || s.said != hello {
		return fmt.Sprintf("the system text is %q and the user's %q", s.system, s.said)
	}
	return ""
}

func offers(s seen) string {
	switch {
	case !slices.Equal(s.tools, []string{"get_weather"}):
		return fmt.Sprintf("the tools are %q", s.tools)
	case !strings.Contains(s.schemas, `"City name"`) || !strings.Contains(s.schemas, `"fahrenheit"`):
		return "the tool's schema is " + s.schemas
	case len(s.calls) != len(s.results):
		return fmt.Sprintf("calls %q, but results %q", s.calls, s.results)
	}
	for i := range s.calls {
		if !strings.HasPrefix(s.calls[i], `get_weather {"city":"`) || !strings.Contains(s.results[i], `"temp_c":18`) {
			return fmt.Sprintf("a call is %q and its result %q", s.calls[i], s.results[i])
		}
	}
	return ""
}

func thinks(s seen) string {
	if !s.thinks {
		return "no reasoning is asked for"
	}
	return ""
}

// thinksAndOffers: once the results are there the gateway may have to do without reasoning, where the application's
// dialect has no place for the earlier one.
func thinksAndOffers(s seen) string {
	if len(s.results) > 0 {
		return offers(s)
	}
	return thinks(s) + offers(s)
}

func shows(s seen) string {
	if s.picture != pixel {
		return fmt.Sprintf("the picture is %.40q", s.picture)
	}
	return ""
}

func shapes(s seen) string {
	if s.forced == "" && (!strings.Contains(s.format, `"age"`) || !strings.Contains(s.format, `"name"`)) {
		return "the answer's schema is " + s.format
	}
	if s.forced != "" && !strings.Contains(s.schemas, `"age"`) {
		return "the forced tool's schema is " + s.schemas
	}
	return ""
}

func stops(s seen) string {
	if !slices.Equal(s.stop, []string{"END"}) {
		return fmt.Sprintf("the stop sequences are %q", s.stop)
	}
	return ""
}

func limits(s seen) string {
	if s.limit != 6 {
		return fmt.Sprintf("the limit is %d", s.limit)
	}
	return ""
}

// failure is an answer that is none, in both dialects.
type failure struct {
	status, anthropicStatus int
	body, anthropicBody     string
}

var failing = map[string]failure{
	"e400": {400, 400, `{"error":{"message":"temperature is too hot","type":"invalid_request_error","param":"temperature","code":"too_hot"}}`,
		`{"type":"error","error":{"type":"invalid_request_error","message":"temperature is too hot"},"request_id":"req_1"}`},
	"e404": {404, 404, `{"error":{"message":"The model does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}`,
		`{"type":"error","error":{"type":"not_found_error","message":"model: e404"},"request_id":"req_1"}`},
	"e429": {429, 429, `{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}`,
		`{"type":"error","error":{"type":"rate_limit_error","message":"slow down"},"request_id":"req_1"}`},
	"e500": {500, 500, `{"error":{"message":"the model fell over","type":"server_error","param":null,"code":null}}`,
		`{"type":"error","error":{"type":"api_error","message":"the model fell over"},"request_id":"req_1"}`},
	"e529": {503, 529, `{"error":{"message":"overloaded","type":"service_unavailable_error","param":null,"code":"server_is_overloaded"}}`,
		`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}`},
}

func (u *upstream) models() string {
	names := append(slices.Collect(maps.Keys(scenarios)), "midstream-error", "e401")
	names = append(names, slices.Collect(maps.Keys(failing))...)
	var list []string
	for _, n := range slices.Sorted(slices.Values(names)) {
		if u.name == "openai" {
			list = append(list, fmt.Sprintf(`{"id":%q,"object":"model","created":1700000000,"owned_by":"someone"}`, n))
		} else {
			list = append(list, fmt.Sprintf(`{"type":"model","id":%q,"display_name":%q,"created_at":"2026-01-01T00:00:00Z"}`, n, n))
		}
	}
	if u.name == "openai" {
		return `{"object":"list","data":[` + strings.Join(list, ",") + `]}`
	}
	return `{"data":[` + strings.Join(list, ",") + `],"has_more":false,"first_id":"e400","last_id":"usage"}`
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		return
	case r.Header.Get("Authorization") != "Bearer "+providerKey && (u.name == "openai" || r.Header.Get("X-Api-Key") != providerKey):
		u.refuse(w, 401, "authentication_error", "invalid_api_key", "bad key")
		return
	case r.URL.Path == "/v1/models":
		io.WriteString(w, u.models())
		return
	case r.URL.Path != u.path:
		u.refuse(w, 404, "not_found_error", "", "no such path: "+r.URL.Path)
		return
	}
	s, err := u.read(r.Header, body)
	if err != nil {
		u.refuse(w, 400, "invalid_request_error", "", err.Error())
		return
	}
	s.thinks = s.thinks || u.unasked
	if f, ok := failing[s.model]; ok {
		status, text := f.status, f.body
		if u.name == "anthropic" {
			status, text = f.anthropicStatus, f.anthropicBody
		}
		if status == 429 {
			w.Header().Set("Retry-After", "7")
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
		return
	}
	u.answer(w, r, s)
}

// answer plays the scenario.
func (u *upstream) answer(w http.ResponseWriter, r *http.Request, s seen) {
	if s.model == "midstream-error" {
		u.send(w, s, "error_midstream", nil)
		return
	}
	play, ok := scenarios[s.model]
	if !ok {
		u.refuse(w, 404, "not_found_error", "model_not_found", "no such model: "+s.model)
		return
	}
	if missing := play.wants(s); missing != "" {
		u.refuse(w, 400, "invalid_request_error", "", "not as the scenario wants it: "+missing)
		return
	}
	file := play.file
	if play.then != "" && len(s.results) > 0 {
		file = play.then
	}
	if s.model == "schema" && s.forced != "" {
		file = "forced"
	}
	if s.model == "slow" {
		u.stalled.Add(1)
		u.send(w, s, file, func(event int) bool { return event < 5 })
		<-r.Context().Done() // an application that went away, told by the gateway
		u.left.Add(1)
		return
	}
	u.send(w, s, file, nil)
}

// send writes the answer of a file; a stream event by event, for as long as more allows it.
func (u *upstream) send(w http.ResponseWriter, s seen, file string, more func(event int) bool) {
	if !s.streamed {
		text, err := answers.ReadFile("testdata/" + u.name + "/" + file + ".response.json")
		if err != nil {
			u.refuse(w, 400, "invalid_request_error", "", err.Error())
			return
		}
		io.WriteString(w, strings.ReplaceAll(string(text), "FORCED", s.forced))
		return
	}
	text, err := answers.ReadFile("testdata/" + u.name + "/" + file + ".stream.txt")
	if err != nil {
		u.refuse(w, 400, "invalid_request_error", "", err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for i, event := range strings.SplitAfter(strings.ReplaceAll(string(text), "FORCED", s.forced), "\n\n") {
		if more != nil && !more(i) {
			return
		}
		if u.name == "openai" && !s.counted && strings.Contains(event, `"choices":[]`) {
			continue
		}
		io.WriteString(w, event)
		http.NewResponseController(w).Flush()
	}
}

func (u *upstream) refuse(w http.ResponseWriter, status int, kind, code, message string) {
	w.WriteHeader(status)
	if u.name == "anthropic" {
		fmt.Fprintf(w, `{"type":"error","error":{"type":%q,"message":%q},"request_id":"req_1"}`, kind, message)
		return
	}
	fmt.Fprintf(w, `{"error":{"message":%q,"type":"invalid_request_error","param":null,"code":%q}}`, message, code)
}

// allLeft waits until each slow answer was broken off and says how many there were.
func (u *upstream) allLeft(t *testing.T) int64 {
	t.Helper()
	late := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for u.stalled.Load() != u.left.Load() {
		select {
		case <-late:
			t.Errorf("%d slow answers of %s began, but only %d were broken off: who leaves is not told to the provider", u.stalled.Load(), u.name, u.left.Load())
			return u.stalled.Load()
		case <-tick.C:
		}
	}
	return u.stalled.Load()
}
