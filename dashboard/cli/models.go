package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"localrouter/db/settings"
)

// model is a model as the admin API lists it; its id is provider/model.
type model struct {
	ID            string   `json:"id"`
	ContextLength int64    `json:"context_length"`
	MaxOutput     int64    `json:"max_output"`
	Parameters    int64    `json:"parameters"`
	Capabilities  []string `json:"capabilities"`
	Price         *price   `json:"price"` // nil: unknown
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
		if name, _, _ := strings.Cut(m.ID, "/"); local[name] && m.Price != nil && m.Price.Local && talks(m.ID) {
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
	var q modelQuery
	c := &cobra.Command{Use: "models [TEXT]", Short: "List the models of all providers, or those that have what is asked for",
		Long: "List the models of all providers; with TEXT, those that have it in their name. Prices are in USD for a million tokens.\n" +
			"\"-\" is what nobody knows; what is not known of a model passes no bound on it.",
		Example: "  localrouter models --has tools,vision --max-price 3\n  localrouter models qwen --provider ollama --max-params 32B",
		Args:    s.names(0, 1, ""),
		RunE: func(c *cobra.Command, args []string) error {
			q.text = first(args)
			path, err := q.path()
			if err != nil {
				return err
			}
			client, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			var reply struct {
				Models []model `json:"models"`
			}
			raw, err := client.list(c.Context(), path, &reply)
			if err != nil {
				return err
			}
			if asJSON {
				return s.json(raw)
			}
			s.showModels(reply.Models, path != "/models")
			return nil
		}}
	q.add(c)
	addJSON(c, &asJSON)
	return c
}

// modelQuery narrows the list of models.
type modelQuery struct {
	provider, maxPrice, minContext, minParams, maxParams, text string
	has                                                        []string
}

func (q *modelQuery) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&q.provider, "provider", "", "those of one `PROVIDER`")
	f.StringSliceVar(&q.has, "has", nil, "those that have `CAPABILITIES`: "+strings.Join(settings.Capabilities, ", "))
	f.StringVar(&q.maxPrice, "max-price", "", "neither input nor output above so many `USD` for a million tokens")
	f.StringVar(&q.minContext, "min-context", "", "a context of at least so many `TOKENS`, for example 100000")
	f.StringVar(&q.minParams, "min-params", "", "a size of at least so many `PARAMETERS`, for example 7B")
	f.StringVar(&q.maxParams, "max-params", "", "a size of at most so many `PARAMETERS`, for example 70B")
}

// path is where the list that is asked for is read.
func (q *modelQuery) path() (string, error) {
	v := url.Values{}
	put := func(name, text string) {
		if text != "" {
			v.Set(name, text)
		}
	}
	for _, word := range q.has {
		if !slices.Contains(settings.Capabilities, word) {
			return "", fail(exitUsage, quote(word)+" is no capability", "use "+strings.Join(settings.Capabilities, ", "))
		}
	}
	if q.maxPrice != "" {
		if _, err := settings.ParseUSD(q.maxPrice); err != nil {
			return "", split(err)
		}
	}
	for _, text := range []string{q.minContext, q.minParams, q.maxParams} {
		if text == "" {
			continue
		}
		if _, err := settings.ParseCount(text); err != nil {
			return "", split(err)
		}
	}
	if q.minContext != "" {
		n, _ := settings.ParseCount(q.minContext)
		put("min_context", fmt.Sprint(n))
	}
	put("provider", q.provider)
	put("has", strings.Join(q.has, ","))
	put("max_price", q.maxPrice)
	put("min_params", q.minParams)
	put("max_params", q.maxParams)
	put("q", q.text)
	if len(v) == 0 {
		return "/models", nil
	}
	return "/models?" + v.Encode(), nil
}

func (s *session) showModels(all []model, narrowed bool) {
	switch {
	case len(all) == 0 && narrowed:
		s.line("No model has all of that. See them all with: " + s.command("models"))
		return
	case len(all) == 0:
		s.line("No models yet. See how the providers are with: " + s.command("providers list"))
		return
	}
	rows := s.heads("MODEL", "CONTEXT", "OUTPUT", "IN", "OUT", "SIZE", "CAN")
	for _, m := range all {
		in, out := priceCells(m.Price)
		rows = append(rows, []string{clean(m.ID), amount(m.ContextLength), amount(m.MaxOutput), in, out, sizeText(m.Parameters), clean(strings.Join(m.Capabilities, " "))})
	}
	s.table(rows)
}

// amount spells a figure in which 0 is unknown.
func amount(n int64) string {
	if n == 0 {
		return "-"
	}
	return count(n)
}

// sizeText spells a number of parameters to three digits: 7B, 1.54B, 360M.
func sizeText(n int64) string {
	for _, u := range []struct {
		name string
		size float64
	}{{"T", 1e12}, {"B", 1e9}, {"M", 1e6}, {"K", 1e3}} {
		if float64(n) >= u.size {
			return strconv.FormatFloat(float64(n)/u.size, 'g', 3, 64) + u.name
		}
	}
	return amount(n)
}

// price is a price as the admin API sends it.
type price struct {
	Input  *float64 `json:"input"`
	Output *float64 `json:"output"`
	Local  bool     `json:"local"`
	Flat   bool     `json:"flat"`
}

// priceCells spell a price; unknown stays unknown and is never shown as nothing.
func priceCells(p *price) (in, out string) {
	switch {
	case p == nil:
		return "-", "-"
	case p.Local:
		return "0 local", "0 local"
	case p.Flat:
		return "flat", "flat"
	}
	cell := func(amount *float64) string {
		if amount == nil {
			return "-"
		}
		return usd(*amount)
	}
	return cell(p.Input), cell(p.Output)
}
