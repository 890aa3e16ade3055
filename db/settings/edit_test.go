package settings

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

const person = `# top
version: 1   # do not touch

# my machine
server: {host: 127.0.0.1, port: 4000} # moved, é

providers:   # order matters
  # work account
  - name: work
    type: openai
    api_key_env: WORK_KEY   # in .profile
    headers:
      X-A: "1"  # one
      X-B: b

  # at home, 日本
  - type: ollama
    name: home
    timeout: {idle: 5m} # slow
  # the last
  - {name: spare, type: openrouter}   # one line
# foot
logging:
    level: debug    # noisy
`

// TestSavingTouchesOnlyWhatChanged holds each edit against the lines that differ afterwards.
func TestSavingTouchesOnlyWhatChanged(t *testing.T) {
	for _, c := range []struct {
		name    string
		edit    func(*Settings)
		removed []string
		added   []string
	}{
		{"nothing", func(*Settings) {}, nil, nil},
		{"a number in braces", func(s *Settings) { s.Server.Port = 5 },
			[]string{"server: {host: 127.0.0.1, port: 4000} # moved, é"}, []string{"server: {host: 127.0.0.1, port: 5} # moved, é"}},
		{"a field that was not written, in braces", func(s *Settings) { s.Server.ExposeConfirmed = true },
			[]string{"server: {host: 127.0.0.1, port: 4000} # moved, é"}, []string{"server: {host: 127.0.0.1, port: 4000, expose_confirmed: true} # moved, é"}},
		{"a size", func(s *Settings) { s.Server.MaxBodyBytes = 1 << 20 },
			[]string{"server: {host: 127.0.0.1, port: 4000} # moved, é"}, []string{"server: {host: 127.0.0.1, port: 4000, max_body: 1MiB} # moved, é"}},
		{"a word with a comment", func(s *Settings) { s.Logging.Level = "warn" },
			[]string{"    level: debug    # noisy"}, []string{"    level: warn    # noisy"}},
		{"a field that was not written", func(s *Settings) { s.Logging.RetentionDays = 7 }, nil, []string{"    retention_days: 7"}},
		{"a section that was not written", func(s *Settings) { s.Network.CAFile = "/etc/ca.pem" }, nil, []string{"network: {ca_file: /etc/ca.pem}"}},
		{"a provider switched off", func(s *Settings) { s.Provider("home").Enabled = false }, nil, []string{"    enabled: false"}},
		{"a provider in braces switched off", func(s *Settings) { s.Provider("spare").Enabled = false },
			[]string{"  - {name: spare, type: openrouter}   # one line"}, []string{"  - {name: spare, type: openrouter, enabled: false}   # one line"}},
		{"a provider renamed", func(s *Settings) { s.Provider("home").Name = "house" }, []string{"    name: home"}, []string{"    name: house"}},
		{"a provider added", func(s *Settings) {
			p := NewProvider("new", "openai-compatible")
			p.BaseURL, p.Headers, p.Timeout.Connect = "https://x.example.com/v1", map[string]string{"X-T": "a: b", "X-S": "true"}, 3*time.Second
			s.Providers = append(s.Providers, p)
		}, nil, []string{"  - name: new", "    type: openai-compatible", "    base_url: https://x.example.com/v1", "    enabled: true",
			`    headers: {X-S: "true", X-T: "a: b"}`, "    timeout: {connect: 3s}"}},
		{"a provider removed", func(s *Settings) { s.Providers = append(s.Providers[:1:1], s.Providers[2]) },
			[]string{"", "  - type: ollama", "    name: home", "    timeout: {idle: 5m} # slow"}, nil},
		{"a header changed", func(s *Settings) { s.Provider("work").Headers["X-A"] = "2" }, []string{`      X-A: "1"  # one`}, []string{`      X-A: "2"  # one`}},
		{"a header removed", func(s *Settings) { delete(s.Provider("work").Headers, "X-A") }, []string{`      X-A: "1"  # one`}, nil},
		{"a header added", func(s *Settings) { s.Provider("work").Headers["X-C"] = "c" }, nil, []string{"      X-C: c"}},
		{"all headers removed", func(s *Settings) { s.Provider("work").Headers = nil }, []string{"    headers:", `      X-A: "1"  # one`, "      X-B: b"}, nil},
		{"a key moved to a file", func(s *Settings) { p := s.Provider("work"); p.APIKeyEnv, p.APIKeyFile = "", "/k" },
			[]string{"    api_key_env: WORK_KEY   # in .profile"}, []string{"    api_key_file: /k"}},
		{"a clock", func(s *Settings) { s.Provider("home").Timeout.Connect = time.Second },
			[]string{"    timeout: {idle: 5m} # slow"}, []string{"    timeout: {idle: 5m, connect: 1s} # slow"}},
		{"a list", func(s *Settings) { s.Provider("home").Models = []string{"a", "b:1"} }, nil, []string{`    models: [a, "b:1"]`}},
		{"all providers removed", func(s *Settings) { s.Providers = nil }, []string{
			"providers:   # order matters", "  - name: work", "    type: openai", "    api_key_env: WORK_KEY   # in .profile", "    headers:",
			`      X-A: "1"  # one`, "      X-B: b", "", "  - type: ollama", "    name: home", "    timeout: {idle: 5m} # slow", "  - {name: spare, type: openrouter}   # one line",
		}, []string{"providers: []   # order matters"}},
	} {
		t.Run(c.name, func(t *testing.T) { checkEdit(t, person, c.edit, c.removed, c.added) })
	}
}

