package db

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"go.etcd.io/bbolt"
)

// Cells are kept under the number of the minute or hour since 1970, big-endian, so that time runs along the file and
// old cells are a range at its head; then what they are of: a letter and the names behind their lengths.
const (
	ofAll      = 'a' // everything
	ofKey      = 'k'
	ofModel    = 'm'
	ofProvider = 'p'
	ofTriple   = 't' // key, provider and model
)

// MaxName is the length in bytes to which the names of keys, providers and models are cut before they are counted, so
// that an application cannot fill the disk with one invented name.
const MaxName = 160

// Dim names one key (its ID), provider and model. An empty field stands for all.
type Dim struct{ Key, Provider, Model string }

// cellID is what one request counts under; all marginals follow from it.
type cellID struct {
	minute               uint32
	key, provider, model string
}

// idOf files an entry under the minute it ended in, so that a minute that is over never changes. Only what the log line
// holds goes into it: the entry must find the same cell when it is replayed.
func idOf(e *Entry) cellID {
	return cellID{minuteOf(e.Start.Add(e.Latency)), cutName(e.KeyID), cutName(e.Provider), cutName(e.Model)}
}

func minuteOf(t time.Time) uint32 {
	return uint32(max(0, min(t.Unix()/60, math.MaxUint32)))
}

func timeOf(minute uint32) time.Time { return time.Unix(int64(minute)*60, 0) }

func cutName(s string) string {
	if len(s) <= MaxName {
		return s
	}
	return CutText(s, MaxName)
}

// CutText cuts s to at most n bytes without cutting a character in two.
func CutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n; i > max(0, n-utf8.UTFMax); i-- { // bytes that are no characters are cut anywhere
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n]
}

// clone frees the names from the request body they may be a part of, and makes them what the log line can hold.
func (id cellID) clone() cellID {
	id.key, id.provider, id.model = cleanName(id.key), cleanName(id.provider), cleanName(id.model)
	return id
}

// cleanName replaces each byte that is no character, as JSON does.
func cleanName(s string) string {
	if utf8.ValidString(s) {
		return strings.Clone(s)
	}
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return cutName(b.String())
}

// subjects are the triple and its marginals.
func (id cellID) subjects() [5]string {
	return [5]string{
		string(ofAll),
		subject(ofKey, id.key),
		subject(ofModel, id.model),
		subject(ofProvider, id.provider),
		subject(ofTriple, id.key, id.provider, id.model),
	}
}

func subject(of byte, names ...string) string {
	b := []byte{of}
	for _, name := range names {
		b = appendName(b, name)
	}
	return string(b)
}

// parseSubject gives the names back; those a marginal does not have stay empty.
func parseSubject(s []byte) (d Dim, ok bool) {
	if len(s) == 0 {
		return d, false
	}
	r := reader{rest: s[1:]}
	switch s[0] {
	case ofAll:
	case ofKey:
		d.Key = r.name()
	case ofModel:
		d.Model = r.name()
	case ofProvider:
		d.Provider = r.name()
	case ofTriple:
		d = Dim{r.name(), r.name(), r.name()}
	default:
		return d, false
	}
	return d, r.err == nil && len(r.rest) == 0
}

func cellKey(unit uint32, subject string) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(subject)), unit), subject...)
}

// scanCells calls fn for the cells from first to last, both included, whose subject begins with prefix. It jumps over
// all others, so the marginals of a month are read without touching its triples.
func scanCells(b *bbolt.Bucket, first, last uint32, prefix string, fn func(unit uint32, subject, cell []byte)) {
	c := b.Cursor()
	want := []byte(prefix)
	for k, v := c.Seek(cellKey(first, prefix)); len(k) > 4; {
		unit, have := binary.BigEndian.Uint32(k), k[4:]
		if unit > last {
			return
		}
		switch {
		case bytes.HasPrefix(have, want):
			fn(unit, have, v)
			k, v = c.Next()
		case bytes.Compare(have, want) < 0:
			k, v = c.Seek(cellKey(unit, prefix))
		case unit == math.MaxUint32:
			return
		default:
			k, v = c.Seek(cellKey(unit+1, prefix))
		}
	}
}

// unitOf splits the key of a cell.
func unitOf(key []byte) (unit uint32, subject string) {
	return binary.BigEndian.Uint32(key), string(key[4:])
}
