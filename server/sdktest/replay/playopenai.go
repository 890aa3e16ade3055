package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

// openAI is the client of a key; it has connections of its own and no retries: every answer is the gateway's.
func (p *player) openAI(who string) *openai.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.openAIs[who]
	if c == nil {
		made := openai.NewClient(option.WithBaseURL(p.url+"/v1"), option.WithAPIKey(p.keys[who]), option.WithMaxRetries(0))
		c = &made
		p.openAIs[who] = c
	}
	return c
}

func (p *player) askOpenAI(ctx context.Context, s *step, r *result) {
	c := p.openAI(s.who)
	var resp *http.Response
	into := option.WithResponseInto(&resp)
	var err error
	switch s.form {
	case listed:
		var page, e = c.Models.List(ctx, into)
		if err = e; err == nil {
			for _, m := range page.Data {
				r.models = append(r.models, m.ID)
			}
		}
	case embedded:
		var made *openai.CreateEmbeddingResponse
		made, err = c.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: s.model, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{s.question(), "a second text"}}}, into)
		if err == nil {
			r.input = made.Usage.PromptTokens
		}
	default:
		err = p.chatOpenAI(ctx, s, r, into)
	}
	r.keep(resp)
	if err != nil {
		r.failed(err)
	}
}

// chatOpenAI goes on with a conversation. Where it fails the question is taken back, as if it had not been asked.
func (p *player) chatOpenAI(ctx context.Context, s *step, r *result, into option.RequestOption) error {
	t := p.talk(s)
	messages := append([]openai.ChatCompletionMessageParamUnion{}, t.openAI...)
	if len(messages) == 0 {
		messages = append(messages, openai.SystemMessage(system))
	}
	for _, id := range t.calls {
		messages = append(messages, openai.ToolMessage(fileText, id))
	}
	switch text := s.question(); {
	case s.picture:
		messages = append(messages, openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{openai.TextContentPart(text),
			openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + pixel})}))
	case text != "" || len(t.calls) == 0:
		messages = append(messages, openai.UserMessage(text+" "))
	}
	params := openai.ChatCompletionNewParams{Model: s.model, Messages: messages, MaxCompletionTokens: openai.Int(answerRoom)}
	if s.tools {
		params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: "read_file", Description: openai.String("Reads a file"), Parameters: fileSchema})}
	}
	answer, err := p.completion(ctx, s, params, into)
	if err != nil {
		return err
	}
	r.input, r.output = answer.Usage.PromptTokens, answer.Usage.CompletionTokens
	if len(answer.Choices) > 0 {
		message := answer.Choices[0].Message
		r.text = message.Content
		if message.Content == "" && len(message.ToolCalls) == 0 {
			return nil // nothing to go on with, and servers refuse an empty turn
		}
		t.calls, messages = nil, append(messages, message.ToParam())
		for _, call := range message.ToolCalls {
			t.calls = append(t.calls, call.ID)
		}
	}
	t.openAI = messages
	return nil
}

func (p *player) completion(ctx context.Context, s *step, params openai.ChatCompletionNewParams, into option.RequestOption) (*openai.ChatCompletion, error) {
	c := p.openAI(s.who)
	if s.form != streamed {
		return c.Chat.Completions.New(ctx, params, into)
	}
	params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	stream := c.Chat.Completions.NewStreaming(ctx, params, into)
	defer stream.Close()
	var all openai.ChatCompletionAccumulator
	var odd []string
	for stream.Next() {
		if chunk := stream.Current(); !all.AddChunk(chunk) {
			odd = append(odd, chunk.RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	if len(odd) > 0 {
		return nil, &oddChunk{strings.Join(odd, "\n")}
	}
	return &all.ChatCompletion, nil
}

// oddChunk is an event that the SDK cannot add to the others.
type oddChunk struct{ raw string }

func (e *oddChunk) Error() string { return "the SDK cannot take the chunk " + e.raw }
