package limits

import (
	"time"

	"golang.org/x/sys/windows"
)

// sinceBoot goes on while the machine sleeps: a window of an hour must not last over night because the lid was closed.
func sinceBoot() time.Duration { return windows.DurationSinceBoot() }
