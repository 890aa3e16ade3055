package secret

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/keyring"
)

// memory is a place for the header that lives as long as the test.
type memory map[string][]byte

func (m memory) Get(name string) ([]byte, error)     { return m[name], nil }
func (m memory) Put(name string, value []byte) error { m[name] = value; return nil }

// fakeRing is a keyring that can be absent, locked, or hang until the test ends.
type fakeRing struct {
	keyring.Keyring
	locked bool          // changed between calls only
	hang   chan struct{} // nil: answers; changed between calls only
	calls  atomic.Int64
	mu     sync.Mutex // a call that was left behind may still run beside the next vault's
}

func newRing() *fakeRing { return &fakeRing{Keyring: keyring.NewArrayKeyring(nil)} }

var errPrompt = errors.New("object does not exist at path /")

func (f *fakeRing) open() (keyring.Keyring, error) {
	f.calls.Add(1)
	if hang := f.hang; hang != nil {
		<-hang
	}
	return f, nil
}

// A locked secret service also says that there is no such key.
func (f *fakeRing) Get(name string) (keyring.Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locked {
		return keyring.Item{}, keyring.ErrKeyNotFound
	}
	return f.Keyring.Get(name)
}

func (f *fakeRing) Set(item keyring.Item) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locked {
		return errPrompt
	}
	return f.Keyring.Set(item)
}

func absent() (keyring.Keyring, error) { return nil, keyring.ErrNoAvailImpl }

func options(t testing.TB, r Records, open func() (keyring.Keyring, error)) Options {
	return Options{Records: r, Open: open, KeyFile: filepath.Join(t.TempDir(), "secrets", "master.key")}
}

func want(t *testing.T, v *Vault, status, backend string) {
	t.Helper()
	s := v.State()
	if s.Status != status || s.Backend != backend || s.Detail == "" {
		t.Fatalf("state %+v, want %s %s", s, status, backend)
	}
	if v.Ready() != (status == Ready) {
		t.Fatal("Ready and State disagree")
	}
	if status == Ready {
		return
	}
	if _, err := v.Seal("k", "1", []byte("x")); !errors.Is(err, ErrLocked) {
		t.Fatalf("Seal: %v", err)
	}
}

func sealed(t *testing.T, v *Vault) []byte {
	t.Helper()
	b, err := v.Seal("key", "1", []byte("plain text"))
	if err != nil || bytes.Contains(b, []byte("plain")) {
		t.Fatal(b, err)
	}
	return b
}

func opens(t *testing.T, v *Vault, b []byte) {
	t.Helper()
	if p, err := v.Unseal("key", "1", b); err != nil || string(p) != "plain text" {
		t.Fatalf("Unseal: %q, %v", p, err)
	}
}

func TestNewVaultUsesTheKeyring(t *testing.T) {
	m, ring := memory{}, newRing()
	o := options(t, m, ring.open)
	v := Open(o)
	want(t, v, Ready, Keyring)
	b := sealed(t, v)
	if names, _ := ring.Keys(); len(names) != 1 {
		t.Errorf("items in the keyring: %v", names)
	}
	v = Open(o)
	want(t, v, Ready, Keyring)
	opens(t, v, b)
	if _, err := os.Stat(o.KeyFile); err == nil {
		t.Error("a key file was made as well")
	}
}

func TestNewVaultWithoutKeyringUsesAFile(t *testing.T) {
	for name, open := range map[string]func() (keyring.Keyring, error){
		"absent": absent,
		"locked": (&fakeRing{Keyring: keyring.NewArrayKeyring(nil), locked: true}).open,
		"panics": func() (keyring.Keyring, error) { panic("no bus") },
	} {
		t.Run(name, func(t *testing.T) {
			m := memory{}
			o := options(t, m, open)
			v := Open(o)
			want(t, v, Ready, File)
			b := sealed(t, v)
			if info, err := os.Stat(o.KeyFile); err != nil || info.Mode().Perm() != 0o600 {
				t.Fatal(info, err)
			}
			o.Open = newRing().open // a keyring that comes later changes nothing
			v = Open(o)
			want(t, v, Ready, File)
			opens(t, v, b)
		})
	}
}

