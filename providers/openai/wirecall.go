package openai

import (
	"bytes"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// wireCall is a tool call as it comes in.
type wireCall struct {
	key       int64 // the index the server counts it by; -1: it counts none
	index     int   // ours, from when it was announced
	id, name  string
	sent      string // the name as the server says it
	custom    bool
	announced bool
	ended     bool
	braces    bool   // "{}" came first: a stand-in, unless it stays alone
	spoke     bool   // arguments were handed out
	early     []byte // arguments that came before the name
	json      brackets
}

// callPiece is one element of tool_calls.
type callPiece struct {
	key      int64 // -1: none
	id, name []byte
	args     []byte
	custom   bool
}

func (p *callPiece) member(key, v []byte) bool {
	if v[0] == 'n' {
		return true
	}
	switch string(key) {
	case "index":
		if v[0] >= '0' && v[0] <= '9' {
			p.key = wire.Int(v)
		}
	case "id":
		if !wire.Empty(v) {
			p.id = v
		}
	case "type":
		p.custom = p.custom || string(v) == `"custom"`
	case "custom":
		p.custom = true
		if v[0] == '{' {
			wire.Members(v, p.inner)
		}
	case "function":
		if v[0] == '{' {
			wire.Members(v, p.inner)
		}
	case "name", "arguments", "input": // without the inner object
		p.inner(key, v)
	}
	return true
}

func (p *callPiece) inner(key, v []byte) bool {
	switch string(key) {
	case "name":
		if v[0] == '"' && !wire.Empty(v) {
			p.name = v
		}
	case "arguments", "input", "parameters":
		if v[0] != 'n' {
			p.args = v
		}
	}
	return true
}

// mostCalls bounds what an answer can make this process remember.
const mostCalls = 1024

// toolCalls appends what a list of calls, or of pieces of calls, tells.
func (d *decoder) toolCalls(dst []llm.Event, list []byte, whole bool) []llm.Event {
	first, at := len(d.calls), 0
	wire.Elements(list, func(v []byte) bool {
		p := callPiece{key: -1}
		if v[0] == '{' && wire.Members(v, p.member) {
			if i := d.callOf(&p, whole, at, first); i >= 0 {
				d.now.call, d.now.unnamed = i, p.name == nil
				dst = d.fragment(dst, &d.calls[i], &p, whole)
			}
		}
		at++
		return len(d.calls) <= mostCalls
	})
	return dst
}

// callOf finds the call that a piece belongs to, or makes it, and says where it stands; -1: there are too many. Servers
// number calls, name them by id, or do neither: see the table of deviations in the test. at counts the pieces of one
// list, first is how many calls there were before it.
func (d *decoder) callOf(p *callPiece, whole bool, at, first int) int {
	current := len(d.calls) - 1
	switch {
	case whole, current < 0:
		return d.newCall(p)
	case p.key >= 0:
		return d.numbered(p)
	case p.id != nil:
		if i := d.byID(p.id); i >= 0 {
			return i
		}
		return d.newCall(p)
	case p.name != nil:
		// Without number and id a list is one of calls.
		if (at == 0 || current < first) && !d.calls[current].parted(p) {
			return current
		}
		return d.newCall(p)
	case at > 0 && at <= current: // a list of mere pieces goes by position
		return at
	}
	return current
}

// newCall makes a call.
func (d *decoder) newCall(p *callPiece) int {
	if len(d.calls) >= mostCalls {
		return -1
	}
	d.like.Forget()
	d.calls = append(d.calls, wireCall{key: p.key})
	return len(d.calls) - 1
}

// numbered finds a call by its number: the last of those with the same one, as some servers give all of them 0.
func (d *decoder) numbered(p *callPiece) int {
	for i := len(d.calls) - 1; i >= 0; i-- {
		c := &d.calls[i]
		if c.key != p.key {
			continue
		}
		if p.id == nil && c.parted(p) {
			break
		}
		if p.id == nil || p.name == nil || c.id == "" || same(p.id, c.id) {
			return i
		}
		if other := d.byID(p.id); other >= 0 {
			return other
		}
		break // an id and a name that are not its own: another call
	}
	return d.newCall(p)
}

// parted reports whether a piece without an id belongs to another call than c: one that has another name, or the same
// although the arguments of c are complete.
func (c *wireCall) parted(p *callPiece) bool {
	switch {
	case p.name == nil || c.sent == "":
		return false
	case !same(p.name, c.sent) && wire.Cut(wire.Text(p.name), mostCallID) != c.sent:
		return true
	case len(p.args) == 0 || p.args[0] == '"' && blank(wire.Inside(p.args)):
		return false // a last word on the same
	}
	return !c.custom && c.json.closed || c.braces
}

func (d *decoder) byID(id []byte) int {
	for i := range d.calls {
		if same(id, d.calls[i].id) {
			return i
		}
	}
	return -1
}

// same reports whether the JSON string v says s.
func same(v []byte, s string) bool {
	if len(v) < 2 || s == "" {
		return false
	}
	if v = v[1 : len(v)-1]; bytes.IndexByte(v, '\\') < 0 {
		return string(v) == s
	}
	return wire.Meaning(v) == s
}

// fragment appends what a piece of a call tells.
func (d *decoder) fragment(dst []llm.Event, c *wireCall, p *callPiece, whole bool) []llm.Event {
	c.custom = c.custom || p.custom
	if c.id == "" && p.id != nil {
		c.id = wire.Cut(wire.Text(p.id), mostCallID)
	}
	if c.name == "" && p.name != nil {
		c.sent = wire.Cut(wire.Text(p.name), mostCallID)
		c.name = c.sent
		if own, ok := d.names[c.name]; ok {
			c.name = own
		}
	}
	if !c.announced && c.name != "" {
		dst = d.announce(dst, c)
	}
	if p.args != nil {
		dst = d.arguments(dst, c, p.args, whole)
	}
	if whole && c.announced {
		dst = d.endCall(dst, c)
	}
	return dst
}

// mostCallID bounds ids and names, of which no vendor's is longer than a line.
const mostCallID = 1024

func (d *decoder) announce(dst []llm.Event, c *wireCall) []llm.Event {
	c.announced, c.index = true, d.called
	d.called++
	if c.id == "" {
		c.id = d.mint()
	}
	d.enter(llm.EventToolCall)
	dst = append(dst, llm.Event{Kind: llm.EventToolCall, Index: c.index, ID: c.id, Name: c.name, Custom: c.custom})
	if len(c.early) > 0 {
		dst = d.say(dst, c, c.early)
		c.early = nil
	}
	return dst
}

// arguments appends a piece of arguments: of a string, or an object, which some servers send instead.
func (d *decoder) arguments(dst []llm.Event, c *wireCall, v []byte, whole bool) []llm.Event {
	var t llm.Text
	if v[0] == '"' {
		t = wire.Mended(wire.Inside(v))
	} else {
		t = wire.AppendEscaped(make([]byte, 0, 2*len(v)), v)
	}
	switch {
	case len(t) == 0 || c.ended:
		return dst
	case !c.spoke && len(c.early) == 0 && !c.custom && (string(t) == "null" || blank(t)):
		return dst // which is how some servers say that there are none
	case !c.announced:
		if len(c.early)+len(t) <= maxEarly {
			c.early = append(c.early, t...)
		}
		return dst
	case !whole && !c.spoke && !c.braces && !c.custom && string(t) == "{}":
		c.braces = true
		return dst
	}
	return d.say(dst, c, t)
}

// maxEarly bounds the arguments that may come before the name.
const maxEarly = 1 << 20

func (d *decoder) say(dst []llm.Event, c *wireCall, t llm.Text) []llm.Event {
	c.spoke = true
	c.json.follow(t)
	return append(dst, llm.Event{Kind: llm.EventArguments, Index: c.index, Text: t})
}

func (d *decoder) endCall(dst []llm.Event, c *wireCall) []llm.Event {
	if c.braces && !c.spoke {
		dst = d.say(dst, c, llm.Text("{}"))
	}
	c.ended = true
	return append(dst, llm.Event{Kind: llm.EventToolEnd, Index: c.index})
}

// oldCall appends what the deprecated function_call tells: one call at most, in pieces without number and id.
func (d *decoder) oldCall(dst []llm.Event, v []byte, whole bool) []llm.Event {
	p := callPiece{key: -1}
	if !wire.Members(v, p.inner) || p.name == nil && p.args == nil {
		return dst
	}
	if len(d.calls) == 0 {
		d.calls = append(d.calls, wireCall{key: -1})
	}
	return d.fragment(dst, &d.calls[0], &p, whole)
}
