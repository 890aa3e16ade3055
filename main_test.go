package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"localrouter/dashboard/cli"
	"localrouter/db"
	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing/limits"
)

// rule says what a room of the house may import of the house, and why no more.
type rule struct {
	room   string
	may    []string // of ours; a trailing /... takes the folder and all below it
	reason string
}

var rules = []rule{
	{"providers/llm", nil, "the neutral language must not know who speaks it"},
	{"providers/sse", nil, "framing of bytes knows no vendor"},
	{"assets", nil, "files and their names, nothing else"},
	{"assets/...", []string{"assets"}, "generators of files"},
	{"db/secret/nobus", nil, "it must be initialised before everything but os"},
	{"db/secret", []string{"providers/llm", "db/secret/nobus"}, "the vault must be usable by any store"},
	{"db/settings", []string{"providers/llm"}, "settings are values; what they configure depends on them, not the reverse"},
	{"providers/wire", []string{"providers/llm"}, "shared by all clients, so it may know none"},
	{"db/accesslog", []string{"db", "providers/llm"}, "the log is one sink of the recorder"},
	{"db", []string{"providers/llm", "db/secret", "db/settings"}, "the recorder takes a Sink that main wires; never accesslog"},
	{"providers/upstream", []string{"providers/llm", "providers/sse", "providers/wire"}, "how a provider is asked, whatever its dialect"},
	{"providers/tokens", []string{"providers/llm", "providers/wire"}, "counting knows no vendor's client; what an escape means it asks wire"},
	{"providers/tokens/gen", nil, "makes the tokenizer's data by hand"},
	{"providers/catalog/gen", nil, "makes the catalogue's data by hand"},
	{"providers/catalog", []string{"providers/llm"}, "facts are values"},
	{"providers/openai", []string{"providers/llm", "providers/sse", "providers/wire", "providers/upstream", "providers/tokens"}, "dialects never know each other"},
	{"providers/anthropic", []string{"providers/llm", "providers/sse", "providers/wire", "providers/upstream", "providers/tokens"}, "dialects never know each other"},
	{"providers/providertest", []string{"providers/llm", "providers/sse"}, "the hostile upstream stands alone"},
	{"providers", []string{"providers/...", "db/settings"}, "from settings to live providers"},
	{"routing/limits", []string{"db/settings"}, "windows know keys by their ids and the time they are told, nothing of requests"},
	{"routing/health", []string{"providers/llm", "db/settings"}, "how targets stand is told to it: it asks no provider and knows no database"},
	{"routing", []string{"providers/llm", "db/settings", "routing/health"}, "routing knows no HTTP and no vendor"},
	{"server", []string{"db", "db/settings", "routing", "routing/limits", "providers/llm", "providers/tokens"}, "codecs come as values: no vendor package in the server"},
	{"dashboard/cli", []string{"db/settings", "db/secret", "db/accesslog", "providers/llm"}, "the command line is a client of the admin API"},
	{"dashboard", []string{"assets", "db", "db/...", "providers", "providers/llm", "routing", "routing/health", "routing/limits"}, "the page a person sees"},
	{"tray/traytest", nil, "the desktop of tests stands alone"},
	{"tray", []string{"assets"}, "the tray is a guest: the program is whole without it"},
}

// module is the path all our packages start with.
const module = "localrouter"

// TestImportRules keeps the house in order: who may know whom.
func TestImportRules(t *testing.T) {
	for file, imports := range sources(t, false) {
		room := filepath.ToSlash(filepath.Dir(file))
		if room == "." {
			continue // main wires everything
		}
		r := ruleFor(room)
		if r == nil {
			t.Errorf("%s: no rule names the room %s; add one with its reason", file, room)
			continue
		}
		for _, imp := range imports {
			ours, ok := strings.CutPrefix(imp, module+"/")
			if imp == module {
				ours, ok = "main", true
			}
			if ok && ours != room && !allowed(r.may, ours) {
				t.Errorf("%s imports %s: %s", file, imp, r.reason)
			}
			if strings.HasPrefix(room, "routing") && imp == "net/http" || room == "providers/llm" && imp == "net/http" {
				t.Errorf("%s imports net/http: %s", file, r.reason)
			}
			for _, testOnly := range []string{"providers/providertest", "server/sdktest", "providers/catalog/gen", "providers/tokens/gen", "tray/traytest"} {
				if ok && ours == testOnly {
					t.Errorf("%s imports %s, which is for tests only", file, imp)
				}
			}
		}
	}
}

