package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"localrouter/db/secret"
	"localrouter/db/settings"
	"localrouter/providers"
	"localrouter/providers/llm"
	"localrouter/routing/health"
)

// providerJSON is a provider as the admin API tells it. Credentials never leave the vault.
type providerJSON struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	BaseURL string `json:"base_url"`
	Enabled bool   `json:"enabled"`
	Local   bool   `json:"local"`
	State   string `json:"state"`
	Detail  string `json:"detail"` // why it stands so, in words
	// Cause is why requests are kept away, and WaitSeconds for how long; empty and 0 where they are not.
	Cause           string      `json:"cause"`
	WaitSeconds     float64     `json:"wait_seconds"`
	LatencyMS       float64     `json:"latency_ms"` // of its model list
	FirstTokenMS    float64     `json:"first_token_ms"`
	TokensPerSecond float64     `json:"tokens_per_second"`
	Running         int         `json:"running"`
	Waiting         int         `json:"waiting"`
	MaxParallel     int         `json:"max_parallel"` // 0: no bound
	Plan            llm.Billing `json:"plan"`         // empty: by use
	Credentials     []string    `json:"credentials"`  // names of those beside the first
	Models          int         `json:"models"`
	Rests           []restJSON  `json:"rests"`
}

// restJSON is a model or a credential that rests.
type restJSON struct {
	Model       string  `json:"model"`
	Credential  string  `json:"credential"`
	Cause       string  `json:"cause"`
	WaitSeconds float64 `json:"wait_seconds"`
	Detail      string  `json:"detail"`
}

func (d *Dashboard) listProviders(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]any{"providers": d.providersOut()})
	return nil
}

// providersOut joins what the registry knows of the providers by asking them with what their requests tell.
func (d *Dashboard) providersOut() []providerJSON {
	list := []providerJSON{}
	conf := d.o.Settings.Get()
	for _, p := range d.o.Providers.Status() {
		out := providerJSON{Name: p.Name, Type: p.Type, BaseURL: p.BaseURL, Enabled: p.Enabled, Local: p.Local, State: string(p.State), Detail: p.Detail,
			LatencyMS: milliseconds(p.Latency), Models: p.Models, Credentials: []string{}, Rests: []restJSON{}}
		if c := conf.Provider(p.Name); c != nil {
			out.MaxParallel, out.Plan = c.MaxParallel, c.Plan
			for i := range c.Credentials {
				out.Credentials = append(out.Credentials, c.Credentials[i].Name)
			}
		}
		if d.o.Health != nil && p.Enabled {
			d.addHealth(&out)
		}
		for _, k := range p.Keys {
			name := cmp.Or(k.Name, firstKey)
			if k.Problem != "" && !slices.ContainsFunc(out.Rests, func(r restJSON) bool { return r.Model == "" && r.Credential == name }) {
				out.Rests = append(out.Rests, restJSON{Credential: name, Detail: k.Problem})
			}
		}
		list = append(list, out)
	}
	return list
}

// standings are the providers by name.
func (d *Dashboard) standings() map[string]providerJSON {
	byName := map[string]providerJSON{}
	for _, p := range d.providersOut() {
		byName[p.Name] = p
	}
	return byName
}

func milliseconds(t time.Duration) float64 { return float64(t.Microseconds()) / 1000 }

