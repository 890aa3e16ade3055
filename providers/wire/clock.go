package wire

import (
	"context"
	"sync/atomic"
	"time"
)

// Clock bounds the silence of one attempt: first until the response headers, then between reads. It is one timer that
// is armed again only when it fires, so that noting a read costs no more than a store.
type Clock struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	start  time.Time
	last   atomic.Int64 // nanoseconds since start of the last sign of life
	limit  atomic.Int64 // nanoseconds of silence that are allowed
	late   func(limit time.Duration) error
}

// NewClock starts a clock over ctx. When nothing was heard for limit, its context is cancelled with the error that late
// makes.
func NewClock(ctx context.Context, limit time.Duration, late func(limit time.Duration) error) *Clock {
	c := &Clock{start: time.Now(), late: late}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.limit.Store(int64(limit))
	c.timer = time.AfterFunc(limit, c.fire)
	return c
}

// Context is what the attempt runs under.
func (c *Clock) Context() context.Context { return c.ctx }

// Heard notes a sign of life.
func (c *Clock) Heard() { c.last.Store(int64(time.Since(c.start))) }

// Allow changes the silence that is allowed, from now on.
func (c *Clock) Allow(limit time.Duration) {
	c.Heard()
	if old := c.limit.Swap(int64(limit)); int64(limit) < old {
		c.timer.Reset(limit) // what is longer is found out when the timer fires
	}
}

func (c *Clock) fire() {
	limit := time.Duration(c.limit.Load())
	if left := limit - (time.Since(c.start) - time.Duration(c.last.Load())); left > 0 {
		c.timer.Reset(left)
		return
	}
	c.cancel(c.late(limit))
}

// Stop ends the clock and cancels the attempt with cause; nil where it is simply over.
func (c *Clock) Stop(cause error) {
	c.timer.Stop()
	c.cancel(cause)
}
