package anthropic

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

// stream frames events as the vendor does.
func stream(list ...string) string {
	var b strings.Builder
	for _, data := range list {
		kind := strings.SplitN(data, `"`, 5)[3]
		fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", kind, data)
	}
	return b.String()
}

const (
	beginMsg = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":7},"output_tokens":1}}}`
	endMsg   = `{"type":"message_stop"}`
)

func blockStart(i int, block string) string {
	return fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":%s}`, i, block)
}

func blockDelta(i int, delta string) string {
	return fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":%s}`, i, delta)
}

func blockStop(i int) string { return fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, i) }

func stopped(reason, more string) string {
	return fmt.Sprintf(`{"type":"message_delta","delta":{"stop_reason":%q%s},"usage":{"output_tokens":20}}`, reason, more)
}

func TestReasonsToStop(t *testing.T) {
	for word, want := range map[string]llm.Reason{"end_turn": llm.ReasonEnd, "max_tokens": llm.ReasonLength, "stop_sequence": llm.ReasonStop, "tool_use": llm.ReasonTools,
		"pause_turn": llm.ReasonPause, "refusal": llm.ReasonFiltered, "model_context_window_exceeded": llm.ReasonContext, "brand_new": llm.ReasonEnd} {
		a := hearStream(t, nil, stream(beginMsg, stopped(word, `,"stop_sequence":"E\"ND","stop_details":{"type":"refusal","category":"x","explanation":"I won't."}`), endMsg))
		if a.Reason != want || a.Word != word || !a.ended || (a.Stop == `E"ND`) != (want == llm.ReasonStop) || (a.Refusal == "I won't.") != (want == llm.ReasonFiltered) {
			t.Errorf("%s: %+v", word, a)
		}
	}
}

// TestUsageIsTheLargest: the running counts leave out what the first named, and zeros and nulls say nothing.
func TestUsageIsTheLargest(t *testing.T) {
	want := llm.Usage{Input: 10, CacheRead: 5, CacheWrite: 2, CacheWriteLong: 7, Output: 20, Reasoning: 15}
	a := hearStream(t, nil, stream(beginMsg,
		`{"type":"message_delta","delta":{},"usage":{"output_tokens":18,"output_tokens_details":{"thinking_tokens":15}}}`, stopped("end_turn", ""),
		`{"type":"message_delta","delta":{},"usage":{"input_tokens":0,"output_tokens":0,"cache_read_input_tokens":null}}`, `{"type":"message_delta","delta":{},"usage":null}`, endMsg))
	if a.Usage != want || a.Usage.InputTotal() != 24 {
		t.Errorf("%+v, want %+v", a.Usage, want)
	}
	if u, ok := parseUsage([]byte(`{"input_tokens":1,"cache_creation_input_tokens":4,"output_tokens":2,"output_tokens_details":{"thinking_tokens":9}}`)); !ok || u != (llm.Usage{Input: 1, CacheWrite: 4, Output: 2, Reasoning: 2}) {
		t.Errorf("%+v", u)
	}
	if _, ok := parseUsage([]byte("null")); ok {
		t.Error("null is taken for a count")
	}
}

// TestInputIsCountedOnce: the counts of the input belong together, and a later object moves some of it into the cache.
func TestInputIsCountedOnce(t *testing.T) {
	begin := func(usage string) string {
		return `{"type":"message_start","message":{"id":"m","usage":` + usage + `}}`
	}
	end := func(usage string) string {
		return `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":` + usage + `}`
	}
	for _, c := range []struct {
		first, last string
		want        llm.Usage
	}{
		{`{"input_tokens":5000}`, `{"input_tokens":4000,"cache_read_input_tokens":1000,"output_tokens":3}`, llm.Usage{Input: 4000, CacheRead: 1000, Output: 3}},
		{`{"input_tokens":10,"cache_read_input_tokens":5}`, `{"input_tokens":10,"output_tokens":3}`, llm.Usage{Input: 10, CacheRead: 5, Output: 3}},
		{`{"input_tokens":10,"cache_read_input_tokens":5}`, `{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3}`, llm.Usage{Input: 10, CacheRead: 5, Output: 3}},
		{`{"input_tokens":10,"cache_read_input_tokens":5}`, `{"input_tokens":15,"cache_read_input_tokens":0,"cache_creation_input_tokens":null,"output_tokens":3}`, llm.Usage{Input: 15, Output: 3}},
	} {
		if a := hearStream(t, nil, stream(begin(c.first), end(c.last), endMsg)); a.Usage != c.want {
			t.Errorf("%s, then %s: %+v", c.first, c.last, a.Usage)
		}
	}
}

