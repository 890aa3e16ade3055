package db

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// KeyTerms are what a key may do and until when. The zero value is everything, for ever.
type KeyTerms struct {
	Limits  []settings.Limit
	Budget  settings.Budget
	Expires time.Time // zero: never
}

// check refuses terms that nobody can mean.
func (k *Keys) check(t KeyTerms) error {
	if err := settings.CheckLimits(t.Limits); err != nil {
		what, next, _ := strings.Cut(err.Error(), "; ")
		return badTerm("limits", "The limits do not fit together: "+what+". "+strings.ToUpper(next[:1])+next[1:]+".")
	}
	if !t.Expires.IsZero() && !t.Expires.After(k.now()) {
		return badTerm("expires", fmt.Sprintf("The key would have expired at %s already. Choose a later day, or disable it.", t.Expires.Local().Format("2006-01-02 15:04")))
	}
	return nil
}

func badTerm(field, text string) error {
	return &llm.Error{Kind: llm.BadRequest, Status: http.StatusBadRequest, Param: field, Message: text}
}

// SetLimits sets the limits of a key in place of those it had. What was used within a window that stays is not
// forgotten.
func (k *Keys) SetLimits(id string, limits []settings.Limit) error {
	if err := k.check(KeyTerms{Limits: limits}); err != nil {
		return err
	}
	return k.edit(id, func(key *Key) error { key.Limits = slices.Clone(limits); return nil })
}

// SetBudget sets what a key may spend in a day and in a month.
func (k *Keys) SetBudget(id string, b settings.Budget) error {
	return k.edit(id, func(key *Key) error { key.Budget = b; return nil })
}

// SetExpiry sets when a key ends; the zero time is never.
func (k *Keys) SetExpiry(id string, at time.Time) error {
	if err := k.check(KeyTerms{Expires: at}); err != nil {
		return err
	}
	return k.edit(id, func(key *Key) error { key.Expires = at; return nil })
}

// Ended tells why a request with key, as ByToken gave it, may not go on: the key was disabled, deleted or made anew, or
// has expired. Nil: it may.
func (k *Keys) Ended(key *Key) *llm.Error {
	snap := k.snap.Load()
	var now *Key
	if snap != nil && key != nil {
		now = snap.byID[key.ID]
	}
	switch {
	case now == nil || now.generation != key.generation || now.Disabled:
		name := ""
		if key != nil {
			name = key.Name + " "
		}
		return &llm.Error{Kind: llm.KeyDisabled, Status: http.StatusForbidden, Code: "key_disabled",
			Message: "The key " + name + "was disabled, deleted or made anew while this request ran. Use another key."}
	case k.expired(now):
		return keyExpired(now)
	}
	return nil
}

func (k *Keys) expired(key *Key) bool { return !key.Expires.IsZero() && !k.now().Before(key.Expires) }

func keyExpired(key *Key) *llm.Error {
	return &llm.Error{Kind: llm.KeyDisabled, Status: http.StatusForbidden, Code: "key_expired",
		Message: "The key " + key.Name + " expired on " + key.Expires.Local().Format("2006-01-02 15:04") + ". Give it more time with `localrouter keys set " + key.Name +
			" --expires DATE`, or use another key."}
}

// longestNap is how long nobody looks whether a key has expired: the clock on the wall may be set meanwhile.
const longestNap = time.Minute

// watchExpiry wakes the subscribers when the next key expires, so that its running answers end. It is called whenever
// the keys changed.
func (k *Keys) watchExpiry() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.expiry != nil {
		k.expiry.Stop()
		k.expiry = nil
	}
	now := k.now()
	nap := time.Duration(-1)
	for _, key := range k.snap.Load().byID {
		if left := key.Expires.Sub(now); !key.Expires.IsZero() && left > 0 && (nap < 0 || left < nap) {
			nap = left
		}
	}
	if nap < 0 || k.closed {
		return
	}
	k.expiry = time.AfterFunc(min(nap, longestNap), func() {
		if nap <= longestNap {
			k.changed()
		}
		k.watchExpiry()
	})
}

// stopWatch ends the watch for good.
func (k *Keys) stopWatch() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if k.expiry != nil {
		k.expiry.Stop()
	}
}
