package openai

import (
	"bytes"

	"localrouter/providers/wire"
)

// strictSchema reports whether a JSON Schema keeps to the rules of OpenAI's strict mode, which refuses all others:
// every object names all its properties as required and allows no more, and the root is such an object.
func strictSchema(schema []byte) bool {
	root := false
	wire.Members(schema, func(key, v []byte) bool {
		switch string(key) {
		case "properties":
			root = true
		case "anyOf":
			root = false
			return false
		}
		return true
	})
	return root && strictNode(schema, 0)
}

// mostLevels is how deep strict mode lets objects nest; each takes two levels of JSON.
const mostLevels = 64

// strictNode looks at one schema and those in it.
func strictNode(v []byte, depth int) bool {
	if len(v) == 0 || v[0] != '{' || depth > mostLevels {
		return false
	}
	ok, closed, isObject := true, false, false
	var properties, required []byte
	whole := wire.Members(v, func(key, v []byte) bool {
		switch string(key) {
		case "type":
			isObject = isObject || bytes.Contains(v, []byte(`"object"`)) // alone or in a list
		case "properties":
			isObject, properties = true, v
		case "required":
			required = v
		case "additionalProperties":
			closed = string(v) == "false"
		case "items":
			ok = strictNode(v, depth+1)
		case "anyOf":
			ok = wire.Elements(v, func(v []byte) bool { ok = ok && strictNode(v, depth+1); return ok }) && ok
		case "$defs", "definitions":
			ok = strictEach(v, depth)
		case "oneOf", "allOf", "not", "if", "then", "else", "patternProperties", "prefixItems", "dependentRequired",
			"dependentSchemas", "unevaluatedProperties", "propertyNames", "minProperties", "maxProperties", "contains", "uniqueItems":
			ok = false
		}
		return ok
	})
	if !ok || !whole || !isObject {
		return ok && whole
	}
	return closed && allRequired(properties, required) && (properties == nil || strictEach(properties, depth))
}

// strictEach looks at the schemas in an object.
func strictEach(v []byte, depth int) bool {
	ok := true
	return wire.Members(v, func(_, v []byte) bool { ok = ok && strictNode(v, depth+1); return ok }) && ok
}

// allRequired reports whether each property is required.
func allRequired(properties, required []byte) bool {
	names := map[string]bool{}
	wire.Elements(required, func(v []byte) bool {
		names[string(v)] = true
		return true
	})
	all := true
	wire.Members(properties, func(key, _ []byte) bool {
		all = names[`"`+string(key)+`"`]
		return all
	})
	return all
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
