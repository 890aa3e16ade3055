package dashboard

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"localrouter/db/secret"
	"localrouter/db/settings"
	"localrouter/providers"
	"localrouter/providers/llm"
)

// providerJSON is a provider as the admin API tells it. Credentials never leave the vault.
type providerJSON struct {
	Name      string  `json:"name"`
	Type      string  `json:"type"`
	BaseURL   string  `json:"base_url"`
	Enabled   bool    `json:"enabled"`
	Local     bool    `json:"local"`
	State     string  `json:"state"`
	Detail    string  `json:"detail"`
	LatencyMS float64 `json:"latency_ms"`
	Models    int     `json:"models"`
}

func (d *Dashboard) listProviders(w http.ResponseWriter, _ *http.Request) error {
	list := []providerJSON{}
	for _, p := range d.o.Providers.Status() {
		list = append(list, providerJSON{p.Name, p.Type, p.BaseURL, p.Enabled, p.Local, string(p.State), p.Detail, float64(p.Latency.Microseconds()) / 1000, p.Models})
	}
	writeJSON(w, http.StatusOK, map[string]any{"providers": list})
	return nil
}

func (d *Dashboard) addProvider(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name      string `json:"name"`
		Type      string `json:"type"`
		BaseURL   string `json:"base_url"`
		APIKeyEnv string `json:"api_key_env"`
		APIKey    string `json:"api_key"`
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
	p.BaseURL, p.APIKeyEnv = in.BaseURL, in.APIKeyEnv
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

func (d *Dashboard) setProviderKey(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		APIKey string `json:"api_key"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	p := d.o.Settings.Get().Provider(mux.Vars(r)["name"])
	if p == nil {
		return noProvider(mux.Vars(r)["name"])
	}
	if p.APIKeyEnv != "" || p.APIKeyFile != "" {
		return &problem{Status: http.StatusConflict, Message: p.Name + " takes its key from " + p.APIKeyEnv + p.APIKeyFile,
			NextStep: "change it there, or remove api_key_env and api_key_file from the settings"}
	}
	if strings.TrimSpace(in.APIKey) == "" {
		return &problem{Status: http.StatusBadRequest, Message: "the key is empty", NextStep: "send api_key"}
	}
	if err := d.o.Secrets.Put(p.Name, strings.TrimSpace(in.APIKey)); err != nil {
		return explainVault(err)
	}
	if err := d.o.Providers.Reload(); err != nil {
		return explain(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *Dashboard) testProvider(w http.ResponseWriter, r *http.Request) error {
	name := mux.Vars(r)["name"]
	if !slices.ContainsFunc(d.o.Providers.Status(), func(p providers.Status) bool { return p.Name == name }) {
		return noProvider(name)
	}
	result := d.o.Providers.Test(r.Context(), name)
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
	err := d.o.Settings.Update(func(s *settings.Settings) error {
		i := slices.IndexFunc(s.Providers, func(p settings.Provider) bool { return p.Name == name })
		if i < 0 {
			return noProvider(name)
		}
		s.Providers = slices.Delete(s.Providers, i, i+1)
		return nil
	})
	if err != nil {
		return explain(err)
	}
	if err := d.o.Secrets.Delete(name); err != nil {
		return explainVault(err)
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
