package providers

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"localrouter/providers/anthropic"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/providertest"
	"localrouter/providers/upstream"
)

// TestServersGetConversationsTheyTake sends one conversation of an agent's to servers that differ in what they refuse:
// lists of parts where strings will do, system messages anywhere but at the beginning, a user right behind a tool.
func TestServersGetConversationsTheyTake(t *testing.T) {
	const request = `{"model":"m","max_tokens":9,"system":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"messages":[
		{"role":"user","content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]},
		{"role":"assistant","content":[{"type":"tool_use","id":"aaaaaaaaa","name":"f","input":{}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"aaaaaaaaa","content":"r"}]},
		{"role":"system","content":"s"},{"role":"user","content":"more"}],
		"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],"output_config":{"effort":"max"},"temperature":0.5}`
	const (
		before = `{"role":"system","content":"a\n\nb"},{"role":"user","content":"x\n\ny"},{"role":"assistant","content":null,`
		calls  = `"tool_calls":[{"id":"aaaaaaaaa","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"aaaaaaaaa","content":"r"},`
		after  = `{"role":"user","content":"<system-reminder>\n\ns\n\n</system-reminder>\n\nmore"}`
		free   = `{"role":"system","content":"s"},{"role":"user","content":"more"}`
	)
	for address, want := range map[string]struct{ messages, effort, temperature, report string }{
		"https://api.openai.com/v1":         {before + calls + free, `"high"`, "", "output_config.effort;approximated temperature"},
		"https://openrouter.ai/api/v1":      {before + calls + free, "", "0.5", "output_config.effort;approximated"},
		"https://api.groq.com/openai/v1":    {before + calls + free, `"high"`, "0.5", "output_config.effort;approximated"},
		"https://api.mistral.ai/v1":         {before + calls + `{"role":"assistant","content":"I have read the results."},` + after, "", "0.5", "messages.role;approximated output_config.effort"},
		"https://api.deepseek.com/v1":       {before + `"reasoning_content":"",` + calls + after, `"max"`, "0.5", "messages.role;approximated"},
		"http://127.0.0.1:8000/v1":          {before + calls + after, "", "0.5", "messages.role;approximated output_config.effort"},
		"https://some.openai.azure.com/v1/": {before + calls + free, `"high"`, "", "output_config.effort;approximated temperature"},
	} {
		t.Run(address, func(t *testing.T) {
			at, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			s := serviceAt(at)
			u := providertest.New(t)
			u.Answer(providertest.JSON(200, `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`))
			c, err := openai.New(openai.Options{Options: upstream.Options{Name: "p", BaseURL: u.URL, Key: "k", Now: time.Now}, NoStreamUsage: s.noStreamUsage, Style: s.style})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			req, err := anthropic.NewCodec().Scan(llm.Chat, "/messages", []byte(request))
			if err != nil {
				t.Fatal(err)
			}
			if req.Conversation, err = anthropic.NewCodec().Decode(req); err != nil {
				t.Fatal(err)
			}
			o := &llm.Order{Request: req, ID: "m", Plan: llm.Plan(req, s.features(), nil)}
			stream, err := c.Converse(t.Context(), o, nobody{})
			if err != nil {
				t.Fatal(err)
			}
			stream.Close()
			var sent struct {
				Messages, Temperature json.RawMessage
				Effort                json.RawMessage `json:"reasoning_effort"`
			}
			if err := json.Unmarshal(u.Last().Body, &sent); err != nil {
				t.Fatal(err)
			}
			if got := string(sent.Messages); got != "["+want.messages+"]" {
				t.Errorf("got  %s\nwant [%s]", got, want.messages)
			}
			if string(sent.Effort) != want.effort || string(sent.Temperature) != want.temperature {
				t.Errorf("effort %s, temperature %s in %s", sent.Effort, sent.Temperature, u.Last().Body)
			}
			if got := strings.Join(o.Plan.Report, " "); got != want.report {
				t.Errorf("told %q, want %q", got, want.report)
			}
		})
	}
}
