package main

import "net/http"

// The day of a developer, in scenes. What a step wants is written beside it; where the request names the very thing that
// is in trouble, or the clock decides, any answer is right and only its receipt is judged.

// The targets a person would expect, where there is no doubt.
const (
	tiny        = "ollama/tiny:latest"
	cheapest    = "openrouter/mistralai/mistral-tiny-24b" // of those with prices
	opus        = "anthropic/claude-opus-5-5"
	sonnet      = "anthropic/claude-sonnet-5-5"
	sonnetThere = "openrouter/anthropic/claude-sonnet-5.5"
	terra       = "openai/gpt-6.1-terra"
)

// down are the answers of a request that had nowhere to go.
var down = []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusInternalServerError}

// The steps that come again and again.
func ask(who, dialect, model, say string) step {
	return step{who: who, dialect: dialect, form: whole, model: model, say: say}
}

func (s step) stream() step              { s.form = streamed; return s }
func (s step) in(talk string) step       { s.talk = talk; return s }
func (s step) using() step               { s.tools = true; return s }
func (s step) seeing() step              { s.picture = true; return s }
func (s step) long(words int) step       { s.words = words; return s }
func (s step) wants(list ...int) step    { s.want = list; return s }
func (s step) any() step                 { s.whatever = true; return s }
func (s step) shown(why string) step     { s.show = why; return s }
func (s step) home() step                { s.local = true; return s }
func (s step) expects(by ...string) step { s.by = by; return s }
func (s step) at(once int) step          { s.atOnce = once; return s }

func list(who, dialect string) step { return step{who: who, dialect: dialect, form: listed} }

// only says which providers' models a list may hold, besides routers and aliases.
func (s step) only(providers ...string) step { s.sees = providers; return s }

func vectors(who, model string) step {
	return step{who: who, dialect: speaksOpenAI, form: embedded, model: model, say: "a function that reads a file"}
}

func count(who, model string) step {
	return step{who: who, dialect: speaksAnthropic, form: counted, model: model, say: "How long is this?"}
}

// edit is a chat in the editor: one whole answer and one stream, of a conversation that grows.
func edit(talk string) []step {
	return []step{
		ask("editor", speaksOpenAI, "auto", "What does this loop do?").in(talk),
		ask("editor", speaksOpenAI, "auto", "And why does it stop?").in(talk).stream(),
	}
}

// script is a question that a script asks again and again.
func script() step {
	s := ask("script", speaksOpenAI, "router/review", "Are there news?")
	s.same = true
	return s
}

// work is a turn of an agent: it asks, a tool is called, the result goes back.
func work(talk string) []step {
	return []step{
		ask("agent", speaksAnthropic, "auto", "Please look at main.go").in(talk).using().stream(),
		ask("agent", speaksAnthropic, "auto", "").in(talk).using().stream(),
	}
}

// construct is a turn of an application of the other dialect with tools, over a list of models that the person made.
func construct(talk string) []step {
	return []step{
		ask("script", speaksOpenAI, "house", "Please look at main.go").in(talk).using(),
		ask("script", speaksOpenAI, "house", "").in(talk).using(),
	}
}

// day is the long session; a long one has more turns of each kind.
func day(turns int) []scene {
	all := append(morning(turns), troubles(turns)...)
	return append(all, evening(turns)...)
}

