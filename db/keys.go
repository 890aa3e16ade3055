package db

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"go.etcd.io/bbolt"
	"golang.org/x/crypto/bcrypt"

	"localrouter/db/secret"
	"localrouter/db/settings"
	"localrouter/providers/llm"
)

const (
	keyKind     = "key" // of the sealed records
	maxKeyName  = 64
	defaultName = "my-app-"
)

// KeyOptions of OpenKeys. The zero value works.
type KeyOptions struct {
	Cost int              // of bcrypt; 0: 10
	Now  func() time.Time // nil: the store's clock
	Log  *slog.Logger     // nil: the store's log
}

// Key is one application's key as others may know it: all but its secret. It never changes; a change makes a new one.
type Key struct {
	ID       string
	Name     string
	Prefix   string // first 8 characters of the token: not secret
	Created  time.Time
	LastUsed time.Time // as of Get or List; zero: never
	Disabled bool
	Internal bool // the program's own: in memory only, cannot be deleted

	Origins []string // web origins that may use it; nil: no web page
	// The terms, as KeyTerms tells them; Selection and Mode are never empty here.
	Selection, Mode             string
	AllowList                   settings.Patterns
	LocalOnly, Strict, Rehearse bool
	Limits                      []settings.Limit
	Budget                      settings.Budget
	Expires                     time.Time
	Revision                    uint64 // grows with each change since the start, so that of two of the same key the newer is told

	hash       []byte // bcrypt of the token; nil for an internal key
	hint       uint16 // see hintOf
	generation uint64 // of the secret: a regenerated key is another
	used       *atomic.Int64
}

// keyRecord is what is sealed for one key.
type keyRecord struct {
	Name       string    `json:"name"`
	Prefix     string    `json:"prefix"`
	Hash       []byte    `json:"hash"`
	Hint       uint16    `json:"hint"`
	Generation uint64    `json:"generation"`
	Created    time.Time `json:"created"`
	LastUsed   time.Time `json:"last_used,omitzero"`
	Disabled   bool      `json:"disabled,omitempty"`
	Origins    []string  `json:"origins,omitempty"`
	// Of a key from before there were routers these are empty, which is what it could do then.
	Mode      string            `json:"mode,omitempty"`
	Selection string            `json:"selection,omitempty"`
	AllowList settings.Patterns `json:"allow_list,omitempty"`
	LocalOnly bool              `json:"local_only,omitempty"`
	Strict    bool              `json:"strict,omitempty"`
	Rehearse  bool              `json:"rehearse,omitempty"`
	Limits    []settings.Limit  `json:"limits,omitempty"`
	Budget    settings.Budget   `json:"budget,omitzero"`
	Expires   time.Time         `json:"expires,omitzero"`
}

// Keys holds all keys in one snapshot that requests read without a lock.
type Keys struct {
	store *Store
	vault *secret.Vault
	cost  int
	now   func() time.Time
	log   *slog.Logger

	snap   atomic.Pointer[keySnapshot] // nil until the vault was open once
	verify *verifier

	writing sync.Mutex       // one change at a time; guards the field below
	saved   map[string]int64 // last use as it stands on disk, by id

	mu   sync.Mutex // guards the fields below
	subs map[int]func()
	next int
	// expiry fires when the next key expires; nil while none will.
	expiry *time.Timer
	closed bool
}

type keySnapshot struct {
	byID     map[string]*Key
	byPrefix map[string]*Key // prefixes are made unique
	origins  map[string]bool // of enabled keys
}

// OpenKeys loads all keys. While the vault is locked it holds none, and every lookup says so; when the vault opens,
// they are loaded then.
func (s *Store) OpenKeys(v *secret.Vault, o KeyOptions) (*Keys, error) {
	k := &Keys{store: s, vault: v, cost: o.Cost, now: o.Now, log: o.Log, saved: map[string]int64{}, subs: map[int]func(){}}
	if k.cost == 0 {
		k.cost = bcrypt.DefaultCost
	}
	if k.now == nil {
		k.now = s.now
	}
	if k.log == nil {
		k.log = s.log
	}
	k.verify = newVerifier(k.now)
	v.Subscribe(func(state secret.State) {
		if state.Status != secret.Ready {
			return
		}
		if err := k.load(); err != nil {
			k.log.Error("keys: cannot be read", "error", err)
		}
	})
	if err := k.load(); err != nil {
		return nil, err
	}
	s.onClose(func() { k.stopWatch(); k.flush() })
	return k, nil
}

