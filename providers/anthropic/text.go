package anthropic

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"localrouter/providers/llm"
)

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// plain reports whether b is printable ASCII without quotes and backslashes, eight bytes at a time: what a picture of
// 2 MB is, and most deltas are.
func plain(b []byte) bool {
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		quote, slash := w^ones*'"', w^ones*'\\'
		if (w|(w-ones*' ')&^w|(quote-ones)&^quote|(slash-ones)&^slash)&high != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// sound reports whether b is the well-formed inside of a JSON string.
func sound(b []byte) bool {
	if plain(b) {
		return true
	}
	if !utf8.Valid(b) {
		return false
	}
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '\\':
			_, n := escape(b[i:])
			if n == 0 {
				return false
			}
			i += n
		case c < ' ' || c == '"':
			return false
		default:
			i++
		}
	}
	return true
}

// soundJSON reports whether all strings of v are well-formed. The structure of v has been checked before.
func soundJSON(v []byte) bool {
	for {
		i := bytes.IndexByte(v, '"')
		if i < 0 {
			return true
		}
		end := closing(v, i+1)
		if end < 0 || !sound(v[i+1:end]) {
			return false
		}
		v = v[end+1:]
	}
}

// closing finds the quote that ends the string whose inside begins at from; -1 where there is none.
func closing(b []byte, from int) int {
	for j := from; j < len(b); j++ {
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
	}
	return -1
}

// escape decodes the escape at the start of b; n is its length, 0 where it is none. Half of a surrogate pair is none.
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

// textOf is the inside of the JSON string v, repaired where it is not well-formed; nil where v is no string.
func textOf(v []byte) llm.Text {
	if len(v) < 2 || v[0] != '"' {
		return nil
	}
	if t := v[1 : len(v)-1 : len(v)-1]; sound(t) {
		return t
	}
	return repair(v[1 : len(v)-1])
}

// repair makes a well-formed text of b: control characters and stray backslashes are escaped, halves of surrogate pairs
// and bytes that are no UTF-8 become U+FFFD. Cut emoji and raw line feeds are the usual causes, and nobody is helped by
// losing the whole text over them.
func repair(b []byte) llm.Text {
	out := make(llm.Text, 0, len(b)+len(b)/16+16)
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case c == '\\':
			if _, n := escape(b[i:]); n > 0 {
				out = append(out, b[i:i+n]...)
				i += n
			} else if hex4(b[i:]) >= 0 {
				out = append(out, `\ufffd`...)
				i += 6
			} else {
				out = append(out, `\\`...)
				i++
			}
		case c == '"':
			out = append(out, `\"`...)
			i++
		case c < ' ':
			out = appendControl(out, c)
			i++
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				out = append(out, `\ufffd`...)
			} else {
				out = append(out, b[i:i+n]...)
			}
			i += n
		}
	}
	return out
}

func appendControl(b []byte, c byte) []byte {
	switch c {
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
}

// appendEscaped appends raw as the inside of a JSON string.
func appendEscaped(dst, raw []byte) []byte {
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	from := 0
	for i, c := range raw {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, raw[from:i]...)
		from = i + 1
		if c < ' ' {
			dst = appendControl(dst, c)
		} else {
			dst = append(dst, '\\', c)
		}
	}
	return append(dst, raw[from:]...)
}

// appendRaw appends what t stands for. t is well-formed; what is not is taken as it stands.
func appendRaw(dst []byte, t llm.Text) []byte {
	for {
		i := bytes.IndexByte(t, '\\')
		if i < 0 {
			return append(dst, t...)
		}
		dst = append(dst, t[:i]...)
		r, n := escape(t[i:])
		if n == 0 {
			r, n = '\\', 1
		}
		dst = utf8.AppendRune(dst, r)
		t = t[i+n:]
	}
}

// str is what t stands for.
func str(t llm.Text) string {
	if bytes.IndexByte(t, '\\') < 0 {
		return string(t)
	}
	return string(appendRaw(make([]byte, 0, len(t)), t))
}

// blank reports whether t is nothing but white space, which Anthropic refuses as a text.
func blank(t llm.Text) bool { return len(trim(t)) == 0 }

// trim cuts white space from the end of t, escaped or not.
func trim(t llm.Text) llm.Text {
	for len(t) > 0 {
		if t[len(t)-1] == ' ' {
			t = t[:len(t)-1]
			continue
		}
		n := len(t)
		if n < 2 || t[n-2] != '\\' || t[n-1] != 'n' && t[n-1] != 't' && t[n-1] != 'r' {
			return t
		}
		k := n - 2
		for k > 0 && t[k-1] == '\\' {
			k--
		}
		if (n-2-k)&1 == 1 {
			return t // the backslash is itself escaped, and the letter a letter
		}
		t = t[:n-2]
	}
	return t
}

// appendLine appends JSON on one line: a line feed between its parts would end the data field of an event. There are
// none inside its strings.
func appendLine(dst, v []byte) []byte {
	from := len(dst)
	dst = append(dst, v...)
	for i := from; i < len(dst); i++ {
		if dst[i] == '\n' || dst[i] == '\r' {
			dst[i] = ' '
		}
	}
	return dst
}

// isObject reports whether v is a JSON object through and through.
func isObject(v []byte) bool {
	v = bytes.TrimSpace(v)
	return len(v) > 1 && v[0] == '{' && json.Valid(v) && utf8.Valid(v)
}

// joined puts texts together with an empty line between them.
func joined(list []llm.Text) llm.Text {
	if len(list) == 1 {
		return list[0]
	}
	var all llm.Text
	for i, t := range list {
		if i > 0 {
			all = append(all, `\n\n`...)
		}
		all = append(all, t...)
	}
	return all
}