// checkEdit holds an edit of text, with all line ends, against the lines that differ afterwards.
func checkEdit(t *testing.T, text string, edit func(*Settings), wantRemoved, wantAdded []string) {
	t.Helper()
	for _, text := range []string{text, strings.ReplaceAll(text, "\n", "\r\n"), "\ufeff" + text, strings.TrimSuffix(text, "\n")} {
		old, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		want := old.Clone()
		edit(want)
		inherit(text, old, want)
		got, rerr := rewrite(text, old, want)
		if rerr != nil {
			t.Fatal(rerr)
		}
		if strings.Contains(text, "\r\n") != strings.Contains(got, "\r\n") || strings.HasPrefix(text, "\ufeff") != strings.HasPrefix(got, "\ufeff") {
			t.Error("line ends or byte order mark changed")
		}
		removed, added := diffLines(text, got)
		if diff := cmp.Diff(wantRemoved, removed); diff != "" {
			t.Errorf("removed lines: %s\n%s", diff, got)
		}
		if diff := cmp.Diff(wantAdded, added); diff != "" {
			t.Errorf("added lines: %s\n%s", diff, got)
		}
	}
}

// diffLines compares the lines as a longest common subsequence.
func diffLines(a, b string) (removed, added []string) {
	split := func(s string) []string {
		s = strings.ReplaceAll(strings.TrimPrefix(s, "\ufeff"), "\r\n", "\n")
		return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	}
	x, y := split(a), split(b)
	n := make([][]int, len(x)+1)
	for i := range n {
		n[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				n[i][j] = n[i+1][j+1] + 1
			} else {
				n[i][j] = max(n[i+1][j], n[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(x) || j < len(y) {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			i, j = i+1, j+1
		case i < len(x) && (j == len(y) || n[i+1][j] >= n[i][j+1]):
			removed, i = append(removed, x[i]), i+1
		default:
			added, j = append(added, y[j]), j+1
		}
	}
	return removed, added
}

func TestAddingTheFirstProviderToTheAnnotatedFile(t *testing.T) {
	old := Default()
	want := old.Clone()
	want.Providers = []Provider{NewProvider("openai", "openai")}
	got, err := rewrite(defaultFile, &old, want)
	if err != nil {
		t.Fatal(err)
	}
	removed, added := diffLines(defaultFile, got)
	if diff := cmp.Diff([]string{"providers: []"}, removed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"providers:", "  - name: openai", "    type: openai", "    enabled: true"}, added); diff != "" {
		t.Error(diff)
	}
	back, err := rewrite(got, want, &old)
	if err != nil || back != defaultFile {
		t.Errorf("adding and removing it again: %v\n%s", err, back)
	}
}

func TestMovedProvidersTakeTheirCommentsAlong(t *testing.T) {
	old, err := Parse([]byte(person))
	if err != nil {
		t.Fatal(err)
	}
	want := old.Clone()
	want.Providers = []Provider{old.Providers[2], old.Providers[1], old.Providers[0]}
	got, rerr := rewrite(person, old, want)
	if rerr != nil {
		t.Fatal(rerr)
	}
	for _, together := range []string{"  # the last\n  - {name: spare", "  # at home, 日本\n  - type: ollama\n    name: home\n    timeout: {idle: 5m} # slow\n", "WORK_KEY   # in .profile\n"} {
		if !strings.Contains(got, together) {
			t.Errorf("lost %q in\n%s", together, got)
		}
	}
}

func TestOddlyWrittenFilesCanBeSaved(t *testing.T) {
	add := func(s *Settings) { s.Providers = append(s.Providers, NewProvider("new", "openai")) }
	port := func(s *Settings) { s.Server.Port = 4242 }
	for name, text := range map[string]string{
		"null list":       "version: 1\nproviders:\n",
		"null list, more": "version: 1\nproviders: # none yet\nserver:\n",
		"tilde":           "version: 1\nproviders: ~ # none\nserver: null\n",
		"flow list":       "version: 1\nproviders: [{name: a, type: openai}] # one\n",
		"flow lines":      "version: 1\nproviders: [\n  {name: a, type: openai}, # one\n  {name: b, type: openai}\n]\nserver: {\n  port: 1, # x\n  host: localhost\n}\n",
		"JSON":            "{\"version\": 1, \"server\": {\"port\": 1}, \"providers\": []}\n",
		"list at margin":  "version: 1\nproviders:\n- name: a\n  type: openai\n- name: b\n  type: openai\n",
		"dash alone":      "version: 1\nproviders:\n  -\n    name: a\n    type: openai\n",
		"literal":         "version: 1\nproviders:\n  - name: a\n    type: openai\n    headers:\n      X: |-\n        long\n      Y: >-\n        folded\n        text\n",
		"single quotes":   "version: 1\nserver:\n  host: 'localhost'\n  'port': 1\n",
		"version only":    "version: 1",
		"document marks":  "---\nversion: 1\nserver: {}\n...\n",
		"spaces":          "version: 1\nserver:   \n        port:    1   \n\n\n\n",
	} {
		for what, edit := range map[string]func(*Settings){"add": add, "port": port} {
			t.Run(name+" "+what, func(t *testing.T) {
				old, err := Parse([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				want := old.Clone()
				edit(want)
				got, rerr := rewrite(text, old, want)
				if rerr != nil {
					t.Fatal(rerr)
				}
				for line := range strings.Lines(text) { // comments outside what changed its style survive
					if _, comment, ok := strings.Cut(line, "# "); ok && what == "port" && !strings.Contains(got, strings.TrimSpace(comment)) {
						t.Errorf("lost %q in\n%s", comment, got)
					}
				}
			})
		}
	}
}

func TestRewriteReachesAnyValidSettings(t *testing.T) {
	word := rapid.OneOf(rapid.SampledFrom([]string{"true", "null", "1", "1e3", "~", "- a", "# x", "a: b", "{", "[", "&a", "*a", "!x", "|", "é 日", "'", `"`, "0x1", "1:2", " lead", "trail ", "a,b", "%", "@", "`", "yes", "2024-01-01", ".5", "a #b", "<<", "=", "---", "..."}),
		rapid.StringMatching(`[ -~]{1,12}`))
	provider := rapid.Custom(func(t *rapid.T) Provider {
		p := NewProvider(rapid.SampledFrom([]string{"a", "b", "c", "d", "1", "0x1", "null", "-", "true"}).Draw(t, "name"), rapid.SampledFrom(ProviderTypes[:4]).Draw(t, "type"))
		p.Enabled = rapid.Bool().Draw(t, "enabled")
		p.Models = rapid.SliceOfNDistinct(word, 0, 3, rapid.ID).Draw(t, "models")
		p.Headers = rapid.MapOfN(rapid.StringMatching(`X-[a-z]`), word, 0, 3).Draw(t, "headers")
		p.Query = rapid.MapOfN(word, word, 0, 2).Draw(t, "query")
		p.Timeout.Idle = time.Duration(rapid.IntRange(0, 100).Draw(t, "idle")) * 100 * time.Millisecond
		p.BaseURL = rapid.SampledFrom([]string{"", "https://x.example.com", "https://x.example.com/v1", "http://127.0.0.1:80/v1", "https://x.example.com:8443"}).Draw(t, "url")
		p.APIKeyEnv = rapid.SampledFrom([]string{"", "KEY", "null"}).Draw(t, "env")
		if rapid.Bool().Draw(t, "loaded") {
			drawLoad(t, &p)
		}
		return p
	})
	state := rapid.Custom(func(t *rapid.T) *Settings {
		s := Default()
		s.Providers = rapid.SliceOfNDistinct(provider, 0, 4, func(p Provider) string { return p.Name }).Draw(t, "providers")
		s.Server.Port = rapid.IntRange(1, 3000).Draw(t, "port")
		s.Server.AllowedHosts = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c:1"}), 0, 3, rapid.ID).Draw(t, "hosts")
		drawRouting(t, &s)
		s.normalise()
		return &s
	})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{defaultFile, person, full, routed}).Draw(t, "text")
		old, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			want := state.Draw(t, fmt.Sprint("state ", i))
			if err := want.Validate(); err != nil {
				t.Fatal(err)
			}
			next, err := change(text, old, want)
			if err != nil || !holds(next, want) {
				got, perr := Parse([]byte(next))
				t.Fatalf("%v, %v\nfrom:\n%s\nto:\n%s\n%s", err, perr, text, next, cmp.Diff(want, got))
			}
			text, old = next, want
		}
	})
}

