package accesslog

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"localrouter/db"
)

// longestRead is how long a line may be to be read at all; ours are shorter by far.
const longestRead = 64 << 10

// Replay calls fn for every entry behind from, with the place behind its line. Lines that cannot be read are passed
// over, and so is a last line without its newline: it was never whole. end is behind the last whole line.
func (l *Log) Replay(from db.Offset, fn func(e *db.Entry, behind db.Offset) error) (end db.Offset, err error) {
	names, err := l.files()
	if err != nil {
		return from, err
	}
	end = from
	for _, name := range names {
		if name < from.File {
			continue
		}
		start := int64(0)
		if name == from.File {
			start = from.Pos
		}
		if end, err = l.replayFile(name, start, fn); err != nil {
			return end, err
		}
	}
	return end, nil
}

func (l *Log) replayFile(name string, start int64, fn func(*db.Entry, db.Offset) error) (db.Offset, error) {
	end := db.Offset{File: name, Pos: start}
	file, err := l.root.Open(name)
	if err != nil {
		return end, fmt.Errorf("read the access log: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return end, fmt.Errorf("read the access log: %w", err)
	}
	// After a power cut the file may be shorter than what was counted: go on where it ends.
	whole, err := wholeLines(file, info.Size())
	if err != nil {
		return end, err
	}
	if start > whole {
		end.Pos = whole
		return end, nil
	}
	r := bufio.NewReaderSize(io.NewSectionReader(file, start, whole-start), longestRead)
	for {
		line, err := r.ReadSlice('\n')
		end.Pos += int64(len(line))
		for errors.Is(err, bufio.ErrBufferFull) { // too long to be ours
			line, err = r.ReadSlice('\n')
			end.Pos += int64(len(line))
			line = nil
		}
		if errors.Is(err, io.EOF) {
			return end, nil
		}
		if err != nil {
			return end, fmt.Errorf("read the access log: %w", err)
		}
		e, err := ParseLine(line)
		if err != nil {
			continue
		}
		if err := fn(&e, end); err != nil {
			return end, err
		}
	}
}
