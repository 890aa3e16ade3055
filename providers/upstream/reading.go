package upstream

import (
	"bytes"
	"encoding/json"
	"io"
	"sync/atomic"

	"localrouter/providers/llm"
	"localrouter/providers/sse"
	"localrouter/providers/wire"
)

// reading is an answer that is read instead of relayed: a Decoder turns its bytes into neutral events. All events of one
// read are decoded at once and handed out one by one.
type reading struct {
	exchange
	decoder llm.Decoder
	events  []llm.Event // decoded; those before at were handed out
	at      int
	whole   bool // the answer is one body

	scan sse.Scanner
	buf  []byte
	own  *[readBuffer]byte // buf as long as events are small; goes back to the pool at the end
	used int               // buf[:used] was decoded
	eof  bool
	// counted says that the usage was settled after the last event.
	counted bool
	clean   atomic.Bool // a stream ended as it should, and its connection can be used again
	end     error       // what comes behind the last event: io.EOF for the clean end
	err     error       // handed out
}

func newReading(x *exchange, d llm.Decoder, stream bool) *reading {
	r := &reading{decoder: d, whole: !stream}
	r.exchange.adopt(x)
	r.readHead(stream)
	if r.whole {
		return r
	}
	r.own = buffers.Get().(*[readBuffer]byte)
	r.buf = r.own[:0]
	wait := x.c.o.Idle
	if x.c.o.Local {
		wait = max(wait, firstByteLocal) // it may still be loading the model
	}
	r.clock.Allow(wait)
	return r
}

// Next hands out the next event; see llm.Stream.
func (r *reading) Next(e *llm.Event) error {
	for {
		if r.at < len(r.events) {
			*e = r.events[r.at]
			r.at++
			e.More = r.at < len(r.events)
			r.learn(e)
			return nil
		}
		switch {
		case r.err != nil:
			return r.err
		case r.end == io.EOF && !r.counted:
			// The application is told what we estimate, since its dialect may have no way to say that nobody counted.
			r.counted = true
			r.commit()
			if u := r.estimate(); !u.Zero() {
				*e = llm.Event{Kind: llm.EventUsage, Usage: u}
				return nil
			}
		case r.end != nil:
			return r.over()
		case r.whole:
			r.readWhole()
		default:
			r.at, r.events = 0, r.events[:0]
			r.read()
		}
	}
}

// learn tells the observer what an event says, in the moment it is handed out.
func (r *reading) learn(e *llm.Event) {
	if e.Commits() {
		r.content += int64(len(e.Text) + len(e.Name))
		r.keep(e.Text)
		r.commit()
	}
	switch e.Kind {
	case llm.EventStart, llm.EventUsage:
		if e.Usage.Service != llm.ServiceUsual {
			r.service = e.Usage.Service
		}
		if e.Kind == llm.EventStart && e.Name != r.model {
			r.answered = e.Name
		}
		if !e.Usage.Zero() || e.Usage.CostReported {
			r.count(e.Usage)
		}
	case llm.EventFinish:
		r.finish(wire.Cut(e.Name, 64))
	}
}

// read reads once and decodes the whole events that are there.
func (r *reading) read() {
	r.buf = r.buf[:copy(r.buf, r.buf[r.used:])]
	r.used = 0
	if r.eof {
		r.rest()
		return
	}
	if len(r.buf) >= maxEvent {
		r.end = r.c.Fault(r.model, llm.Broken, "sent an event larger than 16 MiB", nil)
		return
	}
	if len(r.buf) == cap(r.buf) {
		r.buf = append(make([]byte, 0, 2*cap(r.buf)), r.buf...)
	}
	n, err := r.resp.Body.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf = r.buf[:len(r.buf)+n]
	if n > 0 {
		r.clock.Heard()
	}
	r.decode()
	switch {
	case r.end != nil:
	case err == io.EOF:
		r.eof = true
	case err != nil:
		r.end = r.cut(err)
	}
}

// decode decodes the whole events in the buffer.
func (r *reading) decode() {
	for r.end == nil {
		e, n, ok := r.scan.Next(r.buf[r.used:])
		if !ok {
			return
		}
		r.used += n
		if !e.More && e.Data != nil {
			r.event(e)
		}
	}
}

func (r *reading) event(e sse.Event) {
	data := e.Data
	if bytes.IndexByte(data, '\n') >= 0 {
		data = bytes.Clone(data) // joined from several lines in the scanner's own memory, which it uses again
	}
	events, err := r.decoder.Event(r.events, e.Name, data)
	r.events = events
	r.end = r.understood(err)
}

// understood completes what a Decoder reports.
func (r *reading) understood(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return r.c.named(r.model, llm.AsError(err))
}

// rest decides what an end without the end mark is: an answer that may be incomplete. Only its last event may lack its
// blank line.
func (r *reading) rest() {
	e, whole := r.scan.Rest(r.buf)
	r.used = len(r.buf)
	if e.Data != nil && (whole || isDone(e.Data) || json.Valid(e.Data)) {
		if r.event(e); r.end != nil {
			return
		}
	}
	if last := r.c.format.Last(); last != nil {
		events, err := r.decoder.Event(r.events, nil, last)
		if err == io.EOF && finished(events[len(r.events):]) {
			r.events, r.end = events, err
			return
		}
	}
	what := "ended the stream without its end mark, so the answer may be incomplete"
	if !r.committed && r.at == len(r.events) {
		what = "ended the stream before any content"
	}
	r.end = r.c.Fault(r.model, llm.Broken, what, nil)
}

// finished reports whether the provider itself named the finish of its answer.
func finished(events []llm.Event) bool {
	for i := range events {
		if events[i].Kind == llm.EventFinish && events[i].Name != "" {
			return true
		}
	}
	return false
}

// readWhole reads an answer that is one body.
func (r *reading) readWhole() {
	b, err := wire.ReadAll(r.beating(), r.resp.ContentLength, wire.MaxReply)
	if err != nil {
		r.end = r.cut(err)
		return
	}
	events, err := r.decoder.Whole(r.events, b)
	if r.end = r.understood(err); r.end != nil {
		return // nothing of a reply that is none
	}
	r.events, r.end = events, io.EOF
}

// over ends the answer for good.
func (r *reading) over() error {
	r.err = r.end
	if e, failed := r.end.(*llm.Error); failed {
		r.fail(e)
	} else {
		r.clean.Store(!r.whole)
	}
	r.recycle()
	return r.err
}

func (r *reading) recycle() {
	if r.own != nil {
		buffers.Put(r.own)
		r.own, r.buf, r.events = nil, nil, nil
	}
}

// Close ends the attempt. After a clean end it waits a moment for the end of the response, so that the connection can be
// used again; the application has its answer by then.
func (r *reading) Close() error {
	if r.clean.Swap(false) {
		drain(&r.exchange, r.eof)
	}
	return r.exchange.Close()
}
