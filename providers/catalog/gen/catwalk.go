package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// catwalkProviders are our provider types by the names of catwalk's files.
var catwalkProviders = map[string]string{"anthropic": "anthropic", "cerebras": "cerebras", "deepseek": "deepseek", "fireworks": "fireworks",
	"gemini": "gemini", "groq": "groq", "huggingface": "huggingface", "moonshot": "moonshot", "openai": "openai", "openrouter": "openrouter", "xai": "xai"}

type catwalkModel struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"`
	In      json.Number `json:"cost_per_1m_in"`
	Out     json.Number `json:"cost_per_1m_out"`
	Cached1 json.Number `json:"cost_per_1m_in_cached"`
	Cached2 json.Number `json:"cost_per_1m_out_cached"`
	Context int         `json:"context_window"`
	Reasons bool        `json:"can_reason"`
	Levels  []string    `json:"reasoning_levels"`
	Images  bool        `json:"supports_attachments"`
}

// readCatwalk reads the models of the providers that we have types for.
func readCatwalk(archive []byte) ([]*model, error) {
	files, err := unzip(archive)
	if err != nil {
		return nil, err
	}
	var list []*model
	for from, provider := range catwalkProviders {
		name := catwalkModule.name + "@" + catwalkModule.version + "/internal/providers/configs/" + from + ".json"
		var file struct {
			Models []catwalkModel `json:"models"`
		}
		if err := json.Unmarshal(files[name], &file); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, c := range file.Models {
			m, err := c.model(provider)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", name, c.ID, err)
			}
			list = append(list, m)
		}
	}
	return list, nil
}

func (c *catwalkModel) model(provider string) (*model, error) {
	m := &model{Provider: provider, ID: c.ID, Name: c.Name, Context: c.Context, Tools: true, Reasons: &c.Reasons, Input: []string{"text"}, Sources: []string{"catwalk"}}
	if c.Images {
		m.Input = append(m.Input, "image")
	}
	for _, l := range levels {
		if slices.Contains(c.Levels, l) {
			m.Efforts = append(m.Efforts, l)
		}
	}
	var n [4]int64
	for i, text := range []json.Number{c.In, c.Out, c.Cached1, c.Cached2} {
		var err error
		if n[i], err = parseUSD(text); err != nil {
			return nil, err
		}
	}
	p := span{Rates: rates{In: usd{n[0], true}, Out: usd{n[1], true}}}
	// Which of the two is for reading differs from row to row; it is the one below the price of input.
	for _, v := range n[2:] {
		if v > 0 && v < n[0] && (!p.Rates.Read.known || v < p.Rates.Read.n) {
			p.Rates.Read = usd{v, true}
		}
	}
	if !p.free() {
		m.Prices = []span{p}
	}
	return m, nil
}
