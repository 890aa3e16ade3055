package openai

import (
	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// words appends a piece of text of some kind.
func (d *decoder) words(dst []llm.Event, kind llm.EventKind, v []byte) []llm.Event {
	if len(v) < 3 || v[0] != '"' {
		return dst
	}
	d.enter(kind)
	return append(dst, llm.Event{Kind: kind, Index: d.block, Text: wire.Mended(wire.Inside(v))})
}

// enter begins a new block where the kind of text changes.
func (d *decoder) enter(kind llm.EventKind) {
	if d.last != 0 && d.last != kind {
		d.block++
	}
	d.last = kind
}

// content reads a content: a string, or Mistral's list of parts.
func (d *decoder) content(dst []llm.Event, v []byte) []llm.Event {
	if v[0] != '[' {
		return d.words(dst, llm.EventText, v)
	}
	wire.Elements(v, func(v []byte) bool {
		if v[0] == '{' {
			dst = d.contentPart(dst, v)
		} else {
			dst = d.words(dst, llm.EventText, v)
		}
		return true
	})
	return dst
}

// contentPart reads one part; a thinking part holds text parts of its own, or a string.
func (d *decoder) contentPart(dst []llm.Event, v []byte) []llm.Event {
	wire.Members(v, func(key, v []byte) bool {
		switch string(key) {
		case "text":
			dst = d.words(dst, llm.EventText, v)
		case "refusal":
			d.refused = true
			dst = d.words(dst, llm.EventRefusal, v)
		case "thinking":
			if v[0] == '"' {
				dst = d.words(dst, llm.EventThinking, v)
				return true
			}
			wire.Elements(v, func(v []byte) bool {
				wire.Members(v, func(key, v []byte) bool {
					if string(key) == "text" {
						dst = d.words(dst, llm.EventThinking, v)
					}
					return true
				})
				return true
			})
		}
		return true
	})
	return dst
}
