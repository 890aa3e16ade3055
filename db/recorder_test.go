package db_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"localrouter/db"
	"localrouter/db/accesslog"
	"localrouter/providers/llm"
)

// home is a data folder with everything the recorder needs, and a clock that the test sets.
type home struct {
	testing.TB
	dir   string
	now   func() time.Time
	extra func(*bbolt.Tx) error
	sink  func(db.Sink) db.Sink // wraps the log; nil: as it is

	store *db.Store
	log   *accesslog.Log
	rec   *db.Recorder
}

func newHome(t testing.TB) *home {
	start := time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)
	h := &home{TB: t, dir: t.TempDir(), now: func() time.Time { return start }}
	t.Cleanup(func() { h.close() })
	return h
}

func (h *home) open() {
	h.Helper()
	var err error
	if h.store, err = db.Open(filepath.Join(h.dir, "localrouter.db"), db.Options{Now: h.now}); err != nil {
		h.Fatal(err)
	}
	if h.log, err = accesslog.Open(filepath.Join(h.dir, "logs"), accesslog.Options{Now: h.now}); err != nil {
		h.Fatal(err)
	}
	sink := db.Sink(h.log)
	if h.sink != nil {
		sink = h.sink(sink)
	}
	if h.rec, err = db.OpenRecorder(h.store, db.RecorderOptions{Sink: sink, Now: h.now, Extra: h.extra}); err != nil {
		h.Fatal(err)
	}
}

func (h *home) close() {
	if h.store == nil {
		return
	}
	err := errors.Join(h.rec.Close(), h.store.Close(), h.log.Close())
	h.store = nil
	if err != nil && h.extra == nil && h.sink == nil {
		h.Errorf("close: %v", err)
	}
}

func (h *home) reopen() { h.Helper(); h.close(); h.open() }

// image copies the folder as a kill at this moment would leave it.
func (h *home) image() *home {
	h.Helper()
	copied := newHome(h.TB)
	copied.now = h.now
	if err := os.CopyFS(copied.dir, os.DirFS(h.dir)); err != nil {
		h.Fatal(err)
	}
	return copied
}

func (h *home) totals(q db.Query) db.Cell {
	h.Helper()
	c, err := h.rec.Totals(q)
	if err != nil {
		h.Fatal(err)
	}
	return c
}

func (h *home) wantRequests(want int64, when string) {
	h.Helper()
	for _, q := range []db.Query{
		{}, {Dim: db.Dim{Key: "k1"}}, {Dim: db.Dim{Key: "k1", Provider: "openai", Model: "gpt"}},
		{Dim: db.Dim{Model: "gpt"}, From: h.now().Add(-2 * time.Hour)}, {Dim: db.Dim{Provider: "openai"}, From: h.now().Add(-30 * time.Hour)},
	} {
		if got := h.totals(q).Requests; got != want {
			h.Errorf("%s: %d requests by %+v, want %d", when, got, q.Dim, want)
		}
	}
}

func (h *home) entry(id string) *db.Entry {
	return &db.Entry{
		ID: id, Start: h.now().Add(-time.Second), Latency: time.Second, FirstToken: 100 * time.Millisecond,
		KeyID: "k1", Key: "my-app-1", Provider: "openai", Model: "gpt", Status: 200, Usage: llm.Usage{Input: 10, Output: 5},
		Cost: 15, CostSource: llm.CostComputed,
	}
}

func (h *home) record(n int) {
	for i := range n {
		h.rec.Record(h.entry(fmt.Sprintf("r%d", i)))
	}
}

func (h *home) lines() int {
	h.Helper()
	n := 0
	if _, err := h.log.Replay(db.Offset{}, func(*db.Entry, db.Offset) error { n++; return nil }); err != nil {
		h.Fatal(err)
	}
	return n
}

// TestRecordedIsSeenAtOnceAndStays: figures are there before the disk has them, and after a restart.
func TestRecordedIsSeenAtOnceAndStays(t *testing.T) {
	h := newHome(t)
	h.open()
	h.record(3)
	h.wantRequests(3, "at once")
	if err := h.rec.Flush(); err != nil {
		t.Fatal(err)
	}
	h.wantRequests(3, "after Flush")
	h.record(2)
	h.wantRequests(5, "with more on the way")
	h.reopen()
	h.wantRequests(5, "after a restart")
	c := h.totals(db.Query{})
	if c.Tokens.Total() != 75 || c.Cost != 75 || c.Latency.Count() != 5 || c.FirstToken.Count() != 5 {
		t.Errorf("totals are %+v", c)
	}
	if got := h.lines(); got != 5 {
		t.Errorf("%d lines in the log, want 5", got)
	}
}

