package limits

import "time"

const (
	parts = 60 // of a window
	// most bounds what one part holds, so that no sum of parts can overflow whatever a provider claims was used.
	most = 1 << 57
)

// ring counts what passed in a sliding window by parts of it. Beside the running part it keeps the sixty before, and all
// of them count whole: a ring may hold something for a part too long and never lets go of it too soon.
type ring struct {
	width int64 // of a part
	head  int64 // number of the running part, counted from the zero of time
	sums  [parts + 1]int64
}

func newRing(window time.Duration) ring { return ring{width: (int64(window) + parts - 1) / parts} }

// advance moves the ring on to now and returns the number of the running part.
func (r *ring) advance(now int64) int64 {
	part := now / r.width
	if part-r.head > parts {
		clear(r.sums[:])
		r.head = part
	}
	for r.head < part {
		r.head++
		r.sums[r.head%(parts+1)] = 0
	}
	return r.head
}

// add changes what a part holds, unless it has left the ring.
func (r *ring) add(part, n int64) {
	if part > r.head || r.head-part > parts {
		return
	}
	sum := &r.sums[part%(parts+1)]
	*sum = min(max(*sum+n, 0), most)
}

func (r *ring) total() (sum int64) {
	for _, n := range r.sums {
		sum += n
	}
	return sum
}

// falls returns the time at which what the ring holds has fallen by excess.
func (r *ring) falls(excess int64) int64 {
	part := max(0, r.head-parts)
	for ; part < r.head; part++ {
		if excess -= r.sums[part%(parts+1)]; excess <= 0 {
			break
		}
	}
	return (part + parts + 1) * r.width
}

// empties returns the time at which the ring holds nothing any more; before now where it holds nothing.
func (r *ring) empties() int64 {
	for part := r.head; part >= 0 && r.head-part <= parts; part-- {
		if r.sums[part%(parts+1)] != 0 {
			return (part + parts + 1) * r.width
		}
	}
	return 0
}
