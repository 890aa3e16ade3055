package openai

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

// FuzzDecode: whatever is accepted can be spelled again for servers of every Style, in JSON, and means the same to a
// second reader as it does to a third.
func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		if body, ok := g.file(f, "request"); ok {
			f.Add([]byte(body))
		}
	}
	for _, seed := range []string{
		`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image\/png;base64,AA","detail":"low"}},{"type":"file","file":{"file_data":"AA"}},{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]}`,
		`{"model":"m","messages":[{"role":"assistant","function_call":{"name":"f.g","arguments":"{\"a\""}},{"role":"function","content":"x"},{"role":"tool","tool_call_id":"?","content":[{"type":"image_url","image_url":"u"}]}],"functions":[{"name":"f.g","parameters":{"a":{}}}]}`,
		`{"model":"m","messages":[{"role":"assistant","content":"a","reasoning":"r","refusal":"n","prefix":true,"tool_calls":[{"function":{"name":"\u00e9","arguments":{"a":1}}}]}],"tools":[{"type":"custom","custom":{"name":"x"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}},"response_format":{"type":"json_schema","json_schema":{"schema":{}}},"stop":["\ud800"],"reasoning":{"max_tokens":5}}`,
	} {
		f.Add([]byte(seed))
	}
	styles := []Style{{}, fullStyle, {FreeTurns: true, Developer: true, NoNull: true, ToolNames: true, BridgeResults: true, DeclareTools: true, ShortIDs: true, AnyTool: true, Effort: EffortThink, Marks: MarksBreakpoint}}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := Codec{}.Scan(llm.Chat, "/chat/completions", bytes.Clone(body))
		if err != nil {
			return
		}
		if req.Conversation, err = (Codec{}).Decode(req); err != nil {
			if e := llm.AsError(err); e.Kind != llm.BadRequest || e.Message == "" || e.Param == "" {
				t.Fatalf("%+v", e)
			}
			return
		}
		plans := []llm.Planned{everything, {}, {Keep: everything.Keep, Near: everything.Keep}}
		for i, st := range styles {
			sp, bad := spell(&llm.Order{Request: req, ID: "m", Plan: plans[i%len(plans)]}, st)
			if bad != nil && bad.Kind == llm.BadRequest && bad.Param == "messages" {
				continue // the plan left nothing to say, or there are too many calls
			}
			if bad != nil {
				t.Fatal(bad)
			}
			if !json.Valid(sp.body) {
				t.Fatalf("%q\nbecame\n%q", body, sp.body)
			}
			again, err := Codec{}.Scan(llm.Chat, "/chat/completions", sp.body)
			if err != nil {
				t.Fatalf("%q\nbecame\n%q: %v", body, sp.body, err)
			}
			if _, err := (Codec{}).Decode(again); err != nil && !strings.Contains(err.Error(), `"messages"`) { // all were empty
				t.Fatalf("%q\nbecame\n%q: %v", body, sp.body, err)
			}
		}
	})
}

// FuzzDecoder reads any bytes as a stream and as a reply: what it says is well-formed and in order, does not hang on
// what came before in the same frame, and an encoder makes JSON of it.
func FuzzDecoder(f *testing.F) {
	for _, g := range goldens(f) {
		for _, kind := range []string{"response", "stream"} {
			if body, ok := g.file(f, kind); ok {
				f.Add([]byte(body))
			}
		}
	}
	f.Add([]byte("data: {\"error\":{\"\"}}"))
	f.Add([]byte("data: " + callDelta(`{"function":{"name":"f","arguments":{"x":"\u0000"}}},{"index":7,"custom":{"input":"x"}}`) + "\ndata: [DONE]"))
	f.Add([]byte(callDelta(`{"index":0,"id":"a","function":{"name":"f"}}`) + "\n" + callDelta(`{"index":0,"function":{"arguments":"a"}},{"index":1,"function":{"arguments":""}}`) + "\n" + callDelta(`{"index":0,"function":{"arguments":"b"}},{"index":1,"function":{"arguments":""}}`)))
	f.Add([]byte("data: " + delta("{\"content\":[{\"text\":\"\\x\xff\x01\"}],\"annotations\":[{\"url\":\"\\q\"}]}")))
	f.Fuzz(func(t *testing.T, body []byte) {
		var h, slow heardEvents
		d, e := newDecoder(nil, minted()), newDecoder(nil, minted()).(*decoder)
		req := &llm.Request{Stream: true, WantsUsage: true}
		enc := Codec{}.Encoder(req, answeredAs)
		var out []byte
		for _, line := range bytes.Split(body, []byte("\n")) {
			events, err := d.Event(nil, nil, bytes.TrimPrefix(line, []byte("data: ")))
			h.add(t, events)
			for i := range events {
				out = enc.Append(out, &events[i])
			}
			e.like.Forget()
			events, _ = e.Event(nil, nil, bytes.TrimPrefix(line, []byte("data: ")))
			slow.add(t, events)
			if !reflect.DeepEqual(h, slow) {
				t.Fatalf("after %q\n%+v\n%+v", line, h, slow)
			}
			if err == io.EOF {
				if h.starts != 1 || h.finishes != 1 || h.callEnds != len(h.calls) {
					t.Fatalf("%+v", h)
				}
				break
			}
			if e := llm.AsError(err); e != nil && (e.Kind == llm.Internal || e.Message == "" || e.Provider != "") {
				t.Fatalf("%+v", e)
			}
			if err != nil {
				break
			}
		}
		out = enc.End(out)
		for line := range strings.Lines(string(out)) {
			data, _ := strings.CutPrefix(strings.TrimSpace(line), "data: ")
			if data != "" && data != endMark && !json.Valid([]byte(data)) {
				t.Fatalf("%q\nbecame\n%q", body, data)
			}
		}
		var w heardEvents
		events, err := newDecoder(nil, minted()).Whole(nil, body)
		w.add(t, events)
		if err != nil {
			return
		}
		if whole := encode(&llm.Request{}, events); !json.Valid([]byte(whole)) || w.starts != 1 || w.finishes != 1 {
			t.Fatalf("%q\nbecame\n%q", body, whole)
		}
	})
}
