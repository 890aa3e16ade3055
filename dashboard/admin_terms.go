package dashboard

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"localrouter/db"
	"localrouter/db/settings"
)

// keyTerms are the terms of a key as they are asked for; nil leaves one as it is.
type keyTerms struct {
	Selection *string `json:"selection"`
	Mode      *string `json:"mode"`
	// AllowList and Limits take the place of all there were; empty is everything, and no limit.
	AllowList *settings.Patterns  `json:"allow_list"`
	LocalOnly *bool               `json:"local_only"`
	Strict    *bool               `json:"strict"`
	Rehearse  *bool               `json:"rehearse"`
	Limits    *[]settings.Limit   `json:"limits"`
	Budget    *settings.BudgetUSD `json:"budget"`
	Expires   *expiry             `json:"expires"`
}

// expiry is when a key ends, as it is asked for: RFC 3339, or "never".
type expiry struct{ at time.Time }

func (e *expiry) UnmarshalText(text []byte) error {
	if string(text) == "never" {
		e.at = time.Time{}
		return nil
	}
	if err := e.at.UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is no end of a key; write a time such as 2027-01-31T00:00:00Z, or never", text)
	}
	return nil
}

// apply writes what is asked for into t.
func (in *keyTerms) apply(t *db.KeyTerms) {
	set(&t.Selection, in.Selection)
	set(&t.Mode, in.Mode)
	set(&t.AllowList, in.AllowList)
	set(&t.LocalOnly, in.LocalOnly)
	set(&t.Strict, in.Strict)
	set(&t.Rehearse, in.Rehearse)
	set(&t.Limits, in.Limits)
	if in.Budget != nil {
		t.Budget = settings.Budget(*in.Budget)
	}
	if in.Expires != nil {
		t.Expires = in.Expires.at
	}
}

func set[T any](into, value *T) {
	if value != nil {
		*into = *value
	}
}

// checkTerms refuses what names a router or a provider that is not there: a name spelled wrong must not make a key that
// reaches nothing.
func (d *Dashboard) checkTerms(in *keyTerms) error {
	s, own := d.o.Settings.Get(), d.builtIn()
	if in.Selection != nil {
		if err := s.CheckSelection(*in.Selection, own...); err != nil {
			return unprocessable(err)
		}
	}
	if in.AllowList != nil {
		if err := in.AllowList.Check(); err != nil {
			return unprocessable(err)
		}
		for _, name := range in.AllowList.Providers() {
			if err := s.CheckProvider(name, own...); err != nil {
				return unprocessable(err)
			}
		}
	}
	return nil
}

// builtIn lists the providers that are there without being in the settings: the demo.
func (d *Dashboard) builtIn() (names []string) {
	for _, s := range d.o.Providers.Sources().List {
		names = append(names, s.Name)
	}
	return names
}

// unprocessable makes an answer of an error that says what to do behind a semicolon.
func unprocessable(err error) error {
	what, next, both := strings.Cut(err.Error(), "; ")
	if !both {
		next = "correct it and try again"
	}
	return &problem{Status: http.StatusUnprocessableEntity, Message: what, NextStep: next}
}

// keyNotes are sentences on what will not work as it stands, though nothing of it is wrong.
func (d *Dashboard) keyNotes(k *db.Key) []string {
	notes := []string{}
	note := func(format string, a ...any) { notes = append(notes, fmt.Sprintf(format, a...)) }
	when := `where an application asks for "auto"`
	if k.Mode == db.ModeSelected {
		when = "with every request"
	}
	sources := d.o.Providers.Sources()
	if err := d.o.Settings.Get().CheckSelection(k.Selection, d.builtIn()...); err != nil {
		note("%s is not there, so %s is refused %s.", k.Selection, k.Name, when)
		return notes
	}
	if strings.HasPrefix(k.Selection, settings.RouterPrefix) {
		return notes
	}
	name, id, _ := strings.Cut(k.Selection, "/")
	if len(k.AllowList) > 0 && !k.AllowList.Match(name, id) {
		note("%s is not among what %s may use, so it is refused %s.", k.Selection, k.Name, when)
	}
	src := sources.Named(name)
	if src == nil {
		return notes
	}
	if k.LocalOnly && !src.RunsHere(id) {
		note("%s is not on this machine and %s is for local models only, so it is refused %s.", k.Selection, k.Name, when)
	}
	if _, ok := src.Model(id); src.Listed && !ok {
		note("%s does not list %s; it is asked for it all the same.", name, id)
	}
	return notes
}
