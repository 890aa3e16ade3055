//go:build !linux && !darwin && !windows

package limits

import "time"

var started = time.Now()

// sinceBoot stands still while the machine sleeps, where nothing better is known.
func sinceBoot() time.Duration { return time.Since(started) }
