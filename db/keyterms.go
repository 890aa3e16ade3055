package db

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// The modes of a key.
const (
	// ModeAsked: the request's model counts, and the selection answers "auto".
	ModeAsked = "asked"
	// ModeSelected: the selection answers every request, for tools with hard-wired names.
	ModeSelected = "selected"
)

// mostPatterns bounds what a key's list may hold: each request is compared with it.
const mostPatterns = 200

// KeyTerms are what a key may do and until when. The zero value is everything, for ever.
type KeyTerms struct {
	Selection string            // a router/NAME or a provider/model. Empty: settings.DefaultSelection
	Mode      string            // Empty: ModeAsked
	AllowList settings.Patterns // the models it may use. Empty: all
	LocalOnly bool              // nothing it sends may leave this machine
	Strict    bool              // a bare model name that several providers have is refused
	Rehearse  bool              // it may have failures simulated
	Limits    []settings.Limit
	Budget    settings.Budget // by the local calendar
	Expires   time.Time       // zero: never
}

// terms returns those of the key.
func (key *Key) terms() KeyTerms {
	return KeyTerms{Selection: key.Selection, Mode: key.Mode, AllowList: key.AllowList, LocalOnly: key.LocalOnly, Strict: key.Strict, Rehearse: key.Rehearse,
		Limits: key.Limits, Budget: key.Budget, Expires: key.Expires}
}

// setTerms gives the key terms, with what empty ones stand for filled in.
func (key *Key) setTerms(t KeyTerms) {
	key.Selection, key.Mode = cmp.Or(t.Selection, settings.DefaultSelection), cmp.Or(t.Mode, ModeAsked)
	key.AllowList, key.LocalOnly, key.Strict, key.Rehearse = slices.Clone(t.AllowList), t.LocalOnly, t.Strict, t.Rehearse
	key.Limits, key.Budget, key.Expires = slices.Clone(t.Limits), t.Budget, t.Expires
}

// check refuses terms that nobody can mean. was are those that hold now: a key that has expired can be changed
// otherwise. Whether the router or the provider of a selection exists is not known here.
func (k *Keys) check(t, was KeyTerms) error {
	if t.Selection != "" {
		if err := settings.CheckSelection(t.Selection); err != nil {
			return badTerm("selection", sentences(err))
		}
	}
	if t.Mode != "" && t.Mode != ModeAsked && t.Mode != ModeSelected {
		return badTerm("mode", fmt.Sprintf("%q is no mode of a key. Use asked (the application names the model) or selected (the selection answers everything).", t.Mode))
	}
	if len(t.AllowList) > mostPatterns {
		return badTerm("allow_list", fmt.Sprintf("A list of %d patterns is too long. Keep up to %d; * stands for any text.", len(t.AllowList), mostPatterns))
	}
	if err := t.AllowList.Check(); err != nil {
		return badTerm("allow_list", sentences(err))
	}
	if err := settings.CheckLimits(t.Limits); err != nil {
		return badTerm("limits", "The limits do not fit together: "+sentences(err))
	}
	if err := t.Budget.Check(); err != nil {
		return badTerm("budget", sentences(err))
	}
	if !t.Expires.IsZero() && !t.Expires.Equal(was.Expires) && !t.Expires.After(k.now()) {
		return badTerm("expires", fmt.Sprintf("The key would have expired at %s already. Choose a later day, or disable it.", t.Expires.Local().Format("2006-01-02 15:04")))
	}
	return nil
}

// sentences makes two of an error that says what to do behind a semicolon.
func sentences(err error) string {
	what, next, both := strings.Cut(err.Error(), "; ")
	if !both || next == "" {
		return what + "."
	}
	return what + ". " + strings.ToUpper(next[:1]) + next[1:] + "."
}

func badTerm(field, text string) error {
	return &llm.Error{Kind: llm.BadRequest, Status: http.StatusBadRequest, Param: field, Message: text}
}

// KeyChange is what is to become of a key; nil leaves a part as it is.
type KeyChange struct {
	Name    *string
	Enabled *bool
	Terms   func(*KeyTerms)
}

// Change changes a key in all the parts that are named or, on an error, in none. What was used within a limit's window
// that stays is not forgotten.
func (k *Keys) Change(id string, c KeyChange) error {
	return k.edit(id, func(key *Key) (err error) {
		if c.Terms != nil {
			was := key.terms()
			now := was
			c.Terms(&now)
			if err := k.check(now, was); err != nil {
				return err
			}
			key.setTerms(now)
		}
		if c.Enabled != nil {
			key.Disabled = !*c.Enabled
		}
		if c.Name == nil {
			return nil
		}
		if strings.TrimSpace(*c.Name) == "" {
			return badName("A key needs a name.")
		}
		key.Name, err = k.freeNameLocked(*c.Name, id)
		return err
	})
}

// SetTerms changes terms of a key, all at once or, on an error, none.
func (k *Keys) SetTerms(id string, change func(*KeyTerms)) error {
	return k.Change(id, KeyChange{Terms: change})
}

// SetSelection sets what "auto" stands for, and whether it answers every request.
func (k *Keys) SetSelection(id, selection, mode string) error {
	return k.SetTerms(id, func(t *KeyTerms) { t.Selection, t.Mode = selection, mode })
}

// SetLimits sets the limits of a key in place of those it had.
func (k *Keys) SetLimits(id string, limits []settings.Limit) error {
	return k.SetTerms(id, func(t *KeyTerms) { t.Limits = limits })
}

// SetBudget sets what a key may spend in a day and in a month.
func (k *Keys) SetBudget(id string, b settings.Budget) error {
	return k.SetTerms(id, func(t *KeyTerms) { t.Budget = b })
}

// SetExpiry sets when a key ends; the zero time is never.
func (k *Keys) SetExpiry(id string, at time.Time) error {
	return k.SetTerms(id, func(t *KeyTerms) { t.Expires = at })
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
