package settings

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"localrouter/providers/llm"

	"github.com/google/go-cmp/cmp"
)

// TestSavingRoutingTouchesOnlyWhatChanged holds each edit of routed against the lines that differ afterwards.
func TestSavingRoutingTouchesOnlyWhatChanged(t *testing.T) {
	for _, c := range []struct {
		name    string
		edit    func(*Settings)
		removed []string
		added   []string
	}{
		{"nothing", func(*Settings) {}, nil, nil},
		{"offline", func(s *Settings) { s.Offline = false }, []string{"offline: true"}, []string{"offline: false"}},
		{"a budget", func(s *Settings) { s.Budget.Day = 25e11 }, []string{"budget: {day: 5, month: 100.25} # USD"}, []string{"budget: {day: 2.5, month: 100.25} # USD"}},
		{"no budget", func(s *Settings) { s.Budget = Budget{} }, []string{"budget: {day: 5, month: 100.25} # USD"}, []string{"budget: {} # USD"}},
		{"an alias", func(s *Settings) { s.Aliases["fast"] = "openai/gpt-5" },
			[]string{"  fast: router/minimum-cost # for the editor"}, []string{"  fast: openai/gpt-5 # for the editor"}},
		{"one more alias", func(s *Settings) { s.Aliases["x/y:z"] = "router/strong" }, nil, []string{`  "x/y:z": router/strong`}},
		{"an alias removed", func(s *Settings) { delete(s.Aliases, "claude-local") }, []string{"  claude-local: ollama/llama3:70b"}, nil},
		{"a title", func(s *Settings) { s.Router("minimum-cost").Title = "Cheap" },
			[]string{"    title: Minimum Cost # shown in the tray"}, []string{"    title: Cheap # shown in the tray"}},
		{"a size", func(s *Settings) { s.Router("minimum-cost").Select.Automatic.MinParameters = 1_500_000_000 },
			[]string{"        min_parameters: 7B  # no toys"}, []string{"        min_parameters: 1.5B  # no toys"}},
		{"no size", func(s *Settings) { s.Router("minimum-cost").Select.Automatic.MinParameters = 0 }, []string{"        min_parameters: 7B  # no toys"}, nil},
		{"a pattern", func(s *Settings) {
			s.Router("minimum-cost").Select.Automatic.Include = Patterns{"ollama", "openai/*", "groq"}
		}, []string{`        include: [ollama, "openai/*"]`}, []string{`        include: [ollama, "openai/*", groq]`}},
		{"strategies", func(s *Settings) { s.Router("minimum-cost").Strategies = []Strategy{LowestLatency} },
			[]string{"    strategies: [local_first, lowest_cost]"}, []string{"    strategies: [lowest_latency]"}},
		{"the amount of a limit", func(s *Settings) { s.Router("minimum-cost").Limits[0].Amount = 50 },
			[]string{"      - {kind: requests, limit: 100, window: 1m} # slow down"}, []string{"      - {kind: requests, limit: 50, window: 1m} # slow down"}},
		{"the amount of a limit in a word", func(s *Settings) { s.Router("minimum-cost").Limits[1].Amount = 2e12 },
			[]string{"      - cost=0.5/1d"}, []string{`      - "cost=2/1d"`}},
		{"one more limit", func(s *Settings) {
			r := s.Router("minimum-cost")
			r.Limits = append(r.Limits, Limit{LimitOutput, 10, 90 * time.Second})
		}, nil, []string{"      - {kind: output_tokens, limit: 10, window: 1m30s}"}},
		{"a limit removed", func(s *Settings) { r := s.Router("minimum-cost"); r.Limits = r.Limits[1:] },
			[]string{"      - {kind: requests, limit: 100, window: 1m} # slow down"}, nil},
		{"a list by hand", func(s *Settings) { s.Router("strong").Select.Manual = []string{"ollama/llama3:70b"} },
			[]string{"    select: {manual: [openai/gpt-5, ollama/llama3:70b]}"}, []string{`    select: {manual: ["ollama/llama3:70b"]}`}},
		{"from by hand to automatic", func(s *Settings) {
			s.Router("strong").Select = Select{Automatic: Automatic{Include: Patterns{"openai"}}}
		},
			[]string{"    select: {manual: [openai/gpt-5, ollama/llama3:70b]}"}, []string{"    select: {automatic: {include: [openai]}}"}},
		{"a router added", func(s *Settings) {
			r := NewRouter("new")
			r.Select.Manual, r.Strategies, r.Limits = []string{"a/b:c"}, []Strategy{LocalFirst}, []Limit{{LimitCost, 1, time.Hour}}
			s.Routers = append(s.Routers, r)
		}, nil, []string{"  - name: new", `    select: {manual: ["a/b:c"]}`, "    strategies: [local_first]", "    fallback: {enabled: true}",
			"    limits: [{kind: cost, limit: 0.000000000001, window: 1h}]"}},
		{"a router removed", func(s *Settings) { s.Routers = s.Routers[:1] },
			[]string{"  - name: strong", "    select: {manual: [openai/gpt-5, ollama/llama3:70b]}", "    fallback:", "      enabled: false"}, nil},
		{"a plan", func(s *Settings) { s.Providers[0].Plan = llm.BillingUse }, []string{"    plan: subscription"}, []string{"    plan: by_use"}},
		{"no plan", func(s *Settings) { s.Providers[0].Plan = "" }, []string{"    plan: subscription"}, nil},
		{"a credential", func(s *Settings) {
			s.Providers[0].Credentials = append(s.Providers[0].Credentials, Credential{Name: "fourth"})
		},
			[]string{"    credentials: [{name: second, api_key_env: X}, {name: third, api_key_file: /k}] # more accounts"},
			[]string{"    credentials: [{name: second, api_key_env: X}, {name: third, api_key_file: /k}, {name: fourth}] # more accounts"}},
		{"a price", func(s *Settings) { s.Providers[0].Facts[0].Price.CacheRead = "0.01" },
			[]string{`        price: {input: "0.1", output: "0.4"} # list`}, []string{`        price: {input: "0.1", output: "0.4", cache_read: "0.01"} # list`}},
		{"no price", func(s *Settings) { s.Providers[0].Facts[0].Price = nil }, []string{`        price: {input: "0.1", output: "0.4"} # list`}, nil},
		{"a limit of a fact", func(s *Settings) { s.Providers[0].Facts[0].Limits[1].Amount = 6000 },
			[]string{"          - {kind: tokens, limit: 5000, window: 1h}"}, []string{"          - {kind: tokens, limit: 6000, window: 1h}"}},
		{"the models of a fact", func(s *Settings) { s.Providers[0].Facts[0].Models = []string{"o*"} },
			[]string{`      - models: ["gpt-*"]   # all of them`}, []string{`      - models: ["o*"]   # all of them`}},
		{"the only word of a fact", func(s *Settings) { s.Providers[0].Facts[1] = Fact{Context: 5} }, []string{"      - rank: 7"}, []string{"      - {context: 5}"}},
		{"a fact moved up", func(s *Settings) { f := s.Providers[0].Facts; f[0], f[1] = f[1], f[0] }, []string{"      - rank: 7"}, []string{"      - rank: 7"}},
		{"a fact added elsewhere", func(s *Settings) { s.Provider("ollama").Facts = []Fact{{Rank: 1, Has: []string{"tools"}}} }, nil,
			[]string{"    facts:", "      - rank: 1", "        has: [tools]"}},
		{"a queue", func(s *Settings) { s.Providers[0].Queue.Length = 5 },
			[]string{"    queue: {length: 64, wait: 60s}"}, []string{"    queue: {length: 5, wait: 60s}"}},
		{"a threshold", func(s *Settings) { s.Resilience.Attempts = 2 }, []string{"  attempts: 3 # enough"}, []string{"  attempts: 2 # enough"}},
		{"a threshold that a provider has, too", func(s *Settings) { s.Resilience.Breaker.Failures, s.Resilience.Retries = 7, 1 },
			[]string{"  breaker: {failures: 6, window: 1m}"}, []string{"  breaker: {failures: 7, window: 1m}", "  retries: 1"}},
		{"a provider's threshold", func(s *Settings) { s.Providers[0].Resilience.Attempts = 1 },
			[]string{"    resilience: {breaker: {failures: 3}, retries: 2} # its own"}, []string{"    resilience: {breaker: {failures: 3}, retries: 2, attempts: 1} # its own"}},
		{"a provider's thresholds gone", func(s *Settings) { s.Providers[0].Resilience = nil },
			[]string{"    resilience: {breaker: {failures: 3}, retries: 2} # its own"}, nil},
		{"thresholds for one more provider", func(s *Settings) {
			r := s.Resilience
			r.Breaker.Open, r.Cooldowns = time.Second, false
			s.Provider("ollama").Resilience = &r
		}, nil, []string{"    resilience: {breaker: {open: 1s}, cooldowns: false}"}},
	} {
		t.Run(c.name, func(t *testing.T) { checkEdit(t, routed, c.edit, c.removed, c.added) })
	}
}

