package anthropic

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"localrouter/providers/llm"
)

// TestDecode: what each part of a request means, and what it is noted to make use of.
func TestDecode(t *testing.T) {
	const frame = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],%s}`
	turns := func(messages string) string { return `{"model":"m","max_tokens":9,"messages":[` + messages + `]}` }
	ask := `{"role":"user","content":"hi"}`
	cases := []struct {
		name, body string
		uses       string // with ", " between
		check      func(c *llm.Conversation) any
		want       any
	}{
		{"system as text", fmt.Sprintf(frame, `"system":"s"`), "", func(c *llm.Conversation) any { return string(c.Turns[0].Parts[0].Text) }, "s"},
		{"the accounts' block", fmt.Sprintf(frame, `"system":[{"type":"text","text":"x-anthropic-billing-header: cc=1"},{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}]`),
			"cache marks: system.cache_control, other tuning: system[0]", func(c *llm.Conversation) any {
				return fmt.Sprint(len(c.Turns[0].Parts), string(c.Turns[0].Parts[0].Text), c.Turns[0].Parts[0].Cache)
			}, "1s1h"},
		{"nulls say nothing", fmt.Sprintf(frame, `"tools":null,"stop_sequences":null,"temperature":null,"system":null,"thinking":null,"metadata":null,"x":null`), "", nil, nil},
		{"sampling", fmt.Sprintf(frame, `"temperature":0.50,"top_p":1e-1,"top_k":3`), "temperature: temperature, top_k: top_k, top_p beside temperature: top_p, top_p: top_p",
			func(c *llm.Conversation) any { return []string{c.Temperature, c.TopP, c.TopK} }, []string{"0.50", "1e-1", "3"}},
		{"stops", fmt.Sprintf(frame, `"stop_sequences":["a","b\n","c","d"," "]`), "blank stop sequence: stop_sequences, more than 4 stop sequences: stop_sequences, stop sequences: stop_sequences",
			func(c *llm.Conversation) any { return string(c.Stop[1]) }, `b\n`},
		{"a budget", fmt.Sprintf(frame, `"thinking":{"type":"enabled","budget_tokens":2048}`), "reasoning level: thinking", func(c *llm.Conversation) any { return c.Reasoning }, llm.Reasoning{Budget: 2048, Shown: true}},
		{"adaptive alone", fmt.Sprintf(frame, `"thinking":{"type":"adaptive"}`), "", func(c *llm.Conversation) any { return c.Reasoning }, llm.Reasoning{Shown: true}},
		{"adaptive and hidden", fmt.Sprintf(frame, `"thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"max"}`), "reasoning level: output_config.effort", func(c *llm.Conversation) any { return c.Reasoning }, llm.Reasoning{Effort: "max"}},
		{"disabled", fmt.Sprintf(frame, `"thinking":{"type":"disabled"},"output_config":{"effort":"low"}`), "other tuning: output_config.effort, reasoning off: thinking", func(c *llm.Conversation) any { return c.Reasoning }, llm.Reasoning{Effort: "none"}},
		{"between tools", fmt.Sprintf(frame, `"thinking":{"type":"between_tools","block_binding":{"a":1}}`), "other tuning: thinking.block_binding, other tuning: thinking.type", nil, nil},
		{"beside tools", fmt.Sprintf(frame, `"tools":[{"name":"f","input_schema":{"type":"object"}}],"output_config":{"effort":"high"}`), "reasoning beside tools: output_config.effort, reasoning level: output_config.effort, tools: tools", nil, nil},
		{"a format", fmt.Sprintf(frame, `"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}},"task_budget":{"x":1}}`), "JSON schema: output_config.format, other tuning: output_config.task_budget", func(c *llm.Conversation) any { return string(c.Format.Schema) }, `{"type":"object"}`},
		{"an old format", fmt.Sprintf(frame, `"output_format":{"type":"json_schema","schema":{"type":"object"}}`), "JSON schema: output_format", func(c *llm.Conversation) any { return c.Format.Kind }, llm.FormatSchema},
		{"account", fmt.Sprintf(frame, `"metadata":{"user_id":"u"},"service_tier":"standard_only","speed":"fast"`), "other tuning: speed, service tier: service_tier, user id: metadata.user_id", func(c *llm.Conversation) any { return string(c.User) + c.Tier }, "ustandard_only"},
		{"defaults are no use", fmt.Sprintf(frame, `"service_tier":"auto","speed":"standard"`), "", nil, nil},
		{"vital", fmt.Sprintf(frame, `"container":"c","thread":{"id":"t"},"inference_geo":"us"`), "other vital fields: container, other vital fields: inference_geo, other vital fields: thread", nil, nil},
		{"tuning", fmt.Sprintf(frame, `"context_management":{"edits":[{}]},"fallbacks":["x"],"diagnostics":{"a":"b"},"brand_new":1,"inference_geo":"global"`), "other tuning: brand_new, other tuning: context_management, other tuning: diagnostics, other tuning: fallbacks, other tuning: inference_geo", nil, nil},
		{"mcp", fmt.Sprintf(frame, `"mcp_servers":[{"url":"x"}]`), "hosted tools: mcp_servers", nil, nil},
		{"warming only", `{"model":"m","max_tokens":0,"messages":[` + ask + `]}`, "other vital fields: max_tokens", nil, nil},
		{"automatic marks", fmt.Sprintf(frame, `"cache_control":{"type":"ephemeral"}`), "cache marks: cache_control", func(c *llm.Conversation) any { return c.Turns[0].Parts[0].Cache }, "5m"},
		{"tools", fmt.Sprintf(frame, `"tools":[{"type":"custom","name":"f","description":"d","input_schema":{"type":"object"},"strict":true,"cache_control":{"type":"ephemeral"},"defer_loading":true,"eager_input_streaming":true,"input_examples":[{}],"allowed_callers":["code"]},{"name":"g","defer_loading":false,"allowed_callers":["direct"]}]`),
			"cache marks: tools.cache_control, other tuning: tools.allowed_callers, other tuning: tools.defer_loading, other tuning: tools.eager_input_streaming, other tuning: tools.input_examples, strict tools: tools.strict, tools: tools",
			func(c *llm.Conversation) any {
				return fmt.Sprint(string(c.Tools[0].Name), string(c.Tools[0].Description), *c.Tools[0].Strict, c.Tools[0].Cache, len(c.Tools))
			}, "fdtrue5m2"},
		{"hosted tools", fmt.Sprintf(frame, `"tools":[{"type":"web_search_20260318","name":"web_search","max_uses":3}]`), "hosted tools: tools.web_search_20260318", func(c *llm.Conversation) any { return string(c.Tools[0].Raw) }, `{"type":"web_search_20260318","name":"web_search","max_uses":3}`},
		{"any tool", fmt.Sprintf(frame, `"tool_choice":{"type":"any","disable_parallel_tool_use":true}`), "forced tool choice: tool_choice, no parallel calls: tool_choice.disable_parallel_tool_use", func(c *llm.Conversation) any { return c.Choice.Mode }, llm.ChoiceAny},
		{"one tool", fmt.Sprintf(frame, `"tool_choice":{"type":"tool","name":"f"}`), "forced tool choice: tool_choice", func(c *llm.Conversation) any { return string(c.Choice.Name) }, "f"},
		{"no tool", fmt.Sprintf(frame, `"tool_choice":{"type":"none"}`), "tool choice none: tool_choice", nil, nil},
		{"auto", fmt.Sprintf(frame, `"tool_choice":{"type":"auto","disable_parallel_tool_use":false}`), "", func(c *llm.Conversation) any { return c.Choice.Mode }, llm.ChoiceAuto},

		{"pictures", turns(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/PNG","data":"AAAA"}},{"type":"image","source":{"type":"url","url":"https://x"}},{"type":"image","source":{"type":"file","file_id":"f1"}}]}`),
			"image URLs: messages.content.image.source.url, images: messages.content.image, vendor files: messages.content.image.source.file_id", func(c *llm.Conversation) any {
				return []string{c.Turns[0].Parts[0].Media, string(c.Turns[0].Parts[1].URL), string(c.Turns[0].Parts[2].FileID)}
			}, []string{"image/png", "https://x", "f1"}},
		{"documents", turns(`{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"},"title":"T","context":"c","citations":{"enabled":true}},{"type":"document","source":{"type":"text","media_type":"text/plain","data":"t"}},{"type":"document","source":{"type":"content","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}},{"type":"search_result","source":"https://s","title":"S","content":[{"type":"text","text":"r"}]}]}`),
			"PDF: messages.content.document, citations: messages.content.document.citations, other tuning: messages.content.document.context, search results: messages.content.search_result, text documents: messages.content.document", func(c *llm.Conversation) any {
				p := c.Turns[0].Parts
				return fmt.Sprint(string(p[0].Name), p[0].Cite, string(p[1].Text), string(p[2].Text), string(p[3].Text))
			}, `Ttrueta\n\nbSource: https://s\n\nr`},
		{"a document with pictures", turns(`{"role":"user","content":[{"type":"document","source":{"type":"content","content":[{"type":"image","source":{}}]}}]}`), "other vital fields: messages.content.document", nil, nil},
		{"a call and its result", turns(ask + `,{"role":"assistant","content":[{"type":"text","text":""},{"type":"tool_use","id":"t1","name":"f","input":{"a": 1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":[{"type":"text","text":"x"},{"type":"image","source":{"type":"url","url":"u"}}]}]}`),
			"failed tool results: messages.content.tool_result.is_error, image URLs: messages.content.image.source.url, images in tool results: messages.content.tool_result.image", func(c *llm.Conversation) any {
				return fmt.Sprint(len(c.Turns[1].Parts), string(c.Turns[1].Parts[0].Args), c.Turns[2].Parts[0].Failed, len(c.Turns[2].Parts[0].Parts))
			}, `1{"a": 1}true 2`},
		{"a lost result", turns(ask + `,{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":[]}]},` + ask), "call without result: messages.content.tool_use, malformed arguments in history: messages.content.tool_use.input", nil, nil},
		{"thinking", turns(ask + `,{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"lr1:lab"},{"type":"thinking","thinking":"","signature":"Eq"},{"type":"thinking","thinking":"b"},{"type":"thinking","thinking":"","signature":""},{"type":"redacted_thinking","data":"r"},{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"text","text":"x"}]},` + ask),
			"opaque blocks: messages.content.redacted_thinking, opaque blocks: messages.content.server_tool_use, reasoning in history: messages.content.thinking", func(c *llm.Conversation) any {
				var s []string
				for _, p := range c.Turns[1].Parts {
					s = append(s, fmt.Sprint(p.Kind, p.Origin, string(p.Signature)))
				}
				return strings.Join(s, ",")
			}, "5lab,5anthropicEq,5,9anthropic,9anthropic,1"},
		{"blocks nobody knows", turns(`{"role":"user","content":[{"type":"container_upload","file_id":"f"},{"type":"text","text":"a","brand_new":1}]}`), "other tuning: messages.content.text.brand_new, other vital fields: messages.content.container_upload", nil, nil},
		{"system between", turns(ask + `,{"role":"system","content":"s"},` + ask), "system turns in mid-conversation: messages.role", func(c *llm.Conversation) any { return c.Turns[1].Role }, llm.System},
		{"system first", turns(`{"role":"system","content":"s"},` + ask), "", nil, nil},
		{"a beginning of the answer", turns(ask + `,{"role":"assistant","content":"So"}`), "prefilled answer: messages[1]", func(c *llm.Conversation) any { return c.Turns[1].Prefix }, true},
		{"halves of pairs are mended", `{"model":"m","max_tokens":9,"metadata":{"user_id":"\ud83d"},"stop_sequences":["\ude00"],"tools":[{"name":"f","description":"\ud83d\ude00\ud83d","input_schema":{"type":"object","title":"\ud83dx"}}],"messages":[` +
			`{"role":"user","content":"a\n\ud83d\ude00\ud83d"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{"x":"\ud83d"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"\ud83d"}]}]}`,
			"stop sequences: stop_sequences, tools: tools, user id: metadata.user_id", func(c *llm.Conversation) any {
				return []string{string(c.User), string(c.Stop[0]), string(c.Tools[0].Description), string(c.Tools[0].Schema), string(c.Turns[0].Parts[0].Text), string(c.Turns[1].Parts[0].Args), string(c.Turns[2].Parts[0].Parts[0].Text)}
			}, []string{`\ufffd`, `\ufffd`, `\ud83d\ude00\ufffd`, `{"type":"object","title":"\ufffdx"}`, `a\n\ud83d\ude00\ufffd`, `{"x":"\ufffd"}`, `\ufffd`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := decode(t, c.body)
			if u := strings.Join(uses(got), ", "); u != c.uses {
				t.Errorf("it uses\n\t%s, want\n\t%s", u, c.uses)
			}
			if c.check != nil {
				if v := c.check(got); !reflect.DeepEqual(v, c.want) {
					t.Errorf("got %v, want %v", v, c.want)
				}
			}
		})
	}
}

