// Package providertest is the hostile upstream: a provider that does what a script says, byte for byte and at the
// moment it says. It splits bytes, stalls, resets, lies and refuses, and keeps a record of everything it received. It
// is for tests only, as net/http/httptest is.
package providertest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Upstream is a scripted server on a loopback port.
type Upstream struct {
	// URL is the base URL to configure; it ends in /v1.
	URL string

	t      testing.TB
	server *httptest.Server
	ended  chan struct{} // closed by Close: everything that waits ends

	mu       sync.Mutex // guards the rest
	scripts  []Script   // answers in order; the last one stays
	paths    map[string]Script
	received []*Request
	changed  chan struct{} // closed and made anew with each request that comes or goes
}

// Request is what the upstream received.
type Request struct {
	Method, Path, Query string
	Header              http.Header
	Body                []byte
	Length              int64 // as announced
	Remote              string
	Started             time.Time
	// Gone is closed when the client is no longer there, or its answer is complete.
	Gone chan struct{}
	// Aborted is when the client went away before its answer was complete; zero where it did not. Read it after Gone.
	Aborted time.Time
}

// Conn is what a script writes its answer to.
type Conn struct {
	w   *bufio.Writer
	raw net.Conn
	ctx context.Context
	req *Request

	closed bool // the script ended the connection its own way
}

// Script is one answer. It runs in the server's goroutine; its error is the client's going away.
type Script func(*Conn) error

// New starts an upstream that answers 404 until it is told what to do. It ends with the test.
func New(t testing.TB) *Upstream {
	u := &Upstream{t: t, ended: make(chan struct{}), paths: map[string]Script{}, changed: make(chan struct{})}
	u.server = httptest.NewServer(http.HandlerFunc(u.serve))
	u.URL = u.server.URL + "/v1"
	t.Cleanup(u.Close)
	return u
}

// Close ends everything that runs. It may be called twice.
func (u *Upstream) Close() {
	u.mu.Lock()
	select {
	case <-u.ended:
	default:
		close(u.ended)
	}
	u.mu.Unlock()
	u.server.CloseClientConnections()
	u.server.Close()
}

// Answer sets the answers: one script per request in order, the last one for all that follow.
func (u *Upstream) Answer(scripts ...Script) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.scripts = scripts
}

// AnswerPath sets the answer of one path below /v1, such as "/models", whatever Answer says.
func (u *Upstream) AnswerPath(path string, s Script) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.paths["/v1"+path] = s
}

// Received lists the requests so far, in order.
func (u *Upstream) Received() []*Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]*Request(nil), u.received...)
}

// Last is the latest request. It fails the test where there was none.
func (u *Upstream) Last() *Request {
	u.t.Helper()
	all := u.Received()
	if len(all) == 0 {
		u.t.Fatal("the upstream received nothing")
	}
	return all[len(all)-1]
}

// Wait waits until n requests have come, and returns the n-th.
func (u *Upstream) Wait(n int) *Request {
	u.t.Helper()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for {
		u.mu.Lock()
		if len(u.received) >= n {
			r := u.received[n-1]
			u.mu.Unlock()
			return r
		}
		changed := u.changed
		u.mu.Unlock()
		select {
		case <-changed:
		case <-late.C:
			u.t.Fatalf("the upstream received %d requests, want %d", len(u.Received()), n)
		}
	}
}

// WaitGone waits until the client of r is gone and tells when it went away; ok is false where it stayed to the end.
func (u *Upstream) WaitGone(r *Request) (at time.Time, ok bool) {
	u.t.Helper()
	select {
	case <-r.Gone:
	case <-time.After(20 * time.Second):
		u.t.Fatal("the client is still there after 20 s")
	}
	return r.Aborted, !r.Aborted.IsZero()
}

