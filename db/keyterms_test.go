package db

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
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

// TestRoutingTermsOfAKeyStay, all of them, and a change of some leaves the others.
func TestRoutingTermsOfAKeyStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	k := keysFor(t, s)
	plain, _, err := k.Create("plain")
	if err != nil || plain.Selection != "router/minimum-cost" || plain.Mode != ModeAsked || plain.AllowList != nil || plain.LocalOnly {
		t.Fatalf("a new key: %+v %v", plain, err)
	}
	want := KeyTerms{Selection: "router/fast", Mode: ModeSelected, AllowList: settings.Patterns{"openai/*", "ollama"}, LocalOnly: true, Strict: true, Rehearse: true,
		Limits: parseLimits(t, "requests=100/1m"), Budget: settings.Budget{Day: 2e12, Month: 20e12}, Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Second)}
	key, _, err := k.CreateWith("editor", want)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	k = keysFor(t, openTest(t, path))
	if diff := cmp.Diff(want, k.Get(key.ID).terms()); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	if err := k.SetTerms(key.ID, func(t *KeyTerms) { t.Selection = "ollama/llama3.3:8b" }); err != nil {
		t.Fatal(err)
	}
	want.Selection = "ollama/llama3.3:8b"
	if diff := cmp.Diff(want, k.Get(key.ID).terms()); diff != "" {
		t.Errorf("after another selection (-want +got):\n%s", diff)
	}
	if err := k.SetTerms(key.ID, func(t *KeyTerms) { t.LocalOnly, t.Mode = false, "never" }); err == nil {
		t.Fatal("a mode that is none was taken")
	}
	if diff := cmp.Diff(want, k.Get(key.ID).terms()); diff != "" {
		t.Errorf("after a change that was refused (-want +got):\n%s", diff)
	}
	own, _, err := k.Internal("demo")
	if err != nil || own.Selection != settings.DefaultSelection || own.Mode != ModeAsked {
		t.Errorf("the program's own key: %+v %v", own, err)
	}
}

// TestAnExpiredKeyCanBeChanged: its end lies in the past, and is not what is changed.
func TestAnExpiredKeyCanBeChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, filepath.Join(t.TempDir(), "a.db"))
		k := keysFor(t, s)
		key, _, err := k.CreateWith("guest", KeyTerms{Expires: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if err := k.SetSelection(key.ID, "router/fast", ModeSelected); err != nil {
			t.Error(err)
		}
		s.Close()
	})
}

func TestTermsNobodyCanMean(t *testing.T) {
	k := keysFor(t, openTest(t, filepath.Join(t.TempDir(), "a.db")))
	for says, terms := range map[string]KeyTerms{
		"two limits count requests in 1m": {Limits: parseLimits(t, "requests=1/1m", "requests=2/60s")},
		"expired":                         {Expires: time.Now().Add(-time.Second)},
		"21 limits":                       {Limits: make([]settings.Limit, 21)},
		`"auto" is no selection`:          {Selection: "auto"},
		`"auto/x" is no selection`:        {Selection: "auto/x"},
		"no name of a router":             {Selection: "router/Minimum Cost"},
		`"Open AI/gpt" is no selection`:   {Selection: "Open AI/gpt"},
		"no mode of a key":                {Mode: "always"},
		`"openai/" is not a pattern`:      {AllowList: settings.Patterns{"openai/"}},
		"is not a model of a provider":    {AllowList: settings.Patterns{"router/minimum-cost"}},
		"list of 201 patterns":            {AllowList: slices.Repeat(settings.Patterns{"ollama"}, 201)},
		"a budget is from 0":              {Budget: settings.Budget{Month: -1}},
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

// TestFilesOfEarlierSchemasAreTakenUp: keys stay and may what they could, and the file as it was lies beside.
func TestFilesOfEarlierSchemasAreTakenUp(t *testing.T) {
	for _, old := range []int{1, 2} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.db")
		s := openTest(t, path)
		_, token, err := keysFor(t, s).Create("old")
		if err != nil {
			t.Fatal(err)
		}
		err = s.update(func(tx *bbolt.Tx) error {
			if old == 1 {
				if err := tx.DeleteBucket(bucketLimits); err != nil {
					return err
				}
			}
			return putRecord(tx, bucketMeta, "schema", []byte(strconv.Itoa(old)))
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = openTest(t, path)
		key, e := keysFor(t, s).ByToken(token)
		if e != nil {
			t.Fatal(e)
		}
		if diff := cmp.Diff(KeyTerms{Selection: settings.DefaultSelection, Mode: ModeAsked}, key.terms()); diff != "" {
			t.Errorf("schema %d (-want +got):\n%s", old, diff)
		}
		if states, err := s.LimitStates(); err != nil || len(states) != 0 {
			t.Errorf("%v %v", states, err)
		}
		kept := filepath.Join(dir, "copies", fmt.Sprintf("schema-%d.db", old))
		found, err := checkFile(kept)
		if err != nil || found.schema != old {
			t.Errorf("the copy: %+v %v", found, err)
		}
		s.Close()
		if found, err = checkFile(path); err != nil || found.schema != schema {
			t.Errorf("%+v %v", found, err)
		}
		if info, _ := os.Stat(kept); info.Mode().Perm() != 0o600 {
			t.Errorf("the copy is %v", info.Mode())
		}
	}
}

// TestARecordFromBeforeThereWereRouters holds nothing of them, and means what it could do then.
func TestARecordFromBeforeThereWereRouters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	k := keysFor(t, s)
	sealed, err := k.vault.Seal(keyKind, "key-old", []byte(`{"name":"old","prefix":"lr-aaaaa","hash":"AA==","hint":7,"generation":1,"created":"2026-01-02T03:04:05Z",`+
		`"limits":[{"kind":"requests","limit":3,"window":"1m"}]}`))
	if err == nil {
		err = s.update(func(tx *bbolt.Tx) error { return putRecord(tx, bucketKeys, "key-old", sealed) })
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	key := keysFor(t, openTest(t, path)).Get("key-old")
	want := KeyTerms{Selection: settings.DefaultSelection, Mode: ModeAsked, Limits: parseLimits(t, "requests=3/1m")}
	if diff := cmp.Diff(want, key.terms()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
