package wire

import (
	"crypto/sha256"
	"encoding/hex"

	"localrouter/providers/llm"
)

// Names gives each tool of a conversation a name that a dialect takes: letters, digits, _ and -, not too many of them.
// Most tools have one. A name that is made here depends on the tool's own alone, unless that would give two tools the
// same, so that it stays the same from turn to turn of a conversation.
type Names struct {
	most int
	sent map[string]string // by the tool's own name, of those that had to change
	own  map[string]string // the way back
	good map[string]bool   // names that are in use as they are; nil as long as nothing had to change
}

// NewNames looks through everything in c that names a tool. most is how long a name may be, 16 or more.
func NewNames(c *llm.Conversation, most int) *Names {
	n := &Names{most: most}
	changes := false
	eachName(c, func(t llm.Text) { changes = changes || !IsName(t, most) })
	if !changes {
		return n
	}
	n.learn(c)
	eachName(c, func(t llm.Text) { n.Of(t) })
	return n
}

// learn notes the names that stay, so that none of them is given to another tool.
func (n *Names) learn(c *llm.Conversation) {
	n.sent, n.own, n.good = map[string]string{}, map[string]string{}, map[string]bool{}
	note := func(t llm.Text) {
		if name := Meaning(t); IsName(name, n.most) {
			n.good[name] = true
		}
	}
	eachName(c, note)
	for i := range c.Tools {
		if c.Tools[i].Hosted {
			note(c.Tools[i].Name)
		}
	}
}

// eachName visits everything that names a tool. Those that a provider runs itself are never renamed.
func eachName(c *llm.Conversation, visit func(llm.Text)) {
	for i := range c.Tools {
		if !c.Tools[i].Hosted {
			visit(c.Tools[i].Name)
		}
	}
	for i := range c.Turns {
		for j := range c.Turns[i].Parts {
			if p := &c.Turns[i].Parts[j]; p.Kind == llm.PartToolCall {
				visit(p.Name)
			}
		}
	}
	if c.Choice.Mode == llm.ChoiceOne {
		visit(c.Choice.Name)
	}
	for _, t := range c.Choice.Allowed {
		visit(t)
	}
}

// Of is the name to send for a tool of the conversation.
func (n *Names) Of(t llm.Text) llm.Text {
	if n.good == nil || IsName(t, n.most) {
		return t
	}
	own := Meaning(t)
	if n.good[own] {
		return llm.Text(own) // it was only written with escapes
	}
	name, there := n.sent[own]
	if !there {
		name = n.free(own)
		n.sent[own], n.own[name] = name, own
	}
	return llm.Text(name)
}

// Own gives a tool's own name by the one that was sent, for the decoder of the answer; nil where all are the same.
func (n *Names) Own() map[string]string { return n.own }

// Add gives name, or what is nearest to it, to a tool that is not in the conversation c.
func (n *Names) Add(c *llm.Conversation, name string) string {
	if n.good == nil {
		n.learn(c)
	}
	name = n.free(name)
	n.good[name] = true
	return name
}

// free makes a name that no tool has: what can be kept of name, and where that is not enough a hash of all of it.
func (n *Names) free(name string) string {
	kept := make([]byte, 0, n.most)
	for i := 0; i < len(name) && len(kept) < n.most; i++ {
		if c := name[i]; nameByte(c) {
			kept = append(kept, c)
		} else if len(kept) == 0 || kept[len(kept)-1] != '_' {
			kept = append(kept, '_')
		}
	}
	made := string(kept)
	taken := len(name) > n.most || made == "" || made == "_"
	for salt := ""; taken || n.good[made] || n.own[made] != ""; salt += "+" {
		made, taken = string(kept[:min(len(kept), n.most-9)])+"_"+Digest(name+salt, 8), false
	}
	return made
}

// IsName reports whether s can be the name of a tool, or an id, where a dialect takes up to most letters, digits, _ and -.
func IsName[T ~[]byte | ~string](s T, most int) bool {
	if len(s) == 0 || len(s) > most {
		return false
	}
	for i := range len(s) {
		if !nameByte(s[i]) {
			return false
		}
	}
	return true
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// Digest is n hexadecimal digits, 64 at most, that stand for s: always the same for the same.
func Digest[T ~[]byte | ~string](s T, n int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:n]
}
