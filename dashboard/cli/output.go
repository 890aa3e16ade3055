package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// isTerminal reports whether stream (a reader or a writer) is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// wantsColour reports whether out may be coloured: only a terminal, never with NO_COLOR (any value, no-color.org).
func wantsColour(out io.Writer, getenv func(string) string) bool {
	return isTerminal(out) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

func (s *session) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *session) bold(text string) string { return s.paint("1", text) }
func (s *session) dim(text string) string  { return s.paint("2", text) }

// state colours a state word: green for well, yellow for half, red for not.
func (s *session) state(word string) string {
	switch word {
	case "running", "healthy", "ready", "enabled":
		return s.paint("32", word)
	case "degraded", "starting", "exposed", "unknown", "locked":
		return s.paint("33", word)
	case "error", "unhealthy", "absent-key", "wrong-key":
		return s.paint("31", word)
	}
	return s.dim(word)
}

// json writes v for a script.
func (s *session) json(v any) error {
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (s *session) line(parts ...any)              { fmt.Fprintln(s.out, parts...) }
func (s *session) printf(format string, a ...any) { fmt.Fprintf(s.out, format, a...) }

// table writes rows in columns. Widths count what a person sees, so a coloured cell does not shift its row.
func (s *session) table(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], visible(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-visible(cell)+2))
			}
		}
		s.line(strings.TrimRight(b.String(), " "))
	}
}

// heads is the first row of a table.
func (s *session) heads(words ...string) [][]string {
	row := make([]string, len(words))
	for i, w := range words {
		row[i] = s.dim(w)
	}
	return [][]string{row}
}

// visible counts the characters of text without its colour codes.
func visible(text string) int {
	n := 0
	for {
		at := strings.Index(text, "\x1b[")
		if at < 0 {
			return n + utf8.RuneCountInString(text)
		}
		n += utf8.RuneCountInString(text[:at])
		_, rest, _ := strings.Cut(text[at:], "m")
		text = rest
	}
}

// clean takes the control characters out of a foreign text: a model's name must not move the cursor of a terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Cf, r) {
			return '?'
		}
		return r
	}, text)
}

// cleanStream is clean for the text of an answer, which has lines and tabs of its own.
func cleanStream(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}

// count spells a number for people: 312, 12,400, 1.2 M.
func count(n int64) string {
	switch {
	case n >= 1_000_000_000:
		return fmt.Sprintf("%.1f G", float64(n)/1e9)
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	return strconv.FormatInt(n, 10)
}

// usd spells an amount so that small ones stay visible.
func usd(amount float64) string {
	switch {
	case amount == 0:
		return "$0"
	case amount < 0.000001:
		return "under $0.000001"
	case amount < 0.01:
		return "$" + strings.TrimRight(strconv.FormatFloat(amount, 'f', 6, 64), "0")
	}
	return fmt.Sprintf("$%.2f", amount)
}

// plural joins a number and its noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// span spells a duration by its two largest units.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
}

// moment is a time of the admin API; null and "" mean that there was none.
type moment struct{ time.Time }

// UnmarshalJSON reads RFC 3339.
func (m *moment) UnmarshalJSON(data []byte) error {
	if text := string(data); text == "null" || text == `""` {
		m.Time = time.Time{}
		return nil
	}
	return m.Time.UnmarshalJSON(data)
}

// String spells a moment for a table, in the person's own time zone.
func (m moment) String() string {
	if m.IsZero() {
		return "never"
	}
	return m.Local().Format("2006-01-02 15:04")
}
