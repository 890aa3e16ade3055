package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/providertest"
)

// forgetful is a server that answers one request on each connection, and hangs up when another comes on it.
type forgetful struct {
	net.Listener
	mu     sync.Mutex
	bodies []int // bytes of each request, in order
	conns  int
	wg     sync.WaitGroup
}

func newForgetful(t *testing.T) *forgetful {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forgetful{Listener: l}
	f.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns++
			f.mu.Unlock()
			f.wg.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close() })
	return f
}

func (f *forgetful) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for i := range 2 {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		n, _ := io.Copy(io.Discard, req.Body)
		f.mu.Lock()
		f.bodies = append(f.bodies, int(n))
		f.mu.Unlock()
		if i == 0 {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(providertest.Reply(okText)), providertest.Reply(okText))
		}
	}
}

// TestAReusedConnectionThatDiedIsTakenForNothing: the request goes out once more on a new one, whole, and nobody hears of
// it. A new connection that dies is a failure: the provider may have been at work.
func TestAReusedConnectionThatDiedIsTakenForNothing(t *testing.T) {
	for _, size := range []int{10, 100 << 10} {
		f := newForgetful(t)
		s := stage(t, []peer{{name: "a", dialect: llm.OpenAI, url: "http://" + f.Addr().String() + "/v1"}})
		body := strings.Replace(chatText(llm.OpenAI, "a/m", false), `"hi"`, `"`+strings.Repeat("x", size)+`"`, 1)
		for range 3 {
			a := s.send("/v1/chat/completions", body)
			if a.StatusCode != 200 || a.body != providertest.Reply(okText) || len(a.entry.Attempts) != 1 || a.entry.Attempts[0].Kind != "" {
				t.Errorf("%d %s after %+v", a.StatusCode, a.body, a.entry.Attempts)
			}
		}
		if r := s.router.Health().Report("a"); r.Failures != 0 {
			t.Errorf("it stands %+v", r)
		}
		f.mu.Lock()
		for _, n := range f.bodies {
			if n != f.bodies[0] {
				t.Errorf("bodies of %v bytes", f.bodies)
			}
		}
		if len(f.bodies) != 5 || f.conns != 3 {
			t.Errorf("%d requests on %d connections, want 5 on 3", len(f.bodies), f.conns)
		}
		f.mu.Unlock()
	}
}
