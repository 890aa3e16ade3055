package main

import (
	"os"
	"strings"
	"testing"
)

// TestNoticesNameEveryLinkedModule: whoever adds a dependency passes its licence on.
func TestNoticesNameEveryLinkedModule(t *testing.T) {
	b, err := os.ReadFile("../notices.txt")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := linked()
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) < 10 {
		t.Errorf("only %d modules are linked", len(modules))
	}
	for _, m := range modules {
		if !strings.Contains(string(b), "\n"+m.Path+" "+m.Version+"\n") {
			t.Errorf("assets/notices.txt does not name %s %s; run: make notices", m.Path, m.Version)
		}
	}
	for _, name := range []string{"\nnpm echarts\n", "\no200k_base, ", "\nGo 1.", "Apache License"} {
		if !strings.Contains(string(b), name) {
			t.Errorf("assets/notices.txt lacks %q; run: make notices", name)
		}
	}
}
