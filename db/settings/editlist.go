package settings

import (
	"reflect"
	"slices"
	"strings"
)

// list brings the list at path from old to want. Entries that stay keep their text, moved ones take it along, together
// with the comment lines above them.
func (e *editor) list(path []any, old, want reflect.Value) {
	from := match(old, want)
	if !sameOrder(from, old.Len()) {
		e.arrange(path, want, from)
	}
	if want.Type().Elem().Kind() != reflect.Struct {
		return
	}
	root := e.tree()
	if root == nil {
		return
	}
	n, _, rest := reach(root, path)
	if len(rest) > 0 || n.shape == nullShape { // the entries were the defaults
		e.set(path, want, "")
		return
	}
	if len(n.items) != want.Len() {
		return // written anew as a whole; read back and compared at the end
	}
	for i, j := range from {
		if j >= 0 && !equal(old.Index(j), want.Index(i)) {
			e.entry(append(slices.Clone(path), i), old.Index(j), want.Index(i))
		}
	}
}

// entry brings the entry at path, which has fields, from old to want.
func (e *editor) entry(path []any, old, want reflect.Value) {
	if want.Type() != reflect.TypeFor[Limit]() {
		e.fields(path, old, want)
		return
	}
	root := e.tree()
	if root == nil {
		return
	}
	was, is := old.Interface().(Limit), want.Interface().(Limit)
	if n, _, _ := reach(root, path); n.shape == mapShape {
		e.fields(path, reflect.ValueOf(was.fields()), reflect.ValueOf(is.fields()))
		return
	}
	e.set(path, reflect.ValueOf(is.String()), "") // requests=100/1m
}

// identity is what an entry of a list is known by.
func identity(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case Limit:
		return x.Kind.String() + "/" + x.WindowText()
	case Fact:
		return strings.Join(x.Models, "\n")
	}
	if v.Kind() == reflect.Struct {
		return v.FieldByName("Name").String()
	}
	return v.String()
}

// match says for each wanted entry which old one it is, -1 for a new one. One that only changed what it is known by is
// known by its place.
func match(old, want reflect.Value) []int {
	from := make([]int, want.Len())
	used := map[int]bool{}
	for i := range from {
		from[i] = -1
		for j := range old.Len() {
			if !used[j] && identity(old.Index(j)) == identity(want.Index(i)) {
				from[i], used[j] = j, true
				break
			}
		}
	}
	if old.Len() == want.Len() && want.Type().Elem().Kind() == reflect.Struct {
		for i, j := range from {
			if j < 0 && !used[i] {
				from[i], used[i] = i, true
			}
		}
	}
	return from
}

func sameOrder(from []int, oldLen int) bool {
	for i, j := range from {
		if i != j {
			return false
		}
	}
	return len(from) == oldLen
}

// arrange adds, removes and moves entries.
func (e *editor) arrange(path []any, want reflect.Value, from []int) {
	root := e.tree()
	if root == nil {
		return
	}
	n, holder, rest := reach(root, path)
	if len(rest) > 0 || holder == nil || n.shape != listShape || n.flow || len(n.items) == 0 {
		e.set(path, want, "")
		return
	}
	starts := lineStarts(e.text)
	lines := strings.Split(e.text, "\n")
	first := lineOf(starts, n.items[0].start)
	if first == lineOf(starts, holder.start) {
		e.set(path, want, "")
		return
	}
	indent := n.items[0].start - starts[first]
	// A chunk is an entry's own lines and, before them, the comments and blank lines since the entry above.
	var gaps, bodies [][]string
	at := first
	for _, it := range n.items {
		begin, end := lineOf(starts, it.start), lineOf(starts, max(it.value.end-1, it.start))
		gaps, bodies = append(gaps, lines[at:begin]), append(bodies, lines[begin:end+1])
		at = end + 1
	}
	out := slices.Clone(lines[:first])
	if len(from) == 0 {
		line := lineOf(starts, holder.start)
		cut := holder.colon - starts[line]
		out[line] = out[line][:cut] + " []" + out[line][cut:]
	}
	for i, j := range from {
		if j < 0 {
			out = append(out, e.item(want.Index(i), indent)...)
			continue
		}
		out = append(out, orphans(gaps, from, j)...)
		out = append(append(out, gaps[j]...), bodies[j]...)
	}
	out = append(out, orphans(gaps, from, len(gaps))...)
	e.text = strings.Join(append(out, lines[at:]...), "\n")
}

// orphans returns the comments above the removed entries just before entry j: nobody but the person removes a comment.
func orphans(gaps [][]string, from []int, j int) []string {
	k := j
	for k > 0 && !slices.Contains(from, k-1) {
		k--
	}
	return slices.DeleteFunc(slices.Concat(gaps[k:j]...), func(l string) bool { return strings.TrimSpace(l) == "" })
}
