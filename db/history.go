package db

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// historyKept is how far back the minutes are held in memory, so that a live page reads no disk.
const historyKept = 24 * time.Hour

// history holds the marginals of the newest minutes as they are on disk: encoded, because that is a fifth of the size.
type history struct {
	from    uint32 // complete from this minute on
	minutes map[uint32]map[string][]byte
	names   map[string]string // subjects, each held once
}

func (h *history) load(b *bbolt.Bucket, from uint32) {
	*h = history{from: from, minutes: map[uint32]map[string][]byte{}, names: map[string]string{}}
	c := b.Cursor()
	for k, v := c.Seek(cellKey(from, "")); len(k) > 4; k, v = c.Next() {
		unit, subject := unitOf(k)
		h.put(unit, subject, slices.Clone(v))
	}
}

// put keeps an encoded cell, unless it is of a triple or too old.
func (h *history) put(minute uint32, subject string, cell []byte) {
	if minute < h.from || subject[0] == ofTriple {
		return
	}
	cells := h.minutes[minute]
	if cells == nil {
		cells = map[string][]byte{}
		h.minutes[minute] = cells
	}
	name, ok := h.names[subject]
	if !ok {
		name = strings.Clone(subject)
		h.names[name] = name
	}
	cells[name] = cell
}

// forget drops the minutes before the given one. Names that are no longer in use go with them.
func (h *history) forget(before uint32) {
	if before <= h.from {
		return
	}
	h.from = before
	size := len(h.minutes)
	maps.DeleteFunc(h.minutes, func(minute uint32, _ map[string][]byte) bool { return minute < before })
	if len(h.minutes) == size {
		return
	}
	h.names = map[string]string{}
	for _, cells := range h.minutes {
		for name := range cells {
			h.names[name] = name
		}
	}
}

// scan calls fn for the cells from first to last, both included, whose subject begins with prefix; in no order.
func (h *history) scan(first, last uint32, prefix string, fn func(minute uint32, subject, cell []byte)) {
	for minute, cells := range h.minutes {
		if minute < first || minute > last {
			continue
		}
		if cell, ok := cells[prefix]; ok { // a whole subject, which is nobody's prefix but its own
			fn(minute, []byte(prefix), cell)
			continue
		}
		for subject, cell := range cells {
			if strings.HasPrefix(subject, prefix) {
				fn(minute, []byte(subject), cell)
			}
		}
	}
}
