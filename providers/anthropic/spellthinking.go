package anthropic

import (
	"slices"
	"strconv"
	"strings"

	"localrouter/providers/llm"
)

type thinkMode uint8

const (
	thinkUnsaid thinkMode = iota
	thinkBudget
	thinkAdaptive
	thinkOff
)

// thinking is how the model is asked to reason.
type thinking struct {
	mode   thinkMode
	budget int
	effort string
	shown  bool
}

// active reports whether the model was told to think.
func (t *thinking) active() bool { return t.mode == thinkBudget || t.mode == thinkAdaptive }

const (
	leastBudget = 1024
	mostBudget  = 128000
)

// budgets are what levels of effort stand for on models that take a bound in tokens; the levels of a bound follow from
// them too.
var budgets = []struct {
	effort string
	tokens int
}{{"minimal", 1024}, {"low", 1024}, {"medium", 8192}, {"high", 24576}, {"xhigh", 32768}}

// budgetOf is the bound of a level, at most one less than the output.
func budgetOf(r llm.Reasoning, output int) int {
	if r.Budget > 0 {
		return max(r.Budget, leastBudget)
	}
	for _, b := range budgets {
		if b.effort == r.Effort {
			return b.tokens
		}
	}
	return max(min(output-1, mostBudget), leastBudget) // "max"
}

// effortOf is the level of a request, by its bound where only that was named.
func effortOf(r llm.Reasoning) string {
	switch {
	case r.Effort != "":
		return r.Effort
	case r.Budget <= 0:
		return ""
	case r.Budget <= 1024:
		return "low"
	case r.Budget <= 8192:
		return "medium"
	case r.Budget <= 24576:
		return "high"
	}
	return "xhigh"
}

// within is the highest level of a model that is not above effort, else its least. levels is nil where nothing is known.
func within(effort string, levels []string) string {
	if effort == "" {
		return ""
	}
	if len(levels) == 0 {
		levels = efforts[:3]
	}
	want, best := slices.Index(llm.Efforts, effort), ""
	for _, level := range levels {
		if slices.Contains(efforts, level) && (best == "" || slices.Index(llm.Efforts, level) <= want) {
			best = level
		}
	}
	return best
}

// ways is how the model can be asked to reason; of one whose list does not tell it, what its kind is taken for.
func (w *speller) ways() (llm.Thinking, []string) {
	if w.model.Thinking == 0 {
		if strings.Contains(w.o.ID, "claude") {
			return llm.ThinksAdaptive, w.model.Efforts
		}
		return llm.ThinksByBudget, w.model.Efforts
	}
	return w.model.Thinking, w.model.Efforts
}

// decideThinking settles how the model is asked to reason; the output limit is known, and may be raised.
func (w *speller) decideThinking() {
	kind, _ := w.choice()
	w.forced = kind == "any" || kind == "tool"
	r := w.c.Reasoning
	ways, levels := w.ways()
	if w.gone(llm.FeatureReasoning) || w.gone(llm.FeatureToolReasoning) && len(w.c.Tools) > 0 {
		r = llm.Reasoning{Shown: r.Shown}
	}
	w.out.hidden = r.Asked() && !r.Shown
	switch {
	case ways&llm.ThinksNever != 0:
	case r.Effort == "none":
		w.noThinking(ways, levels)
	case !r.Asked() && !(r.Shown && ways&llm.ThinksAdaptive != 0):
	case ways&llm.ThinksAdaptive != 0 && (ways&llm.ThinksByBudget == 0 || r.Budget <= 0):
		w.think = thinking{mode: thinkAdaptive, effort: within(effortOf(r), levels), shown: r.Shown}
		if w.forced || w.prefill {
			// A forced call may not stand beside an order to think; what the model does by itself may.
			w.think.mode = thinkUnsaid
		}
		if r.Asked() && (w.think.mode == thinkUnsaid || w.think.effort != r.Effort) {
			w.near(llm.FeatureReasoning, "")
		}
	case w.forced || w.prefill || w.bareLoop():
		w.leave(llm.FeatureReasoning, "")
	default:
		w.thinkWithin(budgetOf(r, w.maxTokens))
	}
}

// noThinking asks for none, or for as little as the model can do with.
func (w *speller) noThinking(ways llm.Thinking, levels []string) {
	switch {
	case w.gone(llm.FeatureNoReasoning):
	case ways&llm.ThinksAlways != 0 && ways&llm.ThinksAdaptive != 0:
		w.think = thinking{mode: thinkUnsaid, effort: within("minimal", levels)}
	case ways&llm.ThinksAdaptive != 0:
		w.think = thinking{mode: thinkOff}
	}
	// A model that thinks by a budget only does so when asked.
}

// leastAnswer is what a budget leaves for the answer, where we choose both or can.
const leastAnswer = 1024

// thinkWithin makes room for a budget, which must stay below the output limit. One that the application named holds, and
// counts the reasoning: there the budget shrinks. Else there is more output, as far as the model has it.
func (w *speller) thinkWithin(budget int) {
	switch {
	case w.c.MaxOutput > 0 && w.c.Reasoning.Budget > 0 && budget < w.maxTokens: // the application made room itself
	case w.c.MaxOutput > 0 && budget > w.maxTokens-leastAnswer:
		budget = max(w.maxTokens/4*3, leastBudget)
		if budget < w.maxTokens && w.c.Reasoning.Effort != "max" { // which is all there is room for
			w.near(llm.FeatureReasoning, "")
		}
	case w.c.MaxOutput <= 0 && budget >= w.maxTokens:
		w.maxTokens += budget
		if w.most > 0 {
			w.maxTokens = min(w.maxTokens, w.most)
		}
	}
	if budget = min(budget, w.maxTokens-1); budget < leastBudget {
		w.leave(llm.FeatureReasoning, "")
		return
	}
	w.think = thinking{mode: thinkBudget, budget: budget}
}

// appendThinking writes thinking and output_config, in which the effort and the form of the answer stand together.
func (w *speller) appendThinking() {
	switch t := &w.think; t.mode {
	case thinkBudget:
		w.b = strconv.AppendInt(append(w.b, `,"thinking":{"type":"enabled","budget_tokens":`...), int64(t.budget), 10)
		w.b = append(w.b, '}')
	case thinkAdaptive:
		w.b = append(w.b, `,"thinking":{"type":"adaptive"`...)
		if t.shown {
			w.b = append(w.b, `,"display":"summarized"`...)
		}
		w.b = append(w.b, '}')
	case thinkOff:
		w.b = append(w.b, `,"thinking":{"type":"disabled"}`...)
	}
	first := true
	if w.think.effort != "" {
		w.comma(`,"output_config":{`, &first)
		w.b = append(append(append(w.b, `"effort":"`...), w.think.effort...), '"')
	}
	if w.form != nil {
		w.comma(`,"output_config":{`, &first)
		w.b = append(append(append(w.b, `"format":{"type":"json_schema","schema":`...), w.form.out...), '}')
	}
	if !first {
		w.b = append(w.b, '}')
	}
}
