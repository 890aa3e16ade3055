package sdktest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

// completion is a whole answer with fields no SDK knows and an unusual spelling of white space and numbers.
const completion = `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"plain-2026",
 "choices":[{"index":0,"message":{"role":"assistant","content":"Grüße 👋","refusal":null},"logprobs":null,"finish_reason":"stop"}],
 "usage":{"prompt_tokens":11,"completion_tokens":4,"total_tokens":15,"cost":1.50e-6}, "x_vendor": {"b":1,"a":[1.0,2e0]}}`

// deltas is a streamed answer as some servers spell it: a comment, CRLF, no blank after data:, usage at the end.
const deltas = ": connected\r\n\r\n" +
	`data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"plain-2026","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\r\n\r\n" +
	`data:{"id":"c1","object":"chat.completion.chunk","created":1,"model":"plain-2026","choices":[{"index":0,"delta":{"content":"Grüße "},"finish_reason":null}]}` + "\n\n" +
	`data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"plain-2026","choices":[{"index":0,"delta":{"content":"👋"},"finish_reason":null}],"x_vendor":1.0}` + "\n\n" +
	`data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"plain-2026","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"

const usageEvent = `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"plain-2026","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":4,"total_tokens":15}}` + "\n\n"

const done = "data: [DONE]\n\n"

func hello() openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    "up/plain",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("Be short."), openai.UserMessage("Hello <world> & 你好")},
	}
}

// wire keeps the bytes that the SDK sent and received.
type wire struct{ sent, got []byte }

func (w *wire) option() option.RequestOption {
	return option.WithMiddleware(func(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		if r.Body != nil {
			w.sent, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(w.sent))
		}
		resp, err := next(r)
		if err == nil {
			resp.Body = &tee{resp.Body, w}
		}
		return resp, err
	})
}

type tee struct {
	io.ReadCloser
	w *wire
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.w.got = append(t.w.got, p[:n]...)
	return n, err
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got %q\nwant %q", what, got, want)
	}
}

func TestAPlainChatArrivesByteForByte(t *testing.T) {
	up.answers(t, whole(200, completion, "X-Request-Id", "req-of-the-provider"))
	var w wire
	var resp *http.Response
	c := client(w.option())
	answer, err := c.Chat.Completions.New(t.Context(), hello(), option.WithResponseInto(&resp))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Choices[0].Message.Content != "Grüße 👋" || answer.Usage.TotalTokens != 15 {
		t.Errorf("got %+v", answer)
	}
	at := up.last(t)
	if at.path != "/v1/chat/completions" {
		t.Errorf("sent to %s", at.path)
	}
	same(t, "the request at the provider", at.body, withModel(w.sent, "up/plain", "plain"))
	same(t, "the answer", w.got, []byte(completion))
	if got := at.header.Get("Authorization"); got != "Bearer "+providerKey {
		t.Errorf("the provider was given %q", got)
	}
	for name, values := range at.header {
		if strings.Contains(strings.Join(values, " "), key) {
			t.Errorf("the application's key reached the provider in %s", name)
		}
	}
	if resp.Header.Get("X-LocalRouter-Route") != "up/plain" || resp.Header.Get("X-LocalRouter-Request-Id") == "" || resp.Header.Get("X-LocalRouter-Attempts") != "1" {
		t.Errorf("the route is not told: %v", resp.Header)
	}
	if resp.Header.Get("X-Request-Id") != "req-of-the-provider" {
		t.Errorf("the provider's request id is %q", resp.Header.Get("X-Request-Id"))
	}
}

func TestUnknownFieldsKeyOrderAndNumbersSurvive(t *testing.T) {
	up.answers(t, whole(200, completion))
	const odd = "{ \"zeta\" : {\"b\":1.0,\"a\":[1e0,-0.0,123456789012345678901234567890]},\n\t\"messages\":[{\"content\":\"h\\u00e9\\/\\ud83d\\udc4b\",\"role\":\"user\",\"cache_control\":{\"type\":\"ephemeral\"}}], " +
		"\"temperature\":0.70, \"model\" : \"up/plain\" ,\"top_p\":1E-1, \"stream\":false,\"null\":null }"
	c := client()
	var out openai.ChatCompletion
	err := c.Post(t.Context(), "chat/completions", nil, &out, option.WithRequestBody("application/json", []byte(odd)))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the request at the provider", up.last(t).body, withModel([]byte(odd), "up/plain", "plain"))
}

func TestABareModelNameAndOneWithSlashesFindTheProvider(t *testing.T) {
	for asked, own := range map[string]string{"plain": "plain", "up/org/large-7b:free": "org/large-7b:free", "org/large-7b:free": "org/large-7b:free"} {
		up.answers(t, whole(200, completion))
		params := hello()
		params.Model = asked
		c := client()
		if _, err := c.Chat.Completions.New(t.Context(), params); err != nil {
			t.Errorf("%s: %v", asked, err)
			continue
		}
		var sent struct{ Model string }
		json.Unmarshal(up.last(t).body, &sent)
		if sent.Model != own {
			t.Errorf("%s: the provider was asked for %q", asked, sent.Model)
		}
	}
}

