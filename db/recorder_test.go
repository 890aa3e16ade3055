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

// crashSink calls before and after each append.
type crashSink struct {
	db.Sink
	before, after func()
	fail          func(lines [][]byte) ([][]byte, error) // what still goes through
}

func (s *crashSink) Append(lines [][]byte) (int, db.Offset, error) {
	if s.before != nil {
		s.before()
	}
	var err error
	if s.fail != nil {
		lines, err = s.fail(lines)
	}
	n, end, appendErr := s.Sink.Append(lines)
	if s.after != nil {
		s.after()
	}
	return n, end, errors.Join(err, appendErr)
}

// TestKillAtEveryStep takes the folder as a kill would leave it before the append, between append and transaction, and
// in the middle of a line: each line in the log counts once, none twice.
func TestKillAtEveryStep(t *testing.T) {
	h := newHome(t)
	var images []*home
	var names []string
	take := func(name string) func() {
		return func() { images = append(images, h.image()); names = append(names, name) }
	}
	crash := &crashSink{before: take("before the append"), after: take("between append and transaction")}
	h.sink = func(s db.Sink) db.Sink { crash.Sink = s; return crash }
	h.open()
	for range 3 {
		h.record(10)
		if err := h.rec.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	take("after the transaction")()
	last := h.image()
	path := filepath.Join(last.dir, "logs", "access-2026-11-23.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(whole, whole[:50]...), 0o600); err != nil {
		t.Fatal(err)
	}
	images, names = append(images, last), append(names, "with a torn line")
	for i, want := range []int64{0, 10, 10, 20, 20, 30, 30, 30} {
		killed := images[i]
		killed.open()
		killed.wantRequests(want, names[i])
		killed.reopen()
		killed.wantRequests(want, names[i]+" and another restart")
		killed.record(4)
		killed.reopen()
		killed.wantRequests(want+4, names[i]+" and four more")
		if got := killed.lines(); int64(got) != want+4 {
			t.Errorf("%s: %d lines, want %d", names[i], got, want+4)
		}
	}
}

// TestOlderDatabaseCatchesUp: a restored copy counts what the log holds behind it, over midnight too; a new database
// counts the whole log; and a place that lies past the end of a shortened log loses nothing that comes later.
func TestOlderDatabaseCatchesUp(t *testing.T) {
	h := newHome(t)
	at := h.now()
	h.now = func() time.Time { return at }
	h.open()
	h.record(5)
	h.close()
	old := h.image()
	for range 3 {
		at = at.Add(24 * time.Hour)
		h.open()
		h.record(5)
		h.close()
	}
	file := filepath.Join(h.dir, "localrouter.db")
	for name, replace := range map[string]func() error{
		"an older copy": func() error {
			b, err := os.ReadFile(filepath.Join(old.dir, "localrouter.db"))
			return errors.Join(err, os.WriteFile(file, b, 0o600))
		},
		"a new database": func() error { return os.Remove(file) },
	} {
		if err := replace(); err != nil {
			t.Fatal(err)
		}
		h.open()
		if got := h.totals(db.Query{}).Requests; got != 20 {
			t.Errorf("%s: %d requests, want 20", name, got)
		}
		h.close()
	}
	logs, err := filepath.Glob(filepath.Join(h.dir, "logs", "*"))
	if err != nil || len(logs) != 4 {
		t.Fatalf("logs: %v, %v", logs, err)
	}
	if err := os.Truncate(logs[3], 0); err != nil {
		t.Fatal(err)
	}
	h.open()
	h.record(1)
	killed := h.image() // the line is not in the log yet
	if err := h.rec.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := h.totals(db.Query{}).Requests; got != 21 {
		t.Errorf("after the log was shortened: %d requests, want 21", got)
	}
	line, err := os.ReadFile(logs[3])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(killed.dir, "logs", filepath.Base(logs[3])), line, 0o600); err != nil {
		t.Fatal(err)
	}
	killed.open()
	if got := killed.totals(db.Query{}).Requests; got != 21 {
		t.Errorf("killed after the append to a shortened log: %d requests, want 21", got)
	}
}

// cutSink ends a replay after some lines, as a kill would.
type cutSink struct {
	db.Sink
	after int
}

var errKilled = errors.New("killed")

func (s *cutSink) Replay(from db.Offset, fn func(*db.Entry, db.Offset) error) (db.Offset, error) {
	n := 0
	return s.Sink.Replay(from, func(e *db.Entry, behind db.Offset) error {
		if n++; n > s.after {
			return errKilled
		}
		return fn(e, behind)
	})
}

