package anthropic

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"localrouter/providers/llm"
)

// listed is one model as GET /v1/models tells it. Numbers are read by hand: a server that copies the dialect may give
// something else, and one odd figure must not hide the whole list.
type listed struct {
	ID           string          `json:"id"`
	Name         string          `json:"display_name"`
	Created      json.RawMessage `json:"created_at"`
	Input        json.RawMessage `json:"max_input_tokens"`
	Output       json.RawMessage `json:"max_tokens"`
	Capabilities *capabilities   `json:"capabilities"`
}

type able struct {
	Supported bool `json:"supported"`
}

// capabilities are what the vendor says a model can do; nil where it says nothing.
type capabilities struct {
	Citations *able `json:"citations"`
	Images    *able `json:"image_input"`
	PDF       *able `json:"pdf_input"`
	Forms     *able `json:"structured_outputs"`
	Effort    *struct {
		able
		Low    *able `json:"low"`
		Medium *able `json:"medium"`
		High   *able `json:"high"`
		XHigh  *able `json:"xhigh"`
		Max    *able `json:"max"`
	} `json:"effort"`
	Thinking *struct {
		able
		Types *struct {
			Adaptive *able `json:"adaptive"`
			Enabled  *able `json:"enabled"`
		} `json:"types"`
	} `json:"thinking"`
}

func has(a *able) bool   { return a != nil && a.Supported }
func lacks(a *able) bool { return a != nil && !a.Supported }

// parseModels reads one page of GET /v1/models. more says that there is another, which comes after the id last.
func parseModels(body []byte) (models []llm.Model, more bool, last string, err error) {
	var page struct {
		Data []json.RawMessage `json:"data"`
		More bool              `json:"has_more"`
		Last string            `json:"last_id"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, false, "", fmt.Errorf("read the model list: %w", err)
	}
	if page.Data == nil {
		return nil, false, "", errors.New("read the model list: it has no field named data")
	}
	for _, raw := range page.Data {
		var l listed
		if json.Unmarshal(raw, &l) == nil && l.ID != "" {
			models = append(models, l.model())
		}
	}
	if last = page.Last; last == "" && len(models) > 0 {
		last = models[len(models)-1].ID
	}
	return models, page.More && last != "", last, nil
}

// Features that models have or lack together.
const (
	noSampling  llm.Set = 1<<llm.FeatureTemperature | 1<<llm.FeatureHot | 1<<llm.FeatureTopP | 1<<llm.FeatureTopPToo | 1<<llm.FeatureTopK
	noPrefill   llm.Set = 1 << llm.FeaturePrefill
	noForms     llm.Set = 1<<llm.FeatureSchema | 1<<llm.FeatureStrictTools
	noReasoning llm.Set = 1<<llm.FeatureReasoning | 1<<llm.FeatureToolReasoning
)

// model is what the list says of a model.
func (l *listed) model() llm.Model {
	m := llm.Model{ID: l.ID, OwnedBy: vendor, Name: l.Name, ContextLength: tokens(l.Input), MaxOutput: tokens(l.Output)}
	var at string
	if json.Unmarshal(l.Created, &at) == nil {
		m.Created, _ = time.Parse(time.RFC3339, at)
	}
	c := l.Capabilities
	if c == nil {
		return m
	}
	l.modes(&m, c)
	if c.Forms != nil {
		m.Lacks = with(m.Lacks, noForms, !c.Forms.Supported)
	}
	m.Lacks = with(m.Lacks, llm.SetOf(llm.FeatureCitations), lacks(c.Citations))
	l.reasoning(&m, c)
	return m
}

// with is s with or without the features of other.
func with(s, other llm.Set, on bool) llm.Set {
	if on {
		return s | other
	}
	return s &^ other
}

func (l *listed) modes(m *llm.Model, c *capabilities) {
	m.InputModes, m.OutputModes = []string{"text"}, []string{"text"}
	if !lacks(c.Images) {
		m.InputModes = append(m.InputModes, "image")
	} else {
		m.Lacks |= llm.SetOf(llm.FeatureImages, llm.FeatureImageURLs, llm.FeatureToolImages)
	}
	if !lacks(c.PDF) {
		m.InputModes = append(m.InputModes, "file")
	} else {
		m.Lacks |= llm.SetOf(llm.FeatureFiles, llm.FeatureFileURLs, llm.FeatureToolFiles)
	}
}

func (l *listed) reasoning(m *llm.Model, c *capabilities) {
	if t := c.Thinking; t != nil {
		switch {
		case !t.Supported:
			m.Thinking = llm.ThinksNever
		case t.Types != nil:
			if has(t.Types.Adaptive) {
				m.Thinking |= llm.ThinksAdaptive
			}
			if has(t.Types.Enabled) {
				m.Thinking |= llm.ThinksByBudget
			}
		}
		m.Lacks = with(m.Lacks, noReasoning, m.Thinking&llm.ThinksNever != 0)
		// All that think in the adaptive way alone are newer than Opus 4.6, and those refuse sampling fields and an answer
		// to be continued, which the list does not tell.
		m.Lacks = with(m.Lacks, noSampling|noPrefill, m.Thinking == llm.ThinksAdaptive)
	}
	if e := c.Effort; e != nil {
		m.Efforts = nil
		for i, a := range []*able{e.Low, e.Medium, e.High, e.XHigh, e.Max} {
			if e.Supported && has(a) {
				m.Efforts = append(m.Efforts, efforts[i])
			}
		}
	}
}

// mostSize bounds a size that a list names.
const mostSize = 1 << 30

func tokens(raw json.RawMessage) int {
	var n float64
	if json.Unmarshal(raw, &n) != nil || !(n > 0) || n > mostSize {
		return 0
	}
	return int(n)
}
