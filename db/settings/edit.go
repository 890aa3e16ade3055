package settings

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// rewrite returns text, which holds the settings old, so that it holds want. Only the bytes of changed values are
// touched: comments, order, spelling and blank lines elsewhere stay as the person wrote them. The result is read back
// and compared before it is returned, so a spelling this editor does not grasp can fail a save but never damage it.
func rewrite(raw string, old, want *Settings) (string, error) {
	text, crlf, perr := plainText(raw)
	if perr != nil {
		return "", perr
	}
	out, err := change(text, old, want)
	if err == nil && !holds(out, want) {
		err = errors.New("the edited file reads differently")
	}
	if err != nil {
		// Second try: write the changed sections anew. The comments inside them are lost, all others stay.
		out, err = replaceSections(text, old, want)
		if err == nil && !holds(out, want) {
			err = errors.New("the edited file reads differently")
		}
	}
	if err != nil {
		return "", fmt.Errorf("the settings file is written in a way that cannot be edited here: %w; make the change by hand", err)
	}
	if crlf {
		out = strings.ReplaceAll(out, "\n", "\r\n")
	}
	if strings.HasPrefix(raw, "\ufeff") {
		out = "\ufeff" + out
	}
	return out, nil
}

func holds(text string, want *Settings) bool {
	got, errs := parse(text)
	return errs == nil && reflect.DeepEqual(got, want)
}

func change(text string, old, want *Settings) (string, error) {
	e := &editor{text: text, encoder: encoder{want.Resilience}}
	e.fields(nil, reflect.ValueOf(old).Elem(), reflect.ValueOf(want).Elem())
	e.thresholds(want)
	return e.text, e.err
}

func replaceSections(text string, old, want *Settings) (string, error) {
	e := &editor{text: text, encoder: encoder{want.Resilience}}
	o, w := reflect.ValueOf(old).Elem(), reflect.ValueOf(want).Elem()
	for i, name := range fieldNames(w.Type()) {
		if equal(o.Field(i), w.Field(i)) || e.err != nil {
			continue
		}
		root := e.tree()
		if root == nil {
			break
		}
		value := w.Field(i)
		p := root.pair(name)
		switch {
		case p == nil:
			e.insert(root, []string{name}, value, "")
		case root.flow || !hasLines(value):
			e.splice(p.colon, p.value.end, " "+e.flow(value, ""))
		default:
			e.splice(p.colon, p.value.end, "\n"+strings.Join(e.block(value, 2), "\n"))
		}
	}
	e.thresholds(want)
	return e.text, e.err
}

// hasLines reports whether a value at the top of the file stands on lines of its own.
func hasLines(v reflect.Value) bool {
	if v.Kind() == reflect.Struct {
		return len(writtenFields(v)) > 0
	}
	return isStructs(v.Type()) && v.Len() > 0
}

