package sdktest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// refusals are requests that a real vendor refuses, and a part of what it says. Each is the body of a right request with
// some members of its top level put in place of others.
var refusals = map[string][]struct{ edit, says string }{
	"anthropic": {
		{`{"max_tokens":null}`, "max_tokens"},
		{`{"max_tokens":8193}`, "8193 > 8192, which is the maximum allowed number of output tokens"},
		{`{"seed":1}`, "seed: Extra inputs are not permitted"},
		{`{"stream_options":{"include_usage":true}}`, "Extra inputs"},
		{`{"temperature":1.5}`, "temperature: Input should be from 0 to 1"},
		{`{"temperature":0.5,"top_p":0.5}`, "cannot both be specified"},
		{`{"temperature":1,"thinking":{"type":"adaptive"}}`, "when thinking is enabled"},
		{`{"model":"budget","thinking":{"type":"enabled","budget_tokens":1023}}`, "Input should be from 1024"},
		{`{"model":"budget","max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":2000}}`, "must be greater than `thinking.budget_tokens`"},
		{`{"model":"budget","thinking":{"type":"adaptive"}}`, "not supported on this model"},
		{`{"thinking":{"type":"enabled","budget_tokens":1024},"max_tokens":2000}`, "not supported for this model"},
		{`{"stop_sequences":[" "]}`, "non-whitespace"},
		{`{"system":""}`, "text content blocks must be non-empty"},
		{`{"messages":[]}`, "at least one message"},
		{`{"messages":[{"role":"assistant","content":"a"},{"role":"user","content":"b"}]}`, "first message must use the \"user\" role"},
		{`{"messages":[{"role":"tool","content":"b"}]}`, "role"},
		{`{"messages":[{"role":"user","content":"a","name":"x"}]}`, "messages.0.name: Extra inputs"},
		{`{"messages":[{"role":"user","content":[{"type":"text","text":""}]}]}`, "text content blocks must be non-empty"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, "must end with a user message"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":"b"}]}`, "without `tool_result` blocks immediately after: t"},
		{`{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]}]}`, "unexpected `tool_use_id`"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"text","text":"b"},{"type":"tool_result","tool_use_id":"t","content":"x"}]}]}`, "must come first"},
		{`{"tools":null,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]}`, "tools"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t.1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t.1"}]}]}`, "should match pattern"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":"{}"}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]}`, "input: Input should be an object"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"lr1:abc"},{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}`, "Invalid `signature` in `thinking` block"},
		{`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/bmp","data":"AA=="}}]}]}`, "media_type"},
		{`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"data:x"}}]}]}`, "invalid base64"},
		{`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"file:///x"}}]}]}`, "Only HTTP(S)"},
		{`{"tools":[{"name":"a b","input_schema":{"type":"object"}}]}`, "should match pattern"},
		{`{"tools":[{"name":"a","input_schema":{}}]}`, "input_schema.type"},
		{`{"tools":[{"type":"function","function":{"name":"a"}}]}`, "Extra inputs"},
		{`{"tools":null,"tool_choice":{"type":"auto"}}`, "tool"},
		{`{"tool_choice":"auto"}`, "tool_choice: Input should be an object"},
		{`{"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{}}}}}`, "'additionalProperties' must be explicitly set to false"},
		{`{"metadata":{"team":"x"}}`, "Extra inputs"},
	},
	"openai": {
		{`{"top_k":1}`, "top_k"},
		{`{"system":"x"}`, "system"},
		{`{"max_tokens":1,"max_completion_tokens":1}`, "at the same time"},
		{`{"temperature":2.5}`, "temperature"},
		{`{"stream_options":{"include_usage":true}}`, "only allowed when 'stream'"},
		{`{"top_logprobs":2}`, "only allowed when 'logprobs'"},
		{`{"stop":["a","b","c","d","e"]}`, "1 to 4"},
		{`{"tools":[]}`, "too short"},
		{`{"tools":null}`, "tools"},
		{`{"parallel_tool_calls":false}`, "only allowed when 'tools'"},
		{`{"tool_choice":"auto"}`, "only allowed when 'tools'"},
		{`{"tools":[{"name":"a","input_schema":{"type":"object"}}]}`, "tools.0"},
		{`{"tools":[{"type":"function","function":{"name":"a.b"}}]}`, "should match pattern"},
		{`{"tools":[{"type":"function","function":{"name":"a","strict":true,"parameters":{"type":"object","properties":{"x":{"type":"string"}},"additionalProperties":false}}}]}`, "Missing 'x'"},
		{`{"response_format":{"type":"json_schema","schema":{}}}`, "response_format"},
		{`{"response_format":{"type":"json_schema","json_schema":{"name":"a b","schema":{}}}}`, "should match pattern"},
		{`{"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object","properties":{}}}}}`, "'additionalProperties'"},
		{`{"messages":[]}`, "too short"},
		{`{"messages":[{"role":"user","content":null}]}`, "content"},
		{`{"messages":[{"role":"user","content":[{"type":"image","source":{}}]}]}`, "type"},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,x"}}]}]}`, "base64"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null}]}`, "expected a string, got null"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_content":"c"},{"role":"user","content":"a"}]}`, "reasoning_content"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[]},{"role":"user","content":"a"}]}`, "too short"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":{}}}]},{"role":"tool","tool_call_id":"c","content":"x"}]}`, "arguments: Input should be a string"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"user","content":"x"}]}`, "must be followed by tool messages"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"tool","tool_call_id":"c","content":"x"}]}`, "must be a response to a preceding message"},
		{`{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}`, "content.0.type"},
	},
}

