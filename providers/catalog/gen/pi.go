package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// piProviders are our provider types by the names of pi-ai.
var piProviders = map[string]string{"anthropic": "anthropic", "cerebras": "cerebras", "deepseek": "deepseek", "fireworks": "fireworks",
	"google": "gemini", "groq": "groq", "huggingface": "huggingface", "mistral": "mistral", "moonshotai": "moonshot", "nvidia": "nvidia",
	"openai": "openai", "openrouter": "openrouter", "together": "together", "xai": "xai"}

// piModel is an entry of pi-ai's data.
type piModel struct {
	Type      string             `json:"type"`
	ID        string             `json:"id"`
	Name      string             `json:"name"`
	Input     []string           `json:"input"`
	Output    []string           `json:"output"`
	Reasoning *bool              `json:"reasoning"`
	Levels    map[string]*string `json:"thinkingLevelMap"`
	Context   int                `json:"contextWindow"`
	MaxTokens int                `json:"maxTokens"`
	Cost      struct {
		piRates
		Tiers []struct {
			Above int64 `json:"inputTokensAbove"`
			piRates
		} `json:"tiers"`
	} `json:"cost"`
	Compat struct {
		Strict      bool `json:"supportsStrictMode"`
		StrictTools bool `json:"supportsStrictTools"`
	} `json:"compat"`
}

type piRates struct {
	Input      json.Number `json:"input"`
	Output     json.Number `json:"output"`
	CacheRead  json.Number `json:"cacheRead"`
	CacheWrite json.Number `json:"cacheWrite"`
}

// readPi reads the models of the providers that we have types for.
func readPi(archive []byte) ([]*model, error) {
	files, err := untar(archive)
	if err != nil {
		return nil, err
	}
	var list []*model
	for from, provider := range piProviders {
		name := "package/dist/providers/data/" + from + ".json"
		var apis map[string]map[string]piModel
		if err := json.Unmarshal(files[name], &apis); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, api := range slices.Sorted(maps.Keys(apis)) { // of two entries for one model the first holds
			for key, p := range apis[api] {
				if key != p.Type+":"+p.ID {
					return nil, fmt.Errorf("%s: the entry %s is of another model", name, key)
				}
				m, err := p.model(provider)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", name, p.ID, err)
				}
				list = append(list, m)
			}
		}
	}
	return list, nil
}

func (p *piModel) model(provider string) (*model, error) {
	m := &model{Provider: provider, ID: p.ID, Name: strings.TrimSuffix(p.Name, " (latest)"), Context: p.Context, Output: p.MaxTokens, Input: p.Input, OutputModes: p.Output, Sources: []string{"pi"}}
	switch p.Type {
	case "chat":
		m.Tools = true // it lists no others
		m.Reasons = p.Reasoning
		m.Strict = p.Compat.Strict || p.Compat.StrictTools
		if m.Reasons != nil && *m.Reasons {
			m.Efforts = p.efforts()
		}
	case "image":
		m.API = "images"
	default:
		m.API = "other"
	}
	price, err := p.price()
	if err != nil {
		return nil, err
	}
	for _, t := range price.Tiers {
		// For some models the window that is stated is where the dearer price begins.
		if provider == "openai" && int64(m.Context) == t.Above {
			m.Context = 0
		}
	}
	if !price.free() || provider == "openrouter" && strings.HasSuffix(p.ID, ":free") {
		m.Prices = []span{price}
	}
	return m, nil
}

// price reads a price. What is absent is 0 there, so 0 of a cache class says nothing.
func (p *piModel) price() (span, error) {
	rates, err := p.Cost.rates()
	out := span{Rates: rates}
	for _, t := range p.Cost.Tiers {
		r, err2 := t.rates()
		if err2 != nil {
			err = err2
		}
		out.Tiers = append(out.Tiers, tier{t.Above, r})
	}
	slices.SortFunc(out.Tiers, func(a, b tier) int { return int(a.Above - b.Above) })
	return out, err
}

func (p *piRates) rates() (r rates, err error) {
	for _, f := range []struct {
		to   *usd
		from json.Number
		must bool
	}{{&r.In, p.Input, true}, {&r.Out, p.Output, true}, {&r.Read, p.CacheRead, false}, {&r.Write, p.CacheWrite, false}} {
		n, err := parseUSD(f.from)
		if err != nil {
			return r, err
		}
		if f.must || n > 0 {
			*f.to = usd{n, true}
		}
	}
	return r, nil
}

// levels are the names of efforts, least first; pi-ai calls none "off".
var levels = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// efforts reads which levels are taken. Only a map that speaks of the three usual ones says all of them.
func (p *piModel) efforts() (list []string) {
	for _, level := range []string{"low", "medium", "high"} {
		if _, said := p.Levels[level]; !said {
			return nil
		}
	}
	for _, v := range p.Levels {
		if v != nil && slices.Contains(levels, *v) && !slices.Contains(list, *v) {
			list = append(list, *v)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return slices.Index(levels, a) - slices.Index(levels, b) })
	return list
}
