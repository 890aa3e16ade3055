package routing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutation is one way to break the router, from a file in testdata/broken: first lines that say what it does, then
// "check NAME" with the check that must notice, then "file NAME" and one or more edits of it: between lines of "<<<<",
// "====" and ">>>>" the old text and the new, with or without the end of their last line.
type mutation struct {
	name  string
	check string
	edits []mutationEdit
}

type mutationEdit struct{ file, old, new string }

func readMutation(path string) (*mutation, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &mutation{name: strings.TrimSuffix(filepath.Base(path), ".txt")}
	var e mutationEdit
	var into *string
	for line := range strings.Lines(string(data)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "<<<<":
			into = &e.old
		case word == "====" && into == &e.old:
			into = &e.new
		case word == ">>>>" && into == &e.new:
			m.edits = append(m.edits, e)
			into, e = nil, mutationEdit{file: e.file}
		case into != nil:
			*into += line
		case word == "check":
			m.check = rest
		case word == "file":
			e.file = rest
		}
	}
	if m.check == "" || len(m.edits) == 0 || into != nil {
		return nil, fmt.Errorf("%s: it needs a check and an edit", path)
	}
	return m, nil
}

// overlay writes the edited sources and the list that `go test -overlay` takes.
func (m *mutation) overlay(dir string) (string, error) {
	replace := map[string]string{}
	for i, e := range m.edits {
		e.old, e.new = strings.TrimSuffix(e.old, "\n"), strings.TrimSuffix(e.new, "\n")
		path, err := filepath.Abs(filepath.FromSlash(e.file))
		if err != nil {
			return "", err
		}
		from := path
		if replace[path] != "" {
			from = replace[path]
		}
		source, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(source), e.old); n != 1 {
			return "", fmt.Errorf("%s holds the old text of testdata/broken/%s.txt %d times, want once: the router has changed, so break it anew. It is\n%s", e.file, m.name, n, e.old)
		}
		replace[path] = filepath.Join(dir, fmt.Sprintf("%s-%d.go", m.name, i))
		if err := os.WriteFile(replace[path], []byte(strings.Replace(string(source), e.old, e.new, 1)), 0o600); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, m.name+".json")
	return path, os.WriteFile(path, list, 0o600)
}

// inBroken marks the test run of a broken router.
const inBroken = "LOCALROUTER_BROKEN"

// TestBrokenRouters breaks the router in ways that would hurt, one after another, and demands that the simulator notices
// each by the check that is there for it.
func TestBrokenRouters(t *testing.T) {
	if os.Getenv(inBroken) != "" {
		return
	}
	files, err := filepath.Glob("testdata/broken/*.txt")
	if err != nil || len(files) < 5 {
		t.Fatalf("testdata/broken holds %d routers (%v), want 5 or more", len(files), err)
	}
	for _, file := range files {
		m, err := readMutation(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(m.name, func(t *testing.T) { m.run(t) })
	}
}

func (m *mutation) run(t *testing.T) {
	list, err := m.overlay(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, "go", "test", "-count=1", "-run=^TestVirtualDay$", "-overlay="+list, ".")
	child.Env = append(os.Environ(), inBroken+"="+m.name, "LOCALROUTER_FULL=")
	out, err := child.CombinedOutput()
	switch text := string(out); {
	case err == nil:
		t.Errorf("the simulator finds nothing wrong with it\n%s", text)
	case !strings.Contains(text, "check "+m.check+":"):
		t.Errorf("check %s did not notice (%v):\n%.4000s", m.check, err, text)
	}
}
