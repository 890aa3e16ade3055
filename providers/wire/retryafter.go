package wire

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter bounds what a provider may ask for; a longer wait is a mistake or an attack.
const MaxRetryAfter = 30 * 24 * time.Hour

// RetryAfter reads how long a provider asks to be left alone, in any of the spellings in use: retry-after-ms, and
// Retry-After in whole or broken seconds, with a unit, or as a date. 0: not said.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if v := first(h, "Retry-After-Ms", "X-Ms-Retry-After-Ms"); v != "" {
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			if d := span(f, time.Millisecond); d > 0 {
				return d
			}
		}
	}
	v := first(h, "Retry-After")
	if v == "" {
		return 0
	}
	if f, err := strconv.ParseFloat(v, 64); err == nil {
		return span(f, time.Second)
	}
	if d, err := time.ParseDuration(v); err == nil {
		return min(max(d, 0), MaxRetryAfter)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), MaxRetryAfter)
	}
	return 0
}

// quotas are the pairs of fields by which vendors tell what remains of a quota and when it is given anew.
// Sources: OpenAI (x-ratelimit-remaining-requests, ...), Anthropic (anthropic-ratelimit-requests-remaining, ...), OpenRouter
// (X-RateLimit-Remaining).
var quotas = [...]struct{ remaining, reset string }{
	{"X-Ratelimit-Remaining", "X-Ratelimit-Reset"},
	{"X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
	{"X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
	{"Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Reset"},
	{"Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Tokens-Reset"},
	{"Anthropic-Ratelimit-Input-Tokens-Remaining", "Anthropic-Ratelimit-Input-Tokens-Reset"},
	{"Anthropic-Ratelimit-Output-Tokens-Remaining", "Anthropic-Ratelimit-Output-Tokens-Reset"},
}

// QuotaReset is how long it is until every quota of which nothing remains is given anew; 0: not said. It tells how long a
// limit lasts where no Retry-After does.
func QuotaReset(h http.Header, now time.Time) (wait time.Duration) {
	for _, q := range quotas {
		if left, err := strconv.ParseFloat(first(h, q.remaining), 64); err == nil && left <= 0 {
			wait = max(wait, until(first(h, q.reset), now))
		}
	}
	return wait
}

// A number is a time since 1970 where it is too large for a wait: in seconds, or in milliseconds.
const (
	epochSeconds = 1e9
	epochMillis  = 1e12
)

// until reads a wait: seconds, a duration such as 6m0s, a date, or a time since 1970.
func until(v string, now time.Time) time.Duration {
	f, err := strconv.ParseFloat(v, 64)
	switch {
	case err == nil && f >= epochMillis:
		return span(f-float64(now.UnixMilli()), time.Millisecond)
	case err == nil && f >= epochSeconds:
		return span(f-float64(now.Unix()), time.Second)
	case err == nil:
		return span(f, time.Second)
	}
	if d, err := time.ParseDuration(v); err == nil {
		return min(max(d, 0), MaxRetryAfter)
	}
	if at, err := time.Parse(time.RFC3339, v); err == nil {
		return min(max(at.Sub(now), 0), MaxRetryAfter)
	}
	return 0
}

func first(h http.Header, names ...string) string {
	for _, name := range names {
		if v := h[name]; len(v) > 0 {
			return strings.TrimSpace(v[0])
		}
	}
	return ""
}

func span(n float64, unit time.Duration) time.Duration {
	if !(n > 0) || math.IsInf(n, 0) { // not a number, negative
		return 0
	}
	if n >= float64(MaxRetryAfter/unit) {
		return MaxRetryAfter
	}
	return time.Duration(n * float64(unit))
}
