package providers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"localrouter/providers/anthropic"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/upstream"
)

// direction is one way of a translation: an application of one dialect, a provider of the other.
type direction struct {
	app, provider llm.Dialect
	codec         llm.Codec
	request       string
	path          string
	features      *llm.Features
	streams       string // golden streams of the provider's dialect
	providerEnd   string // the provider's end mark
	appEnd        string // the application's
	connect       func(trip func(*http.Request) (*http.Response, error)) (llm.Provider, error)
}

var directions = []direction{
	{llm.Anthropic, llm.OpenAI, anthropic.NewCodec(),
		`{"model":"p/m","max_tokens":900,"stream":true,"messages":[{"role":"user","content":"hi"}],"tools":[{"name":"get_weather","input_schema":{"type":"object"}}]}`, "/messages",
		openai.Features(), "openai/testdata/golden/openai-chat/*.stream.txt", "data: [DONE]", "event: message_stop",
		func(trip func(*http.Request) (*http.Response, error)) (llm.Provider, error) {
			return openai.New(openai.Options{Options: upstream.Options{Name: "p", BaseURL: "http://127.0.0.1/v1", Trip: trip}})
		}},
	{llm.OpenAI, llm.Anthropic, openai.NewCodec(),
		`{"model":"p/m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object"}}}]}`, "/chat/completions",
		anthropic.Features(), "anthropic/testdata/golden/anthropic/*.stream.txt", "event: message_stop", "data: [DONE]",
		func(trip func(*http.Request) (*http.Response, error)) (llm.Provider, error) {
			return anthropic.New(anthropic.Options{Options: upstream.Options{Name: "p", BaseURL: "http://127.0.0.1/v1", Trip: trip}})
		}},
}

// translated sends the request of d to a provider that answers with body, and reads the answer in the application's
// dialect.
func (d *direction) translated(t testing.TB, body io.Reader, whole bool) (out []byte, err error) {
	t.Helper()
	p, err := d.connect(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(body)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text := d.request
	if whole {
		text = strings.Replace(text, `"stream":true`, `"stream":false`, 1)
	}
	req, err := d.codec.Scan(llm.Chat, d.path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if req.Conversation, err = d.codec.Decode(req); err != nil {
		t.Fatal(err)
	}
	plan := llm.Plan(req, d.features, nil)
	if plan.Refused != nil {
		t.Fatal(plan.Refused)
	}
	stream, err := p.Converse(context.Background(), &llm.Order{Request: req, ID: "m", Plan: plan}, nobody{})
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	relay := llm.Translated(stream, d.codec.Encoder(req, llm.Answered{Provider: "p", Model: "m", ID: "x", Created: 1}), whole)
	for {
		b, err := relay.Next()
		out = append(out, b...)
		if err != nil {
			return out, err
		}
	}
}

type nobody struct{}

func (nobody) Committed()        {}
func (nobody) Usage(llm.Usage)   {}
func (nobody) Finish(string)     {}
func (nobody) Failed(*llm.Error) {}

// goldenStreams are the answers of the vendors' own pages.
func (d *direction) goldenStreams(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(d.streams)
	if err != nil || len(files) < 8 {
		t.Fatalf("%d golden streams in %s, %v", len(files), d.streams, err)
	}
	all := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = b
	}
	return all
}

// halves reads a body in two pieces, with reads between them that bring nothing.
type halves struct {
	pieces [][]byte
	idle   int
}

func (h *halves) Read(p []byte) (int, error) {
	if len(h.pieces) == 0 {
		return 0, io.EOF
	}
	if h.idle = (h.idle + 1) % 3; h.idle == 1 {
		return 0, nil
	}
	n := copy(p, h.pieces[0])
	if h.pieces[0] = h.pieces[0][n:]; len(h.pieces[0]) == 0 {
		h.pieces = h.pieces[1:]
	}
	return n, nil
}

// TestTranslatedStreamsSurviveEverySplit: wherever the network cuts a stream in two, and byte by byte, the application
// gets the same bytes.
func TestTranslatedStreamsSurviveEverySplit(t *testing.T) {
	for _, d := range directions {
		for name, body := range d.goldenStreams(t) {
			t.Run(string(d.provider)+"/"+name, func(t *testing.T) {
				want, wantErr := d.translated(t, bytes.NewReader(body), false)
				for at := range len(body) {
					got, err := d.translated(t, &halves{pieces: [][]byte{body[:at], body[at:]}}, false)
					if !bytes.Equal(got, want) || llm.AsError(orNil(err)) == nil != (llm.AsError(orNil(wantErr)) == nil) {
						t.Fatalf("cut at %d of %d:\n%s\n%v\nwant\n%s\n%v", at, len(body), got, err, want, wantErr)
					}
				}
				var single [][]byte
				for i := range body {
					single = append(single, body[i:i+1])
				}
				if got, _ := d.translated(t, &halves{pieces: single}, false); !bytes.Equal(got, want) {
					t.Fatalf("byte by byte:\n%s\nwant\n%s", got, want)
				}
				crlf := bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
				if got, _ := d.translated(t, bytes.NewReader(crlf), false); !bytes.Equal(got, want) {
					t.Fatalf("with CRLF:\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

// orNil takes the clean end for what it is.
func orNil(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// TestTranslatedStreamsThatBreakNeverEndCleanly cuts streams short at a thousand places: each ends with an error, or
// with everything.
func TestTranslatedStreamsThatBreakNeverEndCleanly(t *testing.T) {
	for _, d := range directions {
		t.Run(string(d.app)+" over "+string(d.provider), func(t *testing.T) {
			streams := d.goldenStreams(t)
			var names []string
			for name := range streams {
				names = append(names, name)
			}
			chance := rand.New(rand.NewPCG(4, uint64(len(d.provider))))
			clean := 0
			for range 1000 {
				body := streams[names[chance.IntN(len(names))]]
				at := chance.IntN(len(body) + 1)
				for _, whole := range []bool{false, true} {
					var r io.Reader = bytes.NewReader(body[:at])
					broken := chance.IntN(2) == 0
					if broken {
						r = io.MultiReader(r, resets{})
					}
					out, err := d.translated(t, r, whole)
					// A server of the OpenAI dialect that has named the finish may leave the end mark away.
					ended := bytes.Contains(body[:at], []byte(d.providerEnd)) ||
						d.provider == llm.OpenAI && !broken && bytes.Contains(body[:at], []byte(`"finish_reason":"`))
					switch e, failed := errors.AsType[*llm.Error](err); {
					case err == io.EOF && !ended:
						t.Fatalf("cut at %d a stream ends cleanly:\n%s\nof\n%s", at, out, body[:at])
					case err == io.EOF:
						clean++
					case !failed || e.Provider != "p" || e.Message == "" || e.Status < 400:
						t.Fatalf("cut at %d: %#v", at, err)
					case whole && len(out) > 0:
						t.Fatalf("cut at %d, half a reply is handed out: %s", at, out)
					case bytes.Contains(out, []byte(d.appEnd)):
						t.Fatalf("cut at %d, the end mark stands before the error:\n%s", at, out)
					}
				}
			}
			t.Logf("%d of 2000 ended cleanly", clean)
		})
	}
}

// resets is a connection that breaks.
type resets struct{}

func (resets) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }
