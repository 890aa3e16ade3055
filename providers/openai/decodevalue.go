package openai

import (
	"bytes"
	"strconv"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// The readers of single values. Each notes the first defect, with the place and what must be there instead; after one
// the rest of the request is skipped.

// refuse notes a defect of field, which is named from where the reading stands.
func (r *reading) refuse(field, why string) {
	if r.err == nil {
		r.err = wire.Refuse(strings.TrimSuffix(r.place()+field, "."), why)
	}
}

// place is where the reading stands, as a prefix of field names.
func (r *reading) place() string {
	if r.message < 0 {
		return ""
	}
	at := "messages[" + strconv.Itoa(r.message) + "]."
	if r.part >= 0 {
		at += "content[" + strconv.Itoa(r.part) + "]."
	}
	return at
}

// members visits the members of an object whose value is not null. Names that were written with escapes are read.
func (r *reading) members(v []byte, field string, visit func(key, v []byte)) {
	if r.err != nil {
		return
	}
	if i := wire.Space(v, 0); i >= len(v) || v[i] != '{' {
		r.refuse(field, "must be an object")
		return
	}
	whole := wire.Members(v, func(key, v []byte) bool {
		if v[0] == 'n' {
			return true
		}
		if bytes.IndexByte(key, '\\') >= 0 {
			key = wire.AppendUnescaped(nil, key)
		}
		visit(key, v)
		return r.err == nil
	})
	if !whole {
		r.refuse(field, "must be an object")
	}
}

// elements visits the elements of a list.
func (r *reading) elements(v []byte, field string, visit func(i int, v []byte)) {
	if r.err != nil {
		return
	}
	i := 0
	whole := wire.Elements(v, func(v []byte) bool {
		visit(i, v)
		i++
		return r.err == nil
	})
	if !whole {
		r.refuse(field, "must be a list")
	}
}

// text reads a string. What it returns is sound, and has no halves of surrogate pairs that stand alone.
func (r *reading) text(v []byte, field string) llm.Text {
	if len(v) < 2 || v[0] != '"' {
		r.refuse(field, "must be a string")
		return nil
	}
	t, ok := wire.Strict(wire.Inside(v))
	if !ok {
		r.refuse(field, wire.WhyText)
	}
	return t
}

// number reads a number as it is written.
func (r *reading) number(v []byte, field string) string {
	if c := v[0]; c != '-' && (c < '0' || c > '9') || len(v) > 40 {
		r.refuse(field, "must be a number")
		return ""
	}
	return string(v)
}

func (r *reading) boolean(v []byte, field string) bool {
	if v[0] != 't' && v[0] != 'f' {
		r.refuse(field, "must be true or false")
	}
	return v[0] == 't'
}

// raw takes over an object, whose structure the scan has checked.
func (r *reading) raw(v []byte, field string) []byte {
	if v[0] != '{' {
		r.refuse(field, "must be an object")
		return nil
	}
	v, ok := wire.StrictValue(v)
	if !ok {
		r.refuse(field, wire.WhyValue)
	}
	return v
}

// blank reports whether t is nothing but white space.
func blank(t llm.Text) bool { return strings.TrimSpace(wire.Meaning(t)) == "" }
