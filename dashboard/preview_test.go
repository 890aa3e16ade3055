package dashboard_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"localrouter/dashboard"
	"localrouter/db"
	"localrouter/db/accesslog"
	"localrouter/db/secret"
	"localrouter/db/settings"
	"localrouter/providers"
	"localrouter/providers/llm"
	"localrouter/routing/limits"
)

// noon is the preview's now: the made-up day runs from midnight to here.
var noon = time.Date(2026, time.November, 24, 14, 45, 20, 0, time.UTC)

const adminToken = "admin-token-of-the-preview"

// preview is a real dashboard over a real database and access log; only the gateway and the providers are made up.
type preview struct {
	*dashboard.Dashboard
	o       dashboard.Options
	clock   *clock
	gateway *gateway
	keys    map[string]*db.Key
	tokens  map[string]string
	server  *httptest.Server
	n       int

	settings string // the file
}

type clock struct {
	mu sync.Mutex // guards t
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

// gateway is main's app as the dashboard sees it.
type gateway struct {
	mu      sync.Mutex // guards what follows
	state   dashboard.State
	runs    []dashboard.Run
	stopped [][2]time.Time
}

func (g *gateway) State() dashboard.State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

func (g *gateway) set(status, detail string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.Status, g.state.Detail = status, detail
}

func (g *gateway) Start() error { g.set("running", ""); return nil }
func (g *gateway) Stop() error  { g.set("stopped", ""); return nil }

func (g *gateway) Running() []dashboard.Run {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.runs
}

func (g *gateway) StopRun(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, r := range g.runs {
		if r.ID == id {
			g.runs = append(g.runs[:i:i], g.runs[i+1:]...)
			return true
		}
	}
	return false
}

func (g *gateway) Stopped(_, _ time.Time) [][2]time.Time { return g.stopped }

// registry is the made-up providers.
type registry struct {
	mu       sync.Mutex // guards what follows
	status   []providers.Status
	sources  *llm.Sources
	reloaded int
}

func (r *registry) Status() []providers.Status { return r.status }
func (r *registry) Sources() *llm.Sources      { return r.sources }
func (r *registry) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reloaded++
	return nil
}

func (r *registry) Test(_ context.Context, name string) providers.TestResult {
	if name == "anthropic" {
		return providers.TestResult{Err: &llm.Error{Kind: llm.ProviderAuth, Message: "Anthropic refused the key (401)"}}
	}
	return providers.TestResult{OK: true, Models: 3, Latency: 12 * time.Millisecond}
}

// model is one model of the made-up day.
type model struct {
	provider, id      string
	in, out           llm.PicoUSD // per token
	local             bool
	speed, first, max int
}

var models = []model{
	{"anthropic", "claude-sonnet-4.5", 3e6, 15e6, false, 72, 900, 1400},
	{"openai", "gpt-5", 1250e3, 10e6, false, 68, 1400, 900},
	{"openai", "gpt-5-mini", 250e3, 2e6, false, 120, 420, 500},
	{"ollama", "qwen3:32b", 0, 0, true, 31, 260, 700},
	{"ollama", "gemma3:27b", 0, 0, true, 38, 190, 400},
}

// newPreview makes an empty one; fill gives it a day.
func newPreview(t testing.TB) *preview {
	t.Helper()
	p := &preview{clock: &clock{t: noon}, keys: map[string]*db.Key{}, tokens: map[string]string{}}
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	store, err := db.Open(filepath.Join(dir, "localrouter.db"), db.Options{Now: p.clock.now})
	must(err)
	t.Cleanup(func() { store.Close() })
	vault := secret.Open(secret.Options{Records: store.Records(), KeyFile: filepath.Join(dir, "master.key"), ForceFile: true})
	keys, err := store.OpenKeys(vault, db.KeyOptions{Cost: 4})
	must(err)
	log, err := accesslog.Open(filepath.Join(dir, "logs"), accesslog.Options{Now: p.clock.now})
	must(err)
	t.Cleanup(func() { log.Close() })
	recorder, err := db.OpenRecorder(store, db.RecorderOptions{Sink: log, Now: p.clock.now})
	must(err)
	p.settings = filepath.Join(dir, "settings", "settings.yaml")
	must(os.Mkdir(filepath.Dir(p.settings), 0o700))
	set, err := settings.OpenStore(p.settings, settings.StoreOptions{})
	must(err)
	t.Cleanup(func() { set.Close() })

	p.gateway = &gateway{state: dashboard.State{Status: "running", Address: "127.0.0.1:3636"}}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.ServeHTTP(w, r) }))
	p.o = dashboard.Options{
		Gateway: p.gateway, Keys: keys, Recorder: recorder, Providers: newRegistry(), Settings: set, Secrets: store.OpenSecrets(vault), Vault: vault, Limits: limits.New(limits.Options{Wall: p.clock.now}),
		AdminToken: adminToken, Address: func() string { return p.server.Listener.Addr().String() }, Version: "v0.1.0", Now: p.clock.now,
	}
	p.clock.set(noon.Add(-6*24*time.Hour - 4*time.Hour))
	p.Dashboard = dashboard.New(p.o)
	p.clock.set(noon)
	t.Cleanup(func() {
		p.Close()
		p.server.Close()
	})
	return p
}

