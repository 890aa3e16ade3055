package openai

import (
	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

func (r *reading) effort(v []byte, field string) {
	level := wire.Meaning(r.text(v, field))
	switch level {
	case "none", "minimal", "low", "medium", "high", "xhigh", "max":
		// OpenAI's own models never show their reasoning here; those that do are asked for it, as most clients of this
		// dialect show it and a long silence looks like a fault.
		r.c.Reasoning.Effort, r.c.Reasoning.Shown, r.effortField = level, level != "none", field
	case "", "auto", "default": // what holds anyway
	default:
		r.refuse(field, "must be one of none, minimal, low, medium, high, xhigh and max")
	}
}

// think reads a switch: off is off, a word is a level, and on without a level is left to the provider.
func (r *reading) think(v []byte, field string) {
	switch {
	case v[0] == '"':
		r.effort(v, field)
	case r.boolean(v, field):
		r.c.Use(llm.FeatureOther, field)
	case r.err == nil:
		r.c.Reasoning, r.effortField = llm.Reasoning{Effort: "none"}, field
	}
}

// reasoning reads OpenRouter's form of the same wish.
func (r *reading) reasoning(v []byte) {
	hidden, on := false, false
	r.members(v, "reasoning", func(key, v []byte) {
		switch string(key) {
		case "effort":
			r.effort(v, "reasoning.effort")
		case "max_tokens":
			if n := r.limit(v, "reasoning.max_tokens"); n > 0 {
				r.c.Reasoning.Budget, r.c.Reasoning.Shown, r.effortField = n, true, "reasoning.max_tokens"
			}
		case "enabled":
			if on = r.boolean(v, "reasoning.enabled"); !on {
				r.c.Reasoning, r.effortField = llm.Reasoning{Effort: "none"}, "reasoning.enabled"
			}
		case "exclude":
			hidden = r.boolean(v, "reasoning.exclude")
		default:
			r.unknown("reasoning.", key, v)
		}
	})
	if on && !r.c.Reasoning.Asked() { // OpenRouter's default
		r.c.Reasoning, r.effortField = llm.Reasoning{Effort: "medium", Shown: true}, "reasoning.enabled"
	}
	if hidden {
		r.c.Reasoning.Shown = false
	}
}
