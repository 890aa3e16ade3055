package catalog

import (
	"strings"

	"localrouter/providers/llm"
)

// Lacked is what any model of a table lacks, and what one without a row is taken to lack.
func Lacked(kind string) (all llm.Set) {
	for i := range tables[kind] {
		all |= tables[kind][i].lacks
	}
	switch kind {
	case "anthropic":
		all |= newerClaude.lacks | otherModel.lacks
	case "openrouter":
		for i := range openai {
			_, lacks := throughOpenRouter("openai/" + openai[i].id)
			all |= lacks
		}
		for i := range anthropic {
			id := strings.NewReplacer("-4-", "-4.", "-5-", "-5.", "-3-", "-3.").Replace(anthropic[i].id)
			_, lacks := throughOpenRouter("anthropic/" + id)
			all |= lacks
		}
	}
	return all
}
