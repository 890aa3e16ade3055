package main

import (
	"fmt"
	"net/http"
	"strings"
)

// newOpenAI plays OpenAI: a list of ids and nothing else, so that what is known of its models is the gateway's own
// catalogue.
func newOpenAI() *upstream {
	return &upstream{name: "openai", reply: replyOpenAI, offer: []offered{
		{id: "gpt-6-astra", in: 10, out: 50, context: 1_000_000, vision: true, thinks: 160}, // tools only at its other endpoint
		{id: "gpt-6.1-sol", in: 2, out: 10, context: 1_000_000, vision: true, thinks: 90},   // likewise
		{id: "gpt-6.1-terra", in: 1, out: 5, context: 1_000_000, tools: true, vision: true, thinks: 70},
		{id: "gpt-6-luna", in: 0.1, out: 0.5, context: 1_000_000, tools: true, vision: true, thinks: 30},
		{id: "text-embedding-3-small", in: 0.02, context: 8191, thinks: 10},
	}}
}

// newAnthropic plays Anthropic.
func newAnthropic() *upstream {
	return &upstream{name: "anthropic", reply: replyAnthropic, offer: []offered{
		{id: "claude-opus-5-5", in: 4, out: 20, context: 1_000_000, tools: true, vision: true, thinks: 120},
		{id: "claude-sonnet-5-5", in: 2, out: 10, context: 1_000_000, tools: true, vision: true, thinks: 80},
		{id: "claude-haiku-5-5", in: 0.1, out: 0.5, context: 200_000, tools: true, vision: true, thinks: 35},
	}}
}

// newOpenRouter plays OpenRouter: prices, contexts and abilities are in its list, the cost in its answers.
func newOpenRouter() *upstream {
	return &upstream{name: "openrouter", reply: replyOpenRouter, offer: []offered{
		{id: "anthropic/claude-sonnet-5.5", in: 2.1, out: 10.5, context: 1_000_000, tools: true, vision: true, thinks: 110},
		{id: "deepseek/deepseek-flash", in: 0.3, out: 1.2, context: 131_072, tools: true, thinks: 60},
		{id: "qwen/qwen3-coder", in: 0.22, out: 0.95, context: 262_144, tools: true, thinks: 75},
		{id: "mistralai/mistral-tiny-24b", in: 0.05, out: 0.08, context: 32_768, tools: true, vision: true, thinks: 45},
	}}
}

// newOllama plays Ollama where no real one is given: one small model that has neither tools nor eyes.
func newOllama() *upstream {
	return &upstream{name: "ollama", reply: replyOllama, offer: []offered{{id: "tiny:latest", context: 2048}}}
}

// vendorSays answers what does not depend on the dialect's form: the key, the list, an unknown model. It reports whether
// that was all.
func vendorSays(u *upstream, w http.ResponseWriter, r *http.Request, q *question, authorised, anthropic bool, entry func(offered) string) bool {
	switch {
	case !authorised:
		say(w, anthropic, http.StatusUnauthorized, "authentication_error", "invalid_api_key", "Incorrect API key provided.")
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/models"):
		var list []string
		for _, m := range u.offer {
			list = append(list, entry(m))
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"object":"list","has_more":false,"data":[%s]}`, strings.Join(list, ","))
	case r.Method != http.MethodPost:
		http.NotFound(w, r)
	case q.model == nil:
		say(w, anthropic, http.StatusNotFound, "not_found_error", "model_not_found", "The model "+q.Model+" does not exist.")
	case q.tokens > q.model.context:
		say(w, anthropic, http.StatusBadRequest, "invalid_request_error", "context_length_exceeded",
			fmt.Sprintf("prompt is too long: %d tokens > %d maximum", q.tokens, q.model.context))
	case len(q.Tools) > 0 && !q.model.tools:
		say(w, anthropic, http.StatusBadRequest, "invalid_request_error", "", q.Model+" does not support tools")
	default:
		return false
	}
	return true
}

func bare(m offered) string {
	return fmt.Sprintf(`{"id":%q,"object":"model","created":1790000000,"owned_by":"system"}`, m.id)
}

func replyOpenAI(u *upstream, w http.ResponseWriter, r *http.Request, q *question) {
	if !vendorSays(u, w, r, q, r.Header.Get("Authorization") == "Bearer "+vendorKey, false, bare) {
		completes(u, w, q, false)
	}
}

func replyOllama(u *upstream, w http.ResponseWriter, r *http.Request, q *question) {
	if !vendorSays(u, w, r, q, true, false, bare) {
		completes(u, w, q, false)
	}
}

func replyOpenRouter(u *upstream, w http.ResponseWriter, r *http.Request, q *question) {
	entry := func(m offered) string {
		input, parameters := `"text"`, `"max_tokens","temperature"`
		if m.vision {
			input += `,"image"`
		}
		if m.tools {
			parameters += `,"tools","tool_choice"`
		}
		return fmt.Sprintf(`{"id":%q,"name":%q,"created":1790000000,"context_length":%d,"architecture":{"input_modalities":[%s],"output_modalities":["text"]},`+
			`"pricing":{"prompt":"%.9f","completion":"%.9f"},"top_provider":{"context_length":%d},"supported_parameters":[%s]}`,
			m.id, m.id, m.context, input, m.in/1e6, m.out/1e6, m.context, parameters)
	}
	if !vendorSays(u, w, r, q, r.Header.Get("Authorization") == "Bearer "+vendorKey, false, entry) {
		completes(u, w, q, true)
	}
}

// completes answers /chat/completions and /embeddings; tells says that the usage names the cost.
func completes(u *upstream, w http.ResponseWriter, q *question, tells bool) {
	if strings.HasSuffix(q.Path, "/embeddings") {
		u.bill(q, 0)
		q.trouble.sendWhole(w, fmt.Sprintf(`{"object":"list","model":%q,"data":[{"object":"embedding","index":0,"embedding":[0.1,-0.2,0.3]}],"usage":{"prompt_tokens":%d,"total_tokens":%d}}`,
			q.Model, q.tokens, q.tokens), false)
		return
	}
	words, finish, call := prose(q.words()), "stop", ""
	if q.calls() {
		words, finish = nil, "tool_calls"
		call = fmt.Sprintf(`[{"index":0,"id":"call_%d","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"main.go\"}"}}]`, q.tokens)
	}
	output := max(len(words), 9)
	cost := u.bill(q, output)
	usage := fmt.Sprintf(`"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d`, q.tokens, output, q.tokens+output)
	if tells {
		usage += fmt.Sprintf(`,"cost":%.12f`, cost)
	}
	usage += "}"
	if !q.Stream {
		message := fmt.Sprintf(`"role":"assistant","content":%q`, strings.Join(words, ""))
		if call != "" {
			message = `"role":"assistant","content":null,"tool_calls":` + strings.Replace(call, `"index":0,`, "", 1)
		}
		q.trouble.sendWhole(w, fmt.Sprintf(`{"id":"chatcmpl-replay","object":"chat.completion","created":1790000000,"model":%q,"choices":[{"index":0,"message":{%s},"finish_reason":%q}],%s}`,
			q.Model, message, finish, usage), false)
		return
	}
	chunk := func(delta, finish string) string {
		return fmt.Sprintf(`data: {"id":"chatcmpl-replay","object":"chat.completion.chunk","created":1790000000,"model":%q,"choices":[{"index":0,"delta":%s,"finish_reason":%s}]}`+"\n\n", q.Model, delta, finish)
	}
	events := []string{chunk(`{"role":"assistant","content":""}`, "null")}
	for _, word := range words {
		events = append(events, chunk(fmt.Sprintf(`{"content":%q}`, word), "null"))
	}
	if call != "" {
		events = append(events, chunk(`{"tool_calls":`+call+`}`, "null"))
	}
	events = append(events, chunk(`{}`, `"`+finish+`"`))
	if q.StreamOptions.Usage {
		events = append(events, fmt.Sprintf(`data: {"id":"chatcmpl-replay","object":"chat.completion.chunk","created":1790000000,"model":%q,"choices":[],%s}`+"\n\n", q.Model, usage))
	}
	q.trouble.send(w, append(events, "data: [DONE]\n\n"), 1, false)
}