// TestNamesFromOutsideAreBounded: however many kinds of blocks and tools nobody knows, and however many system turns, the
// request is read in one go and names the first of them.
func TestNamesFromOutsideAreBounded(t *testing.T) {
	const n = 100_000
	var b strings.Builder
	b.WriteString(`{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[`)
	for i := range n {
		fmt.Fprintf(&b, `{"type":"kind%d"},`, i)
	}
	b.WriteString(`{"type":"text","text":"x"}]}`)
	for range n {
		b.WriteString(`,{"role":"system","content":"s"}`)
	}
	b.WriteString(`],"tools":[{"type":"t","name":"t"}`)
	for i := range n {
		fmt.Fprintf(&b, `,{"type":"tool%d","name":"t"}`, i)
	}
	b.WriteString(`]}`)
	start := time.Now()
	c := decode(t, b.String())
	if took := time.Since(start); len(c.Uses) > 2*maxOthers || took > time.Minute {
		t.Errorf("%d uses in %s", len(c.Uses), took)
	}
	var systems strings.Builder
	systems.WriteString(`{"model":"m","max_tokens":9,"messages":[{"role":"system","content":"s"}`)
	for range 2 * n {
		systems.WriteString(`,{"role":"system","content":"s"}`)
	}
	systems.WriteString(`]}`)
	start = time.Now()
	if c := decode(t, systems.String()); len(c.Uses) != 0 || time.Since(start) > time.Minute {
		t.Errorf("%d uses in %s", len(c.Uses), time.Since(start))
	}
}

