package anthropic

import (
	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// mostTokens bounds a count, so that no provider's figure can overflow a sum.
const mostTokens = 1 << 40

// tally collects the figures of an answer's usage objects. The later ones are running totals which may leave out what the
// first named, and some servers send zeros or null after the real figure: of each count the largest holds. The counts of
// the input are parts of one whole: where a later object names fresh input, all that it names of the input takes the place of
// what was said, or a part that moved into the cache would be counted twice.
type tally struct {
	input, read, created, output, thinking int64
	created5m, created1h, searches         int64
	service                                llm.Service
	regional                               bool
	seen                                   bool
}

// count adds what a usage object says.
func (t *tally) count(v []byte) {
	if len(v) == 0 || v[0] != '{' {
		return
	}
	fresh := false
	if !wire.Members(v, func(key, v []byte) bool {
		fresh = fresh || string(key) == "input_tokens" && wire.Int(v) > 0
		return true
	}) {
		return
	}
	if fresh {
		wire.Members(v, t.forget)
	}
	wire.Members(v, t.member)
	t.seen = true
}

// forget drops what was said of a part of the input that is said anew.
func (t *tally) forget(key, v []byte) bool {
	if v[0] == 'n' {
		return true
	}
	switch string(key) {
	case "input_tokens":
		t.input = 0
	case "cache_read_input_tokens":
		t.read = 0
	case "cache_creation_input_tokens":
		t.created = 0
	case "cache_creation":
		t.created5m, t.created1h = 0, 0
	}
	return true
}

func (t *tally) member(key, v []byte) bool {
	switch string(key) {
	case "input_tokens":
		most(&t.input, v)
	case "cache_read_input_tokens":
		most(&t.read, v)
	case "cache_creation_input_tokens":
		most(&t.created, v)
	case "output_tokens":
		most(&t.output, v)
	case "cache_creation":
		wire.Members(v, t.creation)
	case "output_tokens_details":
		wire.Members(v, t.details)
	case "server_tool_use":
		wire.Members(v, t.tools)
	case "service_tier":
		// "priority" is capacity that was bought beforehand: no dearer by the token, so it is the usual one here.
		if s := llm.ServiceOf(wire.Inside(v)); s == llm.ServiceBatch {
			t.service = s
		}
	case "speed":
		if s := llm.ServiceOf(wire.Inside(v)); s == llm.ServiceFast {
			t.service = s
		}
	case "inference_geo":
		t.regional = string(v) == `"us"`
	}
	return true
}

func (t *tally) creation(key, v []byte) bool {
	switch string(key) {
	case "ephemeral_5m_input_tokens":
		most(&t.created5m, v)
	case "ephemeral_1h_input_tokens":
		most(&t.created1h, v)
	}
	return true
}

func (t *tally) details(key, v []byte) bool {
	if string(key) == "thinking_tokens" {
		most(&t.thinking, v)
	}
	return true
}

func (t *tally) tools(key, v []byte) bool {
	if string(key) == "web_search_requests" {
		most(&t.searches, v)
	}
	return true
}

func most(n *int64, v []byte) { *n = max(*n, min(wire.Int(v), mostTokens)) }

// usage is the count so far. input_tokens is without what came from a cache or went into one, as llm.Usage has it.
func (t *tally) usage() llm.Usage {
	u := llm.Usage{Input: t.input, CacheRead: t.read, Output: t.output, Reasoning: min(t.thinking, t.output),
		Searches: t.searches, Service: t.service, InRegion: t.regional}
	// The split by class is newer than the sum, and not every server has it: what it leaves open is of the usual class.
	u.CacheWriteLong = t.created1h
	u.CacheWrite = max(t.created-t.created1h, t.created5m, 0)
	return u
}

// parseUsage reads one usage object; ok is false for null.
func parseUsage(v []byte) (u llm.Usage, ok bool) {
	var t tally
	t.count(v)
	return t.usage(), t.seen
}

// parseCount reads the reply of count_tokens; ok is false where it names no count.
func parseCount(body []byte) (n int64, ok bool) {
	whole := wire.Members(body, func(key, v []byte) bool {
		if string(key) == "input_tokens" && v[0] >= '0' && v[0] <= '9' {
			n, ok = min(wire.Int(v), mostTokens), true
		}
		return true
	})
	return n, ok && whole
}
