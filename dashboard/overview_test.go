package dashboard_test

import (
	"strings"
	"testing"
	"time"

	"localrouter/dashboard"
)

// TestRunningNowTellsWhereARequestIs: nobody has it yet, it stands in line for a busy provider, or one answers.
func TestRunningNowTellsWhereARequestIs(t *testing.T) {
	p := newPreview(t)
	token := p.login(t)
	p.gateway.runs = []dashboard.Run{
		{ID: "1", Key: "a", Asked: "router/minimum-cost", Start: noon.Add(-time.Second)},
		{ID: "2", Key: "b", Asked: "auto", Provider: "ollama", Waiting: true, Start: noon.Add(-20 * time.Second)},
		{ID: "3", Key: "c", Asked: "auto", Provider: "ollama", Start: noon.Add(-21 * time.Second)},
		{ID: "4", Key: "d", Asked: "auto", Provider: "openai", Model: "gpt-5", Start: noon.Add(-30 * time.Second)},
	}
	_, page := p.ask(t, "GET", "/content/overview", "", bearerOf(token))
	_, running, _ := strings.Cut(page, `id="f-running"`)
	at := 0
	for _, want := range []string{"router/minimum-cost", "in line for ollama", "auto", "openai / gpt-5"} {
		next := strings.Index(running[at:], want)
		if next < 0 {
			t.Fatalf("%q is not told in its place:\n%s", want, running)
		}
		at += next
	}
}
