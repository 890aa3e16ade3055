package server

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
)

// requestIDs makes request ids: a random start for the process and a count. They are unique, cheap and tell nothing
// but the order within one run; nothing is granted to whoever knows one.
type requestIDs struct {
	process string
	count   atomic.Uint64
}

func (ids *requestIDs) start() { ids.process = rand.Text()[:12] + "-" }

func (ids *requestIDs) next() string {
	var b [40]byte
	return string(strconv.AppendUint(append(b[:0], ids.process...), ids.count.Add(1), 36))
}
