package agents

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long an agent may take for the task; it takes seconds, but machines may be busy.
const patience = 2 * time.Minute

// agent is a coding agent that works with its own tools when a model asks it to.
type agent struct {
	name    string
	speaks  string   // "anthropic" or "openai"
	program []string // where it lies in node_modules: patterns, for the systems differ
	// prepare writes what the agent reads from its home and returns its arguments and environment.
	prepare func(t *testing.T, home string, to target) (args, env []string)
}

// target is where an agent finds its models.
type target struct {
	url, key     string // the url without /v1
	model, small string // small is for titles and other side requests
}

var (
	claudeCode  = agent{"Claude Code", "anthropic", claudeProgram, claude}
	openCode    = agent{"OpenCode", "openai", opencodeProgram, opencode("@ai-sdk/openai-compatible")}
	openCodeToo = agent{"OpenCode", "anthropic", opencodeProgram, opencode("@ai-sdk/anthropic")}
	everyAgent  = []agent{claudeCode, openCode, openCodeToo}

	claudeProgram   = []string{"@anthropic-ai/claude-code-*/claude", "@anthropic-ai/claude-code-*/claude.exe"}
	opencodeProgram = []string{"opencode-*/bin/opencode", "opencode-*/bin/opencode.exe"}
)

// installed is the agent's program: the first that runs here, for the packages bring one for each kind of processor and
// C library that may fit.
func (a agent) installed(t *testing.T, packages string) (string, error) {
	for _, p := range a.program {
		found, _ := filepath.Glob(filepath.Join(packages, "node_modules", filepath.FromSlash(p)))
		for _, program := range found {
			c := exec.Command(program, "--version")
			c.Env = environment(t.TempDir())
			if c.Run() == nil {
				return program, nil
			}
		}
	}
	return "", fmt.Errorf("%s has no program for this kind of machine in %s", a.name, packages)
}

// environment is what any agent is given: nothing of the person's own, above all no credentials.
func environment(home string) []string {
	env := []string{"HOME=" + home, "USERPROFILE=" + home, "TMPDIR=" + home, "NO_COLOR=1"}
	for _, name := range []string{"PATH", "SystemRoot", "ComSpec", "PATHEXT", "LANG"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// claude needs no settings: all is said in the environment. All tiers go to the given models, so that no side request
// goes to a name the provider does not have.
func claude(_ *testing.T, home string, to target) (args, env []string) {
	return []string{"-p", prompt, "--model", to.model, "--dangerously-skip-permissions", "--output-format", "text"},
		[]string{
			"ANTHROPIC_BASE_URL=" + to.url, "ANTHROPIC_AUTH_TOKEN=" + to.key,
			"ANTHROPIC_DEFAULT_HAIKU_MODEL=" + to.small, "ANTHROPIC_DEFAULT_SONNET_MODEL=" + to.model,
			"ANTHROPIC_DEFAULT_OPUS_MODEL=" + to.model, "CLAUDE_CODE_SUBAGENT_MODEL=" + to.model,
			"CLAUDE_CONFIG_DIR=" + filepath.Join(home, "claude"),
			"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_TELEMETRY=1", "DISABLE_ERROR_REPORTING=1", "DISABLE_AUTOUPDATER=1",
			"CLAUDE_CODE_MAX_RETRIES=1",
			"IS_SANDBOX=1", // root may skip the permission prompts only in a sandbox
		}
}

// opencode reads its provider from a file; the SDK that it speaks with is inside its program.
func opencode(sdk string) func(*testing.T, string, target) (args, env []string) {
	return func(t *testing.T, home string, to target) (args, env []string) {
		model := map[string]any{"tool_call": true, "limit": map[string]int{"context": 128000, "output": 8192}}
		config, err := json.Marshal(map[string]any{
			"autoupdate": false, "share": "disabled", "enabled_providers": []string{"local"},
			"model": "local/" + to.model, "small_model": "local/" + to.small,
			"permission": map[string]string{"edit": "allow", "bash": "deny", "webfetch": "deny"},
			"provider": map[string]any{"local": map[string]any{"npm": sdk, "name": "LocalRouter",
				"options": map[string]string{"baseURL": to.url + "/v1", "apiKey": to.key},
				"models":  map[string]any{to.model: model, to.small: model}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		// It installs a package for plugins where its folder lacks one; with these it believes that it did so before.
		folder := filepath.Join(home, ".config", "opencode")
		file := filepath.Join(folder, "opencode.json")
		if err := os.MkdirAll(filepath.Join(folder, "node_modules"), 0o700); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{
			file: config,
			filepath.Join(folder, "package-lock.json"): []byte(`{"packages":{"":{"dependencies":{"@opencode-ai/plugin":"*"}}}}`),
		} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return []string{"run", prompt, "--model", "local/" + to.model},
			[]string{
				"XDG_CONFIG_HOME=" + filepath.Dir(folder), "OPENCODE_PURE=1", "OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_AUTOUPDATE=1", "OPENCODE_DISABLE_SHARE=1",
				"OPENCODE_DISABLE_LSP_DOWNLOAD=1", "OPENCODE_DISABLE_DEFAULT_PLUGINS=1",
			}
	}
}

// work runs the agent in the script's folder until it ends and returns what it printed. Each host that it asks for beyond
// this machine is refused and told in asked.
func (a agent) work(t *testing.T, program string, s script, to target) (printed string, asked []string, err error) {
	t.Helper()
	home := t.TempDir()
	internet := startInternet(t)
	args, env := a.prepare(t, home, to)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = s.dir
	c.Env = slices.Concat(environment(home), internet.environment(), env)
	c.WaitDelay = 5 * time.Second // for what the agent started and left
	out, err := c.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("not done after %v", patience)
	case err != nil:
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		err = fmt.Errorf("%w: %.200s", err, lines[len(lines)-1])
	}
	return string(out), internet.asked(), err
}

// internet is a proxy that refuses everything and says what it was asked for.
type internet struct {
	server *httptest.Server
	mu     sync.Mutex // guards hosts
	hosts  []string
}

func startInternet(t *testing.T) *internet {
	i := &internet{}
	i.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if !slices.Contains(i.hosts, r.Host) {
			i.hosts = append(i.hosts, r.Host)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(i.server.Close)
	return i
}

func (i *internet) environment() (env []string) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		env = append(env, name+"="+i.server.URL, strings.ToLower(name)+"="+i.server.URL)
	}
	return append(env, "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost")
}

func (i *internet) asked() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.hosts)
}
