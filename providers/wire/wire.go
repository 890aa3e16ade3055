// Package wire knows what every client of a provider shares: the transport and its rules, the clock of an attempt,
// bodies sent in pieces and read within bounds, Retry-After in all its spellings, the redactor, a pass over JSON that
// decodes nothing, the strings of JSON as they are written, and names for tools. It knows no dialect.
package wire

import (
	"errors"
	"io"
	"unicode/utf8"
)

// MaxReply bounds a whole reply that is held in memory.
const MaxReply = 64 << 20

// ErrTooLarge says that a reply passed its bound.
var ErrTooLarge = errors.New("the reply is larger than the bound")

// ReadAll reads r to its end, at most max bytes of it; size is what it announces, or negative.
func ReadAll(r io.Reader, size, max int64) ([]byte, error) {
	if size > max {
		return nil, ErrTooLarge
	}
	first := int64(4 << 10)
	if size >= 0 {
		first = min(size+1, 1<<20) // an announced size is only believed as far as it costs little
	}
	b := make([]byte, 0, first)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > max {
			return nil, ErrTooLarge
		}
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// Cut bounds a text by bytes without splitting a character.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
