package server

import (
	"net"
	"sync/atomic"
	"time"
)

const (
	// writeIdle is how long an application may read nothing before it is cut off.
	writeIdle = 60 * time.Second
	// writeSlack is how much longer it can get, so that the clock need not be set anew for each chunk.
	writeSlack = 15 * time.Second
	// writePiece is what one clock covers: a large answer to a slow reader makes progress piece by piece.
	writePiece = 64 << 10
)

// clientConn is a connection that gives up on an application that reads nothing. The deadline of the connection does
// it: a timer per request or per chunk would cost more than the chunk.
type clientConn struct {
	net.Conn
	now   func() time.Time
	until atomic.Int64 // the deadline that is set, in Unix nanoseconds; 0: none
}

func (c *clientConn) Write(p []byte) (int, error) {
	done := 0
	for {
		now := c.now()
		if c.until.Load() < now.Add(writeIdle).UnixNano() {
			if err := c.SetWriteDeadline(now.Add(writeIdle + writeSlack)); err != nil {
				return done, err
			}
		}
		n, err := c.Conn.Write(p[done:min(len(p), done+writePiece)])
		done += n
		if err != nil || done == len(p) {
			return done, err
		}
	}
}

func (c *clientConn) SetWriteDeadline(t time.Time) error {
	until := int64(0)
	if !t.IsZero() {
		until = t.UnixNano()
	}
	c.until.Store(until)
	return c.Conn.SetWriteDeadline(t)
}

// clientListener hands out clientConns.
type clientListener struct{ net.Listener }

func (l clientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &clientConn{Conn: c, now: time.Now}, nil
}
