package accesslog

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"localrouter/db"
	"localrouter/providers/llm"
)

func sample() db.Entry {
	return db.Entry{
		ID: "req_1", Start: time.Date(2026, 11, 23, 10, 0, 0, 123456789, time.UTC),
		KeyID: "k1", Key: "my-app-1", Provider: "openai", Model: "gpt-4o", Asked: "openai/gpt-4o", Dialect: llm.OpenAI, Op: llm.Chat,
		Path: "/v1/chat/completions", Tag: "nightly", Stream: true, Status: 200, Finish: "stop",
		Usage: llm.Usage{Input: 100, CacheRead: 20, CacheWrite: 3, CacheWriteLong: 4, Output: 50, Reasoning: 10, Estimated: true, Cost: 123, CostReported: true},
		Cost:  1_234_567_890, CostSource: llm.CostComputed, Latency: 1234567891, FirstToken: 200 * time.Millisecond,
		Attempts: []llm.Attempt{{Provider: "a", Model: "m", Kind: llm.Timeout, Status: 504, DurationMS: 10}, {Provider: "openai", Model: "gpt-4o", DurationMS: 20, Dropped: "top_k, stop;approximated"}},
	}
}

// TestLineOfASample pins the names that people and their scripts read.
func TestLineOfASample(t *testing.T) {
	e := sample()
	want := `{"time":"2026-11-23T10:00:00.123456789Z","id":"req_1","key_id":"k1","key":"my-app-1","provider":"openai","model":"gpt-4o",` +
		`"asked":"openai/gpt-4o","dialect":"openai","op":"chat","path":"/v1/chat/completions","tag":"nightly","stream":true,"status":200,` +
		`"finish":"stop","input":100,"cache_read":20,"cache_write":3,"cache_write_long":4,"output":50,"reasoning":10,"estimated":true,` +
		`"provider_cost_usd":0.000000000123,"provider_cost_reported":true,"cost_usd":0.00123456789,"cost_source":"computed",` +
		`"latency_ms":1234.567891,"first_token_ms":200,"attempts":[{"duration_ms":10,"provider":"a","model":"m","kind":"timeout","status":504},` +
		`{"duration_ms":20,"provider":"openai","model":"gpt-4o","dropped":"top_k, stop;approximated"}]}` + "\n"
	if d := cmp.Diff(want, string(AppendLine(nil, &e))); d != "" {
		t.Error(d)
	}
}

var texts = rapid.StringOfN(rapid.Rune(), 0, 15, -1)

var entries = rapid.Custom(func(t *rapid.T) db.Entry {
	n := rapid.Int64()
	text := func(name string) string { return texts.Draw(t, name) }
	e := db.Entry{
		ID: text("id"), Start: time.Unix(rapid.Int64Range(-1e9, 1e11).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
		KeyID: text("keyid"), Key: text("key"), Provider: text("provider"), Model: text("model"), Asked: text("asked"),
		Dialect: llm.Dialect(text("dialect")), Op: llm.Op(text("op")), Path: text("path"), Tag: text("tag"),
		Stream: rapid.Bool().Draw(t, "stream"), Status: rapid.IntRange(0, 999).Draw(t, "status"), Kind: llm.Kind(text("kind")),
		Error: text("error"), Finish: text("finish"),
		Usage: llm.Usage{
			Input: n.Draw(t, "in"), CacheRead: n.Draw(t, "cr"), CacheWrite: n.Draw(t, "cw"), CacheWriteLong: n.Draw(t, "cl"), Output: n.Draw(t, "out"),
			Reasoning: n.Draw(t, "rs"), Estimated: rapid.Bool().Draw(t, "est"), Cost: llm.PicoUSD(n.Draw(t, "ucost")), CostReported: rapid.Bool().Draw(t, "rep"),
		},
		Cost: llm.PicoUSD(n.Draw(t, "cost")), CostSource: llm.CostSource(text("source")),
		Latency: time.Duration(n.Draw(t, "lat")), FirstToken: time.Duration(n.Draw(t, "first")),
	}
	for range rapid.IntRange(0, 4).Draw(t, "attempts") {
		e.Attempts = append(e.Attempts, llm.Attempt{Provider: text("ap"), Model: text("am"), Kind: llm.Kind(text("ak")), Status: 1, DurationMS: n.Draw(t, "ad"), Dropped: text("ax")})
	}
	return e
})

// TestEveryFieldComesBack: what is logged can be counted again to the last digit.
func TestEveryFieldComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := entries.Draw(t, "entry")
		line := AppendLine(nil, &want)
		got, err := ParseLine(line)
		if err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s: %s", line, d)
		}
	})
}

