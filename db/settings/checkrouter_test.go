package settings

import (
	"strings"
	"testing"
)

func TestFaultsOfRoutingAreNamedWithPathAndHint(t *testing.T) {
	const head = "version: 1\nproviders:\n  - name: openai\n    type: openai\n"
	router := func(more string) string { return head + "routers:\n  - name: r\n    " + more + "\n" }
	provider := func(more string) string { return head + "    " + more + "\n" }
	alias := func(more string) string { return head + "aliases: {" + more + "}\n" }
	for _, c := range []struct{ name, file, want string }{
		{"unknown field", router("slect: {}"), `line 7, column 5: routers[0].slect: unknown field; did you mean "select"?`},
		{"no name", head + "routers: [{title: T}]\n", "routers[0].name: is missing; give it a short name such as everyday"},
		{"bad name", head + "routers: [{name: My Router}]\n", "line 5, column 18: routers[0].name: \"My Router\" is not a name; use up to 64 of a-z, 0-9 and -"},
		{"reserved name", head + "routers: [{name: auto}]\n", `routers[0].name: "auto" is reserved`},
		{"long name", head + "routers: [{name: " + strings.Repeat("a", 65) + "}]\n", "is not a name"},
		{"twice", head + "routers: [{name: a}, {name: a}]\n", `line 5, column 29: routers[1].name: "a" is also the name of routers[0]`},
		{"title", router(`title: "a\nb"`), "routers[0].title: is not a title"},
		{"both", router("select: {automatic: {include: [openai]}, manual: [openai/a]}"), "line 7, column 54: routers[0].select.manual: stands beside automatic; keep one of the two"},
		{"empty by hand", router("select: {manual: []}"), "routers[0].select.manual: is empty, which would mean every model"},
		{"no slash", router("select: {manual: [gpt-5]}"), `routers[0].select.manual[0]: "gpt-5" is not provider/model`},
		{"no model", router("select: {manual: [openai/]}"), "is not provider/model"},
		{"a router by hand", router("select: {manual: [router/r]}"), `routers[0].select.manual[0]: "router/r" is a router; list models`},
		{"auto by hand", router("select: {manual: [auto/x]}"), "is not provider/model"},
		{"a pattern by hand", router(`select: {manual: ["openai/*"]}`), "is a pattern; list models one by one, or move it to select.automatic.include"},
		{"by hand twice", router("select: {manual: [openai/a, openai/a]}"), `routers[0].select.manual[1]: "openai/a" stands there twice`},
		{"model as pattern", router("select: {automatic: {include: [gpt-5.1]}}"), `routers[0].select.automatic.include[0]: "gpt-5.1" is not the name of a provider; a model is written as provider/model, for example "*/gpt-5.1"`},
		{"pattern of nothing", router(`select: {automatic: {exclude: ["openai/"]}}`), `routers[0].select.automatic.exclude[0]: "openai/" is not a pattern`},
		{"pattern of routers", router(`select: {automatic: {include: ["router/*"]}}`), "is not a model of a provider"},
		{"pattern in capitals", router(`select: {automatic: {include: ["OpenAI/*"]}}`), "is not a pattern"},
		{"in and out", router(`select: {automatic: {include: [a, b], exclude: [b]}}`), `include[1]: "b" is also in exclude`},
		{"size", router("select: {automatic: {min_parameters: big}}"), "line 7, column 42: routers[0].select.automatic.min_parameters: must be a count from 0 to 1000T; write it as 7B or 500M"},
		{"sizes", router("select: {automatic: {min_parameters: 70B, max_parameters: 7B}}"), "max_parameters: is 7B, which is less than min_parameters"},
		{"capability", router("select: {automatic: {capabilities: [tool]}}"), `capabilities[0]: "tool" is not a capability; did you mean "tools"?`},
		{"strategy", router("strategies: [local_first, cheapest]"), "routers[0].strategies[1]: \"cheapest\" is not a strategy"},
		{"near strategy", router("strategies: [lowest-cost]"), `did you mean "lowest_cost"?`},
		{"strategy twice", router("strategies: [local_first, local_first]"), "stands there twice"},
		{"attempts", router("fallback: {attempts: 11}"), "line 7, column 26: routers[0].fallback.attempts: is 11; use a number from 0 to 10"},
		{"limit as word", router("limits: [100]"), `line 7, column 14: routers[0].limits[0]: the limit "100" is not complete; write it as {kind: requests`},
		{"limit of words", router("limits: [{kind: words, limit: 1, window: 1m}]"), `line 7, column 21: routers[0].limits[0].kind: a limit counts requests, input_tokens`},
		{"limit of nothing", router("limits: [{kind: requests, limit: 0, window: 1m}]"), `routers[0].limits[0].limit: "0" is no amount of requests`},
		{"limit without window", router("limits: [{kind: requests, limit: 1}]"), "routers[0].limits[0].window: is missing; write it as"},
		{"limit in a bad window", router("limits: [{kind: requests, limit: 1, window: 1ms}]"), `routers[0].limits[0].window: "1ms" is no window`},
		{"limit with more", router("limits: [{kind: requests, limit: 1, window: 1m, x: 1}]"), "routers[0].limits[0].x: unknown field"},
		{"limit as a list", router("limits: [[a]]"), "routers[0].limits[0]: must be fields"},
		{"limits twice", router("limits: [requests=1/1m, requests=2/1m]"), "routers[0].limits: two limits count requests in 1m"},

		{"alias auto", alias("auto: openai/a"), `line 5, column 11: aliases.auto: "auto" is reserved`},
		{"alias router", alias("router/a: openai/a"), `aliases.router/a: "router" is reserved`},
		{"alias localrouter", alias("localrouter/a: openai/a"), `"localrouter" is reserved`},
		{"alias of a provider's", alias("openai/a: openai/b"), `aliases.openai/a: names a model of the provider "openai"`},
		{"alias with spaces", alias(`"a b": openai/b`), `aliases: "a b" is not a name for a model`},
		{"alias of nothing", alias("fast: "), "aliases.fast: stands for nothing; write router/NAME or PROVIDER/MODEL"},
		{"alias of a word", alias("fast: gpt-5"), `aliases.fast: "gpt-5" is not a router or a model`},
		{"alias of auto", alias("fast: localrouter/auto"), "is not a router or a model"},
		{"alias of a pattern", alias(`fast: "openai/*"`), "is not a router or a model"},
		{"alias of an alias", alias("fast: slow, slow: openai/a"), `aliases.fast: "slow" is an alias itself`},
		{"alias of an alias with a slash", alias("fast: x/slow, x/slow: openai/a"), `aliases.fast: "x/slow" is an alias itself`},
		{"alias of a router that is not there", alias("fast: router/minimum-costs"), `aliases.fast: there is no router "minimum-costs"; did you mean "router/minimum-cost"?`},
		{"alias without routers", head + "routers: []\naliases: {fast: router/a}\n", "add it under routers:"},
		{"alias as a list", head + "aliases: [a]\n", "aliases: must be names with values"},

		{"offline", head + "offline: maybe\n", "line 5, column 10: offline: must be true or false"},
		{"budget", head + "budget: {day: -1}\n", "line 5, column 15: budget.day: must be an amount of USD from 0 to 100000; write it as 5 or 0.25"},
		{"budget too fine", head + "budget: {month: 0.0000000000001}\n", "budget.month: must be an amount"},
		{"budget field", head + "budget: {week: 1}\n", "known here: day, month"},

		{"failures", head + "resilience: {breaker: {failures: -1}}\n", "line 5, column 34: resilience.breaker.failures: is -1; use a number from 1 to 1000"},
		{"window", head + "resilience: {breaker: {window: 2h}}\n", "resilience.breaker.window: is 2h; use a time from 1s to 1h"},
		{"open", head + "resilience: {breaker: {open: 1ms}}\n", "resilience.breaker.open: is 1ms"},
		{"longest", head + "resilience: {breaker: {open: 2m, longest: 1m}}\n", "resilience.breaker.longest: is 1m, which is shorter than open"},
		{"longer than any", head + "resilience: {breaker: {longest: 16m}}\n", "use a time from 1s to 15m"},
		{"retries", head + "resilience: {retries: 11}\n", "resilience.retries: is 11; use a number from 0 to 10"},
		{"all attempts", head + "resilience: {attempts: 11}\n", "resilience.attempts: is 11; use a number from 1 to 10"},
		{"interval", head + "resilience: {health: {interval: 1s}}\n", "resilience.health.interval: is 1s; use a time from 5s to 1h"},
		{"own thresholds", provider("resilience: {breaker: {failures: 2000}}"), "line 5, column 38: providers[0].resilience.breaker.failures: is 2000"},
		{"own open", provider("resilience: {breaker: {open: 10m}}"), "providers[0].resilience.breaker.longest: is 5m, which is shorter than open"},

		{"key in a credential", provider("credentials: [{name: b, api_key: sk-1}]"), "providers[0].credentials[0].api_key: unknown field; keys do not belong in this file"},
		{"credential without name", provider("credentials: [{api_key_env: A}]"), "providers[0].credentials[0].name: is missing"},
		{"credential twice", provider("credentials: [{name: b}, {name: b}]"), `providers[0].credentials[1].name: "b" is also the name of providers[0].credentials[0]`},
		{"credential of two", provider("credentials: [{name: b, api_key_env: A, api_key_file: /b}]"), "providers[0].credentials[0].api_key_file: stands beside api_key_env"},
		{"credential's variable", provider("credentials: [{name: b, api_key_env: sk-1}]"), "providers[0].credentials[0].api_key_env: is not the name of an environment variable"},
		{"plan", provider("plan: subscribtion"), `line 5, column 11: providers[0].plan: "subscribtion" is not a plan; did you mean "subscription"?`},
		{"parallel", provider("max_parallel: -1"), "providers[0].max_parallel: is -1"},
		{"queue", provider("queue: {length: 100000}"), "providers[0].queue.length: is 100000"},
		{"wait", provider("queue: {wait: 1h}"), "line 5, column 19: providers[0].queue.wait: is 1h; use a time from 0s to 10m"},
		{"empty fact", provider("facts: [{models: [a]}]"), "providers[0].facts[0]: says nothing; add what you know"},
		{"fact's model", provider(`facts: [{models: [""], rank: 1}]`), "providers[0].facts[0].models[0]"},
		{"fact's plan", provider("facts: [{plan: cheap}]"), `providers[0].facts[0].plan: "cheap" is not a plan`},
		{"fact's limit", provider("facts: [{limits: [x]}]"), "providers[0].facts[0].limits[0]"},
		{"half a price", provider(`facts: [{price: {input: "1"}}]`), `providers[0].facts[0].price.output: is missing; write it in USD for a million tokens`},
		{"price", provider(`facts: [{price: {input: "1e3", output: "1"}}]`), `line 5, column 29: providers[0].facts[0].price.input: is "1e3", which is not a price`},
		{"price too fine", provider(`facts: [{price: {input: "0.0000001", output: "1"}}]`), "with up to 6 decimals"},
		{"rank", provider("facts: [{rank: -1}]"), "providers[0].facts[0].rank: is -1"},
		{"fact's size", provider("facts: [{parameters: 8x7b}]"), "providers[0].facts[0].parameters: must be a count"},
		{"has", provider("facts: [{has: [sight]}]"), "providers[0].facts[0].has[0]"},
		{"has and lacks", provider("facts: [{has: [tools], lacks: [tools]}]"), `providers[0].facts[0].lacks[0]: "tools" is also in has`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.file))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if errs, ok := err.(Errors); ok && len(errs) > 1 {
				t.Errorf("one fault is told as %d:\n%v", len(errs), err)
			}
		})
	}
}

