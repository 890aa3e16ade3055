package openai

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"localrouter/providers/catalog"
	"localrouter/providers/llm"
	"localrouter/providers/providertest"
	"localrouter/providers/wire"
)

// everything is a plan that keeps all of it, exactly.
var everything = llm.Planned{Path: llm.PathTranslated, Keep: llm.SetOf(llm.AllFeatures()...)}

// fullStyle says as much as any server takes.
var fullStyle = Style{MaxCompletionTokens: true, StreamUsage: true, Effort: EffortField, ReasoningBack: true, Strict: true, Prefix: true, Marks: MarksControl, FreeTurns: true}

// spelt spells a conversation and checks that what comes out is JSON.
func spelt(t testing.TB, o *llm.Order, st Style) string {
	t.Helper()
	sp, err := spell(o, st)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(sp.body) {
		t.Fatalf("no JSON: %s", sp.body)
	}
	return string(sp.body)
}

// foreignOrder is an order for a request of another dialect, as planned.
func foreignOrder(c *llm.Conversation, f *llm.Features, m *llm.Model) *llm.Order {
	req := &llm.Request{Dialect: llm.Anthropic, Op: llm.Chat, Path: "/messages", Conversation: c}
	return &llm.Order{Request: req, ID: "m", Model: m, Plan: llm.Plan(req, f, m)}
}

// TestGoldenRequestsSurviveTheirTranslation: decoded, spelled and decoded again they say the same.
func TestGoldenRequestsSurviveTheirTranslation(t *testing.T) {
	n := 0
	for _, g := range goldens(t) {
		body, ok := g.file(t, "request")
		if op, _ := g.op(); !ok || op != llm.Chat {
			continue
		}
		n++
		t.Run(g.Dialect+"/"+g.Case, func(t *testing.T) {
			req, c := decoded(t, body)
			st := fullStyle
			st.Developer = strings.Contains(body, `"developer"`)
			if g.Dialect == "openrouter" {
				st.Effort = EffortObject
			}
			again := spelt(t, &llm.Order{Request: req, ID: req.Model, Plan: everything}, st)
			second, d := decoded(t, again)
			c.Uses = slices.DeleteFunc(c.Uses, func(u llm.Use) bool { return u.Feature == llm.FeatureOther })
			if !sameConversation(c, d) || second.Model != req.Model {
				t.Errorf("%s\nbecame\n%s\n%+v\n%+v", body, again, c, d)
			}
		})
	}
	if n < 14 {
		t.Errorf("only %d golden requests were found", n)
	}
}

// sameConversation compares what is asked for, and what is made use of in any order. Texts that stand beside each other
// are one.
func sameConversation(c, d *llm.Conversation) bool {
	a, b := *c, *d
	a.Turns, b.Turns = joined(a.Turns), joined(b.Turns)
	a.OutputField, b.OutputField = "", ""
	u, v := uses(c), uses(d)
	slices.Sort(u)
	slices.Sort(v)
	a.Uses, b.Uses = nil, nil
	return reflect.DeepEqual(a, b) && slices.Equal(u, v)
}

func joined(turns []llm.Turn) []llm.Turn {
	turns = slices.Clone(turns)
	for i := range turns {
		turns[i].Parts = joinedTexts(turns[i].Parts)
	}
	return turns
}

// joinedTexts joins texts as a server of strings gets them; a mark keeps a content as it is.
func joinedTexts(parts []llm.Part) (list []llm.Part) {
	flat := !slices.ContainsFunc(parts, func(p llm.Part) bool { return p.Cache != "" })
	for _, p := range parts {
		p.Parts = joinedTexts(p.Parts)
		if n := len(list); flat && n > 0 && p.Kind == llm.PartText && list[n-1].Kind == llm.PartText {
			list[n-1].Text = slices.Concat(list[n-1].Text, str(`\n\n`), p.Text)
			continue
		}
		list = append(list, p)
	}
	return list
}

