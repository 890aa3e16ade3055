package sdktest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

func (v *vendor) serveOpenAI(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("X-Request-Id", "req_of_the_vendor")
	if r.Header.Get("Authorization") != "Bearer "+providerKey {
		v.fault(body, "the key is wrong: %v", r.Header)
		openAIError(w, http.StatusUnauthorized, "invalid_request_error", "invalid_api_key", "", "Incorrect API key provided.")
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/models":
		w.Header().Set("Content-Type", "application/json")
		var data []string
		for _, id := range vendorModels(v.dialect) {
			data = append(data, `{"id":"`+id+`","object":"model","created":1788000000,"owned_by":"system"}`)
		}
		io.WriteString(w, `{"object":"list","data":[`+strings.Join(data, ",")+`]}`)
		return
	case "POST /v1/chat/completions":
	default:
		openAIError(w, http.StatusNotFound, "invalid_request_error", "unknown_url", "", "Unknown request URL.")
		return
	}
	c := completions{own: v.name == "upown"}
	c.check(body)
	if !c.ok() {
		openAIError(w, http.StatusBadRequest, "invalid_request_error", "invalid_value", c.place, v.fault(body, "%s: %s", c.place, c.message))
		return
	}
	v.act(w, r, &request{model: c.model, stream: c.stream, usage: c.usage, body: body})
}

func openAIError(w http.ResponseWriter, status int, kind, code, param, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	quoted, _ := json.Marshal(message)
	where := "null"
	if param != "" {
		where = `"` + param + `"`
	}
	io.WriteString(w, `{"error":{"message":`+string(quoted)+`,"type":"`+kind+`","param":`+where+`,"code":"`+code+`"}}`)
}

// completions checks a request for /v1/chat/completions.
type completions struct {
	shape
	model         string
	stream, usage bool
	own           bool // OpenAI's own server, whose newer models have one name only for the limit
	tools         int
}

var (
	functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	dataURL      = regexp.MustCompile(`^data:([a-z]+/[a-z0-9.+-]+);base64,`)
)

var completionMembers = []string{"model", "messages", "stream", "stream_options", "max_completion_tokens", "max_tokens", "temperature", "top_p", "n", "stop",
	"presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "seed", "user", "safety_identifier", "prompt_cache_key",
	"prompt_cache_options", "prompt_cache_retention", "response_format", "tools", "tool_choice", "parallel_tool_calls", "reasoning_effort", "verbosity",
	"service_tier", "store", "metadata", "modalities", "audio", "prediction", "web_search_options", "moderation"}