// TestLinesStayShortAndPlain: whatever an application or provider sends, a line stays under 8 KB, is one line of JSON,
// and moves no terminal.
func TestLinesStayShortAndPlain(t *testing.T) {
	for name, bad := range map[string]string{
		"long": strings.Repeat("x", 1<<20), "control": strings.Repeat("\x1b", 1<<16), "line breaks": strings.Repeat("\r\n", 1<<16),
		"no characters": strings.Repeat("\xff", 1<<16), "wide": strings.Repeat("漢字", 1<<16), "turned": strings.Repeat("\u202e\u0085", 1<<16), "quotes": strings.Repeat(`"\`, 1<<16),
	} {
		e := sample()
		e.ID, e.KeyID, e.Key, e.Provider, e.Model, e.Asked, e.Path, e.Tag, e.Error, e.Finish = bad, bad, bad, bad, bad, bad, bad, bad, bad, bad
		e.Dialect, e.Op, e.Kind, e.CostSource = llm.Dialect(bad), llm.Op(bad), llm.Kind(bad), llm.CostSource(bad)
		e.Usage = llm.Usage{Input: math.MinInt64, CacheRead: math.MinInt64, CacheWrite: math.MinInt64, CacheWriteLong: math.MinInt64, Output: math.MinInt64, Reasoning: math.MinInt64, Cost: math.MinInt64, CostReported: true, Estimated: true}
		e.Cost, e.Latency, e.FirstToken = math.MinInt64, math.MinInt64, math.MinInt64
		for range 50 {
			e.Attempts = append(e.Attempts, llm.Attempt{Provider: bad, Model: bad, Kind: llm.Kind(bad), Status: 500, DurationMS: math.MinInt64, Dropped: bad})
		}
		line := AppendLine(nil, &e)
		if len(line) >= maxLine || !json.Valid(line) || bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Errorf("%s: %d bytes, valid %t: %.200q", name, len(line), json.Valid(line), line)
		}
		for _, r := range string(line[:len(line)-1]) {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e {
				t.Fatalf("%s: the line holds %U", name, r)
			}
		}
		if _, err := ParseLine(line); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseLineRefuses(t *testing.T) {
	for _, bad := range []string{
		``, `{}`, `null`, `[]`, `{"time":"yesterday"}`, `{"time":"2026-11-23T10:00:00Z","cost_usd":1e99}`, `{"time":"2026-11-23T10:00:00Z","latency_ms":99999999999999999999}`,
		`{"time":"2026-11-23T10:00:00Z","latency_ms":0.1234567}`, `{"time":"2026-11-23T10:00:00Z","cost_usd":"a"}`, `{"time":"2026-11-23T10:00:00Z"`,
	} {
		if e, err := ParseLine([]byte(bad)); err == nil {
			t.Errorf("%s was taken for %+v", bad, e)
		}
	}
}

// FuzzParseLine: foreign bytes never panic, and what is accepted settles: written and read again it stays the same.
func FuzzParseLine(f *testing.F) {
	e := sample()
	f.Add(AppendLine(nil, &e))
	f.Add([]byte(`{"time":"2026-11-23T10:00:00Z","cost_usd":-1.5,"attempts":[{}],"asked":"\u0000\ud800"}`))
	f.Add([]byte(`{"time":"9999-12-31T23:59:59.999999999-23:59","unknown":[1]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := ParseLine(b)
		if err != nil || first.Start.Year() > 9999 || first.Start.Year() < 1 {
			return
		}
		line := AppendLine(nil, &first)
		second, err := ParseLine(line)
		if err != nil || len(line) >= maxLine {
			t.Fatalf("%v: %s", err, line)
		}
		if again := AppendLine(nil, &second); !bytes.Equal(again, line) {
			t.Fatalf("%s\nbecame\n%s", line, again)
		}
	})
}

func BenchmarkAppendLine(b *testing.B) {
	b.ReportAllocs()
	e := sample()
	buf := make([]byte, 0, 1024)
	for b.Loop() {
		buf = AppendLine(buf[:0], &e)
	}
	b.ReportMetric(float64(len(buf)), "B/line")
}

func BenchmarkParseLine(b *testing.B) {
	b.ReportAllocs()
	e := sample()
	line := AppendLine(nil, &e)
	for b.Loop() {
		if _, err := ParseLine(line); err != nil {
			b.Fatal(err)
		}
	}
}
