package providers

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/openai"
)

// tally is an Observer that counts.
type tally struct {
	committed, failed int
	usage             llm.Usage
	finish            string
}

func (t *tally) Committed()        { t.committed++ }
func (t *tally) Usage(u llm.Usage) { t.usage = u }
func (t *tally) Finish(s string)   { t.finish = s }
func (t *tally) Failed(*llm.Error) { t.failed++ }

// askDemo asks without waiting between the words.
func askDemo(t *testing.T, op llm.Op, path, body string) (string, *tally, error) {
	t.Helper()
	d := newDemo(func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, time.Now)
	req, err := openai.NewCodec().Scan(op, path, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	seen := &tally{}
	relay, err := d.Send(t.Context(), req, demoModel, seen)
	if err != nil {
		return "", seen, err
	}
	defer relay.Close()
	var b strings.Builder
	for {
		chunk, err := relay.Next()
		b.Write(chunk)
		if err == io.EOF {
			return b.String(), seen, nil
		}
		if err != nil {
			return b.String(), seen, err
		}
	}
}

const chat = "/chat/completions"

// TestDemoStreamsWhatItAnswersWhole, counted alike.
func TestDemoStreamsWhatItAnswersWhole(t *testing.T) {
	const body = `{"model":"demo/demo","messages":[{"role":"user","content":"how are \"you\"?"}]%s}`
	whole, w, err := askDemo(t, llm.Chat, chat, strings.Replace(body, "%s", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	var reply struct {
		Choices []struct {
			Message struct{ Content string }
			Finish  string `json:"finish_reason"`
		}
		Usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
		}
	}
	if err := json.Unmarshal([]byte(whole), &reply); err != nil || len(reply.Choices) != 1 || reply.Choices[0].Finish != "stop" {
		t.Fatalf("%v in %s", err, whole)
	}
	text := reply.Choices[0].Message.Content
	if !strings.Contains(text, "built-in demo") || !strings.Contains(text, `how are "you"?`) || !strings.Contains(text, "localrouter providers add") {
		t.Errorf("it says %q", text)
	}
	if w.committed != 1 || w.usage.Input != reply.Usage.Prompt || w.usage.Output != reply.Usage.Completion || w.usage.Output == 0 || w.finish != "stop" {
		t.Errorf("%+v, the reply says %+v", w, reply.Usage)
	}
	stream, s, err := askDemo(t, llm.Chat, chat, strings.Replace(body, "%s", `,"stream":true`, 1))
	if err != nil || !strings.HasSuffix(stream, "data: [DONE]\n\n") || strings.Contains(stream, "prompt_tokens") {
		t.Fatalf("%v %q", err, stream)
	}
	said := ""
	for event := range strings.SplitSeq(stream, "\n\n") {
		data := strings.TrimPrefix(event, "data: ")
		if data == "" || data == "[DONE]" {
			continue
		}
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatalf("%v in %q", err, data)
		}
		for _, c := range chunk.Choices {
			said += c.Delta.Content
		}
	}
	if said != text || s.usage.Output != w.usage.Output {
		t.Errorf("streamed %q %+v\nwhole    %q %+v", said, s.usage, text, w.usage)
	}
	if stream, _, _ := askDemo(t, llm.Chat, chat, strings.Replace(body, "%s", `,"stream":true,"stream_options":{"include_usage":true}`, 1)); !strings.Contains(stream, "prompt_tokens") {
		t.Error("usage was asked for and is not there")
	}
}

// TestDemoCallsTools on a fixed script: arguments fit the schema, and the result is repeated.
func TestDemoCallsTools(t *testing.T) {
	const tools = `"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":2},"unit":{"enum":["C","F"]}},"required":["city","days","unit"]}}}]`
	whole, seen, err := askDemo(t, llm.Chat, chat, `{"model":"demo","messages":[{"role":"user","content":"x"}],`+tools+`}`)
	if err != nil || seen.finish != "tool_calls" {
		t.Fatalf("%v %+v", err, seen)
	}
	var reply struct {
		Choices []struct {
			Message struct {
				Calls []struct {
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
			}
		}
	}
	json.Unmarshal([]byte(whole), &reply)
	var args struct {
		City *string
		Days int
		Unit string
	}
	call := reply.Choices[0].Message.Calls[0].Function
	if err := json.Unmarshal([]byte(call.Arguments), &args); err != nil || call.Name != "weather" || args.City == nil || args.Days < 2 || args.Unit != "C" {
		t.Errorf("%+v (%v)", call, err)
	}
	if text, seen, _ := askDemo(t, llm.Chat, chat, `{"model":"demo","messages":[{"role":"tool","content":"sunny"}],`+tools+`}`); !strings.Contains(text, "sunny") || seen.finish != "stop" {
		t.Errorf("after the tool: %s", text)
	}
}

func TestDemoKeepsToItsLimits(t *testing.T) {
	if text, seen, err := askDemo(t, llm.Chat, chat, `{"model":"demo","max_tokens":3,"messages":[{"role":"user","content":"x"}]}`); err != nil || seen.finish != "length" || seen.usage.Output != 3 {
		t.Errorf("%v %+v %s", err, seen, text)
	}
	for body, op := range map[string]llm.Op{`{"model":"demo","n":2}`: llm.Chat, `{"model":"demo","messages":7}`: llm.Chat, `{"model":"demo"}`: llm.Forward} {
		_, seen, err := askDemo(t, op, chat, body)
		e := llm.AsError(err)
		if e == nil || e.Kind != llm.ProviderRejected || len(e.Body) == 0 || seen.committed != 0 {
			t.Errorf("%s %s: %+v", op, body, e)
		}
	}
	if out, seen, err := askDemo(t, llm.Embeddings, "/embeddings", `{"model":"demo","input":["a","b"],"dimensions":8}`); err != nil || strings.Count(out, `"embedding":`) != 2 || seen.usage.Input == 0 {
		t.Errorf("%v %+v %s", err, seen, out)
	}
	if out, _, err := askDemo(t, llm.Completions, "/completions", `{"model":"demo","prompt":"a"}`); err != nil || !strings.Contains(out, `"text_completion"`) {
		t.Errorf("%v %s", err, out)
	}
}

// TestDemoStopsWhenTheApplicationGoes.
func TestDemoStopsWhenTheApplicationGoes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	words := 0
	d := newDemo(func(ctx context.Context, _ time.Duration) error {
		if words++; words == 5 {
			cancel()
		}
		return ctx.Err()
	}, time.Now)
	req, err := openai.NewCodec().Scan(llm.Chat, chat, []byte(`{"model":"demo","stream":true,"messages":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	seen := &tally{}
	relay, err := d.Send(ctx, req, demoModel, seen)
	for err == nil {
		_, err = relay.Next()
	}
	if e := llm.AsError(err); err == io.EOF || e.Kind != llm.ClientGone || seen.failed != 1 || words > 6 {
		t.Errorf("%v after %d words, %+v", err, words, seen)
	}
}