// TestCallsWithoutAnEnd: some servers leave out the end of a block. The end of the message ends a call, unless the answer
// was cut off.
func TestCallsWithoutAnEnd(t *testing.T) {
	call := []string{beginMsg, blockStart(0, `{"type":"tool_use","id":"t0","name":"f","input":{}}`), blockDelta(0, `{"type":"input_json_delta","partial_json":"{}"}`)}
	for reason, ended := range map[string]bool{"tool_use": true, "end_turn": true, "max_tokens": false, "model_context_window_exceeded": false, "": true} {
		list := slices.Clone(call)
		if reason != "" {
			list = append(list, stopped(reason, ""))
		}
		a := hearStream(t, nil, stream(append(list, endMsg)...))
		if len(a.Calls) != 1 || a.Calls[0].Ended != ended || a.Calls[0].Args != "{}" || !a.ended {
			t.Errorf("%q: %+v", reason, a)
		}
	}
}

func TestBlocksThatOnlyTheVendorUnderstands(t *testing.T) {
	a := hearStream(t, nil, stream(beginMsg,
		blockStart(0, `{"type":"redacted_thinking","data":"abc"}`), blockStop(0),
		blockStart(1, `{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}`), blockDelta(1, `{"type":"input_json_delta","partial_json":""}`), blockDelta(1, `{"type":"input_json_delta","partial_json":"{\"q\": \"a\\n"}`), blockDelta(1, `{"type":"input_json_delta","partial_json":"\"}"}`), blockStop(1),
		blockStart(2, `{"type":"web_search_tool_result","tool_use_id":"s1","content":[{"a":1}]}`), blockStop(2),
		blockStart(3, `{"type":"text","text":""}`), blockDelta(3, `{"type":"text_delta","text":"x"}`), blockDelta(3, `{"type":"citations_delta","citation":{"url":"u"}}`), blockStop(3),
		stopped("end_turn", ""), endMsg))
	want := []string{`{"type":"redacted_thinking","data":"abc"}`, `{"type":"server_tool_use","id":"s1","name":"web_search","input":{"q": "a\n"}}`, `{"type":"web_search_tool_result","tool_use_id":"s1","content":[{"a":1}]}`}
	if strings.Join(a.Opaque, "\n") != strings.Join(want, "\n") || len(a.Cited) != 1 || a.Cited[0] != `{"url":"u"}` || a.Text != "x" {
		t.Errorf("%+v", a)
	}
}

