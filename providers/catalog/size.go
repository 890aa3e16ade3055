package catalog

import "localrouter/providers/llm"

// sizeOf reads the number of parameters out of a model's name: the first part between signs that is a figure before B, M
// or T, as in "llama-3.3-70b", "qwen3:8b" or, for as many experts, "mixtral-8x7b". 0: the name does not say. A part such as
// "a22b", what a mixture uses at once, is none; and what goes with "16e" is one expert's size, not the model's.
func sizeOf(id string) (size int64) {
	for at := 0; at < len(id); {
		end := at
		for end < len(id) && !isSign(id[end]) {
			end++
		}
		part := id[at:end]
		if n := figure(part); n > 0 && size == 0 {
			size = n
		} else if size > 0 && len(part) > 1 && part[len(part)-1]|0x20 == 'e' && digits(part[:len(part)-1]) {
			return 0
		}
		at = end + 1
	}
	return size
}

func isSign(b byte) bool { return b == '-' || b == '_' || b == ':' || b == '/' || b == ' ' || b == '@' }

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// The bounds of a size: what is less is a version, what is more is no model.
const (
	leastSize = 10_000_000
	mostSize  = 100_000_000_000_000
)

// figure reads "70b", "1.5B", "135m", "1t" or "8x7b"; 0 where part is nothing of the kind.
func figure(part string) int64 {
	if len(part) < 2 || len(part) > 12 {
		return 0
	}
	unit := int64(0)
	switch part[len(part)-1] | 0x20 {
	case 'm':
		unit = 1_000_000
	case 'b':
		unit = 1_000_000_000
	case 't':
		unit = 1_000_000_000_000
	default:
		return 0
	}
	part = part[:len(part)-1]
	times, whole, n, scale, point := int64(1), true, int64(0), int64(1), false
	for i := range len(part) {
		switch c := part[i]; {
		case c >= '0' && c <= '9':
			n, whole = n*10+int64(c-'0'), false
			if point {
				scale *= 10
			}
		case c|0x20 == 'x' && !whole && !point && times == 1:
			times, n, whole = n, 0, true
		case c == '.' && !whole && !point:
			point, whole = true, true
		default:
			return 0
		}
		if n > 1_000_000 {
			return 0
		}
	}
	if whole {
		return 0
	}
	size := float64(times) * float64(n) * float64(unit) / float64(scale)
	if size < leastSize || size > mostSize {
		return 0
	}
	return times * n * (unit / scale)
}

// The classes of models whose names are known, as of November 2026: the strongest that their vendors have, and old ones
// that cost more than they are worth. Names are without vendor and date, and with dashes for points.
var classes = map[string]llm.Strength{
	"claude-opus-5": llm.Frontier, "claude-opus-5-5": llm.Frontier, "claude-fable-5": llm.Frontier, "claude-fable-5-1": llm.Frontier,
	"claude-fable-5-2": llm.Frontier, "claude-mythos-5": llm.Frontier,
	"gpt-5-5-pro": llm.Frontier, "gpt-5-6-sol": llm.Frontier, "gpt-6-astra": llm.Frontier, "gpt-6-sol": llm.Frontier,
	"gpt-6-1-sol": llm.Frontier, "gpt-6-2": llm.Frontier, "gemini-4-argon": llm.Frontier, "grok-4-7": llm.Frontier,
	"kimi-k3-1-pro": llm.Frontier, "deepseek-v4-pro": llm.Large, "kimi-k3": llm.Large,
	"gpt-4": llm.Medium, "gpt-4-turbo": llm.Medium, "gpt-3-5-turbo": llm.Small, "claude-3-opus": llm.Medium, "claude-3-5-sonnet": llm.Medium,
}

// The bounds of classes by size and by the price of output.
const (
	largeSize   = 200_000_000_000
	mediumSize  = 25_000_000_000
	largePrice  = 8_000_000 // per token: 8 USD for a million
	mediumPrice = 2_000_000
)

// Strength is the class of a model by what is known of it; see strength.
func Strength(m *llm.Model) llm.Strength { return strength(m.ID, m.Size, m.Price) }

// strength is the class of a model: by its name where that is known, else by its size (from 200B on large, from 25B on
// medium), else by what its output costs (from 8 USD for a million tokens on large, from 2 on medium). Only names make
// the highest class.
func strength(id string, size int64, p *llm.Price) llm.Strength {
	if class, ok := classOf(id); ok {
		return class
	}
	switch {
	case size >= largeSize:
		return llm.Large
	case size >= mediumSize:
		return llm.Medium
	case size > 0:
		return llm.Small
	case p == nil || p.Output == 0:
		return llm.StrengthUnknown
	case p.Output >= largePrice:
		return llm.Large
	case p.Output >= mediumPrice:
		return llm.Medium
	}
	return llm.Small
}

func classOf(id string) (llm.Strength, bool) {
	if base, dated := llm.Undated(id); dated {
		id = base
	}
	for i := len(id) - 1; i >= 0; i-- {
		if id[i] == '/' {
			id = id[i+1:]
			break
		}
	}
	var name [48]byte
	if len(id) > len(name) {
		return 0, false
	}
	for i := range len(id) {
		if name[i] = id[i]; id[i] == '.' {
			name[i] = '-'
		}
	}
	class, ok := classes[string(name[:len(id)])]
	return class, ok
}
