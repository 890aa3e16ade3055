package db

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/keyring"

	"localrouter/db/secret"
	"localrouter/providers/llm"
)

// A test that names TestKilled's folder runs as its child: it makes keys and says each one aloud once it is kept.
func TestMain(m *testing.M) {
	if home := os.Getenv("LOCALROUTER_TEST_KILLED"); home != "" {
		makeKeysUntilKilled(home)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func makeKeysUntilKilled(home string) {
	s, err := Open(filepath.Join(home, "a.db"), Options{})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	v := secret.Open(secret.Options{Records: s.Records(), KeyFile: filepath.Join(home, "master.key"), ForceFile: true})
	k, err := s.OpenKeys(v, KeyOptions{Cost: 4})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for {
		_, token, err := k.Create("")
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("kept", token)
	}
}

func TestKilledProcessLosesNoKey(t *testing.T) {
	rounds := 30
	if full() {
		rounds = 500
	}
	home := t.TempDir()
	var kept []string
	for round := range rounds {
		kept = append(kept, killOnce(t, home, 1+rand.IntN(12))...)
		s, err := Open(filepath.Join(home, "a.db"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Restored() {
			t.Fatalf("round %d: %v", round, s.Notices())
		}
		k := keysFor(t, s)
		start := max(0, len(kept)-40) // those of the last kills; the end of the test looks at all
		if round == rounds-1 {
			start = 0
		}
		for _, token := range kept[start:] {
			if _, err := k.ByToken(token); err != nil {
				t.Fatalf("round %d: a kept key is lost: %v", round, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d keys over %d kills", len(kept), rounds)
}

// killOnce kills a child after it has kept n keys, at whatever it is doing then, and returns all it said.
func killOnce(t *testing.T, home string, n int) (kept []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LOCALROUTER_TEST_KILLED="+home)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		token, ok := strings.CutPrefix(lines.Text(), "kept ")
		if !ok {
			t.Error(lines.Text())
		}
		kept = append(kept, token)
		if len(kept) == n {
			for range rand.IntN(200_000) { // a random moment inside the next write, without a clock
			}
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	return kept
}

func TestKeyLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	k := keysFor(t, s)
	changes := 0
	defer k.Subscribe(func() { changes++ })()

	key, token, err := k.Create("")
	if err != nil || key.Name != "my-app-1" || !looksLikeToken(token) || key.Prefix != token[:8] {
		t.Fatal(key, token, err)
	}
	if second, _, _ := k.Create(""); second.Name != "my-app-2" {
		t.Error(second.Name)
	}
	live, e := k.ByToken(token)
	if e != nil || live.ID != key.ID || k.Ended(live) != nil {
		t.Fatal(live, e)
	}
	if k.Get(key.ID).LastUsed.IsZero() {
		t.Error("the use was not noted")
	}
	if err := k.SetEnabled(key.ID, false); err != nil || k.Ended(live) == nil {
		t.Error("a disabled key is still live", err)
	}
	if _, e := k.ByToken(token); e == nil || e.Kind != llm.KeyDisabled || e.Status != 403 {
		t.Error(e)
	}
	k.SetEnabled(key.ID, true)
	if err := k.Rename(key.ID, "editor"); err != nil || k.Get(key.ID).Name != "editor" {
		t.Error(err)
	}
	fresh, err := k.Regenerate(key.ID)
	if err != nil || k.Ended(live) == nil {
		t.Error("the old secret is still live", err)
	}
	if _, e := k.ByToken(token); e == nil || e.Kind != llm.InvalidKey || e.Status != 401 {
		t.Error(e)
	}
	if changes != 6 {
		t.Errorf("%d changes told", changes)
	}
	if _, e := k.ByToken(fresh); e != nil {
		t.Error(e)
	}
	s.Close()

	s = openTest(t, path)
	k = keysFor(t, s)
	if got, e := k.ByToken(fresh); e != nil || got.Name != "editor" || k.Get(key.ID).LastUsed.IsZero() {
		t.Fatal("after a restart:", got, e)
	}
	if err := k.Delete(key.ID); err != nil || k.Get(key.ID) != nil {
		t.Error(err)
	}
	if _, e := k.ByToken(fresh); e == nil || e.Kind != llm.InvalidKey {
		t.Error(e)
	}
	if err := k.Delete(key.ID); llm.AsError(err).Status != 404 {
		t.Error(err)
	}
}

func TestLastUseOutlivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	k := keysFor(t, s)
	key, token, _ := k.Create("a")
	k.ByToken(token)
	used := k.Get(key.ID).LastUsed
	s.Close()
	if got := keysFor(t, openTest(t, path)).Get(key.ID).LastUsed; !got.Equal(used) {
		t.Errorf("last used %v, want %v", got, used)
	}
}

func TestNoTokenIsOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	k := keysFor(t, s)
	_, token, _ := k.Create("visible-name")
	sec := s.OpenSecrets(k.vault)
	if err := sec.Put("openai", " sk-very-secret\n"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	b, _ := os.ReadFile(path)
	for _, text := range []string{token, token[3:], "sk-very-secret", "visible-name", "$2a$"} {
		if strings.Contains(string(b), text) {
			t.Errorf("%q stands in the file", text)
		}
	}
}

func TestKeyNames(t *testing.T) {
	k := keysFor(t, openTest(t, filepath.Join(t.TempDir(), "a.db")))
	key, _, err := k.Create(" Büro 1 ")
	if err != nil || key.Name != "Büro 1" {
		t.Fatal(key, err)
	}
	for name, status := range map[string]int{"BÜRO 1": 409, "a\nb": 400, "a\x00": 400, strings.Repeat("x", 65): 400, "a\xff": 400, "a\u202eb": 400} {
		_, _, err := k.Create(name)
		if e := llm.AsError(err); e == nil || e.Status != status || e.Message == "" {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := k.Rename(key.ID, "  "); llm.AsError(err).Status != 400 {
		t.Error(err)
	}
	if err := k.Rename(key.ID, "büro 1"); err != nil {
		t.Error("a key may be renamed to its own name in another case:", err)
	}
}

func TestInternalKeyLivesInMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	k := keysFor(t, s)
	key, token, err := k.Internal("demo")
	if err != nil || !key.Internal {
		t.Fatal(key, err)
	}
	if _, again, _ := k.Internal("demo"); again != token {
		t.Error("a second call gave another token")
	}
	if _, e := k.ByToken(token); e != nil {
		t.Error(e)
	}
	if err := k.Delete(key.ID); llm.AsError(err).Status != 409 {
		t.Error(err)
	}
	if _, err := k.Regenerate(key.ID); llm.AsError(err).Status != 409 {
		t.Error(err)
	}
	if len(k.List()) != 1 {
		t.Error("it is not listed")
	}
	s.Close()
	if list := keysFor(t, openTest(t, path)).List(); len(list) != 0 {
		t.Error("it reached the disk")
	}
}

func TestLockedVaultIsNotAWrongKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	ring, locked := keyring.NewArrayKeyring(nil), false
	open := func() (keyring.Keyring, error) {
		if locked {
			return nil, errors.New("locked")
		}
		return ring, nil
	}
	v := secret.Open(secret.Options{Records: s.Records(), Open: open})
	k, err := s.OpenKeys(v, KeyOptions{Cost: 4})
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := k.Create("")
	if err != nil {
		t.Fatal(err)
	}
	s.Close()

	locked = true
	s = openTest(t, path)
	v = secret.Open(secret.Options{Records: s.Records(), Open: open})
	k, err = s.OpenKeys(v, KeyOptions{Cost: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{token, "nonsense"} {
		if _, e := k.ByToken(text); e == nil || e.Kind != llm.VaultLocked || e.Status != 503 || !strings.Contains(e.Message, "Unlock") {
			t.Errorf("got %v", e)
		}
	}
	if _, _, err := k.Create(""); llm.AsError(err).Kind != llm.VaultLocked {
		t.Error(err)
	}
	locked = false
	v.Retry(t.Context())
	if _, e := k.ByToken(token); e != nil {
		t.Error("after the keyring was unlocked:", e)
	}
}

// A thousand wrong keys with the right prefix do not keep the right one out.
func TestFloodOfWrongKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := openTest(t, path)
	_, token, err := keysFor(t, s).Create("")
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	k := keysFor(t, openTest(t, path)) // nothing is verified yet
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if _, e := k.ByToken(token[:8] + newToken()[8:]); e == nil || e.Kind == llm.KeyDisabled {
					t.Error("a wrong key passed", e)
				}
			}
		})
	}
	for range 200 { // many requests with the first use of one key: one bcrypt for all
		wg.Go(func() {
			if _, e := k.ByToken(token); e != nil {
				t.Error("the right key was kept out:", e)
			}
		})
	}
	wg.Wait()
}

// Wrong keys that pass the hint, as one in 65,536 does, are held to the budget of their prefix; a known key is not.
func TestBcryptIsRateLimited(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	s := openTest(t, filepath.Join(t.TempDir(), "a.db"))
	k, err := s.OpenKeys(vaultFor(t, s), KeyOptions{Cost: 4, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	key, token, _ := k.Create("")
	stored := k.snap.Load().byID[key.ID]
	try := func() *llm.Error {
		wrong := token[:8] + newToken()[8:]
		_, err := k.verify.prove(wrong, k.verify.digest(wrong), stored)
		return err
	}
	for range bcryptBurst {
		if err := try(); err != nil {
			t.Fatal(err)
		}
	}
	if err := try(); err == nil || err.Status != 429 || err.RetryAfter == 0 {
		t.Errorf("got %v", err)
	}
	if _, e := k.ByToken(token); e != nil {
		t.Error("a known key pays for wrong ones:", e)
	}
	now = now.Add(bcryptEvery)
	if err := try(); err != nil {
		t.Errorf("after a pause: %v", err)
	}
}

func TestExpiredKey(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	s := openTest(t, filepath.Join(t.TempDir(), "a.db"))
	k, _ := s.OpenKeys(vaultFor(t, s), KeyOptions{Cost: 4, Now: func() time.Time { return now }})
	key, token, _ := k.Create("")
	k.edit(key.ID, func(key *Key) error { key.Expires = now.Add(time.Hour); return nil })
	live, _ := k.ByToken(token)
	now = now.Add(time.Hour)
	if _, e := k.ByToken(token); e == nil || e.Status != 403 || k.Ended(live) == nil {
		t.Error(e)
	}
}

func TestOrigins(t *testing.T) {
	k := keysFor(t, openTest(t, filepath.Join(t.TempDir(), "a.db")))
	key, _, _ := k.Create("")
	k.SetOrigins(key.ID, []string{"app://x"})
	if !k.HasOrigin("app://x") || k.HasOrigin("null") {
		t.Error("wrong list")
	}
	k.SetEnabled(key.ID, false)
	if k.HasOrigin("app://x") {
		t.Error("a disabled key still opens its origin")
	}
}

func TestProviderSecrets(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "a.db"))
	sec := s.OpenSecrets(vaultFor(t, s))
	if got, err := sec.Get("openai"); got != "" || err != nil || sec.Has("openai") {
		t.Error(got, err)
	}
	if err := sec.Put("openai", " sk-1\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := sec.Get("openai"); got != "sk-1" || err != nil || !sec.Has("openai") {
		t.Error(got, err)
	}
	for _, bad := range []string{"", "  ", "a\x00b", strings.Repeat("x", maxSecretSize+1)} {
		if err := sec.Put("openai", bad); llm.AsError(err).Status != 400 {
			t.Errorf("%.10q: %v", bad, err)
		}
	}
	if err := sec.Delete("openai"); err != nil || sec.Has("openai") {
		t.Error(err)
	}
}

func FuzzToken(f *testing.F) {
	f.Add(newToken())
	f.Add("lr-")
	f.Add("sk-proj-0123456789")
	s := openTest(f, filepath.Join(f.TempDir(), "a.db"))
	k := keysFor(f, s)
	_, token, err := k.Create("")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, e := k.ByToken(text); (e == nil) != (text == token) {
			t.Errorf("%q: %v", text, e)
		}
	})
}

func BenchmarkByToken(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.db")
	k := keysFor(b, openTest(b, path))
	var token string
	for range 50 {
		_, token, _ = k.Create("")
	}
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, e := k.ByToken(token); e != nil {
				b.Fatal(e)
			}
		}
	})
	b.Run("unknown", func(b *testing.B) {
		wrong := newToken()
		b.ReportAllocs()
		for b.Loop() {
			k.ByToken(wrong)
		}
	})
	b.Run("wrong with a known prefix", func(b *testing.B) {
		wrong := token[:8] + newToken()[8:]
		b.ReportAllocs()
		for b.Loop() {
			k.ByToken(wrong)
		}
	})
}
