package anthropic

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
		{"empty texts are left out", []llm.Turn{user(text("a")), assistant(text(""), text(` \n\t`), text(`\u0020\u00a0\f\u000b`), text("\u3000\u2028"), use("c1", "f", "{}")), user(result("c1", text(""), text(`\u0020`)))},
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
		{"an answer to go on with", []llm.Turn{user(text("a")), assistant(text(`The answer is: \n \u0020\u2003` + "\u3000"))},
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

const recursive = `{"type":"object","properties":{"next":{"$ref":"#/$defs/N"}},"required":["next"],"$defs":{"N":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/M"}]},"M":{"type":"array","items":{"$ref":"#/$defs/N"}}}}`

func strictTools(n int) (list []llm.Tool) {
	yes := true
	for i := range n {
		list = append(list, llm.Tool{Name: llm.Text(fmt.Sprint("f", i)), Strict: &yes, Schema: []byte(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`)})
	}
	return list
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
		{"a small limit", llm.Conversation{MaxOutput: 5}, nil, small, map[string]string{"max_tokens": "5", "stream": ""}},
		{"as much as comes in one piece", llm.Conversation{MaxOutput: 21333}, nil, nil, map[string]string{"max_tokens": "21333", "stream": ""}},
		{"more than comes in one piece", llm.Conversation{MaxOutput: 21334}, nil, nil, map[string]string{"max_tokens": "21334", "stream": "true"}},
		{"a temperature beyond numbers", llm.Conversation{Temperature: "1e999"}, []llm.Feature{llm.FeatureTemperature}, nil, map[string]string{"temperature": "1", "report": "temperature;approximated"}},
		{"a temperature below zero", llm.Conversation{Temperature: "-3"}, []llm.Feature{llm.FeatureTemperature}, nil, map[string]string{"temperature": "0", "report": "temperature;approximated"}},
		{"temperature", llm.Conversation{Temperature: "0.7", TopK: "5"}, []llm.Feature{llm.FeatureTemperature, llm.FeatureTopK}, nil, map[string]string{"temperature": "0.7", "top_k": "5"}},
		{"a hot temperature", llm.Conversation{Temperature: "1.8"}, []llm.Feature{llm.FeatureTemperature, llm.FeatureHot}, nil, map[string]string{"temperature": "1"}},
		{"top_p alone on a model that takes one of the two", llm.Conversation{TopP: "0.5"}, []llm.Feature{llm.FeatureTopP}, about(sonnet45), map[string]string{"top_p": "0.5"}},
		{"both", llm.Conversation{Temperature: "0.5", TopP: "0.5"}, []llm.Feature{llm.FeatureTemperature, llm.FeatureTopP, llm.FeatureTopPToo}, about(sonnet45), map[string]string{"temperature": "0.5", "top_p": ""}},
		{"sampling on a model without", llm.Conversation{Temperature: "0.5", TopP: "0.5", TopK: "1"}, []llm.Feature{llm.FeatureTemperature, llm.FeatureTopP, llm.FeatureTopPToo, llm.FeatureTopK}, about(opus47), map[string]string{"temperature": "", "top_p": "", "top_k": ""}},
		{"stop sequences", llm.Conversation{Stop: []llm.Text{llm.Text("END"), llm.Text(`\n\n`), llm.Text(`\"`)}}, []llm.Feature{llm.FeatureStop, llm.FeatureBlankStop}, nil, map[string]string{"stop_sequences": `["END","\""]`}},
		{"stop sequences that mean white space", llm.Conversation{Stop: []llm.Text{llm.Text(`\u000a`), llm.Text("\u3000"), llm.Text("x")}}, []llm.Feature{llm.FeatureStop}, nil, map[string]string{"stop_sequences": `["x"]`, "report": "stop sequences"}},
		{"a user", llm.Conversation{User: llm.Text("u1")}, []llm.Feature{llm.FeatureUser}, nil, map[string]string{"metadata": `{"user_id":"u1"}`}},
		{"tiers", llm.Conversation{Tier: "default"}, []llm.Feature{llm.FeatureTier}, nil, map[string]string{"service_tier": `"standard_only"`}},
		{"tiers of others", llm.Conversation{Tier: "flex"}, []llm.Feature{llm.FeatureTier}, nil, map[string]string{"service_tier": ""}},
		{"system", llm.Conversation{Turns: []llm.Turn{system("a"), system("b"), user(text("hi"))}}, nil, nil, map[string]string{"system": `[{"type":"text","text":"a"},{"type":"text","text":"b"}]`}},
		{"blank system text, however it is written", llm.Conversation{Turns: []llm.Turn{system(`\u0020\f\u000b`), system("\u00a0\u2028"), system("b"), user(text("hi"))}}, nil, nil, map[string]string{"system": `[{"type":"text","text":"b"}]`}},
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
		{"an empty subset", llm.Conversation{Tools: []llm.Tool{weather}, Choice: llm.Choice{Mode: llm.ChoiceAuto, Allowed: []llm.Text{}}, Turns: []llm.Turn{user(text("a")), assistant(use("c1", "get_weather", "{}")), user(result("c1", text("1")))}},
			[]llm.Feature{llm.FeatureToolSubset}, nil, map[string]string{"tools.0.name": `"get_weather"`, "tools.0.input_schema": `{"type":"object","properties":{}}`, "tool_choice": `{"type":"none"}`}},
		{"any call from a model that cannot be made to", llm.Conversation{Tools: []llm.Tool{weather, {Name: llm.Text("f")}}, Choice: llm.Choice{Mode: llm.ChoiceAny}, Turns: []llm.Turn{system("s"), user(text("hi"))}}, []llm.Feature{llm.FeatureToolChoice}, about("claude-opus-5-5"),
			map[string]string{"tools.1.name": `"f"`, "tool_choice": `{"type":"auto"}`, "system.0.text": `"s"`, "system.1.text": `"You must call at least one of the tools now. Do not answer without a call."`}},
		{"one call from a model that cannot be made to", llm.Conversation{Tools: []llm.Tool{weather, {Name: llm.Text("f")}}, Choice: llm.Choice{Mode: llm.ChoiceOne, Name: llm.Text("f")}, OneCall: true}, []llm.Feature{llm.FeatureToolChoice}, about("claude-fable-5-2"),
			map[string]string{"tools.0.name": `"f"`, "tools.1": "", "tool_choice": `{"type":"auto","disable_parallel_tool_use":true}`, "system.0.text": `"You must call the tool f now. Do not answer without calling it."`}},
		{"one call from a Claude that nobody knows", llm.Conversation{Tools: []llm.Tool{weather}, Choice: llm.Choice{Mode: llm.ChoiceOne, Name: weather.Name}}, []llm.Feature{llm.FeatureToolChoice}, about("claude-saga-7"),
			map[string]string{"tool_choice": `{"type":"auto"}`}},
		{"a schema that no form holds, from a model that cannot be made to", llm.Conversation{Format: llm.Format{Kind: llm.FormatSchema, Schema: []byte(`{"type":"object"}`)}}, []llm.Feature{llm.FeatureSchema}, about("claude-opus-5-5"),
			map[string]string{"output_config": "", "tools.0.name": `"answer"`, "tool_choice": `{"type":"auto","disable_parallel_tool_use":true}`, "system.0.text": `"You must call the tool answer now. Do not answer without calling it."`, "report": "JSON schema;approximated"}},
		{"a schema that refers to itself", llm.Conversation{Format: llm.Format{Kind: llm.FormatSchema, Schema: []byte(recursive)}}, []llm.Feature{llm.FeatureSchema}, about(sonnet45),
			map[string]string{"output_config": "", "tools.0.name": `"answer"`, "tools.0.strict": "", "tool_choice.type": `"tool"`, "report": "JSON schema;approximated"}},
		{"a strict tool that refers to itself", llm.Conversation{Tools: []llm.Tool{{Name: llm.Text("f"), Strict: &yes, Schema: []byte(recursive)}}}, []llm.Feature{llm.FeatureTools, llm.FeatureStrictTools}, about(sonnet45),
			map[string]string{"tools.0.strict": "", "tools.0.input_schema": recursive, "report": "strict tools"}},
		{"more strict tools than are taken", llm.Conversation{Tools: strictTools(21)}, []llm.Feature{llm.FeatureTools, llm.FeatureStrictTools}, about(sonnet45), map[string]string{"tools.0.strict": "", "tools.20.strict": "", "report": "strict tools"}},
		{"as many strict tools as are taken", llm.Conversation{Tools: strictTools(20)}, []llm.Feature{llm.FeatureTools, llm.FeatureStrictTools}, about(sonnet45), map[string]string{"tools.0.strict": "true", "tools.19.strict": "true", "report": ""}},
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
			v, sp := request(t, order(&c.c, "m", c.m), nil)
			for path, want := range c.want {
				if path == "report" {
					if got := strings.Join(sp.left, " "); got != want {
						t.Errorf("the report is %q, want %q", got, want)
					}
					continue
				}
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
	if got := strings.Join(sp.left, " "); got != "cache_control;approximated" {
		t.Errorf("the report is %q", got)
	}
	for name, parts := range map[string][]llm.Part{"an hour behind five minutes": {marked("1", "5m"), marked("2", "1h")}, "on an empty text": {text("1"), marked(`\u0020`, "5m")}} {
		c := &llm.Conversation{Turns: []llm.Turn{user(parts...)}}
		c.Use(llm.FeatureCacheMarks, "cache_control")
		if _, sp := request(t, order(c, sonnet45, nil), nil); len(sp.left) != 1 {
			t.Errorf("%s: the report is %q", name, sp.left)
		}
	}
}

func TestWhatCannotBeSpelledIsRefused(t *testing.T) {
	for name, c := range map[string]*llm.Conversation{
		"a picture of another type":  {Turns: []llm.Turn{user(llm.Part{Kind: llm.PartImage, Media: "image/bmp", Data: llm.Text("Qk0=")})}},
		"a file of another type":     {Turns: []llm.Turn{user(llm.Part{Kind: llm.PartFile, Media: "application/zip", Data: llm.Text("UEs=")})}},
		"a picture without data":     {Turns: []llm.Turn{user(llm.Part{Kind: llm.PartImage})}},
		"a picture from a tool":      {Turns: []llm.Turn{user(text("a")), assistant(use("c1", "f", "{}")), user(result("c1", llm.Part{Kind: llm.PartImage, Media: "image/svg+xml", Data: llm.Text("PHN2")}))}},
		"a picture from no tool":     {Turns: []llm.Turn{user(result("c1", llm.Part{Kind: llm.PartImage, Media: "image/bmp", Data: llm.Text("Qk0=")}))}},
		"a call of no tool":          {Turns: []llm.Turn{user(text("a"))}, Choice: llm.Choice{Mode: llm.ChoiceAny}},
		"a call of an empty subset":  {Turns: []llm.Turn{user(text("a"))}, Tools: []llm.Tool{weather}, Choice: llm.Choice{Mode: llm.ChoiceAny, Allowed: []llm.Text{}}},
		"a call of an unknown tool":  {Turns: []llm.Turn{user(text("a"))}, Tools: []llm.Tool{weather}, Choice: llm.Choice{Mode: llm.ChoiceOne, Name: llm.Text("f")}},
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

// TestManyOfOneKindAreQuick: what an application repeats without bound is looked at once each time.
func TestManyOfOneKindAreQuick(t *testing.T) {
	const n = 50_000
	c := &llm.Conversation{Choice: llm.Choice{Mode: llm.ChoiceAuto}, Tools: []llm.Tool{weather}}
	for i := range n {
		c.Turns = append(c.Turns, assistant(use("0", "f", "{}")), user(result("0", text("x"))))
		c.Tools = append(c.Tools, llm.Tool{Name: llm.Text(fmt.Sprint("t", i))})
		c.Choice.Allowed = append(c.Choice.Allowed, llm.Text(fmt.Sprint("t", i)))
	}
	start := time.Now()
	if _, err := spell(everything(order(c, "m", nil)), nil); err != nil {
		t.Fatal(err)
	}
	s := tighten([]byte(`{` + strings.TrimSuffix(numbered(`"x%d":1,`, n), ",") + `}`))
	if len(s.moved) != maxMoved+1 || !s.moved["more"] {
		t.Errorf("%d keywords are reported", len(s.moved))
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestOurOwnLimitFitsTheContext: where the application names no limit, the one that we send leaves room for the question.
func TestOurOwnLimitFitsTheContext(t *testing.T) {
	m := &llm.Model{ID: "m", ContextLength: 200_000, MaxOutput: 64_000, Thinking: llm.ThinksByBudget}
	for input, want := range map[int64]string{0: "64000", 100_000: "64000", 160_000: "18976", 199_000: "1024", 500_000: "1024"} {
		for _, effort := range []string{"", "xhigh"} {
			c := &llm.Conversation{Turns: []llm.Turn{user(text("hi"))}, Reasoning: llm.Reasoning{Effort: effort, Shown: effort != ""}}
			o := everything(order(c, "m", m))
			o.Request.InputEstimate = input
			v, _ := request(t, o, nil)
			expect(t, v, "max_tokens", want)
		}
	}
	c := &llm.Conversation{Turns: []llm.Turn{user(text("hi"))}, MaxOutput: 50_000}
	o := order(c, "m", m)
	o.Request.InputEstimate = 199_000
	v, _ := request(t, o, nil)
	expect(t, v, "max_tokens", "50000")
}

// TestATurnThatSaysNothingLeavesNoPrefill: what Anthropic would refuse as empty is left out, and the assistant's turn
// before it must not become the beginning of the answer at a model that takes none.
func TestATurnThatSaysNothingLeavesNoPrefill(t *testing.T) {
	c := &llm.Conversation{Turns: []llm.Turn{user(text("hi")), {Role: llm.Assistant, Parts: []llm.Part{text("well")}}, {Role: llm.System, Parts: []llm.Part{text(`\u2028`)}}}}
	c.Use(llm.FeatureMidSystem, "messages.role")
	v, sp := request(t, everything(order(c, opus47, about(opus47))), nil)
	list := v["messages"].([]any)
	if last := list[len(list)-1].(map[string]any); last["role"] != "user" || len(sp.left) != 1 {
		t.Errorf("the last turn is %v, left out %q", last, sp.left)
	}
}
