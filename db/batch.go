package db

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// MinutesKept and HoursKept are how long cells stay: a graph of a week shows single minutes, one of a year hours.
	MinutesKept = 7 * 24 * time.Hour
	HoursKept   = 400 * 24 * time.Hour

	pruneAtMost = 5000 // cells deleted in one transaction, so that none takes long
	replayBatch = 5000 // lines counted in one transaction at start
)

var (
	offsetKey = []byte("log offset")
	errOffset = errors.New("the place in the access log cannot be read")
)

// write is the writer. It has no tick: the timer runs only while something waits.
func (r *Recorder) write() {
	defer close(r.done)
	retry := r.every
	for {
		var answer chan error
		select {
		case <-r.stop:
			r.failure = r.batch(true)
			return
		case answer = <-r.flush:
		case <-r.wake:
			answer = r.gather(retry)
		}
		err := r.batch(answer != nil)
		if answer != nil {
			answer <- err
		}
		if r.saveErr == nil {
			retry = r.every
			continue
		}
		// The cells went back to pending; nothing but this wakes the writer if no request comes.
		retry = min(2*retry, max(longestRetry, r.every))
		signal(r.wake)
	}
}

// gather lets records come in until the time is over or something cannot wait, and returns the caller of Flush, if any.
func (r *Recorder) gather(wait time.Duration) (answer chan error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	if wait > r.every { // after a failure more lines are no reason to try sooner
		select {
		case answer = <-r.flush:
		case <-timer.C:
		case <-r.stop:
		}
		return answer
	}
	select {
	case answer = <-r.flush:
	case <-r.hurry:
	case <-timer.C:
	case <-r.stop:
	}
	return answer
}

// batch writes all that is pending: first the lines, then the cells with the place where the lines end. force does a
// transaction for Extra even where nothing was recorded.
func (r *Recorder) batch(force bool) error {
	r.saving.Lock()
	r.mu.Lock()
	lines, cells := r.lines, r.pending
	r.lines, r.spare, r.queued = r.spare, nil, 0
	r.pending, r.last = map[cellID]*Cell{}, nil
	subs := r.subs
	r.mu.Unlock()

	if len(lines) > 0 { // else what was wrong with the log still is
		r.logErr = r.appendLines(lines)
	}
	touched := r.touched.Swap(false) // before Extra looks: what comes later is written next time
	if len(cells) > 0 || r.logged != r.saved || (force || touched) && r.extra != nil {
		if r.saveErr = r.save(cells); r.saveErr != nil {
			r.giveBack(cells)
			if touched {
				r.touched.Store(true)
			}
		}
	}
	empty := len(lines) == 0 && len(cells) == 0
	clear(lines)
	r.mu.Lock()
	r.spare = lines[:0]
	r.mu.Unlock()
	r.saving.Unlock()
	err := errors.Join(r.logErr, r.saveErr)
	r.tell(err)
	if !empty {
		for _, fn := range subs {
			(*fn)()
		}
	}
	return err
}

// appendLines gives up the lines that do not reach the log, because their cells are about to be saved: a line that came
// later, behind the saved place, would be counted a second time at the next start.
func (r *Recorder) appendLines(lines [][]byte) error {
	n, end, err := r.sink.Append(lines)
	if n > 0 {
		r.logged = end
	}
	r.dropped.Add(int64(len(lines) - n))
	if err != nil {
		return fmt.Errorf("write the access log: %w; free space on the disk, requests go on without their lines", err)
	}
	return nil
}

// giveBack makes cells that could not be saved pending again.
func (r *Recorder) giveBack(cells map[cellID]*Cell) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, cell := range cells {
		if newer, ok := r.pending[id]; ok {
			cell.Merge(newer)
		}
		r.pending[id] = cell
	}
	r.last = nil
}

// tell keeps the problem for Problem and logs where it begins and ends.
func (r *Recorder) tell(err error) {
	was := r.Problem()
	if err == nil {
		r.problem.Store(nil)
		if was != nil {
			r.log.Info("metrics and access log are written again", "dropped_lines", r.Dropped())
		}
		return
	}
	r.problem.Store(&err)
	if was == nil {
		r.log.Error("metrics or access log cannot be written", "error", err)
	}
}

// change is what a transaction adds to one cell.
type change struct {
	minute  bool // else hour
	unit    uint32
	subject string
	cell    Cell
}

// spread derives the minute and hour cells of all marginals from the triples.
func spread(cells map[cellID]*Cell) map[string]*change {
	changes := make(map[string]*change, 10*len(cells))
	for id, cell := range cells {
		for _, subject := range id.subjects() {
			for _, minute := range []bool{true, false} {
				bucket, unit := "m", id.minute
				if !minute {
					bucket, unit = "h", id.minute/60
				}
				name := bucket + string(cellKey(unit, subject))
				c := changes[name]
				if c == nil {
					c = &change{minute: minute, unit: unit, subject: subject}
					changes[name] = c
				}
				c.cell.Merge(cell)
			}
		}
	}
	return changes
}

// save is the one transaction of a batch. Where it fails nothing of it is kept.
func (r *Recorder) save(cells map[cellID]*Cell) error {
	changes := spread(cells)
	order := slices.Sorted(maps.Keys(changes)) // along the file, each page once
	written := make([][]byte, len(order))
	today := r.now().Unix() / 86400
	pruned := r.pruned
	err := r.store.update(func(tx *bbolt.Tx) error {
		minutes, hours := tx.Bucket(bucketMinutes), tx.Bucket(bucketHours)
		minutes.FillPercent, hours.FillPercent = 0.9, 0.9 // new cells come at the end
		for i, name := range order {
			c := changes[name]
			b := hours
			if c.minute {
				b = minutes
			}
			value, err := r.put(b, c)
			if err != nil {
				return err
			}
			written[i] = value
		}
		if pruned != today {
			left := prune(minutes, minuteOf(r.now().Add(-MinutesKept)))
			left = prune(hours, minuteOf(r.now().Add(-HoursKept))/60) || left
			if !left {
				pruned = today
			}
		}
		if r.extra != nil {
			if err := r.extra(tx); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketState).Put(offsetKey, encodeOffset(r.logged))
	})
	if err != nil {
		return fmt.Errorf("keep the metrics: %w; free space on the disk, LocalRouter tries again by itself", err)
	}
	r.saved, r.pruned = r.logged, pruned
	for i, name := range order {
		if c := changes[name]; c.minute {
			r.kept.put(c.unit, c.subject, written[i])
		}
	}
	r.kept.forget(minuteOf(r.now().Add(-historyKept)))
	return nil
}

// put adds a change to its cell. A cell that cannot be read is given up: the figures to come matter more.
func (r *Recorder) put(b *bbolt.Bucket, c *change) ([]byte, error) {
	key := cellKey(c.unit, c.subject)
	sum := &c.cell
	if old := b.Get(key); old != nil {
		var merged Cell
		if err := merged.mergeBinary(old); err != nil {
			r.log.Warn("a metrics cell could not be read and starts anew", "minute", c.minute, "unit", c.unit, "error", err)
		} else {
			merged.Merge(sum)
			sum = &merged
		}
	}
	value := sum.AppendBinary(make([]byte, 0, 256))
	return value, b.Put(key, value)
}

// prune deletes cells before the given unit from the head of the bucket and reports whether some are left.
func prune(b *bbolt.Bucket, before uint32) (left bool) {
	var old [][]byte
	c := b.Cursor()
	for k, _ := c.First(); len(k) >= 4 && binary.BigEndian.Uint32(k) < before; k, _ = c.Next() {
		if len(old) == pruneAtMost {
			left = true
			break
		}
		old = append(old, slices.Clone(k))
	}
	for _, k := range old {
		if b.Delete(k) != nil {
			return true
		}
	}
	return left
}

// load reads the place in the log and the marginals of the last 24 hours.
func (r *Recorder) load() error {
	err := r.store.view(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(bucketState).Get(offsetKey); b != nil {
			at, err := decodeOffset(b)
			if err != nil {
				// Nothing tells which lines were counted; to miss some is better than to count all twice.
				r.log.Warn("the place in the access log is lost; counting goes on at its end")
				r.lost = true
			}
			r.saved, r.logged = at, at
		}
		r.kept.load(tx.Bucket(bucketMinutes), minuteOf(r.now().Add(-historyKept)))
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the metrics: %w", err)
	}
	return nil
}

// replay counts the lines behind the saved place. It runs before the writer, so nothing else touches the recorder. On a
// full disk the program starts all the same: the figures stay pending like any others.
func (r *Recorder) replay() error {
	lines := 0
	step := func() {
		if r.saveErr = r.save(r.pending); r.saveErr == nil {
			r.pending, r.last = map[cellID]*Cell{}, nil
		}
	}
	end, err := r.sink.Replay(r.saved, func(e *Entry, behind Offset) error {
		if e.Counted() && !r.lost {
			r.countLocked(e)
		}
		r.logged = behind
		if lines++; lines%replayBatch == 0 {
			step()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count the end of the access log: %w", err)
	}
	if lines > 0 {
		r.log.Info("read the end of the access log", "lines", lines)
	}
	// The place is saved also where no line was behind it: it may have pointed past the end of the log.
	if r.logged = end; len(r.pending) > 0 || r.logged != r.saved {
		step()
	}
	if r.saveErr != nil {
		r.tell(r.saveErr)
		signal(r.wake)
	}
	return nil
}

func encodeOffset(o Offset) []byte {
	return appendName(binary.AppendUvarint(nil, uint64(o.Pos)), o.File)
}

func decodeOffset(b []byte) (Offset, error) {
	r := reader{rest: b}
	pos := r.count()
	file := r.name()
	if r.err != nil || len(r.rest) > 0 {
		return Offset{}, errOffset
	}
	return Offset{file, pos}, nil
}
