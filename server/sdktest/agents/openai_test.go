package agents

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// openai is the chat completions dialect as a strict compatible server with a reasoning model speaks it.
type openai struct{ made atomic.Int64 }

var openaiName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

const (
	openaiMembers = "model messages stream stream_options max_completion_tokens max_tokens temperature top_p n stop presence_penalty " +
		"frequency_penalty logit_bias logprobs top_logprobs seed user safety_identifier prompt_cache_key prompt_cache_options " +
		"prompt_cache_retention response_format tools tool_choice parallel_tool_calls reasoning_effort verbosity service_tier store " +
		"metadata modalities audio prediction web_search_options functions function_call"
	openaiMessage = "role content name refusal audio tool_calls function_call tool_call_id reasoning_content"
)

func (o *openai) path() string { return "/v1/chat/completions" }

func (o *openai) small() string { return "gpt-x-mini" }

func (o *openai) models() string {
	return `{"object":"list","data":[{"id":"gpt-x","object":"model","created":1700000000,"owned_by":"someone"},` +
		`{"id":"gpt-x-mini","object":"model","created":1700000000,"owned_by":"someone"},{"id":"qwen-x","object":"model","created":1700000000,"owned_by":"someone"}]}`
}

func (o *openai) authorized(h http.Header, key string) bool {
	return h.Get("Authorization") == "Bearer "+key
}

func (o *openai) refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": "invalid_request_error", "param": nil, "code": nil}})
}

type openaiRequest struct {
	Model    string
	Messages []json.RawMessage
	Stream   bool
	Tools    []struct {
		Type     string
		Function struct {
			Name       string
			Parameters json.RawMessage
		}
	}
	Effort string `json:"reasoning_effort"`
}

func (o *openai) read(_ http.Header, body []byte) (request, string) {
	var r openaiRequest
	var members jsonMembers
	if err := json.Unmarshal(body, &r); err != nil {
		return request{}, "the body is not understood: " + err.Error()
	}
	if err := json.Unmarshal(body, &members); err != nil {
		return request{}, err.Error()
	}
	req := request{model: r.Model, streamed: r.Stream}
	_, hasOptions := members["stream_options"]
	switch m := known(members, openaiMembers); {
	case m != "":
		return req, "Unrecognized request argument supplied: " + m
	case !strings.Contains(o.models(), `"`+r.Model+`"`):
		return req, "The model `" + r.Model + "` does not exist"
	case len(r.Messages) == 0:
		return req, "Missing required parameter: 'messages'"
	case hasOptions && !r.Stream:
		return req, "The 'stream_options' parameter is only allowed when 'stream' is enabled."
	case r.Effort != "" && !slices.Contains([]string{"none", "minimal", "low", "medium", "high", "xhigh"}, r.Effort):
		return req, "Invalid value for 'reasoning_effort': " + r.Effort
	}
	req.thinks = r.Effort != "none"
	for i, t := range r.Tools {
		one := tool{name: t.Function.Name}
		if t.Type != "function" || !openaiName.MatchString(one.name) {
			return req, fmt.Sprintf("Invalid 'tools[%d]': type %q, name %q", i, t.Type, one.name)
		}
		if len(t.Function.Parameters) > 0 {
			if err := json.Unmarshal(t.Function.Parameters, &one.schema); err != nil {
				return req, fmt.Sprintf("Invalid 'tools[%d].function.parameters': %v", i, err)
			}
		}
		req.tools = append(req.tools, one)
	}
	return req, o.conversation(r.Messages, &req)
}

