//go:build linux

package tray_test

import (
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"localrouter/tray/traytest"
)

// TestOnARealPanel shows the icon and the open menu on a real panel and clicks
// with a real pointer. With LOCALROUTER_PICTURES=DIR the pictures are kept in
// DIR; with LOCALROUTER_TRAY_PROGRAM="/path/to/localrouter ..." it is that
// program whose menu is seen, in a LOCALROUTER_HOME of its own.
func TestOnARealPanel(t *testing.T) {
	desktop := traytest.StartDesktop(t)
	var program *traytest.Program
	real := strings.Fields(os.Getenv("LOCALROUTER_TRAY_PROGRAM"))
	if len(real) > 0 {
		program = traytest.Start(t, append(desktop.Env(), "LOCALROUTER_HOME="+t.TempDir(), "BROWSER=true"), real...)
	} else {
		path, err := trial()
		if err != nil {
			t.Fatal(err)
		}
		program = traytest.Start(t, desktop.Env(), path)
	}
	item := desktop.Bus.Item(t)
	icon := desktop.Find(green)

	// A key, so that the submenu has something to show, and its secret is on
	// the clipboard of the desktop.
	item.Click("New API key")
	traytest.Until(t, "the key is on the clipboard", func() bool { return strings.HasPrefix(desktop.Clipboard(), "lr-") })
	item.Has("Enabled [x]")

	openMenu(t, desktop, icon)

	// By keyboard and pointer the menu does what it does over the bus.
	desktop.ClickAt(icon)
	desktop.Steady()
	desktop.Press("Down", "Down", "Down", "Return")
	traytest.Until(t, "the address is on the clipboard", func() bool { return strings.HasPrefix(desktop.Clipboard(), "http://127.0.0.1:") })

	// A panel that comes later asks for everything at once.
	desktop.StopPanel()
	desktop.StartPanel()
	openMenu(t, desktop, desktop.Find(green))

	item.Click("Quit")
	if code := program.ExitCode(); code != 0 {
		t.Errorf("exit status %d after Quit, want 0", code)
	}
}

// openMenu opens the menu and its submenus with pointer and keys, and closes
// them again.
func openMenu(t *testing.T, desktop *traytest.Desktop, icon image.Point) {
	t.Helper()
	desktop.MoveTo(icon.Add(image.Pt(0, 200)))
	closed := desktop.Steady()
	desktop.ClickAt(icon)
	desktop.MoveTo(icon.Add(image.Pt(0, 300))) // no tooltip over the menu
	open := desktop.Steady()
	menu := traytest.Difference(closed, open)
	if menu.Dx() < 150 || menu.Dy() < 120 {
		t.Fatalf("a click on the icon opened no menu: the screen changed in %v only", menu)
	}
	keep(t, "tray-open.png", open, around(open, menu, icon))

	// Upwards from the end: Quit, Offline mode, Keys, then into both submenus. Each must have
	// its lines: a panel that is told of them in the wrong order shows a sliver.
	desktop.Press("Up", "Up", "Up", "Right", "Right")
	keys := desktop.Steady()
	below := traytest.Difference(closed, keys)
	if grown := menu.Min.X - below.Min.X; grown < 2*80 {
		t.Errorf("the submenus of keys and of one key did not open: the screen changed in %v, before in %v", below, menu)
	}
	leftmost := image.Rect(below.Min.X, 0, below.Min.X+60, keys.Rect.Max.Y)
	if last := traytest.Difference(traytest.Part(closed, leftmost), traytest.Part(keys, leftmost)); last.Dy() < 45 {
		t.Errorf("the submenu of one key is empty: it is drawn in %v", last)
	}
	keep(t, "tray-menu.png", keys, around(keys, below, icon))
	desktop.Press("Escape", "Escape", "Escape", "Escape")
	desktop.Steady()
}

// around returns the menu with the icon it hangs from and some air.
func around(picture *image.NRGBA, menu image.Rectangle, icon image.Point) image.Rectangle {
	const air = 20
	panel := image.Rect(icon.X-air, 0, icon.X+air, 1)
	whole := menu.Union(panel)
	whole = image.Rect(whole.Min.X-air, whole.Min.Y, picture.Rect.Max.X, whole.Max.Y+air)
	return whole.Intersect(picture.Rect)
}

func keep(t *testing.T, name string, picture *image.NRGBA, part image.Rectangle) {
	t.Helper()
	if dir := os.Getenv("LOCALROUTER_PICTURES"); dir != "" {
		traytest.Save(t, filepath.Join(dir, name), picture, part)
	}
}
