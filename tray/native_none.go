//go:build !((linux && !android) || windows || (darwin && cgo))

package tray

import "context"

// Probe reports why there can be no tray icon; see the other builds.
func Probe(context.Context) error { return ErrNoTray }

// Host reports why no icon is seen; see the other builds.
func Host(context.Context) error { return ErrNoTray }

func newNative(Options) (desktop, error) { return nil, ErrNoTray }
