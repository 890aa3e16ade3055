package openai

import (
	"encoding/json"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

// FuzzEncoder spells any sequence of events, sensible or not: each chunk of the stream is JSON of the same answer and
// stands on a line of its own, the end mark comes once and last, and the whole reply is JSON.
func FuzzEncoder(f *testing.F) {
	f.Add([]byte{1, 2, 3, 6, 7, 8, 11, 12}, true)
	f.Add([]byte{1, 0x16, 0x26, 0x17, 0x27, 0x28, 12, 2}, false)
	f.Add([]byte{2, 10, 9, 5, 4, 0x33, 11, 12, 12}, true)
	f.Fuzz(func(t *testing.T, steps []byte, wantsUsage bool) {
		events := make([]llm.Event, 0, len(steps))
		for _, s := range steps {
			e := llm.Event{Kind: llm.EventKind(s&15) % (llm.EventFinish + 1), Index: int(s>>4) & 3, Name: "f\"\n", ID: string(rune('a' + s>>4)), Reason: llm.Reason(s>>4) % 9}
			switch e.Kind {
			case llm.EventText, llm.EventThinking, llm.EventRefusal, llm.EventSignature, llm.EventArguments:
				e.Text = llm.Text(`x\n\ud83d`)[:1+2*int(s>>7)]
			case llm.EventToolCall:
				e.Custom = s>>6 == 1
			case llm.EventOpaque, llm.EventCitation:
				e.Raw = []byte("{\n\"type\":\"web_search_result_location\",\"url\":\"https://x.test\",\"title\":\"t\"}")
			case llm.EventStart, llm.EventUsage:
				e.Usage = llm.Usage{Input: int64(s), Output: int64(s >> 2)}
			}
			events = append(events, e)
		}
		stream := encode(&llm.Request{Stream: true, WantsUsage: wantsUsage}, events)
		body, ended := strings.CutSuffix(stream, "data: [DONE]\n\n")
		if !ended || strings.Contains(body, "[DONE]") {
			t.Fatalf("the end mark does not come once and last:\n%s", stream)
		}
		id := ""
		for i, line := range strings.Split(strings.TrimSuffix(body, "\n\n"), "\n\n") {
			var c struct {
				ID      string
				Object  string
				Choices []json.RawMessage
				Usage   json.RawMessage
			}
			data, ok := strings.CutPrefix(line, "data: ")
			if !ok || strings.Contains(data, "\n") || json.Unmarshal([]byte(data), &c) != nil || c.Object != "chat.completion.chunk" || c.Choices == nil {
				t.Fatalf("chunk %d is %q", i, line)
			}
			if i > 0 && c.ID != id {
				t.Fatalf("chunk %d is of another answer: %s", i, line)
			}
			if id = c.ID; !wantsUsage && c.Usage != nil {
				t.Fatalf("usage was not asked for: %s", line)
			}
		}
		if whole := encode(&llm.Request{}, events); !json.Valid([]byte(whole)) {
			t.Fatalf("the whole reply is %s", whole)
		}
	})
}
