package openai

import (
	"slices"

	"localrouter/providers/llm"
)

// usualEfforts are taken by every model that takes a level at all; they stand in where a model's own are not known.
var usualEfforts = []string{"none", "low", "medium", "high"}

// effort is the level of reasoning to ask for; "" where nothing is to be said.
func effort(o *llm.Order, tools bool) string {
	var efforts []string
	if o.Model != nil {
		if tools && o.Model.Lacks.Has(llm.FeatureToolReasoning) {
			return "none" // some models apply a level of their own, and then refuse the tools
		}
		if o.Model.Thinking&llm.ThinksNever != 0 {
			return ""
		}
		efforts = o.Model.Efforts
	}
	r := o.Request.Conversation.Reasoning
	if efforts == nil {
		efforts = usualEfforts
	}
	keep := o.Plan.Keep
	switch {
	case r.Effort == "none":
		if !keep.Has(llm.FeatureNoReasoning) {
			return ""
		}
		if slices.Contains(efforts, "none") {
			return "none"
		}
		return lowest(efforts)
	case !keep.Has(llm.FeatureReasoning):
		return ""
	case r.Effort != "":
		return nearest(r.Effort, efforts)
	case r.Budget > 0:
		return nearest(levelOf(r.Budget), efforts)
	}
	return ""
}

// levelOf is the level that a budget in tokens comes to.
func levelOf(budget int) string {
	switch {
	case budget <= 512:
		return "minimal"
	case budget <= 1024:
		return "low"
	case budget <= 8192:
		return "medium"
	case budget <= 24576:
		return "high"
	}
	return "xhigh"
}

// nearest is the level itself where it is offered, else the next one below, else the next above; never "none", which
// was not asked for.
func nearest(level string, efforts []string) string {
	at := slices.Index(llm.Efforts, level)
	best, bestAt := "", -1
	for _, e := range efforts {
		i := slices.Index(llm.Efforts, e)
		if i <= 0 || at < 0 {
			continue
		}
		if best == "" || i <= at && (bestAt > at || i > bestAt) || i > at && bestAt > at && i < bestAt {
			best, bestAt = e, i
		}
	}
	return best
}

// lowest is the least level that is offered.
func lowest(efforts []string) string {
	return nearest(llm.Efforts[1], efforts)
}

// appendEffort asks for a level in the server's own way.
func appendEffort(dst []byte, level string, how EffortStyle) []byte {
	if level == "" {
		return dst
	}
	on := level != "none"
	switch how {
	case EffortField:
		dst = append(append(dst, `,"reasoning_effort":"`...), level...)
		return append(dst, '"')
	case EffortObject:
		dst = append(append(dst, `,"reasoning":{"effort":"`...), level...)
		return append(dst, `"}`...)
	case EffortThink:
		dst = appendTyped(dst, on)
		if on {
			return appendEffort(dst, level, EffortField)
		}
	case EffortTyped:
		return appendTyped(dst, on)
	case EffortSwitch:
		return appendBool(append(dst, `,"enable_thinking":`...), on)
	case EffortTemplate:
		return append(appendBool(append(dst, `,"chat_template_kwargs":{"enable_thinking":`...), on), '}')
	}
	return dst
}

func appendTyped(dst []byte, on bool) []byte {
	if on {
		return append(dst, `,"thinking":{"type":"enabled"}`...)
	}
	return append(dst, `,"thinking":{"type":"disabled"}`...)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}
