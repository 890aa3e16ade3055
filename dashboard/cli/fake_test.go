package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"localrouter/dashboard/cli"
	"localrouter/db/settings"
)

// fakeToken is what the fake takes as proof on its port.
const fakeToken = "admin-token-of-the-fake"

// fakeKey is the key the fake hands out, in the shape of a real one.
const fakeKey = "lr-4TnQ7abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL"

type fakeRecord struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Prefix  string  `json:"prefix"`
	Created string  `json:"created"`
	Used    *string `json:"last_used"`
	Enabled bool    `json:"enabled"`
	Intern  bool    `json:"internal"`

	fakeTerms
}

type fakeTerms struct {
	Selection string           `json:"selection"`
	Mode      string           `json:"mode"`
	AllowList []string         `json:"allow_list,omitempty"`
	LocalOnly bool             `json:"local_only"`
	Strict    bool             `json:"strict"`
	Rehearse  bool             `json:"rehearse"`
	Limits    []map[string]any `json:"limits,omitempty"`
	Budget    map[string]any   `json:"budget,omitempty"`
	Expires   string           `json:"expires,omitempty"`
	Notes     []string         `json:"notes,omitempty"`
}

// fake is a running program as the command line sees it: the admin API of the contract and a gateway that answers one
// chat. It knows nothing of the real one, so a drift between the two shows in the tests of main.
type fake struct {
	mu        sync.Mutex // guards what follows
	keys      []fakeRecord
	providers []map[string]any
	models    []map[string]any
	routers   []map[string]any
	preview   map[string]any
	status    map[string]any
	spent     map[string]any
	asked     []string // "METHOD PATH BODY" of each call but GET /status
	broken    bool     // the gateway's answers end without their end mark
}

