package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"localrouter/providers/llm"
)

// Bounds of a scanned body. A request that passes them is refused before anything is allocated for it.
const (
	MaxDepth   = 128  // nesting of objects and arrays
	MaxMembers = 1024 // names at the top level
)

// SyntaxError is a defect of a JSON text with its place, counted the way an editor does.
type SyntaxError struct {
	Offset       int // in bytes, from 0
	Line, Column int // from 1; the column counts characters
	Reason       string
	// Name is the member to blame where the text is well-formed but a name is not accepted.
	Name string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d (byte %d): %s", e.Line, e.Column, e.Offset, e.Reason)
}

// Member is one name and value of a scanned object. Key aliases the body unless the name was written with escapes.
type Member struct {
	Key   []byte
	Value llm.Span
}

// Scanner makes one validating pass over a JSON object without decoding it. The structure (braces, brackets, quotes,
// commas, literals and numbers) is checked to the end; the inside of strings is skipped by bytes.IndexByte, which is
// what makes a picture of 2 MB cost microseconds. The zero value is ready; a Scanner may be reused and keeps its memory.
type Scanner struct {
	b   []byte
	err *SyntaxError

	seen  []Member
	names map[string]struct{} // only of objects with more than fewMembers names

	// Sizes noticed on the way: what an estimate of tokens is made from.
	Text    int // bytes in strings that look like text
	Media   int // strings that look like a picture, a sound or a file
	Numbers int // numbers, as in arrays of token ids
}

const fewMembers = 24

// Scan reads body, which must be one JSON object with nothing after it but white space, and returns its members in
// order with the offset of the closing brace. The members are valid until the next Scan. A name that appears twice
// is an error, and so is one that differs from a name in strict by letter case only: decoders disagree about which of
// them counts, and what was checked must be what is sent.
func (s *Scanner) Scan(body []byte, strict []string) (members []Member, end int, err *SyntaxError) {
	s.b, s.err, s.seen, s.names = body, nil, s.seen[:0], nil
	s.Text, s.Media, s.Numbers = 0, 0, 0
	end = s.object(strict)
	if s.err != nil {
		return nil, 0, s.err
	}
	if rest := s.space(end + 1); rest < len(body) {
		return nil, 0, s.fail(rest, "there is something after the end of the JSON object")
	}
	return s.seen, end, nil
}

// object scans the top level and returns the offset of its closing brace.
func (s *Scanner) object(strict []string) int {
	i := s.space(0)
	if i == len(s.b) {
		s.fail(i, "the body is empty; send a JSON object")
		return 0
	}
	if s.b[i] != '{' {
		s.fail(i, "the body must be a JSON object, which begins with {")
		return 0
	}
	i = s.space(i + 1)
	if i < len(s.b) && s.b[i] == '}' {
		return i
	}
	for s.err == nil {
		var m Member
		if m = s.member(i, strict); s.err != nil {
			return 0
		}
		s.seen = append(s.seen, m)
		i = s.space(m.Value.End)
		switch {
		case i >= len(s.b):
			s.fail(i, "the JSON object ends too early; a } is missing")
		case s.b[i] == '}':
			return i
		case s.b[i] != ',':
			s.fail(i, "expected , or } after a value")
		}
		i = s.space(i + 1)
	}
	return 0
}

// member scans one name and its value and checks the name against those before it.
func (s *Scanner) member(i int, strict []string) (m Member) {
	if i >= len(s.b) || s.b[i] != '"' {
		s.fail(min(i, len(s.b)), "expected a name in double quotes")
		return m
	}
	from := i
	i = s.str(i)
	if s.err != nil {
		return m
	}
	m.Key = s.b[from+1 : i-1]
	if bytes.IndexByte(m.Key, '\\') >= 0 {
		name, ok := Unquote(s.b[from:i])
		if !ok {
			s.fail(from, "a name holds an escape that JSON does not have")
			return m
		}
		m.Key = []byte(name)
	}
	if !s.accept(m.Key, from, strict) {
		return m
	}
	i = s.space(i)
	if i >= len(s.b) || s.b[i] != ':' {
		s.fail(min(i, len(s.b)), "expected : after a name")
		return m
	}
	i = s.space(i + 1)
	m.Value.Start = i
	m.Value.End = s.value(i)
	return m
}

// accept refuses a name that came before, and one that only pretends to be another.
func (s *Scanner) accept(key []byte, at int, strict []string) bool {
	for _, name := range strict {
		// A longer key can fold to the same name: the Kelvin sign is a k of three bytes.
		if len(key) < len(name) || len(key) > 3*len(name) || string(key) == name || key[0]|0x20 != name[0] && key[0] < utf8.RuneSelf {
			continue
		}
		if bytes.EqualFold(key, []byte(name)) {
			s.fail(at, fmt.Sprintf("the name %q differs from %q by letter case only; write %q", key, name, name)).Name = name
			return false
		}
	}
	if len(s.seen) >= MaxMembers {
		s.fail(at, fmt.Sprintf("the object has more than %d names", MaxMembers))
		return false
	}
	if s.twice(key) {
		s.fail(at, fmt.Sprintf("the name %q appears twice; send it once", key)).Name = string(key)
		return false
	}
	return true
}

func (s *Scanner) twice(key []byte) bool {
	if len(s.seen) < fewMembers {
		for i := range s.seen {
			if k := s.seen[i].Key; len(k) == len(key) && string(k) == string(key) {
				return true
			}
		}
		return false
	}
	if s.names == nil {
		s.names = make(map[string]struct{}, 2*fewMembers)
		for _, m := range s.seen {
			s.names[string(m.Key)] = struct{}{}
		}
	}
	_, dup := s.names[string(key)]
	s.names[string(key)] = struct{}{}
	return dup
}

