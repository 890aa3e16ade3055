package settings

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestRoutersAndAliasesAreChangedByName(t *testing.T) {
	path := t.TempDir() + "/settings.yaml"
	s := openStore(t, path)
	mine := NewRouter("mine")
	mine.Select.Manual = []string{"ollama/qwen3-coder"}
	dear := NewRouter("minimum-cost")
	dear.Strategies = []Strategy{HighestPerformance}
	for _, step := range []struct {
		name string
		do   func() error
		want string // the error; empty: none
		is   error
	}{
		{"a new router", func() error { return s.PutRouter(mine) }, "", nil},
		{"another in place of a default one", func() error { return s.PutRouter(dear) }, "", nil},
		{"an alias", func() error { return s.SetAlias("fast", "router/mine") }, "", nil},
		{"another alias", func() error { return s.SetAlias("claude-fast", "ollama/llama3:8b") }, "", nil},
		{"an alias of nothing", func() error { return s.SetAlias("slow", "router/other") }, `aliases.slow: there is no router "other"`, nil},
		{"the router of an alias", func() error { return s.RemoveRouter("mine") }, `the alias "fast" stands for router/mine; change or remove the alias first`, nil},
		{"another name", func() error { return s.RenameRouter("mine", "house") }, "", nil},
		{"the name of another", func() error { return s.RenameRouter("house", "minimum-cost") }, "is also the name of", nil},
		{"no name", func() error { return s.RenameRouter("house", "auto") }, "is reserved", nil},
		{"a router that is gone", func() error { return s.RenameRouter("mine", "x") }, `there is no such router: "mine"`, ErrNoRouter},
		{"to remove one that is gone", func() error { return s.RemoveRouter("mine") }, `there is no such router: "mine"`, ErrNoRouter},
		{"to remove a default one", func() error { return s.RemoveRouter("maximum-performance") }, "", nil},
		{"to go offline", func() error { return s.SetOffline(true) }, "", nil},
		{"an alias gone", func() error { return s.RemoveAlias("claude-fast") }, "", nil},
		{"an alias that is gone", func() error { return s.RemoveAlias("claude-fast") }, `there is no such alias: "claude-fast"`, ErrNoAlias},
	} {
		before := read(t, path)
		switch err := step.do(); {
		case step.want == "" && err != nil:
			t.Fatalf("%s: %v", step.name, err)
		case step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want) || step.is != nil && !errors.Is(err, step.is)):
			t.Errorf("%s: got %v", step.name, err)
		case step.want != "" && read(t, path) != before:
			t.Errorf("%s: was refused, and the file changed", step.name)
		}
	}
	got := s.Get()
	if got.Router("house") == nil || got.Router("maximum-performance") != nil || !reflect.DeepEqual(*got.Router("minimum-cost"), dear) ||
		!reflect.DeepEqual(got.Aliases, map[string]string{"fast": "router/house"}) || !got.Offline {
		t.Errorf("got %+v", got)
	}
	if err := s.RestoreRouters(); err != nil {
		t.Fatal(err)
	}
	for _, r := range DefaultRouters() {
		if now := s.Get().Router(r.Name); now == nil || !reflect.DeepEqual(*now, r) {
			t.Errorf("%s was not restored: %+v", r.Name, now)
		}
	}
	if s.Get().Router("house") == nil {
		t.Error("restoring the default routers took another one out")
	}
	if again, err := Parse([]byte(read(t, path))); err != nil || !reflect.DeepEqual(again, s.Get()) {
		t.Errorf("the file does not hold what is in use: %v", err)
	}
	removed, _ := diffLines(defaultFile, read(t, path))
	for _, line := range removed {
		if strings.Contains(line, "#") {
			t.Errorf("the comment %q was lost", line)
		}
	}
}

func TestTheLastRouterCanGoAndComeBack(t *testing.T) {
	path := t.TempDir() + "/settings.yaml"
	s := openStore(t, path)
	for _, r := range DefaultRouters() {
		if err := s.RemoveRouter(r.Name); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Get().Routers) != 0 || !strings.Contains(read(t, path), "\nrouters: []\n") {
		t.Errorf("got %+v in\n%s", s.Get().Routers, read(t, path))
	}
	if err := s.RestoreRouters(); err != nil {
		t.Fatal(err)
	}
	if d := Default(); !reflect.DeepEqual(s.Get(), &d) {
		t.Errorf("got %+v", s.Get())
	}
}

func TestAProviderThatRoutersNameCanBeRemoved(t *testing.T) {
	path := t.TempDir() + "/settings.yaml"
	put(t, path, routed)
	s := openStore(t, path)
	if err := s.Update(func(next *Settings) error { next.Providers = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	if r := s.Get().Router("strong"); len(r.Select.Manual) != 2 {
		t.Errorf("got %+v", r)
	}
}
