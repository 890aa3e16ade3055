package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule says what a room of the house may import of the house, and why no more.
type rule struct {
	room   string
	may    []string // of ours; a trailing /... takes the folder and all below it
	reason string
}

var rules = []rule{
	{"providers/llm", nil, "the neutral language must not know who speaks it"},
	{"providers/sse", nil, "framing of bytes knows no vendor"},
	{"assets", nil, "files and their names, nothing else"},
	{"assets/...", []string{"assets"}, "generators of files"},
	{"db/secret", []string{"providers/llm"}, "the vault must be usable by any store"},
	{"db/settings", []string{"providers/llm"}, "settings are values; what they configure depends on them, not the reverse"},
	{"providers/wire", []string{"providers/llm"}, "shared by all clients, so it may know none"},
	{"db/accesslog", []string{"db", "providers/llm"}, "the log is one sink of the recorder"},
	{"db", []string{"providers/llm", "db/secret", "db/settings"}, "the recorder takes a Sink that main wires; never accesslog"},
	{"providers/openai", []string{"providers/llm", "providers/sse", "providers/wire"}, "dialects never know each other"},
	{"providers/providertest", []string{"providers/llm", "providers/sse"}, "the hostile upstream stands alone"},
	{"providers", []string{"providers/...", "db/settings"}, "from settings to live providers"},
	{"routing", []string{"providers/llm", "db/settings"}, "routing knows no HTTP and no vendor"},
	{"server", []string{"db", "db/settings", "routing", "providers/llm"}, "codecs come as values: no vendor package in the server"},
	{"dashboard/cli", []string{"db/settings", "db/secret", "db/accesslog", "providers/llm"}, "the command line is a client of the admin API"},
	{"dashboard", []string{"assets", "db", "db/...", "providers", "providers/llm", "routing"}, "the page a person sees"},
	{"tray/traytest", nil, "the desktop of tests stands alone"},
	{"tray", []string{"assets"}, "the tray is a guest: the program is whole without it"},
}

// module is the path all our packages start with.
const module = "localrouter"

// TestImportRules keeps the house in order: who may know whom.
func TestImportRules(t *testing.T) {
	for file, imports := range sources(t, false) {
		room := filepath.ToSlash(filepath.Dir(file))
		if room == "." {
			continue // main wires everything
		}
		r := ruleFor(room)
		if r == nil {
			t.Errorf("%s: no rule names the room %s; add one with its reason", file, room)
			continue
		}
		for _, imp := range imports {
			ours, ok := strings.CutPrefix(imp, module+"/")
			if imp == module {
				ours, ok = "main", true
			}
			if ok && ours != room && !allowed(r.may, ours) {
				t.Errorf("%s imports %s: %s", file, imp, r.reason)
			}
			if room == "routing" && imp == "net/http" || room == "providers/llm" && imp == "net/http" {
				t.Errorf("%s imports net/http: %s", file, r.reason)
			}
			for _, testOnly := range []string{"providers/providertest", "server/sdktest", "providers/catalog/gen", "tray/traytest"} {
				if ok && ours == testOnly {
					t.Errorf("%s imports %s, which is for tests only", file, imp)
				}
			}
		}
	}
}

// TestPackageComments notices a package that does not say what it knows.
func TestPackageComments(t *testing.T) {
	said := map[string]bool{}
	for file := range sources(t, false) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		said[dir] = said[dir] || f.Doc.Text() != ""
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s: the package has no comment", dir)
		}
	}
}

// TestTopLevel keeps the layout that the users fixed.
func TestTopLevel(t *testing.T) {
	fixed := []string{"main.go", "main_test.go", "tray", "server", "dashboard", "providers", "routing", "db", "assets", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE"}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.Contains(fixed, name) || name == "localrouter" || name == "localrouter.exe" {
			continue
		}
		t.Errorf("%s does not belong at the top level", name)
	}
}

func ruleFor(room string) *rule {
	for i := range rules {
		if rules[i].room == room {
			return &rules[i]
		}
	}
	for i := range rules {
		if allowed([]string{rules[i].room}, room) {
			return &rules[i]
		}
	}
	return nil
}

func allowed(list []string, room string) bool {
	for _, may := range list {
		if may == room {
			return true
		}
		if below, ok := strings.CutSuffix(may, "/..."); ok && strings.HasPrefix(room, below+"/") {
			return true
		}
	}
	return false
}

// sources lists our Go files with what they import; nested modules and testdata are left out.
func sources(t *testing.T, tests bool) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || !tests && strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		found[path] = nil
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[path] = append(found[path], p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