// TestAProvidersThresholdsFollowTheGeneralOnes is about those that the file does not name for the provider.
func TestAProvidersThresholdsFollowTheGeneralOnes(t *testing.T) {
	path := t.TempDir() + "/settings.yaml"
	put(t, path, routed)
	s := openStore(t, path)
	if err := s.Update(func(next *Settings) error {
		next.Resilience.Breaker.Window, next.Resilience.Retries, next.Resilience.Cooldowns = 2*time.Minute, 0, false
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	// The file names retries for the provider, with the figure that was the general one.
	if r := s.Get().ResilienceOf("openai"); r.Breaker.Window != 2*time.Minute || r.Breaker.Failures != 3 || r.Retries != 2 || r.Cooldowns {
		t.Errorf("got %+v", r)
	}
	if err := s.Update(func(next *Settings) error { next.Providers[0].Resilience.Cooldowns = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(func(next *Settings) error {
		next.Providers[0].Name = "renamed"
		next.Providers[0], next.Providers[1] = next.Providers[1], next.Providers[0]
		next.Resilience.Attempts = 4
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if r := s.Get().ResilienceOf("renamed"); !r.Cooldowns || r.Breaker.Failures != 3 {
		t.Errorf("got %+v", r)
	}
	again, err := Parse([]byte(read(t, path)))
	if err != nil || !reflect.DeepEqual(again, s.Get()) {
		t.Errorf("%v %s", err, cmp.Diff(s.Get(), again))
	}
}

func TestFilesFromBeforeRoutingStayAsTheyAre(t *testing.T) {
	for _, text := range []string{person, full} {
		path := t.TempDir() + "/settings.yaml"
		put(t, path, text)
		s := openStore(t, path)
		d := Default()
		if got := s.Get(); s.Problem() != nil || !reflect.DeepEqual(got.Routers, DefaultRouters()) || got.Resilience != d.Resilience || got.Offline || got.Aliases != nil {
			t.Errorf("got %+v, %v", s.Get(), s.Problem())
		}
		if read(t, path) != text {
			t.Error("the file was written anew")
		}
		// A change of a default router puts the section into the file, and nothing else changes.
		if err := s.PutRouter(Router{Name: "minimum-cost", Title: "Cheap"}); err != nil {
			t.Fatal(err)
		}
		removed, added := diffLines(text, read(t, path))
		if len(removed) > 0 || added[0] != "routers:" || len(s.Get().Routers) != 2 {
			t.Errorf("removed %q, added %q", removed, added)
		}
	}
}

func TestNoRoutersAreNotTheDefaultOnes(t *testing.T) {
	for text, want := range map[string]int{"": 2, "routers:\n": 2, "routers: ~\n": 2, "routers: []\n": 0, "routers: [{name: a}]\n": 1} {
		s, err := Parse([]byte("version: 1\n" + text))
		if err != nil || len(s.Routers) != want {
			t.Errorf("%q: got %d routers, %v; want %d", text, len(s.Routers), err, want)
		}
		none := s.Clone()
		none.Routers = nil
		if got, err := rewrite("version: 1\n"+text, s, none); err != nil || !strings.Contains(got, "routers: []\n") && !strings.HasSuffix(got, "routers: []") {
			t.Errorf("%q: without routers it is %q, %v", text, got, err)
		}
	}
}
