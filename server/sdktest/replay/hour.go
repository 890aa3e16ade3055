package main

import "net/http"

// hour is the short session: every kind of request and of trouble once, over a played Ollama, for a test.
func hour() []scene {
	return []scene{
		{title: "all is well", steps: join(
			[]step{list("editor", speaksOpenAI), list("agent", speaksAnthropic), list("private", speaksAnthropic).only("ollama"), list("team", speaksOpenAI).only("ollama", "openai")}, edit("well"), work("well"), construct("well"),
			[]step{ask("editor", speaksOpenAI, "auto", "What is in this picture?").seeing(),
				ask("script", speaksOpenAI, "fast", "Hello"), ask("script", speaksAnthropic, "smart", "Hello").stream(),
				ask("legacy", speaksOpenAI, "gpt-4o", "Hello"), ask("private", speaksAnthropic, "auto", "Hello").home(),
				ask("script", speaksOpenAI, "gpt-6-luna", "Hello"), ask("team", speaksOpenAI, "auto", "Hello"),
				vectors("script", "text-embedding-3-small"), count("agent", "claude-sonnet-5-5"),
				ask("editor", speaksOpenAI, "auto", "What went wrong here?").long(9_000),
				ask("team", speaksAnthropic, "claude-opus-5-5", "Hello").wants(http.StatusForbidden),
				ask("script", speaksOpenAI, "gpt-7-imaginary", "Hello").wants(http.StatusNotFound)},
			times(5, ask("capped", speaksOpenAI, "auto", "Count.")),
			[]step{ask("capped", speaksOpenAI, "auto", "Count.").wants(http.StatusTooManyRequests)})},
		{title: "Ollama is not running", hands: []string{"ollama killed"}, steps: append(edit("killed"),
			ask("private", speaksOpenAI, "auto", "Hello").wants(down...).home())},
		{title: "Anthropic limits the rate", hands: []string{"ollama well", "anthropic limited 8s"}, steps: join(work("limited"), construct("limited"))},
		{title: "OpenAI fails", hands: []string{"openai failing"}, steps: join(work("failing"),
			[]step{vectors("script", "text-embedding-3-small").wants(down...)})},
		{title: "OpenRouter is slow, OpenAI down", hands: []string{"openai killed", "openrouter slow 50ms"}, steps: []step{
			ask("editor", speaksOpenAI, "router/cheap-remote", "Hello").stream()}},
		{title: "offline", hands: []string{"openai well", "openrouter well", "$ offline on"}, steps: join(
			with(edit("offline"), func(s *step) { s.local = true }),
			[]step{ask("script", speaksOpenAI, "gpt-6-luna", "Hello").wants(403, 404, 503).home()})},
	}
}
