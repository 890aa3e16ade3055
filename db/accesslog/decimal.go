package accesslog

import (
	"fmt"
	"strconv"
	"strings"
)

// decimal is a JSON number as it was written: money and durations must come back to the last digit, which a float
// cannot promise.
type decimal string

// UnmarshalJSON keeps the text.
func (d *decimal) UnmarshalJSON(b []byte) error {
	if string(b) != "null" {
		*d = decimal(b)
	}
	return nil
}

// scaled is the number times 10^places; nothing written is 0.
func (d decimal) scaled(places int) (int64, error) {
	if d == "" {
		return 0, nil
	}
	whole, part, _ := strings.Cut(string(d), ".")
	if len(part) > places || len(whole) > 20 || strings.HasPrefix(whole, "+") || strings.ContainsAny(part, "+-_") {
		return 0, fmt.Errorf("%.40q is no amount with %d decimal places", string(d), places)
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", places-len(part)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is no amount with %d decimal places", string(d), places)
	}
	return n, nil
}