func morning(n int) []scene {
	return []scene{{title: "morning, all is well", steps: join(
		[]step{list("editor", speaksOpenAI), list("agent", speaksAnthropic), list("private", speaksOpenAI).only("ollama"), list("team", speaksOpenAI).only("ollama", "openai")},
		times(3*n, edit("morning")...),
		[]step{ask("editor", speaksOpenAI, "auto", "Name this function.").shown("nothing special: a short question of the editor").expects(tiny)},
		times(2*n, work("morning agent")...),
		[]step{ask("agent", speaksAnthropic, "auto", "Please look at the tests").in("morning agent").using().stream().shown("an agent in the middle of its work").expects(opus)},
		[]step{ask("agent", speaksAnthropic, "auto", "").in("morning agent").using().stream()},
		times(n, construct("morning house")...),
		times(n, ask("script", speaksOpenAI, "fast", "One word for a small loop?"), ask("script", speaksAnthropic, "smart", "What is a monad?").stream(),
			ask("script", speaksOpenAI, "gpt-6-luna", "Say yes."), ask("script", speaksOpenAI, "anthropic/claude-haiku-5-5", "Say yes.").stream(),
			ask("script", speaksAnthropic, "openrouter/deepseek/deepseek-flash", "Say yes.")),
		[]step{ask("script", speaksOpenAI, "fast", "One word for a very small loop?").expects("openai/gpt-6-luna", "anthropic/claude-haiku-5-5").shown("the quickest, early in the day"),
			ask("editor", speaksOpenAI, "auto", "What is in this picture?").seeing().shown("a picture, and the local model has no eyes").expects(cheapest),
			ask("agent", speaksAnthropic, "auto", "What is in this picture?").seeing().stream(),
			ask("editor", speaksOpenAI, "auto", "Please look at main.go").using().shown("tools by the cheapest router: the local model has none").expects(cheapest)},
		times(n, ask("private", speaksOpenAI, "auto", "Is this mail rude?").home(), ask("private", speaksAnthropic, "auto", "Is this letter rude?").home().stream()),
		times(n, ask("legacy", speaksOpenAI, "gpt-4o", "Write a commit message."), ask("legacy", speaksAnthropic, "claude-3-5-sonnet-latest", "Write a changelog.").stream()),
		times(n, ask("team", speaksOpenAI, "auto", "Translate: good morning."), vectors("script", "text-embedding-3-small"), count("agent", "claude-sonnet-5-5")),
		[]step{ask("team", speaksAnthropic, "claude-opus-5-5", "Hello").wants(http.StatusForbidden).shown("a model that the key may not reach"),
			ask("script", speaksOpenAI, "gpt-7-imaginary", "Hello").wants(http.StatusNotFound),
			ask("private", speaksOpenAI, "gpt-6.1-sol", "Hello").wants(http.StatusForbidden, http.StatusNotFound).home(),
			ask("script", speaksOpenAI, "router/nothing", "Hello").wants(http.StatusNotFound),
			ask("script", speaksOpenAI, "router/free", "Hello")},
		times(5, ask("capped", speaksOpenAI, "auto", "Count.")),
		times(2, ask("capped", speaksOpenAI, "auto", "Count on.").wants(http.StatusTooManyRequests)),
	)}, {title: "a long log is pasted", steps: []step{
		ask("editor", speaksOpenAI, "auto", "What went wrong here?").long(9_000).shown("too much for the local model").expects(cheapest),
		ask("editor", speaksOpenAI, "router/cheap-remote", "What went wrong here?").long(40_000).stream(),
		ask("agent", speaksAnthropic, "auto", "What went wrong here?").long(120_000),
		ask("private", speaksOpenAI, "auto", "What went wrong here?").long(9_000).wants(http.StatusBadRequest).home(),
	}}}
}

func troubles(n int) []scene {
	return []scene{
		{title: "Ollama is not running", hands: []string{"ollama killed"}, steps: join(
			[]step{ask("editor", speaksOpenAI, "auto", "What does this do?").shown("the first choice does not answer").expects(cheapest)},
			[]step{ask("editor", speaksOpenAI, "auto", "Go on.").in("morning").expects(cheapest)},
			times(2*n, edit("no ollama")...),
			times(2, ask("private", speaksOpenAI, "auto", "Is this rude?").wants(down...).home()),
			times(n, ask("team", speaksOpenAI, "auto", "Translate: good evening.")),
			times(n, work("no ollama")...))},
		{title: "Ollama is back and loads its model", hands: []string{"ollama slow 600ms"}, steps: join(
			times(n, edit("slow ollama")...), times(2, ask("private", speaksOpenAI, "auto", "Is this rude?").home().any()))},
		{title: "Anthropic limits the rate", hands: []string{"ollama well", "anthropic limited 8s"}, steps: join(
			[]step{ask("agent", speaksAnthropic, "auto", "Please look at main.go").using().stream().shown("the rate is limited for 8 s").expects(sonnetThere)},
			[]step{ask("agent", speaksAnthropic, "auto", "Go on.").in("morning agent").using().stream().expects(sonnetThere)},
			times(2*n, work("limited")...), times(n, construct("limited house")...),
			times(2, ask("script", speaksAnthropic, "claude-opus-5-5", "Hello").wants(http.StatusTooManyRequests)),
			times(n, ask("legacy", speaksOpenAI, "gpt-4o", "Write a commit message.")))},
		{title: "OpenAI fails", hands: []string{"anthropic well", "$ providers test anthropic", "openai failing"}, steps: join(
			[]step{ask("script", speaksAnthropic, "router/review", "Please look at go.mod").using().shown("the first of a list of one's own answers 500").expects(sonnet)},
			times(2*n, ask("script", speaksAnthropic, "router/review", "Is this right?").stream()),
			[]step{script().expects(sonnet)},
			times(2*n, work("failing")...), times(n, edit("failing")...),
			times(2, vectors("script", "text-embedding-3-small").wants(down...)),
			times(n, ask("script", speaksOpenAI, "fast", "One word for a big loop?"), ask("legacy", speaksAnthropic, "claude-3-5-sonnet-latest", "Write a changelog.").stream()))},
		{title: "Anthropic's streams break", hands: []string{"openai well", "$ providers test openai", "anthropic broken"}, steps: join(
			times(2, ask("script", speaksAnthropic, "smart", "Explain it.").stream().any()),
			times(n, ask("legacy", speaksOpenAI, "gpt-4o", "Write a commit message.").stream().any()),
			times(n, construct("broken house")...))},
		{title: "Anthropic is overloaded inside its streams", hands: []string{"anthropic well", "$ providers test anthropic", "anthropic hollow"}, steps: join(
			[]step{ask("legacy", speaksOpenAI, "gpt-4o", "Write a commit message.").stream().shown("an error inside a stream, before its first word").expects(terra)},
			times(n, construct("hollow house")...),
			times(n, ask("legacy", speaksAnthropic, "claude-3-5-sonnet-latest", "Write a changelog.").stream()))},
		{title: "OpenAI is down, OpenRouter is slow", hands: []string{"anthropic well", "$ providers test anthropic", "openai killed", "openrouter slow 700ms"}, steps: join(
			times(n, ask("editor", speaksOpenAI, "router/cheap-remote", "One word for a loop?").stream()),
			times(n, work("two ill")...), times(n, edit("two ill")...),
			[]step{ask("script", speaksOpenAI, "openai/gpt-6.1-sol", "Hello").wants(down...).shown("an explicit model whose provider is down")})},
	}
}

