package anthropic

import (
	"bytes"
	"fmt"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// vendor is the origin of parts that only Anthropic understands.
const vendor = "anthropic"

// systemText reads the top-level system: a string, or blocks of text.
func (d *decoding) systemText(v []byte) {
	switch v[0] {
	case '"':
		if t := d.text("system", v); len(t) > 0 {
			d.system.Parts = append(d.system.Parts, llm.Part{Kind: llm.PartText, Text: t})
		}
	case '[':
		i := 0
		wire.Elements(v, func(v []byte) bool {
			field := fmt.Sprintf("system[%d]", i)
			i++
			var f fields
			if !f.read(v) || string(f.kind) != "text" || f.text == nil {
				d.fail(field, "must be a text block: {\"type\":\"text\",\"text\":\"...\"}")
				return false
			}
			p := llm.Part{Kind: llm.PartText, Text: d.text(field, f.text)}
			if bytes.HasPrefix(p.Text, []byte(billingHeader)) {
				d.other(llm.FeatureOther, "", []byte(field))
				return true
			}
			d.cached(&p, &f, "system.cache_control")
			d.system.Parts = append(d.system.Parts, p)
			return true
		})
	default:
		d.fail("system", "must be a string or a list of text blocks")
	}
}

func (d *decoding) messages(v []byte) {
	if v[0] != '[' {
		d.fail("messages", "must be a list of messages")
		return
	}
	d.turn = -1
	wire.Elements(v, func(v []byte) bool {
		d.turn, d.block = d.turn+1, -1
		if v[0] != '{' {
			d.fail(d.here(), "must be an object with role and content")
			return false
		}
		d.message(v)
		return d.err == nil
	})
	if d.turn < 0 {
		d.fail("messages", "must hold at least one message")
	}
}

// here names the place in messages, for an error.
func (d *decoding) here() string {
	if d.block < 0 {
		return fmt.Sprintf("messages[%d]", d.turn)
	}
	return fmt.Sprintf("messages[%d].content[%d]", d.turn, d.block)
}

// said reads a string of the message, or of the block of it, that we are at; nil where v is none.
func (d *decoding) said(name string, v []byte) llm.Text {
	t, ok := wire.Strict(wire.Inside(v))
	if !ok {
		d.fail(d.here()+"."+name, wire.WhyText)
	}
	return t
}

// ident is said for what it means; some clients number their calls.
func (d *decoding) ident(name string, v []byte) string {
	if len(v) > 0 && v[0] == '"' {
		return wire.Meaning(d.said(name, v))
	}
	return wire.Text(v)
}

func (d *decoding) message(m []byte) {
	var role, content []byte
	wire.Members(m, func(key, v []byte) bool {
		switch string(key) {
		case "role":
			role = v
		case "content":
			content = v
		default:
			if !wire.Empty(v) {
				d.other(llm.FeatureOther, "messages.", key)
			}
		}
		return true
	})
	var t llm.Turn
	switch string(role) {
	case `"user"`:
		t.Role = llm.User
	case `"assistant"`:
		t.Role = llm.Assistant
	case `"system"`:
		t.Role = llm.System
		if d.spoken {
			d.c.Use(llm.FeatureMidSystem, "messages.role")
		}
	default:
		d.fail(d.here()+".role", "must be \"user\", \"assistant\" or \"system\"")
		return
	}
	switch {
	case len(content) > 0 && content[0] == '"':
		if text := d.said("content", content); len(text) > 0 {
			t.Parts = []llm.Part{{Kind: llm.PartText, Text: text}}
		}
	case len(content) > 0 && content[0] == '[':
		t.Parts = make([]llm.Part, 0, 4)
		wire.Elements(content, func(v []byte) bool {
			d.block++
			d.content(&t.Parts, v, t.Role)
			return d.err == nil
		})
	default:
		d.fail(d.here()+".content", "must be a string or a list of content blocks")
		return
	}
	if len(t.Parts) > 0 {
		d.c.Turns = append(d.c.Turns, t)
		d.spoken = d.spoken || t.Role != llm.System
	}
}

// fields are the values of one content block.
type fields struct {
	kind, text, source, title, context, citations, id, name, input, content, failed, thinking, signature, cache, call []byte

	others [][]byte
}

func (f *fields) read(v []byte) bool {
	if v[0] != '{' {
		return false
	}
	wire.Members(v, f.member)
	return len(f.kind) > 0
}

func (f *fields) member(key, v []byte) bool {
	if v[0] == 'n' {
		return true
	}
	switch string(key) {
	case "type":
		if v[0] == '"' {
			f.kind = v[1 : len(v)-1]
		}
	case "text":
		f.text = v
	case "source":
		f.source = v
	case "title":
		f.title = v
	case "context":
		f.context = v
	case "citations":
		f.citations = v
	case "id":
		f.id = v
	case "name", "tool_name":
		f.name = v
	case "input":
		f.input = v
	case "content":
		f.content = v
	case "is_error":
		f.failed = v
	case "thinking":
		f.thinking = v
	case "signature":
		f.signature = v
	case "cache_control":
		f.cache = v
	case "tool_use_id":
		f.call = v
	case "caller": // who called the tool: the model, unless a program of the vendor's did
	default:
		if !wire.Empty(v) {
			f.others = append(f.others, key)
		}
	}
	return true
}

// cached notes the mark of a block.
func (d *decoding) cached(p *llm.Part, f *fields, field string) {
	if p.Cache = cacheMark(f.cache); p.Cache != "" {
		d.c.Use(llm.FeatureCacheMarks, field)
	}
}

// content appends what one block says.
func (d *decoding) content(to *[]llm.Part, v []byte, role llm.Role) {
	var f fields
	if !f.read(v) {
		d.fail(d.here(), "must be an object with a type, such as {\"type\":\"text\",\"text\":\"...\"}")
		return
	}
	p, ok := d.part(v, &f, role)
	if !ok || d.err != nil {
		return
	}
	d.cached(&p, &f, "messages.content.cache_control")
	if p.Kind != llm.PartOpaque {
		for _, key := range f.others {
			d.other(llm.FeatureOther, "messages.content."+string(f.kind)+".", key)
		}
	}
	*to = append(*to, p)
}

// part makes the part of one block; ok is false for one that says nothing.
func (d *decoding) part(v []byte, f *fields, role llm.Role) (p llm.Part, ok bool) {
	switch string(f.kind) {
	case "text":
		if f.text == nil || f.text[0] != '"' {
			d.fail(d.here()+".text", "must be a string")
		}
		if !wire.Empty(f.citations) {
			d.c.Use(llm.FeatureOther, "messages.content.text.citations")
		}
		p = llm.Part{Kind: llm.PartText, Text: d.said("text", f.text)}
		return p, len(p.Text) > 0
	case "image":
		return d.image(f), true
	case "document":
		return d.document(v, f), true
	case "search_result":
		return d.searchResult(f), true
	case "tool_reference":
		return d.toolReference(f), true
	case "tool_use":
		return d.toolUse(f), true
	case "tool_result":
		return d.toolResult(f), true
	case "thinking":
		return d.thought(f)
	}
	return d.opaque(v, f, role), true
}

// opaque is a block that only its maker understands. In an assistant's turn it tells of what went before; in any other
// it is something that the model shall see, and cannot be left out.
func (d *decoding) opaque(v []byte, f *fields, role llm.Role) llm.Part {
	v, ok := wire.StrictValue(v)
	if !ok {
		d.fail(d.here(), wire.WhyValue)
	}
	feature := llm.FeatureOpaque
	if role != llm.Assistant {
		feature = llm.FeatureVital
	}
	d.other(feature, "messages.content.", f.kind)
	return llm.Part{Kind: llm.PartOpaque, Origin: vendor, Raw: v}
}

// thought is reasoning from before. A signature of our own names the provider whose model thought it.
func (d *decoding) thought(f *fields) (p llm.Part, ok bool) {
	p = llm.Part{Kind: llm.PartThinking, Text: d.said("thinking", f.thinking), Signature: d.said("signature", f.signature)}
	if origin, ours := strings.CutPrefix(string(p.Signature), mark); ours {
		p.Signature, p.Origin = nil, origin
	} else if len(p.Signature) > 0 {
		p.Origin = vendor
	}
	if len(p.Text) == 0 && len(p.Signature) == 0 {
		return p, false
	}
	d.c.Use(llm.FeatureThinking, "messages.content.thinking")
	return p, true
}

// toolReference names a tool that a search for tools has found: from there on it may be called. Elsewhere all tools are
// offered from the beginning, so that words are enough.
func (d *decoding) toolReference(f *fields) llm.Part {
	d.c.Use(llm.FeatureToolReferences, "messages.content.tool_reference")
	text := append(llm.Text("Found the tool "), d.said("tool_name", f.name)...)
	return llm.Part{Kind: llm.PartText, Text: append(text, ". It can be called now."...)}
}

func (d *decoding) toolUse(f *fields) llm.Part {
	p := llm.Part{Kind: llm.PartToolCall, Name: d.said("name", f.name), ID: d.ident("id", f.id), Args: wire.Paired(f.input)}
	switch {
	case len(p.Name) == 0:
		d.fail(d.here()+".name", "is missing; name the tool that was called")
	case p.ID == "":
		d.fail(d.here()+".id", "is missing; a result is matched with its call by it")
	case f.input != nil && !wire.SoundValue(f.input):
		d.fail(d.here()+".input", wire.WhyValue)
	case f.input == nil:
		p.Args = []byte("{}")
	case f.input[0] != '{':
		d.c.Use(llm.FeatureBadArguments, "messages.content.tool_use.input")
	}
	if d.open == nil {
		d.open = map[string]bool{}
	}
	d.open[p.ID] = true
	return p
}

func (d *decoding) toolResult(f *fields) llm.Part {
	p := llm.Part{Kind: llm.PartToolResult, ID: d.ident("tool_use_id", f.call), Failed: string(f.failed) == "true"}
	if p.ID == "" {
		d.fail(d.here()+".tool_use_id", "is missing; a result is matched with its call by it")
	}
	delete(d.open, p.ID)
	if p.Failed {
		d.c.Use(llm.FeatureToolErrors, "messages.content.tool_result.is_error")
	}
	switch {
	case len(f.content) == 0:
	case f.content[0] == '"':
		if t := d.said("content", f.content); len(t) > 0 {
			p.Parts = []llm.Part{{Kind: llm.PartText, Text: t}}
		}
	case f.content[0] == '[':
		wire.Elements(f.content, func(v []byte) bool {
			d.content(&p.Parts, v, llm.User)
			return d.err == nil
		})
		for i := range p.Parts {
			switch p.Parts[i].Kind {
			case llm.PartImage:
				d.c.Use(llm.FeatureToolImages, "messages.content.tool_result.image")
			case llm.PartFile:
				d.c.Use(llm.FeatureToolFiles, "messages.content.tool_result.document")
			case llm.PartToolCall, llm.PartToolResult, llm.PartThinking:
				d.fail(d.here()+".content", "holds a block that a tool cannot give back; send text, image, document or search_result blocks")
			}
		}
	default:
		d.fail(d.here()+".content", "must be a string or a list of content blocks")
	}
	return p
}
