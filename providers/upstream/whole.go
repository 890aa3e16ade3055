package upstream

import (
	"io"
	"sync"

	"localrouter/providers/wire"
)

// whole relays a reply that is one JSON body, in one step.
type whole struct {
	exchange
	err error
}

func newWhole(x *exchange) *whole {
	w := &whole{}
	w.exchange.adopt(x)
	w.readHead(false)
	return w
}

// Next reads the reply, looks at it, and hands it out.
func (w *whole) Next() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	b, err := wire.ReadAll(w.beating(), w.resp.ContentLength, wire.MaxReply)
	if err != nil {
		w.err = w.fail(w.cut(err))
		return nil, w.err
	}
	w.head.Length = int64(len(b))
	var f Facts
	if e := w.c.format.Whole(w.ask.op, b, &f); e != nil {
		w.err = w.fail(w.c.named(w.model, e))
		return nil, w.err
	}
	w.content = int64(f.Content)
	w.keep(f.Text)
	w.commit()
	w.learn(&f)
	w.estimate()
	w.err = io.EOF
	w.release(nil)
	return b, nil
}

// beating is the response body; each read is a sign of life.
func (x *exchange) beating() io.Reader { return beat{x} }

type beat struct{ x *exchange }

func (b beat) Read(p []byte) (int, error) {
	n, err := b.x.resp.Body.Read(p)
	b.x.clock.Heard()
	return n, err
}

// passing relays what is neither JSON nor events, such as sound: piece by piece, unread and unbounded.
type passing struct {
	exchange
	buf *[passBuffer]byte
	err error
}

const passBuffer = 32 << 10

var passBuffers = sync.Pool{New: func() any { return new([passBuffer]byte) }}

func newPassing(x *exchange) *passing {
	p := &passing{buf: passBuffers.Get().(*[passBuffer]byte)}
	p.exchange.adopt(x)
	p.readHead(false)
	p.clock.Allow(x.c.o.Idle)
	return p
}

// Next hands out the next piece.
func (p *passing) Next() ([]byte, error) {
	for p.err == nil {
		n, err := p.resp.Body.Read(p.buf[:])
		p.clock.Heard()
		switch {
		case err == io.EOF:
			p.err = io.EOF
			p.commit()
		case err != nil:
			p.err = p.fail(p.cut(err))
		}
		if n > 0 {
			p.commit()
			return p.buf[:n], nil
		}
	}
	if p.buf != nil {
		passBuffers.Put(p.buf)
		p.buf = nil
		p.release(nil)
	}
	return nil, p.err
}
