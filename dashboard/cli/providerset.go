package cli

import (
	"net/http"

	"github.com/spf13/cobra"
)

func (s *session) providersSet() *cobra.Command {
	var base, plan string
	var parallel int
	var enabled, local bool
	c := &cobra.Command{Use: "set NAME", Short: "Change a provider: address, plan, requests at once, on or off", Args: s.names(1, 1, "the provider"),
		Long: "Change a provider. What is not named stays; the settings file holds more.",
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			for flag, value := range map[string]any{"base-url": base, "plan": plan, "max-parallel": parallel, "enabled": enabled, "local": local} {
				if c.Flags().Changed(flag) {
					body[underscored(flag)] = value
				}
			}
			if len(body) == 0 {
				return fail(exitUsage, "nothing to change was named", "give --plan, --max-parallel or another of the flags, for example: "+s.command("providers set "+shellQuote(args[0])+" --max-parallel 1"))
			}
			return s.withStores(c.Context(), func(client *client) error {
				var reply struct {
					Notes []string `json:"notes"`
				}
				if err := client.call(c.Context(), http.MethodPatch, "/providers/"+segment(args[0]), body, &reply); err != nil {
					return err
				}
				s.printf("%s is changed.\n", clean(args[0]))
				s.notes(reply.Notes)
				return nil
			})
		}}
	c.Flags().StringVar(&base, "base-url", "", "the server's API address; another server needs its key anew")
	addPlan(c, &plan, &parallel)
	c.Flags().BoolVar(&enabled, "enabled", true, "whether it takes part (--enabled=false keeps it for later)")
	c.Flags().BoolVar(&local, "local", false, "whether its private address is your own: never billed, reachable offline")
	return c
}

func (s *session) providersRetry() *cobra.Command {
	return &cobra.Command{Use: "retry NAME", Short: "End the waiting at a provider: the next request tries it", Args: s.names(1, 1, "the provider"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if err := client.call(c.Context(), http.MethodPost, "/providers/"+segment(args[0])+"/retry", struct{}{}, nil); err != nil {
				return err
			}
			s.printf("The next request tries %s.\n", clean(args[0]))
			return nil
		}}
}
