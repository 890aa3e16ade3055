package anthropic

import (
	"strings"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

func text(s string) llm.Part { return llm.Part{Kind: llm.PartText, Text: llm.Text(s)} }

func use(id, name, args string) llm.Part {
	return llm.Part{Kind: llm.PartToolCall, ID: id, Name: llm.Text(name), Args: []byte(args)}
}

func result(id string, parts ...llm.Part) llm.Part {
	return llm.Part{Kind: llm.PartToolResult, ID: id, Parts: parts}
}

func user(parts ...llm.Part) llm.Turn      { return llm.Turn{Role: llm.User, Parts: parts} }
func assistant(parts ...llm.Part) llm.Turn { return llm.Turn{Role: llm.Assistant, Parts: parts} }
func system(s string) llm.Turn {
	return llm.Turn{Role: llm.System, Parts: []llm.Part{text(s)}}
}

var weather = llm.Tool{Name: llm.Text("get_weather"), Schema: []byte(`{"type":"object","properties":{"city":{"type":"string"}}}`)}

const (
	sonnet45 = "claude-sonnet-4-5"
	opus47   = "claude-opus-4-7"
)

// TestTurns: how the turns of other dialects become messages that Anthropic takes.
func TestTurns(t *testing.T) {
	thought := llm.Part{Kind: llm.PartThinking, Text: llm.Text("hm"), Signature: llm.Text("c2ln"), Origin: vendor}
	hidden := llm.Part{Kind: llm.PartThinking, Signature: llm.Text("c2ln"), Origin: vendor}
	foreign := llm.Part{Kind: llm.PartThinking, Text: llm.Text("hm"), Signature: llm.Text("abc"), Origin: "google"}
	unsigned := llm.Part{Kind: llm.PartThinking, Text: llm.Text("hm"), Origin: "deepseek"}
	redacted := llm.Part{Kind: llm.PartOpaque, Origin: vendor, Raw: []byte(`{"type":"redacted_thinking","data":"xyz"}`)}
	png := llm.Part{Kind: llm.PartImage, Media: "image/jpeg", Data: llm.Text("iVBORw0KGgo=")}
	cases := []struct {
		name  string
		turns []llm.Turn
		want  string // messages
	}{
		{"one question", []llm.Turn{user(text("hi"))}, `[{"role":"user","content":[{"type":"text","text":"hi"}]}]`},
		{"neighbours of one role are merged", []llm.Turn{user(text("a")), user(text("b"))}, `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`},
		{"a history that begins with the assistant", []llm.Turn{assistant(text("a")), user(text("b"))},
			`[{"role":"user","content":[{"type":"text","text":"."}]},{"role":"assistant","content":[{"type":"text","text":"a"}]},{"role":"user","content":[{"type":"text","text":"b"}]}]`},
		{"empty texts are left out", []llm.Turn{user(text("a")), assistant(text(""), text(` \n\t`), use("c1", "f", "{}")), user(result("c1", text("")))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1"}]}]`},
		{"an empty turn is left out", []llm.Turn{user(text("a")), assistant(text("")), user(text("b"))}, `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`},
		{"results of one turn come together, first, and in the order of the calls",
			[]llm.Turn{user(text("a")), assistant(use("c1", "f", "{}"), use("c2", "f", "{}")), user(text("so?"), result("c2", text("2"))), user(result("c1", text("1")))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}},{"type":"tool_use","id":"c2","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"1"}]},{"type":"tool_result","tool_use_id":"c2","content":[{"type":"text","text":"2"}]},{"type":"text","text":"so?"}]}]`},
		{"a late result moves behind its call",
			[]llm.Turn{user(text("a")), assistant(use("c1", "f", "{}")), user(text("wait")), assistant(text("ok")), user(result("c1", text("1"))), assistant(text("well")), user(text("b"))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"1"}]},{"type":"text","text":"wait"}]},{"role":"assistant","content":[{"type":"text","text":"ok"},{"type":"text","text":"well"}]},{"role":"user","content":[{"type":"text","text":"b"}]}]`},
		{"a lost result is said to be lost", []llm.Turn{user(text("a")), assistant(use("c1", "f", "{}")), user(text("b"))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","is_error":true,"content":"There is no result: the call was interrupted."},{"type":"text","text":"b"}]}]`},
		{"a result without a call becomes text", []llm.Turn{user(text("a")), user(result("c9", text("9"), png))},
			`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"Result of a tool call that is not in this conversation:\n9"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]}]`},
		{"an id that comes twice is told apart", []llm.Turn{user(text("a")), assistant(use("0", "f", "{}")), user(result("0", text("1"))), assistant(use("0", "f", "{}")), user(result("0", text("2")))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"0","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"0","content":[{"type":"text","text":"1"}]}]},` +
				`{"role":"assistant","content":[{"type":"tool_use","id":"0_2","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"0_2","content":[{"type":"text","text":"2"}]}]}]`},
		{"arguments that are no object", []llm.Turn{user(text("a")), assistant(use("c1", "f", `{"city":"Pa`), use("c2", "f", ""), use("c3", "f", "[1]")), user(result("c1"), result("c2"), result("c3"))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}},{"type":"tool_use","id":"c2","name":"f","input":{}},{"type":"tool_use","id":"c3","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1"},{"type":"tool_result","tool_use_id":"c2"},{"type":"tool_result","tool_use_id":"c3"}]}]`},
		{"a failed tool and a picture as result", []llm.Turn{user(text("a")), assistant(use("c1", "f", "{}")), user(llm.Part{Kind: llm.PartToolResult, ID: "c1", Failed: true, Parts: []llm.Part{text("no"), png}})},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","is_error":true,"content":[{"type":"text","text":"no"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]}]}]`},
		{"a system turn in between becomes a reminder, after the results", []llm.Turn{system("be brief"), user(text("a")), assistant(use("c1", "f", "{}")), system("hurry"), user(result("c1", text("1")))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"1"}]},{"type":"text","text":"<system-reminder>\nhurry\n</system-reminder>"}]}]`},
		{"only system text", []llm.Turn{system("be brief")}, `[{"role":"user","content":[{"type":"text","text":"."}]}]`},
		{"signed thinking goes back as it came, also where its text is hidden", []llm.Turn{user(text("a")), assistant(thought, redacted, hidden, text("b")), user(text("c"))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"redacted_thinking","data":"xyz"},{"type":"thinking","thinking":"","signature":"c2ln"},{"type":"text","text":"b"}]},{"role":"user","content":[{"type":"text","text":"c"}]}]`},
		{"other vendors' thinking does not", []llm.Turn{user(text("a")), assistant(foreign, unsigned, text("b")), user(text("c"))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"text","text":"b"}]},{"role":"user","content":[{"type":"text","text":"c"}]}]`},
		{"a refusal is text", []llm.Turn{user(text("a")), assistant(llm.Part{Kind: llm.PartRefusal, Text: llm.Text("no")}), user(text("b"))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"text","text":"no"}]},{"role":"user","content":[{"type":"text","text":"b"}]}]`},
		{"pictures and files", []llm.Turn{user(llm.Part{Kind: llm.PartImage, URL: llm.Text("https://x/y.png")}, llm.Part{Kind: llm.PartFile, Media: mediaPDF, Data: llm.Text("JVBERi0="), Name: llm.Text("a.pdf")}, llm.Part{Kind: llm.PartFile, Media: mediaText, Text: llm.Text("t")}, llm.Part{Kind: llm.PartFile, URL: llm.Text("https://x/y.pdf"), Cite: true})},
			`[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x/y.png"}},{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="},"title":"a.pdf"},{"type":"document","source":{"type":"text","media_type":"text/plain","data":"t"}},{"type":"document","source":{"type":"url","url":"https://x/y.pdf"},"citations":{"enabled":true}}]}]`},
		{"free text of a custom tool", []llm.Turn{user(text("a")), assistant(llm.Part{Kind: llm.PartToolCall, Custom: true, ID: "c1", Name: llm.Text("sh"), Args: []byte("ls \"x\"\n")}), user(result("c1", text("1")))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"sh","input":{"input":"ls \"x\"\n"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"1"}]}]}]`},
		{"an answer to go on with", []llm.Turn{user(text("a")), assistant(text(`The answer is: \n `))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"text","text":"The answer is:"}]}]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v, _ := request(t, everything(order(&llm.Conversation{Turns: c.turns, Tools: []llm.Tool{weather}}, sonnet45, about(sonnet45))), nil)
			expect(t, v, "messages", c.want)
		})
	}
}

func TestNewModelsAreAskedToGoOn(t *testing.T) {
	c := &llm.Conversation{Turns: []llm.Turn{user(text("a")), assistant(text("b"))}}
	c.Use(llm.FeaturePrefill, "messages[1]")
	o := order(c, opus47, about(opus47))
	v, _ := request(t, o, nil)
	expect(t, v, "messages.2", `{"role":"user","content":[{"type":"text","text":"Go on from exactly where your last message ends."}]}`)
	if len(o.Plan.Report) != 1 || o.Plan.Report[0] != "messages[1];approximated" {
		t.Errorf("the report is %q", o.Plan.Report)
	}
}

func TestIDsAndNamesAreMadeToFit(t *testing.T) {
	long := strings.Repeat("x", 200)
	c := &llm.Conversation{
		Turns: []llm.Turn{user(text("a")), assistant(use("call:1/ö", "fs.read", "{}"), use("c2", long, "{}")), user(result("call:1/ö", text("1")), result("c2", text("2")))},
		Tools: []llm.Tool{{Name: llm.Text("fs.read")}, {Name: llm.Text("fs_read")}, {Name: llm.Text(long)}, {Name: llm.Text(`caf\u00e9`)}},
	}
	v, sp := request(t, everything(order(c, sonnet45, nil)), nil)
	changed := string(wire.NewNames(c, maxIdent).Of(llm.Text("fs.read")))
	expect(t, v, "tools.0.name", `"`+changed+`"`)
	expect(t, v, "tools.1.name", `"fs_read"`)
	expect(t, v, "tools.3.name", `"caf_"`)
	id := v["messages"].([]any)[1].(map[string]any)["content"].([]any)[0].(map[string]any)["id"].(string)
	if !isIdent(id) || id != callID("call:1/ö") {
		t.Errorf("the id is %q", id)
	}
	expect(t, v, "messages.1.content.0.name", `"`+changed+`"`)
	expect(t, v, "messages.2.content.0.tool_use_id", `"`+id+`"`)
	if sp.names[changed] != "fs.read" || !strings.HasPrefix(changed, "fs_read_") || sp.names["caf_"] != "café" || len(sp.names) != 3 {
		t.Errorf("the way back is %q", sp.names)
	}
	for spelled := range sp.names {
		if !isIdent(spelled) {
			t.Errorf("the name %q will be refused", spelled)
		}
	}
}

// TestFields: the fields beside the turns.
func TestFields(t *testing.T) {
	yes := true
	small := &llm.Model{ID: "m", MaxOutput: 8192, Thinking: llm.ThinksNever}
	noForms := &llm.Model{ID: "m", Lacks: llm.SetOf(llm.FeatureSchema), Thinking: llm.ThinksByBudget}
	schema := []byte(`{"type":"object","properties":{"n":{"type":"integer","minimum":1,"description":"How many"}},"required":["n"]}`)
	cases := []struct {
		name string
		c    llm.Conversation
		uses []llm.Feature
		m    *llm.Model
		want map[string]string
	}{
		{"nothing said", llm.Conversation{}, nil, nil, map[string]string{"max_tokens": "32000", "stream": "true", "temperature": "", "tools": "", "tool_choice": "", "system": "", "thinking": "", "output_config": "", "stop_sequences": "", "metadata": ""}},
		{"the model's own limit", llm.Conversation{}, nil, small, map[string]string{"max_tokens": "8192"}},
		{"a limit within the model's", llm.Conversation{MaxOutput: 100000}, nil, small, map[string]string{"max_tokens": "8192"}},
		{"a small limit", llm.Conversation{MaxOutput: 5}, nil, small, map[string]string{"max_tokens": "5"}},
		{"temperature", llm.Conversation{Temperature: "0.7", TopK: "5"}, []llm.Feature{llm.FeatureTemperature, llm.FeatureTopK}, nil, map[string]string{"temperature": "0.7", "top_k": "5"}},
		{"a hot temperature", llm.Conversation{Temperature: "1.8"}, []llm.Feature{llm.FeatureTemperature, llm.FeatureHot}, nil, map[string]string{"temperature": "1"}},
		{"top_p alone on a model that takes one of the two", llm.Conversation{TopP: "0.5"}, []llm.Feature{llm.FeatureTopP}, about(sonnet45), map[string]string{"top_p": "0.5"}},
		{"both", llm.Conversation{Temperature: "0.5", TopP: "0.5"}, []llm.Feature{llm.FeatureTemperature, llm.FeatureTopP, llm.FeatureTopPToo}, about(sonnet45), map[string]string{"temperature": "0.5", "top_p": ""}},
		{"sampling on a model without", llm.Conversation{Temperature: "0.5", TopP: "0.5", TopK: "1"}, []llm.Feature{llm.FeatureTemperature, llm.FeatureTopP, llm.FeatureTopPToo, llm.FeatureTopK}, about(opus47), map[string]string{"temperature": "", "top_p": "", "top_k": ""}},
		{"stop sequences", llm.Conversation{Stop: []llm.Text{llm.Text("END"), llm.Text(`\n\n`), llm.Text(`\"`)}}, []llm.Feature{llm.FeatureStop, llm.FeatureBlankStop}, nil, map[string]string{"stop_sequences": `["END","\""]`}},
		{"a user", llm.Conversation{User: llm.Text("u1")}, []llm.Feature{llm.FeatureUser}, nil, map[string]string{"metadata": `{"user_id":"u1"}`}},
		{"tiers", llm.Conversation{Tier: "default"}, []llm.Feature{llm.FeatureTier}, nil, map[string]string{"service_tier": `"standard_only"`}},
		{"tiers of others", llm.Conversation{Tier: "flex"}, []llm.Feature{llm.FeatureTier}, nil, map[string]string{"service_tier": ""}},
		{"system", llm.Conversation{Turns: []llm.Turn{system("a"), system("b"), user(text("hi"))}}, nil, nil, map[string]string{"system": `[{"type":"text","text":"a"},{"type":"text","text":"b"}]`}},
		{"any JSON", llm.Conversation{Format: llm.Format{Kind: llm.FormatJSON}}, []llm.Feature{llm.FeatureJSON}, nil, map[string]string{"system.0.text": `"Answer with JSON only: one valid JSON value, without any other text and without a code fence."`}},
		{"a schema", llm.Conversation{Format: llm.Format{Kind: llm.FormatSchema, Schema: schema}}, []llm.Feature{llm.FeatureSchema}, nil,
			map[string]string{"output_config": `{"format":{"type":"json_schema","schema":{"type":"object","properties":{"n":{"type":"integer","description":"How many (minimum: 1)"}},"required":["n"],"additionalProperties":false}}}`, "tools": ""}},
		{"a schema for a model without", llm.Conversation{Format: llm.Format{Kind: llm.FormatSchema, Name: llm.Text("count"), Schema: schema}}, []llm.Feature{llm.FeatureSchema}, noForms,
			map[string]string{"output_config": "", "tools.0.name": `"count"`, "tools.0.input_schema.properties.n.minimum": "1", "tool_choice": `{"type":"tool","name":"count","disable_parallel_tool_use":true}`}},
		{"a schema beside tools, for a model without", llm.Conversation{Tools: []llm.Tool{weather}, Format: llm.Format{Kind: llm.FormatSchema, Schema: schema}}, []llm.Feature{llm.FeatureSchema, llm.FeatureTools}, noForms,
			map[string]string{"tools.0.name": `"get_weather"`, "tools.1.name": `"answer"`, "tool_choice": `{"type":"any"}`}},
		{"a tool without parameters", llm.Conversation{Tools: []llm.Tool{{Name: llm.Text("f")}}}, nil, nil, map[string]string{"tools": `[{"name":"f","input_schema":{"type":"object","properties":{}}}]`, "tool_choice": ""}},
		{"a schema without a type", llm.Conversation{Tools: []llm.Tool{{Name: llm.Text("f"), Description: llm.Text("d"), Schema: []byte(`{"properties":{"a":{}}}`)}}}, nil, nil, map[string]string{"tools": `[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"a":{}}}}]`}},
		{"a strict tool", llm.Conversation{Tools: []llm.Tool{{Name: llm.Text("f"), Strict: &yes, Schema: []byte(`{"type":"object","properties":{"a":{"type":"string","maxLength":3}}}`)}}}, []llm.Feature{llm.FeatureTools, llm.FeatureStrictTools}, nil,
			map[string]string{"tools": `[{"name":"f","input_schema":{"type":"object","properties":{"a":{"type":"string","description":"(maxLength: 3)"}},"additionalProperties":false},"strict":true}]`}},
		{"a custom tool", llm.Conversation{Tools: []llm.Tool{{Name: llm.Text("f"), Custom: true}}}, []llm.Feature{llm.FeatureCustomTools}, nil, map[string]string{"tools.0.input_schema": `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`}},
		{"a subset", llm.Conversation{Tools: []llm.Tool{weather, {Name: llm.Text("f")}}, Choice: llm.Choice{Mode: llm.ChoiceAny, Allowed: []llm.Text{llm.Text("f")}}}, []llm.Feature{llm.FeatureToolSubset, llm.FeatureToolChoice}, nil, map[string]string{"tools.0.name": `"f"`, "tools.1": "", "tool_choice": `{"type":"any"}`}},
		{"auto", llm.Conversation{Tools: []llm.Tool{weather}, Choice: llm.Choice{Mode: llm.ChoiceAuto}}, nil, nil, map[string]string{"tool_choice": `{"type":"auto"}`}},
		{"none", llm.Conversation{Tools: []llm.Tool{weather}, Choice: llm.Choice{Mode: llm.ChoiceNone}, OneCall: true}, nil, nil, map[string]string{"tool_choice": `{"type":"none"}`}},
		{"required", llm.Conversation{Tools: []llm.Tool{weather}, Choice: llm.Choice{Mode: llm.ChoiceAny}}, nil, nil, map[string]string{"tool_choice": `{"type":"any"}`}},
		{"one tool", llm.Conversation{Tools: []llm.Tool{weather}, Choice: llm.Choice{Mode: llm.ChoiceOne, Name: weather.Name}, OneCall: true}, nil, nil, map[string]string{"tool_choice": `{"type":"tool","name":"get_weather","disable_parallel_tool_use":true}`}},
		{"no parallel calls", llm.Conversation{Tools: []llm.Tool{weather}, OneCall: true}, nil, nil, map[string]string{"tool_choice": `{"type":"auto","disable_parallel_tool_use":true}`}},
		{"a choice without tools", llm.Conversation{Choice: llm.Choice{Mode: llm.ChoiceAuto}, OneCall: true}, nil, nil, map[string]string{"tool_choice": "", "tools": ""}},
		{"tools that only the history knows", llm.Conversation{Turns: []llm.Turn{user(text("a")), assistant(use("c1", "f", "{}")), user(result("c1", text("1")))}}, nil, nil,
			map[string]string{"tools.0.name": `"f"`, "tools.1": "", "tool_choice": `{"type":"none"}`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.c.Turns == nil {
				c.c.Turns = []llm.Turn{user(text("hi"))}
			}
			for _, f := range c.uses {
				c.c.Use(f, f.String())
			}
			v, _ := request(t, order(&c.c, "m", c.m), nil)
			for path, want := range c.want {
				expect(t, v, path, want)
			}
		})
	}
}

func TestCacheMarks(t *testing.T) {
	marked := func(s, mark string) llm.Part { p := text(s); p.Cache = mark; return p }
	tool := weather
	tool.Cache = "1h"
	c := &llm.Conversation{Tools: []llm.Tool{tool}, Turns: []llm.Turn{{Role: llm.System, Parts: []llm.Part{marked("s", "5m")}},
		user(marked("1", "5m")), assistant(marked("2", "1h")), user(marked("3", "5m")), assistant(text("4")), user(marked("5", "5m"))}}
	c.Use(llm.FeatureCacheMarks, "cache_control")
	v, sp := request(t, order(c, sonnet45, nil), nil)
	if n := strings.Count(string(sp.body), "cache_control"); n != maxMarks {
		t.Errorf("there are %d marks in %s", n, sp.body)
	}
	expect(t, v, "tools.0.cache_control", `{"type":"ephemeral","ttl":"1h"}`)
	expect(t, v, "system.0.cache_control", "")
	expect(t, v, "messages.0.content.0.cache_control", "")
	// A longer time behind a shorter one is refused; the dropped marks before it were not written, so it may stay.
	expect(t, v, "messages.1.content.0.cache_control", `{"type":"ephemeral","ttl":"1h"}`)
	expect(t, v, "messages.2.content.0.cache_control", `{"type":"ephemeral"}`)
	expect(t, v, "messages.4.content.0.cache_control", `{"type":"ephemeral"}`)
}

func TestRememberedThinkingComesBack(t *testing.T) {
	c := &llm.Conversation{Tools: []llm.Tool{weather}, Reasoning: llm.Reasoning{Effort: "high"}, MaxOutput: 50000,
		Turns: []llm.Turn{user(text("a")), assistant(text("Let me see."), use("t1", "get_weather", "{}"), use("t2", "get_weather", "{}")), user(result("t1", text("1")), result("t2", text("2")))}}
	c.Use(llm.FeatureReasoning, "reasoning_effort")
	c.Use(llm.FeatureToolReasoning, "reasoning_effort")
	kept := func(id string) [][]byte {
		switch id {
		case "t1":
			return [][]byte{[]byte(`{"type":"thinking","thinking":"x","signature":"s"}`), []byte(`{"type":"redacted_thinking","data":"r"}`)}
		case "t2":
			return [][]byte{[]byte(`{"type":"thinking","thinking":"y","signature":"s"}`)}
		}
		return nil
	}
	v, sp := request(t, order(c, sonnet45, about(sonnet45)), kept)
	expect(t, v, "messages.1.content.0", `{"type":"thinking","thinking":"x","signature":"s"}`)
	expect(t, v, "messages.1.content.1", `{"type":"redacted_thinking","data":"r"}`)
	expect(t, v, "messages.1.content.2.text", `"Let me see."`)
	expect(t, v, "messages.1.content.3.id", `"t1"`)
	expect(t, v, "messages.1.content.4.thinking", `"y"`)
	expect(t, v, "thinking", `{"type":"enabled","budget_tokens":24576}`)
	if len(sp.left) != 0 {
		t.Errorf("left out: %q", sp.left)
	}
	// Without it the vendor would refuse to think with a budget in the middle of a tool's loop; it is said so.
	v, sp = request(t, order(c, sonnet45, about(sonnet45)), nil)
	expect(t, v, "thinking", "")
	if len(sp.left) != 1 || sp.left[0] != "reasoning_effort" {
		t.Errorf("left out: %q", sp.left)
	}
}

func TestWhatCannotBeSpelledIsRefused(t *testing.T) {
	for name, c := range map[string]*llm.Conversation{
		"a picture of another type":  {Turns: []llm.Turn{user(llm.Part{Kind: llm.PartImage, Media: "image/bmp", Data: llm.Text("Qk0=")})}},
		"a file of another type":     {Turns: []llm.Turn{user(llm.Part{Kind: llm.PartFile, Media: "application/zip", Data: llm.Text("UEs=")})}},
		"a picture without data":     {Turns: []llm.Turn{user(llm.Part{Kind: llm.PartImage})}},
		"sound":                      {Turns: []llm.Turn{user(llm.Part{Kind: llm.PartAudio, Data: llm.Text("AAAA")})}},
		"a picture in the system":    {Turns: []llm.Turn{{Role: llm.System, Parts: []llm.Part{{Kind: llm.PartImage, Data: llm.Text("AAAA"), Media: "image/png"}}}}},
		"parameters that are no map": {Turns: []llm.Turn{user(text("a"))}, Tools: []llm.Tool{{Name: llm.Text("f"), Schema: []byte(`[1]`)}}},
		"a schema that is no map":    {Turns: []llm.Turn{user(text("a"))}, Format: llm.Format{Kind: llm.FormatSchema, Schema: []byte(`"x"`)}},
	} {
		if _, err := spell(everything(order(c, "m", nil)), nil); err == nil || err.Kind != llm.BadRequest || err.Message == "" || err.Status != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokensAreCountedWithoutALimit(t *testing.T) {
	c := &llm.Conversation{Turns: []llm.Turn{system("s"), user(text("a"))}, Tools: []llm.Tool{weather}}
	o := order(c, "m", nil)
	o.Request.Op = llm.CountTokens
	v, _ := request(t, o, nil)
	expect(t, v, "max_tokens", "")
	expect(t, v, "stream", "")
	expect(t, v, "system.0.text", `"s"`)
	expect(t, v, "tools.0.name", `"get_weather"`)
}

func TestSchemasAreTightened(t *testing.T) {
	w := &speller{out: &spelled{}}
	in := `{"$schema":"x","type":"object","description":"D","properties":{"a":{"type":"array","items":{"type":"object","properties":{"format":{"type":"string","format":"email","pattern":"^\"a"}}},"maxItems":3,"minItems":1},` +
		`"b":{"oneOf":[{"type":"null"},{"$ref":"#/$defs/X"}]},"c":{"type":["object","null"],"additionalProperties":{"type":"string"}},"d":true},"$defs":{"X":{"type":"string","format":"slug"}}}`
	want := `{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"format":{"type":"string","format":"email","description":"(pattern: \"^\\\"a\")"}},"additionalProperties":false},"minItems":1,"description":"(maxItems: 3)"},` +
		`"b":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/X"}]},"c":{"type":["object","null"],"additionalProperties":false,"description":"(additionalProperties: {\"type\":\"string\"})"},"d":true},"$defs":{"X":{"type":"string","description":"(format: \"slug\")"}},"additionalProperties":false,"description":"D"}`
	if got := string(w.tighten([]byte(in), "json_schema")); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if got := strings.Join(w.out.left, " "); got != "json_schema.pattern;approximated json_schema.maxItems;approximated json_schema.additionalProperties;approximated json_schema.format;approximated" {
		t.Errorf("the report is %q", got)
	}
}
