//go:build (linux && !android) || windows || (darwin && cgo)

package tray

import (
	"log/slog"

	"fyne.io/systray"
)

// native is the real tray, by the library. Everything that needs cgo is behind
// this build tag and the stub in native_none.go.
type native struct {
	theme string
	log   *slog.Logger
	lines nativeLines // what stands behind add, in native_lines.go or menu_linux.go
}

func newNative(o Options) (desktop, error) {
	theme := o.Theme
	if theme == "" {
		theme = barTheme()
	}
	return &native{theme: theme, log: o.Log}, nil
}

func (n *native) run(first face, ready, exit func()) {
	n.prepare(first)
	systray.Run(func() {
		ready()
		n.finish()
	}, exit)
}

func (n *native) quit() { systray.Quit() }

func (n *native) show(f face) {
	if f.icon != "" {
		n.showIcon(f.icon)
	}
	if f.tooltip != "" {
		systray.SetTooltip(f.tooltip)
	}
}
