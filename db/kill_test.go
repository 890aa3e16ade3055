package db_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"localrouter/db"
	"localrouter/db/accesslog"
)

const killedHome = "LOCALROUTER_TEST_RECORDER_HOME"

// recordUntilKilled is the child of TestKilledRecorder. Its clock runs 20,000 times too fast, so midnights pass; each
// record is told aloud, with the real time, after it was made.
func recordUntilKilled(dir string) error {
	begin := time.Now()
	offset, err := os.ReadFile(filepath.Join(dir, "clock"))
	if err != nil {
		return err
	}
	start, err := strconv.ParseInt(string(offset), 10, 64)
	if err != nil {
		return err
	}
	now := func() time.Time { return time.Unix(start, 0).Add(20_000 * time.Since(begin)) }
	store, err := db.Open(filepath.Join(dir, "localrouter.db"), db.Options{Now: now})
	if err != nil {
		return err
	}
	log, err := accesslog.Open(filepath.Join(dir, "logs"), accesslog.Options{Now: now})
	if err != nil {
		return err
	}
	rec, err := db.OpenRecorder(store, db.RecorderOptions{Sink: log, Now: now, Every: killEvery()})
	if err != nil {
		return err
	}
	pace := time.NewTicker(100 * time.Microsecond)
	defer pace.Stop()
	for i := 0; ; i++ {
		<-pace.C
		e := &db.Entry{ID: fmt.Sprintf("%d-%d", os.Getpid(), i), Start: now(), Latency: time.Duration(i) * time.Microsecond, KeyID: "k", Provider: "p", Model: fmt.Sprint("m", i%3), Status: 200}
		rec.Record(e)
		fmt.Printf("recorded %s %d\n", e.ID, time.Now().UnixNano())
	}
}

// killEvery is the gathering time of the child: the product's second where there is time for it.
func killEvery() time.Duration {
	if os.Getenv("LOCALROUTER_FULL") == "1" {
		return time.Second
	}
	return 20 * time.Millisecond
}

// TestKilledRecorder kills a recording process at random moments, over and over on the same files: every line in the
// log is counted once, no line is there twice, and only what was recorded within the last gathering time is lost.
func TestKilledRecorder(t *testing.T) {
	if dir := os.Getenv(killedHome); dir != "" {
		if err := recordUntilKilled(dir); err != nil {
			t.Fatal(err)
		}
	}
	rounds, longest := 30, 250*time.Millisecond
	if os.Getenv("LOCALROUTER_FULL") == "1" {
		rounds, longest = 300, 2500*time.Millisecond
	}
	dir := t.TempDir()
	clock := time.Date(2026, 11, 23, 23, 30, 0, 0, time.UTC)
	left := remains{dir: dir, seen: map[string]bool{}}
	lost := 0
	for round := range rounds {
		if err := os.WriteFile(filepath.Join(dir, "clock"), []byte(strconv.FormatInt(clock.Unix(), 10)), 0o600); err != nil {
			t.Fatal(err)
		}
		told, killed := killRecorder(t, dir, time.Duration(rand.Int64N(int64(longest))))
		clock = clock.Add(24 * time.Hour)
		left.verify(t, clock)
		for id, at := range told {
			if left.seen[id] {
				continue
			}
			lost++
			// A second of slack for a machine whose disk or processor was busy with something else.
			if age := killed.Sub(at); age > killEvery()+time.Second {
				t.Errorf("round %d: %s is lost although it was recorded %v before the kill", round, id, age)
			}
		}
		if t.Failed() {
			t.Fatalf("stopped after round %d with %d requests", round, left.lines)
		}
	}
	t.Logf("%d kills, %d requests counted once, %d within the last moment lost", rounds, left.lines, lost)
}

// killRecorder runs the child, kills it after the given time from its first record, and returns what it told and when
// it was killed.
func killRecorder(t *testing.T, dir string, after time.Duration) (told map[string]time.Time, killed time.Time) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestKilledRecorder$")
	cmd.Env = append(os.Environ(), killedHome+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told = map[string]time.Time{}
	lines := bufio.NewScanner(out)
	var timer *time.Timer
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 3 || f[0] != "recorded" {
			if !strings.HasPrefix(lines.Text(), "recorded") { // else the kill cut it
				t.Log(lines.Text())
			}
			continue
		}
		if timer == nil {
			timer = time.AfterFunc(after, func() { killed = time.Now(); cmd.Process.Kill() })
		}
		if at, err := strconv.ParseInt(f[2], 10, 64); err == nil {
			told[f[1]] = time.Unix(0, at)
		}
	}
	cmd.Wait()
	if timer == nil {
		t.Fatal("the child recorded nothing")
	}
	timer.Stop()
	return told, killed
}

// remains is what all kills so far left behind.
type remains struct {
	dir   string
	seen  map[string]bool // ids in the log
	lines int64
	end   db.Offset
}

// verify opens what the kill left and compares cells with lines.
func (l *remains) verify(t *testing.T, now time.Time) {
	t.Helper()
	h := newHome(t)
	h.dir, h.now = l.dir, func() time.Time { return now }
	begin := time.Now()
	h.open()
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the start after a kill took %v", took)
	}
	var err error
	l.end, err = h.log.Replay(l.end, func(e *db.Entry, _ db.Offset) error {
		if l.seen[e.ID] {
			t.Errorf("%s is in the log twice", e.ID)
		}
		l.seen[e.ID] = true
		l.lines++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dim := range []db.Dim{{}, {Key: "k"}, {Key: "k", Provider: "p"}} {
		if c := h.totals(db.Query{Dim: dim}); c.Requests != l.lines || c.Latency.Count() != l.lines {
			t.Errorf("%d requests and %d latencies by %+v, but %d lines", c.Requests, c.Latency.Count(), dim, l.lines)
		}
	}
	h.close()
}
