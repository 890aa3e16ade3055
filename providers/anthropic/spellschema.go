package anthropic

import (
	"slices"

	"localrouter/providers/wire"
)

// maxSchemaDepth bounds the nesting of a schema that is rewritten.
const maxSchemaDepth = 64

// tighten rewrites a schema for structured outputs: objects take no further properties, and what the vendor does not
// keep to (bounds of numbers and lengths, patterns, ...) is told to the model in the description instead. where names
// the field for the report.
func (w *speller) tighten(schema []byte, where string) []byte {
	t := tightening{out: make([]byte, 0, len(schema)+len(schema)/4)}
	t.schema(schema, 0)
	for _, key := range t.moved {
		if field := where + "." + fieldName([]byte(key)) + ";approximated"; !slices.Contains(w.out.left, field) {
			w.out.left = append(w.out.left, field)
		}
	}
	return t.out
}

type tightening struct {
	out   []byte
	moved []string
}

// formats are those of strings that the vendor keeps to.
var formats = []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}

// schema writes one schema. true and false, which are schemas too, stay.
func (t *tightening) schema(v []byte, depth int) {
	if len(v) == 0 || v[0] != '{' || depth > maxSchemaDepth {
		t.out = append(t.out, v...)
		return
	}
	var about, notes []byte
	object, first := false, true
	open := func(key []byte) {
		if !first {
			t.out = append(t.out, ',')
		}
		first = false
		t.out = append(append(append(t.out, '"'), key...), `":`...)
	}
	t.out = append(t.out, '{')
	wire.Members(v, func(key, v []byte) bool {
		switch name := string(key); name {
		case "description":
			about = wire.Inside(v)
		case "type":
			object = object || isObjectType(v)
			open(key)
			t.out = append(t.out, v...)
		case "properties", "$defs", "definitions":
			object = object || name == "properties"
			open(key)
			t.each(v, depth)
		case "items":
			open(key)
			t.schema(v, depth+1)
		case "anyOf", "allOf":
			open(key)
			t.list(v, depth)
		case "oneOf":
			open([]byte("anyOf"))
			t.list(v, depth)
		case "$ref", "enum", "const", "required", "title", "default":
			open(key)
			t.out = append(t.out, v...)
		case "additionalProperties":
			// Written below, always false; one that named a schema is told.
			if v[0] == '{' && !wire.Empty(v) {
				notes = t.note(notes, name, v)
			}
		default:
			if name == "format" && slices.Contains(formats, wire.Text(v)) || name == "minItems" && (string(v) == "0" || string(v) == "1") {
				open(key)
				t.out = append(t.out, v...)
			} else if name != "$schema" && name != "$id" && name != "$comment" {
				notes = t.note(notes, name, v)
			}
		}
		return true
	})
	if object {
		open([]byte("additionalProperties"))
		t.out = append(t.out, "false"...)
	}
	if len(about)+len(notes) > 0 {
		open([]byte("description"))
		t.describe(about, notes)
	}
	t.out = append(t.out, '}')
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
	if !slices.Contains(t.moved, key) {
		t.moved = append(t.moved, key)
	}
	if len(notes) > 0 {
		notes = append(notes, ", "...)
	}
	notes = append(append(notes, key...), ": "...)
	return wire.AppendEscaped(notes, v)
}

// each writes an object of schemas.
func (t *tightening) each(v []byte, depth int) {
	if v[0] != '{' {
		t.out = append(t.out, v...)
		return
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
		return true
	})
	t.out = append(t.out, '}')
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
