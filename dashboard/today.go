package dashboard

import (
	"fmt"

	"localrouter/db"
)

// Today sums up the person's day in the words of the page, for the tray: "312 requests, 1.2 M tokens, $0.84 today".
// Empty while the figures cannot be read.
func (d *Dashboard) Today() string {
	today, err := d.o.Recorder.Totals(db.Query{From: d.midnight()})
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s, %s tokens, %s today", plural(int(today.Requests), "request"), formatTokens(today.Tokens.Total()), formatSum(today.Cost))
}
