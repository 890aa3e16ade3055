package db

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"localrouter/providers/llm"
)

// A token is "lr-" and 32 random bytes in base64url.
const (
	tokenStart  = "lr-"
	tokenLength = len(tokenStart) + 43
	prefixSize  = 8
)

// What wrong keys may cost. A right key seldom waits: it passes bcrypt once per start of the program.
const (
	bcryptWaiting = 16 // requests that wait for bcrypt; each waits at most so many times 60 ms
	bcryptBurst   = 8  // of one prefix
	bcryptEvery   = 500 * time.Millisecond
	refusedKept   = 1024
)

func newToken() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand ends the process first
	return tokenStart + base64.RawURLEncoding.EncodeToString(b)
}

func prefixOf(token string) string { return token[:prefixSize] }

// looksLikeToken reports whether a text has the form of a token.
func looksLikeToken(s string) bool {
	if len(s) != tokenLength || s[:len(tokenStart)] != tokenStart {
		return false
	}
	for i := len(tokenStart); i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// hintOf gives 16 bits of the token's hash, kept in the sealed record. Whoever knows a prefix and makes up the rest is
// refused by it without bcrypt, all but once in 65,536 times; 240 bits of the token are still unknown to a reader of it.
func hintOf(token string) uint16 {
	sum := sha256.Sum256([]byte("localrouter key hint" + token))
	return binary.BigEndian.Uint16(sum[:])
}

type digest [sha256.Size]byte

// verifier remembers which tokens are right, by a keyed hash under a key that dies with the process, and bounds the
// work that finding out costs.
type verifier struct {
	now      func() time.Time
	pool     sync.Pool                           // of *hasher
	known    atomic.Pointer[map[digest]verified] // copied on write: as many as there are keys
	internal map[string]string                   // tokens of internal keys by id; guarded by Keys.writing
	slot     chan struct{}                       // holds one: bcrypt runs once at a time
	mu       sync.Mutex                          // guards the fields below, and writers of known
	flights  map[digest]*flight                  // the same token is checked once for all who bring it
	waiting  int
	budgets  map[string]budget
	refused  map[digest]struct{} // tokens that failed bcrypt
}

type verified struct {
	id         string
	generation uint64
}

// flight is one bcrypt that several requests wait for.
type flight struct {
	done chan struct{}
	ok   bool
	err  *llm.Error
}

// budget is a bucket of bcrypt runs for one prefix.
type budget struct {
	left float64
	at   time.Time
}

// hasher keeps what a keyed hash needs, so that a lookup allocates nothing.
type hasher struct {
	mac hash.Hash
	in  [tokenLength]byte
	out digest
}

func newVerifier(now func() time.Time) *verifier {
	key := make([]byte, 32)
	rand.Read(key)
	v := &verifier{now: now, internal: map[string]string{}, slot: make(chan struct{}, 1), flights: map[digest]*flight{},
		budgets: map[string]budget{}, refused: map[digest]struct{}{}}
	v.pool.New = func() any { return &hasher{mac: hmac.New(sha256.New, key)} }
	v.known.Store(&map[digest]verified{})
	return v
}

// digest hashes a token of the right form.
func (v *verifier) digest(token string) digest {
	h := v.pool.Get().(*hasher)
	copy(h.in[:], token)
	h.mac.Reset()
	h.mac.Write(h.in[:])
	h.mac.Sum(h.out[:0])
	out := h.out
	clear(h.in[:])
	v.pool.Put(h)
	return out
}

func (v *verifier) remember(d digest, key *Key) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known := maps.Clone(*v.known.Load())
	known[d] = verified{key.ID, key.generation}
	v.known.Store(&known)
}

// forget drops what the snapshot no longer holds, so that the memory does not grow with each regeneration.
func (v *verifier) forget(snap *keySnapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known := maps.Clone(*v.known.Load())
	maps.DeleteFunc(known, func(_ digest, e verified) bool {
		key := snap.byID[e.id]
		return key == nil || key.generation != e.generation
	})
	v.known.Store(&known)
	maps.DeleteFunc(v.budgets, func(prefix string, _ budget) bool { return snap.byPrefix[prefix] == nil })
}

