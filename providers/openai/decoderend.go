package openai

import (
	"localrouter/providers/llm"
	"localrouter/providers/upstream"
	"localrouter/providers/wire"
)

// stopped keeps the finish reason; a later null does not clear it.
func (d *decoder) stopped(dst []llm.Event) ([]llm.Event, *llm.Error) {
	if v := d.now.stop; len(v) > 2 && v[0] == '"' { // a number is a token, and other words are no stop sequence
		for _, t := range d.stops {
			if wire.Meaning(t) == wire.Text(v) {
				d.stop = t
			}
		}
	}
	v := d.now.finish
	if len(v) < 3 || v[0] != '"' {
		return dst, nil
	}
	if string(v[1:len(v)-1]) != d.finish {
		d.finish = wire.Cut(wire.Text(v), 64)
	}
	switch d.finish {
	case "error", "insufficient_system_resource", "abort": // OpenRouter; DeepSeek; vLLM
		return dst, &llm.Error{Kind: llm.ProviderFailed, Status: 502,
			Message: "The provider stopped in the middle of its answer (" + d.finish + ") and did not say why."}
	}
	return dst, nil
}

// end appends the end of everything that is open, and why the model stopped. A call without a name is nothing that
// anybody could make, and an answer without it would be another; where the answer was cut it is part of what is missing.
func (d *decoder) end(dst []llm.Event) ([]llm.Event, *llm.Error) {
	dst = d.start(dst)
	nameless := false
	for i := range d.calls {
		if c := &d.calls[i]; !c.announced {
			nameless = nameless || c.id != "" || len(c.early) > 0
		} else if !c.ended {
			dst = d.endCall(dst, c)
		}
	}
	reason := d.reason()
	if nameless && reason != llm.ReasonLength && reason != llm.ReasonContext && reason != llm.ReasonFiltered {
		return dst, upstream.Broken(llm.Broken, "sent a call of a tool without a name", nil)
	}
	e := llm.Event{Kind: llm.EventFinish, Reason: reason, Name: d.finish}
	if reason == llm.ReasonStop {
		e.Text = d.stop
	}
	return append(dst, e), nil
}

// reason is why the model stopped, in the neutral language. Several servers say "stop" after calls, so their presence
// decides; but a call that was cut must not be made.
func (d *decoder) reason() llm.Reason {
	switch d.finish {
	case "length", "max_tokens":
		return llm.ReasonLength
	case "model_length": // Mistral
		return llm.ReasonContext
	case "content_filter":
		return llm.ReasonFiltered
	}
	switch {
	case d.called > 0:
		return llm.ReasonTools
	case d.refused:
		return llm.ReasonFiltered
	case d.stop != nil:
		return llm.ReasonStop
	}
	return llm.ReasonEnd
}