func replyAnthropic(u *upstream, w http.ResponseWriter, r *http.Request, q *question) {
	entry := func(m offered) string {
		return fmt.Sprintf(`{"type":"model","id":%q,"display_name":%q,"created_at":"2026-09-01T00:00:00Z","max_input_tokens":%d,"max_tokens":64000}`, m.id, m.id, m.context)
	}
	if vendorSays(u, w, r, q, r.Header.Get("X-Api-Key") == vendorKey, true, entry) {
		return
	}
	if strings.HasSuffix(q.Path, "/count_tokens") {
		q.trouble.sendWhole(w, fmt.Sprintf(`{"input_tokens":%d}`, q.tokens), true)
		return
	}
	words, stop, call := prose(q.words()), "end_turn", ""
	if q.calls() {
		words, stop = nil, "tool_use"
		call = fmt.Sprintf(`"type":"tool_use","id":"toolu_%d","name":"read_file"`, q.tokens)
	}
	output := max(len(words), 9)
	u.bill(q, output)
	if !q.Stream {
		content := fmt.Sprintf(`{"type":"text","text":%q}`, strings.Join(words, ""))
		if call != "" {
			content = `{` + call + `,"input":{"path":"main.go"}}`
		}
		q.trouble.sendWhole(w, fmt.Sprintf(`{"id":"msg_replay","type":"message","role":"assistant","model":%q,"content":[%s],"stop_reason":%q,"stop_sequence":null,"usage":{"input_tokens":%d,"output_tokens":%d}}`,
			q.Model, content, stop, q.tokens, output), true)
		return
	}
	event := func(kind, more string) string {
		return fmt.Sprintf("event: %s\ndata: {\"type\":%q%s}\n\n", kind, kind, more)
	}
	events := []string{event("message_start", fmt.Sprintf(`,"message":{"id":"msg_replay","type":"message","role":"assistant","model":%q,"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":%d,"output_tokens":1}}`, q.Model, q.tokens))}
	if call != "" {
		events = append(events, event("content_block_start", `,"index":0,"content_block":{`+call+`,"input":{}}`),
			event("content_block_delta", `,"index":0,"delta":{"type":"input_json_delta","partial_json":"{\"path\":\"main.go\"}"}`))
	} else {
		events = append(events, event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`))
	}
	for _, word := range words {
		events = append(events, event("content_block_delta", fmt.Sprintf(`,"index":0,"delta":{"type":"text_delta","text":%q}`, word)))
	}
	events = append(events, event("content_block_stop", `,"index":0`),
		event("message_delta", fmt.Sprintf(`,"delta":{"stop_reason":%q,"stop_sequence":null},"usage":{"output_tokens":%d}`, stop, output)), event("message_stop", ""))
	q.trouble.send(w, events, 2, true)
}
