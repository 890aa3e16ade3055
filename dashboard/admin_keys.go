package dashboard

import (
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"localrouter/db"
	"localrouter/db/settings"
)

// keyJSON is a key as the admin API tells it: all but its secret.
type keyJSON struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Prefix   string     `json:"prefix"`
	Created  time.Time  `json:"created"`
	LastUsed *time.Time `json:"last_used"` // null: never
	Enabled  bool       `json:"enabled"`
	Internal bool       `json:"internal"`

	Selection string             `json:"selection"`
	Mode      string             `json:"mode"`
	AllowList settings.Patterns  `json:"allow_list"` // empty: all
	LocalOnly bool               `json:"local_only"`
	Strict    bool               `json:"strict"`
	Rehearse  bool               `json:"rehearse"`
	Limits    []settings.Limit   `json:"limits"`
	Budget    settings.BudgetUSD `json:"budget"`
	Expires   *time.Time         `json:"expires"` // null: never
}

func keyOut(k *db.Key) keyJSON {
	out := keyJSON{ID: k.ID, Name: k.Name, Prefix: k.Prefix, Created: k.Created, Enabled: !k.Disabled, Internal: k.Internal,
		Selection: k.Selection, Mode: k.Mode, AllowList: append(settings.Patterns{}, k.AllowList...), LocalOnly: k.LocalOnly, Strict: k.Strict, Rehearse: k.Rehearse,
		Limits: append([]settings.Limit{}, k.Limits...), Budget: settings.BudgetUSD(k.Budget)}
	if !k.LastUsed.IsZero() {
		out.LastUsed = &k.LastUsed
	}
	if !k.Expires.IsZero() {
		out.Expires = &k.Expires
	}
	return out
}

func (d *Dashboard) listKeys(w http.ResponseWriter, _ *http.Request) error {
	list := []keyJSON{}
	for _, k := range d.o.Keys.List() {
		list = append(list, keyOut(k))
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": list})
	return nil
}

// makeKey reads the wanted name and terms and makes the key.
func (d *Dashboard) makeKey(w http.ResponseWriter, r *http.Request) (*db.Key, string, error) {
	var in struct {
		Name string `json:"name"`
		keyTerms
	}
	if err := readJSON(w, r, &in); err != nil {
		return nil, "", err
	}
	if err := d.checkTerms(&in.keyTerms); err != nil {
		return nil, "", err
	}
	var terms db.KeyTerms
	in.apply(&terms)
	key, token, err := d.o.Keys.CreateWith(in.Name, terms)
	return key, token, explain(err)
}

func (d *Dashboard) createKey(w http.ResponseWriter, r *http.Request) error {
	key, token, err := d.makeKey(w, r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, map[string]any{"id": key.ID, "name": key.Name, "prefix": key.Prefix, "key": token, "notes": d.keyNotes(key)})
	return nil
}

func (d *Dashboard) internalKey(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Name != "demo" { // other names come with the parts of the program that use them
		return notFound("an internal key of that name")
	}
	_, token, err := d.o.Keys.Internal(in.Name)
	if err != nil {
		return explain(err)
	}
	writeJSON(w, http.StatusOK, map[string]string{"key": token})
	return nil
}

func (d *Dashboard) changeKey(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name    *string `json:"name"`
		Enabled *bool   `json:"enabled"`
		keyTerms
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	id := mux.Vars(r)["id"]
	if in.Name == nil && in.Enabled == nil && in.keyTerms == (keyTerms{}) {
		return &problem{Status: http.StatusBadRequest, Message: "nothing to change was named", NextStep: "send name, enabled or one of the terms, such as selection, limits or expires"}
	}
	if err := d.checkTerms(&in.keyTerms); err != nil {
		return err
	}
	change := db.KeyChange{Name: in.Name, Enabled: in.Enabled}
	if in.keyTerms != (keyTerms{}) {
		change.Terms = in.apply
	}
	if err := d.o.Keys.Change(id, change); err != nil {
		return explain(err)
	}
	if k := d.o.Keys.Get(id); k != nil {
		writeJSON(w, http.StatusOK, struct {
			keyJSON
			Notes []string `json:"notes"`
		}{keyOut(k), d.keyNotes(k)})
		return nil
	}
	return notFound("that key")
}

func (d *Dashboard) regenerateKey(w http.ResponseWriter, r *http.Request) error {
	token, err := d.o.Keys.Regenerate(mux.Vars(r)["id"])
	if err != nil {
		return explain(err)
	}
	writeJSON(w, http.StatusOK, map[string]string{"key": token})
	return nil
}

func (d *Dashboard) deleteKey(w http.ResponseWriter, r *http.Request) error {
	if err := d.o.Keys.Delete(mux.Vars(r)["id"]); err != nil {
		return explain(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
