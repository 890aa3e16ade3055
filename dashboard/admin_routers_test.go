package dashboard_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"localrouter/dashboard"
	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing"
	"localrouter/routing/health"
)

// chooser is a made-up router.
type chooser struct {
	asked routing.PreviewOptions
	fail  *llm.Error
}

func (c *chooser) Preview(name string, o routing.PreviewOptions) (*llm.Receipt, *llm.Error) {
	c.asked = o
	if c.fail != nil {
		return nil, c.fail
	}
	return &llm.Receipt{Asked: name, Strategies: []string{"local_first", "lowest_cost"}, Input: 1000, Output: 512, Candidates: []llm.Candidate{
		{Provider: "ollama", Model: "qwen3:32b", Figures: []string{"local", "costs nothing"}},
		{Provider: "openai", Model: "gpt-5-mini", Figures: []string{"remote", "$0.0013"}},
		{Provider: "anthropic", Model: "claude-sonnet-4.5", Left: "rate limited, 12 s left"},
		{Provider: "openai", Model: "gone", Left: "context of 8192 tokens is too small"},
	}}, nil
}

// patient is made-up health.
type patient struct {
	reports map[string]health.Report
	retried []string
}

func (p *patient) Report(name string) health.Report { return p.reports[name] }
func (p *patient) Retry(name string)                { p.retried = append(p.retried, name) }

// withChooser is a preview whose router and health are made up.
func withChooser(t *testing.T) (*preview, *chooser, *patient) {
	p, c, h := withRouting(t), &chooser{}, &patient{reports: map[string]health.Report{}}
	p.o.Routing, p.o.Health = c, h
	p.Dashboard = dashboard.New(p.o)
	return p, c, h
}

