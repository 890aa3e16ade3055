package wire

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote decodes a JSON string with its quotes. It is strict: a raw control character, an unknown escape, half of a
// surrogate pair and bytes that are no UTF-8 make ok false, since two readers could see two different names in them.
func Unquote(q []byte) (s string, ok bool) {
	if len(q) < 2 || q[0] != '"' || q[len(q)-1] != '"' {
		return "", false
	}
	q = q[1 : len(q)-1]
	if !Sound(q) {
		return "", false
	}
	if bytes.IndexByte(q, '\\') < 0 {
		return string(q), true
	}
	out := make([]byte, 0, len(q))
	for len(q) > 0 {
		if q[0] != '\\' {
			out, q = append(out, q[0]), q[1:]
			continue
		}
		r, n := escape(q)
		if utf16.IsSurrogate(r) {
			return "", false
		}
		out, q = utf8.AppendRune(out, r), q[n:]
	}
	return string(out), true
}

// AppendQuote appends s as a JSON string. Unlike AppendEscaped it also escapes what ends a line for some readers of
// event streams.
func AppendQuote(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r < ' ' || r == 0x2028 || r == 0x2029 || r == 0x7f:
			b = append(b, '\\', 'u')
			for shift := 12; shift >= 0; shift -= 4 {
				b = append(b, "0123456789abcdef"[r>>shift&15])
			}
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
