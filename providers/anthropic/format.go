package anthropic

import (
	"net/http"

	"localrouter/providers/llm"
	"localrouter/providers/upstream"
	"localrouter/providers/wire"
)

// format is what the client machinery has to know of this dialect.
type format struct{}

func (format) Dialect() llm.Dialect { return llm.Anthropic }

// Passes names the fields of an application that any provider of this dialect may see: the version it speaks, and the
// betas it uses, whose fields stand in its body.
func (format) Passes(name string) bool {
	return name == "Anthropic-Version" || name == "Anthropic-Beta" || name == "Idempotency-Key"
}

func (format) Refused(status int, h http.Header, body []byte) *llm.Error {
	s := hear(body)
	s.waits = h.Get("Retry-After") != "" || h.Get("Retry-After-Ms") != ""
	return &llm.Error{Kind: classify(status, s), Type: s.kind, Code: s.code, Message: s.message}
}

// Whole judges whether a reply with status 200 is one.
func (format) Whole(op llm.Op, body []byte, f *upstream.Facts) *llm.Error {
	w := watch{}
	kind, content, counted := "", 0, false
	if !wire.Members(body, func(key, v []byte) bool {
		switch string(key) {
		case "type":
			kind = wire.Text(v)
		case "content":
			content = len(v)
		case "stop_reason":
			f.Finish = wire.Cut(wire.Text(v), 64)
		case "usage":
			w.count(v, f)
		case "model":
			f.Model = v
		case "input_tokens":
			counted = true
		}
		return true
	}) {
		return upstream.Broken(llm.ProviderFailed, "answered with something that is not a JSON object; check its base_url", nil)
	}
	switch {
	case kind == "error":
		return inside(body)
	case op == llm.CountTokens && !counted:
		return upstream.Broken(llm.ProviderFailed, "answered without a count of tokens", nil)
	case op == llm.Chat && content == 0:
		return upstream.Broken(llm.ProviderFailed, "answered without any content", nil)
	}
	f.Content = max(1, content-len(`[{"type":"text","text":""}]`))
	return nil
}

// Last is nil: applications of this dialect take an answer without message_stop for broken.
func (format) Last() []byte { return nil }

func (format) Watch(llm.Op, bool) upstream.Watch { return &watch{} }

// watch reads what has to be known of a stream's events on their way past.
type watch struct {
	usage tally
	like  upstream.Frame
	last  int // which of texts came last
}

// texts are the members whose strings are the bulk of a stream.
var texts = [...][]byte{[]byte(`"text":`), []byte(`"thinking":`), []byte(`"partial_json":`), []byte(`"signature":`)}

// Event looks at one event. Those of which there are many are told by their frame or their name.
func (w *watch) Event(name, data []byte, committed bool, f *upstream.Facts) {
	if committed {
		if text, ok := w.like.Fits(data); ok {
			f.Content, f.Text = len(text), text
			return
		}
	}
	kind := string(name)
	if kind == "" {
		kind = kindOf(data)
	}
	switch kind {
	case "content_block_delta":
		for i := range texts {
			i = (i + w.last) % len(texts)
			if from, n := upstream.StringAfter(data, texts[i]); n > 0 {
				f.Content, f.Text, w.last = n, data[from:from+n], i
				w.like.Keep(data, from, from+n)
				return
			}
		}
	case "content_block_start":
		f.Content = startedContent(data)
	case "message_start":
		wire.Members(data, func(key, v []byte) bool {
			if string(key) == "message" {
				wire.Members(v, func(key, v []byte) bool {
					switch string(key) {
					case "usage":
						w.count(v, f)
					case "model":
						f.Model = v
					}
					return true
				})
			}
			return true
		})
	case "message_delta":
		wire.Members(data, func(key, v []byte) bool {
			switch string(key) {
			case "delta":
				wire.Members(v, func(key, v []byte) bool {
					if string(key) == "stop_reason" {
						f.Finish = wire.Cut(wire.Text(v), 64)
					}
					return true
				})
			case "usage":
				w.count(v, f)
			}
			return true
		})
	case "message_stop":
		f.End = true
	case "error":
		f.Failure = inside(data)
	}
}

// count takes a usage object; later ones of a stream may repeat or leave out what earlier ones said.
func (w *watch) count(v []byte, f *upstream.Facts) {
	if w.usage.count(v); w.usage.seen {
		f.Usage, f.HasUsage = w.usage.usage(), true
	}
}

// kindOf is the type of an event whose event: line is missing.
func kindOf(data []byte) (kind string) {
	wire.Members(data, func(key, v []byte) bool {
		if string(key) == "type" {
			kind = wire.Text(v)
			return false
		}
		return true
	})
	return kind
}

// startedContent is how much of a block comes with its beginning: nothing of texts and thinking, which follow in deltas.
func startedContent(data []byte) (n int) {
	wire.Members(data, func(key, v []byte) bool {
		if string(key) != "content_block" {
			return true
		}
		switch kindOf(v) {
		case "text", "thinking":
		default:
			n = len(v)
		}
		return false
	})
	return n
}
