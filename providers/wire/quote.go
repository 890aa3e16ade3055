package wire

import (
	"bytes"
	"strconv"
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
	if !utf8.Valid(q) {
		return "", false
	}
	plain := true
	for _, c := range q {
		if c < ' ' || c == '"' {
			if c == '"' && !plain {
				continue // checked below, escape by escape
			}
			return "", false
		}
		if c == '\\' {
			plain = false
		}
	}
	if plain {
		return string(q), true
	}
	out := make([]byte, 0, len(q))
	for i := 0; i < len(q); {
		if q[i] == '"' {
			return "", false
		}
		if q[i] != '\\' {
			out = append(out, q[i])
			i++
			continue
		}
		r, n := escape(q[i:])
		if n == 0 {
			return "", false
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return string(out), true
}

// escape decodes the escape at the start of b; n is its length, 0 where it is none.
func escape(b []byte) (r rune, n int) {
	if len(b) < 2 {
		return 0, 0
	}
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), b[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2
	}
	r = hex4(b)
	switch {
	case r < 0:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	}
	if pair := utf16.DecodeRune(r, hex4(b[6:])); pair != utf8.RuneError {
		return pair, 12
	}
	return 0, 0
}

func hex4(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// AppendQuote appends s as a JSON string.
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
