//go:build !android

package tray

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"fyne.io/systray"
	"github.com/godbus/dbus/v5"

	"localrouter/assets"
)

// slowBus bounds every question to the bus at the start.
const slowBus = 2 * time.Second

// Probe reports whether an icon can be put on the desktop: nil when there is a
// session bus, with or without a tray to show it yet (see Host), else an
// ErrNoBus that says why. It never starts a bus, and never waits longer than
// two seconds.
func Probe(ctx context.Context) error {
	bus, err := openBus(ctx)
	if err != nil {
		return fmt.Errorf("%w (%v)", ErrNoBus, err)
	}
	return bus.Close()
}

// Host reports ErrNoHost while the bus is there but nothing shows tray icons.
// Run copes with that; the person wants to know.
func Host(ctx context.Context) error {
	bus, err := openBus(ctx)
	if err != nil {
		return fmt.Errorf("%w (%v)", ErrNoBus, err)
	}
	defer bus.Close()
	ctx, cancel := context.WithTimeout(ctx, slowBus)
	defer cancel()
	var there bool
	watcher := bus.Object("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher")
	err = watcher.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart,
		"org.kde.StatusNotifierWatcher", "IsStatusNotifierHostRegistered").Store(&there)
	if err != nil || !there {
		return ErrNoHost
	}
	return nil
}

// openBus connects to the session bus on a connection of its own and without
// starting one. A bus that accepts and says nothing is given up after a while.
func openBus(ctx context.Context) (*dbus.Conn, error) {
	type opened struct {
		bus *dbus.Conn
		err error
	}
	result := make(chan opened, 1)
	go func() {
		bus, err := dbus.SessionBusPrivateNoAutoStartup()
		if err != nil {
			result <- opened{nil, err}
			return
		}
		if err = bus.Auth(nil); err == nil {
			err = bus.Hello()
		}
		if err != nil {
			bus.Close()
			bus = nil
		}
		result <- opened{bus, err}
	}()
	timer := time.NewTimer(slowBus)
	defer timer.Stop()
	var err error
	select {
	case got := <-result:
		return got.bus, got.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = fmt.Errorf("the bus did not answer within %v", slowBus)
	}
	go func() { // whoever answers late is let go
		if late := <-result; late.bus != nil {
			late.bus.Close()
		}
	}()
	return nil, err
}

// prepare tells the library what to show before it starts. The title becomes
// the item's id, by which panels remember its place. An icon that is set while
// the library starts can be lost, so the first one is set before, too.
func (n *native) prepare(first face) {
	registerStraight()
	systray.SetTitle("LocalRouter")
	n.show(first)
}

// showIcon gives the 44 px picture: the library takes one size only, most bars
// show 22, and half of 44 is exact.
func (n *native) showIcon(name string) {
	systray.SetIcon(append([]byte(straightMark), assets.Icon(name, n.theme, 44)...))
}

// straightMark begins a PNG that is decoded to colours which are not multiplied
// by their transparency. That is what the bus wants, and what the library fails
// to make of a plain PNG: it keeps the wrong half of each half-transparent
// colour, and the grey contacts of the icon turn brown.
const straightMark = "LocalRouter straight PNG\n"

var registerStraight = sync.OnceFunc(func() {
	image.RegisterFormat("straight", straightMark, decodeStraight, func(r io.Reader) (image.Config, error) {
		picture, err := decodeStraight(r)
		if err != nil {
			return image.Config{}, err
		}
		return image.Config{ColorModel: picture.ColorModel(), Width: picture.Bounds().Dx(), Height: picture.Bounds().Dy()}, nil
	})
})

func decodeStraight(r io.Reader) (image.Image, error) {
	if _, err := io.CopyN(io.Discard, r, int64(len(straightMark))); err != nil {
		return nil, err
	}
	drawn, err := png.Decode(r)
	if err != nil {
		return nil, err
	}
	picture := image.NewNRGBA(drawn.Bounds())
	draw.Draw(picture, picture.Rect, drawn, picture.Rect.Min, draw.Src)
	return straight{picture}, nil
}

type straight struct{ *image.NRGBA }

func (s straight) At(x, y int) color.Color { return straightColor(s.NRGBAAt(x, y)) }

type straightColor color.NRGBA

// RGBA repeats each byte in both halves, whatever the transparency.
func (c straightColor) RGBA() (r, g, b, a uint32) {
	return uint32(c.R) * 0x101, uint32(c.G) * 0x101, uint32(c.B) * 0x101, uint32(c.A) * 0x101
}

// barTheme asks the desktop's settings portal, once at the start. Only a stated
// wish for light colours gives the icons for a light bar, and not on the
// desktops whose bar is dark whatever the windows are.
func barTheme() string {
	for _, dark := range []string{"GNOME", "Unity", "Pantheon", "XFCE"} {
		if strings.Contains(strings.ToUpper(os.Getenv("XDG_CURRENT_DESKTOP")), strings.ToUpper(dark)) {
			return assets.DarkBar
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), slowBus/2)
	defer cancel()
	bus, err := openBus(ctx)
	if err != nil {
		return assets.DarkBar
	}
	defer bus.Close()
	const preferLight = 2
	var scheme dbus.Variant
	portal := bus.Object("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop")
	err = portal.CallWithContext(ctx, "org.freedesktop.portal.Settings.ReadOne", dbus.FlagNoAutoStart,
		"org.freedesktop.appearance", "color-scheme").Store(&scheme)
	if wish, ok := scheme.Value().(uint32); err == nil && ok && wish == preferLight {
		return assets.LightBar
	}
	return assets.DarkBar
}
