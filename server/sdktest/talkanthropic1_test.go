package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// anthropicSDK1 is version 1 of anthropic-sdk-go: API version 2023-06-01, the key in x-api-key.
type anthropicSDK1 struct{}

func (anthropicSDK1) name() string    { return "anthropic-sdk-go v1" }
func (anthropicSDK1) dialect() string { return "anthropic" }

// clients1 are kept: each has connections of its own.
var clients1 sync.Map

func (anthropicSDK1) client(at place) *anthropic.Client {
	if c, ok := clients1.Load(at); ok {
		return c.(*anthropic.Client)
	}
	credential := option.WithAPIKey(at.key)
	if at.bearer {
		credential = option.WithAuthToken(at.key)
	}
	c := anthropic.NewClient(option.WithBaseURL(at.base), credential, option.WithMaxRetries(0))
	clients1.Store(at, &c)
	return &c
}

func (s anthropicSDK1) send(ctx context.Context, at place, c *conversation, streamed bool) (a answer, err error) {
	client := s.client(at)
	var resp *http.Response
	options := []option.RequestOption{option.WithResponseInto(&resp)}
	for name, value := range c.more {
		options = append(options, option.WithJSONSet(name, value))
	}
	var params anthropic.MessageNewParams
	if err := json.Unmarshal(anthropicBody(c), &params); err != nil {
		return answer{}, err
	}
	if params.Messages, err = s.turns(c); err != nil {
		return answer{}, err
	}
	if !streamed {
		whole, err := client.Messages.New(ctx, params, options...)
		if err != nil {
			return answer{}, err
		}
		a = s.answer(whole)
		a.header = resp.Header
		return a, nil
	}
	stream := client.Messages.NewStreaming(ctx, params, options...)
	defer stream.Close()
	var all anthropic.Message
	ended := false
	for err == nil && stream.Next() {
		event := stream.Current()
		err = all.Accumulate(event)
		ended = ended || event.Type == "message_stop"
		if c.seen != nil && event.Delta.Text != "" {
			c.seen(event.Delta.Text)
		}
	}
	if err == nil {
		err = stream.Err()
	}
	if err == nil && !ended { // the SDK would take it for the end
		err = errors.New("the stream ended without message_stop")
	}
	a = s.answer(&all)
	if resp != nil {
		a.header = resp.Header
	}
	return a, err
}

func (anthropicSDK1) turns(c *conversation) (list []anthropic.MessageParam, err error) {
	for _, turn := range c.turns {
		if turn.reply != nil {
			list = append(list, turn.reply.(anthropic.MessageParam))
			continue
		}
		var m anthropic.MessageParam
		if err := json.Unmarshal(anthropicTurn(turn.parts), &m); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func (anthropicSDK1) answer(m *anthropic.Message) answer {
	u := m.Usage
	a := answer{id: m.ID, model: string(m.Model), stop: stops[string(m.StopReason)], sequence: m.StopSequence, reply: m.ToParam(),
		usage: usage{u.InputTokens + u.CacheReadInputTokens + u.CacheCreationInputTokens, u.CacheReadInputTokens, u.CacheCreationInputTokens,
			u.OutputTokens, u.OutputTokensDetails.ThinkingTokens}}
	for _, block := range m.Content {
		switch b := block.AsAny().(type) {
		case anthropic.TextBlock:
			a.text += block.Text
		case anthropic.ThinkingBlock:
			a.reasoning += block.Thinking
			a.signatures = append(a.signatures, block.Signature)
		case anthropic.ToolUseBlock:
			a.calls = append(a.calls, call{b.ID, b.Name, string(block.Input)})
		}
	}
	return a
}

func (anthropicSDK1) failure(err error) (failure, bool) {
	e, ok := errors.AsType[*anthropic.Error](err)
	if !ok {
		return failure{}, false
	}
	var body struct{ Error struct{ Message string } }
	json.Unmarshal([]byte(e.RawJSON()), &body) // this version has no field for the message
	return failure{status: e.StatusCode, kind: string(e.Type()), message: body.Error.Message, header: e.Response.Header}, true
}

func (s anthropicSDK1) models(ctx context.Context, at place) (ids []string, err error) {
	client := s.client(at)
	pages := client.Models.ListAutoPaging(ctx, anthropic.ModelListParams{Limit: anthropic.Int(7)})
	for pages.Next() {
		ids = append(ids, pages.Current().ID)
	}
	return ids, pages.Err()
}

func (s anthropicSDK1) model(ctx context.Context, at place, id string) (string, error) {
	client := s.client(at)
	m, err := client.Models.Get(ctx, id, anthropic.ModelGetParams{})
	if err != nil {
		return "", err
	}
	return m.ID, nil
}

func (s anthropicSDK1) count(ctx context.Context, at place, c *conversation) (int64, error) {
	client := s.client(at)
	var params anthropic.MessageCountTokensParams
	err := json.Unmarshal(anthropicBody(c), &params)
	if err != nil {
		return 0, err
	}
	if params.Messages, err = s.turns(c); err != nil {
		return 0, err
	}
	counted, err := client.Messages.CountTokens(ctx, params)
	if err != nil {
		return 0, err
	}
	return counted.InputTokens, nil
}
