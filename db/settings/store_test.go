package settings

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fullRun reports whether the long tests run: make full.
func fullRun() bool { return os.Getenv("LOCALROUTER_FULL") == "1" }

func openStore(t testing.TB, path string) *Store {
	t.Helper()
	s, err := OpenStore(path, StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.rest = 10 * time.Millisecond
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func setPort(n int) func(*Settings) error {
	return func(s *Settings) error { s.Server.Port = n; return nil }
}

// eventually waits until cond holds; real file events have no other clock than the real one.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline:
			t.Fatalf("not within 2 s: %s", what)
		case <-tick.C:
		}
	}
}

func watch(t testing.TB, s *Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Watch(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func TestFirstStartWritesTheAnnotatedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := openStore(t, path)
	if !s.FirstStart() || s.Problem() != nil || s.Get().Server.Port != 3636 || read(t, path) != defaultFile {
		t.Errorf("got first %v, problem %v, port %d", s.FirstStart(), s.Problem(), s.Get().Server.Port)
	}
	if info, _ := os.Stat(path); filepath.Separator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want 0600", info.Mode())
	}
	again := openStore(t, path)
	if again.FirstStart() {
		t.Error("the second start says it is the first")
	}
}

func TestSavedSettingsSurviveARestartWithTheirComments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	put(t, path, person)
	s := openStore(t, path)
	if err := s.Update(setPort(4100)); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(person, "port: 4000", "port: 4100", 1)
	if got := read(t, path); got != want || read(t, path+".bak") != want {
		t.Errorf("got\n%s", got)
	}
	if got := openStore(t, path).Get().Server.Port; got != 4100 {
		t.Errorf("got port %d after a restart", got)
	}
}

func TestInvalidUpdateChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := openStore(t, path)
	refusal := errors.New("no")
	for _, edit := range []func(*Settings) error{
		setPort(-1),
		func(s *Settings) error { s.Providers = append(s.Providers, NewProvider("auto", "openai")); return nil },
		func(s *Settings) error { s.Server.Host = "0.0.0.0"; return nil },
		func(s *Settings) error { s.Server.Port = 1; return refusal },
	} {
		was := s.Get()
		if err := s.Update(edit); err == nil {
			t.Error("it was taken")
		}
		if s.Get() != was || read(t, path) != defaultFile {
			t.Error("something changed")
		}
	}
}

func TestUpdateKeepsNothingOfTheCallers(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "settings.yaml"))
	mine := []Provider{NewProvider("a", "openai")}
	if err := s.Update(func(s *Settings) error { s.Providers = mine; return nil }); err != nil {
		t.Fatal(err)
	}
	mine[0].Name = "changed"
	if s.Get().Providers[0].Name != "a" {
		t.Error("the settings in use changed under their readers")
	}
}

func TestSubscribersHearChangesInOrder(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "settings.yaml"))
	ports := make(chan int, 64)
	cancel := s.Subscribe(func(n *Settings) {
		ports <- n.Server.Port
		if n.Server.Port == 5 { // a subscriber may save
			if err := s.Update(setPort(6)); err != nil {
				t.Error(err)
			}
		}
	})
	for i := 1; i <= 5; i++ {
		if err := s.Update(setPort(i)); err != nil {
			t.Fatal(err)
		}
	}
	for want := 1; want <= 6; want++ {
		if got := <-ports; got != want {
			t.Fatalf("got port %d, want %d", got, want)
		}
	}
	cancel()
	if err := s.Update(setPort(7)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if len(ports) != 0 {
		t.Error("a cancelled subscriber was called")
	}
}

func TestCorruptFileStartsWithTheLastGoodCopyAndIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := openStore(t, path)
	if err := s.Update(setPort(4100)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	broken := "version: 1\nserver:\n  prot: 1\n"
	put(t, path, broken)
	s = openStore(t, path)
	if got := s.Get().Server.Port; got != 4100 {
		t.Errorf("got port %d, want the last good copy's 4100", got)
	}
	want := `settings.yaml line 3, column 3: server.prot: unknown field; did you mean "port"?`
	if p := s.Problem(); p == nil || !strings.Contains(p.Error(), want) {
		t.Errorf("got  %v\nwant %s", p, want)
	}
	err := s.Update(setPort(1))
	if err == nil || !strings.Contains(err.Error(), "correct the file first") || !strings.Contains(err.Error(), "line 3, column 3") {
		t.Errorf("got %v, want a refusal with the next step", err)
	}
	if read(t, path) != broken || s.Get().Server.Port != 4100 {
		t.Error("the broken file or the settings in use changed")
	}
	put(t, path, "version: 1\nserver: {port: 4200}\n")
	watch(t, s)
	eventually(t, "the corrected file is in use", func() bool { return s.Get().Server.Port == 4200 && s.Problem() == nil })
}

