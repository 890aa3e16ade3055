package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"localrouter/db/settings"
)

// key is one application's key as the admin API lists it.
type key struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Prefix   string `json:"prefix"`
	Created  moment `json:"created"`
	LastUsed moment `json:"last_used"`
	Enabled  bool   `json:"enabled"`
	Internal bool   `json:"internal"`

	Selection string             `json:"selection"`
	Mode      string             `json:"mode"`
	AllowList settings.Patterns  `json:"allow_list"`
	LocalOnly bool               `json:"local_only"`
	Strict    bool               `json:"strict"`
	Rehearse  bool               `json:"rehearse"`
	Limits    []settings.Limit   `json:"limits"`
	Budget    settings.BudgetUSD `json:"budget"`
	Expires   moment             `json:"expires"`
	Notes     []string           `json:"notes"` // of the answer to a change
}

// prefixLength is how much of a key is no secret (security.md 5).
const prefixLength = 8

func (c *client) keys(ctx context.Context) ([]key, any, error) {
	var reply struct {
		Keys []key `json:"keys"`
	}
	raw, err := c.list(ctx, "/keys", &reply)
	return reply.Keys, raw, err
}

// key finds the one key that word means: an id, a name or the first 8 characters.
func (c *client) key(ctx context.Context, s *session, word string) (*key, error) {
	all, _, err := c.keys(ctx)
	if err != nil {
		return nil, err
	}
	for _, field := range []func(*key) string{
		func(k *key) string { return k.ID }, func(k *key) string { return k.Name }, func(k *key) string { return k.Prefix },
	} {
		var found []*key
		for i := range all {
			if field(&all[i]) == word {
				found = append(found, &all[i])
			}
		}
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0], nil
		}
		ids := make([]string, len(found))
		for i, k := range found {
			ids[i] = k.ID
		}
		return nil, fail(exitFailure, fmt.Sprintf("%d keys are called %s", len(found), quote(word)), "name one by its id: "+strings.Join(ids, ", "))
	}
	return nil, fail(exitFailure, "there is no key "+quote(word), "see them with: "+s.command("keys list"))
}

func (s *session) keysList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List the keys, never their secret part", Args: s.noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.withStores(c.Context(), func(client *client) error {
				all, raw, err := client.keys(c.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return s.json(raw)
				}
				s.showKeys(all)
				return nil
			})
		}}
	addJSON(c, &asJSON)
	return c
}

func (s *session) showKeys(all []key) {
	if len(all) == 0 {
		s.line("No keys yet. Make one with: " + s.command("keys new"))
		return
	}
	heads, cells := termsCells(all)
	rows := s.heads(slices.Concat([]string{"NAME", "KEY", "STATE", "MODE", "SELECTION"}, heads, []string{"CREATED", "LAST USED", "ID"})...)
	for _, k := range all {
		state := "enabled"
		if !k.Enabled {
			state = "disabled"
		} else if !k.Expires.IsZero() && !time.Now().Before(k.Expires.Time) {
			state = "expired"
		}
		name := clean(k.Name)
		if k.Internal {
			name += " (the program's own)"
		}
		rows = append(rows, slices.Concat([]string{name, clean(k.Prefix) + "…", s.state(state), modeText(&k), clean(cmp.Or(k.Selection, settings.DefaultSelection))}, cells(&k), []string{k.Created.String(), k.LastUsed.String(), clean(k.ID)}))
	}
	s.table(rows)
}

// newKey is what `keys new --json` prints, stable for scripts.
type newKey struct {
	Key     string `json:"key"`
	ID      string `json:"id"`
	Name    string `json:"name"`
	Prefix  string `json:"prefix"`
	BaseURL string `json:"base_url"`

	Notes []string `json:"notes,omitempty"`
}

func (s *session) keysNew() *cobra.Command {
	var asJSON bool
	var t terms
	c := &cobra.Command{Use: "new [NAME]", Short: "Make a key for an application and show it, once",
		Long: "Make a key for an application and show it, once. Without a NAME it is called my-app-1, my-app-2 and so on.\n" +
			"Works while LocalRouter is not running, too.\n\n" + termsHelp,
		Args: s.names(0, 1, "the name"),
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"name": first(args)}
			if err := t.put(body); err != nil {
				return err
			}
			return s.withStores(c.Context(), func(client *client) error {
				var made newKey
				if err := client.call(c.Context(), http.MethodPost, "/keys", body, &made); err != nil {
					return err
				}
				return s.showNewKey(c.Context(), client, made, asJSON)
			})
		}}
	t.add(c)
	addJSON(c, &asJSON)
	return c
}

// showNewKey prints a key that was just made; nobody can ever print it again.
func (s *session) showNewKey(ctx context.Context, client *client, made newKey, asJSON bool) error {
	made.Prefix = made.Key[:min(prefixLength, len(made.Key))]
	made.BaseURL = client.baseURL()
	if asJSON {
		return s.json(made)
	}
	s.printf("The key of %s. It is shown this once; keep it now.\n\n  %s\n\n", clean(made.Name), s.bold(made.Key))
	s.line("Most applications read these two:\n")
	s.printf("  export OPENAI_BASE_URL=%s\n  export OPENAI_API_KEY=%s\n\n", made.BaseURL, made.Key)
	s.line("Claude Code, and what else speaks Anthropic's dialect, these:\n")
	s.printf("  export ANTHROPIC_BASE_URL=%s\n  export ANTHROPIC_AUTH_TOKEN=%s\n\n", strings.TrimSuffix(made.BaseURL, "/v1"), made.Key)
	s.line("Try it:\n")
	s.printf("  curl %s/chat/completions -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \\\n    -d %s\n",
		made.BaseURL, made.Key, shellQuote(`{"model":"`+client.anyModel(ctx)+`","messages":[{"role":"user","content":"Hello"}]}`))
	if len(made.Notes) > 0 {
		s.line()
		s.notes(made.Notes)
	}
	if client.offline {
		s.line("\nLocalRouter is not running. Start it with: " + s.command(""))
	}
	return nil
}