// TestKilledWhileCatchingUp: a long tail is counted in several transactions; a kill between them counts nothing twice.
func TestKilledWhileCatchingUp(t *testing.T) {
	h := newHome(t)
	h.open()
	const lines = 6_000
	for range lines / 1000 {
		h.record(1000)
		if err := h.rec.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	h.close()
	file := filepath.Join(h.dir, "localrouter.db")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	store, err := db.Open(file, db.Options{Now: h.now})
	if err != nil {
		t.Fatal(err)
	}
	log, err := accesslog.Open(filepath.Join(h.dir, "logs"), accesslog.Options{Now: h.now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.OpenRecorder(store, db.RecorderOptions{Sink: &cutSink{log, lines - 500}, Now: h.now}); !errors.Is(err, errKilled) {
		t.Fatalf("the replay was not cut: %v", err)
	}
	if err := errors.Join(store.Close(), log.Close()); err != nil {
		t.Fatal(err)
	}
	h.open()
	h.wantRequests(lines, "after the second start")
}

// TestFullDisk: requests go on, lines that found no room are counted as dropped, figures wait in memory and are written
// once there is room, and a kill after that counts nothing twice.
func TestFullDisk(t *testing.T) {
	h := newHome(t)
	full, noSpace := true, errors.New("no space left on device")
	crash := &crashSink{fail: func(lines [][]byte) ([][]byte, error) {
		if !full {
			return lines, nil
		}
		return lines[:len(lines)/2], noSpace
	}}
	h.sink = func(s db.Sink) db.Sink { crash.Sink = s; return crash }
	h.extra = func(*bbolt.Tx) error {
		if full {
			return noSpace
		}
		return nil
	}
	full = false
	h.open()
	h.record(2)
	if err := h.rec.Flush(); err != nil {
		t.Fatal(err)
	}
	full = true
	h.record(10)
	if err := h.rec.Flush(); !errors.Is(err, noSpace) || !errors.Is(h.rec.Problem(), noSpace) || !strings.Contains(err.Error(), "free space") {
		t.Errorf("on a full disk: %v, problem %v", err, h.rec.Problem())
	}
	h.wantRequests(12, "on a full disk")
	if got := h.rec.Dropped(); got != 5 {
		t.Errorf("%d lines dropped, want 5", got)
	}
	killed := h.image()
	killed.open()
	killed.wantRequests(7, "killed on a full disk, with half the lines in the log")
	full = false
	h.record(4)
	if err := h.rec.Flush(); err != nil || h.rec.Problem() != nil {
		t.Errorf("with room again: %v, %v", err, h.rec.Problem())
	}
	h.wantRequests(16, "with room again")
	h.reopen()
	h.wantRequests(16, "after a restart")
	if got := h.lines(); got != 11 {
		t.Errorf("%d lines, want 11", got)
	}
	full = true
	h.record(1)
	h.close() // the line is dropped and the transaction fails: this one is lost, and said to be
	full = false
	h.open()
	h.wantRequests(16, "after a close on a full disk")
}

// TestFullDiskAtStart: the program starts and counts the tail all the same.
func TestFullDiskAtStart(t *testing.T) {
	h := newHome(t)
	h.open()
	h.record(6)
	h.close()
	if err := os.Remove(filepath.Join(h.dir, "localrouter.db")); err != nil {
		t.Fatal(err)
	}
	full := true
	h.extra = func(*bbolt.Tx) error {
		if full {
			return errors.New("no space left on device")
		}
		return nil
	}
	h.open()
	h.wantRequests(6, "started on a full disk")
	if h.rec.Problem() == nil {
		t.Error("nothing says that the metrics cannot be written")
	}
	full = false
	h.reopen()
	h.wantRequests(6, "after a restart with room")
}

// TestQueueIsBounded: a log that hangs costs lines, never memory without end and never a request.
func TestQueueIsBounded(t *testing.T) {
	h := newHome(t)
	hang := make(chan struct{})
	reached := make(chan struct{}, 100)
	crash := &crashSink{before: func() { reached <- struct{}{}; <-hang }}
	h.sink = func(s db.Sink) db.Sink { crash.Sink = s; return crash }
	h.open()
	h.record(1)
	flushed := make(chan error, 1)
	go func() { flushed <- h.rec.Flush() }()
	<-reached
	e := h.entry("big")
	e.Error = strings.Repeat("x", 1000)
	for range 20_000 {
		h.rec.Record(e)
	}
	dropped := h.rec.Dropped()
	if dropped == 0 || dropped > 15_000 {
		t.Errorf("%d of 20000 lines were dropped", dropped)
	}
	close(hang)
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	h.reopen()
	h.wantRequests(20_001, "with dropped lines")
	if got := int64(h.lines()); got != 20_001-dropped {
		t.Errorf("%d lines, want %d", got, 20_001-dropped)
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
