package dashboard

import (
	"cmp"
	"fmt"

	"localrouter/db"
	"localrouter/db/settings"
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

// Choice is something a key can select, in words for a menu.
type Choice struct {
	Selection string // router/minimum-cost, ollama/llama3.3
	Label     string // "Router: Minimum Cost", "ollama > llama3.3"
	Provider  string // of a model; empty for a router
}

// Choices lists what a key can select: the routers, then the models that talk, by provider.
func (d *Dashboard) Choices() (list []Choice) {
	for _, r := range d.o.Settings.Get().Routers {
		list = append(list, Choice{Selection: settings.RouterPrefix + r.Name, Label: "Router: " + cmp.Or(r.Title, r.Name)})
	}
	for _, s := range d.o.Providers.Sources().List {
		for i := range s.Models {
			if m := &s.Models[i]; talks(m) {
				list = append(list, Choice{s.Name + "/" + m.ID, s.Name + " > " + m.ID, s.Name})
			}
		}
	}
	return list
}