// conversation checks the messages: each call is followed by its result, at once.
func (o *openai) conversation(messages []json.RawMessage, req *request) string {
	req.results = map[string]result{}
	var waiting []string // calls whose results must come next
	for i, raw := range messages {
		where := fmt.Sprintf("messages[%d]", i)
		var m struct {
			Role       string
			Content    json.RawMessage
			ToolCallID string `json:"tool_call_id"`
			Reasoning  string `json:"reasoning_content"`
			ToolCalls  []struct {
				ID, Type string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		var members jsonMembers
		if json.Unmarshal(raw, &m) != nil || json.Unmarshal(raw, &members) != nil {
			return "Invalid type for '" + where + "'"
		}
		if unknown := known(members, openaiMessage); unknown != "" {
			return "Unknown parameter: '" + where + "." + unknown + "'"
		}
		text, ok := openaiText(m.Content)
		if !ok {
			return "Invalid value for '" + where + ".content'"
		}
		if len(waiting) > 0 && m.Role != "tool" {
			return "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. Missing: " + strings.Join(waiting, ", ")
		}
		switch m.Role {
		case "system", "developer", "user":
			if text == "" && len(m.Content) < 3 {
				return "Invalid value for '" + where + ".content': expected a string"
			}
		case "assistant":
			if m.Reasoning != "" {
				req.reasoning++
			}
			for _, c := range m.ToolCalls {
				if c.ID == "" || c.Type != "function" || !json.Valid([]byte(c.Function.Arguments)) {
					return "Invalid value for '" + where + ".tool_calls'"
				}
				waiting = append(waiting, c.ID)
				req.calls = append(req.calls, call{c.ID, c.Function.Name, c.Function.Arguments})
			}
			if len(m.ToolCalls) == 0 && text == "" {
				return "Invalid value for '" + where + ".content': expected a string, got null."
			}
		case "tool":
			at := slices.Index(waiting, m.ToolCallID)
			if at < 0 {
				return "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
			}
			waiting = slices.Delete(waiting, at, at+1)
			req.results[m.ToolCallID] = result{text: text}
		default:
			return "Invalid value: '" + m.Role + "'. Supported values are: 'system', 'assistant', 'user', 'tool', and 'developer'."
		}
	}
	if len(waiting) > 0 {
		return "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. Missing: " + strings.Join(waiting, ", ")
	}
	return ""
}

// openaiText is the text of a message's content, which may be missing, a string or parts.
func openaiText(content json.RawMessage) (string, bool) {
	var text string
	if len(content) == 0 || json.Unmarshal(content, &text) == nil {
		return text, true
	}
	var parts []struct{ Type, Text string }
	if json.Unmarshal(content, &parts) != nil {
		return "", false
	}
	for _, p := range parts {
		if !slices.Contains([]string{"text", "image_url", "input_audio", "file", "refusal"}, p.Type) {
			return "", false
		}
		text += p.Text
	}
	return text, true
}

func (o *openai) id(prefix string) string {
	return fmt.Sprintf("%s%d", prefix, o.made.Add(1))
}

func finishReason(r reply) string {
	if len(r.calls) > 0 {
		return "tool_calls"
	}
	return "stop"
}

var openaiUsage = json.RawMessage(`{"prompt_tokens":83,"completion_tokens":41,"total_tokens":124,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":12}}`)

func (o *openai) whole(w http.ResponseWriter, model string, r reply) {
	message := map[string]any{"role": "assistant", "content": r.text, "refusal": nil}
	var calls []any
	for _, c := range r.calls {
		calls = append(calls, map[string]any{"id": o.id("call_scripted_"), "type": "function", "function": map[string]any{"name": c.name, "arguments": c.arguments}})
	}
	if calls != nil {
		message["tool_calls"] = calls
	}
	json.NewEncoder(w).Encode(map[string]any{"id": o.id("chatcmpl-scripted"), "object": "chat.completion", "created": 1795377600, "model": model, "usage": openaiUsage,
		"choices": []any{map[string]any{"index": 0, "message": message, "logprobs": nil, "finish_reason": finishReason(r)}}})
}

func (o *openai) stream(w *events, model string, t turn, r reply) {
	id := o.id("chatcmpl-scripted")
	chunk := func(choices []any, usage any) {
		w.send("", map[string]any{"id": id, "object": "chat.completion.chunk", "created": 1795377600, "model": model, "choices": choices, "usage": usage})
	}
	delta := func(d map[string]any, finish any) {
		chunk([]any{map[string]any{"index": 0, "delta": d, "logprobs": nil, "finish_reason": finish}}, nil)
	}
	delta(map[string]any{"role": "assistant", "content": ""}, nil)
	if t.thinks {
		for _, p := range pieces(r.thinking) {
			delta(map[string]any{"content": nil, "reasoning_content": p}, nil)
		}
	}
	for _, p := range pieces(r.text) {
		delta(map[string]any{"content": p}, nil)
	}
	for i, c := range r.calls {
		delta(map[string]any{"tool_calls": []any{map[string]any{"index": i, "id": o.id("call_scripted_"), "type": "function", "function": map[string]any{"name": c.name, "arguments": ""}}}}, nil)
		for _, p := range pieces(c.arguments) {
			delta(map[string]any{"tool_calls": []any{map[string]any{"index": i, "function": map[string]any{"arguments": p}}}}, nil)
		}
	}
	delta(map[string]any{}, finishReason(r))
	chunk([]any{}, openaiUsage)
	w.send("", "[DONE]")
}
