package sdktest

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// turns checks the conversation: who speaks, and that each call of a tool is answered at once.
func (m *messages) turns(list []json.RawMessage) {
	if m.ok() && len(list) == 0 {
		m.no("messages", "at least one message is required")
	}
	var open []string // ids of calls that await their results
	for i, raw := range list {
		place := under("messages", i)
		o := m.object(place, raw, "role", "content")
		role := m.word(under(place, "role"), o["role"], "user", "assistant", "system")
		if i == 0 && role != "user" {
			m.no(place, "first message must use the \"user\" role")
		}
		content := under(place, "content")
		switch role {
		case "user":
			given := m.blocks(content, o["content"], "text", "image", "document", "search_result", "tool_result")
			for _, id := range given {
				if !slices.Contains(open, id) {
					m.no(content, "unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", id)
				}
			}
			for _, id := range open {
				if !slices.Contains(given, id) {
					m.no(place, "`tool_use` ids were found without `tool_result` blocks immediately after: %s", id)
				}
			}
			open = nil
		case "assistant":
			if len(open) > 0 {
				m.no(place, "`tool_use` ids were found without `tool_result` blocks immediately after: %s", open[0])
			}
			open = m.blocks(content, o["content"], "text", "thinking", "redacted_thinking", "tool_use")
			if len(open) > 0 && m.tools == 0 {
				m.no("tools", "Requests which include `tool_use` or `tool_result` blocks must define tools")
			}
			if i == len(list)-1 {
				m.no(place, "This model does not support assistant message prefill. The conversation must end with a user message.")
			}
		case "system":
			m.blocks(content, o["content"], "text")
		}
	}
	if len(open) > 0 {
		m.no("messages", "`tool_use` ids were found without `tool_result` blocks immediately after: %s", open[0])
	}
}

// blocks checks content, a text or a list of blocks of the kinds named. It returns the ids of the calls or results in it.
func (m *messages) blocks(place string, raw json.RawMessage, kinds ...string) (ids []string) {
	if len(raw) > 0 && raw[0] == '"' {
		if m.text(place, raw) == "" {
			m.no(place, "text content blocks must be non-empty")
		}
		return nil
	}
	list := m.list(place, raw)
	if m.ok() && len(list) == 0 {
		m.no(place, "content must be non-empty")
	}
	text, signed := false, ""
	for i, raw := range list {
		place := under(place, i)
		o := m.object(place, raw)
		switch kind := m.word(under(place, "type"), o["type"], kinds...); kind {
		case "text":
			text = true
			m.object(place, raw, "type", "text", "citations", "cache_control")
			if t := m.text(under(place, "text"), o["text"]); t == "" {
				m.no(place, "text content blocks must be non-empty")
			} else if strings.TrimSpace(t) == "" {
				m.no(place, "text content blocks must contain non-whitespace text")
			}
		case "image", "document":
			m.media(place, raw, kind)
		case "search_result":
			m.object(place, raw, "type", "source", "title", "content", "citations", "cache_control")
		case "thinking":
			signed = m.thought(place, raw)
		case "redacted_thinking":
			m.object(place, raw, "type", "data")
			m.no(under(place, "data"), "Invalid `data` in `redacted_thinking` block")
		case "tool_use":
			id := m.use(place, raw)
			if want := m.v.proofOf(id); want != "" && want != signed && m.thinking != "" {
				m.no(place, "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block")
			}
			ids = append(ids, id)
		case "tool_result":
			if text {
				m.no(place, "tool_result blocks must come first in the content of a user message")
			}
			ids = append(ids, m.result(place, raw))
		}
		m.cache(place, o)
	}
	return ids
}

// thought checks that a thinking block is one this vendor gave, unchanged.
func (m *messages) thought(place string, raw json.RawMessage) (signature string) {
	o := m.object(place, raw, "type", "thinking", "signature")
	signature = m.text(under(place, "signature"), o["signature"])
	text, known := m.v.thoughtOf(signature)
	if m.ok() && (!known || text != m.text(under(place, "thinking"), o["thinking"])) {
		m.no(under(place, "signature"), "Invalid `signature` in `thinking` block: %s", signature)
	}
	return signature
}

func (m *messages) use(place string, raw json.RawMessage) string {
	o := m.object(place, raw, "type", "id", "name", "input", "caller", "cache_control")
	m.object(under(place, "input"), o["input"])
	m.match(under(place, "name"), o["name"], toolName)
	return m.match(under(place, "id"), o["id"], useID)
}

func (m *messages) result(place string, raw json.RawMessage) string {
	o := m.object(place, raw, "type", "tool_use_id", "content", "is_error", "cache_control")
	if o["is_error"] != nil {
		m.flag(under(place, "is_error"), o["is_error"])
	}
	if c := o["content"]; c != nil && string(c) != `""` && string(c) != "[]" {
		m.blocks(under(place, "content"), c, "text", "image", "document", "search_result")
	}
	return m.match(under(place, "tool_use_id"), o["tool_use_id"], useID)
}

// media checks an image or a document. An address is taken as it is: the vendor fetches it itself.
func (m *messages) media(place string, raw json.RawMessage, kind string) {
	members := []string{"type", "source", "cache_control"}
	if kind == "document" {
		members = append(members, "title", "context", "citations")
	}
	o := m.object(place, raw, members...)
	place = under(place, "source")
	source := m.object(place, o["source"])
	switch m.word(under(place, "type"), source["type"], "base64", "url", "text", "file") {
	case "base64":
		m.object(place, o["source"], "type", "media_type", "data")
		types := []string{"image/jpeg", "image/png", "image/gif", "image/webp"}
		if kind == "document" {
			types = []string{"application/pdf"}
		}
		m.word(under(place, "media_type"), source["media_type"], types...)
		if _, err := base64.StdEncoding.DecodeString(m.text(under(place, "data"), source["data"])); err != nil {
			m.no(under(place, "data"), "invalid base64 data")
		}
	case "url":
		m.object(place, o["source"], "type", "url")
		if !strings.HasPrefix(m.text(under(place, "url"), source["url"]), "http") {
			m.no(under(place, "url"), "Only HTTP(S) URLs are supported")
		}
	case "text":
		m.object(place, o["source"], "type", "media_type", "data")
		m.word(under(place, "media_type"), source["media_type"], "text/plain")
		if kind == "image" {
			m.no(place, "Input tag 'text' does not match any of the expected tags")
		}
	case "file":
		m.object(place, o["source"], "type", "file_id")
	}
}
