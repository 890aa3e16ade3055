package anthropic

import (
	"bytes"
	"encoding/json"
	"io"

	"localrouter/providers/llm"
	"localrouter/providers/upstream"
	"localrouter/providers/wire"
)

// maxBlock bounds what is kept of one block until it is over, maxOpen how many are open at a time.
const (
	maxBlock = 16 << 20
	maxOpen  = 64
)

// decoder reads one answer.
type decoder struct {
	sp    *spelled
	open  []reading
	calls int         // of tools, so far
	spoke bool        // the tool that stands for the answer's form was called
	held  []llm.Event // text beside that tool: the answer, unless the tool is called
	heldN int         // bytes of it
	usage tally

	like   upstream.Frame // of deltas that told liked, but for the text
	liked  llm.EventKind
	likeAt int // its Event.Index
}

// reading is a block that has begun and is not over. They may interleave where the vendor falls back on its side.
type reading struct {
	index int
	kind  readKind
	call  int
	began bool     // arguments came
	start []byte   // the whole block as it began, or the input that it began with
	text  llm.Text // what was collected of its input
}

type readKind uint8

const (
	readText readKind = iota
	readThinking
	readCall
	readCustom // a call whose only argument is free text
	readAnswer // a call whose arguments are the answer
	readNothing
	readOpaque
)

// newDecoder makes the decoder of one answer to a request that was spelled as sp.
func newDecoder(sp *spelled) llm.Decoder {
	if sp == nil {
		sp = &spelled{}
	}
	return &decoder{sp: sp}
}

// frame is what has to be known of one event or message. Its values alias the event.
type frame struct {
	kind                                          []byte // of the event, without quotes
	index                                         int
	delta, block, message, usage, failure         []byte
	id, model, content, reason, stopped, rejected []byte
}

func (f *frame) member(key, v []byte) bool {
	switch string(key) {
	case "type":
		f.kind = wire.Inside(v)
	case "index":
		f.index = int(min(wire.Int(v), 1<<30))
	case "delta":
		f.delta = v
	case "content_block":
		f.block = v
	case "message":
		f.message = v
	case "usage":
		f.usage = v
	case "error":
		f.failure = v
	case "id":
		f.id = v
	case "model":
		f.model = v
	case "content":
		f.content = v
	case "stop_reason":
		f.reason = v
	case "stop_sequence":
		f.stopped = v
	case "stop_details":
		f.rejected = v
	}
	return true
}

// Event appends what one event of a stream tells; see llm.Decoder.
func (d *decoder) Event(dst []llm.Event, name, data []byte) ([]llm.Event, error) {
	if t, ok := d.like.Text(data); ok {
		return append(dst, llm.Event{Kind: d.liked, Index: d.likeAt, Text: t}), nil
	}
	if len(data) == 0 {
		return dst, nil
	}
	var f frame
	if !wire.Members(data, f.member) {
		return dst, broken("an event is not a JSON object")
	}
	kind := f.kind
	if kind == nil {
		kind = name
	}
	switch string(kind) {
	case "content_block_delta":
		before := len(dst)
		dst, err := d.delta(dst, &f)
		if len(dst) == before+1 && f.kind != nil {
			d.learn(data, &dst[before])
		}
		return dst, err
	case "content_block_start":
		return d.begin(dst, f.index, f.block)
	case "content_block_stop":
		return d.end(dst, f.index)
	case "message_start":
		var m frame
		if !wire.Members(f.message, m.member) {
			return dst, broken("message_start has no message")
		}
		return d.start(dst, &m), nil
	case "message_delta":
		var m frame
		wire.Members(f.delta, m.member)
		m.usage = f.usage
		return d.finish(dst, &m)
	case "message_stop":
		dst, err := d.over(dst, 0)
		if err == nil {
			err = io.EOF
		}
		return dst, err
	case "error":
		return dst, inside(data)
	}
	return dst, nil // ping, and what the future brings
}

