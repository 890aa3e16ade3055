// Package sse knows how a stream of events is framed (text/event-stream): where an event begins and ends in bytes that
// arrive in any pieces. It knows nothing of what the events say.
package sse

import "bytes"

// Event is one event as it was found.
type Event struct {
	// Name is the value of the last event: field; nil where there was none.
	Name []byte
	// Data is the value of the data: lines, joined by line feeds; nil where there was none, as in a comment.
	// It aliases the bytes given to Next, or the Scanner's own memory, and is valid until the following call.
	Data []byte
	// More marks the line feed of a CR LF whose carriage return already ended the event before: it belongs to that
	// event, whatever became of it.
	More bool
}

// Scanner finds events in bytes that arrive in any pieces: split inside a line, inside CR LF or inside a character; with
// LF, CR LF or CR as line ends; with or without a byte order mark, comments, and a space after the colon. The zero
// value is ready.
type Scanner struct {
	pos     int  // how far the current event has been looked at
	line    int  // where its current line begins
	lines   int  // lines of data so far
	data    span // of the single data line
	name    span
	joined  []byte // of several data lines
	began   bool   // the first bytes of the stream have been seen
	afterCR bool   // the byte before this one ended a line as a carriage return
}

type span struct{ from, to int }

// Next looks for one whole event in b, which holds everything from the first byte that was not yet consumed. Where ok,
// the event is b[:n], its blank line included, and the next call begins behind it; else the next call gives the same
// bytes with more behind them.
func (s *Scanner) Next(b []byte) (e Event, n int, ok bool) {
	if s.pos == 0 {
		if !s.start(b) {
			return e, 0, false
		}
		if s.afterCR && len(b) > 0 {
			s.afterCR = false
			if b[0] == '\n' {
				return Event{More: true}, 1, true
			}
		}
	}
	for s.pos < len(b) {
		end, next := lineEnd(b, s.pos)
		if end < 0 {
			s.pos = len(b)
			return e, 0, false
		}
		if b[end] == '\r' && next == len(b) && next == end+1 && end > s.line {
			// The line feed that may follow belongs to this line; wait for it, as the event is not over yet.
			s.pos = end
			return e, 0, false
		}
		blank := end == s.line
		if !blank {
			s.field(b, s.line, end)
		}
		s.line, s.pos = next, next
		if blank {
			s.afterCR = b[end] == '\r' && next == end+1
			return s.take(b), next, true
		}
	}
	return e, 0, false
}

// Rest is what the stream ended with: an event whose blank line is missing. complete reports whether at least its last
// line was ended; without that nobody can tell whether more was to come.
func (s *Scanner) Rest(b []byte) (e Event, complete bool) {
	if s.afterCR && s.pos == 0 && len(b) > 0 && b[0] == '\n' {
		return e, true
	}
	complete = len(b) == 0 || b[len(b)-1] == '\n' || b[len(b)-1] == '\r'
	end := len(b)
	if end > s.line && b[end-1] == '\r' {
		end--
	}
	if end > s.line {
		s.field(b, s.line, end)
	}
	return s.take(b), complete
}

// start skips the byte order mark of a stream; it reports whether enough is there to tell.
func (s *Scanner) start(b []byte) bool {
	if s.began {
		return true
	}
	const bom = "\xEF\xBB\xBF"
	if len(b) < len(bom) && len(b) > 0 && bom[:len(b)] == string(b) || len(b) == 0 {
		return false
	}
	s.began = true
	if len(b) >= len(bom) && string(b[:len(bom)]) == bom {
		s.pos, s.line = len(bom), len(bom)
	}
	return true
}

// lineEnd finds the first line end at or after i: where it stands and where the next line begins.
func lineEnd(b []byte, i int) (end, next int) {
	lf := bytes.IndexByte(b[i:], '\n')
	part := b[i:]
	if lf >= 0 {
		part = part[:lf]
	}
	if cr := bytes.IndexByte(part, '\r'); cr >= 0 {
		if cr+1 == lf {
			return i + cr, i + lf + 1
		}
		return i + cr, i + cr + 1
	}
	if lf < 0 {
		return -1, 0
	}
	return i + lf, i + lf + 1
}

// field notes the line b[from:to].
func (s *Scanner) field(b []byte, from, to int) {
	line := b[from:to]
	colon := bytes.IndexByte(line, ':')
	value := from + colon + 1
	if colon < 0 {
		colon, value = len(line), to
	}
	if value < to && b[value] == ' ' {
		value++
	}
	switch string(line[:colon]) {
	case "data":
		switch s.lines {
		case 0:
			s.data = span{value, to}
		case 1:
			s.joined = append(append(append(s.joined[:0], b[s.data.from:s.data.to]...), '\n'), b[value:to]...)
		default:
			s.joined = append(append(s.joined, '\n'), b[value:to]...)
		}
		s.lines++
	case "event":
		s.name = span{value, to}
	}
}

// take ends the current event and makes the Scanner ready for the next.
func (s *Scanner) take(b []byte) (e Event) {
	switch s.lines {
	case 0:
	case 1:
		e.Data = b[s.data.from:s.data.to:s.data.to]
	default:
		e.Data = s.joined
	}
	if s.name.to > 0 {
		e.Name = b[s.name.from:s.name.to]
	}
	s.pos, s.line, s.lines, s.name = 0, 0, 0, span{}
	return e
}
