package sdktest

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The limits of the models that the vendor offers.
const (
	vendorMaxOutput = 8192
	vendorContext   = 200_000
)

// The two versions of Anthropic's API that are live; the newer takes no sampling fields.
const (
	version2023 = "2023-06-01"
	version2026 = "2026-10-21"
)

func (v *vendor) serveAnthropic(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Request-Id", "req_of_the_vendor")
	version := r.Header.Get("Anthropic-Version")
	switch {
	case r.Header.Get("X-Api-Key") != providerKey && r.Header.Get("Authorization") != "Bearer "+providerKey:
		v.fault(body, "the key is wrong: %v", r.Header)
		anthropicError(w, http.StatusUnauthorized, "authentication_error", "invalid x-api-key")
		return
	case version != version2023 && version != version2026:
		anthropicError(w, http.StatusBadRequest, "invalid_request_error", v.fault(body, "anthropic-version: header is required and must be a valid version, is %q", version))
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/models":
		v.listAnthropic(w, r)
		return
	case "POST /v1/messages", "POST /v1/messages/count_tokens":
	default:
		if id, found := strings.CutPrefix(r.URL.Path, "/v1/models/"); found && slices.Contains(vendorModels(v.dialect), id) {
			json.NewEncoder(w).Encode(anthropicModel(id))
			return
		}
		anthropicError(w, http.StatusNotFound, "not_found_error", "Not found")
		return
	}
	count := strings.HasSuffix(r.URL.Path, "/count_tokens")
	m := messages{v: v, version: version, count: count}
	m.check(body)
	if !m.ok() {
		anthropicError(w, http.StatusBadRequest, "invalid_request_error", v.fault(body, "%s: %s", m.place, m.message))
		return
	}
	if count {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, goldenOf(v.dialect, "count_tokens").whole)
		return
	}
	v.act(w, r, &request{model: m.model, stream: m.stream, usage: true, body: body})
}

func anthropicError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	quoted, _ := json.Marshal(message)
	io.WriteString(w, `{"type":"error","error":{"type":"`+kind+`","message":`+string(quoted)+`},"request_id":"req_of_the_vendor"}`)
}

// anthropicModel is a model as the list tells it: like Claude 4.6, whose older way of thinking is listed still. "budget" is
// of the older kind: it thinks within a budget of tokens.
func anthropicModel(id string) map[string]any {
	yes, no := map[string]any{"supported": true}, map[string]any{"supported": false}
	adaptive, enabled, effort := yes, yes, map[string]any{"supported": true, "low": yes, "medium": yes, "high": yes, "xhigh": yes, "max": yes}
	if id == "budget" {
		adaptive, effort = no, no
	}
	return map[string]any{"type": "model", "id": id, "display_name": "Model " + id, "created_at": "2026-10-01T00:00:00Z",
		"max_input_tokens": vendorContext, "max_tokens": vendorMaxOutput, "lifecycle": "active", "line": "sonnet", "deprecated_at": nil, "retires_at": nil,
		"capabilities": map[string]any{"batch": yes, "citations": yes, "code_execution": yes, "image_input": yes, "pdf_input": yes,
			"structured_outputs": adaptive, "effort": effort,
			"thinking": map[string]any{"supported": true, "types": map[string]any{"adaptive": adaptive, "enabled": enabled}}}}
}

