package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"localrouter/db/settings"
)

// router is a router as the admin API lists it.
type router struct {
	Name          string           `json:"name"`
	Title         string           `json:"title"`
	Include       []string         `json:"include"`
	Exclude       []string         `json:"exclude"`
	MinParameters string           `json:"min_parameters"`
	MaxParameters string           `json:"max_parameters"`
	Capabilities  []string         `json:"capabilities"`
	Manual        []string         `json:"manual"`
	Strategies    []string         `json:"strategies"`
	FreeOnly      bool             `json:"free_only"`
	Fallback      bool             `json:"fallback"`
	Limits        []settings.Limit `json:"limits"`
	Default       string           `json:"default"`
	Candidates    *int             `json:"candidates"`
	Left          *int             `json:"left_out"`
}

func (c *client) routers(ctx context.Context) ([]router, json.RawMessage, error) {
	var reply struct {
		Routers []router `json:"routers"`
	}
	raw, err := c.list(ctx, "/routers", &reply)
	return reply.Routers, raw, err
}

func (s *session) routersList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List the routers", Args: s.noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.withStores(c.Context(), func(client *client) error {
				all, raw, err := client.routers(c.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return s.json(raw)
				}
				s.showRouters(all)
				return nil
			})
		}}
	addJSON(c, &asJSON)
	return c
}

func (s *session) showRouters(all []router) {
	if len(all) == 0 {
		s.line("No routers. The default ones come back with: " + s.command("routers restore"))
		return
	}
	limited := slices.ContainsFunc(all, func(r router) bool { return len(r.Limits) > 0 })
	heads := []string{"NAME", "TITLE", "ORDER", "FALLBACK"}
	if limited {
		heads = append(heads, "LIMITS")
	}
	rows := s.heads(append(heads, "MODELS")...)
	for _, r := range all {
		order, fallback, title := strings.Join(r.Strategies, ", "), "on", clean(r.Title)
		switch {
		case order == "" && len(r.Manual) > 0:
			order = "as listed"
		case order == "":
			order = "as the providers"
		}
		if !r.Fallback {
			fallback = "off"
		}
		switch r.Default {
		case "yes":
			title = strings.TrimSpace(title + " (default)")
		case "changed":
			title = strings.TrimSpace(title + " (default, changed)")
		}
		row := []string{"router/" + clean(r.Name), title, clean(order), fallback}
		if limited {
			row = append(row, limitsText(r.Limits))
		}
		rows = append(rows, append(row, modelsText(&r)))
	}
	s.table(rows)
}

// modelsText says which models take part in a router, and how many of them could be tried now.
func modelsText(r *router) string {
	var words []string
	add := func(format string, list []string) {
		if len(list) > 0 {
			words = append(words, fmt.Sprintf(format, clean(strings.Join(list, " "))))
		}
	}
	add("%s", r.Manual)
	add("%s", r.Include)
	add("not %s", r.Exclude)
	add("with %s", r.Capabilities)
	switch {
	case r.MinParameters != "" && r.MaxParameters != "":
		words = append(words, clean(r.MinParameters)+" to "+clean(r.MaxParameters))
	case r.MinParameters != "":
		words = append(words, "from "+clean(r.MinParameters))
	case r.MaxParameters != "":
		words = append(words, "up to "+clean(r.MaxParameters))
	}
	if r.FreeOnly {
		words = append(words, "free only")
	}
	if len(words) == 0 {
		words = append(words, "all")
	}
	text := strings.Join(words, ", ")
	if r.Candidates != nil {
		text += fmt.Sprintf(" (%d now)", *r.Candidates)
	}
	return text
}

// preview is how a router would choose now.
type preview struct {
	Name       string   `json:"name"`
	Strategies []string `json:"strategies"`
	Input      int64    `json:"input_tokens"`
	Output     int64    `json:"output_tokens"`
	Candidates []struct {
		Provider      string   `json:"provider"`
		Model         string   `json:"model"`
		Left          string   `json:"left_out"`
		Figures       []string `json:"figures"`
		Price         *price   `json:"price"`
		ContextLength int64    `json:"context_length"`
		LatencyMS     float64  `json:"latency_ms"`
		Health        string   `json:"health"`
	} `json:"candidates"`
}

