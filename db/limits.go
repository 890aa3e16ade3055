package db

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// LimitStates hands out what the windows of the limits hold, to be kept over a restart. It stands here because the store
// knows states by their names only.
type LimitStates interface {
	// Unsaved returns the states that changed since they were saved, by name; nil is for one to forget. saved is called
	// when they are on disk, and not at all where that failed.
	Unsaved() (states map[string][]byte, saved func())
}

// KeepLimits is a RecorderOptions.Extra: it saves the windows of limits in the transactions of the recorder.
func KeepLimits(l LimitStates) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		states, saved := l.Unsaved()
		for name, state := range states {
			if state == nil {
				if err := tx.Bucket(bucketLimits).Delete([]byte(name)); err != nil {
					return err
				}
				continue
			}
			if err := putRecord(tx, bucketLimits, name, state); err != nil {
				return err
			}
		}
		if len(states) > 0 {
			tx.OnCommit(saved)
		}
		return nil
	}
}

// LimitStates reads what KeepLimits saved. A state that cannot be read is left out, with a notice.
func (s *Store) LimitStates() (map[string][]byte, error) {
	states := map[string][]byte{}
	lost := 0
	err := s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketLimits).ForEach(func(name, record []byte) error {
			state, err := unframe(bucketLimits, string(name), record)
			if err != nil {
				lost++
				return nil
			}
			states[string(name)] = append([]byte{}, state...)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the limits: %w", err)
	}
	if lost > 0 {
		s.notice(fmt.Sprintf("What %d keys have used of their limits cannot be read; their windows begin empty.", lost))
	}
	return states, nil
}