// anyModel names a model that can be asked, for a line that works as it is pasted.
func (c *client) anyModel(ctx context.Context) string {
	all, _, err := c.models(ctx)
	if err != nil {
		return demoModel
	}
	if m, ok := freeModel(all, c.localProviders(ctx)); ok {
		return m
	}
	if len(all) > 0 {
		return clean(all[0].ID)
	}
	return demoModel
}

func (s *session) keysRename() *cobra.Command {
	return &cobra.Command{Use: "rename KEY NAME", Short: "Give a key another name", Args: s.names(2, 2, "the key or its new name"),
		RunE: func(c *cobra.Command, args []string) error {
			return s.withKey(c.Context(), args[0], func(client *client, k *key) error {
				if err := client.call(c.Context(), http.MethodPatch, "/keys/"+segment(k.ID), map[string]string{"name": args[1]}, nil); err != nil {
					return err
				}
				s.printf("%s is now called %s.\n", clean(k.Name), clean(args[1]))
				return nil
			})
		}}
}

// keysSwitch is `keys enable` and `keys disable`.
func (s *session) keysSwitch(verb string, on bool) *cobra.Command {
	short := "Let a key work again"
	if !on {
		short = "Stop a key; its running answers end within a second"
	}
	return &cobra.Command{Use: verb + " KEY", Short: short, Args: s.names(1, 1, "the key"),
		RunE: func(c *cobra.Command, args []string) error {
			return s.withKey(c.Context(), args[0], func(client *client, k *key) error {
				if err := client.call(c.Context(), http.MethodPatch, "/keys/"+segment(k.ID), map[string]bool{"enabled": on}, nil); err != nil {
					return err
				}
				s.printf("%s is %sd.\n", clean(k.Name), verb)
				return nil
			})
		}}
}

func (s *session) keysRegenerate() *cobra.Command {
	var asJSON, yes bool
	c := &cobra.Command{Use: "regenerate KEY", Short: "Replace the secret of a key; the old one stops at once", Args: s.names(1, 1, "the key"),
		RunE: func(c *cobra.Command, args []string) error {
			return s.withKey(c.Context(), args[0], func(client *client, k *key) error {
				if err := s.confirm("The present key of "+clean(k.Name)+" stops working at once.", yes); err != nil {
					return err
				}
				made := newKey{ID: k.ID, Name: k.Name}
				if err := client.call(c.Context(), http.MethodPost, "/keys/"+segment(k.ID)+"/regenerate", struct{}{}, &made); err != nil {
					return err
				}
				return s.showNewKey(c.Context(), client, made, asJSON)
			})
		}}
	addJSON(c, &asJSON)
	addYes(c, &yes)
	return c
}

func (s *session) keysRemove() *cobra.Command {
	var yes bool
	c := &cobra.Command{Use: "rm KEY", Aliases: []string{"remove", "delete"}, Short: "Delete a key for good", Args: s.names(1, 1, "the key"),
		RunE: func(c *cobra.Command, args []string) error {
			return s.withKey(c.Context(), args[0], func(client *client, k *key) error {
				if err := s.confirm("The key "+clean(k.Name)+" is deleted; applications that hold it are refused at once.", yes); err != nil {
					return err
				}
				if err := client.call(c.Context(), http.MethodDelete, "/keys/"+segment(k.ID), nil, nil); err != nil {
					return err
				}
				s.printf("%s is deleted.\n", clean(k.Name))
				return nil
			})
		}}
	addYes(c, &yes)
	return c
}

// withKey runs do with the running program and the key that word means.
func (s *session) withKey(ctx context.Context, word string, do func(*client, *key) error) error {
	client, err := s.connect(ctx)
	if err != nil {
		return err
	}
	k, err := client.key(ctx, s, word)
	if err != nil {
		return err
	}
	return do(client, k)
}

// withStores runs do with the running program or, without one, with the stores opened here, and closes them.
func (s *session) withStores(ctx context.Context, do func(*client) error) error {
	client, err := s.connectOrOpen(ctx)
	if err != nil {
		return err
	}
	err = do(client)
	if closed := client.close(); err == nil {
		err = closed
	}
	return err
}

// confirm asks once before an act that cannot be undone. A script says --yes.
func (s *session) confirm(what string, yes bool) error {
	if yes {
		return nil
	}
	if !s.terminal(s.in) || !s.terminal(s.errOut) {
		return fail(exitUsage, "this cannot be undone and nobody is there to ask", "add --yes")
	}
	fmt.Fprint(s.errOut, what+" Go on? [y/N] ")
	word, _ := bufio.NewReader(s.in).ReadString('\n')
	if word = strings.ToLower(strings.TrimSpace(word)); word != "y" && word != "yes" {
		return fail(exitFailure, "nothing was changed", "")
	}
	return nil
}

func addJSON(c *cobra.Command, asJSON *bool) {
	c.Flags().BoolVar(asJSON, "json", false, "print JSON for scripts")
}

func addYes(c *cobra.Command, yes *bool) {
	c.Flags().BoolVarP(yes, "yes", "y", false, "do not ask")
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