// learn takes the frame of a delta that told e. Deltas of an open block in the same frame tell the same but for the text.
func (d *decoder) learn(data []byte, e *llm.Event) {
	switch e.Kind {
	case llm.EventText, llm.EventThinking, llm.EventArguments:
		d.liked, d.likeAt = e.Kind, e.Index
		d.like.Learn(data, e.Text)
	}
}

// Whole appends what a whole reply tells; see llm.Decoder.
func (d *decoder) Whole(dst []llm.Event, body []byte) ([]llm.Event, error) {
	var f frame
	if !wire.Members(body, f.member) {
		return dst, broken("it is not a JSON object")
	}
	if string(f.kind) == "error" || f.content == nil && len(f.failure) > 0 && f.failure[0] != 'n' {
		return dst, inside(body)
	}
	if len(f.content) == 0 || f.content[0] != '[' {
		return dst, broken("it has no list of content blocks")
	}
	dst = d.start(dst, &f)
	index := 0
	var failed error
	ended := wire.Elements(f.content, func(v []byte) bool {
		if dst, failed = d.begin(dst, index, v); failed == nil {
			dst, failed = d.end(dst, index)
		}
		index++
		return failed == nil
	})
	if failed == nil && !ended {
		failed = broken("its list of content blocks does not end")
	}
	if failed != nil {
		return dst, failed
	}
	if dst, failed = d.finish(dst, &f); failed == nil {
		dst, failed = d.over(dst, 0)
	}
	return dst, failed
}

// over ends the blocks that are still open when the message ends for reason, which is 0 where it named none, and lets the
// text go that was held. Some servers leave out the ends of blocks. Where the answer was cut off, so were they.
func (d *decoder) over(dst []llm.Event, reason llm.Reason) (_ []llm.Event, err error) {
	d.like.Forget()
	switch reason {
	case llm.ReasonLength, llm.ReasonContext, llm.ReasonFiltered:
		d.open = nil
	}
	for len(d.open) > 0 && err == nil {
		dst, err = d.end(dst, d.open[0].index)
	}
	if !d.spoke {
		dst = append(dst, d.held...)
	}
	d.held, d.heldN = nil, 0
	return dst, err
}

// text tells of text, or holds it where a tool stands for the answer.
func (d *decoder) text(dst []llm.Event, e llm.Event) ([]llm.Event, error) {
	if d.sp.answer == "" {
		return append(dst, e), nil
	}
	if d.spoke {
		return dst, nil
	}
	e.Text, e.Raw = bytes.Clone(e.Text), bytes.Clone(e.Raw)
	if d.heldN += len(e.Text) + len(e.Raw); d.heldN > maxBlock {
		return dst, broken("the text beside the call that it was asked for is larger than 16 MiB")
	}
	if n := len(d.held); n > 0 && e.Kind == llm.EventText && d.held[n-1].Kind == llm.EventText && d.held[n-1].Index == e.Index {
		d.held[n-1].Text = append(d.held[n-1].Text, e.Text...)
	} else {
		d.held = append(d.held, e)
	}
	return dst, nil
}

// start tells of the beginning of a message.
func (d *decoder) start(dst []llm.Event, m *frame) []llm.Event {
	d.usage.count(m.usage)
	return append(dst, llm.Event{Kind: llm.EventStart, ID: wire.Cut(wire.Text(m.id), 256), Name: wire.Cut(wire.Text(m.model), 256), Usage: d.usage.usage()})
}

// finish tells why the message ended, where that is said, and the count so far.
func (d *decoder) finish(dst []llm.Event, m *frame) (_ []llm.Event, err error) {
	if len(m.usage) > 0 && m.usage[0] == '{' {
		d.usage.count(m.usage)
		dst = append(dst, llm.Event{Kind: llm.EventUsage, Usage: d.usage.usage()})
	}
	word := wire.Inside(m.reason)
	if len(word) == 0 {
		return dst, nil
	}
	e := llm.Event{Kind: llm.EventFinish, Name: wire.Cut(string(word), 64), Reason: reasons[string(word)]}
	if e.Reason == 0 {
		e.Reason = llm.ReasonEnd
	}
	if dst, err = d.over(dst, e.Reason); err != nil {
		return dst, err
	}
	switch e.Reason {
	case llm.ReasonStop:
		e.Text = wire.Mended(wire.Inside(m.stopped))
	case llm.ReasonTools:
		if d.spoke && d.calls == 0 {
			e.Reason = llm.ReasonEnd
		}
	case llm.ReasonFiltered:
		if t := explanation(m.rejected); len(t) > 0 {
			dst = append(dst, llm.Event{Kind: llm.EventRefusal, Text: t})
		}
	}
	return append(dst, e), nil
}

