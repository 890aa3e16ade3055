package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"localrouter/db/settings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// provider is a configured provider as the admin API lists it.
type provider struct {
	Name      string  `json:"name"`
	Type      string  `json:"type"`
	BaseURL   string  `json:"base_url"`
	Enabled   bool    `json:"enabled"`
	Local     bool    `json:"local"`
	State     string  `json:"state"`
	Detail    string  `json:"detail"`
	LatencyMS float64 `json:"latency_ms"`
	Models    int     `json:"models"`

	Running     int      `json:"running"`
	Waiting     int      `json:"waiting"`
	MaxParallel int      `json:"max_parallel"`
	Plan        string   `json:"plan"`
	Credentials []string `json:"credentials"`
	Rests       []struct {
		Model      string `json:"model"`
		Credential string `json:"credential"`
		Detail     string `json:"detail"`
	} `json:"rests"`
}

// mostSecret bounds what is read as a provider's key; the longest known ones have some 2,000 characters.
const mostSecret = 16 << 10

func (c *client) providers(ctx context.Context) ([]provider, any, error) {
	var reply struct {
		Providers []provider `json:"providers"`
	}
	raw, err := c.list(ctx, "/providers", &reply)
	return reply.Providers, raw, err
}

// localProviders names the providers that run on this machine, the demo among them: asking them costs nothing.
func (c *client) localProviders(ctx context.Context) map[string]bool {
	local := map[string]bool{"demo": true}
	all, _, err := c.providers(ctx)
	if err != nil {
		return local
	}
	for _, p := range all {
		local[p.Name] = p.Local || p.Type == "demo"
	}
	return local
}

func (s *session) providersList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List the providers and how they are", Args: s.noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.withStores(c.Context(), func(client *client) error {
				all, raw, err := client.providers(c.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return s.json(raw)
				}
				s.showProviders(all)
				return nil
			})
		}}
	addJSON(c, &asJSON)
	return c
}

func (s *session) showProviders(all []provider) {
	if len(all) == 0 {
		s.line("No providers yet; the built-in demo answers. Add one with: " + s.command("providers add"))
		return
	}
	busy := slices.ContainsFunc(all, func(p provider) bool { return p.Running+p.Waiting+p.MaxParallel > 0 })
	plans := slices.ContainsFunc(all, func(p provider) bool { return p.Plan != "" })
	heads := []string{"NAME", "TYPE", "STATE", "LATENCY", "MODELS"}
	if busy {
		heads = append(heads, "NOW")
	}
	if plans {
		heads = append(heads, "PLAN")
	}
	rows := s.heads(append(heads, "ADDRESS", "")...)
	for _, p := range all {
		state, latency, where := p.State, "", clean(p.BaseURL)
		if !p.Enabled {
			state = "off"
		}
		if p.LatencyMS > 0 && p.State != "unhealthy" {
			latency = span(time.Duration(p.LatencyMS * float64(time.Millisecond)))
		}
		if p.Local {
			where += " (local)"
		}
		row := []string{clean(p.Name), clean(p.Type), s.state(clean(state)), latency, fmt.Sprint(p.Models)}
		if busy {
			row = append(row, nowText(&p))
		}
		if plans {
			row = append(row, clean(p.Plan))
		}
		rows = append(rows, append(row, strings.TrimSpace(where), clean(p.Detail)))
	}
	s.table(rows)
	for _, p := range all {
		for _, r := range p.Rests {
			what := clean(p.Name)
			if r.Model != "" {
				what += "/" + clean(r.Model)
			}
			if r.Credential != "" {
				what += ", key " + clean(r.Credential)
			}
			s.line(what + ": " + clean(r.Detail))
		}
	}
}

// nowText says how many requests a provider has, of how many it takes: "1 of 2 running, 3 waiting".
func nowText(p *provider) string {
	text := fmt.Sprintf("%d running", p.Running)
	if p.MaxParallel > 0 {
		text = fmt.Sprintf("%d of %d running", p.Running, p.MaxParallel)
	}
	if p.Waiting > 0 {
		text += fmt.Sprintf(", %d waiting", p.Waiting)
	}
	return text
}

