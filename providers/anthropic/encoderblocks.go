package anthropic

import (
	"strconv"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// start begins a block of a stream and writes what had to wait.
func (n *encoder) start(dst []byte, b *block) []byte {
	dst = append(dst, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":"...)
	dst = strconv.AppendInt(dst, int64(n.index), 10)
	dst = append(dst, `,"content_block":`...)
	switch b.kind {
	case llm.PartText:
		dst = append(dst, `{"type":"text","text":""}`...)
	case llm.PartThinking:
		dst = append(dst, `{"type":"thinking","thinking":"","signature":""}`...)
	case llm.PartToolCall:
		dst = wire.AppendQuote(append(dst, `{"type":"tool_use","id":`...), b.id)
		dst = wire.AppendQuote(append(dst, `,"name":`...), b.name)
		dst = append(dst, `,"input":{}}`...)
	default:
		dst = wire.AppendLine(dst, b.raw)
	}
	dst = append(dst, "}\n\n"...)
	if text := b.text; len(text) > 0 {
		b.text = nil
		if b.kind == llm.PartToolCall {
			dst = n.appendArguments(dst, b, text)
		} else {
			dst = n.appendDelta(dst, b.kind, text)
		}
	}
	if len(b.cited) > 0 {
		wire.Elements(append(append([]byte{'['}, b.cited...), ']'), func(c []byte) bool {
			dst = n.appendCitation(dst, c)
			return true
		})
	}
	return dst
}

// close ends a block of a stream.
func (n *encoder) close(dst []byte, b *block) []byte {
	switch {
	case b.kind == llm.PartThinking:
		dst = n.appendDeltaHead(dst)
		dst = append(dst, `signature_delta","signature":"`...)
		dst = n.appendSignature(dst, b)
		dst = append(dst, "\"}}\n\n"...)
	case b.kind == llm.PartToolCall && b.custom:
		if !b.wrote {
			dst = append(append(n.appendDeltaHead(dst), `input_json_delta","partial_json":"`...), customHead...)
			dst = append(dst, "\"}}\n\n"...)
		}
		dst = append(append(n.appendDeltaHead(dst), `input_json_delta","partial_json":"`...), customTail...)
		dst = append(dst, "\"}}\n\n"...)
	case b.kind == llm.PartToolCall && !b.wrote:
		dst = append(n.appendDeltaHead(dst), "input_json_delta\",\"partial_json\":\"{}\"}}\n\n"...)
	}
	dst = append(dst, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":"...)
	dst = strconv.AppendInt(dst, int64(n.index), 10)
	return append(dst, "}\n\n"...)
}

// appendSignature ends reasoning: with the vendor's own signature, or with one that names who thought it.
func (n *encoder) appendSignature(dst []byte, b *block) []byte {
	if n.a.Own {
		return append(dst, b.sign...)
	}
	return wire.AppendEscaped(append(dst, mark...), []byte(n.a.Provider))
}

// appendDeltaHead begins a delta up to its type's first letter.
func (n *encoder) appendDeltaHead(dst []byte) []byte {
	dst = append(dst, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":"...)
	dst = strconv.AppendInt(dst, int64(n.index), 10)
	return append(dst, `,"delta":{"type":"`...)
}

func (n *encoder) appendDelta(dst []byte, kind llm.PartKind, t llm.Text) []byte {
	dst = n.appendDeltaHead(dst)
	if kind == llm.PartThinking {
		dst = append(dst, `thinking_delta","thinking":"`...)
	} else {
		dst = append(dst, `text_delta","text":"`...)
	}
	return append(append(dst, t...), "\"}}\n\n"...)
}

func (n *encoder) appendCitation(dst, raw []byte) []byte {
	dst = append(n.appendDeltaHead(dst), `citations_delta","citation":`...)
	return append(wire.AppendLine(dst, raw), "}}\n\n"...)
}

// The input of a tool that takes free text is an object with that text, here as it stands inside another string.
const (
	customHead = `{\"input\":\"`
	customTail = `\"}`
)

// none is what some models send for no arguments at all.
const none = "null"

// appendArguments writes more arguments. White space before them, and a null as long as nothing else follows, mean that
// there are none; the null waits in b.text.
func (n *encoder) appendArguments(dst []byte, b *block, t llm.Text) []byte {
	if !b.custom && !b.wrote {
		t = lead(append(b.text, t...))
		held := t[:min(len(t), len(none))]
		if strings.HasPrefix(none, string(held)) && blank(t[len(held):]) {
			b.text = append(llm.Text(nil), held...)
			return dst
		}
		b.text = nil
	}
	dst = append(n.appendDeltaHead(dst), `input_json_delta","partial_json":"`...)
	if b.custom {
		if !b.wrote {
			dst = append(dst, customHead...)
		}
		dst = wire.AppendEscaped(dst, t)
	} else {
		dst = append(dst, t...)
	}
	b.wrote = true
	return append(dst, "\"}}\n\n"...)
}

// appendMessage writes a whole reply.
func (n *encoder) appendMessage(dst []byte) []byte {
	dst = append(n.appendHead(dst), `,"content":[`...)
	first := len(dst)
	for i := range n.blocks {
		b := &n.blocks[i]
		if len(dst) > first {
			dst = append(dst, ',')
		}
		switch b.kind {
		case llm.PartText:
			dst = append(append(append(dst, `{"type":"text","text":"`...), b.text...), '"')
			if len(b.cited) > 0 {
				dst = append(append(append(dst, `,"citations":[`...), b.cited...), ']')
			}
			dst = append(dst, '}')
		case llm.PartThinking:
			dst = append(append(append(dst, `{"type":"thinking","thinking":"`...), b.text...), `","signature":"`...)
			dst = append(n.appendSignature(dst, b), `"}`...)
		case llm.PartToolCall:
			dst = appendCall(dst, b)
		default:
			dst = append(dst, b.raw...)
		}
	}
	dst = n.appendStop(append(dst, `],`...))
	return append(n.appendUsage(append(dst, `,"usage":`...), n.final()), '}')
}

// appendCall writes a call of a whole reply. Its input has to be an object; arguments that are none, because the answer
// was cut off or the model erred, cannot be one. They are shown as text before the call, whose input is empty: so
// nothing is lost, and no tool runs with half of what was meant for it.
func appendCall(dst []byte, b *block) []byte {
	input := []byte("{}")
	switch raw := wire.AppendUnescaped(nil, b.text); {
	case b.custom:
		input = append(append(append([]byte(`{"input":"`), b.text...), '"'), '}')
	case blank(b.text), string(trim(lead(b.text))) == none:
	case wire.IsObject(raw):
		input = raw
	default:
		dst = append(dst, `{"type":"text","text":"The arguments of the following call are not a JSON object and were left out: `...)
		dst = append(append(dst, b.text...), `"},`...)
	}
	dst = wire.AppendQuote(append(dst, `{"type":"tool_use","id":`...), b.id)
	dst = wire.AppendQuote(append(dst, `,"name":`...), b.name)
	return append(append(append(dst, `,"input":`...), input...), '}')
}
