package openai

import (
	"fmt"
	"hash/fnv"

	"localrouter/providers/llm"
)

// names gives each tool a name that this dialect takes: at most 64 letters, digits, _ and -. Most have one. A name made
// here depends on the tool's own name alone, so that it is the same in every turn of a conversation.
type names struct {
	made  map[string]string // by the tool's own name
	given map[string]string // the tool's own name by the one that was made: for the decoder of the answer
	taken map[string]bool   // own names that are good as they are
}

// newNames looks through everything that names a tool.
func newNames(c *llm.Conversation) *names {
	var bad []llm.Text
	each(c, func(t llm.Text) {
		if !validName(t) {
			bad = append(bad, t)
		}
	})
	n := &names{}
	if bad == nil {
		return n
	}
	n.made, n.given, n.taken = map[string]string{}, map[string]string{}, map[string]bool{}
	each(c, func(t llm.Text) {
		if validName(t) {
			n.taken[string(t)] = true
		}
	})
	for _, t := range bad {
		n.make(meaning(t))
	}
	return n
}

// each visits everything that names a tool.
func each(c *llm.Conversation, visit func(llm.Text)) {
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

// make finds a name for a tool: what can be kept of its own, and a hash of all of it.
func (n *names) make(own string) {
	if _, there := n.made[own]; there {
		return
	}
	for salt := ""; ; salt += "+" {
		h := fnv.New64a()
		h.Write([]byte(own + salt))
		kept := make([]byte, 0, mostName)
		for i := 0; i < len(own) && len(kept) < mostName-17; i++ {
			if c := own[i]; nameByte(c) {
				kept = append(kept, c)
			} else if len(kept) == 0 || kept[len(kept)-1] != '_' {
				kept = append(kept, '_')
			}
		}
		name := fmt.Sprintf("%s_%016x", kept, h.Sum64())
		if _, used := n.given[name]; used || n.taken[name] {
			continue
		}
		n.made[own], n.given[name] = name, own
		return
	}
}

// of is the name to send for a tool.
func (n *names) of(t llm.Text) llm.Text {
	if n.made == nil || validName(t) {
		return t
	}
	return llm.Text(n.made[meaning(t)])
}
