// Package dashboard knows what a person sees in the browser, and the admin API that the command line speaks. It shows
// and changes what other packages hold; it routes no request of an application and keeps nothing on disk.
package dashboard

import (
	"context"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"localrouter/db"
	"localrouter/db/secret"
	"localrouter/db/settings"
	"localrouter/providers"
	"localrouter/providers/llm"
	"localrouter/routing"
	"localrouter/routing/health"
	"localrouter/routing/limits"
)

// State is how the gateway stands, in one word and one line.
type State struct {
	Status  string    // running, stopped, starting, degraded, exposed or error
	Address string    // of the gateway: 127.0.0.1:3636
	Detail  string    // for people, where the word is not enough: "held by lms, pid 4121"
	Since   time.Time // when it became so; zero: not said
	Version string    // of the program
}

// Run is a request that is being answered.
type Run struct {
	ID, Key         string
	Asked           string // the model as the application wrote it
	Provider, Model string // that answers; empty until it does
	Waiting         bool   // in line for Provider, which is busy
	Tokens          int64  // of output so far; 0: not known
	Start           time.Time
}

// Gateway is the program as the dashboard sees it; main implements it.
type Gateway interface {
	State() State
	// Start opens the gateway's port; that it is open is no error.
	Start() error
	// Stop closes it: running requests get ten seconds.
	Stop() error
	// Running lists what is being answered, the oldest first.
	Running() []Run
	// StopRun ends one of them and reports whether it was there.
	StopRun(id string) bool
}

// History is asked of a Gateway that remembers when its port was closed: such time is shown as "stopped", not as idle.
type History interface {
	// Stopped lists the stretches between from and to, as pairs of begin and end.
	Stopped(from, to time.Time) [][2]time.Time
}

// Providers is the registry, *providers.Registry, as the dashboard needs it; an interface because its real one would
// call the world in a test of a page.
type Providers interface {
	Status() []providers.Status
	Sources() *llm.Sources
	// Test makes one free call to the provider of that name.
	Test(ctx context.Context, name string) providers.TestResult
	// Reload reads the credentials again, after one was stored or deleted.
	Reload() error
}

// Routing is who chooses, *routing.Router.
type Routing interface {
	// Preview tells in what order the targets of a router, router/NAME, would be tried now.
	Preview(name string, o routing.PreviewOptions) (*llm.Receipt, *llm.Error)
}

// Health is what is known of the providers by the requests to them, *health.Tracker.
type Health interface {
	Report(provider string) health.Report
	// Retry ends all waiting at a provider, so that the next request tries it.
	Retry(provider string)
}

// Options of New. Everything is required unless its comment says otherwise.
type Options struct {
	Gateway   Gateway
	Keys      *db.Keys
	Recorder  *db.Recorder
	Providers Providers
	Settings  *settings.Store
	Secrets   *db.Secrets
	Vault     *secret.Vault
	// Routing previews. nil: there are no previews.
	Routing Routing
	// Health adds to what Providers know by themselves. nil: nothing.
	Health Health
	// Limits knows how budgets stand. nil: there are none.
	Limits *limits.Limiter

	// AdminToken opens the class "cli". Empty: no token does.
	AdminToken string
	// Address says where the dashboard listens: 127.0.0.1:3637. It is asked each time, so the port may move.
	Address func() string
	// Notices are sentences that stay until the next start: that a copy of the database was restored. nil: none.
	Notices func() []string
	// Open shows an address in the person's browser. It must not block. nil: there is no browser.
	Open func(url string) error
	// Quit ends the program. It must not block.
	Quit func()
	// Home is the one folder of all files, or empty where the system's places are used.
	Home string
	// Version of the program. Empty: dev.
	Version string
	// Now is the clock, in the person's time zone. nil: time.Now.
	Now func() time.Time
	// Chance is where codes and tokens come from. nil: the system's.
	Chance io.Reader
	// Log hears of defects, never of secrets. nil: silent.
	Log *slog.Logger
}

// Dashboard serves pages and admin API. It is an http.Handler for the dashboard's own listener; the http.Server around
// it must not have a WriteTimeout, because a live page is one long answer.
type Dashboard struct {
	o        Options
	started  time.Time
	sessions *sessions
	pages    *template.Template
	routes   http.Handler

	open     sync.Mutex // guards lastOpen
	lastOpen time.Time

	watchers atomic.Int64
	closed   chan struct{}
	closing  sync.Once
}

// New makes a dashboard. It starts nothing.
func New(o Options) *Dashboard {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	d := &Dashboard{o: o, started: o.Now(), closed: make(chan struct{})}
	d.sessions = newSessions(o.Now, o.Chance)
	d.pages = parsePages()
	d.routes = d.protect(d.buildRoutes(table))
	return d
}

func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.routes.ServeHTTP(w, r) }

// LoginURL makes an address that opens one session within a minute, and works once.
func (d *Dashboard) LoginURL() (string, error) {
	code, err := d.sessions.newCode()
	if err != nil {
		return "", err
	}
	return "http://" + d.o.Address() + "/login#" + code, nil
}

// OpenBrowser shows the dashboard in the person's browser and returns the address it opened. Asked twice within two
// seconds it opens one tab only.
func (d *Dashboard) OpenBrowser() (string, error) {
	url, err := d.LoginURL()
	if err != nil {
		return "", err
	}
	d.open.Lock()
	now := d.o.Now()
	again := !d.lastOpen.IsZero() && now.Sub(d.lastOpen).Abs() < 2*time.Second
	d.lastOpen = now
	d.open.Unlock()
	if d.o.Open != nil && !again {
		err = d.o.Open(url)
	}
	return url, err
}

// Watchers is how many pages are open now: health checks go on while somebody looks.
func (d *Dashboard) Watchers() int { return int(d.watchers.Load()) }

// Close ends the live answers, so that a server's Shutdown does not wait for them. It may be called twice.
func (d *Dashboard) Close() error {
	d.closing.Do(func() { close(d.closed) })
	return nil
}
