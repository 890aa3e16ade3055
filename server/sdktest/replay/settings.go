package main

import (
	"cmp"
	"fmt"
	"strings"
)

// pace says how long things take: a day's figures, or those of a test.
type pace struct {
	firstByte string // what a remote provider may take to begin
	breaker   string
	think     int // milliseconds between two requests; 0: the models think no time either
}

var (
	// daily are the defaults of the program, but for the first byte: thirty seconds is much to wait for each slow answer.
	daily = pace{firstByte: "3s", breaker: "{failures: 5, local_failures: 2, window: 30s, open: 15s, longest: 5m}", think: 300}
	// quick is for the test: the breaker is open just long enough to be seen.
	quick = pace{firstByte: "5s", breaker: "{failures: 5, local_failures: 2, window: 30s, open: 1s, longest: 2s}"}
)

// settingsOf is the settings file of the person whose day is replayed: four providers, five routers beside the two of a
// first start, aliases.
func settingsOf(ups map[string]*upstream, p pace) string {
	var b strings.Builder
	b.WriteString("version: 1\nproviders:\n")
	fmt.Fprintf(&b, `  - name: ollama
    type: ollama
    base_url: http://%s
    facts:
      - {models: ["tiny*"], context: 2048, parameters: 1M, lacks: [tools, vision]}
`, ups["ollama"].addr)
	for _, one := range []struct{ name, path string }{{"openai", "/v1"}, {"anthropic", ""}, {"openrouter", "/api/v1"}} {
		fmt.Fprintf(&b, `  - name: %s
    type: %s
    base_url: http://%s%s
    api_key_env: REPLAY_KEY
    local: false
    timeout: {first_byte: %s}
`, one.name, one.name, ups[one.name].addr, one.path, cmp.Or(p.firstByte, "30s"))
	}
	b.WriteString(`routers:
  - {name: minimum-cost, title: Minimum Cost, strategies: [local_first, lowest_cost]}
  - {name: maximum-performance, title: Maximum Performance, strategies: [highest_performance]}
  - {name: coding, title: Coding, select: {manual: [anthropic/claude-sonnet-5-5, openai/gpt-6.1-terra, openrouter/anthropic/claude-sonnet-5.5]}}
  - {name: review, title: Review, select: {manual: [openai/gpt-6.1-terra, anthropic/claude-sonnet-5-5]}}
  - {name: cheap-remote, title: Cheap but remote, strategies: [remote_first, lowest_cost]}
  - {name: nimble, title: Nimble, select: {automatic: {include: ["openai/gpt-6*", anthropic]}}, strategies: [lowest_latency]}
  - {name: free, title: Free, free_only: true}
aliases:
  fast: router/nimble
  smart: anthropic/claude-opus-5-5
  house: router/coding
`)
	fmt.Fprintf(&b, "resilience:\n  breaker: %s\n", p.breaker)
	return b.String()
}

// person are the keys: who has which terms, as the command line takes them.
var person = []struct {
	name  string
	terms []string
}{
	{"editor", []string{"--select", "router/minimum-cost"}},
	{"agent", []string{"--select", "router/maximum-performance"}},
	{"script", nil},
	{"private", []string{"--select", "router/minimum-cost", "--local-only"}},
	{"legacy", []string{"--select", "router/coding", "--mode", "selected"}},
	{"team", []string{"--select", "router/minimum-cost", "--allow", "openai/*,ollama"}},
	{"capped", []string{"--select", "router/minimum-cost", "--limit", "requests=5/1h"}},
}
