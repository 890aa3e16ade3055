package accesslog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"localrouter/db"
)

// folder is a log in a temporary folder whose clock the test sets.
type folder struct {
	testing.TB
	dir string
	now time.Time
	log *Log
}

func newFolder(t testing.TB) *folder {
	f := &folder{TB: t, dir: filepath.Join(t.TempDir(), "logs"), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	f.open()
	return f
}

func (f *folder) open() {
	f.Helper()
	log, err := Open(f.dir, Options{Now: func() time.Time { return f.now }})
	if err != nil {
		f.Fatal(err)
	}
	f.log = log
	f.Cleanup(func() { log.Close() })
}

func (f *folder) append(ids ...string) db.Offset {
	f.Helper()
	var lines [][]byte
	for _, id := range ids {
		lines = append(lines, AppendLine(nil, &db.Entry{ID: id, Start: f.now}))
	}
	n, end, err := f.log.Append(lines)
	if err != nil || n != len(ids) {
		f.Fatalf("append %v: %d, %v", ids, n, err)
	}
	return end
}

func (f *folder) replay(from db.Offset) (ids string, end db.Offset) {
	f.Helper()
	var got []string
	last := from
	end, err := f.log.Replay(from, func(e *db.Entry, behind db.Offset) error {
		got = append(got, e.ID)
		last = behind
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	if len(got) > 0 && last.File == end.File && last.Pos > end.Pos {
		f.Errorf("the last entry ends at %v, the log at %v", last, end)
	}
	return strings.Join(got, " "), end
}

func (f *folder) path(day string) string { return filepath.Join(f.dir, "access-"+day+".jsonl") }

func (f *folder) write(day, text string) {
	f.Helper()
	if err := os.WriteFile(f.path(day), []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

func TestReplayGoesOnWhereItStopped(t *testing.T) {
	f := newFolder(t)
	f.append("a", "b")
	mark := f.append("c")
	end := f.append("d", "e")
	for _, tt := range []struct {
		from db.Offset
		want string
	}{{db.Offset{}, "a b c d e"}, {mark, "d e"}, {end, ""}} {
		if got, at := f.replay(tt.from); got != tt.want || at != end {
			t.Errorf("replay from %v: %q up to %v, want %q up to %v", tt.from, got, at, tt.want, end)
		}
	}
}

// TestEachDayHasItsFile: midnight of UTC opens the next file, a place before it still leads through both, and a clock
// that goes back does not reopen yesterday's.
func TestEachDayHasItsFile(t *testing.T) {
	f := newFolder(t)
	f.now = time.Date(2026, 11, 23, 23, 59, 59, 0, time.UTC)
	f.append("a")
	mark := f.append("b")
	f.append("c")
	f.now = f.now.Add(time.Second).In(time.FixedZone("far west", -10*3600))
	f.append("d")
	f.now = f.now.Add(-48 * time.Hour)
	end := f.append("e")
	if end.File != "access-2026-11-24.jsonl" {
		t.Errorf("the log ends in %s", end.File)
	}
	if got, at := f.replay(mark); got != "c d e" || at != end {
		t.Errorf("replay: %q up to %v, want %q up to %v", got, at, "c d e", end)
	}
	f.open()
	if end = f.append("f"); end.File != "access-2026-11-24.jsonl" {
		t.Errorf("after a restart with the clock gone back the log ends in %s", end.File)
	}
	if got, _ := f.replay(mark); got != "c d e f" {
		t.Errorf("replay: %q", got)
	}
}

// TestTornLastLine: what a kill left half written is ignored, cut at the next start, and never joined to a new line.
func TestTornLastLine(t *testing.T) {
	f := newFolder(t)
	whole := f.append("a")
	good, err := os.ReadFile(f.path("2026-11-23"))
	if err != nil {
		t.Fatal(err)
	}
	for _, torn := range []string{`{"time":"2026`, strings.TrimSuffix(string(good), "\n"), strings.Repeat("x", 10000), "\x00\x00"} {
		f.write("2026-11-23", string(good)+torn)
		if got, end := f.replay(db.Offset{}); got != "a" || end != whole {
			t.Errorf("%.20q: replay %q up to %v, want a up to %v", torn, got, end, whole)
		}
		f.open()
		if got, err := os.ReadFile(f.path("2026-11-23")); err != nil || string(got) != string(good) {
			t.Errorf("%.20q: after a start the file holds %q", torn, got)
		}
	}
	f.append("b")
	if got, _ := f.replay(db.Offset{}); got != "a b" {
		t.Errorf("replay %q, want a b", got)
	}
}

// TestBadLinesArePassedOver: what is no line of ours costs nothing but itself.
func TestBadLinesArePassedOver(t *testing.T) {
	f := newFolder(t)
	line := func(id string) string { return string(AppendLine(nil, &db.Entry{ID: id, Start: f.now})) }
	f.write("2026-11-20", line("a")+"nonsense\n\n{}\n"+strings.Repeat("y", 3*longestRead)+"\n"+line("b")+"\x00\xff\n"+line("c"))
	f.write("2026-11-21", "")
	f.write("2026-11-22", "torn")
	f.write("2026-99-99", line("not a day"))
	if err := os.WriteFile(filepath.Join(f.dir, "notes.txt"), []byte(line("not ours")), 0o600); err != nil {
		t.Fatal(err)
	}
	got, end := f.replay(db.Offset{})
	if got != "a b c" || end != (db.Offset{File: "access-2026-11-22.jsonl"}) {
		t.Errorf("replay %q up to %v", got, end)
	}
	if got, _ := f.replay(db.Offset{File: "access-2026-11-20.jsonl", Pos: int64(len(line("a"))) + 3}); got != "b c" {
		t.Errorf("from within a line: %q, want b c", got)
	}
	if got, end := f.replay(db.Offset{File: "access-2026-11-21.jsonl", Pos: 99}); got != "" || end.File != "access-2026-11-22.jsonl" {
		t.Errorf("from behind the end of a file: %q up to %v", got, end)
	}
}

// TestPersonTouchesTheFile: removed, replaced, cut or added to while the program runs, the log goes on in whole lines.
func TestPersonTouchesTheFile(t *testing.T) {
	for name, touch := range map[string]func(f *folder) error{
		"removed": func(f *folder) error { return os.Remove(f.path("2026-11-23")) },
		"replaced": func(f *folder) error {
			if err := os.WriteFile(filepath.Join(f.dir, "new"), []byte("{}\n"), 0o600); err != nil {
				return err
			}
			return os.Rename(filepath.Join(f.dir, "new"), f.path("2026-11-23"))
		},
		"cut":      func(f *folder) error { return os.Truncate(f.path("2026-11-23"), 7) },
		"emptied":  func(f *folder) error { return os.Truncate(f.path("2026-11-23"), 0) },
		"added to": func(f *folder) error { return appendTo(f.path("2026-11-23"), "note\nhalf") },
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && (name == "removed" || name == "replaced") {
				t.Skip("Windows holds open files")
			}
			f := newFolder(t)
			f.append("a")
			if err := touch(f); err != nil {
				t.Fatal(err)
			}
			end := f.append("b", "c")
			if got, at := f.replay(db.Offset{}); !strings.HasSuffix(got, "b c") || at != end {
				t.Errorf("replay %q up to %v, want b c up to %v", got, at, end)
			}
		})
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// TestOnlyTheOwnerReads: folder and files are private, also where they were not, and links are refused.
func TestOnlyTheOwnerReads(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes; the profile folder is private")
	}
	f := newFolder(t)
	f.append("a")
	for path, mode := range map[string]os.FileMode{f.dir: 0o777, f.path("2026-11-23"): 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	f.open()
	for path, want := range map[string]os.FileMode{f.dir: 0o700, f.path("2026-11-23"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s is %v, want %v", path, info.Mode().Perm(), want)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(f.dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link, Options{}); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("a linked folder: %v", err)
	}
	f.now = f.now.Add(24 * time.Hour)
	if err := os.Symlink(f.path("2026-11-23"), f.path("2026-11-24")); err != nil {
		t.Fatal(err)
	}
	if n, _, err := f.log.Append([][]byte{[]byte("{}\n")}); err == nil || n != 0 {
		t.Errorf("a linked file took %d lines, %v", n, err)
	}
}

// TestClosedFileIsOpenedAgain: a failed write costs its own lines only.
func TestClosedFileIsOpenedAgain(t *testing.T) {
	f := newFolder(t)
	f.append("a")
	f.log.file.Close()
	if n, end, err := f.log.Append([][]byte{[]byte("{}\n")}); err == nil || n != 0 || end.Pos == 0 {
		t.Errorf("a write to a closed file: %d, %v, %v", n, end, err)
	}
	f.open()
	f.append("b")
	if got, _ := f.replay(db.Offset{}); got != "a b" {
		t.Errorf("replay %q, want a b", got)
	}
	for range 2 {
		if err := f.log.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// TestNoRoomForAllLines: where the system takes a part only, whole lines stay, the torn one goes, and the count is
// right; with room again the log goes on, also if the file could not be cut in between.
func TestNoRoomForAllLines(t *testing.T) {
	noSpace := errors.New("no space left on device")
	for room := range int64(170) {
		f := newFolder(t)
		first := f.append("a")
		f.log.write = func(file *os.File, b []byte, at int64) (int, error) {
			n, err := file.WriteAt(b[:min(int64(len(b)), room)], at)
			return n, errors.Join(err, noSpace)
		}
		var lines [][]byte
		for _, id := range []string{"b", "c", "d", "e"} {
			lines = append(lines, AppendLine(nil, &db.Entry{ID: id, Start: f.now}))
		}
		n, end, err := f.log.Append(lines)
		want := min(int(room/first.Pos), 4)
		if n != want || end.Pos != first.Pos*int64(1+want) || !errors.Is(err, noSpace) {
			t.Errorf("room for %d bytes: %d of 4 lines up to %d, %v; want %d", room, n, end.Pos, err, want)
		}
		if info, err := os.Stat(f.path("2026-11-23")); err != nil || info.Size() != end.Pos {
			t.Errorf("room for %d bytes: the file has %d, want %d", room, info.Size(), end.Pos)
		}
		if room%2 == 0 { // as if cutting had failed too
			if err := appendTo(f.path("2026-11-23"), strings.Repeat("half a line", 30)); err != nil {
				t.Fatal(err)
			}
			f.log.torn = true
		}
		f.log.write = (*os.File).WriteAt
		last := f.append("f")
		if got, at := f.replay(db.Offset{}); got != strings.Join(append([]string{"a", "b", "c", "d", "e"}[:1+want:1+want], "f"), " ") || at != last {
			t.Errorf("room for %d bytes: replay %q up to %v, want up to %v", room, got, at, last)
		}
	}
}

func TestWholeLines(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int64
	}{{"", 0}, {"a", 0}, {"\n", 1}, {"a\nb", 2}, {"a\n" + strings.Repeat("b", 9000), 2}, {strings.Repeat("b", 9000) + "\n", 9001}, {strings.Repeat("b", 4095) + "\n" + strings.Repeat("c", 4096), 4096}} {
		if got, err := wholeLines(strings.NewReader(tt.text), int64(len(tt.text))); err != nil || got != tt.want {
			t.Errorf("%d bytes: %d, %v, want %d", len(tt.text), got, err, tt.want)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	f := newFolder(b)
	e := sample()
	lines := slices.Repeat([][]byte{AppendLine(nil, &e)}, 1000)
	for b.Loop() {
		if _, _, err := f.log.Append(lines); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/line")
}

func ExampleAppendLine() {
	e := db.Entry{ID: "req_1", Start: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), Provider: "demo", Model: "demo", Status: 200}
	fmt.Print(string(AppendLine(nil, &e)))
	// Output: {"time":"2026-11-23T10:00:00Z","id":"req_1","provider":"demo","model":"demo","status":200}
}
