package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Provider is one entry of the settings.
type Provider struct {
	Name, Type, BaseURL string
	Key                 string // the credential that the provider wants
}

// Settings are a settings file with these providers and the environment that it reads their keys from. Providers that a
// test plays fail on purpose and are asked for each failure: nothing may keep a request from them, or ask twice.
func Settings(providers ...Provider) (text string, env []string) {
	text = "version: 1\nresilience: {breaker: {enabled: false}, cooldowns: false, retries: 0, attempts: 1}\nproviders:\n"
	for _, p := range providers {
		variable := strings.ToUpper(p.Name) + "_KEY"
		text += fmt.Sprintf("  - name: %s\n    type: %s\n    base_url: %s\n    api_key_env: %s\n", p.Name, p.Type, p.BaseURL, variable)
		env = append(env, variable+"="+p.Key)
	}
	return text, env
}

// Before starts the program before one provider, in a new home, and stops it with the test. It returns when the
// provider's models are listed for the key that it made, or an error with what the program said.
func Before(tb testing.TB, bin string, p Provider) (*Gateway, Key, error) {
	tb.Helper()
	settings, env := Settings(p)
	g, err := Start(bin, tb.TempDir(), settings, env...)
	if err != nil {
		return nil, Key{}, err
	}
	tb.Cleanup(func() {
		if err := g.Stop(); err != nil {
			tb.Error(err)
		}
	})
	key, err := g.NewKey("sdktest")
	if err != nil {
		return nil, Key{}, err
	}
	return g, key, g.Until("models of "+p.Name+" are listed", func() bool {
		return slices.ContainsFunc(g.Models(key.Secret), func(id string) bool { return strings.HasPrefix(id, p.Name+"/") })
	})
}