func newFake(scenario string) *fake {
	used, plain := "2026-11-20T08:00:00Z", fakeTerms{Selection: "router/minimum-cost", Mode: "asked"}
	f := &fake{
		keys: []fakeRecord{
			{"k1", "my-app-1", "lr-AAAA1", "2026-11-01T10:00:00Z", &used, true, false, plain},
			{"k2", "my-app-2", "lr-BBBB2", "2026-11-02T10:00:00Z", nil, false, false, plain},
			{"k3", "demo", "lr-CCCC3", "2026-11-02T10:00:00Z", nil, true, true, plain},
		},
		models: []map[string]any{{"id": "demo/demo", "context_length": 8192, "price": map[string]any{"local": true}}},
		status: map[string]any{
			"status": "running", "address": "127.0.0.1:3636", "dashboard": "127.0.0.1:3637", "version": "v0.1.0", "pid": 4711,
			"home": "", "uptime_seconds": 7384.2, "notices": []string{}, "settings_error": "",
			"vault": map[string]any{"status": "ready", "backend": "file", "detail": ""},
			"today": map[string]any{"requests": 312, "tokens": 1_234_567, "cost_usd": 0.8412, "errors": 2},
		},
	}
	f.spent = map[string]any{"today_usd": 0, "month_usd": 0, "budgets": []any{}}
	f.routers = []map[string]any{
		{"name": "minimum-cost", "title": "Minimum Cost", "strategies": []string{"local_first", "lowest_cost"}, "fallback": true, "default": "yes", "candidates": 12},
		{"name": "maximum-performance", "title": "Strong", "strategies": []string{"highest_performance"}, "include": []string{"openai/*", "ollama"}, "exclude": []string{"*/tiny"},
			"capabilities": []string{"tools"}, "min_parameters": "7B", "free_only": true, "default": "changed", "candidates": 0},
		{"name": "mine", "manual": []string{"ollama/qwen3:32b", "openai/gpt-5"}, "fallback": true, "limits": []map[string]any{{"kind": "requests", "limit": 5, "window": "1m"}}},
	}
	f.preview = map[string]any{"name": "minimum-cost", "strategies": []string{"local_first", "lowest_cost"}, "input_tokens": 1000, "output_tokens": 512, "candidates": []map[string]any{
		{"provider": "ollama", "model": "qwen3:32b", "figures": []string{"local", "costs nothing"}, "price": map[string]any{"local": true}, "context_length": 40_960, "latency_ms": 260, "health": "healthy"},
		{"provider": "openai", "model": "gpt-5-mini", "figures": []string{"remote", "$0.0013"}, "price": map[string]any{"input": 0.25, "output": 2}, "context_length": 400_000, "latency_ms": 420, "health": "degraded"},
		{"provider": "anthropic", "model": "claude-sonnet-4.5", "left_out": "rate limited, 12 s left", "price": map[string]any{"input": 3, "output": 15}},
	}}
	switch scenario {
	case "budgets":
		f.spent = map[string]any{"today_usd": 4.1, "month_usd": 12.5, "budgets": []map[string]any{
			{"account": "machine", "period": "day", "spent_usd": 4.1, "reserved_usd": 0.25, "of_usd": 5, "until": "2026-11-21T00:00:00Z", "allowed_until": nil},
			{"account": "k1", "name": "my-app-1", "period": "day", "spent_usd": 1, "of_usd": 1, "until": "2026-11-21T00:00:00Z", "allowed_until": "2026-11-20T15:00:00Z", "allowed_today": true},
			{"account": "k1", "name": "my-app-1", "period": "month", "spent_usd": 12.5, "of_usd": 100, "until": "2026-12-01T00:00:00Z", "allowed_until": nil, "allowed_today": true},
		}}
	case "troubled":
		f.status["status"], f.status["detail"] = "degraded", "no provider answers"
		f.status["today"].(map[string]any)["cost_unknown"] = 3
		f.status["settings_error"] = "settings.yaml:7:3: unknown field prot; did you mean port\nsettings.yaml:9:1: bad port"
		f.status["vault"] = map[string]any{"status": "locked", "backend": "keyring", "detail": "unlock the login keyring"}
		f.status["notices"] = []string{"the database was damaged; the copy of 10:00 was restored"}
	case "stopped":
		f.status["status"] = "stopped"
	case "remote":
		f.models = []map[string]any{
			{"id": "openai/text-embedding-3-small", "context_length": 8191, "price": map[string]any{"input": 0.02, "output": 0}},
			{"id": "openai/gpt-4o-mini", "context_length": 128000, "price": map[string]any{"input": 0.15, "output": 0.6}},
			{"id": "evil/\x1b[2Jmodel", "context_length": 0, "price": nil},
		}
		f.providers = []map[string]any{{"name": "openai", "type": "openai", "base_url": "https://api.openai.com/v1", "enabled": true,
			"local": false, "state": "degraded", "detail": "slow: 2.4 s", "latency_ms": 2400, "models": 2}}
	case "local":
		f.models = []map[string]any{
			{"id": "openai/gpt-4o-mini", "context_length": 128000, "price": map[string]any{"input": 0.15, "output": 0.6}},
			{"id": "ollama/nomic-embed-text", "context_length": 2048, "price": map[string]any{"local": true}},
			{"id": "ollama/llama3.3", "context_length": 131072, "price": map[string]any{"local": true}},
		}
		f.providers = []map[string]any{{"name": "ollama", "type": "ollama", "base_url": "http://127.0.0.1:11434", "enabled": true,
			"local": true, "state": "healthy", "detail": "", "latency_ms": 12, "models": 2}}
	case "twins":
		f.keys = append(f.keys, fakeRecord{"k4", "my-app-1", "lr-DDDD4", "2026-11-03T10:00:00Z", nil, true, false, plain})
	case "limited":
		f.keys[0].Limits = []map[string]any{{"kind": "requests", "limit": 100, "window": "1m"}, {"kind": "cost", "limit": 0.5, "window": "30d"}}
		f.keys[0].Expires = "2125-02-01T00:00:00Z"
		f.keys[2].Expires = "2026-01-31T18:30:00Z"
	case "bounded":
		f.keys[0].fakeTerms = fakeTerms{Selection: "ollama/llama3.3", Mode: "selected", AllowList: []string{"ollama", "openai/*"}, LocalOnly: true, Strict: true,
			Budget: map[string]any{"day": 2, "month": 20.5}}
		f.keys[1].AllowList, f.keys[1].Rehearse, f.keys[2].LocalOnly = []string{"openrouter/anthropic/*"}, true, true
	case "busy":
		f.providers = []map[string]any{
			{"name": "ollama", "type": "ollama", "base_url": "http://127.0.0.1:11434", "enabled": true, "local": true, "state": "unhealthy", "latency_ms": 12, "models": 2,
				"detail": "resting after 2 failures, 9 s left", "running": 1, "waiting": 3, "max_parallel": 1,
				"rests": []map[string]any{{"model": "gemma3:27b", "detail": "the provider does not know it, 4 min left"}}},
			{"name": "openai", "type": "openai", "base_url": "https://api.openai.com/v1", "enabled": true, "state": "degraded", "latency_ms": 210, "models": 28, "plan": "free",
				"detail": "rate limited, 12 s left", "rests": []map[string]any{{"credential": "second", "detail": "key refused"}}},
		}
	case "catalog":
		f.models = []map[string]any{
			{"id": "openai/gpt-5", "context_length": 400_000, "max_output": 128_000, "capabilities": []string{"tools", "vision"}, "price": map[string]any{"input": 1.25, "output": 10}},
			{"id": "ollama/qwen3:32b", "context_length": 40_960, "parameters": 32_800_000_000, "capabilities": []string{"tools"}, "price": map[string]any{"local": true}},
			{"id": "max/claude", "context_length": 200_000, "capabilities": []string{}, "price": map[string]any{"flat": true, "input": 3, "output": 15}},
			{"id": "lab/tiny", "parameters": 360_000_000, "capabilities": []string{}, "price": nil},
		}
	case "offline":
		f.status["offline"] = true
	case "broken":
		f.broken = true
	case "empty":
		f.keys, f.models, f.routers = []fakeRecord{}, []map[string]any{}, []map[string]any{}
	}
	return f
}

