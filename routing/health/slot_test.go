package health

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// line is a tracker whose places are asked for in a bubble of synctest.
type line struct {
	*testing.T
	*Tracker
	mu    sync.Mutex
	came  []int // in the order in which they got a place
	waits int   // that were told
}

// come asks for a place in a goroutine of its own, and holds it until release is called.
func (l *line) come(ctx context.Context, id, most int, q settings.Queue) (release func(), result func() *llm.Error) {
	l.Helper()
	let, ended := make(chan bool), make(chan *llm.Error, 1)
	go func() {
		free, err := l.Slot(ctx, "gpu", most, q, func(waiting bool) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if waiting {
				l.waits++
			} else {
				l.waits--
			}
		})
		if err == nil {
			l.mu.Lock()
			l.came = append(l.came, id)
			l.mu.Unlock()
			<-let
			free()
			free() // the second call gives nobody else's place away
		}
		ended <- err
	}()
	synctest.Wait()
	return sync.OnceFunc(func() { close(let); synctest.Wait() }), func() *llm.Error { return <-ended }
}

func (l *line) order(want ...int) {
	l.Helper()
	if !slices.Equal(l.came, want) {
		l.Fatalf("places were got in the order %v, want %v", l.came, want)
	}
}

// in compares who has got a place, whatever the order: several were free at once.
func (l *line) in(want ...int) {
	l.Helper()
	slices.Sort(l.came)
	l.order(want...)
}

func inLine(t *testing.T, test func(l *line)) {
	synctest.Test(t, func(t *testing.T) { test(&line{T: t, Tracker: New(Options{})}) })
}

func TestPlacesAreGotInOrder(t *testing.T) {
	inLine(t, func(l *line) {
		ctx := l.Context()
		var free []func()
		for i := range 5 {
			release, _ := l.come(ctx, i, 2, settings.Queue{})
			free = append(free, release)
		}
		l.order(0, 1)
		if r := l.Report("gpu"); r.Waiting != 3 || l.waits != 3 || r.Cause != Busy || r.State != Degraded {
			t.Errorf("%d wait, %d were told", r.Waiting, l.waits)
		}
		if _, ok := l.TrySlot("gpu", 2); ok {
			t.Error("somebody passed those who wait")
		}
		for i, want := range [][]int{{0, 1, 2}, {0, 1, 2, 3}, {0, 1, 2, 3, 4}} {
			free[i]()
			l.order(want...)
		}
		free[3]()
		release, ok := l.TrySlot("gpu", 2)
		if !ok {
			t.Error("a place is free")
		}
		release()
		free[4]()
		if l.waits != 0 || !l.find("gpu").slots.idle() {
			t.Error("something is left")
		}
	})
}

// TestTheQueueIsBounded in number and time; who is refused is told when to come back.
func TestTheQueueIsBounded(t *testing.T) {
	inLine(t, func(l *line) {
		q := settings.Queue{Length: 2, Wait: 10 * time.Second}
		release, _ := l.come(l.Context(), 0, 1, q)
		_, second := l.come(l.Context(), 1, 1, q)
		l.come(l.Context(), 2, 1, q)
		_, result := l.come(l.Context(), 3, 1, q)
		e := result()
		if e == nil || e.Kind != llm.Overloaded || e.Status != 503 || e.RetryAfter != 5*time.Second || e.Provider != "gpu" || !strings.Contains(e.Message, "gpu takes 1 request at once, and 2 are waiting for it; try again later") {
			t.Errorf("a full queue: %+v", e)
		}
		begun := time.Now()
		if e := second(); e == nil || e.Kind != llm.Overloaded || !strings.Contains(e.Message, "none of them ended within 10s") {
			t.Errorf("too long: %+v", e)
		}
		if d := time.Since(begun); d != 10*time.Second {
			t.Errorf("it waited %s", d)
		}
		synctest.Wait()
		if r := l.Report("gpu"); r.Waiting != 0 || l.waits != 0 {
			t.Errorf("%d wait still, %d were told", r.Waiting, l.waits)
		}
		release()
		l.order(0)

		m := l.Target("gpu", true, nil, "m")
		p, _ := m.Enter(time.Now(), false, 0)
		p.Done(Outcome{Total: 8 * time.Second})
		release, _ = l.come(l.Context(), 4, 1, settings.Queue{Length: 1, Wait: time.Hour})
		next, _ := l.come(l.Context(), 5, 1, settings.Queue{Length: 1})
		_, result = l.come(l.Context(), 6, 1, settings.Queue{Length: 1})
		if e := result(); e.RetryAfter != 16*time.Second {
			t.Errorf("two answers of 8 s each are before it, and it was told %s", e.RetryAfter)
		}
		release()
		next()
	})
}

