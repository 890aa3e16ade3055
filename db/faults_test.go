package db_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"localrouter/db"
	"localrouter/db/accesslog"
)

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
