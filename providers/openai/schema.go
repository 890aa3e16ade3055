package openai

import (
	"bytes"
	"slices"

	"localrouter/providers/wire"
)

// strictSchema reports whether a JSON Schema keeps to the rules of OpenAI's strict mode, which refuses all others:
// every object names all its properties as required and allows no more, and the root is such an object. Where it is
// in doubt the answer is no: without strict nothing is refused.
func strictSchema(schema []byte) bool {
	root := false
	wire.Members(schema, func(key, v []byte) bool {
		root = root || string(key) == "type" && string(v) == `"object"`
		return !root
	})
	return root && strictNode(schema, 0)
}

// mostLevels is how deep strict mode lets schemas nest.
const mostLevels = 10

// node is what one schema says.
type node struct {
	kinds               []byte // type, as it is written
	properties, items   []byte
	required            []byte
	closed, either, ref bool
	members             int
}

// strictNode looks at one schema and those in it. Only keywords that strict mode is known to take may be there.
func strictNode(v []byte, depth int) bool {
	if len(v) == 0 || v[0] != '{' || depth > mostLevels {
		return false
	}
	var n node
	ok := true
	whole := wire.Members(v, func(key, v []byte) bool {
		n.members++
		switch string(key) {
		case "type":
			n.kinds = v
		case "properties":
			n.properties, ok = v, v[0] == '{'
		case "required":
			n.required = v
		case "additionalProperties":
			n.closed = string(v) == "false"
			ok = n.closed
		case "items":
			n.items, ok = v, strictNode(v, depth+1)
		case "anyOf":
			n.either = true
			ok = wire.Elements(v, func(v []byte) bool { ok = ok && strictNode(v, depth+1); return ok }) && ok && !wire.Empty(v)
		case "$defs", "definitions":
			ok = strictEach(v, depth)
		case "$ref":
			n.ref, ok = true, bytes.HasPrefix(v, []byte(`"#`))
		case "format":
			ok = slices.Contains(strictFormats, wire.Text(v))
		case "description", "title", "enum", "const", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
			"multipleOf", "minItems", "maxItems":
		default:
			ok = false
		}
		return ok
	})
	return ok && whole && n.strict(depth)
}

// strictFormats are the formats of strings that strict mode takes.
var strictFormats = []string{"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}

// strict judges what the keywords of a schema come to together.
func (n *node) strict(depth int) bool {
	switch {
	case n.ref:
		return n.members == 1
	case n.either:
		return n.kinds == nil && n.properties == nil && n.items == nil && depth > 0
	}
	object, known := false, n.kinds != nil
	kind := func(v []byte) bool {
		switch string(v) {
		case `"object"`:
			object = true
		case `"array"`:
			known = known && n.items != nil
		case `"string"`, `"number"`, `"integer"`, `"boolean"`, `"null"`:
		default:
			known = false
		}
		return known
	}
	if len(n.kinds) > 0 && n.kinds[0] == '[' {
		known = wire.Elements(n.kinds, kind) && known && !wire.Empty(n.kinds)
	} else {
		kind(n.kinds)
	}
	switch {
	case !known:
		return false
	case !object:
		return n.properties == nil
	}
	return n.closed && n.properties != nil && allRequired(n.properties, n.required) && strictEach(n.properties, depth)
}

// strictEach looks at the schemas in an object.
func strictEach(v []byte, depth int) bool {
	ok := true
	return wire.Members(v, func(_, v []byte) bool { ok = ok && strictNode(v, depth+1); return ok }) && ok
}

// allRequired reports whether each property is required, and nothing else.
func allRequired(properties, required []byte) bool {
	names := map[string]bool{}
	wire.Elements(required, func(v []byte) bool {
		names[string(v)] = true
		return true
	})
	n, all := 0, true
	wire.Members(properties, func(key, _ []byte) bool {
		n++
		all = names[`"`+string(key)+`"`]
		return all
	})
	return all && n == len(names)
}

// appendSchema appends the parameters of a tool: as they are, but a type that is missing is "object", and no schema is
// one without properties.
func appendSchema(dst, schema []byte) []byte {
	typed := false
	wire.Members(schema, func(key, _ []byte) bool {
		typed = typed || string(key) == "type"
		return !typed
	})
	switch {
	case wire.Empty(schema):
		return append(dst, `{"type":"object","properties":{}}`...)
	case typed:
		return append(dst, schema...)
	}
	rest := schema[wire.Space(schema, 0)+1:]
	return append(append(dst, `{"type":"object",`...), rest...)
}

// mostName is the most letters of the name of a tool or a format.
const mostName = 64