func TestRoutersAreListedWithTheirCandidates(t *testing.T) {
	p, _, _ := withChooser(t)
	p.admin(t, "PUT", "/routers/maximum-performance", `{"title":"Strong"}`)
	p.admin(t, "PUT", "/routers/mine", `{"new":true,"manual":["ollama/qwen3:32b","openai/gpt-5"],"limits":[{"kind":"requests","limit":5,"window":"1m"}]}`)
	_, out := p.admin(t, "GET", "/routers", "")
	var got []string
	for _, r := range out["routers"].([]any) {
		r := r.(map[string]any)
		got = append(got, fmt.Sprintln(r["name"], r["title"], r["strategies"], r["default"], r["candidates"], r["left_out"], r["manual"], r["fallback"], len(r["limits"].([]any))))
	}
	want := []string{"minimum-cost Minimum Cost [local_first lowest_cost] yes 2 2 [] true 0\n", "maximum-performance Strong [highest_performance] changed 2 2 [] true 0\n",
		"mine  []  2 2 [ollama/qwen3:32b openai/gpt-5] true 1\n"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestAPreviewShowsWhatAPersonComparesBy beside the router's own words.
func TestAPreviewShowsWhatAPersonComparesBy(t *testing.T) {
	p, c, h := withChooser(t)
	h.reports["openai"] = health.Report{State: "healthy", FirstToken: 310 * time.Millisecond}
	h.reports["anthropic"] = health.Report{State: "degraded", Cause: "rate_limited", Until: noon.Add(12 * time.Second)}
	status, out := p.admin(t, "GET", "/routers/minimum-cost/preview?tools=true&vision=true&context=90000", "")
	if status != 200 || c.asked != (routing.PreviewOptions{Tools: true, Vision: true, Input: 90000}) {
		t.Fatalf("%d %v, asked %+v", status, out, c.asked)
	}
	var got []string
	for _, one := range out["candidates"].([]any) {
		m := one.(map[string]any)
		price, _ := m["price"].(map[string]any)
		got = append(got, fmt.Sprintln(m["provider"], m["model"], m["figures"], m["left_out"], price["local"], price["input"], m["latency_ms"], m["health"], m["health_detail"]))
	}
	want := []string{
		"ollama qwen3:32b [local costs nothing] <nil> true <nil> 12 healthy <nil>\n",
		"openai gpt-5-mini [remote $0.0013] <nil> <nil> 0.25 310 healthy <nil>\n",
		"anthropic claude-sonnet-4.5 <nil> rate limited, 12 s left <nil> 3 2400 degraded rate limited, 12 s left\n",
		"openai gone <nil> context of 8192 tokens is too small <nil> <nil> 310 healthy <nil>\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for path, says := range map[string]string{
		"/routers/minimal-cost/preview":             `did you mean "minimum-cost"?`,
		"/routers/minimum-cost/preview?context=big": "no number of tokens",
	} {
		if status, out := p.admin(t, "GET", path, ""); status < 400 || !strings.Contains(fmt.Sprint(out), says) {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
	c.fail = &llm.Error{Kind: llm.ModelNotFound, Status: 404, Message: "No provider is set up. Add one."}
	if status, out := p.admin(t, "GET", "/routers/minimum-cost/preview", ""); status != 404 || !strings.Contains(fmt.Sprint(out), "add one") {
		t.Errorf("%d %v", status, out)
	}
}

// TestARoutersLife by the admin API: made, changed, renamed with what names it, removed, restored.
func TestARoutersLife(t *testing.T) {
	p, _, _ := withChooser(t)
	status, out := p.admin(t, "PUT", "/routers/cheap", `{"new":true,"title":"Cheap","include":["openai/*"],"min_parameters":"7B","strategies":["lowest_cost"],"attempts":2,"free_only":true}`)
	if status != 200 || out["min_parameters"] != "7B" || out["free_only"] != true {
		t.Fatalf("%d %v", status, out)
	}
	_, made := p.admin(t, "POST", "/keys", `{"name":"editor","selection":"router/cheap","mode":"selected"}`)
	if status, out := p.admin(t, "PUT", "/routers/cheap", `{"name":"cheapest","min_parameters":"","fallback":false}`); status != 200 || out["name"] != "cheapest" || out["title"] != "Cheap" {
		t.Errorf("%d %v", status, out)
	}
	r := p.o.Settings.Get().Router("cheapest")
	if r == nil || r.Select.Automatic.MinParameters != 0 || r.Fallback.Enabled || r.Fallback.Attempts != 2 || len(r.Select.Automatic.Include) != 1 {
		t.Errorf("%+v", r)
	}
	if k := p.o.Keys.Get(made["id"].(string)); k.Selection != "router/cheapest" || k.Mode != "selected" {
		t.Errorf("the key stayed behind: %+v", k)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"PUT", "/routers/cheapest", `{"new":true}`, 409, "already"},
		{"PUT", "/routers/cheapst", `{"title":"x"}`, 404, `did you mean "cheapest"?`},
		{"PUT", "/routers/Bad Name", `{"new":true}`, 422, "no name of a router"},
		{"PUT", "/routers/cheapest", `{"strategies":["lowest_price"]}`, 422, "lowest_cost"},
		{"PUT", "/routers/cheapest", `{"min_parameters":"big"}`, 422, "7B"},
		{"PUT", "/routers/cheapest", `{"manual":["ollama/x"]}`, 422, "automatic"},
		{"PUT", "/routers/cheapest", `{"title":"Half done","name":"minimum-cost"}`, 422, "also the name"},
		{"DELETE", "/routers/none-like-it", ``, 404, "no router"},
	} {
		status, out := p.admin(t, c.method, strings.ReplaceAll(c.path, " ", "%20"), c.body)
		if status != c.status || !strings.Contains(fmt.Sprint(out["error"]), c.says) {
			t.Errorf("%s %s %s: %d %v", c.method, c.path, c.body, status, out)
		}
	}
	if r := p.o.Settings.Get().Router("cheapest"); r.Title != "Cheap" {
		t.Errorf("what was refused changed the router: %+v", r)
	}
	if status, out := p.admin(t, "DELETE", "/routers/cheapest", ""); status != 200 || fmt.Sprint(out["keys"]) != "[editor]" {
		t.Errorf("%d %v", status, out)
	}
	p.admin(t, "DELETE", "/routers/maximum-performance", "")
	p.admin(t, "PUT", "/routers/minimum-cost", `{"strategies":[]}`)
	p.admin(t, "PUT", "/routers/own", `{"new":true}`)
	if _, out := p.admin(t, "POST", "/routers/restore", `{}`); fmt.Sprint(out["restored"]) != "[minimum-cost maximum-performance]" {
		t.Errorf("%v", out)
	}
	names := []string{}
	for _, r := range p.o.Settings.Get().Routers {
		names = append(names, r.Name+fmt.Sprint(r.Strategies))
	}
	if want := []string{"minimum-cost[local_first lowest_cost]", "own[]", "maximum-performance[highest_performance]"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

// TestHowProvidersAreIsToldInWords with a countdown where there is one.
func TestHowProvidersAreIsToldInWords(t *testing.T) {
	p, _, h := withChooser(t)
	h.reports = map[string]health.Report{
		"ollama": {State: "unhealthy", Cause: "breaker_open", Failures: 2, Until: noon.Add(9 * time.Second), Running: 1, Waiting: 3,
			Rests: []health.Rest{{Model: "gemma3:27b", Cause: "model_unknown", Until: noon.Add(4 * time.Minute)}}},
		"openai":     {State: "healthy", FirstToken: 310 * time.Millisecond, TokensPerSecond: 70},
		"anthropic":  {State: "unhealthy", Cause: "breaker_open", Trial: true},
		"openrouter": {State: "healthy"},
	}
	p.o.Settings.Update(func(s *settings.Settings) error {
		s.Provider("ollama").MaxParallel = 1
		s.Provider("openai").Plan = llm.BillingFree
		s.Provider("openai").Credentials = []settings.Credential{{Name: "second"}}
		return nil
	})
	_, out := p.admin(t, "GET", "/providers", "")
	var got []string
	for _, one := range out["providers"].([]any) {
		m := one.(map[string]any)
		got = append(got, fmt.Sprintln(m["name"], m["state"], m["detail"], m["cause"], m["wait_seconds"], m["running"], m["waiting"], m["max_parallel"], m["plan"], m["credentials"], len(m["rests"].([]any))))
	}
	want := []string{
		"ollama unhealthy resting after 2 failures, 9 s left breaker_open 9 1 3 1  [] 1\n",
		"openai healthy   0 0 0 0 free [second] 0\n",
		"anthropic unhealthy one request tries whether it is back breaker_open 0 0 0 0  [] 0\n",
		"openrouter unhealthy refused the key (401)  0 0 0 0  [] 0\n", // the check knows worse
		"lm-studio off   0 0 0 0  [] 0\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if rest := fmt.Sprint(out["providers"].([]any)[0].(map[string]any)["rests"]); !strings.Contains(rest, "the provider does not know it, 4 min left") {
		t.Error(rest)
	}
	if status, _ := p.admin(t, "POST", "/providers/ollama/retry", `{}`); status != 204 || !slices.Equal(h.retried, []string{"ollama"}) {
		t.Errorf("%d, retried %v", status, h.retried)
	}
	if status, _ := p.admin(t, "POST", "/providers/openai/test", `{}`); status != 200 || !slices.Equal(h.retried, []string{"ollama", "openai"}) {
		t.Errorf("a test that went well: %d, retried %v", status, h.retried)
	}
	if p.admin(t, "POST", "/providers/anthropic/test", `{}`); len(h.retried) != 2 {
		t.Errorf("a test that failed ended a rest: %v", h.retried)
	}
	if status, _ := p.admin(t, "POST", "/providers/none/retry", `{}`); status != 404 || len(h.retried) != 2 {
		t.Errorf("%d, retried %v", status, h.retried)
	}
}

// TestARestingKeyIsToldByItsName, not by its id.
func TestARestingKeyIsToldByItsName(t *testing.T) {
	p, _, h := withChooser(t)
	r := newRegistry()
	r.sources.Named("openai").Credentials = []llm.Credential{{ID: "id-1"}, {ID: "id-2", Name: "second"}}
	p.o.Providers = r
	p.Dashboard = dashboard.New(p.o)
	h.reports["openai"] = health.Report{State: health.Degraded, Cause: health.KeyRefused, Rests: []health.Rest{{Credential: "id-1", Cause: health.KeyRefused},
		{Credential: "id-2", Cause: health.RateLimited, Until: noon.Add(30 * time.Second)}, {Model: "gpt-5", Trial: true}}}
	_, out := p.admin(t, "GET", "/providers", "")
	var got []string
	for _, r := range out["providers"].([]any)[1].(map[string]any)["rests"].([]any) {
		r := r.(map[string]any)
		got = append(got, fmt.Sprintln(r["model"], r["credential"], r["detail"]))
	}
	if want := []string{" first key refused\n", " second rate limited, 30 s left\n", "gpt-5  one request tries whether it is back\n"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFurtherKeysOfAProvider lie beside the first and go with the provider.
func TestFurtherKeysOfAProvider(t *testing.T) {
	p, _, _ := withChooser(t)
	if status, out := p.admin(t, "PUT", "/providers/openai/key", `{"api_key":"sk-1"}`); status != 204 {
		t.Fatalf("%d %v", status, out)
	}
	for _, secret := range []string{"sk-2", "sk-3"} { // the second takes the place of the first
		if status, out := p.admin(t, "PUT", "/providers/openai/key", `{"api_key":"`+secret+`","credential":"second"}`); status != 204 {
			t.Fatalf("%d %v", status, out)
		}
	}
	list := p.o.Settings.Get().Provider("openai").Credentials
	if first, _ := p.o.Secrets.Get("openai"); first != "sk-1" || len(list) != 1 || list[0].Name != "second" {
		t.Errorf("%q %+v", first, list)
	}
	if second, _ := p.o.Secrets.Get("openai#second"); second != "sk-3" {
		t.Errorf("%q", second)
	}
	if status, out := p.admin(t, "PUT", "/providers/openai/key", `{"api_key":"sk-4","credential":"Not A Name"}`); status != 422 || p.o.Secrets.Has("openai#Not A Name") {
		t.Errorf("%d %v", status, out)
	}
	p.admin(t, "DELETE", "/providers/openai", "")
	if p.o.Secrets.Has("openai") || p.o.Secrets.Has("openai#second") {
		t.Error("a key outlived its provider")
	}
}

func TestAProviderIsChanged(t *testing.T) {
	p, _, _ := withChooser(t)
	if status, out := p.admin(t, "POST", "/providers", `{"name":"lab","type":"ollama","plan":"free","max_parallel":1}`); status != 201 {
		t.Fatalf("%d %v", status, out)
	}
	if status, out := p.admin(t, "PATCH", "/providers/lab", `{"max_parallel":2,"plan":"subscription","enabled":false}`); status != 200 || fmt.Sprint(out["notes"]) != "[]" {
		t.Fatalf("%d %v", status, out)
	}
	if l := p.o.Settings.Get().Provider("lab"); l.MaxParallel != 2 || l.Plan != llm.BillingFlat || l.Enabled || l.Type != "ollama" {
		t.Errorf("%+v", l)
	}
	for body, says := range map[string]string{`{"plan":"cheap"}`: "plan", `{"max_parallel":-1}`: "max_parallel", `{"base_url":"nowhere"}`: "URL"} {
		if status, out := p.admin(t, "PATCH", "/providers/lab", body); status != 422 || !strings.Contains(fmt.Sprint(out["error"]), says) {
			t.Errorf("%s: %d %v", body, status, out)
		}
	}
	if status, _ := p.admin(t, "PATCH", "/providers/none", `{}`); status != 404 {
		t.Error(status)
	}
}

// TestKeysStayBehindWhereAProviderMoves: a key is for one server, and no other may get it.
func TestKeysStayBehindWhereAProviderMoves(t *testing.T) {
	p, _, _ := withChooser(t)
	keep := func(path, body string, status int, kept bool) {
		t.Helper()
		p.admin(t, "PUT", "/providers/openai/key", `{"api_key":"sk-1"}`)
		p.admin(t, "PUT", "/providers/openai/key", `{"api_key":"sk-2","credential":"second"}`)
		got, out := p.admin(t, "PATCH", path, body)
		first, _ := p.o.Secrets.Get("openai")
		second, _ := p.o.Secrets.Get("openai#second")
		if got != status || (first == "sk-1") != kept || (second == "sk-2") != kept || !kept && first+second != "" {
			t.Errorf("%s: %d %v; the keys are %q and %q", body, got, out, first, second)
		}
		if notes := fmt.Sprint(out["notes"]); !kept && (!strings.Contains(notes, "providers set-key openai") || !strings.Contains(notes, "set-key openai --credential second")) {
			t.Errorf("%s: %s", body, notes)
		}
	}
	keep("/providers/openai", `{"base_url":"https://one.example/v1"}`, 200, false)
	keep("/providers/openai", `{"base_url":"https://ONE.example:443/v2","max_parallel":3}`, 200, true)
	keep("/providers/openai", `{"base_url":"https://two.example/v1","max_parallel":-1}`, 422, true)
	keep("/providers/openai", `{"base_url":"http://one.example/v1"}`, 422, true)
	keep("/providers/openai", `{"base_url":"https://one.example:8443/v1"}`, 200, false)
	keep("/providers/openai", `{"base_url":""}`, 200, false)
	p.admin(t, "POST", "/providers", `{"name":"lab","type":"openai","api_key_env":"LAB_KEY"}`)
	if _, out := p.admin(t, "PATCH", "/providers/lab", `{"base_url":"https://one.example/v1"}`); !strings.Contains(fmt.Sprint(out["notes"]), "The key in LAB_KEY goes to the new server") {
		t.Errorf("%v", out)
	}
}

// TestModelsAreNarrowed by what is known of them: what is not known passes no bound.
func TestModelsAreNarrowed(t *testing.T) {
	p, _, _ := withChooser(t)
	r := newRegistry()
	o := r.sources.Named("openai")
	o.Models[0].InputModes, o.Models[0].Parameters, o.Models[0].MaxOutput = []string{"text", "image"}, []string{"tools", "structured_outputs"}, 128000
	o.Models[1].Billing, o.Models[1].Price = llm.BillingFlat, nil
	a := r.sources.Named("anthropic")
	a.Models[0].Price = nil
	l := r.sources.Named("ollama")
	l.Models[0].Size, l.Models[1].Size, l.Models[1].ContextLength = 32e9, 27e9, 8192
	l.Models = append(l.Models, llm.Model{ID: "far:120b-cloud", Size: 120e9}) // run elsewhere, at a price nobody knows
	p.o.Providers = r
	p.Dashboard = dashboard.New(p.o)
	_, out := p.admin(t, "GET", "/models?q=far", "")
	if price := out["models"].([]any)[0].(map[string]any)["price"]; price != nil {
		t.Errorf("a model that runs elsewhere is shown with the price %v", price)
	}
	for query, want := range map[string]string{
		"":                               "anthropic/claude-sonnet-4.5 openai/gpt-5 openai/gpt-5-mini ollama/qwen3:32b ollama/gemma3:27b ollama/far:120b-cloud",
		"?provider=ollama":               "ollama/qwen3:32b ollama/gemma3:27b ollama/far:120b-cloud",
		"?q=GPT":                         "openai/gpt-5 openai/gpt-5-mini",
		"?has=tools,vision":              "openai/gpt-5",
		"?has=tools&q=mini":              "",
		"?max_price=5":                   "openai/gpt-5-mini ollama/qwen3:32b ollama/gemma3:27b",
		"?max_price=10":                  "openai/gpt-5 openai/gpt-5-mini ollama/qwen3:32b ollama/gemma3:27b",
		"?min_context=100000&q=qwen+32":  "ollama/qwen3:32b",
		"?min_params=28B":                "ollama/qwen3:32b ollama/far:120b-cloud",
		"?max_params=30B":                "ollama/gemma3:27b",
		"?min_params=1B&max_params=100B": "ollama/qwen3:32b ollama/gemma3:27b",
	} {
		_, out := p.admin(t, "GET", "/models"+query, "")
		var ids []string
		for _, m := range out["models"].([]any) {
			ids = append(ids, m.(map[string]any)["id"].(string))
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	for query, says := range map[string]string{"?has=wings": "no capability", "?max_price=x": "money", "?min_context=x": "no number", "?max_params=x": "7B", "?provider=opnai": `did you mean "openai"?`} {
		if status, out := p.admin(t, "GET", "/models"+query, ""); status < 400 || !strings.Contains(fmt.Sprint(out), says) {
			t.Errorf("%s: %d %v", query, status, out)
		}
	}
}

// TestTheSettingsFileHoldsWhatWasSet, so that a person finds it there.
func TestTheSettingsFileHoldsWhatWasSet(t *testing.T) {
	p, _, _ := withChooser(t)
	p.admin(t, "PUT", "/routers/mine", `{"new":true,"manual":["ollama/qwen3:32b"]}`)
	p.admin(t, "PUT", "/offline", `{"offline":true}`)
	file, err := os.ReadFile(p.settings)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, part := range []string{"name: mine", "ollama/qwen3:32b", "offline: true"} {
		if !strings.Contains(string(file), part) {
			t.Errorf("%q does not stand in the file:\n%s", part, file)
		}
	}
}

// TestAFaultInTheFileIsNotTakenForOneOfTheChange: who saves while the file is faulty is told where.
func TestAFaultInTheFileIsNotTakenForOneOfTheChange(t *testing.T) {
	p, _, _ := withChooser(t)
	file, err := os.ReadFile(p.settings)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(file), "offline: false", "offline: perhaps", 1)
	if broken == string(file) {
		broken += "\nnonsense: 1\n"
	}
	if err := os.WriteFile(p.settings, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out := p.admin(t, "PUT", "/routers/mine", `{"new":true,"manual":["ollama/qwen3:32b"]}`)
	text := fmt.Sprint(out["error"])
	if status != 409 || !strings.Contains(text, "settings") || !strings.Contains(text, " line ") || !strings.Contains(text, "try again") {
		t.Errorf("%d %s", status, text)
	}
	if now, _ := os.ReadFile(p.settings); string(now) != broken {
		t.Error("the file was overwritten")
	}
}
