package upstream

import (
	"bytes"

	"localrouter/providers/wire"
)

// Frame is what stood around the text of the last event that held text and nothing else to learn. Most events of a
// stream have the same one, so that two comparisons say what searching would.
type Frame struct{ head, tail []byte }

const maxFrame = 1024 // so that an open stream stays small

// Keep takes the frame around the text b[from:to].
func (t *Frame) Keep(b []byte, from, to int) {
	if len(b)-(to-from) <= maxFrame {
		t.head, t.tail = append(t.head[:0], b[:from]...), append(t.tail[:0], b[to:]...)
	}
}

// Fits reports whether b is another text in the same frame, and which. A quote inside may end the text early and a
// backslash at its end may lead beyond it, so neither fits.
func (t *Frame) Fits(b []byte) (text []byte, ok bool) {
	n := len(b) - len(t.head) - len(t.tail)
	if n < 0 || len(t.tail) == 0 || !bytes.HasPrefix(b, t.head) || !bytes.HasSuffix(b, t.tail) {
		return nil, false
	}
	text = b[len(t.head) : len(t.head)+n]
	return text, bytes.IndexByte(text, '"') < 0 && (n == 0 || text[n-1] != '\\')
}

// StringAfter finds the JSON string behind key, which is a name with its quotes and colon: where its inside begins and
// its length, 0 where there is none.
func StringAfter(b, key []byte) (from, n int) {
	i := bytes.Index(b, key)
	if i < 0 {
		return 0, 0
	}
	i = wire.Space(b, i+len(key))
	if i >= len(b) || b[i] != '"' {
		return 0, 0
	}
	from = i + 1
	for j := from; ; j++ {
		n := bytes.IndexByte(b[j:], '"')
		if n < 0 {
			return 0, 0
		}
		j += n
		k := j
		for k > from && b[k-1] == '\\' {
			k--
		}
		if (j-k)&1 == 0 {
			return from, j - from
		}
	}
}
