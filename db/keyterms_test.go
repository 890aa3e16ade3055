package db

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"localrouter/db/settings"
)

func parseLimits(t *testing.T, texts ...string) (list []settings.Limit) {
	t.Helper()
	for _, text := range texts {
		l, err := settings.ParseLimit(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	return list
}

func TestTermsOfAKeyStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	k := keysFor(t, s)
	limits, end := parseLimits(t, "requests=100/1m", "cost=0.25/30d"), time.Now().Add(time.Hour).Truncate(time.Second)
	key, _, err := k.CreateWith("editor", KeyTerms{Limits: limits, Expires: end})
	if err != nil || !slices.Equal(key.Limits, limits) || !key.Expires.Equal(end) {
		t.Fatalf("%+v %v", key, err)
	}
	plain, _, _ := k.Create("plain")
	if err := k.SetLimits(plain.ID, limits[:1]); err != nil {
		t.Fatal(err)
	}
	if now := k.Get(plain.ID); now.Revision <= plain.Revision {
		t.Errorf("revision %d after %d", now.Revision, plain.Revision)
	}
	k.SetExpiry(plain.ID, end)
	if err := k.SetExpiry(plain.ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	k = keysFor(t, openTest(t, path))
	if key = k.Get(key.ID); !slices.Equal(key.Limits, limits) || !key.Expires.Equal(end) {
		t.Errorf("after a restart %+v", key)
	}
	if plain = k.Get(plain.ID); !slices.Equal(plain.Limits, limits[:1]) || !plain.Expires.IsZero() {
		t.Errorf("after a restart %+v", plain)
	}
}

func TestTermsNobodyCanMean(t *testing.T) {
	k := keysFor(t, openTest(t, filepath.Join(t.TempDir(), "a.db")))
	for says, terms := range map[string]KeyTerms{
		"two limits count requests in 1m": {Limits: parseLimits(t, "requests=1/1m", "requests=2/60s")},
		"expired":                         {Expires: time.Now().Add(-time.Second)},
		"21 limits":                       {Limits: make([]settings.Limit, 21)},
	} {
		if _, _, err := k.CreateWith("x", terms); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if len(k.List()) != 0 {
		t.Error("a key was made")
	}
}

// TestAnExpiredKeyIsRefusedAtOnce and those who watch the keys hear of it in the same moment.
func TestAnExpiredKeyIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, filepath.Join(t.TempDir(), "a.db"))
		k := keysFor(t, s)
		key, token, err := k.CreateWith("guest", KeyTerms{Expires: time.Now().Add(90 * time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		var told atomic.Int64
		defer k.Subscribe(func() {
			if k.Ended(key) != nil {
				told.Add(1)
			}
		})()
		time.Sleep(90*time.Minute - time.Millisecond)
		if _, e := k.ByToken(token); e != nil || told.Load() != 0 {
			t.Fatalf("before its end: %v", e)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if told.Load() != 1 {
			t.Errorf("told %d times, want once", told.Load())
		}
		_, e := k.ByToken(token)
		if e == nil || e.Status != 403 || e.Code != "key_expired" || !strings.Contains(e.Message, "keys set guest --expires") {
			t.Errorf("%+v", e)
		}
		if e := k.Ended(key); e == nil || e.Code != "key_expired" {
			t.Errorf("%+v", e)
		}
		if err := k.SetExpiry(key.ID, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, e := k.ByToken(token); e != nil {
			t.Errorf("with more time it is refused still: %v", e)
		}
		s.Close()
	})
}

// TestFilesOfTheFirstSchemaAreTakenUp: keys stay, nothing is limited, and the file as it was lies beside.
func TestFilesOfTheFirstSchemaAreTakenUp(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	s := openTest(t, path)
	_, token, err := keysFor(t, s).Create("old")
	if err != nil {
		t.Fatal(err)
	}
	err = s.update(func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket(bucketLimits); err != nil {
			return err
		}
		return putRecord(tx, bucketMeta, "schema", []byte("1"))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = openTest(t, path)
	key, e := keysFor(t, s).ByToken(token)
	if e != nil || len(key.Limits) != 0 || !key.Expires.IsZero() {
		t.Errorf("%+v %v", key, e)
	}
	if states, err := s.LimitStates(); err != nil || len(states) != 0 {
		t.Errorf("%v %v", states, err)
	}
	found, err := checkFile(filepath.Join(dir, "copies", "schema-1.db"))
	if err != nil || found.schema != 1 {
		t.Errorf("the copy: %+v %v", found, err)
	}
	s.Close()
	if found, err = checkFile(path); err != nil || found.schema != schema {
		t.Errorf("%+v %v", found, err)
	}
	if info, _ := os.Stat(filepath.Join(dir, "copies", "schema-1.db")); info.Mode().Perm() != 0o600 {
		t.Errorf("the copy is %v", info.Mode())
	}
}
