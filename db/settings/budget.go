package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

const budgetExample = "; write AMOUNT/day or AMOUNT/month in USD, for example 2/day or 20/month"

// Parse reads one bound into b, as "20/month" or "$0.50/day". The other one stays.
func (b *Budget) Parse(text string) error {
	amount, span, _ := strings.Cut(text, "/")
	n, err := parseAmount(LimitCost, strings.TrimSpace(amount))
	if err != nil {
		return fmt.Errorf("%q is no budget: the amount is in USD, above 0 and up to %d%s", text, highestCost, budgetExample)
	}
	switch strings.ToLower(strings.TrimSpace(span)) {
	case "day", "1d", "d":
		b.Day = n
	case "month", "mo":
		b.Month = n
	default:
		return fmt.Errorf("the budget %q names no day or month%s", text, budgetExample)
	}
	return nil
}

// Check reports what is wrong with the amounts.
func (b Budget) Check() error {
	for _, n := range []int64{b.Day, b.Month} {
		if n < 0 || n > highestCost*1e12 {
			return fmt.Errorf("a budget is from 0 (none) to %d USD%s", highestCost, budgetExample)
		}
	}
	return nil
}

// String spells the bounds as Parse reads them, "2/day 20/month"; "none" where there is none.
func (b Budget) String() string {
	var words []string
	if b.Day > 0 {
		words = append(words, FormatUSD(b.Day)+"/day")
	}
	if b.Month > 0 {
		words = append(words, FormatUSD(b.Month)+"/month")
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
}

// BudgetUSD is a Budget whose JSON holds US dollars, {"day":2,"month":20}, as the admin API spells all money. What is
// not named, or 0, is no bound.
type BudgetUSD Budget

type budgetJSON struct {
	Day   json.Number `json:"day,omitempty"`
	Month json.Number `json:"month,omitempty"`
}

// MarshalJSON writes the amounts without rounding.
func (b BudgetUSD) MarshalJSON() ([]byte, error) {
	var out budgetJSON
	if b.Day > 0 {
		out.Day = json.Number(FormatUSD(b.Day))
	}
	if b.Month > 0 {
		out.Month = json.Number(FormatUSD(b.Month))
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads and checks what MarshalJSON writes.
func (b *BudgetUSD) UnmarshalJSON(data []byte) error {
	var in budgetJSON
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields() // a span that is not known would be no bound at all
	if err := strict.Decode(&in); err != nil {
		return fmt.Errorf("this is no budget: %w%s", err, `; write {"day":2,"month":20}`)
	}
	*b = BudgetUSD{}
	for _, part := range []struct {
		amount json.Number
		into   *int64
	}{{in.Day, &b.Day}, {in.Month, &b.Month}} {
		if part.amount == "" || part.amount == "0" {
			continue
		}
		n, err := parseAmount(LimitCost, part.amount.String())
		if err != nil {
			return fmt.Errorf("%s is no budget: it is in USD, above 0 and up to %d%s", part.amount, highestCost, budgetExample)
		}
		*part.into = n
	}
	return nil
}
