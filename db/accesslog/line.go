package accesslog

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"localrouter/db"
	"localrouter/providers/llm"
)

// maxLine is what a line stays under, newline included, whatever an application or a provider sends.
const maxLine = 8 << 10

// How many bytes a text may take in the line, escapes included. Their sum and the figures stay below attemptsEnd. Names
// that count in the metrics have room for db.MaxName bytes even where each needs the longest escape, because a replayed
// line must find the cell its entry was counted in.
const (
	nameRoom    = 6 * db.MaxName
	shortRoom   = 128
	mediumRoom  = 256
	errorRoom   = 1024
	attemptsEnd = maxLine - 16
)

// AppendLine appends the line of e, newline included. The order of the fields is fixed; empty ones are left out.
func AppendLine(dst []byte, e *db.Entry) []byte {
	start := len(dst)
	dst = append(dst, `{"time":"`...)
	dst = appendTime(dst, e.Start)
	dst = append(dst, '"')
	dst = appendText(dst, "id", e.ID, shortRoom)
	dst = appendText(dst, "key_id", db.CutText(e.KeyID, db.MaxName), nameRoom)
	dst = appendText(dst, "key", e.Key, mediumRoom)
	dst = appendText(dst, "provider", db.CutText(e.Provider, db.MaxName), nameRoom)
	dst = appendText(dst, "model", db.CutText(e.Model, db.MaxName), nameRoom)
	dst = appendText(dst, "asked", e.Asked, errorRoom)
	dst = appendText(dst, "dialect", string(e.Dialect), shortRoom)
	dst = appendText(dst, "op", string(e.Op), shortRoom)
	dst = appendText(dst, "path", e.Path, mediumRoom)
	dst = appendText(dst, "tag", e.Tag, mediumRoom)
	dst = appendFlag(dst, "stream", e.Stream)
	dst = appendCount(dst, "status", int64(e.Status))
	dst = appendText(dst, "kind", string(e.Kind), shortRoom)
	dst = appendText(dst, "error", e.Error, errorRoom)
	dst = appendText(dst, "finish", e.Finish, shortRoom)
	dst = appendUsage(dst, &e.Usage)
	if e.Cost != 0 || e.CostSource != "" && e.CostSource != llm.CostUnknown {
		dst = append(dst, `,"cost_usd":`...)
		dst = appendDecimal(dst, int64(e.Cost), 12)
	}
	dst = appendText(dst, "cost_source", string(e.CostSource), shortRoom)
	dst = appendMillis(dst, "latency_ms", e.Latency)
	dst = appendMillis(dst, "first_token_ms", e.FirstToken)
	dst = appendAttempts(dst, start, e.Attempts)
	dst = appendRoute(dst, start, e.Route)
	return append(dst, '}', '\n')
}

func appendUsage(dst []byte, u *llm.Usage) []byte {
	dst = appendCount(dst, "input", u.Input)
	dst = appendCount(dst, "cache_read", u.CacheRead)
	dst = appendCount(dst, "cache_write", u.CacheWrite)
	dst = appendCount(dst, "cache_write_long", u.CacheWriteLong)
	dst = appendCount(dst, "output", u.Output)
	dst = appendCount(dst, "reasoning", u.Reasoning)
	dst = appendFlag(dst, "estimated", u.Estimated)
	if u.CostReported || u.Cost != 0 {
		dst = append(dst, `,"provider_cost_usd":`...)
		dst = appendDecimal(dst, int64(u.Cost), 12)
		dst = appendFlag(dst, "provider_cost_reported", u.CostReported)
	}
	return dst
}

