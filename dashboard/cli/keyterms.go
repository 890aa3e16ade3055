package cli

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"localrouter/db/settings"
)

// terms are the flags that say what a key may do and until when.
type terms struct {
	limits  []string
	none    bool // --no-limits
	expires string
}

const termsHelp = "A limit is KIND=AMOUNT/WINDOW: at most so much in any span of that length.\n" +
	"  KIND    requests, input_tokens, output_tokens, tokens (both together) or cost (USD)\n" +
	"  WINDOW  1s to 31d, such as 1m, 1h, 1d, 7d or 30d\n" +
	"Several may stand together, each with a --limit of its own. The day given to --expires is the last on which the key\n" +
	"works, by this machine's clock."

func (t *terms) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&t.limits, "limit", nil, "a `LIMIT`, for example requests=100/1m or cost=5/1d; may stand several times")
	c.Flags().StringVar(&t.expires, "expires", "", "the last `DAY` of the key, for example 2027-01-31, or never")
}

// put writes the terms that were given into the body of a call.
func (t *terms) put(body map[string]any) error {
	limits := []settings.Limit{}
	for _, text := range t.limits {
		l, err := settings.ParseLimit(text)
		if err != nil {
			return split(err)
		}
		limits = append(limits, l)
	}
	if err := settings.CheckLimits(limits); err != nil {
		return split(err)
	}
	switch {
	case t.none && len(limits) > 0:
		return fail(exitUsage, "--limit and --no-limits contradict each other", "give one of them")
	case t.none || len(limits) > 0:
		body["limits"] = limits
	}
	if t.expires != "" {
		at, err := parseExpiry(t.expires, time.Now())
		if err != nil {
			return err
		}
		body["expires"] = at
	}
	return nil
}

// split makes a usage failure of an error that says what to do behind a semicolon.
func split(err error) *failure {
	what, next, _ := strings.Cut(err.Error(), "; ")
	return fail(exitUsage, what, next)
}

// parseExpiry reads the last day of a key, a moment, or "never", and spells it for the admin API.
func parseExpiry(text string, now time.Time) (string, error) {
	if text == "never" {
		return text, nil
	}
	at, err := time.ParseInLocation(time.DateOnly, text, now.Location())
	if err == nil {
		at = at.AddDate(0, 0, 1)
	} else if at, err = time.Parse(time.RFC3339, text); err != nil {
		return "", fail(exitUsage, quote(text)+" is no day", "write it as 2027-01-31, as a moment such as 2027-01-31T18:00:00Z, or never")
	}
	if !at.After(now) {
		return "", fail(exitUsage, text+" is over already", "name a later day, or disable the key")
	}
	return at.Format(time.RFC3339), nil
}

// expiryText spells the end of a key as parseExpiry reads it: by its last day, where it ends with one.
func expiryText(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	at = at.Local()
	if at.Hour() == 0 && at.Minute() == 0 && at.Second() == 0 {
		return at.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return at.Format("2006-01-02 15:04")
}

func limitsText(list []settings.Limit) string {
	if len(list) == 0 {
		return "none"
	}
	words := make([]string, len(list))
	for i, l := range list {
		words[i] = l.String()
	}
	return strings.Join(words, " ")
}

// termsCells are the columns of keys list that stand there only where some key has terms.
func termsCells(all []key) (heads []string, cells func(*key) []string) {
	limited := slices.ContainsFunc(all, func(k key) bool { return len(k.Limits) > 0 })
	ends := slices.ContainsFunc(all, func(k key) bool { return !k.Expires.IsZero() })
	if limited {
		heads = append(heads, "LIMITS")
	}
	if ends {
		heads = append(heads, "EXPIRES")
	}
	return heads, func(k *key) (row []string) {
		if limited {
			row = append(row, limitsText(k.Limits))
		}
		if ends {
			row = append(row, expiryText(k.Expires.Time))
		}
		return row
	}
}

func (s *session) keysSet() *cobra.Command {
	var t terms
	c := &cobra.Command{Use: "set KEY", Short: "Change the limits of a key and when it expires", Args: s.names(1, 1, "the key"),
		Long: "Change the limits of a key and when it expires. The limits that are given take the place of all it had; what was used\n" +
			"of a limit that stays is not forgotten.\n\n" + termsHelp,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if err := t.put(body); err != nil {
				return err
			}
			if len(body) == 0 {
				return fail(exitUsage, "nothing to change was named", "give --limit, --no-limits or --expires, for example: "+s.command("keys set "+shellQuote(args[0])+" --limit requests=100/1m"))
			}
			return s.withKey(c.Context(), args[0], func(client *client, k *key) error {
				if err := client.call(c.Context(), http.MethodPatch, "/keys/"+segment(k.ID), body, nil); err != nil {
					return err
				}
				if limits, ok := body["limits"].([]settings.Limit); ok {
					s.printf("Limits of %s: %s.\n", clean(k.Name), limitsText(limits))
				}
				if t.expires == "never" {
					s.printf("%s never expires.\n", clean(k.Name))
				} else if t.expires != "" {
					s.printf("%s works through %s.\n", clean(k.Name), t.expires)
				}
				return nil
			})
		}}
	t.add(c)
	c.Flags().BoolVar(&t.none, "no-limits", false, "take all limits away")
	return c
}
