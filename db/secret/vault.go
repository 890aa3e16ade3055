// Package secret knows how what must stay secret is kept: sealed with one master key, which stands in the system's
// keyring or, where there is none, in a file of its owner. It does not know where sealed bytes are stored.
package secret

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/keyring"
)

// The states of a vault.
const (
	Ready     = "ready"
	Locked    = "locked"     // the keyring does not answer or is locked: asked again by Retry
	AbsentKey = "absent-key" // the keyring, or the folder, answers and has no master key
	WrongKey  = "wrong-key"  // there is a master key, and it is not the one that sealed
	Corrupt   = "corrupt"    // the vault's own header cannot be read
)

// The places of the master key.
const (
	Keyring = "keyring"
	File    = "file"
)

// What Seal and Unseal can fail with.
var (
	// ErrLocked: there is no master key at hand; State says why and what to do.
	ErrLocked = errors.New("the vault is locked")
	// ErrTampered: the key is the right one, the sealed bytes are not what was sealed, or belong to another record.
	ErrTampered = errors.New("the sealed record is damaged")
)

const (
	sealVersion = 1
	keySize     = 32
	defaultWait = 2 * time.Second
)

// Records is where the vault keeps its header. The database implements it, so that header and sealed data live and die
// together.
type Records interface {
	Get(name string) ([]byte, error) // nil, nil if there is none
	Put(name string, value []byte) error
}

// Options of a vault.
type Options struct {
	Records   Records
	KeyFile   string                          // where a new vault without a keyring puts its master key
	ForceFile bool                            // a new vault does not ask for a keyring (LOCALROUTER_HOME is set)
	Open      func() (keyring.Keyring, error) // nil: the system's keyring
	Timeout   time.Duration                   // for each call of the keyring; 0: 2 s. All calls together get twice that.
	Log       *slog.Logger                    // nil: silent
}

// State is how the vault stands.
type State struct {
	Status  string // Ready, Locked, AbsentKey, WrongKey or Corrupt
	Backend string // Keyring or File; empty while unknown
	Detail  string // for a person: where the key is, or what is wrong and what to do next
}

// Vault seals and unseals. Its methods may be called from any goroutine and, Retry apart, never wait for a keyring.
type Vault struct {
	o    Options
	ring ring
	aead atomic.Pointer[cipher.AEAD] // nil unless ready

	opening sync.Mutex // one attempt at a time

	mu    sync.Mutex // guards the fields below
	state State
	subs  map[int]func(State)
	next  int
}

// Open finds the master key, or makes it where nothing was sealed before. It never fails and never waits longer than
// twice the timeout: look at State.
func Open(o Options) *Vault {
	if o.Timeout == 0 {
		o.Timeout = defaultWait
	}
	if o.Open == nil {
		o.Open = openSystem
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	v := &Vault{o: o, ring: ring{open: o.Open, wait: o.Timeout}, subs: map[int]func(State){}}
	v.attempt(context.Background())
	return v
}

// State returns how the vault stands.
func (v *Vault) State() State {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state
}

// Ready reports whether the vault can seal and unseal. It costs one atomic load.
func (v *Vault) Ready() bool { return v.aead.Load() != nil }

// Retry asks for the master key again if it is not at hand, and returns how the vault stands then.
func (v *Vault) Retry(ctx context.Context) State {
	if !v.Ready() {
		v.attempt(ctx)
	}
	return v.State()
}

// Subscribe calls fn after each change of state, from the goroutine that saw it, until cancel is called.
func (v *Vault) Subscribe(fn func(State)) (cancel func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	id := v.next
	v.next++
	v.subs[id] = fn
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.subs, id)
	}
}

// attempt opens the vault and tells who wants to know if that changed its state.
func (v *Vault) attempt(ctx context.Context) {
	v.opening.Lock()
	defer v.opening.Unlock()
	if v.Ready() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*v.o.Timeout)
	defer cancel()
	key, state := v.find(ctx)
	if state.Status == Ready {
		aead := newAEAD(key)
		v.aead.Store(&aead)
	}
	clear(key)

	v.mu.Lock()
	changed, first := state != v.state, v.state == (State{})
	v.state = state
	subs := make([]func(State), 0, len(v.subs))
	for _, fn := range v.subs {
		subs = append(subs, fn)
	}
	v.mu.Unlock()
	if !changed {
		return
	}
	level := slog.LevelWarn
	switch {
	case state.Status == Ready && first:
		level = slog.LevelDebug // as every day
	case state.Status == Ready:
		level = slog.LevelInfo
	}
	v.o.Log.Log(ctx, level, "vault: "+state.Detail, "status", state.Status, "backend", state.Backend)
	for _, fn := range subs {
		fn(state)
	}
}

// Seal encrypts plain for the record of that kind and id. The same bytes cannot be opened as another record.
func (v *Vault) Seal(kind, id string, plain []byte) ([]byte, error) {
	aead := v.aead.Load()
	if aead == nil {
		return nil, v.lockedError()
	}
	return seal(*aead, kind, id, plain), nil
}

// Unseal decrypts what Seal made for the same kind and id. It fails with ErrLocked or ErrTampered.
func (v *Vault) Unseal(kind, id string, sealed []byte) ([]byte, error) {
	aead := v.aead.Load()
	if aead == nil {
		return nil, v.lockedError()
	}
	return unseal(*aead, kind, id, sealed)
}

func (v *Vault) lockedError() error { return fmt.Errorf("%w: %s", ErrLocked, v.State().Detail) }

// newAEAD makes the cipher. A random nonce of 96 bits stands in front of each sealed value: safe for four thousand
// million seals, and a person makes some hundred.
func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key's length is checked where it is read
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func seal(aead cipher.AEAD, kind, id string, plain []byte) []byte {
	return aead.Seal([]byte{sealVersion}, nil, plain, associated(kind, id))
}

func unseal(aead cipher.AEAD, kind, id string, sealed []byte) ([]byte, error) {
	if len(sealed) < 1+aead.Overhead() {
		return nil, fmt.Errorf("%w: %d bytes are too few", ErrTampered, len(sealed))
	}
	if sealed[0] != sealVersion {
		return nil, fmt.Errorf("%w: unknown version %d", ErrTampered, sealed[0])
	}
	plain, err := aead.Open(nil, nil, sealed[1:], associated(kind, id))
	if err != nil {
		return nil, fmt.Errorf("%w: %s %q", ErrTampered, kind, id)
	}
	return plain, nil
}

// associated binds a sealed value to its record. Lengths stand in front, so no two pairs give the same bytes.
func associated(kind, id string) []byte {
	b := []byte("localrouter\x00")
	b = append(b, sealVersion)
	b = append(binary.AppendUvarint(b, uint64(len(kind))), kind...)
	return append(binary.AppendUvarint(b, uint64(len(id))), id...)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the process first
	return b
}

func randomName() string { return hex.EncodeToString(random(8)) }
