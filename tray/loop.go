package tray

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// frameTime is the pace of the lever while starting.
	frameTime = 400 * time.Millisecond
	// settleTime is the least time between two updates of the menu. Hosts ask
	// for the whole menu after each, and figures change with every request.
	// It also keeps the loop away from the library's own start, which can
	// lose an icon that is set in its first moments.
	settleTime = 500 * time.Millisecond
)

// desktop is the part of the tray library that is used, so that a test, and a
// build without the library, can stand in for it.
type desktop interface {
	// run shows the icon, calls ready once it can take entries and exit when
	// it ends, and returns after quit or the end of the session.
	run(first face, ready, exit func())
	quit()
	// show changes icon or tooltip; an empty field stays as it is.
	show(face)
	// add appends a line below parent, which is nil for the top.
	add(parent entry, l line) entry
}

// face is what is seen of the tray without opening the menu.
type face struct{ icon, tooltip string }

// entry is one line on the desktop.
type entry interface {
	setLabel(string)
	setEnabled(bool)
	setChecked(bool)
	setShown(bool)
	// clicked receives once for each click and drops those nobody waits for.
	clicked() <-chan struct{}
}

// tray is one Run. The goroutine in loop owns everything down to the blank
// line: no other one reads or writes it, or calls the desktop.
type tray struct {
	state   State
	seen    face
	slots   []*slot
	frame   int
	applied time.Time

	app      App
	desktop  desktop
	o        Options
	ctx      context.Context
	stop     context.CancelFunc
	clicks   chan *slot
	again    chan struct{} // an action has ended: look at the state now
	ended    chan struct{}
	started  atomic.Bool
	panicked atomic.Bool
	warned   sync.Once
	quitting sync.Once
	work     sync.WaitGroup // listeners and actions
}

// slot is one place in the menu for good; what stands there changes.
type slot struct {
	entry  entry
	shown  line
	newKey time.Time // when the key or choice that stands here last became another one
	slots  []*slot
}

// ready builds the whole menu, in all its lines, before the first look at it:
// on Linux the menu stays empty until this returns.
func (t *tray) ready() {
	t.call("show the icon", func() { t.desktop.show(t.face()) })
	t.seen = t.face()
	t.slots = t.build(nil, menuOf(t.state))
	t.applied = time.Now()
	t.started.Store(true)
	go t.loop()
}

func (t *tray) build(parent entry, lines []line) []*slot {
	slots := make([]*slot, 0, len(lines))
	for _, l := range lines {
		s := &slot{shown: l}
		t.call("add a line", func() { s.entry = t.desktop.add(parent, l) })
		if s.entry == nil {
			continue
		}
		s.slots = t.build(s.entry, l.lines)
		if l.hidden {
			t.call("hide a line", func() { s.entry.setShown(false) })
		}
		if clicks := s.entry.clicked(); clicks != nil && len(l.lines) == 0 {
			t.work.Go(func() { t.listen(s, clicks) })
		}
		slots = append(slots, s)
	}
	return slots
}

// listen waits for clicks on one line all the time, because the library drops a
// click that finds nobody waiting.
func (t *tray) listen(s *slot, clicks <-chan struct{}) {
	for {
		select {
		case <-t.ctx.Done():
			return
		case _, ok := <-clicks:
			if !ok {
				return
			}
			select {
			case t.clicks <- s:
			case <-t.ctx.Done():
				return
			}
		}
	}
}

// loop takes a whole state, compares it with what is shown and changes only the
// differences. It ends with the last call to the desktop.
func (t *tray) loop() {
	changed := t.app.Changed()
	var notices <-chan Notice
	if n, can := t.app.(Noticer); can {
		notices = n.Notices()
	}
	settle := time.NewTimer(settleTime) // also looks once after the start
	defer settle.Stop()
	waiting := true
	frames := time.NewTicker(frameTime)
	defer frames.Stop()
	for {
		moving := frames.C
		if t.state.Status != Starting {
			moving = nil
		}
		select {
		case <-t.ctx.Done():
			// Windows runs the exit hook inside quit, and that hook waits for
			// this: so it is said first.
			close(t.ended)
			t.call("take the icon away", t.desktop.quit)
			return
		case _, ok := <-changed:
			if !ok {
				changed = nil
				continue
			}
			if waiting {
				continue
			}
			if wait := settleTime - time.Since(t.applied); wait > 0 {
				settle.Reset(wait)
				waiting = true
				continue
			}
			t.apply()
		case <-settle.C:
			waiting = false
			t.apply()
		case n, ok := <-notices:
			if !ok {
				notices = nil
				continue
			}
			t.work.Go(func() { t.tell(n.Title, n.Text) })
		case <-t.again:
			t.apply()
		case <-moving:
			t.frame++
			t.applyFace()
		case s := <-t.clicks:
			t.click(s)
		}
	}
}

func (t *tray) apply() {
	before := t.state.Status
	t.read()
	if t.state.Status != before {
		t.frame = 0
	}
	t.applyFace()
	t.applyLines(t.slots, menuOf(t.state))
	t.applied = time.Now()
}

// read asks the program; a panic there leaves the last state standing.
func (t *tray) read() {
	t.call("read the state", func() { t.state = t.app.State() })
}

func (t *tray) face() face {
	return face{icon: iconOf(t.state, t.frame), tooltip: tooltipOf(t.state)}
}

// applyFace changes icon and tooltip where they differ. Setting the same icon
// again would flicker on some panels.
func (t *tray) applyFace() {
	want, change := t.face(), face{}
	if want.icon != t.seen.icon {
		change.icon = want.icon
	}
	if want.tooltip != t.seen.tooltip {
		change.tooltip = want.tooltip
	}
	if change == (face{}) {
		return
	}
	t.seen = want
	t.call("change the icon", func() { t.desktop.show(change) })
}

func (t *tray) applyLines(slots []*slot, lines []line) {
	for i, s := range slots {
		if i < len(lines) {
			t.applyLine(s, lines[i])
		}
	}
}

// applyLine brings one place to what it should say. A line is filled before it
// is shown, and hidden before it is emptied.
func (t *tray) applyLine(s *slot, want line) {
	was := s.shown
	s.shown = want
	if was.key != want.key || was.choice != want.choice {
		s.newKey = time.Now()
	}
	if want.hidden && !was.hidden {
		t.call("hide a line", func() { s.entry.setShown(false) })
	}
	if was.label != want.label && !want.hidden {
		t.call("set a label", func() { s.entry.setLabel(want.label) })
	} else if want.hidden {
		s.shown.label = was.label // left as it is until the line is shown again
	}
	if was.enabled != want.enabled {
		t.call("enable a line", func() { s.entry.setEnabled(want.enabled) })
	}
	if was.checked != want.checked {
		t.call("tick a line", func() { s.entry.setChecked(want.checked) })
	}
	t.applyLines(s.slots, want.lines)
	if !want.hidden && was.hidden {
		t.call("show a line", func() { s.entry.setShown(true) })
	}
}

// call guards one call to the desktop or the program. The first failure is told
// to the person in one line: the icon is then most likely gone, with the bus.
func (t *tray) call(what string, do func()) {
	if err := t.guarded(what, do); err != nil {
		t.warned.Do(func() {
			t.o.Log.Warn("the tray icon may be gone; the program goes on and the dashboard offers the same", "cause", err)
		})
	}
}