// addHealth adds what the requests tell. What keeps them away goes over what the last check found; else the worse holds.
func (d *Dashboard) addHealth(out *providerJSON) {
	h, now := d.o.Health.Report(out.Name), d.o.Now()
	out.Running, out.Waiting = h.Running, h.Waiting
	out.FirstTokenMS, out.TokensPerSecond = milliseconds(h.FirstToken), h.TokensPerSecond
	if worse(string(h.State), out.State) || h.Until.After(now) || h.Trial {
		out.State, out.Cause, out.WaitSeconds = string(h.State), string(h.Cause), waitSeconds(h.Until, now)
		if words := causeWords(h.Cause, h.Trial, h.Failures); words != "" {
			out.Detail = words + leftWords(h.Until, now)
		}
	}
	if d.o.Settings.Get().Offline && !out.Local {
		out.Cause, out.Detail = string(causeOffline), causeWords(causeOffline, false, 0)
	}
	for _, r := range h.Rests {
		out.Rests = append(out.Rests, restJSON{r.Model, d.credentialName(out.Name, r.Credential), string(r.Cause), waitSeconds(r.Until, now),
			causeWords(r.Cause, r.Trial, 0) + leftWords(r.Until, now)})
	}
}

func waitSeconds(until, now time.Time) float64 { return max(0, until.Sub(now).Seconds()) }

// firstKey is what that one of several keys of a provider is called which has no name.
const firstKey = "first"

// credentialName is the name of a provider's credential; empty where it has one only.
func (d *Dashboard) credentialName(provider, id string) string {
	src := d.o.Providers.Sources().Named(provider)
	if src == nil {
		return ""
	}
	for i, c := range src.Credentials {
		switch {
		case c.ID != id:
		case c.Name == "" && i == 0 && len(src.Credentials) > 1:
			return firstKey
		default:
			return c.Name
		}
	}
	return ""
}

// worse reports whether state a is worse than b. What was not asked yet is no worse than healthy.
func worse(a, b string) bool {
	rank := map[string]int{string(providers.Degraded): 1, string(providers.Unhealthy): 2}
	return rank[a] > rank[b]
}

// causes are the causes for people.
var causes = map[health.Cause]string{health.BreakerOpen: "resting after failures", health.RateLimited: "rate limited", health.QuotaUsed: "quota used up",
	health.KeyRefused: "key refused", health.ModelUnknown: "the provider does not know it", health.Trying: "one request tries whether it is back",
	health.Unreachable: "not reachable", health.Slow: "slow", health.Failing: "requests fail",
	health.Busy: "busy", health.WarmingUp: "warming up", causeOffline: "offline mode"}

// causeOffline is the cause of a provider on the internet while only local ones may be asked.
const causeOffline health.Cause = "offline"

// causeWords says why requests are kept away: "resting after 5 failures".
func causeWords(cause health.Cause, trial bool, failures int) string {
	switch {
	case trial:
		return causes[health.Trying]
	case cause == health.BreakerOpen && failures > 1:
		return fmt.Sprintf("resting after %d failures", failures)
	}
	return causes[cause]
}

// leftWords is the countdown behind a cause; empty where there is none.
func leftWords(until, now time.Time) string {
	left := until.Sub(now)
	switch {
	case left <= 0:
		return ""
	case left <= 90*time.Second:
		return fmt.Sprintf(", %d s left", int((left+time.Second-1)/time.Second))
	}
	return fmt.Sprintf(", %d min left", int((left+time.Minute-1)/time.Minute))
}

