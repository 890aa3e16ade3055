package openai

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

// decoded scans and decodes a request as the server does.
func decoded(t testing.TB, body string) (*llm.Request, *llm.Conversation) {
	t.Helper()
	req := scan(t, llm.Chat, "/chat/completions", body)
	c, err := Codec{}.Decode(req)
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	req.Conversation = c
	return req, c
}

// uses lists what a request makes use of, as "feature: field".
func uses(c *llm.Conversation) (list []string) {
	for _, u := range c.Uses {
		list = append(list, u.Feature.String()+": "+u.Field)
	}
	return list
}

const hiUser = `"messages":[{"role":"user","content":"hi"}]`

func str(s string) llm.Text { return llm.Text(s) }

func TestDecodeReadsEveryFieldOfARequest(t *testing.T) {
	yes, no := true, false
	for field, c := range map[string]struct {
		want llm.Conversation
		uses []string
	}{
		`"max_tokens":7,"max_completion_tokens":9`: {llm.Conversation{MaxOutput: 9, OutputField: "max_completion_tokens"}, nil},
		`"max_completion_tokens":9,"max_tokens":7`: {llm.Conversation{MaxOutput: 9, OutputField: "max_completion_tokens"}, nil},
		`"max_tokens":1e3`:                         {llm.Conversation{MaxOutput: 1000}, nil},
		`"n":1.0`:                                  {},
		`"n":1e0`:                                  {},
		`"max_tokens":-1`:                          {},
		`"temperature":0.70`:                       {llm.Conversation{Temperature: "0.70"}, []string{"temperature: temperature"}},
		`"temperature":1.5,"top_p":0.9`: {llm.Conversation{Temperature: "1.5", TopP: "0.9"},
			[]string{"temperature: temperature", "temperature above 1: temperature", "top_p: top_p", "top_p beside temperature: top_p"}},
		`"top_k":40,"seed":-7`:                         {llm.Conversation{TopK: "40", Seed: "-7"}, []string{"top_k: top_k", "seed: seed"}},
		`"presence_penalty":0.5,"frequency_penalty":0`: {llm.Conversation{PresencePenalty: "0.5"}, []string{"penalties: presence_penalty"}},
		`"stop":"END"`:                                 {llm.Conversation{Stop: []llm.Text{str("END")}}, []string{"stop sequences: stop"}},
		`"stop":["a","\n",""]`:                         {llm.Conversation{Stop: []llm.Text{str("a"), str(`\n`)}}, []string{"blank stop sequence: stop", "other tuning: stop[2]", "stop sequences: stop"}},
		`"stop":["1","2","3","4","5"]`:                 {llm.Conversation{Stop: []llm.Text{str("1"), str("2"), str("3"), str("4"), str("5")}}, []string{"stop sequences: stop", "more than 4 stop sequences: stop"}},
		`"n":1`:                                        {}, `"n":2`: {llm.Conversation{}, []string{"several answers: n"}},
		`"logprobs":true,"top_logprobs":5`:             {llm.Conversation{}, []string{"log probabilities: logprobs", "log probabilities: top_logprobs"}},
		`"logprobs":false,"top_logprobs":0`:            {},
		`"logit_bias":{"1":5}`:                         {llm.Conversation{}, []string{"logit bias: logit_bias"}},
		`"reasoning_effort":"low"`:                     {llm.Conversation{Reasoning: llm.Reasoning{Effort: "low", Shown: true}}, []string{"reasoning level: reasoning_effort"}},
		`"reasoning_effort":"none"`:                    {llm.Conversation{Reasoning: llm.Reasoning{Effort: "none"}}, []string{"reasoning off: reasoning_effort"}},
		`"reasoning":{"max_tokens":2000}`:              {llm.Conversation{Reasoning: llm.Reasoning{Budget: 2000, Shown: true}}, []string{"reasoning level: reasoning.max_tokens"}},
		`"reasoning":{"exclude":true,"effort":"high"}`: {llm.Conversation{Reasoning: llm.Reasoning{Effort: "high"}}, []string{"reasoning level: reasoning.effort"}},
		`"verbosity":"low"`:                            {llm.Conversation{Verbosity: "low"}, []string{"verbosity: verbosity"}},
		`"service_tier":"default"`:                     {llm.Conversation{Tier: "default"}, []string{"service tier: service_tier"}},
		`"service_tier":"priority"`:                    {llm.Conversation{}, []string{"other tuning: service_tier"}},
		`"reasoning":{"enabled":true}`:                 {llm.Conversation{Reasoning: llm.Reasoning{Effort: "medium", Shown: true}}, []string{"reasoning level: reasoning.enabled"}},
		`"reasoning":{"enabled":true,"effort":"low"}`:  {llm.Conversation{Reasoning: llm.Reasoning{Effort: "low", Shown: true}}, []string{"reasoning level: reasoning.effort"}},
		`"reasoning":{"enabled":false}`:                {llm.Conversation{Reasoning: llm.Reasoning{Effort: "none"}}, []string{"reasoning off: reasoning.enabled"}},
		`"enable_thinking":false`:                      {llm.Conversation{Reasoning: llm.Reasoning{Effort: "none"}}, []string{"reasoning off: enable_thinking"}},
		`"think":false`:                                {llm.Conversation{Reasoning: llm.Reasoning{Effort: "none"}}, []string{"reasoning off: think"}},
		`"think":"high"`:                               {llm.Conversation{Reasoning: llm.Reasoning{Effort: "high", Shown: true}}, []string{"reasoning level: think"}},
		`"tools":[{"type":"function","function":{"name":"f"},"cache_control":{"type":"ephemeral","ttl":"1h"},"defer_loading":true}]`: {
			llm.Conversation{Tools: []llm.Tool{{Name: str("f"), Cache: "1h"}}}, []string{"cache marks: tools.cache_control", "other tuning: tools.defer_loading", "tools: tools"}},
		`"service_tier":"auto"`:                               {},
		`"user":"u","safety_identifier":"s"`:                  {llm.Conversation{User: str("s")}, []string{"user id: user", "user id: safety_identifier"}},
		`"safety_identifier":"s","user":"u"`:                  {llm.Conversation{User: str("s")}, []string{"user id: safety_identifier", "user id: user"}},
		`"prompt_cache_key":"k"`:                              {llm.Conversation{CacheKey: str("k")}, []string{"cache key: prompt_cache_key"}},
		`"store":true,"metadata":{"a":"b"}`:                   {llm.Conversation{}, []string{"stored answers: store", "other tuning: metadata"}},
		`"store":false,"metadata":{}`:                         {},
		`"prediction":{"type":"content","content":"x"}`:       {llm.Conversation{}, []string{"prediction: prediction"}},
		`"web_search_options":{}`:                             {llm.Conversation{}, []string{"built-in search: web_search_options"}},
		`"moderation":{"model":"m"}`:                          {llm.Conversation{}, []string{"moderation: moderation"}},
		`"modalities":["text"]`:                               {},
		`"modalities":["text","audio"],"audio":{"voice":"a"}`: {llm.Conversation{}, []string{"audio: modalities", "audio: audio"}},
		`"modalities":["image"]`:                              {llm.Conversation{}, []string{"other vital fields: modalities"}},
		`"response_format":{"type":"text"}`:                   {},
		`"response_format":{"type":"json_object"}`:            {llm.Conversation{Format: llm.Format{Kind: llm.FormatJSON}}, []string{"JSON mode: response_format"}},
		`"response_format":{"type":"json_schema","json_schema":{"name":"p","strict":true,"description":"d","schema":{"type": "object"}}}`: {
			llm.Conversation{Format: llm.Format{Kind: llm.FormatSchema, Name: str("p"), Description: str("d"), Schema: []byte(`{"type": "object"}`), Strict: &yes}}, []string{"JSON schema: response_format"}},
		`"response_format":{"type":"grammar","grammar":"g"}`: {llm.Conversation{}, []string{"other tuning: response_format.grammar", "other vital fields: response_format"}},
		`"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":false}}],"parallel_tool_calls":true,"tool_choice":"auto"`: {
			llm.Conversation{Tools: []llm.Tool{{Name: str("f"), Description: str("d"), Schema: []byte(`{"type":"object"}`), Strict: &no}}, Choice: llm.Choice{Mode: llm.ChoiceAuto}}, []string{"tools: tools"}},
		`"tools":[{"type":"function","function":{"name":"f","strict":true}}],"parallel_tool_calls":false,"tool_choice":"required","reasoning_effort":"high"`: {
			llm.Conversation{Tools: []llm.Tool{{Name: str("f"), Strict: &yes}}, OneCall: true, Choice: llm.Choice{Mode: llm.ChoiceAny}, Reasoning: llm.Reasoning{Effort: "high", Shown: true}},
			[]string{"strict tools: tools.function.strict", "no parallel calls: parallel_tool_calls", "tools: tools", "forced tool choice: tool_choice", "reasoning level: reasoning_effort", "reasoning beside tools: reasoning_effort"}},
		`"tool_choice":{"type":"custom","custom":{"name":"c"}},"tools":[{"type":"custom","custom":{"name":"c","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"x"}}}}]`: {
			llm.Conversation{Tools: []llm.Tool{{Name: str("c"), Custom: true}}, Choice: llm.Choice{Mode: llm.ChoiceOne, Name: str("c")}},
			[]string{"other tuning: tools.custom.format", "free-text tools: tools.custom", "tools: tools", "forced tool choice: tool_choice"}},
		`"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}`: {
			llm.Conversation{Tools: []llm.Tool{{Name: str("f")}}, Choice: llm.Choice{Mode: llm.ChoiceAny, Allowed: []llm.Text{str("f")}}},
			[]string{"tools: tools", "forced tool choice: tool_choice", "tool subset: tool_choice"}},
		`"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none"`: {
			llm.Conversation{Tools: []llm.Tool{{Name: str("f")}}, Choice: llm.Choice{Mode: llm.ChoiceNone}}, []string{"tools: tools", "tool choice none: tool_choice"}},
		`"tools":[{"type":"web_search_preview"}]`: {
			llm.Conversation{Tools: []llm.Tool{{Name: str("web_search_preview"), Hosted: true, Raw: []byte(`{"type":"web_search_preview"}`)}}}, []string{"hosted tools: tools.type", "tools: tools"}},
		`"functions":[{"name":"f","parameters":{}}],"function_call":{"name":"f"}`: {
			llm.Conversation{Tools: []llm.Tool{{Name: str("f"), Schema: []byte(`{}`)}}, OneCall: true, Choice: llm.Choice{Mode: llm.ChoiceOne, Name: str("f")}},
			[]string{"no parallel calls: functions", "tools: functions", "forced tool choice: function_call"}},
		`"tools":[],"tool_choice":"auto","parallel_tool_calls":false`: {},
		`"tools":null,"stop":null,"n":null,"temperature":null,"response_format":null,"reasoning_effort":null,"user":null,"metadata":null,"store":null,"modalities":null`: {},
		`"enable_thinking":true,"stream_options":{"include_obfuscation":true}`:                                                                                           {llm.Conversation{}, []string{"other tuning: enable_thinking", "other tuning: stream_options.include_obfuscation"}},
		`"a\r\nb":1`:             {llm.Conversation{}, []string{"other tuning: (other)"}},
		`"temper\u0061ture":0.5`: {llm.Conversation{Temperature: "0.5"}, []string{"temperature: temperature"}},
	} {
		t.Run(field, func(t *testing.T) {
			_, got := decoded(t, `{"model":"m",`+hiUser+`,`+field+`}`)
			if u := uses(got); !slices.Equal(u, c.uses) {
				t.Errorf("it uses %q, want %q", u, c.uses)
			}
			want := c.want
			want.Turns = []llm.Turn{{Role: llm.User, Parts: []llm.Part{{Kind: llm.PartText, Text: str("hi")}}}}
			want.Uses = got.Uses
			if !reflect.DeepEqual(got, &want) {
				t.Errorf("got  %+v\nwant %+v", got, &want)
			}
		})
	}
}

