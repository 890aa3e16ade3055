//go:build windows || (darwin && cgo)

package tray

import "fyne.io/systray"

// nativeLines needs nothing here: the library keeps the menu.
type nativeLines struct{}

func (n *native) finish() {}

func (n *native) add(parent entry, l line) entry {
	if l.rule {
		systray.AddSeparator()
		return ruleEntry{}
	}
	below, _ := parent.(*nativeEntry)
	var item *systray.MenuItem
	label := escape(l.label)
	switch {
	case below == nil && l.tick:
		item = systray.AddMenuItemCheckbox(label, "", l.checked)
	case below == nil:
		item = systray.AddMenuItem(label, "")
	case l.tick:
		item = below.item.AddSubMenuItemCheckbox(label, "", l.checked)
	default:
		item = below.item.AddSubMenuItem(label, "")
	}
	if !l.enabled {
		item.Disable()
	}
	return &nativeEntry{item: item}
}

type nativeEntry struct{ item *systray.MenuItem }

func (e *nativeEntry) setLabel(label string) { e.item.SetTitle(escape(label)) }

func (e *nativeEntry) setEnabled(on bool) {
	if on {
		e.item.Enable()
	} else {
		e.item.Disable()
	}
}

func (e *nativeEntry) setChecked(on bool) {
	if on {
		e.item.Check()
	} else {
		e.item.Uncheck()
	}
}

func (e *nativeEntry) setShown(on bool) {
	if on {
		e.item.Show()
	} else {
		e.item.Hide()
	}
}

func (e *nativeEntry) clicked() <-chan struct{} { return e.item.ClickedCh }

// ruleEntry is a separator: the library gives no handle for it, and none is
// needed.
type ruleEntry struct{}

func (ruleEntry) setLabel(string)          {}
func (ruleEntry) setEnabled(bool)          {}
func (ruleEntry) setChecked(bool)          {}
func (ruleEntry) setShown(bool)            {}
func (ruleEntry) clicked() <-chan struct{} { return nil }
