package dashboard

import (
	"testing"
	"time"

	"localrouter/db"
	"localrouter/providers/llm"
)

func TestNumbersAreWrittenInOneWay(t *testing.T) {
	now := time.Date(2026, 11, 23, 14, 45, 0, 0, time.UTC)
	usd := func(f float64) llm.PicoUSD { return llm.PicoUSD(f * float64(llm.USD)) }
	for _, c := range []struct{ got, want string }{
		{formatCount(0), "0"}, {formatCount(999), "999"}, {formatCount(1178), "1,178"}, {formatCount(1234567), "1,234,567"}, {formatCount(-1178), "−1,178"},
		{formatTokens(9999), "9,999"}, {formatTokens(15_312), "15.3\u00a0k"}, {formatTokens(20_000), "20\u00a0k"}, {formatTokens(999_949), "999.9\u00a0k"},
		{formatTokens(999_950), "1\u00a0M"}, {formatTokens(5_850_000), "5.85\u00a0M"}, {formatTokens(3_200_000_000), "3.20\u00a0G"},
		{formatSum(0), "$0.00"}, {formatSum(usd(.004)), "<$0.01"}, {formatSum(usd(.01)), "$0.01"}, {formatSum(usd(5.431)), "$5.43"}, {formatSum(usd(1234.5)), "$1,234.50"},
		{formatCost(usd(.0088), llm.CostComputed), "$0.0088"}, {formatCost(0, llm.CostLocal), "local"}, {formatCost(0, llm.CostUnknown), "unknown"}, {formatCost(0, ""), "unknown"},
		{formatCost(usd(.00001), llm.CostReported), "<$0.0001"}, {formatCost(0, llm.CostFlat), "$0.0000"},
		{formatDuration(0), "0\u00a0ms"}, {formatDuration(300 * time.Microsecond), "<1\u00a0ms"}, {formatDuration(12 * time.Millisecond), "12\u00a0ms"}, {formatDuration(2560 * time.Millisecond), "2.56\u00a0s"},
		{formatDuration(999_600 * time.Microsecond), "1.00\u00a0s"}, {formatDuration(13_300 * time.Millisecond), "13.3\u00a0s"}, {formatDuration(64 * time.Second), "1:04\u00a0min"},
		{formatDuration(59_970 * time.Millisecond), "1:00\u00a0min"},
		{formatClock(42 * time.Second), "0:42"}, {formatClock(3723 * time.Second), "1:02:03"},
		{formatUptime(12 * time.Minute), "12\u00a0min"}, {formatUptime(26 * time.Hour), "1\u00a0d 2\u00a0h"}, {formatUptime(4*time.Hour + 5*time.Minute), "4\u00a0h 5\u00a0min"},
		{formatTime(now.Add(-4*time.Minute+time.Second), now), "14:41:01"}, {formatTime(now.AddDate(0, 0, -1), now), "22 Nov 14:45"}, {formatTime(now.AddDate(-1, 0, -1), now), "2025-11-22"},
		{formatTime(time.Time{}, now), "never"}, {formatDay(now, now), "today"}, {formatDay(now.AddDate(0, 0, -1), now), "22 Nov"}, {formatDay(now.AddDate(-2, 0, 0), now), "2024-11-23"},
		{formatPercent(1), "100\u00a0%"}, {formatPercent(.98901), "98.90\u00a0%"}, {formatPercent(.999999), "99.99\u00a0%"}, {formatPercent(0), "0\u00a0%"},
		{formatSpeed(65.2), "65"}, {formatSpeed(3.14), "3.1"}, {plural(1, "model"), "1 model"}, {plural(0, "key"), "0 keys"},
		{signed(-.51, 2), "−0.51"}, {signed(.0001, 2), "±0"}, {signed(15.34, 1), "+15.3"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestSparkBreaksAtGapsAndStaysInItsBox(t *testing.T) {
	var slots []figures
	for i := range 12 {
		var c figures
		if i < 4 || i > 7 {
			for range fewest {
				c.Add(&db.Entry{Latency: time.Duration(i+1) * time.Second})
			}
		}
		slots = append(slots, c)
	}
	if got := spark(metricOf("latency"), slots); len(got) != 2 {
		t.Errorf("latency: %d stretches, want 2 around the gap: %q", len(got), got)
	}
	if got := spark(metricOf("requests"), slots); len(got) != 1 {
		t.Errorf("requests: %d stretches, want one: nothing is zero, not a gap: %q", len(got), got)
	}
	if got := spark(metricOf("cost"), slots); got != nil {
		t.Errorf("a line of zeros was drawn: %q", got)
	}
}

func TestSuccessLeavesOutWhatTheApplicationGaveUp(t *testing.T) {
	var c figures
	for _, kind := range []llm.Kind{"", "", "", llm.ProviderFailed, llm.ClientGone} {
		c.Add(&db.Entry{Kind: kind})
	}
	if v, ok := c.success(); !ok || v != 0.75 {
		t.Errorf("success() = %v, %v; want 0.75", v, ok)
	}
	gone := figures{}
	gone.Add(&db.Entry{Kind: llm.ClientGone})
	if _, ok := gone.success(); ok {
		t.Error("a minute with nothing but given-up requests has a success rate")
	}
}
