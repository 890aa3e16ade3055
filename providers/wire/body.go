package wire

import (
	"errors"
	"io"
	"sync"
)

// Body sends slices one after another without copying them together. The slices belong to the caller; after Release
// the Body never looks at them again, which matters because net/http may still be sending a request whose answer has
// already come.
type Body struct {
	mu    sync.Mutex // guards parts against Release while net/http reads
	parts [][]byte
	part  int
	at    int
	freed bool
	whole bool // all of it was read before it was freed

	store [5][]byte
}

// NewBody makes a Body of the given pieces.
func NewBody(parts ...[]byte) *Body {
	b := &Body{}
	b.parts = append(b.store[:0], parts...)
	return b
}

// Len is the number of bytes of all pieces.
func (b *Body) Len() (n int64) {
	for _, p := range b.parts {
		n += int64(len(p))
	}
	return n
}

// Bytes copies all pieces into one.
func (b *Body) Bytes() []byte {
	all := make([]byte, 0, b.Len())
	for _, p := range b.parts {
		all = append(all, p...)
	}
	return all
}

var errReleased = errors.New("the request is over")

func (b *Body) Read(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.freed {
		if b.whole {
			// net/http asks once more after the last byte, maybe when the answer is on its way already. An error here
			// would close the connection under it.
			return 0, io.EOF
		}
		return 0, errReleased
	}
	for n < len(p) && b.part < len(b.parts) {
		c := copy(p[n:], b.parts[b.part][b.at:])
		n += c
		if b.at += c; b.at == len(b.parts[b.part]) {
			b.part, b.at = b.part+1, 0
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Close is net/http's: it ends one sending, not the Body, which may be sent again.
func (b *Body) Close() error { return nil }

// Again is a Body over the same pieces from the start, for a repeat on another connection.
func (b *Body) Again() (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.freed {
		return nil, errReleased
	}
	b.part, b.at = 0, 0
	return b, nil
}

// Spent lets go of the pieces if all of them were read.
func (b *Body) Spent() {
	b.mu.Lock()
	if b.part == len(b.parts) {
		b.free()
	}
	b.mu.Unlock()
}

// Release lets go of the pieces.
func (b *Body) Release() {
	b.mu.Lock()
	b.free()
	b.mu.Unlock()
}

// free is called with mu held.
func (b *Body) free() {
	if b.freed {
		return
	}
	b.freed, b.whole = true, b.part == len(b.parts)
	b.parts, b.store = nil, [5][]byte{}
}
