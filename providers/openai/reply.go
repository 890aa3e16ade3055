package openai

import (
	"encoding/json"
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// reply is the encoder of a whole reply: it collects, and spells at the end.
type reply struct {
	common
	content, reasoning, refused []byte
	citations                   []byte // elements of annotations, with commas between
	made                        []madeCall
}

// madeCall is a call of a reply.
type madeCall struct {
	id, name string
	custom   bool
	args     []byte // the inside of a JSON string
}

// Append collects what an event says.
func (w *reply) Append(dst []byte, e *llm.Event) []byte {
	w.note(e)
	switch e.Kind {
	case llm.EventText:
		w.content = append(w.content, e.Text...)
	case llm.EventThinking:
		if len(e.Text) > 0 {
			w.reasoning = append(append(w.reasoning, w.gap(e)...), e.Text...)
		}
	case llm.EventRefusal:
		w.refused = append(w.refused, e.Text...)
	case llm.EventToolCall:
		for len(w.made) <= e.Index {
			w.made = append(w.made, madeCall{})
		}
		w.made[e.Index] = madeCall{id: e.ID, name: e.Name, custom: e.Custom}
	case llm.EventArguments:
		if e.Index < len(w.made) {
			c := &w.made[e.Index]
			c.args = append(c.args, e.Text...)
		}
	case llm.EventCitation:
		from := len(w.citations)
		if from > 0 {
			w.citations = append(w.citations, ',')
		}
		var ok bool
		if w.citations, ok = w.appendCitation(w.citations, e.Raw); !ok {
			w.citations = w.citations[:from]
		}
	}
	return dst
}

// End appends the reply.
func (w *reply) End(dst []byte) []byte {
	dst = w.appendID(append(dst, `{"id":`...))
	dst = append(dst, `,"object":"chat.completion","created":`...)
	dst = append(strconv.AppendInt(dst, w.a.Created, 10), `,"model":`...)
	dst = append(wire.AppendQuote(dst, w.a.Model), `,"choices":[{"index":0,"message":`...)
	dst = append(w.message(dst), `,"logprobs":null,"finish_reason":"`...)
	dst = append(append(dst, w.finish()...), `"}]`...)
	if w.counted {
		dst = w.appendUsage(append(dst, `,"usage":`...))
	}
	return append(dst, '}')
}

func (w *reply) message(dst []byte) []byte {
	dst = append(dst, `{"role":"assistant","content":`...)
	if len(w.content) == 0 && (len(w.made) > 0 || len(w.refused) > 0) {
		dst = append(dst, "null"...)
	} else {
		dst = quoted(dst, w.content)
	}
	if len(w.reasoning) > 0 {
		dst = quoted(append(dst, `,"reasoning_content":`...), w.reasoning)
	}
	dst = append(dst, `,"refusal":`...)
	if len(w.refused) > 0 {
		dst = quoted(dst, w.refused)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(append(append(dst, `,"annotations":[`...), w.citations...), ']')
	return append(w.appendCalls(dst), '}')
}

// quoted appends a text as a JSON string.
func quoted(dst []byte, t llm.Text) []byte {
	return append(append(append(dst, '"'), t...), '"')
}

func (w *reply) appendCalls(dst []byte) []byte {
	if len(w.made) == 0 {
		return dst
	}
	if w.old {
		dst = wire.AppendQuote(append(dst, `,"function_call":{"name":`...), w.made[0].name)
		return append(quoted(append(dst, `,"arguments":`...), w.made[0].arguments()), '}')
	}
	dst = append(dst, `,"tool_calls":[`...)
	for i := range w.made {
		c := &w.made[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = wire.AppendQuote(append(dst, `{"id":`...), c.id)
		if c.custom {
			dst = wire.AppendQuote(append(dst, `,"type":"custom","custom":{"name":`...), c.name)
			dst = append(dst, `,"input":`...)
		} else {
			dst = wire.AppendQuote(append(dst, `,"type":"function","function":{"name":`...), c.name)
			dst = append(dst, `,"arguments":`...)
		}
		dst = append(quoted(dst, c.arguments()), `}}`...)
	}
	return append(dst, ']')
}

// arguments are never an empty string: clients parse them.
func (c *madeCall) arguments() []byte {
	if len(c.args) == 0 && !c.custom {
		return []byte("{}")
	}
	return c.args
}

// appendCitation appends a citation as an annotation of this dialect; ok is false where it has no web address, which is
// all that annotations can name. One that is of this dialect already stays as it is.
func (c *common) appendCitation(dst, raw []byte) (_ []byte, ok bool) {
	var url, title []byte
	own := false
	wire.Members(raw, func(key, v []byte) bool {
		switch string(key) {
		case "type":
			own = string(v) == `"url_citation"`
		case "url":
			url = v
		case "title":
			title = v
		}
		return true
	})
	if own && json.Valid(raw) {
		return wire.AppendLine(dst, raw), true
	}
	if len(url) < 3 || url[0] != '"' {
		return dst, false
	}
	dst = strconv.AppendInt(append(dst, `{"type":"url_citation","url_citation":{"start_index":`...), int64(c.block), 10)
	dst = strconv.AppendInt(append(dst, `,"end_index":`...), int64(c.letters), 10)
	dst = quoted(append(dst, `,"url":`...), wire.Mended(wire.Inside(url)))
	dst = append(dst, `,"title":`...)
	if len(title) > 1 && title[0] == '"' {
		dst = quoted(dst, wire.Mended(wire.Inside(title)))
	} else {
		dst = append(dst, `""`...)
	}
	return append(dst, `}}`...), true
}
