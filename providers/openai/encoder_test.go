package openai

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var answeredAs = llm.Answered{Provider: "anthropic", Model: "claude-\"x\"", ID: "abc", Created: 1795377600}

// encode spells events for an application that asked with req.
func encode(req *llm.Request, events []llm.Event) string {
	enc := Codec{}.Encoder(req, answeredAs)
	var b []byte
	for i := range events {
		b = enc.Append(b, &events[i])
	}
	return string(enc.End(b))
}

// allEvents decodes an answer, keeping each event.
func allEvents(t testing.TB, kind, body string) []llm.Event {
	t.Helper()
	if kind == "response" {
		events, err := newDecoder(nil, minted()).Whole(nil, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	var events []llm.Event
	d := newDecoder(nil, minted())
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok {
			events, _ = d.Event(events, nil, []byte(data))
		}
	}
	return events
}

// TestGoldenAnswersSurviveTheirTranslation: decoded, encoded and decoded again they say the same, in either form.
func TestGoldenAnswersSurviveTheirTranslation(t *testing.T) {
	for _, g := range goldens(t) {
		if g.Dialect != "openai-chat" && g.Dialect != "openrouter" || g.Expect.Error != nil {
			continue
		}
		for _, kind := range []string{"response", "stream"} {
			body, ok := g.file(t, kind)
			if !ok {
				continue
			}
			events := allEvents(t, kind, body)
			var first heardEvents
			first.add(t, events)
			for _, stream := range []bool{true, false} {
				out := encode(&llm.Request{Stream: stream, WantsUsage: true}, events)
				var again heardEvents
				var err error
				if stream {
					again, err = decodeStream(t, newDecoder(nil, minted()), out)
				} else {
					again, err = decodeWhole(t, out)
				}
				again.model, again.order = first.model, first.order
				again.ended = false
				if first.refusal != "" { // OpenAI says stop; of other vendors' refusals more clients understand content_filter
					first.finish = "content_filter"
				}
				first.usage.Cost, first.usage.CostReported = 0, false
				if err != nil || !reflect.DeepEqual(first, again) {
					t.Errorf("%s/%s %s, stream %v: %v\n%+v\n%+v\n%s", g.Dialect, g.Case, kind, stream, err, first, again, out)
				}
			}
		}
	}
}

// TestStreamIsWhatSDKsRead: the chunks of an answer with everything in it, one by one.
func TestStreamIsWhatSDKsRead(t *testing.T) {
	events := []llm.Event{
		{Kind: llm.EventStart, ID: "msg_1", Usage: llm.Usage{Input: 3, CacheRead: 2, CacheWrite: 1, Output: 1}},
		{Kind: llm.EventThinking, Text: str("r")},
		{Kind: llm.EventSignature, Text: str("sig")},
		{Kind: llm.EventOpaque, Raw: []byte("{}")},
		{Kind: llm.EventThinking, Index: 1, Text: str("s")},
		{Kind: llm.EventText, Index: 2, Text: str(`a\"é😀`)},
		{Kind: llm.EventCitation, Raw: []byte(`{"type":"web_search_result_location","url":"https://x.test","title":"T\u00e9","cited_text":"c"}`)},
		{Kind: llm.EventCitation, Raw: []byte(`{"type":"char_location","document_index":0}`)},
		{Kind: llm.EventToolCall, ID: "toolu_1", Name: "f"},
		{Kind: llm.EventArguments, Text: str(`{\"x\"`)},
		{Kind: llm.EventToolCall, Index: 1, ID: "toolu_2", Name: "g"},
		{Kind: llm.EventArguments, Text: str(`:1}`)},
		{Kind: llm.EventToolEnd},
		{Kind: llm.EventToolEnd, Index: 1},
		{Kind: llm.EventToolCall, Index: 2, ID: "c", Name: "h", Custom: true},
		{Kind: llm.EventArguments, Index: 2, Text: str("free")},
		{Kind: llm.EventToolEnd, Index: 2},
		{Kind: llm.EventUsage, Usage: llm.Usage{Input: 3, CacheRead: 2, CacheWrite: 1, CacheWriteLong: 4, Output: 9, Reasoning: 5}},
		{Kind: llm.EventFinish, Reason: llm.ReasonTools, Name: "tool_use"},
	}
	const head = `data: {"id":"msg_1","object":"chat.completion.chunk","created":1795377600,"model":"claude-\"x\"","choices":[{"index":0,"delta":`
	const tail = `,"logprobs":null,"finish_reason":null}],"usage":null}`
	const used = `{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19,"prompt_tokens_details":{"cached_tokens":2,"cache_write_tokens":5},"completion_tokens_details":{"reasoning_tokens":5}}`
	want := []string{
		head + `{"role":"assistant","content":"","refusal":null}` + tail,
		head + `{"reasoning_content":"r"}` + tail,
		head + `{"reasoning_content":"\n\ns"}` + tail,
		head + `{"content":"a\"é😀"}` + tail,
		head + `{"annotations":[{"type":"url_citation","url_citation":{"start_index":0,"end_index":4,"url":"https://x.test","title":"T\u00e9"}}]}` + tail,
		head + `{"tool_calls":[{"index":0,"id":"toolu_1","type":"function","function":{"name":"f","arguments":""}}]}` + tail,
		head + `{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}` + tail,
		head + `{"tool_calls":[{"index":1,"id":"toolu_2","type":"function","function":{"name":"g","arguments":""}}]}` + tail,
		head + `{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}` + tail,
		head + `{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}` + tail,
		head + `{"tool_calls":[{"index":2,"id":"c","type":"custom","custom":{"name":"h","input":""}}]}` + tail,
		head + `{"tool_calls":[{"index":2,"custom":{"input":"free"}}]}` + tail,
		head + `{},"logprobs":null,"finish_reason":"tool_calls"}],"usage":null}`,
		`data: {"id":"msg_1","object":"chat.completion.chunk","created":1795377600,"model":"claude-\"x\"","choices":[],"usage":` + used + `}`,
		"data: [DONE]",
	}
	got := encode(&llm.Request{Stream: true, WantsUsage: true}, events)
	chunks := strings.Split(strings.TrimSuffix(got, "\n\n"), "\n\n")
	for i := range max(len(chunks), len(want)) {
		var g, w string
		if i < len(chunks) {
			g = chunks[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("chunk %d is\n%s\nwant\n%s", i, g, w)
		}
	}
	if got := encode(&llm.Request{Stream: true}, events); strings.Contains(got, "usage") {
		t.Errorf("usage was not asked for: %s", got)
	}
	whole := encode(&llm.Request{}, events)
	const reply = `{"id":"msg_1","object":"chat.completion","created":1795377600,"model":"claude-\"x\"","choices":[{"index":0,"message":{"role":"assistant","content":"a\"é😀","reasoning_content":"r\n\ns","refusal":null,"annotations":[{"type":"url_citation","url_citation":{"start_index":0,"end_index":4,"url":"https://x.test","title":"T\u00e9"}}],"tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"toolu_2","type":"function","function":{"name":"g","arguments":"{}"}},{"id":"c","type":"custom","custom":{"name":"h","input":"free"}}]},"logprobs":null,"finish_reason":"tool_calls"}],"usage":` + used + `}`
	if whole != reply {
		t.Errorf("the reply is\n%s\nwant\n%s", whole, reply)
	}
}

func TestFinishReasons(t *testing.T) {
	call := llm.Event{Kind: llm.EventToolCall, ID: "1", Name: "f"}
	for _, c := range []struct {
		reason llm.Reason
		before []llm.Event
		want   string
	}{
		{llm.ReasonEnd, nil, "stop"}, {llm.ReasonStop, nil, "stop"}, {llm.ReasonTools, nil, "stop"}, {llm.ReasonTools, []llm.Event{call}, "tool_calls"},
		{llm.ReasonEnd, []llm.Event{call}, "tool_calls"}, {llm.ReasonLength, []llm.Event{call}, "length"}, {llm.ReasonContext, nil, "length"},
		{llm.ReasonFiltered, nil, "content_filter"}, {llm.ReasonFiltered, []llm.Event{{Kind: llm.EventRefusal, Text: str("no")}}, "content_filter"},
		{llm.ReasonPause, nil, "stop"}, {llm.ReasonMalformed, nil, "stop"}, {0, []llm.Event{call}, "tool_calls"}, {0, nil, "stop"},
	} {
		events := append(c.before, llm.Event{Kind: llm.EventFinish, Reason: c.reason})
		for _, stream := range []bool{true, false} {
			if got := encode(&llm.Request{Stream: stream}, events); !strings.Contains(got, `"finish_reason":"`+c.want+`"`) {
				t.Errorf("reason %d after %d events, stream %v: %s, want %s", c.reason, len(c.before), stream, got, c.want)
			}
		}
	}
}

// TestAnswersWithoutMuch end well all the same: clients wait for an id, a role, a reason and the end mark.
func TestAnswersWithoutMuch(t *testing.T) {
	stream := encode(&llm.Request{Stream: true, WantsUsage: true}, nil)
	if !strings.Contains(stream, `"id":"chatcmpl-abc"`) || !strings.Contains(stream, `"role":"assistant"`) || !strings.Contains(stream, `"finish_reason":"stop"`) || !strings.HasSuffix(stream, "data: [DONE]\n\n") {
		t.Error(stream)
	}
	whole := encode(&llm.Request{}, nil)
	if !strings.Contains(whole, `"content":""`) || strings.Contains(whole, "usage") || !json.Valid([]byte(whole)) {
		t.Error(whole)
	}
	if (Codec{}).KeepAlive() != nil {
		t.Error("something is sent on a silent stream")
	}
}

// TestDeprecatedFunctionsAreAnsweredInKind: who sends functions looks for function_call.
func TestDeprecatedFunctionsAreAnsweredInKind(t *testing.T) {
	req, _ := decoded(t, `{"model":"m",`+hiUser+`,"functions":[{"name":"f"}]}`)
	events := []llm.Event{{Kind: llm.EventToolCall, ID: "1", Name: "f"}, {Kind: llm.EventToolEnd}, {Kind: llm.EventToolCall, Index: 1, ID: "2", Name: "g"}, {Kind: llm.EventArguments, Index: 1, Text: str("{}")}, {Kind: llm.EventToolEnd, Index: 1}, {Kind: llm.EventFinish, Reason: llm.ReasonTools}}
	if got := encode(req, events); !strings.Contains(got, `"function_call":{"name":"f","arguments":"{}"}}`) || !strings.Contains(got, `"finish_reason":"function_call"`) || strings.Contains(got, "tool_calls") {
		t.Error(got)
	}
	req.Stream = true
	if got := encode(req, events); !strings.Contains(got, `{"function_call":{"name":"f","arguments":""}}`) || !strings.Contains(got, `{"function_call":{"arguments":"{}"}}`) || strings.Count(got, "function_call") != 3 || strings.Contains(got, "tool_calls") {
		t.Error(got)
	}
}

// TestWhatAnotherVendorSaidIsNotRepeated: its type and code mean nothing to applications of this dialect.
func TestWhatAnotherVendorSaidIsNotRepeated(t *testing.T) {
	e := &llm.Error{Kind: llm.ProviderFailed, Status: 529, Dialect: llm.Anthropic, Type: "overloaded_error", Code: "x", Param: "max_tokens", Message: "Overloaded",
		Body: []byte(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), ContentType: "application/json"}
	status, _, body := Codec{}.Error(e)
	const want = `{"error":{"message":"Overloaded","type":"server_error","param":null,"code":"provider_failed"}}`
	if status != 529 || string(body) != want {
		t.Errorf("%d %s", status, body)
	}
	if end := string(Codec{}.StreamError(llm.Chat, e)); end != "data: "+want+"\n\ndata: [DONE]\n\n" {
		t.Error(end)
	}
}
