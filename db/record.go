package db

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"localrouter/db/secret"
)

// A record is a value with a checksum in front: bbolt has none for its pages, so without it a flipped bit in a key's
// record would only be met when the key is next used, long after the last good copy rotated away.
// The sum covers bucket and name too: a value that moved is not taken for another's.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(bucket []byte, name string, value []byte) uint32 {
	sum := crc32.Update(0, castagnoli, bucket)
	sum = crc32.Update(sum, castagnoli, []byte{0})
	sum = crc32.Update(sum, castagnoli, []byte(name))
	sum = crc32.Update(sum, castagnoli, []byte{0})
	return crc32.Update(sum, castagnoli, value)
}

func frame(bucket []byte, name string, value []byte) []byte {
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(value)), checksum(bucket, name, value))
	return append(out, value...)
}

// unframe returns the value inside a record, without copying it.
func unframe(bucket []byte, name string, record []byte) ([]byte, error) {
	if len(record) < 4 || binary.BigEndian.Uint32(record) != checksum(bucket, name, record[4:]) {
		return nil, fmt.Errorf("%w: record %q in %q has a wrong checksum", ErrDamaged, name, bucket)
	}
	return record[4:], nil
}

// getRecord returns a copy of the named value; nil, nil if there is none.
func getRecord(tx *bbolt.Tx, bucket []byte, name string) ([]byte, error) {
	b := tx.Bucket(bucket)
	if b == nil {
		return nil, nil
	}
	record := b.Get([]byte(name))
	if record == nil {
		return nil, nil
	}
	value, err := unframe(bucket, name, record)
	if err != nil {
		return nil, err
	}
	return append([]byte{}, value...), nil
}

func putRecord(tx *bbolt.Tx, bucket []byte, name string, value []byte) error {
	b := tx.Bucket(bucket)
	if b == nil {
		return fmt.Errorf("%w: bucket %q is gone", ErrDamaged, bucket)
	}
	return b.Put([]byte(name), frame(bucket, name, value))
}

// records gives the vault its header's place.
type records struct{ store *Store }

// Records is where the vault keeps its header.
func (s *Store) Records() secret.Records { return records{s} }

func (r records) Get(name string) (value []byte, err error) {
	err = r.store.view(func(tx *bbolt.Tx) error {
		value, err = getRecord(tx, bucketVault, name)
		return err
	})
	return value, err
}

func (r records) Put(name string, value []byte) error {
	if name == "" {
		return errors.New("a vault record needs a name")
	}
	return r.store.update(func(tx *bbolt.Tx) error { return putRecord(tx, bucketVault, name, value) })
}
