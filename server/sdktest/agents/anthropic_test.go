package agents

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// anthropic is the Messages dialect with the refusals of the real API that a translation may run into.
type anthropic struct {
	mu     sync.Mutex        // guards what follows
	issued map[string]string // signature of each thinking block that was streamed, and the thinking shown
	made   int               // ids so far
}

type jsonMembers = map[string]json.RawMessage

var (
	anthropicID   = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	anthropicName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
)

// The request's members, and the beta without which each of some is refused.
const anthropicMembers = "model max_tokens messages system stream stop_sequences temperature top_p top_k tools tool_choice thinking " +
	"output_config metadata service_tier speed cache_control inference_geo container diagnostics context_management"

var anthropicBetas = map[string]string{"context_management": "context-management-", "defer_loading": "advanced-tool-use-"}

func (a *anthropic) path() string { return "/v1/messages" }

func (a *anthropic) small() string { return "claude-haiku-4-5" }

func (a *anthropic) models() string {
	return `{"data":[{"type":"model","id":"claude-sonnet-4-5","display_name":"Claude Sonnet 4.5","created_at":"2025-09-29T00:00:00Z"},` +
		`{"type":"model","id":"claude-opus-5-5","display_name":"Claude Opus 5.5","created_at":"2026-09-29T00:00:00Z"},` +
		`{"type":"model","id":"claude-haiku-4-5","display_name":"Claude Haiku 4.5","created_at":"2025-10-01T00:00:00Z"}],` +
		`"has_more":false,"first_id":"claude-sonnet-4-5","last_id":"claude-haiku-4-5"}`
}

func (a *anthropic) authorized(h http.Header, key string) bool {
	return h.Get("X-Api-Key") == key || h.Get("Authorization") == "Bearer "+key
}

func (a *anthropic) refuse(w http.ResponseWriter, status int, message string) {
	kind := map[int]string{400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error"}[status]
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"type": "error", "request_id": "req_011CScripted", "error": map[string]string{"type": kind, "message": message}})
}

// anthropicRequest is the part of a request that is looked at.
type anthropicRequest struct {
	Model       string
	MaxTokens   *int `json:"max_tokens"`
	Messages    []anthropicMessage
	System      json.RawMessage
	Stream      bool
	Temperature *float64
	TopP        *float64 `json:"top_p"`
	Thinking    struct {
		Type    string
		Budget  int `json:"budget_tokens"`
		Display string
	}
	Tools []struct {
		Type, Name   string
		InputSchema  json.RawMessage `json:"input_schema"`
		DeferLoading *bool           `json:"defer_loading"`
	}
}

type anthropicMessage struct {
	Role    string
	Content json.RawMessage
}

type anthropicBlock struct {
	Type, Text, Thinking, ID, Name string
	Signature, ToolUseID, ToolName string
	Input                          json.RawMessage
	Content                        json.RawMessage
	Failed                         bool
	Cached                         bool
}

func (b *anthropicBlock) UnmarshalJSON(data []byte) error {
	var raw struct {
		Type, Text, Thinking, ID, Name, Signature string
		ToolUseID                                 string `json:"tool_use_id"`
		ToolName                                  string `json:"tool_name"`
		Input, Content                            json.RawMessage
		IsError                                   bool            `json:"is_error"`
		CacheControl                              json.RawMessage `json:"cache_control"`
	}
	err := json.Unmarshal(data, &raw)
	*b = anthropicBlock{raw.Type, raw.Text, raw.Thinking, raw.ID, raw.Name, raw.Signature, raw.ToolUseID, raw.ToolName, raw.Input, raw.Content, raw.IsError, len(raw.CacheControl) > 4}
	return err
}

// blocks is content, which may be a string, as blocks.
func blocks(content json.RawMessage) ([]anthropicBlock, error) {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return []anthropicBlock{{Type: "text", Text: text}}, nil
	}
	var all []anthropicBlock
	err := json.Unmarshal(content, &all)
	return all, err
}

