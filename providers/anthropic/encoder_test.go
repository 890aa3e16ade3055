package anthropic

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"localrouter/providers/llm"
)

var lab = llm.Answered{Provider: "lab", Model: "qwen3", InputEstimate: 33, ID: "abc"}

func said1(s string) llm.Event { return llm.Event{Kind: llm.EventText, Text: llm.Text(s)} }
func thought1(s string) llm.Event {
	return llm.Event{Kind: llm.EventThinking, Text: llm.Text(s)}
}
func calls(i int, id, name string) llm.Event {
	return llm.Event{Kind: llm.EventToolCall, Index: i, ID: id, Name: name}
}
func args(i int, s string) llm.Event {
	return llm.Event{Kind: llm.EventArguments, Index: i, Text: llm.Text(s)}
}
func callEnds(i int) llm.Event { return llm.Event{Kind: llm.EventToolEnd, Index: i} }
func finished(r llm.Reason) llm.Event {
	return llm.Event{Kind: llm.EventFinish, Reason: r}
}

// both encodes events as a stream and as a whole, checks the stream's grammar, and hears both.
func both(t *testing.T, list []llm.Event) (streamed, whole *answer, body string) {
	t.Helper()
	body = spellAnswer(list, true, lab)
	checkStream(t, body, false)
	return hearStream(t, nil, body), hearWhole(t, nil, spellAnswer(list, false, lab)), body
}

func TestAnAnswerOfAnotherVendor(t *testing.T) {
	list := []llm.Event{
		{Kind: llm.EventStart, ID: "chatcmpl-1", Name: "qwen3-32b"}, thought1("h"), thought1("m\\n"), {Kind: llm.EventSignature, Text: llm.Text("foreign")}, said1("Hi \\\"x\\\""), said1("!"),
		{Kind: llm.EventOpaque, Raw: []byte(`{"x":1}`)}, {Kind: llm.EventCitation, Raw: []byte(`{}`)}, finished(llm.ReasonEnd),
		{Kind: llm.EventUsage, Usage: llm.Usage{Input: 20, CacheRead: 7, CacheWrite: 2, CacheWriteLong: 1, Output: 11, Reasoning: 4}},
	}
	streamed, whole, body := both(t, list)
	for _, a := range []*answer{streamed, whole} {
		if a.ID != "msg_abc" || a.Model != "qwen3-32b" || a.Thinking != "hm\n" || a.Signature != "lr1:lab" || a.Text != `Hi "x"!` || a.Reason != llm.ReasonEnd || len(a.Opaque)+len(a.Cited) != 0 ||
			a.Usage != (llm.Usage{Input: 20, CacheRead: 7, CacheWrite: 2, CacheWriteLong: 1, Output: 11, Reasoning: 4}) && a.Usage.Input != 33 {
			t.Errorf("%+v", a)
		}
	}
	if whole.Usage.Input != 20 || !strings.Contains(body, `"usage":{"input_tokens":33,`) || !strings.Contains(body, `"usage":{"input_tokens":20,"cache_creation_input_tokens":3,"cache_read_input_tokens":7,`) {
		t.Errorf("the counts are wrong in\n%s", body)
	}
	if strings.Contains(body, "foreign") {
		t.Error("another vendor's signature is passed off as Anthropic's")
	}
}

func TestAnAnswerWithoutCountsIsEstimated(t *testing.T) {
	streamed, whole, _ := both(t, []llm.Event{said1(strings.Repeat("word", 10)), finished(llm.ReasonEnd)})
	for _, a := range []*answer{streamed, whole} {
		if a.Usage.Input != 33 || a.Usage.Output != 10 || a.ID != "msg_abc" || a.Model != "qwen3" {
			t.Errorf("%+v", a)
		}
	}
}

