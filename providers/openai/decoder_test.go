package openai

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/sse"
	"localrouter/providers/wire"
)

// heardEvents is what a decoder says of an answer, with the pieces of a text joined.
type heardEvents struct {
	id, model                  string
	text, reasoning, refusal   string
	calls                      []heardCall
	usage                      llm.Usage
	reason                     llm.Reason
	finish                     string
	citations                  []string
	order                      []llm.EventKind // without what may come in pieces
	ended                      bool
	starts, finishes, callEnds int
}

type heardCall struct {
	id, name, args string
	custom, ended  bool
}

func (h *heardEvents) add(t testing.TB, events []llm.Event) {
	t.Helper()
	for i := range events {
		e := &events[i]
		if e.Text != nil && !json.Valid([]byte(`"`+string(e.Text)+`"`)) {
			t.Errorf("a text cannot stand in JSON: %q", e.Text)
		}
		if e.Kind != llm.EventStart && h.starts == 0 {
			t.Errorf("the first event is of kind %d", e.Kind)
		}
		if len(h.order) == 0 || h.order[len(h.order)-1] != e.Kind {
			h.order = append(h.order, e.Kind)
		}
		switch e.Kind {
		case llm.EventStart:
			h.starts++
			h.id, h.model = e.ID, e.Name
		case llm.EventText:
			h.text += wire.Meaning(e.Text)
		case llm.EventThinking:
			h.reasoning += wire.Meaning(e.Text)
		case llm.EventRefusal:
			h.refusal += wire.Meaning(e.Text)
		case llm.EventToolCall:
			if e.Index != len(h.calls) {
				t.Errorf("call %d begins after %d others", e.Index, len(h.calls))
			}
			h.calls = append(h.calls, heardCall{id: e.ID, name: e.Name, custom: e.Custom})
		case llm.EventArguments:
			if h.calls[e.Index].ended {
				t.Errorf("arguments of call %d after its end", e.Index)
			}
			h.calls[e.Index].args += wire.Meaning(e.Text)
		case llm.EventToolEnd:
			h.calls[e.Index].ended = true
			h.callEnds++
		case llm.EventCitation:
			h.citations = append(h.citations, string(e.Raw))
		case llm.EventUsage:
			h.usage = e.Usage
		case llm.EventFinish:
			h.finishes++
			h.reason, h.finish = e.Reason, e.Name
		}
	}
}

// minted makes ids that a test can know.
func minted() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("minted_%d", n) }
}

// decodeStream reads a stream as the client does: framed, then decoded.
func decodeStream(t testing.TB, d llm.Decoder, body string) (h heardEvents, err error) {
	t.Helper()
	var scan sse.Scanner
	b := []byte(body)
	for len(b) > 0 {
		e, n, ok := scan.Next(b)
		if !ok {
			break
		}
		b = b[n:]
		if e.Data == nil {
			continue
		}
		var events []llm.Event
		events, err = d.Event(nil, e.Name, e.Data)
		h.add(t, events)
		if err == io.EOF {
			h.ended = true
			return h, nil
		}
		if err != nil {
			return h, err
		}
	}
	return h, nil
}

// decodeChunks reads chunks, each in an event of its own, and the end mark.
func decodeChunks(t testing.TB, chunks ...string) (heardEvents, error) {
	t.Helper()
	return decodeStream(t, newDecoder(nil, minted()), "data: "+strings.Join(append(chunks, endMark), "\n\ndata: ")+"\n\n")
}

func decodeWhole(t testing.TB, body string) (h heardEvents, err error) {
	t.Helper()
	events, err := newDecoder(nil, minted()).Whole(nil, []byte(body))
	h.add(t, events)
	h.ended = err == nil
	return h, err
}

// goldenMeaning is the part of an expectation that the other tests of goldens do not look at.
type goldenMeaning struct {
	Dialect, Case string
	Expect        struct {
		JSON      any `json:"json"`
		ToolCalls []struct {
			Name      string
			Arguments any
		} `json:"tool_calls"`
	}
}

func goldenMeanings(t testing.TB) map[string]goldenMeaning {
	t.Helper()
	var list []goldenMeaning
	if err := json.Unmarshal(readTestdata(t, "golden/index.json"), &list); err != nil {
		t.Fatal(err)
	}
	all := map[string]goldenMeaning{}
	for _, m := range list {
		all[m.Dialect+"/"+m.Case] = m
	}
	return all
}

