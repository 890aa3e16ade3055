package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// ListenerOptions of a Listener. The zero value works.
type ListenerOptions struct {
	Drain time.Duration // how long running requests may go on after Stop; 0: 10 s
	Retry time.Duration // between two tries of Keep; 0: 2 s
	// Setting names the port in the settings, for the words of a PortError; empty: server.port.
	Setting string
	Log     *slog.Logger // nil: nothing is logged
}

// Listener opens and closes the port of a gateway. Start and Stop may be called again and again, from any goroutine.
type Listener struct {
	handler http.Handler
	ListenerOptions

	mu     sync.Mutex // guards the fields below; held while starting and stopping
	server *http.Server
	served chan struct{} // closed when Serve has returned

	state sync.Mutex // guards open, so that Addr does not wait for a drain
	open  string
}

// NewListener makes a listener that is not open yet.
func NewListener(h http.Handler, o ListenerOptions) *Listener {
	if o.Drain == 0 {
		o.Drain = 10 * time.Second
	}
	if o.Retry == 0 {
		o.Retry = 2 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Listener{handler: h, ListenerOptions: o}
}

// PortError says that an address cannot be listened on because somebody else does.
type PortError struct {
	Addr    string
	Setting string // that names the port
	PID     int    // of the holder; 0 where the system does not tell
	Command string // of the holder; empty where the system does not tell
	Err     error
}

func (e *PortError) Error() string {
	who := "another program"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
		if e.Command != "" {
			who += " (" + e.Command + ")"
		}
	}
	return fmt.Sprintf("%s is in use by %s. Stop it, or set another %s in the settings", e.Addr, who, cmp.Or(e.Setting, "server.port"))
}

func (e *PortError) Unwrap() error { return e.Err }

// wsaAddrInUse is what Windows says for EADDRINUSE.
const wsaAddrInUse = syscall.Errno(10048)

// drainer is what a handler may offer to be stopped gently; Gateway does.
type drainer interface {
	Drain(context.Context)
	Resume()
}

// Start opens addr and serves in the background. If it is open already, nothing happens, whatever addr says. A port
// that is taken gives a *PortError.
func (l *Listener) Start(addr string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		if l.Addr() != "" {
			return nil
		}
		l.server.Close() // its listener had failed
	}
	ln, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse) {
		pid, command := holder(addr)
		return &PortError{Addr: addr, Setting: l.Setting, PID: pid, Command: command, Err: err}
	}
	if err != nil {
		return fmt.Errorf("listening on %s: %w", addr, err)
	}
	if d, ok := l.handler.(drainer); ok {
		d.Resume()
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	l.server = &http.Server{
		Handler:                      l.handler,
		Protocols:                    &protocols,
		DisableGeneralOptionsHandler: true, // "OPTIONS *" passes the guards like everything else
		ReadHeaderTimeout:            10 * time.Second,
		IdleTimeout:                  10 * time.Minute, // long: a POST on a connection that was just closed is not repeated by every client
		MaxHeaderBytes:               64 << 10,
		ErrorLog:                     slog.NewLogLogger(l.Log.Handler(), slog.LevelDebug),
	}
	l.served = make(chan struct{})
	l.setOpen(ln.Addr().String())
	go func(s *http.Server, served chan struct{}) {
		defer close(served)
		if err := s.Serve(clientListener{ln}); !errors.Is(err, http.ErrServerClosed) {
			l.Log.Error("server: the listener failed", "address", ln.Addr().String(), "error", err)
			l.setOpen("")
		}
	}(l.server, l.served)
	return nil
}

func (l *Listener) setOpen(addr string) {
	l.state.Lock()
	l.open = addr
	l.state.Unlock()
}

// Addr is the address that is open, as host:port; empty while none is.
func (l *Listener) Addr() string {
	l.state.Lock()
	defer l.state.Unlock()
	return l.open
}

// Stop refuses new requests, gives the running ones up to 10 s (less if ctx ends before), ends what is left with an
// error that says so, and closes the port. It may be called twice.
func (l *Listener) Stop(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == nil {
		return nil
	}
	if d, ok := l.handler.(drainer); ok {
		drain, cancel := context.WithTimeout(ctx, l.Drain)
		d.Drain(drain)
		cancel()
	}
	l.setOpen("")
	// What is answered already may still be on its way out.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
	defer cancel()
	err := l.server.Shutdown(last)
	if err != nil {
		err = l.server.Close()
	}
	<-l.served
	l.server = nil
	return err
}

// Keep tries to open addr until it succeeds or ctx ends, always the same address. onState is called with the error
// each time it is another than before, and with nil once the address is open.
func (l *Listener) Keep(ctx context.Context, addr string, onState func(error)) error {
	var said error
	for {
		err := l.Start(addr)
		if err == nil {
			onState(nil)
			return nil
		}
		if news(err, said) {
			said = err
			onState(err)
		}
		t := time.NewTimer(l.Retry)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// news reports whether err says more than the last one did. A holder that can no longer be seen is none.
func news(err, last error) bool {
	if last == nil {
		return true
	}
	now, ok := errors.AsType[*PortError](err)
	before, was := errors.AsType[*PortError](last)
	if ok && was && now.PID == 0 {
		return false
	}
	return err.Error() != last.Error() && (!ok || !was || now.PID != before.PID)
}