// appendAttempts lists the attempts in order for as long as the line has room.
func appendAttempts(dst []byte, start int, attempts []llm.Attempt) []byte {
	if len(attempts) == 0 {
		return dst
	}
	dst = append(dst, `,"attempts":[`...)
	for i := range attempts {
		a := &attempts[i]
		before := len(dst)
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"duration_ms":`...)
		dst = strconv.AppendInt(dst, a.DurationMS, 10)
		dst = appendText(dst, "provider", a.Provider, mediumRoom)
		dst = appendText(dst, "model", a.Model, mediumRoom)
		dst = appendText(dst, "kind", string(a.Kind), shortRoom)
		dst = appendCount(dst, "status", int64(a.Status))
		dst = appendText(dst, "dropped", a.Dropped, mediumRoom)
		dst = append(dst, '}')
		if len(dst)-start > attemptsEnd {
			dst = dst[:before]
			break
		}
	}
	return append(dst, ']')
}

// appendRoute tells how a router chose, as far as the line has room: of those passed over fewer are named then.
func appendRoute(dst []byte, start int, route *llm.Route) []byte {
	if route == nil {
		return dst
	}
	short := *route
	short.Chosen = db.CutText(short.Chosen, db.MaxName)
	for {
		text, err := json.Marshal(&short)
		if err == nil && len(dst)-start+len(text) < attemptsEnd-len(`,"route":`) {
			return append(append(dst, `,"route":`...), text...)
		}
		if err != nil || len(short.Passed) == 0 {
			return dst
		}
		short.Passed = short.Passed[:len(short.Passed)-1]
	}
}

// appendTime holds the year within what RFC 3339 can say.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		t = time.Time{}
	}
	return t.AppendFormat(dst, time.RFC3339Nano)
}

func appendKey(dst []byte, name string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}

func appendCount(dst []byte, name string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendInt(appendKey(dst, name), n, 10)
}

func appendFlag(dst []byte, name string, on bool) []byte {
	if !on {
		return dst
	}
	return append(appendKey(dst, name), "true"...)
}

func appendMillis(dst []byte, name string, d time.Duration) []byte {
	if d == 0 {
		return dst
	}
	return appendDecimal(appendKey(dst, name), int64(d), 6)
}

// appendDecimal appends n / 10^places exactly, without trailing zeros.
func appendDecimal(dst []byte, n int64, places int) []byte {
	u := uint64(n)
	if n < 0 {
		dst = append(dst, '-')
		u = -u
	}
	unit := uint64(1)
	for range places {
		unit *= 10
	}
	dst = strconv.AppendUint(dst, u/unit, 10)
	rest := u % unit
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for rest > 0 {
		unit /= 10
		dst = append(dst, byte('0'+rest/unit))
		rest %= unit
	}
	return dst
}

// appendText appends a text of at most room bytes; what goes beyond is cut at a whole character.
func appendText(dst []byte, name, s string, room int) []byte {
	if s == "" {
		return dst
	}
	dst = append(appendKey(dst, name), '"')
	end := len(dst) + room
	if len(s) <= room && plain(s) {
		return append(append(dst, s...), '"')
	}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		before := len(dst)
		dst = appendRune(dst, r)
		if len(dst) > end {
			dst = dst[:before]
			break
		}
		i += size
	}
	return append(dst, '"')
}

// plain reports whether s needs no escape.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

const hex = "0123456789abcdef"

// appendRune escapes also what is legal in JSON but moves the cursor or turns the text around in a terminal: the line
// is for people who read it with cat and tail.
func appendRune(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r == '\n':
		return append(dst, '\\', 'n')
	case r == '\t':
		return append(dst, '\\', 't')
	case r < ' ', r >= 0x7f && r < 0xa0, r == 0x061c, r >= 0x200e && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return append(dst, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
	}
	return utf8.AppendRune(dst, r) // a byte that is no character comes out as U+FFFD
}

// line is the shape of a line for reading.
type line struct {
	Time         time.Time      `json:"time"`
	ID           string         `json:"id"`
	KeyID        string         `json:"key_id"`
	Key          string         `json:"key"`
	Provider     string         `json:"provider"`
	Model        string         `json:"model"`
	Asked        string         `json:"asked"`
	Dialect      llm.Dialect    `json:"dialect"`
	Op           llm.Op         `json:"op"`
	Path         string         `json:"path"`
	Tag          string         `json:"tag"`
	Stream       bool           `json:"stream"`
	Status       int            `json:"status"`
	Kind         llm.Kind       `json:"kind"`
	Error        string         `json:"error"`
	Finish       string         `json:"finish"`
	Input        int64          `json:"input"`
	CacheRead    int64          `json:"cache_read"`
	CacheWrite   int64          `json:"cache_write"`
	CacheLong    int64          `json:"cache_write_long"`
	Output       int64          `json:"output"`
	Reasoning    int64          `json:"reasoning"`
	Estimated    bool           `json:"estimated"`
	ProviderCost decimal        `json:"provider_cost_usd"`
	CostReported bool           `json:"provider_cost_reported"`
	Cost         decimal        `json:"cost_usd"`
	CostSource   llm.CostSource `json:"cost_source"`
	Latency      decimal        `json:"latency_ms"`
	FirstToken   decimal        `json:"first_token_ms"`
	Attempts     []llm.Attempt  `json:"attempts"`
	Route        *llm.Route     `json:"route"`
}

// ParseLine reads a line back. Fields it does not know are skipped, so a newer program's lines can be read.
func ParseLine(b []byte) (db.Entry, error) {
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return db.Entry{}, fmt.Errorf("read a line of the access log: %w", err)
	}
	if l.Time.IsZero() {
		return db.Entry{}, fmt.Errorf("read a line of the access log: it has no time")
	}
	e := db.Entry{
		ID: l.ID, Start: l.Time.UTC(), KeyID: l.KeyID, Key: l.Key, Provider: l.Provider, Model: l.Model, Asked: l.Asked,
		Dialect: l.Dialect, Op: l.Op, Path: l.Path, Tag: l.Tag, Stream: l.Stream, Status: l.Status, Kind: l.Kind,
		Error: l.Error, Finish: l.Finish, CostSource: l.CostSource, Attempts: l.Attempts, Route: l.Route,
		Usage: llm.Usage{
			Input: l.Input, CacheRead: l.CacheRead, CacheWrite: l.CacheWrite, CacheWriteLong: l.CacheLong,
			Output: l.Output, Reasoning: l.Reasoning, Estimated: l.Estimated, CostReported: l.CostReported,
		},
	}
	for _, d := range []struct {
		text   decimal
		places int
		to     *int64
	}{
		{l.Cost, 12, (*int64)(&e.Cost)}, {l.ProviderCost, 12, (*int64)(&e.Usage.Cost)},
		{l.Latency, 6, (*int64)(&e.Latency)}, {l.FirstToken, 6, (*int64)(&e.FirstToken)},
	} {
		n, err := d.text.scaled(d.places)
		if err != nil {
			return db.Entry{}, fmt.Errorf("read a line of the access log: %w", err)
		}
		*d.to = n
	}
	return e, nil
}
