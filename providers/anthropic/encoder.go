package anthropic

import (
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// encoder spells one answer. Blocks are kept in the order of their beginnings; of a stream the first of them is written
// as it comes, and those behind it wait until it is over, since blocks of this dialect never interleave.
type encoder struct {
	a     llm.Answered
	whole bool

	id, model string
	began     bool
	usage     llm.Usage
	reason    llm.Reason
	stop      llm.Text
	refused   bool
	calls     int
	size      int // bytes of content, for an estimate where no count comes

	blocks  []block     // not yet over, from the one called first on; of a whole reply all
	first   int         // those before it have been written
	index   int         // of the first
	opened  bool        // the first has been begun
	open    map[int]int // the source of a call that is not over -> the index of its block
	waiting int         // bytes behind the first
}

// maxWaiting bounds what waits behind a call that is not over; a provider that sends more there has forgotten to end it.
const maxWaiting = 16 << 20

// block is one content block.
type block struct {
	kind   llm.PartKind // text, thinking, a tool call or an opaque one
	source int          // Event.Index
	id     string
	name   string
	custom bool
	ended  bool
	wrote  bool     // arguments have been written
	waits  int      // bytes that wait
	text   llm.Text // what waits to be written, of a whole reply all of it
	sign   llm.Text
	cited  []byte // citations, each as JSON, with commas between
	raw    []byte
}

// Encoder makes the encoder of one answer; see llm.Codec.
func (Codec) Encoder(req *llm.Request, a llm.Answered) llm.Encoder {
	return &encoder{a: a, whole: !req.Stream}
}

// Append appends what e adds to the answer.
func (n *encoder) Append(dst []byte, e *llm.Event) []byte {
	if !n.began {
		dst = n.begin(dst, e)
	}
	switch e.Kind {
	case llm.EventText, llm.EventRefusal:
		n.refused = n.refused || e.Kind == llm.EventRefusal && len(e.Text) > 0
		return n.say(dst, llm.PartText, e)
	case llm.EventThinking:
		return n.say(dst, llm.PartThinking, e)
	case llm.EventSignature:
		if b := n.thought(e.Index); b != nil {
			b.sign = append(b.sign, e.Text...)
		}
		return n.advance(dst)
	case llm.EventToolCall:
		n.shut()
		n.calls++
		id := callID(e.ID)
		if e.ID == "" {
			id = callID(n.a.ID + "_" + strconv.Itoa(e.Index)) // some local servers give none
		}
		if b := n.call(e.Index); b != nil {
			b.ended = true // nothing can come for it any more
		}
		if n.open == nil {
			n.open = map[int]int{}
		}
		n.open[e.Index] = n.index + len(n.blocks) - n.first
		n.add(block{kind: llm.PartToolCall, source: e.Index, id: id, name: e.Name, custom: e.Custom})
		return n.advance(dst)
	case llm.EventArguments:
		return n.arguments(dst, e)
	case llm.EventToolEnd:
		if b := n.call(e.Index); b != nil {
			b.ended = true
			delete(n.open, e.Index)
		}
		return n.advance(dst)
	case llm.EventOpaque:
		if n.a.Own {
			n.shut()
			n.add(block{kind: llm.PartOpaque, raw: append([]byte(nil), e.Raw...), ended: true})
		}
		return n.advance(dst)
	case llm.EventCitation:
		return n.cite(dst, e)
	case llm.EventUsage:
		n.usage = e.Usage
	case llm.EventFinish:
		if e.Reason != 0 {
			n.reason, n.stop = e.Reason, append(llm.Text(nil), e.Text...)
		}
	}
	return dst
}

// begin starts the message with its first event, whatever that is. Its id is our own: some servers give all answers the
// same, and applications tell them apart by it.
func (n *encoder) begin(dst []byte, e *llm.Event) []byte {
	n.began = true
	n.id, n.model = "msg_"+n.a.ID, n.a.Model
	if e.Kind == llm.EventStart {
		n.usage = e.Usage
		if e.ID != "" && n.a.Own {
			n.id = e.ID
		}
		if e.Name != "" {
			n.model = e.Name
		}
	}
	if n.whole {
		return dst
	}
	dst = append(dst, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":"...)
	dst = n.appendHead(dst)
	dst = append(dst, `,"content":[],"stop_reason":null,"stop_sequence":null,"usage":`...)
	dst = n.appendUsage(dst, n.known())
	return append(dst, "}}\n\n"...)
}

func (n *encoder) appendHead(dst []byte) []byte {
	dst = wire.AppendQuote(append(dst, `{"id":`...), n.id)
	return wire.AppendQuote(append(dst, `,"type":"message","role":"assistant","model":`...), n.model)
}

// say adds text or reasoning. The usual case, more of the block that is being written, costs no more than copying it.
func (n *encoder) say(dst []byte, kind llm.PartKind, e *llm.Event) []byte {
	if len(e.Text) == 0 {
		return dst
	}
	n.size += len(e.Text)
	last := len(n.blocks) - 1
	if last < n.first || n.blocks[last].kind != kind || n.blocks[last].source != e.Index || n.blocks[last].ended {
		n.shut()
		n.add(block{kind: kind, source: e.Index})
		dst = n.advance(dst)
		last = len(n.blocks) - 1
	}
	if last == n.first && n.opened {
		return n.appendDelta(dst, kind, e.Text)
	}
	b := &n.blocks[last]
	b.text = append(b.text, e.Text...)
	return n.wait(dst, b, len(e.Text))
}

// blockSize is about what a block takes beside its content.
const blockSize = 256

// add begins a block behind all others.
func (n *encoder) add(b block) {
	b.waits = blockSize + len(b.raw)
	n.waiting += b.waits
	n.blocks = append(n.blocks, b)
}

// wait counts what waits with b. Where it becomes too much the call in front ends as it is.
func (n *encoder) wait(dst []byte, b *block, size int) []byte {
	b.waits += size
	n.waiting += size
	for !n.whole && n.waiting > maxWaiting && n.first+1 < len(n.blocks) {
		n.end(&n.blocks[n.first])
		dst = n.advance(dst)
	}
	return dst
}

// end ends a block.
func (n *encoder) end(b *block) {
	if b.ended = true; b.kind == llm.PartToolCall {
		if at, open := n.open[b.source]; open && b == &n.blocks[n.first+at-n.index] {
			delete(n.open, b.source)
		}
	}
}

// shut ends a block of text or reasoning that something else follows.
func (n *encoder) shut() {
	if last := len(n.blocks) - 1; last >= n.first && n.blocks[last].kind != llm.PartToolCall {
		n.blocks[last].ended = true
	}
}

// thought is the block of reasoning that a signature belongs to. One without text has its signature all the same:
// newer models hide what they think. Signatures of other vendors mean nothing to an application of this dialect.
func (n *encoder) thought(index int) *block {
	if !n.a.Own {
		return nil
	}
	last := len(n.blocks) - 1
	if last < n.first || n.blocks[last].kind != llm.PartThinking || n.blocks[last].source != index || n.blocks[last].ended {
		n.shut()
		n.add(block{kind: llm.PartThinking, source: index})
		last = len(n.blocks) - 1
	}
	return &n.blocks[last]
}

// call finds the last call of an index, unless it is over.
func (n *encoder) call(index int) *block {
	if at, open := n.open[index]; open {
		return &n.blocks[n.first+at-n.index]
	}
	return nil
}

func (n *encoder) arguments(dst []byte, e *llm.Event) []byte {
	b := n.call(e.Index)
	if b == nil || len(e.Text) == 0 {
		return dst
	}
	n.size += len(e.Text)
	if b == &n.blocks[n.first] && n.opened {
		return n.appendArguments(dst, b, e.Text)
	}
	b.text = append(b.text, e.Text...)
	return n.wait(dst, b, len(e.Text))
}

func (n *encoder) cite(dst []byte, e *llm.Event) []byte {
	last := len(n.blocks) - 1
	if !n.a.Own || last < n.first || n.blocks[last].kind != llm.PartText || n.blocks[last].ended {
		return dst
	}
	if last == n.first && n.opened {
		return n.appendCitation(dst, e.Raw)
	}
	b := &n.blocks[last]
	if len(b.cited) > 0 {
		b.cited = append(b.cited, ',')
	}
	b.cited = append(b.cited, e.Raw...)
	return n.wait(dst, b, len(e.Raw))
}

// advance writes what may be written now: the first block as far as it has come, and those behind it once it is over.
func (n *encoder) advance(dst []byte) []byte {
	if n.whole {
		return dst
	}
	for n.first < len(n.blocks) {
		b := &n.blocks[n.first]
		if !n.opened {
			dst = n.start(dst, b)
			n.waiting -= b.waits
			b.waits, n.opened = 0, true
		}
		if !b.ended {
			break
		}
		dst = n.close(dst, b)
		*b = block{}
		n.first, n.index, n.opened = n.first+1, n.index+1, false
	}
	if n.first*2 >= len(n.blocks) { // so that each is moved once or twice at most
		n.blocks = n.blocks[:copy(n.blocks, n.blocks[n.first:])]
		n.first = 0
	}
	return dst
}

// End appends what a clean end adds: what was held back for the final count.
func (n *encoder) End(dst []byte) []byte {
	if !n.began {
		dst = n.begin(dst, &llm.Event{})
	}
	for i := range n.blocks[n.first:] {
		n.blocks[n.first+i].ended = true
	}
	if n.whole {
		return n.appendMessage(dst)
	}
	dst = n.advance(dst)
	dst = append(dst, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"...)
	dst = n.appendStop(dst)
	dst = append(dst, `},"usage":`...)
	dst = n.appendUsage(dst, n.final())
	return append(dst, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
}

// known is the count for the beginning of a message: an estimate where the provider gave none.
func (n *encoder) known() llm.Usage {
	u := n.usage
	if u.InputTotal() == 0 {
		u.Input = n.a.InputEstimate
	}
	return u
}

// final is the count for the end. The dialect has no way to leave it out, so it is estimated where it never came.
func (n *encoder) final() llm.Usage {
	u := n.known()
	if u.Output == 0 && n.size > 0 {
		u.Output = int64(max(1, n.size/wire.BytesPerToken))
	}
	return u
}

// stopReason says why the answer ended. Calls are told by their presence, since not every provider names them; but an
// answer that was cut off stays cut off, or half a call would be carried out.
func (n *encoder) stopReason() string {
	switch n.reason {
	case llm.ReasonLength:
		return "max_tokens"
	case llm.ReasonContext:
		return "model_context_window_exceeded"
	case llm.ReasonFiltered:
		return "refusal"
	case llm.ReasonPause:
		return "pause_turn"
	}
	switch {
	case n.calls > 0:
		return "tool_use"
	case n.refused:
		return "refusal"
	case n.reason == llm.ReasonStop && len(n.stop) > 0:
		return "stop_sequence"
	}
	return "end_turn"
}

func (n *encoder) appendStop(dst []byte) []byte {
	reason := n.stopReason()
	dst = append(append(append(dst, `"stop_reason":"`...), reason...), `","stop_sequence":`...)
	if reason == "stop_sequence" {
		return append(append(append(dst, '"'), n.stop...), '"')
	}
	return append(dst, "null"...)
}

func (n *encoder) appendUsage(dst []byte, u llm.Usage) []byte {
	dst = appendCount(dst, `{"input_tokens":`, u.Input)
	dst = appendCount(dst, `,"cache_creation_input_tokens":`, u.CacheWrite+u.CacheWriteLong)
	dst = appendCount(dst, `,"cache_read_input_tokens":`, u.CacheRead)
	if u.CacheWriteLong > 0 {
		dst = appendCount(dst, `,"cache_creation":{"ephemeral_5m_input_tokens":`, u.CacheWrite)
		dst = append(appendCount(dst, `,"ephemeral_1h_input_tokens":`, u.CacheWriteLong), '}')
	}
	dst = appendCount(dst, `,"output_tokens":`, u.Output)
	if u.Reasoning > 0 {
		dst = append(appendCount(dst, `,"output_tokens_details":{"thinking_tokens":`, u.Reasoning), '}')
	}
	return append(dst, '}')
}

func appendCount(dst []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(dst, name...), max(n, 0), 10)
}
