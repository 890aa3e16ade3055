package sdktest

import (
	"encoding/json"
	"strings"
	"testing"
)

// seen is a request as a vendor understands it, in words that no dialect owns.
type seen struct {
	system, choice, schema, effort string
	images, files, names           string // all of them, one behind the other
	turns                          []seenTurn
	tools                          []seenTool
	stop                           []string
	limit                          int
	single                         bool
}

type seenTurn struct {
	role, text string
	thoughts   []string // signatures
	calls      []call
	results    []seenResult
	images     string
}

type seenResult struct {
	id, text, images string
	failed           bool
}

type seenTool struct {
	name, text, schema string
	strict             bool
}

// read understands a request that the vendor of a dialect received.
func read(t *testing.T, dialect string, body []byte) seen {
	t.Helper()
	if dialect == "anthropic" {
		return readMessages(t, body)
	}
	return readCompletions(t, body)
}

// block is a content block or part of either dialect.
type block struct {
	Type      string
	Text      string
	Thinking  string
	Signature string
	ID        string
	Name      string
	Title     string
	Input     json.RawMessage
	ToolUseID string `json:"tool_use_id"`
	IsError   bool   `json:"is_error"`
	Content   content
	Source    struct{ Type, Data, URL string }
	ImageURL  struct{ URL string } `json:"image_url"`
	File      struct {
		Data string `json:"file_data"`
		Name string `json:"filename"`
	}
}

// content is a text or a list of blocks.
type content []block

func (c *content) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*c = content{{Type: "text", Text: text}}
		return nil
	}
	return json.Unmarshal(b, (*[]block)(c))
}

func (c content) text() (text string) {
	for _, b := range c {
		text += b.Text
	}
	return text
}

func (c content) images() (data string) {
	for _, b := range c {
		_, inline, _ := strings.Cut(b.ImageURL.URL, ";base64,")
		if b.Type == "image" || b.Type == "image_url" {
			data += b.Source.Data + b.Source.URL + inline
			if inline == "" {
				data += b.ImageURL.URL
			}
		}
	}
	return data
}

func readMessages(t *testing.T, body []byte) (s seen) {
	t.Helper()
	r := as[struct {
		System    content
		MaxTokens int `json:"max_tokens"`
		Messages  []struct {
			Role    string
			Content content
		}
		Tools []struct {
			Name, Description string
			Schema            json.RawMessage `json:"input_schema"`
			Strict            bool
		}
		ToolChoice struct {
			Type   string
			Single bool `json:"disable_parallel_tool_use"`
		} `json:"tool_choice"`
		OutputConfig struct {
			Effort string
			Format struct{ Schema json.RawMessage }
		} `json:"output_config"`
		Stop []string `json:"stop_sequences"`
	}](t, body)
	s = seen{system: r.System.text(), choice: r.ToolChoice.Type, single: r.ToolChoice.Single, effort: r.OutputConfig.Effort,
		schema: string(r.OutputConfig.Format.Schema), stop: r.Stop, limit: r.MaxTokens}
	if s.choice == "tool" {
		s.choice = "one"
	}
	for _, tool := range r.Tools {
		s.tools = append(s.tools, seenTool{tool.Name, tool.Description, string(tool.Schema), tool.Strict})
	}
	for _, m := range r.Messages {
		turn := seenTurn{role: m.Role, text: m.Content.text(), images: m.Content.images()}
		for _, b := range m.Content {
			switch b.Type {
			case "thinking":
				turn.thoughts = append(turn.thoughts, b.Signature)
			case "tool_use":
				turn.calls = append(turn.calls, call{b.ID, b.Name, string(b.Input)})
			case "tool_result":
				turn.results = append(turn.results, seenResult{b.ToolUseID, b.Content.text(), b.Content.images(), b.IsError})
			case "document":
				s.files, s.names = s.files+b.Source.Data, s.names+b.Title
			}
		}
		s.images += turn.images
		s.turns = append(s.turns, turn)
	}
	return s
}

func readCompletions(t *testing.T, body []byte) (s seen) {
	t.Helper()
	r := as[struct {
		Max1     int `json:"max_tokens"`
		Max2     int `json:"max_completion_tokens"`
		Messages []struct {
			Role       string
			Content    content
			ToolCallID string `json:"tool_call_id"`
			ToolCalls  []struct {
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		Tools []struct {
			Function struct {
				Name, Description string
				Parameters        json.RawMessage
				Strict            bool
			}
		}
		ToolChoice json.RawMessage `json:"tool_choice"`
		Parallel   *bool           `json:"parallel_tool_calls"`
		Format     struct {
			Schema struct{ Schema json.RawMessage } `json:"json_schema"`
		} `json:"response_format"`
		Effort string `json:"reasoning_effort"`
		Stop   stopList
	}](t, body)
	s = seen{limit: r.Max1 + r.Max2, single: r.Parallel != nil && !*r.Parallel, effort: r.Effort, schema: string(r.Format.Schema.Schema), stop: r.Stop}
	switch c := string(r.ToolChoice); c {
	case `"required"`:
		s.choice = "any"
	case `"auto"`, `"none"`:
		s.choice = strings.Trim(c, `"`)
	case "":
	default:
		s.choice = "one"
	}
	for _, tool := range r.Tools {
		f := tool.Function
		s.tools = append(s.tools, seenTool{f.Name, f.Description, string(f.Parameters), f.Strict})
	}
	for _, m := range r.Messages {
		if len(s.turns) == 0 && (m.Role == "system" || m.Role == "developer") {
			s.system += m.Content.text()
			continue
		}
		turn := seenTurn{role: m.Role, text: m.Content.text(), images: m.Content.images()}
		if m.Role == "tool" {
			turn.results = []seenResult{{id: m.ToolCallID, text: turn.text}}
		}
		for _, c := range m.ToolCalls {
			turn.calls = append(turn.calls, call{c.ID, c.Function.Name, c.Function.Arguments})
		}
		for _, b := range m.Content {
			_, inline, _ := strings.Cut(b.File.Data, ";base64,")
			s.files, s.names = s.files+inline, s.names+b.File.Name
		}
		s.images += turn.images
		s.turns = append(s.turns, turn)
	}
	return s
}

// stopList is a text or a list of them.
type stopList []string

func (l *stopList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = stopList{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}