func (c *completions) check(body []byte) {
	c.once(body)
	o := c.object("", body, completionMembers...)
	c.model = c.text("model", o["model"])
	if o["stream"] != nil {
		c.stream = c.flag("stream", o["stream"])
	}
	if raw := o["stream_options"]; raw != nil {
		if !c.stream {
			c.no("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
		}
		options := c.object("stream_options", raw, "include_usage", "include_obfuscation")
		if options["include_usage"] != nil {
			c.usage = c.flag("stream_options.include_usage", options["include_usage"])
		}
	}
	c.sampling(o)
	if raw := o["tools"]; raw != nil {
		for i, raw := range c.list("tools", raw) {
			c.tool(under("tools", i), raw)
			c.tools++
		}
		if c.tools == 0 {
			c.no("tools", "[] is too short - 'tools'")
		}
	}
	c.choice(o)
	c.format(o["response_format"])
	c.turns(c.list("messages", o["messages"]))
}

func (c *completions) sampling(o object) {
	if o["max_tokens"] != nil && o["max_completion_tokens"] != nil {
		c.no("max_tokens", "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
	}
	if c.own && o["max_tokens"] != nil {
		c.no("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
	}
	for name, most := range map[string]float64{"max_tokens": 1e6, "max_completion_tokens": 1e6, "n": 128} {
		if o[name] != nil {
			c.number(name, o[name], 1, most, true)
		}
	}
	for name, bounds := range map[string][2]float64{"temperature": {0, 2}, "top_p": {0, 1}, "presence_penalty": {-2, 2}, "frequency_penalty": {-2, 2}, "top_logprobs": {0, 20}} {
		if o[name] != nil {
			c.number(name, o[name], bounds[0], bounds[1], name == "top_logprobs")
		}
	}
	if o["top_logprobs"] != nil && string(o["logprobs"]) != "true" {
		c.no("top_logprobs", "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.")
	}
	if raw := o["stop"]; raw != nil && raw[0] == '[' {
		if list := c.list("stop", raw); len(list) < 1 || len(list) > 4 {
			c.no("stop", "Invalid 'stop': array of 1 to 4 expected, is %d long", len(list))
		}
	} else if raw != nil {
		c.text("stop", raw)
	}
	if o["reasoning_effort"] != nil {
		c.word("reasoning_effort", o["reasoning_effort"], "none", "minimal", "low", "medium", "high", "xhigh", "max")
	}
	for _, name := range []string{"user", "safety_identifier", "prompt_cache_key"} {
		if o[name] != nil {
			c.text(name, o[name])
		}
	}
}

func (c *completions) tool(place string, raw json.RawMessage) {
	o := c.object(place, raw, "type", "function", "custom")
	if c.word(under(place, "type"), o["type"], "function", "custom") != "function" {
		return
	}
	place = under(place, "function")
	f := c.object(place, o["function"], "name", "description", "parameters", "strict")
	c.match(under(place, "name"), f["name"], functionName)
	if f["description"] != nil {
		c.text(under(place, "description"), f["description"])
	}
	if f["parameters"] != nil {
		schema := c.object(under(place, "parameters"), f["parameters"])
		c.word(under(place, "parameters.type"), schema["type"], "object")
	}
	if f["strict"] != nil && string(f["strict"]) != "null" && c.flag(under(place, "strict"), f["strict"]) {
		c.strict(under(place, "parameters"), f["parameters"], true)
	}
}

func (c *completions) choice(o object) {
	for _, name := range []string{"tool_choice", "parallel_tool_calls"} {
		if o[name] != nil && c.tools == 0 {
			c.no(name, "'%s' is only allowed when 'tools' are specified.", name)
		}
	}
	if o["parallel_tool_calls"] != nil {
		c.flag("parallel_tool_calls", o["parallel_tool_calls"])
	}
	raw := o["tool_choice"]
	if raw == nil {
		return
	}
	if raw[0] == '"' {
		c.word("tool_choice", raw, "none", "auto", "required")
		return
	}
	choice := c.object("tool_choice", raw, "type", "function", "custom", "allowed_tools")
	if c.word("tool_choice.type", choice["type"], "function", "custom", "allowed_tools") == "function" {
		f := c.object("tool_choice.function", choice["function"], "name")
		c.match("tool_choice.function.name", f["name"], functionName)
	}
}

func (c *completions) format(raw json.RawMessage) {
	if raw == nil {
		return
	}
	o := c.object("response_format", raw, "type", "json_schema")
	if c.word("response_format.type", o["type"], "text", "json_object", "json_schema") != "json_schema" {
		return
	}
	s := c.object("response_format.json_schema", o["json_schema"], "name", "description", "schema", "strict")
	c.match("response_format.json_schema.name", s["name"], functionName)
	c.object("response_format.json_schema.schema", s["schema"])
	if s["strict"] != nil && string(s["strict"]) != "null" && c.flag("response_format.json_schema.strict", s["strict"]) {
		c.strict("response_format.json_schema.schema", s["schema"], true)
	}
}

// turns checks the conversation: each call of a tool is answered by a message of its own, at once.
func (c *completions) turns(list []json.RawMessage) {
	if c.ok() && len(list) == 0 {
		c.no("messages", "[] is too short - 'messages'")
	}
	var open []string // ids of calls that await their results
	for i, raw := range list {
		place := fmt.Sprintf("messages.[%d]", i)
		o := c.object(place, raw, "role", "content", "name", "refusal", "audio", "tool_calls", "function_call", "tool_call_id")
		role := c.word(under(place, "role"), o["role"], "system", "developer", "user", "assistant", "tool", "function")
		if role != "tool" && len(open) > 0 {
			c.no(place, "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: %s", strings.Join(open, ", "))
		}
		content := under(place, "content")
		switch role {
		case "user":
			c.content(content, o["content"], "text", "image_url", "input_audio", "file")
		case "assistant":
			open = c.calls(place, o)
			if o["content"] == nil || string(o["content"]) == "null" {
				if len(open) == 0 && o["refusal"] == nil {
					c.no(content, "Invalid value for 'content': expected a string, got null.")
				}
			} else {
				c.content(content, o["content"], "text", "refusal")
			}
		case "tool":
			id := c.text(under(place, "tool_call_id"), o["tool_call_id"])
			at := slices.Index(open, id)
			if at < 0 {
				c.no(under(place, "role"), "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls': %s", id)
			} else {
				open = slices.Delete(open, at, at+1)
			}
			c.content(content, o["content"], "text")
		default:
			c.content(content, o["content"], "text")
		}
	}
	if len(open) > 0 {
		c.no("messages", "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id': %s", strings.Join(open, ", "))
	}
}

// calls checks the calls of an assistant's message and returns their ids.
func (c *completions) calls(place string, o object) (ids []string) {
	if o["tool_calls"] == nil {
		return nil
	}
	place = under(place, "tool_calls")
	for i, raw := range c.list(place, o["tool_calls"]) {
		place := under(place, i)
		o := c.object(place, raw, "id", "type", "function", "custom")
		ids = append(ids, c.text(under(place, "id"), o["id"]))
		if c.word(under(place, "type"), o["type"], "function", "custom") == "function" {
			f := c.object(under(place, "function"), o["function"], "name", "arguments")
			c.match(under(place, "function.name"), f["name"], functionName)
			c.text(under(place, "function.arguments"), f["arguments"])
		}
	}
	if len(ids) == 0 {
		c.no(place, "[] is too short - 'tool_calls'")
	}
	return ids
}

func (c *completions) content(place string, raw json.RawMessage, kinds ...string) {
	if len(raw) > 0 && raw[0] == '"' {
		c.text(place, raw)
		return
	}
	list := c.list(place, raw)
	if c.ok() && len(list) == 0 {
		c.no(place, "[] is too short - '%s'", place)
	}
	for i, raw := range list {
		place := under(place, i)
		o := c.object(place, raw)
		switch kind := c.word(under(place, "type"), o["type"], kinds...); kind {
		case "text", "refusal":
			c.object(place, raw, "type", kind, "prompt_cache_breakpoint")
			c.text(under(place, kind), o[kind])
		case "image_url":
			c.object(place, raw, "type", "image_url", "prompt_cache_breakpoint")
			image := c.object(under(place, kind), o[kind], "url", "detail")
			c.address(under(place, "image_url.url"), c.text(under(place, "image_url.url"), image["url"]), "image/")
			if image["detail"] != nil {
				c.word(under(place, "image_url.detail"), image["detail"], "auto", "low", "high", "original")
			}
		case "file":
			c.object(place, raw, "type", "file", "prompt_cache_breakpoint")
			file := c.object(under(place, kind), o[kind], "file_data", "file_id", "filename")
			if file["file_id"] == nil {
				c.address(under(place, "file.file_data"), c.text(under(place, "file.file_data"), file["file_data"]), "application/pdf")
				c.text(under(place, "file.filename"), file["filename"])
			}
		}
	}
}

// address checks a picture's or file's: one of the network, which the vendor fetches itself, or the data.
func (c *completions) address(place, url, media string) {
	if strings.HasPrefix(url, "https://") && media == "image/" {
		return
	}
	m := dataURL.FindStringSubmatch(url)
	if m == nil || !strings.HasPrefix(m[1], media) {
		c.no(place, "Expected a base64-encoded data URL with %s", media)
		return
	}
	if _, err := base64.StdEncoding.DecodeString(url[len(m[0]):]); err != nil {
		c.no(place, "Invalid base64 data")
	}
}