// TestRefusalsAreLoggedOnly: what no provider was tried for has a line and no figure.
func TestRefusalsAreLoggedOnly(t *testing.T) {
	h := newHome(t)
	h.open()
	h.rec.Record(&db.Entry{ID: "refused", Start: h.now(), Status: 401, Kind: llm.InvalidKey})
	h.rec.Record(&db.Entry{ID: "undated", Status: 401})
	h.reopen()
	if got := h.totals(db.Query{}).Requests; got != 0 || h.lines() != 2 {
		t.Errorf("%d requests and %d lines, want 0 and 2", got, h.lines())
	}
}

func TestRecentEntries(t *testing.T) {
	h := newHome(t)
	h.open()
	for i := range 1200 {
		h.rec.Record(h.entry(fmt.Sprint("r", i)))
	}
	got := h.rec.Recent(3)
	if len(got) != 3 || got[0].ID != "r1199" || got[2].ID != "r1197" || got[0].Usage.Output != 5 {
		t.Errorf("the newest three are %+v", got)
	}
	if n := len(h.rec.Recent(5000)); n != 1000 {
		t.Errorf("%d entries are kept, want 1000", n)
	}
	if n := len(h.rec.Recent(-1)); n != 0 {
		t.Errorf("%d entries for a negative number", n)
	}
	if e, ok := h.rec.ByID("r500"); !ok || e.Latency != time.Second {
		t.Errorf("by id: %+v, %t", e, ok)
	}
	for _, id := range []string{"r10", "", "other"} {
		if e, ok := h.rec.ByID(id); ok {
			t.Errorf("%q was found: %+v", id, e)
		}
	}
}

// TestExtraSharesTheTransaction: what main keeps beside the cells is kept or lost with them.
func TestExtraSharesTheTransaction(t *testing.T) {
	h := newHome(t)
	calls := 0
	h.extra = func(tx *bbolt.Tx) error {
		calls++
		return tx.Bucket([]byte("state")).Put([]byte("windows"), fmt.Append(nil, calls))
	}
	h.open()
	if err := h.rec.Flush(); err != nil || calls != 1 {
		t.Errorf("a forced flush: %v, %d calls", err, calls)
	}
	h.record(1)
	if err := h.rec.Flush(); err != nil || calls != 2 {
		t.Errorf("a batch: %v, %d calls", err, calls)
	}
}

// TestWriterSleeps: one second after the first record all is on disk, subscribers are told once per batch, and with
// nothing to do nothing runs.
func TestWriterSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.now = time.Now
		var transactions, told atomic.Int64 // the detector knows of Wait what came before it, not what comes after
		h.extra = func(*bbolt.Tx) error { transactions.Add(1); return nil }
		h.open()
		cancel := h.rec.Subscribe(func() { told.Add(1) })
		h.record(3)
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		if transactions.Load() != 0 || told.Load() != 0 {
			t.Errorf("before the second was over: %d transactions, told %d times", transactions.Load(), told.Load())
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if transactions.Load() != 1 || told.Load() != 1 {
			t.Errorf("after a second: %d transactions, told %d times, want 1 and 1", transactions.Load(), told.Load())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if transactions.Load() != 1 || told.Load() != 1 {
			t.Errorf("after an idle hour: %d transactions, told %d times, want 1 and 1", transactions.Load(), told.Load())
		}
		cancel()
		h.record(1)
		time.Sleep(time.Second)
		synctest.Wait()
		if transactions.Load() != 2 || told.Load() != 1 {
			t.Errorf("after cancel: %d transactions, told %d times, want 2 and 1", transactions.Load(), told.Load())
		}
		h.extra = nil
		h.close()
	})
}

