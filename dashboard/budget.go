package dashboard

import (
	"errors"
	"net/http"
	"time"

	"localrouter/db"
	"localrouter/providers/llm"
	"localrouter/routing/limits"
)

// moneyKeys lists all that may have spent money they have not: the machine, the routers, the keys.
func (d *Dashboard) moneyKeys() []*limits.Key {
	if d.o.Limits == nil {
		return nil
	}
	list := d.o.Limits.OfSettings()
	for _, k := range d.o.Keys.List() {
		if key := limits.OfKey(k.ID, k.Name, k.Revision, k.Limits, k.Budget); key.CountsMoney() {
			list = append(list, &key)
		}
	}
	return list
}

// moneyBanners tell of budgets and limits of cost that are used up, or nearly.
func (d *Dashboard) moneyBanners() (list []bannerView) {
	keys := d.moneyKeys()
	if keys == nil {
		return nil
	}
	for _, e := range d.o.Limits.Crossed(keys...) {
		title, text := e.Text()
		b := bannerView{Class: "warn", Shape: "warn", Title: title, Detail: text}
		if e.Percent >= 100 && e.Period != limits.Sliding && !e.Graced {
			b.Act, b.Action, b.ID = "budget-allow", "Allow an hour more", e.Account
		}
		list = append(list, b)
	}
	return list
}

// budgetJSON is a budget as the admin API tells it.
type budgetJSON struct {
	Account  string     `json:"account"` // "machine", or the key's id
	Name     string     `json:"name"`    // of the key; empty: the whole machine
	Period   string     `json:"period"`  // day or month
	Spent    float64    `json:"spent_usd"`
	Reserved float64    `json:"reserved_usd"` // by requests that run
	Of       float64    `json:"of_usd"`
	Until    time.Time  `json:"until"`         // end of the period
	Allowed  *time.Time `json:"allowed_until"` // null: no more is allowed now
	Used     bool       `json:"allowed_today"` // the hour of today was asked for
}

// showBudget tells what the machine has spent, and how all budgets stand.
func (d *Dashboard) showBudget(w http.ResponseWriter, _ *http.Request) error {
	now := d.o.Now()
	today, err := d.o.Recorder.Totals(db.Query{From: d.midnight()})
	if err != nil {
		return err
	}
	month, err := d.o.Recorder.Totals(db.Query{From: time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())})
	if err != nil {
		return err
	}
	budgets := []budgetJSON{}
	if keys := d.moneyKeys(); keys != nil {
		for _, p := range d.o.Limits.Purses(keys...) {
			b := budgetJSON{Account: p.Account, Period: p.Period.String(), Spent: usd(llm.PicoUSD(p.Spent)), Reserved: usd(llm.PicoUSD(p.Reserved)), Of: usd(llm.PicoUSD(p.Of)),
				Until: p.Until, Used: p.Graced}
			if k := d.o.Keys.Get(p.Account); k != nil {
				b.Name = k.Name
			}
			if !p.Grace.IsZero() {
				b.Allowed = &p.Grace
			}
			budgets = append(budgets, b)
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"today_usd": usd(today.Cost), "month_usd": usd(month.Cost), "budgets": budgets})
	return nil
}

// allowance is how long a budget that is used up lets requests pass when a person asks for it.
const allowance = time.Hour

// allowBudget lets the requests of a key, or of the whole machine, pass their budgets for an hour.
func (d *Dashboard) allowBudget(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Account string `json:"account"` // a key's id; empty: the machine
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if d.o.Limits == nil {
		return notFound("a budget")
	}
	who, next := "this machine", "set budget in the settings file"
	key := d.o.Limits.Machine()
	if in.Account != "" && in.Account != limits.MachineID {
		k := d.o.Keys.Get(in.Account)
		if k == nil {
			return notFound("that key")
		}
		of := limits.OfKey(k.ID, k.Name, k.Revision, k.Limits, k.Budget)
		who, next, key = "the key "+k.Name, "give it one with localrouter keys set", &of
	}
	until, err := d.o.Limits.Allow(key, allowance)
	switch {
	case errors.Is(err, limits.ErrNoBudget):
		return &problem{Status: http.StatusConflict, Code: "no_budget", Message: who + " has no budget that could be passed", NextStep: next}
	case errors.Is(err, limits.ErrAllowed):
		return &problem{Status: http.StatusConflict, Code: "allowed_already", Message: who + " was allowed its hour of today already", NextStep: "raise the budget, or wait for the next day"}
	case err != nil:
		return err
	}
	writeJSON(w, http.StatusOK, map[string]time.Time{"until": until})
	return nil
}
