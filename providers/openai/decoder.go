package openai

import (
	"bytes"
	"io"

	"localrouter/providers/llm"
	"localrouter/providers/upstream"
	"localrouter/providers/wire"
)

// newDecoder makes the decoder of the answer to what sp says; sp may be nil. mint makes an id for a call that came
// without one.
func newDecoder(sp *spelled, mint func() string) llm.Decoder {
	d := &decoder{mint: mint}
	if sp != nil {
		d.names, d.stops = sp.names, sp.stops
	}
	return d
}

// decoder reads one answer, from any server of this dialect.
type decoder struct {
	names map[string]string
	stops []llm.Text // that were asked for
	mint  func() string

	started bool
	model   string
	id      string
	usage   llm.Usage
	service llm.Service
	counted bool
	finish  string
	stop    llm.Text // the stop sequence that came
	refused bool     // the model refused in words
	chosen  bool     // there was a choice
	last    llm.EventKind
	block   int // counts blocks of text and of reasoning
	calls   []wireCall
	called  int // of them were announced
	like    upstream.Frame
	liked   llm.EventKind // what stands in the frame
	likedIn int           // of arguments: where their call stands in calls
	now     piece         // of the chunk in hand; kept for its memory
}

// piece is what one delta or message holds.
type piece struct {
	content, reasoning, refusal []byte // values as they came; nil: not there
	toolCalls, oldCall          []byte
	citations                   []byte
	finish, failure             []byte
	stop, usage                 []byte
	index                       int64 // of the choice
	call                        int   // which call the last piece of one belonged to
	unnamed                     bool  // and that it came without a name
	insane                      bool  // the delta or message is not what it begins as
	alien                       bool  // its content is neither text nor a list
}

// wireFacts are what stands around the choices of a chunk or reply.
type wireFacts struct {
	choices, failure []byte
	id, model        []byte
	usage            llm.Usage
	counted          bool
	service          llm.Service
	stranger         bool // an error object without the envelope
}

const endMark = "[DONE]"

// Event reads one chunk; see llm.Decoder.
func (d *decoder) Event(dst []llm.Event, name, data []byte) ([]llm.Event, error) {
	if t, ok := d.like.Text(data); ok {
		if d.liked == llm.EventArguments {
			return d.say(dst, &d.calls[d.likedIn], t), nil
		}
		d.enter(d.liked)
		return append(dst, llm.Event{Kind: d.liked, Index: d.block, Text: t}), nil
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return dst, nil
	}
	if string(data) == endMark {
		dst, err := d.end(dst)
		if err != nil {
			return dst, err
		}
		return dst, io.EOF
	}
	dst, err := d.read(dst, data, string(name) == "error", false)
	if err != nil {
		return dst, err // a nil *llm.Error in an error is not nil
	}
	return dst, nil
}

// Whole reads a whole reply; see llm.Decoder.
func (d *decoder) Whole(dst []llm.Event, body []byte) ([]llm.Event, error) {
	dst, err := d.read(dst, bytes.TrimSpace(body), false, true)
	if err == nil {
		dst, err = d.end(dst)
	}
	if err != nil {
		return dst, err
	}
	return dst, nil
}

// read reads one JSON object: a chunk, or a reply where whole.
func (d *decoder) read(dst []llm.Event, data []byte, failed, whole bool) ([]llm.Event, *llm.Error) {
	var f wireFacts
	switch ok := wire.Members(data, f.member); {
	case !ok && whole:
		return dst, upstream.Broken(llm.ProviderFailed, "answered with something that is not a JSON object; check its base_url", nil)
	case !ok:
		return dst, upstream.Broken(llm.Broken, "sent an event that is not a JSON object", nil)
	case f.failure != nil:
		return dst, insideError(data, f.failure)
	case f.choices == nil && (failed || f.stranger):
		return dst, insideError(data, data)
	}
	dst, err := d.take(dst, data, &f, whole)
	if err != nil {
		return dst, err
	}
	if whole && !d.chosen {
		return dst, upstream.Broken(llm.ProviderFailed, "answered without any choice", nil)
	}
	return dst, nil
}

func (f *wireFacts) member(key, v []byte) bool {
	switch string(key) {
	case "choices":
		if v[0] == '[' {
			f.choices = v
		}
	case "id":
		f.id = v
	case "model":
		f.model = v
	case "usage":
		f.count(v)
	case "service_tier":
		f.service = llm.ServiceOf(wire.Inside(v))
	case "x_groq":
		if v[0] == '{' {
			wire.Members(v, f.groq)
		}
	case "error":
		if !wire.Empty(v) && v[0] != 'f' {
			f.failure = v
		}
	case "object":
		f.stranger = f.stranger || string(v) == `"error"`
	}
	return true
}

func (f *wireFacts) groq(key, v []byte) bool {
	if string(key) == "usage" {
		f.count(v)
	}
	return true
}

func (f *wireFacts) count(v []byte) {
	if u, ok := parseUsage(v); ok {
		f.usage, f.counted = llm.Larger(f.usage, u), true
	}
}