func evening(n int) []scene {
	return []scene{
		{title: "in the train, offline", hands: []string{"openai well", "$ providers test openai", "openrouter well", "$ offline on"}, steps: join(
			with(times(2*n, edit("offline")...), func(s *step) { s.local = true }),
			times(2, ask("private", speaksOpenAI, "auto", "Is this rude?").home(), ask("script", speaksAnthropic, "claude-opus-5-5", "Hello").wants(403, 404, 503).home()),
			[]step{vectors("script", "text-embedding-3-small").wants(403, 404, 503).home(),
				ask("agent", speaksAnthropic, "auto", "Hello").home().shown("the best model, offline").expects(tiny),
				ask("agent", speaksAnthropic, "auto", "Please look at main.go").using().wants(400, 403, 503).home()})},
		{title: "online again, OpenRouter's credit is used up", hands: []string{"$ offline off", "openrouter poor"}, steps: join(
			[]step{ask("editor", speaksOpenAI, "router/cheap-remote", "Hello").shown("the credit of the cheapest is used up").expects("openai/gpt-6-luna")},
			times(2*n, ask("editor", speaksOpenAI, "router/cheap-remote", "One word for a loop?").stream()), times(n, work("poor")...))},
		{title: "OpenAI refuses its key", hands: []string{"openai stranger"}, steps: join(
			[]step{ask("script", speaksAnthropic, "router/review", "Is this right?").shown("the first of the list refuses our key").expects(sonnet)},
			times(2*n, work("stranger")...), times(n, ask("script", speaksOpenAI, "fast", "One word?")),
			[]step{ask("script", speaksOpenAI, "gpt-6.1-sol", "Hello").wants(http.StatusBadGateway)})},
		{title: "only OpenRouter is left", hands: []string{"openrouter well", "$ providers test openrouter", "openai killed", "anthropic killed", "ollama killed"}, steps: join(
			[]step{ask("editor", speaksOpenAI, "auto", "What does this do?").shown("three of four are down").expects(cheapest)},
			times(n, edit("one left")...), times(n, work("one left")...), times(n, construct("one left")...))},
		{title: "evening, all is well again", hands: []string{"openai well", "$ providers test openai", "anthropic well", "$ providers test anthropic", "ollama well", "$ providers test ollama"}, steps: join(
			[]step{ask("agent", speaksAnthropic, "auto", "Please look at main.go").using().stream().shown("back to normal").expects(opus)},
			[]step{ask("editor", speaksOpenAI, "auto", "Go on.").in("no ollama").expects(tiny).shown("a conversation that began with a paid model, now that the free one is back"),
				ask("agent", speaksAnthropic, "auto", "Go on.").in("morning agent").using().stream().expects(opus).shown("a conversation that was with another for a while"),
				ask("script", speaksOpenAI, "fast", "One word for a very small loop?").stream().expects("openai/gpt-6-luna", "anthropic/claude-haiku-5-5").shown("the quickest, after a day of measuring"),
				script().expects(terra).shown("a script asks what it asked when its first choice was down")},
			times(3*n, edit("evening")...), times(2*n, work("evening")...), times(n, construct("evening")...),
			times(n, ask("script", speaksOpenAI, "fast", "One word for a loop?"), ask("script", speaksAnthropic, "smart", "Bye.").stream()),
			[]step{ask("editor", speaksOpenAI, "auto", "All at once.").at(8), ask("agent", speaksAnthropic, "auto", "All at once.").stream().at(8),
				list("editor", speaksOpenAI)})},
	}
}

// join puts lists of steps one behind the other.
func join(lists ...[]step) (all []step) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