func newRegistry() *registry {
	r := &registry{}
	byName := map[string]*llm.Source{}
	var list []*llm.Source
	for _, m := range models {
		s := byName[m.provider]
		if s == nil {
			s = &llm.Source{Name: m.provider, Type: m.provider, Local: m.local, Listed: true}
			byName[m.provider], list = s, append(list, s)
		}
		x := llm.Model{ID: m.id, ContextLength: 200_000}
		if !m.local {
			x.Price = &llm.Price{Input: m.in, CacheRead: m.in / 10, Output: m.out}
		}
		s.Models = append(s.Models, x)
	}
	r.sources = llm.NewSources(list)
	r.status = []providers.Status{
		{Name: "ollama", Type: "ollama", BaseURL: "http://127.0.0.1:11434", Enabled: true, Local: true, State: "healthy", Latency: 12 * time.Millisecond, Models: 9},
		{Name: "openai", Type: "openai", BaseURL: "https://api.openai.com/v1", Enabled: true, State: "healthy", Latency: 210 * time.Millisecond, Models: 28},
		{Name: "anthropic", Type: "anthropic", BaseURL: "https://api.anthropic.com", Enabled: true, State: "degraded", Detail: "slow: 2.4 s for its model list", Latency: 2400 * time.Millisecond, Models: 14},
		{Name: "openrouter", Type: "openrouter", BaseURL: "https://openrouter.ai/api/v1", Enabled: true, State: "unhealthy", Detail: "refused the key (401)", Models: 265},
		{Name: "lm-studio", Type: "openai-compatible", BaseURL: "http://127.0.0.1:1234/v1", State: "off", Models: 3, Local: true},
	}
	return r
}

// fill makes up yesterday and today: five applications with habits of their own. Every figure on a page is a sum of
// these entries, so the pages add up.
func (p *preview) fill(t testing.TB) {
	t.Helper()
	for i, name := range []string{"claude-code", "zed", "notes-rag", "ci-bot", "my-app-1", "old-laptop"} {
		p.clock.set(noon.AddDate(0, 0, -46+6*i))
		key, token, err := p.o.Keys.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		p.keys[name], p.tokens[name] = key, token
	}
	chance := rand.New(rand.NewPCG(7, 11))
	day := time.Date(noon.Year(), noon.Month(), noon.Day()-1, 0, 0, 0, 0, noon.Location())
	for at := day; at.Before(noon.Add(-10 * time.Second)); at = at.Add(time.Minute) {
		for range p.demand(at, chance) {
			start := at.Add(time.Duration(chance.IntN(60)) * time.Second)
			if start.After(noon.Add(-8 * time.Second)) {
				continue
			}
			p.record(p.madeUp(start, chance))
		}
	}
	p.used(t)
	p.gateway.runs = []dashboard.Run{
		{ID: "run-1", Key: "claude-code", Provider: "openai", Model: "gpt-5", Start: noon.Add(-14 * time.Second), Tokens: 1204},
		{ID: "run-2", Key: "my-app-1", Provider: "ollama", Model: "qwen3:32b", Start: noon.Add(-6 * time.Second), Tokens: 212},
		{ID: "run-3", Key: "zed", Asked: "gpt-5-mini", Start: noon.Add(-time.Second)},
	}
	p.gateway.stopped = [][2]time.Time{{noon.Add(-41*time.Minute - 20*time.Second), noon.Add(-36*time.Minute - 20*time.Second)}}
	if err := p.o.Recorder.Flush(); err != nil {
		t.Fatal(err)
	}
}