// fail records the first defect; what comes after it is a consequence.
func (s *Scanner) fail(at int, reason string) *SyntaxError {
	if s.err != nil {
		return s.err
	}
	at = max(0, min(at, len(s.b)))
	line := 1 + bytes.Count(s.b[:at], []byte{'\n'})
	start := bytes.LastIndexByte(s.b[:at], '\n') + 1
	s.err = &SyntaxError{Offset: at, Line: line, Column: 1 + utf8.RuneCount(s.b[start:at]), Reason: reason}
	return s.err
}

// space returns the offset of the first byte at or after i that is not white space.
func (s *Scanner) space(i int) int {
	for i < len(s.b) && s.b[i] <= ' ' && (s.b[i] == ' ' || s.b[i] == '\n' || s.b[i] == '\r' || s.b[i] == '\t') {
		i++
	}
	return i
}

// str skips the string that begins at i and returns the offset after its closing quote.
func (s *Scanner) str(i int) int {
	end := StringEnd(s.b, i+1)
	if end < 0 {
		s.fail(i, "a string has no closing quote")
		return len(s.b)
	}
	s.size(i+1, end)
	return end + 1
}

// mediaFrom is the length from which a string without a space is taken for a picture, a sound or a file.
const mediaFrom = 2048

func (s *Scanner) size(from, to int) {
	if to-from >= mediaFrom && bytes.IndexByte(s.b[from:from+mediaFrom], ' ') < 0 && ascii(s.b[from:from+256]) {
		s.Media++
		return
	}
	s.Text += to - from
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// value skips the value that begins at i and returns the offset after it.
func (s *Scanner) value(i int) int {
	if i >= len(s.b) {
		s.fail(len(s.b), "a value is missing")
		return i
	}
	switch s.b[i] {
	case '"':
		return s.str(i)
	case '{', '[':
		return s.container(i)
	}
	return s.scalar(i)
}

// container skips the object or array that begins at i, nested ones included, without recursion.
func (s *Scanner) container(i int) int {
	var object [MaxDepth + 1]bool
	depth := 1 // the top-level object
	b := s.b
open:
	if depth++; depth > MaxDepth {
		s.fail(i, fmt.Sprintf("nested deeper than %d levels", MaxDepth))
		return i
	}
	object[depth] = b[i] == '{'
	i = s.space(i + 1)
	if i < len(b) && (b[i] == '}' && object[depth] || b[i] == ']' && !object[depth]) {
		goto shut
	}
next:
	if object[depth] {
		if i >= len(b) || b[i] != '"' {
			s.fail(i, "expected a name in double quotes")
			return i
		}
		if i = s.space(s.str(i)); i >= len(b) || b[i] != ':' {
			s.fail(i, "expected : after a name")
			return i
		}
		i = s.space(i + 1)
	}
	if i >= len(b) {
		s.fail(i, "the JSON text ends too early")
		return i
	}
	switch b[i] {
	case '"':
		i = s.str(i)
	case '{', '[':
		goto open
	default:
		if i = s.scalar(i); s.err != nil {
			return i
		}
	}
after:
	i = s.space(i)
	switch {
	case i >= len(b):
		s.fail(i, "the JSON text ends too early; a closing bracket is missing")
		return i
	case b[i] == ',':
		i = s.space(i + 1)
		goto next
	case b[i] == '}' && object[depth], b[i] == ']' && !object[depth]:
	case object[depth]:
		s.fail(i, "expected , or } after a value")
		return i
	default:
		s.fail(i, "expected , or ] after a value")
		return i
	}
shut:
	i++
	if depth--; depth == 1 {
		return i
	}
	goto after
}

// scalar skips a number, true, false or null.
func (s *Scanner) scalar(i int) int {
	b := s.b[i:]
	switch b[0] {
	case 't':
		if len(b) >= 4 && string(b[:4]) == "true" {
			return i + 4
		}
	case 'f':
		if len(b) >= 5 && string(b[:5]) == "false" {
			return i + 5
		}
	case 'n':
		if len(b) >= 4 && string(b[:4]) == "null" {
			return i + 4
		}
	default:
		if n := number(b); n > 0 {
			s.Numbers++
			return i + n
		}
	}
	s.fail(i, "expected a value: a string, a number, an object, an array, true, false or null")
	return i
}

// number returns the length of the JSON number at the start of b, 0 where there is none.
func number(b []byte) int {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	whole := digits(b[i:])
	if whole == 0 || whole > 1 && b[i] == '0' {
		return 0
	}
	i += whole
	if i < len(b) && b[i] == '.' {
		n := digits(b[i+1:])
		if n == 0 {
			return 0
		}
		i += 1 + n
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		j := i + 1
		if j < len(b) && (b[j] == '+' || b[j] == '-') {
			j++
		}
		n := digits(b[j:])
		if n == 0 {
			return 0
		}
		i = j + n
	}
	return i
}

func digits(b []byte) (n int) {
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}

// IsObject reports whether b is one JSON object through and through, and nothing else: what most dialects take as a
// schema or as a call's arguments.
func IsObject(b []byte) bool {
	var s Scanner
	if _, _, bad := s.Scan(b, nil); bad == nil {
		return SoundValue(b)
	}
	// The scanner is stricter than JSON about names that come twice, and about sizes.
	i := Space(b, 0)
	return i < len(b) && b[i] == '{' && json.Valid(b) && utf8.Valid(b)
}