func TestWhatAPersonMayWriteAboutRouting(t *testing.T) {
	for name, text := range map[string]string{
		"targets of a provider that is gone":  "routers: [{name: a, select: {manual: [gone/model]}}]\naliases: {fast: gone/model}",
		"colons in brackets and braces":       "routers: [{name: a, select: {manual: [ollama/llama3:8b, ollama/a:b:c]}}]",
		"names that Claude Code looks for":    "aliases: {claude-fast: ollama/llama3:8b, anthropic/claude-x: router/minimum-cost}",
		"an alias like a router or provider":  "aliases: {minimum-cost: router/minimum-cost, openai: openai/gpt-5}",
		"thresholds switched off":             "resilience: {breaker: {enabled: false}, cooldowns: false, retries: 0, attempts: 1, health: {enabled: false}}",
		"zeros, which mean the defaults":      "resilience: {breaker: {failures: 0, window: 0s}, attempts: 0}",
		"sections without anything":           "routers:\naliases:\noffline:\nbudget:\nresilience:",
		"sections with nothing in them":       "routers: []\naliases: {}\nbudget: {}\nresilience: {}",
		"patterns of all kinds":               `routers: [{name: a, select: {automatic: {include: [ollama, "*", "open*", "*/gpt-*", "openrouter/anthropic/*", "ollama/llama3:*"]}}}]`,
		"a provider's thresholds, none named": "providers: [{name: a, type: openai, resilience: {}}]",
	} {
		if _, err := Parse([]byte("version: 1\n" + text + "\n")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPatternsAreCheckedBeforeTheyAreKept(t *testing.T) {
	if err := (Patterns{"ollama", "openai/*", "*/gpt-5"}).Check(); err != nil {
		t.Error(err)
	}
	if err := (Patterns{"ollama", "gpt-5.1"}).Check(); err == nil || !strings.Contains(err.Error(), `for example "*/gpt-5.1"`) {
		t.Errorf("got %v", err)
	}
}
