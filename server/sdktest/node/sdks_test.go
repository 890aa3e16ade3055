// Package node drives the running gateway with the SDKs that applications on Node use. Each .mjs file is the suite of one
// SDK; this package starts the providers and the gateway, runs the suites and reads what they tell.
package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"localrouter/server/sdktest/gateway"
	"localrouter/server/sdktest/node/npm"
)

// sdk is one suite.
type sdk struct {
	name, speaks string
	command      []string
}

var sdks = []sdk{
	{"openai", "openai", []string{"openai.mjs"}},
	{"ai/openai", "openai", []string{"ai.mjs", "ai/openai"}},
	{"langchain/openai", "openai", []string{"langchain.mjs", "langchain/openai"}},
	{"anthropic", "anthropic", []string{"anthropic.mjs"}},
	{"ai/anthropic", "anthropic", []string{"ai.mjs", "ai/anthropic"}},
	{"langchain/anthropic", "anthropic", []string{"langchain.mjs", "langchain/anthropic"}},
}

// played are the scenarios that every suite tells of.
var played = []string{"plain", "stream", "tools", "parallel", "toolresult", "image", "schema", "reasoning", "thinkingtool",
	"stop", "length", "usage", "abort", "midstream", "e400", "e401", "e404", "e429", "e500", "e529"}

// target is where a suite sends its requests.
type target struct {
	Upstream string `json:"upstream"` // its name in the table
	Speaks   string `json:"speaks"`   // the provider
	URL      string `json:"url"`      // without /v1
	Key      string `json:"key"`
	Prefix   string `json:"prefix"` // of model names
}

// result is one line that a suite prints.
type result struct {
	SDK, Scenario, Upstream, Detail string
	OK, None                        bool
	MS                              int
}

func startOpenAI(t *testing.T) *upstream {
	return startUpstream(t, "openai", "/v1/chat/completions", readOpenAI)
}

func startAnthropic(t *testing.T) *upstream {
	return startUpstream(t, "anthropic", "/v1/messages", readAnthropic)
}

// TestSDKsWorkWithoutTheGateway proves the suites: each SDK with the provider that speaks its dialect.
func TestSDKsWorkWithoutTheGateway(t *testing.T) {
	suites := newSuites(t)
	openaiUp, anthropicUp := startOpenAI(t), startAnthropic(t)
	for _, s := range sdks {
		u := openaiUp
		if s.speaks == "anthropic" {
			u = anthropicUp
		}
		suites.run(t, s, target{"none between", s.speaks, u.url, providerKey, ""})
	}
	suites.table(t)
	for _, u := range []*upstream{openaiUp, anthropicUp} {
		if u.allLeft(t) == 0 {
			t.Error("no slow answer of " + u.name + " was asked for")
		}
	}
}

// TestSDKsWorkThroughTheGateway is every SDK with every provider, whatever the two speak. Each provider has a gateway of
// its own, so that one that cannot start takes only its own lines with it.
func TestSDKsWorkThroughTheGateway(t *testing.T) {
	suites := newSuites(t)
	program, err := gateway.Build(filepath.Join("..", "..", ".."), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var targets []target
	var upstreams []*upstream
	for _, p := range []gateway.Provider{{Name: "upo", Type: "openai-compatible"}, {Name: "upa", Type: "anthropic"}} {
		up := startAnthropic
		if p.Name == "upo" {
			up = startOpenAI
		}
		u := up(t)
		upstreams = append(upstreams, u)
		p.BaseURL, p.Key = u.url, providerKey
		if p.Name == "upo" {
			p.BaseURL += "/v1"
			u.unasked = true
		}
		g, key, err := gateway.Before(t, program, p)
		if err != nil {
			t.Errorf("a gateway with a provider of type %s: %v", p.Type, err)
			continue
		}
		targets = append(targets, target{p.Type, u.name, g.URL, key.Secret, p.Name + "/"})
	}
	for _, s := range sdks {
		suites.run(t, s, targets...)
	}
	suites.table(t)
	for _, u := range upstreams {
		u.allLeft(t)
	}
}

// suites are the files beside the installed packages, where Node looks for these.
type suites struct {
	dir     string
	results []result
	took    map[string]time.Duration
}

func newSuites(t *testing.T) *suites {
	packages := npm.Need(t, ".")
	dir, err := os.MkdirTemp(packages, "run-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	files, err := filepath.Glob("*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &suites{dir: dir, took: map[string]time.Duration{}}
}

// run runs one suite with the targets; each scenario becomes a test of its own.
func (all *suites) run(t *testing.T, s sdk, targets ...target) {
	t.Helper()
	to, err := json.Marshal(targets)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	started := time.Now()
	c := exec.CommandContext(ctx, "node", s.command...)
	c.Dir = all.dir
	c.Env = append(environment(), "SDKTEST_TARGETS="+string(to))
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	all.took[s.name] = time.Since(started)
	told := map[[2]string]result{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil || r.SDK != s.name {
			t.Errorf("%s printed %q", s.name, lines.Text())
			continue
		}
		told[[2]string{r.Upstream, r.Scenario}] = r
	}
	if err != nil {
		t.Errorf("%s: %v\n%s", s.name, err, complaints.String())
	}
	for _, to := range targets {
		for _, name := range played {
			r, ok := told[[2]string{to.Upstream, name}]
			if !ok {
				r = result{SDK: s.name, Scenario: name, Upstream: to.Upstream, Detail: "not told"}
			}
			all.results = append(all.results, r)
			t.Run(s.name+" to "+to.Upstream+"/"+name, func(t *testing.T) {
				if !r.OK {
					t.Errorf("%s (after %d ms)", r.Detail, r.MS)
				}
			})
		}
	}
}

// environment is what Node needs and nothing of the person's own: the SDKs read keys and base URLs from it.
func environment() (env []string) {
	for _, name := range []string{"PATH", "HOME", "SystemRoot", "TMPDIR", "TEMP", "LANG"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// table prints SDK x scenario x upstream.
func (all *suites) table(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-38s", "")
	for _, name := range played {
		fmt.Fprintf(&b, "%*s", len(name)+1, name)
	}
	rows := map[string]map[string]string{}
	var order []string
	for _, r := range all.results {
		row := fmt.Sprintf("%-20s %s", r.SDK, r.Upstream)
		if rows[row] == nil {
			rows[row] = map[string]string{}
			order = append(order, row)
		}
		rows[row][r.Scenario] = map[[2]bool]string{{true, false}: "ok", {true, true}: "-", {false, false}: "FAIL"}[[2]bool{r.OK, r.None}]
	}
	for _, row := range order {
		fmt.Fprintf(&b, "\n%-38s", row)
		for _, name := range played {
			fmt.Fprintf(&b, "%*s", len(name)+1, rows[row][name])
		}
	}
	var times []string
	for _, name := range slices.Sorted(maps.Keys(all.took)) {
		times = append(times, name+" "+all.took[name].Round(100*time.Millisecond).String())
	}
	t.Logf("\n%s\n%s", b.String(), strings.Join(times, ", "))
}
