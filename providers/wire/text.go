package wire

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

// Sound reports whether b can stand inside a JSON string as it is: no bare quote, no raw control character, only whole
// escapes that JSON has, and UTF-8. It looks at eight bytes at a time, because pictures are megabytes.
func Sound(b []byte) bool {
	for i := 0; i < len(b); {
		if i+8 <= len(b) && calm(binary.LittleEndian.Uint64(b[i:])) {
			i += 8
			continue
		}
		n := soundAt(b, i)
		if n == 0 {
			return false
		}
		i += n
	}
	return true
}

// calm reports whether eight bytes are all ASCII and none of them is a control character, a quote or a backslash.
func calm(x uint64) bool {
	quote, slash := x^(ones*'"'), x^(ones*'\\')
	return (x|(x-ones*' ')|(quote-ones)|(slash-ones))&highs == 0
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

// Mended is b as the inside of a JSON string: b itself where it is sound, else a copy that says what a lenient reader
// would have understood. Answers are mended, since half an answer is worth more than none; requests are refused.
func Mended(b []byte) llm.Text {
	if Sound(b) {
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

// AppendEscaped appends plain text, such as the JSON of a call's arguments, as the inside of a JSON string.
func AppendEscaped[T []byte | string](dst []byte, s T) []byte {
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

// AppendUnescaped appends what the inside of a JSON string means. Half of a surrogate pair becomes U+FFFD.
func AppendUnescaped(dst []byte, t llm.Text) []byte {
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

// Meaning is what the inside of a JSON string means.
func Meaning(t llm.Text) string {
	if bytes.IndexByte(t, '\\') < 0 {
		return string(t)
	}
	return string(AppendUnescaped(make([]byte, 0, len(t)), t))
}

// TextOf is plain text as the inside of a JSON string.
func TextOf(s string) llm.Text { return AppendEscaped(make([]byte, 0, len(s)), s) }

// SoundValue reports whether the strings in a JSON value are sound. Its structure is known to be.
func SoundValue(v []byte) bool {
	for i := 0; ; {
		n := bytes.IndexByte(v[i:], '"')
		if n < 0 {
			return true
		}
		from := i + n + 1
		end := StringEnd(v, from)
		if end < 0 || !Sound(v[from:end]) {
			return false
		}
		i = end + 1
	}
}

// StringEnd finds the closing quote of a string whose inside begins at from, -1 where there is none.
func StringEnd(b []byte, from int) int {
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

// Blank reports whether t is nothing but white space.
func Blank(t llm.Text) bool {
	return len(bytes.TrimSpace([]byte(Meaning(t)))) == 0
}
