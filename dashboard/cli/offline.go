package cli

import (
	"net/http"

	"github.com/spf13/cobra"
)

func (s *session) offlineCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "offline [on|off]", Short: "Keep every request on this machine, or let them out again",
		Long: "Keep every request on this machine: while it is on, only local models answer, whatever was asked for.\n" +
			"Without a word it says how it stands. Works while LocalRouter is not running, too.",
		ValidArgs: []string{"on", "off"},
		Args:      s.names(0, 1, ""),
		RunE: func(c *cobra.Command, args []string) error {
			word := first(args)
			if len(args) > 0 && word != "on" && word != "off" {
				return s.usage(c, quote(word)+" is neither on nor off")
			}
			return s.withStores(c.Context(), func(client *client) error {
				now := map[string]bool{"offline": client.status.Offline}
				if word != "" {
					if err := client.call(c.Context(), http.MethodPut, "/offline", map[string]bool{"offline": word == "on"}, &now); err != nil {
						return err
					}
				}
				if asJSON {
					return s.json(now)
				}
				if now["offline"] {
					s.line("Offline mode is on: only local models answer.")
				} else {
					s.line("Offline mode is off: remote models may be used.")
				}
				return nil
			})
		}}
	addJSON(c, &asJSON)
	return c
}
