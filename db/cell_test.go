package db

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"localrouter/providers/llm"
)

func TestCellCountsARequest(t *testing.T) {
	var c Cell
	c.Add(&Entry{
		Usage: llm.Usage{Input: 10, CacheRead: 20, CacheWrite: 3, CacheWriteLong: 4, Output: 5, Reasoning: 2},
		Cost:  7, CostSource: llm.CostComputed, Latency: 2 * time.Second, FirstToken: time.Second,
	})
	c.Add(&Entry{Kind: llm.Timeout, Latency: time.Minute, CostSource: llm.CostUnknown, Usage: llm.Usage{Input: -9, Estimated: true}})
	c.Add(&Entry{Kind: llm.Broken, FirstToken: time.Second, CostSource: llm.CostLocal})
	if c.Requests != 3 || c.ErrorCount() != 2 || c.ErrorsOf(llm.Timeout) != 1 || c.ErrorsOf(llm.Internal) != 0 {
		t.Errorf("counted %d requests, %d errors, %v", c.Requests, c.ErrorCount(), c.Errors)
	}
	if want := (Tokens{10, 20, 3, 4, 5, 2}); c.Tokens != want || c.Tokens.Total() != 42 || c.Tokens.InputTotal() != 37 {
		t.Errorf("tokens are %+v, want %+v", c.Tokens, want)
	}
	if c.Cost != 7 || c.CostUnknown != 1 || c.Estimated != 1 {
		t.Errorf("cost %d, unknown %d, estimated %d", c.Cost, c.CostUnknown, c.Estimated)
	}
	if c.Latency.Count() != 1 || c.FirstToken.Count() != 2 {
		t.Errorf("%d latencies and %d first tokens, want the successful one and both that began", c.Latency.Count(), c.FirstToken.Count())
	}
}

// TestCellsNeverOverflow: figures stop at the largest, they never turn negative.
func TestCellsNeverOverflow(t *testing.T) {
	var c Cell
	for range 3 {
		c.Add(&Entry{Usage: llm.Usage{Input: math.MaxInt64, Output: math.MaxInt64}, Cost: math.MaxInt64, CostSource: llm.CostReported, Latency: math.MaxInt64})
	}
	if c.Tokens.Total() != math.MaxInt64 || c.Cost != math.MaxInt64 || c.Latency.Mean() < 0 {
		t.Errorf("overflow: %+v", c)
	}
	for i := range 3 * maxKinds {
		c.Add(&Entry{Kind: llm.Kind(fmt.Sprintf("kind-%d", i))})
	}
	if len(c.Errors) > maxKinds || c.ErrorCount() != 3*maxKinds {
		t.Errorf("%d kinds hold %d errors, want at most %d and all %d", len(c.Errors), c.ErrorCount(), maxKinds, 3*maxKinds)
	}
	if _, err := DecodeCell(c.AppendBinary(nil)); err != nil {
		t.Errorf("the largest cell cannot be read back: %v", err)
	}
}

var someEntries = rapid.SliceOf(rapid.Custom(func(t *rapid.T) Entry {
	n := rapid.Int64Range(0, 1<<40)
	return Entry{
		Kind:       rapid.SampledFrom([]llm.Kind{"", "", llm.Timeout, llm.Broken, llm.ClientGone}).Draw(t, "kind"),
		Usage:      llm.Usage{Input: n.Draw(t, "in"), CacheRead: n.Draw(t, "read"), Output: n.Draw(t, "out"), Estimated: rapid.Bool().Draw(t, "est")},
		Cost:       llm.PicoUSD(n.Draw(t, "cost")),
		CostSource: rapid.SampledFrom([]llm.CostSource{llm.CostUnknown, llm.CostReported, llm.CostLocal}).Draw(t, "source"),
		Latency:    durations.Draw(t, "latency"), FirstToken: durations.Draw(t, "first"),
	}
}))

