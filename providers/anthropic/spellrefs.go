package anthropic

import (
	"bytes"
	"strings"

	"localrouter/providers/wire"
)

// unresolvable reports whether a schema refers to itself, which the vendor refuses, or to anything but its own top
// definitions.
func unresolvable(schema []byte) bool {
	if !bytes.Contains(schema, refKey) {
		return false
	}
	defs := map[string][]byte{} // by the reference that leads there
	outside := schema
	wire.Members(schema, func(key, v []byte) bool {
		if name := string(key); name == "$defs" || name == "definitions" {
			wire.Members(v, func(key, v []byte) bool {
				defs["#/"+name+"/"+wire.Meaning(key)] = v
				return true
			})
		}
		return true
	})
	targets := func(v []byte) (list []string, ok bool) {
		list, ok = refs(v), true
		for _, to := range list {
			if _, known := defs[to]; !known {
				ok = false
			}
		}
		return list, ok
	}
	if _, ok := targets(outside); !ok {
		return true
	}
	// What is left once all that nothing refers to is taken away, again and again, is a circle.
	to, waits := map[string][]string{}, map[string]int{}
	for name, v := range defs {
		to[name], _ = targets(v)
		for _, other := range to[name] {
			waits[other]++
		}
	}
	var free []string
	for name := range defs {
		if waits[name] == 0 {
			free = append(free, name)
		}
	}
	gone := 0
	for len(free) > 0 {
		name := free[len(free)-1]
		free, gone = free[:len(free)-1], gone+1
		for _, other := range to[name] {
			if waits[other]--; waits[other] == 0 {
				free = append(free, other)
			}
		}
	}
	return gone < len(defs)
}

var refKey = []byte(`"$ref"`)

// refs lists the references in a schema, each where it points to. A quote inside a string has a backslash before it, so
// that no text is taken for one.
func refs(v []byte) (list []string) {
	for {
		i := bytes.Index(v, refKey)
		if i < 0 {
			return list
		}
		v = v[i+len(refKey):]
		j := wire.Space(v, 0)
		if j >= len(v) || v[j] != ':' {
			continue
		}
		if j = wire.Space(v, j+1); j >= len(v) || v[j] != '"' {
			continue // a property of that name
		}
		end := wire.StringEnd(v, j+1)
		if end < 0 {
			return list
		}
		name := wire.Meaning(v[j+1 : end])
		list = append(list, pointer.Replace(name))
		v = v[end+1:]
	}
}

// pointer undoes the escapes of a JSON pointer.
var pointer = strings.NewReplacer("~1", "/", "~0", "~")

// maxUnwrapped bounds how many times a schema is taken out of another.
const maxUnwrapped = 8

// unwrapped is v without an allOf of one schema, which stands in its place: so some libraries write a reference with a
// description of its own. What they both say of the same thing differently is left as it is.
func unwrapped(v []byte) []byte {
	for range maxUnwrapped {
		inner := only(v)
		if inner == nil {
			return v
		}
		merged := merge(v, inner)
		if merged == nil {
			return v
		}
		v = merged
	}
	return v
}

// only is the one schema of an allOf; nil where there is another number.
func only(v []byte) (inner []byte) {
	wire.Members(v, func(key, v []byte) bool {
		if string(key) != "allOf" {
			return true
		}
		n := 0
		wire.Elements(v, func(v []byte) bool {
			n++
			inner = v
			return n < 2
		})
		if n != 1 || inner[0] != '{' {
			inner = nil
		}
		return false
	})
	return inner
}

// merge puts inner in the place of the allOf of outer; nil where they contradict each other. What is for people only is
// taken from the outside.
func merge(outer, inner []byte) []byte {
	have := map[string][]byte{}
	out := append(make([]byte, 0, len(outer)+len(inner)), '{')
	put := func(key, v []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(append(out, '"'), key...), `":`...), v...)
	}
	wire.Members(outer, func(key, v []byte) bool {
		if string(key) != "allOf" {
			have[string(key)] = v
			put(key, v)
		}
		return true
	})
	same := true
	wire.Members(inner, func(key, v []byte) bool {
		switch old, there := have[string(key)]; {
		case !there:
			put(key, v)
		case string(key) == "description" || string(key) == "title" || string(key) == "default":
		default:
			same = same && bytes.Equal(old, v)
		}
		return same
	})
	if !same {
		return nil
	}
	return append(out, '}')
}
