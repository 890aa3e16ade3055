package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/99designs/keyring"

	_ "localrouter/db/secret/nobus" // before the library asks for one
)

const service = "localrouter"

// signed is set by the linker in signed releases for macOS ("yes"). An unsigned program would be asked for the
// keychain's password after each build, so it uses the key file.
var signed string

func itemName(id string) string { return "master-key-" + id }

func itemLabel(id string) string { return "LocalRouter master key " + id }

// openSystem opens the system's own keyring. The module's other backends are left out on purpose: keyctl forgets at
// reboot, pass and file bring their own passwords.
func openSystem() (keyring.Keyring, error) {
	var backends []keyring.BackendType
	switch runtime.GOOS {
	case "windows":
		backends = []keyring.BackendType{keyring.WinCredBackend}
	case "darwin":
		if signed != "yes" {
			return nil, errors.New("the keychain is used by signed releases only")
		}
		backends = []keyring.BackendType{keyring.KeychainBackend}
	default:
		backends = []keyring.BackendType{keyring.SecretServiceBackend, keyring.KWalletBackend}
	}
	return keyring.Open(keyring.Config{
		AllowedBackends: backends,
		ServiceName:     service,
		// Any other collection makes the secret service ask for a new password.
		LibSecretCollectionName:        "login",
		KWalletAppID:                   "LocalRouter",
		KWalletFolder:                  "LocalRouter",
		KeychainTrustApplication:       true,
		KeychainAccessibleWhenUnlocked: true,
		WinCredPrefix:                  service,
	})
}

// errBusy: the call before has still not come back.
var errBusy = errors.New("it has not answered the last question yet")

// ring calls a keyring that may hang: a prompt can wait for a person for ever. Each call runs in its own goroutine and
// is left behind after wait; until it comes back no other is made, so at most one hangs.
type ring struct {
	open func() (keyring.Keyring, error)
	wait time.Duration

	mu   sync.Mutex // guards busy
	busy bool
}

// call opens the keyring anew each time: a session that died while it was locked must not be used again.
func (r *ring) call(ctx context.Context, fn func(keyring.Keyring) error) error {
	r.mu.Lock()
	if r.busy {
		r.mu.Unlock()
		return errBusy
	}
	r.busy = true
	r.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		err := r.try(fn)
		r.mu.Lock()
		r.busy = false
		r.mu.Unlock()
		done <- err
	}()
	timer := time.NewTimer(r.wait)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("it did not answer within %v", r.wait)
	case <-ctx.Done():
		return fmt.Errorf("it did not answer in time: %w", ctx.Err())
	}
}

// try keeps a panic in a keyring's library from ending the program: the bus can die at any moment.
func (r *ring) try(fn func(keyring.Keyring) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the keyring's library failed: %v", p)
		}
	}()
	k, err := r.open()
	if err != nil {
		return err
	}
	return fn(k)
}

func (r *ring) get(ctx context.Context, name string) (data []byte, err error) {
	result := make(chan []byte, 1) // a late answer must not be written to what the caller reads
	err = r.call(ctx, func(k keyring.Keyring) error {
		item, err := k.Get(name)
		result <- bytes.Clone(item.Data) // the vault wipes its own copy
		return err
	})
	if err != nil {
		return nil, err
	}
	return <-result, nil
}

func (r *ring) set(ctx context.Context, name, label string, data []byte) error {
	item := keyring.Item{Key: name, Label: label, Description: "Opens the keys and credentials that LocalRouter keeps", Data: bytes.Clone(data)}
	return r.call(ctx, func(k keyring.Keyring) error { return k.Set(item) })
}

// probe shows that the keyring keeps what it is given: opening it proves nothing.
func (r *ring) probe(ctx context.Context) error {
	name, want := "probe-"+randomName(), random(keySize)
	if err := r.set(ctx, name, "LocalRouter test", want); err != nil {
		return err
	}
	got, err := r.get(ctx, name)
	if err == nil && !bytes.Equal(got, want) {
		err = errors.New("the keyring gave back another value than it was given")
	}
	errRemove := r.call(ctx, func(k keyring.Keyring) error { return k.Remove(name) })
	if err == nil {
		err = errRemove
	}
	return err
}