// admin is the admin API; with a token it is asked for.
func (f *fake) admin(token string) http.Handler {
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	refuse := func(w http.ResponseWriter, code int, message, next string) {
		w.WriteHeader(code)
		reply(w, map[string]any{"error": map[string]string{"message": message, "next_step": next}})
	}
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, f.status) })
	mux.HandleFunc("POST /open", func(w http.ResponseWriter, _ *http.Request) {
		page := map[string]string{"url": "http://127.0.0.1:3637/login#CODE"}
		if f.status["status"] == "degraded" {
			page["detail"] = "there is no display"
		}
		reply(w, page)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]any{"keys": f.keys}) })
	mux.HandleFunc("POST /keys", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Name string }
		json.NewDecoder(r.Body).Decode(&in)
		if in.Name == "" {
			in.Name = "my-app-3"
		}
		reply(w, map[string]string{"id": "k9", "name": in.Name, "key": fakeKey})
	})
	mux.HandleFunc("POST /keys/internal", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]string{"key": fakeKey}) })
	mux.HandleFunc("POST /keys/{id}/regenerate", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]string{"key": fakeKey}) })
	mux.HandleFunc("PATCH /keys/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, k := range f.keys {
			if k.ID != r.PathValue("id") {
				continue
			}
			k.AllowList, k.Limits, k.Budget = nil, nil, nil // what is sent takes their place
			json.NewDecoder(r.Body).Decode(&k)
			if k.Expires == "never" {
				k.Expires = ""
			}
			if k.Selection == "openai/gpt-9" {
				k.Notes = []string{"openai does not list gpt-9; it is asked for it all the same."}
			}
			reply(w, k)
			return
		}
	})
	mux.HandleFunc("PUT /offline", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	mux.HandleFunc("DELETE /keys/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "k3" {
			refuse(w, http.StatusConflict, "demo is the program's own key", "leave it; it lives in memory only")
		}
	})
	mux.HandleFunc("GET /providers", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]any{"providers": f.providers}) })
	mux.HandleFunc("POST /providers", func(w http.ResponseWriter, _ *http.Request) {})
	mux.HandleFunc("PUT /providers/{name}/key", func(w http.ResponseWriter, _ *http.Request) {})
	mux.HandleFunc("DELETE /providers/{name}", func(w http.ResponseWriter, _ *http.Request) {})
	mux.HandleFunc("POST /providers/{name}/test", func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("name") {
		case "ollama":
			reply(w, map[string]any{"ok": true, "models": 2, "latency_ms": 12.4})
		case "openai":
			reply(w, map[string]any{"ok": false, "error": "the key was refused", "next_step": "store another with set-key"})
		default:
			refuse(w, http.StatusNotFound, "there is no provider "+r.PathValue("name")+".", "look at the list")
		}
	})
	mux.HandleFunc("GET /budget", func(w http.ResponseWriter, _ *http.Request) { reply(w, f.spent) })
	mux.HandleFunc("POST /budget/allow", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Account string }
		json.NewDecoder(r.Body).Decode(&in)
		if in.Account == "k2" {
			refuse(w, http.StatusConflict, "the key my-app-2 was allowed its hour of today already", "raise the budget, or wait for the next day")
			return
		}
		reply(w, map[string]string{"until": "2026-11-20T15:00:00Z"})
	})
	mux.HandleFunc("PATCH /providers/{name}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /providers/{name}/retry", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /routers", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]any{"routers": f.routers}) })
	mux.HandleFunc("POST /routers/restore", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"restored": []string{"minimum-cost"}})
	})
	mux.HandleFunc("PUT /routers/{name}", func(w http.ResponseWriter, _ *http.Request) {})
	mux.HandleFunc("DELETE /routers/{name}", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]any{"keys": []string{"my-app-1"}}) })
	mux.HandleFunc("GET /routers/{name}/preview", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("name") != "minimum-cost" {
			refuse(w, http.StatusNotFound, `there is no router named "`+r.PathValue("name")+`"`, `did you mean "minimum-cost"?`)
			return
		}
		reply(w, f.preview)
	})
	mux.HandleFunc("GET /models", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]any{"models": f.models}) })
	mux.HandleFunc("GET /requests/{id}", func(w http.ResponseWriter, r *http.Request) {
		reply(w, map[string]any{"id": r.PathValue("id"), "provider": "demo", "model": "demo", "input_tokens": 21, "output_tokens": 1203, "cost_usd": 0, "cost_source": "local"})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			refuse(w, http.StatusUnauthorized, "the admin token is missing or wrong", "run as the same user")
			return
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		f.mu.Lock()
		if r.URL.Path != "/admin/v1/status" {
			f.asked = append(f.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
		}
		f.mu.Unlock()
		http.StripPrefix("/admin/v1", mux).ServeHTTP(w, r)
	})
}

