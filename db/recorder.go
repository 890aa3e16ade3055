package db

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

const (
	recentEntries = 1000    // kept in memory for Recent and ByID
	maxQueued     = 8 << 20 // bytes of lines that may wait for the writer
	lineCost      = 32      // bytes that a waiting line takes beside its own
	hurryAt       = 2 << 20 // bytes at which the writer no longer waits for its second to pass
	longestRetry  = 30 * time.Second
)

// RecorderOptions of OpenRecorder. Only Sink is required.
type RecorderOptions struct {
	// Sink is the access log. It must have been opened after the store, whose lock keeps other processes out.
	Sink Sink
	// Every is how long the writer lets records gather before it writes: the most that a kill can lose. 0: a second.
	Every time.Duration
	// Extra takes part in every transaction of the recorder, so that what it writes is kept or lost together with
	// the cells. It must not change anything outside tx before that is committed. nil: nothing more is written.
	Extra func(tx *bbolt.Tx) error
	// Now tells which cells are old and which minute is running. nil: time.Now.
	Now func() time.Time
	// Log hears of failures, once each time one begins or ends. nil: silent.
	Log *slog.Logger
}

// Recorder counts every request once: in cells that outlive the process, in the access log, and in a short list of the
// newest. Record is the only part of it that a request meets, and never waits for a disk.
//
// One goroutine writes. It sleeps until something is recorded, then gathers for a second and does one append to the log
// and one transaction with the changed cells and the place in the log up to which they count. What stands behind that
// place when the program starts was in the log but not yet in the cells, and is counted then.
type Recorder struct {
	store *Store
	sink  Sink
	every time.Duration
	extra func(tx *bbolt.Tx) error
	now   func() time.Time
	log   *slog.Logger

	buffers sync.Pool // of *[]byte, to encode lines in
	dropped atomic.Int64
	touched atomic.Bool // Extra has something to write

	mu      sync.Mutex // guards what follows up to the blank line; held for nanoseconds
	pending map[cellID]*Cell
	lastID  cellID // the triple counted last and its cell in pending, if any
	last    *Cell
	lines   [][]byte
	spare   [][]byte // the room of the batch before
	queued  int      // bytes in lines
	recent  [recentEntries]recentLine
	next    int // in recent
	closed  bool
	subs    []*func()

	// saving is held while a batch is written. Whoever reads cells holds it for reading: then each record is either in
	// pending or in the store, never in both and never in neither.
	saving sync.RWMutex
	kept   history
	logged Offset // end of the log
	saved  Offset // as the last transaction says
	pruned int64  // day of the last complete prune
	lost   bool   // the saved place could not be read

	logErr, saveErr error // of the last append and the last transaction; the writer's

	problem atomic.Pointer[error]
	wake    chan struct{} // something waits
	hurry   chan struct{} // much waits
	flush   chan chan error
	stop    chan struct{}
	done    chan struct{}
	closing sync.Once
	failure error // of the last batch; read after done
}

type recentLine struct {
	id   string
	line []byte
}

// OpenRecorder loads the last 24 hours, counts what the log holds behind the last transaction, and starts the writer.
// Store.Close closes the recorder first.
func OpenRecorder(s *Store, o RecorderOptions) (*Recorder, error) {
	if o.Sink == nil {
		return nil, errors.New("open the recorder: no access log was given")
	}
	r := &Recorder{
		store: s, sink: o.Sink, every: o.Every, extra: o.Extra, now: o.Now, log: o.Log,
		pending: map[cellID]*Cell{}, pruned: -1,
		wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), flush: make(chan chan error),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	if r.every <= 0 {
		r.every = time.Second
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.buffers.New = func() any { b := make([]byte, 0, 1024); return &b }
	if err := r.load(); err != nil {
		return nil, err
	}
	if err := r.replay(); err != nil {
		return nil, err
	}
	go r.write()
	s.onClose(func() { r.Close() })
	return r, nil
}

// Record counts a finished request and hands its line to the writer. It keeps nothing of e. After Close it only counts
// a dropped line.
func (r *Recorder) Record(e *Entry) {
	if e.Start.IsZero() {
		dated := *e
		dated.Start = r.now().Add(-e.Latency)
		e = &dated
	}
	buf := r.buffers.Get().(*[]byte)
	*buf = r.sink.Encode((*buf)[:0], e)
	line := bytes.Clone(*buf)
	r.buffers.Put(buf)

	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		r.dropped.Add(1)
		return
	}
	first := len(r.lines) == 0 && len(r.pending) == 0
	if e.Counted() {
		r.countLocked(e)
	}
	r.recent[r.next] = recentLine{e.ID, line}
	r.next = (r.next + 1) % recentEntries
	if cost := len(line) + lineCost; r.queued+cost <= maxQueued {
		r.lines = append(r.lines, line)
		r.queued += cost
	} else {
		r.dropped.Add(1)
	}
	much := r.queued > hurryAt
	r.mu.Unlock()
	if first {
		signal(r.wake)
	}
	if much {
		signal(r.hurry)
	}
}

