package routing

import (
	"cmp"
	"slices"
)

// step is one thing that candidates are compared by, in the order of a pool's keys: a figure of the moment, or the rank among
// figures that do not change, which were compared when the pool was made.
type step struct {
	key orderKey
	run int8 // of candidate.runs; -1: key is of the moment
}

// mostRuns is how many runs of fixed figures a pool can have between those of the moment, of which there are four kinds.
const mostRuns = 5

// ofTheMoment reports whether a figure changes from one request to the next.
func (k orderKey) ofTheMoment() bool {
	return k == byCost || k == bySpeed || k == byLatency || k == byLoad
}

// rank makes the steps of a pool and gives its candidates their ranks.
func (p *pool) rank() {
	for at := 0; at < len(p.keys); {
		if p.keys[at].ofTheMoment() {
			p.steps = append(p.steps, step{p.keys[at], -1})
			at++
			continue
		}
		end := at + 1
		for end < len(p.keys) && !p.keys[end].ofTheMoment() {
			end++
		}
		p.rankBy(p.keys[at:end], p.runs)
		p.steps = append(p.steps, step{p.keys[at], int8(p.runs)})
		p.runs++
		at = end
	}
}

// rankBy ranks the candidates by fixed figures. Equals have the same rank.
func (p *pool) rankBy(keys []orderKey, run int) {
	order := make([]int, len(p.list))
	for i := range order {
		order[i] = i
	}
	compare := func(a, b int) int {
		for _, k := range keys {
			if c := cmp.Compare(k.figure(&p.list[a], nil), k.figure(&p.list[b], nil)); c != 0 {
				return c
			}
		}
		return 0
	}
	slices.SortFunc(order, compare)
	rank := int32(0)
	for at, i := range order {
		if at > 0 && compare(order[at-1], i) != 0 {
			rank++
		}
		p.list[i].runs[run] = rank
	}
}

// value is what a candidate is compared by.
func (s step) value(c *candidate, of *shape) int64 {
	if s.run >= 0 {
		return int64(c.runs[s.run])
	}
	return s.key.figure(c, of)
}

// ranking is the order of the best candidates while all are looked at. Its rows stay where they are: what moves are their
// numbers. The first two values tell most candidates apart; those behind them are worked out where they do not.
type ranking struct {
	steps []step
	shape *shape
	n     int
	spare uint8 // the row that nobody has
	at    [mostTargets]uint8
	rows  [mostTargets + 1]row
}

type row struct {
	first, second int64
	c             *candidate
	who           int32
	known         uint8 // how many of values there are
	values        [mostKeys]int64
}

// place gives a candidate its place among the best, if it has one, and returns what it was first compared by. Candidates come
// in their own order, so that the first of equals stays the first.
func (r *ranking) place(i int32, c *candidate) (first int64) {
	var second int64
	if len(r.steps) > 0 {
		first = r.steps[0].value(c, r.shape)
	}
	next := uint8(r.n + 1)
	full := r.n == mostTargets
	if full {
		next = r.at[mostTargets-1]
		if first > r.rows[next].first {
			return first
		}
	}
	if len(r.steps) > 1 {
		second = r.steps[1].value(c, r.shape)
	}
	if last := &r.rows[next]; full && first == last.first && second > last.second {
		return first
	}
	me := &r.rows[r.spare]
	me.first, me.second, me.c, me.who, me.known = first, second, c, i, 0
	if full {
		if !r.before(me, &r.rows[next]) {
			return first
		}
		r.n--
	}
	low, high := 0, r.n
	for low < high {
		middle := int(uint(low+high) / 2)
		if r.before(me, &r.rows[r.at[middle]]) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	r.n++
	copy(r.at[low+1:r.n], r.at[low:r.n-1])
	r.at[low], r.spare = r.spare, next
	return first
}

func (r *ranking) before(a, b *row) bool {
	switch {
	case a.first != b.first:
		return a.first < b.first
	case a.second != b.second:
		return a.second < b.second
	}
	for k := 2; k < len(r.steps); k++ {
		if x, y := r.value(a, k), r.value(b, k); x != y {
			return x < y
		}
	}
	return false
}

// value is one of a row; those before it are worked out with it.
func (r *ranking) value(of *row, k int) int64 {
	for int(of.known) <= k {
		of.values[of.known] = r.steps[of.known].value(of.c, r.shape)
		of.known++
	}
	return of.values[k]
}

// into writes the order down behind what stands there, with all figures.
func (r *ranking) into(s *selected) {
	for _, at := range r.at[:min(r.n, mostTargets-len(s.best))] {
		of, k := &r.rows[at], len(s.best)
		s.best = append(s.best, of.who)
		figure := 0
		for i, step := range r.steps {
			if step.run < 0 {
				s.figures[k][figure] = r.value(of, i)
				figure++
				continue
			}
			for figure < len(s.pool.keys) && !s.pool.keys[figure].ofTheMoment() {
				s.figures[k][figure] = s.pool.keys[figure].figure(of.c, nil)
				figure++
			}
		}
	}
}
