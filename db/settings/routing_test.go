package settings

import (
	"testing"
	"time"

	"localrouter/providers/llm"

	"github.com/google/go-cmp/cmp"
)

// routed is a file with everything about routing in it, as a person may write it.
const routed = `version: 1
providers:
  - name: openai
    type: openai
    credentials: [{name: second, api_key_env: X}, {name: third, api_key_file: /k}] # more accounts
    plan: subscription
    facts:
      # the small ones
      - models: ["gpt-*"]   # all of them
        plan: free
        limits:
          - requests=30/1m  # as published
          - {kind: tokens, limit: 5000, window: 1h}
        price: {input: "0.1", output: "0.4"} # list
        rank: 1
        context: 128000
        max_output: 8192
        parameters: 70B
        has: [tools]
        lacks: [vision]
      - rank: 7
    max_parallel: 1
    queue: {length: 64, wait: 60s}
    resilience: {breaker: {failures: 3}, retries: 2} # its own
  - name: ollama
    type: ollama
routers: # mine
  # cheap
  - name: minimum-cost
    title: Minimum Cost # shown in the tray
    select:
      automatic:
        include: [ollama, "openai/*"]
        exclude: ["*/*-preview"]
        min_parameters: 7B  # no toys
        max_parameters: 70B
        capabilities: [tools]
    strategies: [local_first, lowest_cost]
    free_only: true
    fallback: {enabled: true, attempts: 4, content_policy: true}
    limits:
      - {kind: requests, limit: 100, window: 1m} # slow down
      - cost=0.5/1d
  # strong
  - name: strong
    select: {manual: [openai/gpt-5, ollama/llama3:70b]}
    fallback:
      enabled: false
aliases:
  fast: router/minimum-cost # for the editor
  claude-local: ollama/llama3:70b
offline: true
budget: {day: 5, month: 100.25} # USD
resilience:
  breaker: {failures: 6, window: 1m}
  attempts: 3 # enough
`

func TestParseReadsTheShapeOfRouting(t *testing.T) {
	s, err := Parse([]byte(routed))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Offline, want.Budget = true, Budget{Day: 5e12, Month: 100.25e12}
	want.Aliases = map[string]string{"fast": "router/minimum-cost", "claude-local": "ollama/llama3:70b"}
	want.Resilience.Breaker.Failures, want.Resilience.Breaker.Window, want.Resilience.Attempts = 6, time.Minute, 3
	own := want.Resilience // the general thresholds stand further down in the file
	own.Breaker.Failures = 3
	openai := NewProvider("openai", "openai")
	openai.Credentials, openai.Plan = []Credential{{Name: "second", APIKeyEnv: "X"}, {Name: "third", APIKeyFile: "/k"}}, llm.BillingFlat
	openai.Facts = []Fact{
		{Models: []string{"gpt-*"}, Plan: llm.BillingFree, Limits: []Limit{{LimitRequests, 30, time.Minute}, {LimitTokens, 5000, time.Hour}},
			Price: &Price{Input: "0.1", Output: "0.4"}, Rank: 1, Context: 128000, MaxOutput: 8192, Parameters: 70e9, Has: []string{"tools"}, Lacks: []string{"vision"}},
		{Rank: 7},
	}
	openai.MaxParallel, openai.Queue, openai.Resilience = 1, Queue{64, time.Minute}, &own
	want.Providers = []Provider{openai, NewProvider("ollama", "ollama")}
	want.Routers = []Router{
		{Name: "minimum-cost", Title: "Minimum Cost", Select: Select{Automatic: Automatic{Include: Patterns{"ollama", "openai/*"}, Exclude: Patterns{"*/*-preview"},
			MinParameters: 7e9, MaxParameters: 70e9, Capabilities: []string{"tools"}}}, Strategies: []Strategy{LocalFirst, LowestCost}, FreeOnly: true,
			Fallback: Fallback{true, 4, true}, Limits: []Limit{{LimitRequests, 100, time.Minute}, {LimitCost, 5e11, 24 * time.Hour}}},
		{Name: "strong", Select: Select{Manual: []string{"openai/gpt-5", "ollama/llama3:70b"}}},
	}
	if diff := cmp.Diff(&want, s); diff != "" {
		t.Error(diff)
	}
	if got := s.ResilienceOf("openai"); got.Breaker.Failures != 3 || got.Breaker.Window != time.Minute || s.ResilienceOf("ollama") != &s.Resilience || s.ResilienceOf("gone") != &s.Resilience {
		t.Errorf("got %+v", got)
	}
}