// TestEveryPartOfARequestSurvives goes the same way with what the golden requests do not hold.
func TestEveryPartOfARequestSurvives(t *testing.T) {
	for _, body := range []string{
		`{"model":"m","messages":[{"role":"user","name":"Ann","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"image_url","image_url":{"url":"https://x.test/\"a"}},{"type":"input_audio","input_audio":{"data":"AA","format":"mp3"}},{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AA"}},{"type":"file","file":{"file_id":"f"}}]}],"temperature":1.5,"top_p":0.5,"top_k":3,"seed":1,"presence_penalty":1,"frequency_penalty":-1,"stop":["a","b"],"user":"u","prompt_cache_key":"k","service_tier":"default","verbosity":"low","stream":true}`,
		`{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","reasoning_content":"r\n","content":"c","refusal":"no","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":\"\\u00e9\\n\"}"}},{"id":"2","type":"custom","custom":{"name":"g","input":"free \"text\""}}]},{"role":"tool","tool_call_id":"2","content":"x"},{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"y"},{"type":"text","text":"z"}]},{"role":"system","content":"s"},{"role":"user","content":"more"},{"role":"assistant","content":"so","prefix":true}],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}},{"type":"custom","custom":{"name":"g"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"g"}}]}},"parallel_tool_calls":false}`,
		`{"model":"m",` + hiUser + `,"tools":[{"type":"custom","custom":{"name":"g","description":"d"}}],"tool_choice":{"type":"custom","custom":{"name":"g"}},"reasoning_effort":"none","response_format":{"type":"json_object"}}`,
		`{"model":"m",` + hiUser + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"f"}}}`,
	} {
		req, c := decoded(t, body)
		again := spelt(t, &llm.Order{Request: req, ID: "m", Plan: everything}, fullStyle)
		if _, d := decoded(t, again); !sameConversation(c, d) {
			t.Errorf("%s\nbecame\n%s\n%+v\n%+v", body, again, c, d)
		}
	}
}

// TestRequestsOfOtherDialectsBecomeRequestsOfThisOne has one conversation of Anthropic's kind in each row.
func TestRequestsOfOtherDialectsBecomeRequestsOfThisOne(t *testing.T) {
	yes := true
	text := func(s string) llm.Part { return llm.Part{Kind: llm.PartText, Text: str(s)} }
	say := func(role llm.Role, parts ...llm.Part) llm.Turn { return llm.Turn{Role: role, Parts: parts} }
	call := func(id string) llm.Part {
		return llm.Part{Kind: llm.PartToolCall, ID: id, Name: str("f"), Args: []byte(`{"a": "b\n"}`)}
	}
	result := func(id string, parts ...llm.Part) llm.Part {
		return llm.Part{Kind: llm.PartToolResult, ID: id, Parts: parts}
	}
	marked := func(p llm.Part) llm.Part { p.Cache = "5m"; return p }
	picture := llm.Part{Kind: llm.PartImage, Media: "image/png", Data: str("AA")}
	tool := []llm.Tool{{Name: str("f"), Schema: []byte(`{"properties":{}}`)}}
	hi := []llm.Turn{say(llm.User, text("hi"))}
	const asked = `[{"role":"user","content":"hi"}]`
	const called = `{"role":"assistant","content":null,"tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"f","arguments":"{\"a\": \"b\\n\"}"}}]}`
	all := make([]llm.Use, 0, 64)
	for _, f := range llm.AllFeatures() {
		if features.Rows()[f].Class != llm.Refused {
			all = append(all, llm.Use{Feature: f, Field: "x"})
		}
	}
	for name, c := range map[string]struct {
		c     llm.Conversation
		st    Style
		model *llm.Model
		want  string
	}{
		"the least":                     {llm.Conversation{Turns: hi}, Style{}, nil, `{"model":"m","messages":` + asked + `}`},
		"limits":                        {llm.Conversation{Turns: hi, MaxOutput: 900}, Style{}, &llm.Model{MaxOutput: 500}, `{"model":"m","messages":` + asked + `,"max_tokens":500}`},
		"limits for OpenAI":             {llm.Conversation{Turns: hi, MaxOutput: 900}, Style{MaxCompletionTokens: true}, nil, `{"model":"m","messages":` + asked + `,"max_completion_tokens":900}`},
		"sampling without top_k":        {llm.Conversation{Turns: hi, Temperature: "0.2", TopP: "0.9", TopK: "5", Stop: []llm.Text{str("x"), nil}}, Style{}, nil, `{"model":"m","messages":` + asked + `,"temperature":0.2,"top_p":0.9,"stop":["x"]}`},
		"no temperature":                {llm.Conversation{Turns: hi, Temperature: "0.2", TopP: "0.9"}, Style{}, &llm.Model{Lacks: llm.SetOf(llm.FeatureTemperature)}, `{"model":"m","messages":` + asked + `,"top_p":0.9}`},
		"not both":                      {llm.Conversation{Turns: hi, Temperature: "0.2", TopP: "0.9"}, Style{}, &llm.Model{Lacks: llm.SetOf(llm.FeatureTopPToo)}, `{"model":"m","messages":` + asked + `,"temperature":0.2}`},
		"not so hot":                    {llm.Conversation{Turns: hi, Temperature: "1.7"}, Style{}, &llm.Model{Lacks: llm.SetOf(llm.FeatureHot)}, `{"model":"m","messages":` + asked + `,"temperature":1}`},
		"seed at Mistral":               {llm.Conversation{Turns: hi, Seed: "7"}, Style{RandomSeed: true}, nil, `{"model":"m","messages":` + asked + `,"random_seed":7}`},
		"a long id of a person":         {llm.Conversation{Turns: hi, User: str(strings.Repeat("u", 65))}, Style{}, nil, `{"model":"m","messages":` + asked + `,"user":"` + string(short(str(strings.Repeat("u", 65)))) + `"}`},
		"tiers":                         {llm.Conversation{Turns: hi, Tier: "standard_only"}, Style{}, nil, `{"model":"m","messages":` + asked + `,"service_tier":"default"}`},
		"tiers of no meaning":           {llm.Conversation{Turns: hi, Tier: "auto"}, Style{}, nil, `{"model":"m","messages":` + asked + `}`},
		"effort":                        {llm.Conversation{Turns: hi, Reasoning: llm.Reasoning{Effort: "xhigh"}}, Style{Effort: EffortField}, &llm.Model{Efforts: []string{"low", "high"}}, `{"model":"m","messages":` + asked + `,"reasoning_effort":"high"}`},
		"effort of a budget":            {llm.Conversation{Turns: hi, Reasoning: llm.Reasoning{Budget: 8192}}, Style{Effort: EffortObject}, nil, `{"model":"m","messages":` + asked + `,"reasoning":{"effort":"medium"}}`},
		"effort at DeepSeek":            {llm.Conversation{Turns: hi, Reasoning: llm.Reasoning{Budget: 30000}}, Style{Effort: EffortThink}, &llm.Model{Efforts: []string{"none", "low", "high", "max"}}, `{"model":"m","messages":` + asked + `,"thinking":{"type":"enabled"},"reasoning_effort":"high"}`},
		"no effort at Z.AI":             {llm.Conversation{Turns: hi, Reasoning: llm.Reasoning{Effort: "none"}}, Style{Effort: EffortTyped}, nil, `{"model":"m","messages":` + asked + `,"thinking":{"type":"disabled"}}`},
		"effort at Qwen's":              {llm.Conversation{Turns: hi, Reasoning: llm.Reasoning{Effort: "low"}}, Style{Effort: EffortSwitch}, nil, `{"model":"m","messages":` + asked + `,"enable_thinking":true}`},
		"effort by template":            {llm.Conversation{Turns: hi, Reasoning: llm.Reasoning{Effort: "none"}}, Style{Effort: EffortTemplate}, nil, `{"model":"m","messages":` + asked + `,"chat_template_kwargs":{"enable_thinking":false}}`},
		"always some effort":            {llm.Conversation{Turns: hi, Reasoning: llm.Reasoning{Effort: "none"}}, Style{Effort: EffortField}, &llm.Model{Efforts: []string{"low", "high"}}, `{"model":"m","messages":` + asked + `,"reasoning_effort":"low"}`},
		"never any effort":              {llm.Conversation{Turns: hi, Reasoning: llm.Reasoning{Effort: "high"}}, Style{Effort: EffortField}, &llm.Model{Thinking: llm.ThinksNever}, `{"model":"m","messages":` + asked + `}`},
		"tools or effort":               {llm.Conversation{Turns: hi, Tools: tool}, Style{Effort: EffortField}, &llm.Model{Lacks: llm.SetOf(llm.FeatureToolReasoning), Efforts: []string{"none", "low"}}, `{"model":"m","messages":` + asked + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"reasoning_effort":"none"}`},
		"tools without effort":          {llm.Conversation{Turns: hi, Tools: tool, Reasoning: llm.Reasoning{Effort: "high"}}, Style{Effort: EffortField}, &llm.Model{Lacks: llm.SetOf(llm.FeatureToolReasoning), Efforts: []string{"low"}}, `{"model":"m","messages":` + asked + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]}`},
		"tools of gpt-4o":               {llm.Conversation{Turns: hi, Tools: tool}, Style{Effort: EffortField}, catalog.Facts("openai", "gpt-4o"), `{"model":"m","messages":` + asked + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]}`},
		"tools of gpt-4o at OpenRouter": {llm.Conversation{Turns: hi, Tools: tool, Reasoning: llm.Reasoning{Effort: "none"}}, Style{Effort: EffortObject}, catalog.Facts("openrouter", "openai/gpt-4o"), `{"model":"m","messages":` + asked + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]}`},
		"hot while it reasons":          {llm.Conversation{Turns: hi, Temperature: "0.5", TopP: "0.5", FrequencyPenalty: "1", Seed: "7", Reasoning: llm.Reasoning{Effort: "low"}}, Style{Effort: EffortField, SamplesAtRest: true}, nil, `{"model":"m","messages":` + asked + `,"seed":7,"reasoning_effort":"low"}`},
		"hot while it does not":         {llm.Conversation{Turns: hi, Temperature: "0.5", Reasoning: llm.Reasoning{Effort: "none"}}, Style{Effort: EffortField, SamplesAtRest: true}, nil, `{"model":"m","messages":` + asked + `,"temperature":0.5,"reasoning_effort":"none"}`},
		"hot and reasoning elsewhere":   {llm.Conversation{Turns: hi, Temperature: "0.5", Reasoning: llm.Reasoning{Effort: "low"}}, Style{Effort: EffortField}, nil, `{"model":"m","messages":` + asked + `,"temperature":0.5,"reasoning_effort":"low"}`},
		"efforts of the server":         {llm.Conversation{Turns: hi, Reasoning: llm.Reasoning{Effort: "max"}}, Style{Effort: EffortThink, Efforts: []string{"none", "low", "max"}}, nil, `{"model":"m","messages":` + asked + `,"thinking":{"type":"enabled"},"reasoning_effort":"max"}`},
		"limits of the context":         {llm.Conversation{Turns: hi, MaxOutput: 32000}, Style{}, &llm.Model{ContextLength: 4096}, `{"model":"m","messages":` + asked + `,"max_tokens":3968}`},
		"a schema":                      {llm.Conversation{Turns: hi, Format: llm.Format{Kind: llm.FormatSchema, Schema: []byte(`{"type":"object"}`)}}, Style{}, nil, `{"model":"m","messages":` + asked + `,"response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{"type":"object"}}}}`},
		"a strict schema":               {llm.Conversation{Turns: hi, Format: llm.Format{Kind: llm.FormatSchema, Name: str("bad name"), Schema: []byte(`{"type":"object","properties":{},"additionalProperties":false}`)}}, Style{}, nil, `{"model":"m","messages":` + asked + `,"response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{"type":"object","properties":{},"additionalProperties":false},"strict":true}}}`},
		"strict tools, as far as": {llm.Conversation{Turns: hi, Tools: []llm.Tool{{Name: str("f"), Strict: &yes, Schema: []byte(`{"type":"object","properties":{"a":{}}}`)}, {Name: str("g"), Strict: &yes, Schema: []byte(`{"type":"object","properties":{},"additionalProperties":false}`)}}}, Style{Strict: true}, nil,
			`{"model":"m","messages":` + asked + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{}}},"strict":false}},{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{},"additionalProperties":false},"strict":true}}]}`},
		"choice any":        {llm.Conversation{Turns: hi, Tools: []llm.Tool{{Name: str("f")}}, Choice: llm.Choice{Mode: llm.ChoiceAny}, OneCall: true}, Style{}, nil, `{"model":"m","messages":` + asked + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"tool_choice":"required","parallel_tool_calls":false}`},
		"choice any, other": {llm.Conversation{Turns: hi, Tools: []llm.Tool{{Name: str("f")}}, Choice: llm.Choice{Mode: llm.ChoiceAny}}, Style{AnyTool: true}, nil, `{"model":"m","messages":` + asked + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"tool_choice":"any"}`},
		"no choice":         {llm.Conversation{Turns: hi, Tools: tool, Choice: llm.Choice{Mode: llm.ChoiceNone}}, Style{}, &llm.Model{Lacks: llm.SetOf(llm.FeatureNoToolChoice)}, `{"model":"m","messages":` + asked + `}`},
		"some tools":        {llm.Conversation{Turns: hi, Tools: []llm.Tool{{Name: str("f"), Schema: []byte(`{"type":"object"}`)}, {Name: str("g")}}, Choice: llm.Choice{Mode: llm.ChoiceAuto, Allowed: []llm.Text{str("f")}}}, Style{}, &llm.Model{Lacks: llm.SetOf(llm.FeatureToolSubset)}, `{"model":"m","messages":` + asked + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto"}`},

		"system texts":             {llm.Conversation{Turns: []llm.Turn{say(llm.System, text("a"), text("b")), hi[0]}}, Style{Developer: true}, nil, `{"model":"m","messages":[{"role":"developer","content":"a\n\nb"},{"role":"user","content":"hi"}]}`},
		"several system texts":     {llm.Conversation{Turns: []llm.Turn{say(llm.System, text("a")), say(llm.System, text("b")), hi[0]}}, Style{}, nil, `{"model":"m","messages":[{"role":"system","content":"a\n\nb"},{"role":"user","content":"hi"}]}`},
		"nothing but system texts": {llm.Conversation{Turns: []llm.Turn{say(llm.System, text("a")), say(llm.System, text("b"))}}, Style{}, nil, `{"model":"m","messages":[{"role":"system","content":"a\n\nb"}]}`},
		"several where they may be": {llm.Conversation{Turns: []llm.Turn{say(llm.System, text("a")), say(llm.System, text("b")), hi[0], hi[0], say(llm.System, text("c"))}}, Style{FreeTurns: true}, nil,
			`{"model":"m","messages":[{"role":"system","content":"a"},{"role":"system","content":"b"},{"role":"user","content":"hi"},{"role":"user","content":"hi"},{"role":"system","content":"c"}]}`},
		"a user who says more": {llm.Conversation{Turns: []llm.Turn{hi[0], say(llm.User, picture), hi[0], say(llm.Assistant, text("a")), hi[0], hi[0]}}, Style{}, nil,
			`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},{"type":"text","text":"hi"}]},{"role":"assistant","content":"a"},{"role":"user","content":"hi\n\nhi"}]}`},
		"an answer that says nothing": {llm.Conversation{Turns: []llm.Turn{hi[0], say(llm.Assistant, text("")), hi[0]}}, Style{}, nil, `{"model":"m","messages":[{"role":"user","content":"hi\n\nhi"}]}`},
		"users with names": {llm.Conversation{Turns: []llm.Turn{hi[0], {Role: llm.User, Name: str("Ann"), Parts: []llm.Part{text("so")}}, hi[0]}}, Style{}, nil,
			`{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"user","name":"Ann","content":"so"},{"role":"user","content":"hi"}]}`},
		"a late system text": {llm.Conversation{Turns: []llm.Turn{hi[0], say(llm.System, text("s")), hi[0]}}, Style{}, &llm.Model{Lacks: llm.SetOf(llm.FeatureMidSystem)},
			`{"model":"m","messages":[{"role":"user","content":"hi\n\n<system-reminder>\n\ns\n\n</system-reminder>\n\nhi"}]}`},
		"texts of every role are strings": {llm.Conversation{Turns: []llm.Turn{say(llm.User, text("a"), text("b")), say(llm.Assistant, text("c"), text("d"), call("toolu_1")), say(llm.User, result("toolu_1", text("e"), text("f")))}}, Style{Marks: MarksControl}, nil,
			`{"model":"m","messages":[{"role":"user","content":"a\n\nb"},` + strings.Replace(called, "null", `"c\n\nd"`, 1) + `,{"role":"tool","tool_call_id":"toolu_1","content":"e\n\nf"}]}`},
		"marks of calls, results and tools": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, text("c"), marked(call("toolu_1"))), say(llm.User, marked(result("toolu_1", text("e"), text("f"))), marked(result("toolu_9", text("g"))))}, Tools: []llm.Tool{{Name: str("f"), Cache: "1h"}, {Name: str("g")}}}, Style{Marks: MarksControl}, nil,
			`{"model":"m","messages":[` + strings.Replace(called, "null", `[{"type":"text","text":"c","cache_control":{"type":"ephemeral"}}]`, 1) + `,{"role":"tool","tool_call_id":"toolu_1","content":[{"type":"text","text":"e"},{"type":"text","text":"f","cache_control":{"type":"ephemeral"}}]},` +
				`{"role":"user","content":[{"type":"text","text":"Result of the tool call toolu_9:"},{"type":"text","text":"g","cache_control":{"type":"ephemeral"}}]}],` +
				`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}},{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}},"cache_control":{"type":"ephemeral","ttl":"1h"}}]}`},
		"a bridge to what the system says": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, call("toolu_1")), say(llm.User, result("toolu_1", text("r"))), say(llm.System, text("s"))}}, Style{BridgeResults: true, FreeTurns: true}, nil,
			`{"model":"m","messages":[` + called + `,{"role":"tool","tool_call_id":"toolu_1","content":"r"},{"role":"assistant","content":"I have read the results."},{"role":"system","content":"s"}]}`},
		"results before what is said": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, call("toolu_1")), say(llm.User, text("so?"), result("toolu_1", text("r")))}}, Style{}, nil,
			`{"model":"m","messages":[` + called + `,{"role":"tool","tool_call_id":"toolu_1","content":"r"},{"role":"user","content":"so?"}]}`},
		"a bridge to what is said": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, call("toolu_1")), say(llm.User, result("toolu_1", text("r")), text("so?"))}}, Style{BridgeResults: true, ToolNames: true, NoNull: true}, nil,
			`{"model":"m","messages":[` + strings.Replace(called, "null", `""`, 1) + `,{"role":"tool","name":"f","tool_call_id":"toolu_1","content":"r"},{"role":"assistant","content":"I have read the results."},{"role":"user","content":"so?"}]}`},
		"a result that came later": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, call("toolu_1")), say(llm.Assistant, text("wait")), say(llm.System, text("s")), say(llm.User, result("toolu_1"))}}, Style{}, nil,
			`{"model":"m","messages":[` + strings.Replace(called, "null", `"wait"`, 1) + `,{"role":"tool","tool_call_id":"toolu_1","content":"(no output)"},{"role":"system","content":"s"}]}`},
		"a lost result": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, call("toolu_1")), hi[0]}}, Style{}, nil,
			`{"model":"m","messages":[` + called + `,{"role":"tool","tool_call_id":"toolu_1","content":"There is no result: the call was interrupted."},{"role":"user","content":"hi"}]}`},
		"a lost call": {llm.Conversation{Turns: []llm.Turn{say(llm.User, result("toolu_9", text("r")), text("hi"))}}, Style{}, nil,
			`{"model":"m","messages":[{"role":"user","content":"Result of the tool call toolu_9:\n\nr\n\nhi"}]}`},
		"a failed result": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, call("toolu_1"), call("toolu_2")), say(llm.User, llm.Part{Kind: llm.PartToolResult, ID: "toolu_1", Failed: true, Parts: []llm.Part{text("r")}}, llm.Part{Kind: llm.PartToolResult, ID: "toolu_2", Failed: true})}}, Style{}, nil,
			`{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"f","arguments":"{\"a\": \"b\\n\"}"}},{"id":"toolu_2","type":"function","function":{"name":"f","arguments":"{\"a\": \"b\\n\"}"}}]},{"role":"tool","tool_call_id":"toolu_1","content":"Error: r"},{"role":"tool","tool_call_id":"toolu_2","content":"Error: the tool failed and said nothing."}]}`},
		"a picture in a result": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, call("toolu_1")), say(llm.User, result("toolu_1", picture), text("so?"))}}, Style{}, nil,
			`{"model":"m","messages":[` + called + `,{"role":"tool","tool_call_id":"toolu_1","content":"See the user's message that follows."},{"role":"user","content":[{"type":"text","text":"From the result of the tool call toolu_1:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},{"type":"text","text":"so?"}]}]}`},
		"a picture in a last result": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, call("toolu_1")), say(llm.User, result("toolu_1", text("r"), picture))}}, Style{ShortIDs: true}, nil,
			`{"model":"m","messages":[` + strings.Replace(called, "toolu_1", makeShortID("toolu_1"), 1) + `,{"role":"tool","tool_call_id":"` + makeShortID("toolu_1") + `","content":"r"},{"role":"user","content":[{"type":"text","text":"From the result of the tool call ` + makeShortID("toolu_1") + `:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]}`},
		"reasoning of another": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, llm.Part{Kind: llm.PartThinking, Text: str("t"), Origin: "other", Signature: str("sig")}, llm.Part{Kind: llm.PartOpaque, Raw: []byte("{}")}, text("c"))}}, Style{ReasoningBack: true, Provider: "deepseek"}, nil,
			`{"model":"m","messages":[{"role":"assistant","content":"c"}]}`},
		"a document of text": {llm.Conversation{Turns: []llm.Turn{say(llm.User, llm.Part{Kind: llm.PartFile, Text: str("d"), Name: str(`\"T\"`)})}}, Style{}, nil,
			`{"model":"m","messages":[{"role":"user","content":"<document title=\"\"T\"\">\nd\n</document>"}]}`},
		"a file without a name": {llm.Conversation{Turns: []llm.Turn{say(llm.User, llm.Part{Kind: llm.PartFile, Media: "application/pdf", Data: str("AA")})}}, Style{}, nil,
			`{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"document.pdf","file_data":"data:application/pdf;base64,AA"}}]}]}`},
		"tools of the history": {llm.Conversation{Turns: []llm.Turn{say(llm.Assistant, call("toolu_1")), say(llm.User, result("toolu_1", text("r")))}}, Style{DeclareTools: true}, nil,
			`{"model":"m","messages":[` + called + `,{"role":"tool","tool_call_id":"toolu_1","content":"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			c.c.Uses = all
			f := Features()
			if c.st.Marks != MarksNot {
				f = f.With(llm.Row{Feature: llm.FeatureCacheMarks, Class: llm.Mapped})
			}
			got := spelt(t, foreignOrder(&c.c, f, c.model), c.st)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestReasoningGoesBackToItsMaker, and DeepSeek gets the field it insists on even where there is nothing to put in.
func TestReasoningGoesBackToItsMaker(t *testing.T) {
	c := &llm.Conversation{Turns: []llm.Turn{{Role: llm.Assistant, Parts: []llm.Part{{Kind: llm.PartThinking, Text: str("mine"), Origin: "ds"}, {Kind: llm.PartToolCall, ID: "1", Name: str("f")}}},
		{Role: llm.Assistant, Parts: []llm.Part{{Kind: llm.PartThinking, Text: str("yours"), Origin: "x"}, {Kind: llm.PartToolCall, ID: "2", Name: str("f")}}}},
		Uses: []llm.Use{{Feature: llm.FeatureThinking, Field: "x"}}}
	c.Turns = slices.Insert(c.Turns, 1, llm.Turn{Role: llm.User, Parts: []llm.Part{{Kind: llm.PartToolResult, ID: "1"}}})
	f := Features().With(llm.Row{Feature: llm.FeatureThinking, Class: llm.Mapped})
	got := spelt(t, foreignOrder(c, f, nil), Style{ReasoningBack: true, Provider: "ds"})
	if !strings.Contains(got, `"reasoning_content":"mine"`) || strings.Contains(got, "yours") || !strings.Contains(got, `"reasoning_content":""`) {
		t.Error(got)
	}
	if got := spelt(t, foreignOrder(c, Features(), nil), Style{}); strings.Contains(got, "reasoning_content") {
		t.Error(got)
	}
}

// TestToolNamesAreMappedAndComeBack: two names that differ in what is not allowed stay two names.
func TestToolNamesAreMappedAndComeBack(t *testing.T) {
	long := strings.Repeat("x", 70)
	c := &llm.Conversation{Tools: []llm.Tool{{Name: str("a.b")}, {Name: str("a/b")}, {Name: str("a_b")}, {Name: str(`\u00e9`)}, {Name: str(long)}, {Name: str(long + "y")}},
		Turns:  []llm.Turn{{Role: llm.Assistant, Parts: []llm.Part{{Kind: llm.PartToolCall, ID: "1", Name: str("a.b")}}}},
		Choice: llm.Choice{Mode: llm.ChoiceOne, Name: str("a/b")}, Uses: []llm.Use{{Feature: llm.FeatureToolChoice}, {Feature: llm.FeatureTools}}}
	sp, err := spell(foreignOrder(c, Features(), nil), Style{})
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Messages []struct {
			ToolCalls []struct{ Function struct{ Name string } } `json:"tool_calls"`
		}
		Tools  []struct{ Function struct{ Name string } }
		Choice struct{ Function struct{ Name string } } `json:"tool_choice"`
	}
	if err := json.Unmarshal(sp.body, &body); err != nil {
		t.Fatal(err)
	}
	own := []string{"a.b", "a/b", "a_b", "é", long, long + "y"}
	seen := map[string]bool{}
	for i, tool := range body.Tools {
		name := tool.Function.Name
		if seen[name] || !wire.IsName(name, mostName) {
			t.Errorf("%q is sent as %q", own[i], name)
		}
		seen[name] = true
		back := name
		if o, ok := sp.names[name]; ok {
			back = o
		}
		if back != own[i] {
			t.Errorf("%q comes back as %q", own[i], back)
		}
	}
	if len(body.Tools) != len(own) || body.Messages[0].ToolCalls[0].Function.Name != body.Tools[0].Function.Name || body.Choice.Function.Name != body.Tools[1].Function.Name {
		t.Errorf("%s", sp.body)
	}
	again, _ := spell(foreignOrder(c, Features(), nil), Style{})
	if string(again.body) != string(sp.body) {
		t.Error("the names are not the same the second time")
	}
	d := newDecoder(sp, nil)
	events, _ := d.Event(nil, nil, []byte(fmt.Sprintf(`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"1","function":{"name":%q}}]}}]}`, body.Tools[0].Function.Name)))
	if len(events) != 2 || events[1].Name != "a.b" {
		t.Errorf("the decoder says %+v", events)
	}
}

func TestSpellMakesOneCopyOfAPicture(t *testing.T) {
	picture := strings.Repeat("iVBORw0K", 1<<15)
	req, _ := decoded(t, `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,`+picture+`"}}]}]}`)
	sp, err := spell(&llm.Order{Request: req, ID: "m", Plan: everything}, fullStyle)
	if err != nil {
		t.Fatal(err)
	}
	if cap(sp.body) > len(sp.body)+4096 || !strings.Contains(string(sp.body), picture) {
		t.Errorf("%d bytes in a buffer of %d", len(sp.body), cap(sp.body))
	}
}

