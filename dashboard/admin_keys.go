package dashboard

import (
	"fmt"
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

	Limits  []settings.Limit `json:"limits"`
	Expires *time.Time       `json:"expires"` // null: never
}

func keyOut(k *db.Key) keyJSON {
	out := keyJSON{ID: k.ID, Name: k.Name, Prefix: k.Prefix, Created: k.Created, Enabled: !k.Disabled, Internal: k.Internal,
		Limits: append([]settings.Limit{}, k.Limits...)}
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

// makeKey reads the wanted name and terms and makes the key.
func (d *Dashboard) makeKey(w http.ResponseWriter, r *http.Request) (*db.Key, string, error) {
	var in struct {
		Name    string           `json:"name"`
		Limits  []settings.Limit `json:"limits"`
		Expires expiry           `json:"expires"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return nil, "", err
	}
	key, token, err := d.o.Keys.CreateWith(in.Name, db.KeyTerms{Limits: in.Limits, Expires: in.Expires.at})
	return key, token, explain(err)
}

func (d *Dashboard) createKey(w http.ResponseWriter, r *http.Request) error {
	key, token, err := d.makeKey(w, r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, map[string]string{"id": key.ID, "name": key.Name, "prefix": key.Prefix, "key": token})
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
		// Limits takes the place of all there were.
		Limits  *[]settings.Limit `json:"limits"`
		Expires *expiry           `json:"expires"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	id := mux.Vars(r)["id"]
	if in.Name == nil && in.Enabled == nil && in.Limits == nil && in.Expires == nil {
		return &problem{Status: http.StatusBadRequest, Message: "nothing to change was named", NextStep: "send name, enabled, limits or expires"}
	}
	if in.Limits != nil {
		if err := d.o.Keys.SetLimits(id, *in.Limits); err != nil {
			return explain(err)
		}
	}
	if in.Expires != nil {
		if err := d.o.Keys.SetExpiry(id, in.Expires.at); err != nil {
			return explain(err)
		}
	}
	if in.Name != nil {
		if err := d.o.Keys.Rename(id, *in.Name); err != nil {
			return explain(err)
		}
	}
	if in.Enabled != nil {
		if err := d.o.Keys.SetEnabled(id, *in.Enabled); err != nil {
			return explain(err)
		}
	}
	if k := d.o.Keys.Get(id); k != nil {
		writeJSON(w, http.StatusOK, keyOut(k))
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
