package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"
)

// anthropic is the client of a key in the other dialect.
func (p *player) anthropic(who string) *anthropic.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.anthropos[who]
	if c == nil {
		made := anthropic.NewClient(option.WithBaseURL(p.url), option.WithAPIKey(p.keys[who]), option.WithMaxRetries(0))
		c = &made
		p.anthropos[who] = c
	}
	return c
}

func (p *player) askAnthropic(ctx context.Context, s *step, r *result) {
	c := p.anthropic(s.who)
	var resp *http.Response
	into := option.WithResponseInto(&resp)
	var err error
	switch s.form {
	case listed:
		var page, e = c.Models.List(ctx, anthropic.ModelListParams{}, into)
		if err = e; err == nil {
			for _, m := range page.Data {
				r.models = append(r.models, m.ID)
			}
		}
	case counted:
		var count *anthropic.MessageTokensCount
		count, err = c.Messages.CountTokens(ctx, anthropic.MessageCountTokensParams{Model: anthropic.Model(s.model),
			Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(s.question()))}}, into)
		if err == nil {
			r.input = count.InputTokens
		}
	default:
		err = p.chatAnthropic(ctx, s, r, into)
	}
	r.keep(resp)
	if err != nil {
		r.failed(err)
	}
}

// chatAnthropic goes on with a conversation, as chatOpenAI does.
func (p *player) chatAnthropic(ctx context.Context, s *step, r *result, into option.RequestOption) error {
	t := p.talk(s)
	var parts []anthropic.ContentBlockParamUnion
	for _, id := range t.calls {
		parts = append(parts, anthropic.NewToolResultBlock(id, fileText, false))
	}
	if s.picture {
		parts = append(parts, anthropic.NewImageBlockBase64("image/png", pixel))
	}
	if text := s.question(); text != "" || len(parts) == 0 {
		parts = append(parts, anthropic.NewTextBlock(text+" "))
	}
	messages := append(append([]anthropic.MessageParam{}, t.anthropic...), anthropic.NewUserMessage(parts...))
	params := anthropic.MessageNewParams{Model: anthropic.Model(s.model), MaxTokens: answerRoom, Messages: messages,
		System: []anthropic.TextBlockParam{{Text: system}}}
	if s.tools {
		tool := anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{Properties: fileSchema["properties"], Required: []string{"path"}}, "read_file")
		params.Tools = []anthropic.ToolUnionParam{tool}
	}
	answer, err := p.message(ctx, s, params, into)
	if err != nil {
		return err
	}
	r.input, r.output = answer.Usage.InputTokens+answer.Usage.CacheReadInputTokens+answer.Usage.CacheCreationInputTokens, answer.Usage.OutputTokens
	if len(answer.Content) == 0 { // nothing to go on with
		return nil
	}
	t.calls = nil
	for _, block := range answer.Content {
		switch block.Type {
		case "text":
			r.text += block.Text
		case "tool_use":
			t.calls = append(t.calls, block.ID)
		}
	}
	t.anthropic = append(messages, answer.ToParam())
	return nil
}

func (p *player) message(ctx context.Context, s *step, params anthropic.MessageNewParams, into option.RequestOption) (*anthropic.Message, error) {
	c := p.anthropic(s.who)
	if s.form != streamed {
		return c.Messages.New(ctx, params, into)
	}
	stream := c.Messages.NewStreaming(ctx, params, into)
	defer stream.Close()
	var all anthropic.Message
	ended := false
	for stream.Next() {
		event := stream.Current()
		if err := all.Accumulate(event); err != nil {
			return nil, err
		}
		ended = ended || event.Type == "message_stop"
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	if !ended { // the SDK would take it for the end
		return nil, errors.New("the stream ended without message_stop")
	}
	return &all, nil
}