// countLocked adds to the triple's cell only; the writer derives the marginals once for the whole batch.
func (r *Recorder) countLocked(e *Entry) {
	id := idOf(e)
	if r.last == nil || id != r.lastID {
		cell, ok := r.pending[id]
		if !ok {
			id = id.clone()
			if cell, ok = r.pending[id]; !ok {
				cell = new(Cell)
				r.pending[id] = cell
			}
		}
		r.lastID, r.last = id, cell
	}
	r.last.Add(e)
}

// Touch has a transaction made within the second even if nothing is recorded, because Extra has something to write. It is
// quick and never waits.
func (r *Recorder) Touch() {
	if !r.touched.Swap(true) {
		signal(r.wake)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has not been seen yet, so it still stands
	}
}

// Recent lists up to n of the newest entries, at most 1,000, the newest first. They are as the log tells them.
func (r *Recorder) Recent(n int) []Entry {
	var lines [][]byte
	r.mu.Lock()
	for i := 1; i <= recentEntries && len(lines) < n; i++ {
		l := r.recent[(r.next-i+recentEntries)%recentEntries]
		if l.line == nil {
			break
		}
		lines = append(lines, l.line)
	}
	r.mu.Unlock()
	entries := make([]Entry, 0, len(lines))
	for _, line := range lines {
		if e, err := r.sink.Decode(line); err == nil {
			entries = append(entries, e)
		}
	}
	return entries
}

// ByID finds one of the newest 1,000 entries.
func (r *Recorder) ByID(id string) (Entry, bool) {
	r.mu.Lock()
	i := slices.IndexFunc(r.recent[:], func(l recentLine) bool { return l.line != nil && l.id == id })
	var line []byte
	if i >= 0 {
		line = r.recent[i].line
	}
	r.mu.Unlock()
	if line == nil {
		return Entry{}, false
	}
	e, err := r.sink.Decode(line)
	return e, err == nil
}

// Dropped is how many lines never reached the access log: the queue was full or the disk refused them. Their figures
// are in the cells all the same.
func (r *Recorder) Dropped() int64 { return r.dropped.Load() }

// Problem is what keeps the log or the metrics from being written now; nil while all is well.
func (r *Recorder) Problem() error {
	if p := r.problem.Load(); p != nil {
		return *p
	}
	return nil
}

// Subscribe calls fn after something was recorded, at most once per batch. fn runs in the writer's goroutine and must
// neither block nor call Flush or Close; it may be running while cancel returns.
func (r *Recorder) Subscribe(fn func()) (cancel func()) {
	sub := &fn
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subs = append(slices.Clone(r.subs), sub)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.subs = slices.DeleteFunc(slices.Clone(r.subs), func(s *func()) bool { return s == sub })
	}
}

// Flush writes everything recorded before the call, and returns when it is on disk or could not be written.
func (r *Recorder) Flush() error {
	answer := make(chan error, 1)
	select {
	case r.flush <- answer:
		return <-answer
	case <-r.done:
		return r.failure
	}
}

// Close writes what is left and ends the writer. It may be called twice; what is recorded afterwards is dropped.
func (r *Recorder) Close() error {
	r.closing.Do(func() {
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		close(r.stop)
	})
	<-r.done
	return r.failure
}
