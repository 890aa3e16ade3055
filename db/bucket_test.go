package db

import (
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// TestABucketThatAProgramDoesNotKnow is in the way of neither: a file without the rests gets an empty bucket and keeps
// its schema, and one with a bucket of a later program is opened and keeps it.
func TestABucketThatAProgramDoesNotKnow(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	s := openTest(t, path)
	err := s.update(func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket(bucketRests); err != nil {
			return err
		}
		later, err := tx.CreateBucket([]byte("later"))
		if err != nil {
			return err
		}
		return later.Put([]byte("a"), []byte("not framed as ours"))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = openTest(t, path)
	if states, err := s.RestStates(); err != nil || len(states) != 0 || s.Restored() || len(s.Notices()) != 0 {
		t.Errorf("%v %v, restored %t, %v", states, err, s.Restored(), s.Notices())
	}
	var kept string
	if err := s.view(func(tx *bbolt.Tx) error { kept = string(tx.Bucket([]byte("later")).Get([]byte("a"))); return nil }); err != nil || kept != "not framed as ours" {
		t.Errorf("%q %v", kept, err)
	}
	s.Close()
	if found, err := checkFile(path); err != nil || found.schema != schema {
		t.Errorf("%+v %v", found, err)
	}
	if older, err := filepath.Glob(filepath.Join(dir, "copies", "schema-*.db")); err != nil || len(older) != 0 {
		t.Errorf("it was taken for an older schema: %v %v", older, err)
	}
}
