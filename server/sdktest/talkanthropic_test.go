package sdktest

import (
	"context"
	"encoding/json"
)

// counter is an SDK that can ask how many tokens a request would take.
type counter interface {
	sdk
	count(ctx context.Context, at place, c *conversation) (int64, error)
}

// anthropicBody spells a conversation as both Anthropic SDKs read it into their types; replies are added by each itself.
func anthropicBody(c *conversation) []byte {
	limit := c.limit
	if limit == 0 {
		limit = 1024
	}
	body := map[string]any{"model": c.model, "max_tokens": limit}
	if c.system != "" {
		body["system"] = []any{map[string]any{"type": "text", "text": c.system}}
	}
	if c.tools {
		body["tools"] = []any{map[string]any{"name": "get_weather", "description": weatherText, "input_schema": json.RawMessage(weatherSchema), "strict": true}}
	}
	if c.choice != "" || c.single {
		choice := map[string]any{"type": "auto"}
		switch c.choice {
		case "one":
			choice = map[string]any{"type": "tool", "name": "get_weather"}
		case "any", "none":
			choice["type"] = c.choice
		}
		if c.single {
			choice["disable_parallel_tool_use"] = true
		}
		body["tool_choice"] = choice
	}
	output := map[string]any{}
	if c.schema {
		output["format"] = map[string]any{"type": "json_schema", "schema": json.RawMessage(personSchema)}
	}
	if c.effort != "" {
		output["effort"] = c.effort
		body["thinking"] = map[string]any{"type": "adaptive", "display": "summarized"}
	}
	if len(output) > 0 {
		body["output_config"] = output
	}
	if len(c.stop) > 0 {
		body["stop_sequences"] = c.stop
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return b
}

// anthropicTurn spells a person's turn.
func anthropicTurn(parts []part) []byte {
	var content []any
	for _, p := range parts {
		if p.result == "" {
			content = append(content, anthropicPart(p))
			continue
		}
		given := []any{}
		if p.text != "" {
			given = append(given, anthropicPart(part{text: p.text}))
		}
		if p.image != "" {
			given = append(given, anthropicPart(part{image: p.image}))
		}
		content = append(content, map[string]any{"type": "tool_result", "tool_use_id": p.result, "is_error": p.failed, "content": given})
	}
	b, err := json.Marshal(map[string]any{"role": "user", "content": content})
	if err != nil {
		panic(err)
	}
	return b
}

func anthropicPart(p part) map[string]any {
	base64 := func(kind, media, data string) map[string]any {
		return map[string]any{"type": kind, "source": map[string]any{"type": "base64", "media_type": media, "data": data}}
	}
	switch {
	case p.image != "":
		return base64("image", "image/png", p.image)
	case p.imageURL != "":
		return map[string]any{"type": "image", "source": map[string]any{"type": "url", "url": p.imageURL}}
	case p.file != "":
		document := base64("document", "application/pdf", p.file)
		document["title"] = "page.pdf"
		return document
	}
	return map[string]any{"type": "text", "text": p.text}
}
