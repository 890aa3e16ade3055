package health

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"localrouter/providers/llm"
)

// Saved is a rest as it is kept over a restart, by the clock on the wall.
type Saved struct {
	Provider   string    `json:"provider"`
	Credential string    `json:"credential,omitempty"`
	Model      string    `json:"model,omitempty"`
	Cause      Cause     `json:"cause"`
	Until      time.Time `json:"until"`
	At         time.Time `json:"at"` // when it was saved
	Level      int       `json:"level,omitempty"`
	Kind       llm.Kind  `json:"kind,omitempty"` // of what caused it, as the fields below
	Status     int       `json:"status,omitempty"`
	Code       string    `json:"code,omitempty"`
	Message    string    `json:"message,omitempty"`
}

// mostSaved bounds what is kept; of more, those that end first are left out.
const mostSaved = 1000

// Export returns the rests that are not over. Breakers are not among them: they are found out anew in seconds.
func (t *Tracker) Export() []Saved {
	now := t.now()
	at := t.at(now)
	wall := now.Round(0) // what goes to disk has no monotonic part
	t.mu.RLock()
	defer t.mu.RUnlock()
	var list []Saved
	for _, p := range t.providers {
		p.mu.Lock()
		p.eachRestLocked(func(model, credential string, r *rest) {
			if r.until <= at {
				return
			}
			s := Saved{Provider: p.name, Credential: credential, Model: model, Cause: r.cause,
				Until: wall.Add(time.Duration(r.until - at)), At: wall, Level: r.level}
			if e := r.last; e != nil {
				s.Kind, s.Status, s.Code, s.Message = e.Kind, e.Status, e.Code, e.Message
			}
			list = append(list, s)
		})
		p.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b Saved) int { return b.Until.Compare(a.Until) })
	return list[:min(len(list), mostSaved)]
}

// Restore takes up the rests of the run before. None lasts longer than it had left when it was saved, nor than its
// ceiling, whatever the clock on the wall did since.
func (t *Tracker) Restore(list []Saved) {
	now := t.now()
	at := t.at(now)
	for i := range list {
		s := &list[i]
		left := min(s.Until.Sub(now.Round(0)), s.Until.Sub(s.At), s.Cause.longest())
		if left <= 0 || s.Provider == "" {
			continue
		}
		p := t.provider(s.Provider)
		p.mu.Lock()
		if r := p.restLocked(s, at); r != nil && r.until < at+int64(left) {
			r.cause, r.until, r.since, r.level = s.Cause, at+int64(left), p.next(), min(max(s.Level, 1), 64)
			r.last = &llm.Error{Kind: s.Kind, Provider: s.Provider, Model: s.Model, Status: s.Status, Code: s.Code, Message: s.Message}
			r.set()
		}
		p.mu.Unlock()
	}
}

// restLocked finds what rests for a cause.
func (p *provider) restLocked(s *Saved, at int64) *rest {
	switch {
	case s.Cause == QuotaUsed || s.Cause == KeyRefused:
		return p.keyLocked(s.Credential)
	case s.Model == "":
		return nil
	case s.Cause == RateLimited:
		p.keyLocked(s.Credential)
		return p.modelLocked(s.Model, at).pairLocked(s.Credential)
	case s.Cause == ModelUnknown:
		return &p.modelLocked(s.Model, at).rest
	}
	return nil
}

// stateName is the one name under which the rests are kept.
const stateName = "rests"

// Unsaved returns the rests if any changed since they were saved. saved must be called once they are on disk.
func (t *Tracker) Unsaved() (states map[string][]byte, saved func()) {
	version := t.version.Load()
	if version == t.saved.Load() {
		return nil, func() {}
	}
	text, err := json.Marshal(t.Export())
	if err != nil { // a clock beyond the year 9999
		return nil, func() {}
	}
	return map[string][]byte{stateName: text}, func() { t.saved.Store(version) }
}

// Load takes up what Unsaved returned in the run before. It must be called before anything else.
func (t *Tracker) Load(states map[string][]byte) error {
	text := states[stateName]
	if text == nil {
		return nil
	}
	var list []Saved
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("%w: %w", errSaved, err)
	}
	t.Restore(list[:min(len(list), mostSaved)])
	return nil
}

var errSaved = errors.New("which credentials and models were resting cannot be read; all are tried anew")
