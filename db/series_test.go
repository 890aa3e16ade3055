package db_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"localrouter/db"
	"localrouter/providers/llm"
)

// at records n requests that end at the given time.
func (h *home) at(end time.Time, key, provider, model string, n int) {
	for i := range n {
		h.rec.Record(&db.Entry{
			ID: fmt.Sprint("r", i), Start: end.Add(-time.Second), Latency: time.Second, KeyID: key, Provider: provider, Model: model,
			Status: 200, CostSource: llm.CostLocal,
		})
	}
}

func (h *home) series(q db.Query) []db.Point {
	h.Helper()
	points, err := h.rec.Series(q)
	if err != nil {
		h.Fatal(err)
	}
	return points
}

func counts(points []db.Point) (n []int64) {
	for _, p := range points {
		n = append(n, p.Cell.Requests)
	}
	return n
}

// newDay is a home whose clock stands at noon and can be moved.
func newDay(t testing.TB) (h *home, now *time.Time) {
	h = newHome(t)
	at := time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)
	h.now = func() time.Time { return at }
	h.open()
	return h, &at
}

// TestMinuteEdges: a request belongs to the minute it ended in, down to the nanosecond, gaps are zero, and only the
// minute that is not over is marked as running.
func TestMinuteEdges(t *testing.T) {
	h, now := newDay(t)
	noon := now.Truncate(time.Minute)
	h.at(noon.Add(-1), "k", "p", "m", 1)             // 11:59:59.999999999
	h.at(noon, "k", "p", "m", 2)                     // 12:00
	h.at(noon.Add(-4*time.Minute), "k", "p", "m", 3) // 11:56
	for _, when := range []string{"at once", "from disk"} {
		points := h.series(db.Query{From: noon.Add(-4 * time.Minute), Step: time.Minute})
		if got, want := counts(points), []int64{3, 0, 0, 1, 2}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
		for i, p := range points {
			if want := noon.Add(time.Duration(i-4) * time.Minute); !p.Time.Equal(want) || p.Running != (i == 4) || p.Step != time.Minute {
				t.Errorf("%s: point %d is at %v, running %t, want %v", when, i, p.Time, p.Running, want)
			}
		}
		if got := h.totals(db.Query{From: noon.Add(-time.Minute), To: noon}).Requests; got != 1 {
			t.Errorf("%s: %d requests in the minute before noon, want 1", when, got)
		}
		h.reopen()
	}
}