// TestCellsMergeByAdding: two halves say the same as the whole, also through their bytes.
func TestCellsMergeByAdding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var whole, a, b, decoded Cell
		for i, e := range someEntries.Draw(t, "entries") {
			whole.Add(&e)
			if i%2 == 0 {
				a.Add(&e)
			} else {
				b.Add(&e)
			}
		}
		want := whole.AppendBinary(nil)
		for _, half := range []*Cell{&b, &a} {
			if err := decoded.mergeBinary(half.AppendBinary(nil)); err != nil {
				t.Fatal(err)
			}
		}
		a.Merge(&b)
		if got := a.AppendBinary(nil); !bytes.Equal(got, want) {
			t.Fatalf("merged %x, want %x", got, want)
		}
		if got := decoded.AppendBinary(nil); !bytes.Equal(got, want) {
			t.Fatalf("merged from bytes %x, want %x", got, want)
		}
	})
}

func TestDecodeCellRefuses(t *testing.T) {
	good := func() []byte {
		var c Cell
		c.Add(&Entry{Kind: llm.Timeout, FirstToken: time.Second})
		return c.AppendBinary(nil)
	}()
	for name, b := range map[string][]byte{
		"nothing": nil, "another version": {2}, "a cut cell": good[:len(good)-1], "more than a cell": append(bytes.Clone(good), 0),
		"a negative count": append([]byte{cellVersion}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
	} {
		if _, err := DecodeCell(b); err == nil {
			t.Errorf("%s was taken for a cell", name)
		}
	}
}

// FuzzDecodeCell: foreign bytes never panic, and what is accepted is written and read back the same.
func FuzzDecodeCell(f *testing.F) {
	var c Cell
	f.Add(c.AppendBinary(nil))
	for i := range 50 {
		c.Add(&Entry{Kind: []llm.Kind{"", llm.Timeout}[i%2], Latency: time.Duration(i) * time.Second, FirstToken: time.Duration(i * i * 1000), Usage: llm.Usage{Input: int64(i)}})
	}
	f.Add(c.AppendBinary(nil))
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 127, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeCell(b)
		if err != nil {
			return
		}
		again, err := DecodeCell(c.AppendBinary(nil))
		if err != nil {
			t.Fatalf("what was accepted cannot be read back: %v", err)
		}
		if d := cmp.Diff(c.AppendBinary(nil), again.AppendBinary(nil)); d != "" {
			t.Fatal(d)
		}
		c.Merge(&again)
		if c.Latency.Quantile(0.5) < 0 || c.Requests < 0 || c.Tokens.Total() < 0 || c.ErrorCount() < 0 {
			t.Fatalf("negative figures: %+v", c)
		}
	})
}

func BenchmarkCellAdd(b *testing.B) {
	b.ReportAllocs()
	var c Cell
	e := Entry{Latency: 800 * time.Millisecond, FirstToken: 100 * time.Millisecond, Cost: 5, CostSource: llm.CostComputed, Usage: llm.Usage{Input: 100, Output: 50}}
	for b.Loop() {
		e.Latency += 1001
		c.Add(&e)
	}
}

// BenchmarkCount is the part of Record that is done under the mutex for the figures.
func BenchmarkCount(b *testing.B) {
	b.ReportAllocs()
	r := &Recorder{pending: map[cellID]*Cell{}}
	start := time.Now()
	var entries []*Entry
	for i := range 64 {
		entries = append(entries, &Entry{
			Start: start, KeyID: fmt.Sprint("key", i%2), Provider: "openai", Model: fmt.Sprint("model", i%3), Latency: time.Duration(800+i) * time.Millisecond,
			FirstToken: time.Duration(100+i) * time.Millisecond, Cost: 5, CostSource: llm.CostComputed, Usage: llm.Usage{Input: 100, Output: 50},
		})
	}
	i := 0
	for b.Loop() {
		i++
		r.mu.Lock()
		r.countLocked(entries[i%64])
		r.mu.Unlock()
	}
}
