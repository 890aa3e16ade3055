// Package tray knows the icon and its menu: what they say for a state of the
// program, and how to keep them on the desktop without ever harming the
// program. It holds no state but what it shows, and the program is whole
// without it.
//
// The tray library can panic, block and lose its bus, so nothing here calls it
// but one goroutine, and each call is guarded (see loop.go).
package tray

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// App is the program as the tray sees it. Methods are called from several
// goroutines; each may take its time, only State must be quick.
type App interface {
	// State returns what is to be shown now.
	State() State
	// Changed returns a channel that receives after the state has changed.
	// Several changes may share one receive.
	Changed() <-chan struct{}
	// SetRunning opens or closes the gateway's port.
	SetRunning(on bool) error
	// OpenDashboard shows the dashboard in the browser.
	OpenDashboard() error
	// NewKey makes a key under the next free name and returns its secret.
	NewKey() (name, token string, err error)
	// SetKeyEnabled turns one key on or off.
	SetKeyEnabled(id string, on bool) error
	// Choose lets the choice of that value answer all requests of a key; with
	// an empty one the application names the model again.
	Choose(id, value string) error
	// SetOffline keeps every request on this machine, or lets them out again.
	SetOffline(on bool) error
	// OpenKey shows the usage of one key in the dashboard.
	OpenKey(id string) error
	// Quit asks the program to end. It must not wait for Run to return.
	Quit()
}

// KeyShower is an App that can show a key that was just made once more, for the
// case that the clipboard cannot be reached. Without it the dashboard is opened.
type KeyShower interface {
	ShowKey(name, token string) error
}

// Notice is something a person should hear of, without a sound.
type Notice struct{ Title, Text string }

// Noticer is an App that tells of something although nobody clicked.
type Noticer interface {
	// Notices returns a channel that receives what is to be shown.
	Notices() <-chan Notice
}

// Options are the surroundings of Run; the zero value is right for a program.
type Options struct {
	// Context ends the tray when it is done, as Quit in the menu does. Nil
	// means that only the menu or the end of the desktop session does.
	Context context.Context
	// Log takes what went wrong. Nil discards it.
	Log *slog.Logger
	// Theme is the bar the icon is drawn for, "dark" or "light"; empty asks
	// the desktop and takes the dark bar where it does not say.
	Theme string
	// Copy puts a text on the clipboard. Nil uses the system's.
	Copy func(text string) error
	// Notify shows a notice on the desktop. Nil uses the system's.
	Notify func(title, text string) error
}

var (
	// ErrNoBus is returned by Probe on a machine without a desktop session:
	// there is no D-Bus to put an icon on.
	ErrNoBus = errors.New("no desktop session (no D-Bus session bus): running without a tray icon")
	// ErrNoHost is returned by Host while nothing on the desktop shows tray
	// icons. Run may be called: the icon appears as soon as something does.
	ErrNoHost = errors.New("no tray on this desktop yet: the icon appears when there is one (GNOME needs the AppIndicator extension); the dashboard offers everything the menu does")
	// ErrNoTray is returned by Probe and Run in a build without a tray.
	ErrNoTray = errors.New("this build has no tray icon (macOS needs cgo for it); the dashboard offers everything the menu does")
)

// waitAtEnd bounds how long the end waits for a tray call or an action that
// hangs: a desktop that does not answer must not keep the program alive.
const waitAtEnd = 2 * time.Second

// Run shows the icon until the person quits, the desktop session ends or
// o.Context is done, and then returns nil. Only in the first two cases it calls
// app.Quit. An error means that the tray could not be kept; the program should
// go on without it. Run must be called from the main goroutine, at most once,
// and on Linux after Probe said yes: without a bus the library behind it would
// start one.
func Run(app App, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	defer quietLibrary(o.Log)()
	desktop, err := newNative(o)
	if err != nil {
		return err
	}
	return run(app, desktop, o)
}

func run(app App, desktop desktop, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	if o.Copy == nil {
		o.Copy = copyText
	}
	if o.Notify == nil {
		o.Notify = notify
	}
	ctx, stop := context.WithCancel(o.Context)
	defer stop()
	t := &tray{
		app: app, desktop: desktop, o: o,
		ctx: ctx, stop: stop,
		clicks: make(chan *slot, 16),
		again:  make(chan struct{}, 1),
		ended:  make(chan struct{}),
	}
	// The library calls its exit hook on some systems and not on others, and
	// some never return from their loop: both ways lead here, once.
	shutdown := sync.OnceFunc(func() { t.shutdown() })
	t.read()
	first := t.face()
	err := t.guarded("run the tray", func() { desktop.run(first, func() { t.call("build the menu", t.ready) }, shutdown) })
	if err != nil {
		t.panicked.Store(true)
		err = fmt.Errorf("the tray icon was lost, the program goes on without it: %w", err)
	}
	shutdown()
	return err
}

// shutdown ends what this package started and tells the program to quit unless
// it was the program that asked, or the tray that broke.
func (t *tray) shutdown() {
	asked := t.o.Context.Err() != nil
	t.stop()
	if !asked && !t.panicked.Load() {
		t.quitApp()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if t.started.Load() {
			<-t.ended
		}
		t.work.Wait()
	}()
	timer := time.NewTimer(waitAtEnd)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.o.Log.Warn("the tray did not end in time and is left behind", "after", waitAtEnd)
	}
}

// guarded runs call and turns a panic into an error: the tray is a guest and
// must not take the program with it.
func (t *tray) guarded(what string, call func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v", what, p)
			t.o.Log.Debug("tray call failed", "call", what, "cause", p)
		}
	}()
	call()
	return nil
}

// quietLibrary sends what the tray library prints through the standard logger
// to log, at debug level: on a desktop without a tray it prints at every start,
// and this program says the same in one line of its own. The returned function
// ends it.
func quietLibrary(to *slog.Logger) (restore func()) {
	before := log.Writer()
	log.SetOutput(libraryLog{to: to, rest: before})
	return func() { log.SetOutput(before) }
}

type libraryLog struct {
	to   *slog.Logger
	rest interface{ Write([]byte) (int, error) }
}

func (l libraryLog) Write(text []byte) (int, error) {
	if line := string(text); strings.Contains(line, "systray error: ") || strings.Contains(line, "Failed to read icon") {
		l.to.Debug("tray library", "says", strings.TrimSpace(line))
		return len(text), nil
	}
	return l.rest.Write(text)
}