// TestHalvesOfPairsPass: a stream may cut an emoji in two, and the application puts it together again.
func TestHalvesOfPairsPass(t *testing.T) {
	sp := &spelled{custom: map[string]bool{"sh": true}}
	d := newDecoder(sp)
	var texts, args []string
	for _, data := range []string{blockStart(0, `{"type":"text","text":""}`), blockDelta(0, `{"type":"text_delta","text":"a\ud83d"}`), blockDelta(0, `{"type":"text_delta","text":"\ude00b"}`), blockStop(0),
		blockStart(1, `{"type":"tool_use","id":"1","name":"sh","input":{}}`), blockDelta(1, `{"type":"input_json_delta","partial_json":"{\"input\":\"\ud83d"}`), blockDelta(1, `{"type":"input_json_delta","partial_json":"\ude00\"}"}`), blockStop(1),
		blockStart(2, `{"type":"tool_use","id":"2","name":"f","input":{}}`), blockDelta(2, `{"type":"input_json_delta","partial_json":"{\"x\":\"\ud83d"}`), blockDelta(2, `{"type":"input_json_delta","partial_json":"\ude00\"}"}`), blockStop(2)} {
		list, err := d.Event(nil, nil, []byte(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			switch e.Kind {
			case llm.EventText:
				texts = append(texts, string(e.Text))
			case llm.EventArguments:
				args = append(args, string(e.Text))
			}
		}
	}
	if want := []string{`a\ud83d`, `\ude00b`}; !slices.Equal(texts, want) {
		t.Errorf("%q, want %q", texts, want)
	}
	if want := []string{"😀", `{\"x\":\"\ud83d`, `\ude00\"}`}; !slices.Equal(args, want) {
		t.Errorf("%q, want %q", args, want)
	}
}

// TestDeltasInTheSameFrame: the shortcut for a frame that comes again tells what reading tells, and ends with its block.
func TestDeltasInTheSameFrame(t *testing.T) {
	text := func(i int, s string) string { return blockDelta(i, `{"type":"text_delta","text":"`+s+`"}`) }
	input := func(i int, s string) string {
		return blockDelta(i, `{"type":"input_json_delta","partial_json":"`+s+`"}`)
	}
	quick, slow := newDecoder(nil).(*decoder), newDecoder(nil).(*decoder)
	shortcuts := 0
	for _, data := range []string{blockStart(0, `{"type":"text","text":""}`), text(0, "a"), text(0, "b"), text(0, `\"`), text(0, `\\`), text(0, ""), text(0, `}`), text(0, "\x01"), text(0, "c"), text(0, `x","text":"y`), text(0, `x\`), text(0, "d"),
		text(1, "e"), text(0, "f"), blockStop(0), text(0, "g"),
		blockStart(1, `{"type":"tool_use","id":"1","name":"f","input":{}}`), blockStart(2, `{"type":"tool_use","id":"2","name":"g","input":{}}`), input(1, "{"), input(1, `\"a`), input(2, "{"), input(2, "}"), input(1, "}"), blockStop(1), input(1, "late"), input(2, "x"),
		blockStop(2), input(2, "late"), blockStart(2, `{"type":"thinking","thinking":""}`), blockDelta(2, `{"type":"thinking_delta","thinking":"t"}`), blockDelta(2, `{"type":"thinking_delta","thinking":"u"}`), blockStop(2)} {
		slow.like.Forget()
		if _, ok := quick.like.Text([]byte(data)); ok {
			shortcuts++
		}
		got, err := quick.Event(nil, nil, []byte(data))
		want, wantErr := slow.Event(nil, nil, []byte(data))
		if !reflect.DeepEqual(got, want) || (err == nil) != (wantErr == nil) {
			t.Errorf("%s: %+v, %v; want %+v, %v", data, got, err, want, wantErr)
		}
	}
	if shortcuts < 7 {
		t.Errorf("%d deltas came by the shortcut", shortcuts)
	}
}

func TestSignatureWithoutText(t *testing.T) {
	a := hearStream(t, nil, stream(beginMsg, blockStart(0, `{"type":"thinking","thinking":"","signature":""}`), blockDelta(0, `{"type":"signature_delta","signature":"Eq=="}`), blockStop(0), stopped("end_turn", ""), endMsg))
	if a.Signature != "Eq==" || a.Thinking != "" {
		t.Errorf("%+v", a)
	}
}

// TestTools: arguments in all the ways they come.
func TestTools(t *testing.T) {
	sp := &spelled{names: map[string]string{"fs_read": "fs.read"}, custom: map[string]bool{"shell": true}, answer: "answer"}
	begin := func(i int, name, input string) string {
		return blockStart(i, fmt.Sprintf(`{"type":"tool_use","id":"t%d","name":%q,"input":%s}`, i, name, input))
	}
	more := func(i int, s string) string {
		return blockDelta(i, fmt.Sprintf(`{"type":"input_json_delta","partial_json":%q}`, s))
	}
	for name, c := range map[string]struct {
		list []string
		want string
	}{
		"a name is given back":           {[]string{begin(0, "fs_read", "{}"), more(0, `{"a":`), more(0, `1}`), blockStop(0)}, "t0 fs.read {\"a\":1}"},
		"none at all":                    {[]string{begin(0, "f", "{}"), blockStop(0)}, "t0 f "},
		"all at once":                    {[]string{begin(0, "f", `{"a":"\n"}`), blockStop(0)}, "t0 f {\"a\":\"\\n\"}"},
		"a stand-in first":               {[]string{begin(0, "f", `{"x":1}`), more(0, `{"a":1}`), blockStop(0)}, "t0 f {\"a\":1}"},
		"two":                            {[]string{begin(0, "f", "{}"), more(0, `{}`), blockStop(0), begin(1, "g", "{}"), more(1, `{"b":2}`), blockStop(1)}, "t0 f {} t1 g {\"b\":2}"},
		"interleaved":                    {[]string{begin(0, "f", "{}"), begin(1, "g", "{}"), more(1, `{"b":`), more(0, `{"a":1}`), more(1, `2}`), blockStop(1), blockStop(0)}, "t0 f {\"a\":1} t1 g {\"b\":2}"},
		"free text":                      {[]string{begin(0, "shell", "{}"), more(0, `{"input":"ls `), more(0, `\"x\"\n"}`), blockStop(0)}, "t0 shell* ls \"x\"\n"},
		"free text all at once":          {[]string{begin(0, "shell", `{"input":"ls"}`), blockStop(0)}, "t0 shell* ls"},
		"free text that is not":          {[]string{begin(0, "shell", "{}"), more(0, `{"cmd":1}`), blockStop(0)}, "t0 shell* {\"cmd\":1}"},
		"the answer's form":              {[]string{begin(0, "answer", "{}"), more(0, `{"n":`), more(0, `1}`), blockStop(0)}, `"{"n":1}"`},
		"words beside the answer":        {[]string{blockStart(0, `{"type":"text","text":"Su"}`), blockDelta(0, `{"type":"text_delta","text":"re:"}`), blockStop(0), begin(1, "answer", "{}"), more(1, `{"n":1}`), blockStop(1), blockStart(2, `{"type":"text","text":"There."}`), blockStop(2)}, `"{"n":1}"`},
		"only words":                     {[]string{blockStart(0, `{"type":"text","text":""}`), blockDelta(0, `{"type":"text_delta","text":"{\"n\""}`), blockDelta(0, `{"type":"text_delta","text":":2}"}`), blockStop(0)}, `"{"n":2}"`},
		"a second answer":                {[]string{begin(0, "answer", "{}"), more(0, `{"n":1}`), blockStop(0), begin(1, "answer", `{"n":2}`), more(1, `{"n":3}`), blockStop(1)}, `"{"n":1}"`},
		"no ends":                        {[]string{begin(0, "f", "{}"), more(0, `{"a":1}`), begin(1, "shell", "{}"), more(1, `{"input":"ls"}`)}, "t0 f {\"a\":1} t1 shell* ls"},
		"the answer's form, all at once": {[]string{begin(0, "answer", `{"n":1}`), blockStop(0)}, `"{"n":1}"`},
	} {
		a := hearStream(t, sp, stream(append(append([]string{beginMsg}, c.list...), stopped("tool_use", ""), endMsg)...))
		var got []string
		for _, call := range a.Calls {
			star := ""
			if call.Custom {
				star = "*"
			}
			got = append(got, call.ID+" "+call.Name+star+" "+call.Args)
			if !call.Ended {
				t.Errorf("%s: a call does not end", name)
			}
		}
		reason := llm.ReasonTools
		if a.Text != "" {
			got, reason = append(got, `"`+a.Text+`"`), llm.ReasonEnd
			if name == "only words" {
				reason = llm.ReasonTools // as the provider says
			}
		}
		if strings.Join(got, " ") != c.want || a.Reason != reason {
			t.Errorf("%s: got %q for %d, want %q", name, got, a.Reason, c.want)
		}
	}
}

func TestErrorsInsideAStream(t *testing.T) {
	for kind, want := range map[string]struct {
		kind   llm.Kind
		status int
	}{"overloaded_error": {llm.ProviderFailed, 529}, "rate_limit_error": {llm.RateLimited, 429}, "api_error": {llm.ProviderFailed, 500}, "authentication_error": {llm.ProviderAuth, 502}, "billing_error": {llm.Quota, 402},
		"invalid_request_error": {llm.ProviderRejected, 400}, "not_found_error": {llm.ModelNotFound, 404}, "brand_new_error": {llm.ProviderFailed, 502}} {
		body := `{"type":"error","error":{"type":"` + kind + `","message":"no \u0026 no"},"request_id":"r"}`
		for _, a := range []*answer{hearStream(t, nil, stream(beginMsg, blockStart(0, `{"type":"text","text":""}`), blockDelta(0, `{"type":"text_delta","text":"Hel"}`), body)), hearWhole(t, nil, body)} {
			if a.err == nil || a.err.Kind != want.kind || a.err.Status != want.status || a.err.Type != kind || a.err.Message != "no & no" || a.err.Dialect != llm.Anthropic || a.err.Provider != "" {
				t.Errorf("%s: %+v", kind, a.err)
			} else if a.err.Kind != llm.ProviderAuth && string(a.err.Body) != body {
				t.Errorf("%s: the body is %s", kind, a.err.Body)
			}
		}
	}
}

func TestWhatCannotBeReadIsBroken(t *testing.T) {
	for _, data := range []string{`{`, `[]`, `{"type":"content_block_delta","index":0}`, `{"type":"content_block_start","index":0}`, `{"type":"message_start"}`, `x`} {
		_, err := newDecoder(nil).Event(nil, []byte("message_start"), []byte(data))
		if e := llm.AsError(err); e == nil || e.Kind != llm.Broken || e.Message == "" {
			t.Errorf("%s: %v", data, err)
		}
	}
	for _, body := range []string{``, `{}`, `{"content":"x"}`, `{"content":[1]}`, `{"content":[{"type":"text"}`, `<html>`} {
		_, err := newDecoder(nil).Whole(nil, []byte(body))
		if e := llm.AsError(err); e == nil || e.Kind != llm.Broken {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, data := range []string{`{"type":"brand_new","index":9}`, `{"type":"content_block_delta","index":0,"delta":{"type":"brand_new_delta","x":1}}`, `{"type":"content_block_stop","index":7}`, ``} {
		if list, err := newDecoder(nil).Event(nil, nil, []byte(data)); len(list) != 0 || err != nil {
			t.Errorf("%s: %v %v", data, list, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		waits  bool
		want   llm.Kind
	}{
		{400, `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}`, false, llm.ProviderRejected},
		{400, `{"error":{"type":"invalid_request_error","message":"x","details":{"error_code":"model_context_window_exceeded"}}}`, false, llm.ContextTooLong},
		{401, `{"error":{"type":"authentication_error"}}`, false, llm.ProviderAuth},
		{402, `{"error":{"type":"billing_error"}}`, false, llm.Quota},
		{403, `{"error":{"type":"permission_error"}}`, false, llm.ProviderAuth},
		{404, `{"error":{"type":"not_found_error"}}`, false, llm.ModelNotFound},
		{409, `{"error":{"type":"conflict_error"}}`, false, llm.ProviderRejected},
		{413, `{"error":{"type":"request_too_large"}}`, false, llm.ProviderRejected},
		{429, `{"error":{"type":"rate_limit_error"}}`, true, llm.RateLimited},
		{429, `{"error":{"type":"rate_limit_error"}}`, false, llm.Quota},
		{429, `busy`, false, llm.RateLimited},
		{302, ``, false, llm.Redirected},
		{500, `{"error":{"type":"api_error"}}`, false, llm.ProviderFailed},
		{504, `{"error":{"type":"timeout_error"}}`, false, llm.ProviderFailed},
		{529, `{"error":{"type":"overloaded_error"}}`, false, llm.ProviderFailed},
	} {
		s := hear([]byte(c.body))
		s.waits = c.waits
		if got := classify(c.status, s); got != c.want {
			t.Errorf("%d %s is %s, want %s", c.status, c.body, got, c.want)
		}
	}
	if s := hear([]byte(`{"type":"error","error":{"type":"t","message":"m","details":{"error_code":"c"}},"request_id":"r"}`)); s.kind != "t" || s.message != "m" || s.code != "c" || s.request != "r" {
		t.Errorf("%+v", s)
	}
	for _, body := range []string{`{"error":"m"}`, `{"message":"m"}`, `{"detail":"m"}`} {
		if s := hear([]byte(body)); s.message != "m" {
			t.Errorf("%s: %+v", body, s)
		}
	}
}