// gateway answers chats as the demo provider would, with the oddities of real streams: CRLF, comments, reasoning.
func (f *fake) gateway(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+fakeKey {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":{"message":"the key is not known","code":"invalid_api_key"}}`)
		return
	}
	var in struct{ Model string }
	json.NewDecoder(r.Body).Decode(&in)
	if in.Model == "nobody/nothing" {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":{"message":"model nobody/nothing is not known; see /v1/models.","code":"model_not_found"}}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-LocalRouter-Route", in.Model)
	w.Header().Set("X-LocalRouter-Request-Id", "req-1")
	for _, event := range []string{
		": hello\r\n\r\n",
		`data: {"choices":[{"delta":{"role":"assistant"}}]}` + "\r\n\r\n",
		`data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}` + "\r\n\r\n",
		`data: {"choices":[{"delta":{"content":"I am the demo.\n"}}]}` + "\r\n\r\n",
		`data:{"choices":[{"delta":{"content":"Add a \u001b[31mprovider."}}]}` + "\n\n",
	} {
		io.WriteString(w, event)
		http.NewResponseController(w).Flush()
	}
	if !f.broken {
		io.WriteString(w, `data: {"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":7}}`+"\n\ndata: [DONE]\n\n")
	}
}

// listen serves the fake on dashboard and gateway ports (0: free ones) and leaves the runtime file under home, as the
// real program does. The returned function ends it.
func (f *fake) listen(home string, gatewayPort, dashboardPort int) (stop func(), err error) {
	var servers []*http.Server
	var running sync.WaitGroup
	stop = func() {
		for _, s := range servers {
			s.Close()
		}
		running.Wait()
		os.RemoveAll(filepath.Join(home, "run"))
	}
	serve := func(port int, h http.Handler) (string, error) {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return "", err
		}
		s := &http.Server{Handler: h}
		servers = append(servers, s)
		running.Go(func() { s.Serve(l) })
		return l.Addr().String(), nil
	}
	dashboard, err := serve(dashboardPort, f.admin(fakeToken))
	if err != nil {
		return stop, err
	}
	if gatewayPort != 0 {
		if f.status["address"], err = serve(gatewayPort, http.HandlerFunc(f.gateway)); err != nil {
			return stop, err
		}
	}
	run := filepath.Join(home, "run")
	if err := os.MkdirAll(run, 0o700); err != nil {
		return stop, err
	}
	if err := os.WriteFile(filepath.Join(run, "admin.token"), []byte(fakeToken+"\n"), 0o600); err != nil {
		return stop, err
	}
	data, _ := json.Marshal(map[string]any{"pid": os.Getpid(), "gateway": f.status["address"], "dashboard": dashboard, "version": "v0.1.0"})
	return stop, os.WriteFile(filepath.Join(run, "runtime.json"), data, 0o600)
}

