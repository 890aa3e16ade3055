package dashboard

import (
	"math"
	"strconv"
	"strings"
	"time"

	"localrouter/providers/llm"
)

// The words of numbers, alike on every page. The space before a unit never breaks, the minus is the real one.
const (
	nbsp  = "\u00a0"
	minus = "\u2212"
)

// formatCount writes a count whole, with commas: 1,178.
func formatCount(n int64) string {
	if n < 0 {
		return minus + formatCount(-n)
	}
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// formatTokens writes tokens exactly below 10,000, then short: 15.3 k, 5.85 M.
func formatTokens(n int64) string {
	switch f := float64(n); {
	case n < 10_000:
		return formatCount(n)
	case n < 999_950:
		return trimZero(f/1e3, 1) + nbsp + "k"
	case n < 999_995_000:
		return trimZero(f/1e6, 2) + nbsp + "M"
	default:
		return trimZero(f/1e9, 2) + nbsp + "G"
	}
}

// trimZero keeps the decimals of a figure that has some: 595.5, but 20 and not 20.0.
func trimZero(f float64, decimals int) string {
	s := strconv.FormatFloat(f, 'f', decimals, 64)
	if whole, zeros, ok := strings.Cut(s, "."); ok && strings.Trim(zeros, "0") == "" {
		return whole
	}
	return s
}

// formatSum writes a sum of money: $5.43, and <$0.01 for what is less than a cent but not nothing.
func formatSum(c llm.PicoUSD) string {
	if c < 0 {
		return minus + formatSum(-c)
	}
	if c == 0 {
		return "$0.00"
	}
	if c < llm.USD/100 {
		return "<$0.01"
	}
	cents := (int64(c) + int64(llm.USD)/200) / (int64(llm.USD) / 100)
	return "$" + formatCount(cents/100) + "." + pad2(cents%100)
}

// formatCost writes the cost of one request by its source: $0.0088, "local", "unknown".
func formatCost(c llm.PicoUSD, source llm.CostSource) string {
	switch source {
	case llm.CostLocal:
		return "local"
	case llm.CostUnknown, "":
		return "unknown"
	}
	if c > 0 && c < llm.USD/10_000 {
		return "<$0.0001"
	}
	return "$" + strconv.FormatFloat(float64(c)/float64(llm.USD), 'f', 4, 64)
}

// formatDuration writes how long something took: 12 ms, 2.56 s, 1:04 min.
func formatDuration(d time.Duration) string {
	switch {
	case d < 0:
		return minus + formatDuration(-d)
	case d > 0 && d < time.Millisecond:
		return "<1" + nbsp + "ms"
	case d < 999500*time.Microsecond:
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + nbsp + "ms"
	case d < 9995*time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + nbsp + "s"
	case d < 59950*time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + nbsp + "s"
	case d < time.Hour:
		return formatClock(d.Round(time.Second)) + nbsp + "min"
	}
	return formatClock(d) + nbsp + "h"
}

// formatClock writes a running time: 0:42, 1:02:03.
func formatClock(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	if s < 3600 {
		return strconv.FormatInt(s/60, 10) + ":" + pad2(s%60)
	}
	return strconv.FormatInt(s/3600, 10) + ":" + pad2(s/60%60) + ":" + pad2(s%60)
}

// formatUptime writes for how long the program has been up: 6 d 4 h, 12 min.
func formatUptime(d time.Duration) string {
	m := int64(max(d, 0) / time.Minute)
	part := func(n int64, unit string) string { return strconv.FormatInt(n, 10) + nbsp + unit }
	switch {
	case m >= 24*60:
		return part(m/1440, "d") + " " + part(m/60%24, "h")
	case m >= 60:
		return part(m/60, "h") + " " + part(m%60, "min")
	}
	return part(m, "min")
}

// formatTime writes a moment as seen from now: 14:41:01, 22 Nov 14:41, 2025-11-22.
func formatTime(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	t = t.In(now.Location())
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return t.Format("15:04:05")
	case t.Year() == now.Year():
		return t.Format("2 Jan 15:04")
	}
	return t.Format("2006-01-02")
}

// formatDay writes a day as seen from now: today, 22 Nov, 2025-11-22.
func formatDay(t, now time.Time) string {
	t = t.In(now.Location())
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return "today"
	case t.Year() == now.Year():
		return t.Format("2 Jan")
	}
	return t.Format("2006-01-02")
}

// formatPercent writes a share of one: 98.90 %, and the whole as 100 %.
func formatPercent(share float64) string {
	// 99.996 % is not "100 %": a failure that happened stays visible.
	p := share * 100
	if p < 100 {
		p = math.Min(p, 99.99)
	}
	if p == 100 || p == 0 {
		return strconv.Itoa(int(p)) + nbsp + "%"
	}
	return strconv.FormatFloat(p, 'f', 2, 64) + nbsp + "%"
}

// formatSpeed writes tokens per second.
func formatSpeed(perSecond float64) string {
	if perSecond < 9.95 {
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return formatCount(int64(math.Round(perSecond)))
}

// plural writes a count with its noun: 1 key, 5 keys.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return formatCount(int64(n)) + " " + one + "s"
}

func pad2(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}
