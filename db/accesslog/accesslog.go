// Package accesslog knows the access log: one JSON line per request in a file per day, which the recorder appends to and
// reads back from the place up to which the metrics count. It does not know what the lines add up to.
package accesslog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"localrouter/db"
)

const (
	filePrefix = "access-"
	fileSuffix = ".jsonl"
	fileDay    = "2006-01-02"
)

// Options of a Log. The zero value works.
type Options struct {
	Now func() time.Time // says which day it is; nil: time.Now
}

// Log is the folder of the access log. A day is a day of UTC: it never has 23 or 25 hours, its name never comes twice
// when a traveller or the summer changes the local time, and so files in order of name are files in order of time.
// A file is named for the day its lines were written; a clock that goes back changes nothing, the log stays with its
// newest file. Log is the recorder's Sink.
type Log struct {
	root *os.Root
	now  func() time.Time
	// write is (*os.File).WriteAt; a test gives the part of a full disk.
	write func(file *os.File, b []byte, at int64) (int, error)

	mu   sync.Mutex // guards the fields below
	file *os.File   // newest; nil until something is written
	name string     // of the newest file, "" where there is none yet
	end  int64      // of its last whole line
	torn bool       // a part of a line may stand behind end
	buf  []byte
}

// Open makes the folder if it is missing, for the owner only, and cuts a line that a kill left half written.
// Open it after the database: its lock keeps a second program out.
func Open(dir string, o Options) (*Log, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the access log: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of the access log: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("the folder of the access log, %s, is a link or a file; remove it", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return nil, fmt.Errorf("keep the access log private: %w", err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of the access log: %w", err)
	}
	l := &Log{root: root, now: o.Now, write: (*os.File).WriteAt}
	if l.now == nil {
		l.now = time.Now
	}
	if err := l.resume(); err != nil {
		root.Close()
		return nil, err
	}
	return l, nil
}

// resume goes on with the newest file that is there.
func (l *Log) resume() error {
	names, err := l.files()
	if err != nil || len(names) == 0 {
		return err
	}
	return l.use(names[len(names)-1])
}

// files lists the log's files in order of time.
func (l *Log) files() ([]string, error) {
	entries, err := fs.ReadDir(l.root.FS(), ".") // sorted by name
	if err != nil {
		return nil, fmt.Errorf("list the access log: %w", err)
	}
	var names []string
	for _, e := range entries {
		if isLog(e.Name()) && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// isLog reports whether name is one of ours, down to a day that exists.
func isLog(name string) bool {
	day, ok := strings.CutPrefix(name, filePrefix)
	if !ok {
		return false
	}
	day, ok = strings.CutSuffix(day, fileSuffix)
	if !ok {
		return false
	}
	_, err := time.Parse(fileDay, day)
	return err == nil
}

// use opens name for appending and finds the end of its last whole line.
func (l *Log) use(name string) error {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
	info, err := l.root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s in the folder of the access log is not a plain file; remove it", name)
	}
	// No O_APPEND: a write goes to where the last whole line ends, over what a failed one left there.
	file, err := l.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the access log: %w", err)
	}
	size, err := l.adopt(file)
	if err != nil {
		file.Close()
		return err
	}
	l.file, l.name = file, name
	l.end, err = wholeLines(file, size)
	if err != nil {
		return err
	}
	l.torn = l.end < size
	return l.cutTorn()
}

// adopt makes the file private and says how long it is.
func (l *Log) adopt(file *os.File) (size int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, fmt.Errorf("open the access log: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := file.Chmod(0o600); err != nil {
			return 0, fmt.Errorf("keep the access log private: %w", err)
		}
	}
	return info.Size(), nil
}

// cutTorn removes what stands behind the last whole line.
func (l *Log) cutTorn() error {
	if !l.torn {
		return nil
	}
	if err := l.file.Truncate(l.end); err != nil {
		return fmt.Errorf("cut a half written line: %w", err)
	}
	l.torn = false
	return nil
}

// wholeLines finds where the last newline within size ends.
func wholeLines(file io.ReaderAt, size int64) (int64, error) {
	block := make([]byte, 4096)
	for end := size; end > 0; {
		start := max(0, end-int64(len(block)))
		part := block[:end-start]
		if _, err := file.ReadAt(part, start); err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read the end of the access log: %w", err)
		}
		for i := len(part) - 1; i >= 0; i-- {
			if part[i] == '\n' {
				return start + int64(i) + 1, nil
			}
		}
		end = start
	}
	return 0, nil
}

// Encode appends the line of e to dst.
func (l *Log) Encode(dst []byte, e *db.Entry) []byte { return AppendLine(dst, e) }

// Decode reads a line back.
func (l *Log) Decode(line []byte) (db.Entry, error) { return ParseLine(line) }

// Append writes the lines in one go. Where the system takes only a part, the lines that are whole stay and the rest is
// cut off again: n says how many are in the log, and they end at end.
func (l *Log) Append(lines [][]byte) (n int, end db.Offset, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ready(); err != nil {
		return 0, l.placeLocked(), err
	}
	l.buf = l.buf[:0]
	for _, line := range lines {
		l.buf = append(l.buf, line...)
	}
	wrote, err := l.write(l.file, l.buf, l.end)
	if len(l.buf) < cap(l.buf)/16 {
		l.buf = nil // the rush is over
	}
	if err == nil {
		l.end += int64(wrote)
		return len(lines), l.placeLocked(), nil
	}
	for n < len(lines) && wrote >= len(lines[n]) {
		wrote -= len(lines[n])
		l.end += int64(len(lines[n]))
		n++
	}
	l.torn = true
	if cutErr := l.cutTorn(); cutErr != nil {
		err = errors.Join(err, cutErr) // tried again before the next write
	}
	return n, l.placeLocked(), err
}

func (l *Log) placeLocked() db.Offset { return db.Offset{File: l.name, Pos: l.end} }

// ready has today's file open, whatever a person did to it meanwhile: removed, replaced, cut or added to.
func (l *Log) ready() error {
	name := filePrefix + l.now().UTC().Format(fileDay) + fileSuffix
	if l.file == nil || name > l.name {
		return l.use(max(name, l.name))
	}
	there, err := l.root.Lstat(l.name)
	if errors.Is(err, fs.ErrNotExist) {
		return l.use(l.name)
	}
	if err != nil {
		return fmt.Errorf("look at the access log: %w", err)
	}
	ours, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("look at the access log: %w", err)
	}
	if !os.SameFile(there, ours) || !l.torn && ours.Size() != l.end {
		return l.use(l.name)
	}
	return l.cutTorn()
}

// Close closes the file. It may be called twice.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.file != nil {
		err = l.file.Close()
		l.file = nil
	}
	l.root.Close()
	return err
}
