package providers

import (
	"context"
	"time"

	"localrouter/providers/llm"
)

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
	if len(e.clients()) == 0 {
		models, err := e.source.Provider.Models(ctx)
		if err != nil {
			return TestResult{Err: llm.AsError(err)}
		}
		return TestResult{OK: true, Models: len(models)}
	}
	n, took, err := r.check(ctx, e, testTimeout, true)
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
	Keys                []KeyStatus
	Latency             time.Duration
	Models              int
	LastSeen            time.Time
}

// KeyStatus is how one of several credentials of a provider stands.
type KeyStatus struct {
	Name    string // of the settings; empty: the provider's own
	Problem string // for people: why it cannot be used; empty where it can
}

// Status tells of all providers, disabled ones included, in the order of the settings.
func (r *Registry) Status() []Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Status, 0, len(r.entries))
	for _, e := range r.entries {
		s := Status{Name: e.conf.Name, Type: e.conf.Type, Enabled: e.conf.Enabled, BuiltIn: e.builtIn, State: e.state,
			Detail: e.detail, Latency: e.latency, LastSeen: e.seen}
		if len(e.keys) > 1 {
			for j := range e.keys {
				k := KeyStatus{Name: e.keys[j].name}
				if e.keys[j].refused != nil {
					k.Problem = e.keys[j].refused.Message
				}
				s.Keys = append(s.Keys, k)
			}
		}
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