func TestDecodeReadsEveryKindOfMessage(t *testing.T) {
	text := func(s string) []llm.Part { return []llm.Part{{Kind: llm.PartText, Text: str(s)}} }
	callOf := func(id, name, args string) llm.Part {
		return llm.Part{Kind: llm.PartToolCall, ID: id, Name: str(name), Args: []byte(args)}
	}
	resultOf := func(id, s string) llm.Turn {
		return llm.Turn{Role: llm.User, Parts: []llm.Part{{Kind: llm.PartToolResult, ID: id, Parts: text(s)}}}
	}
	u := llm.Turn{Role: llm.User, Parts: text("hi")}
	for _, c := range []struct {
		name, messages string
		want           []llm.Turn
		uses           []string
	}{
		{"system, developer, user", `{"content":"s","role":"system"},{"role":"developer","content":[{"type":"text","text":"d"}]},{"role":"user","name":"Ann","content":"hi"}`,
			[]llm.Turn{{Role: llm.System, Parts: text("s")}, {Role: llm.System, Developer: true, Parts: text("d")}, {Role: llm.User, Name: str("Ann"), Parts: text("hi")}},
			[]string{"speaker names: messages.name"}},
		{"a system turn in between", `{"role":"user","content":"hi"},{"role":"system","content":"s"}`,
			[]llm.Turn{u, {Role: llm.System, Parts: text("s")}}, []string{"system turns in mid-conversation: messages.role"}},
		{"empty texts", `{"role":"user","content":""},{"role":"assistant","content":null},{"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"hi"}]}`, []llm.Turn{u}, nil},
		{"escapes stay as they are", `{"role":"user","content":"\"\u00e9\/\n\ud83d\ude00"}`,
			[]llm.Turn{{Role: llm.User, Parts: text(`\"\u00e9\/\n\ud83d\ude00`)}}, nil},
		{"halves of pairs are mended", `{"role":"user","content":"a\ud83d\ude00\ud83d"},{"role":"assistant","tool_calls":[{"id":"\ud83d","type":"function","function":{"name":"f","arguments":"{\"x\":\"\\ud83d\ude00\"}"}},{"id":"2","type":"custom","custom":{"name":"g","input":"\\ud83d \ude00"}}]}`,
			[]llm.Turn{{Role: llm.User, Parts: text(`a\ud83d\ude00\ufffd`)}, {Role: llm.Assistant, Parts: []llm.Part{{Kind: llm.PartToolCall, ID: "\uFFFD", Name: str("f"), Args: []byte(`{"x":"\ufffd` + "\uFFFD" + `"}`)}, {Kind: llm.PartToolCall, ID: "2", Name: str("g"), Custom: true, Args: []byte("\\ud83d \uFFFD")}}}},
			[]string{"free-text tools: messages.tool_calls.custom", "call without result: messages.tool_calls", "tools: messages.tool_calls"}},
		{"a picture as data", `{"role":"user","content":[{"image_url":{"url":"data:image/PNG;base64,iVBORw+/=","detail":"low"},"type":"image_url"}]}`,
			[]llm.Turn{{Role: llm.User, Parts: []llm.Part{{Kind: llm.PartImage, Media: "image/png", Data: str("iVBORw+/="), Detail: "low"}}}},
			[]string{"image detail: messages.content.image_url.detail", "images: messages.content.image_url"}},
		{"a picture with escaped slashes", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image\/png;base64,iV\/B","detail":"auto"}}]}`,
			[]llm.Turn{{Role: llm.User, Parts: []llm.Part{{Kind: llm.PartImage, Media: "image/png", Data: str("iV/B")}}}},
			[]string{"images: messages.content.image_url"}},
		{"a picture by address", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"https:\/\/x.test\/a.png"}},{"type":"image_url","image_url":"https://x.test/b"}]}`,
			[]llm.Turn{{Role: llm.User, Parts: []llm.Part{{Kind: llm.PartImage, URL: str(`https:\/\/x.test\/a.png`)}, {Kind: llm.PartImage, URL: str("https://x.test/b")}}}},
			[]string{"image URLs: messages.content.image_url"}},
		{"sound and files", `{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"mp3"}},{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"}},{"type":"file","file":{"file_data":"JVBE"}},{"type":"file","file":{"file_id":"file-1"}},{"type":"file","file":{"file_data":"data:text/csv;base64,YQ=="}},{"type":"file","file":{"file_data":"https://x.test/a.pdf"}}]}`,
			[]llm.Turn{{Role: llm.User, Parts: []llm.Part{{Kind: llm.PartAudio, Media: "audio/mpeg", Data: str("AAAA")}, {Kind: llm.PartFile, Media: "application/pdf", Data: str("JVBE"), Name: str("a.pdf")},
				{Kind: llm.PartFile, Media: "application/pdf", Data: str("JVBE")}, {Kind: llm.PartFile, FileID: str("file-1")}, {Kind: llm.PartFile, Media: "text/csv", Data: str("YQ==")}, {Kind: llm.PartFile, URL: str("https://x.test/a.pdf")}}}},
			[]string{"audio: messages.content.input_audio", "PDF: messages.content.file", "vendor files: messages.content.file", "other files: messages.content.file", "file URLs: messages.content.file"}},
		{"what nobody knows", `{"role":"user","content":[{"type":"text","text":"hi"},{"type":"video_url","video_url":{"url":"x"}}]}`,
			[]llm.Turn{u}, []string{"other vital fields: messages.content.type"}},
		{"cache marks", `{"role":"user","content":[{"type":"text","text":"a","prompt_cache_breakpoint":{"mode":"explicit","ttl":"12h"}},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}`,
			[]llm.Turn{{Role: llm.User, Parts: []llm.Part{{Kind: llm.PartText, Text: str("a"), Cache: "1h"}, {Kind: llm.PartText, Text: str("b"), Cache: "5m"}}}},
			[]string{"cache marks: messages.content.prompt_cache_breakpoint", "cache marks: messages.content.cache_control"}},
		{"an assistant's every part", `{"role":"user","content":"hi"},{"role":"assistant","content":"c","reasoning_content":"r","refusal":"no","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":\"\\n\"}"}},{"id":"2","type":"custom","custom":{"name":"g","input":"free"}}],"audio":null,"annotations":[]},{"role":"tool","tool_call_id":"1","content":"x"},{"role":"tool","tool_call_id":"2","content":[{"type":"text","text":"y"}]}`,
			[]llm.Turn{u, {Role: llm.Assistant, Parts: []llm.Part{{Kind: llm.PartThinking, Text: str("r")}, {Kind: llm.PartText, Text: str("c")}, {Kind: llm.PartRefusal, Text: str("no")}, callOf("1", "f", `{"a":"\n"}`), {Kind: llm.PartToolCall, ID: "2", Name: str("g"), Args: []byte("free"), Custom: true}}}, resultOf("1", "x"), resultOf("2", "y")},
			[]string{"reasoning in history: messages.reasoning_content", "free-text tools: messages.tool_calls.custom", "tools: messages.tool_calls"}},
		{"calls of servers that do as they like", `{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"r"}]},{"type":"refusal","refusal":"no"}],"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"g","arguments":""}},{"function":{"name":"h","arguments":"{\"a"}}]},{"role":"tool","content":"x"},{"role":"tool","content":""}`,
			[]llm.Turn{{Role: llm.Assistant, Parts: []llm.Part{{Kind: llm.PartThinking, Text: str("r")}, {Kind: llm.PartRefusal, Text: str("no")}, callOf("call_1", "f", `{"a":1}`), callOf("call_2", "g", `{}`), callOf("call_3", "h", `{"a`)}}, resultOf("call_1", "x"), {Role: llm.User, Parts: []llm.Part{{Kind: llm.PartToolResult, ID: "call_2"}}}},
			[]string{"reasoning in history: messages.content.thinking", "malformed arguments in history: messages.tool_calls.function.arguments", "call without result: messages.tool_calls", "tools: messages.tool_calls"}},
		{"the deprecated form", `{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"x"},{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"y"}`,
			[]llm.Turn{{Role: llm.Assistant, Parts: []llm.Part{callOf("call_1", "f", `{}`)}}, resultOf("call_1", "x"), {Role: llm.Assistant, Parts: []llm.Part{callOf("call_2", "f", `{}`)}}, resultOf("call_2", "y")},
			[]string{"tools: messages.tool_calls"}},
		{"an answer to be continued", `{"role":"user","content":"hi"},{"role":"assistant","content":"c","prefix":true}`,
			[]llm.Turn{u, {Role: llm.Assistant, Prefix: true, Parts: text("c")}}, []string{"prefilled answer: messages[1].content"}},
		{"an earlier answer in sound", `{"role":"user","content":"hi"},{"role":"assistant","audio":{"id":"audio_1"}}`, []llm.Turn{u}, []string{"other vital fields: messages.audio"}},
		{"signed reasoning", `{"role":"user","content":"hi"},{"role":"assistant","content":"c","reasoning":"r","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}`,
			[]llm.Turn{u, {Role: llm.Assistant, Prefix: true, Parts: []llm.Part{{Kind: llm.PartThinking, Text: str("r")}, {Kind: llm.PartText, Text: str("c")}}}},
			[]string{"reasoning in history: messages.reasoning", "opaque blocks: messages.reasoning_details", "prefilled answer: messages[1].content"}},
		{"an assistant at the end, behind whom nobody says anything", `{"role":"user","content":"hi"},{"role":"assistant","content":"c"},{"role":"user","content":""}`,
			[]llm.Turn{u, {Role: llm.Assistant, Prefix: true, Parts: text("c")}}, []string{"prefilled answer: messages[1].content"}},
		{"an assistant in between", `{"role":"assistant","content":"c","prefix":true},{"role":"user","content":"hi"}`,
			[]llm.Turn{{Role: llm.Assistant, Parts: text("c")}, u}, nil},
		{"a picture in a result", `{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}`,
			[]llm.Turn{{Role: llm.Assistant, Parts: []llm.Part{callOf("1", "f", `{}`)}}, {Role: llm.User, Parts: []llm.Part{{Kind: llm.PartToolResult, ID: "1", Parts: []llm.Part{{Kind: llm.PartImage, Media: "image/png", Data: str("AA")}}}}}},
			[]string{"images: messages.content.image_url", "images in tool results: messages.content.image_url", "tools: messages.tool_calls"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := decoded(t, `{"model":"m","messages":[`+c.messages+`]}`)
			if u := uses(got); !slices.Equal(u, c.uses) {
				t.Errorf("it uses %q\nwant %q", u, c.uses)
			}
			if !reflect.DeepEqual(got.Turns, c.want) {
				t.Errorf("got  %+v\nwant %+v", got.Turns, c.want)
			}
		})
	}
}

