//go:build !unix

package server

import "time"

// cpuTime is not known here; the figures of the benchmarks are elapsed time only.
func cpuTime() time.Duration { return 0 }
