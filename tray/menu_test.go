package tray

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func someKeys(count int) []Key {
	var keys []Key
	for i := range count {
		keys = append(keys, Key{ID: fmt.Sprint("id-", i+1), Name: fmt.Sprint("my-app-", i+1), Enabled: i != 1})
	}
	return keys
}

// someChoices are two routers and models of three providers, count in all.
func someChoices(count int) []Choice {
	list := []Choice{{Value: "router/minimum-cost", Label: "Router: Minimum Cost"}, {Value: "router/maximum-performance", Label: "Router: Maximum Performance"}}
	for i, group := range []string{"ollama", "openrouter", "openai"} {
		for n := range []int{3, max(0, count-7), 2}[i] {
			id := fmt.Sprint("m", n+1)
			list = append(list, Choice{Value: group + "/" + id, Label: group + " > " + id, Group: group})
		}
	}
	return list[:min(count, len(list))]
}

// text writes a menu as a person reads it: see testdata/menus.txt.
func text(lines []line, indent string) string {
	var out strings.Builder
	for _, l := range lines {
		switch {
		case l.hidden:
			continue
		case l.rule:
			out.WriteString(indent + "---\n")
			continue
		}
		out.WriteString(indent + l.label)
		if l.tick {
			out.WriteString(map[bool]string{true: " [x]", false: " [ ]"}[l.checked])
		}
		if !l.enabled {
			out.WriteString(" [disabled]")
		}
		out.WriteString("\n" + text(l.lines, indent+"  "))
	}
	return out.String()
}

func TestMenuOfEveryState(t *testing.T) {
	const today = "312 requests, 1.2 M tokens, $0.84 today"
	var got strings.Builder
	for _, s := range []struct {
		name  string
		state State
	}{
		{"running with two keys", State{Status: Running, Address: "127.0.0.1:3636", Running: true, Today: today, Keys: someKeys(2)}},
		{"first minute", State{Status: Running, Address: "127.0.0.1:3636", Running: true, Today: "no requests today"}},
		{"degraded", State{Status: Degraded, Address: "127.0.0.1:3636", Running: true, Today: today, Detail: "ollama does not answer", Keys: someKeys(1)}},
		{"stopped", State{Status: Stopped, Address: "127.0.0.1:3636", Today: today, Keys: someKeys(1)}},
		{"starting", State{Status: Starting, Address: "127.0.0.1:3636"}},
		{"exposed", State{Status: Exposed, Address: "0.0.0.0:3636", Running: true, Detail: "every device on this network can reach it"}},
		{"port taken", State{Status: Failed, Address: "127.0.0.1:3636", Detail: "port 3636 is taken by another program (nginx, process 812); free it or choose another one in the settings"}},
		{"more keys than the menu holds", State{Status: Running, Address: "[::1]:3636", Running: true, Keys: someKeys(14)}},
		{"keys with a selection, offline", State{Status: Running, Address: "127.0.0.1:3636", Running: true, Offline: true, Choices: someChoices(4), Keys: []Key{
			{ID: "a", Name: "asks", Enabled: true}, {ID: "b", Name: "router", Enabled: true, Selected: "router/maximum-performance"}, {ID: "c", Name: "gone", Enabled: true, Selected: "router/gone"}}}},
		{"more models than the menu holds", State{Status: Running, Address: "127.0.0.1:3636", Running: true, Choices: someChoices(300), Keys: []Key{
			{ID: "a", Name: "one", Enabled: true, Selected: "openrouter/m290"}}}},
		{"names of other people", State{Status: Running, Address: "localhost:3636", Running: true, Keys: []Key{
			{ID: "a", Name: "with\na break & an under_score", Enabled: true}, {ID: "id-of-a-key-without-name"}, {ID: "b", Name: strings.Repeat("ключ ", 20), Enabled: true}}}},
	} {
		fmt.Fprintf(&got, "# %s\nicon: %s\ntooltip: %s\n%s\n", s.name, iconOf(s.state, 0), strings.ReplaceAll(tooltipOf(s.state), "\n", " | "), text(menuOf(s.state), ""))
	}
	golden := filepath.Join("testdata", "menus.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("menus differ from %s (-want +got); if that is meant: go test ./tray -update\n%s", golden, diff)
	}
}

