package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"localrouter/db"
	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing"
)

// The rig is a gateway with fakes on all sides: keys, a recorder that keeps everything, a codec of ten lines and a
// provider that does what a test writes down.

const goodToken = "lr-good"

type fakeKeys struct {
	mu   sync.Mutex
	keys map[string]*db.Key // by token
	subs []func()
}

func (k *fakeKeys) ByToken(token string) (*db.Key, *llm.Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch key := k.keys[token]; {
	case token == "lr-locked":
		return nil, &llm.Error{Kind: llm.VaultLocked, Status: 503, Code: "vault_locked", Message: "The vault is locked."}
	case key == nil:
		return nil, unauthorised("The API key is unknown.")
	case key.Disabled:
		return nil, &llm.Error{Kind: llm.KeyDisabled, Status: 403, Code: "key_disabled", Message: "The key is disabled."}
	default:
		return key, nil
	}
}

func (k *fakeKeys) HasOrigin(origin string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if slices.Contains(key.Origins, origin) {
			return true
		}
	}
	return false
}

func (k *fakeKeys) Subscribe(fn func()) func() {
	k.subs = append(k.subs, fn)
	return func() {}
}

func (k *fakeKeys) Ended(key *db.Key) *llm.Error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, now := range k.keys {
		if now == key {
			return nil
		}
	}
	return &llm.Error{Kind: llm.KeyDisabled, Status: 403, Code: "key_disabled", Message: "The key is disabled."}
}

func (k *fakeKeys) remove(token string) {
	k.mu.Lock()
	delete(k.keys, token)
	k.mu.Unlock()
	for _, fn := range k.subs {
		fn()
	}
}

type fakeRecorder struct {
	mu   sync.Mutex
	list []*db.Entry
	came chan *db.Entry
}

func (r *fakeRecorder) Record(e *db.Entry) {
	r.mu.Lock()
	r.list = append(r.list, e)
	r.mu.Unlock()
	select {
	case r.came <- e:
	default:
	}
}

func (r *fakeRecorder) entries() []*db.Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// fakeCodec knows enough of the OpenAI dialect for the door.
type fakeCodec struct{}

