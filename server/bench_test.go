package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"localrouter/db"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/upstream"
)

// What the door itself costs, with fakes behind it; and over loopback beside the least that a gateway on net/http can
// do, against the same upstream and with the same client, whose cost is in both figures.

// nowhere is a response writer that throws everything away.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(int)             {}
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (w *nowhere) Flush()                      {}

type dropRecorder struct{}

func (dropRecorder) Record(*db.Entry) {}

const benchChunks = 100

func benchHandler(b *testing.B, body string, answer func(context.Context, *llm.Request, llm.Observer) (llm.Relay, error)) {
	r := newRig(b, func(o *Options) { o.Recorder = dropRecorder{}; o.Codecs = []llm.Codec{headCodec{}} })
	r.provider.answer = answer
	req := request("POST", "/v1/chat/completions", body)
	rd := strings.NewReader(body)
	keep := *req
	w := &nowhere{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		rd.Reset(body)
		*req = keep
		req.Body = io.NopCloser(rd)
		clear(w.header)
		r.provider.got, r.provider.models = r.provider.got[:0], r.provider.models[:0]
		r.ServeHTTP(w, req)
	}
}

// headCodec scans like the real one in cost: no decoding.
type headCodec struct{ fakeCodec }

func (headCodec) Scan(op llm.Op, path string, body []byte) (*llm.Request, error) {
	req := &llm.Request{Dialect: llm.OpenAI, Op: op, Path: path, Body: body, InputEstimate: int64(len(body) / 4)}
	i := bytes.Index(body, []byte(`"model":"`))
	if i < 0 {
		return nil, badRequest("invalid_json", "no model")
	}
	rest := body[i+9:]
	req.Model = string(rest[:bytes.IndexByte(rest, '"')])
	req.Stream = bytes.Contains(body[:min(len(body), 200)], []byte(`"stream":true`))
	return req, nil
}

func BenchmarkDoorWhole(b *testing.B) {
	answer := []byte(strings.Repeat("x", 1500))
	benchHandler(b, chatBody, func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
		return &fakeRelay{obs: obs, usage: &llm.Usage{Input: 1}, head: llm.Head{Status: 200, ContentType: "application/json", Length: 1500}, step: func(n int) ([]byte, error) {
			if n == 0 {
				return answer, nil
			}
			return nil, io.EOF
		}}, nil
	})
}

func BenchmarkDoorStreamOf100(b *testing.B) {
	chunk := []byte(event)
	benchHandler(b, streamBody, func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
		return streamRelay(ctx, obs, func(n int) ([]byte, error) {
			if n < benchChunks {
				return chunk, nil
			}
			return nil, io.EOF
		}), nil
	})
}

func BenchmarkDoorRefusedKey(b *testing.B) {
	r := newRig(b, func(o *Options) { o.Recorder = dropRecorder{} })
	req := request("POST", "/v1/chat/completions", chatBody)
	req.Header.Set("Authorization", "Bearer lr-wrong")
	w := &nowhere{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		r.ServeHTTP(w, req)
	}
}

// httpProvider is the least of a provider's client over HTTP.
type httpProvider struct {
	tr     *http.Transport
	target *url.URL
}

func newTransport() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 2048, MaxIdleConns: 4096, DisableCompression: true}
}

func (p *httpProvider) Models(context.Context) ([]llm.Model, error) { return nil, nil }
func (p *httpProvider) Send(ctx context.Context, req *llm.Request, _ string, obs llm.Observer) (llm.Relay, error) {
	out := (&http.Request{Method: "POST", URL: p.target, Host: p.target.Host, ContentLength: int64(len(req.Body)), Header: http.Header{
		"Content-Type": {"application/json"}, "Authorization": {"Bearer sk-upstream"}, "User-Agent": {"bench"}},
		Body: io.NopCloser(bytes.NewReader(req.Body))}).WithContext(ctx)
	resp, err := p.tr.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	return &httpRelay{resp: resp, obs: obs, buf: readBuffers.Get().(*[]byte)}, nil
}

