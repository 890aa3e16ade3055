package providers

import (
	"context"
	"sync"
	"time"

	"localrouter/providers/catalog"
	"localrouter/providers/llm"
)

const (
	listTimeout = 5 * time.Second
	testTimeout = 15 * time.Second // a person waits, and would rather have an answer
	slow        = 2 * time.Second
	freshFor    = 5 * time.Minute  // of a list that could be read
	retryAfter  = 30 * time.Second // of one that could not
	restAfter   = 10 * time.Minute // without anybody asking
)

// Run keeps the model lists fresh until ctx ends: at once after each Apply, then from time to time as long as somebody
// uses them. Nothing waits for it, and one dead provider holds up no other.
func (r *Registry) Run(ctx context.Context) error {
	timer := time.NewTimer(retryAfter)
	defer timer.Stop()
	quiet := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
			r.resting.Store(false)
		case <-timer.C:
			quiet += retryAfter
		}
		if r.used.Swap(false) {
			quiet = 0
		}
		r.retryCredentials()
		r.refreshDue(ctx)
		if quiet < restAfter {
			timer.Reset(retryAfter)
			continue
		}
		timer.Stop()
		r.resting.Store(true)
		if r.used.Load() { // asked in between, by one who saw nobody resting
			r.nudge()
		}
		quiet = 0
	}
}

// retryCredentials tries again to read credentials that could not be read: the keyring may have been unlocked.
func (r *Registry) retryCredentials() {
	r.mu.Lock()
	entries := r.entries
	r.mu.Unlock()
	again := false
	for _, e := range entries {
		if e.conf.Enabled && e.keyErr != nil {
			_, err := r.credential(&e.conf)
			again = again || errorText(err) != errorText(e.keyErr)
		}
	}
	if again {
		r.Reload()
	}
}

// refreshDue reads all lists that are due, side by side, and waits for them.
func (r *Registry) refreshDue(ctx context.Context) {
	now := r.o.Now()
	var due []*entry
	r.mu.Lock()
	for _, e := range r.entries {
		if e.client == nil || len(e.conf.Models) > 0 {
			continue
		}
		wait := freshFor
		if e.state != Healthy {
			wait = retryAfter - time.Second
		}
		if e.asked.IsZero() || now.Sub(e.asked) >= wait {
			due = append(due, e)
		}
	}
	r.mu.Unlock()
	var wg sync.WaitGroup
	for _, e := range due {
		wg.Go(func() { r.list(ctx, e, listTimeout) })
	}
	wg.Wait()
}

// list asks one provider for its models and takes note of how that went.
func (r *Registry) list(ctx context.Context, e *entry, timeout time.Duration) (int, time.Duration, *llm.Error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := r.o.Now()
	models, err := e.source.Provider.Models(limited)
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
	r.note(e, models, took, failure)
	return len(models), took, failure
}

// note records how a provider answered, and publishes its list where it changed hands.
func (r *Registry) note(e *entry, models []llm.Model, took time.Duration, failure *llm.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := e.state
	e.asked, e.latency = r.o.Now(), took
	e.state, e.detail = judge(took, failure)
	e.detail = r.Redact(e.detail)
	if was != e.state {
		r.o.Log.Info("providers: "+e.conf.Name+" is "+string(e.state), "provider", e.conf.Name, "detail", e.detail, "models", len(models))
	}
	if failure != nil {
		return
	}
	e.seen = e.asked
	if len(e.conf.Models) > 0 {
		return // the person's own list stays
	}
	for i := range models {
		catalog.Complete(e.conf.Type, &models[i])
	}
	s := *e.source
	s.Models, s.Listed = models, true
	e.source = &s
	r.publishLocked()
}

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

// Refresh reads a provider's list now.
func (r *Registry) Refresh(ctx context.Context, name string) *llm.Error { return r.Test(ctx, name).Err }

// TestResult is what a try of a provider's free call gave.
type TestResult struct {
	OK      bool
	Models  int
	Latency time.Duration
	Err     *llm.Error // nil: it answered
}

// Test makes one free call, the model list, to the enabled provider of that name.
func (r *Registry) Test(ctx context.Context, name string) TestResult {
	e := r.find(name)
	if e == nil {
		return TestResult{Err: &llm.Error{Kind: llm.NotFound, Status: 404, Provider: name, Message: "There is no enabled provider named " + name + ". `localrouter providers list` shows those there are."}}
	}
	if e.client == nil {
		models, err := e.source.Provider.Models(ctx)
		if err != nil {
			return TestResult{Err: llm.AsError(err)}
		}
		return TestResult{OK: true, Models: len(models)}
	}
	n, took, err := r.list(ctx, e, testTimeout)
	if err != nil {
		clean := *err
		clean.Message = r.Redact(clean.Message)
		err = &clean
	}
	return TestResult{OK: err == nil, Models: n, Latency: took, Err: err}
}

// Status is how one provider stands.
type Status struct {
	Name, Type, BaseURL string
	Enabled, Local      bool
	BuiltIn             bool // the demo that nobody configured
	State               State
	Detail              string // for people: why it stands so
	Latency             time.Duration
	Models              int
	LastSeen            time.Time
}

// Status tells of all providers, disabled ones included, in the order of the settings.
func (r *Registry) Status() []Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Status, 0, len(r.entries))
	for _, e := range r.entries {
		s := Status{Name: e.conf.Name, Type: e.conf.Type, Enabled: e.conf.Enabled, BuiltIn: e.builtIn, State: e.state,
			Detail: e.detail, Latency: e.latency, LastSeen: e.seen}
		if e.baseURL != nil {
			s.BaseURL = e.baseURL.String()
		}
		if e.source != nil {
			s.Local, s.Models = e.source.Local, len(e.source.Models)
		}
		list = append(list, s)
	}
	return list
}
