package openai

import (
	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// tools reads the tools that may be called.
func (r *reading) tools(v []byte) {
	r.elements(v, "tools", func(_ int, v []byte) { r.tool(v) })
}

func (r *reading) tool(v []byte) {
	kind := llm.Text("function")
	var function, custom []byte
	var mark string
	r.members(v, "tools", func(key, v []byte) {
		switch string(key) {
		case "type":
			kind = r.text(v, "tools.type")
		case "function":
			function = v
		case "custom":
			custom = v
		case "cache_control", "prompt_cache_breakpoint":
			mark = r.cacheMark("tools.", string(key), v)
		}
	})
	before := len(r.c.Tools)
	r.typedTool(wire.Meaning(kind), v, function, custom)
	if r.err != nil || len(r.c.Tools) == before {
		return
	}
	t := &r.c.Tools[before]
	t.Cache = mark
	if t.Hosted { // what else is said of it is part of its declaration
		return
	}
	r.members(v, "tools", func(key, v []byte) {
		switch string(key) {
		case "type", "function", "custom", "cache_control", "prompt_cache_breakpoint":
		default:
			r.unknown("tools.", key, v)
		}
	})
}

func (r *reading) typedTool(kind string, v, function, custom []byte) {
	switch kind {
	case "function":
		if function == nil {
			r.refuse("tools.function", "must be an object with the name and the parameters of the function")
			return
		}
		r.function(function, "tools.function", "tools.function")
	case "custom":
		if custom == nil {
			r.refuse("tools.custom", "must be an object with the name of the tool")
			return
		}
		r.custom(custom)
	default: // run by whoever the request was meant for
		r.c.Tools = append(r.c.Tools, llm.Tool{Name: wire.TextOf(kind), Hosted: true, Raw: r.raw(v, "tools")})
		r.c.Use(llm.FeatureHostedTools, "tools.type")
	}
}

// function reads the declaration of a function; field is for a defect and used for what is reported.
func (r *reading) function(v []byte, field, used string) {
	var t llm.Tool
	r.members(v, field, func(key, v []byte) {
		switch string(key) {
		case "name":
			t.Name = r.text(v, field+".name")
		case "description":
			t.Description = r.text(v, field+".description")
		case "parameters":
			t.Schema = r.raw(v, field+".parameters")
		case "strict":
			strict := r.boolean(v, field+".strict")
			if t.Strict = &strict; strict {
				r.c.Use(llm.FeatureStrictTools, used+".strict")
			}
		default:
			r.unknown(used+".", key, v)
		}
	})
	if len(t.Name) == 0 {
		r.refuse(field+".name", "must be a string that names the function")
	}
	r.c.Tools = append(r.c.Tools, t)
}

// custom reads a tool that takes free text. Its grammar has no place in the neutral language.
func (r *reading) custom(v []byte) {
	t := llm.Tool{Custom: true}
	r.members(v, "tools.custom", func(key, v []byte) {
		switch string(key) {
		case "name":
			t.Name = r.text(v, "tools.custom.name")
		case "description":
			t.Description = r.text(v, "tools.custom.description")
		case "format":
			r.members(v, "tools.custom.format", func(key, v []byte) {
				if string(key) == "grammar" {
					r.c.Use(llm.FeatureOther, "tools.custom.format")
				}
			})
		default:
			r.unknown("tools.custom.", key, v)
		}
	})
	if len(t.Name) == 0 {
		r.refuse("tools.custom.name", "must be a string that names the tool")
	}
	r.c.Tools = append(r.c.Tools, t)
	r.c.Use(llm.FeatureCustomTools, "tools.custom")
}

// oldFunctions reads the deprecated form of tools, of which an answer holds one call at most.
func (r *reading) oldFunctions(v []byte) {
	r.elements(v, "functions", func(_ int, v []byte) { r.function(v, "functions", "functions") })
	r.functions = len(r.c.Tools) > 0
}

func (r *reading) toolChoice(v []byte) {
	const must = "must be none, auto, required, or an object that names a tool"
	if v[0] == '"' {
		switch wire.Meaning(r.text(v, "tool_choice")) {
		case "none":
			r.c.Choice.Mode = llm.ChoiceNone
		case "auto":
			r.c.Choice.Mode = llm.ChoiceAuto
		case "required", "any":
			r.c.Choice.Mode = llm.ChoiceAny
		default:
			r.refuse("tool_choice", must)
		}
		return
	}
	if v[0] != '{' {
		r.refuse("tool_choice", must)
		return
	}
	var allowed []byte
	var name llm.Text
	r.members(v, "tool_choice", func(key, v []byte) {
		switch string(key) {
		case "type":
		case "function", "custom":
			name = r.named(v, "tool_choice."+string(key))
		case "allowed_tools":
			allowed = v
		default:
			r.unknown("tool_choice.", key, v)
		}
	})
	switch {
	case allowed != nil:
		r.allowed(allowed)
	case len(name) > 0:
		r.c.Choice = llm.Choice{Mode: llm.ChoiceOne, Name: name}
	default:
		r.refuse("tool_choice", must)
	}
}

// named reads {"name":...}.
func (r *reading) named(v []byte, field string) (name llm.Text) {
	r.members(v, field, func(key, v []byte) {
		if string(key) == "name" {
			name = r.text(v, field+".name")
		}
	})
	if len(name) == 0 {
		r.refuse(field+".name", "must be a string that names a tool")
	}
	return name
}

// allowed reads a choice among some of the tools.
func (r *reading) allowed(v []byte) {
	choice := llm.Choice{Mode: llm.ChoiceAuto, Allowed: []llm.Text{}}
	r.members(v, "tool_choice.allowed_tools", func(key, v []byte) {
		switch string(key) {
		case "mode":
			switch wire.Meaning(r.text(v, "tool_choice.allowed_tools.mode")) {
			case "auto":
			case "required":
				choice.Mode = llm.ChoiceAny
			default:
				r.refuse("tool_choice.allowed_tools.mode", "must be auto or required")
			}
		case "tools":
			r.elements(v, "tool_choice.allowed_tools.tools", func(_ int, v []byte) {
				r.members(v, "tool_choice.allowed_tools.tools", func(key, v []byte) {
					if s := string(key); s == "function" || s == "custom" {
						choice.Allowed = append(choice.Allowed, r.named(v, "tool_choice.allowed_tools.tools."+s))
					}
				})
			})
		default:
			r.unknown("tool_choice.allowed_tools.", key, v)
		}
	})
	r.c.Choice = choice
}

// oldChoice reads the deprecated form of a tool choice.
func (r *reading) oldChoice(v []byte) {
	switch {
	case v[0] == '{':
		r.c.Choice = llm.Choice{Mode: llm.ChoiceOne, Name: r.named(v, "function_call")}
	case v[0] == '"' && string(v) == `"none"`:
		r.c.Choice.Mode = llm.ChoiceNone
	case v[0] == '"' && string(v) == `"auto"`:
		r.c.Choice.Mode = llm.ChoiceAuto
	default:
		r.refuse("function_call", "must be none, auto, or an object that names a function")
	}
}

// settleTools notes what the request makes use of in its tools, which may stand before or after the choice.
func (r *reading) settleTools() {
	c := r.c
	if len(c.Tools) == 0 {
		if m := c.Choice.Mode; m == llm.ChoiceAny || m == llm.ChoiceOne {
			r.refuse("tool_choice", "asks for a call, but there are no tools; send some, or leave it out")
		}
		c.Choice, c.OneCall = llm.Choice{}, false
		if r.talk.called {
			c.Use(llm.FeatureTools, "messages.tool_calls")
		}
		return
	}
	field, choice := "tools", "tool_choice"
	if r.functions {
		field, choice = "functions", "function_call"
		c.OneCall = true
		c.Use(llm.FeatureOneCall, "functions")
	} else if c.OneCall {
		c.Use(llm.FeatureOneCall, "parallel_tool_calls")
	}
	c.Use(llm.FeatureTools, field)
	switch c.Choice.Mode {
	case llm.ChoiceNone:
		c.Use(llm.FeatureNoToolChoice, choice)
	case llm.ChoiceAny, llm.ChoiceOne:
		c.Use(llm.FeatureToolChoice, choice)
	}
	if c.Choice.Allowed != nil {
		c.Use(llm.FeatureToolSubset, choice)
	}
}
