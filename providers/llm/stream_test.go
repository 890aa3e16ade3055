package llm_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

// told is a stream of events that were written down, each marked with whether the next is at hand.
type told struct {
	events []llm.Event
	end    error
	closed int
}

func (s *told) Head() llm.Head { return llm.Head{Status: 200} }
func (s *told) Close() error   { s.closed++; return nil }
func (s *told) Next(e *llm.Event) error {
	if len(s.events) == 0 {
		return s.end
	}
	*e = s.events[0]
	s.events = s.events[1:]
	return nil
}

// letters spells each event as its text, or as a sign of its kind.
type letters struct{ all []byte }

func (l *letters) Append(dst []byte, e *llm.Event) []byte {
	out := e.Text
	if e.Kind == llm.EventStart {
		out = llm.Text("^")
	}
	l.all = append(l.all, out...)
	return append(dst, out...)
}
func (l *letters) End(dst []byte) []byte { return append(dst, '$') }

func text(s string, more bool) llm.Event {
	return llm.Event{Kind: llm.EventText, Text: llm.Text(s), More: more}
}

// steps reads a relay to its end.
func steps(r llm.Relay) (list []string, err error) {
	for {
		b, err := r.Next()
		if len(b) > 0 {
			list = append(list, string(b))
		}
		if err != nil {
			return list, err
		}
	}
}

func TestTranslatedStream(t *testing.T) {
	start, failure := llm.Event{Kind: llm.EventStart}, &llm.Error{Kind: llm.Broken, Message: "broken off"}
	for name, c := range map[string]struct {
		events []llm.Event
		end    error
		whole  bool
		want   string
	}{
		"nothing is handed out before the first content": {[]llm.Event{start, text("", false), text("a", false), text("b", false)}, io.EOF, false, "^a b $ EOF"},
		"what is at hand goes out together":              {[]llm.Event{start, text("a", true), text("b", true), text("c", false), text("d", false)}, io.EOF, false, "^abc d $ EOF"},
		"an answer without content ends cleanly":         {[]llm.Event{start}, io.EOF, false, "^$ EOF"},
		"a failure before content hands out nothing":     {[]llm.Event{start}, failure, false, "broken off"},
		"what came before a failure is handed out":       {[]llm.Event{start, text("a", true), text("b", true)}, failure, false, "^ab broken off"},
		"a whole reply comes in one piece":               {[]llm.Event{start, text("a", false), text("b", false)}, io.EOF, true, "^ab$ EOF"},
		"half a whole reply is none":                     {[]llm.Event{start, text("a", false)}, failure, true, "broken off"},
	} {
		t.Run(name, func(t *testing.T) {
			r := llm.Translated(&told{events: c.events, end: c.end}, &letters{}, c.whole)
			list, err := steps(r)
			said := "EOF"
			if e, ok := errors.AsType[*llm.Error](err); ok {
				said = e.Message
			}
			if got := strings.Join(append(list, said), " "); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("asked again: %v, before %v", again, err)
			}
		})
	}
}

// TestAWholeReplyIsBounded: a provider that streams for ever must not fill the memory of who waits for one piece.
func TestAWholeReplyIsBounded(t *testing.T) {
	s := &endless{piece: llm.Text(strings.Repeat("x", 1<<20))}
	_, err := llm.Translated(s, sink{}, true).Next()
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Status != 502 || !strings.Contains(e.Message, "stream") || s.n > 70 || !s.closed {
		t.Errorf("%v after %d MiB, closed %v", err, s.n, s.closed)
	}
}

type endless struct {
	piece  llm.Text
	n      int
	closed bool
}

func (s *endless) Head() llm.Head { return llm.Head{Status: 200} }
func (s *endless) Close() error   { s.closed = true; return nil }
func (s *endless) Next(e *llm.Event) error {
	s.n++
	*e = llm.Event{Kind: llm.EventText, Text: s.piece}
	return nil
}

type sink struct{}

func (sink) Append(dst []byte, _ *llm.Event) []byte { return dst }
func (sink) End(dst []byte) []byte                  { return dst }