// TestStrictSchemas: only what OpenAI's strict mode is known to take is sent as strict, as it refuses all else.
func TestStrictSchemas(t *testing.T) {
	closed := func(a string) string {
		return `{"type":"object","properties":{"a":` + a + `},"required":["a"],"additionalProperties":false}`
	}
	for schema, want := range map[string]bool{
		`{"type":"object","properties":{"a":{"type":"string","description":"d","title":"t","enum":["x"],"format":"email"}},"required":["a"],"additionalProperties":false}`:              true,
		`{"additionalProperties":false,"required":["b","a"],"properties":{"a":{"items":{"type":"integer","minimum":1},"type":"array"},"b":{"type":["string","null"]}},"type":"object"}`: true,
		`{"type":"object","properties":{},"additionalProperties":false}`: true,
		`{"type":"object","properties":{"a":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/x"}],"description":"d"}},"required":["a"],"additionalProperties":false,"$defs":{"x":{"type":"string"}}}`: true,
		`{"type":"object","additionalProperties":false}`: false, `{"type":"string"}`: false, `{}`: false, `{"anyOf":[]}`: false, `{"$ref":"#/$defs/x"}`: false,
		`{"type":["object","null"],"properties":{},"additionalProperties":false}`:                           false,
		`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`:                           false,
		`{"properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`:              false,
		`{"type":"object","properties":{},"required":["a"],"additionalProperties":false}`:                   false,
		`{"type":"object","properties":{},"additionalProperties":false,"$schema":"x"}`:                      false,
		`{"type":"object","properties":{},"additionalProperties":false,"default":{}}`:                       false,
		`{"type":"object","properties":{"a":{"type":"string"}},"required":[],"additionalProperties":false}`: false,
		closed(`{}`): false, closed(`true`): false, closed(`{"description":"d"}`): false, closed(`{"enum":["x"]}`): false,
		closed(`{"type":"string","default":"x"}`): false, closed(`{"type":"string","format":"uri"}`): false, closed(`{"type":"string","minLength":1}`): false,
		closed(`{"type":"array"}`): false, closed(`{"type":["array","null"]}`): false, closed(`{"type":"array","items":{}}`): false,
		closed(`{"type":"any"}`): false, closed(`{"type":[]}`): false, closed(`{"type":7}`): false,
		closed(`{"$ref":"#/$defs/x","description":"d"}`): false, closed(`{"$ref":"https://x.test"}`): false, closed(`{"oneOf":[]}`): false,
		closed(`{"anyOf":[{"type":"string","x-unknown":1}]}`): false, closed(`{"type":"string","anyOf":[{"type":"string"}]}`): false,
		closed(`{"type":["object","null"],"properties":{}}`):                                                   false,
		closed(`{"type":"array","items":{"type":"object","properties":{"b":{"type":"string"}}}}`):              false,
		closed(strings.Repeat(`{"type":"array","items":`, 12) + `{"type":"string"}` + strings.Repeat(`}`, 12)): false,
	} {
		if got := strictSchema([]byte(schema)); got != want {
			t.Errorf("%s: %v", schema, got)
		}
	}
}

