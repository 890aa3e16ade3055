package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// literal turns the JavaScript literal at the beginning of b into JSON. It knows objects, arrays, strings, numbers and the
// short forms of true and false, which is what a build tool leaves of data.
func literal(b []byte) ([]byte, error) {
	l := &lexer{rest: b}
	if err := l.value(0); err != nil {
		return nil, fmt.Errorf("at byte %d: %w", len(b)-len(l.rest), err)
	}
	return l.out, nil
}

type lexer struct{ rest, out []byte }

const mostDepth = 100

var errLiteral = errors.New("this is no plain literal")

func (l *lexer) space() byte {
	l.rest = bytes.TrimLeft(l.rest, " \t\r\n")
	if len(l.rest) == 0 {
		return 0
	}
	return l.rest[0]
}

func (l *lexer) value(depth int) error {
	if depth > mostDepth {
		return errLiteral
	}
	switch c := l.space(); {
	case c == '{':
		return l.list('}', depth, true)
	case c == '[':
		return l.list(']', depth, false)
	case c == '"' || c == '\'' || c == '`':
		return l.text(c)
	case bytes.HasPrefix(l.rest, []byte("!0")):
		l.out, l.rest = append(l.out, "true"...), l.rest[2:]
	case bytes.HasPrefix(l.rest, []byte("!1")):
		l.out, l.rest = append(l.out, "false"...), l.rest[2:]
	case c == '-' || c == '.' || c >= '0' && c <= '9':
		return l.number()
	default:
		switch word := l.word(); word {
		case "true", "false", "null":
			l.out = append(l.out, word...)
		default:
			return errLiteral
		}
	}
	return nil
}

// list reads what stands between brackets.
func (l *lexer) list(end byte, depth int, keys bool) error {
	l.out, l.rest = append(l.out, l.rest[0]), l.rest[1:]
	for first := true; ; first = false {
		c := l.space()
		if c == ',' && !first {
			l.rest = l.rest[1:]
			c = l.space()
		} else if c != end && !first {
			return errLiteral
		}
		if c == end {
			l.out, l.rest = append(l.out, end), l.rest[1:]
			return nil
		}
		if !first {
			l.out = append(l.out, ',')
		}
		if keys {
			if err := l.key(c); err != nil {
				return err
			}
		}
		if err := l.value(depth + 1); err != nil {
			return err
		}
	}
}

func (l *lexer) key(c byte) error {
	if c == '"' || c == '\'' {
		if err := l.text(c); err != nil {
			return err
		}
	} else {
		word := l.word()
		if word == "" {
			return errLiteral
		}
		l.out = strconv.AppendQuote(l.out, word)
	}
	if l.space() != ':' {
		return errLiteral
	}
	l.out, l.rest = append(l.out, ':'), l.rest[1:]
	return nil
}

// word reads a name.
func (l *lexer) word() string {
	n := 0
	for n < len(l.rest) && (l.rest[n] == '_' || l.rest[n] == '$' || l.rest[n] >= '0' && l.rest[n] <= '9' || l.rest[n]|0x20 >= 'a' && l.rest[n]|0x20 <= 'z') {
		n++
	}
	word := string(l.rest[:n])
	l.rest = l.rest[n:]
	return word
}

func (l *lexer) number() error {
	n := 0
	for n < len(l.rest) && bytes.IndexByte([]byte("+-.eE0123456789"), l.rest[n]) >= 0 {
		n++
	}
	f, err := strconv.ParseFloat(string(l.rest[:n]), 64)
	if err != nil {
		return errLiteral
	}
	l.out, l.rest = strconv.AppendFloat(l.out, f, 'f', -1, 64), l.rest[n:] // 1e6 is written out, .5 gets its zero
	return nil
}

// text reads a string in any of the three kinds of quotes.
func (l *lexer) text(quote byte) error {
	var s []byte
	for i := 1; i < len(l.rest); i++ {
		c := l.rest[i]
		switch {
		case c == quote:
			l.out, l.rest = appendJSON(l.out, s), l.rest[i+1:]
			return nil
		case c == '$' && quote == '`':
			return errLiteral // a computed text
		case c != '\\':
			s = append(s, c)
		case i+1 == len(l.rest):
			return errLiteral
		default:
			i++
			switch e := l.rest[i]; e {
			case 'n':
				s = append(s, '\n')
			case 't':
				s = append(s, '\t')
			case 'r':
				s = append(s, '\r')
			case '\\', '\'', '"', '`', '/', '$':
				s = append(s, e)
			case 'u', 'x':
				digits := map[byte]int{'u': 4, 'x': 2}[e]
				if i+digits >= len(l.rest) {
					return errLiteral
				}
				n, err := strconv.ParseUint(string(l.rest[i+1:i+1+digits]), 16, 32)
				if err != nil {
					return errLiteral
				}
				s = utf8.AppendRune(s, rune(n))
				i += digits
			default:
				return errLiteral
			}
		}
	}
	return errLiteral
}

// appendJSON appends s as a JSON string.
func appendJSON(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, r := range string(s) {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