func TestForceFileAsksNoKeyring(t *testing.T) {
	ring := newRing()
	o := options(t, memory{}, ring.open)
	o.ForceFile = true
	want(t, Open(o), Ready, File)
	if ring.calls.Load() != 0 {
		t.Error("the keyring was asked")
	}
}

func TestKeyringVaultNeverFallsBackToAFile(t *testing.T) {
	m, ring := memory{}, newRing()
	o := options(t, m, ring.open)
	b := sealed(t, Open(o))
	before := maps.Clone(m)

	o.Open = absent
	want(t, Open(o), Locked, Keyring)
	o.Open, o.ForceFile = ring.open, true // also with LOCALROUTER_HOME set later
	ring.locked = true
	v := Open(o)
	want(t, v, Locked, Keyring)
	if _, err := os.Stat(o.KeyFile); err == nil {
		t.Fatal("a key file was made")
	}
	if !maps.EqualFunc(m, before, bytes.Equal) {
		t.Fatal("the header was changed")
	}

	var told []State
	defer v.Subscribe(func(s State) { told = append(told, s) })()
	want(t, v, v.Retry(t.Context()).Status, Keyring)
	ring.locked = false
	if s := v.Retry(t.Context()); s.Status != Ready {
		t.Fatal(s)
	}
	opens(t, v, b)
	if len(told) != 1 || told[0].Status != Ready {
		t.Errorf("told %v", told)
	}
}

func TestLostAndWrongKeysAreToldApart(t *testing.T) {
	m, ring := memory{}, newRing()
	o := options(t, m, ring.open)
	want(t, Open(o), Ready, Keyring)
	before := maps.Clone(m)
	names, _ := ring.Keys()
	item, _ := ring.Get(names[0])

	ring.Remove(names[0])
	want(t, Open(o), AbsentKey, Keyring)
	ring.Set(keyring.Item{Key: names[0], Data: random(keySize)})
	want(t, Open(o), WrongKey, Keyring)
	ring.Set(keyring.Item{Key: names[0], Data: []byte("short")})
	want(t, Open(o), WrongKey, Keyring)
	if !maps.EqualFunc(m, before, bytes.Equal) {
		t.Fatal("the header was changed")
	}
	ring.Set(item)
	want(t, Open(o), Ready, Keyring)

	m[headerName] = bytes.Replace(m[headerName], []byte(`"check":"A`), []byte(`"check":"B`), 1)
	want(t, Open(o), Corrupt, Keyring)
	m[headerName] = []byte(`{"format":2}`)
	want(t, Open(o), Corrupt, "")
}

func TestLostKeyFile(t *testing.T) {
	o := options(t, memory{}, absent)
	want(t, Open(o), Ready, File)
	key, _ := os.ReadFile(o.KeyFile)
	os.WriteFile(o.KeyFile, []byte("not a key"), 0o600)
	want(t, Open(o), WrongKey, File)
	os.Remove(o.KeyFile)
	want(t, Open(o), AbsentKey, File)
	if _, err := os.Stat(o.KeyFile); err == nil {
		t.Fatal("a new key was made over sealed data")
	}
	os.WriteFile(o.KeyFile, key, 0o600)
	want(t, Open(o), Ready, File)
}

// A new database beside an old key file takes the old key: what was sealed before stays readable.
func TestNewVaultKeepsAnOldKeyFile(t *testing.T) {
	o := options(t, memory{}, absent)
	b := sealed(t, Open(o))
	o.Records = memory{}
	v := Open(o)
	want(t, v, Ready, File)
	opens(t, v, b)

	os.WriteFile(o.KeyFile, []byte("something else"), 0o600)
	o.Records = memory{}
	want(t, Open(o), Locked, File)
	if text, _ := os.ReadFile(o.KeyFile); string(text) != "something else" {
		t.Error("the file was overwritten")
	}
}

