// LocalRouter is one endpoint on a person's own machine for every model they use. Everything is wired here, once: the
// stores are opened, the gateway and the dashboard get what they need, and the tray is a guest.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/term"

	"localrouter/dashboard"
	"localrouter/dashboard/cli"
	"localrouter/db"
	"localrouter/db/accesslog"
	"localrouter/db/secret"
	"localrouter/db/secret/nobus"
	"localrouter/db/settings"
	"localrouter/providers"
	"localrouter/providers/anthropic"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/routing"
	"localrouter/routing/health"
	"localrouter/routing/limits"
	"localrouter/server"
	"localrouter/tray"
)

// version is set when a release is built (-X main.version).
var version = ""

func main() {
	nobus.Restore()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(cli.Main(ctx, program{}, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// program is what the command line may do with the whole.
type program struct{}

// Version is what the build was given, else what the toolchain knows.
func (program) Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// Run is the program from start to quit.
func (p program) Run(ctx context.Context, o cli.RunOptions) error {
	server.PaceHeap()
	a, err := p.open(ctx, o)
	if err != nil {
		return err
	}
	a.start()
	// The end may be asked for by a signal, the tray or the dashboard, and begins at once even where the tray hangs.
	closed := make(chan error, 1)
	context.AfterFunc(a.ctx, func() { closed <- a.close() })
	a.greet()
	if !o.Headless {
		a.showTray()
	}
	<-a.ctx.Done()
	return <-closed
}

// Admin serves the admin API of files that no running program holds.
func (p program) Admin(ctx context.Context, o cli.RunOptions) (http.Handler, func() error, error) {
	a, err := p.open(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	owner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = a.pagesAddress()
		r.Header.Set("Authorization", "Bearer "+a.token)
		a.pages.ServeHTTP(w, r)
	})
	return owner, a.close, nil
}

// app is the running program. It is the dashboard's Gateway; menu makes it the tray's App.
type app struct {
	p        program
	o        cli.RunOptions
	out      io.Writer
	paths    settings.Paths
	log      *slog.Logger
	level    slog.LevelVar
	redactor atomic.Pointer[providers.Registry] // of the log
	ctx      context.Context                    // ends when the program is to end
	quit     context.CancelFunc
	closing  sync.Once
	closeErr error

	store    *db.Store
	settings *settings.Store
	conf     atomic.Pointer[settings.Settings] // the settings with flags and environment over them
	confErr  atomic.Pointer[error]             // why the newest settings are not in use
	lines    *accesslog.Log
	vault    *secret.Vault
	keys     *db.Keys
	limits   *limits.Limiter
	health   *health.Tracker
	router   *routing.Router
	recorder *db.Recorder
	registry *providers.Registry
	gateway  *server.Gateway
	port     *server.Toggle // the gateway's
	pages    *dashboard.Dashboard
	pagePort *server.Toggle
	token    string // of the admin API

	published sync.Mutex // guards public: whether the command line was told where we are
	public    bool

	changed chan struct{}    // for the tray
	notices chan tray.Notice // likewise
	work    sync.WaitGroup
}

// open takes the files into use and wires everything; nothing listens yet. On an error nothing stays open.
func (p program) open(ctx context.Context, o cli.RunOptions) (*app, error) {
	a := &app{p: p, o: o, out: o.Out, changed: make(chan struct{}, 1), notices: make(chan tray.Notice, 8), token: rand.Text()}
	if a.out == nil {
		a.out = io.Discard
	}
	a.log = a.newLog()
	a.ctx, a.quit = context.WithCancel(ctx)
	err := a.openStores()
	if err == nil {
		err = a.wire()
	}
	if err != nil {
		a.quit()
		a.close()
		return nil, err
	}
	return a, nil
}

// newLog writes to the terminal the program was started from; where it runs inside a command, to that command.
func (a *app) newLog() *slog.Logger {
	var to io.Writer = os.Stderr
	if _, ok := a.out.(*os.File); !ok {
		to = a.out
	}
	clean := func(_ []string, at slog.Attr) slog.Attr {
		redactor := a.redactor.Load()
		if redactor == nil {
			return at // nothing was read yet that could be a secret
		}
		switch v := at.Value.Any().(type) {
		case string:
			at.Value = slog.StringValue(redactor.Redact(v))
		case error:
			at.Value = slog.StringValue(redactor.Redact(v.Error()))
		}
		return at
	}
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: &a.level, ReplaceAttr: clean}))
}

