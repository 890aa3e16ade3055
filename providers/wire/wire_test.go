package wire

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRetryAfterInAllItsSpellings(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"nothing":               {http.Header{}, 0},
		"seconds":               {http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		"broken seconds":        {http.Header{"Retry-After": {"0.25"}}, 250 * time.Millisecond},
		"a unit":                {http.Header{"Retry-After": {"1m30s"}}, 90 * time.Second},
		"a date":                {http.Header{"Retry-After": {"Tue, 24 Nov 2026 12:01:00 GMT"}}, time.Minute},
		"a date that is over":   {http.Header{"Retry-After": {"Tue, 24 Nov 2026 11:00:00 GMT"}}, 0},
		"milliseconds":          {http.Header{"Retry-After-Ms": {"1500"}}, 1500 * time.Millisecond},
		"milliseconds go first": {http.Header{"Retry-After-Ms": {"1500"}, "Retry-After": {"9"}}, 1500 * time.Millisecond},
		"bad milliseconds":      {http.Header{"Retry-After-Ms": {"soon"}, "Retry-After": {"9"}}, 9 * time.Second},
		"negative":              {http.Header{"Retry-After": {"-5"}}, 0},
		"not a number":          {http.Header{"Retry-After": {"NaN"}}, 0},
		"for ever":              {http.Header{"Retry-After": {"Inf"}}, 0},
		"a century":             {http.Header{"Retry-After": {"3153600000"}}, MaxRetryAfter},
		"words":                 {http.Header{"Retry-After": {"later"}}, 0},
	} {
		if got := RetryAfter(c.header, now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestAQuotaTellsWhenItIsGivenAnew, in the spellings of OpenAI, Anthropic and OpenRouter: the last of those that are used up
// counts.
func TestAQuotaTellsWhenItIsGivenAnew(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	field := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"nothing":          {field(), 0},
		"something left":   {field("x-ratelimit-remaining-requests", "3", "x-ratelimit-reset-requests", "6m0s"), 0},
		"OpenAI":           {field("x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "6m0s"), 6 * time.Minute},
		"the tokens only":  {field("x-ratelimit-remaining-requests", "7", "x-ratelimit-reset-requests", "6m0s", "x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "20ms"), 20 * time.Millisecond},
		"both":             {field("x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "1s", "x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "59.5"), 59500 * time.Millisecond},
		"Anthropic":        {field("anthropic-ratelimit-output-tokens-remaining", "0", "anthropic-ratelimit-output-tokens-reset", "2026-11-24T12:00:42Z"), 42 * time.Second},
		"OpenRouter":       {field("x-ratelimit-remaining", "0", "x-ratelimit-reset", "1795521690000"), 90 * time.Second},
		"epoch in seconds": {field("x-ratelimit-remaining", "0", "x-ratelimit-reset", "1795521690"), 90 * time.Second},
		"over":             {field("x-ratelimit-remaining", "0", "x-ratelimit-reset", "1795521500"), 0},
		"words":            {field("x-ratelimit-remaining", "0", "x-ratelimit-reset", "soon"), 0},
	} {
		if got := QuotaReset(c.header, now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"1", "1e300", "-0", "1h", "Tue, 24 Nov 2026 12:01:00 GMT", "0x1p-2"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if d := RetryAfter(http.Header{"Retry-After": {a}, "Retry-After-Ms": {b}}, time.Unix(1_800_000_000, 0)); d < 0 || d > MaxRetryAfter {
			t.Fatalf("%v", d)
		}
		if d := QuotaReset(http.Header{"X-Ratelimit-Remaining": {a}, "X-Ratelimit-Reset": {b}}, time.Unix(1_800_000_000, 0)); d < 0 || d > MaxRetryAfter {
			t.Fatalf("%v", d)
		}
	})
}

func TestRedactorTakesKeysOut(t *testing.T) {
	var r Redactor
	r.Know([]string{"hunter22-long", "hunter22-long-and-more", "ab", ""})
	for text, gone := range map[string]string{
		"failed with hunter22-long-and-more":               "hunter22",
		"x hunter22-long y":                                "hunter22",
		"Incorrect API key provided: sk-proj-abc123DEF456": "abc123",
		"key lr-F6lg2BpxHBA-9APswzfkhmraxNexlLVJ1VdahnRt8": "F6lg2",
		`{"api_key": "0123456789abcdef"}`:                  "0123456789abcdef",
		"Authorization: Basic dXNlcjpwYXNz":                "dXNlcjpwYXNz",
		"Bearer abcdefghij":                                "abcdefghij",
		"GET /x?key=AIzaSyD4abcdefghijkl":                  "AIza",
		"eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl":               "eyJ",
	} {
		if got := r.Clean(text); strings.Contains(got, gone) || !strings.Contains(got, removed) {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, text := range []string{"the model ab is unknown", "skip this risk-free task", "dial tcp 127.0.0.1:21000: connection refused"} {
		if got := r.Clean(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestUnquoteIsStrict(t *testing.T) {
	for q, want := range map[string]string{`"a"`: "a", `"\u0041\n\/\\\""`: "A\n/\\\"", `"\ud83d\ude00"`: "😀", `"ü"`: "ü", `""`: ""} {
		if got, ok := Unquote([]byte(q)); !ok || got != want {
			t.Errorf("%s: %q, %v", q, got, ok)
		}
	}
	for _, q := range []string{``, `"`, `a`, `"a`, `"\x"`, `"\u12"`, `"\ud800"`, `"\ude00"`, `"a"b"`, "\"\n\"", "\"\xff\"", `"\"`} {
		if got, ok := Unquote([]byte(q)); ok {
			t.Errorf("%q is taken for %q", q, got)
		}
	}
}

// FuzzQuote: what is written is read back, and what is read is what encoding/json reads.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a\"b\\", "ü😀\x00\x7f", "\u2028", "\xff", `\ud800`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := AppendQuote(nil, s)
		var std string
		if err := json.Unmarshal(q, &std); err != nil || std != string([]rune(s)) {
			t.Fatalf("%q is written %s, read %q (%v)", s, q, std, err)
		}
		if got, ok := Unquote(q); !ok || got != std {
			t.Fatalf("%s is read %q, %v; encoding/json reads %q", q, got, ok, std)
		}
		if got, ok := Unquote([]byte(s)); ok {
			if err := json.Unmarshal([]byte(s), &std); err != nil || got != std {
				t.Fatalf("%q is read %q; encoding/json reads %q (%v)", s, got, std, err)
			}
		}
	})
}

// FuzzMembers: any bytes are read without harm, and what is well-formed is read as encoding/json reads it.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"b":[{},"x"],"c":{"d":null}}`, `{"a"`, `{"a":"\"}`, `[1,2]`, "", `{"a":{]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		ok := Members(b, func(key, v []byte) bool {
			n++
			Text(v)
			Int(v)
			Empty(v)
			Elements(v, func(v []byte) bool { return Members(v, func(_, _ []byte) bool { return true }) })
			return true
		})
		var object map[string]json.RawMessage
		if json.Unmarshal(b, &object) == nil && object != nil && (!ok || n < len(object)) {
			t.Fatalf("%q has %d members, %d were seen (%v)", b, len(object), n, ok)
		}
	})
}
