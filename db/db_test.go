package db

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"localrouter/db/secret"
)

// full reports whether the long runs are asked for.
func full() bool { return os.Getenv("LOCALROUTER_FULL") == "1" }

func openTest(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !s.damaged.Load() {
			t.Error(err)
		}
		if _, err := checkFile(path); err != nil && !s.damaged.Load() {
			t.Error("after the test:", err)
		}
	})
	return s
}

func vaultFor(t testing.TB, s *Store) *secret.Vault {
	t.Helper()
	v := secret.Open(secret.Options{Records: s.Records(), KeyFile: filepath.Join(filepath.Dir(s.path), "master.key"), ForceFile: true})
	if v.State().Status != secret.Ready {
		t.Fatal(v.State())
	}
	return v
}

func keysFor(t testing.TB, s *Store) *Keys {
	t.Helper()
	k, err := s.OpenKeys(vaultFor(t, s), KeyOptions{Cost: 4})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestInstallIDStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	id := s.InstallID()
	if len(id) != 16 {
		t.Fatalf("install id %q", id)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal("closing twice:", err)
	}
	if got := openTest(t, path).InstallID(); got != id {
		t.Errorf("install id %q after restart, want %q", got, id)
	}
}

func TestSecondInstanceIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	openTest(t, path)
	start := time.Now()
	if _, err := Open(path, Options{}); !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v, want ErrInUse", err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %v", d)
	}
}

func TestFilesArePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	if err := s.Copy(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, path)
	for _, p := range append(s.copyNames(), path, path+".lock") {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", p, info.Mode(), err)
		}
	}
}

func TestLinkIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "a.db")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "a.db"), Options{}); err == nil || !strings.Contains(err.Error(), "ordinary") {
		t.Errorf("got %v", err)
	}
}

func TestNewerSchemaIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	if err := s.update(func(tx *bbolt.Tx) error {
		return putRecord(tx, bucketMeta, "schema", strconv.AppendInt(nil, schema+1, 10))
	}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	before, _ := os.ReadFile(path)
	if _, err := Open(path, Options{}); !errors.Is(err, ErrNewer) {
		t.Fatalf("got %v, want ErrNewer", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

func TestThreeCopiesAreKeptAndOnlyIfSomethingChanged(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	s, err := Open(filepath.Join(t.TempDir(), "a.db"), Options{Now: func() time.Time { now = now.Add(time.Second); return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 5 {
		if err := s.Records().Put("x", []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second finds nothing new
			if err := s.Copy(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(s.copyNames()); n != keepCopies {
		t.Errorf("%d copies", n)
	}
	if entries, _ := os.ReadDir(s.copies); len(entries) != keepCopies {
		t.Errorf("%d files in the folder of copies", len(entries))
	}
}

// A damaged file, however it is damaged, never ends the program, and the key of the last copy works again.
func TestMutatedFilesNeverCrash(t *testing.T) {
	rounds := 100
	if full() {
		rounds = 1000
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.db")
	s := openTest(t, path)
	k := keysFor(t, s)
	key, token, err := k.Create("")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		fill(t, s, 300)
	}
	if err := s.Copy(context.Background()); err != nil {
		t.Fatal(err)
	}
	copies := s.copies
	s.Close()
	good, _ := os.ReadFile(path)
	master, _ := os.ReadFile(filepath.Join(dir, "master.key"))

	restored := 0
	for round := range rounds {
		rng := rand.New(rand.NewPCG(uint64(round), 1))
		home := filepath.Join(t.TempDir(), "h")
		os.Mkdir(home, 0o700)
		os.WriteFile(filepath.Join(home, "a.db"), mutate(rng, good), 0o600)
		os.WriteFile(filepath.Join(home, "master.key"), master, 0o600)
		os.Mkdir(filepath.Join(home, "copies"), 0o700)
		old, err := filepath.Glob(filepath.Join(copies, "*"))
		if err != nil || len(old) != 1 {
			t.Fatal(old, err)
		}
		os.Link(old[0], filepath.Join(home, "copies", filepath.Base(old[0])))
		s, err := Open(filepath.Join(home, "a.db"), Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if s.Restored() {
			restored++
			if len(s.Notices()) == 0 {
				t.Errorf("round %d: restored without a notice", round)
			}
		}
		k := keysFor(t, s)
		if got, err := k.ByToken(token); err != nil || got.ID != key.ID {
			t.Errorf("round %d: the key is lost: %v (restored %v)", round, err, s.Restored())
		}
		if _, _, err := k.Create(""); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		fill(t, s, 50)
		if err := s.Close(); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
	t.Logf("%d of %d files were restored from the copy, the others were harmless", restored, rounds)
}

func fill(t testing.TB, s *Store, n int) {
	t.Helper()
	err := s.update(func(tx *bbolt.Tx) error {
		for range n {
			if err := tx.Bucket(bucketMinutes).Put([]byte(randomHex(10)), make([]byte, 90)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// mutate damages a file as disks, editors and half-done writes do.
func mutate(rng *rand.Rand, good []byte) []byte {
	b := bytes.Clone(good)
	for range 1 + rng.IntN(4) {
		at := rng.IntN(len(b))
		switch rng.IntN(6) {
		case 0:
			b[at] ^= 1 << rng.IntN(8)
		case 1: // in the head of a page, where it hurts most
			b[at&^4095+rng.IntN(min(64, len(b)-at&^4095))] = byte(rng.Uint32())
		case 2:
			clear(b[at:min(len(b), at+rng.IntN(8192))])
		case 3:
			b = b[:max(1, at)]
		case 4:
			for i := range b[at:min(len(b), at+16)] {
				b[at+i] = byte(rng.Uint32())
			}
		case 5:
			copy(b[at:], good[rng.IntN(len(good)):])
		}
	}
	return b
}

func TestFaultInTransactionIsAnError(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "a.db"))
	err := s.update(func(*bbolt.Tx) error { panic("page 7: bad") })
	if !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	if err := s.update(func(*bbolt.Tx) error { return nil }); !errors.Is(err, ErrDamaged) {
		t.Errorf("a write after a fault: %v", err)
	}
	if err := s.Copy(context.Background()); !errors.Is(err, ErrDamaged) {
		t.Errorf("a copy after a fault: %v", err)
	}
}

// The file cut under the running program is a fault of the memory map: SIGBUS, which must become an error.
func TestFileCutWhileRunning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	fill(t, s, 5000)
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	err := s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMinutes).ForEach(func(_, v []byte) error { return nil })
	})
	if !errors.Is(err, ErrDamaged) {
		t.Fatalf("got %v", err)
	}
	s.Close()
	if s = openTest(t, path); !s.Restored() {
		t.Error("the next start took the cut file")
	}
}

// A big file closed in order is not read whole again at the next start, unless somebody wrote to it since.
func TestBigFileIsCheckedOnlyIfTouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	s.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketState).Put([]byte("big"), make([]byte, alwaysCheck)) })
	for range 3 {
		fill(t, s, 2000)
	}
	if err := s.Copy(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.Close()
	info, _ := os.Stat(path)
	if mark, ok := readMark(path); !ok || !mark.fits(info) || info.Size() <= alwaysCheck {
		t.Fatalf("%+v does not fit %d bytes", mark, info.Size())
	}
	s = openTest(t, path)
	if _, ok := readMark(path); ok || s.Restored() {
		t.Error("the mark must be gone while the file is open")
	}
	s.Close()

	f, _ := os.OpenFile(path, os.O_WRONLY, 0)
	f.WriteAt(make([]byte, 64<<10), 8192)
	f.Close()
	if s = openTest(t, path); !s.Restored() {
		t.Error("a file that was written to since was taken unread")
	}
}

func FuzzCheck(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a.db")
	s, err := Open(path, Options{})
	if err != nil {
		f.Fatal(err)
	}
	s.Close()
	good, _ := os.ReadFile(path)
	f.Add(good)
	f.Add(good[:5000])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := check(bytes.NewReader(b), int64(len(b))); err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("unexpected kind of error: %v", err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.db")
	s, err := Open(path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	for range 20 {
		fill(b, s, 3000)
	}
	s.Close()
	info, _ := os.Stat(path)
	b.ReportMetric(float64(info.Size())/(1<<20), "MB")
	for b.Loop() {
		s, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
