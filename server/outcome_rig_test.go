package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"localrouter/db"
	"localrouter/db/settings"
	"localrouter/providers/anthropic"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/providertest"
	"localrouter/providers/upstream"
	"localrouter/routing"
)

// peer is a provider of a test: a real client in front of an upstream that does what a script says.
type peer struct {
	name    string
	dialect llm.Dialect
	local   bool
	keys    []string // ids of its credentials, each of which is sent as "sk-" and the id; nil: one, sent as "sk-" and the name
	models  []llm.Model
	options upstream.Options // of the client, where they are not the usual ones
	kind    string           // llm.Source.Type; empty: the dialect's name
	url     string           // of a server of the test's own in the upstream's place
}

// scene is a gateway with real routing, real clients and hostile upstreams, and a clock that a test can move on.
type scene struct {
	*rig
	url    string
	up     map[string]*providertest.Upstream
	router *routing.Router

	chance float64 // of the pauses between attempts: 0 takes them away, 1 makes them as long as they get

	mu   sync.Mutex
	late time.Duration
}

func (s *scene) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.late)
}

// pass lets time go by for everybody who was given the clock.
func (s *scene) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late += d
}

// stage builds a scene. Peers whose options name a Trip have no upstream; with such only, no port is opened. The settings have a router "two" over the model m of all peers in their order; change edits them.
func stage(t *testing.T, peers []peer, change ...func(*settings.Settings)) *scene {
	t.Helper()
	s := &scene{up: map[string]*providertest.Upstream{}}
	conf := settings.Default()
	two := settings.NewRouter("two")
	var list []*llm.Source
	for i := range peers {
		p := peers[i]
		switch {
		case p.options.Trip != nil:
			p.url = "http://127.0.0.1:1/v1"
		case p.url == "":
			s.up[p.name] = providertest.New(t)
			p.url = s.up[p.name].URL
		}
		list = append(list, source(t, &p))
		two.Select.Manual = append(two.Select.Manual, p.name+"/m")
	}
	conf.Routers = append(conf.Routers, two)
	for _, f := range change {
		f(&conf)
	}
	current := func() *settings.Settings { return &conf }
	s.rig = newRig(t, func(o *Options) {
		directory := fixedDirectory{llm.NewSources(list)}
		s.router = routing.New(directory, routing.Options{Now: s.clock, Rand: func() float64 { return s.chance }, Settings: current})
		o.Codecs = []llm.Codec{openai.NewCodec(), anthropic.NewCodec()}
		o.Directory, o.Router, o.Settings = directory, s.router, current
	})
	s.settings = &conf
	if len(peers) > 0 && peers[0].options.Trip == nil {
		s.url = s.serve()
	}
	return s
}

func source(t *testing.T, p *peer) *llm.Source {
	t.Helper()
	src := &llm.Source{Name: p.name, Type: p.kind, Dialect: p.dialect, Local: p.local, Models: p.models}
	if src.Type == "" {
		src.Type = string(p.dialect)
	}
	if src.Models == nil {
		src.Models = []llm.Model{{ID: "m"}}
	}
	keys := p.keys
	if keys == nil {
		keys = []string{""}
	}
	for _, id := range keys {
		o := p.options
		o.Name, o.BaseURL, o.Key, o.Local = p.name, p.url, "sk-"+cmp.Or(id, p.name), p.local
		c := llm.Credential{ID: id, Name: id}
		if p.dialect == llm.Anthropic {
			client, err := anthropic.New(anthropic.Options{Options: o})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			c.Provider, src.Features = client, anthropic.Features()
		} else {
			client, err := openai.New(openai.Options{Options: o})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			c.Provider, src.Features = client, openai.Features()
		}
		src.Credentials = append(src.Credentials, c)
	}
	src.Provider = src.Credentials[0].Provider
	if p.keys == nil {
		src.Credentials = nil
	}
	return src
}

// policy changes what the key of the tests may do.
func (s *scene) policy(change func(*db.Key)) {
	s.keys.mu.Lock()
	key := *s.keys.keys[goodToken]
	change(&key)
	s.keys.keys[goodToken] = &key
	s.keys.mu.Unlock()
	for _, fn := range s.keys.subs {
		fn()
	}
}

// answer is what an application got, and what was written down about it.
type answer struct {
	*http.Response
	body  string
	err   error // of reading the body
	entry *db.Entry
}

// chat has an application of a dialect ask a model.
func (s *scene) chat(dialect llm.Dialect, model string, stream bool, fields ...string) *answer {
	s.tb.Helper()
	return s.send(chatPath(dialect), chatText(dialect, model, stream), fields...)
}

func chatPath(dialect llm.Dialect) string {
	if dialect == llm.Anthropic {
		return "/v1/messages"
	}
	return "/v1/chat/completions"
}

func chatText(dialect llm.Dialect, model string, stream bool) string {
	return fmt.Sprintf(`{"model":%q,"max_tokens":100,"stream":%t,"messages":[{"role":"user","content":"hi"}]}`, model, stream)
}

