package openai

import (
	"math"
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// parseUsage reads a usage object in the spellings of this dialect's servers and normalises it: prompt_tokens includes
// what came from a cache and what was written to one, the classes of llm.Usage never overlap. ok is false for null.
func parseUsage(v []byte) (u llm.Usage, ok bool) {
	var t tally
	if len(v) == 0 || v[0] != '{' || !wire.Members(v, t.member) {
		return u, false
	}
	return t.usage(), true
}

// tally collects the figures of one usage object.
type tally struct {
	prompt, completion, total  int64
	cached, written, reasoning int64
	heard, said                int64 // of sound
	cost, upstream             float64
	hasCost, byok              bool
}

func (t *tally) member(key, v []byte) bool {
	switch string(key) {
	case "prompt_tokens", "input_tokens":
		t.prompt = max(t.prompt, wire.Int(v))
	case "completion_tokens", "output_tokens":
		t.completion = max(t.completion, wire.Int(v))
	case "total_tokens":
		t.total = wire.Int(v)
	case "prompt_cache_hit_tokens", "cached_tokens": // DeepSeek; Moonshot
		t.cached = max(t.cached, wire.Int(v))
	case "reasoning_tokens":
		t.reasoning = max(t.reasoning, wire.Int(v))
	case "prompt_tokens_details", "input_tokens_details":
		wire.Members(v, func(key, v []byte) bool {
			switch string(key) {
			case "cached_tokens":
				t.cached = max(t.cached, wire.Int(v))
			case "cache_write_tokens", "cache_creation_tokens":
				t.written = max(t.written, wire.Int(v))
			case "audio_tokens":
				t.heard = max(t.heard, wire.Int(v))
			}
			return true
		})
	case "completion_tokens_details", "output_tokens_details":
		wire.Members(v, func(key, v []byte) bool {
			switch string(key) {
			case "reasoning_tokens":
				t.reasoning = max(t.reasoning, wire.Int(v))
			case "audio_tokens":
				t.said = max(t.said, wire.Int(v))
			}
			return true
		})
	case "cost", "estimated_cost": // OpenRouter; DeepInfra
		t.money(v)
	case "is_byok":
		t.byok = string(v) == "true"
	case "cost_details":
		wire.Members(v, func(key, v []byte) bool {
			if string(key) == "upstream_inference_cost" {
				t.upstream, _ = strconv.ParseFloat(string(v), 64)
			}
			return true
		})
	}
	return true
}

// money reads a cost in USD: a number, or Perplexity's object with its total.
func (t *tally) money(v []byte) {
	if v[0] == '{' {
		wire.Members(v, func(key, v []byte) bool {
			if string(key) == "total_cost" {
				t.money(v)
			}
			return true
		})
		return
	}
	if f, err := strconv.ParseFloat(string(v), 64); err == nil && f >= 0 && f < 1e6 {
		t.cost, t.hasCost = f, true
	}
}

// mostTokens bounds a count, so that no provider's figure can overflow a sum.
const mostTokens = 1 << 40

func (t *tally) usage() llm.Usage {
	for _, n := range []*int64{&t.prompt, &t.completion, &t.total, &t.cached, &t.written, &t.reasoning, &t.heard, &t.said} {
		*n = min(*n, mostTokens)
	}
	u := llm.Usage{Output: t.completion, Reasoning: t.reasoning}
	// xAI leaves reasoning out of completion_tokens on some models; the total gives it away.
	if t.reasoning > 0 && t.total == t.prompt+t.completion+t.reasoning {
		u.Output += t.reasoning
	}
	u.Reasoning = min(u.Reasoning, u.Output)
	u.CacheRead = min(t.cached, t.prompt)
	u.CacheWrite = min(t.written, t.prompt-u.CacheRead)
	u.Input = t.prompt - u.CacheRead - u.CacheWrite
	u.AudioInput, u.AudioOutput = min(t.heard, u.Input), min(t.said, u.Output)
	if t.hasCost {
		usd := t.cost
		if t.byok && t.upstream > 0 && t.upstream < 1e6 {
			usd += t.upstream
		}
		u.Cost, u.CostReported = llm.PicoUSD(math.Round(usd*float64(llm.USD))), true
	}
	return u
}