var readBuffers = sync.Pool{New: func() any { b := make([]byte, 4<<10); return &b }}

type httpRelay struct {
	resp    *http.Response
	obs     llm.Observer
	buf     *[]byte
	started bool
}

func (r *httpRelay) Head() llm.Head {
	return llm.Head{Status: r.resp.StatusCode, ContentType: r.resp.Header.Get("Content-Type"), Length: r.resp.ContentLength, Stream: r.resp.ContentLength < 0}
}

func (r *httpRelay) Next() ([]byte, error) {
	n, err := r.resp.Body.Read(*r.buf)
	b := (*r.buf)[:n]
	if n > 0 && !r.started {
		r.started = true
		r.obs.Committed()
	}
	if i := bytes.LastIndex(b, []byte(`"usage":{`)); i >= 0 {
		var u struct {
			Total int64 `json:"total_tokens"`
		}
		if json.NewDecoder(bytes.NewReader(b[i+8:])).Decode(&u) == nil {
			r.obs.Usage(llm.Usage{Output: u.Total})
		}
	}
	return b, err
}

func (r *httpRelay) Close() error {
	if r.buf != nil {
		readBuffers.Put(r.buf)
		r.buf = nil
	}
	return r.resp.Body.Close()
}

// benchUpstream answers whole, or with a stream of benchChunks.
func benchUpstream(tb testing.TB) *url.URL {
	answer := []byte(`{"choices":[{"message":{"content":"` + strings.Repeat("x", 1400) + `"}}],"usage":{"total_tokens":12}}`)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
			w.Write(answer)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for range benchChunks {
			io.WriteString(w, event)
			w.(http.Flusher).Flush()
		}
		io.WriteString(w, "data: {\"choices\":[],\"usage\":{\"total_tokens\":12}}\n\ndata: [DONE]\n\n")
	}))
	tb.Cleanup(s.Close)
	u, err := url.Parse(s.URL + "/v1/chat/completions")
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

// stdRelay is the yardstick: key lookup, model found without decoding, bytes relayed, usage noticed, counters.
func stdRelay(target *url.URL) http.Handler {
	var requests, tokens atomic.Int64
	keys := map[[32]byte]bool{sha256.Sum256([]byte(goodToken)): true}
	tr := newTransport()
	reads := sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}
	bufs := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		if !keys[sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))] {
			http.Error(w, "no key", http.StatusUnauthorized)
			return
		}
		in := bufs.Get().(*bytes.Buffer)
		defer bufs.Put(in)
		in.Reset()
		in.Grow(int(r.ContentLength) + bytes.MinRead)
		in.ReadFrom(r.Body)
		if !bytes.Contains(in.Bytes(), []byte(`"model":"`)) {
			http.Error(w, "model", 400)
			return
		}
		req := (&http.Request{Method: "POST", URL: target, Host: target.Host, ContentLength: int64(in.Len()), Header: http.Header{
			"Content-Type": {"application/json"}, "Authorization": {"Bearer sk-upstream"}, "User-Agent": {"limit"}},
			Body: io.NopCloser(bytes.NewReader(in.Bytes()))}).WithContext(r.Context())
		resp, err := tr.RoundTrip(req)
		if err != nil {
			http.Error(w, "upstream", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		h := w.Header()
		h["Content-Type"] = resp.Header["Content-Type"]
		if resp.ContentLength >= 0 {
			h["Content-Length"] = []string{strconv.FormatInt(resp.ContentLength, 10)}
		}
		w.WriteHeader(resp.StatusCode)
		bp := reads.Get().(*[]byte)
		defer reads.Put(bp)
		for {
			n, err := resp.Body.Read(*bp)
			if n > 0 {
				b := (*bp)[:n]
				if i := bytes.LastIndex(b, []byte(`"usage":{`)); i >= 0 {
					var u struct {
						Total int64 `json:"total_tokens"`
					}
					if json.NewDecoder(bytes.NewReader(b[i+8:])).Decode(&u) == nil {
						tokens.Add(u.Total)
					}
				}
				w.Write(b)
				if resp.ContentLength < 0 {
					w.(http.Flusher).Flush()
				}
			}
			if err != nil {
				break
			}
		}
		requests.Add(1)
	})
	return mux
}

