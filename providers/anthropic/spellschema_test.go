package anthropic

import (
	"fmt"
	"strings"
	"testing"
)

func TestSchemasAreTightened(t *testing.T) {
	for _, c := range []struct{ name, in, want, moved string }{
		{"keywords that become words", `{"$schema":"x","type":"object","description":"D","properties":{"a":{"type":"array","items":{"type":"object","properties":{"format":{"type":"string","format":"email","pattern":"^\"a"}}},"maxItems":3,"minItems":1},` +
			`"b":{"oneOf":[{"type":"null"},{"$ref":"#/$defs/X"}]},"c":{"type":["object","null"],"properties":{"e":{}},"additionalProperties":{"type":"string"}},"d":true},"$defs":{"X":{"type":"string","format":"slug"}}}`,
			`{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"format":{"type":"string","format":"email","description":"(pattern: \"^\\\"a\")"}},"additionalProperties":false},"minItems":1,"description":"(maxItems: 3)"},` +
				`"b":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/X"}]},"c":{"type":["object","null"],"properties":{"e":{}},"additionalProperties":false,"description":"(additionalProperties: {\"type\":\"string\"})"},"d":true},"$defs":{"X":{"type":"string","description":"(format: \"slug\")"}},"additionalProperties":false,"description":"D"}`,
			"additionalProperties format maxItems pattern"},
		{"a reference with a description of its own", `{"allOf":[{"$ref":"#/$defs/X"}],"description":"d","$defs":{"X":{"type":"string"}}}`, `{"$defs":{"X":{"type":"string"}},"$ref":"#/$defs/X","description":"d"}`, ""},
		{"one of one", `{"allOf":[{"allOf":[{"type":"string","title":"inner"}]}],"title":"outer","type":"string"}`, `{"title":"outer","type":"string"}`, ""},
		{"one that says something else", `{"allOf":[{"type":"string"}],"type":"number"}`, `{"allOf":[{"type":"string"}],"type":"number"}`, ""},
		{"two lists of alternatives", `{"anyOf":[{"type":"string"}],"oneOf":[{"type":"null"}]}`, `{"anyOf":[{"type":"string"}],"description":"(oneOf: [{\"type\":\"null\"}])"}`, "oneOf"},
		{"further properties", `{"type":"object","properties":{"a":{}},"additionalProperties":true}`, `{"type":"object","properties":{"a":{}},"additionalProperties":false,"description":"(additionalProperties: true)"}`, "additionalProperties"},
		{"no properties at all", `{"type":"object","properties":{}}`, `{"type":"object","properties":{},"additionalProperties":false}`, ""},
		{"an object that is closed and empty", `{"type":"object","additionalProperties":false}`, `{"type":"object","additionalProperties":false}`, ""},
		{"a property called $ref", `{"type":"object","properties":{"$ref":{"type":"string"}},"required":["$ref"]}`, `{"type":"object","properties":{"$ref":{"type":"string"}},"required":["$ref"],"additionalProperties":false}`, ""},
		{"a definition that is used twice", `{"anyOf":[{"$ref":"#/definitions/a~1b"},{"$ref":"#/definitions/c"}],"definitions":{"a/b":{"type":"null"},"c":{"$ref":"#/definitions/a~1b"}}}`, `{"anyOf":[{"$ref":"#/definitions/a~1b"},{"$ref":"#/definitions/c"}],"definitions":{"a/b":{"type":"null"},"c":{"$ref":"#/definitions/a~1b"}}}`, ""},
		{"a circle", recursive, "", ""},
		{"itself", `{"type":"object","properties":{"a":{"$ref":"#"}}}`, "", ""},
		{"something elsewhere", `{"$ref":"https://x/y.json"}`, "", ""},
		{"any object", `{"type":"array","items":{"type":"object"}}`, "", ""},
		{"a map", `{"type":"object","properties":{"m":{"type":"object","additionalProperties":{"type":"string"}}}}`, "", ""},
		{"objects as values", `{"enum":["a",{"b":1}]}`, "", ""},
		{"an object as the value", `{"const":{"b":1}}`, "", ""},
		{"too deep", strings.Repeat(`{"items":`, maxSchemaDepth+2) + `{}` + strings.Repeat(`}`, maxSchemaDepth+2), "", ""},
		{"too many that may be left out", `{"type":"object","properties":{` + strings.TrimSuffix(numbered(`"p%d":{},`, mostOptional+1), ",") + `}}`, "", ""},
		{"too many alternatives", `{"allOf":[` + strings.TrimSuffix(numbered(`{"title":"%d","type":["string","null"]},`, mostUnions+1), ",") + `]}`, "", ""},
	} {
		s := tighten([]byte(c.in))
		if s.holds() != (c.want != "") {
			t.Errorf("%s: it holds: %v", c.name, s.holds())
			continue
		}
		w := &speller{out: &spelled{}}
		w.tellMoved(s, "f")
		moved := strings.NewReplacer("f.", "", ";approximated", "").Replace(strings.Join(w.out.left, " "))
		if got := string(s.out); c.want != "" && (got != c.want || moved != c.moved) {
			t.Errorf("%s: got\n%s, want\n%s, moved %q", c.name, got, c.want, moved)
		}
	}
}

// numbered repeats a form with a number in it.
func numbered(form string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, form, i)
	}
	return b.String()
}
