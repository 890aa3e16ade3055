package server

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLargeBuffersAreUsedAgainAndGivenBackWhenQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		kept := func() (bytes, lists int) {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.spared, len(m.spare)
		}
		defer m.stop()
		b := m.take(2_000_100)
		if len(b) < 2_000_100 || len(b) > 2_600_000 {
			t.Fatalf("a buffer of %d bytes for 2,000,100", len(b))
		}
		b[0] = 7
		m.give(b)
		if again := m.take(2_000_000); again[0] != 7 {
			t.Error("the buffer was not used again")
		} else {
			m.give(again)
		}
		if other := m.take(3_000_000); len(other) < 3_000_000 || other[0] == 7 {
			t.Error("a larger body got the smaller buffer")
		}
		for range 20 {
			m.give(make([]byte, sizeClass(8<<20)))
		}
		if n, _ := kept(); n > spareMax {
			t.Errorf("%d bytes are kept", n)
		}
		time.Sleep(quiet + time.Millisecond)
		synctest.Wait()
		if n, lists := kept(); n != 0 || lists != 0 {
			t.Errorf("%d bytes are kept after a quiet second", n)
		}
	})
}

func TestSizeClassesWasteLittle(t *testing.T) {
	for n := largeBody; n < 64<<20; n += n/37 + 1 {
		if c := sizeClass(n); c < n || c > n+n/3 || sizeClass(c) != c {
			t.Fatalf("%d bytes get %d, which get %d", n, c, sizeClass(c))
		}
	}
}