// send sends one request, reads the answer to its end and waits for the record. Fields are given as name, value.
func (s *scene) send(path, body string, fields ...string) *answer {
	s.tb.Helper()
	req, err := http.NewRequestWithContext(s.tb.Context(), "POST", s.url+path, strings.NewReader(body))
	if err != nil {
		s.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+goodToken)
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	return s.do(req)
}

func (s *scene) do(req *http.Request) *answer {
	s.tb.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req) // a redirect must show
	if err != nil {
		s.tb.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return &answer{Response: resp, body: string(b), err: err, entry: s.next()}
}

// get reads a document of the gateway.
func (s *scene) get(path string, fields ...string) *answer {
	s.tb.Helper()
	req, err := http.NewRequestWithContext(s.tb.Context(), "GET", s.url+path, nil)
	if err != nil {
		s.tb.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+goodToken)
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	return s.do(req)
}

// receipt is what the gateway tells the key about a request.
func (s *scene) receipt(a *answer) *llm.Receipt {
	s.tb.Helper()
	got := s.get("/v1/generation?id=" + a.Header.Get("X-Localrouter-Request-Id"))
	if got.StatusCode != 200 {
		s.tb.Fatalf("no receipt: %d %s", got.StatusCode, got.body)
	}
	r := &llm.Receipt{}
	if err := json.Unmarshal([]byte(got.body), r); err != nil {
		s.tb.Fatal(err)
	}
	return r
}

// asked counts the requests that have come to an upstream.
func (s *scene) asked(name string) int { return len(s.up[name].Received()) }

// said is the error that an application reads.
type saidError struct{ kind, code, message string }

// readError reads the error of an answer in the dialect, from its body or, of an event stream, its last event.
func readError(dialect llm.Dialect, a *answer) (saidError, error) {
	text := a.body
	if strings.HasPrefix(a.Header.Get("Content-Type"), "text/event-stream") {
		if dialect == llm.OpenAI {
			if !strings.HasSuffix(text, "\n\n"+providertest.Done) {
				return saidError{}, fmt.Errorf("it has no end mark: %q", text)
			}
			text = strings.TrimSuffix(text, providertest.Done)
		}
		text = strings.TrimSuffix(text, "\n\n")
		text = text[strings.LastIndex(text, "data: ")+len("data: "):]
		if dialect == llm.Anthropic && !strings.Contains(a.body, "event: error\ndata: "+text) {
			return saidError{}, fmt.Errorf("it is no error event: %q", a.body)
		}
	}
	var e struct {
		Type  string
		Error struct {
			Type, Message string
			Code          any
		}
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return saidError{}, fmt.Errorf("%q: %w", text, err)
	}
	if e.Error.Message == "" || e.Error.Type == "" || dialect == llm.Anthropic && e.Type != "error" {
		return saidError{}, fmt.Errorf("%q is not the dialect's envelope", text)
	}
	code, _ := e.Error.Code.(string)
	return saidError{e.Error.Type, code, e.Error.Message}, nil
}

// What providers of both dialects say, whole or streamed.

const okText = "the answer"

func ok(dialect llm.Dialect, stream bool) providertest.Script {
	switch {
	case dialect == llm.Anthropic && stream:
		return providertest.Stream(messageStart, messageText(okText), messageStop)
	case dialect == llm.Anthropic:
		return providertest.JSON(200, messageReply)
	case stream:
		return providertest.Stream(providertest.Chat(okText)...)
	}
	return providertest.JSON(200, providertest.Reply(okText))
}

const (
	messageReply = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"` + okText + `"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":3}}`
	messageStart = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n" +
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	messageStop = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n" +
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":3}}\n\n" +
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
)

func messageText(text string) string {
	return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" + text + "\"}}\n\n"
}

// begins is a stream that says something and then goes on as end says.
func begins(dialect llm.Dialect, end func(*providertest.Conn) error, text string) providertest.Script {
	if dialect == llm.Anthropic {
		return providertest.StreamThen(end, messageStart, messageText(text))
	}
	return providertest.StreamThen(end, providertest.Role(), providertest.Text(text))
}

// silent is a stream that has begun and says nothing yet.
func silent(dialect llm.Dialect, end func(*providertest.Conn) error) providertest.Script {
	if dialect == llm.Anthropic {
		return providertest.StreamThen(end, messageStart)
	}
	return providertest.StreamThen(end, providertest.Role())
}

// refusal is an error body of a dialect.
func refusal(dialect llm.Dialect, kind, code, message string) string {
	if dialect == llm.Anthropic {
		return fmt.Sprintf(`{"type":"error","error":{"type":%q,"message":%q,"details":{"error_code":%q}},"request_id":"req_1"}`, kind, message, code)
	}
	return fmt.Sprintf(`{"error":{"message":%q,"type":%q,"param":null,"code":%q}, "extra":1}`, message, kind, code)
}

// byKey answers each credential in its own way.
func byKey(scripts map[string]providertest.Script) providertest.Script {
	return func(c *providertest.Conn) error {
		h := c.Request().Header
		key := strings.TrimPrefix(h.Get("Authorization"), "Bearer ") + h.Get("X-Api-Key")
		return scripts[strings.TrimPrefix(key, "sk-")](c)
	}
}
