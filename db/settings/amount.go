package settings

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"localrouter/providers/llm"
)

// countUnits are the units of a count, the largest first.
var countUnits = []struct {
	name string
	size int64
}{{"T", 1e12}, {"B", 1e9}, {"M", 1e6}, {"K", 1e3}}

// highestCount bounds a count: a thousand trillion.
const highestCount = int64(1e15)

// ParseCount reads a number as people write the size of a model: "7B", "1.5b", "500M", "360K", "1T" or all its digits.
func ParseCount(text string) (int64, error) {
	number, digits := strings.TrimSpace(text), 0
	for _, u := range countUnits {
		if last := len(number) - 1; last >= 0 && strings.EqualFold(number[last:], u.name) {
			number, digits = strings.TrimSpace(number[:last]), len(strconv.FormatInt(u.size, 10))-1
			break
		}
	}
	n, ok := parseDecimal(number, digits)
	if !ok || n > highestCount {
		return 0, fmt.Errorf("%s is not a count from 0 to 1000T; write it as 7B or 500M", quoteShort(text))
	}
	return n, nil
}

// FormatCount spells a count as ParseCount reads it, with a unit where no more than three decimals are needed.
func FormatCount(n int64) string {
	for _, u := range countUnits {
		if n >= u.size && n%(u.size/1000) == 0 {
			return formatDecimal(n, u.size) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// ParseUSD reads an amount of US dollars, such as "5", "0.25" or "$3", to 10^-12 USD. It is no less than zero and no
// more than 100,000 USD, and exact: what is finer than 10^-12 USD is refused.
func ParseUSD(text string) (int64, error) {
	n, ok := parseDecimal(strings.TrimPrefix(strings.TrimSpace(text), "$"), picoDigits)
	if !ok || n > highestCost*int64(llm.USD) {
		return 0, fmt.Errorf("%s is not an amount of money: it is in USD, from 0 to %d, such as 5 or 0.25", quoteShort(text), highestCost)
	}
	return n, nil
}

// FormatUSD spells 10^-12 USD as a decimal of dollars.
func FormatUSD(n int64) string { return formatDecimal(n, int64(llm.USD)) }

// Parse returns the price by tokens and requests, in exact 10^-12 USD. What has no price of its own follows the rules of
// the fields. The error names the field first.
func (p *Price) Parse() (llm.Price, error) {
	var out llm.Price
	for _, f := range p.fields(&out) {
		var err error
		if *f.out, err = f.parse(); err != nil {
			return llm.Price{}, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return out, nil
}

// priceField is one text of a Price and where its value goes.
type priceField struct {
	name, text string
	optional   bool
	digits     int // decimals of the text that make one 10^-12 USD
	other      *llm.PicoUSD
	out        *llm.PicoUSD
}

// fields lists the texts of p in the order in which one stands in for another.
func (p *Price) fields(out *llm.Price) []priceField {
	const perToken = picoDigits - 6 // for a million tokens
	zero := new(llm.PicoUSD)
	return []priceField{
		{"input", p.Input, false, perToken, nil, &out.Input},
		{"output", p.Output, false, perToken, nil, &out.Output},
		{"cache_read", p.CacheRead, true, perToken, &out.Input, &out.CacheRead},
		{"cache_write", p.CacheWrite, true, perToken, &out.Input, &out.CacheWrite},
		{"cache_write_long", p.CacheWriteLong, true, perToken, &out.CacheWrite, &out.CacheWriteLong},
		{"request", p.Request, true, picoDigits, zero, &out.Request},
	}
}

// highestPrice is in USD, for a million tokens or for one request.
const highestPrice = 10_000

func (f *priceField) parse() (llm.PicoUSD, error) {
	switch {
	case f.text == "" && f.optional:
		return *f.other, nil
	case f.text == "":
		return 0, fmt.Errorf("is missing; write it in USD for a million tokens, such as \"0.15\"; \"0\" is free")
	}
	n, ok := parseDecimal(f.text, f.digits)
	if !ok || n > highestPrice*int64(math.Pow10(f.digits)) {
		return 0, fmt.Errorf("%s is not a price; write it as a decimal number of USD, from 0 to %d with up to %d decimals, such as \"0.15\"", quoteShort(f.text), highestPrice, f.digits)
	}
	return llm.PicoUSD(n), nil
}

// parseDecimal reads a decimal number, without sign or exponent, times 10 to the power of digits. It is not ok where the
// result is not whole, or no int64.
func parseDecimal(text string, digits int) (n int64, ok bool) {
	whole, part, _ := strings.Cut(text, ".")
	if whole == "" && part == "" {
		return 0, false
	}
	if len(part) > digits {
		part = part[:digits] + strings.TrimRight(part[digits:], "0")
	}
	u, err := strconv.ParseUint(whole+part+strings.Repeat("0", max(0, digits-len(part))), 10, 63)
	return int64(u), err == nil && len(part) <= digits
}

// formatDecimal spells n/unit, which is a power of ten, without needless zeros.
func formatDecimal(n, unit int64) string {
	s := strconv.FormatInt(n/unit, 10)
	if rest := n % unit; rest != 0 {
		digits := len(strconv.FormatInt(unit, 10)) - 1
		s += "." + strings.TrimRight(fmt.Sprintf("%0*d", digits, rest), "0")
	}
	return s
}
