package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// compact is JSON without white space, so that texts in it can be looked for.
func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// part is a piece of content of either dialect.
type part struct {
	Type, Text, Thinking, Signature, ID, Name string
	Input, Content                            json.RawMessage
	ToolUseID                                 string               `json:"tool_use_id"`
	ImageURL                                  struct{ URL string } `json:"image_url"`
	Source                                    struct{ Data string }
}

// parts is content, which may be missing or a text.
func parts(content json.RawMessage) ([]part, error) {
	if len(content) == 0 || string(content) == "null" {
		return nil, nil
	}
	var text string
	if json.Unmarshal(content, &text) == nil {
		return []part{{Type: "text", Text: text}}, nil
	}
	var all []part
	err := json.Unmarshal(content, &all)
	return all, err
}

func text(all []part) string {
	var b strings.Builder
	for _, p := range all {
		b.WriteString(p.Text)
	}
	return b.String()
}

// readOpenAI reads a chat completion request.
func readOpenAI(_ http.Header, body []byte) (seen, error) {
	var r struct {
		Model    string
		Stream   bool
		Messages []struct {
			Role       string
			Content    json.RawMessage
			ToolCallID string `json:"tool_call_id"`
			ToolCalls  []struct {
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		Tools []struct {
			Function struct {
				Name       string
				Parameters json.RawMessage
			}
		}
		ToolChoice          json.RawMessage `json:"tool_choice"`
		ResponseFormat      json.RawMessage `json:"response_format"`
		Stop                json.RawMessage
		MaxTokens           int    `json:"max_tokens"`
		MaxCompletionTokens int    `json:"max_completion_tokens"`
		Effort              string `json:"reasoning_effort"`
		StreamOptions       struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return seen{}, err
	}
	s := seen{model: r.Model, streamed: r.Stream, format: compact(r.ResponseFormat), limit: max(r.MaxTokens, r.MaxCompletionTokens), thinks: r.Effort != "" && r.Effort != "none", counted: r.StreamOptions.IncludeUsage}
	for _, t := range r.Tools {
		s.tools = append(s.tools, t.Function.Name)
		s.schemas += compact(t.Function.Parameters)
	}
	var choice struct{ Function struct{ Name string } }
	if json.Unmarshal(r.ToolChoice, &choice) == nil {
		s.forced = choice.Function.Name
	}
	if string(r.ToolChoice) == `"required"` && len(s.tools) == 1 {
		s.forced = s.tools[0]
	}
	var one string
	if json.Unmarshal(r.Stop, &one) == nil {
		s.stop = []string{one}
	} else {
		json.Unmarshal(r.Stop, &s.stop)
	}
	var waiting []string
	for _, m := range r.Messages {
		content, err := parts(m.Content)
		if err != nil {
			return s, fmt.Errorf("a message's content: %w", err)
		}
		if m.Role != "tool" && len(waiting) > 0 {
			return s, fmt.Errorf("no result follows the calls %q", waiting)
		}
		switch m.Role {
		case "system", "developer":
			s.system += text(content)
		case "user":
			s.said = text(content)
			for _, p := range content {
				if data, ok := strings.CutPrefix(p.ImageURL.URL, "data:image/png;base64,"); ok {
					s.picture = data
				}
			}
		case "assistant":
			for _, c := range m.ToolCalls {
				waiting = append(waiting, c.ID)
				s.calls = append(s.calls, c.Function.Name+" "+compact(json.RawMessage(c.Function.Arguments)))
			}
		case "tool":
			at := slices.Index(waiting, m.ToolCallID)
			if at < 0 {
				return s, errors.New("a tool message answers no call: " + m.ToolCallID)
			}
			waiting = slices.Delete(waiting, at, at+1)
			s.results = append(s.results, text(content))
		default:
			return s, errors.New("no such role: " + m.Role)
		}
	}
	if bytes.Contains(body, []byte("lr1:")) {
		return s, errors.New("a signature of the gateway's own reached the provider")
	}
	return s, nil
}

// goldenSignature is the one of the thinking in testdata/anthropic.
const goldenSignature = "RXhhbXBsZVNpZ25hdHVyZTAx"

// readAnthropic reads a Messages request.
func readAnthropic(h http.Header, body []byte) (seen, error) {
	var r struct {
		Model     string
		Stream    bool
		MaxTokens int `json:"max_tokens"`
		System    json.RawMessage
		Messages  []struct {
			Role    string
			Content json.RawMessage
		}
		Tools []struct {
			Name        string
			InputSchema json.RawMessage `json:"input_schema"`
		}
		ToolChoice struct{ Type, Name string }      `json:"tool_choice"`
		Output     struct{ Format json.RawMessage } `json:"output_config"`
		Thinking   struct {
			Type   string
			Budget int `json:"budget_tokens"`
		}
		Stop []string `json:"stop_sequences"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return seen{}, err
	}
	s := seen{model: r.Model, streamed: r.Stream, format: compact(r.Output.Format), limit: r.MaxTokens, stop: r.Stop, forced: r.ToolChoice.Name}
	switch {
	case h.Get("Anthropic-Version") == "":
		return s, errors.New("anthropic-version: header is required")
	case r.MaxTokens < 1:
		return s, errors.New("max_tokens: Field required")
	case r.Thinking.Type == "enabled" && (r.Thinking.Budget < 1024 || r.Thinking.Budget >= r.MaxTokens):
		return s, errors.New("thinking.enabled.budget_tokens: 1024 or more, and less than max_tokens")
	}
	s.thinks = r.Thinking.Type == "enabled" || r.Thinking.Type == "adaptive"
	for _, t := range r.Tools {
		s.tools = append(s.tools, t.Name)
		s.schemas += compact(t.InputSchema)
	}
	if r.ToolChoice.Type == "any" && len(s.tools) == 1 {
		s.forced = s.tools[0]
	}
	system, err := parts(r.System)
	if err != nil {
		return s, fmt.Errorf("system: %w", err)
	}
	s.system = text(system)
	var waiting []string
	for _, m := range r.Messages {
		content, err := parts(m.Content)
		if err != nil || len(content) == 0 {
			return s, fmt.Errorf("a message's content is not valid: %v", err)
		}
		var calls []string
		for _, p := range content {
			if err := s.block(m.Role, p, &waiting, &calls); err != nil {
				return s, err
			}
		}
		if len(waiting) > 0 {
			return s, fmt.Errorf("`tool_use` ids without `tool_result` blocks immediately after: %q", waiting)
		}
		if len(calls) > 0 && r.Thinking.Type == "enabled" && content[0].Type != "thinking" {
			return s, errors.New("Expected `thinking` or `redacted_thinking`, but found `" + content[0].Type + "`")
		}
		waiting = calls
	}
	if len(waiting) > 0 {
		return s, fmt.Errorf("`tool_use` ids without `tool_result` blocks immediately after: %q", waiting)
	}
	return s, nil
}

// block takes in one block of a message.
func (s *seen) block(role string, p part, waiting, calls *[]string) error {
	switch p.Type {
	case "text":
		if p.Text == "" {
			return errors.New("text content blocks must be non-empty")
		}
		if role == "user" {
			s.said = p.Text
		}
	case "image":
		s.picture = p.Source.Data
	case "thinking":
		if p.Signature != goldenSignature {
			return fmt.Errorf("Invalid `signature` in `thinking` block: %.20q", p.Signature)
		}
	case "tool_use":
		if len(p.Input) == 0 || p.Input[0] != '{' || p.ID == "" {
			return errors.New("tool_use: the input must be an object, and there must be an id")
		}
		*calls = append(*calls, p.ID)
		s.calls = append(s.calls, p.Name+" "+compact(p.Input))
	case "tool_result":
		at := slices.Index(*waiting, p.ToolUseID)
		if role != "user" || at < 0 {
			return errors.New("unexpected `tool_use_id` found in `tool_result` blocks: " + p.ToolUseID)
		}
		*waiting = slices.Delete(*waiting, at, at+1)
		inside, err := parts(p.Content)
		if err != nil {
			return err
		}
		s.results = append(s.results, text(inside))
	default:
		return errors.New("a block of this type is not expected: " + p.Type)
	}
	return nil
}