// openStores opens the files, the database first: its lock keeps a second instance away from the others.
func (a *app) openStores() (err error) {
	if a.paths, err = settings.Locate(a.o.Home, os.Getenv); err != nil {
		return err
	}
	if err = a.paths.Make(); err != nil {
		return err
	}
	a.store, err = db.Open(a.paths.DB, db.Options{Copies: a.paths.Copies, Log: a.log})
	if errors.Is(err, db.ErrInUse) {
		return fmt.Errorf("%w: %w", cli.ErrRunning, err)
	}
	if err != nil {
		return err
	}
	if a.settings, err = settings.OpenStore(a.paths.Settings, settings.StoreOptions{Log: a.log}); err != nil {
		return err
	}
	conf, err := a.o.Override.Apply(a.settings.Get())
	if err != nil {
		return err
	}
	a.conf.Store(conf)
	a.setLevel(conf)
	if a.lines, err = accesslog.Open(a.paths.Logs, accesslog.Options{}); err != nil {
		return err
	}
	a.limits = limits.New(limits.Options{Changed: func() { a.recorder.Touch() }, Event: a.spent})
	states, err := a.store.LimitStates()
	if err != nil {
		return err
	}
	if err := a.limits.Restore(states); err != nil {
		a.log.Error("what was used of the limits before this start is not known in full", "error", err)
	}
	a.health = health.New(health.Options{Settings: a.conf.Load, Changed: func() {
		if a.recorder != nil { // not while what was saved is read
			a.recorder.Touch()
		}
		a.change()
	}})
	rests, err := a.store.RestStates()
	if err != nil {
		return err
	}
	if err := a.health.Load(rests); err != nil {
		a.log.Error("which providers rested before this start is not known", "error", err)
	}
	a.recorder, err = db.OpenRecorder(a.store, db.RecorderOptions{Sink: a.lines, Extra: db.KeepAll(db.KeepLimits(a.limits), db.KeepRests(a.health)), Log: a.log})
	return err
}

// wire makes everything that lives on the stores.
func (a *app) wire() (err error) {
	a.vault = secret.Open(secret.Options{Records: a.store.Records(), KeyFile: a.paths.KeyFile, ForceFile: a.paths.Home != "", Log: a.log})
	if a.keys, err = a.store.OpenKeys(a.vault, db.KeyOptions{Log: a.log}); err != nil {
		return err
	}
	a.keys.Subscribe(a.applyBudgets)
	a.applyBudgets()
	secrets := a.store.OpenSecrets(a.vault)
	a.registry = providers.NewRegistry(providers.Options{Version: a.p.Version(), InstallID: a.store.InstallID(), Secrets: secrets, Getenv: os.Getenv, Log: a.log,
		Checked: func(name string, _ providers.State, e *llm.Error, took time.Duration) {
			a.health.Checked(name, e, took)
		}})
	a.redactor.Store(a.registry)
	if err = a.registry.Apply(a.conf.Load()); err != nil {
		return err
	}
	a.router = routing.New(a.registry, routing.Options{Log: a.log, Settings: a.conf.Load, Health: a.health})
	a.gateway = server.New(server.Options{
		Keys: a.keys, Router: a.router, Directory: a.registry,
		Recorder: a.recorder, Limits: a.limits, Codecs: []llm.Codec{openai.NewCodec(), anthropic.NewCodec()}, Settings: a.conf.Load, InstallID: a.store.InstallID(),
		Version: a.p.Version(), Redact: a.registry.Redact, Log: a.log,
	})
	a.port = server.NewToggle(a.gateway, server.ToggleOptions{Listener: server.ListenerOptions{Log: a.log}, Changed: a.change})
	a.pages = dashboard.New(dashboard.Options{
		Gateway: a, Keys: a.keys, Recorder: a.recorder, Providers: a.registry, Settings: a.settings, Secrets: secrets, Vault: a.vault, Limits: a.limits,
		Routing: a.router, Health: a.health,
		AdminToken: a.token, Address: a.pagesAddress, Notices: a.store.Notices, Open: dashboard.OpenInBrowser, Quit: a.quit,
		Home: a.paths.Home, Version: a.p.Version(), Log: a.log,
	})
	a.pagePort = server.NewToggle(a.pages, server.ToggleOptions{
		Listener: server.ListenerOptions{Log: a.log, Setting: "server.dashboard_port"}, Patience: 2 * time.Second, Changed: a.publish,
	})
	return nil
}