// TestCallsNeverInterleave: however the arguments of parallel calls come, each block is whole before the next begins.
func TestCallsNeverInterleave(t *testing.T) {
	for name, list := range map[string][]llm.Event{
		"one after the other":      {calls(0, "c0", "f"), args(0, `{\"a\":1}`), callEnds(0), calls(1, "c1", "g"), args(1, `{\"b\":2}`), callEnds(1)},
		"no ends":                  {calls(0, "c0", "f"), args(0, `{\"a\":1}`), calls(1, "c1", "g"), args(1, `{\"b\":2}`)},
		"mixed":                    {calls(0, "c0", "f"), calls(1, "c1", "g"), args(1, `{\"b\":`), args(0, `{\"a\":`), args(1, `2}`), args(0, `1}`), callEnds(1), callEnds(0)},
		"the second ends first":    {calls(0, "c0", "f"), calls(1, "c1", "g"), args(1, `{\"b\":2}`), callEnds(1), args(0, `{\"a\":1}`)},
		"text and thinking inside": {said1("x"), calls(0, "c0", "f"), thought1("t"), args(0, `{\"a\":`), said1("y"), calls(1, "c1", "g"), args(0, `1}`), said1("z"), args(1, `{\"b\":2}`), callEnds(0), callEnds(1), said1("end")},
	} {
		t.Run(name, func(t *testing.T) {
			streamed, whole, body := both(t, append(list, finished(llm.ReasonEnd)))
			checkStream(t, body, true)
			for _, a := range []*answer{streamed, whole} {
				if len(a.Calls) != 2 || a.Calls[0] != (called{ID: "c0", Name: "f", Args: `{"a":1}`, Ended: true}) || a.Calls[1] != (called{ID: "c1", Name: "g", Args: `{"b":2}`, Ended: true}) || a.Reason != llm.ReasonTools {
					t.Errorf("%+v", a)
				}
			}
			if streamed.Text != whole.Text {
				t.Errorf("streamed %q, whole %q", streamed.Text, whole.Text)
			}
		})
	}
}