// TestTheVendorsAreAsStrictAsTheRealOnes holds the vendors of this package to what the real ones are known to refuse: a
// gateway that passes a lenient vendor has shown nothing.
func TestTheVendorsAreAsStrictAsTheRealOnes(t *testing.T) {
	right := map[string]string{
		"anthropic": `{"model":"plain","max_tokens":64,"messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f","input_schema":{"type":"object"}}]}`,
		"openai":    `{"model":"plain","messages":[{"role":"user","content":"hi"}]}`,
	}
	for _, v := range vendors {
		dialect := v.dialect
		t.Cleanup(func() { v.mu.Lock(); v.faults = nil; v.mu.Unlock() })
		if status, body := v.post(t, right[dialect]); status != 200 {
			t.Fatalf("%s refuses what is right: %s", dialect, body)
		}
		for _, c := range refusals[dialect] {
			whole := as[map[string]json.RawMessage](t, []byte(right[dialect]))
			for name, value := range as[map[string]json.RawMessage](t, []byte(c.edit)) {
				whole[name] = value
			}
			request, _ := json.Marshal(whole)
			status, body := v.post(t, string(request))
			var told struct {
				Error struct{ Type, Message string }
			}
			json.Unmarshal([]byte(body), &told)
			if status != 400 || told.Error.Type != "invalid_request_error" || !strings.Contains(told.Error.Message, c.says) {
				t.Errorf("%s: %s\n\t%d %s", dialect, c.edit, status, body)
			}
		}
		if status, body := v.post(t, strings.Replace(right[dialect], `{`, `{"model":"plain",`, 1)); status != 400 || !strings.Contains(body, "twice") {
			t.Errorf("%s: a field that is there twice: %d %s", dialect, status, body)
		}
	}
	if status, body := vendors["upown"].post(t, strings.Replace(right["openai"], `{`, `{"max_tokens":1,`, 1)); status != 400 || !strings.Contains(body, "max_completion_tokens") {
		t.Errorf("max_tokens at OpenAI's own: %d %s", status, body)
	}
	v := vendors["upa"]
	if status, body := v.postAs(t, right["anthropic"], ""); status != 400 || !strings.Contains(body, "anthropic-version") {
		t.Errorf("no version: %d %s", status, body)
	}
	if status, body := v.postAs(t, strings.Replace(right["anthropic"], `{`, `{"temperature":1,`, 1), version2026); status != 400 || !strings.Contains(body, "Extra inputs") {
		t.Errorf("a sampling field of the newer API: %d %s", status, body)
	}
}

func (v *vendor) post(t *testing.T, body string) (int, string) {
	t.Helper()
	return v.postAs(t, body, version2023)
}

func (v *vendor) postAs(t *testing.T, body, version string) (int, string) {
	t.Helper()
	path := map[string]string{"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}[v.dialect]
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+providerKey)
	if version != "" {
		r.Header.Set("Anthropic-Version", version)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
