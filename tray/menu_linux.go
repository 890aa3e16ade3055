//go:build !android

package tray

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// On Linux the menu is served from here instead of from the library, on the
// library's own connection and under the address that it announces. Panels ask
// for the properties of each level in a call of its own, all at once. The
// library answers them in any order, and those built on libdbusmenu (Xfce,
// MATE, Cinnamon and others) lose every line whose parent they do not know
// yet: submenus are then empty in about every second session. Here a deeper
// level is answered later (see GetGroupProperties).
const (
	menuPath      = "/StatusNotifierItem/menu"
	menuInterface = "com.canonical.dbusmenu"
)

// levelDelay is how much later each level is answered; no one can see it.
const levelDelay = 40 * time.Millisecond

// slowLibrary bounds the wait for the library to be on the bus.
const slowLibrary = 5 * time.Second

type nativeLines struct{ server menuServer }

func (n *native) add(parent entry, l line) entry {
	below, _ := parent.(*menuItem)
	return n.lines.server.add(below, l)
}

// finish puts the menu on the bus. The library answers nobody about the menu
// before this has returned.
func (n *native) finish() {
	if err := n.lines.server.takeOver(); err != nil {
		n.log.Warn("the tray icon has no menu; the dashboard offers the same", "cause", err)
	}
}

// menuServer answers for the menu by the protocol com.canonical.dbusmenu. The
// exported methods below are its methods on the bus.
type menuServer struct {
	mu       sync.Mutex // guards all below
	items    []*menuItem
	revision uint32
	bus      *dbus.Conn // nil until the menu is on the bus
}

// menuItem is one line; its id is its place in items, counted from one. The
// root has the id zero and no item.
type menuItem struct {
	server *menuServer
	id     int32
	parent *menuItem
	below  []*menuItem
	shown  line
	clicks chan struct{}
}

func (s *menuServer) add(parent *menuItem, l line) *menuItem {
	s.mu.Lock()
	defer s.mu.Unlock()
	item := &menuItem{server: s, id: int32(len(s.items) + 1), parent: parent, shown: l, clicks: make(chan struct{}, 4)}
	item.shown.hidden = false // setShown follows
	s.items = append(s.items, item)
	if parent != nil {
		parent.below = append(parent.below, item)
	}
	return item
}

