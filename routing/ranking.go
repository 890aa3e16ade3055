package routing

// ranking is the order of the best candidates while all are looked at. The rows of figures stay where they are; what moves
// are their numbers.
type ranking struct {
	keys  []orderKey
	shape *shape
	n     int
	at    [mostTargets]uint8 // rows, in order
	who   [mostTargets]int32 // candidates of the rows
	rows  [mostTargets][mostKeys]int64
}

// place gives a candidate its place among the best, if it has one, and returns what it was first ordered by. Candidates come
// in their own order, so that the first of equals stays the first.
func (r *ranking) place(i int32, c *candidate) (first int64) {
	slot := r.n
	var row *[mostKeys]int64
	if r.n < mostTargets {
		row = &r.rows[slot]
		for k, key := range r.keys {
			row[k] = key.figure(c, r.shape)
		}
		r.n++
	} else {
		slot = int(r.at[mostTargets-1])
		var figures [mostKeys]int64
		if !r.betters(&figures, c) {
			return figures[0]
		}
		row = &r.rows[slot]
		*row = figures
	}
	r.who[slot] = i
	low, high := 0, r.n-1 // the last place is the one to be filled
	for low < high {
		middle := int(uint(low+high) / 2)
		if before(row, &r.rows[r.at[middle]], len(r.keys)) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	copy(r.at[low+1:r.n], r.at[low:r.n-1])
	r.at[low] = uint8(slot)
	return row[0]
}

// betters works out the figures of c as far as they are needed to tell that it does not come before the last of those that
// have a place.
func (r *ranking) betters(row *[mostKeys]int64, c *candidate) bool {
	last := &r.rows[r.at[mostTargets-1]]
	better := false
	for k, key := range r.keys {
		row[k] = key.figure(c, r.shape)
		if !better && row[k] != last[k] {
			if row[k] > last[k] {
				return false
			}
			better = true
		}
	}
	return better
}

func before(a, b *[mostKeys]int64, n int) bool {
	for k := range n {
		if a[k] != b[k] {
			return a[k] < b[k]
		}
	}
	return false
}

// into writes the order down.
func (r *ranking) into(s *selected) {
	s.best = s.backed[:r.n]
	for k, slot := range r.at[:r.n] {
		s.best[k], s.figures[k] = r.who[slot], r.rows[slot]
	}
}
