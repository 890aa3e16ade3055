package openai

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"localrouter/providers/llm"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// sound reports whether b can stand inside a JSON string as it is: no bare quote, no raw control character, only whole
// escapes that JSON has, and UTF-8. It looks at 32 bytes at a time, because pictures are megabytes.
func sound(b []byte) bool {
	for len(b) > 0 {
		for len(b) >= 32 {
			w := b[:32:32]
			if (odd(binary.LittleEndian.Uint64(w))|odd(binary.LittleEndian.Uint64(w[8:]))|
				odd(binary.LittleEndian.Uint64(w[16:]))|odd(binary.LittleEndian.Uint64(w[24:])))&highs != 0 {
				break
			}
			b = b[32:]
		}
		for len(b) >= 8 && odd(binary.LittleEndian.Uint64(b))&highs == 0 {
			b = b[8:]
		}
		for i := min(8, len(b)); i > 0; {
			n := soundAt(b, 0)
			if n == 0 {
				return false
			}
			b = b[n:]
			i -= n
		}
	}
	return true
}

// odd has the high bit of a byte set where it is not ASCII, a control character, a quote or a backslash; it may be set
// in bytes above such a one, too.
func odd(x uint64) uint64 {
	return x | (x - ones*' ') | (x ^ ones*'"' - ones) | (x ^ ones*'\\' - ones)
}

// soundAt returns the length of the character or escape at b[i], 0 where it is broken.
func soundAt(b []byte, i int) int {
	switch c := b[i]; {
	case c < ' ' || c == '"':
		return 0
	case c == '\\':
		return escapeLen(b[i:])
	case c < utf8.RuneSelf:
		return 1
	}
	r, n := utf8.DecodeRune(b[i:])
	if r == utf8.RuneError && n == 1 {
		return 0
	}
	return n
}

// escapeLen returns the length of the escape at the start of b, 0 where JSON has no such escape.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if unit(b) >= 0 {
			return 6
		}
	}
	return 0
}

// unit reads the \uXXXX at the start of b, -1 where there is none.
func unit(b []byte) (r rune) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// mended is b as the inside of a JSON string: b itself where it is sound, else a copy that says what a lenient reader
// would have understood. Answers are mended, since half an answer is worth more than none; requests are refused.
func mended(b []byte) llm.Text {
	if sound(b) {
		return b
	}
	out := make([]byte, 0, len(b)+16)
	for i := 0; i < len(b); {
		if n := soundAt(b, i); n > 0 {
			out = append(out, b[i:i+n]...)
			i += n
			continue
		}
		out = appendByte(out, b[i])
		i++
	}
	return out
}

// appendByte appends one byte that cannot stand in a JSON string as it is.
func appendByte(dst []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c == '\t':
		return append(dst, '\\', 't')
	case c < ' ':
		return append(dst, '\\', 'u', '0', '0', '0'+c>>4, "0123456789abcdef"[c&15])
	}
	return utf8.AppendRune(dst, utf8.RuneError)
}

// appendEscaped appends plain text, such as the JSON of a call's arguments, as the inside of a JSON string.
func appendEscaped[T []byte | string](dst []byte, s T) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, n := decodeRune(s[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		dst = appendByte(append(dst, s[from:i]...), c)
		i++
		from = i
	}
	return append(dst, s[from:]...)
}

func decodeRune[T []byte | string](s T) (rune, int) {
	if len(s) > utf8.UTFMax {
		s = s[:utf8.UTFMax]
	}
	return utf8.DecodeRuneInString(string(s))
}

// appendUnescaped appends what the inside of a JSON string means. Half of a surrogate pair becomes U+FFFD.
func appendUnescaped(dst []byte, t llm.Text) []byte {
	for {
		i := bytes.IndexByte(t, '\\')
		if i < 0 || i+1 >= len(t) {
			return append(dst, t...)
		}
		dst, t = append(dst, t[:i]...), t[i:]
		if t[1] != 'u' {
			c := t[1]
			if j := bytes.IndexByte([]byte("bfnrt"), c); j >= 0 {
				c = "\b\f\n\r\t"[j]
			}
			dst, t = append(dst, c), t[2:]
			continue
		}
		r, n := unit(t), 6
		if r < 0 {
			dst, t = append(dst, t[0]), t[1:]
			continue
		}
		if utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, unit(t[6:])); pair != utf8.RuneError {
				r, n = pair, 12
			} else {
				r = utf8.RuneError
			}
		}
		dst, t = utf8.AppendRune(dst, r), t[n:]
	}
}

// meaning is what the inside of a JSON string means.
func meaning(t llm.Text) string {
	if bytes.IndexByte(t, '\\') < 0 {
		return string(t)
	}
	return string(appendUnescaped(make([]byte, 0, len(t)), t))
}

// textOf is plain text as the inside of a JSON string.
func textOf(s string) llm.Text { return appendEscaped(make([]byte, 0, len(s)), s) }

// soundValue reports whether the strings in a JSON value are sound. Its structure is known to be.
func soundValue(v []byte) bool {
	for i := 0; ; {
		n := bytes.IndexByte(v[i:], '"')
		if n < 0 {
			return true
		}
		from := i + n + 1
		end := stringEnd(v, from)
		if end < 0 || !sound(v[from:end]) {
			return false
		}
		i = end + 1
	}
}

// stringEnd finds the closing quote of a string whose inside begins at from, -1 where there is none.
func stringEnd(b []byte, from int) int {
	for j := from; ; {
		n := bytes.IndexByte(b[j:], '"')
		if n < 0 {
			return -1
		}
		j += n
		k := j
		for k > from && b[k-1] == '\\' {
			k--
		}
		if (j-k)&1 == 0 {
			return j
		}
		j++
	}
}

// blank reports whether t is nothing but white space.
func blank(t llm.Text) bool {
	return len(bytes.TrimSpace([]byte(meaning(t)))) == 0
}
