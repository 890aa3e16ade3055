package dashboard

import (
	"errors"
	"net/url"
	"strings"

	"localrouter/db/settings"
)

// moveProvider runs change, which gives a provider another base URL. Its keys are for the server they were given for: those
// in the vault are forgotten before the settings name another one, or its clients would take them there. Where the change
// fails they are put back. It returns the places of the keys that are gone.
func (d *Dashboard) moveProvider(p *settings.Provider, base string, change func() error) ([]string, error) {
	if sameServer(p.BaseURL, base) {
		return nil, change()
	}
	places := []string{p.Name}
	for _, c := range p.Credentials {
		places = append(places, credentialPlace(p.Name, c.Name))
	}
	gone, held := []string{}, map[string]string{}
	for _, place := range places {
		if !d.o.Secrets.Has(place) {
			continue
		}
		key, err := d.o.Secrets.Get(place)
		if err != nil {
			return nil, err
		}
		gone, held[place] = append(gone, place), key
	}
	back := func(err error) error {
		for place, key := range held {
			err = errors.Join(err, d.o.Secrets.Put(place, key))
		}
		return err
	}
	for _, place := range gone {
		if err := d.o.Secrets.Delete(place); err != nil {
			return nil, back(err)
		}
	}
	if err := change(); err != nil {
		return nil, back(err)
	}
	return gone, nil
}

// sameServer reports whether two base URLs name the same scheme, host and port. An empty one is that of the type.
func sameServer(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	one, err := url.Parse(a)
	two, bad := url.Parse(b)
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		return map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return err == nil && bad == nil && one.Scheme == two.Scheme && strings.EqualFold(one.Hostname(), two.Hostname()) && port(one) == port(two)
}

// movedNotes tells of what goes to the new server with a provider, and what is to be done about keys that are gone.
func movedNotes(was *settings.Provider, base string, places []string) []string {
	notes := []string{}
	if from := was.APIKeyEnv + was.APIKeyFile; from != "" && !sameServer(was.BaseURL, base) {
		notes = append(notes, "The key in "+from+" goes to the new server from now on. Change it there if it is not that server's.")
	}
	for _, place := range places {
		name, credential, further := strings.Cut(place, "#")
		next := "localrouter providers set-key " + name
		what := "Its key"
		if further {
			next, what = next+" --credential "+credential, "Its key "+credential
		}
		notes = append(notes, what+" was for the server before and is forgotten. Give it one for the new server with: "+next)
	}
	return notes
}