func (fakeCodec) Dialect() llm.Dialect { return llm.OpenAI }
func (fakeCodec) Scan(op llm.Op, path string, body []byte) (*llm.Request, error) {
	var head struct {
		Model  string `json:"model"`
		Stream bool   `json:"stream"`
		Panic  bool   `json:"panic"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, badRequest("invalid_json", "The body is not valid JSON: "+err.Error())
	}
	if head.Panic {
		panic("a defect in the codec")
	}
	return &llm.Request{Dialect: llm.OpenAI, Op: op, Path: path, Model: head.Model, Stream: head.Stream, Body: body, InputEstimate: 7}, nil
}
func (fakeCodec) Error(e *llm.Error) (int, string, []byte) {
	if e.Body != nil {
		return e.Status, e.ContentType, e.Body
	}
	return e.Status, "application/json", errorBody(e)
}
func (fakeCodec) StreamError(_ llm.Op, e *llm.Error) []byte {
	return fmt.Appendf(nil, "data: %s\n\ndata: [DONE]\n\n", errorBody(e))
}

func (fakeCodec) Decode(*llm.Request) (*llm.Conversation, error) { return &llm.Conversation{}, nil }
func (fakeCodec) Encoder(*llm.Request, llm.Answered) llm.Encoder { return nil }
func (fakeCodec) KeepAlive() []byte                              { return nil }

func errorBody(e *llm.Error) []byte {
	b, _ := json.Marshal(map[string]any{"error": map[string]any{"message": e.Message, "type": string(e.Kind), "code": e.Code, "param": nil}})
	return b
}

// fakeProvider does what answer says and counts who asked.
type fakeProvider struct {
	asked  atomic.Int64
	mu     sync.Mutex
	got    []*llm.Request
	models []string
	answer func(ctx context.Context, req *llm.Request, obs llm.Observer) (llm.Relay, error)
}

func (p *fakeProvider) Models(context.Context) ([]llm.Model, error) { return nil, nil }
func (p *fakeProvider) Send(ctx context.Context, req *llm.Request, model string, obs llm.Observer) (llm.Relay, error) {
	p.asked.Add(1)
	p.mu.Lock()
	p.got, p.models = append(p.got, req), append(p.models, model)
	p.mu.Unlock()
	return p.answer(ctx, req, obs)
}

// fakeRelay plays steps; a nil step ends it with err.
type fakeRelay struct {
	head   llm.Head
	ctx    context.Context
	obs    llm.Observer
	step   func(n int) ([]byte, error)
	n      int
	usage  *llm.Usage
	closed atomic.Bool
}

func (r *fakeRelay) Head() llm.Head { return r.head }
func (r *fakeRelay) Close() error   { r.closed.Store(true); return nil }
func (r *fakeRelay) Next() ([]byte, error) {
	if r.n == 0 {
		r.obs.Committed()
	}
	b, err := r.step(r.n)
	r.n++
	if err == io.EOF && r.usage != nil {
		r.obs.Usage(*r.usage)
		r.obs.Finish("stop")
	}
	return b, err
}

// whole answers with one body.
func whole(body string) func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) {
	return func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
		return &fakeRelay{ctx: ctx, obs: obs, usage: &llm.Usage{Input: 3, Output: 5},
			head: llm.Head{Status: 200, ContentType: "application/json", Length: int64(len(body)), Header: []llm.Field{{Name: "X-Request-Id", Value: "up-1"}}},
			step: func(n int) ([]byte, error) {
				if n == 0 {
					return []byte(body), nil
				}
				return nil, io.EOF
			}}, nil
	}
}

const event = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n"

// endless streams events with a pause between until its context ends; stopped is told when it does.
func endless(gap time.Duration, stopped chan<- time.Time) func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error) {
	return func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
		return streamRelay(ctx, obs, func(int) ([]byte, error) {
			select {
			case <-time.After(gap):
				return []byte(event), nil
			case <-ctx.Done():
				if stopped != nil {
					stopped <- time.Now()
				}
				return nil, ctx.Err()
			}
		}), nil
	}
}

func streamRelay(ctx context.Context, obs llm.Observer, step func(int) ([]byte, error)) *fakeRelay {
	return &fakeRelay{ctx: ctx, obs: obs, head: llm.Head{Status: 200, ContentType: "text/event-stream", Stream: true, Length: -1}, step: step}
}

type fixedDirectory struct{ now *llm.Sources }

func (d fixedDirectory) Sources() *llm.Sources { return d.now }

type rig struct {
	*Gateway
	tb       testing.TB
	keys     *fakeKeys
	recorder *fakeRecorder
	provider *fakeProvider
	settings *settings.Settings
	server   *httptest.Server
}

func newRig(tb testing.TB, change ...func(*Options)) *rig {
	s := settings.Default()
	r := &rig{tb: tb, settings: &s}
	r.keys = &fakeKeys{keys: map[string]*db.Key{
		goodToken: {ID: "k1", Name: "my-app-1", Origins: []string{"https://app.example", "null"}},
		"lr-off":  {ID: "k2", Name: "my-app-2", Disabled: true},
		"lr-bare": {ID: "k3", Name: "my-app-3"},
	}}
	r.recorder = &fakeRecorder{came: make(chan *db.Entry, 4096)}
	r.provider = &fakeProvider{answer: whole(`{"id":"1","choices":[]}`)}
	directory := fixedDirectory{llm.NewSources([]*llm.Source{{Name: "p", Dialect: llm.OpenAI, Provider: r.provider, Models: []llm.Model{
		{ID: "m", ContextLength: 8192, MaxOutput: 1024, InputModes: []string{"text", "image"}, OutputModes: []string{"text"}, Created: time.Unix(1700000000, 0),
			Price: &llm.Price{Input: 2_500_000, CacheRead: 1_250_000, Output: 10_000_000}},
		{ID: "vendor/deep/m:2", OwnedBy: "vendor"},
	}}, {Name: "here", Dialect: llm.OpenAI, Local: true, Provider: r.provider, Models: []llm.Model{{ID: "small"}}}})}
	o := Options{Keys: r.keys, Recorder: r.recorder, Codecs: []llm.Codec{fakeCodec{}}, Directory: directory, Router: routing.New(directory, routing.Options{}),
		Settings: func() *settings.Settings { return r.settings }, InstallID: "me", Version: "test"}
	for _, f := range change {
		f(&o)
	}
	r.Gateway = New(o)
	tb.Cleanup(r.Gateway.Close)
	return r
}

// serve opens a real port for the gateway.
func (r *rig) serve() string {
	r.server = httptest.NewServer(r.Gateway)
	r.tb.Cleanup(func() { r.server.CloseClientConnections(); r.server.Close() })
	return r.server.URL
}

func request(method, path, body string) *http.Request {
	var b io.Reader
	if body != "" {
		b = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, path, b)
	req.Host = "127.0.0.1:3636"
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+goodToken)
	return req
}

// call sends one request through the handler, without a port.
func (r *rig) call(req *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

const chatBody = `{"model":"p/m","messages":[{"role":"user","content":"hi"}]}`
const streamBody = `{"model":"p/m","stream":true,"messages":[{"role":"user","content":"hi"}]}`

// only returns the one record there must be.
func (r *rig) only() *db.Entry {
	r.tb.Helper()
	list := r.recorder.entries()
	if len(list) != 1 {
		r.tb.Fatalf("%d records, want 1", len(list))
	}
	return list[0]
}

// next waits for the next record.
func (r *rig) next() *db.Entry {
	r.tb.Helper()
	select {
	case e := <-r.recorder.came:
		return e
	case <-time.After(10 * time.Second):
		r.tb.Fatal("no record within 10 s")
		return nil
	}
}

// post sends one request over the network.
func post(tb testing.TB, ctx context.Context, base, path, body string) *http.Response {
	tb.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+goodToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	return resp
}

func (p *fakeProvider) Converse(context.Context, *llm.Order, llm.Observer) (llm.Stream, error) {
	panic("asked to translate")
}
