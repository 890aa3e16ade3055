package routing

import (
	"slices"
	"strings"
	"testing"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// TestWhomTheLastCheckDidNotFindComesLast: health takes part in the order, before any request has failed. All stay: where
// nobody else is left, they are asked in their order.
func TestWhomTheLastCheckDidNotFindComesLast(t *testing.T) {
	conf := settings.Default()
	router := settings.NewRouter("list")
	router.Select.Manual = []string{"a/m", "b/m", "c/m"}
	conf.Routers = append(conf.Routers, router)
	var list []*llm.Source
	for _, name := range []string{"a", "b", "c"} {
		list = append(list, &llm.Source{Name: name, Dialect: llm.OpenAI, Provider: &quick{}, Models: models("m")})
	}
	r := New(fixed{llm.NewSources(list)}, Options{Settings: func() *settings.Settings { return &conf }})
	gone := &llm.Error{Kind: llm.Unreachable, Status: 502}
	order := func() (names []string, last string) {
		rec, e := r.Preview("router/list", PreviewOptions{})
		if e != nil {
			t.Fatal(e)
		}
		for _, c := range rec.Candidates {
			names = append(names, c.Provider)
			last = strings.Join(c.Figures, "; ")
		}
		return names, last
	}
	check := func(when, want string, told bool) {
		t.Helper()
		names, last := order()
		if got := strings.Join(names, ""); got != want || strings.Contains(last, "the last check") != told {
			t.Errorf("%s: %s (%s), want %s", when, got, last, want)
		}
	}
	check("nothing is known", "abc", false)
	r.health.Checked("a", gone, time.Millisecond)
	check("nobody at a", "bca", true)
	a, attempts, e := r.Send(t.Context(), &Call{Request: &llm.Request{Dialect: llm.OpenAI, Op: llm.Completions, Model: "router/list"}, Observer: quietObserver{}})
	if e != nil || a.Source.Name != "b" || len(attempts) != 1 {
		t.Errorf("%v %v", attempts, e)
	}
	r.health.Checked("b", gone, time.Millisecond)
	r.health.Checked("c", gone, time.Millisecond)
	check("nobody anywhere", "abc", true)
	r.health.Checked("a", nil, time.Millisecond)
	check("a is back", "abc", true)
	r.health.Checked("b", nil, time.Millisecond)
	r.health.Checked("c", nil, 3*time.Second)
	check("c is slow, which is no reason", "abc", false)
	if names, _ := order(); !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Error(names)
	}
}
