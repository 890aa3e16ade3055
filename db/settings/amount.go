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

// FormatCount spells a count as ParseCount reads it, with a unit where no more than two decimals are needed.
func FormatCount(n int64) string {
	for _, u := range countUnits {
		if n >= u.size && n%(u.size/100) == 0 {
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

// Parse returns the price by tokens and requests, in exact 10^-12 USD; what is not named is as the fields say. The error
// names the field first.
func (p *Price) Parse() (llm.Price, error) {
	var n [6]llm.PicoUSD
	for i, f := range p.fields() {
		var problem, hint string
		if n[i], problem, hint = f.parse(); problem != "" {
			return llm.Price{}, fmt.Errorf("%s %s; %s", f.name, problem, hint)
		}
		if f.text == "" && f.as >= 0 {
			n[i] = n[f.as]
		}
	}
	return llm.Price{Input: n[0], Output: n[1], CacheRead: n[2], CacheWrite: n[3], CacheWriteLong: n[4], Request: n[5]}, nil
}

// priceField is one text of a Price.
type priceField struct {
	name, text string
	required   bool
	digits     int // decimals of the text that make one 10^-12 USD
	as         int // the field that an empty text is like; -1: nothing
}

func (p *Price) fields() [6]priceField {
	const perToken = picoDigits - 6 // as it is for a million tokens
	return [6]priceField{
		{"input", p.Input, true, perToken, -1},
		{"output", p.Output, true, perToken, -1},
		{"cache_read", p.CacheRead, false, perToken, 0},
		{"cache_write", p.CacheWrite, false, perToken, 0},
		{"cache_write_long", p.CacheWriteLong, false, perToken, 3},
		{"request", p.Request, false, picoDigits, -1},
	}
}

// highestPrice is in USD, for a million tokens or for one request.
const highestPrice = 10_000

func (f priceField) parse() (n llm.PicoUSD, problem, hint string) {
	switch pico, ok := parseDecimal(f.text, f.digits); {
	case f.text == "" && f.required:
		return 0, "is missing", `write it in USD for a million tokens, such as "0.15", or "0" where it is free`
	case f.text == "":
		return 0, "", ""
	case !ok || pico > highestPrice*int64(math.Pow10(f.digits)):
		return 0, "is " + quoteShort(f.text) + ", which is not a price", fmt.Sprintf("write a decimal number of USD from 0 to %d, with up to %d decimals", highestPrice, f.digits)
	default:
		return llm.PicoUSD(pico), "", ""
	}
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
