package providers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// credential is one of the keys of an entry, and the client that asks with it.
type credential struct {
	name   string // of the settings; empty: the provider's own
	key    string
	err    error  // why it could not be read; it is tried again
	client client // nil for what cannot work
	// refused is why it cannot work.
	refused *llm.Error
}

// client is a provider on a network.
type client interface {
	llm.Provider
	// Ping makes the free call of Models and does not read what it gives.
	Ping(ctx context.Context) error
	Close()
}

// provider is what answers with the credential, or says why it cannot.
func (c *credential) provider() llm.Provider {
	if c.client == nil {
		return refusing{c.refused}
	}
	return c.client
}

// credentials reads all keys of a provider. Where it has further ones, it need not have one of its own.
func (r *Registry) credentials(p *settings.Provider) []credential {
	var list []credential
	key, err := r.credential(p.Name, p)
	if key != "" || err != nil || len(p.Credentials) == 0 {
		list = append(list, credential{key: key, err: err})
	}
	for _, c := range p.Credentials {
		at := settings.Provider{Type: p.Type, APIKeyEnv: c.APIKeyEnv, APIKeyFile: c.APIKeyFile}
		key, err := r.credential(p.Name+"#"+c.Name, &at)
		if key == "" && err == nil {
			err = fmt.Errorf("the key %s is not there. Give it with `localrouter providers set-key %s#%s`", c.Name, p.Name, c.Name)
		}
		list = append(list, credential{name: c.Name, key: key, err: err})
	}
	return list
}

// sameKeys compares what was read, not what was made of it.
func sameKeys(a, b []credential) bool {
	return slices.EqualFunc(a, b, func(a, b credential) bool {
		return a.name == b.name && a.key == b.key && errorText(a.err) == errorText(b.err)
	})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

const maxKeyFile = 64 << 10

// errVault marks a credential that is there but cannot be read now.
var errVault = errors.New("the vault cannot be opened")

// credential finds a key where the settings say; name is the one it has in the vault.
func (r *Registry) credential(name string, p *settings.Provider) (string, error) {
	switch {
	case p.APIKeyEnv != "":
		key := strings.TrimSpace(r.o.Getenv(p.APIKeyEnv))
		if key == "" {
			return "", fmt.Errorf("the environment variable %s is not set; set it before LocalRouter starts", p.APIKeyEnv)
		}
		return key, checkKey(key)
	case p.APIKeyFile != "":
		f, err := os.Open(p.APIKeyFile)
		if err != nil {
			return "", fmt.Errorf("api_key_file: %w", err)
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
		if err != nil {
			return "", fmt.Errorf("api_key_file: %w", err)
		}
		key := strings.TrimSpace(string(b))
		if key == "" {
			return "", fmt.Errorf("the file %s is empty; put the API key into it", p.APIKeyFile)
		}
		return key, checkKey(key)
	case r.o.Secrets == nil || kinds[p.Type].demo:
		return "", nil
	}
	key, err := r.o.Secrets.Get(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errVault, err)
	}
	return key, checkKey(key)
}

// checkKey refuses what no header can carry.
func checkKey(key string) error {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return errors.New("the API key holds a character that no key has, such as a line break; store it again")
		}
	}
	return nil
}

// offered are the credentials as routing sees them: those that work first, in the order of the settings. nil where there
// is no key at all.
func (e *entry) offered(install string) []llm.Credential {
	var usable, others []llm.Credential
	for i := range e.keys {
		c := &e.keys[i]
		if c.key == "" && c.err == nil {
			continue
		}
		one := llm.Credential{ID: identOf(install, e.conf.Name, c), Name: c.name, Provider: c.provider()}
		if c.client != nil {
			usable = append(usable, one)
		} else {
			others = append(others, one)
		}
	}
	return append(usable, others...)
}

// identOf names a key without giving anything of it away: it changes with the key, and is another on each machine.
func identOf(install, provider string, c *credential) string {
	h := hmac.New(sha256.New, []byte(install))
	h.Write([]byte(provider + "\x00" + c.name + "\x00" + c.key))
	return provider + "#" + hex.EncodeToString(h.Sum(nil)[:6])
}

// clients lists those that can be asked.
func (e *entry) clients() (list []client) {
	for i := range e.keys {
		if c := e.keys[i].client; c != nil {
			list = append(list, c)
		}
	}
	return list
}

// ofKey reports whether a failure is one of the credential: another of the same provider may do better.
func ofKey(err error) bool {
	switch llm.AsError(err).Kind {
	case llm.ProviderAuth, llm.Quota, llm.RateLimited:
		return true
	}
	return false
}

// firstAnswer asks with one credential after the other until one is not refused. The error is the first one's.
func (e *entry) firstAnswer(ask func(client) error) (err error) {
	for i, c := range e.clients() {
		again := ask(c)
		if again == nil {
			return nil
		}
		if i == 0 {
			err = again
		}
		if !ofKey(again) {
			return err
		}
	}
	return err
}
