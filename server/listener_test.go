package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"localrouter/providers/llm"
)

func TestListenerStartsAndStopsAgain(t *testing.T) {
	r := newRig(t)
	l := NewListener(r.Gateway, ListenerOptions{})
	addr := "127.0.0.1:0"
	for range 2 {
		if err := l.Start(addr); err != nil {
			t.Fatal(err)
		}
		if err := l.Start(addr); err != nil { // open already
			t.Fatal(err)
		}
		addr = l.Addr()
		resp := post(t, t.Context(), "http://"+addr, "/v1/chat/completions", chatBody)
		if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%d %s %v", resp.StatusCode, b, err)
		}
		resp.Body.Close()
		began := time.Now()
		for range 2 {
			if err := l.Stop(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d > time.Second || l.Addr() != "" {
			t.Errorf("an idle gateway took %v to stop; address %q", d, l.Addr())
		}
		http.DefaultClient.CloseIdleConnections()
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Error("the port is still open")
		}
	}
}

func TestPortInUseNamesItsHolder(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	r := newRig(t)
	l := NewListener(r.Gateway, ListenerOptions{Retry: time.Millisecond})
	err = l.Start(other.Addr().String())
	port, ok := errors.AsType[*PortError](err)
	if !ok || !strings.Contains(err.Error(), other.Addr().String()) || !strings.Contains(err.Error(), "server.port") {
		t.Fatalf("got %v", err)
	}
	if runtime.GOOS == "linux" && (port.PID != os.Getpid() || port.Command == "") {
		t.Errorf("holder %d %q, want this process", port.PID, port.Command)
	}

	// Keep waits for the port, says so once, and takes it when it is free.
	said := make(chan error, 10)
	done := make(chan error)
	go func() { done <- l.Keep(t.Context(), other.Addr().String(), func(err error) { said <- err }) }()
	if err := <-said; err == nil {
		t.Error("the port was not in use")
	}
	other.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := <-said; err != nil || l.Addr() != other.Addr().String() || len(said) != 0 {
		t.Errorf("said %v, %d more; open on %q", err, len(said), l.Addr())
	}
	l.Stop(context.Background())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	busy, _ := net.Listen("tcp", "127.0.0.1:0")
	defer busy.Close()
	if err := l.Keep(ctx, busy.Addr().String(), func(error) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("Keep after its context ended: %v", err)
	}
}

func TestStopDrainsAndThenEndsStreamsWithAnError(t *testing.T) {
	r := newRig(t)
	r.provider.answer = endless(5*time.Millisecond, nil)
	l := NewListener(r.Gateway, ListenerOptions{Drain: 300 * time.Millisecond})
	if err := l.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	base := "http://" + l.Addr()
	resp := post(t, t.Context(), base, "/v1/chat/completions", streamBody)
	body := bufio.NewReader(resp.Body)
	body.ReadString('\n')
	idle, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()

	var wg sync.WaitGroup
	began := time.Now()
	wg.Go(func() { l.Stop(context.Background()) })
	for !r.stopping.Load() {
		runtime.Gosched()
	}
	for _, path := range []string{"/v1/models", "/health"} {
		req, _ := http.NewRequest("GET", base+path, nil)
		req.Header.Set("X-Api-Key", goodToken)
		late, err := http.DefaultClient.Do(req)
		if err != nil || late.StatusCode != 503 || late.Header.Get("Retry-After") == "" {
			t.Errorf("%s while stopping: %v %v", path, late, err)
			continue
		}
		late.Body.Close()
	}
	rest, err := io.ReadAll(body)
	wg.Wait()
	if d := time.Since(began); d < 300*time.Millisecond || d > 2*time.Second {
		t.Errorf("stopped after %v", d)
	}
	if err != nil || !strings.Contains(string(rest), `"stopping"`) || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("the stream ended with %v %.200q", err, rest[max(0, len(rest)-300):])
	}
	for range 3 {
		if e := r.next(); e.Kind != llm.Stopping {
			t.Errorf("record: %+v", e)
		}
	}
}

func TestStopWaitsForAStreamThatEndsInTime(t *testing.T) {
	r := newRig(t)
	release := make(chan struct{})
	r.provider.answer = func(ctx context.Context, _ *llm.Request, obs llm.Observer) (llm.Relay, error) {
		return streamRelay(ctx, obs, func(n int) ([]byte, error) {
			if n == 0 {
				return []byte(event), nil
			}
			<-release
			return nil, io.EOF
		}), nil
	}
	l := NewListener(r.Gateway, ListenerOptions{})
	if err := l.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	resp := post(t, t.Context(), "http://"+l.Addr(), "/v1/chat/completions", streamBody)
	var wg sync.WaitGroup
	wg.Go(func() { l.Stop(context.Background()) })
	for !r.stopping.Load() {
		runtime.Gosched()
	}
	close(release)
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != event {
		t.Errorf("got %q %v", got, err)
	}
	wg.Wait()
	if e := r.next(); e.Kind != "" {
		t.Errorf("record: %+v", e)
	}
}

// deadlines is a connection that notes its deadlines and takes what is written.
type deadlines struct {
	net.Conn
	set   []time.Time
	sizes []int
}

func (c *deadlines) SetWriteDeadline(t time.Time) error { c.set = append(c.set, t); return nil }
func (c *deadlines) Write(p []byte) (int, error) {
	c.sizes = append(c.sizes, len(p))
	return len(p), nil
}

func TestSlowReaderIsCutAfterAMinuteWithoutProgress(t *testing.T) {
	now := time.Unix(1000, 0)
	under := &deadlines{}
	c := &clientConn{Conn: under, now: func() time.Time { return now }}
	for range 1000 { // chunks in quick succession cost one deadline
		c.Write([]byte("x"))
	}
	if len(under.set) != 1 {
		t.Errorf("%d deadlines for 1,000 chunks", len(under.set))
	}
	for range 100 { // whenever a write begins, it has between 60 and 75 s
		now = now.Add(7 * time.Second)
		c.Write([]byte("x"))
		if left := under.set[len(under.set)-1].Sub(now); left < writeIdle || left > writeIdle+writeSlack {
			t.Fatalf("a write may take %v", left)
		}
	}
	under.sizes = nil
	if n, err := c.Write(make([]byte, 200<<10)); n != 200<<10 || err != nil || len(under.sizes) != 4 {
		t.Errorf("a large write: %d %v in pieces %v", n, err, under.sizes)
	}
	if n, err := c.Write(nil); n != 0 || err != nil {
		t.Errorf("an empty write: %d %v", n, err)
	}
}