func TestAStreamArrivesEventByEvent(t *testing.T) {
	for _, size := range []int{1, 7, 1 << 20} {
		up.answers(t, streamed(deltas+usageEvent+done, size))
		params := hello()
		params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
		var w wire
		c := client(w.option())
		stream := c.Chat.Completions.NewStreaming(t.Context(), params)
		var all openai.ChatCompletionAccumulator
		for stream.Next() {
			all.AddChunk(stream.Current())
		}
		if err := stream.Err(); err != nil {
			t.Fatalf("pieces of %d: %v", size, err)
		}
		stream.Close()
		if all.Choices[0].Message.Content != "Grüße 👋" || all.Choices[0].FinishReason != "stop" || all.Usage.TotalTokens != 15 {
			t.Errorf("pieces of %d: got %+v", size, all.ChatCompletion)
		}
		same(t, "the request at the provider", up.last(t).body, withModel(w.sent, "up/plain", "plain"))
		if want := []byte(deltas + usageEvent + done); !bytes.HasPrefix(want, w.got) || !bytes.Contains(w.got, []byte("[DONE]")) {
			t.Errorf("pieces of %d: the answer\n got %q\nwant %q", size, w.got, want)
		}
	}
}

func TestUsageThatWasNotAskedForIsWithheld(t *testing.T) {
	up.answers(t, streamed(deltas+usageEvent+done, 64))
	var w wire
	c := client(w.option())
	stream := c.Chat.Completions.NewStreaming(t.Context(), hello())
	for stream.Next() {
		if len(stream.Current().Choices) == 0 {
			t.Errorf("an event nobody asked for: %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	stream.Close()
	var sent struct {
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if json.Unmarshal(up.last(t).body, &sent); !sent.StreamOptions.IncludeUsage {
		t.Error("the provider was not asked for the usage")
	}
	if !bytes.HasPrefix([]byte(deltas+done), w.got) {
		t.Errorf("the answer\n got %q\nwant %q", w.got, deltas+done)
	}
}

// weather is a tool; its schema has the keys in an order that no map would keep.
func weather() openai.ChatCompletionToolUnionParam {
	return openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "weather", Description: openai.String("The weather of a town"), Strict: openai.Bool(true),
		Parameters: shared.FunctionParameters{"type": "object", "properties": map[string]any{"town": map[string]any{"type": "string"}},
			"required": []string{"town"}, "additionalProperties": false},
	})
}

func TestToolsAreCalledAndTheirResultsReturned(t *testing.T) {
	const calls = `data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"weather","arguments":""}}]},"finish_reason":null}]}` + "\n\n" +
		`data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"town\":"}}]},"finish_reason":null}]}` + "\n\n" +
		`data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"Kraków\"}"}}]},"finish_reason":null}]}` + "\n\n" +
		`data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\n" + done
	up.answers(t, streamed(calls, 5))
	params := hello()
	params.Tools = []openai.ChatCompletionToolUnionParam{weather()}
	params.ParallelToolCalls = openai.Bool(false)
	var w wire
	c := client(w.option())
	stream := c.Chat.Completions.NewStreaming(t.Context(), params)
	var all openai.ChatCompletionAccumulator
	for stream.Next() {
		all.AddChunk(stream.Current())
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	stream.Close()
	message := all.Choices[0].Message
	if len(message.ToolCalls) != 1 || message.ToolCalls[0].ID != "call_a" || message.ToolCalls[0].Function.Arguments != `{"town":"Kraków"}` {
		t.Fatalf("got %+v", message.ToolCalls)
	}

	up.answers(t, whole(200, completion))
	params.Messages = append(params.Messages, message.ToParam(), openai.ToolMessage(`{"sky":"clear"}`, "call_a"))
	if _, err := c.Chat.Completions.New(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	same(t, "the turn with the result", up.last(t).body, withModel(w.sent, "up/plain", "plain"))
	if !bytes.Contains(up.last(t).body, []byte(`"tool_call_id":"call_a"`)) {
		t.Error("the tool's result did not reach the provider")
	}
}

func TestAnImageReachesTheProviderUntouched(t *testing.T) {
	up.answers(t, whole(200, completion))
	picture := "data:image/png;base64," + strings.Repeat("iVBORw0KGgo/+9k=", 1<<16) // 1 MiB
	params := hello()
	params.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
		openai.TextContentPart("What is this?"),
		openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: picture, Detail: "low"}),
	})}
	var w wire
	c := client(w.option())
	if _, err := c.Chat.Completions.New(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(up.last(t).body, withModel(w.sent, "up/plain", "plain")) {
		t.Error("the picture was changed on its way")
	}
}

func TestAJSONSchemaReachesTheProvider(t *testing.T) {
	up.answers(t, whole(200, completion))
	params := hello()
	params.ResponseFormat = openai.ChatCompletionNewParamsResponseFormatUnion{OfJSONSchema: &shared.ResponseFormatJSONSchemaParam{
		JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "person", Strict: openai.Bool(true), Schema: map[string]any{
			"type": "object", "properties": map[string]any{"name": map[string]any{"type": "string"}}, "required": []string{"name"}, "additionalProperties": false,
		}},
	}}
	var w wire
	c := client(w.option())
	if _, err := c.Chat.Completions.New(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	same(t, "the request at the provider", up.last(t).body, withModel(w.sent, "up/plain", "plain"))
	if !bytes.Contains(up.last(t).body, []byte(`"json_schema"`)) {
		t.Error("the schema did not reach the provider")
	}
}