func (s *session) providersAdd() *cobra.Command {
	var kind, base, variable, plan string
	var parallel int
	var asJSON bool
	c := &cobra.Command{Use: "add NAME", Short: "Add a provider to the settings",
		Long: "Add a provider to the settings. NAME is yours to choose (a-z, 0-9, -); models are asked for as NAME/model.\n\n" +
			"Without --type, a NAME that is a type stands for itself and anything else is an openai-compatible server.\n" +
			"Types: " + strings.Join(settings.ProviderTypes, ", ") + ".\n\n" +
			"The key is never an argument: give the variable that holds it (--api-key-env), or store it afterwards\nwith set-key.",
		Example: "  localrouter providers add openai --api-key-env OPENAI_API_KEY\n" +
			"  localrouter providers add studio --base-url http://127.0.0.1:1234/v1",
		Args: s.names(1, 1, "the name"),
		RunE: func(c *cobra.Command, args []string) error {
			name := args[0]
			if kind == "" {
				kind = "openai-compatible"
				if slices.Contains(settings.ProviderTypes, name) {
					kind = name
				}
			}
			if kind == "openai-compatible" && base == "" {
				return fail(exitUsage, "an openai-compatible server needs an address", "add --base-url URL, or --type with one of "+strings.Join(settings.ProviderTypes, ", "))
			}
			return s.withStores(c.Context(), func(client *client) error {
				added := map[string]any{"name": name, "type": kind, "base_url": base, "api_key_env": variable}
				if plan != "" {
					added["plan"] = plan
				}
				if parallel != 0 {
					added["max_parallel"] = parallel
				}
				if err := client.call(c.Context(), http.MethodPost, "/providers", added, nil); err != nil {
					return err
				}
				if asJSON {
					return s.json(added)
				}
				s.showAdded(client, name, variable)
				return nil
			})
		}}
	c.Flags().StringVar(&kind, "type", "", "the `TYPE`, see above")
	c.Flags().StringVar(&base, "base-url", "", "the server's API address; optional where the type has one of its own")
	c.Flags().StringVar(&variable, "api-key-env", "", "the environment `VARIABLE` that holds the key")
	addPlan(c, &plan, &parallel)
	addJSON(c, &asJSON)
	return c
}

// showAdded says what is left to do after a provider was added.
func (s *session) showAdded(client *client, name, variable string) {
	s.printf("Provider %s is added.\n", clean(name))
	switch {
	case variable != "" && client.offline:
		s.printf("Its key is read from %s at each start.\n", clean(variable))
	case variable != "":
		s.printf("Its key is read from %s in the environment of the running program.\n", clean(variable))
	default:
		s.line("If it needs a key, store it with: " + s.command("providers set-key "+shellQuote(name)))
	}
	if client.offline {
		s.line("LocalRouter is not running. Start it with: " + s.command(""))
		return
	}
	s.line("Try it with: " + s.command("providers test "+shellQuote(name)))
}

func addPlan(c *cobra.Command, plan *string, parallel *int) {
	c.Flags().StringVar(plan, "plan", "", "how its use is paid for: by_use, free, rate_limited_free or subscription (a `PLAN`)")
	c.Flags().IntVar(parallel, "max-parallel", 0, "the most requests at once, `N`; 1 suits one graphics card, 0 is no bound")
}

