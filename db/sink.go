package db

// Offset is a place in the access log: the byte behind the last line that counts, and the file that holds it. Only the
// Sink knows how places follow each other; the recorder keeps the newest one beside the cells.
type Offset struct {
	File string
	Pos  int64
}

// Sink is the access log as the recorder needs it. It is an interface because the log's own package knows db, and so db
// cannot know it. Encode and Decode may be called from many goroutines, the rest only from one at a time.
type Sink interface {
	// Encode appends the line of e to dst, newline included.
	Encode(dst []byte, e *Entry) []byte
	// Decode reads a line back into the entry it came from.
	Decode(line []byte) (Entry, error)
	// Append writes whole lines behind each other and says how many are in the log and where the log ends now. Where
	// it fails, lines[n:] are not in the log and never will be.
	Append(lines [][]byte) (n int, end Offset, err error)
	// Replay calls fn for every entry behind from, oldest first, with the place behind it, and says where the last
	// whole line ends. A place that is no longer there means the next one that is; the zero Offset is the beginning.
	Replay(from Offset, fn func(e *Entry, behind Offset) error) (end Offset, err error)
}
