package server

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// ToggleOptions of a Toggle. The zero value works.
type ToggleOptions struct {
	Listener ListenerOptions
	// Patience is how long requests may go on at an address that was left for another one; 0: 10 minutes.
	Patience time.Duration
	Changed  func()           // called after each change of the state, from any goroutine; nil: nobody is told
	Now      func() time.Time // nil: time.Now
}

// Toggle is the person's switch of a port: it opens the port, keeps trying the same one while somebody else holds it,
// moves to another address without cutting what runs, and remembers when it was closed. On and Off may be called from
// any goroutine; calls wait for each other.
type Toggle struct {
	handler http.Handler
	o       ToggleOptions

	act sync.Mutex // one On or Off at a time; guards trying
	// trying ends the goroutine that waits for an address and returns when it has ended; nil while there is none.
	trying func()

	mu      sync.Mutex // guards the fields below
	want    bool
	addr    string // wanted
	open    *Listener
	err     error
	since   time.Time
	closed  time.Time // when the port was closed last; zero while open or never opened
	gaps    [][2]time.Time
	leaving context.Context // of the listeners that were left for another; ends with Off
	hurry   context.CancelFunc
	retired sync.WaitGroup
}

// ToggleState is how a Toggle stands.
type ToggleState struct {
	Want    bool      // it was switched on
	Open    bool      // the port answers
	Address string    // that is open; else the one that is wanted
	Err     error     // why the wanted address is not open yet; it is being tried again
	Since   time.Time // of the last change; zero: never switched
}

// mostGaps bounds what is remembered of closed times.
const mostGaps = 1000

// NewToggle makes a switch that is off.
func NewToggle(h http.Handler, o ToggleOptions) *Toggle {
	if o.Patience == 0 {
		o.Patience = 10 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	t := &Toggle{handler: h, o: o}
	t.leaving, t.hurry = context.WithCancel(context.Background())
	return t
}

// On opens addr, or moves there from another address: requests that run go on where they came in. An error says why
// addr is not open yet; it is tried again until it is or Off is called, and what was open before stays open meanwhile.
func (t *Toggle) On(addr string) error {
	t.act.Lock()
	defer t.act.Unlock()
	t.stopTrying()
	t.mu.Lock()
	same := t.want && t.addr == addr && t.open != nil && t.open.Addr() != ""
	t.want, t.addr, t.err = true, addr, nil
	t.mu.Unlock()
	if same {
		return nil
	}
	l := NewListener(t.handler, t.o.Listener)
	err := l.Start(addr)
	if err == nil {
		t.opened(l)
		return nil
	}
	t.note(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.trying = func() { cancel(); <-done }
	go func() {
		defer close(done)
		l.Keep(ctx, addr, func(err error) {
			if err == nil {
				t.opened(l)
				return
			}
			t.note(err)
		})
	}()
	return err
}

// opened takes l into use and lets the listener before it run out.
func (t *Toggle) opened(l *Listener) {
	t.mu.Lock()
	old, now := t.open, t.o.Now()
	t.open, t.err, t.since = l, nil, now
	if !t.closed.IsZero() {
		if len(t.gaps) == mostGaps {
			t.gaps = t.gaps[1:]
		}
		t.gaps = append(t.gaps, [2]time.Time{t.closed, now})
		t.closed = time.Time{}
	}
	if old != nil {
		leaving := t.leaving
		t.retired.Go(func() { old.retire(leaving, t.o.Patience) })
	}
	t.mu.Unlock()
	t.o.Changed()
}

// note keeps why the address is not open.
func (t *Toggle) note(err error) {
	t.mu.Lock()
	if t.err == nil {
		t.since = t.o.Now()
	}
	t.err = err
	t.mu.Unlock()
	t.o.Changed()
}

// stopTrying is called with act held.
func (t *Toggle) stopTrying() {
	if t.trying != nil {
		t.trying()
		t.trying = nil
	}
}

// Off closes the port as Listener.Stop does: running requests get ten seconds, less if ctx ends before.
func (t *Toggle) Off(ctx context.Context) error {
	t.act.Lock()
	defer t.act.Unlock()
	t.stopTrying()
	t.mu.Lock()
	l := t.open
	if t.want {
		t.since = t.o.Now()
	}
	t.want, t.err = false, nil
	t.mu.Unlock()
	if l == nil {
		t.o.Changed()
		return nil
	}
	t.o.Changed() // new requests are refused from here on
	err := l.Stop(ctx)
	t.mu.Lock()
	t.open, t.closed = nil, t.o.Now()
	t.hurry() // what runs at an address that was left was ended with the rest
	t.leaving, t.hurry = context.WithCancel(context.Background())
	t.mu.Unlock()
	t.retired.Wait()
	t.o.Changed()
	return err
}

// State tells how the switch stands.
func (t *Toggle) State() ToggleState {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := ToggleState{Want: t.want, Address: t.addr, Err: t.err, Since: t.since}
	if t.open != nil {
		if addr := t.open.Addr(); addr != "" {
			s.Address, s.Open = addr, t.want
		}
	}
	return s
}

// Stopped lists when the port was closed between from and to, as pairs of begin and end. Times before the first On are
// not known to it.
func (t *Toggle) Stopped(from, to time.Time) [][2]time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	gaps := t.gaps
	if !t.closed.IsZero() {
		gaps = append(gaps[:len(gaps):len(gaps)], [2]time.Time{t.closed, to})
	}
	var list [][2]time.Time
	for _, g := range gaps {
		if g[0].Before(to) && g[1].After(from) {
			list = append(list, g)
		}
	}
	return list
}

// retire closes the port at once and lets the requests that run there go on for a while. The gateway itself goes on, so
// it is not drained.
func (l *Listener) retire(leaving context.Context, patience time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == nil {
		return
	}
	l.setOpen("")
	ctx, cancel := context.WithTimeout(leaving, patience)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		l.server.Close()
	}
	<-l.served
	l.server = nil
}
