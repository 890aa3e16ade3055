package health

import "time"

// Spare reports whether a credential of the target is ready whose bit in tried is not set.
func (t *Target) Spare(now time.Time, tried uint64) bool {
	at := t.tracker.at(now)
	return t.provider.breaker.gate.Load() <= at && t.model.rest.gate.Load() <= at && t.pick(at, tried) >= 0
}