// TestGoldenAnswersAreUnderstood: whole and streamed they mean what the index says.
func TestGoldenAnswersAreUnderstood(t *testing.T) {
	n, meanings := 0, goldenMeanings(t)
	for _, g := range goldens(t) {
		if g.Dialect != "openai-chat" && g.Dialect != "openrouter" {
			continue
		}
		for _, kind := range []string{"response", "stream"} {
			body, ok := g.file(t, kind)
			if !ok {
				continue
			}
			n++
			t.Run(g.Dialect+"/"+g.Case+"/"+kind, func(t *testing.T) {
				var h heardEvents
				var err error
				if kind == "stream" {
					h, err = decodeStream(t, newDecoder(nil, minted()), body)
				} else {
					h, err = decodeWhole(t, body)
				}
				goldenMeans(t, &g, meanings[g.Dialect+"/"+g.Case], &h, err)
			})
		}
	}
	if n < 28 {
		t.Errorf("only %d golden answers were found", n)
	}
}

func goldenMeans(t *testing.T, g *golden, m goldenMeaning, h *heardEvents, err error) {
	if g.Expect.Text != "" && g.Expect.Text != h.text || g.Expect.Reasoning != h.reasoning || g.Expect.Refusal != h.refusal {
		t.Errorf("text %q, reasoning %q, refusal %q", h.text, h.reasoning, h.refusal)
	}
	if g.Expect.Error != nil {
		e := llm.AsError(err)
		if e == nil || e.Provider != "" || e.Dialect != llm.OpenAI || e.Message == "" || len(e.Body) == 0 {
			t.Fatalf("the failure is %+v", e)
		}
		if code, ok := g.Expect.Error["code"]; ok && e.Code != fmt.Sprint(code) {
			t.Errorf("code %q, want %v", e.Code, code)
		}
		if kind, ok := g.Expect.Error["type"]; ok && e.Type != kind {
			t.Errorf("type %q, want %v", e.Type, kind)
		}
		return
	}
	if err != nil || !h.ended || h.starts != 1 || h.finishes != 1 || h.id == "" || h.model == "" {
		t.Fatalf("%v: %+v", err, h)
	}
	if g.Expect.Stop != "" && h.finish != g.Expect.Stop {
		t.Errorf("finish %q, want %q", h.finish, g.Expect.Stop)
	}
	if m.Expect.JSON != nil {
		var v any
		if err := json.Unmarshal([]byte(h.text), &v); err != nil || !reflect.DeepEqual(v, m.Expect.JSON) {
			t.Errorf("%s means %v, want %v", h.text, v, m.Expect.JSON)
		}
	}
	if len(h.calls) != len(m.Expect.ToolCalls) || h.callEnds != len(h.calls) {
		t.Fatalf("calls %+v, %d of them ended", h.calls, h.callEnds)
	}
	for i, want := range m.Expect.ToolCalls {
		var v any
		if err := json.Unmarshal([]byte(h.calls[i].args), &v); err != nil || h.calls[i].name != want.Name || !reflect.DeepEqual(v, want.Arguments) {
			t.Errorf("call %d is %+v, want %+v", i, h.calls[i], want)
		}
	}
	if want := g.Expect.Usage; want != nil {
		if u := h.usage; u.InputTotal() != want.Input || u.Output != want.Output || u.CacheRead != want.CacheRead || want.Reasoning != 0 && u.Reasoning != want.Reasoning {
			t.Errorf("usage %+v, want %+v", u, *want)
		}
	}
	if g.Expect.Cost != 0 && (!h.usage.CostReported || fmt.Sprintf("%.9f", float64(h.usage.Cost)/float64(llm.USD)) != fmt.Sprintf("%.9f", g.Expect.Cost)) {
		t.Errorf("cost %d, want $%v", h.usage.Cost, g.Expect.Cost)
	}
}

// delta is a chunk with a delta.
func delta(s string) string {
	return `{"id":"c","model":"m","choices":[{"index":0,"delta":` + s + `,"finish_reason":null}]}`
}

func finishing(word string) string {
	return `{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"` + word + `"}]}`
}

func callDelta(s string) string { return delta(`{"tool_calls":[` + s + `]}`) }

