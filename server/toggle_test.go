package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// freeAddr is an address that nobody holds now.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// answers reports whether addr answers.
func answers(addr string) bool {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + addr + "/")
	if err == nil {
		resp.Body.Close()
	}
	return err == nil
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.Tick(5 * time.Millisecond); !is(); <-tick {
		if time.Now().After(deadline) {
			t.Fatal("it never came to be that " + what)
		}
	}
}

func newToggle(t *testing.T, h http.Handler) *Toggle {
	t.Helper()
	toggle := NewToggle(h, ToggleOptions{Listener: ListenerOptions{Retry: 10 * time.Millisecond}, Patience: 20 * time.Second})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		toggle.Off(ctx)
	})
	return toggle
}

func TestToggleGoesOnAndOff(t *testing.T) {
	toggle := newToggle(t, http.NotFoundHandler())
	if s := toggle.State(); s.Want || s.Open || !s.Since.IsZero() {
		t.Errorf("before anything it is %+v", s)
	}
	addr := freeAddr(t)
	begin := time.Now()
	for range 2 { // a second On is no news
		if err := toggle.On(addr); err != nil {
			t.Fatal(err)
		}
	}
	if s := toggle.State(); !s.Open || s.Address != addr || s.Err != nil || !answers(addr) {
		t.Errorf("on it is %+v", s)
	}
	if err := toggle.Off(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := toggle.State(); s.Want || s.Open || s.Address != addr || answers(addr) {
		t.Errorf("off it is %+v", s)
	}
	if gaps := toggle.Stopped(begin, time.Now()); len(gaps) != 1 {
		t.Errorf("while it is off the closed times are %v", gaps)
	}
	if err := toggle.On(addr); err != nil {
		t.Fatal(err)
	}
	gaps := toggle.Stopped(begin, time.Now())
	if len(gaps) != 1 || gaps[0][1].Before(gaps[0][0]) || len(toggle.Stopped(time.Now(), time.Now().Add(time.Hour))) != 0 {
		t.Errorf("the closed times are %v", gaps)
	}
}

// TestToggleWaitsForItsPort: the same one, and says who holds it.
func TestToggleWaitsForItsPort(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := held.Addr().String()
	toggle := newToggle(t, http.NotFoundHandler())
	if err := toggle.On(addr); err == nil {
		t.Fatal("a held port was opened")
	} else if _, ok := errors.AsType[*PortError](err); !ok {
		t.Errorf("it says %v", err)
	}
	if s := toggle.State(); !s.Want || s.Open || s.Err == nil || s.Address != addr {
		t.Errorf("while it waits it is %+v", s)
	}
	held.Close()
	eventually(t, "the freed port is open", func() bool { return toggle.State().Open })
	if s := toggle.State(); s.Err != nil || !answers(addr) {
		t.Errorf("%+v", s)
	}
}

// TestToggleCanBeSwitchedOffWhileItWaits.
func TestToggleCanBeSwitchedOffWhileItWaits(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	toggle := newToggle(t, http.NotFoundHandler())
	toggle.On(held.Addr().String())
	if err := toggle.Off(t.Context()); err != nil {
		t.Fatal(err)
	}
	held.Close()
	if s := toggle.State(); s.Want || s.Open || s.Err != nil {
		t.Errorf("%+v", s)
	}
}

// TestToggleMovesWithoutCuttingWhatRuns: a changed port in the settings must not end anybody's answer.
func TestToggleMovesWithoutCuttingWhatRuns(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	toggle := newToggle(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/long" {
			return
		}
		io.WriteString(w, "begin ")
		w.(http.Flusher).Flush()
		close(begun)
		<-finish
		io.WriteString(w, "end")
	}))
	from, to := freeAddr(t), freeAddr(t)
	if err := toggle.On(from); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + from + "/long")
		if err != nil {
			said <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			b = []byte(err.Error())
		}
		said <- string(b)
	}()
	<-begun
	if err := toggle.On(to); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the old port is closed", func() bool { return !answers(from) })
	if s := toggle.State(); s.Address != to || !s.Open || !answers(to) {
		t.Errorf("%+v", s)
	}
	close(finish)
	if got := <-said; got != "begin end" {
		t.Errorf("the request that ran got %q", got)
	}
}