// load reads the records into the first snapshot. It may be called from the vault's goroutine.
func (k *Keys) load() error {
	k.writing.Lock()
	defer k.writing.Unlock()
	if k.snap.Load() != nil || !k.vault.Ready() {
		return nil
	}
	sealed := map[string][]byte{}
	err := k.store.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketKeys).ForEach(func(id, record []byte) error {
			value, err := unframe(bucketKeys, string(id), record)
			if err != nil {
				return err
			}
			sealed[string(id)] = slices.Clone(value)
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("read the keys: %w", err)
	}
	keys := map[string]*Key{}
	lost := 0
	for id, value := range sealed {
		key, err := k.unsealKey(id, value)
		if err != nil {
			lost++
			k.log.Error("keys: a record cannot be read", "id", id, "error", err)
			continue // and left as it is: another version may read it
		}
		keys[id] = key
		k.saved[id] = key.used.Load()
	}
	if lost > 0 {
		k.store.notice(fmt.Sprintf("%d of %d keys cannot be read and will be refused. Make new ones on the Keys page, or put the newest file of the folder copies in the place of the database.", lost, len(sealed)))
	}
	k.swap(keys)
	return nil
}

func (k *Keys) unsealKey(id string, sealed []byte) (*Key, error) {
	plain, err := k.vault.Unseal(keyKind, id, sealed)
	if err != nil {
		return nil, err
	}
	var r keyRecord
	if err := json.Unmarshal(plain, &r); err != nil {
		return nil, err
	}
	key := &Key{ID: id, Name: r.Name, Prefix: r.Prefix, Created: r.Created, Disabled: r.Disabled, Origins: r.Origins,
		Revision: 1, hash: r.Hash, hint: r.Hint, generation: r.Generation, used: new(atomic.Int64)}
	key.setTerms(KeyTerms{Selection: r.Selection, Mode: r.Mode, AllowList: r.AllowList, LocalOnly: r.LocalOnly, Strict: r.Strict, Rehearse: r.Rehearse,
		Limits: r.Limits, Budget: r.Budget, Expires: r.Expires})
	if !r.LastUsed.IsZero() {
		key.used.Store(r.LastUsed.UnixNano())
	}
	return key, nil
}

func (k *Keys) sealKey(key *Key) ([]byte, error) {
	r := keyRecord{Name: key.Name, Prefix: key.Prefix, Hash: key.hash, Hint: key.hint, Generation: key.generation, Created: key.Created, LastUsed: key.lastUsed(),
		Disabled: key.Disabled, Origins: key.Origins, Mode: key.Mode, Selection: key.Selection, AllowList: key.AllowList,
		LocalOnly: key.LocalOnly, Strict: key.Strict, Rehearse: key.Rehearse, Limits: key.Limits, Budget: key.Budget, Expires: key.Expires}
	plain, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return k.vault.Seal(keyKind, key.ID, plain)
}

