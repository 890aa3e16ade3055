package db

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"go.etcd.io/bbolt"

	"localrouter/db/secret"
	"localrouter/providers/llm"
)

const (
	secretKind    = "provider-secret"
	maxSecretSize = 16 << 10 // a service account's JSON is 2.5 KB
)

// Secrets keeps the providers' credentials, sealed. They are read from disk each time: they are needed when the
// settings change, not by a request.
type Secrets struct {
	store *Store
	vault *secret.Vault
}

// OpenSecrets returns the credentials that v can open.
func (s *Store) OpenSecrets(v *secret.Vault) *Secrets { return &Secrets{s, v} }

// Get returns a provider's credential, or "" if there is none. It fails with secret.ErrLocked or secret.ErrTampered.
func (s *Secrets) Get(provider string) (string, error) {
	sealed, err := s.read(provider)
	if err != nil || sealed == nil {
		return "", err
	}
	plain, err := s.vault.Unseal(secretKind, provider, sealed)
	if err != nil {
		return "", fmt.Errorf("read the key of provider %s: %w", provider, err)
	}
	return string(plain), nil
}

// Has reports whether a credential is kept, even one that cannot be opened now.
func (s *Secrets) Has(provider string) bool {
	sealed, err := s.read(provider)
	return err == nil && sealed != nil
}

func (s *Secrets) read(provider string) (sealed []byte, err error) {
	if provider == "" {
		return nil, nil
	}
	err = s.store.view(func(tx *bbolt.Tx) error {
		sealed, err = getRecord(tx, bucketSecrets, provider)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the key of provider %s: %w", provider, err)
	}
	return sealed, nil
}

// Put keeps a provider's credential, in the place of the one before. When it returns, it is on disk.
func (s *Secrets) Put(provider, value string) error {
	value = strings.TrimSpace(value) // pasted with its line end
	switch {
	case provider == "" || len(provider) > 256:
		return badSecret("name", "A provider's key needs the provider's name.")
	case value == "":
		return badSecret("api_key", "The key is empty. Paste the provider's key.")
	case len(value) > maxSecretSize:
		return badSecret("api_key", "The key is longer than any provider's. Check what was pasted.")
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }):
		return badSecret("api_key", "The key holds characters that cannot be sent. Check what was pasted.")
	}
	sealed, err := s.vault.Seal(secretKind, provider, []byte(value))
	if err != nil {
		return &llm.Error{Kind: llm.VaultLocked, Status: http.StatusServiceUnavailable, Code: "vault_locked",
			Message: "The provider's key was not saved: the vault is not open. " + s.vault.State().Detail, Err: err}
	}
	err = s.store.update(func(tx *bbolt.Tx) error { return putRecord(tx, bucketSecrets, provider, sealed) })
	if err != nil {
		return notSaved(err)
	}
	return nil
}

// Delete forgets a provider's credential; that there is none is no error.
func (s *Secrets) Delete(provider string) error {
	if provider == "" {
		return nil
	}
	err := s.store.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketSecrets).Delete([]byte(provider)) })
	if err != nil {
		return notSaved(err)
	}
	return nil
}

func badSecret(param, text string) error {
	return &llm.Error{Kind: llm.BadRequest, Status: http.StatusBadRequest, Param: param, Message: text}
}
