package db

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// RestStates hands out which credentials and models rest after a refusal, to be kept over a restart. It stands here
// because the store does not know what rests.
type RestStates interface {
	// Unsaved returns what changed since it was saved, by name. saved is called when it is on disk, and not at all where
	// that failed.
	Unsaved() (states map[string][]byte, saved func())
}

// KeepRests is a RecorderOptions.Extra: it saves what rests in the transactions of the recorder.
func KeepRests(r RestStates) func(*bbolt.Tx) error { return keepStates(bucketRests, r.Unsaved) }

// RestStates reads what KeepRests saved. What cannot be read is left out: it costs a few refusals to learn it again.
func (s *Store) RestStates() (map[string][]byte, error) {
	states, _, err := s.states(bucketRests)
	if err != nil {
		return nil, fmt.Errorf("read which credentials and models rest: %w", err)
	}
	return states, nil
}
