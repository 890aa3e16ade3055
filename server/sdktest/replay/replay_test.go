package main

import (
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"localrouter/server/sdktest/gateway"
)

// TestAnHourOfADay: what a person asks is answered while providers fail, nothing leaves the machine that may not, and
// each answer's receipt and line in the log agree with what the providers saw. The whole day is `go run ./replay`.
func TestAnHourOfADay(t *testing.T) {
	dir := t.TempDir()
	bin, err := gateway.Build(filepath.Join("..", "..", ".."), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSession(bin, filepath.Join(dir, "home"), "", quick, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	err = s.run(t.Context(), hour())
	if closeErr := s.close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	sum := s.summary()
	for _, f := range sum.faults {
		t.Error(f)
	}
	if sum.requests < 40 || sum.fallbacks == 0 || sum.refused == 0 {
		t.Errorf("%d requests, %d fallbacks, %d refusals", sum.requests, sum.fallbacks, sum.refused)
	}
	_, faults, err := s.audit()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Error(f)
	}
	if t.Failed() {
		var said strings.Builder
		s.report(&said, "", 0)
		t.Log(said.String())
	}
}

// TestADayIsLongEnough: the measurement is at least 300 requests, of every form, in both dialects, with every trouble.
func TestADayIsLongEnough(t *testing.T) {
	n, forms, troubles, shown := 0, map[string]bool{}, map[ill]bool{}, 0
	for _, sc := range day(3) {
		for _, h := range sc.hands {
			if words := strings.Fields(h); words[0] != "$" {
				trouble, err := parseTrouble(words[1:])
				if err != nil {
					t.Errorf("%s: %v", h, err)
				}
				troubles[trouble.Ill] = true
			}
		}
		for _, s := range sc.steps {
			n += max(s.atOnce, 1)
			forms[s.dialect+" "+string(s.form)] = true
			if s.show != "" {
				shown++
			}
		}
	}
	if n < 300 || len(forms) < 8 || len(troubles) < 9 || shown < 10 {
		t.Errorf("%d requests, %d forms %v, %d troubles, %d receipts to show", n, len(forms), forms, len(troubles), shown)
	}
}

// TestACheckSeesWhatIsWrong: each thing that a person would call wrong is one that the check tells.
func TestACheckSeesWhatIsWrong(t *testing.T) {
	good := func() *result {
		return &result{step: &step{who: "editor", form: whole, model: "auto"}, status: http.StatusOK, output: 3,
			header: http.Header{"X-Localrouter-Route": {"a/m"}, "X-Localrouter-Attempts": {"2"}},
			receipt: &receipt{Asked: "auto", Because: "the key says so", Strategies: []string{"local_first", "lowest_cost"},
				Candidates: []candidate{{Provider: "ollama", Model: "x", Figures: []string{"local", "$0"}}, {Provider: "a", Model: "m", Figures: []string{"remote", "$0.001"}},
					{Provider: "b", Model: "m", Figures: []string{"remote", "$0.01"}}, {Provider: "c", Model: "m", Left: "offline"}},
				Attempts: []attempt{{Provider: "ollama", Model: "x", Kind: "timeout"}, {Provider: "a", Model: "m"}}}}
	}
	if faults := good().check(); len(faults) > 0 {
		t.Fatalf("a good result is called wrong: %q", faults)
	}
	for _, c := range []struct {
		spoil func(*result)
		want  string
	}{
		{func(r *result) { r.status = 500 }, "answered 500"},
		{func(r *result) { r.status = torn }, "200 and then an error"},
		{func(r *result) { r.output = 0 }, "no tokens"},
		{func(r *result) { r.receipt, r.noPaper = nil, io.ErrUnexpectedEOF }, "no receipt"},
		{func(r *result) { r.step.local, r.remote = true, 1 }, "reached remote upstreams"},
		{func(r *result) { r.step.local = true }, "may not leave the machine"},
		{func(r *result) { r.receipt.Asked = "a/m" }, "was asked"},
		{func(r *result) { r.receipt.Because = "" }, "no reason"},
		{func(r *result) { r.header.Set("X-LocalRouter-Attempts", "3") }, "counts 3 attempts"},
		{func(r *result) { r.header.Set("X-LocalRouter-Route", "b/m") }, "the header says"},
		{func(r *result) { r.receipt.Attempts[1].Kind = "timeout" }, "the last attempt"},
		{func(r *result) { r.receipt.Attempts = nil }, "has no attempt"},
		{func(r *result) { r.receipt.Attempts[0].Provider = "c" }, "is no candidate"},
		{func(r *result) { r.step.tools = true }, "what it has not"},
		{func(r *result) { r.receipt.Candidates[2].Figures[1] = "$0.0001" }, "comes before"},
		{func(r *result) { r.step.form, r.models = listed, []string{"a/m"} }, "auto is not in the list"},
		{func(r *result) { r.step.form, r.step.sees, r.models = listed, []string{"b"}, []string{"auto", "a/m"} }, "may not reach"},
		{func(r *result) { r.step.by = []string{"b/m"} }, "a person would have had it by b/m"},
		{func(r *result) { r.receipt.Sticky = true }, "an earlier conversation"},
		{func(r *result) { r.receipt.Candidates[2].Figures = nil }, "lacks the figures"},
	} {
		r := good()
		c.spoil(r)
		if faults := r.check(); !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, c.want) }) {
			t.Errorf("want a fault with %q, got %q", c.want, faults)
		}
	}
}
