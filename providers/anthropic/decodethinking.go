package anthropic

import (
	"slices"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// thinking reads the request for reasoning. "adaptive" alone leaves all to the model, as does saying nothing: it is no
// use of anything. (Claude Code sends it for every model that it does not know.)
func (d *decoding) thinking(v []byte) {
	if !d.object("thinking", v) {
		return
	}
	r := &d.c.Reasoning
	var kind, display string
	budget := int64(0)
	wire.Members(v, func(key, v []byte) bool {
		switch string(key) {
		case "type":
			kind = d.word("thinking.type", v)
		case "budget_tokens":
			budget = wire.Int(v)
		case "display":
			display = d.word("thinking.display", v)
		default:
			if !wire.Empty(v) {
				d.other(llm.FeatureOther, "thinking.", key)
			}
		}
		return true
	})
	switch kind {
	case "enabled":
		if budget <= 0 {
			d.fail("thinking.budget_tokens", "must be a number of tokens, 1024 or more")
			return
		}
		r.Budget = int(min(budget, 1<<31-1))
		d.c.Use(llm.FeatureReasoning, "thinking")
	case "adaptive":
	case "disabled":
		d.off = true
		d.c.Use(llm.FeatureNoReasoning, "thinking")
		return
	case "":
		d.fail("thinking.type", "must be \"enabled\", \"adaptive\" or \"disabled\"")
		return
	default:
		d.c.Use(llm.FeatureOther, "thinking.type")
	}
	r.Shown = display != "omitted"
}

// output reads output_config: the effort, which stands for a level of reasoning, and the form of the answer.
func (d *decoding) output(v []byte) {
	if !d.object("output_config", v) {
		return
	}
	wire.Members(v, func(key, v []byte) bool {
		switch {
		case v[0] == 'n':
		case string(key) == "effort":
			d.effort = d.word("output_config.effort", v)
		case string(key) == "format":
			d.format("output_config.format", v)
		case !wire.Empty(v):
			d.other(llm.FeatureOther, "output_config.", key)
		}
		return d.err == nil
	})
}

func (d *decoding) format(field string, v []byte) {
	if !d.object(field, v) {
		return
	}
	kind := ""
	var schema []byte
	wire.Members(v, func(key, v []byte) bool {
		switch string(key) {
		case "type":
			kind = d.word(field+".type", v)
		case "schema":
			schema = v
		default:
			if !wire.Empty(v) {
				d.other(llm.FeatureOther, field+".", key)
			}
		}
		return true
	})
	switch {
	case kind == "text":
	case kind != "json_schema":
		d.fail(field+".type", "must be \"json_schema\"")
	case len(schema) == 0 || schema[0] != '{':
		d.fail(field+".schema", "must be a JSON Schema: an object")
	default:
		d.c.Format = llm.Format{Kind: llm.FormatSchema, Schema: d.value(field+".schema", schema)}
		d.c.Use(llm.FeatureSchema, field)
	}
}

// level joins the effort with what thinking said. Where thinking is off the effort is about the length of the answer
// only, which other dialects have no word for.
func (d *decoding) level() {
	switch {
	case d.off:
		d.c.Reasoning.Effort = "none"
		if d.effort != "" {
			d.c.Use(llm.FeatureOther, "output_config.effort")
		}
	case d.effort == "":
	case slices.Contains(efforts, d.effort):
		d.c.Reasoning.Effort = d.effort
		d.c.Use(llm.FeatureReasoning, "output_config.effort")
	default:
		d.fail("output_config.effort", "must be one of "+strings.Join(efforts, ", "))
	}
}

// efforts are the levels this dialect has, least first.
var efforts = []string{"low", "medium", "high", "xhigh", "max"}