// TestPackageComments notices a package that does not say what it knows.
func TestPackageComments(t *testing.T) {
	said := map[string]bool{}
	for file := range sources(t, false) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		said[dir] = said[dir] || f.Doc.Text() != ""
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s: the package has no comment", dir)
		}
	}
}

// TestTopLevel keeps the layout that the users fixed.
func TestTopLevel(t *testing.T) {
	fixed := []string{"main.go", "main_test.go", "tray", "server", "dashboard", "providers", "routing", "db", "assets", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE"}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.Contains(fixed, name) || name == "localrouter" || name == "localrouter.exe" {
			continue
		}
		t.Errorf("%s does not belong at the top level", name)
	}
}

func ruleFor(room string) *rule {
	for i := range rules {
		if rules[i].room == room {
			return &rules[i]
		}
	}
	for i := range rules {
		if allowed([]string{rules[i].room}, room) {
			return &rules[i]
		}
	}
	return nil
}

func allowed(list []string, room string) bool {
	for _, may := range list {
		if may == room {
			return true
		}
		if below, ok := strings.CutSuffix(may, "/..."); ok && strings.HasPrefix(room, below+"/") {
			return true
		}
	}
	return false
}

// sources lists our Go files with what they import; nested modules and testdata are left out.
func sources(t *testing.T, tests bool) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || !tests && strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		found[path] = nil
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[path] = append(found[path], p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The whole program, as a person meets it: this test binary is the program when the environment says so.

const asProgram = "LOCALROUTER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// often is how many times something is tried: few for every day, n in the long proofs (make full).
func often(few, n int) int {
	if os.Getenv("LOCALROUTER_FULL") == "1" {
		return n
	}
	return few
}

// home is a folder of the program with ports of its own.
type home struct {
	t           *testing.T
	dir         string
	port, pages int
}

func newHome(t *testing.T) *home {
	h := &home{t: t, dir: t.TempDir()}
	h.port, h.pages = freePort(t), freePort(t)
	return h
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (h *home) env() []string {
	return []string{asProgram + "=1", "LOCALROUTER_HOME=" + h.dir, fmt.Sprint("LOCALROUTER_PORT=", h.port), fmt.Sprint("LOCALROUTER_DASHBOARD_PORT=", h.pages), "NO_COLOR=1", "BROWSER=true"}
}

func (h *home) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", h.port, path) }

// command prepares a run of the program without a desktop.
func (h *home) command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); name != "DISPLAY" && name != "WAYLAND_DISPLAY" && name != "DBUS_SESSION_BUS_ADDRESS" {
			c.Env = append(c.Env, v)
		}
	}
	c.Env = append(c.Env, h.env()...)
	return c
}

// run runs a command to its end.
func (h *home) run(args ...string) (out string, exit int) {
	h.t.Helper()
	b, err := h.command(args...).CombinedOutput()
	if exited, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(b), exited.ExitCode()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b), 0
}

func (h *home) must(args ...string) string {
	h.t.Helper()
	out, exit := h.run(args...)
	if exit != 0 {
		h.t.Fatalf("%v ended with %d:\n%s", args, exit, out)
	}
	return out
}

// serve starts the program and waits until it can be asked.
func (h *home) serve() *exec.Cmd {
	h.t.Helper()
	c := h.command("serve")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if h.t.Failed() {
			h.t.Logf("serve said:\n%s", said.String())
		}
	})
	h.until("the program answers", func() bool {
		b, err := os.ReadFile(filepath.Join(h.dir, "run", "runtime.json"))
		return err == nil && strings.Contains(string(b), fmt.Sprintf(`"pid": %d,`, c.Process.Pid))
	})
	return c
}

// until waits for a thing to become true.
func (h *home) until(what string, is func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.Tick(10 * time.Millisecond); !is(); <-tick {
		if time.Now().After(deadline) {
			h.t.Fatal("it never came to be that " + what)
		}
	}
}