// What is measured.
const (
	std  = iota // the yardstick
	door        // the gateway with the least codec and provider's client
	real        // the gateway with the codec and client of the OpenAI dialect
)

func benchLoopback(b *testing.B, what int, body string) {
	target := benchUpstream(b)
	var base string
	if what != std {
		r := newRig(b, func(o *Options) {
			o.Recorder, o.Codecs = dropRecorder{}, []llm.Codec{headCodec{}}
			if what == real {
				o.Codecs = []llm.Codec{openai.NewCodec()}
			}
		})
		var p llm.Provider = &httpProvider{tr: newTransport(), target: target}
		if what == real {
			var err error
			if p, err = openai.New(openai.Options{Options: upstream.Options{Name: "p", BaseURL: strings.TrimSuffix(target.String(), "/chat/completions"), Key: "sk-upstream"}}); err != nil {
				b.Fatal(err)
			}
		}
		r.provider.answer = func(ctx context.Context, req *llm.Request, obs llm.Observer) (llm.Relay, error) {
			r.provider.mu.Lock()
			r.provider.got, r.provider.models = nil, nil
			r.provider.mu.Unlock()
			return p.Send(ctx, req, "m", obs)
		}
		l := NewListener(r.Gateway, ListenerOptions{})
		if err := l.Start("127.0.0.1:0"); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { l.Stop(context.Background()) })
		base = "http://" + l.Addr()
	} else {
		s := httptest.NewUnstartedServer(stdRelay(target))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.Start()
		b.Cleanup(s.Close)
		base = s.URL
	}
	client := newTransport()
	b.Cleanup(client.CloseIdleConnections)
	b.ReportAllocs()
	cpu := cpuTime()
	n := 0
	for b.Loop() {
		req, _ := http.NewRequest("POST", base+"/v1/chat/completions", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+goodToken)
		resp, err := client.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
			b.Fatal(resp.Status, err)
		}
		resp.Body.Close()
		n++
	}
	b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/float64(n)/1000, "cpu-us/op")
}

var (
	body2K = `{"model":"p/m","messages":[{"role":"user","content":"` + strings.Repeat("word ", 400) + `"}]}`
	body2M = `{"model":"p/m","messages":[{"role":"user","content":"` + strings.Repeat("picture ", 250_000) + `"}]}`
)

func BenchmarkLoopbackWholeStd(b *testing.B)   { benchLoopback(b, std, body2K) }
func BenchmarkLoopbackWholeDoor(b *testing.B)  { benchLoopback(b, door, body2K) }
func BenchmarkLoopbackWholeReal(b *testing.B)  { benchLoopback(b, real, body2K) }
func BenchmarkLoopbackStreamStd(b *testing.B)  { benchLoopback(b, std, streamBody) }
func BenchmarkLoopbackStreamDoor(b *testing.B) { benchLoopback(b, door, streamBody) }
func BenchmarkLoopbackStreamReal(b *testing.B) { benchLoopback(b, real, streamBody) }
func BenchmarkLoopback2MStd(b *testing.B)      { benchLoopback(b, std, body2M) }
func BenchmarkLoopback2MDoor(b *testing.B)     { benchLoopback(b, door, body2M) }
func BenchmarkLoopback2MReal(b *testing.B)     { benchLoopback(b, real, body2M) }

func (p *httpProvider) Converse(context.Context, *llm.Order, llm.Observer) (llm.Stream, error) {
	panic("asked to translate")
}
