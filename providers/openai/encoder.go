package openai

import (
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// KeepAlive is nil: a comment is the only thing this dialect's streams have for it, and the blank line behind one makes
// some SDKs dispatch an empty event, on which they fail.
func (Codec) KeepAlive() []byte { return nil }

// Encoder makes the encoder of an answer; see llm.Codec. Reasoning is spelled as reasoning_content, which more clients
// read than any other name.
func (Codec) Encoder(req *llm.Request, a llm.Answered) llm.Encoder {
	c := common{a: a, old: asksOld(req)}
	if req.Stream {
		return &chunks{common: c, wantsUsage: req.WantsUsage}
	}
	return &reply{common: c}
}

// asksOld reports whether the application used functions, the deprecated form of tools: then it looks for calls in the
// deprecated form, too.
func asksOld(req *llm.Request) (old bool) {
	if req.Conversation == nil || len(req.Conversation.Tools) == 0 {
		return false
	}
	wire.Members(req.Body, func(key, v []byte) bool {
		switch string(key) {
		case "functions":
			old = !wire.Empty(v)
		case "tools":
			old = false
			return wire.Empty(v)
		}
		return !old
	})
	return old
}

// common is what both forms of an answer keep.
type common struct {
	a   llm.Answered
	id  string
	old bool

	usage   llm.Usage
	counted bool
	reason  llm.Reason
	calls   int

	letters    int // of text so far: what citations are placed by
	block      int // where the current block of text began
	blockIndex int
	thought    bool // the piece before was reasoning, of block thoughtIndex
	thoughtIdx int
}

// note learns from an event what is needed later.
func (c *common) note(e *llm.Event) {
	switch e.Kind {
	case llm.EventStart:
		c.id = e.ID
		c.count(e.Usage)
	case llm.EventUsage:
		c.count(e.Usage)
	case llm.EventFinish:
		c.reason = e.Reason
	case llm.EventToolCall:
		c.calls = max(c.calls, e.Index+1)
	case llm.EventText:
		if e.Index != c.blockIndex {
			c.block, c.blockIndex = c.letters, e.Index
		}
		c.letters += wire.Letters(e.Text)
	}
}

func (c *common) count(u llm.Usage) {
	if u != (llm.Usage{}) {
		c.usage, c.counted = u, true
	}
}

// gap is what parts two blocks of reasoning, which become one text.
func (c *common) gap(e *llm.Event) string {
	apart := c.thought && e.Index != c.thoughtIdx
	c.thought, c.thoughtIdx = true, e.Index
	if apart {
		return `\n\n`
	}
	return ""
}

// appendID appends the id of the answer, quoted.
func (c *common) appendID(dst []byte) []byte {
	if c.id == "" {
		c.id = "chatcmpl-" + c.a.ID
	}
	return wire.AppendQuote(dst, c.id)
}

// finish is the word for why the model stopped. Calls show in the answer itself, so their presence decides, unless the
// answer was cut: what a cut call would do nobody knows.
func (c *common) finish() string {
	switch c.reason {
	case llm.ReasonLength, llm.ReasonContext:
		return "length"
	case llm.ReasonFiltered:
		return "content_filter"
	case llm.ReasonMalformed:
		return "stop"
	}
	switch {
	case c.calls == 0:
		return "stop"
	case c.old:
		return "function_call"
	}
	return "tool_calls"
}

// appendUsage appends the count as this dialect has it: prompt tokens include those of a cache.
func (c *common) appendUsage(dst []byte) []byte {
	u := &c.usage
	for _, f := range [...]struct {
		name string
		n    int64
	}{
		{`{"prompt_tokens":`, u.InputTotal()},
		{`,"completion_tokens":`, u.Output},
		{`,"total_tokens":`, u.Total()},
		{`,"prompt_tokens_details":{"cached_tokens":`, u.CacheRead},
		{`,"cache_write_tokens":`, u.CacheWrite + u.CacheWriteLong},
		{`},"completion_tokens_details":{"reasoning_tokens":`, u.Reasoning},
	} {
		dst = strconv.AppendInt(append(dst, f.name...), f.n, 10)
	}
	return append(dst, "}}"...)
}

// chunks is the encoder of a stream.
type chunks struct {
	common
	wantsUsage bool
	started    bool
	finished   bool
	before     []byte // of every chunk, up to its delta
	after      []byte // of every chunk that is not the last, from behind its delta
	args       []bool // which calls have had arguments
	custom     []bool // which calls are of free text
}

// Append appends the chunks of one event.
func (s *chunks) Append(dst []byte, e *llm.Event) []byte {
	s.note(e)
	if !s.started && e.Kind != llm.EventUsage {
		dst = s.start(dst)
	}
	switch e.Kind {
	case llm.EventText:
		return s.text(dst, `{"content":"`, "", e.Text, `"}`)
	case llm.EventThinking:
		return s.text(dst, `{"reasoning_content":"`, s.gap(e), e.Text, `"}`)
	case llm.EventRefusal:
		return s.text(dst, `{"refusal":"`, "", e.Text, `"}`)
	case llm.EventToolCall:
		return s.call(dst, e)
	case llm.EventArguments:
		return s.arguments(dst, e.Index, e.Text)
	case llm.EventToolEnd:
		if e.Index < len(s.args) && !s.args[e.Index] && !s.custom[e.Index] {
			return s.arguments(dst, e.Index, llm.Text("{}"))
		}
	case llm.EventCitation:
		return s.citation(dst, e)
	case llm.EventFinish:
		return s.end(dst)
	}
	return dst
}

// End appends the last chunk where no event brought it, the usage where it was asked for, and the end mark.
func (s *chunks) End(dst []byte) []byte {
	if !s.started {
		dst = s.start(dst)
	}
	dst = s.end(dst)
	if s.wantsUsage && s.counted {
		dst = append(dst, s.before[:len(s.before)-len(chunkChoice)]...)
		dst = append(s.appendUsage(append(dst, `"choices":[],"usage":`...)), "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

const chunkChoice = `"choices":[{"index":0,"delta":`

// start makes the frame of all chunks, which have the same id, and appends the first of them.
func (s *chunks) start(dst []byte) []byte {
	s.started = true
	b := s.appendID(append(make([]byte, 0, 256), `data: {"id":`...))
	b = append(b, `,"object":"chat.completion.chunk","created":`...)
	b = append(strconv.AppendInt(b, s.a.Created, 10), `,"model":`...)
	b = append(wire.AppendQuote(b, s.a.Model), ',')
	s.before = append(b, chunkChoice...)
	s.after = append(s.after, `,"logprobs":null,"finish_reason":null}]`...)
	if s.wantsUsage {
		s.after = append(s.after, `,"usage":null`...)
	}
	s.after = append(s.after, "}\n\n"...)
	dst = append(append(dst, s.before...), `{"role":"assistant","content":"","refusal":null}`...)
	return append(dst, s.after...)
}

// text appends a chunk with a piece of text.
func (s *chunks) text(dst []byte, open, gap string, t llm.Text, shut string) []byte {
	if len(t) == 0 {
		return dst
	}
	dst = append(append(append(dst, s.before...), open...), gap...)
	dst = append(append(dst, t...), shut...)
	return append(dst, s.after...)
}

// call appends the chunk that announces a call.
func (s *chunks) call(dst []byte, e *llm.Event) []byte {
	for len(s.args) <= e.Index {
		s.args, s.custom = append(s.args, false), append(s.custom, false)
	}
	s.custom[e.Index] = e.Custom
	dst = append(dst, s.before...)
	if s.old {
		if e.Index > 0 {
			return dst[:len(dst)-len(s.before)] // the deprecated form has one call
		}
		dst = wire.AppendQuote(append(dst, `{"function_call":{"name":`...), e.Name)
		return append(append(dst, `,"arguments":""}}`...), s.after...)
	}
	dst = strconv.AppendInt(append(dst, `{"tool_calls":[{"index":`...), int64(e.Index), 10)
	dst = wire.AppendQuote(append(dst, `,"id":`...), e.ID)
	if e.Custom {
		dst = wire.AppendQuote(append(dst, `,"type":"custom","custom":{"name":`...), e.Name)
		dst = append(dst, `,"input":""}}]}`...)
	} else {
		dst = wire.AppendQuote(append(dst, `,"type":"function","function":{"name":`...), e.Name)
		dst = append(dst, `,"arguments":""}}]}`...)
	}
	return append(dst, s.after...)
}

// arguments appends a chunk with a piece of a call's arguments.
func (s *chunks) arguments(dst []byte, i int, t llm.Text) []byte {
	if i >= len(s.args) || len(t) == 0 {
		return dst
	}
	s.args[i] = true
	if s.old {
		if i > 0 {
			return dst
		}
		return s.text(dst, `{"function_call":{"arguments":"`, "", t, `"}}`)
	}
	dst = append(append(dst, s.before...), `{"tool_calls":[{"index":`...)
	dst = strconv.AppendInt(dst, int64(i), 10)
	if s.custom[i] {
		dst = append(dst, `,"custom":{"input":"`...)
	} else {
		dst = append(dst, `,"function":{"arguments":"`...)
	}
	dst = append(append(dst, t...), `"}}]}`...)
	return append(dst, s.after...)
}

func (s *chunks) citation(dst []byte, e *llm.Event) []byte {
	from := len(dst)
	dst = append(append(dst, s.before...), `{"annotations":[`...)
	dst, ok := s.appendCitation(dst, e.Raw)
	if !ok {
		return dst[:from]
	}
	return append(append(dst, `]}`...), s.after...)
}

// end appends the chunk that says why the answer ended, once.
func (s *chunks) end(dst []byte) []byte {
	if s.finished {
		return dst
	}
	s.finished = true
	dst = append(append(dst, s.before...), `{},"logprobs":null,"finish_reason":"`...)
	dst = append(append(dst, s.finish()...), `"}]`...)
	if s.wantsUsage {
		dst = append(dst, `,"usage":null`...)
	}
	return append(dst, "}\n\n"...)
}
