package db

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
	"time"
)

// Each doubling of a value is cut into 32 buckets of equal width, so a bucket is between 1.6 % and 3.2 % wide and its
// geometric midpoint is off by less than 1.6 %. The arithmetic is of integers only: the same value finds the same
// bucket on every machine, which is what lets a replayed log line land exactly where the first count went.
const (
	histogramBits = 5
	perDoubling   = 1 << histogramBits
	lastBucket    = (63-histogramBits)*perDoubling + perDoubling - 1 // of the largest int64
)

// errHistogram says that bytes are not an encoded histogram.
var errHistogram = errors.New("malformed histogram")

// Histogram counts durations in logarithmic buckets. Histograms of different times, keys or models merge by adding.
// The zero value is empty and ready.
type Histogram struct {
	bins []bin // by ascending bucket, none empty
	sum  int64 // nanoseconds, held at the largest int64 where it would overflow
}

type bin struct {
	bucket uint16
	n      int64
}

// bucketOf is the bucket of v nanoseconds; values below zero count as zero.
func bucketOf(v int64) uint16 {
	if v < perDoubling {
		return uint16(max(v, 0))
	}
	shift := bits.Len64(uint64(v)) - 1 - histogramBits
	return uint16(shift*perDoubling + int(v>>shift))
}

// bounds are the least value of a bucket and the least value above it.
func bounds(bucket uint16) (low, high float64) {
	if bucket < perDoubling {
		return float64(bucket), float64(bucket) + 1
	}
	shift := int(bucket)/perDoubling - 1
	low = math.Ldexp(float64(int(bucket)%perDoubling+perDoubling), shift)
	return low, low + math.Ldexp(1, shift)
}

// valueOf is what a bucket answers for: its geometric midpoint, or the value itself where it holds only one.
func valueOf(bucket uint16) time.Duration {
	low, high := bounds(bucket)
	if high-low <= 1 {
		return time.Duration(low)
	}
	return time.Duration(min(math.Sqrt(low)*math.Sqrt(high), math.MaxInt64/2*2-1024))
}

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.addTo(bucketOf(int64(d)), 1)
	h.sum = addCapped(h.sum, max(int64(d), 0))
}

func (h *Histogram) addTo(bucket uint16, n int64) {
	i := len(h.bins)
	// Requests of one model take alike long: the newest is often in the last bucket or above it.
	if i == 0 || h.bins[i-1].bucket >= bucket {
		i, _ = slices.BinarySearchFunc(h.bins, bucket, func(b bin, want uint16) int { return int(b.bucket) - int(want) })
		if i < len(h.bins) && h.bins[i].bucket == bucket {
			h.bins[i].n = addCapped(h.bins[i].n, n)
			return
		}
	}
	h.bins = slices.Insert(h.bins, i, bin{bucket, n})
}

// Merge adds all of o's counts.
func (h *Histogram) Merge(o *Histogram) {
	if len(h.bins) == 0 {
		h.bins = slices.Clone(o.bins)
	} else {
		for _, b := range o.bins {
			h.addTo(b.bucket, b.n)
		}
	}
	h.sum = addCapped(h.sum, o.sum)
}

// Count is how many durations were added.
func (h *Histogram) Count() int64 {
	var n int64
	for _, b := range h.bins {
		n = addCapped(n, b.n)
	}
	return n
}

// Mean is the exact average; 0 for an empty histogram.
func (h *Histogram) Mean() time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	return time.Duration(h.sum / n)
}

// Quantile is the value at rank ceil(q × n) of the n sorted durations, counted from 1 and never below it: the
// nearest-rank rule. So the median of 1, 2, 3, 4 is 2, and the 95th percentile of five values is the largest. The
// answer is within 2 % of the duration that was added. An empty histogram answers 0.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rank := rankOf(q, n)
	for _, b := range h.bins {
		if rank -= b.n; rank <= 0 {
			return valueOf(b.bucket)
		}
	}
	return valueOf(h.bins[len(h.bins)-1].bucket)
}

// rankOf holds the rank within 1 and n; a q that is not a number asks for the smallest.
func rankOf(q float64, n int64) int64 {
	if !(q > 0) {
		return 1
	}
	if q >= 1 {
		return n
	}
	return max(1, min(n, int64(math.Ceil(q*float64(n)))))
}

// appendBinary appends the histogram: its sum, the number of bins, and per bin the distance from the bin before,
// doubled, plus one where a count other than 1 follows. Sixty single durations take about 70 bytes.
func (h *Histogram) appendBinary(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(h.sum))
	dst = binary.AppendUvarint(dst, uint64(len(h.bins)))
	last := uint16(0)
	for _, b := range h.bins {
		gap := uint64(b.bucket-last) << 1
		last = b.bucket
		if b.n == 1 {
			dst = binary.AppendUvarint(dst, gap)
			continue
		}
		dst = binary.AppendUvarint(dst, gap|1)
		dst = binary.AppendUvarint(dst, uint64(b.n))
	}
	return dst
}

// mergeBinary adds an encoded histogram that stands at the head of r. A histogram that held nothing before takes the
// bins as they come, which is the cheap and usual case.
func (h *Histogram) mergeBinary(r *reader) {
	sum := r.count()
	n := r.count()
	if n > lastBucket+1 {
		r.fail(errHistogram)
		return
	}
	if len(h.bins) == 0 && r.err == nil {
		h.bins = make([]bin, 0, min(int(n), len(r.rest)))
	}
	bucket := uint64(0)
	for i := int64(0); i < n && r.err == nil; i++ {
		head := r.uvarint()
		if head>>1 > lastBucket || i > 0 && head>>1 == 0 {
			r.fail(errHistogram)
			return
		}
		bucket += head >> 1
		count := int64(1)
		if head&1 == 1 {
			count = r.count()
		}
		if bucket > lastBucket || count == 0 {
			r.fail(errHistogram)
			return
		}
		if r.err == nil {
			h.addTo(uint16(bucket), count)
		}
	}
	h.sum = addCapped(h.sum, sum)
}

// addCapped adds two counts that are not negative; a sum too large stays at the largest.
func addCapped(a, b int64) int64 {
	if s := a + b; s >= a {
		return s
	}
	return math.MaxInt64
}
