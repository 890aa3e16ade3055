package providers

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// demoStep is a piece of the answer and the time to take before it.
type demoStep struct {
	after  time.Duration
	bytes  []byte
	tokens int // of output in it
}

// demoRelay plays an answer at its pace.
type demoRelay struct {
	ctx    context.Context
	cancel context.CancelFunc
	pace   func(context.Context, time.Duration) error
	obs    llm.Observer
	head   llm.Head
	steps  []demoStep
	said   int // tokens handed out
	usage  llm.Usage
	finish string
	began  bool
	err    error
}

func (r *demoRelay) Head() llm.Head { return r.head }

func (r *demoRelay) Close() error {
	r.cancel()
	return nil
}

func (r *demoRelay) Next() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	if len(r.steps) == 0 {
		r.err = io.EOF
		return nil, r.err
	}
	step := r.steps[0]
	if step.after > 0 {
		r.pace(r.ctx, step.after) // an end of ctx shows below
	}
	if r.ctx.Err() != nil {
		e, ok := context.Cause(r.ctx).(*llm.Error)
		if !ok {
			e = &llm.Error{Kind: llm.ClientGone, Status: 499, Message: "The request was cancelled before the answer was complete", Err: r.ctx.Err()}
		}
		r.obs.Usage(llm.Usage{Input: r.usage.Input, Output: int64(r.said), Estimated: true})
		r.obs.Failed(e)
		r.err = e
		return nil, e
	}
	if !r.began {
		r.began = true
		r.obs.Committed()
	}
	r.steps = r.steps[1:]
	r.said += step.tokens
	if len(r.steps) == 0 {
		r.obs.Usage(r.usage)
		if r.finish != "" {
			r.obs.Finish(r.finish)
		}
	}
	return step.bytes, nil
}

// demoUsage is the usage object as the dialect has it.
func demoUsage(u llm.Usage) map[string]any {
	return map[string]any{"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Total(),
		"prompt_tokens_details": map[string]any{"cached_tokens": 0}, "completion_tokens_details": map[string]any{"reasoning_tokens": 0}}
}

type object = map[string]any

// whole is the answer as one body.
func (a *demoAnswer) whole(op llm.Op) []byte {
	text := ""
	for _, p := range a.pieces {
		text += p
	}
	choice := object{"index": 0, "finish_reason": a.finish, "logprobs": nil}
	kind := "chat.completion"
	switch {
	case op == llm.Completions:
		kind, choice["text"] = "text_completion", text
	case a.tool != "":
		choice["message"] = object{"role": "assistant", "content": nil, "refusal": nil,
			"tool_calls": []object{{"id": "call_" + a.id, "type": "function", "function": object{"name": a.tool, "arguments": text}}}}
	default:
		choice["message"] = object{"role": "assistant", "content": text, "refusal": nil}
	}
	return marshal(object{"id": a.id, "object": kind, "created": a.created, "model": demoModel, "system_fingerprint": nil,
		"choices": []object{choice}, "usage": demoUsage(a.usage)})
}

// events is the answer as a stream: role, pieces, finish, usage where it was asked for, and the end mark.
func (a *demoAnswer) events(req *llm.Request) []demoStep {
	var steps []demoStep
	add := func(after time.Duration, tokens int, choices []object, usage any) {
		kind := "chat.completion.chunk"
		if a.op == llm.Completions {
			kind = "text_completion"
		}
		chunk := object{"id": a.id, "object": kind, "created": a.created, "model": demoModel, "system_fingerprint": nil, "choices": choices}
		if req.WantsUsage {
			chunk["usage"] = usage
		}
		steps = append(steps, demoStep{after, append(append([]byte("data: "), marshal(chunk)...), "\n\n"...), tokens})
	}
	one := func(delta object, finish any) []object {
		if a.op == llm.Completions {
			text, _ := delta["content"].(string)
			return []object{{"index": 0, "text": text, "logprobs": nil, "finish_reason": finish}}
		}
		return []object{{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish}}
	}
	switch {
	case a.tool != "":
		add(demoThink, 0, one(object{"role": "assistant", "content": nil, "tool_calls": []object{{"index": 0, "id": "call_" + a.id, "type": "function",
			"function": object{"name": a.tool, "arguments": ""}}}}, nil), nil)
	case a.op == llm.Chat:
		add(demoThink, 0, one(object{"role": "assistant", "content": "", "refusal": nil}, nil), nil)
	}
	for _, p := range a.pieces {
		delta := object{"content": p}
		if a.tool != "" {
			delta = object{"tool_calls": []object{{"index": 0, "function": object{"arguments": p}}}}
		}
		add(demoWord, 1, one(delta, nil), nil)
	}
	add(0, 0, one(object{}, a.finish), nil)
	if req.WantsUsage {
		add(0, 0, []object{}, demoUsage(a.usage))
	}
	// The role comes with the first word, as content commits and a role does not; the end is one piece as well.
	if a.op == llm.Chat && len(steps) > 1 {
		steps[1].bytes = append(steps[0].bytes, steps[1].bytes...)
		steps[1].after += steps[0].after
		steps = steps[1:]
	}
	last := &steps[len(steps)-1]
	last.bytes = append(last.bytes, "data: [DONE]\n\n"...)
	return steps
}

// marshal cannot fail: it is given maps of texts and numbers.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return wire.AppendQuote(nil, err.Error())
	}
	return b
}
