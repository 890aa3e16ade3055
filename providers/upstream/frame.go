package upstream

import (
	"bytes"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// Frame is what stood around the text of the last event that held text and nothing else to learn. Most events of a
// stream have the same one, so that two comparisons say what searching would.
type Frame struct{ head, tail []byte }

const maxFrame = 2048 // so that an open stream stays small

// Keep takes the frame around the text b[from:to].
func (t *Frame) Keep(b []byte, from, to int) {
	if len(b)-(to-from) <= maxFrame {
		t.head, t.tail = append(t.head[:0], b[:from]...), append(t.tail[:0], b[to:]...)
	}
}

// Learn takes the frame around text, which was read from the event b; ok is false, and no frame is kept, where it does
// not lie in b any more because it had to be mended.
func (t *Frame) Learn(b []byte, text llm.Text) (ok bool) {
	t.Forget()
	if from := wire.Offset(b, text); from > 0 {
		t.Keep(b, from, from+len(text))
	}
	return len(t.tail) > 0
}

// Forget makes the next event one that fits nothing.
func (t *Frame) Forget() { t.tail = t.tail[:0] }

// Fits reports whether b is another text in the same frame, and which. A quote inside may end the text early and a
// backslash at its end may lead beyond it, so neither fits.
func (t *Frame) Fits(b []byte) (text []byte, ok bool) {
	if !t.around(b) {
		return nil, false
	}
	text = b[len(t.head) : len(b)-len(t.tail)]
	return text, bytes.IndexByte(text, '"') < 0 && (len(text) == 0 || text[len(text)-1] != '\\')
}

// Text is Fits for a text that is handed on: one that is not empty and can stand inside a JSON string, as neither a
// quote inside nor a backslash at its end can. Escaped quotes, of which arguments are full, fit.
func (t *Frame) Text(b []byte) (text llm.Text, ok bool) {
	if !t.around(b) {
		return nil, false
	}
	text = b[len(t.head) : len(b)-len(t.tail)]
	return text, len(text) > 0 && wire.Sound(text)
}

// around reports whether the frame is around b.
func (t *Frame) around(b []byte) bool {
	return len(b) >= len(t.head)+len(t.tail) && len(t.tail) > 0 && string(b[:len(t.head)]) == string(t.head) && string(b[len(b)-len(t.tail):]) == string(t.tail)
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
	if end := wire.StringEnd(b, i+1); end >= 0 {
		return i + 1, end - i - 1
	}
	return 0, 0
}