func (a *anthropic) read(h http.Header, body []byte) (request, string) {
	var r anthropicRequest
	var members jsonMembers
	if err := json.Unmarshal(body, &r); err != nil {
		return request{}, "the body is not understood: " + err.Error()
	}
	if err := json.Unmarshal(body, &members); err != nil {
		return request{}, err.Error()
	}
	req := request{model: r.Model, streamed: r.Stream}
	if refusal := a.settings(h, &r, members, &req); refusal != "" {
		return req, refusal
	}
	return req, a.conversation(&r, &req)
}

// settings checks everything but the conversation.
func (a *anthropic) settings(h http.Header, r *anthropicRequest, members jsonMembers, req *request) string {
	beta := h.Get("Anthropic-Beta")
	if h.Get("Anthropic-Version") == "" {
		return "anthropic-version: header is required"
	}
	if m := known(members, anthropicMembers); m != "" {
		return m + ": Extra inputs are not permitted"
	}
	for m, needs := range anthropicBetas {
		if _, there := members[m]; there && !strings.Contains(beta, needs) {
			return m + ": Extra inputs are not permitted"
		}
	}
	adaptive := !strings.Contains(r.Model, "-4-5")
	switch {
	case !strings.HasPrefix(r.Model, "claude-"):
		return "model: " + r.Model
	case r.MaxTokens == nil || *r.MaxTokens <= 0:
		return "max_tokens: Field required"
	case len(r.Messages) == 0:
		return "messages: at least one message is required"
	case r.Temperature != nil && (adaptive || r.TopP != nil):
		return "temperature: not accepted by this model, or not beside top_p"
	case r.Thinking.Type == "enabled" && adaptive, r.Thinking.Type == "adaptive" && !adaptive:
		return "thinking.type: " + r.Thinking.Type + " is not supported on this model"
	case r.Thinking.Type == "enabled" && (r.Thinking.Budget < 1024 || r.Thinking.Budget >= *r.MaxTokens):
		return "thinking.enabled.budget_tokens: must be 1024 or more and less than max_tokens"
	case r.Thinking.Type == "enabled" && r.Temperature != nil && *r.Temperature != 1:
		return "temperature: may only be set to 1 when thinking is enabled"
	}
	req.thinks = r.Thinking.Type == "enabled" || adaptive && r.Thinking.Type != "disabled"
	req.hidden = r.Thinking.Display == "omitted" || adaptive && r.Thinking.Display == ""
	for i, t := range r.Tools {
		if t.DeferLoading != nil && !strings.Contains(beta, anthropicBetas["defer_loading"]) {
			return fmt.Sprintf("tools.%d.defer_loading: Extra inputs are not permitted", i)
		}
		if t.Type != "" && t.Type != "custom" {
			continue // a hosted tool
		}
		one := tool{name: t.Name}
		var kind struct{ Type string }
		if !anthropicName.MatchString(t.Name) || json.Unmarshal(t.InputSchema, &kind) != nil || kind.Type != "object" {
			return fmt.Sprintf("tools.%d: name or input_schema is not valid", i)
		}
		if err := json.Unmarshal(t.InputSchema, &one.schema); err != nil {
			return fmt.Sprintf("tools.%d.input_schema: %v", i, err)
		}
		req.tools = append(req.tools, one)
	}
	return ""
}