func TestHangingKeyring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, ring := memory{}, newRing()
		o := options(t, m, ring.open)
		b := sealed(t, Open(o))

		ring.hang = make(chan struct{})
		start := time.Now()
		v := Open(o)
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("the start took %v", d)
		}
		want(t, v, Locked, Keyring)
		calls := ring.calls.Load()
		v.Retry(t.Context())
		if ring.calls.Load() != calls {
			t.Error("a second call was made while the first still hangs")
		}

		fresh := options(t, memory{}, ring.open)
		start = time.Now()
		want(t, Open(fresh), Ready, File)
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("the first start took %v", d)
		}

		close(ring.hang)
		synctest.Wait()
		if s := v.Retry(t.Context()); s.Status != Ready {
			t.Fatal(s)
		}
		opens(t, v, b)
	})
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, ring := memory{}, newRing()
		o := options(t, m, ring.open)
		Open(o)
		o.Open = absent
		v := Open(o)
		ring.hang = make(chan struct{})
		v.ring.open = ring.open
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		v.Retry(ctx)
		if time.Since(start) != 0 {
			t.Error("it waited")
		}
		close(ring.hang)
		synctest.Wait()
	})
}

func TestSealedBytesBelongToTheirRecord(t *testing.T) {
	v := Open(options(t, memory{}, newRing().open))
	b := sealed(t, v)
	if bytes.Equal(b, sealed(t, v)) {
		t.Error("the nonce is not fresh")
	}
	for _, other := range [][2]string{{"key", "2"}, {"secret", "1"}, {"ke", "y1"}, {"", "key1"}} {
		if _, err := v.Unseal(other[0], other[1], b); !errors.Is(err, ErrTampered) {
			t.Errorf("as %v: %v", other, err)
		}
	}
	for i := range b {
		c := bytes.Clone(b)
		c[i] ^= 1
		if _, err := v.Unseal("key", "1", c); !errors.Is(err, ErrTampered) {
			t.Errorf("byte %d: %v", i, err)
		}
		if _, err := v.Unseal("key", "1", b[:i]); !errors.Is(err, ErrTampered) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
}

func TestPrivateRefusesLinks(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	os.WriteFile(target, nil, 0o644)
	os.Symlink(target, link)
	if err := Private(link); err == nil || !strings.Contains(err.Error(), "ordinary") {
		t.Error(err)
	}
	if err := Private(target); err != nil {
		t.Error(err)
	}
	if info, _ := os.Stat(target); info.Mode().Perm() != 0o600 {
		t.Error("the mode was not repaired")
	}
}

func FuzzHeader(f *testing.F) {
	m := memory{}
	Open(Options{Records: m, ForceFile: true, KeyFile: filepath.Join(f.TempDir(), "k")})
	f.Add(m[headerName])
	f.Add([]byte(`{"format":1,"backend":"file","id":"x","print":"AAAAAAAAAAA=","check":"AQ=="}`))
	key := random(keySize)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeHeader(b)
		if err == nil && h.accepts(key).Status == Ready {
			t.Error("a made-up header accepts a random key")
		}
	})
}

func FuzzUnseal(f *testing.F) {
	aead := newAEAD(random(keySize))
	f.Add(seal(aead, "a", "b", []byte("x")))
	f.Add([]byte{sealVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := unseal(aead, "key", "1", b); !errors.Is(err, ErrTampered) {
			t.Errorf("got %v", err)
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	f.Add(keyFileMark + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Fuzz(func(t *testing.T, text string) {
		if key, err := decodeKeyFile(text); err == nil && len(key) != keySize {
			t.Errorf("%d bytes", len(key))
		}
	})
}