// fakeApp is what main would hand to the command line. FAKE_RUN says what Run is to do.
type fakeApp struct{}

func (fakeApp) Version() string { return "v0.1.0" }

func (fakeApp) Run(ctx context.Context, o cli.RunOptions) error {
	home := o.Home
	if home == "" {
		home = os.Getenv("LOCALROUTER_HOME")
	}
	switch os.Getenv("FAKE_RUN") {
	case "show":
		fmt.Fprintf(o.Out, "headless=%v host=%s port=%d dashboard=%d home=%s\n", o.Headless, o.Override.Host, o.Override.Port, o.Override.DashboardPort, filepath.Base(o.Home))
		return nil
	case "locked":
		return fmt.Errorf("opening the database: %w", cli.ErrRunning)
	case "fail":
		fmt.Fprintln(o.Out, "looking for a keyring")
		return errors.New("the settings cannot be read (settings.yaml:3:1)\n  3 | prot: 1; correct the line")
	}
	stop, err := newFake(os.Getenv("FAKE_SCENARIO")).listen(home, o.Override.Port, o.Override.DashboardPort)
	defer stop()
	if err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// offlineApp can also open the stores without running.
type offlineApp struct{ fakeApp }

func (offlineApp) Admin(_ context.Context, o cli.RunOptions) (http.Handler, func() error, error) {
	switch os.Getenv("FAKE_OFFLINE") {
	case "locked":
		return nil, nil, cli.ErrRunning
	case "fail":
		return nil, nil, errors.New("the folder is not writable")
	}
	f := newFake(os.Getenv("FAKE_SCENARIO"))
	f.status["status"] = "stopped"
	if o.Override.Port != 0 {
		f.status["address"] = fmt.Sprintf("127.0.0.1:%d", o.Override.Port)
	}
	return f.admin(""), func() error {
		if os.Getenv("FAKE_OFFLINE") == "badclose" {
			return errors.New("the disk is full")
		}
		return nil
	}, nil
}

var (
	_ cli.App       = fakeApp{}
	_ cli.Offline   = offlineApp{}
	_ cli.Versioned = fakeApp{}
)

// locate is a check that the fake's files stand where the real ones do.
func TestTheFakeStandsWhereTheRealOneDoes(t *testing.T) {
	home := t.TempDir()
	paths, err := settings.Locate(home, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	stop, err := newFake("").listen(home, 0, 0)
	defer stop()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{paths.Runtime, paths.AdminToken} {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
}
