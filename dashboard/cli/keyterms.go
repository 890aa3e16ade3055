package cli

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"localrouter/db/settings"
)

// terms are the flags that say what a key may do and until when.
type terms struct {
	given func(flag string) bool

	selection, mode             string
	allow                       []string
	allowAll                    bool
	localOnly, strict, rehearse bool

	limits   []string
	none     bool // --no-limits
	budgets  []string
	noBudget bool
	expires  string
}

const termsHelp = "Which model answers:\n" +
	"  --select    what the model name \"auto\" stands for: router/NAME or PROVIDER/MODEL\n" +
	"  --mode      asked (the application names the model) or selected (the selection answers every request,\n" +
	"              for applications with a hard-wired model name)\n" +
	"  --allow     all it may use: a PROVIDER, or PROVIDER/MODEL in which * stands for any text\n\n" +
	"A limit is KIND=AMOUNT/WINDOW: at most so much in any span of that length.\n" +
	"  KIND        requests, input_tokens, output_tokens, tokens (both together) or cost (USD)\n" +
	"  WINDOW      1s to 31d, such as 1m, 1h, 1d, 7d or 30d\n" +
	"Several may stand together, each with a --limit of its own. A budget is money by the calendar of this machine: it begins\n" +
	"anew at midnight, or on the first of a month. The day given to --expires is the last on which the key works."

func (t *terms) add(c *cobra.Command) {
	f := c.Flags()
	t.given = f.Changed
	f.StringVar(&t.selection, "select", "", "`MODEL` or router, for example router/minimum-cost or ollama/llama3.3")
	f.StringVar(&t.mode, "mode", "", "`MODE` of choosing: asked or selected")
	f.StringSliceVar(&t.allow, "allow", nil, "`MODELS` it may use, for example openai/*,ollama; in place of those before")
	f.BoolVar(&t.allowAll, "allow-all", false, "it may use every model")
	f.BoolVar(&t.localOnly, "local-only", false, "nothing it sends leaves this machine (--local-only=false ends that)")
	f.BoolVar(&t.strict, "strict", false, "refuse a bare model name that several providers have")
	f.BoolVar(&t.rehearse, "rehearse", false, "it may have failures simulated (header X-LocalRouter-Simulate)")
	f.StringArrayVar(&t.limits, "limit", nil, "a `LIMIT`, for example requests=100/1m or cost=5/1d; may stand several times")
	f.StringArrayVar(&t.budgets, "budget", nil, "a `BUDGET` in USD: 20/month or 2/day; both may stand")
	f.StringVar(&t.expires, "expires", "", "the last `DAY` of the key, for example 2027-01-31, or never")
}

// put writes the terms that were given into the body of a call.
func (t *terms) put(body map[string]any) error {
	for _, part := range []func(map[string]any) error{t.putRouting, t.putLimits, t.putBudget, t.putExpiry} {
		if err := part(body); err != nil {
			return err
		}
	}
	return nil
}

func (t *terms) putRouting(body map[string]any) error {
	if t.given("select") {
		if err := settings.CheckSelection(t.selection); err != nil {
			return split(err)
		}
		body["selection"] = t.selection
	}
	if t.given("mode") {
		if t.mode != "asked" && t.mode != "selected" {
			return fail(exitUsage, quote(t.mode)+" is no mode", "give asked (the application names the model) or selected (the selection answers everything)")
		}
		body["mode"] = t.mode
	}
	allow := settings.Patterns(t.allow)
	switch {
	case t.allowAll && len(allow) > 0:
		return contradiction("--allow", "--allow-all")
	case t.given("allow") && len(allow) == 0:
		return fail(exitUsage, "--allow names no model", "give --allow-all if the key may use every model")
	case t.allowAll:
		body["allow_list"] = settings.Patterns{}
	case len(allow) > 0:
		if err := allow.Check(); err != nil {
			return split(err)
		}
		body["allow_list"] = allow
	}
	for name, value := range map[string]bool{"local-only": t.localOnly, "strict": t.strict, "rehearse": t.rehearse} {
		if t.given(name) {
			body[strings.ReplaceAll(name, "-", "_")] = value
		}
	}
	return nil
}

func (t *terms) putLimits(body map[string]any) error {
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
		return contradiction("--limit", "--no-limits")
	case t.none || len(limits) > 0:
		body["limits"] = limits
	}
	return nil
}

func (t *terms) putBudget(body map[string]any) error {
	var b settings.Budget
	for _, text := range t.budgets {
		was := b
		if err := b.Parse(text); err != nil {
			return split(err)
		}
		if was.Day > 0 && b.Day != was.Day || was.Month > 0 && b.Month != was.Month {
			return fail(exitUsage, "two budgets are for the same span", "keep one of them")
		}
	}
	switch {
	case t.noBudget && len(t.budgets) > 0:
		return contradiction("--budget", "--no-budget")
	case t.noBudget || len(t.budgets) > 0:
		body["budget"] = settings.BudgetUSD(b)
	}
	return nil
}

func (t *terms) putExpiry(body map[string]any) error {
	if t.expires == "" {
		return nil
	}
	at, err := parseExpiry(t.expires, time.Now())
	if err != nil {
		return err
	}
	body["expires"] = at
	return nil
}

func contradiction(one, other string) error {
	return fail(exitUsage, one+" and "+other+" contradict each other", "give one of them")
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

// modeText says how a key comes to its model: "asked", "selected, strict".
func modeText(k *key) string {
	words := []string{clean(cmp.Or(k.Mode, "asked"))}
	if k.Strict {
		words = append(words, "strict")
	}
	if k.Rehearse {
		words = append(words, "rehearses")
	}
	return strings.Join(words, ", ")
}

// reachText says which models a key may use.
func reachText(k *key) string {
	list := clean(strings.Join(k.AllowList, " "))
	switch {
	case list == "" && k.LocalOnly:
		return "local only"
	case list == "":
		return "all"
	case k.LocalOnly:
		return list + " (local only)"
	}
	return list
}

// column is one of keys list that stands there only where some key has something in it.
type column struct {
	head  string
	has   func(*key) bool
	value func(*key) string
}

var termsColumns = []column{
	{"MAY USE", func(k *key) bool { return len(k.AllowList) > 0 || k.LocalOnly }, reachText},
	{"LIMITS", func(k *key) bool { return len(k.Limits) > 0 }, func(k *key) string { return limitsText(k.Limits) }},
	{"BUDGET", func(k *key) bool { return k.Budget != settings.BudgetUSD{} }, func(k *key) string { return settings.Budget(k.Budget).String() }},
	{"EXPIRES", func(k *key) bool { return !k.Expires.IsZero() }, func(k *key) string { return expiryText(k.Expires.Time) }},
}

// termsCells are those of these columns that some key needs.
func termsCells(all []key) (heads []string, cells func(*key) []string) {
	needed := slices.DeleteFunc(slices.Clone(termsColumns), func(c column) bool {
		return !slices.ContainsFunc(all, func(k key) bool { return c.has(&k) })
	})
	for _, c := range needed {
		heads = append(heads, c.head)
	}
	return heads, func(k *key) (row []string) {
		for _, c := range needed {
			row = append(row, c.value(k))
		}
		return row
	}
}