func (a *app) setLevel(conf *settings.Settings) {
	var level slog.Level
	if level.UnmarshalText([]byte(conf.Logging.Level)) == nil {
		a.level.Set(level)
	}
}

// start opens the ports and begins the work behind the requests. A port in use is no failure: it is tried again.
func (a *app) start() {
	a.settings.Subscribe(a.apply)
	a.keys.Subscribe(a.change)
	a.recorder.Subscribe(a.change)
	a.vault.Subscribe(func(secret.State) {
		a.registry.Reload()
		a.change()
	})
	a.work.Go(func() {
		if err := a.settings.Watch(a.ctx); err != nil && a.ctx.Err() == nil {
			a.log.Error("edits of the settings file are not noticed until the next start", "error", err)
		}
	})
	a.work.Go(func() { a.registry.Run(a.ctx) })
	a.work.Go(a.keepCopies)
	a.work.Go(a.keepTime)
	conf := a.conf.Load()
	if err := a.port.On(address(conf.Server.Host, conf.Server.Port)); err != nil {
		a.log.Error("the gateway cannot listen yet, it is tried again", "error", err)
	}
	if err := a.pagePort.On(address(settings.DefaultHost, conf.Server.DashboardPort)); err != nil {
		a.log.Error("the dashboard cannot listen yet, it is tried again", "error", err)
	}
}

func address(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// apply follows a change of the settings. What runs goes on.
func (a *app) apply(file *settings.Settings) {
	conf, err := a.o.Override.Apply(file)
	if err != nil {
		a.confErr.Store(&err)
		a.log.Error("the changed settings do not go with the flags this program was started with, the old ones stay", "error", err)
		a.change()
		return
	}
	a.confErr.Store(nil)
	a.conf.Store(conf)
	a.setLevel(conf)
	a.applyBudgets()
	if err := a.registry.Apply(conf); err != nil {
		a.log.Error("the changed providers cannot be used, the old ones stay", "error", err)
	}
	a.health.Forget(a.registry.Sources().Holds)
	if a.ctx.Err() != nil {
		return
	}
	if a.port.State().Want {
		a.port.On(address(conf.Server.Host, conf.Server.Port)) // its failure is part of the state
	}
	a.pagePort.On(address(settings.DefaultHost, conf.Server.DashboardPort))
	a.publish()
}

// applyBudgets follows a change of what the settings or the keys bound. A budget that is new is told what its day and its
// month have cost before it.
func (a *app) applyBudgets() {
	a.limits.Apply(a.conf.Load())
	bounding := map[string]bool{}
	var list []*limits.Key
	for _, k := range a.keys.List() {
		key := limits.OfKey(k.ID, k.Name, k.Revision, k.Limits, k.Budget)
		bounding[k.ID] = key.Bounds()
		list = append(list, &key)
	}
	a.limits.Retain(func(id string) bool { return bounding[id] || len(list) == 0 && !a.vault.Ready() })
	for _, key := range append(list, a.limits.Machine()) {
		a.limits.Begin(key, func(p limits.Period) int64 { return a.cost(key, p) })
	}
}

// cost is what a key, or the whole machine, has cost in the present day or month.
func (a *app) cost(key *limits.Key, p limits.Period) int64 {
	now := time.Now()
	q := db.Query{From: time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())}
	if p == limits.Month {
		q.From = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())
	}
	if key.ID != limits.MachineID {
		q.Dim.Key = key.ID
	}
	total, err := a.recorder.Totals(q)
	if err != nil {
		a.log.Error("what was spent before the budget was set is not known", "error", err)
	}
	return int64(total.Cost)
}

