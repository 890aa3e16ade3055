package cli

import (
	"context"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"
)

// budget is one bound of money for a day or a month, as the admin API tells it.
type budget struct {
	Account  string  `json:"account"` // machine, or a key's id
	Name     string  `json:"name"`    // of the key; empty: the whole machine
	Period   string  `json:"period"`
	Spent    float64 `json:"spent_usd"`
	Reserved float64 `json:"reserved_usd"` // by requests that run
	Of       float64 `json:"of_usd"`
	Until    moment  `json:"until"`
	Allowed  moment  `json:"allowed_until"`
	Used     bool    `json:"allowed_today"`
}

// spending is the answer of GET /budget.
type spending struct {
	Today   float64  `json:"today_usd"`
	Month   float64  `json:"month_usd"`
	Budgets []budget `json:"budgets"`
}

func (s *session) budgetCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "budget", Short: "Show what was spent today and this month, and of which budgets", Args: s.noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.withStores(c.Context(), func(client *client) error {
				var reply spending
				if asJSON {
					var raw any
					if err := client.call(c.Context(), http.MethodGet, "/budget", nil, &raw); err != nil {
						return err
					}
					return s.json(raw)
				}
				if err := client.call(c.Context(), http.MethodGet, "/budget", nil, &reply); err != nil {
					return err
				}
				s.showBudgets(&reply)
				return nil
			})
		}}
	addJSON(c, &asJSON)
	c.AddCommand(s.budgetAllow())
	return c
}

func (s *session) showBudgets(r *spending) {
	s.printf("Spent %s today and %s this month.\n", usd(r.Today), usd(r.Month))
	if len(r.Budgets) == 0 {
		s.line("There are no budgets. Set budget in the settings file for the whole machine, or give a key one with: " + s.command("keys set"))
		return
	}
	rows := s.heads("BUDGET OF", "FOR THE", "SPENT", "OF", "SHARE", "RESERVED", "UNTIL", "AN HOUR MORE")
	for _, b := range r.Budgets {
		whose := "this machine"
		if b.Name != "" {
			whose = clean(b.Name)
		}
		share := 0
		if b.Of > 0 {
			share = int(100*b.Spent/b.Of + 1e-9) // 4.1 of 5 is 82, not 81
		}
		word := strconv.Itoa(share) + " %"
		switch {
		case share >= 100:
			word = s.paint("31", word)
		case share >= 80:
			word = s.paint("33", word)
		}
		more := "not used today"
		switch {
		case !b.Allowed.IsZero():
			more = "until " + b.Allowed.String()
		case b.Used:
			more = "used today"
		}
		rows = append(rows, []string{whose, clean(b.Period), usd(b.Spent), usd(b.Of), word, usd(b.Reserved), b.Until.String(), more})
	}
	s.table(rows)
}

func (s *session) budgetAllow() *cobra.Command {
	var asJSON bool
	var name string
	c := &cobra.Command{Use: "allow", Short: "Let requests pass a budget that is used up, for an hour, once a day", Args: s.noArgs,
		Long: "Let requests pass a budget that is used up, for an hour, once a day. What they spend counts all the same.\n" +
			"Without --key it is the budget of the whole machine.",
		RunE: func(c *cobra.Command, _ []string) error {
			return s.withStores(c.Context(), func(client *client) error {
				reply, whose, err := client.allow(c.Context(), s, name)
				if err != nil {
					return err
				}
				if asJSON {
					return s.json(reply)
				}
				s.printf("The budget of %s refuses nobody until %s.\n", clean(whose), reply.Until)
				return nil
			})
		}}
	c.Flags().StringVar(&name, "key", "", "the budget of this `KEY`, by name, id or first 8 characters")
	addJSON(c, &asJSON)
	return c
}

type allowed struct {
	Until moment `json:"until"`
}

func (c *client) allow(ctx context.Context, s *session, name string) (reply allowed, whose string, err error) {
	body := map[string]string{}
	whose = "this machine"
	if name != "" {
		k, err := c.key(ctx, s, name)
		if err != nil {
			return reply, "", err
		}
		body["account"], whose = k.ID, k.Name
	}
	err = c.call(ctx, http.MethodPost, "/budget/allow", body, &reply)
	return reply, whose, err
}
