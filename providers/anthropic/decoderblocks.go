package anthropic

import (
	"bytes"
	"encoding/json"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// begun is what a content block says as it begins, or as a whole.
type begun struct {
	kind, id, name, text, thinking, signature, input, citations []byte
}

func (b *begun) member(key, v []byte) bool {
	switch string(key) {
	case "type":
		b.kind = wire.Inside(v)
	case "id":
		b.id = v
	case "name":
		b.name = v
	case "text":
		b.text = v
	case "thinking":
		b.thinking = v
	case "signature":
		b.signature = v
	case "input":
		b.input = v
	case "citations":
		b.citations = v
	}
	return true
}

// begin opens a block. Of a stream its values are empty as a rule; of a whole reply they are all there is.
func (d *decoder) begin(dst []llm.Event, index int, v []byte) ([]llm.Event, error) {
	var b begun
	if !wire.Members(v, b.member) {
		return dst, broken("a content block is not a JSON object")
	}
	if d.find(index) != nil || len(d.open) >= maxOpen {
		return dst, broken("a content block begins while another of its number is open")
	}
	d.like.Forget()
	r := reading{index: index}
	var err error
	switch string(b.kind) {
	case "text":
		if dst, err = d.appendSaid(dst, index, b.text); err != nil {
			return dst, err
		}
		if len(b.citations) > 0 && b.citations[0] == '[' {
			wire.Elements(b.citations, func(v []byte) bool {
				if json.Valid(v) {
					dst, err = d.text(dst, llm.Event{Kind: llm.EventCitation, Index: index, Raw: v})
				}
				return err == nil
			})
		}
	case "thinking":
		r.kind = readThinking
		dst = appendText(dst, llm.EventThinking, index, b.thinking)
		dst = appendText(dst, llm.EventSignature, index, b.signature)
	case "tool_use":
		dst = d.beginCall(dst, &r, &b)
	default:
		r.kind = readOpaque
		if len(v) > maxBlock {
			return dst, broken("a content block is larger than 16 MiB")
		}
		r.start = bytes.Clone(v)
	}
	d.open = append(d.open, r)
	return dst, err
}

func (d *decoder) beginCall(dst []llm.Event, r *reading, b *begun) []llm.Event {
	name := wire.Text(b.name)
	if !wire.Empty(b.input) {
		r.start = bytes.Clone(b.input) // a stand-in, unless no arguments follow
	}
	if name == d.sp.answer && name != "" {
		if r.kind = readAnswer; d.spoke {
			r.kind = readNothing // a second answer
		}
		d.spoke = true
		return dst
	}
	r.kind, r.call = readCall, d.calls
	d.calls++
	if own, changed := d.sp.names[name]; changed {
		name = own
	}
	e := llm.Event{Kind: llm.EventToolCall, Index: r.call, ID: wire.Text(b.id), Name: name}
	if e.Custom = d.sp.custom[name]; e.Custom {
		r.kind = readCustom
	}
	return append(dst, e)
}

// end closes a block and tells what could only be told now.
func (d *decoder) end(dst []llm.Event, index int) ([]llm.Event, error) {
	d.like.Forget()
	r := d.find(index)
	if r == nil {
		return dst, nil
	}
	switch r.kind {
	case readCall:
		if !r.began && len(r.start) > 0 {
			dst = append(dst, llm.Event{Kind: llm.EventArguments, Index: r.call, Text: wire.AppendEscaped(nil, r.start)})
		}
		dst = append(dst, llm.Event{Kind: llm.EventToolEnd, Index: r.call})
	case readAnswer:
		if !r.began && len(r.start) > 0 {
			dst = append(dst, llm.Event{Kind: llm.EventText, Index: index, Text: wire.AppendEscaped(nil, r.start)})
		}
	case readCustom:
		if t := freeText(r); len(t) > 0 {
			dst = append(dst, llm.Event{Kind: llm.EventArguments, Index: r.call, Text: t})
		}
		dst = append(dst, llm.Event{Kind: llm.EventToolEnd, Index: r.call})
	case readOpaque:
		raw := r.start
		if r.began {
			raw = withInput(raw, wire.AppendUnescaped(nil, r.text))
		}
		if json.Valid(raw) {
			dst = append(dst, llm.Event{Kind: llm.EventOpaque, Index: index, Raw: raw})
		}
	}
	for i := range d.open {
		if &d.open[i] == r {
			d.open = append(d.open[:i], d.open[i+1:]...)
			break
		}
	}
	return dst, nil
}

// freeText is the one argument of a tool that takes free text; where the model gave something else, all of it.
func freeText(r *reading) (t llm.Text) {
	raw := r.start
	if r.began {
		raw = wire.AppendUnescaped(nil, r.text)
	}
	found := false
	if json.Valid(raw) {
		wire.Members(raw, func(key, v []byte) bool {
			if string(key) == customField && v[0] == '"' {
				t, found = wire.Mended(wire.Inside(v)), true
			}
			return !found
		})
	}
	if !found {
		t = wire.AppendEscaped(nil, raw)
	}
	return t
}

// withInput is a block with the input that came in pieces.
func withInput(block, input []byte) []byte {
	out := make([]byte, 0, len(block)+len(input)+16)
	out = append(out, '{')
	put := func(key, v []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(append(append(out, '"'), key...), '"'), ':'), v...)
	}
	wire.Members(block, func(key, v []byte) bool {
		if string(key) != "input" {
			put(key, v)
		}
		return true
	})
	put([]byte("input"), input)
	return append(out, '}')
}
