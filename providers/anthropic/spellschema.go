package anthropic

import (
	"maps"
	"slices"

	"localrouter/providers/wire"
)

// maxSchemaDepth bounds the nesting of a schema that is rewritten.
const maxSchemaDepth = 64

// What the vendor takes in one request, all schemas that it keeps to taken together.
const (
	mostStrict   = 20 // tools
	mostOptional = 24 // properties that are not required
	mostUnions   = 16 // anyOf, or several types
)

// maxMoved bounds how many keywords of a schema are reported one by one.
const maxMoved = 32

// tightening is a schema rewritten for structured outputs: objects take no further properties, and what the vendor does
// not keep to (bounds of numbers and lengths, patterns, ...) is told to the model in the description instead.
type tightening struct {
	out              []byte
	moved            map[string]bool // keywords that became words
	optional, unions int
	loose            bool // it holds something that structured outputs cannot say at all
}

// tighten rewrites a schema, whose JSON is known to be sound.
func tighten(schema []byte) *tightening {
	t := &tightening{out: make([]byte, 0, len(schema)+len(schema)/4), loose: unresolvable(schema)}
	t.schema(schema, 0)
	return t
}

// holds reports whether the vendor takes it.
func (t *tightening) holds() bool {
	return !t.loose && t.optional <= mostOptional && t.unions <= mostUnions
}

// tellMoved reports the keywords that became words. where names the field.
func (w *speller) tellMoved(t *tightening, where string) {
	for _, key := range slices.Sorted(maps.Keys(t.moved)) {
		w.tell(where+"."+fieldName([]byte(key)), ";approximated")
	}
}

// formats are those of strings that the vendor keeps to.
var formats = []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}

// shapeOf is what has been read of one schema, and what waits for its end.
type shapeOf struct {
	object, union        bool
	properties, required int // how many
	named                bool
	additional           []byte
	about, notes         []byte
	first                bool
}

// schema writes one schema. true and false, which are schemas too, stay.
func (t *tightening) schema(v []byte, depth int) {
	if len(v) == 0 || v[0] != '{' || depth > maxSchemaDepth {
		t.loose = t.loose || depth > maxSchemaDepth
		t.out = append(t.out, v...)
		return
	}
	s := shapeOf{first: true}
	t.out = append(t.out, '{')
	wire.Members(unwrapped(v), func(key, v []byte) bool {
		t.keyword(&s, key, v, depth)
		return true
	})
	t.close(&s)
	if len(s.about)+len(s.notes) > 0 {
		t.open(&s, "description")
		t.describe(s.about, s.notes)
	}
	t.out = append(t.out, '}')
}

// open begins a member.
func (t *tightening) open(s *shapeOf, key string) {
	if !s.first {
		t.out = append(t.out, ',')
	}
	s.first = false
	t.out = append(append(append(t.out, '"'), key...), `":`...)
}

// keyword writes one member of a schema, or notes it for the description.
func (t *tightening) keyword(s *shapeOf, key, v []byte, depth int) {
	stay := func() {
		t.open(s, string(key))
		t.out = append(t.out, v...)
	}
	switch name := string(key); name {
	case "description":
		s.about = wire.Inside(v)
	case "type":
		s.object = s.object || isObjectType(v)
		if v[0] == '[' {
			t.unions++
		}
		stay()
	case "properties":
		s.object, s.named = true, true
		t.open(s, name)
		s.properties = t.each(v, depth)
	case "$defs", "definitions":
		t.open(s, name)
		t.each(v, depth)
	case "items":
		t.open(s, name)
		t.schema(v, depth+1)
	case "anyOf", "oneOf":
		if s.union { // there is one list of alternatives
			s.notes = t.note(s.notes, name, v)
			return
		}
		s.union = true
		t.unions++
		t.open(s, "anyOf")
		t.list(v, depth)
	case "allOf":
		t.open(s, name)
		t.list(v, depth)
	case "required":
		wire.Elements(v, func([]byte) bool { s.required++; return true })
		stay()
	case "enum":
		wire.Elements(v, func(v []byte) bool { t.loose = t.loose || v[0] == '{' || v[0] == '['; return true })
		stay()
	case "const":
		t.loose = t.loose || v[0] == '{' || v[0] == '['
		stay()
	case "$ref", "title", "default":
		stay()
	case "additionalProperties":
		s.additional = v
	case "$schema", "$id", "$comment":
	default:
		if name == "format" && slices.Contains(formats, wire.Text(v)) || name == "minItems" && (string(v) == "0" || string(v) == "1") {
			stay()
		} else {
			s.notes = t.note(s.notes, name, v)
		}
	}
}

// close ends the properties of an object. One that has none of its own, and takes any, would take nothing.
func (t *tightening) close(s *shapeOf) {
	open := len(s.additional) > 0 && s.additional[0] != 'f' && s.additional[0] != 'n'
	if open {
		s.notes = t.note(s.notes, "additionalProperties", s.additional)
	}
	if !s.object {
		return
	}
	if s.properties == 0 && (open || !s.named && len(s.additional) == 0) {
		t.loose = true
	}
	t.optional += max(s.properties-s.required, 0)
	t.open(s, "additionalProperties")
	t.out = append(t.out, "false"...)
}

// describe writes a description: the schema's own, and what could not stay a keyword.
func (t *tightening) describe(about, notes []byte) {
	t.out = append(append(t.out, '"'), about...)
	if len(notes) > 0 {
		if len(about) > 0 {
			t.out = append(t.out, ' ')
		}
		t.out = append(append(append(t.out, '('), notes...), ')')
	}
	t.out = append(t.out, '"')
}

// note adds a keyword to a description.
func (t *tightening) note(notes []byte, key string, v []byte) []byte {
	if !t.moved[key] && len(t.moved) <= maxMoved {
		if t.moved == nil {
			t.moved = map[string]bool{}
		}
		if len(t.moved) == maxMoved {
			t.moved["more"] = true
		} else {
			t.moved[key] = true
		}
	}
	if len(notes) > 0 {
		notes = append(notes, ", "...)
	}
	notes = append(append(notes, key...), ": "...)
	return wire.AppendEscaped(notes, v)
}

// each writes an object of schemas, and counts them.
func (t *tightening) each(v []byte, depth int) (n int) {
	if v[0] != '{' {
		t.out = append(t.out, v...)
		return 0
	}
	first := true
	t.out = append(t.out, '{')
	wire.Members(v, func(key, v []byte) bool {
		if !first {
			t.out = append(t.out, ',')
		}
		first = false
		t.out = append(append(append(t.out, '"'), key...), `":`...)
		t.schema(v, depth+1)
		n++
		return true
	})
	t.out = append(t.out, '}')
	return n
}

// list writes a list of schemas.
func (t *tightening) list(v []byte, depth int) {
	if v[0] != '[' {
		t.out = append(t.out, v...)
		return
	}
	first := true
	t.out = append(t.out, '[')
	wire.Elements(v, func(v []byte) bool {
		if !first {
			t.out = append(t.out, ',')
		}
		first = false
		t.schema(v, depth+1)
		return true
	})
	t.out = append(t.out, ']')
}

// isObjectType reports whether a type is an object, or may be one.
func isObjectType(v []byte) bool {
	if v[0] == '"' {
		return string(v) == `"object"`
	}
	object := false
	wire.Elements(v, func(v []byte) bool {
		object = object || string(v) == `"object"`
		return true
	})
	return object
}
