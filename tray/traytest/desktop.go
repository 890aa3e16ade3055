//go:build unix

package traytest

import (
	"bytes"
	_ "embed"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// panelSettings is one panel at the top: a stretch of nothing, the tray, and a
// clock, so that the icon is always near the upper right corner.
//
//go:embed xfce4-panel.xml
var panelSettings []byte

// Desktop is a virtual screen with a window manager and a panel that shows tray
// icons.
type Desktop struct {
	Bus     *Bus
	Display string
	tb      testing.TB
	env     []string
	panel   *Program
}

// screen is small enough to make a picture of it readable.
const screen = "900x560x24"

// StartDesktop starts a desktop for the length of the test.
func StartDesktop(tb testing.TB) *Desktop {
	tb.Helper()
	Need(tb, "Xvfb", "xvfb", "openbox", "openbox", "xfce4-panel", "xfce4-panel", "import", "imagemagick",
		"xdpyinfo", "x11-utils", "xdotool", "xdotool", "xclip", "xclip", "dbus-daemon", "dbus")
	d := &Desktop{tb: tb, Bus: StartBus(tb)}
	config, runtime := tb.TempDir(), tb.TempDir()
	settings := filepath.Join(config, "xfce4", "xfconf", "xfce-perchannel-xml")
	if err := os.MkdirAll(settings, 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(settings, "xfce4-panel.xml"), panelSettings, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(runtime, 0o700); err != nil {
		tb.Fatal(err)
	}
	d.startScreen()
	env := append(d.Env(), "XDG_CONFIG_HOME="+config, "XDG_RUNTIME_DIR="+runtime, "XDG_CACHE_HOME="+runtime, "NO_AT_BRIDGE=1")
	// The settings service is started here because this bus starts none.
	Start(tb, env, xfconfd(tb))
	d.waitName("org.xfce.Xfconf")
	Start(tb, env, "openbox")
	d.run("display", "-window", "root", "-size", "900x560", "xc:#5b6470")
	d.env = env
	d.StartPanel()
	return d
}

// StartPanel starts the panel; StartDesktop has done so once.
func (d *Desktop) StartPanel() {
	d.tb.Helper()
	d.panel = Start(d.tb, d.env, "xfce4-panel", "--disable-wm-check")
	d.waitName("org.kde.StatusNotifierWatcher")
}

// StopPanel ends the panel, as when it is restarted or has crashed.
func (d *Desktop) StopPanel() {
	d.tb.Helper()
	d.panel.Terminate()
	d.panel.ExitCode()
	Until(d.tb, "the tray is gone", func() bool {
		var owned bool
		err := d.Bus.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.kde.StatusNotifierWatcher").Store(&owned)
		return err == nil && !owned
	})
}

// xfconfd finds the settings service, which is on no path.
func xfconfd(tb testing.TB) string {
	tb.Helper()
	for _, pattern := range []string{"/usr/lib/*/xfce4/xfconf/xfconfd", "/usr/lib/xfce4/xfconf/xfconfd", "/usr/libexec/xfce4/xfconf/xfconfd"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	Need(tb, "xfconfd", "xfconf")
	return "xfconfd"
}

// startScreen lets the X server choose a free display number.
func (d *Desktop) startScreen() {
	d.tb.Helper()
	server := Start(d.tb, nil, "Xvfb", "-displayfd", "1", "-screen", "0", screen, "-nolisten", "tcp")
	Until(d.tb, "the screen is there", func() bool {
		number := strings.TrimSpace(strings.Join(server.Lines(), ""))
		d.Display = ":" + number
		return number != "" && d.command("xdpyinfo").Run() == nil
	})
}

// Env is what a program needs to be on this desktop.
func (d *Desktop) Env() []string {
	return []string{"DISPLAY=" + d.Display, "DBUS_SESSION_BUS_ADDRESS=" + d.Bus.Address}
}

func (d *Desktop) command(name string, arguments ...string) *exec.Cmd {
	c := exec.Command(name, arguments...)
	c.Env = append(os.Environ(), d.Env()...)
	return c
}

// run runs a helper that cannot matter enough to fail for.
func (d *Desktop) run(name string, arguments ...string) {
	if out, err := d.command(name, arguments...).CombinedOutput(); err != nil {
		d.tb.Logf("%s: %v %s", name, err, out)
	}
}

func (d *Desktop) waitName(name string) {
	d.tb.Helper()
	Until(d.tb, name+" is on the bus", func() bool {
		var owned bool
		err := d.Bus.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, name).Store(&owned)
		return err == nil && owned
	})
}

// Picture takes a picture of the whole screen.
func (d *Desktop) Picture() *image.NRGBA {
	d.tb.Helper()
	out, err := d.command("import", "-window", "root", "png:-").Output()
	if err != nil {
		d.tb.Fatalf("import: %v", err)
	}
	taken, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		d.tb.Fatal(err)
	}
	plain := image.NewNRGBA(taken.Bounds())
	draw.Draw(plain, plain.Bounds(), taken, taken.Bounds().Min, draw.Src)
	return plain
}

// Steady takes pictures until two are alike, half a second apart: menus are
// drawn in steps. A clock does not count, since the panel shows none.
func (d *Desktop) Steady() *image.NRGBA {
	d.tb.Helper()
	last := d.Picture()
	Until(d.tb, "the screen stands still", func() bool {
		<-time.After(500 * time.Millisecond)
		next := d.Picture()
		same := bytes.Equal(next.Pix, last.Pix)
		last = next
		return same
	})
	return last
}

// Find waits for a colour on the screen and returns the middle of it.
func (d *Desktop) Find(want color.NRGBA) image.Point {
	d.tb.Helper()
	var sum image.Point
	Until(d.tb, "the icon is drawn on the panel", func() bool {
		picture := d.Picture()
		count := 0
		sum = image.Point{}
		for y := range picture.Rect.Dy() {
			for x := range picture.Rect.Dx() {
				if near(picture.NRGBAAt(x, y), want) {
					sum = sum.Add(image.Pt(x, y))
					count++
				}
			}
		}
		if count < 12 {
			return false
		}
		sum = sum.Div(count)
		return true
	})
	return sum
}

func near(got color.NRGBA, want color.NRGBA) bool {
	apart := func(a, b uint8) int { return max(int(a), int(b)) - min(int(a), int(b)) }
	return apart(got.R, want.R) < 12 && apart(got.G, want.G) < 12 && apart(got.B, want.B) < 12
}

// ClickAt clicks a place with the left button.
func (d *Desktop) ClickAt(at image.Point) {
	d.MoveTo(at)
	d.run("xdotool", "click", "1")
}

// MoveTo moves the pointer.
func (d *Desktop) MoveTo(at image.Point) {
	d.run("xdotool", "mousemove", strconv.Itoa(at.X), strconv.Itoa(at.Y))
}

// Press presses keys, one after the other.
func (d *Desktop) Press(keys ...string) {
	d.run("xdotool", append([]string{"key", "--delay", "60"}, keys...)...)
}

// Clipboard returns what is on the clipboard.
func (d *Desktop) Clipboard() string {
	out, err := d.command("xclip", "-out", "-selection", "clipboard").Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// Difference returns the smallest part of the screen outside of which two
// pictures are the same.
func Difference(a, b *image.NRGBA) image.Rectangle {
	var part image.Rectangle
	for y := range a.Rect.Dy() {
		for x := range a.Rect.Dx() {
			if a.NRGBAAt(x, y) != b.NRGBAAt(x, y) {
				part = part.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return part
}

// Part copies a part of a picture, which then begins at zero.
func Part(picture *image.NRGBA, part image.Rectangle) *image.NRGBA {
	out := image.NewNRGBA(image.Rectangle{Max: part.Size()})
	draw.Draw(out, out.Rect, picture, part.Min, draw.Src)
	return out
}

// Save writes a part of a picture as a PNG.
func Save(tb testing.TB, file string, picture *image.NRGBA, part image.Rectangle) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, picture.SubImage(part)); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		tb.Fatal(err)
	}
}
