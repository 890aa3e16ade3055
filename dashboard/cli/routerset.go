package cli

import (
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"localrouter/db/settings"
)

// routerFlags are the flags that say how a router chooses.
type routerFlags struct {
	given func(flag string) bool

	name, title                                 string
	include, exclude, manual, order, has, limit []string
	minParams, maxParams                        string
	freeOnly, fallback, contentPolicy, noLimits bool
	attempts                                    int
}

func (f *routerFlags) add(c *cobra.Command) {
	flags := c.Flags()
	f.given = flags.Changed
	flags.StringVar(&f.title, "title", "", "its `TITLE` for people")
	flags.StringSliceVar(&f.order, "order", nil, "`STRATEGIES`, the first decides: "+strings.Join(strategyNames(), ", "))
	flags.StringSliceVar(&f.include, "include", nil, "the `MODELS` to choose from, for example openai/*,ollama; default: all")
	flags.StringSliceVar(&f.exclude, "exclude", nil, "`MODELS` to leave out")
	flags.StringSliceVar(&f.manual, "models", nil, "in place of those: a list of `MODELS` in order of preference, as provider/model")
	flags.StringSliceVar(&f.has, "has", nil, "only models with `CAPABILITIES`: "+strings.Join(settings.Capabilities, ", "))
	flags.StringVar(&f.minParams, "min-params", "", "only models of at least so many `PARAMETERS`, for example 7B; 0: no bound")
	flags.StringVar(&f.maxParams, "max-params", "", "only models of at most so many `PARAMETERS`, for example 70B; 0: no bound")
	flags.BoolVar(&f.freeOnly, "free-only", false, "leave out what may cost money")
	flags.BoolVar(&f.fallback, "fallback", true, "go on to the next model where one fails")
	flags.IntVar(&f.attempts, "attempts", 0, "the most attempts of one request, `N`; 0: as the settings say")
	flags.BoolVar(&f.contentPolicy, "content-policy", false, "go on also where a model refuses because of the content")
	flags.StringArrayVar(&f.limit, "limit", nil, "a `LIMIT` of all requests through it, for example requests=100/1m; may stand several times")
}

func strategyNames() []string {
	names := make([]string, len(settings.Strategies))
	for i, s := range settings.Strategies {
		names[i] = string(s)
	}
	return names
}

// put writes what was given into the body of a call.
func (f *routerFlags) put(body map[string]any) error {
	lists := map[string][]string{"include": f.include, "exclude": f.exclude, "models": f.manual, "order": f.order, "has": f.has}
	fields := map[string]string{"models": "manual", "order": "strategies", "has": "capabilities", "min-params": "min_parameters", "max-params": "max_parameters"}
	for flag, value := range map[string]any{"name": f.name, "title": f.title, "min-params": f.minParams, "max-params": f.maxParams, "free-only": f.freeOnly,
		"fallback": f.fallback, "attempts": f.attempts, "content-policy": f.contentPolicy} {
		if f.given(flag) {
			body[field(fields, flag)] = value
		}
	}
	for flag, list := range lists {
		if f.given(flag) {
			body[field(fields, flag)] = slices.Concat([]string{}, list)
		}
	}
	// A list of models and a filter of all models exclude each other: the one that is named takes the other's place.
	if f.given("models") && len(f.manual) > 0 {
		for _, other := range []string{"include", "exclude", "capabilities"} {
			if _, ok := body[other]; !ok {
				body[other] = []string{}
			}
		}
		for _, other := range []string{"min_parameters", "max_parameters"} {
			if _, ok := body[other]; !ok {
				body[other] = ""
			}
		}
	} else if !f.given("models") && (len(f.include)+len(f.exclude)+len(f.has) > 0 || strings.Trim(f.minParams+f.maxParams, "0") != "") {
		body["manual"] = []string{}
	}
	limits := terms{limits: f.limit, none: f.noLimits}
	return limits.putLimits(body)
}

func field(fields map[string]string, flag string) string {
	if name, ok := fields[flag]; ok {
		return name
	}
	return underscored(flag)
}

// underscored is a flag's name as the admin API spells it.
func underscored(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

func (s *session) routersNew() *cobra.Command {
	var f routerFlags
	c := &cobra.Command{Use: "new NAME", Short: "Make a router", Args: s.names(1, 1, "the name"),
		Long: "Make a router. NAME is yours to choose (a-z, 0-9, -); applications ask for it as router/NAME. Without flags it\n" +
			"chooses from all models, in the order of the providers.",
		Example: "  localrouter routers new cheap --include openai/*,ollama --order local_first,lowest_cost\n" +
			"  localrouter routers new two --models ollama/qwen3:32b,openai/gpt-5",
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"new": true}
			if err := f.put(body); err != nil {
				return err
			}
			name := strings.TrimPrefix(args[0], settings.RouterPrefix)
			return s.putRouter(c, name, name, body, "is made")
		}}
	f.add(c)
	return c
}

func (s *session) routersSet() *cobra.Command {
	var f routerFlags
	c := &cobra.Command{Use: "set NAME", Short: "Change a router", Args: s.names(1, 1, "the router"),
		Long: "Change a router. What is not named stays; a list takes the place of the one before.",
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if err := f.put(body); err != nil {
				return err
			}
			if len(body) == 0 {
				return fail(exitUsage, "nothing to change was named", "give --order, --include, --models or another of the flags, for example: "+
					s.command("routers set "+shellQuote(args[0])+" --order lowest_cost"))
			}
			name := strings.TrimPrefix(args[0], settings.RouterPrefix)
			now := name
			if f.name != "" {
				now = f.name
			}
			return s.putRouter(c, name, now, body, "is changed")
		}}
	f.add(c)
	c.Flags().StringVar(&f.name, "name", "", "another `NAME`; the keys and aliases that select it follow")
	c.Flags().BoolVar(&f.noLimits, "no-limits", false, "take all limits away")
	return c
}

// putRouter sends a router and shows how it would choose.
func (s *session) putRouter(c *cobra.Command, name, now string, body map[string]any, done string) error {
	return s.withStores(c.Context(), func(client *client) error {
		if err := client.call(c.Context(), http.MethodPut, "/routers/"+segment(name), body, nil); err != nil {
			return err
		}
		s.printf("router/%s %s.\n", clean(now), done)
		if !client.offline {
			s.line("See how it chooses with: " + s.command("routers preview "+shellQuote(now)))
		}
		return nil
	})
}