// spent tells a person that money is running out.
func (a *app) spent(e limits.Event) {
	title, text := e.Text()
	a.log.Warn(title, "detail", text)
	select {
	case a.notices <- tray.Notice{Title: title, Text: text}:
	default: // nobody shows notices here: the dashboard and the status tell it
	}
	a.change()
}

// copyDelay gathers changes of keys that come together into one copy of the database.
const (
	copyDelay = 2 * time.Second
	copyEvery = time.Hour
)

// keepCopies makes verified copies of the database: at the start, after changes of keys, and every hour.
func (a *app) keepCopies() {
	due := make(chan struct{}, 1)
	cancel := a.keys.Subscribe(func() { poke(due) })
	defer cancel()
	wait := time.NewTimer(copyDelay)
	defer wait.Stop()
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-due:
			wait.Reset(copyDelay)
			continue
		case <-wait.C:
		}
		if err := a.store.Copy(a.ctx); err != nil && a.ctx.Err() == nil {
			a.log.Error("no copy of the database could be made", "error", err)
		}
		wait.Reset(copyEvery)
	}
}

// keepTime asks for a vault that is not open every few seconds, and lets the tray see a new day begin.
func (a *app) keepTime() {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	day := time.Now().YearDay()
	for {
		select {
		case <-a.ctx.Done():
			return
		case now := <-tick.C:
			if !a.vault.Ready() {
				a.vault.Retry(a.ctx)
			}
			if now.YearDay() != day {
				day = now.YearDay()
				a.change()
			}
		}
	}
}

// poke sends where nobody was told yet.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (a *app) change() { poke(a.changed) }

// publish tells the command line where the program is, once the dashboard's port is open and whenever it moved.
func (a *app) publish() {
	a.change()
	a.published.Lock()
	defer a.published.Unlock()
	if a.ctx.Err() != nil || !a.pagePort.State().Open {
		return
	}
	if !a.public { // the token first: the file that names us promises that it is there
		if err := settings.WriteFile(a.paths.AdminToken, []byte(a.token+"\n")); err != nil {
			a.log.Error("the command line cannot reach this program", "error", err)
			return
		}
	}
	file, err := json.MarshalIndent(map[string]any{
		"pid": os.Getpid(), "gateway": a.State().Address, "dashboard": a.pagesAddress(), "version": a.p.Version(), "started": time.Now().Format(time.RFC3339),
	}, "", "  ")
	if err == nil {
		err = settings.WriteFile(a.paths.Runtime, append(file, '\n'))
	}
	if err != nil {
		a.log.Error("the command line cannot reach this program", "error", err)
		return
	}
	a.public = true
}

// withdraw takes back what publish wrote.
func (a *app) withdraw() {
	a.published.Lock()
	defer a.published.Unlock()
	if a.public {
		a.public = false
		os.Remove(a.paths.Runtime)
		os.Remove(a.paths.AdminToken)
	}
}

// close ends everything in order: gateway, dashboard, providers, records, files. Running requests get ten seconds.
func (a *app) close() error {
	a.closing.Do(func() { a.closeErr = a.closeAll() })
	return a.closeErr
}

