package tray

import (
	"errors"
	"strings"
	"sync"
)

// fakeDesktop is a desktop that notes what it was told and panics on demand.
type fakeDesktop struct {
	mu     sync.Mutex // guards all below
	lines  []*fakeEntry
	faces  []face
	calls  int
	broken bool // every call panics, as after the death of the bus
	hook   bool // the exit hook is called on quit, as on all but macOS
	left   chan struct{}
	once   sync.Once
}

func newFakeDesktop() *fakeDesktop { return &fakeDesktop{hook: true, left: make(chan struct{})} }

func (d *fakeDesktop) run(first face, ready, exit func()) {
	d.mu.Lock()
	d.faces = append(d.faces, first)
	d.mu.Unlock()
	ready()
	<-d.left
	if d.hook {
		exit()
	}
}

func (d *fakeDesktop) quit() { d.once.Do(func() { close(d.left) }) }

func (d *fakeDesktop) show(f face) {
	d.called()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faces = append(d.faces, f)
}

func (d *fakeDesktop) called() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken {
		panic("dbus: connection closed by user")
	}
	d.calls++
}

func (d *fakeDesktop) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

func (d *fakeDesktop) breakDown() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = true
}

func (d *fakeDesktop) icons() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var icons []string
	for _, f := range d.faces[1:] { // the first is set before the start and once more after
		if f.icon != "" {
			icons = append(icons, f.icon)
		}
	}
	return icons
}

func (d *fakeDesktop) add(parent entry, l line) entry {
	d.called()
	d.mu.Lock()
	defer d.mu.Unlock()
	e := &fakeEntry{desktop: d, line: l, clicks: make(chan struct{})}
	e.line.hidden, e.line.lines = false, nil
	if below, ok := parent.(*fakeEntry); ok {
		below.below = append(below.below, e)
	} else {
		d.lines = append(d.lines, e)
	}
	return e
}

// text returns the menu as it stands on the desktop.
func (d *fakeDesktop) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return text(stand(d.lines), "")
}

func stand(entries []*fakeEntry) []line {
	var lines []line
	for _, e := range entries {
		l := e.line
		l.lines = stand(e.below)
		lines = append(lines, l)
	}
	return lines
}

// click clicks the line reached by the labels; it reports whether somebody was
// waiting for the click, which the real library requires.
func (d *fakeDesktop) click(path ...string) error {
	d.mu.Lock()
	entries := d.lines
	var at *fakeEntry
	for _, label := range path {
		at = nil
		for _, e := range entries {
			if e.line.label == label && !e.line.hidden {
				at, entries = e, e.below
				break
			}
		}
		if at == nil {
			d.mu.Unlock()
			return errors.New("no line " + strings.Join(path, " > "))
		}
	}
	d.mu.Unlock()
	select {
	case at.clicks <- struct{}{}:
		return nil
	default:
		return errors.New("nobody waits for clicks on " + strings.Join(path, " > "))
	}
}

type fakeEntry struct {
	desktop *fakeDesktop
	line    line
	below   []*fakeEntry
	clicks  chan struct{}
}

func (e *fakeEntry) set(change func(*line)) {
	e.desktop.called()
	e.desktop.mu.Lock()
	defer e.desktop.mu.Unlock()
	change(&e.line)
}

func (e *fakeEntry) setLabel(label string)    { e.set(func(l *line) { l.label = label }) }
func (e *fakeEntry) setEnabled(on bool)       { e.set(func(l *line) { l.enabled = on }) }
func (e *fakeEntry) setChecked(on bool)       { e.set(func(l *line) { l.checked = on }) }
func (e *fakeEntry) setShown(on bool)         { e.set(func(l *line) { l.hidden = !on }) }
func (e *fakeEntry) clicked() <-chan struct{} { return e.clicks }

// fakeApp is a program with func fields for what a test wants to see.
type fakeApp struct {
	changed chan struct{}

	mu    sync.Mutex // guards state, asked and fail
	state State
	asked []string
	fail  error
	panic bool
}

func newFakeApp(s State) *fakeApp { return &fakeApp{state: s, changed: make(chan struct{}, 1)} }

func (a *fakeApp) set(s State) {
	a.mu.Lock()
	a.state = s
	a.mu.Unlock()
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

func (a *fakeApp) ask(what string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, what)
	if a.panic {
		panic("the program has a fault")
	}
	return a.fail
}

func (a *fakeApp) all() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.asked, "; ")
}

func (a *fakeApp) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

func (a *fakeApp) Changed() <-chan struct{} { return a.changed }

func (a *fakeApp) SetRunning(on bool) error {
	return a.ask(map[bool]string{true: "start", false: "stop"}[on])
}
func (a *fakeApp) OpenDashboard() error { return a.ask("dashboard") }
func (a *fakeApp) NewKey() (name, token string, err error) {
	return "my-app-7", "lr-secret", a.ask("new key")
}
func (a *fakeApp) SetKeyEnabled(id string, on bool) error {
	return a.ask(map[bool]string{true: "enable ", false: "disable "}[on] + id)
}
func (a *fakeApp) Choose(id, value string) error {
	return a.ask("choose " + value + " for " + id)
}
func (a *fakeApp) SetOffline(on bool) error {
	return a.ask(map[bool]string{true: "offline", false: "online"}[on])
}
func (a *fakeApp) OpenKey(id string) error { return a.ask("usage " + id) }
func (a *fakeApp) Quit()                   { a.ask("quit") }
