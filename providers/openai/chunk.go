package openai

import (
	"bytes"

	"localrouter/providers/llm"
	"localrouter/providers/upstream"
	"localrouter/providers/wire"
)

// facts are what has to be known of one chunk of a stream, or of a whole reply.
type facts struct {
	content   int    // bytes of content, reasoning and tool calls
	choices   bool   // there is a list of choices
	chosen    bool   // and it is not empty
	other     bool   // it carries what this dialect's chat does not have: an event of another kind
	text      []byte // the inside of the first content that is a string
	finish    string
	usage     llm.Usage
	hasUsage  bool
	service   llm.Service
	model     []byte // as a JSON string
	failure   []byte // the error object, nil where there is none
	wellEnded bool   // the JSON was read to its end
}

// read finds the facts of a chunk or reply.
func (f *facts) read(b []byte) {
	f.wellEnded = wire.Members(b, f.member)
}

func (f *facts) member(key, v []byte) bool {
	switch string(key) {
	case "choices":
		f.choices = true
		wire.Elements(v, func(v []byte) bool {
			f.chosen = true
			wire.Members(v, f.choice)
			return true
		})
	case "usage":
		f.count(v)
	case "x_groq":
		wire.Members(v, func(key, v []byte) bool {
			if string(key) == "usage" {
				f.count(v)
			}
			return true
		})
	case "service_tier":
		f.service = llm.ServiceOf(wire.Inside(v))
	case "model":
		f.model = v
	case "error":
		if !wire.Empty(v) {
			f.failure = v
		}
	case "data", "type", "results":
		f.other = true
	}
	return true
}

func (f *facts) count(v []byte) {
	if u, ok := parseUsage(v); ok {
		f.usage, f.hasUsage = llm.Larger(f.usage, u), true
	}
}

// choice reads one element of choices.
func (f *facts) choice(key, v []byte) bool {
	switch string(key) {
	case "delta", "message":
		wire.Members(v, func(key, v []byte) bool {
			// Whatever a server calls it (content, reasoning, reasoning_content, refusal, tool_calls, audio, images):
			// what is not empty and not the role is content.
			if s := string(key); s != "role" && s != "name" && !wire.Empty(v) {
				f.content += len(v)
				if s == "content" && v[0] == '"' && f.text == nil {
					f.text = v[1 : len(v)-1]
				}
			}
			return true
		})
	case "text":
		if !wire.Empty(v) {
			f.content += len(v)
		}
	case "usage": // Moonshot
		f.count(v)
	case "finish_reason":
		if f.finish == "" {
			f.finish = wire.Cut(wire.Text(v), 64)
		}
	}
	return true
}

// has reports whether b holds a member named by quoted, with its quotes, whose value is not null. Quotes inside strings
// are escaped, so the search can be fooled neither by content nor by tool arguments; a value that equals the name is
// not followed by a colon.
func has(b, quoted []byte) bool {
	for {
		i := bytes.Index(b, quoted)
		if i < 0 {
			return false
		}
		b = b[i+len(quoted):]
		if i = wire.Space(b, 0); i < len(b) && b[i] == ':' {
			if i = wire.Space(b, i+1); i < len(b) && b[i] != 'n' {
				return true
			}
		}
	}
}

var (
	keyUsage  = []byte(`"usage"`)
	keyFinish = []byte(`"finish_reason"`)
	keyError  = []byte(`"error"`)
	done      = []byte("[DONE]")
)

// texts are the members whose strings are the bulk of a stream.
var texts = [...][]byte{[]byte(`"content":`), []byte(`"reasoning_content":`), []byte(`"reasoning":`), []byte(`"arguments":`), []byte(`"text":`)}

// weigh returns where the text in a chunk stands, its length, and which of texts it was found in; last is tried first.
func weigh(b []byte, last int) (from, n, which int) {
	if from, n = upstream.StringAfter(b, texts[last]); n > 0 {
		return from, n, last
	}
	for i := range texts {
		if i != last {
			if from, n = upstream.StringAfter(b, texts[i]); n > 0 {
				return from, n, i
			}
		}
	}
	return 0, 0, last
}
