package openai

import (
	"bytes"
	"crypto/rand"
	"io"

	"localrouter/providers/llm"
	"localrouter/providers/sse"
)

// Inside has a request of another dialect answered by a provider within this program that speaks this one: send is its
// Send, which also tells the observer.
func Inside(o *llm.Order, send func(*llm.Request) (llm.Relay, error)) (llm.Stream, error) {
	sp, e := spell(o, Style{StreamUsage: true, FreeTurns: true})
	if e != nil {
		return nil, e
	}
	o.Plan.Leave(sp.left...)
	req, err := NewCodec().Scan(llm.Chat, pathChat, sp.body)
	if err != nil {
		return nil, err
	}
	req.InputEstimate = o.Request.InputEstimate
	relay, err := send(req)
	if err != nil {
		return nil, err
	}
	return &inside{Relay: relay, decoder: newDecoder(sp, rand.Text), whole: !req.Stream}, nil
}

// inside reads what a Relay hands out: a whole reply, or whole events.
type inside struct {
	llm.Relay
	decoder llm.Decoder
	whole   bool
	scan    sse.Scanner
	events  []llm.Event
	at      int
	err     error // what comes behind the events
}

// Next hands out the next event; see llm.Stream.
func (s *inside) Next(e *llm.Event) error {
	for s.at == len(s.events) {
		if s.err != nil {
			return s.err
		}
		chunk, err := s.Relay.Next()
		s.events, s.at, s.err = s.events[:0], 0, err
		if len(chunk) > 0 {
			if err := s.read(chunk); err != nil && err != io.EOF {
				s.err = err
			}
		}
	}
	*e = s.events[s.at]
	s.at++
	e.More = s.at < len(s.events)
	return nil
}

func (s *inside) read(chunk []byte) (err error) {
	if s.whole {
		s.events, err = s.decoder.Whole(s.events, chunk)
		return err
	}
	for err == nil {
		e, n, ok := s.scan.Next(chunk)
		if !ok {
			return nil
		}
		chunk = chunk[n:]
		if e.Data != nil {
			s.events, err = s.decoder.Event(s.events, e.Name, bytes.Clone(e.Data))
		}
	}
	return err
}
