package cli

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"
)

// model is a model as the admin API lists it; its id is provider/model.
type model struct {
	ID            string          `json:"id"`
	ContextLength int64           `json:"context_length"`
	Price         json.RawMessage `json:"price"`
}

// demoModel is the model of the built-in demo provider.
const demoModel = "demo/demo"

func (c *client) models(ctx context.Context) ([]model, any, error) {
	var reply struct {
		Models []model `json:"models"`
	}
	raw, err := c.list(ctx, "/models", &reply)
	return reply.Models, raw, err
}

// freeModel picks a model that answers a question without costing anything: the demo's, else the first of a local
// provider that is not plainly made for something else than talking.
func freeModel(all []model, local map[string]bool) (id string, ok bool) {
	for _, m := range all {
		if m.ID == demoModel {
			return m.ID, true
		}
	}
	for _, m := range all {
		if name, _, _ := strings.Cut(m.ID, "/"); local[name] && talks(m.ID) {
			return clean(m.ID), true
		}
	}
	return "", false
}

// talks reports whether a model's name does not say that it is for something other than chat.
func talks(id string) bool {
	id = strings.ToLower(id)
	for _, word := range []string{"embed", "whisper", "tts", "dall-e", "image", "moderation", "rerank", "transcribe", "realtime", "sora", "babbage", "davinci"} {
		if strings.Contains(id, word) {
			return false
		}
	}
	return true
}

func (s *session) modelsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "models", Short: "List the models of all providers", Args: s.noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			all, raw, err := client.models(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return s.json(raw)
			}
			if len(all) == 0 {
				s.line("No models yet. See how the providers are with: " + s.command("providers list"))
				return nil
			}
			rows := s.heads("MODEL", "CONTEXT", "PRICE PER MILLION TOKENS")
			for _, m := range all {
				context := "unknown"
				if m.ContextLength > 0 {
					context = count(m.ContextLength)
				}
				rows = append(rows, []string{clean(m.ID), context, priceText(m.Price)})
			}
			s.table(rows)
			return nil
		}}
	addJSON(c, &asJSON)
	return c
}

// priceText spells a price as the admin API sends it; unknown stays unknown and is never shown as nothing.
func priceText(raw json.RawMessage) string {
	var price struct {
		Input  *float64 `json:"input"`
		Output *float64 `json:"output"`
		Local  bool     `json:"local"`
	}
	if json.Unmarshal(raw, &price) != nil {
		return "unknown"
	}
	switch {
	case price.Local:
		return "$0, local"
	case price.Input == nil || price.Output == nil:
		return "unknown"
	case *price.Input == 0 && *price.Output == 0:
		return "$0"
	}
	return usd(*price.Input) + " in, " + usd(*price.Output) + " out"
}