func (a *app) closeAll() error {
	a.quit()
	var errs []error
	if a.port != nil {
		a.port.Off(context.Background())
		a.gateway.Close()
	}
	a.withdraw()
	if a.pagePort != nil {
		a.pages.Close()
		a.pagePort.Off(context.Background())
	}
	a.work.Wait()
	if a.settings != nil {
		errs = append(errs, a.settings.Close())
	}
	if a.registry != nil {
		a.registry.Close()
	}
	if a.recorder != nil {
		errs = append(errs, a.recorder.Close())
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	if a.lines != nil {
		errs = append(errs, a.lines.Close())
	}
	return errors.Join(errs...)
}

// greet tells the person at the terminal where things are, and on a first start makes the first key.
func (a *app) greet() {
	s := a.State()
	base := tray.Endpoint(s.Address)
	if s.Status == "error" {
		fmt.Fprintf(a.out, "The gateway is not open yet: %s. It is tried again.\n", s.Detail)
	} else {
		fmt.Fprintf(a.out, "LocalRouter answers on %s\n", base)
	}
	fmt.Fprintf(a.out, "Dashboard: http://%s (to sign in: localrouter dashboard)\n", a.pagesAddress())
	for _, n := range a.store.Notices() {
		fmt.Fprintln(a.out, n)
	}
	if err := a.settings.Problem(); err != nil {
		fmt.Fprintf(a.out, "Settings: %v\n", err)
	}
	if v := a.vault.State(); v.Status != secret.Ready {
		fmt.Fprintln(a.out, v.Detail)
	}
	file, ok := a.out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || !a.vault.Ready() || a.hasKeys() {
		return
	}
	key, token, err := a.keys.Create("")
	if err != nil {
		a.log.Error("no first key could be made", "error", err)
		return
	}
	fmt.Fprintf(a.out, "\nYour first key, %s, is shown only now:\n\n  %s\n\nTry it:\n\n  curl %s/chat/completions -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \\\n"+
		"    -d '{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'\n\n", key.Name, token, base, token, a.firstModel())
}

// hasKeys reports whether a person has made a key before.
func (a *app) hasKeys() bool {
	for _, k := range a.keys.List() {
		if !k.Internal {
			return true
		}
	}
	return false
}

// firstModel is a name that works as it is pasted, as far as the lists are known.
func (a *app) firstModel() string {
	for _, src := range a.registry.Sources().List {
		if len(src.Models) > 0 {
			return src.Name + "/" + src.Models[0].ID
		}
	}
	return "PROVIDER/MODEL"
}

// showTray keeps the icon on the desktop until the program ends; where there is no desktop, one line says so.
func (a *app) showTray() {
	if err := tray.Probe(a.ctx); err != nil {
		fmt.Fprintln(a.out, sentence(err))
		return
	}
	if err := tray.Host(a.ctx); err != nil {
		fmt.Fprintln(a.out, sentence(err))
	}
	if a.settings.FirstStart() {
		go a.pages.OpenBrowser() // the person's first look; without a browser the address stands above
	}
	if err := tray.Run(menu{a}, tray.Options{Context: a.ctx, Log: a.log}); err != nil && a.ctx.Err() == nil {
		a.log.Error("the tray icon is gone, the gateway goes on", "error", err)
	}
}

// sentence is an error as a line for a person.
func sentence(err error) string {
	s := err.Error()
	return string(s[0]&^0x20) + s[1:] + "."
}

// pagesAddress is where the dashboard listens, or will.
func (a *app) pagesAddress() string {
	if a.pagePort != nil {
		if s := a.pagePort.State(); s.Address != "" {
			return s.Address
		}
	}
	return address(settings.DefaultHost, a.conf.Load().Server.DashboardPort)
}

// State is how the gateway stands: what tray, dashboard and command line all show.
func (a *app) State() dashboard.State {
	port, conf := a.port.State(), a.conf.Load()
	s := dashboard.State{Status: "running", Address: port.Address, Since: port.Since, Version: a.p.Version()}
	if s.Address == "" {
		s.Address = address(conf.Server.Host, conf.Server.Port)
	}
	trouble := a.trouble()
	switch {
	case !port.Want && port.Since.IsZero():
		s.Status = "starting"
	case !port.Want:
		s.Status = "stopped"
	case !port.Open && port.Err != nil:
		s.Status, s.Detail = "error", port.Err.Error()
	case !port.Open:
		s.Status = "starting"
	case port.Err != nil:
		s.Status, s.Detail = "degraded", port.Err.Error()
	case trouble != "":
		s.Status, s.Detail = "degraded", trouble
	case conf.Server.Exposed():
		s.Status = "exposed"
	}
	return s
}

// trouble is why a gateway that answers needs a look, and what to do; empty where all is well.
func (a *app) trouble() string {
	if v := a.vault.State(); v.Status != secret.Ready {
		return v.Detail
	}
	if err := a.confErr.Load(); err != nil {
		return (*err).Error()
	}
	if err := a.settings.Problem(); err != nil {
		return err.Error()
	}
	if err := a.recorder.Problem(); err != nil {
		return err.Error()
	}
	list := a.registry.Status()
	detail := ""
	for _, p := range list {
		switch {
		case !p.Enabled:
		case p.State != providers.Unhealthy:
			return ""
		case detail == "":
			detail = p.Name + ": " + p.Detail
		}
	}
	if detail != "" {
		return "no provider can be used. " + detail
	}
	return ""
}

// Start opens the gateway's port.
func (a *app) Start() error {
	conf := a.conf.Load()
	return a.port.On(address(conf.Server.Host, conf.Server.Port))
}

// Stop closes it; running requests get ten seconds.
func (a *app) Stop() error { return a.port.Off(context.Background()) }

// Stopped lists when the port was closed.
func (a *app) Stopped(from, to time.Time) [][2]time.Time { return a.port.Stopped(from, to) }

// Running lists what is being answered, the oldest first.
func (a *app) Running() []dashboard.Run {
	runs := a.gateway.Running()
	list := make([]dashboard.Run, 0, len(runs))
	for _, r := range slices.Backward(runs) {
		list = append(list, dashboard.Run{ID: r.ID, Key: r.Key, Asked: r.Asked, Provider: r.Provider, Model: r.Model, Waiting: r.Waiting, Start: r.Start})
	}
	return list
}

// StopRun ends one of them.
func (a *app) StopRun(id string) bool { return a.gateway.StopRun(id) }

// menu is the app as the tray sees it.
type menu struct{ *app }

// State is everything the menu shows.
func (m menu) State() tray.State {
	s := m.app.State()
	t := tray.State{Status: s.Status, Address: s.Address, Detail: s.Detail, Today: m.pages.Today(), Running: m.port.State().Want,
		Offline: m.settings.Get().Offline}
	for _, k := range m.keys.List() {
		if k.Internal {
			continue
		}
		key := tray.Key{ID: k.ID, Name: k.Name, Enabled: !k.Disabled}
		if k.Mode == db.ModeSelected {
			key.Selected = k.Selection
		}
		t.Keys = append(t.Keys, key)
	}
	for _, c := range m.pages.Choices() {
		t.Choices = append(t.Choices, tray.Choice{Value: c.Selection, Label: c.Label, Group: c.Provider})
	}
	return t
}

var _ tray.Noticer = menu{}

// Notices is what the menu tells although nobody clicked.
func (m menu) Notices() <-chan tray.Notice { return m.notices }

func (m menu) Changed() <-chan struct{} { return m.changed }

func (m menu) SetRunning(on bool) error {
	if on {
		return m.Start()
	}
	return m.Stop()
}

func (m menu) OpenDashboard() error {
	_, err := m.pages.OpenBrowser()
	return err
}

// OpenKey shows all keys with their use: one key has no page of its own yet.
func (m menu) OpenKey(string) error { return m.OpenDashboard() }

func (m menu) NewKey() (name, token string, err error) {
	k, token, err := m.keys.Create("")
	if err != nil {
		return "", "", err
	}
	return k.Name, token, nil
}

func (m menu) SetKeyEnabled(id string, on bool) error { return m.keys.SetEnabled(id, on) }

// Choose lets one router or model answer all requests of a key; with none the application names the model again, and
// what "auto" stands for stays.
func (m menu) Choose(id, selection string) error {
	return m.keys.SetTerms(id, func(t *db.KeyTerms) {
		if selection == "" {
			t.Mode = db.ModeAsked
			return
		}
		t.Selection, t.Mode = selection, db.ModeSelected
	})
}

func (m menu) SetOffline(on bool) error { return m.settings.SetOffline(on) }

func (m menu) Quit() { m.quit() }
