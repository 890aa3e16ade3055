package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"localrouter/providers/llm"
)

// part spells one part of a form.
func part(disposition, value string) string {
	return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + value + "\r\n"
}

func TestModelFieldIsFoundHoweverTheFormIsCut(t *testing.T) {
	file := part(`name="file"; filename="a.wav"`, "RIFF\r\n--\r\n-b \x00\xff")
	model := part(`name="model"`, "p/whisper")
	for _, c := range []struct {
		name, form string
		err        error // nil: p/whisper is found
	}{
		{"first", model + file + "--b--\r\n", nil},
		{"last", file + model + "--b--\r\n", nil},
		{"after an empty part", part(`name="prompt"`, "") + model + "--b--", nil},
		{"after a line break", "\r\n" + model + "--b--", nil},
		{"with a type", "--b\r\nContent-Type: text/plain; charset=utf-8\r\ncontent-disposition: form-data; name=model\r\n\r\np/whisper\r\n--b--", nil},
		{"text before", "hello\r\n" + model, errDelimiter},
		{"the boundary within a part", part(`name="file"`, "x--bx") + model, errDelimiter},
		{"line feeds only", strings.ReplaceAll(model, "\r\n", "\n") + "--b--", errDelimiter},
		{"a longer boundary", part(`name="file"`, "x\r\n--bc\r\n") + model, errDelimiter},
		{"space after the boundary", "--b \r\nContent-Disposition: form-data; name=model\r\n\r\nx\r\n--b--", errDelimiter},
		{"no disposition", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" + model, errPartHeader},
		{"two dispositions", "--b\r\nContent-Disposition: form-data; name=model\r\nContent-Disposition: form-data; name=x\r\n\r\nx\r\n--b--", errPartHeader},
		{"two names", part(`name="x"; name="model"`, "y") + "--b--", errPartHeader},
		{"header without end", "--b\r\nX: " + strings.Repeat("x", 9000), errPartHeader},
		{"a file as model", part(`name="model"; filename="m"`, "p/whisper") + "--b--", errModelField},
		{"Model", part(`name="Model"`, "p/whisper") + model + "--b--", errModelField},
		{"empty model", part(`name="model"`, "") + "--b--", errModelField},
		{"huge model", part(`name="model"`, strings.Repeat("x", 600)) + "--b--", errModelField},
		{"huge model without end", "--b\r\nContent-Disposition: form-data; name=model\r\n\r\n" + strings.Repeat("x", 9000), errModelField},
	} {
		for _, step := range []int{1, 2, 3, 7, 64, 1 << 20} {
			f := newForm("b")
			var got string
			var err error
			for n := step; ; n += step {
				b := []byte(c.form[:min(n, len(c.form))])
				var at llm.Span
				var found bool
				if at, found, err = f.model(b); found {
					got = string(b[at.Start:at.End])
				}
				if found || err != nil || n >= len(c.form) {
					break
				}
			}
			if !errors.Is(err, c.err) || (c.err == nil) != (got == "p/whisper") {
				t.Errorf("%s, step %d: got %q %v, want %v", c.name, step, got, err, c.err)
			}
		}
	}
}

func TestFormReachesTheProviderWithItsOwnModelName(t *testing.T) {
	for _, order := range []string{"model first", "model last"} {
		for _, chunked := range []bool{false, true} {
			var body bytes.Buffer
			w := multipart.NewWriter(&body)
			file := bytes.Repeat([]byte("sound\r\n--not-it"), 20_000)
			field := func() { w.WriteField("model", "p/whisper-1") }
			if order == "model first" {
				field()
			}
			fw, _ := w.CreateFormFile("file", "a.wav")
			fw.Write(file)
			if order == "model last" {
				field()
			}
			w.Close()

			r := newRig(t)
			var got []byte
			var length int64
			r.provider.answer = func(ctx context.Context, req *llm.Request, obs llm.Observer) (llm.Relay, error) {
				// What a provider's client does with the span.
				got = append(bytes.Clone(req.Body[:req.ModelSpan.Start]), "whisper-1"...)
				got = append(got, req.Body[req.ModelSpan.End:]...)
				if length = req.Length; length >= 0 {
					length -= int64(len("p/"))
				}
				if req.Rest != nil {
					rest, err := io.ReadAll(req.Rest)
					if err != nil {
						return nil, err
					}
					got = append(got, rest...)
				}
				return whole(`{"text":"hi"}`)(ctx, req, obs)
			}
			var from io.Reader = bytes.NewReader(body.Bytes())
			if chunked {
				from = iotest.OneByteReader(bytes.NewReader(body.Bytes()))
			}
			req, _ := http.NewRequest("POST", r.serve()+"/v1/audio/transcriptions", from)
			req.Header.Set("Content-Type", w.FormDataContentType())
			req.Header.Set("Authorization", "Bearer "+goodToken)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			want := bytes.Replace(body.Bytes(), []byte("p/whisper-1"), []byte("whisper-1"), 1)
			if resp.StatusCode != 200 || !bytes.Equal(got, want) || string(answer) != `{"text":"hi"}` {
				t.Errorf("%s, chunked %v: %d, the provider got %d bytes of %d: %s", order, chunked, resp.StatusCode, len(got), len(want), answer)
			}
			if !chunked && length != int64(len(want)) {
				t.Errorf("%s: length %d, want %d", order, length, len(want))
			}
			e := r.next()
			if e.Op != llm.Forward || e.Asked != "p/whisper-1" || e.Model != "whisper-1" || e.Path != "/v1/audio/transcriptions" || e.Kind != "" || r.memory.used.Load() != 0 {
				t.Errorf("record: %+v", e)
			}
		}
	}
}

func TestSecondModelFieldEndsTheUpload(t *testing.T) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	w.WriteField("model", "p/whisper-1")
	fw, _ := w.CreateFormFile("file", "a.wav")
	fw.Write(make([]byte, 300_000))
	w.WriteField("model", "p/dear")
	w.Close()
	r := newRig(t)
	whole := make(chan error, 1)
	r.provider.answer = func(ctx context.Context, req *llm.Request, obs llm.Observer) (llm.Relay, error) {
		_, err := io.ReadAll(req.Rest)
		whole <- err
		return nil, &llm.Error{Kind: llm.BadRequest, Status: 400, Message: "cut", Err: err}
	}
	req := request("POST", "/v1/audio/transcriptions", body.String())
	req.Header.Set("Content-Type", w.FormDataContentType())
	if got := r.call(req); got.Code != 400 {
		t.Errorf("got %d", got.Code)
	}
	if err := <-whole; !errors.Is(err, errSecondModel) {
		t.Errorf("the provider's client read %v", err)
	}
}