func TestCorruptFileWithoutAGoodCopyStartsWithTheDefaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	put(t, path, "{")
	put(t, path+".bak", "[")
	s := openStore(t, path)
	if s.Problem() == nil || s.Get().Server.Port != 3636 || read(t, path) != "{" {
		t.Errorf("got %v, %+v", s.Problem(), s.Get())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(setPort(5)); err != nil || s.Problem() != nil || !strings.Contains(read(t, path), "port: 5") {
		t.Errorf("after the person deleted it: %v, %v", err, s.Problem())
	}
}

func TestNewerFileIsRefusedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	newer := "version: 2 # from tomorrow\nthings: {}\n"
	put(t, path, newer)
	_, err := OpenStore(path, StoreOptions{})
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "settings.yaml line 1, column 10") {
		t.Errorf("got %v", err)
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 || read(t, path) != newer {
		t.Errorf("got %v in the folder, want the file alone", names)
	}
}

func TestOlderFileIsMigratedAfterABackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	before, after := read(t, "testdata/v0.before.yaml"), read(t, "testdata/v0.after.yaml")
	put(t, path, before)
	s := openStore(t, path)
	if read(t, path) != after || read(t, path+".v0.bak") != before || s.Get().Server.Port != 4000 {
		t.Errorf("got\n%s", read(t, path))
	}
}

func TestFileThatIsFaultyAfterMigrationIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	for _, old := range []string{"version: 0\nlisten: here\n", "version: 0\nlisten: :4000\n"} {
		put(t, path, old)
		s := openStore(t, path)
		if s.Problem() == nil || read(t, path) != old {
			t.Errorf("%q: got problem %v and\n%s", old, s.Problem(), read(t, path))
		}
	}
}

func TestLinkedSettingsAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	target := filepath.Join(t.TempDir(), "target")
	put(t, target, "version: 1\nserver: {port: 9}\n")
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, path)
	if p := s.Problem(); p == nil || !strings.Contains(p.Error(), "symbolic link") || s.Get().Server.Port != 3636 {
		t.Errorf("got %v", p)
	}
	if s.Update(setPort(1)) == nil || WriteFile(path, nil) == nil || read(t, target) == "" {
		t.Error("it was written through the link")
	}
}

func TestSaveTakesOverAnUnseenEditFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := openStore(t, path) // nobody watches: every edit is unseen
	for i := range 200 {
		handEdit(t, i, path, fmt.Sprintf("version: 1 # mark %d\nlogging:\n  retention_days: %d\n", i, i+1))
		if err := s.Update(setPort(4000 + i)); err != nil {
			t.Fatal(err)
		}
		got := s.Get()
		if got.Server.Port != 4000+i || got.Logging.RetentionDays != i+1 || !strings.Contains(read(t, path), fmt.Sprintf("# mark %d\n", i)) {
			t.Fatalf("edit %d was lost: %+v\n%s", i, got, read(t, path))
		}
	}
}

func TestSaveSeesAnEditThatComesWhileItWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := openStore(t, path)
	var once sync.Once
	real := s.disk.create
	s.disk.create = func(dir, pattern string) (tempFile, error) {
		once.Do(func() { put(t, path, "version: 1 # meanwhile\nlogging: {retention_days: 3}\n") })
		return real(dir, pattern)
	}
	if err := s.Update(setPort(4100)); err != nil {
		t.Fatal(err)
	}
	if got := s.Get(); got.Logging.RetentionDays != 3 || got.Server.Port != 4100 || !strings.Contains(read(t, path), "# meanwhile") {
		t.Errorf("got %+v\n%s", got, read(t, path))
	}
}

func TestSaveRefusesOverAnUnseenInvalidEdit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	s := openStore(t, path)
	put(t, path, "version: 1\nserver: {port: x}\n")
	if err := s.Update(setPort(1)); err == nil || !strings.Contains(err.Error(), "line 2, column 16") {
		t.Errorf("got %v", err)
	}
	if read(t, path) != "version: 1\nserver: {port: x}\n" {
		t.Error("the person's edit was overwritten")
	}
}

func TestReadersAndWritersDoNotMeet(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "settings.yaml"))
	watch(t, s)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 5 {
				if err := s.Update(func(n *Settings) error {
					n.Providers = append(n.Providers, NewProvider(fmt.Sprintf("p-%d-%d", i, j), "openai"))
					return nil
				}); err != nil {
					t.Error(err)
				}
				_ = len(s.Get().Providers)
			}
		})
	}
	wg.Wait()
	if got := len(s.Get().Providers); got != 20 {
		t.Errorf("got %d providers, want 20", got)
	}
}
