package sdktest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// node is a piece of JSON that keeps the order of its members.
type node struct {
	raw     string // of a leaf, as written
	open    byte   // '{', '[' or 0 for a leaf
	members []member
}

// member is a member of an object or, without a name, an element of a list.
type member struct {
	name  string
	value *node
}

func parseNode(text string) *node {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return readNode(d)
}

func readNode(d *json.Decoder) *node {
	token, err := d.Token()
	if err != nil {
		panic("a golden file is no JSON: " + err.Error())
	}
	open, nested := token.(json.Delim)
	if !nested {
		raw, _ := json.Marshal(token)
		return &node{raw: string(raw)}
	}
	n := &node{open: byte(open)}
	for d.More() {
		m := member{}
		if n.open == '{' {
			name, _ := d.Token()
			m.name = name.(string)
		}
		m.value = readNode(d)
		n.members = append(n.members, m)
	}
	d.Token()
	return n
}

func (n *node) String() string {
	if n.open == 0 {
		return n.raw
	}
	var b strings.Builder
	b.WriteByte(n.open)
	for i, m := range n.members {
		if i > 0 {
			b.WriteByte(',')
		}
		if n.open == '{' {
			name, _ := json.Marshal(m.name)
			b.Write(append(name, ':'))
		}
		b.WriteString(m.value.String())
	}
	b.WriteByte(n.open + 2) // the closing brace or bracket
	return b.String()
}

// spot is a member within a piece of JSON.
type spot struct {
	within *node
	at     int
	path   string
}

func (n *node) spots(path string) (list []spot) {
	for i, m := range n.members {
		where := under(path, m.name)
		if n.open == '[' {
			where = under(path, i)
		}
		list = append(append(list, spot{n, i, where}), m.value.spots(where)...)
	}
	return list
}

// others are values of all types.
var others = []string{`null`, `true`, `7`, `-1.5e3`, `"seven"`, `""`, `{}`, `[]`, `[null]`, `{"type":"text"}`, `"\ud800"`, `18446744073709551616`}

// mutate changes one thing in a piece of JSON and says what. What keeps its meaning is told by harmless.
func mutate(n *node, chance *rand.Rand) (what string, harmless bool) {
	spots := n.spots("")
	if len(spots) == 0 {
		return "nothing", true
	}
	s := spots[chance.IntN(len(spots))]
	m := &s.within.members[s.at]
	switch kind := chance.IntN(5); {
	case kind == 0:
		s.within.members = append(s.within.members[:s.at], s.within.members[s.at+1:]...)
		return "removed " + s.path, false
	case kind == 1 && s.within.open == '{':
		m.name = []string{strings.ToUpper(m.name), m.name + "_", "x"}[chance.IntN(3)]
		return "renamed " + s.path + " to " + m.name, false
	case kind == 2:
		n.shuffle(chance)
		return "re-ordered", true
	case kind == 3 && s.within.open == '{':
		s.within.members = append(s.within.members, member{"a_new_field", &node{raw: `{"of":["any","kind"]}`}})
		return "added a field beside " + s.path, !strings.Contains(s.path, ".input.") // an argument is no field
	}
	other := others[chance.IntN(len(others))]
	m.value = &node{raw: other}
	return fmt.Sprintf("put %s for %s", other, s.path), false
}

// shuffle re-orders the members of all objects.
func (n *node) shuffle(chance *rand.Rand) {
	if n.open == '{' {
		chance.Shuffle(len(n.members), func(i, j int) { n.members[i], n.members[j] = n.members[j], n.members[i] })
	}
	for _, m := range n.members {
		m.value.shuffle(chance)
	}
}

// mutated is a case with one thing changed: in its whole answer, or in its stream.
func (g *golden) mutated(streamed bool, chance *rand.Rand) (m *golden, what string, harmless bool) {
	changed := *g
	if !streamed {
		n := parseNode(g.whole)
		what, harmless = mutate(n, chance)
		changed.whole = n.String()
		return &changed, what, harmless
	}
	events := strings.SplitAfter(strings.TrimSuffix(g.stream, "\n\n"), "\n\n")
	at := chance.IntN(len(events))
	switch kind := chance.IntN(10); {
	case kind == 0:
		what = fmt.Sprintf("removed event %d", at)
		events = append(events[:at:at], events[at+1:]...)
	case kind == 1:
		what = fmt.Sprintf("doubled event %d", at)
		events = append(events[:at:at], append([]string{events[at]}, events[at:]...)...)
	case kind == 2 && at > 0:
		what = fmt.Sprintf("swapped events %d and %d", at-1, at)
		events[at-1], events[at] = events[at]+"\n\n", events[at-1]
	default:
		head, data, found := strings.Cut(events[at], "data: ")
		if !found || data[0] != '{' {
			return &changed, "nothing", true
		}
		n := parseNode(data)
		what, harmless = mutate(n, chance)
		what = fmt.Sprintf("in event %d %s", at, what)
		events[at] = head + "data: " + n.String() + "\n\n"
	}
	changed.stream = strings.TrimRight(strings.Join(events, ""), "\n") + "\n\n"
	return &changed, what, harmless
}
