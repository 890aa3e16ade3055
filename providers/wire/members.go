package wire

import (
	"math"
	"strconv"
)

// Members calls visit for each name and value of the JSON object at the start of b, in order, until visit returns
// false. It reports whether the object was well-formed as far as it was read. Names are as written, without their
// quotes. It is for the small objects of an answer (a chunk, a usage, an error), which are only read on the way past.
func Members(b []byte, visit func(key, value []byte) bool) bool {
	i := Space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	i = Space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return true
	}
	for i < len(b) && b[i] == '"' {
		end := skipString(b, i)
		if end < 0 {
			return false
		}
		key := b[i+1 : end-1]
		if i = Space(b, end); i >= len(b) || b[i] != ':' {
			return false
		}
		i = Space(b, i+1)
		if end = skipValue(b, i); end < 0 {
			return false
		}
		if !visit(key, b[i:end]) {
			return true
		}
		if i = Space(b, end); i >= len(b) {
			return false
		}
		if b[i] == '}' {
			return true
		}
		if b[i] != ',' {
			return false
		}
		i = Space(b, i+1)
	}
	return false
}

// Elements calls visit for each element of the JSON array at the start of b until visit returns false.
func Elements(b []byte, visit func(value []byte) bool) bool {
	i := Space(b, 0)
	if i >= len(b) || b[i] != '[' {
		return false
	}
	i = Space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return true
	}
	for i < len(b) {
		end := skipValue(b, i)
		if end < 0 {
			return false
		}
		if !visit(b[i:end]) {
			return true
		}
		if i = Space(b, end); i >= len(b) || b[i] != ',' {
			return i < len(b) && b[i] == ']'
		}
		i = Space(b, i+1)
	}
	return false
}

// Space returns the offset of the first byte of b at or after i that is not JSON white space.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// Empty reports whether a value says nothing: null, "", [] or {}.
func Empty(v []byte) bool {
	if len(v) == 0 || v[0] == 'n' {
		return true
	}
	switch v[0] {
	case '"':
		return len(v) == 2
	case '[', '{':
		i := Space(v, 1)
		return i < len(v) && (v[i] == ']' || v[i] == '}')
	}
	return false
}

// Int reads a JSON number as a count: never negative, fractions cut, 0 where it is none.
func Int(v []byte) int64 {
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return max(n, 0)
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || !(f > 0) {
		return 0
	}
	return int64(min(f, math.MaxInt64/2))
}

// Text reads a JSON string, mended where it is not sound, or a number or literal as it is written; null is "".
func Text(v []byte) string {
	if len(v) == 0 || v[0] == 'n' {
		return ""
	}
	if v[0] != '"' {
		return string(v)
	}
	return Meaning(Mended(Inside(v)))
}

// Offset is where part begins within whole: something that is not empty and that Members, Elements, Inside or Mended cut
// out of it. It is -1 where part was copied.
func Offset(whole, part []byte) int {
	at := cap(whole) - cap(part) // of the same array, or not
	if len(part) == 0 || at < 0 || at+len(part) > len(whole) || &whole[at] != &part[0] {
		return -1
	}
	return at
}

// skipString returns the offset after the string at i, -1 where it does not end.
func skipString(b []byte, i int) int {
	if end := StringEnd(b, i+1); end >= 0 {
		return end + 1
	}
	return -1
}

// skipValue returns the offset after the value at i, -1 where it does not end. Brackets are counted, not matched.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		depth := 0
		for i < len(b) {
			switch b[i] {
			case '"':
				if i = skipString(b, i); i < 0 {
					return -1
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return -1
	}
	from := i
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
		i++
	}
	if i == from {
		return -1
	}
	return i
}