func (h *home) status() (s struct {
	Status, Detail string
	SettingsError  string `json:"settings_error"`
	Notices        []string
}) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(h.must("status", "--json")), &s); err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *home) newKey(name string, terms ...string) string {
	h.t.Helper()
	var k struct{ Key string }
	if err := json.Unmarshal([]byte(h.must(append([]string{"keys", "new", name, "--json"}, terms...)...)), &k); err != nil || !strings.HasPrefix(k.Key, "lr-") {
		h.t.Fatalf("keys new: %v, %q", err, k.Key)
	}
	return k.Key
}

// chat asks model and returns status and body; 0 where nothing answers.
func (h *home) chat(key, model string, stream bool) (int, string) {
	h.t.Helper()
	code, body, _ := h.ask(key, model, stream)
	return code, body
}

// ask is chat with the header of the answer.
func (h *home) ask(key, model string, stream bool) (int, string, http.Header) {
	h.t.Helper()
	r, err := http.NewRequest("POST", h.url("/v1/chat/completions"), strings.NewReader(fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":"hi"}]}`, model, stream)))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), resp.Header
}

// TestDemoOnAFreshMachine is the README's first command.
func TestDemoOnAFreshMachine(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	out := h.must("demo")
	for _, want := range []string{"Asking demo/demo", "built-in demo", "route", "tokens", "$0, local", "Where to go next"} {
		if !strings.Contains(out, want) {
			t.Errorf("demo does not say %q:\n%s", want, out)
		}
	}
	if _, err := os.Stat(filepath.Join(h.dir, "run", "runtime.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the demo the program seems to run still: %v", err)
	}
	h.serve()
	if out := h.must("demo", "--json"); !strings.Contains(out, `"demo/demo"`) {
		t.Errorf("the demo of a running program: %s", out)
	}
}

// TestKillLosesNothing kills the program at any moment: every key that was shown works afterwards.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	var keys []string
	for i := range often(4, 100) {
		c := h.serve()
		keys = append(keys, h.newKey(fmt.Sprint("app-", i)))
		for _, key := range keys[max(0, len(keys)-3):] {
			if code, body := h.chat(key, "demo/demo", false); code != 200 {
				t.Fatalf("after %d kills a key does not work: %d %s", i, code, body)
			}
		}
		c.Process.Kill()
		c.Wait()
	}
	if out := h.must("keys", "list", "--json"); strings.Count(out, `"enabled": true`) != len(keys) { // with the program not running
		t.Errorf("%d keys were shown, the list has\n%s", len(keys), out)
	}
}

// TestLimitsOutliveAKill kills the program in the middle of a window: what was used more than a second before is not
// given back, and the command line changes limits in both states.
func TestLimitsOutliveAKill(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	key := h.newKey("app", "--limit", "requests=4/1h", "--limit", "tokens=1000000/1d", "--limit", "cost=5/30d") // not running yet
	c := h.serve()
	ask := func(want int, when string) http.Header {
		t.Helper()
		code, body, header := h.ask(key, "demo/demo", false)
		if code != want {
			t.Fatalf("%s: %d %s, want %d", when, code, body, want)
		}
		return header
	}
	for range 3 {
		ask(200, "before the kill")
	}
	saved := time.Now().Add(1500 * time.Millisecond)
	h.until("a second has passed", func() bool { return time.Now().After(saved) })
	c.Process.Kill()
	c.Wait()
	c = h.serve()
	left := ask(200, "after the kill")
	if left.Get("X-Ratelimit-Remaining-Requests") != "0" || left.Get("X-Ratelimit-Limit-Cost") != "5" || left.Get("X-Ratelimit-Remaining-Cost") != "5" {
		t.Errorf("after the kill: %v", left)
	}
	wait, _ := strconv.Atoi(ask(429, "at the limit").Get("Retry-After"))
	if wait < 3500 || wait > 3600 {
		t.Errorf("told to wait %d s", wait)
	}
	h.must("keys", "set", "app", "--limit", "requests=5/1h")
	ask(200, "with a raised limit")
	ask(429, "at the raised limit")
	c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if out := h.must("keys", "list"); !strings.Contains(out, "requests=5/1h") { // with the program not running
		t.Errorf("keys list:\n%s", out)
	}
	h.serve()
	if out := h.must("budget"); !strings.Contains(out, "Spent $0 today and $0 this month.") {
		t.Errorf("budget:\n%s", out)
	}
	ask(429, "after a quit")
	h.must("keys", "set", "app", "--no-limits")
	if header := ask(200, "without limits"); header.Get("X-Ratelimit-Limit-Requests") != "" {
		t.Errorf("without limits: %v", header)
	}
}

// TestANewBudgetKnowsWhatItsDayHasCost: a cap that is set at noon counts the morning, and a person is told at 80 %.
func TestANewBudgetKnowsWhatItsDayHasCost(t *testing.T) {
	t.Parallel()
	a, err := program{}.open(t.Context(), cli.RunOptions{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	key, _, err := a.keys.Create("app")
	if err != nil {
		t.Fatal(err)
	}
	a.recorder.Record(&db.Entry{ID: "r1", Start: time.Now(), KeyID: key.ID, Key: "app", Provider: "p", Model: "m", Status: 200, Cost: 3 * llm.USD, CostSource: llm.CostReported})
	conf := a.conf.Load().Clone()
	conf.Budget = settings.Budget{Day: int64(5 * llm.USD)}
	a.conf.Store(conf)
	if err := a.keys.SetBudget(key.ID, settings.Budget{Month: int64(4 * llm.USD)}); err != nil { // which also takes up the settings
		t.Fatal(err)
	}
	k := a.keys.Get(key.ID)
	of := limits.OfKey(k.ID, k.Name, k.Revision, k.Limits, k.Budget)
	for _, p := range a.limits.Purses(a.limits.Machine(), &of) {
		if p.Spent != int64(3*llm.USD) {
			t.Errorf("%s, %s: %d are known to be spent, want 3 USD", p.Name, p.Period, p.Spent)
		}
	}
	cost := limits.Amounts{settings.LimitRequests: 1, settings.LimitCost: int64(llm.USD) / 2}
	ticket, refusals := a.limits.Admit(&limits.Claim{Expected: cost, Least: cost}, &of, a.limits.Machine())
	if refusals != nil {
		t.Fatal(refusals)
	}
	ticket.Settle(cost)
	select {
	case n := <-(menu{a}).Notices():
		if n.Title != "The key app has spent 80 % of its money" || !strings.Contains(n.Text, "$4 for this month") || !strings.Contains(n.Text, "$3.50 are spent") {
			t.Errorf("told %+v", n)
		}
	default:
		t.Error("nobody was told")
	}
}

// TestAnExpiredKeyEndsItsStream within a second, and says why.
func TestAnExpiredKeyEndsItsStream(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			fmt.Fprint(w, `{"object":"list","data":[{"id":"slow"}]}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer upstream.Close()
	h := newHome(t)
	h.serve()
	h.must("providers", "add", "lab", "--type", "openai-compatible", "--base-url", upstream.URL+"/v1")
	key := h.newKey("guest")
	end := time.Now().Add(4 * time.Second).Truncate(time.Second)
	h.must("keys", "set", "guest", "--expires", end.Format(time.RFC3339))
	code, body := h.chat(key, "lab/slow", true)
	if late := time.Since(end); code != 200 || !strings.Contains(body, `"a"`) || !strings.Contains(body, "key_expired") || late < 0 || late > time.Second {
		t.Errorf("%v after its end: %d %s", late, code, body)
	}
	if code, body := h.chat(key, "demo/demo", false); code != 403 || !strings.Contains(body, "key_expired") || !strings.Contains(body, "keys set guest --expires") {
		t.Errorf("afterwards: %d %s", code, body)
	}
	h.must("keys", "set", "guest", "--expires", "never")
	if code, body := h.chat(key, "nobody/none", false); code != 404 { // the key is good again, the model never was
		t.Errorf("with more time: %d %s", code, body)
	}
}

// TestParallelStartsLeaveOne starts the program many times at once.
func TestParallelStartsLeaveOne(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	n := often(10, 50)
	ended := make(chan int, n)
	var all []*exec.Cmd
	for range n {
		c := h.command("serve")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		go func() {
			c.Wait()
			ended <- c.ProcessState.ExitCode()
		}()
	}
	for range n - 1 {
		select {
		case code := <-ended:
			if code != 3 {
				t.Errorf("a second instance ended with %d, want 3", code)
			}
		case <-time.After(60 * time.Second):
			t.Fatal("more than one instance lives")
		}
	}
	// The tray program asks the one that lives to show itself.
	if out, exit := h.run(); exit != 0 || !strings.Contains(out, "already running") {
		t.Errorf("the tray program beside a running one: %d %s", exit, out)
	}
	for _, c := range all {
		c.Process.Signal(syscall.SIGTERM)
	}
	if code := <-ended; code != 0 {
		t.Errorf("the survivor ended with %d on SIGTERM, want 0", code)
	}
}

// TestPortInUse holds the port: the program says who does, and takes it as soon as it is free.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", h.port))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h.serve()
	s := h.status()
	if s.Status != "error" || !strings.Contains(s.Detail, fmt.Sprint("127.0.0.1:", h.port)) {
		t.Errorf("status %q: %s", s.Status, s.Detail)
	}
	if runtime.GOOS == "linux" && !strings.Contains(s.Detail, fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("the holder, process %d, is not named: %s", os.Getpid(), s.Detail)
	}
	l.Close()
	h.until("the port is open", func() bool { return h.status().Status == "running" })
	if code, body := h.chat(h.newKey("app"), "demo/demo", false); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}

// TestQuitEndsStreams quits while an answer hangs: the application is told, and the program ends in time.
func TestQuitEndsStreams(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	asked := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			fmt.Fprint(w, `{"object":"list","data":[{"id":"slow"}]}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")
		w.(http.Flusher).Flush()
		close(asked)
		<-r.Context().Done()
	}))
	defer upstream.Close()
	c := h.serve()
	h.must("providers", "add", "lab", "--type", "openai-compatible", "--base-url", upstream.URL+"/v1")
	key := h.newKey("app")
	answer := make(chan string, 1)
	go func() {
		_, body := h.chat(key, "lab/slow", true)
		answer <- body
	}()
	<-asked
	start := time.Now()
	c.Process.Signal(syscall.SIGTERM)
	h.until("new requests are refused", func() bool {
		code, _ := h.chat(key, "demo/demo", false)
		return code == 503 || code == 0
	})
	if body := <-answer; !strings.Contains(body, `"a"`) || !strings.Contains(body, `"error"`) {
		t.Errorf("the stream ended with %q, want its start and an error event", body)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("quit: %v", err)
	}
	if took := time.Since(start); took > 12*time.Second {
		t.Errorf("quit took %v, want at most 12 s", took)
	}
}

// TestHandEdits changes the settings file while the program runs.
func TestHandEdits(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"object":"list","data":[{"id":"m"}],"choices":[{"message":{"content":"from the lab"}}]}`)
	}))
	defer upstream.Close()
	h.serve()
	key := h.newKey("app")
	file := filepath.Join(h.dir, "settings.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := "# mine\nversion: 1\nproviders:\n  - {name: lab, type: openai-compatible, base_url: " + upstream.URL + "/v1}\n"
	write(good)
	h.until("the provider answers", func() bool {
		code, body := h.chat(key, "lab/m", false)
		return code == 200 && strings.Contains(body, "from the lab")
	})
	write(good + "servre: {}\n")
	h.until("the mistake is named with its line", func() bool { return strings.Contains(h.status().SettingsError, "line 5") })
	if code, _ := h.chat(key, "lab/m", false); code != 200 {
		t.Errorf("with a broken settings file the old settings do not answer: %d", code)
	}
	if out, exit := h.run("providers", "add", "x", "--type", "ollama"); exit == 0 {
		t.Errorf("a change was saved over a person's unread edit: %s", out)
	}
	write(good)
	h.until("the mistake is gone", func() bool { return h.status().SettingsError == "" })
	h.must("providers", "add", "second", "--type", "ollama")
	if b, _ := os.ReadFile(file); !strings.Contains(string(b), "# mine") || !strings.Contains(string(b), "second") {
		t.Errorf("the program's own change lost the person's comment:\n%s", b)
	}
	// Another port, while a flag's or the environment's port does not stand over it.
	if got := h.status().Status; got != "running" && got != "degraded" {
		t.Errorf("status %q", got)
	}
}

// TestAPersonChoosesByTheCommandLine: routers and keys are made and changed by commands, and each request goes where they
// say, around a provider that is limited, which is told and can be tried at once.
func TestAPersonChoosesByTheCommandLine(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	var limited atomic.Bool
	limited.Store(true)
	upstream := func(answer http.HandlerFunc) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.Method == http.MethodGet {
				fmt.Fprint(w, `{"object":"list","data":[{"id":"m"}]}`)
				return
			}
			answer(w, r)
		}))
		t.Cleanup(s.Close)
		return s.URL + "/v1"
	}
	const answer = `{"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]}`
	first := upstream(func(w http.ResponseWriter, _ *http.Request) {
		if limited.Load() {
			w.Header().Set("Retry-After", "40")
			w.WriteHeader(429)
			fmt.Fprint(w, `{"error":{"message":"slow down"}}`)
			return
		}
		fmt.Fprint(w, answer)
	})
	second := upstream(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) })
	h.serve()
	h.must("providers", "add", "first", "--base-url", first)
	h.must("providers", "add", "second", "--base-url", second)
	h.until("both are listed", func() bool { return strings.Count(h.must("models"), "/m ") == 2 })
	h.must("routers", "new", "pair", "--models", "first/m,second/m")
	key := h.newKey("app", "--select", "router/pair")
	route := func(model, want, when string) {
		t.Helper()
		code, body, header := h.ask(key, model, false)
		if got := header.Get("X-LocalRouter-Route"); code != 200 || got != want {
			t.Errorf("%s: %d by %q, want %s: %s", when, code, got, want, body)
		}
	}
	says := func(part string, args ...string) {
		t.Helper()
		if out, _ := h.run(args...); !strings.Contains(out, part) {
			t.Errorf("localrouter %s does not say %q:\n%s", strings.Join(args, " "), part, out)
		}
	}
	route("auto", "second/m", "around a limited provider")
	says("rate limited, ", "providers", "list")
	says("1  second/m", "routers", "preview", "pair")
	says("first/m  rate limited", "routers", "preview", "pair")
	limited.Store(false)
	route("auto", "second/m", "while it rests")
	h.must("providers", "retry", "first")
	says("1  first/m", "routers", "preview", "pair")

	h.must("keys", "set", "app", "--mode", "selected")
	route("some-hard-wired-name", "first/m", "in the mode selected")
	says(`did you mean "pair"?`, "keys", "set", "app", "--select", "router/pear")
	says("selected  router/pair", "keys", "list")
	h.must("keys", "set", "app", "--mode", "asked", "--allow", "second")
	if code, body := h.chat(key, "first/m", false); code != 403 || !strings.Contains(body, "model_not_allowed") {
		t.Errorf("outside its list: %d %s", code, body)
	}
	route("auto", "second/m", "a router within the list")
	h.must("keys", "set", "app", "--allow-all", "--strict")
	if code, body := h.chat(key, "m", false); code == 200 {
		t.Errorf("a name that two providers have was answered: %s", body)
	}
	h.must("routers", "set", "pair", "--name", "two")
	says("asked, strict  router/two", "keys", "list")
	h.must("offline", "on")
	says("offline", "status")
	route("first/m", "first/m", "offline on this machine")
}