// ByToken returns the enabled key that a token belongs to. A token seen before costs one hash and two map lookups; a
// token nobody has costs less. The first use of a key costs one bcrypt, 60 ms, which wrong keys cannot crowd out.
func (k *Keys) ByToken(token string) (*Key, *llm.Error) {
	snap := k.snap.Load()
	if snap == nil {
		return nil, k.vaultLocked()
	}
	if !looksLikeToken(token) {
		return nil, invalidKey()
	}
	d := k.verify.digest(token)
	key := k.verify.lookup(d, snap)
	if key == nil {
		var err *llm.Error
		if key, err = k.firstUse(token, d, snap); err != nil {
			return nil, err
		}
	}
	if key.Disabled {
		return nil, &llm.Error{Kind: llm.KeyDisabled, Status: http.StatusForbidden, Code: "key_disabled",
			Message: "The key " + key.Name + " is disabled. Enable it on the Keys page of LocalRouter's dashboard or use another."}
	}
	now := k.now()
	if !key.Expires.IsZero() && !now.Before(key.Expires) {
		return nil, keyExpired(key)
	}
	key.used.Store(now.UnixNano())
	return key, nil
}

// lookup returns the key whose token has this digest, if that was proved before.
func (v *verifier) lookup(d digest, snap *keySnapshot) *Key {
	e, ok := (*v.known.Load())[d]
	if !ok {
		return nil
	}
	if key := snap.byID[e.id]; key != nil && key.generation == e.generation {
		return key
	}
	return nil
}

// firstUse proves a token that was not seen since the start.
func (k *Keys) firstUse(token string, d digest, snap *keySnapshot) (*Key, *llm.Error) {
	key := snap.byPrefix[prefixOf(token)]
	if key == nil || key.hash == nil || hintOf(token) != key.hint {
		return nil, invalidKey()
	}
	ok, err := k.verify.prove(token, d, key)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, invalidKey()
	}
	// The key may have been regenerated or deleted while bcrypt ran.
	now := k.snap.Load().byID[key.ID]
	if now == nil || now.generation != key.generation {
		return nil, invalidKey()
	}
	return now, nil
}

// prove runs bcrypt, once at a time and once for all requests that bring the same token.
func (v *verifier) prove(token string, d digest, key *Key) (ok bool, err *llm.Error) {
	v.mu.Lock()
	if _, refused := v.refused[d]; refused {
		v.mu.Unlock()
		return false, nil
	}
	if f := v.flights[d]; f != nil {
		v.mu.Unlock()
		<-f.done
		return f.ok, f.err
	}
	if e, ok := (*v.known.Load())[d]; ok && e.id == key.ID && e.generation == key.generation {
		v.mu.Unlock() // another request has proved it in between
		return true, nil
	}
	if v.waiting >= bcryptWaiting {
		v.mu.Unlock()
		return false, &llm.Error{Kind: llm.Overloaded, Status: http.StatusServiceUnavailable, Code: "overloaded", RetryAfter: time.Second,
			Message: "Too many keys are being checked for the first time. Try again in a second."}
	}
	if !v.spendLocked(key.Prefix) {
		v.mu.Unlock()
		return false, &llm.Error{Kind: llm.LimitReached, Status: http.StatusTooManyRequests, Code: "too_many_wrong_keys", RetryAfter: bcryptEvery,
			Message: "Too many wrong keys begin with " + key.Prefix + ". Check the key of your applications, or regenerate it on the Keys page."}
	}
	f := &flight{done: make(chan struct{})}
	v.flights[d] = f
	v.waiting++
	v.mu.Unlock()

	v.slot <- struct{}{}
	f.ok = bcrypt.CompareHashAndPassword(key.hash, []byte(token)) == nil
	<-v.slot
	if f.ok {
		v.remember(d, key)
	}

	v.mu.Lock()
	v.waiting--
	delete(v.flights, d)
	if !f.ok {
		if len(v.refused) >= refusedKept {
			clear(v.refused)
		}
		v.refused[d] = struct{}{}
	}
	v.mu.Unlock()
	close(f.done)
	return f.ok, nil
}

// spendLocked takes one bcrypt from the budget of a prefix; there are only as many budgets as keys.
func (v *verifier) spendLocked(prefix string) bool {
	now := v.now()
	b, ok := v.budgets[prefix]
	if !ok {
		b = budget{bcryptBurst, now}
	}
	if gone := now.Sub(b.at); gone > 0 {
		b.left = min(bcryptBurst, b.left+float64(gone)/float64(bcryptEvery))
	}
	b.at = now
	if b.left < 1 {
		v.budgets[prefix] = b
		return false
	}
	b.left--
	v.budgets[prefix] = b
	return true
}

func invalidKey() *llm.Error {
	return &llm.Error{Kind: llm.InvalidKey, Status: http.StatusUnauthorized, Code: "invalid_api_key",
		Message: "LocalRouter does not know this key. Make one on the Keys page of its dashboard, or with: localrouter keys new"}
}
