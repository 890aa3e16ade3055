package openai

import (
	"slices"

	"localrouter/providers/llm"
)

// usualEfforts are taken by every model that takes a level at all; they stand in where a model's own are not known.
var usualEfforts = []string{"none", "low", "medium", "high"}

// effort is the level of reasoning to ask for; "" where nothing is to be said.
func (s *speller) effort() string {
	if s.st.Effort == EffortNot {
		return ""
	}
	efforts := s.st.Efforts
	if m := s.o.Model; m != nil {
		switch {
		case m.Thinking&llm.ThinksNever != 0:
			return "" // it refuses the field, whatever it says
		case len(s.tools) > 0 && m.Lacks.Has(llm.FeatureToolReasoning):
			return s.atRest(m)
		case m.Efforts != nil:
			efforts = m.Efforts
		}
	}
	if efforts == nil {
		efforts = usualEfforts
	}
	r := s.c.Reasoning
	switch {
	case r.Effort == "none" && !s.kept(llm.FeatureNoReasoning), r.Effort != "none" && !s.kept(llm.FeatureReasoning):
		return ""
	case r.Effort == "none" && slices.Contains(efforts, "none"):
		return "none"
	case r.Effort == "none":
		return s.near(llm.FeatureNoReasoning, r.Effort, lowest(efforts))
	case r.Effort != "":
		return s.near(llm.FeatureReasoning, r.Effort, nearest(r.Effort, efforts))
	case r.Budget > 0:
		level := levelOf(r.Budget)
		return s.near(llm.FeatureReasoning, level, nearest(level, efforts))
	}
	return ""
}

// atRest is the level for a model that takes tools only without reasoning: some apply a level of their own, and then
// refuse the tools. One that is not known to take "none" is not asked.
func (s *speller) atRest(m *llm.Model) string {
	if !slices.Contains(m.Efforts, "none") {
		return ""
	}
	if !s.c.Reasoning.Asked() && m.Lacks.Has(llm.FeatureTemperature) { // unless told not to it reasons, and has no temperature
		field := "thinking"
		if s.o.Request.Dialect == llm.OpenAI {
			field = "reasoning_effort"
		}
		s.left = append(s.left, field)
	}
	return "none"
}

// near is level, the nearest to what was wanted of f; where it is another, or the server knows no levels, that is told.
func (s *speller) near(f llm.Feature, wanted, level string) string {
	if level == "" {
		s.leave(f, "")
	} else if level != wanted || s.st.Effort >= EffortTyped && wanted != "none" {
		s.leave(f, ";approximated")
	}
	return level
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
