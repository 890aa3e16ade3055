package openai

import (
	"strconv"

	"localrouter/providers/llm"
)

// brackets follows JSON that comes in pieces, to know when it is complete.
type brackets struct {
	depth           int
	inText, escaped bool
	closed          bool
}

// follow reads a piece, which is escaped once more as the inside of a string.
func (b *brackets) follow(t llm.Text) {
	for i := 0; i < len(t); i++ {
		c := t[i]
		if c == '\\' {
			var n int
			if c, n = unescaped(t[i:]); n > 1 {
				i += n - 1
			}
		}
		switch {
		case b.escaped:
			b.escaped = false
		case b.inText:
			b.escaped, b.inText = c == '\\', c != '"'
		case c == '"':
			b.inText = true
		case c == '{' || c == '[':
			b.depth++
			b.closed = false
		case c == '}' || c == ']':
			b.depth--
			b.closed = b.depth == 0
		}
	}
}

// unescaped is what the escape at the beginning of t stands for, 0 for what is no character of JSON's own, and its length.
func unescaped(t llm.Text) (c byte, n int) {
	if len(t) < 2 {
		return 0, 1
	}
	switch t[1] {
	case '"', '\\', '/':
		return t[1], 2
	case 'u':
		if len(t) < 6 {
			return 0, len(t)
		}
		v, err := strconv.ParseUint(string(t[2:6]), 16, 16)
		if err != nil || v > 0x7f {
			return 0, 6
		}
		return byte(v), 6
	}
	return 0, 2
}
