package wire

import (
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestBodySendsItsPiecesInOrderAndAgain(t *testing.T) {
	b := NewBody([]byte("ab"), nil, []byte("cde"), []byte("f"))
	if b.Len() != 6 {
		t.Errorf("Len %d, want 6", b.Len())
	}
	for range 2 {
		got, err := io.ReadAll(iotest.OneByteReader(b))
		if err != nil || string(got) != "abcdef" {
			t.Errorf("read %q, %v", got, err)
		}
		if _, err := b.Again(); err != nil {
			t.Fatal(err)
		}
	}
}

// An answer may come before net/http has asked for the end of the request. Asked then, the body must not fail: the
// connection that carries the answer would be closed.
func TestBodyThatWasReadWholeEndsWellAfterItsRelease(t *testing.T) {
	for name, free := range map[string]func(*Body){"spent": (*Body).Spent, "released": (*Body).Release} {
		b := NewBody([]byte("abc"))
		if n, err := b.Read(make([]byte, 3)); n != 3 || err != nil {
			t.Fatalf("%s: read %d, %v", name, n, err)
		}
		free(b)
		if n, err := b.Read(make([]byte, 3)); n != 0 || err != io.EOF {
			t.Errorf("%s: after its end the body gives %d, %v, want io.EOF", name, n, err)
		}
		if _, err := b.Again(); err == nil {
			t.Errorf("%s: a body whose bytes are gone can be sent again", name)
		}
	}
}

func TestBodyThatWasNotReadWholeFailsAfterItsRelease(t *testing.T) {
	b := NewBody([]byte("abc"))
	if _, err := b.Read(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	b.Spent() // keeps what is still to be sent
	b.Release()
	if _, err := b.Read(make([]byte, 2)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a cut body ends with %v, which looks whole", err)
	}
}