func (s *session) providersSetKey() *cobra.Command {
	var credential string
	c := &cobra.Command{Use: "set-key NAME", Short: "Store a provider's key, sealed; it is typed hidden or read from standard input",
		Long: "Store a provider's key, sealed. On a terminal it is asked for and not shown; else it is read from standard\n" +
			"input. It is never taken from an argument, where other users and the shell's history would see it.\n\n" +
			"With --credential it is a further key of the same provider, under a name of its own: the next one is used while\n" +
			"the ones before rest.",
		Example: "  localrouter providers set-key openai < key.txt\n  localrouter providers set-key openai --credential second < key2.txt",
		Args:    s.names(1, 1, "the provider"),
		RunE: func(c *cobra.Command, args []string) error {
			name, what := args[0], clean(args[0])
			body := map[string]string{}
			if credential != "" {
				body["credential"] = credential
				what += ", " + clean(credential)
			}
			secret, err := s.readSecret("Key of " + what + " (hidden): ")
			if err != nil {
				return err
			}
			body["api_key"] = secret
			return s.withStores(c.Context(), func(client *client) error {
				if err := client.call(c.Context(), http.MethodPut, "/providers/"+segment(name)+"/key", body, nil); err != nil {
					return err
				}
				s.printf("The key of %s is stored.\n", what)
				if !client.offline {
					s.line("Try it with: " + s.command("providers test "+shellQuote(name)))
				}
				return nil
			})
		}}
	c.Flags().StringVar(&credential, "credential", "", "the `NAME` of a further key")
	return c
}

// readSecret reads one line: hidden from a terminal, else from standard input.
func (s *session) readSecret(prompt string) (string, error) {
	var data []byte
	var err error
	if f, ok := s.in.(*os.File); ok && s.terminal(f) {
		fmt.Fprint(s.errOut, prompt)
		data, err = term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(s.errOut)
	} else {
		data, err = io.ReadAll(io.LimitReader(bufio.NewReader(s.in), mostSecret+1))
	}
	if err != nil {
		return "", fail(exitFailure, "reading the key: "+err.Error(), "")
	}
	secret, problem := parseSecret(data)
	if problem != "" {
		return "", fail(exitUsage, problem, "give the key alone, on one line")
	}
	return secret, nil
}

// parseSecret takes a key out of what was typed or piped in; problem is empty where there is one.
func parseSecret(data []byte) (secret, problem string) {
	secret = strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff")) // PowerShell writes a byte order mark into pipes
	switch {
	case secret == "":
		return "", "no key was given"
	case len(data) > mostSecret:
		return "", "this is too long for a key"
	case strings.IndexFunc(secret, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0:
		return "", "a key has no blanks, no line breaks and only ASCII characters"
	}
	return secret, ""
}

func (s *session) providersTest() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "test NAME", Short: "Ask a provider for its model list, a free call", Args: s.names(1, 1, "the provider"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			var result struct {
				OK        bool    `json:"ok"`
				Models    int     `json:"models"`
				LatencyMS float64 `json:"latency_ms"`
				Error     string  `json:"error"`
				NextStep  string  `json:"next_step"`
			}
			if err := client.call(c.Context(), http.MethodPost, "/providers/"+segment(args[0])+"/test", struct{}{}, &result); err != nil {
				return err
			}
			if asJSON {
				if err := s.json(result); err != nil || result.OK {
					return err
				}
				return fail(exitFailure, "", "")
			}
			if !result.OK {
				return fail(exitFailure, args[0]+" does not answer: "+strings.TrimRight(result.Error, ".; "), result.NextStep)
			}
			s.printf("%s answers: %s, %s.\n", clean(args[0]), plural(int64(result.Models), "model"), span(time.Duration(result.LatencyMS*float64(time.Millisecond))))
			return nil
		}}
	addJSON(c, &asJSON)
	return c
}

func (s *session) providersRemove() *cobra.Command {
	var yes bool
	c := &cobra.Command{Use: "rm NAME", Aliases: []string{"remove", "delete"}, Short: "Remove a provider and its stored key", Args: s.names(1, 1, "the provider"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if err := s.confirm("The provider "+clean(args[0])+" and its stored key are removed; requests for its models are refused.", yes); err != nil {
				return err
			}
			if err := client.call(c.Context(), http.MethodDelete, "/providers/"+segment(args[0]), nil, nil); err != nil {
				return err
			}
			s.printf("%s is removed.\n", clean(args[0]))
			return nil
		}}
	addYes(c, &yes)
	return c
}