// TestFeaturesNameTheirFacts: what is dropped or refused is explained in the README by these sentences.
func TestFeaturesNameTheirFacts(t *testing.T) {
	for _, row := range Features().Rows() {
		if row.Fact == "" && row.Feature != llm.FeatureBadArguments {
			t.Errorf("nothing is said of %s", row.Feature)
		}
		whole := row.Class == llm.Mapped && row.Lacking == llm.Mapped
		if !whole && (row.Fact == "" || !strings.HasSuffix(row.Fact, ".") || len(row.Fact) > 140) {
			t.Errorf("%s: %q", row.Feature, row.Fact)
		}
	}
}

// TestWhatOnlySpellingKnowsIsReported: each row is something a plan cannot see, as it hangs on the rest of the request.
func TestWhatOnlySpellingKnowsIsReported(t *testing.T) {
	yes := true
	text := []llm.Part{{Kind: llm.PartText, Text: str("hi")}}
	good, bad := []byte(`{"type":"object","properties":{},"additionalProperties":false}`), []byte(`{"type":"object"}`)
	tools := []llm.Tool{{Name: str("f"), Schema: bad}}
	use := func(list ...any) (uses []llm.Use) {
		for i := 0; i < len(list); i += 2 {
			uses = append(uses, llm.Use{Feature: list[i].(llm.Feature), Field: list[i+1].(string)})
		}
		return uses
	}
	sol, old := catalog.Facts("openai", "gpt-5.6-sol"), catalog.Facts("openai", "gpt-5.4")
	effort := func(level string) llm.Reasoning { return llm.Reasoning{Effort: level} }
	for name, c := range map[string]struct {
		c     llm.Conversation
		st    Style
		model *llm.Model
		want  string
	}{
		"a schema that is strict":           {llm.Conversation{Tools: []llm.Tool{{Name: str("f"), Schema: good, Strict: &yes}}, Uses: use(llm.FeatureStrictTools, "tools.strict")}, Style{Strict: true}, nil, ""},
		"a schema that is not":              {llm.Conversation{Tools: []llm.Tool{{Name: str("f"), Schema: bad, Strict: &yes}}, Uses: use(llm.FeatureStrictTools, "tools.strict")}, Style{Strict: true}, nil, "tools.strict"},
		"strict where nothing is":           {llm.Conversation{Tools: []llm.Tool{{Name: str("f"), Schema: good, Strict: &yes}}, Uses: use(llm.FeatureStrictTools, "tools.strict")}, Style{}, nil, "tools.strict"},
		"reasoning that the tools turn off": {llm.Conversation{Tools: tools}, Style{Effort: EffortField}, sol, "thinking"},
		"which they do not elsewhere":       {llm.Conversation{Tools: tools}, Style{Effort: EffortField}, old, ""},
		"which was not wanted":              {llm.Conversation{Tools: tools, Reasoning: effort("none"), Uses: use(llm.FeatureNoReasoning, "thinking")}, Style{Effort: EffortField}, sol, ""},
		"a level beside tools":              {llm.Conversation{Tools: tools, Reasoning: effort("high"), Uses: use(llm.FeatureReasoning, "effort", llm.FeatureToolReasoning, "effort")}, Style{Effort: EffortField}, old, "effort"},
		"a level above all":                 {llm.Conversation{Reasoning: effort("max"), Uses: use(llm.FeatureReasoning, "effort")}, Style{Effort: EffortField}, catalog.Facts("openai", "gpt-5"), "effort;approximated"},
		"a level that there is":             {llm.Conversation{Reasoning: effort("high"), Uses: use(llm.FeatureReasoning, "effort")}, Style{Effort: EffortField}, catalog.Facts("openai", "gpt-5"), ""},
		"a level where there are none":      {llm.Conversation{Reasoning: effort("high"), Uses: use(llm.FeatureReasoning, "effort")}, Style{Effort: EffortSwitch}, nil, "effort;approximated"},
		"off where there are no levels":     {llm.Conversation{Reasoning: effort("none"), Uses: use(llm.FeatureNoReasoning, "effort")}, Style{Effort: EffortSwitch}, nil, ""},
		"off where nothing is":              {llm.Conversation{Reasoning: effort("none"), Uses: use(llm.FeatureNoReasoning, "effort")}, Style{Effort: EffortField}, &llm.Model{Efforts: []string{"low"}}, "effort;approximated"},
		"temperature while it reasons": {llm.Conversation{Temperature: "0.5", PresencePenalty: "1", FrequencyPenalty: "1", Reasoning: effort("low"), Uses: use(llm.FeatureTemperature, "temperature", llm.FeaturePenalties, "presence_penalty", llm.FeaturePenalties, "frequency_penalty", llm.FeatureReasoning, "effort")}, Style{Effort: EffortField, SamplesAtRest: true}, nil,
			"temperature presence_penalty frequency_penalty"},
		"another's reasoning":        {llm.Conversation{Turns: []llm.Turn{{Role: llm.Assistant, Parts: []llm.Part{{Kind: llm.PartThinking, Text: str("t"), Origin: "x"}, text[0]}}}, Uses: use(llm.FeatureThinking, "thinking")}, Style{ReasoningBack: true, Provider: "ds"}, nil, "thinking"},
		"its own":                    {llm.Conversation{Turns: []llm.Turn{{Role: llm.Assistant, Parts: []llm.Part{{Kind: llm.PartThinking, Text: str("t"), Origin: "ds"}, text[0]}}}, Uses: use(llm.FeatureThinking, "thinking")}, Style{ReasoningBack: true, Provider: "ds"}, nil, ""},
		"a choice without tools":     {llm.Conversation{Choice: llm.Choice{Mode: llm.ChoiceAny}, Uses: use(llm.FeatureToolChoice, "tool_choice")}, Style{}, nil, "tool_choice"},
		"an empty stop sequence":     {llm.Conversation{Stop: []llm.Text{str("a"), nil}, Uses: use(llm.FeatureStop, "stop_sequences")}, Style{}, nil, "stop_sequences[1]"},
		"another vendor's tier":      {llm.Conversation{Tier: "other", Uses: use(llm.FeatureTier, "service_tier")}, Style{}, nil, "service_tier"},
		"a mark that finds no place": {llm.Conversation{Turns: []llm.Turn{{Role: llm.Assistant, Parts: []llm.Part{{Kind: llm.PartToolCall, ID: "1", Name: str("f"), Cache: "5m"}}}}, Uses: use(llm.FeatureCacheMarks, "cache_control")}, Style{Marks: MarksControl}, nil, "cache_control;approximated"},
		"marks that do":              {llm.Conversation{Tools: []llm.Tool{{Name: str("f"), Cache: "5m"}}, Uses: use(llm.FeatureCacheMarks, "cache_control")}, Style{Marks: MarksControl}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.c.Turns = append(c.c.Turns, llm.Turn{Role: llm.User, Parts: text})
			u := providertest.New(t)
			u.Answer(providertest.JSON(200, `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`))
			o := foreignOrder(&c.c, c.st.Features(), c.model)
			if o.Plan.Refused != nil {
				t.Fatal(o.Plan.Refused)
			}
			s, err := newClient(t, u, func(o *Options) { o.Style = c.st }).Converse(t.Context(), o, &heard{t: t})
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			if got := strings.Join(o.Plan.Report, " "); got != c.want {
				t.Errorf("told %q, want %q: %s", got, c.want, u.Last().Body)
			}
		})
	}
}

// TestNothingToSayIsRefusedHere, in words, and not by the provider for a list without messages.
func TestNothingToSayIsRefusedHere(t *testing.T) {
	c := &llm.Conversation{Turns: []llm.Turn{{Role: llm.User, Parts: []llm.Part{{Kind: llm.PartText}}}}}
	if _, err := spell(foreignOrder(c, Features(), nil), Style{}); err == nil || err.Kind != llm.BadRequest || err.Param != "messages" {
		t.Errorf("%+v", err)
	}
}