// takeOver waits until the library has put its menu on the bus and replaces it.
func (s *menuServer) takeOver() error {
	bus, err := dbus.SessionBus() // the library's connection
	if err != nil {
		return fmt.Errorf("put the menu on the bus: %w", err)
	}
	// The library asks for this name after it has exported its menu and before
	// it tells the panels where to look.
	announced := fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", os.Getpid())
	end := time.NewTimer(slowLibrary)
	defer end.Stop()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !slices.Contains(bus.Names(), announced) {
		select {
		case <-end.C:
			return errors.New("put the menu on the bus: the icon was not announced in time")
		case <-again.C:
		}
	}
	if err := bus.Export(s, menuPath, menuInterface); err != nil {
		return fmt.Errorf("put the menu on the bus: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bus = bus
	s.changedLocked()
	return nil
}

// changedLocked tells panels to look at the whole menu again.
func (s *menuServer) changedLocked() {
	s.revision++
	if s.bus != nil {
		s.bus.Emit(menuPath, menuInterface+".LayoutUpdated", s.revision, int32(0)) // a dead bus needs no news
	}
}

// properties are those of one line on the bus.
type properties struct {
	ID    int32
	Named map[string]dbus.Variant
}

// set changes a line and tells panels which property is another one now.
func (i *menuItem) set(property string, change func(*line)) {
	s := i.server
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&i.shown)
	if s.bus == nil {
		return
	}
	changed := []properties{{i.id, map[string]dbus.Variant{property: i.namedLocked()[property]}}}
	removed := []struct {
		ID    int32
		Names []string
	}{}
	s.bus.Emit(menuPath, menuInterface+".ItemsPropertiesUpdated", changed, removed) // a dead bus needs no news
	if property == "visible" {
		// Simple panels look at the layout only. A line comes or goes when the
		// person has made or deleted a key, so this closes no menu by itself.
		s.changedLocked()
	}
}

func (i *menuItem) setLabel(label string) { i.set("label", func(l *line) { l.label = label }) }
func (i *menuItem) setEnabled(on bool)    { i.set("enabled", func(l *line) { l.enabled = on }) }
func (i *menuItem) setChecked(on bool)    { i.set("toggle-state", func(l *line) { l.checked = on }) }
func (i *menuItem) setShown(on bool)      { i.set("visible", func(l *line) { l.hidden = !on }) }

func (i *menuItem) clicked() <-chan struct{} {
	if i.shown.rule {
		return nil
	}
	return i.clicks
}

// namedLocked returns all properties of a line, defaults included, since a
// property that is left out does not change back on every panel.
func (i *menuItem) namedLocked() map[string]dbus.Variant {
	if i.shown.rule {
		return map[string]dbus.Variant{"type": dbus.MakeVariant("separator"), "visible": dbus.MakeVariant(!i.shown.hidden)}
	}
	named := map[string]dbus.Variant{
		// "_" would mark a shortcut letter.
		"label":   dbus.MakeVariant(strings.ReplaceAll(i.shown.label, "_", "__")),
		"enabled": dbus.MakeVariant(i.shown.enabled),
		"visible": dbus.MakeVariant(!i.shown.hidden),
	}
	if i.shown.tick {
		state := int32(0)
		if i.shown.checked {
			state = 1
		}
		named["toggle-type"], named["toggle-state"] = dbus.MakeVariant("checkmark"), dbus.MakeVariant(state)
	}
	if len(i.shown.lines) > 0 {
		named["children-display"] = dbus.MakeVariant("submenu")
	}
	return named
}

// level is 1 for a line at the top and one more for each submenu.
func (i *menuItem) level() int {
	level := 1
	for parent := i.parent; parent != nil; parent = parent.parent {
		level++
	}
	return level
}

// itemLocked returns the line with an id, or nil for the root and for an id
// that is none: ids come from outside.
func (s *menuServer) itemLocked(id int32) *menuItem {
	if id < 1 || int(id) > len(s.items) {
		return nil
	}
	return s.items[id-1]
}

// layout is a line with what is below it, as the protocol has it.
type layout struct {
	ID    int32
	Named map[string]dbus.Variant
	Below []dbus.Variant
}

func (s *menuServer) layoutLocked(item *menuItem, depth int32) layout {
	out := layout{Named: map[string]dbus.Variant{"children-display": dbus.MakeVariant("submenu")}, Below: []dbus.Variant{}}
	var below []*menuItem
	if item != nil {
		out.ID, out.Named, below = item.id, item.namedLocked(), item.below
	} else {
		for _, i := range s.items {
			if i.parent == nil {
				below = append(below, i)
			}
		}
	}
	if depth == 0 {
		return out
	}
	for _, i := range below {
		out.Below = append(out.Below, dbus.MakeVariant(s.layoutLocked(i, depth-1)))
	}
	return out
}

// GetLayout returns a line and what is below it, as deep as asked; a negative
// depth means all.
func (s *menuServer) GetLayout(parent, depth int32, _ []string) (uint32, layout, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item := s.itemLocked(parent)
	if item == nil && parent != 0 {
		return 0, layout{}, noLine(parent)
	}
	return s.revision, s.layoutLocked(item, depth), nil
}

// GetGroupProperties returns the properties of some lines, of all for an empty
// list, parents first. A call about deeper lines only is answered later than
// one about their parents.
func (s *menuServer) GetGroupProperties(ids []int32, _ []string) ([]properties, *dbus.Error) {
	s.mu.Lock()
	var items []*menuItem
	for _, id := range ids {
		if item := s.itemLocked(id); item != nil {
			items = append(items, item)
		}
	}
	if len(ids) == 0 {
		items = slices.Clone(s.items)
	}
	slices.SortStableFunc(items, func(a, b *menuItem) int { return cmp.Compare(a.level(), b.level()) })
	found := make([]properties, 0, len(items)+1)
	if slices.Contains(ids, 0) || len(ids) == 0 {
		found = append(found, properties{0, map[string]dbus.Variant{"children-display": dbus.MakeVariant("submenu")}})
	}
	for _, item := range items {
		found = append(found, properties{item.id, item.namedLocked()})
	}
	s.mu.Unlock()
	if len(items) > 0 && len(found) == len(items) {
		later := time.NewTimer(time.Duration(items[0].level()-1) * levelDelay)
		<-later.C
	}
	return found, nil
}

// GetProperty returns one property of one line.
func (s *menuServer) GetProperty(id int32, name string) (dbus.Variant, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if item := s.itemLocked(id); item != nil {
		if value, has := item.namedLocked()[name]; has {
			return value, nil
		}
	}
	return dbus.Variant{}, noLine(id)
}

// Event takes a click; the other events (hovered, opened, closed) mean nothing
// here.
func (s *menuServer) Event(id int32, event string, _ dbus.Variant, _ uint32) *dbus.Error {
	s.mu.Lock()
	item := s.itemLocked(id)
	s.mu.Unlock()
	if item == nil && id != 0 {
		return noLine(id)
	}
	if item != nil && event == "clicked" {
		select {
		case item.clicks <- struct{}{}:
		default: // the program is ending
		}
	}
	return nil
}

// EventGroup takes several events and returns the ids that are none.
func (s *menuServer) EventGroup(events []struct {
	ID    int32
	Event string
	Data  dbus.Variant
	Time  uint32
}) ([]int32, *dbus.Error) {
	unknown := []int32{}
	for _, e := range events {
		if s.Event(e.ID, e.Event, e.Data, e.Time) != nil {
			unknown = append(unknown, e.ID)
		}
	}
	return unknown, nil
}

// AboutToShow says that the menu is always up to date.
func (s *menuServer) AboutToShow(int32) (bool, *dbus.Error) { return false, nil }

// AboutToShowGroup says that the menu is always up to date.
func (s *menuServer) AboutToShowGroup([]int32) (updated, unknown []int32, err *dbus.Error) {
	return []int32{}, []int32{}, nil
}

func noLine(id int32) *dbus.Error {
	return dbus.NewError(menuInterface+".Error", []any{fmt.Sprintf("the menu has no line %d", id)})
}
