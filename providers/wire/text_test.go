package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"localrouter/providers/llm"
)

// TestTexts: what a text from outside becomes in an answer, and whether a request may hold it.
func TestTexts(t *testing.T) {
	for _, c := range []struct {
		in     string
		mended string // in an answer; "" as it is
		strict string // in a request; "" as it is, "refused"
		means  string // "" the same
	}{
		{in: ""},
		{in: "plain text that is longer than eight letters, and than thirty-two"},
		{in: "é😀"},
		{in: "日本語の文章、三十二バイトよりも長い"},
		{in: `\n\u00e9\ud83d\ude00\/\"\\\b\f\r\t`, means: "\né😀/\"\\\b\f\r\t"},
		{in: `\uD83D\uDE00\u00E9`, means: "😀é"},
		{in: "\x7f\u2028"},
		// Halves of pairs.
		{in: `\ud83d`, strict: `\ufffd`, means: "\uFFFD"},
		{in: `\ude00`, strict: `\ufffd`, means: "\uFFFD"},
		{in: `a\ud83dA\n`, strict: `a\ufffdA\n`, means: "a\uFFFDA\n"},
		{in: `\ud83d\ud83d\ude00\ude00`, strict: `\ufffd\ud83d\ude00\ufffd`, means: "\uFFFD😀\uFFFD"},
		{in: `\ude00\ud83d`, strict: `\ufffd\ufffd`, means: "\uFFFD\uFFFD"},
		{in: `\ud83d\u0041`, strict: `\ufffd\u0041`, means: "\uFFFDA"},
		{in: `\\ud83d`, means: `\ud83d`}, // a backslash and letters
		// Defects.
		{in: "a\x00b", mended: `a\u0000b`, strict: "refused", means: "a\x00b"},
		{in: "tab\tnl\ncr\r", mended: `tab\tnl\ncr\r`, strict: "refused"},
		{in: "1234567\x1f89", mended: `1234567\u001f89`, strict: "refused"},
		{in: `a"b`, mended: `a\"b`, strict: "refused"},
		{in: `12345678"`, mended: `12345678\"`, strict: "refused"},
		{in: `\x`, mended: `\\x`, strict: "refused"},
		{in: `tail\`, mended: `tail\\`, strict: "refused"},
		{in: `\u12G4`, mended: `\\u12G4`, strict: "refused"},
		{in: `\u12`, mended: `\\u12`, strict: "refused"},
		{in: "\xff\xfeé", mended: "\uFFFD\uFFFDé", strict: "refused", means: "\uFFFD\uFFFDé"},
		{in: "\xed\xa0\xbd", mended: "\uFFFD\uFFFD\uFFFD", strict: "refused", means: "\uFFFD\uFFFD\uFFFD"}, // a surrogate in UTF-8
		{in: strings.Repeat("x", 40) + "\xc3", mended: strings.Repeat("x", 40) + "\uFFFD", strict: "refused", means: strings.Repeat("x", 40) + "\uFFFD"},
		{in: "\\n\x01\\ud83d", mended: `\n\u0001\ud83d`, strict: "refused", means: "\n\x01\uFFFD"},
	} {
		mended, strict, means := c.mended, c.strict, c.means
		if mended == "" {
			mended = c.in
		}
		if strict == "" {
			strict = c.in
		}
		if means == "" {
			means = c.in
		}
		in := []byte(c.in)
		if got := Mended(in); string(got) != mended {
			t.Errorf("Mended(%q) is %q, want %q", c.in, got, mended)
		} else if s := Meaning(got); s != means {
			t.Errorf("%q means %q, want %q", got, s, means)
		}
		if got := Sound(in); got != (mended == c.in) {
			t.Errorf("Sound(%q) is %v", c.in, got)
		}
		got, ok := Strict(in)
		if ok != (strict != "refused") || ok && string(got) != strict || cap(got) > len(got)+16 {
			t.Errorf("Strict(%q) is %q, %v; want %q", c.in, got, ok, strict)
		}
		if string(in) != c.in {
			t.Errorf("%q was changed in place to %q", c.in, in)
		}
		if v, ok := StrictValue([]byte(`{"a":["` + c.in + `",{"b":"` + c.in + `"}]}`)); strings.Count(c.in, `"`) == strings.Count(c.in, `\"`) && !strings.HasSuffix(c.in, `l\`) &&
			(ok != (strict != "refused") || ok && string(v) != `{"a":["`+strict+`",{"b":"`+strict+`"}]}`) {
			t.Errorf("StrictValue of %q is %q, %v", c.in, v, ok)
		}
	}
}

// TestHalvesMeetAgain: a pair that a stream cut in two is whole for whoever puts the pieces together.
func TestHalvesMeetAgain(t *testing.T) {
	whole := llm.Text(`a\ud83d\ude00b`)
	for at := 0; at <= len(whole); at++ {
		if at == 1 || at == 7 || at == 13 || at == 0 || at == 14 { // not within an escape
			joined := append(slices.Clone(Mended(whole[:at:at])), Mended(whole[at:])...)
			if Meaning(joined) != "a😀b" {
				t.Errorf("cut at %d: %q", at, joined)
			}
			if n := Letters(whole[:at]) + Letters(whole[at:]); n != 3 {
				t.Errorf("cut at %d: %d letters", at, n)
			}
		}
	}
}

func TestAnAppendedTextDoesNotRunIntoTheBody(t *testing.T) {
	body := []byte(`{"a":"text","b":1}`)
	text, _ := Strict(Inside(body[5:11]))
	_ = append(text, "!!!"...)
	if string(body) != `{"a":"text","b":1}` {
		t.Errorf("%s", body)
	}
}

func TestInside(t *testing.T) {
	for v, want := range map[string]string{`"abc"`: "abc", `"a\"c"`: `a\"c`, `""`: "", `"`: "", ``: "", `12`: "", `null`: "", `{"a":"b"}`: ""} {
		if got := Inside([]byte(v)); string(got) != want || (got != nil) != (len(v) > 1 && v[0] == '"') {
			t.Errorf("Inside(%s) is %q", v, got)
		}
	}
}

func TestOffset(t *testing.T) {
	whole := []byte(`{"a":"text"}`)
	Members(whole, func(key, v []byte) bool {
		if at := Offset(whole, key); at != 2 {
			t.Errorf("the name is at %d", at)
		}
		if at := Offset(whole, Mended(Inside(v))); at != 6 {
			t.Errorf("the text is at %d", at)
		}
		for _, other := range [][]byte{bytes.Clone(v), nil, {}, make([]byte, 1, 5), make([]byte, 40)} {
			if at := Offset(whole, other); at != -1 {
				t.Errorf("%q is at %d", other, at)
			}
		}
		return true
	})
}

func TestStringEnd(t *testing.T) {
	for b, want := range map[string]int{`abc"`: 3, `a\"b"c`: 4, `a\\"`: 3, `a\\\"`: -1, `"`: 0, ``: -1, `abc`: -1, `\"\\\\"`: 6} {
		if got := StringEnd([]byte(b), 0); got != want {
			t.Errorf("StringEnd(%s) is %d, want %d", b, got, want)
		}
	}
	if got := StringEnd([]byte(`\"`), 1); got != 1 { // the backslash is not the string's
		t.Errorf("%d", got)
	}
}

func TestIsObject(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	for b, want := range map[string]bool{`{}`: true, " {\"a\":[1,{}]}\n": true, `{"a":1,"a":2}`: true, deep: true, `{"a":"\ud83d"}`: true,
		``: false, `[]`: false, `"{}"`: false, `{`: false, `{}{}`: false, `{"a":01}`: false, "{\"a\":\"\n\"}": false, `{"a":"\x"}`: false, "{\"a\":\"\xff\"}": false, "{\"a\":1,\"a\":\"\xff\"}": false, `{"a":1,}`: false} {
		if got := IsObject([]byte(b)); got != want {
			t.Errorf("IsObject(%.40q) is %v", b, got)
		}
	}
}

func TestAppendLine(t *testing.T) {
	if got := AppendLine([]byte("a\n"), []byte("{\n\"b\":\r\n1}")); string(got) != "a\n{ \"b\":  1}" {
		t.Errorf("%q", got)
	}
}

// FuzzText: the shortcuts agree with encoding/json, and with each other.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", `\n\u00e9\ud83d\ude00\/`, `\ud83d`, "a\x00\"b\\", "\xff", "日本語 and more than thirty-two bytes of it", `\uD83D\uDE0`} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		quoted := append(append([]byte{'"'}, b...), '"')
		if got, want := Sound(b), utf8.Valid(b) && json.Valid(quoted); got != want {
			t.Fatalf("Sound(%q) is %v", b, got)
		}
		m := Mended(b)
		if Sound(b) != bytes.Equal(m, b) || !Sound(m) {
			t.Fatalf("Mended(%q) is %q", b, m)
		}
		quoted = append(append([]byte{'"'}, m...), '"')
		var std string
		if err := json.Unmarshal(quoted, &std); err != nil || Meaning(m) != std || Text(quoted) != std {
			t.Fatalf("%q means %q, encoding/json reads %q (%v)", m, Meaning(m), std, err)
		}
		if end := StringEnd(quoted, 1); end != len(quoted)-1 {
			t.Fatalf("the string %s ends at %d", quoted, end)
		}
		p := Paired(m)
		if s, ok := Unquote(append(append([]byte{'"'}, p...), '"')); !ok || s != std {
			t.Fatalf("Paired(%q) is %q", m, p)
		}
		if bytes.Equal(p, m) && Letters(m) != utf8.RuneCountInString(std) {
			t.Fatalf("%q has %d letters", m, Letters(m))
		}
		if s, ok := Strict(b); ok != Sound(b) || ok && !bytes.Equal(s, p) {
			t.Fatalf("Strict(%q) is %q, %v", b, s, ok)
		}
		e := TextOf(string(b))
		if !Sound(e) || Meaning(e) != string([]rune(string(b))) || !bytes.Equal(AppendEscaped(nil, b), e) {
			t.Fatalf("TextOf(%q) is %q", b, e)
		}
		// What an answer says does not hang on where the escapes of a pair were parted.
		if at = max(0, min(at, len(m))); Sound(m[:at]) && Sound(m[at:]) {
			if joined := string(Mended(m[:at])) + string(Mended(m[at:])); joined != string(m) {
				t.Fatalf("%q in pieces is %q", m, joined)
			}
		}
		if IsObject(b) {
			var object map[string]json.RawMessage
			if err := json.Unmarshal(b, &object); err != nil || object == nil || !SoundValue(b) {
				t.Fatalf("%q is no object: %v", b, err)
			}
		}
	})
}

func BenchmarkSound(b *testing.B) {
	for _, c := range []struct {
		name string
		text []byte
	}{
		{"word", []byte(" some words")},
		{"2K", []byte(strings.Repeat("some words ", 180))},
		{"code", []byte(strings.Repeat(`\tfor i := range n {\n`, 100))},
		{"日本", []byte(strings.Repeat("日本語の文章。", 100))},
		{"2M", bytes.Repeat([]byte("iVBORw0K"), 250_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				if !Sound(c.text) {
					b.Fatal("it is not sound")
				}
			}
		})
	}
}

func BenchmarkStrict(b *testing.B) {
	for name, text := range map[string][]byte{"2K": []byte(strings.Repeat("some words ", 180)), "code": []byte(strings.Repeat(`\tfor i := range n {\n`, 100)), "2M": bytes.Repeat([]byte("iVBORw0K"), 250_000)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := Strict(text); !ok {
					b.Fatal("it is refused")
				}
			}
		})
	}
}

func BenchmarkAppendUnescaped(b *testing.B) {
	text := llm.Text(strings.Repeat(`\tsome \"words\" of \u00e9\n`, 100))
	dst := make([]byte, 0, len(text))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		dst = AppendUnescaped(dst[:0], text)
	}
}
