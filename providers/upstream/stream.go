package upstream

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/sse"
)

const (
	readBuffer = 4 << 10  // of a stream; events are small
	maxEvent   = 16 << 20 // of one event, and of all that is held back before the commit
	drainTime  = 250 * time.Millisecond
)

var buffers = sync.Pool{New: func() any { return new([readBuffer]byte) }}

// stream relays an event stream: whole events as they come, their bytes untouched. Before the first content it holds
// back what came, so that a failure can still go to another provider. The one event it withholds is a trailing usage
// that the application did not ask for.
type stream struct {
	exchange
	scan   sse.Scanner
	buf    []byte
	own    *[readBuffer]byte // buf as long as events are small; goes back to the pool at the end
	pass   int               // buf[:pass] are whole events to hand out
	handed int               // of them were handed out by the Next before
	drop   bool              // the event before was withheld
	done   bool              // the end mark came
	open   bool              // of another kind of stream (images, speech): no end mark, no commit rule
	eof    bool
	watch  Watch
	facts  Facts
	err    error
}

func newStream(x *exchange) *stream {
	s := &stream{own: buffers.Get().(*[readBuffer]byte)}
	s.exchange.adopt(x)
	s.buf = s.own[:0]
	s.open = x.ask.op == llm.Forward
	s.watch = x.c.format.Watch(x.ask.op, x.ask.wantsUsage)
	s.readHead(true)
	s.head.ContentType = "text/event-stream"
	if ct := x.resp.Header.Get("Content-Type"); isEvents(x.resp) {
		s.head.ContentType = ct
	}
	wait := x.c.o.Idle
	if x.c.o.Local {
		wait = max(wait, firstByteLocal) // it may still be loading the model
	}
	s.clock.Allow(wait)
	return s
}

// adopt moves an exchange into a relay; it holds an atomic and is therefore not copied.
func (x *exchange) adopt(from *exchange) {
	x.c, x.ask, x.model, x.obs, x.clock, x.body, x.resp, x.keeps = from.c, from.ask, from.model, from.obs, from.clock, from.body, from.resp, from.keeps
}

// Next hands out the events that have come; see llm.Relay.
func (s *stream) Next() ([]byte, error) {
	if s.handed > 0 {
		s.buf = s.buf[:copy(s.buf, s.buf[s.handed:])]
		s.pass, s.handed = s.pass-s.handed, 0
	}
	for {
		if s.err == nil && !s.done {
			s.err = s.events()
		}
		if s.done && !s.committed {
			s.commit()
		}
		switch {
		case s.committed && s.pass > 0:
			s.handed = s.pass
			return s.buf[:s.pass], nil
		case s.err != nil:
			return nil, s.over(s.err)
		case s.done:
			return nil, s.over(io.EOF)
		case s.eof:
			s.err = s.rest()
			continue
		}
		s.read()
	}
}

// read reads once, into a buffer that grows only for an event that does not fit.
func (s *stream) read() {
	if len(s.buf) >= maxEvent {
		s.err = s.fail(s.c.Fault(s.model, llm.Broken, "sent an event larger than 16 MiB", nil))
		return
	}
	if len(s.buf) == cap(s.buf) {
		s.buf = append(make([]byte, 0, 2*cap(s.buf)), s.buf...)
	}
	n, err := s.resp.Body.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if n > 0 {
		s.clock.Heard()
	}
	switch {
	case err == io.EOF:
		s.eof = true
	case err != nil:
		if n > 0 { // what came with the failure still counts
			if s.err = s.events(); s.err != nil || s.done {
				return
			}
		}
		s.err = s.fail(s.cut(err))
	}
}

// events looks at the whole events in the buffer that have not been looked at.
func (s *stream) events() error {
	for !s.done {
		e, n, ok := s.scan.Next(s.buf[s.pass:])
		if !ok {
			return nil
		}
		if !e.More {
			s.drop = false
			if e.Data != nil {
				if err := s.event(e.Name, e.Data); err != nil {
					return err
				}
			}
		}
		if s.drop {
			s.buf = append(s.buf[:s.pass], s.buf[s.pass+n:]...)
			continue
		}
		s.pass += n
	}
	return nil
}

// event learns what an event says. An error ends the stream; s.drop withholds the event.
func (s *stream) event(name, data []byte) error {
	s.facts = Facts{}
	f := &s.facts
	s.watch.Event(name, data, s.committed, f)
	s.content += int64(f.Content)
	s.keep(f.Text)
	if f.Failure != nil {
		return s.fail(s.c.named(s.model, f.Failure))
	}
	if f.HasUsage || f.Finish != "" {
		s.learn(f)
	}
	if !s.committed && (s.open || f.Content > 0) {
		s.commit()
	}
	s.done, s.drop = f.End, f.Withhold
	return nil
}

// rest decides what an end without the end mark is. The last event may lack its blank line; what is cut off inside is
// not handed on, so that the error event that follows stands on its own.
func (s *stream) rest() error {
	e, whole := s.scan.Rest(s.buf[s.pass:])
	if e.Data != nil && (whole || isDone(e.Data) || json.Valid(e.Data)) {
		if err := s.event(e.Name, e.Data); err != nil {
			return err
		}
		if s.drop {
			s.buf = s.buf[:s.pass]
		} else {
			s.buf = append(bytes.TrimRight(s.buf, "\r\n"), "\n\n"...)
			s.pass = len(s.buf)
		}
	} else {
		s.buf = s.buf[:s.pass]
	}
	switch {
	case s.done:
		return nil
	case s.open, s.finished && s.c.format.Last() != nil:
		s.done = true
		return nil
	case !s.committed:
		return s.fail(s.c.Fault(s.model, llm.Broken, "ended the stream before any content", nil))
	}
	return s.fail(s.c.Fault(s.model, llm.Broken, "ended the stream without its end mark, so the answer may be incomplete", nil))
}

// isDone knows the one end mark that is no JSON.
func isDone(data []byte) bool { return string(bytes.TrimSpace(data)) == "[DONE]" }

// over ends the relay for good: with err, or io.EOF after the clean end.
func (s *stream) over(err error) error {
	if s.err == nil {
		s.err = err
		s.estimate()
		drain(&s.exchange, s.eof)
		s.release(nil)
	}
	if s.own != nil {
		// Nobody holds a slice of it any more: Next is not called while one is in use.
		buffers.Put(s.own)
		s.own, s.buf, s.pass = nil, nil, 0
	}
	return s.err
}

// drain reads up to the end of the response, which is there or comes at once, so that the connection can be used again.
// A provider that keeps the stream open after its end mark loses the connection instead.
func drain(x *exchange, eof bool) {
	if eof {
		return
	}
	x.clock.Allow(drainTime)
	var b [64]byte
	for range 8 {
		if _, err := x.resp.Body.Read(b[:]); err != nil {
			return
		}
	}
}