// isStructs reports whether t is a list whose entries have fields.
func isStructs(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

func equal(a, b reflect.Value) bool { return reflect.DeepEqual(a.Interface(), b.Interface()) }

// editor changes a file's text one value at a time. After each change the text is parsed again: files are small, and
// positions that are always fresh are never wrong.
type editor struct {
	encoder
	text string
	err  error
}

func (e *editor) tree() *node {
	if e.err != nil {
		return nil
	}
	root, err := parseTree(e.text)
	switch {
	case err != nil:
		e.err = err
	case root == nil || root.shape != mapShape:
		e.err = errors.New("there are no fields at the top")
	default:
		return root
	}
	return nil
}

func (e *editor) splice(start, end int, with string) {
	e.text = e.text[:start] + with + e.text[end:]
}

// fields brings the struct at path from old to want.
func (e *editor) fields(path []any, old, want reflect.Value) {
	for i, name := range fieldNames(want.Type()) {
		f, o, w := want.Type().Field(i), old.Field(i), want.Field(i)
		at := append(slices.Clone(path), name)
		switch {
		case equal(o, w):
		case w.Kind() == reflect.Struct:
			e.fields(at, o, w)
		case w.Kind() == reflect.Pointer && w.Type().Elem().Kind() == reflect.Struct && !o.IsNil() && !w.IsNil():
			if w.Type() != reflect.TypeFor[*Resilience]() { // thresholds does those
				e.fields(at, o.Elem(), w.Elem())
			}
		case w.Kind() == reflect.Slice && (w.Len() > 0 || f.Tag.Get("unit") != "some"):
			e.list(at, o, w)
		case w.Kind() == reflect.Map && o.Len() > 0 && w.Len() > 0:
			e.words(at, o, w)
		case optional(f) && w.IsZero():
			e.remove(at)
		default:
			e.set(at, w, f.Tag.Get("unit"))
		}
	}
}

func (e *editor) words(path []any, old, want reflect.Value) {
	o, w := old.Interface().(map[string]string), want.Interface().(map[string]string)
	for key, value := range w { // before removing, so that the map never becomes empty on the way
		if was, ok := o[key]; !ok || was != value {
			e.set(append(slices.Clone(path), key), reflect.ValueOf(value), "")
		}
	}
	for key := range o {
		if _, ok := w[key]; !ok {
			e.remove(append(slices.Clone(path), key))
		}
	}
}

// reach walks down path as far as the file goes. It returns the last value found, the pair that holds it (nil at the
// top and in lists) and what is left of the path.
func reach(root *node, path []any) (n *node, holder *pair, rest []any) {
	n = root
	for i, step := range path {
		switch step := step.(type) {
		case string:
			p := n.pair(step)
			if p == nil {
				return n, holder, path[i:]
			}
			n, holder = p.value, p
		case int:
			if step >= len(n.items) {
				return n, holder, path[i:]
			}
			n, holder = n.items[step].value, nil
		}
	}
	return n, holder, nil
}

func (e *editor) set(path []any, value reflect.Value, unit string) {
	root := e.tree()
	if root == nil {
		return
	}
	n, holder, rest := reach(root, path)
	names := make([]string, 0, len(rest))
	for _, step := range rest {
		name, ok := step.(string)
		if !ok {
			e.err = errors.New("a list entry is not where it was")
			return
		}
		names = append(names, name)
	}
	switch {
	case len(names) == 0 && holder != nil:
		e.replace(inFlow(root, path), n, holder, value, unit)
	case len(names) == 0:
		e.splice(n.start, n.end, e.flow(value, unit))
	case n.shape == mapShape:
		e.insert(n, names, value, unit)
	case holder != nil: // "headers:" with nothing behind it
		e.splice(holder.colon, n.end, " {"+encodePath(names, e.flow(value, unit))+"}")
	default:
		e.err = errors.New("a value stands where fields should be")
	}
}

// inFlow reports whether the field at path stands inside braces or brackets.
func inFlow(root *node, path []any) bool {
	for i := range path {
		if n, _, rest := reach(root, path[:i]); len(rest) == 0 && n.flow {
			return true
		}
	}
	return false
}

// replace puts value in the place of n, the value of holder. A list of entries with fields gets lines of its own, except
// inside braces, and where a nested one was in brackets before.
func (e *editor) replace(inFlow bool, n *node, holder *pair, value reflect.Value, unit string) {
	block := isStructs(value.Type()) && value.Len() > 0 && (holder.column == 1 || len(n.items) == 0 || !n.flow)
	if !block || inFlow {
		if n.shape == nullShape && n.start == n.end || !n.flow && (n.shape == mapShape || n.shape == listShape) {
			e.splice(holder.colon, n.end, " "+e.flow(value, unit))
			return
		}
		e.splice(n.start, n.end, e.flow(value, unit))
		return
	}
	// The old value leaves its line; a comment behind it stays there; the new lines follow below.
	e.splice(holder.colon, n.end, "")
	at := e.lineEnd(holder.colon)
	e.splice(at, at, "\n"+strings.Join(e.block(value, holder.column-1+2), "\n"))
}

// lineEnd returns the offset of the end of the line that holds offset.
func (e *editor) lineEnd(offset int) int {
	if i := strings.IndexByte(e.text[offset:], '\n'); i >= 0 {
		return offset + i
	}
	return len(e.text)
}

// insert adds names with value as the last entry of the map n.
func (e *editor) insert(n *node, names []string, value reflect.Value, unit string) {
	if n.flow {
		line := encodePath(names, e.flow(value, unit))
		if len(n.pairs) == 0 {
			e.splice(n.start, n.end, "{"+line+"}")
			return
		}
		last := n.pairs[len(n.pairs)-1].value
		e.splice(last.end, last.end, ", "+line)
		return
	}
	last := n.pairs[len(n.pairs)-1]
	at := e.lineEnd(last.value.end)
	indent := n.column - 1
	block := isStructs(value.Type()) || value.Kind() == reflect.Struct && indent == 0
	lines := []string{strings.Repeat(" ", indent) + encodePath(names, "")}
	if block && len(names) == 1 && !value.IsZero() {
		lines = append(lines, e.block(value, indent+2)...)
	} else {
		lines[0] = strings.Repeat(" ", indent) + encodePath(names, e.flow(value, unit))
	}
	lines[0] = strings.TrimRight(lines[0], " ")
	e.splice(at, at, "\n"+strings.Join(lines, "\n"))
}

// remove takes the field at path out, with the comment on its line. It does nothing where the file does not have it.
func (e *editor) remove(path []any) {
	root := e.tree()
	if root == nil {
		return
	}
	parent, holder, rest := reach(root, path[:len(path)-1])
	key, _ := path[len(path)-1].(string)
	if len(rest) > 0 || parent.shape != mapShape || parent.pair(key) == nil {
		return
	}
	i := slices.Index(parent.pairs, parent.pair(key))
	p := parent.pairs[i]
	switch {
	case len(parent.pairs) == 1 && parent.flow:
		e.splice(parent.start, parent.end, "{}")
	case len(parent.pairs) == 1 && holder != nil:
		e.splice(holder.colon, parent.end, " {}")
	case len(parent.pairs) == 1: // of an entry of a list
		e.splice(parent.start, parent.end, "{}")
	case parent.flow && i > 0:
		e.splice(parent.pairs[i-1].value.end, p.value.end, "")
	case i == 0 && (parent.flow || strings.TrimSpace(e.text[e.lineStart(p.start):p.start]) != ""):
		e.splice(p.start, parent.pairs[1].start, "")
	default:
		e.splice(e.lineStart(p.start), min(e.lineEnd(p.value.end)+1, len(e.text)), "")
	}
}

func (e *editor) lineStart(offset int) int {
	return strings.LastIndexByte(e.text[:offset], '\n') + 1
}
