package settings

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNewer is what a file of a newer format is refused with. Nothing was changed.
var ErrNewer = errors.New("the settings file was written by a newer LocalRouter")

// Error is one thing wrong with a settings file, told so that a person finds the place and knows what to do.
type Error struct {
	File         string // base name; empty where the fault is not in a file
	Line, Column int    // 1-based; zero where unknown
	Path         string // as in providers[1].base_url; empty for the file as a whole
	Message      string // what is wrong
	Hint         string // what to do; may be empty
}

func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Line > 0:
		file := e.File
		if file == "" {
			file = "settings"
		}
		fmt.Fprintf(&b, "%s line %d, column %d: ", file, e.Line, e.Column)
	case e.File != "":
		b.WriteString(e.File + ": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Message)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Errors is everything that is wrong with a file, in the order of the file.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the first *Error.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// named sets the file's name in all of them.
func (e Errors) named(file string) Errors {
	for _, one := range e {
		one.File = file
	}
	return e
}

// nearest returns the name in names that word was most likely meant to be, or "".
func nearest(word string, names []string) string {
	best, bestDistance := "", len(word)/2+2
	for _, name := range names {
		if d := distance(strings.ToLower(word), name); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is Levenshtein's, over bytes. Long words are cut: this only feeds a hint.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// quoteShort shows a person's own word back, cut and escaped.
func quoteShort(s string) string {
	if r := []rune(s); len(r) > 40 {
		s = string(r[:40]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