// listAnthropic tells the models page by page, 20 on each where nothing else was asked.
func (v *vendor) listAnthropic(w http.ResponseWriter, r *http.Request) {
	limit := 20
	if asked := r.URL.Query().Get("limit"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < 1 || n > 1000 {
			anthropicError(w, http.StatusBadRequest, "invalid_request_error", "limit: Input should be from 1 to 1000")
			return
		}
		limit = n
	}
	ids := vendorModels(v.dialect)
	if after := r.URL.Query().Get("after_id"); after != "" {
		ids = ids[slices.Index(ids, after)+1:]
	}
	page := map[string]any{"data": []any{}, "has_more": len(ids) > limit, "first_id": nil, "last_id": nil}
	ids = ids[:min(limit, len(ids))]
	var data []any
	for _, id := range ids {
		data = append(data, anthropicModel(id))
	}
	if len(ids) > 0 {
		page["data"], page["first_id"], page["last_id"] = data, ids[0], ids[len(ids)-1]
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(page)
}

// messages checks a request for /v1/messages.
type messages struct {
	shape
	v        *vendor
	version  string
	count    bool // tokens only: no max_tokens, no stream
	model    string
	stream   bool
	thinking string // its type; "" for none
	tools    int
	marks    int // of caches
}

var (
	toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
	useID    = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
)

func (m *messages) check(body []byte) {
	m.once(body)
	members := []string{"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"}
	if !m.count {
		members = append(members, "max_tokens", "stream", "stop_sequences", "temperature", "top_p", "top_k", "metadata", "service_tier",
			"speed", "inference_geo", "container", "diagnostics")
	}
	o := m.object("", body, members...)
	m.model = m.text("model", o["model"])
	if o["stream"] != nil {
		m.stream = m.flag("stream", o["stream"])
	}
	most := 0.0
	if !m.count {
		most = m.number("max_tokens", o["max_tokens"], 1, 1e9, true)
		if m.ok() && most > vendorMaxOutput {
			m.no("max_tokens", "%v > %d, which is the maximum allowed number of output tokens for %s", most, vendorMaxOutput, m.model)
		}
	}
	m.thinks(o["thinking"], most)
	m.sampling(o)
	if o["system"] != nil {
		m.blocks("system", o["system"], "text")
	}
	for i, raw := range m.optionalList("tools", o["tools"]) {
		m.tool(under("tools", i), raw)
		m.tools++
	}
	m.choice(o["tool_choice"])
	m.output(o["output_config"])
	m.turns(m.list("messages", o["messages"]))
	if m.marks > 4 {
		m.no("", "A maximum of 4 blocks with cache_control may be provided. Found %d.", m.marks)
	}
}

func (m *messages) optionalList(place string, raw json.RawMessage) []json.RawMessage {
	if raw == nil {
		return nil
	}
	return m.list(place, raw)
}

// thinks checks the thinking that is asked for: which kinds there are depends on the model.
func (m *messages) thinks(raw json.RawMessage, most float64) {
	if raw == nil {
		return
	}
	o := m.object("thinking", raw, "type", "budget_tokens", "display")
	switch kind := m.word("thinking.type", o["type"], "enabled", "adaptive", "disabled", "between_tools"); kind {
	case "enabled":
		budget := m.number("thinking.enabled.budget_tokens", o["budget_tokens"], 1024, 1e9, true)
		if m.ok() && !m.count && budget >= most {
			m.no("", "`max_tokens` must be greater than `thinking.budget_tokens`")
		}
		if m.model != "budget" {
			m.no("", "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.")
		}
		m.thinking = kind
	case "adaptive", "between_tools":
		if m.model == "budget" {
			m.no("", "adaptive thinking is not supported on this model")
		}
		m.thinking = kind
	}
	if kind := o["display"]; kind != nil {
		m.word("thinking.display", kind, "summarized", "omitted")
	}
	if o["budget_tokens"] != nil && m.thinking != "enabled" {
		m.no("thinking.budget_tokens", "Extra inputs are not permitted")
	}
}

func (m *messages) sampling(o object) {
	for _, name := range []string{"temperature", "top_p", "top_k"} {
		switch {
		case o[name] == nil:
			continue
		case m.version == version2026:
			m.no(name, "Extra inputs are not permitted")
		case m.thinking != "" && name == "temperature":
			m.no("", "`temperature` may only be set to 1 when thinking is enabled")
		case name == "top_k":
			m.number(name, o[name], 0, 1e6, true)
		default:
			m.number(name, o[name], 0, 1, false)
		}
	}
	if o["temperature"] != nil && o["top_p"] != nil {
		m.no("", "`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
	}
	for i, raw := range m.optionalList("stop_sequences", o["stop_sequences"]) {
		if place := under("stop_sequences", i); strings.TrimSpace(m.text(place, raw)) == "" {
			m.no(place, "each stop sequence must contain non-whitespace")
		}
	}
	if o["metadata"] != nil {
		meta := m.object("metadata", o["metadata"], "user_id")
		m.text("metadata.user_id", meta["user_id"])
	}
	if o["service_tier"] != nil {
		m.word("service_tier", o["service_tier"], "auto", "standard_only")
	}
	if o["cache_control"] != nil {
		m.cache("", o)
	}
}

func (m *messages) tool(place string, raw json.RawMessage) {
	o := m.object(place, raw, "type", "name", "description", "input_schema", "strict", "cache_control", "defer_loading", "eager_input_streaming", "input_examples", "allowed_callers")
	m.match(under(place, "name"), o["name"], toolName)
	if o["description"] != nil {
		m.text(under(place, "description"), o["description"])
	}
	if o["type"] != nil {
		m.word(under(place, "type"), o["type"], "custom")
	}
	schema := m.object(under(place, "input_schema"), o["input_schema"])
	m.word(under(place, "input_schema.type"), schema["type"], "object")
	if o["strict"] != nil && m.flag(under(place, "strict"), o["strict"]) {
		m.strict(under(place, "input_schema"), o["input_schema"], false)
	}
	m.cache(place, o)
}

func (m *messages) choice(raw json.RawMessage) {
	if raw == nil {
		return
	}
	if m.tools == 0 {
		m.no("", "tool_choice may only be specified while providing tools")
	}
	o := m.object("tool_choice", raw, "type", "name", "disable_parallel_tool_use")
	kind := m.word("tool_choice.type", o["type"], "auto", "any", "tool", "none")
	if kind == "tool" {
		m.match("tool_choice.name", o["name"], toolName)
	} else if o["name"] != nil {
		m.no("tool_choice.name", "Extra inputs are not permitted")
	}
	if o["disable_parallel_tool_use"] != nil {
		m.flag("tool_choice.disable_parallel_tool_use", o["disable_parallel_tool_use"])
		if kind == "none" {
			m.no("tool_choice.disable_parallel_tool_use", "Extra inputs are not permitted")
		}
	}
	if m.thinking == "enabled" && (kind == "any" || kind == "tool") {
		m.no("", "Thinking may not be enabled when tool_choice forces tool use.")
	}
}

// output checks effort and form; the older model has neither.
func (m *messages) output(raw json.RawMessage) {
	if raw == nil {
		return
	}
	o := m.object("output_config", raw, "effort", "format")
	if m.model == "budget" {
		m.no("output_config", "This model does not support output_config.")
	}
	if o["effort"] != nil {
		m.word("output_config.effort", o["effort"], "low", "medium", "high", "xhigh", "max")
	}
	if o["format"] != nil {
		format := m.object("output_config.format", o["format"], "type", "schema")
		m.word("output_config.format.type", format["type"], "json_schema")
		m.strict("output_config.format.schema", format["schema"], false)
	}
}

// cache checks a mark of a cached prefix and counts it.
func (m *messages) cache(place string, o object) {
	if raw := o["cache_control"]; raw != nil && string(raw) != "null" {
		mark := m.object(under(place, "cache_control"), raw, "type", "ttl")
		m.word(under(place, "cache_control.type"), mark["type"], "ephemeral")
		if mark["ttl"] != nil {
			m.word(under(place, "cache_control.ttl"), mark["ttl"], "5m", "1h")
		}
		m.marks++
	}
}
