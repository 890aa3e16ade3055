package server

import (
	"sync"

	"localrouter/db"
	"localrouter/providers/llm"
	"localrouter/routing"
)

// policies holds what routing may know of each key. A key never changes, so that its policy is made once; after a change
// of the keys all are made anew when they are asked for.
type policies struct{ m sync.Map } // *db.Key -> *routing.Policy

func (p *policies) of(key *db.Key) *routing.Policy {
	if known, ok := p.m.Load(key); ok {
		return known.(*routing.Policy)
	}
	made := &routing.Policy{ID: key.ID, Name: key.Name, Selection: key.Selection, Mode: key.Mode, Allow: key.AllowList,
		LocalOnly: key.LocalOnly, Strict: key.Strict, Rehearse: key.Rehearse}
	known, _ := p.m.LoadOrStore(key, made)
	return known.(*routing.Policy)
}

func (p *policies) forget() { p.m.Clear() }

// policy is that of the request's key.
func (x *exchange) policy() *routing.Policy { return x.g.policies.of(x.key) }

// rehearsal reads X-LocalRouter-Simulate, by which an application with the right key sees what happens when the first
// target fails.
func (x *exchange) rehearsal() (bool, *llm.Error) {
	v := x.r.Header["X-Localrouter-Simulate"]
	switch {
	case len(v) == 0:
		return false, nil
	case len(v) > 1 || v[0] != "primary-fails":
		return false, badRequest("invalid_simulation", "X-LocalRouter-Simulate knows \"primary-fails\" only: the first target fails without being asked. Send that, or leave the header out.")
	case !x.key.Rehearse:
		return false, forbidden("simulation_not_allowed", "The key "+x.key.Name+" may not rehearse failures. Allow it with `localrouter keys set "+x.key.Name+" --rehearse`, or leave X-LocalRouter-Simulate out.")
	}
	return true, nil
}

// sessions are the header fields by which applications name a conversation.
var sessions = [...]string{"X-Localrouter-Session", "X-Session-Id", "X-Claude-Code-Session-Id", "Session-Id"}

func (x *exchange) session() string {
	for _, name := range sessions {
		if v := x.r.Header[name]; len(v) == 1 && v[0] != "" {
			return cutText(v[0], 256)
		}
	}
	return ""
}
