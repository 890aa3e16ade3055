// Package providers knows which providers there are: it turns settings into live providers, keeps their model lists
// fresh behind the requests, and plays the demo where nothing is set up. It routes nothing.
package providers

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// Secrets finds the credentials that are kept in the vault.
type Secrets interface {
	// Get returns a provider's credential, or "" where there is none. A further one is asked for as PROVIDER#NAME. An
	// error means that the vault is locked.
	Get(provider string) (string, error)
}

// Options of a Registry. All are optional.
type Options struct {
	// Version and InstallID are told to providers: the first as User-Agent, the second, as X-LocalRouter-Hop, to
	// those on loopback and private addresses only.
	Version, InstallID string
	// Secrets holds the credentials that neither api_key_env nor api_key_file names. Nil: there are none.
	Secrets Secrets
	// Getenv reads the environment: api_key_env and the proxy variables. Nil: it is empty.
	Getenv func(string) string
	// Pace waits between the words of the demo. Nil: in real time.
	Pace func(ctx context.Context, d time.Duration) error
	// Log hears of providers that come and go. Nil: silent.
	Log *slog.Logger
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Checked hears how each free call to a provider went, with the provider's name: how the provider stands now, the
	// failure if there was one, and how long it took. It must not call the Registry. Nil: nobody.
	Checked func(name string, state State, err *llm.Error, took time.Duration)
}

// Registry holds the providers of the settings as they are now. It may be used by many goroutines at once.
type Registry struct {
	o        Options
	sources  atomic.Pointer[llm.Sources]
	used     atomic.Bool // somebody asked for the sources since Run looked last
	resting  atomic.Bool // Run waits for somebody to ask
	wake     chan struct{}
	redactor wire.Redactor

	applying sync.Mutex // one Apply at a time

	mu      sync.Mutex // guards the rest, and the status inside the entries
	entries []*entry   // in the order of the settings, disabled ones included
	conf    *settings.Settings
}

// NewRegistry makes a registry that knows only the demo until Apply is called.
func NewRegistry(o Options) *Registry {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	r := &Registry{o: o, wake: make(chan struct{}, 1)}
	s := settings.Default()
	r.Apply(&s)
	return r
}

// Sources is the current snapshot of the enabled providers. Who asks for it keeps the checks of Run going.
func (r *Registry) Sources() *llm.Sources {
	if !r.used.Load() {
		r.used.Store(true)
		if r.resting.Load() {
			r.nudge()
		}
	}
	return r.sources.Load()
}

// Redact takes key material out of a text: the credentials in use, and whatever looks like one.
func (r *Registry) Redact(s string) string { return r.redactor.Clean(s) }

// Apply makes the registry follow s. A provider that did not change keeps its connections and its model list; one that
// cannot work says why in its status and in the error of each request to it, and disturbs no other.
func (r *Registry) Apply(s *settings.Settings) error {
	r.applying.Lock()
	defer r.applying.Unlock()
	r.mu.Lock()
	old := r.entries
	r.mu.Unlock()

	var entries []*entry
	var secrets []string
	enabled := false
	for i := range s.Providers {
		e := r.open(&s.Providers[i], s.Network.CAFile)
		if kept := same(old, e); kept != nil {
			e = kept
		} else {
			r.build(e)
			r.mu.Lock()
			e.inherit(old)
			r.mu.Unlock()
		}
		entries = append(entries, e)
		secrets = append(secrets, e.secrets()...)
		enabled = enabled || e.conf.Enabled
	}
	if !enabled {
		demo := settings.NewProvider("demo", "demo")
		e := &entry{conf: demo, builtIn: true}
		if kept := same(old, e); kept != nil {
			e = kept
		} else {
			r.build(e)
		}
		entries = append(entries, e)
	}
	r.redactor.Know(secrets)
	r.mu.Lock()
	r.entries, r.conf = entries, s
	r.publishLocked()
	r.mu.Unlock()
	for _, e := range old {
		if !slices.Contains(entries, e) {
			e.close()
		}
	}
	r.nudge()
	return nil
}

// Reload reads the credentials again, after one was stored or deleted or the vault was opened.
func (r *Registry) Reload() error {
	r.mu.Lock()
	conf := r.conf
	r.mu.Unlock()
	return r.Apply(conf)
}

// Close drops all idle connections. The registry must not be used afterwards.
func (r *Registry) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.entries {
		e.close()
	}
}

// publishLocked makes the snapshot that requests see.
func (r *Registry) publishLocked() {
	var list []*llm.Source
	for _, e := range r.entries {
		if e.conf.Enabled {
			list = append(list, e.source)
		}
	}
	r.sources.Store(llm.NewSources(list))
}

// nudge wakes Run.
func (r *Registry) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// find returns the enabled provider of that name, or nil.
func (r *Registry) find(name string) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.entries {
		if e.conf.Name == name && e.conf.Enabled {
			return e
		}
	}
	return nil
}
