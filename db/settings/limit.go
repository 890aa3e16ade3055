package settings

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LimitKind is what a limit counts.
type LimitKind uint8

// The kinds of limits.
const (
	LimitRequests LimitKind = iota
	LimitInput              // tokens, cached ones included
	LimitOutput             // tokens, reasoning included
	LimitTokens             // input and output together
	LimitCost               // US dollars
	LimitKinds    = iota    // how many kinds there are
)

var limitNames = [LimitKinds]string{"requests", "input_tokens", "output_tokens", "tokens", "cost"}

func (k LimitKind) String() string { return limitNames[k] }

// The bounds of a limit.
const (
	ShortestWindow = time.Second
	LongestWindow  = 31 * 24 * time.Hour
	MostLimits     = 20 // of one key or router: five kinds in four windows

	picoDigits  = 12
	highestCost = 100_000 // USD
	highestSum  = int64(1_000_000_000_000)
)

// Limit bounds how much of one thing may pass in any span of time of one length.
type Limit struct {
	Kind   LimitKind
	Amount int64 // requests, tokens, or 10^-12 USD
	Window time.Duration
}

const limitExample = "; write KIND=AMOUNT/WINDOW, for example requests=100/1m, tokens=200000/1h or cost=5/1d (in USD)"

// ParseLimit reads what String writes: "requests=100/1m".
func ParseLimit(text string) (Limit, error) {
	kind, rest, ok := strings.Cut(text, "=")
	amount, window, both := strings.Cut(rest, "/")
	if !ok || !both {
		return Limit{}, fmt.Errorf("the limit %q is not complete%s", text, limitExample)
	}
	return NewLimit(kind, amount, window)
}

// NewLimit reads the three parts of a limit.
func NewLimit(kind, amount, window string) (l Limit, err error) {
	if l.Kind, err = parseKind(kind); err != nil {
		return l, err
	}
	if l.Amount, err = parseAmount(l.Kind, strings.TrimSpace(amount)); err != nil {
		return l, err
	}
	l.Window, err = parseWindow(strings.TrimSpace(window))
	return l, err
}

func parseKind(text string) (LimitKind, error) {
	name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), "-", "_")
	if name == "total_tokens" {
		name = limitNames[LimitTokens]
	}
	at := slices.Index(limitNames[:], name)
	if at < 0 {
		return 0, fmt.Errorf("a limit counts %s, not %q%s", strings.Join(limitNames[:], ", "), text, limitExample)
	}
	return LimitKind(at), nil
}

func parseAmount(kind LimitKind, text string) (int64, error) {
	if kind != LimitCost {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || n > highestSum {
			return 0, fmt.Errorf("%q is no amount of %s: it is a whole number from 1 to %d%s", text, kind, highestSum, limitExample)
		}
		return n, nil
	}
	n, ok := parseDecimal(strings.TrimPrefix(text, "$"), picoDigits)
	if !ok || n == 0 || n > highestCost*1e12 {
		return 0, fmt.Errorf("%q is no amount of money: it is in USD, above 0 and up to %d, such as 5 or 0.25%s", text, highestCost, limitExample)
	}
	return n, nil
}

// windowUnits are the units of a window, the longest first.
var windowUnits = []struct {
	name string
	span time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

func parseWindow(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is no window: it is a time from 1s to 31d in whole s, m, h, d or w, such as 1m, 1h30m, 1d or 30d%s", text, limitExample)
	var sum time.Duration
	for rest := text; rest != ""; {
		end := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' })
		if end < 1 {
			return 0, wrong
		}
		n, err := strconv.ParseUint(rest[:end], 10, 24)
		unit := unitSpan(rest[end])
		if err != nil || unit == 0 {
			return 0, wrong
		}
		if sum += time.Duration(n) * unit; sum > LongestWindow || n > uint64(LongestWindow/unit) {
			return 0, wrong
		}
		rest = rest[end+1:]
	}
	if sum < ShortestWindow {
		return 0, wrong
	}
	return sum, nil
}

func unitSpan(c byte) time.Duration {
	if c == 'w' {
		return 7 * 24 * time.Hour
	}
	for _, u := range windowUnits {
		if u.name[0] == c {
			return u.span
		}
	}
	return 0
}

// String spells a limit as ParseLimit reads it.
func (l Limit) String() string {
	return l.Kind.String() + "=" + l.AmountText(l.Amount) + "/" + l.WindowText()
}

// AmountText spells an amount of what l counts: a whole number, or US dollars as a decimal.
func (l Limit) AmountText(n int64) string {
	if l.Kind != LimitCost {
		return strconv.FormatInt(n, 10)
	}
	return FormatUSD(n)
}

// WindowText spells the window: "1m", "1h30m", "7d".
func (l Limit) WindowText() string {
	var b strings.Builder
	left := l.Window
	for _, u := range windowUnits {
		if n := left / u.span; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			left -= n * u.span
		}
	}
	return b.String()
}

// limitJSON is a limit in the key records and the admin API.
type limitJSON struct {
	Kind   string      `json:"kind"`
	Limit  json.Number `json:"limit"`
	Window string      `json:"window"`
}

// MarshalJSON writes {"kind":"cost","limit":0.5,"window":"1d"}.
func (l Limit) MarshalJSON() ([]byte, error) {
	return json.Marshal(limitJSON{l.Kind.String(), json.Number(l.AmountText(l.Amount)), l.WindowText()})
}

// UnmarshalJSON reads and checks what MarshalJSON writes.
func (l *Limit) UnmarshalJSON(data []byte) error {
	var in limitJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	var err error
	*l, err = NewLimit(in.Kind, in.Limit.String(), in.Window)
	return err
}

// limitFields is a limit in the settings file, where {kind: requests, limit: 100, window: 1m} and requests=100/1m say
// the same.
type limitFields struct {
	Kind   string `yaml:"kind"`
	Limit  string `yaml:"limit" unit:"bare"`
	Window string `yaml:"window" unit:"bare"`
}

func (l Limit) fields() limitFields {
	return limitFields{l.Kind.String(), l.AmountText(l.Amount), l.WindowText()}
}

// CheckLimits checks a whole list: how many there are, and that none stands twice.
func CheckLimits(list []Limit) error {
	if len(list) > MostLimits {
		return fmt.Errorf("%d limits are too many; keep up to %d", len(list), MostLimits)
	}
	for i, l := range list {
		for _, other := range list[:i] {
			if l.Kind == other.Kind && l.Window == other.Window {
				return fmt.Errorf("two limits count %s in %s; keep one of them", l.Kind, l.WindowText())
			}
		}
	}
	return nil
}