// FuzzForm holds the finder to Go's own reader of forms: where both read a form, they read the same model, and how
// the bytes are cut makes no difference.
func FuzzForm(f *testing.F) {
	f.Add([]byte(part(`name="file"; filename="a"`, "x")+part(`name="model"`, "m")+"--b--\r\n"), 3)
	f.Add([]byte(part(`name="model"`, "m")+part(`name="model"`, "n")+"--b--"), 1)
	f.Add([]byte("--b\r\n\r\n\r\n--b--"), 2)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		if step < 1 || step > len(b) {
			step = len(b) + 1
		}
		at, found, err := newForm("b").model(b)
		pieces := newForm("b")
		var at2 llm.Span
		var found2 bool
		var err2 error
		for n := step; ; n += step {
			at2, found2, err2 = pieces.model(b[:min(n, len(b))])
			if found2 || err2 != nil || n >= len(b) {
				break
			}
		}
		if found != found2 || found && at != at2 {
			t.Fatalf("whole: %v %v %v; in steps of %d: %v %v %v", at, found, err, step, at2, found2, err2)
		}
		if !found {
			return
		}
		r := multipart.NewReader(bytes.NewReader(b), "b")
		for {
			p, err := r.NextRawPart()
			if err != nil {
				t.Fatalf("found %q where Go's reader finds no part: %v", b[at.Start:at.End], err)
			}
			if p.FormName() == "model" {
				value, err := io.ReadAll(p)
				if err != nil || !bytes.Equal(value, b[at.Start:at.End]) {
					t.Fatalf("found %q, Go's reader %q %v", b[at.Start:at.End], value, err)
				}
				return
			}
		}
	})
}