// TestWhoGoesAwayLeavesTheQueue, and a cause of ours is told as it is.
func TestWhoGoesAwayLeavesTheQueue(t *testing.T) {
	inLine(t, func(l *line) {
		ours := &llm.Error{Kind: llm.Stopping, Status: 503}
		release, _ := l.come(l.Context(), 0, 1, settings.Queue{})
		away, goAway := context.WithCancelCause(l.Context())
		_, second := l.come(away, 1, 1, settings.Queue{})
		third, _ := l.come(l.Context(), 2, 1, settings.Queue{})
		goAway(ours)
		if e := second(); e != ours {
			t.Errorf("%+v", e)
		}
		_, fourth := l.come(away, 3, 1, settings.Queue{})
		if e := fourth(); e != ours {
			t.Errorf("%+v", e)
		}
		gone, cancel := context.WithCancel(l.Context())
		_, fifth := l.come(gone, 4, 1, settings.Queue{})
		cancel()
		if e := fifth(); e.Kind != llm.ClientGone {
			t.Errorf("%+v", e)
		}
		release()
		l.order(0, 2)
		third()
	})
}

// TestAPlaceThatComesTooLateGoesOn: one that is granted in the moment in which its waiter goes away is not lost.
func TestAPlaceThatComesTooLateGoesOn(t *testing.T) {
	tracker := New(Options{})
	s := &tracker.provider("gpu").slots
	for range 500 {
		first, _ := tracker.Slot(t.Context(), "gpu", 1, settings.Queue{}, nil)
		ctx, goAway := context.WithCancel(t.Context())
		queued, ended := make(chan bool), make(chan bool)
		go func() {
			defer close(ended)
			if release, err := tracker.Slot(ctx, "gpu", 1, settings.Queue{}, func(waiting bool) {
				if waiting {
					close(queued)
				}
			}); err == nil {
				release()
			}
		}()
		<-queued
		s.mu.Lock()
		goAway()
		runtime.Gosched()
		s.used--
		s.grantLocked()
		s.used++
		s.most = 2 // the first holds its place still
		s.mu.Unlock()
		<-ended
		first()
		if !s.idle() {
			t.Fatal("a place was lost")
		}
	}
}

// TestTheBoundMayChange while some hold places and some wait.
func TestTheBoundMayChange(t *testing.T) {
	inLine(t, func(l *line) {
		var free []func()
		come := func(id, most int) {
			release, _ := l.come(l.Context(), id, most, settings.Queue{})
			free = append(free, release)
		}
		come(0, 0)
		come(1, 0)
		come(2, 1) // two are in: it waits for both
		free[0]()
		l.in(0, 1)
		free[1]()
		l.in(0, 1, 2)
		come(3, 1)
		come(4, 3)
		l.in(0, 1, 2, 3, 4)
		come(5, 1)
		come(6, 0)
		l.in(0, 1, 2, 3, 4, 5, 6)
		for _, release := range free {
			release()
		}
		if !l.find("gpu").slots.idle() {
			t.Error("something is left")
		}
	})
}

// TestNeverMoreThanTheBound: a crowd that comes, waits and goes away at random never holds more places than there are,
// and at the end all are free.
func TestNeverMoreThanTheBound(t *testing.T) {
	inLine(t, func(l *line) {
		random := rand.New(rand.NewPCG(1, 2))
		in, most := 0, 0
		var all sync.WaitGroup
		for range 3000 {
			patience, hold, after := time.Duration(random.IntN(200))*time.Millisecond, time.Duration(random.IntN(40))*time.Millisecond, time.Duration(random.IntN(4000))*time.Millisecond
			all.Go(func() {
				time.Sleep(after)
				ctx, cancel := context.WithTimeout(l.Context(), patience)
				defer cancel()
				release, err := l.Slot(ctx, "gpu", 4, settings.Queue{Length: 20, Wait: 50 * time.Millisecond}, nil)
				if err != nil {
					return
				}
				l.mu.Lock()
				in++
				most = max(most, in)
				l.mu.Unlock()
				time.Sleep(hold)
				l.mu.Lock()
				in--
				l.mu.Unlock()
				release()
			})
		}
		all.Wait()
		if most != 4 || !l.find("gpu").slots.idle() {
			t.Errorf("%d at once, want 4; idle %t", most, l.find("gpu").slots.idle())
		}
	})
}
