package dashboard

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"localrouter/db"
	"localrouter/providers/llm"
)

// fewest is how many answers a percentile needs to mean something.
const fewest = 5

// metric is one way to look at a stretch of time: a tile, and the graph when the tile is chosen.
type metric struct {
	id, label, unit string // unit of the graph's figures, for its words
	axis            string // how the script writes the axis: count, tokens, usd, share, ms or speed
	line            bool   // drawn as a line that is open where there is nothing to say; else bars
	// value is the figure of a cell; ok is false where it has none.
	value func(c *figures) (v float64, ok bool)
	// text writes the figure for people.
	text func(v float64) string
}

// figures are a cell and the speeds of the answers that ended in its time.
type figures struct {
	db.Cell
	speeds []float64 // output tokens per second
}

var metrics = []metric{
	{"requests", "Requests", "requests", "count", false,
		func(c *figures) (float64, bool) { return float64(c.Requests), true },
		func(v float64) string { return formatCount(int64(v)) }},
	{"tokens", "Tokens", "tokens", "tokens", false,
		func(c *figures) (float64, bool) { return float64(c.Tokens.Total()), true },
		func(v float64) string { return formatTokens(int64(v)) }},
	{"cost", "Cost", "", "usd", false,
		func(c *figures) (float64, bool) { return usd(c.Cost), true },
		func(v float64) string { return formatSum(llm.PicoUSD(math.Round(v * float64(llm.USD)))) }},
	{"success", "Success", "", "share", true, (*figures).success, formatPercent},
	{"latency", "p95 latency", "", "ms", true, (*figures).p95,
		func(v float64) string { return formatDuration(time.Duration(v * float64(time.Millisecond))) }},
	{"speed", "Output speed", "tokens/s", "speed", true, (*figures).speed, formatSpeed},
}

func metricOf(id string) *metric {
	for i := range metrics {
		if metrics[i].id == id {
			return &metrics[i]
		}
	}
	return &metrics[0]
}

// success is the share of requests that did not fail. What the application gave up itself is neither.
func (c *figures) success() (float64, bool) {
	gone := c.ErrorsOf(llm.ClientGone)
	n := c.Requests - gone
	if n <= 0 {
		return 0, false
	}
	return float64(n-(c.ErrorCount()-gone)) / float64(n), true
}

func (c *figures) p95() (float64, bool) {
	if c.Latency.Count() < fewest {
		return 0, false
	}
	return float64(c.Latency.Quantile(.95)) / float64(time.Millisecond), true
}

func (c *figures) speed() (float64, bool) {
	if len(c.speeds) == 0 {
		return 0, false
	}
	s := slices.Sorted(slices.Values(c.speeds))
	return s[(len(s)-1)/2], true
}

// speedOf is how fast an answer came once it had begun; ok is false where it was not streamed or is too short to say.
func speedOf(e *db.Entry) (float64, bool) {
	took := e.Latency - e.FirstToken
	if e.Kind != "" || e.FirstToken <= 0 || took < 10*time.Millisecond || e.Usage.Output < 2 {
		return 0, false
	}
	return float64(e.Usage.Output) / took.Seconds(), true
}

// series reads the figures of each step between from and now.
func (d *Dashboard) series(from time.Time, step time.Duration, recent []db.Entry) ([]db.Point, []figures, error) {
	points, err := d.o.Recorder.Series(db.Query{From: from, Step: step})
	if err != nil || len(points) == 0 {
		return nil, nil, err
	}
	all := make([]figures, len(points))
	for i := range points {
		all[i].Cell = points[i].Cell
	}
	start, width := points[0].Time, points[0].Step
	for i := range recent {
		at := int(recent[i].Start.Sub(start) / width)
		if v, ok := speedOf(&recent[i]); ok && !recent[i].Start.Before(start) && at < len(all) {
			all[at].speeds = append(all[at].speeds, v)
		}
	}
	return points, all, nil
}

// change writes how a figure moved: in percent, or in points for a share. Empty where there is nothing to compare.
func change(m *metric, now, before *figures) string {
	a, ok1 := m.value(now)
	b, ok2 := m.value(before)
	if !ok1 || !ok2 || before.Requests == 0 {
		return ""
	}
	if m.axis == "share" {
		return signed((a-b)*100, 2) + nbsp + "pt"
	}
	if b == 0 {
		return ""
	}
	if p := (a - b) / b * 100; math.Abs(p) < 1000 {
		return signed(p, 1) + nbsp + "%"
	}
	return "×" + nbsp + strconv.FormatFloat(a/b, 'f', 0, 64)
}

func signed(v float64, decimals int) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	switch {
	case strings.Trim(s, "0.") == "":
		return "±0"
	case v < 0:
		return minus + s
	}
	return "+" + s
}

// spark draws a line of 72 x 20 as one path for each unbroken stretch.
func spark(m *metric, points []figures) []string {
	const width, height, pad = 72.0, 20.0, 2.0
	if len(points) < 3 {
		return nil
	}
	low, high, known := math.Inf(1), math.Inf(-1), 0
	for i := range points {
		if v, ok := m.value(&points[i]); ok {
			low, high, known = min(low, v), max(high, v), known+1
		}
	}
	if known < 2 || high == 0 {
		return nil
	}
	if !m.line {
		low = 0
	}
	var paths []string
	var b strings.Builder
	n := 0
	end := func() {
		if n > 1 {
			paths = append(paths, b.String())
		}
		b.Reset()
		n = 0
	}
	for i := range points {
		v, ok := m.value(&points[i])
		if !ok {
			end()
			continue
		}
		y := height / 2
		if high > low {
			y = pad + (height-2*pad)*(1-(v-low)/(high-low))
		}
		letter := "L"
		if n == 0 {
			letter = "M"
		}
		b.WriteString(letter + coordinate(pad+float64(i)*(width-2*pad)/float64(len(points)-1)) + " " + coordinate(y))
		n++
	}
	end()
	return paths
}

func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
