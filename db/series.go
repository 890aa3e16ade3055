package db

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// GroupBy says by which names a series is split.
type GroupBy string

// The ways to split.
const (
	GroupNone     GroupBy = ""
	GroupKey      GroupBy = "key" // by the key's ID
	GroupProvider GroupBy = "provider"
	GroupModel    GroupBy = "model"
)

// maxPoints bounds the length of a series; a Step that would make more is doubled until it fits.
const maxPoints = 5000

// Query asks for figures of a stretch of time.
type Query struct {
	// From and To bound the stretch; cells are of whole minutes, so From is cut down and To rounded up to the
	// minute. To zero means up to now, From zero as far back as there are cells; neither reaches further than that
	// and tomorrow. Where only hours are kept, the hours at the edges count whole.
	From, To time.Time
	// Step is the width of a point. It is rounded up to whole minutes, and to whole hours where From lies before the
	// minutes that are kept; 0 or less means the one that makes about 120 points. Points of up to an hour begin at
	// multiples of Step, so that a window that slides does not move them; wider ones begin at From.
	Step time.Duration
	// Dim restricts to one key, provider or model; empty fields mean all.
	Dim Dim
	// GroupBy splits by names. Each name that occurs gets every point.
	GroupBy GroupBy
}

// Point is the sum of one step and one name.
type Point struct {
	Time  time.Time // begin of the step
	Step  time.Duration
	Group string // name by GroupBy; empty where there is no split
	Cell  Cell
	// Running marks a step that is not over.
	Running bool
}

// Series answers with one point per step, in order of time and then of name, what is still on its way to the disk
// included. Steps in which nothing happened are there with a zero cell. A split of nothing has no points.
func (r *Recorder) Series(q Query) ([]Point, error) {
	p := r.plan(q)
	if p.steps == 0 {
		return nil, nil
	}
	groups := map[string][]Cell{}
	if q.GroupBy == GroupNone {
		groups[""] = make([]Cell, p.steps)
	}
	err := r.collect(p, func(minute uint32, group string, add func(*Cell) error) error {
		cells := groups[group]
		if cells == nil {
			cells = make([]Cell, p.steps)
			groups[group] = cells
		}
		return add(&cells[p.index(minute)])
	})
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(groups))
	points := make([]Point, 0, int(p.steps)*len(names))
	running := minuteOf(r.now())
	for i := range p.steps {
		start := p.start + i*p.step
		for _, name := range names {
			points = append(points, Point{
				Time: timeOf(start), Step: time.Duration(p.step) * time.Minute, Group: name,
				Cell: groups[name][i], Running: uint64(start)+uint64(p.step) > uint64(running),
			})
		}
	}
	return points, nil
}

// Totals answers with the sum of the whole stretch; Step and GroupBy do not matter.
func (r *Recorder) Totals(q Query) (Cell, error) {
	q.GroupBy = GroupNone
	totals, err := r.TotalsBy(q)
	return totals[""], err
}

// TotalsBy answers with the sum of each name of GroupBy that occurs.
func (r *Recorder) TotalsBy(q Query) (map[string]Cell, error) {
	q.Step = math.MaxInt64 // one step
	p := r.plan(q)
	sums := map[string]*Cell{}
	if p.steps > 0 {
		err := r.collect(p, func(_ uint32, group string, add func(*Cell) error) error {
			if sums[group] == nil {
				sums[group] = new(Cell)
			}
			return add(sums[group])
		})
		if err != nil {
			return nil, err
		}
	}
	totals := make(map[string]Cell, len(sums))
	for name, cell := range sums {
		totals[name] = *cell
	}
	return totals, nil
}

// plan is a query in whole minutes.
type plan struct {
	from, to    uint32 // minutes; to is not included
	start, step uint32 // of the points
	steps       uint32
	kept        uint32 // minutes before this one are only there as hours
	dim         Dim
	group       GroupBy
}

func (r *Recorder) plan(q Query) plan {
	now := r.now()
	if q.To.IsZero() {
		q.To = now.Add(time.Nanosecond)
	}
	p := plan{
		from:  max(minuteOf(q.From), minuteOf(now.Add(-HoursKept-24*time.Hour))),
		to:    min(minuteOf(q.To.Add(time.Minute-1)), minuteOf(now.Add(24*time.Hour))),
		group: q.GroupBy,
		dim:   Dim{cleanName(cutName(q.Dim.Key)), cleanName(cutName(q.Dim.Provider)), cleanName(cutName(q.Dim.Model))},
	}
	// The rest of today goes on: the prune may be up to a day behind, never ahead.
	p.kept = min(minuteOf(now.Add(-MinutesKept))/60*60+60, math.MaxUint32-60)
	if p.to <= p.from {
		return p
	}
	span := p.to - p.from
	p.step = stepOf(q.Step, span)
	if p.from < p.kept {
		p.step = ceil(p.step, 60)
	}
	switch {
	case p.step <= 60:
		p.start = p.from / p.step * p.step
		p.from = p.start
	case p.from < p.kept:
		p.start = p.from / 60 * 60
		p.from = p.start
	default:
		p.start = p.from
	}
	for {
		p.steps = (p.to - p.start + p.step - 1) / p.step
		if p.steps <= maxPoints {
			return p
		}
		p.step *= 2
	}
}

