package cli

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"localrouter/db/settings"
)

func (s *session) keysSet() *cobra.Command {
	var t terms
	var asJSON bool
	c := &cobra.Command{Use: "set KEY", Short: "Change what a key may do: model, router, limits, budget, end", Args: s.names(1, 1, "the key"),
		Long: "Change what a key may do. What is not named stays. Limits, budgets and allowed models take the place of all it had;\n" +
			"what was used of a limit that stays is not forgotten.\n\n" + termsHelp,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if err := t.put(body); err != nil {
				return err
			}
			if len(body) == 0 {
				return fail(exitUsage, "nothing to change was named", "give --select, --allow, --limit or another of the flags, for example: "+s.command("keys set "+shellQuote(args[0])+" --limit requests=100/1m"))
			}
			return s.withKey(c.Context(), args[0], func(client *client, k *key) error {
				var raw json.RawMessage
				if err := client.call(c.Context(), http.MethodPatch, "/keys/"+segment(k.ID), body, &raw); err != nil {
					return err
				}
				if asJSON {
					return s.json(raw)
				}
				var now key
				if err := json.Unmarshal(raw, &now); err != nil {
					return fail(exitFailure, "the change was made, but the answer is not understood: "+err.Error(), "see it with: "+s.command("keys list"))
				}
				s.showTerms(&now, body)
				s.notes(now.Notes)
				return nil
			})
		}}
	t.add(c)
	c.Flags().BoolVar(&t.none, "no-limits", false, "take all limits away")
	c.Flags().BoolVar(&t.noBudget, "no-budget", false, "take the budget away")
	addJSON(c, &asJSON)
	return c
}

// showTerms says how those terms of a key stand that were changed.
func (s *session) showTerms(k *key, changed map[string]any) {
	name := clean(k.Name)
	is := func(field string) bool { _, ok := changed[field]; return ok }
	if is("selection") || is("mode") {
		if k.Mode == "selected" {
			s.printf("Every request of %s goes to %s, whatever model it names.\n", name, clean(k.Selection))
		} else {
			s.printf("%s gets the model it asks for; \"auto\" is %s.\n", name, clean(k.Selection))
		}
	}
	if is("allow_list") && len(k.AllowList) > 0 {
		s.printf("%s may use %s.\n", name, clean(strings.Join(k.AllowList, ", ")))
	} else if is("allow_list") {
		s.printf("%s may use every model.\n", name)
	}
	if is("local_only") {
		s.line(name + either(k.LocalOnly, " reaches local models only.", " may reach remote models."))
	}
	if is("strict") {
		s.line("A bare model name that several providers have is " + either(k.Strict, "refused.", "answered by the first of them."))
	}
	if is("rehearse") {
		s.line(name + either(k.Rehearse, " may have failures simulated.", " may not have failures simulated."))
	}
	if is("limits") {
		s.printf("Limits of %s: %s.\n", name, limitsText(k.Limits))
	}
	if is("budget") {
		s.printf("Budget of %s: %s.\n", name, budgetText(k.Budget))
	}
	if is("expires") && k.Expires.IsZero() {
		s.printf("%s never expires.\n", name)
	} else if is("expires") {
		s.printf("%s works through %s.\n", name, expiryText(k.Expires.Time))
	}
}

func either(yes bool, one, other string) string {
	if yes {
		return one
	}
	return other
}

// budgetText spells a budget in a sentence.
func budgetText(b settings.BudgetUSD) string {
	if b == (settings.BudgetUSD{}) {
		return "none"
	}
	return "$" + strings.ReplaceAll(settings.Budget(b).String(), " ", ", $")
}

// notes shows what the program has to say about a change that was made.
func (s *session) notes(list []string) {
	for _, n := range list {
		s.line("Note: " + clean(n))
	}
}