func (s *session) routersPreview() *cobra.Command {
	var asJSON, tools, vision bool
	var tokens string
	c := &cobra.Command{Use: "preview NAME", Short: "Show the models of a router in the order in which they would be tried now",
		Long: "Show the models of a router in the order in which they would be tried now, with the reason for each place, and those\n" +
			"that are left out, with the reason for that.",
		Args: s.names(1, 1, "the router"),
		RunE: func(c *cobra.Command, args []string) error {
			v := url.Values{}
			if tools {
				v.Set("tools", "true")
			}
			if vision {
				v.Set("vision", "true")
			}
			if tokens != "" {
				n, err := settings.ParseCount(tokens)
				if err != nil || n == 0 {
					return fail(exitUsage, quote(tokens)+" is no number of tokens", "write it as 100000 or 100K")
				}
				v.Set("context", fmt.Sprint(n))
			}
			client, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(args[0], settings.RouterPrefix)
			var p preview
			raw, err := client.list(c.Context(), "/routers/"+segment(name)+"/preview?"+v.Encode(), &p)
			if err != nil {
				return err
			}
			if asJSON {
				return s.json(raw)
			}
			s.showPreview(&p)
			return nil
		}}
	c.Flags().BoolVar(&tools, "tools", false, "for a request that brings tools")
	c.Flags().BoolVar(&vision, "vision", false, "for a request with pictures")
	c.Flags().StringVar(&tokens, "context", "", "for a request of so many `TOKENS`, for example 100K")
	addJSON(c, &asJSON)
	return c
}

func (s *session) showPreview(p *preview) {
	order := strings.Join(p.Strategies, ", then ")
	if order == "" {
		order = "as listed"
	}
	s.printf("router/%s, %s, for %s tokens in and %s out:\n\n", clean(p.Name), clean(order), count(p.Input), count(p.Output))
	rows := s.heads("", "MODEL", "WHY", "IN", "OUT", "CONTEXT", "LATENCY", "HEALTH")
	place := 0
	for _, c := range p.Candidates {
		if c.Left != "" {
			continue
		}
		place++
		in, out := priceCells(c.Price)
		latency := "-"
		if c.LatencyMS > 0 {
			latency = span(time.Duration(c.LatencyMS * float64(time.Millisecond)))
		}
		rows = append(rows, []string{fmt.Sprint(place), clean(c.Provider + "/" + c.Model), clean(strings.Join(c.Figures, "; ")), in, out, amount(c.ContextLength), latency, s.state(clean(c.Health))})
	}
	switch {
	case len(p.Candidates) == 0:
		s.line("No model takes part. See what the router chooses from with: " + s.command("routers list"))
	case place == 0:
		s.line("No model can be tried now.")
	default:
		s.table(rows)
	}
	if place == len(p.Candidates) {
		return
	}
	s.line("\nLeft out:\n")
	rows = nil
	for _, c := range p.Candidates {
		if c.Left != "" {
			rows = append(rows, []string{"  " + clean(c.Provider+"/"+c.Model), clean(c.Left)})
		}
	}
	s.table(rows)
}

func (s *session) routersRestore() *cobra.Command {
	var yes bool
	c := &cobra.Command{Use: "restore", Short: "Put the default routers back as they were at first; your own stay", Args: s.noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.withStores(c.Context(), func(client *client) error {
				all, _, err := client.routers(c.Context())
				if err != nil {
					return err
				}
				for _, r := range all {
					if r.Default == "changed" {
						if err := s.confirm("What you changed of router/"+clean(r.Name)+" is lost.", yes); err != nil {
							return err
						}
					}
				}
				var done struct {
					Restored []string `json:"restored"`
				}
				if err := client.call(c.Context(), http.MethodPost, "/routers/restore", struct{}{}, &done); err != nil {
					return err
				}
				if len(done.Restored) == 0 {
					s.line("The default routers are as they were at first.")
				}
				for _, name := range done.Restored {
					s.printf("router/%s is back.\n", clean(name))
				}
				return nil
			})
		}}
	addYes(c, &yes)
	return c
}

func (s *session) routersRemove() *cobra.Command {
	var yes bool
	c := &cobra.Command{Use: "rm NAME", Aliases: []string{"remove", "delete"}, Short: "Remove a router", Args: s.names(1, 1, "the router"),
		RunE: func(c *cobra.Command, args []string) error {
			name := strings.TrimPrefix(args[0], settings.RouterPrefix)
			return s.withStores(c.Context(), func(client *client) error {
				if err := s.confirm("The router "+clean(name)+" is removed; keys that select it are refused.", yes); err != nil {
					return err
				}
				var left struct {
					Keys []string `json:"keys"`
				}
				if err := client.call(c.Context(), http.MethodDelete, "/routers/"+segment(name), nil, &left); err != nil {
					return err
				}
				s.printf("router/%s is removed.\n", clean(name))
				for _, key := range left.Keys {
					s.line("Note: " + clean(key) + " selects it. Choose another with: " + s.command("keys set "+shellQuote(key)+" --select "+settings.DefaultSelection))
				}
				return nil
			})
		}}
	addYes(c, &yes)
	return c
}
