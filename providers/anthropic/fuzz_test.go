package anthropic

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

func seedRequests(f *testing.F) {
	for _, g := range goldens(f) {
		if body, ok := g.file(f, "request"); ok {
			f.Add([]byte(body))
		}
	}
	for _, seed := range []string{"", "{", `{"model":"a","messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"lr1:lab"},{"type":"text","text":"y"}]}]}`,
		`{"model":"a","messages":[{"role":"assistant","content":[{"type":"thinking","signature":"lr1:"}]},{"role":"user","content":"x"}]}`,
		`{"model":"a","max_tokens":1,"system":[{"type":"text","text":"x-anthropic-billing-header:"}],"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":[{"type":"document","source":{"type":"content","content":"\ud83d"}}]}]},{"role":"assistant","content":[{"type":"tool_use","id":"ö","name":"a.b","input":[1]}]}],"tools":[{"name":"a.b"},{"type":"x","name":"y"}],"tool_choice":{"type":"any"}}`} {
		f.Add([]byte(seed))
	}
}

// FuzzScan: what is accepted has its spans where they say, and what is left after the cuts is well-formed and holds no
// signature of ours.
func FuzzScan(f *testing.F) {
	seedRequests(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := NewCodec().Scan(llm.Chat, "/messages", bytes.Clone(body))
		if err != nil {
			if e := llm.AsError(err); e.Kind != llm.BadRequest || e.Message == "" {
				t.Fatalf("%+v", e)
			}
			return
		}
		if req.ModelSpan.Found() {
			if s, ok := wire.Unquote(body[req.ModelSpan.Start:req.ModelSpan.End]); !ok || s != req.Model {
				t.Fatalf("the model is %q, its span holds %q", req.Model, body[req.ModelSpan.Start:req.ModelSpan.End])
			}
		}
		var left []byte
		at := 0
		for _, c := range req.Cuts {
			if c.Start < at || c.End <= c.Start || c.End > len(body) {
				t.Fatalf("cuts %v", req.Cuts)
			}
			left = append(left, body[at:c.Start]...)
			at = c.End
		}
		left = append(left, body[at:]...)
		if len(req.Cuts) == 0 {
			return
		}
		again, err := NewCodec().Scan(llm.Chat, "/messages", left)
		if err != nil {
			t.Fatalf("what is left is broken: %v\n%s", err, left)
		}
		if len(again.Cuts) > 0 {
			t.Fatalf("a second look finds more: %v\n%s", again.Cuts, left)
		}
	})
}

// FuzzDecode: any request that is accepted is spelled as valid JSON, whose roles alternate, whose calls have results, and
// which reads again.
func FuzzDecode(f *testing.F) {
	seedRequests(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := NewCodec().Scan(llm.Chat, "/messages", bytes.Clone(body))
		if err != nil {
			return
		}
		c, err := NewCodec().Decode(req)
		if err != nil {
			if e := llm.AsError(err); e.Kind != llm.BadRequest || e.Message == "" || e.Param == "" {
				t.Fatalf("%+v", e)
			}
			return
		}
		req.Conversation = c
		sp, failed := spell(everything(&llm.Order{Request: req, ID: "m", Model: about("claude-sonnet-4-6")}), nil)
		if failed != nil {
			return
		}
		checkTurns(t, sp.body)
		again, err := NewCodec().Scan(llm.Chat, "/messages", sp.body)
		if err == nil {
			_, err = NewCodec().Decode(again)
		}
		if err != nil {
			t.Fatalf("%v in\n%s\nof\n%s", err, sp.body, body)
		}
	})
}

