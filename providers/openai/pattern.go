package openai

import (
	"bytes"

	"localrouter/providers/llm"
)

// pattern is the frame of a chunk that held one piece of text and nothing else. Most chunks of a stream have the same
// one, so that two comparisons say what reading them would.
type pattern struct {
	head, tail []byte
	kind       llm.EventKind
	call       int // of arguments: where the call stands in the decoder's list
}

const mostPattern = 2048 // so that an open stream stays small

// learn takes the frame around the text of e, which lies in data. Where the text was copied it is forgotten.
func (p *pattern) learn(data []byte, e *llm.Event) {
	p.forget()
	switch e.Kind {
	case llm.EventText, llm.EventThinking, llm.EventArguments:
	default:
		return
	}
	from := cap(data) - cap(e.Text) // of the same array, or not
	if len(e.Text) == 0 || from < 1 || from+len(e.Text) >= len(data) || &data[from] != &e.Text[0] || len(data)-len(e.Text) > mostPattern {
		return
	}
	p.kind = e.Kind
	p.head, p.tail = append(p.head[:0], data[:from]...), append(p.tail, data[from+len(e.Text):]...)
}

// forget makes the next chunk one that is read.
func (p *pattern) forget() { p.tail = p.tail[:0] }

// match reports whether data is another text in the same frame, and which. A quote inside would mean that the text ends
// earlier, and a backslash at its end that it ends later: neither is sound.
func (p *pattern) match(data []byte) (t llm.Text, ok bool) {
	n := len(data) - len(p.head) - len(p.tail)
	if n <= 0 || len(p.tail) == 0 || !bytes.HasPrefix(data, p.head) || !bytes.HasSuffix(data, p.tail) {
		return nil, false
	}
	t = data[len(p.head) : len(p.head)+n]
	return t, sound(t)
}
