package upstream

import (
	"strings"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

func chunk(text string) []byte { return []byte(`{"id":1,"text":"` + text + `"}`) }

// TestFrame: a text in a frame that came before is found without reading, and nothing else is taken for one.
func TestFrame(t *testing.T) {
	var f Frame
	if _, ok := f.Fits(chunk("x")); ok {
		t.Error("it fits before anything was kept")
	}
	b := chunk("abc")
	from, n := StringAfter(b, []byte(`"text":`))
	f.Keep(b, from, from+n)
	for text, c := range map[string]struct{ fits, text bool }{
		"": {true, false}, "x": {true, true}, `\né`: {true, true}, `a\\`: {false, true}, `\u00e9 x`: {true, true}, `a"b`: {false, false}, `a\"b`: {false, true}, `a\`: {false, false},
		`x","more":"y`: {false, false}, "a\x01": {true, false}, "\xff": {true, false}, `\x y`: {true, false},
	} {
		got, ok := f.Fits(chunk(text))
		if ok != c.fits || ok && string(got) != text {
			t.Errorf("Fits of %q is %q, %v", text, got, ok)
		}
		said, ok := f.Text(chunk(text))
		if ok != c.text || ok && string(said) != text {
			t.Errorf("Text of %q is %q, %v", text, said, ok)
		}
	}
}

func TestFrameLearns(t *testing.T) {
	var f Frame
	b := chunk("abc")
	if !f.Learn(b, wire.Mended(wire.Inside(b[15:20]))) {
		t.Fatal("it was not learnt")
	}
	if got, ok := f.Text(chunk("other")); !ok || string(got) != "other" {
		t.Errorf("%q, %v", got, ok)
	}
	for name, text := range map[string]llm.Text{"a copy": llm.Text("abc"), "nothing": nil, "an empty text": b[16:16]} {
		if f.Learn(b, text) {
			t.Errorf("%s was learnt", name)
		}
		if _, ok := f.Text(chunk("other")); ok {
			t.Errorf("after %s the old frame still fits", name)
		}
	}
	long := []byte(`{"x":"` + strings.Repeat("y", maxFrame) + `","text":"a"}`)
	if f.Learn(long, long[len(long)-3:len(long)-2]) {
		t.Error("a frame larger than the bound was kept")
	}
	f.Learn(b, b[16:19])
	f.Forget()
	if _, ok := f.Text(b); ok {
		t.Error("a frame that was forgotten fits")
	}
}

func TestStringAfter(t *testing.T) {
	for b, want := range map[string]string{`{"text":"a"}`: "a", `{"text": "a\"b" }`: `a\"b`, `{"text":null}`: "", `{"text":"a`: "", `{"other":"a"}`: "", `{"text":`: "", `{"text":""}`: ""} {
		if from, n := StringAfter([]byte(b), []byte(`"text":`)); b[from:from+n] != want {
			t.Errorf("%s: %q", b, b[from:from+n])
		}
	}
}

// FuzzFrame: what fits is what reading finds.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(`{"a":1,"text":"x"}`), []byte(`{"a":1,"text":"y\n"}`))
	f.Add([]byte(`{"text":"x","a":"b"}`), []byte(`{"text":"\\","a":"b"}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		read := func(b []byte) (text []byte, whole bool) {
			whole = wire.Members(b, func(key, v []byte) bool {
				if string(key) == "text" {
					text = wire.Inside(v)
				}
				return true
			})
			return text, whole
		}
		var frame Frame
		text, whole := read(first)
		if !whole || !frame.Learn(first, text) {
			return
		}
		if got, ok := frame.Text(second); ok {
			if want, whole := read(second); !whole || string(got) != string(want) {
				t.Fatalf("after %q the text of %q is %q, read %q", first, second, got, want)
			}
		}
	})
}
