package tray

import (
	"context"
	"strings"

	"fyne.io/systray"
	"golang.org/x/sys/windows/registry"

	"localrouter/assets"
)

// Probe reports nil: every Windows desktop has a tray.
func Probe(context.Context) error { return nil }

// Host reports nil: every Windows desktop has a tray.
func Host(context.Context) error { return nil }

func (n *native) prepare(face) {}

func (n *native) showIcon(name string) { systray.SetIcon(assets.ICO(name, n.theme)) }

// barTheme asks for the colour of the task bar, which is apart from the colour
// of windows. It is read once, at the start.
func barTheme() string {
	key, err := registry.OpenKey(registry.CURRENT_USER, `Software\Microsoft\Windows\CurrentVersion\Themes\Personalize`, registry.QUERY_VALUE)
	if err != nil {
		return assets.DarkBar
	}
	defer key.Close()
	if light, _, err := key.GetIntegerValue("SystemUsesLightTheme"); err == nil && light == 1 {
		return assets.LightBar
	}
	return assets.DarkBar
}

// escape keeps "&" from marking a shortcut letter.
func escape(label string) string { return strings.ReplaceAll(label, "&", "&&") }
