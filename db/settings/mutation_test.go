package settings

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutate damages text in one of the ways files get damaged.
func mutate(r *rand.Rand, text string) string {
	if text == "" {
		return "x"
	}
	at := r.IntN(len(text))
	to := at + r.IntN(min(len(text)-at, 40)+1)
	switch r.IntN(8) {
	case 0:
		return text[:at] // half-written
	case 1:
		return text[:at] + text[to:]
	case 2:
		return text[:at] + text[at:to] + text[at:]
	case 3:
		return text[:at] + string(byte(r.IntN(256))) + text[at:]
	case 4:
		return text[:at] + string([]byte{byte(r.IntN(256))}) + text[at+1:]
	case 5:
		return text[:at] + strings.Repeat("\x00", to-at) + text[to:] // a block the disk lost
	case 6:
		const marks = ":-[]{}#&*!|>'\"%@`?,\n\t "
		return text[:at] + string(marks[r.IntN(len(marks))]) + text[at:]
	default:
		lines := strings.Split(text, "\n")
		i, j := r.IntN(len(lines)), r.IntN(len(lines))
		lines[i], lines[j] = lines[j], lines[i]
		return strings.Join(lines, "\n")
	}
}

func TestMutatedFilesNeverStopTheProgram(t *testing.T) {
	count, opened := 2000, 100
	if fullRun() {
		count, opened = 50000, 2000
	}
	r := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(t.TempDir(), "settings.yaml")
	for i := range count {
		text := []string{defaultFile, person, full, routed}[i%4]
		for range 1 + r.IntN(3) {
			text = mutate(r, text)
		}
		s, errs := parse(text)
		for _, e := range errs {
			if e.Line < 0 || e.Line > strings.Count(text, "\n")+2 {
				t.Errorf("line %d of %d: %v", e.Line, strings.Count(text, "\n")+1, e)
			}
		}
		if errs == nil {
			saveBack(t, text, s)
		}
		if i%(count/opened) != 0 || strings.HasPrefix(text, "version: 2") {
			continue
		}
		put(t, path, text)
		store, err := OpenStore(path, StoreOptions{})
		if err != nil {
			if strings.Contains(err.Error(), ErrNewer.Error()) {
				continue
			}
			t.Fatalf("%v\n%s", err, text)
		}
		if (store.Problem() != nil) != (errs != nil) && !strings.Contains(text, "version: 0") {
			t.Errorf("got problem %v, parse says %v", store.Problem(), errs)
		}
		if store.Problem() != nil && read(t, path) != text {
			t.Errorf("the broken file was touched:\n%s", text)
		}
		store.Close()
	}
}

// saveBack edits a file that was found valid: the edit is either exactly what was wanted or refused.
func saveBack(t testing.TB, text string, old *Settings) {
	t.Helper()
	want := old.Clone()
	want.Server.Port = 4999
	want.Server.DashboardPort = 4998
	want.Providers = append(want.Providers, NewProvider("added-last", "openai"))
	if len(want.Providers) > 2 {
		want.Providers = want.Providers[1:]
	}
	want.Routers = append(want.Routers, NewRouter("added-last"))
	if len(want.Routers) > 3 {
		want.Routers = want.Routers[1:]
	}
	want.Routers[0].Limits = append(want.Routers[0].Limits, Limit{LimitCost, 5e11, 7 * time.Second})
	want.Resilience.Retries = 3
	if want.Validate() != nil {
		return
	}
	if got, err := rewrite(text, old, want); err == nil && !holds(strings.ReplaceAll(strings.TrimPrefix(got, "\ufeff"), "\r\n", "\n"), want) {
		t.Errorf("a save damaged\n%s\ninto\n%s", text, got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{defaultFile, person, full, routed, "version: 0\nlisten: :1\n", "", "- a", "version: 1\nproviders: [", "version: 1\n\"a\": |\n  b\n", "version: 1\nserver: {host: ::1, port: 1}\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		s, errs := parse(text)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %v for %d bytes", took, len(text))
		}
		if errs == nil {
			saveBack(t, text, s)
		}
		if _, _, err := migrate("", text); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}