// FuzzDecoder: any stream and any reply ends in events that make sense, or in an *llm.Error.
func FuzzDecoder(f *testing.F) {
	for _, g := range goldens(f) {
		for _, kind := range []string{"response", "stream"} {
			if body, ok := g.file(f, kind); ok {
				f.Add([]byte(body))
			}
		}
	}
	f.Add([]byte(stream(beginMsg, blockStart(0, `{"type":"tool_use","id":"x","name":"sh","input":{}}`), blockDelta(0, `{"type":"input_json_delta","partial_json":"\ud83d\x"}`), blockStop(0), endMsg)))
	sp := &spelled{names: map[string]string{"get_weather": "get.weather"}, custom: map[string]bool{"sh": true}, answer: "answer"}
	check := func(t *testing.T, list []llm.Event, err error) {
		t.Helper()
		if err != nil && err != io.EOF {
			if e, ok := err.(*llm.Error); !ok || e.Message == "" || e.Status < 400 {
				t.Fatalf("%#v", err)
			}
		}
		for _, e := range list {
			if !wire.Sound(e.Text) || e.Raw != nil && !json.Valid(e.Raw) || e.Index < 0 {
				t.Fatalf("%+v", e)
			}
			if u := e.Usage; u.Input < 0 || u.CacheRead < 0 || u.CacheWrite < 0 || u.CacheWriteLong < 0 || u.Output < 0 || u.Reasoning > u.Output {
				t.Fatalf("usage %+v", u)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := newDecoder(sp).Whole(nil, body)
		check(t, list, err)
		d, m, slow := newDecoder(sp), &memory{}, newDecoder(sp).(*decoder)
		r := m.record("k", "m", 0)
		enc := NewCodec().Encoder(&llm.Request{Stream: true}, llm.Answered{Own: true, ID: "x"})
		var out []byte
		for _, data := range bytes.Split(body, []byte("data:")) {
			line, _, _ := bytes.Cut(data, []byte("\n"))
			list, err := d.Event(nil, nil, line)
			check(t, list, err)
			slow.like.Forget() // what came before in the same frame changes nothing
			if again, _ := slow.Event(nil, nil, line); !reflect.DeepEqual(list, again) {
				t.Fatalf("%q is %+v in its frame, %+v alone", line, list, again)
			}
			for i := range list {
				r.see(&list[i])
				out = enc.Append(out, &list[i])
			}
			if err != nil {
				break
			}
		}
		for e := m.order.Front(); e != nil; e = e.Next() {
			k := e.Value.(*kept)
			for _, b := range append(k.before, k.after...) {
				if !json.Valid(b) {
					t.Fatalf("kept %s", b)
				}
			}
		}
	})
}

// FuzzEncoder: events in any order make a stream that keeps to the dialect, and a whole reply that says the same.
func FuzzEncoder(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, false)
	f.Add([]byte{4, 0x14, 0x15, 5, 0x16, 6, 1, 0x25, 0x24, 9}, false)
	f.Add([]byte{1, 0x11, 3, 2, 4, 5, 8, 1, 7, 6, 9, 9}, true)
	f.Fuzz(func(t *testing.T, steps []byte, own bool) {
		list := make([]llm.Event, 0, len(steps))
		for _, s := range steps {
			e := llm.Event{Kind: llm.EventKind(s&15) % (llm.EventFinish + 1), Index: int(s>>4) & 3, Name: "f", ID: string(rune('a' + s>>4)), Reason: llm.Reason(s>>4) % 9}
			switch e.Kind {
			case llm.EventText, llm.EventThinking, llm.EventRefusal, llm.EventSignature:
				e.Text = llm.Text(`x\n`)[:2*int(s>>7)+1]
			case llm.EventArguments:
				e.Text = llm.Text(`{}`)
			case llm.EventToolCall:
				e.Custom = s>>6 == 1
			case llm.EventOpaque, llm.EventCitation:
				e.Raw = []byte("{\n\"type\":\"x\"}")
			case llm.EventUsage:
				e.Usage.Output = int64(s)
			}
			list = append(list, e)
		}
		a := llm.Answered{Own: own, Provider: `l"b`, Model: "m", ID: "x"}
		body := spellAnswer(list, true, a)
		checkStream(t, body, false)
		whole := spellAnswer(list, false, a)
		if !json.Valid([]byte(whole)) {
			t.Fatal(whole)
		}
		one, two := hearStream(t, nil, body), hearWhole(t, nil, whole)
		if one.err != nil || two.err != nil || one.Thinking != two.Thinking || one.Signature != two.Signature || len(one.Calls) != len(two.Calls) || one.Word != two.Word || len(one.Opaque) != len(two.Opaque) {
			t.Fatalf("streamed\n%+v, whole\n%+v\nof\n%s", one, two, body)
		}
	})
}

