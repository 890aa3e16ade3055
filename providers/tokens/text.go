package tokens

import (
	"bytes"
	"unicode/utf8"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// windowSize is how much of a text with escapes is undone at a time. A window ends before a blank that follows a letter,
// where a piece ends too.
const windowSize = 64 << 10

// countText adds the tokens of s, its escapes undone. What is no escape stays as it is.
func (c *counter) countText(s llm.Text) {
	at := bytes.IndexByte(s, '\\')
	if at < 0 {
		c.count(s)
		return
	}
	w := c.window[:0]
	for len(s) > 0 {
		if at < 0 {
			at = len(s)
		}
		for plain := s[:at]; len(plain) > 0; {
			n := min(len(plain), windowSize)
			w = append(w, plain[:n]...)
			plain = plain[n:]
			w = c.flush(w)
		}
		s = s[at:]
		if len(s) > 0 {
			n := 0
			w, n = wire.Unescape(w, s)
			w = c.flush(w)
			s = s[n:]
		}
		at = bytes.IndexByte(s, '\\')
	}
	c.count(w)
	c.window = w[:0]
}

// flush counts the most of a full window and returns the rest of it.
func (c *counter) flush(w []byte) []byte {
	if len(w) < windowSize {
		return w
	}
	cut := len(w) - 1
	for cut > len(w)-utf8.UTFMax && !utf8.RuneStart(w[cut]) {
		cut--
	}
	for i := cut; i > len(w)-1024; i-- {
		if w[i] == ' ' && ascii[w[i-1]&0x7F]&letter != 0 && w[i-1] < utf8.RuneSelf {
			cut = i
			break
		}
	}
	c.count(w[:cut])
	return w[:copy(w, w[cut:])]
}

// countJSON adds the tokens of a JSON text without the white space between its values, which no provider keeps.
func (c *counter) countJSON(text []byte) {
	w := c.window[:0]
	quoted := false
	for i := 0; i < len(text); i++ {
		b := text[i]
		switch {
		case b == '"':
			quoted = !quoted
		case quoted && b == '\\' && i+1 < len(text):
			w = append(w, b)
			i++
			b = text[i]
		case !quoted && (b == ' ' || b == '\n' || b == '\t' || b == '\r'):
			continue
		}
		w = append(w, b)
		if len(w) >= windowSize {
			w = c.flush(w)
		}
	}
	c.count(w)
	c.window = w[:0]
}
