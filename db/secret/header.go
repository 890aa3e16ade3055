package secret

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/99designs/keyring"
)

const (
	headerName   = "header"
	headerFormat = 1
	checkKind    = "vault-check"
	checkText    = "localrouter vault"
)

// header is what a vault leaves in the database: which place holds its master key, and how to tell that key from
// another. It is written once, after the key stands in its place.
type header struct {
	Format  int    `json:"format"`
	Backend string `json:"backend"`
	ID      string `json:"id"`    // names the keyring's item: a new vault never overwrites an older one's key
	Print   []byte `json:"print"` // fingerprint of the master key
	Check   []byte `json:"check"` // checkText, sealed: together they tell a wrong key from a damaged header
}

func decodeHeader(b []byte) (*header, error) {
	var h header
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, err
	}
	switch {
	case h.Format > headerFormat:
		return nil, fmt.Errorf("it has format %d, of a newer version of LocalRouter", h.Format)
	case h.Format != headerFormat, h.Backend != Keyring && h.Backend != File, h.ID == "", len(h.Print) != 8:
		return nil, errors.New("a field is missing or has no meaning")
	}
	return &h, nil
}

// fingerprint tells keys apart without telling anything about them.
func fingerprint(key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("localrouter fingerprint"))
	return mac.Sum(nil)[:8]
}

// accepts reports whether key is the one the vault was made with, as a state.
func (h *header) accepts(key []byte) State {
	if !hmac.Equal(fingerprint(key), h.Print) {
		return State{WrongKey, h.Backend, "The master key found is not the one this vault was made with. " + h.bringBack()}
	}
	text, err := unseal(newAEAD(key), checkKind, h.ID, h.Check)
	if err != nil || !bytes.Equal(text, []byte(checkText)) {
		return State{Corrupt, h.Backend, "The master key is the right one, but the vault's header in the database is damaged. Quit LocalRouter and put the newest file of the folder copies in the place of the database."}
	}
	return State{Ready, h.Backend, ""}
}

func (h *header) bringBack() string {
	if h.Backend == File {
		return "Put the right key file back from a backup and restart LocalRouter; nothing sealed was changed."
	}
	return fmt.Sprintf("Bring back the keyring that holds the item %q and try again; nothing sealed was changed.", itemLabel(h.ID))
}

// find returns the master key and the state that it gives. The key is nil unless the state is Ready.
func (v *Vault) find(ctx context.Context) ([]byte, State) {
	raw, err := v.o.Records.Get(headerName)
	if err != nil {
		return nil, State{Corrupt, "", fmt.Sprintf("The vault's header cannot be read from the database: %v.", err)}
	}
	if raw == nil {
		return v.create(ctx)
	}
	h, err := decodeHeader(raw)
	if err != nil {
		return nil, State{Corrupt, "", fmt.Sprintf("The vault's header in the database makes no sense: %v. Quit LocalRouter and put the newest file of the folder copies in the place of the database, or install the version that wrote it.", err)}
	}
	key, state := v.fetch(ctx, h)
	if key == nil {
		return nil, state
	}
	state = h.accepts(key)
	if state.Status != Ready {
		return nil, state
	}
	state.Detail = v.where(h.Backend)
	return key, state
}

func (v *Vault) where(backend string) string {
	if backend == File {
		return "The master key is in the file " + v.o.KeyFile + ", protected by its permissions only."
	}
	return "The master key is in the system's keyring."
}

// fetch gets the master key from the place the header names, and from no other.
func (v *Vault) fetch(ctx context.Context, h *header) ([]byte, State) {
	if h.Backend == File {
		key, err := readKeyFile(v.o.KeyFile)
		switch {
		case err == nil:
			return key, State{}
		case errors.Is(err, fs.ErrNotExist):
			return nil, State{AbsentKey, File, "The key file " + v.o.KeyFile + " is gone. " + h.bringBack()}
		case errors.Is(err, errNotKey):
			return nil, State{WrongKey, File, fmt.Sprintf("The key file %s does not hold a master key. %s", v.o.KeyFile, h.bringBack())}
		}
		return nil, State{Locked, File, fmt.Sprintf("The key file cannot be read: %v.", err)}
	}
	key, err := v.ring.get(ctx, itemName(h.ID))
	switch {
	case err == nil && len(key) == keySize:
		return key, State{}
	case err == nil:
		return nil, State{WrongKey, Keyring, "The keyring's item for LocalRouter does not hold a master key. " + h.bringBack()}
	case errors.Is(err, keyring.ErrKeyNotFound):
		// A locked secret service also says "not found": only a keyring that keeps something is believed.
		if err = v.ring.probe(ctx); err == nil {
			return nil, State{AbsentKey, Keyring, "The keyring answers, but LocalRouter's master key is not in it. " + h.bringBack()}
		}
	}
	return nil, State{Locked, Keyring, fmt.Sprintf("The system's keyring cannot be opened: %v. Unlock it, for example by logging in to the desktop, and LocalRouter goes on by itself.", err)}
}

// create makes the master key of a new vault: in the keyring if it is shown to work, else in the key file.
func (v *Vault) create(ctx context.Context) ([]byte, State) {
	id := randomName()
	var why error
	if !v.o.ForceFile {
		key := random(keySize)
		if why = v.storeInRing(ctx, id, key); why == nil {
			return v.begin(Keyring, id, key)
		}
	}
	key, err := readKeyFile(v.o.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		key = random(keySize)
		err = writeKeyFile(v.o.KeyFile, key)
	}
	if err != nil {
		return nil, State{Locked, File, fmt.Sprintf("No master key could be made: %v. Make the folder writable, or move the file away, and restart LocalRouter.", err)}
	}
	got, state := v.begin(File, id, key)
	if why != nil && state.Status == Ready {
		v.o.Log.Warn("vault: no keyring answered, so the master key is in a file", "file", v.o.KeyFile, "reason", why)
	}
	return got, state
}

func (v *Vault) storeInRing(ctx context.Context, id string, key []byte) error {
	if err := v.ring.probe(ctx); err != nil {
		return err
	}
	if err := v.ring.set(ctx, itemName(id), itemLabel(id), key); err != nil {
		return err
	}
	got, err := v.ring.get(ctx, itemName(id))
	if err == nil && !bytes.Equal(got, key) {
		err = errors.New("the keyring gave back another value than it was given")
	}
	return err
}

// begin writes the header of a new vault. From here on the key in its place is the only one.
func (v *Vault) begin(backend, id string, key []byte) ([]byte, State) {
	h := header{Format: headerFormat, Backend: backend, ID: id, Print: fingerprint(key), Check: seal(newAEAD(key), checkKind, id, []byte(checkText))}
	raw, err := json.Marshal(h)
	if err == nil {
		err = v.o.Records.Put(headerName, raw)
	}
	if err != nil {
		return nil, State{Locked, backend, fmt.Sprintf("The vault's header could not be saved: %v. Free some space and restart LocalRouter.", err)}
	}
	return key, State{Ready, backend, v.where(backend)}
}