func TestDecodeRefuses(t *testing.T) {
	const ok = `"max_tokens":9,"messages":[{"role":"user","content":"hi"}]`
	for body, param := range map[string]string{
		`{"model":"m","messages":[{"role":"user","content":"hi"}]}`:                                                          "max_tokens",
		`{"model":"m","max_tokens":"9","messages":[]}`:                                                                       "max_tokens",
		`{"model":"m","max_tokens":-1}`:                                                                                      "max_tokens",
		`{"model":"m","max_tokens":9}`:                                                                                       "messages",
		`{"model":"m","max_tokens":9,"messages":[]}`:                                                                         "messages",
		`{"model":"m","max_tokens":9,"messages":{}}`:                                                                         "messages",
		`{"model":"m","max_tokens":9,"messages":["x"]}`:                                                                      "messages[0]",
		`{"model":"m","max_tokens":9,"messages":[{"role":"tool","content":"x"}]}`:                                            "messages[0].role",
		`{"model":"m","max_tokens":9,"messages":[{"role":"user"}]}`:                                                          "messages[0].content",
		`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"text":"x"}]}]}`:                                 "messages[0].content[0]",
		`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":1}]}]}`:                     "messages[0].content[0].text",
		`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64"}}]}]}`:  "messages[0].content[0].source",
		`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image"}]}]}`:                             "messages[0].content[0].source",
		`{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"x","input":{}}]}]}`: "messages[0].content[0].name",
		`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}`:                       "messages[0].content[0].tool_use_id",
		`{` + ok + `,"system":1}`:                                                     "system",
		`{` + ok + `,"system":[{"type":"image"}]}`:                                    "system[0]",
		`{` + ok + `,"temperature":"hot"}`:                                            "temperature",
		`{` + ok + `,"stop_sequences":"END"}`:                                         "stop_sequences",
		`{` + ok + `,"tools":[{"input_schema":{}}]}`:                                  "tools.name",
		`{` + ok + `,"tools":[{"name":"f","input_schema":"x"}]}`:                      "tools.input_schema",
		`{` + ok + `,"tools":{}}`:                                                     "tools",
		`{` + ok + `,"tool_choice":"auto"}`:                                           "tool_choice",
		`{` + ok + `,"tool_choice":{"type":"required"}}`:                              "tool_choice.type",
		`{` + ok + `,"tool_choice":{"type":"tool"}}`:                                  "tool_choice.name",
		`{` + ok + `,"thinking":{"type":"enabled"}}`:                                  "thinking.budget_tokens",
		`{` + ok + `,"thinking":{}}`:                                                  "thinking.type",
		`{` + ok + `,"output_config":{"effort":"huge"}}`:                              "output_config.effort",
		`{` + ok + `,"output_config":{"format":{"type":"json_object"}}}`:              "output_config.format.type",
		`{` + ok + `,"output_config":{"format":{"type":"json_schema"}}}`:              "output_config.format.schema",
		"{" + ok + ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"a\":\"\x01\"}}]}": "tools.input_schema",
	} {
		req := scan(t, llm.Chat, body)
		_, err := NewCodec().Decode(req)
		if e := llm.AsError(err); e == nil || e.Kind != llm.BadRequest || e.Status != 400 || e.Param != param || !strings.Contains(e.Message, "must") && !strings.Contains(e.Message, "missing") && !strings.Contains(e.Message, "holds") {
			t.Errorf("%s: %+v", body, e)
		}
	}
}