// conversation checks the messages: each call has its result in the next message, results first; no empty text; thinking
// comes back as it was given.
func (a *anthropic) conversation(r *anthropicRequest, req *request) string {
	req.results = map[string]result{}
	cached := 0
	if system, err := blocks(r.System); err == nil {
		for _, b := range system {
			if b.Cached {
				cached++
			}
		}
	} else if len(r.System) > 0 {
		return "system: " + err.Error()
	}
	var waiting []string // calls whose results must come next
	for i, m := range r.Messages {
		where := fmt.Sprintf("messages.%d", i)
		content, err := blocks(m.Content)
		switch {
		case err != nil || len(content) == 0 && i < len(r.Messages)-1:
			return where + ".content: not valid"
		case m.Role == "system" && strings.Contains(r.Model, "-4-5"), m.Role != "user" && m.Role != "assistant" && m.Role != "system":
			return where + ".role: not valid: " + m.Role
		case m.Role == "system":
			continue
		}
		var calls []string
		for j, b := range content {
			if b.Cached {
				cached++
			}
			if refusal := a.block(m.Role, content[:j], b, &waiting, &calls, req); refusal != "" {
				return fmt.Sprintf("%s.content.%d: %s", where, j, refusal)
			}
		}
		if len(waiting) > 0 {
			return where + ": `tool_use` ids were found without `tool_result` blocks immediately after: " + strings.Join(waiting, ", ")
		}
		if m.Role == "assistant" && len(calls) > 0 && r.Thinking.Type == "enabled" && content[0].Type != "thinking" && i == len(r.Messages)-2 {
			return where + ".content.0.type: Expected `thinking` or `redacted_thinking`, but found `" + content[0].Type + "`"
		}
		waiting = calls
	}
	if len(waiting) > 0 {
		return "messages: `tool_use` ids were found without `tool_result` blocks immediately after: " + strings.Join(waiting, ", ")
	}
	if cached > 4 {
		return fmt.Sprintf("A maximum of 4 blocks with cache_control may be provided. Found %d.", cached)
	}
	if last := r.Messages[len(r.Messages)-1]; last.Role == "assistant" {
		return "This model does not support assistant message prefill. The conversation must end with a user message."
	}
	return ""
}

// block checks one block of a message; before are those in front of it.
func (a *anthropic) block(role string, before []anthropicBlock, b anthropicBlock, waiting, calls *[]string, req *request) string {
	switch b.Type {
	case "text":
		if strings.TrimSpace(b.Text) == "" {
			return "text content blocks must contain non-whitespace text"
		}
	case "thinking":
		a.mu.Lock()
		shown, ours := a.issued[b.Signature]
		a.mu.Unlock()
		if role != "assistant" || !ours || shown != b.Thinking {
			return fmt.Sprintf("Invalid `signature` in `thinking` block: %.20q", b.Signature)
		}
		req.reasoning++
	case "tool_use":
		var input map[string]any
		if role != "assistant" || !anthropicID.MatchString(b.ID) || !anthropicName.MatchString(b.Name) || json.Unmarshal(b.Input, &input) != nil {
			return "tool_use: id, name or input is not valid"
		}
		for _, c := range req.calls {
			if c.id == b.ID {
				return "`tool_use` ids must be unique"
			}
		}
		*calls = append(*calls, b.ID)
		req.calls = append(req.calls, call{b.ID, b.Name, string(b.Input)})
	case "tool_result":
		at := -1
		for i, id := range *waiting {
			if id == b.ToolUseID {
				at = i
			}
		}
		if role != "user" || at < 0 {
			return "unexpected `tool_use_id` found in `tool_result` blocks: " + b.ToolUseID
		}
		for _, earlier := range before {
			if earlier.Type != "tool_result" {
				return "`tool_result` blocks must come first"
			}
		}
		*waiting = append((*waiting)[:at:at], (*waiting)[at+1:]...)
		text, err := resultText(b.Content, req.tools)
		if err != nil {
			return "tool_result.content: " + err.Error()
		}
		req.results[b.ToolUseID] = result{text, b.Failed}
	case "image", "document", "redacted_thinking", "search_result":
	default:
		return "type: " + b.Type + " is not expected"
	}
	return ""
}

