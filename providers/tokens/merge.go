package tokens

import (
	"encoding/binary"
	"sync"
	"unicode/utf8"
)

const (
	// short is the length up to which the best merge is looked for among all: nearly every piece.
	short = 24
	// longest is where a longer piece is cut. It bounds the memory, and so the time, that a text without any blank takes;
	// a cut costs a token at most.
	longest = 4096
)

var counters = sync.Pool{New: func() any { return new(counter) }}

// counter is what counting needs besides the vocabulary. It is used by one goroutine.
type counter struct {
	steps int // looks at a character, at a possible merge or at a place of the heap: what the time is bounded by

	ids        [longest]uint32 // of the tokens of a long piece, each at the place of its first byte
	prev, next [longest]uint16
	heap       []uint64 // possible merges: the id of the result, then the place of the left half

	known  [1 << knownBits]known // short pieces met before
	window []byte                // text whose escapes are undone

	tally [kinds][2]int64 // the count so far: tokens of each kind, common and rare
}

// reset begins a new count. What is known of pieces stays.
func (c *counter) reset() {
	c.steps = 0
	c.tally = [kinds][2]int64{}
}

// count adds the tokens of text.
func (c *counter) count(text []byte) {
	for i := 0; i < len(text); {
		end := c.piece(text, i)
		c.add(text[i:end])
		i = end
	}
}

// add adds the tokens of one piece.
func (c *counter) add(piece []byte) {
	for len(piece) > longest {
		at := longest
		for at > longest-utf8.UTFMax && !utf8.RuneStart(piece[at]) {
			at--
		}
		c.note(c.look(piece[:at]))
		piece = piece[at:]
	}
	c.note(c.look(piece))
}

func (c *counter) note(k known) {
	c.tally[k.kind][common] += int64(k.common)
	c.tally[k.kind][uncommon] += int64(k.rare)
}

const (
	knownBits   = 12
	knownLength = 16
)

// known is a piece of less than 16 bytes, its length among them, and what it came to: texts repeat their words.
type known struct {
	low, high    uint64
	common, rare uint16
	kind         kind
}

// look finds out what a piece comes to, or remembers it.
func (c *counter) look(piece []byte) (k known) {
	c.steps++
	at := &k
	if len(piece) < knownLength {
		var b [knownLength]byte
		b[copy(b[:], piece)] = 1 // ends it, since what follows is zero
		k.low, k.high = binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])
		at = &c.known[(k.low^k.high*3)*multiplier>>(64-knownBits)]
		if at.low == k.low && at.high == k.high {
			return *at
		}
	}
	all, rare := 0, 0
	if len(piece) > short {
		all, rare = c.mergeLong(piece)
	} else {
		all, rare = c.mergeShort(piece)
	}
	k.common, k.rare, k.kind = uint16(all-rare), uint16(rare), kindOf(piece)
	*at = k
	return k
}

// mergeShort makes the merges of the lowest id, leftmost first, until there is none, and returns how many tokens are left
// and how many of them are rare. Its time is quadratic.
func (c *counter) mergeShort(piece []byte) (all, rare int) {
	var ids, pairs [short]uint32 // pairs holds what each token is together with the next
	n := len(piece)
	for i, b := range piece {
		ids[i] = uint32(o200k[b])
	}
	for i := range n - 1 {
		pairs[i] = merge(ids[i], ids[i+1])
	}
	c.steps += n
	for n > 1 {
		best, at := uint32(noMerge), 0
		for i, p := range pairs[:n-1] {
			if p < best {
				best, at = p, i
			}
		}
		c.steps += n
		if best == noMerge {
			break
		}
		ids[at] = best
		n--
		copy(ids[at+1:], ids[at+2:n+1])
		copy(pairs[at+1:], pairs[at+2:n+1])
		if at > 0 {
			pairs[at-1] = merge(ids[at-1], best)
		}
		if at < n-1 {
			pairs[at] = merge(best, ids[at+1])
		}
	}
	for _, id := range ids[:n] {
		if id >= rareFrom {
			rare++
		}
	}
	return n, rare
}

// mergeLong does the same with a heap of all possible merges, in n log n. Entries that are no longer possible are passed
// over when they come up.
func (c *counter) mergeLong(piece []byte) (all, rare int) {
	last := len(piece) - 1
	c.heap = c.heap[:0]
	for i, b := range piece {
		c.ids[i] = uint32(o200k[b])
		c.prev[i], c.next[i] = uint16(i-1), uint16(i+1)
	}
	for i := range last {
		c.offer(i, last)
	}
	for len(c.heap) > 0 {
		id, at := c.take()
		if c.ids[at] == gone || int(c.next[at]) > last || merge(c.ids[at], c.ids[c.next[at]]) != id {
			continue
		}
		right := int(c.next[at])
		c.ids[at], c.ids[right] = id, gone
		c.next[at] = c.next[right]
		if int(c.next[at]) <= last {
			c.prev[c.next[at]] = uint16(at)
			c.offer(at, last)
		}
		if at > 0 {
			c.offer(int(c.prev[at]), last)
		}
	}
	for i := 0; i <= last; i = int(c.next[i]) {
		all++
		if c.ids[i] >= rareFrom {
			rare++
		}
	}
	return all, rare
}

// gone stands for the id of a token that became part of the one on its left.
const gone = noMerge

// offer puts the merge of the tokens at and behind at into the heap, if there is one.
func (c *counter) offer(at, last int) {
	if int(c.next[at]) > last {
		return
	}
	id := merge(c.ids[at], c.ids[c.next[at]])
	c.steps++
	if id == noMerge {
		return
	}
	e := uint64(id)<<32 | uint64(at)
	c.heap = append(c.heap, e)
	i := len(c.heap) - 1
	for i > 0 && c.heap[(i-1)/2] > e {
		c.heap[i] = c.heap[(i-1)/2]
		i = (i - 1) / 2
		c.steps++
	}
	c.heap[i] = e
}

// take removes the least entry of the heap.
func (c *counter) take() (id uint32, at int) {
	top := c.heap[0]
	n := len(c.heap) - 1
	e := c.heap[n]
	c.heap = c.heap[:n]
	i := 0
	for child := 1; child < n; child = 2*i + 1 {
		if child+1 < n && c.heap[child+1] < c.heap[child] {
			child++
		}
		if e <= c.heap[child] {
			break
		}
		c.heap[i] = c.heap[child]
		i = child
		c.steps++
	}
	if n > 0 {
		c.heap[i] = e
	}
	return uint32(top >> 32), int(top & (1<<32 - 1))
}