var reasons = map[string]llm.Reason{
	"end_turn":                      llm.ReasonEnd,
	"max_tokens":                    llm.ReasonLength,
	"stop_sequence":                 llm.ReasonStop,
	"tool_use":                      llm.ReasonTools,
	"pause_turn":                    llm.ReasonPause,
	"compaction":                    llm.ReasonPause,
	"refusal":                       llm.ReasonFiltered,
	"model_context_window_exceeded": llm.ReasonContext,
}

// explanation is what stop_details says of a refusal.
func explanation(v []byte) (t llm.Text) {
	if len(v) > 0 && v[0] == '{' {
		wire.Members(v, func(key, v []byte) bool {
			if string(key) == "explanation" {
				t = wire.Mended(wire.Inside(v))
			}
			return true
		})
	}
	return t
}

// find is the open block of an index; nil where there is none.
func (d *decoder) find(index int) *reading {
	for i := len(d.open) - 1; i >= 0; i-- {
		if d.open[i].index == index {
			return &d.open[i]
		}
	}
	return nil
}

// change is one delta. Its values alias the event.
type change struct{ kind, text, citation []byte }

func (c *change) member(key, v []byte) bool {
	switch string(key) {
	case "type":
		c.kind = wire.Inside(v)
	case "text", "thinking", "partial_json", "signature":
		c.text = v
	case "citation":
		c.citation = v
	}
	return true
}

func (d *decoder) delta(dst []llm.Event, f *frame) ([]llm.Event, error) {
	var c change
	if !wire.Members(f.delta, c.member) {
		return dst, broken("a delta is not a JSON object")
	}
	switch string(c.kind) {
	case "text_delta":
		return d.appendSaid(dst, f.index, c.text)
	case "thinking_delta":
		return appendText(dst, llm.EventThinking, f.index, c.text), nil
	case "signature_delta":
		return appendText(dst, llm.EventSignature, f.index, c.text), nil
	case "input_json_delta":
		return d.input(dst, f.index, c.text)
	case "citations_delta":
		if json.Valid(c.citation) {
			return d.text(dst, llm.Event{Kind: llm.EventCitation, Index: f.index, Raw: c.citation})
		}
	}
	return dst, nil
}

// appendSaid is appendText for the text of the answer.
func (d *decoder) appendSaid(dst []llm.Event, index int, v []byte) ([]llm.Event, error) {
	if t := wire.Mended(wire.Inside(v)); len(t) > 0 {
		return d.text(dst, llm.Event{Kind: llm.EventText, Index: index, Text: t})
	}
	return dst, nil
}

func appendText(dst []llm.Event, kind llm.EventKind, index int, v []byte) []llm.Event {
	if t := wire.Mended(wire.Inside(v)); len(t) > 0 {
		dst = append(dst, llm.Event{Kind: kind, Index: index, Text: t})
	}
	return dst
}

// input takes more of the arguments of a call.
func (d *decoder) input(dst []llm.Event, index int, v []byte) ([]llm.Event, error) {
	r, t := d.find(index), wire.Mended(wire.Inside(v))
	if r == nil || len(t) == 0 {
		return dst, nil
	}
	r.began = true
	switch r.kind {
	case readCall:
		dst = append(dst, llm.Event{Kind: llm.EventArguments, Index: r.call, Text: t})
	case readAnswer:
		dst = append(dst, llm.Event{Kind: llm.EventText, Index: index, Text: t})
	case readCustom, readOpaque:
		if r.text = append(r.text, t...); len(r.text) > maxBlock {
			return dst, broken("the input of a tool is larger than 16 MiB")
		}
	}
	return dst, nil
}