// used marks each key as used at a moment of its own.
func (p *preview) used(t testing.TB) {
	t.Helper()
	for name, ago := range map[string]time.Duration{"claude-code": 14 * time.Second, "zed": time.Second, "notes-rag": 3 * time.Hour, "ci-bot": 5 * time.Minute, "my-app-1": 6 * time.Second, "old-laptop": 9*24*time.Hour + 5*time.Hour} {
		p.clock.set(noon.Add(-ago))
		if _, err := p.o.Keys.ByToken(p.tokens[name]); err != nil {
			t.Fatal(err)
		}
	}
	p.clock.set(noon)
	if err := p.o.Keys.SetEnabled(p.keys["old-laptop"].ID, false); err != nil {
		t.Fatal(err)
	}
}

// demand is how many requests begin in a minute: quiet nights, busy hours, and five minutes with the gateway stopped.
func (p *preview) demand(at time.Time, chance *rand.Rand) int {
	if !at.Before(noon.Add(-41*time.Minute-20*time.Second)) && at.Before(noon.Add(-36*time.Minute-20*time.Second)) {
		return 0
	}
	rate := 0.05
	switch h := at.Hour(); {
	case h >= 8 && h < 12:
		rate = 1.9
	case h >= 12 && h < 14:
		rate = 1.1
	case h >= 14 && h < 19:
		rate = 2.4
	case h >= 19 && h < 23:
		rate = 0.7
	}
	n := 0
	for range 8 {
		if chance.Float64() < rate/8*(1+0.5*float64(at.Minute()%7)/7) {
			n++
		}
	}
	return n
}

func (p *preview) madeUp(start time.Time, chance *rand.Rand) *db.Entry {
	who := []string{"claude-code", "claude-code", "claude-code", "zed", "zed", "my-app-1", "my-app-1", "ci-bot", "notes-rag"}[chance.IntN(9)]
	m := models[0]
	switch who {
	case "zed":
		m = models[2]
	case "notes-rag":
		m = models[4]
	case "ci-bot":
		m = models[2+chance.IntN(2)]
	case "my-app-1":
		m = models[chance.IntN(len(models))]
	}
	e := &db.Entry{
		Start: start, KeyID: p.keys[who].ID, Key: who, Provider: m.provider, Model: m.id, Asked: m.provider + "/" + m.id,
		Dialect: llm.OpenAI, Op: llm.Chat, Path: "/v1/chat/completions", Stream: true, Status: 200, Finish: "stop",
	}
	e.Usage = llm.Usage{Input: int64(200 + chance.IntN(5200)), Output: int64(20 + chance.IntN(m.max))}
	if who == "claude-code" {
		e.Usage.CacheRead = int64(chance.IntN(9000))
	}
	e.FirstToken = time.Duration(m.first/2+chance.IntN(m.first)) * time.Millisecond
	e.Latency = e.FirstToken + time.Duration(float64(e.Usage.Output)/(float64(m.speed)*(0.8+0.4*chance.Float64()))*float64(time.Second))
	e.CostSource = llm.CostComputed
	e.Cost = (&llm.Price{Input: m.in, CacheRead: m.in / 10, Output: m.out}).Cost(e.Usage)
	if m.local {
		e.CostSource, e.Cost = llm.CostLocal, 0
	}
	switch chance.IntN(70) {
	case 0:
		e.Status, e.Kind, e.Error = 429, llm.RateLimited, "Anthropic asks to wait 12 s (429)"
		e.Usage, e.Cost, e.FirstToken, e.Latency, e.Finish = llm.Usage{}, 0, 0, 340*time.Millisecond, ""
	case 1:
		e.Status, e.Kind, e.Finish = 499, llm.ClientGone, ""
		e.Usage.Estimated = true
	}
	return e
}

// record counts one entry under the next id.
func (p *preview) record(e *db.Entry) {
	p.n++
	e.ID = fmt.Sprintf("req-%d", p.n)
	p.o.Recorder.Record(e)
}

// login opens a session and returns its token.
func (p *preview) login(t testing.TB) string {
	t.Helper()
	url, err := p.LoginURL()
	if err != nil {
		t.Fatal(err)
	}
	return p.redeem(t, url)
}