// A menu that changes its shape closes while it is open.
func TestMenuKeepsItsShape(t *testing.T) {
	shape := func(lines []line) string {
		var walk func([]line) string
		walk = func(lines []line) string {
			out := ""
			for _, l := range lines {
				out += fmt.Sprintf("(%v %v %s)", l.rule, l.tick, walk(l.lines))
			}
			return out
		}
		return walk(lines)
	}
	want := shape(menuOf(State{}))
	for _, status := range []string{Running, Degraded, Stopped, Starting, Exposed, Failed, "a word from the future"} {
		for _, keys := range []int{0, 1, maxKeys, maxKeys + 1, 500} {
			for i, running := range []bool{true, false} {
				s := State{Status: status, Running: running, Keys: someKeys(keys), Detail: status, Address: "127.0.0.1:1", Offline: running, Choices: someChoices([]int{maxChoices, 500}[i])}
				for k := range s.Keys {
					s.Keys[k].Selected = []string{"", "openrouter/m400", "router/gone"}[k%3]
				}
				if got := shape(menuOf(s)); got != want {
					t.Errorf("%s with %d keys has another shape", status, keys)
				}
			}
		}
	}
}

// One provider with hundreds of models leaves room for the others.
func TestEveryProviderHasItsShareOfTheMenu(t *testing.T) {
	count := func(list []Choice) map[string]int {
		of := map[string]int{}
		for _, c := range list {
			of[c.Group]++
		}
		return of
	}
	all := someChoices(300)
	got := offer(all)
	if diff := cmp.Diff(map[string]int{"": 2, "ollama": 3, "openrouter": 9, "openai": 2}, count(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := 1; i < len(got); i++ {
		if slices.Index(all, got[i-1]) >= slices.Index(all, got[i]) {
			t.Errorf("%s stands before %s", got[i-1].Value, got[i].Value)
		}
	}
	var routers []Choice
	for i := range 50 {
		routers = append(routers, Choice{Value: fmt.Sprint("router/", i)})
	}
	if of := count(offer(append(routers, all[2:]...))); of[""] != maxChoices/2 || of["ollama"] == 0 || of["openai"] == 0 {
		t.Errorf("many routers leave %v", of)
	}
	if with := withSelected(got, all, "openrouter/m250"); len(with) != maxChoices || with[maxChoices-1].Value != "openrouter/m250" {
		t.Errorf("what is selected is not seen: %v", with)
	}
}

func TestEndpointIsAnAddressThatWorksOnThisMachine(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:3636":   "http://127.0.0.1:3636/v1",
		"0.0.0.0:3636":     "http://127.0.0.1:3636/v1",
		":3636":            "http://127.0.0.1:3636/v1",
		"[::]:3636":        "http://[::1]:3636/v1",
		"[::1]:3636":       "http://[::1]:3636/v1",
		"192.168.1.7:3636": "http://192.168.1.7:3636/v1",
		"my-machine:3636":  "http://my-machine:3636/v1",
		"":                 "",
		"127.0.0.1":        "",
		"127.0.0.1:":       "",
	} {
		if got := Endpoint(address); got != want {
			t.Errorf("Endpoint(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestOnlyStartingMoves(t *testing.T) {
	for frame, want := range []string{"starting-1", "starting-2", "starting-3", "starting-1"} {
		if got := iconOf(State{Status: Starting}, frame); got != want {
			t.Errorf("frame %d is %q, want %q", frame, got, want)
		}
	}
	for _, status := range []string{Running, Degraded, Stopped, Exposed, Failed} {
		if iconOf(State{Status: status}, 0) != iconOf(State{Status: status}, 1) {
			t.Errorf("the icon of %s moves", status)
		}
	}
	if got := iconOf(State{Status: "a word from the future"}, 0); got != Stopped {
		t.Errorf("an unknown state shows %q, want %q", got, Stopped)
	}
}

func TestTooltipFitsWindows(t *testing.T) {
	s := State{Status: Running, Today: strings.Repeat("many requests, ", 30)}
	if got := utf8.RuneCountInString(tooltipOf(s)); got > 127 {
		t.Errorf("%d characters, Windows takes 127", got)
	}
}
