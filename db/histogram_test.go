package db

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBucketsAreNarrow walks every bucket: they follow each other without a gap, are at most 4 % wide, and answer
// with a value less than 2 % from any they hold.
func TestBucketsAreNarrow(t *testing.T) {
	_, last := bounds(0)
	for b := uint16(1); b <= lastBucket; b++ {
		low, high := bounds(b)
		if low != last {
			t.Fatalf("bucket %d begins at %g, the one before ends at %g", b, low, last)
		}
		last = high
		if high-low > 1 && high/low > 1.04 {
			t.Errorf("bucket %d is %.2f %% wide", b, 100*(high/low-1))
		}
		if v := float64(valueOf(b)); v/low > 1.02 || (high-1)/v > 1.02 {
			t.Errorf("bucket %d from %g to %g answers %g", b, low, high, v)
		}
		if b < lastBucket && (bucketOf(int64(low)) != b || bucketOf(int64(high)-1) != b && high < math.MaxInt64/2) {
			t.Errorf("the edges of bucket %d are not in it", b)
		}
	}
	if got := bucketOf(math.MaxInt64); got != lastBucket {
		t.Errorf("the largest duration is in bucket %d, want %d", got, lastBucket)
	}
}

var durations = rapid.Custom(func(t *rapid.T) time.Duration {
	// Spread over the orders of magnitude a request can take, and the extremes.
	return time.Duration(rapid.Int64Range(0, 1<<rapid.IntRange(0, 62).Draw(t, "bits")).Draw(t, "ns"))
})

// TestQuantilesAreWithinTwoPercent compares with the exact quantile by the same rank rule.
func TestQuantilesAreWithinTwoPercent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(durations, 1, 300).Draw(t, "values")
		var h Histogram
		for _, v := range values {
			h.Add(v)
		}
		slices.Sort(values)
		for _, q := range []float64{-1, 0, rapid.Float64Range(0, 1).Draw(t, "q"), 0.5, 0.95, 0.99, 1, 2, math.NaN()} {
			want := values[rankOf(q, int64(len(values)))-1]
			got := h.Quantile(q)
			if math.Abs(float64(got-want)) > 0.02*float64(want) {
				t.Fatalf("quantile %g is %d, want %d within 2 %%", q, got, want)
			}
		}
	})
}

func TestRankRule(t *testing.T) {
	for _, tt := range []struct {
		q    float64
		n    int64
		want int64
	}{
		{0.5, 4, 2}, {0.5, 5, 3}, {0.95, 5, 5}, {0.95, 20, 19}, {0.95, 100, 95}, {0, 7, 1}, {1, 7, 7}, {-3, 7, 1}, {3, 7, 7}, {math.NaN(), 7, 1},
	} {
		if got := rankOf(tt.q, tt.n); got != tt.want {
			t.Errorf("rank of %g among %d is %d, want %d", tt.q, tt.n, got, tt.want)
		}
	}
}

// TestMergeIsTheSameAsAddingAll: no order, grouping or encoding between changes what a histogram says.
func TestMergeIsTheSameAsAddingAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOf(durations).Draw(t, "a")
		b := rapid.SliceOf(durations).Draw(t, "b")
		var whole, left, right Histogram
		for _, v := range a {
			whole.Add(v)
			left.Add(v)
		}
		for _, v := range b {
			whole.Add(v)
			right.Add(v)
		}
		encoded := right.appendBinary(nil)
		swapped := Histogram{bins: slices.Clone(right.bins), sum: right.sum}
		swapped.Merge(&left)
		decoded := Histogram{bins: slices.Clone(left.bins), sum: left.sum}
		r := reader{rest: encoded}
		decoded.mergeBinary(&r)
		left.Merge(&right)
		want := whole.appendBinary(nil)
		for name, h := range map[string]*Histogram{"merged": &left, "merged the other way": &swapped, "merged from bytes": &decoded} {
			if r.err != nil || !bytes.Equal(h.appendBinary(nil), want) {
				t.Fatalf("%s: %v %v, want %v", name, h, r.err, whole)
			}
		}
		if whole.Count() != int64(len(a)+len(b)) {
			t.Fatalf("count is %d, want %d", whole.Count(), len(a)+len(b))
		}
	})
}

func TestMeanIsExact(t *testing.T) {
	var h Histogram
	if h.Mean() != 0 || h.Quantile(0.5) != 0 {
		t.Errorf("an empty histogram answers %v and %v, want 0", h.Mean(), h.Quantile(0.5))
	}
	h.Add(time.Second)
	h.Add(2 * time.Second)
	if got := h.Mean(); got != 1500*time.Millisecond {
		t.Errorf("mean is %v, want 1.5s", got)
	}
	h.Add(math.MaxInt64)
	h.Add(math.MaxInt64)
	if h.sum != math.MaxInt64 {
		t.Errorf("a sum too large became %d", h.sum)
	}
}

// TestSixtyDurationsAreSmall holds the size that memory and disk figures rest on.
func TestSixtyDurationsAreSmall(t *testing.T) {
	var h Histogram
	for i := range 60 {
		h.Add(time.Duration(200+i*i) * time.Millisecond)
	}
	if n := len(h.appendBinary(nil)); n > 80 {
		t.Errorf("60 durations take %d bytes, want at most 80", n)
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	b.ReportAllocs()
	var h Histogram
	i := 0
	for b.Loop() {
		i++
		h.Add(time.Duration(i%1000) * time.Millisecond)
	}
}