func (key *Key) lastUsed() time.Time {
	if ns := key.used.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// Get returns the key with that id, or nil.
func (k *Keys) Get(id string) *Key {
	snap := k.snap.Load()
	if snap == nil || snap.byID[id] == nil {
		return nil
	}
	return snap.byID[id].seen()
}

// List returns all keys in the order they were made.
func (k *Keys) List() []*Key {
	snap := k.snap.Load()
	if snap == nil {
		return nil
	}
	list := make([]*Key, 0, len(snap.byID))
	for _, key := range snap.byID {
		list = append(list, key.seen())
	}
	slices.SortFunc(list, func(a, b *Key) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// seen returns the key with the time of its last use filled in.
func (key *Key) seen() *Key {
	c := *key
	c.LastUsed = key.lastUsed()
	return &c
}

// HasOrigin reports whether some enabled key lists this web origin: only then is a preflight answered.
func (k *Keys) HasOrigin(origin string) bool {
	snap := k.snap.Load()
	return snap != nil && snap.origins[origin]
}

// Create makes a key and returns its token, which cannot be had again. An empty name gives my-app-1, my-app-2 and so
// on. When it returns, the key is on disk.
func (k *Keys) Create(name string) (*Key, string, error) { return k.CreateWith(name, KeyTerms{}) }

// CreateWith is Create for a key that has terms from its first moment on.
func (k *Keys) CreateWith(name string, terms KeyTerms) (*Key, string, error) {
	if err := k.ready(); err != nil {
		return nil, "", err
	}
	if err := k.check(terms, KeyTerms{}); err != nil {
		return nil, "", err
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	name, err := k.freeNameLocked(name, "")
	if err != nil {
		return nil, "", err
	}
	key := &Key{ID: "key-" + randomHex(6), Name: name, Created: k.now(), Revision: 1, used: new(atomic.Int64)}
	key.setTerms(terms)
	token, err := k.newSecret(key)
	if err != nil {
		return nil, "", err
	}
	if err := k.putLocked(key); err != nil {
		return nil, "", err
	}
	k.verify.remember(k.verify.digest(token), key)
	k.changed()
	return key.seen(), token, nil
}

// newSecret gives key a new token with a prefix that no other has.
func (k *Keys) newSecret(key *Key) (token string, err error) {
	for token == "" || k.snap.Load().byPrefix[prefixOf(token)] != nil {
		token = newToken()
	}
	if key.hash, err = bcrypt.GenerateFromPassword([]byte(token), k.cost); err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	key.Prefix, key.hint = prefixOf(token), hintOf(token)
	key.generation++
	return token, nil
}

// Rename gives a key another name.
func (k *Keys) Rename(id, name string) error { return k.Change(id, KeyChange{Name: &name}) }

// SetEnabled allows or refuses a key from the next request on.
func (k *Keys) SetEnabled(id string, on bool) error { return k.Change(id, KeyChange{Enabled: &on}) }

// SetOrigins sets the web origins that may use a key.
func (k *Keys) SetOrigins(id string, origins []string) error {
	return k.edit(id, func(key *Key) error { key.Origins = slices.Clone(origins); return nil })
}

// Regenerate gives a key a new token and ends the old one at once.
func (k *Keys) Regenerate(id string) (token string, err error) {
	var changed *Key
	err = k.edit(id, func(key *Key) (err error) {
		if key.Internal {
			return internalKey(key.Name)
		}
		changed = key
		token, err = k.newSecret(key)
		return err
	})
	if err != nil {
		return "", err
	}
	k.verify.remember(k.verify.digest(token), changed)
	return token, nil
}

// Delete removes a key at once.
func (k *Keys) Delete(id string) error {
	if err := k.ready(); err != nil {
		return err
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	old := k.snap.Load().byID[id]
	if old == nil {
		return noKey()
	}
	if old.Internal {
		return internalKey(old.Name)
	}
	err := k.store.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketKeys).Delete([]byte(id)) })
	if err != nil {
		return notSaved(err)
	}
	keys := maps.Clone(k.snap.Load().byID)
	delete(keys, id)
	delete(k.saved, id)
	k.swap(keys)
	k.changed()
	return nil
}

// Internal returns the program's own key of that name with its token, making it on first use. It lives in memory only.
func (k *Keys) Internal(name string) (*Key, string, error) {
	if err := k.ready(); err != nil {
		return nil, "", err
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	id := "internal-" + name
	if key := k.snap.Load().byID[id]; key != nil {
		return key.seen(), k.verify.internal[id], nil
	}
	name, err := checkName(name)
	if err != nil {
		return nil, "", err
	}
	token := newToken()
	for k.snap.Load().byPrefix[prefixOf(token)] != nil {
		token = newToken()
	}
	key := &Key{ID: id, Name: name, Prefix: prefixOf(token), Created: k.now(), Internal: true, Revision: 1, generation: 1, used: new(atomic.Int64)}
	key.setTerms(KeyTerms{})
	k.verify.internal[id] = token
	k.addLocked(key)
	k.verify.remember(k.verify.digest(token), key)
	k.changed()
	return key.seen(), token, nil
}

// edit changes one key on disk and then in memory. An internal key is changed in memory only.
func (k *Keys) edit(id string, change func(*Key) error) error {
	if err := k.ready(); err != nil {
		return err
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	old := k.snap.Load().byID[id]
	if old == nil {
		return noKey()
	}
	key := *old
	key.Revision++
	if err := change(&key); err != nil {
		return err
	}
	if key.Internal {
		k.addLocked(&key)
	} else if err := k.putLocked(&key); err != nil {
		return err
	}
	k.changed()
	return nil
}

// putLocked writes key, and with it the last use of the others that were used since, then shows it to requests.
func (k *Keys) putLocked(key *Key) error {
	err := k.writeLocked(key)
	if err != nil {
		return notSaved(err)
	}
	k.addLocked(key)
	return nil
}

func (k *Keys) addLocked(key *Key) {
	keys := maps.Clone(k.snap.Load().byID)
	keys[key.ID] = key
	k.swap(keys)
}

// writeLocked puts key, if not nil, and every key whose last use changed into one transaction.
func (k *Keys) writeLocked(key *Key) error {
	sealed, used := map[string][]byte{}, map[string]int64{}
	add := func(key *Key) error {
		used[key.ID] = key.used.Load() // before it is sealed: a use in between is saved next time
		b, err := k.sealKey(key)
		sealed[key.ID] = b
		return err
	}
	for id, other := range k.snap.Load().byID {
		if other.Internal || other.used.Load() == k.saved[id] || key != nil && id == key.ID {
			continue
		}
		if err := add(other); err != nil {
			return err
		}
	}
	if key != nil {
		if err := add(key); err != nil {
			return err
		}
	}
	if len(sealed) == 0 {
		return nil
	}
	err := k.store.update(func(tx *bbolt.Tx) error {
		for id, value := range sealed {
			if err := putRecord(tx, bucketKeys, id, value); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		maps.Copy(k.saved, used)
	}
	return err
}

// flush writes the times of last use; the store calls it before it closes.
func (k *Keys) flush() {
	k.writing.Lock()
	defer k.writing.Unlock()
	if k.snap.Load() == nil || !k.vault.Ready() {
		return
	}
	if err := k.writeLocked(nil); err != nil {
		k.log.Warn("keys: the times of last use were not saved", "error", err)
	}
}

func (k *Keys) swap(keys map[string]*Key) {
	snap := &keySnapshot{byID: keys, byPrefix: make(map[string]*Key, len(keys)), origins: map[string]bool{}}
	for _, key := range keys {
		snap.byPrefix[key.Prefix] = key
		if !key.Disabled {
			for _, origin := range key.Origins {
				snap.origins[origin] = true
			}
		}
	}
	k.snap.Store(snap)
	k.verify.forget(snap)
	k.watchExpiry()
}

// Subscribe calls fn after each change of a key, its expiry included, until cancel is called. fn must be quick and must not change keys.
func (k *Keys) Subscribe(fn func()) (cancel func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := k.next
	k.next++
	k.subs[id] = fn
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.subs, id)
	}
}

func (k *Keys) changed() {
	k.mu.Lock()
	subs := slices.Collect(maps.Values(k.subs))
	k.mu.Unlock()
	for _, fn := range subs {
		fn()
	}
}

// ready reports, as an error for a person, why keys cannot be read or changed now.
func (k *Keys) ready() error {
	if k.snap.Load() == nil {
		return k.vaultLocked()
	}
	return nil
}

func (k *Keys) vaultLocked() *llm.Error {
	detail := k.vault.State().Detail
	if k.vault.Ready() { // open, but the records could not be read; the log has the cause
		detail = "The keys could not be read from the database. Restart LocalRouter."
	}
	return &llm.Error{Kind: llm.VaultLocked, Status: http.StatusServiceUnavailable, Code: "vault_locked",
		Message: "The vault with the keys is not open. " + detail, RetryAfter: 5 * time.Second}
}

// freeNameLocked checks a name for the key with that id ("" for a new one), or finds one if it is empty.
func (k *Keys) freeNameLocked(name, id string) (string, error) {
	taken := map[string]bool{} // in lower case: names that differ in case only would be taken for each other
	for _, key := range k.snap.Load().byID {
		if key.ID != id {
			taken[strings.ToLower(key.Name)] = true
		}
	}
	if strings.TrimSpace(name) == "" {
		n := 1
		for taken[fmt.Sprint(defaultName, n)] {
			n++
		}
		return fmt.Sprint(defaultName, n), nil
	}
	name, err := checkName(name)
	if err != nil {
		return "", err
	}
	if taken[strings.ToLower(name)] {
		return "", &llm.Error{Kind: llm.BadRequest, Status: http.StatusConflict, Param: "name", Message: fmt.Sprintf("There is a key named %q already. Choose another name.", name)}
	}
	return name, nil
}

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", badName("A key needs a name.")
	case !utf8.ValidString(name), strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", badName("A key's name may hold letters, digits, signs and plain spaces only. Remove the other characters.")
	case utf8.RuneCountInString(name) > maxKeyName:
		return "", badName(fmt.Sprintf("A key's name may have %d characters. Choose a shorter one.", maxKeyName))
	}
	return name, nil
}

func badName(text string) error {
	return &llm.Error{Kind: llm.BadRequest, Status: http.StatusBadRequest, Param: "name", Message: text}
}

func internalKey(name string) error {
	return &llm.Error{Kind: llm.BadRequest, Status: http.StatusConflict, Message: fmt.Sprintf("The key %q is LocalRouter's own: it can be disabled, not deleted or regenerated.", name)}
}

func noKey() error {
	return &llm.Error{Kind: llm.NotFound, Status: http.StatusNotFound, Message: "There is no such key. Look at the list of keys; it may have been deleted."}
}

// notSaved tells that nothing changed, and what to do about it.
func notSaved(err error) error {
	next := "Look at the log for the cause and try again."
	switch {
	case errors.Is(err, ErrDamaged):
		next = "Restart LocalRouter: it will restore the last verified copy."
	case errors.Is(err, secret.ErrLocked):
		next = "The vault was locked; unlock the keyring and try again."
	case diskFull(err):
		next = "The disk is full. Free some space and try again."
	}
	return &llm.Error{Kind: llm.Internal, Status: http.StatusInternalServerError, Message: "The change was not saved and nothing was changed. " + next, Err: err}
}
