package db

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"localrouter/providers/llm"
)

// cellVersion is the first byte of every encoded cell.
const cellVersion = 1

const (
	maxKinds    = 100 // kinds of error in one cell; what goes beyond is counted as otherKind
	maxKindName = 64
	otherKind   = llm.Kind("other")
)

// errCell says that bytes are not an encoded cell.
var errCell = errors.New("malformed metrics cell")

// Cell sums up the requests of one stretch of time. Cells merge by adding; the zero value is an empty one.
type Cell struct {
	Requests int64
	Errors   []KindCount // by kind, sorted; empty where all went well
	Tokens   Tokens
	// Cost is the sum of all costs that are known.
	Cost llm.PicoUSD
	// CostUnknown is how many requests cost nobody knows what: they are not in Cost and never shown as free.
	CostUnknown int64
	// Estimated is how many requests have token counts that did not come from the provider.
	Estimated int64
	// Latency holds the requests that succeeded: a refusal in a millisecond says nothing about a model's speed.
	Latency Histogram
	// FirstToken holds the requests that had a first token, whatever became of them later.
	FirstToken Histogram
}

// KindCount is how many requests failed in one way.
type KindCount struct {
	Kind  llm.Kind
	Count int64
}

// Tokens are summed in classes that never overlap, but Reasoning, which is part of Output.
type Tokens struct {
	Input, CacheRead, CacheWrite, CacheWriteLong, Output, Reasoning int64
}

// InputTotal is all input, cached or not.
func (t Tokens) InputTotal() int64 {
	return addCapped(addCapped(t.Input, t.CacheRead), addCapped(t.CacheWrite, t.CacheWriteLong))
}

// Total is input and output together.
func (t Tokens) Total() int64 { return addCapped(t.InputTotal(), t.Output) }

// Add counts one request.
func (c *Cell) Add(e *Entry) {
	c.Requests = addCapped(c.Requests, 1)
	c.Tokens.add(&Tokens{
		e.Usage.Input, e.Usage.CacheRead, e.Usage.CacheWrite, e.Usage.CacheWriteLong, e.Usage.Output, e.Usage.Reasoning,
	})
	switch {
	case e.CostSource == "" && e.Kind != "": // it failed before anything was used
	case e.CostSource == llm.CostUnknown || e.CostSource == "":
		c.CostUnknown = addCapped(c.CostUnknown, 1)
	case e.Cost > 0:
		c.Cost = llm.PicoUSD(addCapped(int64(c.Cost), int64(e.Cost)))
	}
	if e.Usage.Estimated {
		c.Estimated = addCapped(c.Estimated, 1)
	}
	if e.Kind == "" {
		c.Latency.Add(e.Latency)
	} else {
		c.addKind(e.Kind, 1)
	}
	if e.FirstToken > 0 {
		c.FirstToken.Add(e.FirstToken)
	}
}

// add sums; a negative figure is a provider's mistake and counts as nothing.
func (t *Tokens) add(o *Tokens) {
	t.Input = addCapped(t.Input, max(o.Input, 0))
	t.CacheRead = addCapped(t.CacheRead, max(o.CacheRead, 0))
	t.CacheWrite = addCapped(t.CacheWrite, max(o.CacheWrite, 0))
	t.CacheWriteLong = addCapped(t.CacheWriteLong, max(o.CacheWriteLong, 0))
	t.Output = addCapped(t.Output, max(o.Output, 0))
	t.Reasoning = addCapped(t.Reasoning, max(o.Reasoning, 0))
}

func (c *Cell) addKind(kind llm.Kind, n int64) {
	if len(kind) > maxKindName {
		kind = otherKind
	}
	i, found := slices.BinarySearchFunc(c.Errors, kind, byKind)
	if !found && len(c.Errors) >= maxKinds-1 {
		kind = otherKind
		i, found = slices.BinarySearchFunc(c.Errors, kind, byKind)
	}
	if found {
		c.Errors[i].Count = addCapped(c.Errors[i].Count, n)
		return
	}
	c.Errors = slices.Insert(c.Errors, i, KindCount{llm.Kind(strings.Clone(string(kind))), n})
}

func byKind(k KindCount, want llm.Kind) int { return strings.Compare(string(k.Kind), string(want)) }