// TestDecodeRefusesUnsoundStrings, wherever they are taken over: nothing that is not JSON may reach a provider.
func TestDecodeRefusesUnsoundStrings(t *testing.T) {
	const ok = `"max_tokens":9,"messages":[{"role":"user","content":"hi"}]`
	block := func(s string) string { return `{"max_tokens":9,"messages":[{"role":"user","content":[` + s + `]}]}` }
	for body, param := range map[string]string{
		`{` + ok + `,"system":"#"}`:                                                                     "system",
		`{` + ok + `,"system":[{"type":"text","text":"#"}]}`:                                            "system[0]",
		`{` + ok + `,"stop_sequences":["a","#"]}`:                                                       "stop_sequences",
		`{` + ok + `,"metadata":{"user_id":"#"}}`:                                                       "metadata.user_id",
		`{` + ok + `,"service_tier":"#"}`:                                                               "service_tier",
		`{` + ok + `,"thinking":{"type":"adaptive","display":"#"}}`:                                     "thinking.display",
		`{` + ok + `,"tools":[{"name":"#"}]}`:                                                           "tools.name",
		`{` + ok + `,"tools":[{"name":"f","description":"#"}]}`:                                         "tools.description",
		`{` + ok + `,"tools":[{"name":"f","input_schema":{"#":1}}]}`:                                    "tools.input_schema",
		`{` + ok + `,"tools":[{"type":"web_search","name":"w","x":["#"]}]}`:                             "tools",
		`{` + ok + `,"tool_choice":{"type":"tool","name":"#"}}`:                                         "tool_choice.name",
		`{` + ok + `,"output_config":{"format":{"type":"json_schema","schema":{"title":"#"}}}}`:         "output_config.format.schema",
		`{"max_tokens":9,"messages":[{"role":"user","content":"#"}]}`:                                   "messages[0].content",
		block(`{"type":"text","text":"a"},{"type":"text","text":"#"}`):                                  "messages[0].content[1].text",
		block(`{"type":"image","source":{"type":"base64","media_type":"#","data":"AA"}}`):               "messages[0].content[0].source.media_type",
		block(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"#"}}`):        "messages[0].content[0].source.data",
		block(`{"type":"image","source":{"type":"url","url":"#"}}`):                                     "messages[0].content[0].source.url",
		block(`{"type":"document","title":"#","source":{"type":"text","data":"x"}}`):                    "messages[0].content[0].title",
		block(`{"type":"document","source":{"type":"content","content":[{"type":"text","text":"#"}]}}`): "messages[0].content[0].source.content",
		block(`{"type":"tool_use","id":"1","name":"f","input":{"a":"#"}}`):                              "messages[0].content[0].input",
		block(`{"type":"tool_use","id":"#","name":"f","input":{}}`):                                     "messages[0].content[0].id",
		block(`{"type":"tool_result","tool_use_id":"#","content":"x"}`):                                 "messages[0].content[0].tool_use_id",
		block(`{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"#"}]}`):        "messages[0].content[0].text",
		block(`{"type":"thinking","thinking":"#","signature":"x"}`):                                     "messages[0].content[0].thinking",
		block(`{"type":"redacted_thinking","data":"#"}`):                                                "messages[0].content[0]",
	} {
		for _, bad := range []string{"a\x01b", `\x`, `\u12`, "\xff", "\n"} {
			req := scan(t, llm.Chat, `{"model":"m",`+strings.ReplaceAll(body, "#", bad)[1:])
			_, err := NewCodec().Decode(req)
			if e := llm.AsError(err); e == nil || e.Kind != llm.BadRequest || e.Status != 400 || e.Param != param || !strings.Contains(e.Message, "raw control character, a broken escape") {
				t.Errorf("%s with %q: %+v, want %s", body, bad, e, param)
			}
		}
	}
}

func TestCountingNeedsNoLimit(t *testing.T) {
	req := scan(t, llm.CountTokens, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`)
	if c, err := NewCodec().Decode(req); err != nil || len(c.Turns) != 1 {
		t.Error(c, err)
	}
}

func TestNamesFromOutsideAreMadeHarmless(t *testing.T) {
	var b strings.Builder
	b.WriteString("{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"a\x01b,; c\":1")
	for i := range 100 {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	c := decode(t, b.String()+"}")
	if got := uses(c); len(got) != maxOthers+1 || !slices.Contains(got, "other tuning: a?b???c") || !slices.Contains(got, "other tuning: and more") {
		t.Errorf("%d: %q", len(got), got)
	}
}