// next picks the script for a request.
func (u *Upstream) next(r *Request) Script {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.received = append(u.received, r)
	close(u.changed)
	u.changed = make(chan struct{})
	if s := u.paths[r.Path]; s != nil {
		return s
	}
	if len(u.scripts) == 0 {
		return JSON(404, `{"error":{"message":"no script","type":"invalid_request_error","param":null,"code":"model_not_found"}}`)
	}
	s := u.scripts[0]
	if len(u.scripts) > 1 {
		u.scripts = u.scripts[1:]
	}
	return s
}

// serve records a request, takes the connection and hands it to the script.
func (u *Upstream) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	req := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body, Length: r.ContentLength,
		Remote: r.RemoteAddr, Started: time.Now(), Gone: make(chan struct{})}
	script := u.next(req)
	if err != nil { // the client broke its own request off
		req.Aborted = time.Now()
		close(req.Gone)
		panic(http.ErrAbortHandler)
	}
	raw, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		close(req.Gone)
		u.t.Errorf("providertest: %v", err)
		return
	}
	u.play(req, script, raw, rw)
}

// play runs a script on a connection of its own, while somebody watches for the client's going away.
func (u *Upstream) play(req *Request, script Script, raw net.Conn, rw *bufio.ReadWriter) {
	ctx, cancel := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-u.ended:
			raw.Close()
		case <-ctx.Done():
		}
	})
	watch.Go(func() {
		if _, err := rw.Reader.ReadByte(); err != nil {
			req.Aborted = time.Now()
		}
		cancel()
	})
	c := &Conn{w: bufio.NewWriter(raw), raw: raw, ctx: ctx, req: req}
	err := script(c)
	if err == nil && !c.closed {
		err = c.w.Flush()
	}
	raw.Close()
	cancel()
	watch.Wait()
	if err == nil {
		req.Aborted = time.Time{} // the script came to its end, so the client went after it or with it
	}
	close(req.Gone)
}

// Raw writes bytes as they are and sends them.
func (c *Conn) Raw(s string) error {
	if _, err := c.w.WriteString(s); err != nil {
		return err
	}
	return c.w.Flush()
}

// Head sends the status line and header of a response of unknown length, in chunks.
func (c *Conn) Head(status int, header ...string) error {
	return c.Raw(head(status, header...) + "Transfer-Encoding: chunked\r\n\r\n")
}

// Chunk sends one chunk of the body.
func (c *Conn) Chunk(s string) error {
	if s == "" {
		return nil
	}
	return c.Raw(fmt.Sprintf("%x\r\n%s\r\n", len(s), s))
}

// End ends the body cleanly.
func (c *Conn) End() error { return c.Raw("0\r\n\r\n") }

// Wait waits for the channel, or for the client to go away.
func (c *Conn) Wait(ch <-chan struct{}) error {
	select {
	case <-ch:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

// Stall waits until the client goes away.
func (c *Conn) Stall() error {
	<-c.ctx.Done()
	return c.ctx.Err()
}

// Cut closes the connection in the middle of things.
func (c *Conn) Cut() error {
	c.closed = true
	c.w.Flush()
	return c.raw.Close()
}

// Reset tears the connection down with a TCP reset.
func (c *Conn) Reset() error {
	c.closed = true
	c.w.Flush()
	if tcp, ok := c.raw.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	return c.raw.Close()
}

// Request is what is being answered.
func (c *Conn) Request() *Request { return c.req }

// head spells a status line and fields given as "Name: value". The connection is not kept: each request of a test has
// one of its own, unless the script says otherwise.
func head(status int, fields ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	if !strings.Contains(strings.ToLower(b.String()), "\nconnection:") {
		b.WriteString("Connection: close\r\n")
	}
	return b.String()
}

// Contains reports whether the upstream received text anywhere: a path, a field or a body. It is for secrets that must
// not have travelled.
func (u *Upstream) Contains(text string) bool {
	for _, r := range u.Received() {
		if strings.Contains(r.Path+r.Query, text) || bytes.Contains(r.Body, []byte(text)) || strings.Contains(fmt.Sprint(r.Header), text) {
			return true
		}
	}
	return false
}