// checkTurns holds a request against the rules for turns: they alternate and begin with the user's, and each call has its
// result at the beginning of the next, in order.
func checkTurns(t *testing.T, body []byte) {
	t.Helper()
	if !json.Valid(body) {
		t.Fatalf("spelled\n%s", body)
	}
	var v struct {
		Messages []struct {
			Role    string
			Content []struct {
				Type, ID, Text string
				Call           string `json:"tool_use_id"`
			}
		}
	}
	if json.Unmarshal(body, &v) != nil {
		return // an opaque block may hold anything
	}
	var open []string
	seen := map[string]bool{}
	for i, m := range v.Messages {
		if want := [2]string{"user", "assistant"}[i%2]; m.Role != want || len(m.Content) == 0 {
			t.Fatalf("message %d is %s's in\n%s", i, m.Role, body)
		}
		if m.Role == "user" {
			for j, b := range m.Content {
				if j < len(open) && b.Call != open[j] || j >= len(open) && b.Type == "tool_result" {
					t.Fatalf("the results do not follow the calls in\n%s", body)
				}
			}
			if len(m.Content) < len(open) {
				t.Fatalf("a call has no result in\n%s", body)
			}
		}
		open = nil
		for _, b := range m.Content {
			if b.Type == "tool_use" && m.Role == "assistant" {
				if seen[b.ID] || !isIdent(b.ID) {
					t.Fatalf("the id %q is not good in\n%s", b.ID, body)
				}
				seen[b.ID] = true
				open = append(open, b.ID)
			}
		}
	}
	if len(open) > 0 {
		t.Fatalf("calls without results in\n%s", body)
	}
}

// FuzzTighten: a schema of any kind is rewritten into JSON, with a bounded report.
func FuzzTighten(f *testing.F) {
	for _, seed := range []string{recursive, `{"allOf":[{"allOf":[{"$ref":"#/$defs/a"}],"title":"x"}],"$defs":{"a":true}}`, `{"anyOf":[{}],"oneOf":[{}],"enum":[1,{}],"const":null,"type":["object"],"additionalProperties":{},"required":["a"],"properties":{"a":{"pattern":"\""}},"description":5}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, schema []byte) {
		if !json.Valid(schema) || !wire.IsObject(schema) || !wire.SoundValue(schema) {
			return
		}
		s := tighten(schema)
		if !json.Valid(s.out) {
			t.Fatalf("%s became %s", schema, s.out)
		}
		if len(s.moved) > maxMoved+1 || s.optional < 0 || s.unions < 0 {
			t.Fatalf("%+v", s)
		}
	})
}

// FuzzSpell: turns of any kind in any order become messages that Anthropic takes.
func FuzzSpell(f *testing.F) {
	f.Add([]byte{0, 3, 3, 4, 4, 1})
	f.Add([]byte{1, 3, 0x13, 0x14, 5, 4, 0, 3, 4, 2, 1})
	f.Add([]byte{5, 3, 6, 3, 0x24, 4, 7})
	f.Fuzz(func(t *testing.T, steps []byte) {
		c := &llm.Conversation{}
		for _, s := range steps {
			id := string(rune('a'+s>>4&3)) + [2]string{"", "!"}[s>>6&1]
			switch s & 7 {
			case 0:
				c.Turns = append(c.Turns, user(text("u")))
			case 1:
				c.Turns = append(c.Turns, assistant(text("a")))
			case 2:
				c.Turns = append(c.Turns, assistant(text(" ")))
			case 3:
				c.Turns = append(c.Turns, assistant(use(id, "f", "{}"), use(id+"x", "g.h", "[")))
			case 4:
				c.Turns = append(c.Turns, user(result(id, text("r"))))
			case 5:
				c.Turns = append(c.Turns, system("s"))
			case 6:
				c.Turns = append(c.Turns, user(result(id), text("u"), result(id+"x")))
			case 7:
				c.Turns = append(c.Turns, assistant(llm.Part{Kind: llm.PartThinking, Text: llm.Text("t"), Origin: vendor, Signature: llm.Text("s")}, use(id, "f", "")))
			}
		}
		// What the last answer followed, so that its thinking belongs there.
		begun := *c
		for i := range c.Turns {
			if c.Turns[i].Role == llm.Assistant {
				begun.Turns = c.Turns[:i]
			}
		}
		first, err := spell(everything(order(&begun, "m", nil)), func(string) *kept { return nil })
		if err != nil {
			t.Fatal(err)
		}
		thinks := func(s string) [][]byte {
			return [][]byte{[]byte(`{"type":"thinking","thinking":"` + s + `","signature":"s"}`)}
		}
		sp, err := spell(everything(order(c, "m", nil)), func(id string) *kept {
			if id == "a" {
				return &kept{prefix: first.prefix, before: thinks("before"), after: thinks("after")}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		checkTurns(t, sp.body)
	})
}