// retryProvider ends the waiting at a provider: the next request tries it.
func (d *Dashboard) retryProvider(w http.ResponseWriter, r *http.Request) error {
	name := mux.Vars(r)["name"]
	if !slices.ContainsFunc(d.o.Providers.Status(), func(p providers.Status) bool { return p.Name == name }) {
		return noProvider(name)
	}
	if d.o.Health != nil {
		d.o.Health.Retry(name)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *Dashboard) addProvider(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name      string `json:"name"`
		Type      string `json:"type"`
		BaseURL   string `json:"base_url"`
		APIKeyEnv string `json:"api_key_env"`
		APIKey    string `json:"api_key"`

		Plan        llm.Billing `json:"plan"`
		MaxParallel int         `json:"max_parallel"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.APIKey != "" && in.APIKeyEnv != "" {
		return &problem{Status: http.StatusBadRequest, Message: "both a key and a variable that holds one were given", NextStep: "give one of the two"}
	}
	if d.o.Settings.Get().Provider(in.Name) != nil {
		return taken(in.Name)
	}
	p := settings.NewProvider(in.Name, in.Type)
	p.BaseURL, p.APIKeyEnv, p.Plan, p.MaxParallel = in.BaseURL, in.APIKeyEnv, in.Plan, in.MaxParallel
	trial := d.o.Settings.Get().Clone() // a name that is refused must leave no credential behind
	trial.Providers = append(trial.Providers, p)
	if err := trial.Validate(); err != nil {
		return explain(err)
	}
	// The credential goes first: the registry looks for it as soon as the settings name the provider.
	if in.APIKey != "" {
		if err := d.o.Secrets.Put(in.Name, strings.TrimSpace(in.APIKey)); err != nil {
			return explainVault(err)
		}
	}
	err := d.o.Settings.Update(func(s *settings.Settings) error {
		if s.Provider(in.Name) != nil {
			return taken(in.Name)
		}
		s.Providers = append(s.Providers, p)
		return nil
	})
	if err != nil {
		if in.APIKey != "" && d.o.Settings.Get().Provider(in.Name) == nil {
			err = errors.Join(err, d.o.Secrets.Delete(in.Name))
		}
		return explain(err)
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

func taken(name string) error {
	return &problem{Status: http.StatusConflict, Message: "there is a provider named " + name + " already", NextStep: "choose another name, or delete that one first"}
}

// changeProvider changes what is named of a provider.
func (d *Dashboard) changeProvider(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		BaseURL     *string      `json:"base_url"`
		Enabled     *bool        `json:"enabled"`
		Local       *bool        `json:"local"`
		Plan        *llm.Billing `json:"plan"`
		MaxParallel *int         `json:"max_parallel"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	name := mux.Vars(r)["name"]
	apply := func(s *settings.Settings) error {
		p := s.Provider(name)
		if p == nil {
			return noProvider(name)
		}
		set(&p.BaseURL, in.BaseURL)
		set(&p.Enabled, in.Enabled)
		if in.Local != nil {
			p.Local = in.Local
		}
		set(&p.Plan, in.Plan)
		set(&p.MaxParallel, in.MaxParallel)
		return nil
	}
	change := func() error { return d.o.Settings.Update(apply) }
	notes := []string{}
	if was := d.o.Settings.Get().Provider(name); was != nil && in.BaseURL != nil {
		gone, err := d.moveProvider(was, *in.BaseURL, change)
		if err != nil {
			return explainVault(err)
		}
		notes = movedNotes(was, *in.BaseURL, gone)
	} else if err := change(); err != nil {
		return explain(err)
	}
	writeJSON(w, http.StatusOK, map[string][]string{"notes": notes})
	return nil
}

// setProviderKey stores a provider's key, or a further one under a name of its own.
func (d *Dashboard) setProviderKey(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		APIKey     string `json:"api_key"`
		Credential string `json:"credential"` // empty: the first
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	p := d.o.Settings.Get().Provider(mux.Vars(r)["name"])
	if p == nil {
		return noProvider(mux.Vars(r)["name"])
	}
	env, file, place := p.APIKeyEnv, p.APIKeyFile, p.Name
	if in.Credential != "" {
		env, file, place = "", "", credentialPlace(p.Name, in.Credential)
		for _, c := range p.Credentials {
			if c.Name == in.Credential {
				env, file = c.APIKeyEnv, c.APIKeyFile
			}
		}
	}
	if env != "" || file != "" {
		return &problem{Status: http.StatusConflict, Message: p.Name + " takes its key from " + env + file,
			NextStep: "change it there, or remove api_key_env and api_key_file from the settings"}
	}
	if strings.TrimSpace(in.APIKey) == "" {
		return &problem{Status: http.StatusBadRequest, Message: "the key is empty", NextStep: "send api_key"}
	}
	addCredential := func(s *settings.Settings) error { return putCredential(s, p.Name, in.Credential) }
	trial := d.o.Settings.Get().Clone() // a name that is refused must leave no credential behind
	if err := addCredential(trial); err != nil {
		return err
	}
	if err := trial.Validate(); err != nil {
		return explain(err)
	}
	// The credential goes first: the registry looks for it as soon as the settings name it.
	if err := d.o.Secrets.Put(place, strings.TrimSpace(in.APIKey)); err != nil {
		return explainVault(err)
	}
	if in.Credential != "" {
		if err := d.o.Settings.Update(addCredential); err != nil {
			return explain(err)
		}
	}
	if err := d.o.Providers.Reload(); err != nil {
		return explain(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// credentialPlace is where in the vault a further credential of a provider is.
func credentialPlace(provider, credential string) string { return provider + "#" + credential }

// putCredential names a further credential in the settings, where it does not stand there yet.
func putCredential(s *settings.Settings, provider, credential string) error {
	p := s.Provider(provider)
	switch {
	case p == nil:
		return noProvider(provider)
	case credential == "" || slices.ContainsFunc(p.Credentials, func(c settings.Credential) bool { return c.Name == credential }):
		return nil
	}
	p.Credentials = append(p.Credentials, settings.Credential{Name: credential})
	return nil
}

func (d *Dashboard) testProvider(w http.ResponseWriter, r *http.Request) error {
	name := mux.Vars(r)["name"]
	if !slices.ContainsFunc(d.o.Providers.Status(), func(p providers.Status) bool { return p.Name == name }) {
		return noProvider(name)
	}
	result := d.o.Providers.Test(r.Context(), name)
	if result.OK && d.o.Health != nil {
		d.o.Health.Retry(name) // a credential that was refused rests until it is edited or tested
	}
	out := map[string]any{"ok": result.OK, "models": result.Models, "latency_ms": float64(result.Latency.Microseconds()) / 1000, "error": "", "next_step": ""}
	if result.Err != nil {
		out["error"], out["next_step"] = result.Err.Message, nextStepFor(result.Err.Kind, name)
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// nextStepFor says what a person does about a provider that fails in this way.
func nextStepFor(kind llm.Kind, name string) string {
	switch kind {
	case llm.ProviderAuth:
		return "give it another key: localrouter providers set-key " + name
	case llm.Unreachable, llm.Timeout:
		return "see that its server runs, and that base_url in the settings is right"
	case llm.Quota, llm.RateLimited:
		return "wait, or look at the account's limits at the provider"
	case llm.VaultLocked:
		return "unlock the keyring; localrouter status says how"
	}
	return "the message above is the provider's own; its documentation knows more"
}

func (d *Dashboard) deleteProvider(w http.ResponseWriter, r *http.Request) error {
	name := mux.Vars(r)["name"]
	places := []string{name}
	err := d.o.Settings.Update(func(s *settings.Settings) error {
		i := slices.IndexFunc(s.Providers, func(p settings.Provider) bool { return p.Name == name })
		if i < 0 {
			return noProvider(name)
		}
		places = places[:1]
		for _, c := range s.Providers[i].Credentials {
			places = append(places, credentialPlace(name, c.Name))
		}
		s.Providers = slices.Delete(s.Providers, i, i+1)
		return nil
	})
	if err != nil {
		return explain(err)
	}
	for _, place := range places {
		if err := d.o.Secrets.Delete(place); err != nil {
			return explainVault(err)
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func noProvider(name string) error {
	return &problem{Status: http.StatusNotFound, Message: "there is no provider named " + name, NextStep: "localrouter providers list shows those there are"}
}

func explainVault(err error) error {
	if errors.Is(err, secret.ErrLocked) {
		return &problem{Status: http.StatusServiceUnavailable, Code: "vault_locked", Message: "the vault is locked, so nothing can be stored",
			NextStep: "unlock the keyring and try again; localrouter status says more"}
	}
	return explain(err)
}