// TestWriterTriesAgain: after a failure the figures are written without any new request, ever less often up to half a
// minute.
func TestWriterTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		h.now = time.Now
		tries := make(chan time.Duration, 100)
		begin := time.Now()
		var full atomic.Bool
		full.Store(true)
		h.extra = func(*bbolt.Tx) error {
			tries <- time.Since(begin)
			if full.Load() {
				return errors.New("no space left on device")
			}
			return nil
		}
		h.open()
		h.record(1)
		time.Sleep(62 * time.Second)
		synctest.Wait()
		full.Store(false)
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []time.Duration{1, 3, 7, 15, 31, 61, 91}
		if len(tries) != len(want) {
			t.Errorf("%d tries, want %d", len(tries), len(want))
		}
		for _, seconds := range want {
			if got := <-tries; got != seconds*time.Second {
				t.Errorf("tried after %v, want %v", got, seconds*time.Second)
			}
		}
		if h.rec.Problem() != nil {
			t.Errorf("the problem is still told: %v", h.rec.Problem())
		}
		h.close()
	})
}

func TestCloseTwice(t *testing.T) {
	h := newHome(t)
	h.open()
	h.record(1)
	for range 2 {
		if err := h.rec.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	h.record(1)
	if h.rec.Dropped() != 1 {
		t.Errorf("%d dropped after Close, want 1", h.rec.Dropped())
	}
	if err := h.rec.Flush(); err != nil {
		t.Errorf("flush after Close: %v", err)
	}
	if _, err := db.OpenRecorder(h.store, db.RecorderOptions{}); err == nil {
		t.Error("a recorder without a log was opened")
	}
}

// TestManyAtOnce: requests, readers and flushes at the same time lose and double nothing, at every moment.
func TestManyAtOnce(t *testing.T) {
	h := newHome(t)
	h.open()
	const writers, each = 8, 500
	var wg, readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			last := int64(0)
			for {
				c, err := h.rec.Totals(db.Query{Dim: db.Dim{Provider: "openai"}})
				if err != nil || c.Requests < last {
					t.Errorf("%v; the total fell from %d to %d", err, last, c.Requests)
				}
				last = c.Requests
				if _, err := h.rec.Series(db.Query{From: h.now().Add(-time.Hour), GroupBy: db.GroupModel}); err != nil {
					t.Error(err)
				}
				h.rec.Recent(5)
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for w := range writers {
		wg.Go(func() {
			cancel := h.rec.Subscribe(func() {})
			defer cancel()
			for i := range each {
				h.rec.Record(h.entry(fmt.Sprint(w, "-", i)))
				if i%100 == 0 {
					if err := h.rec.Flush(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	readers.Wait()
	h.reopen()
	h.wantRequests(writers*each, "after all")
	if got := h.lines(); got != writers*each {
		t.Errorf("%d lines, want %d", got, writers*each)
	}
}

// TestNamesThatAreNoNames: the cell an entry is counted in and the one its line is replayed into are the same, whatever
// bytes the names hold.
func TestNamesThatAreNoNames(t *testing.T) {
	for _, bad := range []string{strings.Repeat("x", 1000), strings.Repeat("\xff", 300), strings.Repeat("漢", 100), strings.Repeat("\x1b", 200), "a\x00b", strings.Repeat("\u0085", 200)} {
		h := newHome(t)
		h.open()
		e := h.entry("r")
		e.KeyID, e.Model, e.Provider = bad, bad, bad
		h.rec.Record(e)
		if err := h.rec.Flush(); err != nil {
			t.Fatal(err)
		}
		want, err := h.rec.TotalsBy(db.Query{GroupBy: db.GroupModel})
		if err != nil {
			t.Fatal(err)
		}
		h.close()
		if err := os.Remove(filepath.Join(h.dir, "localrouter.db")); err != nil {
			t.Fatal(err)
		}
		h.open()
		got, err := h.rec.TotalsBy(db.Query{GroupBy: db.GroupModel})
		if err != nil || len(got) != 1 || len(want) != 1 {
			t.Fatalf("%.20q: %v, %v, %v", bad, got, want, err)
		}
		for name := range got {
			if _, same := want[name]; !same {
				t.Errorf("%.20q was counted as %v and replayed as %v", bad, want, got)
			}
		}
		if n := h.totals(db.Query{Dim: db.Dim{Key: bad, Provider: bad, Model: bad}}).Requests; n != 1 {
			t.Errorf("%.20q: asked for by its name, %d requests", bad, n)
		}
	}
}