// TestServersThatDeviateAreUnderstood is the table of what servers of this dialect were seen to do.
func TestServersThatDeviateAreUnderstood(t *testing.T) {
	type calls = []heardCall
	two := calls{{"a", "f", `{"x":1}`, false, true}, {"b", "g", `{"y":2}`, false, true}}
	used := llm.Usage{Input: 5, CacheRead: 4, Output: 3}
	for name, c := range map[string]struct {
		chunks []string
		want   heardEvents
	}{
		"text in pieces":                   {[]string{delta(`{"role":"assistant","content":""}`), delta(`{"content":"a\n"}`), delta(`{"content":"é\u00e9"}`), delta(`{"content":"b"}`), finishing("stop")}, heardEvents{text: "a\nééb", reason: llm.ReasonEnd, finish: "stop"}},
		"no role, no id, no model":         {[]string{`{"choices":[{"delta":{"content":"x"}}]}`}, heardEvents{text: "x", reason: llm.ReasonEnd}},
		"a preamble without choices":       {[]string{`{"id":"","choices":[],"prompt_filter_results":[]}`, `{"object":"ping"}`, delta(`{"content":"x"}`)}, heardEvents{text: "x", reason: llm.ReasonEnd}},
		"null everywhere":                  {[]string{delta(`{"role":"assistant","content":null,"refusal":null,"tool_calls":null,"function_call":null,"reasoning_content":null}`), delta(`{"content":"x"}`)}, heardEvents{text: "x", reason: llm.ReasonEnd}},
		"a reason that is cleared later":   {[]string{delta(`{"content":"x"}`), finishing("length"), delta(`{"content":""}`)}, heardEvents{text: "x", reason: llm.ReasonLength, finish: "length"}},
		"reasoning_content":                {[]string{delta(`{"reasoning_content":"r1","content":null}`), delta(`{"reasoning_content":"r2"}`), delta(`{"content":"x"}`)}, heardEvents{text: "x", reasoning: "r1r2", reason: llm.ReasonEnd}},
		"reasoning":                        {[]string{delta(`{"reasoning":"r","content":"","reasoning_details":[{"type":"reasoning.text","text":"r"}]}`), delta(`{"content":"x","reasoning":null}`)}, heardEvents{text: "x", reasoning: "r", reason: llm.ReasonEnd}},
		"reasoning twice":                  {[]string{delta(`{"reasoning":"r","reasoning_content":"r"}`)}, heardEvents{reasoning: "r", reason: llm.ReasonEnd}},
		"Mistral's lists":                  {[]string{delta(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"r"}]}]}`), delta(`{"content":[{"type":"text","text":"x"}]}`), delta(`{"content":"y"}`)}, heardEvents{text: "xy", reasoning: "r", reason: llm.ReasonEnd}},
		"think tags stay text":             {[]string{delta(`{"content":"<think>r</think>x"}`)}, heardEvents{text: "<think>r</think>x", reason: llm.ReasonEnd}},
		"a raw control character":          {[]string{delta("{\"content\":\"a\x01b\"}"), delta("{\"content\":\"a\x01b\"}")}, heardEvents{text: "a\x01ba\x01b", reason: llm.ReasonEnd}},
		"a broken escape and broken UTF-8": {[]string{delta("{\"content\":\"\\x\xff\"}")}, heardEvents{text: "\\x\uFFFD", reason: llm.ReasonEnd}},
		"a refusal":                        {[]string{delta(`{"refusal":"no"}`), finishing("stop")}, heardEvents{refusal: "no", reason: llm.ReasonFiltered, finish: "stop"}},
		"a filter":                         {[]string{delta(`{"content":"x"}`), finishing("content_filter")}, heardEvents{text: "x", reason: llm.ReasonFiltered, finish: "content_filter"}},
		"the second choice":                {[]string{delta(`{"content":"x"}`), `{"choices":[{"index":1,"delta":{"content":"y"}}]}`}, heardEvents{text: "x", reason: llm.ReasonEnd}},
		"sound":                            {[]string{delta(`{"audio":{"id":"a","data":"AA"}}`), delta(`{"content":"x"}`)}, heardEvents{text: "x", reason: llm.ReasonEnd}},
		"citations":                        {[]string{delta(`{"content":"x","annotations":[{"type":"url_citation","url_citation":{"url":"u"}}]}`)}, heardEvents{text: "x", reason: llm.ReasonEnd, citations: []string{`{"type":"url_citation","url_citation":{"url":"u"}}`}}},
		"usage null, real, zero":           {[]string{`{"choices":[{"delta":{"content":"x"}}],"usage":null}`, `{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}`, `{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}`, `{"choices":[],"usage":null}`}, heardEvents{text: "x", reason: llm.ReasonEnd, usage: used}},
		"usage in every chunk":             {[]string{`{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}`, `{"choices":[{"delta":{"content":"y"}}],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_cache_hit_tokens":4}}`}, heardEvents{text: "xy", reason: llm.ReasonEnd, usage: used}},
		"Groq's usage":                     {[]string{delta(`{"content":"x"}`), `{"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"r","usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}}`}, heardEvents{text: "x", reason: llm.ReasonEnd, finish: "stop", usage: used}},
		"usage before any choice":          {[]string{`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}`, delta(`{"content":"x"}`)}, heardEvents{text: "x", reason: llm.ReasonEnd, usage: used}},

		"calls as OpenAI sends them": {[]string{callDelta(`{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}`), callDelta(`{"index":0,"function":{"arguments":"{\"x\""}}`), callDelta(`{"index":0,"function":{"arguments":":1}"}}`),
			callDelta(`{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}`), callDelta(`{"index":1,"function":{"arguments":"{\"y\":2}"}}`), finishing("tool_calls")}, heardEvents{calls: two, reason: llm.ReasonTools, finish: "tool_calls"}},
		"calls that take turns":      {[]string{callDelta(`{"index":0,"id":"a","function":{"name":"f"}},{"index":1,"id":"b","function":{"name":"g"}}`), callDelta(`{"index":1,"function":{"arguments":"{\"y\""}},{"index":0,"function":{"arguments":"{\"x\""}}`), callDelta(`{"index":0,"function":{"arguments":":1}"}},{"index":1,"function":{"arguments":":2}"}}`)}, heardEvents{calls: two, reason: llm.ReasonTools}},
		"id and name on every piece": {[]string{callDelta(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}`), callDelta(`{"index":0,"id":"a","function":{"name":"f","arguments":":1}"}}`), callDelta(`{"index":1,"id":"b","function":{"name":"g","arguments":"{\"y\":2}"}}`)}, heardEvents{calls: two, reason: llm.ReasonTools}},
		"whole calls in one delta":   {[]string{callDelta(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{\"y\":2}"}}`), finishing("stop")}, heardEvents{calls: two, reason: llm.ReasonTools, finish: "stop"}},
		"all of number 0":            {[]string{callDelta(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}`), callDelta(`{"index":0,"id":"b","function":{"name":"g","arguments":"{\"y\""}}`), callDelta(`{"index":0,"function":{"arguments":":2}"}}`)}, heardEvents{calls: two, reason: llm.ReasonTools}},
		"no numbers, with ids":       {[]string{callDelta(`{"id":"a","function":{"name":"f","arguments":"{\"x\""}}`), callDelta(`{"function":{"arguments":":1}"}}`), callDelta(`{"id":"b","function":{"name":"g","arguments":"{\"y\""}}`), callDelta(`{"id":"b","function":{"arguments":":2}"}}`)}, heardEvents{calls: two, reason: llm.ReasonTools}},
		"neither numbers nor ids": {[]string{callDelta(`{"function":{"name":"f","arguments":"{\"x\":1}"}},{"function":{"name":"f","arguments":"{}"}}`), callDelta(`{"function":{"name":"f","arguments":"{\"z\""}}`), callDelta(`{"function":{"name":"f","arguments":":3}"}}`)},
			heardEvents{calls: calls{{"minted_1", "f", `{"x":1}`, false, true}, {"minted_2", "f", `{}`, false, true}, {"minted_3", "f", `{"z":3}`, false, true}}, reason: llm.ReasonTools}},
		"an index of null":        {[]string{callDelta(`{"index":null,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}`), callDelta(`{"index":null,"id":"b","function":{"name":"g","arguments":"{\"y\":2}"}}`)}, heardEvents{calls: two, reason: llm.ReasonTools}},
		"numbers that begin at 1": {[]string{callDelta(`{"index":1,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}`), callDelta(`{"index":2,"id":"b","function":{"name":"g","arguments":"{\"y\":2}"}}`)}, heardEvents{calls: two, reason: llm.ReasonTools}},
		"a stand-in first":        {[]string{callDelta(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`), callDelta(`{"index":0,"function":{"arguments":"{\"x\""}}`), callDelta(`{"index":0,"function":{"arguments":":1}"}}`)}, heardEvents{calls: two[:1], reason: llm.ReasonTools}},
		"a stand-in that stays": {[]string{callDelta(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`), callDelta(`{"index":0,"function":{"arguments":""}}`)},
			heardEvents{calls: calls{{"a", "f", "{}", false, true}}, reason: llm.ReasonTools}},
		"arguments as an object": {[]string{callDelta(`{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}`)}, heardEvents{calls: two[:1], reason: llm.ReasonTools}},
		"no arguments":           {[]string{callDelta(`{"index":0,"id":"a","function":{"name":"f"}}`)}, heardEvents{calls: calls{{"a", "f", "", false, true}}, reason: llm.ReasonTools}},
		"the name comes late":    {[]string{callDelta(`{"index":0,"id":"a","function":{"arguments":"{\"x\""}}`), callDelta(`{"index":0,"function":{"name":"f","arguments":":1}"}}`)}, heardEvents{calls: two[:1], reason: llm.ReasonTools}},
		"all of number 0 without ids": {[]string{callDelta(`{"index":0,"function":{"name":"f","arguments":"{\"x\""}}`), callDelta(`{"index":0,"id":"","function":{"name":"f","arguments":":1}"}}`), callDelta(`{"index":0,"function":{"name":"f","arguments":""}}`), callDelta(`{"index":0,"id":null,"function":{"name":"g","arguments":"{\"y\":{\"z\":\"}\\\"\"}"}}`), callDelta(`{"index":0,"function":{"name":"g","arguments":"}"}}`), callDelta(`{"index":0,"function":{"name":"g","arguments":"{}"}}`)},
			heardEvents{calls: calls{{"minted_1", "f", `{"x":1}`, false, true}, {"minted_2", "g", `{"y":{"z":"}\""}}`, false, true}, {"minted_3", "g", "{}", false, true}}, reason: llm.ReasonTools}},
		"arguments of null":           {[]string{callDelta(`{"index":0,"id":"a","function":{"name":"f","arguments":"null"}}`), callDelta(`{"index":0,"function":{"arguments":" \n"}}`)}, heardEvents{calls: calls{{"a", "f", "", false, true}}, reason: llm.ReasonTools}},
		"blank, then arguments":       {[]string{callDelta(`{"index":0,"id":"a","function":{"arguments":" "}}`), callDelta(`{"index":0,"function":{"name":"f","arguments":"\t"}}`), callDelta(`{"index":0,"function":{"arguments":"{\"x\":1}"}}`)}, heardEvents{calls: two[:1], reason: llm.ReasonTools}},
		"a name that was cut off":     {[]string{callDelta(`{"index":0,"id":"a","function":{"arguments":"{}"}}`), finishing("length")}, heardEvents{reason: llm.ReasonLength, finish: "length"}},
		"an empty call":               {[]string{delta(`{"content":"x","tool_calls":[{"index":0,"id":"","type":"function","function":{"name":"","arguments":""}}]}`)}, heardEvents{text: "x", reason: llm.ReasonEnd}},
		"usage in the choice":         {[]string{delta(`{"content":"x"}`), `{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":3,"cached_tokens":4}}]}`}, heardEvents{text: "x", reason: llm.ReasonEnd, finish: "stop", usage: used}},
		"bare strings in a list":      {[]string{delta(`{"content":["x",{"type":"text","text":"y"}]}`)}, heardEvents{text: "xy", reason: llm.ReasonEnd}},
		"a cut call":                  {[]string{callDelta(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}`), finishing("length")}, heardEvents{calls: calls{{"a", "f", `{"x"`, false, true}}, reason: llm.ReasonLength, finish: "length"}},
		"text, then a call":           {[]string{delta(`{"content":"x"}`), callDelta(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}`)}, heardEvents{text: "x", calls: two[:1], reason: llm.ReasonTools}},
		"a tool of free text":         {[]string{callDelta(`{"index":0,"id":"a","type":"custom","custom":{"name":"f","input":""}}`), callDelta(`{"index":0,"custom":{"input":"{}"}}`), callDelta(`{"index":0,"custom":{"input":" x"}}`)}, heardEvents{calls: calls{{"a", "f", "{} x", true, true}}, reason: llm.ReasonTools}},
		"the deprecated form":         {[]string{delta(`{"function_call":{"name":"f","arguments":""}}`), delta(`{"function_call":{"arguments":"{\"x\":1}"}}`), finishing("function_call")}, heardEvents{calls: calls{{"minted_1", "f", `{"x":1}`, false, true}}, reason: llm.ReasonTools, finish: "function_call"}},
		"tool_calls without any call": {[]string{delta(`{"content":"x"}`), finishing("tool_calls")}, heardEvents{text: "x", reason: llm.ReasonEnd, finish: "tool_calls"}},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := decodeChunks(t, c.chunks...)
			if err != nil {
				t.Fatal(err)
			}
			if h.starts != 1 || h.finishes != 1 || !h.ended || h.order[len(h.order)-1] != llm.EventFinish {
				t.Errorf("events %v", h.order)
			}
			got := heardEvents{text: h.text, reasoning: h.reasoning, refusal: h.refusal, calls: h.calls, usage: h.usage, reason: h.reason, finish: h.finish, citations: h.citations}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// TestNeutralTextIsTheSameByPattern: the shortcut for a frame that comes again gives what reading gives.
func TestNeutralTextIsTheSameByPattern(t *testing.T) {
	var chunks []string
	var want strings.Builder
	for i := range 50 {
		s := []string{"a", `\"`, `\\`, "é", `\u00e9`, "", "}", `{\"`, "longer than eight letters"}[i%9]
		chunks = append(chunks, delta(`{"content":"`+s+`"}`))
		want.WriteString(wire.Meaning(str(s)))
	}
	h, err := decodeChunks(t, chunks...)
	if err != nil || h.text != want.String() {
		t.Errorf("%v: %q, want %q", err, h.text, want.String())
	}
	d := newDecoder(nil, nil).(*decoder)
	for _, c := range chunks[:2] {
		d.Event(nil, nil, []byte(c))
	}
	if _, ok := d.like.Text([]byte(delta(`{"content":"z"}`))); !ok {
		t.Error("the frame was not learnt")
	}
	for _, other := range []string{`x","refusal":"no`, `x"},"finish_reason":"stop","x":{"y":"`, `x\`} {
		if _, ok := d.like.Text([]byte(delta(`{"content":"` + other + `"}`))); ok {
			t.Errorf("%q was taken for a text", other)
		}
	}
}

func TestFailuresInsideAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		kind llm.Kind
		says string
	}{
		"an error":             {`{"error":{"message":"overheated","type":"server_error","code":null}}`, llm.ProviderFailed, "overheated"},
		"a text":               {`{"error":"overheated"}`, llm.ProviderFailed, "overheated"},
		"OpenRouter's":         {`{"id":"g","error":{"code":429,"message":"slow down"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}`, llm.RateLimited, "slow down"},
		"in the choice":        {`{"choices":[{"index":0,"delta":{},"error":{"code":502,"message":"gone"},"finish_reason":"error"}]}`, llm.ProviderFailed, "gone"},
		"vLLM's":               {`{"object":"error","message":"too long","type":"BadRequestError","code":400}`, llm.ProviderRejected, "too long"},
		"a filter":             {`{"error":{"message":"bad words","code":"content_filter"}}`, llm.ContentPolicy, "bad words"},
		"the context":          {`{"error":{"message":"too long","code":"context_length_exceeded"}}`, llm.ContextTooLong, "too long"},
		"the credential":       {`{"error":{"message":"key sk-x is bad","code":401}}`, llm.ProviderAuth, "is bad"},
		"only a finish":        {`{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}`, llm.ProviderFailed, "did not say why"},
		"no JSON":              {`upstream connect error`, llm.Broken, "not a JSON object"},
		"half of a chunk":      {`{"choices":[{"index":0,"delta":{"content":"x`, llm.Broken, "not a JSON object"},
		"a finish of vLLM's":   {finishing("abort"), llm.ProviderFailed, "did not say why"},
		"a number for a text":  {delta(`{"content":42}`), llm.Broken, "neither a text nor a list"},
		"an object for a text": {delta(`{"content":{"text":"x"}}`), llm.Broken, "neither a text nor a list"},
		"a call without name":  {callDelta(`{"index":0,"id":"a","function":{"arguments":"{}"}}`), llm.Broken, "without a name"},
		"choices of nonsense":  {`{"choices":[{"delta":{"content" "x"}}]}`, llm.Broken, "nobody can read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeChunks(t, delta(`{"content":"x"}`), c.data)
			e := llm.AsError(err)
			if e == nil || e.Kind != c.kind || !strings.Contains(e.Message, c.says) || e.Provider != "" || e.Status < 400 && e.Kind != llm.Broken {
				t.Errorf("%+v", e)
			}
		})
	}
	if _, err := newDecoder(nil, nil).Event(nil, []byte("error"), []byte(`{"message":"gone"}`)); llm.AsError(err) == nil || llm.AsError(err).Message != "gone" {
		t.Errorf("an event of that name: %v", err)
	}
	for _, body := range []string{`{"choices":[{"message":{"content":42}}]}`, `{"choices":[{"message":{"content":"x","tool_calls":[{"id":"a","function":{"arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`} {
		if _, err := decodeWhole(t, body); llm.AsError(err) == nil || llm.AsError(err).Kind != llm.Broken {
			t.Errorf("%s: %v", body, err)
		}
	}
	for body, says := range map[string]string{`<html>`: "not a JSON object", `{}`: "without any choice", `{"choices":[]}`: "without any choice", `[]`: "not a JSON object"} {
		if _, err := decodeWhole(t, body); llm.AsError(err) == nil || !strings.Contains(err.Error(), says) || llm.AsError(err).Kind != llm.ProviderFailed {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestWholeRepliesThatDeviate has what streams do not.
func TestWholeRepliesThatDeviate(t *testing.T) {
	h, err := decodeWhole(t, `{"id":"c","model":"m","choices":[{"message":{"content":"x","reasoning_content":"r","tool_calls":[{"function":{"name":"f","arguments":{}}},{"id":"","type":"function","function":{"name":"f","arguments":"{}"}},{"index":0,"id":"z","function":{"name":"g","arguments":""}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`)
	want := []heardCall{{"minted_1", "f", "{}", false, true}, {"minted_2", "f", "{}", false, true}, {"z", "g", "", false, true}}
	if err != nil || !slices.Equal(h.calls, want) || h.reason != llm.ReasonTools || h.text != "x" || h.reasoning != "r" || h.usage.Output != 2 {
		t.Errorf("%v: %+v", err, h)
	}
}

// TestOverloadInsideAnAnswer has the status that clients try again on.
func TestOverloadInsideAnAnswer(t *testing.T) {
	for body, want := range map[string]int{
		`{"error":{"message":"m","code":"server_is_overloaded"}}`:                     503,
		`{"error":{"message":"m","metadata":{"error_type":"provider_overloaded"}}}`:   503,
		`{"error":{"message":"m","type":"overloaded_error"}}`:                         503,
		`{"error":{"message":"m","code":529,"metadata":{"error_type":"overloaded"}}}`: 529,
		`{"error":{"message":"m","code":"server_error"}}`:                             502,
	} {
		if _, err := decodeWhole(t, body); llm.AsError(err) == nil || llm.AsError(err).Status != want || llm.AsError(err).Kind != llm.ProviderFailed {
			t.Errorf("%s: %+v", body, llm.AsError(err))
		}
	}
}

// TestStopSequencesAreNamed where a server says which one came: of those that were asked for, and no other word.
func TestStopSequencesAreNamed(t *testing.T) {
	for reason, want := range map[string]string{`"E\u004eD"`: "END", `"end_turn"`: "", `151645`: "", `null`: ""} {
		d := newDecoder(&spelled{stops: []llm.Text{str("x"), str("END")}}, minted())
		events, err := d.Whole(nil, []byte(`{"choices":[{"message":{"content":"x"},"finish_reason":"stop","stop_reason":`+reason+`}]}`))
		if err != nil {
			t.Fatal(err)
		}
		last := events[len(events)-1]
		if string(last.Text) != want || (last.Reason == llm.ReasonStop) != (want != "") {
			t.Errorf("%s: %+v", reason, last)
		}
	}
}

// TestRepeatedNamesOfMappedToolsStayOneCall: the name that comes with every piece is the one that was sent.
func TestRepeatedNamesOfMappedToolsStayOneCall(t *testing.T) {
	d := newDecoder(&spelled{names: map[string]string{"a_b": "a.b"}}, minted())
	h, err := decodeStream(t, d, "data: "+strings.Join([]string{callDelta(`{"index":0,"function":{"name":"a_b","arguments":"{\"x\""}}`), callDelta(`{"index":0,"function":{"name":"a_b","arguments":":1}"}}`), endMark}, "\n\ndata: ")+"\n\n")
	if err != nil || len(h.calls) != 1 || h.calls[0].name != "a.b" || h.calls[0].args != `{"x":1}` {
		t.Errorf("%v: %+v", err, h)
	}
}
