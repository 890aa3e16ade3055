package db

import (
	"time"

	"localrouter/providers/llm"
)

// Entry is the record of one request. It is filled along the way by the goroutine that serves the request and handed
// to Recorder.Record exactly once; metrics, log, limits, tray and dashboard all come from it.
type Entry struct {
	ID    string    // request id, as in X-LocalRouter-Request-Id
	Start time.Time // with a monotonic reading

	KeyID, Key      string // of the application's key; empty where none was accepted
	Provider, Model string // that answered, or was tried last; empty where none was tried
	Asked           string // the model as the application wrote it
	Dialect         llm.Dialect
	Op              llm.Op
	Path            string // the gateway's path, without its query
	Tag             string // the application's X-LocalRouter-Tag, cleaned and cut
	Stream          bool

	Status int      // sent to the application; 499 where it went away before
	Kind   llm.Kind // empty: a success
	Error  string   // for people, redacted and cut
	Finish string   // why the model stopped, in the provider's word

	Usage      llm.Usage
	Cost       llm.PicoUSD
	CostSource llm.CostSource

	Latency    time.Duration // request in to last byte out
	FirstToken time.Duration // request in to first content; 0 where there was none
	Attempts   []llm.Attempt
	Route      *llm.Route // how a router chose; nil where none did
}

// Counted reports whether the entry counts as a request in metrics: everything a key was accepted for and a provider
// was tried for. Lists, pings and refusals are logged only.
func (e *Entry) Counted() bool { return e.Provider != "" }
