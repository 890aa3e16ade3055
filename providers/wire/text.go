package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"localrouter/providers/llm"
)

// The inside of a JSON string, which both sides of a translation write the same way, is carried over as it stands. The
// rules: what a request holds must be sound, and halves of surrogate pairs that stand alone become U+FFFD in it, since
// vendors refuse them (Strict). What an answer holds is mended, since half an answer is worth more than none; halves
// pass, because a stream may cut a pair in two and applications put it together again (Mended).

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// Sound reports whether b can stand inside a JSON string as it is: no bare quote, no raw control character, only whole
// escapes that JSON has, and UTF-8. It looks at 32 bytes at a time, because pictures are megabytes.
func Sound(b []byte) bool {
	for len(b) >= 8 {
		at := odd(binary.LittleEndian.Uint64(b)) & highs
		if at == 0 {
			b = calm(b[8:])
			continue
		}
		b = b[bits.TrailingZeros64(at)/8:]
		for again := true; again; again = len(b) > 0 && b[0] >= utf8.RuneSelf {
			n := soundAt(b)
			if n == 0 {
				return false
			}
			b = b[n:]
		}
	}
	for len(b) > 0 {
		n := soundAt(b)
		if n == 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

// calm cuts off the blocks in which nothing is odd.
func calm(b []byte) []byte {
	for len(b) >= 32 {
		w := b[:32:32]
		if (odd(binary.LittleEndian.Uint64(w))|odd(binary.LittleEndian.Uint64(w[8:]))|
			odd(binary.LittleEndian.Uint64(w[16:]))|odd(binary.LittleEndian.Uint64(w[24:])))&highs != 0 {
			break
		}
		b = b[32:]
	}
	return b
}

// odd has the high bit of a byte set where it is not ASCII, a control character, a quote or a backslash; it may be set
// in bytes above such a one, too.
func odd(x uint64) uint64 {
	return x | (x - ones*' ') | (x ^ ones*'"' - ones) | (x ^ ones*'\\' - ones)
}

// soundAt returns the length of the character or escape at the start of b, 0 where it is broken.
func soundAt(b []byte) int {
	switch c := b[0]; {
	case c < ' ' || c == '"':
		return 0
	case c == '\\':
		return escapeLen(b)
	case c < utf8.RuneSelf:
		return 1
	}
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n == 1 {
		return 0
	}
	return n
}

// escapeLen returns the length of the escape at the start of b, of a pair that of its first half, 0 where JSON has no
// such escape.
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

// unit reads the escape of a UTF-16 unit at the start of b, -1 where there is none.
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

// escape reads the escape at the start of b: what it means and its length, 0 where JSON has no such escape. Of a
// surrogate pair it reads both halves; r is a surrogate where one stands alone.
func escape(b []byte) (r rune, n int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch c := b[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'n':
		return '\n', 2
	case 't':
		return '\t', 2
	case 'r':
		return '\r', 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	}
	if r = unit(b); r < 0 {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if pair := utf16.DecodeRune(r, unit(b[6:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return r, 6
}

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

// Mended is the inside of a string of an answer: b itself where it is sound, else a copy that says what a lenient reader
// would have understood.
func Mended(b []byte) llm.Text {
	if Sound(b) {
		return b
	}
	out := make([]byte, 0, len(b)+len(b)/16+16)
	for len(b) > 0 {
		n := soundAt(b)
		if n > 0 {
			out = append(out, b[:n]...)
		} else {
			n = 1
			out = appendByte(out, b[0])
		}
		b = b[n:]
	}
	return out
}

// Strict is the inside of a string of a request; ok is false where it is not sound and has to be refused. It is b
// itself, except where half of a surrogate pair stands alone in it.
func Strict(b []byte) (t llm.Text, ok bool) {
	if !Sound(b) {
		return nil, false
	}
	return Paired(b), true
}

// StrictValue is Strict for a whole JSON value, whose structure is known to be sound.
func StrictValue(v []byte) (_ []byte, ok bool) {
	if !SoundValue(v) {
		return nil, false
	}
	return Paired(v), true
}

// Paired is b, a sound text or a JSON value with sound strings, with U+FFFD for each half of a surrogate pair that
// stands alone. It has no capacity left, so that what is appended to it never runs into what stood behind b.
func Paired(b []byte) []byte {
	out := b[:len(b):len(b)]
	mended := false
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\\')
		if n < 0 {
			return out
		}
		i += n
		r, n := escape(b[i:])
		if n == 6 && utf16.IsSurrogate(r) {
			if !mended {
				out, mended = bytes.Clone(b), true
			}
			copy(out[i:], `\ufffd`)
		}
		i += max(n, 1)
	}
}

// Inside is the inside of a JSON string as it is written; nil where v is no string.
func Inside(v []byte) []byte {
	if len(v) < 2 || v[0] != '"' {
		return nil
	}
	return v[1 : len(v)-1]
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

// TextOf is plain text as the inside of a JSON string.
func TextOf(s string) llm.Text { return AppendEscaped(make([]byte, 0, len(s)), s) }

// AppendEscaped appends plain text, such as the JSON of a call's arguments, as the inside of a JSON string.
func AppendEscaped[T ~[]byte | ~string](dst []byte, s T) []byte {
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

func decodeRune[T ~[]byte | ~string](s T) (rune, int) {
	if len(s) > utf8.UTFMax {
		s = s[:utf8.UTFMax]
	}
	return utf8.DecodeRuneInString(string(s))
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

// Meaning is what the inside of a JSON string means.
func Meaning(t llm.Text) string {
	if bytes.IndexByte(t, '\\') < 0 {
		return string(t)
	}
	return string(AppendUnescaped(make([]byte, 0, len(t)), t))
}

// AppendUnescaped appends what the inside of a JSON string means. Half of a surrogate pair becomes U+FFFD.
func AppendUnescaped(dst []byte, t llm.Text) []byte {
	for {
		i := bytes.IndexByte(t, '\\')
		if i < 0 {
			return append(dst, t...)
		}
		var n int
		dst, n = Unescape(append(dst, t[:i]...), t[i:])
		t = t[i+n:]
	}
}

// Unescape appends what the escape at the start of s means; n is its length. A backslash that begins no escape stays.
func Unescape(dst, s []byte) (_ []byte, n int) {
	r, n := escape(s)
	if n == 0 {
		return append(dst, '\\'), 1
	}
	return utf8.AppendRune(dst, r), n
}

// Letters counts the characters of a text. A surrogate pair is one, also where its halves stand in two texts.
func Letters(t llm.Text) (n int) {
	for i := 0; i < len(t); n++ {
		switch c := t[i]; {
		case c != '\\':
			for i++; i < len(t) && t[i]&0xC0 == 0x80; i++ {
			}
		case i+1 < len(t) && t[i+1] == 'u':
			if u := unit(t[i:]); u >= 0xD800 && u < 0xDC00 {
				n-- // the second half counts
			}
			i += 6
		default:
			i += 2
		}
	}
	return n
}

// AppendLine appends a JSON value on one line, as in an event stream, where a line feed would end it. There are none
// inside its strings.
func AppendLine(dst, v []byte) []byte {
	from := len(dst)
	dst = append(dst, v...)
	for i := from; i < len(dst); i++ {
		if dst[i] == '\n' || dst[i] == '\r' {
			dst[i] = ' '
		}
	}
	return dst
}