// resultText is what a result says; the reference to a tool that was loaded says its name.
func resultText(content json.RawMessage, tools []tool) (string, error) {
	if len(content) == 0 {
		return "", nil
	}
	inside, err := blocks(content)
	var all strings.Builder
	for _, b := range inside {
		if b.Type == "tool_reference" && !slices.ContainsFunc(tools, func(t tool) bool { return t.name == b.ToolName }) {
			return "", fmt.Errorf("Tool reference '%s' not found in available tools", b.ToolName)
		}
		all.WriteString(b.Text + b.ToolName)
	}
	return all.String(), err
}

// id numbers what this upstream hands out.
func (a *anthropic) id(prefix string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made++
	return fmt.Sprintf("%s_01Scripted%d", prefix, a.made)
}

// issue makes the signature of a thinking block.
func (a *anthropic) issue(shown string) string {
	signature := "RXhhbXBsZVNpZ25hdHVyZQ" + a.id("")
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.issued == nil {
		a.issued = map[string]string{}
	}
	a.issued[signature] = shown
	return signature
}

func stopReason(r reply) string {
	if len(r.calls) > 0 {
		return "tool_use"
	}
	return "end_turn"
}

const anthropicUsage = `{"input_tokens":80,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":%d,"service_tier":"standard","inference_geo":"global","server_tool_use":null}`

func (a *anthropic) whole(w http.ResponseWriter, model string, r reply) {
	var content []any
	if r.text != "" {
		content = append(content, map[string]any{"type": "text", "text": r.text})
	}
	for _, c := range r.calls {
		content = append(content, map[string]any{"type": "tool_use", "id": a.id("toolu"), "name": c.name, "input": json.RawMessage(c.arguments)})
	}
	json.NewEncoder(w).Encode(map[string]any{"id": a.id("msg"), "type": "message", "role": "assistant", "model": model, "content": content,
		"stop_reason": stopReason(r), "stop_sequence": nil, "usage": json.RawMessage(fmt.Sprintf(anthropicUsage, 52))})
}

func (a *anthropic) stream(w *events, model string, t turn, r reply) {
	send := func(name, format string, args ...any) { w.send(name, fmt.Sprintf(format, args...)) }
	index := 0
	block := func(start string, deltas ...string) {
		send("content_block_start", `{"type":"content_block_start","index":%d,"content_block":%s}`, index, start)
		for _, d := range deltas {
			send("content_block_delta", `{"type":"content_block_delta","index":%d,"delta":%s}`, index, d)
		}
		send("content_block_stop", `{"type":"content_block_stop","index":%d}`, index)
		index++
	}
	deltas := func(kind, member, text string) (all []string) {
		for _, p := range pieces(text) {
			all = append(all, `{"type":"`+kind+`",`+object(member, p)[1:])
		}
		return all
	}
	send("message_start", `{"type":"message_start","message":{"id":%q,"type":"message","role":"assistant","model":%q,"content":[],"stop_reason":null,"stop_sequence":null,"usage":`+anthropicUsage+`}}`, a.id("msg"), model, 1)
	if t.thinks && r.thinking != "" {
		shown := r.thinking
		if t.hidden {
			shown = ""
		}
		block(`{"type":"thinking","thinking":"","signature":""}`, append(deltas("thinking_delta", "thinking", shown), `{"type":"signature_delta",`+object("signature", a.issue(shown))[1:])...)
	}
	send("ping", `{"type":"ping"}`)
	if r.text != "" {
		block(`{"type":"text","text":""}`, deltas("text_delta", "text", r.text)...)
	}
	for _, c := range r.calls {
		block(fmt.Sprintf(`{"type":"tool_use","id":%q,"name":%q,"input":{}}`, a.id("toolu"), c.name), deltas("input_json_delta", "partial_json", c.arguments)...)
	}
	send("message_delta", `{"type":"message_delta","delta":{"stop_reason":%q,"stop_sequence":null},"usage":{"input_tokens":80,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":52}}`, stopReason(r))
	send("message_stop", `{"type":"message_stop"}`)
}
