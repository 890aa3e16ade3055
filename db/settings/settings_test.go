package settings

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const full = `version: 1
server: {host: 127.0.0.1, port: 3636, dashboard_port: 3637}
providers:
  - name: openai
    type: openai
    base_url: https://api.openai.com/v1
    api_key_env: OPENAI_API_KEY
    enabled: true
    headers: {}
    timeout: {connect: 10s, first_byte: 120s, idle: 120s}
  - name: mine
    type: openai-compatible
    base_url: http://192.168.1.20:8080/v1
    api_key_file: /home/me/key
    enabled: false
    headers: {X-Team: blue}
    query: {api-version: "2024-10-21"}
    local: true
    models: [a/b, "c:1"]
`

func TestAnnotatedFileMeansTheDefaults(t *testing.T) {
	got, err := Parse([]byte(defaultFile))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnnotatedFileExplainsEveryField(t *testing.T) {
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for i, name := range fieldNames(typ) {
			if !strings.Contains(defaultFile, name+":") {
				t.Errorf("%s.%s: %q does not appear", typ.Name(), typ.Field(i).Name, name)
			}
			ft := typ.Field(i).Type
			if ft.Kind() == reflect.Slice || ft.Kind() == reflect.Pointer {
				ft = ft.Elem()
			}
			if ft.Kind() == reflect.Struct {
				walk(ft)
			}
		}
	}
	walk(reflect.TypeFor[Settings]())
}

// annotatedExamples returns the examples in the comments of the file, by the section that each is of.
func annotatedExamples() map[string]string {
	examples, section := map[string]string{}, ""
	for line := range strings.Lines(defaultFile) {
		text, comment := strings.CutPrefix(line, "# ")
		name, rest, field := strings.Cut(text, ":")
		switch {
		case !comment && strings.TrimSpace(line) != "#":
			section = ""
		case comment && field && !strings.Contains(name, " ") && (rest == "\n" || strings.HasPrefix(rest, " {")):
			section = name
		}
		if section != "" && comment {
			examples[section] += text
		}
	}
	return examples
}

func TestAnnotatedExamplesAreValid(t *testing.T) {
	d := Default()
	for name, text := range annotatedExamples() {
		s, err := Parse([]byte("version: 1\n" + text))
		if err != nil {
			t.Fatal(name, err)
		}
		if reflect.DeepEqual(s, &d) {
			t.Errorf("the example of %s says nothing", name)
		}
	}
	if got := slices.Sorted(maps.Keys(annotatedExamples())); !slices.Equal(got, []string{"aliases", "budget", "providers", "routers"}) {
		t.Errorf("got examples of %v", got)
	}
}

func TestParseReadsTheShapeOfProviders(t *testing.T) {
	s, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	want := Default()
	want.Providers = []Provider{
		{Name: "openai", Type: "openai", BaseURL: "https://api.openai.com/v1", APIKeyEnv: "OPENAI_API_KEY", Enabled: true,
			Timeout: Timeout{10 * time.Second, 2 * time.Minute, 2 * time.Minute}},
		{Name: "mine", Type: "openai-compatible", BaseURL: "http://192.168.1.20:8080/v1", APIKeyFile: "/home/me/key",
			Headers: map[string]string{"X-Team": "blue"}, Query: map[string]string{"api-version": "2024-10-21"},
			Local: &yes, Models: []string{"a/b", "c:1"}},
	}
	if diff := cmp.Diff(&want, s); diff != "" {
		t.Error(diff)
	}
}

func TestProviderIsEnabledUnlessTheFileSaysNo(t *testing.T) {
	s, err := Parse([]byte("version: 1\nproviders:\n  - {name: a, type: openai}\n"))
	if err != nil || !s.Providers[0].Enabled {
		t.Fatalf("got %+v, %v; want an enabled provider", s, err)
	}
}

