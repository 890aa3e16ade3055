//go:build unix

package traytest

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Item is a tray icon with its menu, seen from the outside.
type Item struct {
	tb    testing.TB
	bus   *Bus
	name  string
	icons atomic.Int64
}

// Item waits for the one program on the bus that shows an icon.
func (b *Bus) Item(tb testing.TB) *Item {
	tb.Helper()
	i := &Item{tb: tb, bus: b}
	Until(tb, "a tray icon is on the bus and has a menu", func() bool {
		names := b.names()
		if len(names) != 1 {
			return false
		}
		i.name = names[0]
		_, err := i.property("Id")
		return err == nil && strings.Contains(i.Tree(), "Quit")
	})
	signals := make(chan *dbus.Signal, 64)
	b.conn.Signal(signals)
	if err := b.conn.AddMatchSignal(dbus.WithMatchMember("NewIcon")); err != nil {
		tb.Fatal(err)
	}
	go func() { // ends when the connection does
		for signal := range signals {
			if strings.HasSuffix(signal.Name, ".NewIcon") {
				i.icons.Add(1)
			}
		}
	}()
	return i
}

func (i *Item) property(name string) (any, error) {
	value, err := i.bus.conn.Object(i.name, "/StatusNotifierItem").GetProperty("org.kde.StatusNotifierItem." + name)
	return value.Value(), err
}

// Text returns a property that is a text: Id, Title, Status, Category.
func (i *Item) Text(property string) string {
	i.tb.Helper()
	value, err := i.property(property)
	if err != nil {
		i.tb.Fatal(err)
	}
	text, _ := value.(string)
	return text
}

// Tooltip returns the text shown while pointing at the icon.
func (i *Item) Tooltip() string {
	value, err := i.property("ToolTip")
	fields, ok := value.([]any)
	if err != nil || !ok || len(fields) < 3 {
		return ""
	}
	text, _ := fields[2].(string)
	return text
}

// Icon returns the icon, or nil while there is none.
func (i *Item) Icon() *image.NRGBA {
	value, err := i.property("IconPixmap")
	pictures, ok := value.([][]any)
	if err != nil || !ok || len(pictures) == 0 || len(pictures[0]) < 3 {
		return nil
	}
	width, _ := pictures[0][0].(int32)
	height, _ := pictures[0][1].(int32)
	argb, _ := pictures[0][2].([]byte)
	if width < 1 || height < 1 || len(argb) != int(width)*int(height)*4 {
		return nil
	}
	icon := image.NewNRGBA(image.Rect(0, 0, int(width), int(height)))
	for at := 0; at < len(argb); at += 4 {
		icon.Pix[at], icon.Pix[at+1], icon.Pix[at+2], icon.Pix[at+3] = argb[at+1], argb[at+2], argb[at+3], argb[at]
	}
	return icon
}

// IconPixels returns how many pixels of the icon have exactly this colour.
func (i *Item) IconPixels(want color.NRGBA) (count int) {
	icon := i.Icon()
	if icon == nil {
		return 0
	}
	for at := 0; at < len(icon.Pix); at += 4 {
		if [4]uint8(icon.Pix[at:at+4]) == [4]uint8{want.R, want.G, want.B, want.A} {
			count++
		}
	}
	return count
}

// NewIcons returns how often the icon has changed since this Item was made.
func (i *Item) NewIcons() int { return int(i.icons.Load()) }

type node struct {
	ID         int32
	Properties map[string]dbus.Variant
	Children   []dbus.Variant
}

func (n node) text(name string) string {
	text, _ := n.Properties[name].Value().(string)
	return text
}

// label returns what a person reads: an underscore marks a shortcut letter,
// two are one.
func (n node) label() string {
	const both = "\x00"
	label := strings.ReplaceAll(n.text("label"), "__", both)
	return strings.ReplaceAll(strings.ReplaceAll(label, "_", ""), both, "_")
}

func (n node) is(name string) bool {
	value, set := n.Properties[name].Value().(bool)
	return !set || value
}

func (n node) below() []node {
	var children []node
	for _, child := range n.Children {
		var c node
		if fields, ok := child.Value().([]any); ok && dbus.Store(fields, &c.ID, &c.Properties, &c.Children) == nil {
			children = append(children, c)
		}
	}
	return children
}

func (i *Item) menu() dbus.BusObject {
	return i.bus.conn.Object(i.name, "/StatusNotifierItem/menu")
}

func (i *Item) layout() (root node, err error) {
	var revision uint32
	err = i.menu().Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root)
	return root, err
}

// Tree returns the menu as text: one line each, two spaces deeper per submenu,
// with [x], [ ] and [disabled] behind the label and --- for a rule. Hidden
// lines are left out. It is empty while the program does not answer.
func (i *Item) Tree() string {
	root, err := i.layout()
	if err != nil {
		return ""
	}
	var text strings.Builder
	write(&text, root, "")
	return text.String()
}

func write(text *strings.Builder, parent node, indent string) {
	for _, n := range parent.below() {
		if !n.is("visible") {
			continue
		}
		if n.text("type") == "separator" {
			text.WriteString(indent + "---\n")
			continue
		}
		text.WriteString(indent + n.label())
		if n.text("toggle-type") == "checkmark" {
			tick := map[int32]string{0: " [ ]", 1: " [x]"}
			state, _ := n.Properties["toggle-state"].Value().(int32)
			text.WriteString(tick[state])
		}
		if !n.is("enabled") {
			text.WriteString(" [disabled]")
		}
		text.WriteString("\n")
		write(text, n, indent+"  ")
	}
}

// Has waits until the menu has a line with this text, tick and greying
// included.
func (i *Item) Has(line string) {
	i.tb.Helper()
	tree := ""
	if !within(Patience, func() bool {
		tree = i.Tree()
		for got := range strings.Lines(tree) {
			if strings.TrimSpace(got) == line {
				return true
			}
		}
		return false
	}) {
		i.tb.Fatalf("the menu has no line %q:\n%s", line, tree)
	}
}

// Click clicks the line reached by these labels, whether greyed or not: a bus
// delivers that click too.
func (i *Item) Click(path ...string) {
	i.tb.Helper()
	var at node
	Until(i.tb, fmt.Sprintf("the menu has %q", path), func() bool {
		root, err := i.layout()
		if err != nil {
			return false
		}
		at = root
		for _, label := range path {
			found := false
			for _, n := range at.below() {
				if n.is("visible") && n.label() == label {
					at, found = n, true
					break
				}
			}
			if !found {
				return false
			}
		}
		return true
	})
	call := i.menu().Call("com.canonical.dbusmenu.Event", 0, at.ID, "clicked", dbus.MakeVariant(int32(0)), uint32(0))
	if call.Err != nil {
		i.tb.Fatalf("click %q: %v", path, call.Err)
	}
}