// TestDamagedDatabase writes rubbish into the database of a program that is not running.
func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c := h.serve()
	key := h.newKey("app")
	h.until("a copy of the database was made", func() bool {
		list, _ := filepath.Glob(filepath.Join(h.dir, "data", "copies", "*.db"))
		return len(list) > 0
	})
	h.until("the copy holds the key", func() bool {
		list, _ := filepath.Glob(filepath.Join(h.dir, "data", "copies", "*.db"))
		for _, name := range list {
			if b, _ := os.ReadFile(name); bytes.Contains(b, []byte("key-")) {
				return true
			}
		}
		return false
	})
	c.Process.Kill()
	c.Wait()
	file := filepath.Join(h.dir, "data", "localrouter.db")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] ^= byte(i*7 + 13)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	h.serve()
	if code, body := h.chat(key, "demo/demo", false); code != 200 {
		t.Errorf("the key of the copy does not work: %d %s", code, body)
	}
	if s := h.status(); len(s.Notices) == 0 {
		t.Error("nobody was told that a copy was restored")
	}
}

// TestNothingLeaksAndEachRequestCounts sends many requests, a tenth of which the application gives up: each is counted
// once, in the figures and in the log, and neither goroutines nor memory stay behind.
func TestNothingLeaksAndEachRequestCounts(t *testing.T) {
	n := often(2_000, 1_000_000)
	upstream := httptest.NewServer(http.HandlerFunc(chatty))
	defer upstream.Close()
	h := newHome(t)
	if err := os.WriteFile(filepath.Join(h.dir, "settings.yaml"), []byte("version: 1\nproviders:\n  - {name: lab, type: openai-compatible, base_url: "+upstream.URL+"/v1, models: [m]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := program{}.open(t.Context(), cli.RunOptions{Home: h.dir, Override: settings.Override{Port: h.port, DashboardPort: h.pages}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	a.start()
	_, token, err := a.keys.Create("app")
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Transport{MaxIdleConnsPerHost: 16}
	send := func(from, to int) {
		var wg sync.WaitGroup
		var next atomic.Int64
		next.Store(int64(from))
		for range 16 {
			wg.Go(func() {
				for i := next.Add(1); i <= int64(to); i = next.Add(1) {
					if err := oneOfMany(client, h.url("/v1/chat/completions"), token, i%10 == 0); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		h.until("all requests have ended", func() bool { return len(a.Running()) == 0 })
	}
	rest := func() (goroutines int, heap uint64) {
		client.CloseIdleConnections()
		upstream.CloseClientConnections()
		for last := -1; last != goroutines; { // until the connections have gone
			last = goroutines
			<-time.After(200 * time.Millisecond)
			goroutines = runtime.NumGoroutine()
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return goroutines, m.HeapAlloc
	}
	warm := n / 10
	send(0, warm)
	goroutines, heap := rest()
	send(warm, n)
	if g, m := rest(); g > goroutines+4 || m > heap+8<<20 {
		t.Errorf("after %d requests %d goroutines and %d KB, before %d and %d KB", n, g, m>>10, goroutines, heap>>10)
	}
	if err := a.recorder.Flush(); err != nil {
		t.Fatal(err)
	}
	total, err := a.recorder.Totals(db.Query{})
	if err != nil || total.Requests != int64(n) {
		t.Errorf("%d requests are counted, want %d (%v)", total.Requests, n, err)
	}
	if gone := total.ErrorsOf(llm.ClientGone); total.ErrorCount() != gone || gone != int64(n/10) {
		t.Errorf("%d failed, %d of them because the application went away, of %d that did", total.ErrorCount(), gone, n/10)
	}
	lines := 0
	files, _ := filepath.Glob(filepath.Join(h.dir, "logs", "*.jsonl"))
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(b, []byte(`"/v1/chat/completions"`))
	}
	if lines != n || a.recorder.Dropped() != 0 {
		t.Errorf("the log has %d lines of %d requests, %d dropped", lines, n, a.recorder.Dropped())
	}
}

// chatty answers every question with a stream of ten words, but pauses after the first where it is asked to.
func chatty(w http.ResponseWriter, r *http.Request) {
	asked, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/event-stream")
	for range 10 {
		io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"}}]}\n\n")
		w.(http.Flusher).Flush()
		if bytes.Contains(asked, []byte("pause")) {
			<-r.Context().Done()
			return
		}
	}
	io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
}

// oneOfMany sends one question and reads the answer to its end, or goes away after its first bytes.
func oneOfMany(client http.RoundTripper, url, token string, leave bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	what := "hi"
	if leave {
		what = "pause"
	}
	r, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(`{"model":"lab/m","stream":true,"messages":[{"role":"user","content":"`+what+`"}]}`))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if leave {
		_, err := resp.Body.Read(make([]byte, 1))
		return err
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || bytes.Count(b, []byte("word")) != 10 || !bytes.HasSuffix(b, []byte("[DONE]\n\n")) {
		return fmt.Errorf("%d %v %q", resp.StatusCode, err, b)
	}
	return nil
}