func TestFaultsAreNamedWithLineColumnAndHint(t *testing.T) {
	provider := "version: 1\nproviders:\n  - name: a\n    type: openai\n"
	for _, c := range []struct{ name, file, want string }{
		{"unknown field", "version: 1\nsevrer: {}\n", `line 2, column 1: sevrer: unknown field; did you mean "server"?`},
		{"unknown field in provider", provider + "    base_ulr: x\n", `line 5, column 5: providers[0].base_ulr: unknown field; did you mean "base_url"?`},
		{"nothing near", "version: 1\nxyzzyplugh: 1\n", "known here: version, server, providers"},
		{"key in the file", provider + "    api_key: sk-123\n", "keys do not belong in this file"},
		{"duplicate key", "version: 1\nserver:\n  port: 1\n  port: 2\n", "line 4, column 3"},
		{"open bracket", "version: 1\nproviders: [\n", "line 2"},
		{"tab", "version: 1\nserver:\n\tport: 1\n", "line 3"},
		{"empty", "", "holds no settings"},
		{"only comments", "# x\n", "holds no settings"},
		{"no version", "server: {port: 1}\n", `line 1, column 1: version: is missing; add the line "version: 1"`},
		{"version word", "version: one\n", "line 1, column 10: version: must be a whole number"},
		{"second document", "version: 1\n---\nversion: 1\n", "second document"},
		{"anchor", "version: 1\nserver: &a {}\n", "line 2, column 9: anchors"},
		{"alias", "version: 1\nserver: *a\n", "anchors"},
		{"tag", "version: !!int 1\n", "type tags"},
		{"list at the top", "- a\n", "must be fields"},
		{"port word", "version: 1\nserver: {port: many}\n", "line 2, column 16: server.port: must be a whole number"},
		{"port range", "version: 1\nserver: {port: 70000}\n", "line 2, column 16: server.port: 70000 is not a port"},
		{"same port", "version: 1\nserver: {port: 5, dashboard_port: 5}\n", "server.dashboard_port: is 5, as server.port"},
		{"exposed", "version: 1\nserver: {host: 0.0.0.0}\n", "set server.expose_confirmed: true"},
		{"host name", "version: 1\nserver: {host: example.com}\n", "not an IP address"},
		{"allowed wildcard", "version: 1\nserver: {allowed_hosts: [\"*.x\"]}\n", "server.allowed_hosts[0]"},
		{"allowed any", "version: 1\nserver: {allowed_hosts: [0.0.0.0]}\n", "server.allowed_hosts[0]"},
		{"size", "version: 1\nserver: {max_body: big}\n", "write it as 32MiB"},
		{"buffers", "version: 1\nserver: {buffers: 1MiB}\n", "server.buffers"},
		{"reserved", "version: 1\nproviders: [{name: auto, type: openai}]\n", `line 2, column 20: providers[0].name: "auto" is reserved`},
		{"bad name", "version: 1\nproviders: [{name: My AI, type: openai}]\n", "a-z, 0-9 and -"},
		{"no name", "version: 1\nproviders: [{type: openai}]\n", "providers[0].name: is missing"},
		{"twice", provider + "  - {name: a, type: openai}\n", `line 5, column 12: providers[1].name: "a" is also the name of providers[0]`},
		{"type", "version: 1\nproviders: [{name: a, type: opnai}]\n", `did you mean "openai"?`},
		{"no type", "version: 1\nproviders: [{name: a}]\n", "providers[0].type: is missing"},
		{"needs URL", "version: 1\nproviders: [{name: a, type: openai-compatible}]\n", "base_url: is missing"},
		{"http outside", provider + "    base_url: http://api.example.com/v1\n", "line 5, column 15: providers[0].base_url: is plain http"},
		{"http by number", provider + "    base_url: http://3232235777/\n", "is plain http"},
		{"ftp", provider + "    base_url: ftp://x/\n", "must begin with https://"},
		{"URL with key", provider + "    base_url: https://x.example.com/?key=1\n", "under query:"},
		{"URL with user", provider + "    base_url: https://u:p@x.example.com/\n", "user or password"},
		{"env and file", provider + "    api_key_env: A\n    api_key_file: /x\n", "line 6, column 19: providers[0].api_key_file: stands beside api_key_env"},
		{"relative file", provider + "    api_key_file: x\n", "absolute path"},
		{"duration", provider + "    timeout: {connect: 10}\n", "line 5, column 24: providers[0].timeout.connect: must be a time with its unit"},
		{"negative duration", provider + "    timeout: {idle: -1s}\n", "providers[0].timeout.idle"},
		{"header", provider + "    headers: {Host: x}\n", "line 5, column 15: providers[0].headers.Host: is set by the program itself"},
		{"local outside", provider + "    base_url: https://x.example.com\n    local: true\n", "providers[0].local: is true"},
		{"models twice", provider + "    models: [m, m]\n", "providers[0].models[1]"},
		{"bool", provider + "    enabled: yes\n", "must be true or false"},
		{"level", "version: 1\nlogging: {level: loud}\n", "line 2, column 18: logging.level"},
		{"retention", "version: 1\nlogging: {retention_days: -1}\n", "logging.retention_days"},
		{"section is a word", "version: 1\nserver: here\n", "server: must be fields with values"},
		{"providers is a map", "version: 1\nproviders: {a: b}\n", "providers: must be a list"},
		{"control character", "version: 1\n# \x01\n", "line 2, column 3: control character U+0001"},
		{"not UTF-8", "version: 1\n# \xff\n", "line 2, column 3: this byte is not UTF-8"},
		{"deep", "version: 1\nserver: " + strings.Repeat("[", 100000), "too deeply nested"},
		{"deep dashes", "version: 1\nproviders:\n" + strings.Repeat("- ", 100000), "too deeply nested"},
		{"blank lines", "version: 1\nx: >" + strings.Repeat("\n", 100000), "more than 200 blank lines"},
		{"fields", "version: 1\n" + strings.Repeat("a: 1\n", 20000), "more than 10000 fields"},
		{"huge", "version: 1\n" + strings.Repeat("#", maxFileBytes), "larger than 256 KiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.file))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestEveryFaultIsNamedInTheOrderOfTheFile(t *testing.T) {
	_, err := Parse([]byte("version: 1\nserver: {port: 0}\nproviders: [{name: A, type: x}]\nlogging: {level: x}\n"))
	errs, ok := err.(Errors)
	if !ok {
		t.Fatalf("got %v", err)
	}
	var lines []int
	for _, e := range errs {
		lines = append(lines, e.Line)
	}
	// A port written as 0 means the default, so line 2 has no fault.
	if !slices.Equal(lines, []int{3, 3, 4}) {
		t.Errorf("got lines %v in %v", lines, err)
	}
}

func TestAKeyInTheWrongPlaceIsNotShown(t *testing.T) {
	for _, field := range []string{"api_key_env: sk-se.cret", "api_key: sk-se.cret", "base_url: 'https://x.example.com/?k=sk-se.cret'", "base_url: sk-se.cret", "api_key_file: sk-se.cret"} {
		_, err := Parse([]byte("version: 1\nproviders:\n  - name: a\n    type: openai\n    " + field + "\n"))
		if err == nil || strings.Contains(err.Error(), "sk-se.cret") {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestPrivateHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "::1": true, "localhost": true, "10.1.2.3": true, "192.168.0.1": true, "172.20.0.2": true, "fd00::1": true,
		"ollama": true, "host.docker.internal": true, "nas.local": true, "::ffff:10.0.0.1": true,
		"8.8.8.8": false, "example.com": false, "2130706433": false, "0x7f000001": false, "localhost.example.com": false, "": false, "172.32.0.1": false,
	} {
		if got := PrivateHost(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
}

func TestOverrideHoldsOverTheFileAndCannotExpose(t *testing.T) {
	d := Default()
	got, err := Override{Port: 4000}.Apply(&d)
	if err != nil || got.Server.Port != 4000 || d.Server.Port != 3636 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := (Override{Host: "0.0.0.0"}).Apply(&d); err == nil || !strings.Contains(err.Error(), "expose_confirmed") {
		t.Errorf("got %v, want a refusal", err)
	}
	env := map[string]string{"LOCALROUTER_HOST": "::1", "LOCALROUTER_PORT": "5000", "LOCALROUTER_DASHBOARD_PORT": "5001"}
	o, err := OverrideFromEnv(func(k string) string { return env[k] })
	if want := (Override{"::1", 5000, 5001}); err != nil || o != want {
		t.Errorf("got %+v, %v; want %+v", o, err, want)
	}
	if got, want := o.Over(Override{Port: 7}), (Override{"::1", 7, 5001}); got != want {
		t.Errorf("got %+v, want %+v: a flag goes over the environment", got, want)
	}
	env["LOCALROUTER_PORT"] = "x"
	if _, err := OverrideFromEnv(func(k string) string { return env[k] }); err == nil {
		t.Error("a port that is none was taken")
	}
}

func TestPlaces(t *testing.T) {
	env := map[string]string{"HOME": "/u", "APPDATA": "/r", "LOCALAPPDATA": "/l"}
	getenv := func(k string) string { return env[k] }
	home := t.TempDir()
	p, err := Locate(home, getenv)
	want := Paths{Home: home, Settings: home + "/settings.yaml", DB: home + "/data/localrouter.db", Copies: home + "/data/copies", Logs: home + "/logs",
		KeyFile: home + "/secrets/master.key", Runtime: home + "/run/runtime.json", AdminToken: home + "/run/admin.token"}
	if err != nil || filepath.ToSlash(p.DB) != filepath.ToSlash(want.DB) || p != want && filepath.Separator == '/' {
		t.Errorf("got %+v, %v\nwant %+v", p, err, want)
	}
	for goos, want := range map[string][2]string{
		"linux":   {"/u/.config/localrouter/settings.yaml", "/u/.local/share/localrouter/data/localrouter.db"},
		"darwin":  {"/u/Library/Application Support/LocalRouter/settings.yaml", "/u/Library/Application Support/LocalRouter/data/localrouter.db"},
		"windows": {"/r/LocalRouter/settings.yaml", "/l/LocalRouter/data/localrouter.db"},
	} {
		p, err := systemPlaces(goos, getenv)
		if got := [2]string{filepath.ToSlash(p.Settings), filepath.ToSlash(p.DB)}; err != nil || got != want || p.Home != "" {
			t.Errorf("%s: got %v, %v", goos, got, err)
		}
		if filepath.Dir(filepath.Dir(p.KeyFile)) == filepath.Dir(p.DB) {
			t.Errorf("%s: the key file stands with the data that is copied", goos)
		}
	}
	env["XDG_CONFIG_HOME"], env["XDG_STATE_HOME"], env["XDG_RUNTIME_DIR"] = "/c", "relative", "/run/user/1"
	p, _ = systemPlaces("linux", getenv)
	if p.Settings != "/c/localrouter/settings.yaml" || p.Logs != "/u/.local/state/localrouter/logs" || p.Runtime != "/run/user/1/localrouter/run/runtime.json" {
		t.Errorf("got %+v", p)
	}
	env["LOCALROUTER_HOME"] = home
	if p, _ := Locate("", getenv); p.Home != home {
		t.Errorf("got %q, want LOCALROUTER_HOME", p.Home)
	}
	if _, err := systemPlaces("linux", func(string) string { return "" }); err == nil {
		t.Error("places were found without HOME")
	}
}

func TestFoldersAreForTheirOwnerOnly(t *testing.T) {
	if filepath.Separator != '/' {
		t.Skip("modes are checked on Unix only")
	}
	home := filepath.Join(t.TempDir(), "home")
	if err := os.MkdirAll(filepath.Join(home, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	p, _ := Locate(home, os.Getenv)
	if err := p.Make(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{home, p.Copies, filepath.Dir(p.DB), p.Logs, filepath.Dir(p.KeyFile), filepath.Dir(p.Runtime)} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: got %v, %v; want 0700", dir, info.Mode(), err)
		}
	}
	os.Remove(p.Logs)
	if err := os.Symlink(t.TempDir(), p.Logs); err != nil {
		t.Fatal(err)
	}
	if err := p.Make(); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("got %v, want the symlink refused", err)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	p, _ = Locate(open, os.Getenv)
	if err := p.Make(); err == nil || !strings.Contains(err.Error(), "every user") {
		t.Errorf("got %v, want the shared folder refused", err)
	}
	if os.Geteuid() == 0 {
		foreign := filepath.Join(t.TempDir(), "foreign")
		if err := os.Mkdir(foreign, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(foreign, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		p, _ = Locate(foreign, os.Getenv)
		if err := p.Make(); err == nil || !strings.Contains(err.Error(), "another user") {
			t.Errorf("got %v, want the foreign folder refused", err)
		}
	}
}
