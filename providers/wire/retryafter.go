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
