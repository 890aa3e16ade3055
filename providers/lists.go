package providers

import (
	"context"
	"reflect"
	"sync"
	"time"

	"localrouter/providers/llm"
)

const (
	checkTimeout = 5 * time.Second
	testTimeout  = 15 * time.Second // a person waits, and would rather have an answer
	slow         = 2 * time.Second
	freshFor     = 5 * time.Minute  // of a list that could be read
	retryAfter   = 30 * time.Second // of one that could not, and of credentials
	restAfter    = 10 * time.Minute // without anybody asking
	leastWait    = time.Second      // between two rounds of checks
)

// Run checks the providers by free calls and keeps their model lists fresh until ctx ends: at once after each Apply, then
// each at its interval as long as somebody uses them. Nothing waits for it, and one dead provider holds up no other.
func (r *Registry) Run(ctx context.Context) error {
	timer := time.NewTimer(retryAfter)
	defer timer.Stop()
	used, tried := time.Now(), time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
			r.resting.Store(false)
		case <-timer.C:
		}
		if r.used.Swap(false) {
			used = time.Now()
		}
		if time.Since(tried) >= retryAfter {
			tried = time.Now()
			r.retryCredentials()
		}
		r.checkDue(ctx)
		if time.Since(used) < restAfter {
			timer.Reset(r.untilDue())
			continue
		}
		timer.Stop()
		r.resting.Store(true)
		if r.used.Load() { // asked in between, by one who saw nobody resting
			r.nudge()
		}
		used = time.Now() // whoever wakes us gets the whole time
	}
}

// retryCredentials tries again to read credentials that could not be read: the keyring may have been unlocked.
func (r *Registry) retryCredentials() {
	r.mu.Lock()
	entries := r.entries
	r.mu.Unlock()
	for _, e := range entries {
		if e.conf.Enabled && e.lacksKey() && !sameKeys(r.credentials(&e.conf), e.keys) {
			r.Reload()
			return
		}
	}
}

// lacksKey reports whether a credential could not be read.
func (e *entry) lacksKey() bool {
	for i := range e.keys {
		if e.keys[i].err != nil {
			return true
		}
	}
	return false
}

// job is a check that is due.
type job struct {
	e    *entry
	list bool // the list is read, not only asked for
}

// checkDue makes all checks that are due, side by side, and waits for them.
func (r *Registry) checkDue(ctx context.Context) {
	now := r.o.Now()
	var due []job
	r.mu.Lock()
	for _, e := range r.entries {
		if at, list, ok := r.next(e); ok && !now.Before(at) {
			due = append(due, job{e, list || now.Sub(e.listed) >= freshFor})
		}
	}
	r.mu.Unlock()
	var wg sync.WaitGroup
	for _, j := range due {
		wg.Go(func() { r.check(ctx, j.e, checkTimeout, j.list) })
	}
	wg.Wait()
}

// untilDue is how long nothing has to be done.
func (r *Registry) untilDue() time.Duration {
	now := r.o.Now()
	wait := retryAfter
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.entries {
		if at, _, ok := r.next(e); ok {
			wait = min(wait, at.Sub(now))
		}
	}
	return max(wait, leastWait)
}

// next is when a provider is to be asked again, and whether for its list. ok is false for one that is not asked: what has
// no network, a server whose models the person lists because it cannot, and offline whatever is not local. r.mu is held.
func (r *Registry) next(e *entry) (at time.Time, list, ok bool) {
	if !e.conf.Enabled || len(e.clients()) == 0 || len(e.conf.Models) > 0 || r.conf.Offline && !e.source.Local {
		return at, false, false
	}
	list = e.unread || e.listed.IsZero()
	health := r.conf.ResilienceOf(e.conf.Name).Health
	switch {
	case e.asked.IsZero():
		return e.asked, true, true
	case health.Enabled && health.Interval > 0:
		return e.asked.Add(health.Interval), list, true
	case list:
		return e.asked.Add(retryAfter), true, true
	}
	return e.listed.Add(freshFor), true, true
}

// check makes the free call to one provider and takes note of how that went; where list is set the models are read, too.
func (r *Registry) check(ctx context.Context, e *entry, timeout time.Duration, list bool) (int, time.Duration, *llm.Error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var models []llm.Model
	start := r.o.Now()
	err := e.firstAnswer(func(c client) (err error) {
		if !list {
			return c.Ping(limited)
		}
		models, err = c.Models(limited)
		return err
	})
	took := r.o.Now().Sub(start)
	var failure *llm.Error
	if err != nil {
		failure = llm.AsError(err)
		if limited.Err() != nil && ctx.Err() == nil {
			failure = &llm.Error{Kind: llm.Timeout, Provider: e.conf.Name, Status: 504, Code: "timeout", Err: err,
				Message: "The provider " + e.conf.Name + " did not answer within " + timeout.String() + "."}
		}
	}
	if ctx.Err() != nil {
		return 0, took, failure // we are stopping, or the person went away: it says nothing about the provider
	}
	state := r.note(e, took, failure)
	if list {
		r.publish(e, models, failure)
	}
	if r.o.Checked != nil && r.find(e.conf.Name) == e {
		r.o.Checked(e.conf.Name, state, failure, took)
	}
	return len(models), took, failure
}

// note records how a provider answered.
func (r *Registry) note(e *entry, took time.Duration, failure *llm.Error) State {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := e.state
	e.asked, e.latency = r.o.Now(), took
	e.state, e.detail = judge(took, failure)
	e.detail = r.Redact(e.detail)
	if failure == nil {
		e.seen = e.asked
	}
	if was != e.state {
		r.o.Log.Info("providers: "+e.conf.Name+" is "+string(e.state), "provider", e.conf.Name, "detail", e.detail)
	}
	return e.state
}

// publish puts a list that could be read in the place of the one before.
func (r *Registry) publish(e *entry, said []llm.Model, failure *llm.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.listed, e.unread = e.asked, failure != nil
	if failure != nil || len(e.conf.Models) > 0 { // the person's own list stays
		return
	}
	e.said = said
	list := e.completed(said)
	if e.source.Listed && reflect.DeepEqual(list, e.source.Models) {
		return // whoever has worked something out from the list need not do so again
	}
	s := *e.source
	s.Models, s.Listed = list, true
	e.source = &s
	r.publishLocked()
}

// judge names the state of a provider by how it answered.
func judge(took time.Duration, failure *llm.Error) (State, string) {
	switch {
	case failure == nil && took > slow:
		return Degraded, "it took " + took.Round(10*time.Millisecond).String() + " to list its models"
	case failure == nil:
		return Healthy, ""
	case failure.Kind == llm.RateLimited, failure.Kind == llm.ProviderFailed && failure.Status >= 500, failure.Kind == llm.Timeout:
		return Degraded, failure.Message
	}
	return Unhealthy, failure.Message
}