// TestSlidingWindowNeverCountsTwice: asking every second while the minutes pass, each request is in one point.
func TestSlidingWindowNeverCountsTwice(t *testing.T) {
	h, now := newDay(t)
	total := int64(0)
	for i := range 300 {
		*now = now.Add(time.Second)
		h.at(*now, "k", "p", "m", 1)
		total++
		sum := int64(0)
		for _, p := range h.series(db.Query{From: now.Add(-10 * time.Minute), Step: time.Minute}) {
			sum += p.Cell.Requests
		}
		if sum != total {
			t.Fatalf("after %d seconds the graph holds %d requests, want %d", i+1, sum, total)
		}
		if i%7 == 0 {
			if err := h.rec.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestFiltersAndGroups(t *testing.T) {
	h, now := newDay(t)
	h.at(*now, "k1", "p1", "m1", 1)
	h.at(*now, "k1", "p2", "m1", 2)
	h.at(*now, "k2", "p1", "m2", 4)
	h.at(now.Add(-3*time.Hour), "k2", "p2", "m2", 8)
	h.at(*now, "k", "", "", 16) // no provider was tried: not counted
	for _, when := range []string{"at once", "from disk"} {
		for _, tt := range []struct {
			dim  db.Dim
			want int64
		}{
			{db.Dim{}, 15}, {db.Dim{Key: "k1"}, 3}, {db.Dim{Provider: "p2"}, 10}, {db.Dim{Model: "m1"}, 3}, {db.Dim{Key: "k2", Provider: "p1"}, 4},
			{db.Dim{Key: "k1", Provider: "p2", Model: "m1"}, 2}, {db.Dim{Provider: "p1", Model: "m2"}, 4}, {db.Dim{Key: "k"}, 0}, {db.Dim{Key: "k1", Model: "m2"}, 0},
		} {
			if got := h.totals(db.Query{Dim: tt.dim}).Requests; got != tt.want {
				t.Errorf("%s: %+v has %d requests, want %d", when, tt.dim, got, tt.want)
			}
			sum := int64(0)
			for _, p := range h.series(db.Query{Dim: tt.dim, From: now.Add(-5 * time.Hour), Step: 5 * time.Minute}) {
				sum += p.Cell.Requests
			}
			if sum != tt.want {
				t.Errorf("%s: the graph of %+v holds %d requests, want %d", when, tt.dim, sum, tt.want)
			}
		}
		for _, tt := range []struct {
			by   db.GroupBy
			dim  db.Dim
			want map[string]int64
		}{
			{db.GroupKey, db.Dim{}, map[string]int64{"k1": 3, "k2": 12}},
			{db.GroupProvider, db.Dim{}, map[string]int64{"p1": 5, "p2": 10}},
			{db.GroupModel, db.Dim{Key: "k2"}, map[string]int64{"m2": 12}},
			{db.GroupProvider, db.Dim{Key: "k1", Model: "m1"}, map[string]int64{"p1": 1, "p2": 2}},
			{db.GroupKey, db.Dim{Key: "nobody"}, map[string]int64{}},
		} {
			got := map[string]int64{}
			totals, err := h.rec.TotalsBy(db.Query{GroupBy: tt.by, Dim: tt.dim})
			if err != nil {
				t.Fatal(err)
			}
			for name, c := range totals {
				got[name] = c.Requests
			}
			if !maps.Equal(got, tt.want) {
				t.Errorf("%s: by %s of %+v: %v, want %v", when, tt.by, tt.dim, got, tt.want)
			}
			split := map[string]int64{}
			for _, p := range h.series(db.Query{GroupBy: tt.by, Dim: tt.dim, From: now.Add(-4 * time.Hour), Step: time.Hour}) {
				split[p.Group] += p.Cell.Requests
			}
			if !maps.Equal(split, tt.want) {
				t.Errorf("%s: graph by %s of %+v: %v, want %v", when, tt.by, tt.dim, split, tt.want)
			}
		}
		h.reopen()
	}
}

// TestStrangeQueriesEnd: no step and no stretch makes a graph endless or empty by mistake.
func TestStrangeQueriesEnd(t *testing.T) {
	h, now := newDay(t)
	h.at(*now, "k", "p", "m", 3)
	for _, q := range []db.Query{
		{Step: -time.Hour}, {Step: math.MinInt64}, {Step: 1}, {Step: math.MaxInt64}, {Step: 59 * time.Second}, {Step: 61 * time.Second}, {Step: 7 * time.Hour},
		{From: now.Add(-time.Hour)}, {From: now.AddDate(-50, 0, 0), Step: time.Minute}, {From: time.Unix(math.MinInt64/2, 0)},
		{From: now.Add(-time.Hour), To: now.AddDate(1000, 0, 0), Step: time.Minute}, {From: now.Add(-10 * 24 * time.Hour), Step: time.Minute},
	} {
		points := h.series(q)
		sum, running := int64(0), 0
		for i, p := range points {
			sum += p.Cell.Requests
			if p.Running && p.Cell.Requests > 0 {
				running++
			}
			if i > 0 && !p.Time.Equal(points[i-1].Time.Add(p.Step)) {
				t.Fatalf("%+v: point %d at %v does not follow %v", q, i, p.Time, points[i-1].Time)
			}
		}
		if sum != 3 || running != 1 || len(points) > 5000 {
			t.Errorf("%+v: %d requests in %d points, %d running with requests, want 3 and one", q, sum, len(points), running)
		}
	}
	for _, q := range []db.Query{{From: now.Add(time.Hour)}, {From: *now, To: now.Add(-time.Hour)}, {From: now.AddDate(5, 0, 0), To: now.AddDate(6, 0, 0)}} {
		if points := h.series(q); len(points) > 0 {
			t.Errorf("%+v: %d points of a stretch that is none", q, len(points))
		}
		if c := h.totals(q); c.Requests != 0 {
			t.Errorf("%+v: %d requests", q, c.Requests)
		}
	}
}

// TestOldMinutesBecomeHours: a week back single minutes are there; beyond it hours are, and a graph over both is whole.
func TestOldMinutesBecomeHours(t *testing.T) {
	h, now := newDay(t)
	begin := *now
	h.at(begin, "k", "p", "m", 5)
	h.reopen()
	for range 10 { // the program runs every day, and prunes
		*now = now.Add(24 * time.Hour)
		h.at(*now, "k", "p", "m", 1)
		if err := h.rec.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	points := h.series(db.Query{From: begin.Add(-time.Hour), Step: time.Minute})
	sum := int64(0)
	for _, p := range points {
		sum += p.Cell.Requests
	}
	if sum != 15 || points[0].Step != time.Hour {
		t.Errorf("a graph from before the minutes that are kept holds %d requests by %v, want 15 by the hour", sum, points[0].Step)
	}
	if got := h.totals(db.Query{From: begin.Add(-time.Minute)}).Requests; got != 15 {
		t.Errorf("%d requests in all, want 15", got)
	}
	if got := h.totals(db.Query{Dim: db.Dim{Key: "k", Model: "m"}}).Requests; got != 15 {
		t.Errorf("%d requests by key and model, want 15", got)
	}
	week := h.series(db.Query{From: now.Add(-6 * 24 * time.Hour), Step: 2 * time.Minute})
	if sum = 0; week[0].Step != 2*time.Minute {
		t.Errorf("minutes of this week come by %v", week[0].Step)
	}
	for _, p := range week {
		sum += p.Cell.Requests
	}
	if sum != 7 {
		t.Errorf("%d requests in the last six days, want 7", sum)
	}
	*now = begin.Add(db.HoursKept + 3*24*time.Hour)
	h.at(*now, "k", "p", "m", 1)
	h.reopen()
	if got := h.totals(db.Query{}).Requests; got != 1+8 {
		t.Errorf("%d requests after the first hours were pruned, want 9", got)
	}
}

// TestSeriesAgainstAModel compares any query with a plain list of what was recorded.
func TestSeriesAgainstAModel(t *testing.T) {
	type event struct {
		minute int64
		dim    db.Dim
	}
	h, now := newDay(t)
	newest := now.Unix() / 60
	var events []event
	rng := func(n, i, salt int) int { return (i*7919 + salt*104729) % 1000003 % n }
	for i := range 3000 {
		e := event{newest - int64(rng(3*24*60, i, 1)), db.Dim{Key: fmt.Sprint("k", rng(3, i, 2)), Provider: fmt.Sprint("p", rng(2, i, 3)), Model: fmt.Sprint("m", rng(4, i, 4))}}
		events = append(events, e)
		h.at(time.Unix(e.minute*60+int64(i%60), 0), e.dim.Key, e.dim.Provider, e.dim.Model, 1)
		if i == 2500 {
			h.reopen()
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		q := db.Query{
			From: time.Unix(60*(newest-rapid.Int64Range(0, 3*24*60).Draw(t, "from")), 0),
			To:   time.Unix(60*(newest+1-rapid.Int64Range(0, 2*24*60).Draw(t, "to")), 0),
			Step: time.Duration(rapid.IntRange(1, 300).Draw(t, "step")) * time.Minute,
			Dim: db.Dim{
				Key: rapid.SampledFrom([]string{"", "", "k1"}).Draw(t, "key"), Provider: rapid.SampledFrom([]string{"", "", "p1"}).Draw(t, "provider"),
				Model: rapid.SampledFrom([]string{"", "", "m3"}).Draw(t, "model"),
			},
			GroupBy: rapid.SampledFrom([]db.GroupBy{db.GroupNone, db.GroupKey, db.GroupProvider, db.GroupModel}).Draw(t, "by"),
		}
		points, err := h.rec.Series(q)
		if err != nil {
			t.Fatal(err)
		}
		// Requests per group and minute that pass the filter.
		model := map[string]map[int64]int64{}
		pass := func(want, have string) bool { return want == "" || want == have }
		for _, e := range events {
			if !pass(q.Dim.Key, e.dim.Key) || !pass(q.Dim.Provider, e.dim.Provider) || !pass(q.Dim.Model, e.dim.Model) {
				continue
			}
			group := map[db.GroupBy]string{db.GroupKey: e.dim.Key, db.GroupProvider: e.dim.Provider, db.GroupModel: e.dim.Model}[q.GroupBy]
			if model[group] == nil {
				model[group] = map[int64]int64{}
			}
			model[group][e.minute]++
		}
		sum := func(group string, from, to time.Time) (n int64) {
			for minute := from.Unix() / 60; minute*60 < to.Unix(); minute++ {
				n += model[group][minute]
			}
			return n
		}
		for _, p := range points {
			end := p.Time.Add(p.Step)
			if end.After(q.To) {
				end = q.To
			}
			if want := sum(p.Group, p.Time, end); p.Cell.Requests != want {
				t.Fatalf("%+v: %d requests at %v in %q, want %d", q, p.Cell.Requests, p.Time, p.Group, want)
			}
		}
		totals, err := h.rec.TotalsBy(q)
		if err != nil {
			t.Fatal(err)
		}
		for group := range model {
			if got, want := totals[group], sum(group, q.From, q.To); got.Requests != want {
				t.Fatalf("%+v: %d requests in all of %q, want %d", q, got.Requests, group, want)
			}
		}
	})
}
