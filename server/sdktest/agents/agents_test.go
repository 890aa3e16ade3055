// Package agents lets real coding agents do a small task with their own tools through the running gateway, while this
// package plays the model behind it. Nothing but the machine itself is asked: the agents run without their telemetry
// and their updates, and a proxy that refuses everything would tell.
package agents

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"localrouter/server/sdktest/gateway"
	"localrouter/server/sdktest/node/npm"
)

// cell is one agent with one model.
type cell struct {
	agent    agent
	upstream *upstream
	to       target
	went     string // "ok" and the time, or what went wrong
}

// run lets the agent do the task and wants the file changed, an end in words, no refusal at the provider, nobody else
// asked.
func (c *cell) run(t *testing.T, program string) {
	s := newScript(t)
	c.upstream.plays(s)
	started := time.Now()
	printed, asked, err := c.agent.work(t, program, s, c.to)
	took := time.Since(started).Round(100 * time.Millisecond)
	if err == nil {
		err = s.done(printed)
	}
	c.went = "ok " + took.String()
	var record strings.Builder
	last := ""
	for _, r := range c.upstream.recorded() {
		fmt.Fprintln(&record, "  ", r)
		if r.step != "" && r.step != "side" {
			last = r.step
		}
		if r.refused != "" && err == nil {
			err = fmt.Errorf("the provider refused: %s", r.refused)
		}
	}
	if last != "" && last != "end" {
		err = fmt.Errorf("the model stopped at the step %q: %w", last, err)
	}
	if len(asked) > 0 && err == nil {
		err = fmt.Errorf("the agent asked for %v", asked)
	}
	t.Logf("%s, model %s, took %v; the provider was asked:\n%s", c.agent.name, c.to.model, took, record.String())
	if err != nil {
		c.went = "FAILED: " + strings.SplitN(err.Error(), "\n", 2)[0]
		t.Errorf("%v\nthe agent printed, at the end:\n%s", err, printed[max(0, len(printed)-6000):])
	}
}

// TestAgentsWorkWithoutTheGateway proves the harness: each agent does the task with the provider that speaks its dialect.
func TestAgentsWorkWithoutTheGateway(t *testing.T) {
	packages := npm.Need(t, ".")
	claudeUp, openaiUp := startUpstream(t, &anthropic{}), startUpstream(t, &openai{})
	cells := []*cell{
		{agent: claudeCode, upstream: claudeUp, to: target{model: "claude-sonnet-4-5"}},
		{agent: claudeCode, upstream: claudeUp, to: target{model: "claude-opus-5-5"}},
		{agent: openCodeToo, upstream: claudeUp, to: target{model: "claude-sonnet-4-5"}},
		{agent: openCode, upstream: openaiUp, to: target{model: "gpt-x"}},
	}
	for _, c := range cells {
		c.to.url, c.to.key, c.to.small = c.upstream.url, providerKey, c.upstream.dialect.small()
	}
	runAll(t, packages, cells)
}

// TestAgentsWorkThroughTheGateway is the grid: every agent with every provider, whatever the two speak. Each provider has
// a gateway of its own, so that one that cannot start takes only its own cells with it. Older and newer models of one
// provider differ in what they refuse, and agents in the tools that they offer to a model; LOCALROUTER_FULL=1 runs every
// agent with each of them.
func TestAgentsWorkThroughTheGateway(t *testing.T) {
	packages := npm.Need(t, ".")
	program, err := gateway.Build(filepath.Join("..", "..", ".."), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	claudeUp, openaiUp := startUpstream(t, &anthropic{}), startUpstream(t, &openai{})
	pairs := []struct {
		provider gateway.Provider
		upstream *upstream
		cells    map[string][]agent
	}{
		{gateway.Provider{Name: "upa", Type: "anthropic", BaseURL: claudeUp.url}, claudeUp,
			map[string][]agent{"claude-sonnet-4-5": everyAgent, "claude-opus-5-5": {claudeCode}}},
		{gateway.Provider{Name: "upo", Type: "openai-compatible", BaseURL: openaiUp.url + "/v1"}, openaiUp,
			map[string][]agent{"gpt-x": everyAgent, "qwen-x": {openCode}}},
	}
	var cells []*cell
	for _, p := range pairs {
		p.provider.Key = providerKey
		g, key, err := gateway.Before(t, program, p.provider)
		if err != nil {
			t.Errorf("a gateway with a provider of type %s: %v", p.provider.Type, err)
		}
		for _, model := range slices.Sorted(maps.Keys(p.cells)) {
			some := p.cells[model]
			if os.Getenv("LOCALROUTER_FULL") == "1" {
				some = everyAgent
			}
			for _, a := range some {
				c := &cell{agent: a, upstream: p.upstream, to: target{model: p.provider.Name + "/" + model, small: p.provider.Name + "/" + p.upstream.dialect.small()}}
				if err == nil {
					c.to.url, c.to.key = g.URL, key.Secret
				} else {
					c.went = "FAILED: no gateway"
				}
				cells = append(cells, c)
			}
		}
	}
	runAll(t, packages, cells)
}

// runAll runs the cells one after the other and prints the grid.
func runAll(t *testing.T, packages string, cells []*cell) {
	programs := map[string]string{}
	for _, a := range everyAgent {
		if programs[a.name] != "" {
			continue
		}
		program, err := a.installed(t, packages)
		switch {
		case err == nil:
			programs[a.name] = program
		case os.Getenv("CI") == "true":
			t.Fatalf("%v, and with CI=true that is a failure", err)
		default:
			t.Logf("not run: %v", err)
		}
	}
	var grid strings.Builder
	for _, c := range cells {
		switch program := programs[c.agent.name]; {
		case c.went != "":
		case program == "":
			c.went = "not run"
		default:
			t.Run(c.agent.name+" speaking "+c.agent.speaks+" with "+c.to.model, func(t *testing.T) { c.run(t, program) })
		}
		fmt.Fprintf(&grid, "%-12s %-10s %-24s %s\n", c.agent.name, c.agent.speaks, c.to.model, c.went)
	}
	t.Logf("agent, what it speaks, model, how it went\n%s", grid.String())
}
