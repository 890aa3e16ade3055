package openai

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"time"

	"localrouter/providers/llm"
)

const (
	maxList   = 16 << 20
	maxModels = 20_000
)

// Models lists what the provider offers; see llm.Provider.
func (c *Client) Models(ctx context.Context) ([]llm.Model, error) {
	body, e := c.up.Get(ctx, c.o.ModelsPath, "", maxList)
	if e != nil {
		return nil, e
	}
	models, err := parseModels(body)
	if err != nil {
		return nil, c.up.Fault("", llm.ProviderFailed, "answered with something that is no model list; check its base_url, which usually ends in /v1", err)
	}
	return models, nil
}

// Ping makes the free call that Models makes, and does not read the list.
func (c *Client) Ping(ctx context.Context) error {
	if e := c.up.Ping(ctx, c.o.ModelsPath, ""); e != nil {
		return e
	}
	return nil
}

// listed is a model in the spellings of this dialect's servers.
type listed struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	DisplayName string      `json:"display_name"`
	OwnedBy     string      `json:"owned_by"`
	Created     json.Number `json:"created"`

	ContextLength    float64 `json:"context_length"`     // OpenRouter, Together, ourselves
	ContextWindow    float64 `json:"context_window"`     // Groq
	MaxModelLen      float64 `json:"max_model_len"`      // vLLM
	MaxContextLength float64 `json:"max_context_length"` // Mistral
	Meta             struct {
		Context float64 `json:"n_ctx_train"` // llama.cpp
	} `json:"meta"`
	MaxOutput     float64 `json:"max_completion_tokens"` // Groq
	MaxOutputToks float64 `json:"max_output_tokens"`
	TopProvider   struct {
		ContextLength float64 `json:"context_length"`
		MaxOutput     float64 `json:"max_completion_tokens"`
	} `json:"top_provider"`

	Architecture struct {
		Input  []string `json:"input_modalities"`
		Output []string `json:"output_modalities"`
	} `json:"architecture"`
	Parameters []string                   `json:"supported_parameters"`
	Pricing    map[string]json.RawMessage `json:"pricing"`
}

// parseModels reads {"data":[...]}, {"models":[...]} or a bare array. An entry that cannot be read costs itself only.
func parseModels(body []byte) ([]llm.Model, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		var object struct {
			Data   *[]json.RawMessage `json:"data"`
			Models *[]json.RawMessage `json:"models"`
		}
		if err := json.Unmarshal(body, &object); err != nil {
			return nil, err
		}
		switch {
		case object.Data != nil:
			raw = *object.Data
		case object.Models != nil:
			raw = *object.Models
		case json.Valid(body) && strings.Contains(string(body), `"data"`):
			// "data": null is how some servers say that they have none
		default:
			return nil, errNoList
		}
	}
	models := make([]llm.Model, 0, min(len(raw), maxModels))
	seen := make(map[string]bool, len(raw))
	for _, r := range raw {
		if len(models) == maxModels {
			break
		}
		if m, ok := parseModel(r); ok && !seen[m.ID] {
			seen[m.ID] = true
			models = append(models, m)
		}
	}
	return models, nil
}

var errNoList = errors.New("neither data nor models in it")

func parseModel(raw json.RawMessage) (llm.Model, bool) {
	var l listed
	if err := json.Unmarshal(raw, &l); err != nil {
		// One field of an unexpected type must not hide the model: its id is enough.
		var bare struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(raw, &bare) != nil {
			return llm.Model{}, false
		}
		l = listed{ID: bare.ID}
	}
	if l.ID == "" || len(l.ID) > 512 {
		return llm.Model{}, false
	}
	m := llm.Model{ID: l.ID, Name: l.Name, OwnedBy: l.OwnedBy, Parameters: l.Parameters,
		InputModes: l.Architecture.Input, OutputModes: l.Architecture.Output,
		ContextLength: figure(l.ContextLength, l.ContextWindow, l.MaxModelLen, l.MaxContextLength, l.TopProvider.ContextLength, l.Meta.Context),
		MaxOutput:     figure(l.MaxOutput, l.MaxOutputToks, l.TopProvider.MaxOutput)}
	if m.Name == "" {
		m.Name = l.DisplayName
	}
	if n, err := l.Created.Int64(); err == nil && n > 0 && n < 1<<40 {
		m.Created = time.Unix(n, 0).UTC()
	}
	m.Price = price(l.Pricing)
	return m, true
}

// figure is the first of the figures that says something.
func figure(figures ...float64) int {
	for _, f := range figures {
		if f >= 1 && f < math.MaxInt32 {
			return int(f)
		}
	}
	return 0
}

// price reads OpenRouter's decimal texts in USD per token, and Together's numbers in USD per million tokens. Unknown
// stays unknown: a negative figure marks models whose price depends on who answers.
func price(p map[string]json.RawMessage) *llm.Price {
	if in, ok := amount(p["prompt"], llm.USD); ok {
		out, ok := amount(p["completion"], llm.USD)
		if !ok {
			return nil
		}
		made := &llm.Price{Input: in, Output: out, CacheRead: in, CacheWrite: in, Source: llm.PriceOfProvider}
		for name, field := range map[string]*llm.PicoUSD{"input_cache_read": &made.CacheRead, "input_cache_write": &made.CacheWrite, "request": &made.Request} {
			if v, ok := amount(p[name], llm.USD); ok {
				*field = v
			}
		}
		made.CacheWriteLong = made.CacheWrite
		if v, ok := amount(p["input_cache_write_1h"], llm.USD); ok {
			made.CacheWriteLong = v
		}
		return made
	}
	in, ok1 := amount(p["input"], llm.USD/1_000_000)
	out, ok2 := amount(p["output"], llm.USD/1_000_000)
	if !ok1 || !ok2 {
		return nil
	}
	made := &llm.Price{Input: in, Output: out, CacheRead: in, CacheWrite: in, CacheWriteLong: in, Source: llm.PriceOfProvider}
	if v, ok := amount(p["cached_input"], llm.USD/1_000_000); ok {
		made.CacheRead = v
	}
	return made
}

// amount reads a decimal, as a text or a number, exactly. ok is false where it is absent, negative or absurd.
func amount(raw json.RawMessage, unit llm.PicoUSD) (llm.PicoUSD, bool) {
	text := strings.Trim(string(raw), `"`)
	if text == "" || len(text) > 40 || text == "null" || strings.ContainsAny(text, "/pPxX_") {
		return 0, false
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 && len(text)-i > 4 {
		return 0, false // an exponent of thousands would cost memory
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok || r.Sign() < 0 {
		return 0, false
	}
	r.Mul(r, big.NewRat(int64(unit), 1))
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() {
		return 0, false
	}
	return llm.PicoUSD(n.Int64()), true
}
