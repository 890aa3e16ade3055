package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/respjson"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/shared"
)

// openAISDK is openai-go.
type openAISDK struct{}

func (openAISDK) name() string    { return "openai-go" }
func (openAISDK) dialect() string { return "openai" }

// openAIClients are kept: each may have connections of its own.
var openAIClients sync.Map

func (openAISDK) client(at place) *openai.Client {
	if c, ok := openAIClients.Load(at); ok {
		return c.(*openai.Client)
	}
	c := openai.NewClient(option.WithBaseURL(at.base+"/v1"), option.WithAPIKey(at.key), option.WithMaxRetries(0))
	openAIClients.Store(at, &c)
	return &c
}

func (s openAISDK) send(ctx context.Context, at place, c *conversation, streamed bool) (a answer, err error) {
	client := s.client(at)
	var resp *http.Response
	options := []option.RequestOption{option.WithResponseInto(&resp)}
	for name, value := range c.more {
		options = append(options, option.WithJSONSet(name, value))
	}
	params := openAIParams(c)
	if !streamed {
		whole, err := client.Chat.Completions.New(ctx, params, options...)
		if err != nil {
			return answer{}, err
		}
		a = openAIAnswer(whole)
		if len(whole.Choices) > 0 {
			a.reasoning = reasoningOf(whole.Choices[0].Message.JSON.ExtraFields)
		}
		a.header = resp.Header
		return a, nil
	}
	if !c.unasked {
		params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	}
	stream := client.Chat.Completions.NewStreaming(ctx, params, options...)
	defer stream.Close()
	a, err = openAIStream(c, stream)
	if resp != nil {
		a.header = resp.Header
	}
	return a, err
}

func openAIStream(c *conversation, stream *ssestream.Stream[openai.ChatCompletionChunk]) (answer, error) {
	var all openai.ChatCompletionAccumulator
	reasoning, asked := "", false
	for stream.Next() {
		chunk := stream.Current()
		if !all.AddChunk(chunk) {
			return openAIAnswer(&all.ChatCompletion), errors.New("openai-go cannot take the chunk " + chunk.RawJSON())
		}
		asked = asked || len(chunk.Choices) == 0
		if chunk.Usage.TotalTokens > 0 { // the accumulator leaves out what was written to the cache
			all.Usage = chunk.Usage
		}
		for _, choice := range chunk.Choices {
			reasoning += reasoningOf(choice.Delta.JSON.ExtraFields)
			if c.seen != nil && choice.Delta.Content != "" {
				c.seen(choice.Delta.Content)
			}
		}
	}
	a := openAIAnswer(&all.ChatCompletion)
	a.reasoning = reasoning
	if err := stream.Err(); err != nil {
		return a, err
	}
	if asked && c.unasked {
		return a, errors.New("an event without choices came although the usage was not asked for")
	}
	return a, nil
}

// reasoningOf is the text of the model's reasoning, for which the SDK has no field of its own.
func reasoningOf(extra map[string]respjson.Field) (text string) {
	if f, ok := extra["reasoning_content"]; ok {
		json.Unmarshal([]byte(f.Raw()), &text)
	}
	return text
}

func openAIAnswer(c *openai.ChatCompletion) answer {
	u := c.Usage
	a := answer{id: c.ID, model: c.Model, usage: usage{u.PromptTokens, u.PromptTokensDetails.CachedTokens, u.PromptTokensDetails.CacheWriteTokens,
		u.CompletionTokens, u.CompletionTokensDetails.ReasoningTokens}}
	if len(c.Choices) == 0 {
		return a
	}
	choice := c.Choices[0]
	a.text, a.refusal, a.stop = choice.Message.Content, choice.Message.Refusal, stops[string(choice.FinishReason)]
	for _, t := range choice.Message.ToolCalls {
		a.calls = append(a.calls, call{t.ID, t.Function.Name, t.Function.Arguments})
	}
	a.reply = choice.Message.ToParam()
	return a
}

func openAIParams(c *conversation) openai.ChatCompletionNewParams {
	p := openai.ChatCompletionNewParams{Model: c.model}
	if c.system != "" {
		p.Messages = append(p.Messages, openai.SystemMessage(c.system))
	}
	for _, turn := range c.turns {
		if turn.reply != nil {
			p.Messages = append(p.Messages, turn.reply.(openai.ChatCompletionMessageParamUnion))
			continue
		}
		p.Messages = append(p.Messages, openAITurn(turn.parts)...)
	}
	if c.tools {
		var schema shared.FunctionParameters
		json.Unmarshal([]byte(weatherSchema), &schema)
		p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: "get_weather", Description: openai.String(weatherText), Parameters: schema, Strict: openai.Bool(true)})}
	}
	switch c.choice {
	case "any":
		p.ToolChoice.OfAuto = openai.String("required")
	case "one":
		p.ToolChoice = openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "get_weather"})
	case "auto", "none":
		p.ToolChoice.OfAuto = openai.String(c.choice)
	}
	if c.single {
		p.ParallelToolCalls = openai.Bool(false)
	}
	if c.schema {
		p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
			Name: "person", Strict: openai.Bool(true), Schema: json.RawMessage(personSchema)}}
	}
	p.ReasoningEffort = shared.ReasoningEffort(c.effort)
	if len(c.stop) > 0 {
		p.Stop.OfStringArray = c.stop
	}
	if c.limit > 0 {
		p.MaxCompletionTokens = openai.Int(int64(c.limit))
	}
	return p
}

// openAITurn spells a person's turn; each result of a tool is a message of its own, and what else was said comes after.
func openAITurn(parts []part) (list []openai.ChatCompletionMessageParamUnion) {
	var content []openai.ChatCompletionContentPartUnionParam
	for _, p := range parts {
		switch {
		case p.result != "":
			list = append(list, openai.ToolMessage(p.text, p.result))
		case p.image != "":
			content = append(content, openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + p.image}))
		case p.imageURL != "":
			content = append(content, openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: p.imageURL}))
		case p.file != "":
			content = append(content, openai.FileContentPart(openai.ChatCompletionContentPartFileFileParam{
				FileData: openai.String("data:application/pdf;base64," + p.file), Filename: openai.String("page.pdf")}))
		default:
			content = append(content, openai.TextContentPart(p.text))
		}
	}
	if len(content) > 0 {
		list = append(list, openai.UserMessage(content))
	}
	return list
}

func (openAISDK) failure(err error) (failure, bool) {
	if e, ok := errors.AsType[*openai.Error](err); ok {
		return failure{e.StatusCode, e.Type, e.Code, e.Message, e.Response.Header}, true
	}
	if e, ok := errors.AsType[*ssestream.StreamError](err); ok {
		return failure{message: e.Message}, true
	}
	return failure{}, false
}

func (s openAISDK) models(ctx context.Context, at place) ([]string, error) {
	client := s.client(at)
	page, err := client.Models.List(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, m := range page.Data {
		ids = append(ids, m.ID)
	}
	return ids, nil
}

func (s openAISDK) model(ctx context.Context, at place, id string) (string, error) {
	client := s.client(at)
	m, err := client.Models.Get(ctx, id)
	if err != nil {
		return "", err
	}
	return m.ID, nil
}
