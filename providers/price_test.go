package providers

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/anthropic"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/providertest"
)

// counted is an observer that keeps the count.
type counted struct {
	nobody
	usage llm.Usage
}

func (c *counted) Usage(u llm.Usage) { c.usage = u }

// worked is a request whose cost a person has worked out.
type worked struct {
	name, kind, asked string
	answered, tier    string // as the reply names them
	usage             string // as the provider writes it
	micro             int64  // of a USD; -1: unknown
}

var workedPrices = []worked{
	{"long prompt, mostly cached", "openai", "gpt-6.1-sol", "gpt-6.1-sol", "default", `{"prompt_tokens":300000,"completion_tokens":1000,"total_tokens":301000,"prompt_tokens_details":{"cached_tokens":200000}}`, 455_000},
	{"at the bound", "openai", "gpt-6.1-sol", "gpt-6.1-sol-2026-09-30", "default", `{"prompt_tokens":272000,"completion_tokens":0}`, 544_000},
	{"one token over it", "openai", "gpt-6.1-sol", "gpt-6.1-sol", "", `{"prompt_tokens":272001,"completion_tokens":0}`, 1_088_004},
	{"both classes of cache writes", "anthropic", "claude-opus-5-5", "claude-opus-5-5", "standard", `{"input_tokens":1000,"cache_read_input_tokens":50000,"cache_creation_input_tokens":5000,"cache_creation":{"ephemeral_5m_input_tokens":2000,"ephemeral_1h_input_tokens":3000},"output_tokens":500}`, 58_000},
	{"flex", "openai", "gpt-6-astra", "gpt-6-astra", "flex", `{"prompt_tokens":10000,"completion_tokens":1000}`, 75_000},
	{"flex that came back as default", "openai", "gpt-6-astra", "gpt-6-astra", "default", `{"prompt_tokens":10000,"completion_tokens":1000}`, 150_000},
	{"unknown model", "openai", "gpt-99", "gpt-99", "default", `{"prompt_tokens":10000,"completion_tokens":1000}`, -1},
	{"another model answered", "openai", "gpt-6.1-sol", "gpt-6-luna", "default", `{"prompt_tokens":10000,"completion_tokens":1000}`, 1500},
	{"what answered is unknown", "openai", "gpt-6.1-sol", "gpt-99", "default", `{"prompt_tokens":10000,"completion_tokens":1000}`, 30_000},
	{"fast", "anthropic", "claude-opus-5-5", "claude-opus-5-5", "priority", `{"input_tokens":1000,"output_tokens":500,"speed":"fast"}`, 28_000},
	{"in the US", "anthropic", "claude-opus-5-5", "claude-opus-5-5", "standard", `{"input_tokens":1000,"output_tokens":500,"inference_geo":"us"}`, 15_400},
	{"two searches", "anthropic", "claude-opus-5-5", "claude-opus-5-5", "standard", `{"input_tokens":1000,"output_tokens":500,"server_tool_use":{"web_search_requests":2}}`, 34_000},
}

// TestWorkedPrices sends the requests whose cost a person has worked out, in both dialects, whole and streamed, and charges
// what the answer says.
func TestWorkedPrices(t *testing.T) {
	start := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	for _, w := range workedPrices {
		for _, app := range []llm.Codec{openai.NewCodec(), anthropic.NewCodec()} {
			for _, stream := range []bool{false, true} {
				u := providertest.New(t)
				u.Answer(w.reply(stream))
				p := settings.NewProvider("p", w.kind)
				p.BaseURL, p.APIKeyEnv = strings.TrimSuffix(u.URL, "/v1")+"/v1", "KEY"
				src := registry(t, Options{Getenv: func(string) string { return "sk-worked" }}, p).Sources().Named("p")
				c := w.ask(t, src, app, stream)
				cost := int64(-1)
				if m := src.Answered(src.About(w.asked), c.usage.Model); m != nil && m.Price.At(start) != nil {
					n := m.Price.At(start).Cost(c.usage)
					if cost = int64(n / 1_000_000); n%1_000_000 != 0 {
						t.Errorf("%s: %d is not whole", w.name, n)
					}
				}
				if cost != w.micro {
					t.Errorf("%s, asked in %s, streamed %v: %d millionths of a USD, want %d; %+v", w.name, app.Dialect(), stream, cost, w.micro, c.usage)
				}
			}
		}
	}
	// Gemini's dialect comes later; its count has thoughts beside the candidates, which the decoder will have added.
	m := registry(t, Options{}, settings.NewProvider("g", "gemini")).Sources().Named("g").About("gemini-2.5-pro")
	if got := m.Price.At(start).Cost(llm.Usage{Input: 1000, Output: 1000, Reasoning: 800}); got != 11_250_000_000 {
		t.Errorf("gemini: %d", got)
	}
}

// reply is the answer of the provider.
func (w *worked) reply(stream bool) providertest.Script {
	tier := ""
	if w.tier != "" {
		tier = fmt.Sprintf(`"service_tier":%q,`, w.tier)
	}
	if w.kind == "anthropic" {
		usage := strings.Replace(w.usage, "{", "{"+tier, 1)
		if !stream {
			return providertest.JSON(200, fmt.Sprintf(`{"id":"m","type":"message","role":"assistant","model":%q,"content":[{"type":"text","text":"yes"}],"stop_reason":"end_turn","usage":%s}`, w.answered, usage))
		}
		return providertest.Stream(fmt.Sprintf(`event: message_start
data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":%q,"content":[],"usage":%s}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"yes"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":%d}}

event: message_stop
data: {"type":"message_stop"}

`, w.answered, usage, 500))
	}
	if !stream {
		return providertest.JSON(200, fmt.Sprintf(`{"id":"c","object":"chat.completion","model":%q,%s"choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}],"usage":%s}`, w.answered, tier, w.usage))
	}
	chunk := func(rest string) string {
		return providertest.Event(fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","model":%q,%s%s}`, w.answered, tier, rest))
	}
	return providertest.Stream(chunk(`"choices":[{"index":0,"delta":{"role":"assistant","content":"y"},"finish_reason":null}],"usage":null`),
		chunk(`"choices":[{"index":0,"delta":{"content":"es"},"finish_reason":null}],"usage":null`),
		chunk(`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null`),
		chunk(`"choices":[],"usage":`+w.usage), providertest.Event("[DONE]"))
}

// ask sends the request of an application in its dialect and reads the answer to its end.
func (w *worked) ask(t *testing.T, src *llm.Source, app llm.Codec, stream bool) *counted {
	t.Helper()
	path := "/chat/completions"
	if app.Dialect() == llm.Anthropic {
		path = "/messages"
	}
	req, err := app.Scan(llm.Chat, path, []byte(fmt.Sprintf(`{"model":"p/%s","max_tokens":900,"stream":%v,"messages":[{"role":"user","content":"hi"}]}`, w.asked, stream)))
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{}
	if app.Dialect() == src.Dialect {
		relay, err := src.Provider.Send(t.Context(), req, w.asked, c)
		if err != nil {
			t.Fatal(err)
		}
		defer relay.Close()
		for err == nil {
			_, err = relay.Next()
		}
		if err != io.EOF {
			t.Fatal(err)
		}
		return c
	}
	if req.Conversation, err = app.Decode(req); err != nil {
		t.Fatal(err)
	}
	model := src.About(w.asked)
	answer, err := src.Provider.Converse(t.Context(), &llm.Order{Request: req, ID: w.asked, Model: model, Plan: llm.Plan(req, src.Features, model)}, c)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	var e llm.Event
	for err == nil {
		err = answer.Next(&e)
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return c
}
