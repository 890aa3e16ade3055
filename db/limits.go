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
func KeepLimits(l LimitStates) func(*bbolt.Tx) error { return keepStates(bucketLimits, l.Unsaved) }

// keepStates saves what unsaved hands out under its names in a bucket.
func keepStates(bucket []byte, unsaved func() (map[string][]byte, func())) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		states, saved := unsaved()
		for name, state := range states {
			if state == nil {
				if err := tx.Bucket(bucket).Delete([]byte(name)); err != nil {
					return err
				}
				continue
			}
			if err := putRecord(tx, bucket, name, state); err != nil {
				return err
			}
		}
		if len(states) > 0 {
			tx.OnCommit(saved)
		}
		return nil
	}
}

// KeepAll is a RecorderOptions.Extra of several: they are kept or lost together.
func KeepAll(keep ...func(*bbolt.Tx) error) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		for _, k := range keep {
			if err := k(tx); err != nil {
				return err
			}
		}
		return nil
	}
}

// LimitStates reads what KeepLimits saved. A state that cannot be read is left out, with a notice.
func (s *Store) LimitStates() (map[string][]byte, error) {
	states, lost, err := s.states(bucketLimits)
	if err != nil {
		return nil, fmt.Errorf("read the limits: %w", err)
	}
	if lost > 0 {
		s.notice(fmt.Sprintf("What %d keys have used of their limits cannot be read; their windows begin empty.", lost))
	}
	return states, nil
}

// states reads what keepStates saved, and counts what cannot be read.
func (s *Store) states(bucket []byte) (states map[string][]byte, lost int, err error) {
	states = map[string][]byte{}
	err = s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(name, record []byte) error {
			state, err := unframe(bucket, string(name), record)
			if err != nil {
				lost++
				return nil
			}
			states[string(name)] = append([]byte{}, state...)
			return nil
		})
	})
	return states, lost, err
}