// stepOf is the width of a point in minutes.
func stepOf(step time.Duration, span uint32) uint32 {
	if step <= 0 {
		want := max(span/120, 1)
		for _, nice := range []uint32{1, 2, 5, 10, 15, 30, 60, 3 * 60, 6 * 60, 12 * 60} {
			if want <= nice {
				return nice
			}
		}
		return ceil(want, 24*60)
	}
	minutes := (int64(step-1) / int64(time.Minute)) + 1
	if minutes >= int64(span) && minutes > 60 {
		return max(span, 61) // one point
	}
	return uint32(minutes)
}

func ceil(n, multiple uint32) uint32 { return (n + multiple - 1) / multiple * multiple }

func (p *plan) index(minute uint32) uint32 {
	return min((max(minute, p.start)-p.start)/p.step, p.steps-1)
}

// subject is the narrowest kind of cell that can answer, as a prefix of subjects.
func (p *plan) subject() string {
	byKey, byProvider, byModel := p.dim.Key != "" || p.group == GroupKey, p.dim.Provider != "" || p.group == GroupProvider, p.dim.Model != "" || p.group == GroupModel
	kind, name, n := byte(ofAll), "", 0
	for _, d := range []struct {
		used bool
		kind byte
		name string
	}{{byKey, ofKey, p.dim.Key}, {byProvider, ofProvider, p.dim.Provider}, {byModel, ofModel, p.dim.Model}} {
		if d.used {
			kind, name, n = d.kind, d.name, n+1
		}
	}
	switch {
	case n > 1:
		return string(ofTriple)
	case name != "":
		return subject(kind, name)
	}
	return string(rune(kind))
}

// groupOf reports whether the names pass the filter, and which group they are in.
func (p *plan) groupOf(d Dim) (group string, ok bool) {
	if p.dim.Key != "" && p.dim.Key != d.Key || p.dim.Provider != "" && p.dim.Provider != d.Provider || p.dim.Model != "" && p.dim.Model != d.Model {
		return "", false
	}
	switch p.group {
	case GroupKey:
		return d.Key, true
	case GroupProvider:
		return d.Provider, true
	case GroupModel:
		return d.Model, true
	}
	return "", true
}

// run is a row of minutes that are read from minute cells, or of whole hours read from hour cells.
type run struct {
	hours       bool
	first, last uint32 // minutes or hours, both included
}

// runs takes hour cells for every hour that lies within one point, or whose minutes are gone, and minute cells for the
// rest, so a year is some thousand cells and an edge within an hour is still exact.
func (p *plan) runs(running uint32) []run {
	var runs []run
	for hour := p.from / 60; hour <= (p.to-1)/60; hour++ {
		first, last := max(hour*60, p.from), min(hour*60+59, p.to-1)
		whole := first == hour*60 && (last == hour*60+59 || last >= running)
		next := run{false, first, last}
		if hour*60 < p.kept && first == hour*60 || whole && p.index(first) == p.index(last) {
			next = run{true, hour, hour}
		}
		if n := len(runs); n > 0 && runs[n-1].hours == next.hours && runs[n-1].last+1 == next.first {
			runs[n-1].last = next.last
			continue
		}
		runs = append(runs, next)
	}
	return runs
}

// collect hands every cell that matters to visit, with the minute it begins at.
func (r *Recorder) collect(p plan, visit func(minute uint32, group string, add func(*Cell) error) error) error {
	r.saving.RLock()
	defer r.saving.RUnlock()
	var failed error
	take := func(minute uint32, subject, cell []byte) {
		d, ok := parseSubject(subject)
		if !ok || failed != nil {
			return
		}
		if group, ok := p.groupOf(d); ok {
			failed = visit(minute, group, func(c *Cell) error { return c.mergeBinary(cell) })
		}
	}
	prefix := p.subject()
	var disk []run
	for _, run := range p.runs(minuteOf(r.now())) {
		if !run.hours && run.first >= r.kept.from && prefix[0] != ofTriple {
			r.kept.scan(run.first, run.last, prefix, take)
			continue
		}
		disk = append(disk, run)
	}
	if len(disk) > 0 {
		err := r.store.view(func(tx *bbolt.Tx) error {
			for _, run := range disk {
				b, width := tx.Bucket(bucketMinutes), uint32(1)
				if run.hours {
					b, width = tx.Bucket(bucketHours), 60
				}
				scanCells(b, run.first, run.last, prefix, func(unit uint32, subject, cell []byte) {
					take(unit*width, subject, cell)
				})
			}
			return nil
		})
		failed = cmp.Or(err, failed)
	}
	if failed != nil {
		return fmt.Errorf("read the metrics: %w", failed)
	}
	return r.collectPending(&p, visit)
}

// collectPending adds what the next batch will write.
func (r *Recorder) collectPending(p *plan, visit func(uint32, string, func(*Cell) error) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, cell := range r.pending {
		if id.minute < p.from || id.minute >= p.to {
			continue
		}
		if group, ok := p.groupOf(Dim{id.key, id.provider, id.model}); ok {
			if err := visit(id.minute, group, func(c *Cell) error { c.Merge(cell); return nil }); err != nil {
				return err
			}
		}
	}
	return nil
}
