package anthropic

import (
	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

func (d *decoding) tools(v []byte) {
	if v[0] != '[' {
		d.fail("tools", "must be a list of tools")
		return
	}
	wire.Elements(v, func(v []byte) bool {
		if v[0] != '{' {
			d.fail("tools", "must be a list of objects")
			return false
		}
		d.tool(v)
		return d.err == nil
	})
}

// tool reads one declaration. One with a type other than "custom" is the vendor's: run by it, or trained into its models.
func (d *decoding) tool(raw []byte) {
	var t llm.Tool
	kind := "custom"
	var others [][]byte
	wire.Members(raw, func(key, v []byte) bool {
		switch string(key) {
		case "type":
			if s := d.word("tools.type", v); s != "" {
				kind = s
			}
		case "name":
			t.Name = d.text("tools.name", v)
		case "description":
			t.Description = d.text("tools.description", v)
		case "input_schema":
			if v[0] != 'n' {
				t.Schema = v
			}
		case "strict":
			if v[0] == 't' || v[0] == 'f' {
				strict := v[0] == 't'
				t.Strict = &strict
			}
		case "cache_control":
			t.Cache = cacheMark(v)
		case "allowed_callers":
			if string(v) != `["direct"]` && !wire.Empty(v) { // the default
				others = append(others, key)
			}
		default:
			if v[0] != 'n' && v[0] != 'f' && !wire.Empty(v) {
				others = append(others, key)
			}
		}
		return true
	})
	if t.Cache != "" {
		d.c.Use(llm.FeatureCacheMarks, "tools.cache_control")
	}
	if kind != "custom" {
		t.Hosted, t.Raw, t.Strict, t.Schema = true, d.value("tools", raw), nil, nil
		d.other(llm.FeatureHostedTools, "tools.", []byte(kind))
		d.c.Tools = append(d.c.Tools, t)
		return
	}
	d.function(&t, others)
}

// function takes a tool that the application runs.
func (d *decoding) function(t *llm.Tool, others [][]byte) {
	switch {
	case len(t.Name) == 0:
		d.fail("tools.name", "is missing; each tool needs one")
		return
	case t.Schema != nil && t.Schema[0] != '{':
		d.fail("tools.input_schema", "must be a JSON Schema: an object")
		return
	case t.Schema != nil:
		t.Schema = d.value("tools.input_schema", t.Schema)
	}
	d.c.Use(llm.FeatureTools, "tools")
	if t.Strict != nil && *t.Strict {
		d.c.Use(llm.FeatureStrictTools, "tools.strict")
	}
	for _, key := range others {
		d.other(llm.FeatureOther, "tools.", key)
	}
	d.c.Tools = append(d.c.Tools, *t)
}

func (d *decoding) choice(v []byte) {
	if !d.object("tool_choice", v) {
		return
	}
	kind := ""
	wire.Members(v, func(key, v []byte) bool {
		switch string(key) {
		case "type":
			kind = d.word("tool_choice.type", v)
		case "name":
			d.c.Choice.Name = d.text("tool_choice.name", v)
		case "disable_parallel_tool_use":
			if d.c.OneCall = v[0] == 't'; d.c.OneCall {
				d.c.Use(llm.FeatureOneCall, "tool_choice.disable_parallel_tool_use")
			}
		default:
			if !wire.Empty(v) {
				d.other(llm.FeatureOther, "tool_choice.", key)
			}
		}
		return true
	})
	switch kind {
	case "auto":
		d.c.Choice.Mode = llm.ChoiceAuto
	case "none":
		d.c.Choice.Mode = llm.ChoiceNone
		d.c.Use(llm.FeatureNoToolChoice, "tool_choice")
	case "any":
		d.c.Choice.Mode = llm.ChoiceAny
		d.c.Use(llm.FeatureToolChoice, "tool_choice")
	case "tool":
		if d.c.Choice.Mode = llm.ChoiceOne; len(d.c.Choice.Name) == 0 {
			d.fail("tool_choice.name", "is missing; name the tool to call")
		}
		d.c.Use(llm.FeatureToolChoice, "tool_choice")
	default:
		d.fail("tool_choice.type", "must be \"auto\", \"any\", \"tool\" or \"none\"")
	}
	if d.c.Choice.Mode != llm.ChoiceOne {
		d.c.Choice.Name = nil
	}
}