func TestDecodeSaysWhatIsWrongAndWhere(t *testing.T) {
	for body, want := range map[string][2]string{
		`{"model":"m"}`:               {"messages", "at least one message"},
		`{"model":"m","messages":[]}`: {"messages", "at least one message"},
		`{"model":"m","messages":[{"role":"user","content":""}]}`:                   {"messages", "that says something"},
		`{"model":"m",` + hiUser + `,"max_tokens":0}`:                               {"max_tokens", "1 or more"},
		`{"model":"m",` + hiUser + `,"max_tokens":0.5}`:                             {"max_tokens", "whole number"},
		`{"model":"m",` + hiUser + `,"max_completion_tokens":1e400}`:                {"max_completion_tokens", "whole number"},
		`{"model":"m",` + hiUser + `,"max_completion_tokens":-2}`:                   {"max_completion_tokens", "1 or more"},
		`{"model":"m","messages":"hi"}`:                                             {"messages", "must be a list"},
		`{"model":"m","messages":["hi"]}`:                                           {"messages[0]", "must be an object"},
		`{"model":"m","messages":[{"content":"hi"}]}`:                               {"messages[0].role", "must be one of"},
		`{"model":"m","messages":[{"role":"robot","content":"hi"}]}`:                {"messages[0].role", "must be one of"},
		`{"model":"m","messages":[{"role":"user","content":7}]}`:                    {"messages[0].content", "string or a list of parts"},
		"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\x01\"}]}": {"messages[0].content", "control character"},
		`{"model":"m","messages":[{"role":"user","content":"\x"}]}`:                 {"messages[0].content", "broken escape"},
		"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}": {"messages[0].content", "not UTF-8"},
		`{"model":"m","messages":[{"role":"user","content":[{"text":"hi"}]}]}`:      {"messages[0].content[0].type", "kind of the part"},
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]}`:    {"messages[0].content[0].text", "is missing"},
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png,xx"}}]}]}`: {"messages[0].content[1].image_url.url", "base64"},
		`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:text/plain;base64,xx"}}]}]}`:                    {"messages[0].content[0].image_url.url", "must be a picture"},
		`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,\"x"}}]}]}`:                    {"messages[0].content[0].image_url.url", "base64"},
		`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}`:                                                     {"messages[0].content[0].image_url.url", "an address"},
		`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"u","detail":"huge"}}]}]}`:                            {"messages[0].content[0].image_url.detail", "must be one of"},
		`{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{}}]}]}`:                                                               {"messages[0].content[0].file", "file_data or file_id"},
		`{"model":"m","messages":[{"role":"tool","content":"x"}]}`:                                                                                       {"messages[0].tool_call_id", "id of the tool call"},
		`{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1"}]}]}`:                                                                      {"messages[0].tool_calls.function", "must be an object"},
		`{"model":"m",` + hiUser + `,"temperature":"hot"}`:                                                                                               {"temperature", "must be a number"},
		`{"model":"m",` + hiUser + `,"stop":7}`:                                                                                                          {"stop", "string or a list"},
		`{"model":"m",` + hiUser + `,"tools":[{"type":"function"}]}`:                                                                                     {"tools.function", "must be an object"},
		`{"model":"m",` + hiUser + `,"tools":[{"type":"function","function":{}}]}`:                                                                       {"tools.function.name", "names the function"},
		`{"model":"m",` + hiUser + `,"tool_choice":"required"}`:                                                                                          {"tool_choice", "there are no tools"},
		`{"model":"m",` + hiUser + `,"tool_choice":"sometimes"}`:                                                                                         {"tool_choice", "none, auto, required"},
		`{"model":"m",` + hiUser + `,"reasoning_effort":"lots"}`:                                                                                         {"reasoning_effort", "must be one of"},
		`{"model":"m",` + hiUser + `,"response_format":{"type":"json_schema"}}`:                                                                          {"response_format.json_schema", "object with the schema"},
		`{"model":"m",` + hiUser + `,"parallel_tool_calls":"no"}`:                                                                                        {"parallel_tool_calls", "true or false"},
	} {
		t.Run(body, func(t *testing.T) {
			req := scan(t, llm.Chat, "/chat/completions", body)
			_, err := Codec{}.Decode(req)
			if err == nil {
				t.Fatal("it was accepted")
			}
			e := llm.AsError(err)
			if e.Kind != llm.BadRequest || e.Status != 400 || e.Param != want[0] || !strings.Contains(e.Message, want[1]) {
				t.Errorf("%+v\nwant param %q, %q", e, want[0], want[1])
			}
		})
	}
}

// TestDecodeDoesNotCopyPictures: base64 stays where it is in the body.
func TestDecodeDoesNotCopyPictures(t *testing.T) {
	req, c := decoded(t, `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0K"}}]}]}`)
	data := c.Turns[0].Parts[0].Data
	at := strings.Index(string(req.Body), "iVBORw0K")
	if &req.Body[at] != &data[0] {
		t.Error("the picture was copied")
	}
}

// TestDecodeNamesAtMostSomeUnknownFields, as they go into a header.
func TestDecodeNamesAtMostSomeUnknownFields(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	_, c := decoded(t, `{"model":"m",`+hiUser+b.String()+`}`)
	if len(c.Uses) != mostUnknown+1 || c.Uses[mostUnknown].Field != "(other)" {
		t.Errorf("%d uses, the last is %+v", len(c.Uses), c.Uses[len(c.Uses)-1])
	}
}