// Merge adds all of o's counts.
func (c *Cell) Merge(o *Cell) {
	c.Requests = addCapped(c.Requests, o.Requests)
	for _, k := range o.Errors {
		c.addKind(k.Kind, k.Count)
	}
	c.Tokens.add(&o.Tokens)
	c.Cost = llm.PicoUSD(addCapped(int64(c.Cost), int64(o.Cost)))
	c.CostUnknown = addCapped(c.CostUnknown, o.CostUnknown)
	c.Estimated = addCapped(c.Estimated, o.Estimated)
	c.Latency.Merge(&o.Latency)
	c.FirstToken.Merge(&o.FirstToken)
}

// ErrorCount is how many requests failed, those the application gave up included.
func (c *Cell) ErrorCount() int64 {
	var n int64
	for _, k := range c.Errors {
		n = addCapped(n, k.Count)
	}
	return n
}

// ErrorsOf is how many requests failed in the given way.
func (c *Cell) ErrorsOf(kind llm.Kind) int64 {
	if i, found := slices.BinarySearchFunc(c.Errors, kind, byKind); found {
		return c.Errors[i].Count
	}
	return 0
}

// AppendBinary appends the cell in the form that is kept on disk: a version, then unsigned varints in fixed order.
func (c *Cell) AppendBinary(dst []byte) []byte {
	dst = append(dst, cellVersion)
	dst = binary.AppendUvarint(dst, uint64(c.Requests))
	dst = binary.AppendUvarint(dst, uint64(len(c.Errors)))
	for _, k := range c.Errors {
		dst = appendName(dst, string(k.Kind))
		dst = binary.AppendUvarint(dst, uint64(k.Count))
	}
	for _, v := range [...]int64{
		c.Tokens.Input, c.Tokens.CacheRead, c.Tokens.CacheWrite, c.Tokens.CacheWriteLong, c.Tokens.Output,
		c.Tokens.Reasoning, int64(c.Cost), c.CostUnknown, c.Estimated,
	} {
		dst = binary.AppendUvarint(dst, uint64(v))
	}
	dst = c.Latency.appendBinary(dst)
	return c.FirstToken.appendBinary(dst)
}

// DecodeCell reads what AppendBinary wrote.
func DecodeCell(b []byte) (Cell, error) {
	var c Cell
	if err := c.mergeBinary(b); err != nil {
		return Cell{}, err
	}
	return c, nil
}

// mergeBinary adds an encoded cell without making one in between. After an error c holds a part of it.
func (c *Cell) mergeBinary(b []byte) error {
	if len(b) == 0 || b[0] != cellVersion {
		return fmt.Errorf("%w: unknown version", errCell)
	}
	r := reader{rest: b[1:]}
	c.Requests = addCapped(c.Requests, r.count())
	kinds := r.count()
	if kinds > maxKinds {
		r.fail(errCell)
	}
	for i := int64(0); i < kinds && r.err == nil; i++ {
		kind, n := r.name(), r.count()
		if kind == "" || n == 0 || len(kind) > maxKindName {
			r.fail(errCell)
			break
		}
		if r.err == nil {
			c.addKind(llm.Kind(kind), n)
		}
	}
	c.Tokens.add(&Tokens{r.count(), r.count(), r.count(), r.count(), r.count(), r.count()})
	c.Cost = llm.PicoUSD(addCapped(int64(c.Cost), r.count()))
	c.CostUnknown = addCapped(c.CostUnknown, r.count())
	c.Estimated = addCapped(c.Estimated, r.count())
	c.Latency.mergeBinary(&r)
	c.FirstToken.mergeBinary(&r)
	if r.err == nil && len(r.rest) > 0 {
		r.fail(errCell)
	}
	return r.err
}

// reader takes varints from the head of rest; after the first error it answers zeros.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

func (r *reader) uvarint() uint64 {
	// Most figures fit one byte.
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		v := r.rest[0]
		r.rest = r.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail(errCell)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count reads a figure that is not negative.
func (r *reader) count() int64 {
	v := r.uvarint()
	if v > math.MaxInt64 {
		r.fail(errCell)
		return 0
	}
	return int64(v)
}

func (r *reader) name() string {
	n := r.count()
	if n > int64(len(r.rest)) {
		r.fail(errCell)
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

// appendName appends a text behind its length, so that a name may hold any byte.
func appendName(dst []byte, name string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(name)))
	return append(dst, name...)
}
