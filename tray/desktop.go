package tray

import (
	"time"

	"github.com/atotto/clipboard"
	"github.com/gen2brain/beeep"
)

// The clipboard is reached by small programs (xclip, wl-copy, pbcopy) and
// notices by a service; either may hang for reasons of its own.
const (
	slowClipboard = 3 * time.Second
	slowNotice    = 3 * time.Second
)

func copyText(text string) error { return clipboard.WriteAll(text) }

// notify shows a notice without a sound.
func notify(title, text string) error {
	beeep.AppName = "LocalRouter"
	return beeep.Notify(title, text, "")
}
