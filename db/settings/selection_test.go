package settings

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWhatIsMissingIsToldByItsNearest(t *testing.T) {
	s := Default()
	s.Routers = DefaultRouters()
	s.Providers = []Provider{NewProvider("openai", "openai"), NewProvider("ollama", "ollama")}
	for text, says := range map[string]string{
		"router/minimum-cost": "", "openai/gpt-5": "", "ollama/hf.co/some/model:q4": "", "demo/demo": "",
		"router/minimal-cost": `no router named "minimal-cost"; did you mean "minimum-cost"?`,
		"router/x":            "no router named \"x\"; `localrouter routers list` shows them",
		"opnai/gpt-5":         `no provider named "opnai"; did you mean "openai"?`,
		"minimum-cost":        "is no selection; write router/NAME or PROVIDER/MODEL",
		"openai/":             "is no selection",
		"":                    "is no selection",
		"localrouter/auto":    "is no selection",
	} {
		err := s.CheckSelection(text, "demo")
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

func TestABudgetReadsAsItIsWritten(t *testing.T) {
	var b Budget
	for _, text := range []string{"2/day", "$20.50/month"} {
		if err := b.Parse(text); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := b.String(), "2/day 20.5/month"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	data, err := json.Marshal(BudgetUSD(b))
	if want := `{"day":2,"month":20.5}`; err != nil || string(data) != want {
		t.Errorf("got %s %v, want %s", data, err, want)
	}
	var back BudgetUSD
	if err := json.Unmarshal(data, &back); err != nil || Budget(back) != b {
		t.Errorf("read back as %v, %v", back, err)
	}
	for _, text := range []string{"20", "20/week", "0/day", "-1/day", "x/month", "1e3/day", "200000/month"} {
		if err := b.Parse(text); err == nil || !strings.Contains(err.Error(), "20/month") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{`{"day":-1}`, `{"month":1e99}`, `{"day":"x"}`} {
		if err := json.Unmarshal([]byte(text), &back); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func FuzzSelection(f *testing.F) {
	f.Add("router/minimum-cost")
	f.Add("openai/gpt-5")
	f.Add("a/*")
	f.Fuzz(func(t *testing.T, text string) {
		provider, model, _ := strings.Cut(text, "/")
		if CheckSelection(text) == nil && (provider == "" || model == "") {
			t.Errorf("%q was taken", text)
		}
		if (Patterns{text}).Check() == nil && !strings.Contains(text, "*") && model != "" && !(Patterns{text}).Match(provider, model) {
			t.Errorf("%q does not match itself", text)
		}
	})
}