// take appends what a chunk or reply tells.
func (d *decoder) take(dst []llm.Event, data []byte, f *wireFacts, whole bool) ([]llm.Event, *llm.Error) {
	d.head(f)
	before := len(dst)
	if f.choices != nil {
		var err *llm.Error
		if dst, err = d.choose(dst, data, f.choices, whole); err != nil {
			return dst, err
		}
		if d.now.usage != nil {
			f.count(d.now.usage)
		}
	}
	if len(dst) == before+1 && !f.counted && !whole {
		d.learn(data, &dst[before])
	}
	if f.counted {
		dst = d.count(dst, f.usage)
	}
	return dst, nil
}

// learn takes the frame of a chunk that told e and nothing else.
func (d *decoder) learn(data []byte, e *llm.Event) {
	switch e.Kind {
	case llm.EventText, llm.EventThinking:
	case llm.EventArguments:
		if !d.now.unnamed || d.calls[d.now.call].index != e.Index {
			return // a name that comes with every piece of a call may begin another
		}
	default:
		d.like.Forget()
		return
	}
	d.liked, d.likedIn = e.Kind, d.now.call
	d.like.Learn(data, e.Text)
}

// head keeps the answer's id and model: the first that are not empty, as some servers begin with chunks of their own.
func (d *decoder) head(f *wireFacts) {
	if d.id == "" && len(f.id) > 2 {
		d.id = wire.Cut(wire.Text(f.id), 256)
	}
	if f.service != llm.ServiceUsual {
		d.service = f.service
	}
	if d.model == "" && len(f.model) > 2 {
		d.model = wire.Cut(wire.Text(f.model), 256)
	}
}

// start appends the beginning of the answer, once.
func (d *decoder) start(dst []llm.Event) []llm.Event {
	if d.started {
		return dst
	}
	d.started = true
	return append(dst, llm.Event{Kind: llm.EventStart, ID: d.id, Name: d.model, Usage: llm.Usage{Service: d.service}})
}

// count appends a count that says more than those before: some servers send zeros or null after the real one.
func (d *decoder) count(dst []llm.Event, u llm.Usage) []llm.Event {
	u.Service = d.service
	if d.counted {
		u = llm.Larger(d.usage, u)
	}
	if d.counted && u == d.usage || u == (llm.Usage{Service: d.service}) {
		return dst
	}
	d.usage, d.counted = u, true
	return append(d.start(dst), llm.Event{Kind: llm.EventUsage, Usage: u})
}

// choose reads the first of the choices; there are no others in an answer that is translated.
func (d *decoder) choose(dst []llm.Event, data, choices []byte, whole bool) ([]llm.Event, *llm.Error) {
	d.now = piece{}
	found, sane := false, true
	ok := wire.Elements(choices, func(v []byte) bool {
		if v[0] == '{' {
			found = true
			sane = wire.Members(v, d.now.choice)
		}
		return false
	})
	p := &d.now
	switch {
	case p.failure != nil:
		return dst, insideError(data, p.failure)
	case !ok || !sane || p.insane:
		return dst, upstream.Broken(llm.Broken, "sent an event with choices that nobody can read", nil)
	case !found || p.index != 0:
		return dst, nil
	case p.alien:
		return dst, upstream.Broken(llm.Broken, "sent a content that is neither a text nor a list of parts", nil)
	}
	d.chosen = true
	dst = d.piece(d.start(dst), whole)
	return d.stopped(dst)
}

// choice reads an element of choices.
func (p *piece) choice(key, v []byte) bool {
	switch string(key) {
	case "index":
		p.index = wire.Int(v)
	case "delta", "message":
		p.insane = p.insane || v[0] == '{' && !wire.Members(v, p.member)
	case "finish_reason":
		p.finish = v
	case "stop_reason": // vLLM
		p.stop = v
	case "usage": // Moonshot
		p.usage = v
	case "error":
		if !wire.Empty(v) {
			p.failure = v
		}
	}
	return true
}

func (p *piece) member(key, v []byte) bool {
	if wire.Empty(v) {
		return true
	}
	switch string(key) {
	case "content":
		p.content = v
		p.alien = v[0] != '"' && v[0] != '['
	case "reasoning_content", "reasoning", "reasoning_text": // some servers send two of them with the same text
		if p.reasoning == nil && v[0] == '"' {
			p.reasoning = v
		}
	case "refusal":
		p.refusal = v
	case "tool_calls":
		p.toolCalls = v
	case "function_call":
		p.oldCall = v
	case "annotations":
		p.citations = v
	}
	return true
}

// piece appends what a delta or message says.
func (d *decoder) piece(dst []llm.Event, whole bool) []llm.Event {
	p := &d.now
	if p.reasoning != nil {
		dst = d.words(dst, llm.EventThinking, p.reasoning)
	}
	if p.content != nil {
		dst = d.content(dst, p.content)
	}
	if p.refusal != nil {
		d.refused = true
		dst = d.words(dst, llm.EventRefusal, p.refusal)
	}
	if p.citations != nil && p.citations[0] == '[' {
		wire.Elements(p.citations, func(v []byte) bool {
			if v[0] == '{' {
				dst = append(dst, llm.Event{Kind: llm.EventCitation, Raw: v})
			}
			return true
		})
	}
	if p.toolCalls != nil && p.toolCalls[0] == '[' {
		dst = d.toolCalls(dst, p.toolCalls, whole)
	}
	if p.oldCall != nil && p.oldCall[0] == '{' {
		dst = d.oldCall(dst, p.oldCall, whole)
	}
	return dst
}
