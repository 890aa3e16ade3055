//go:build cgo

package tray

import (
	"context"

	"fyne.io/systray"

	"localrouter/assets"
)

// Probe reports nil: every macOS session has a menu bar.
func Probe(context.Context) error { return nil }

// Host reports nil: every macOS session has a menu bar.
func Host(context.Context) error { return nil }

func (n *native) prepare(face) {}

// showIcon gives the black and alpha form, which the menu bar tints itself.
func (n *native) showIcon(name string) {
	picture := assets.Icon(name, assets.Template, 44)
	systray.SetTemplateIcon(picture, picture)
}

func barTheme() string { return assets.Template }

func escape(label string) string { return label }