func TestMigrationKeepsThePersonsText(t *testing.T) {
	before, err := os.ReadFile("testdata/v0.before.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, from, err := migrate("", string(before))
	if err != nil || from != 0 {
		t.Fatal(from, err)
	}
	if *update {
		if err := os.WriteFile("testdata/v0.after.yaml", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/v0.after.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
	s, err := Parse([]byte(got))
	if err != nil || s.Server.Port != 4000 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestMigrationIntoAServerSectionThatIsThere(t *testing.T) {
	got, _, err := migrate("", "version: 0\nlisten: '[::1]:4000' # x\nserver:\n  dashboard_port: 9 # mine\n")
	if err != nil {
		t.Fatal(err)
	}
	s, perr := Parse([]byte(got))
	if perr != nil || s.Server.Host != "::1" || s.Server.Port != 4000 || s.Server.DashboardPort != 9 || !strings.Contains(got, "# mine") {
		t.Errorf("got %+v, %v\n%s", s, perr, got)
	}
}

func TestThereIsAMigrationForEveryOlderFormat(t *testing.T) {
	if len(migrations) != Version {
		t.Errorf("got %d migrations for version %d", len(migrations), Version)
	}
	for n := range migrations {
		for _, part := range []string{"before", "after"} {
			if _, err := os.Stat(fmt.Sprintf("testdata/v%d.%s.yaml", n, part)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	for _, text := range []string{full, routed} {
		s, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		s.Server.AllowedHosts = []string{"a"}
		c := s.Clone()
		if diff := cmp.Diff(s, c); diff != "" {
			t.Error(diff)
		}
		shared(t, "settings", reflect.ValueOf(s).Elem(), reflect.ValueOf(c).Elem())
	}
}

// shared tells of what a and b both point to.
func shared(t *testing.T, path string, a, b reflect.Value) {
	t.Helper()
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			shared(t, path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
		}
	case reflect.Slice, reflect.Map, reflect.Pointer:
		if a.IsNil() {
			return
		}
		if a.UnsafePointer() == b.UnsafePointer() {
			t.Errorf("%s is shared", path)
		}
		if a.Kind() == reflect.Pointer {
			shared(t, path, a.Elem(), b.Elem())
		}
		for i := 0; a.Kind() == reflect.Slice && i < a.Len(); i++ {
			shared(t, path, a.Index(i), b.Index(i))
		}
	}
}

// TestTheTestsKnowEveryField keeps the files of the tests whole: a field that is added must be set in one of them.
func TestTheTestsKnowEveryField(t *testing.T) {
	set := map[string]bool{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch {
		case v.Type() == reflect.TypeFor[Limit]():
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				at := path + "." + v.Type().Field(i).Name
				set[at] = set[at] || !v.Field(i).IsZero()
				walk(at, v.Field(i))
			}
		case v.Kind() == reflect.Slice:
			for i := range v.Len() {
				walk(path, v.Index(i))
			}
		case v.Kind() == reflect.Pointer && !v.IsNil():
			walk(path, v.Elem())
		}
	}
	for _, text := range []string{full, routed, defaultFile, "version: 1\n" + annotatedExamples()["providers"]} {
		s, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		walk("settings", reflect.ValueOf(s).Elem())
	}
	for at, ok := range set {
		if !ok && !slices.Contains([]string{"settings.Server.AllowedHosts", "settings.Server.ExposeConfirmed", "settings.Network", "settings.Network.CAFile"}, at) {
			t.Errorf("%s is set in no file", at)
		}
	}
}
