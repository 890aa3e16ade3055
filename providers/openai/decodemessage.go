package openai

import (
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// message is one message as it was read; what it becomes depends on its role, which may come last.
type message struct {
	role               llm.Text
	name               llm.Text
	content            []byte
	calls, oldCall     []byte
	reasoning, refusal llm.Text
	callID             llm.Text
}

// messages reads the conversation.
func (r *reading) messages(v []byte) {
	r.elements(v, "messages", func(i int, v []byte) {
		r.sawMessages, r.message = true, i
		m := r.readMessage(v)
		if r.err == nil {
			r.turn(&m)
		}
	})
	r.message = -1
}

func (r *reading) readMessage(v []byte) (m message) {
	r.members(v, "", func(key, v []byte) {
		switch string(key) {
		case "role":
			m.role = r.text(v, "role")
		case "content":
			m.content = v
		case "name":
			m.name = r.text(v, "name")
		case "tool_call_id":
			m.callID = r.text(v, "tool_call_id")
		case "tool_calls":
			m.calls = v
		case "function_call":
			m.oldCall = v
		case "refusal":
			m.refusal = r.text(v, "refusal")
		case "reasoning_content", "reasoning":
			if t := r.text(v, string(key)); len(t) > 0 && len(m.reasoning) == 0 {
				m.reasoning = t
				r.c.Use(llm.FeatureThinking, "messages."+string(key))
			}
		case "reasoning_details": // signed or encrypted: only their maker can read them
			if v[0] == '[' && len(v) > 2 {
				r.c.Use(llm.FeatureOpaque, "messages.reasoning_details")
			}
		case "audio": // an earlier answer in sound, by its id at the vendor
			r.c.Use(llm.FeatureVital, "messages.audio")
		case "prefix":
			r.boolean(v, "prefix") // where it stands decides: see prefill
		default:
			r.unknown("messages.", key, v)
		}
	})
	return m
}

// turn adds what a message says.
func (r *reading) turn(m *message) {
	switch wire.Meaning(m.role) {
	case "system":
		r.system(m, false)
	case "developer":
		r.system(m, true)
	case "user":
		r.user(m)
	case "assistant":
		r.assistant(m)
	case "tool":
		r.result(m, wire.Meaning(m.callID))
	case "function":
		r.result(m, "")
	default:
		r.refuse("role", "must be one of system, developer, user, assistant and tool")
	}
}

func (r *reading) system(m *message, developer bool) {
	if r.talk.began {
		r.c.Use(llm.FeatureMidSystem, "messages.role")
	}
	r.say(llm.Turn{Role: llm.System, Developer: developer, Name: r.speaker(m), Parts: r.content(m.content)})
}

func (r *reading) user(m *message) {
	r.talk.began = true
	r.say(llm.Turn{Role: llm.User, Name: r.speaker(m), Parts: r.content(m.content)})
}

// speaker is the name of who speaks, where several share a role.
func (r *reading) speaker(m *message) llm.Text {
	if len(m.name) > 0 {
		r.c.Use(llm.FeatureNames, "messages.name")
	}
	return m.name
}

// say adds a turn. One that says nothing is none: many clients send empty texts, and other dialects refuse them.
func (r *reading) say(t llm.Turn) {
	if len(t.Parts) > 0 && r.err == nil {
		r.c.Turns = append(r.c.Turns, t)
		r.talk.last = r.message
	}
}

func (r *reading) assistant(m *message) {
	r.talk.began = true
	r.talk.lost(r)
	t := llm.Turn{Role: llm.Assistant, Name: r.speaker(m)}
	if len(m.reasoning) > 0 {
		t.Parts = append(t.Parts, llm.Part{Kind: llm.PartThinking, Text: m.reasoning})
	}
	t.Parts = append(t.Parts, r.content(m.content)...)
	if len(m.refusal) > 0 {
		t.Parts = append(t.Parts, llm.Part{Kind: llm.PartRefusal, Text: m.refusal})
	}
	if m.calls != nil {
		r.elements(m.calls, "tool_calls", func(i int, v []byte) {
			if i == mostCalls {
				r.refuse("tool_calls", "must not hold more than "+strconv.Itoa(mostCalls)+" calls")
				return
			}
			t.Parts = r.call(t.Parts, v)
		})
	}
	if m.oldCall != nil {
		t.Parts = r.oldCall(t.Parts, m.oldCall)
	}
	r.say(t)
}

// call adds a tool call of the history.
func (r *reading) call(parts []llm.Part, v []byte) []llm.Part {
	p := llm.Part{Kind: llm.PartToolCall}
	var kind llm.Text
	var function, custom []byte
	r.members(v, "tool_calls", func(key, v []byte) {
		switch string(key) {
		case "id":
			p.ID = wire.Meaning(r.text(v, "tool_calls.id"))
		case "type":
			kind = r.text(v, "tool_calls.type")
		case "function":
			function = v
		case "custom":
			custom = v
		case "index": // clients that echo what they were streamed
		default:
			r.unknown("messages.tool_calls.", key, v)
		}
	})
	switch {
	case custom != nil && string(kind) == "custom":
		p.Custom = true
		r.c.Use(llm.FeatureCustomTools, "messages.tool_calls.custom")
		r.called(&p, custom, "tool_calls.custom", "input")
	case function != nil:
		r.called(&p, function, "tool_calls.function", "arguments")
	default:
		r.refuse("tool_calls.function", "must be an object with the name and the arguments of the call")
	}
	if r.err != nil {
		return parts
	}
	if p.ID == "" {
		p.ID = r.talk.nameless()
	}
	r.talk.call(p.ID)
	return append(parts, p)
}

// called reads the name and the arguments of a call.
func (r *reading) called(p *llm.Part, v []byte, field, args string) {
	r.members(v, field, func(key, v []byte) {
		switch string(key) {
		case "name":
			p.Name = r.text(v, field+".name")
		case args:
			if v[0] == '{' && !p.Custom { // some servers give an object, and their clients give it back
				p.Args = r.raw(v, field+"."+args)
				return
			}
			p.Args = wire.AppendUnescaped(nil, r.text(v, field+"."+args))
		default:
			r.unknown("messages."+field+".", key, v)
		}
	})
	if len(p.Name) == 0 {
		r.refuse(field+".name", "must be a string that names a tool")
	}
	if p.Custom {
		return
	}
	if len(p.Args) == 0 {
		p.Args = []byte("{}")
	}
	if !wire.IsObject(p.Args) {
		r.c.Use(llm.FeatureBadArguments, "messages.tool_calls.function.arguments")
		return
	}
	p.Args = wire.Paired(p.Args) // there may be halves in the strings within the string
}

// oldCall adds the one call of the deprecated form, which has no id.
func (r *reading) oldCall(parts []llm.Part, v []byte) []llm.Part {
	p := llm.Part{Kind: llm.PartToolCall, ID: r.talk.nameless()}
	r.called(&p, v, "function_call", "arguments")
	r.talk.call(p.ID)
	return append(parts, p)
}

// result adds the result of a call as a user's turn of its own. Without an id it answers the first open call.
func (r *reading) result(m *message, id string) {
	r.talk.began = true
	if id == "" {
		if id = r.talk.first(); id == "" {
			r.refuse("tool_call_id", "must be a string: the id of the tool call that is answered")
			return
		}
	}
	r.talk.answered(id)
	p := llm.Part{Kind: llm.PartToolResult, ID: id, Parts: r.content(m.content)}
	for i := range p.Parts {
		switch p.Parts[i].Kind {
		case llm.PartImage:
			r.c.Use(llm.FeatureToolImages, "messages.content.image_url")
		case llm.PartFile, llm.PartAudio:
			r.c.Use(llm.FeatureToolFiles, "messages.content."+filePart(&p.Parts[i]))
		}
	}
	r.say(llm.Turn{Role: llm.User, Parts: []llm.Part{p}})
}

func filePart(p *llm.Part) string {
	if p.Kind == llm.PartAudio {
		return "input_audio"
	}
	return "file"
}

// prefill notes that the conversation ends with an assistant's message. To this dialect it is history and a new answer
// follows it; to others it is one to be continued.
func (r *reading) prefill() {
	n := len(r.c.Turns)
	if n == 0 || r.c.Turns[n-1].Role != llm.Assistant {
		return
	}
	last := &r.c.Turns[n-1]
	says := false
	for i := range last.Parts {
		if last.Parts[i].Kind == llm.PartToolCall {
			return
		}
		says = says || last.Parts[i].Kind != llm.PartThinking
	}
	if says {
		last.Prefix = true
		r.c.Use(llm.FeaturePrefill, "messages["+strconv.Itoa(r.talk.last)+"].content")
	}
}

// dialogue follows calls and their results.
type dialogue struct {
	began  bool     // somebody but the system has spoken
	called bool     // a tool was called
	last   int      // the message that said something last
	open   []string // the ids of calls without a result
	made   int      // ids that were made here
}

// nameless makes an id for a call that has none. It is the same each time the conversation is sent.
func (d *dialogue) nameless() string {
	d.made++
	return "call_" + strconv.Itoa(d.made)
}

func (d *dialogue) call(id string) {
	d.called = true
	d.open = append(d.open, id)
}

// first is the call that waits longest for its result; "" where none does.
func (d *dialogue) first() string {
	if len(d.open) == 0 {
		return ""
	}
	return d.open[0]
}

func (d *dialogue) answered(id string) {
	for i := range d.open {
		if d.open[i] == id {
			d.open = append(d.open[:i], d.open[i+1:]...)
			return
		}
	}
}

// lost notes calls that the next answer found without a result.
func (d *dialogue) lost(r *reading) {
	if len(d.open) > 0 {
		r.c.Use(llm.FeatureLostResult, "messages.tool_calls")
		d.open = d.open[:0]
	}
}
