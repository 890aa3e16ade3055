//go:build !windows

package cli

// allowDoubleClick has nothing to do where a double click is no special start.
func allowDoubleClick() {}