func TestTheFirstCallIsNotHeldBack(t *testing.T) {
	enc := NewCodec().Encoder(&llm.Request{Stream: true}, lab)
	for _, e := range []llm.Event{said1("x"), calls(0, "c0", "f"), calls(1, "c1", "g")} {
		enc.Append(nil, &e)
	}
	e := args(0, `{\"a\":1}`)
	if got := string(enc.Append(nil, &e)); got != stream(blockDelta(1, `{"type":"input_json_delta","partial_json":"{\"a\":1}"}`)) {
		t.Errorf("got %q", got)
	}
	e = args(1, `{}`)
	if got := string(enc.Append(nil, &e)); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestWaitingIsQuickAndBounded: behind a call that is not over blocks wait, each of which is looked at once; what waits has
// a bound, beyond which the call ends as it is.
func TestWaitingIsQuickAndBounded(t *testing.T) {
	const n = 25_000
	list := []llm.Event{calls(0, "c0", "f"), args(0, `{\"a\":1}`), calls(1, "c1", "g")}
	for range n {
		list = append(list, said1("x"), thought1("y"), args(1, `1`))
	}
	start := time.Now()
	body := spellAnswer(append(list, callEnds(0), callEnds(1), finished(llm.ReasonEnd)), true, lab)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	a := hearStream(t, nil, body)
	if len(a.Text) != n || len(a.Calls) != 2 || a.Calls[0].Args != `{"a":1}` || len(a.Calls[1].Args) != n {
		t.Errorf("%d of text, calls %+.100v", len(a.Text), a.Calls)
	}

	enc := NewCodec().Encoder(&llm.Request{Stream: true}, lab).(*encoder)
	var out []byte
	for _, e := range []llm.Event{calls(0, "c0", "f"), calls(1, "c1", "g"), said1("a")} {
		out = enc.Append(out, &e)
	}
	long := said1(strings.Repeat("z", 1<<20))
	for range 20 {
		if out = enc.Append(out, &long); enc.waiting > maxWaiting {
			t.Fatalf("%d bytes wait", enc.waiting)
		}
	}
	late := args(0, "{}")
	out = enc.End(enc.Append(out, &late))
	checkStream(t, string(out), true)
	if a := hearStream(t, nil, string(out)); len(a.Text) != 20<<20+1 || len(a.Calls) != 2 || !a.Calls[0].Ended || enc.waiting != 0 {
		t.Errorf("%d of text, calls %+v, %d bytes wait", len(a.Text), a.Calls, enc.waiting)
	}
}

func TestWhyItStopped(t *testing.T) {
	call := []llm.Event{calls(0, "c0", "f"), args(0, "{}"), callEnds(0)}
	text := []llm.Event{said1("x")}
	refusal := []llm.Event{{Kind: llm.EventRefusal, Text: llm.Text("no")}}
	for _, c := range []struct {
		list []llm.Event
		r    llm.Reason
		want string
	}{
		{text, llm.ReasonEnd, "end_turn"}, {text, 0, "end_turn"}, {text, llm.ReasonTools, "end_turn"}, {text, llm.ReasonLength, "max_tokens"}, {text, llm.ReasonContext, "model_context_window_exceeded"},
		{text, llm.ReasonFiltered, "refusal"}, {text, llm.ReasonPause, "pause_turn"}, {text, llm.ReasonMalformed, "end_turn"}, {refusal, llm.ReasonEnd, "refusal"},
		{call, llm.ReasonEnd, "tool_use"}, {call, llm.ReasonTools, "tool_use"}, {call, llm.ReasonLength, "max_tokens"}, {call, llm.ReasonFiltered, "refusal"},
	} {
		streamed, whole, _ := both(t, append(append([]llm.Event{}, c.list...), finished(c.r)))
		if streamed.Word != c.want || whole.Word != c.want {
			t.Errorf("%d is %q and %q, want %q", c.r, streamed.Word, whole.Word, c.want)
		}
	}
	streamed, whole, _ := both(t, []llm.Event{said1("x"), {Kind: llm.EventFinish, Reason: llm.ReasonStop, Text: llm.Text(`E\"`)}})
	if streamed.Word != "stop_sequence" || streamed.Stop != `E"` || whole.Stop != `E"` {
		t.Errorf("%+v %+v", streamed, whole)
	}
}

func TestArgumentsInAllStates(t *testing.T) {
	custom := calls(0, "c0", "sh")
	custom.Custom = true
	for name, c := range map[string]struct {
		list         []llm.Event
		stream, text string
		whole        string
	}{
		"none":         {[]llm.Event{calls(0, "c0", "f"), callEnds(0)}, `{}`, "", ``},
		"null":         {[]llm.Event{calls(0, "c0", "f"), args(0, `null`), callEnds(0)}, `{}`, "", ``},
		"blank":        {[]llm.Event{calls(0, "c0", "f"), args(0, ` `), args(0, `\n\u0020`), callEnds(0)}, `{}`, "", ``},
		"null in bits": {[]llm.Event{calls(0, "c0", "f"), args(0, ` n`), args(0, `ul`), args(0, `l`), args(0, ` \n`), callEnds(0)}, `{}`, "", ``},
		"not null":     {[]llm.Event{calls(0, "c0", "f"), args(0, `nul`), args(0, `x`), callEnds(0)}, `nulx`, `The arguments of the following call are not a JSON object and were left out: nulx`, ``},
		"more behind":  {[]llm.Event{calls(0, "c0", "f"), args(0, `null`), args(0, `{}`), callEnds(0)}, `null{}`, `The arguments of the following call are not a JSON object and were left out: null{}`, ``},
		"free null":    {[]llm.Event{custom, args(0, `null`), callEnds(0)}, `{"input":"null"}`, "", `{"input":"null"}`},
		"half":         {[]llm.Event{calls(0, "c0", "f"), args(0, `{\"a\":`)}, `{"a":`, `The arguments of the following call are not a JSON object and were left out: {"a":`, ``},
		"free text":    {[]llm.Event{custom, args(0, `ls \"x\"`), args(0, `\n`), callEnds(0)}, `{"input":"ls \"x\"\n"}`, "", `{"input":"ls \"x\"\n"}`},
		"no free text": {[]llm.Event{custom, callEnds(0)}, `{"input":""}`, "", `{"input":""}`},
	} {
		streamed, whole, _ := both(t, append(c.list, finished(llm.ReasonLength)))
		if streamed.Calls[0].Args != c.stream || whole.Calls[0].Args != c.whole || whole.Text != c.text {
			t.Errorf("%s: streamed %q, whole %q with %q", name, streamed.Calls[0].Args, whole.Calls[0].Args, whole.Text)
		}
	}
}

func TestIDsOfCallsAreMadeToFit(t *testing.T) {
	streamed, whole, _ := both(t, []llm.Event{calls(0, "call:1/x", "f"), callEnds(0), calls(1, "", "f"), callEnds(1), calls(2, "", "f"), callEnds(2)})
	for i, c := range streamed.Calls {
		if !isIdent(c.ID) || c.ID != whole.Calls[i].ID {
			t.Errorf("%q and %q", c.ID, whole.Calls[i].ID)
		}
	}
	if streamed.Calls[0].ID != callID("call:1/x") || streamed.Calls[1].ID == streamed.Calls[2].ID {
		t.Errorf("%+v", streamed.Calls)
	}
}

func TestBlocksOfTextAreKeptApart(t *testing.T) {
	second := said1("b")
	second.Index = 1
	var v struct{ Content []struct{ Text string } }
	if err := json.Unmarshal([]byte(spellAnswer([]llm.Event{said1("a"), said1("a"), second}, false, lab)), &v); err != nil || len(v.Content) != 2 || v.Content[0].Text != "aa" || v.Content[1].Text != "b" {
		t.Errorf("%+v %v", v, err)
	}
}

func TestNothingAtAllIsStillAMessage(t *testing.T) {
	streamed, whole, _ := both(t, nil)
	if streamed.Word != "end_turn" || whole.Word != "end_turn" || streamed.Usage.Output != 0 {
		t.Errorf("%+v %+v", streamed, whole)
	}
}
