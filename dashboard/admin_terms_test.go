package dashboard_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"localrouter/db"
	"localrouter/db/settings"
)

// withRouting gives the preview routers and providers by its settings.
func withRouting(t *testing.T) *preview {
	t.Helper()
	p := newPreview(t)
	err := p.o.Settings.Update(func(s *settings.Settings) error {
		s.Routers = settings.DefaultRouters()
		s.Providers = []settings.Provider{settings.NewProvider("openai", "openai"), settings.NewProvider("ollama", "ollama")}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRoutingTermsByTheAdminAPI: all of them come and go, and one that is not named stays.
func TestRoutingTermsByTheAdminAPI(t *testing.T) {
	p := withRouting(t)
	_, made := p.admin(t, "POST", "/keys", `{"name":"editor","selection":"router/maximum-performance","mode":"selected","allow_list":["openai/*","ollama"],"local_only":true,
		"strict":true,"rehearse":true,"budget":{"day":2,"month":20.5}}`)
	id, _ := made["id"].(string)
	k := p.o.Keys.Get(id)
	if k == nil || k.Selection != "router/maximum-performance" || k.Mode != db.ModeSelected || !slices.Equal(k.AllowList, settings.Patterns{"openai/*", "ollama"}) ||
		!k.LocalOnly || !k.Strict || !k.Rehearse || k.Budget != (settings.Budget{Day: 2e12, Month: 205e11}) {
		t.Fatalf("%v %+v", made, k)
	}
	status, out := p.admin(t, "PATCH", "/keys/"+id, `{"selection":"ollama/qwen3:32b"}`)
	if text := fmt.Sprintln(out["selection"], out["mode"], out["allow_list"], out["local_only"], out["budget"], out["notes"]); status != 200 ||
		text != "ollama/qwen3:32b selected [openai/* ollama] true map[day:2 month:20.5] []\n" {
		t.Errorf("%d %s", status, text)
	}
	status, out = p.admin(t, "PATCH", "/keys/"+id, `{"mode":"asked","allow_list":[],"local_only":false,"strict":false,"rehearse":false,"budget":{}}`)
	if text := fmt.Sprintln(out["selection"], out["mode"], out["allow_list"], out["local_only"], out["strict"], out["rehearse"], out["budget"]); status != 200 ||
		text != "ollama/qwen3:32b asked [] false false false map[]\n" {
		t.Errorf("%d %s", status, text)
	}
}

// TestTermsThatNameNothing are refused as a whole, with what was perhaps meant.
func TestTermsThatNameNothing(t *testing.T) {
	p := withRouting(t)
	_, made := p.admin(t, "POST", "/keys", `{"name":"editor"}`)
	path := "/keys/" + made["id"].(string)
	for body, says := range map[string]string{
		`{"mode":"selected","selection":"router/minimal-cost"}`: `no router named "minimal-cost" next_step:did you mean "minimum-cost"?`,
		`{"selection":"opnai/gpt-5"}`:                           `no provider named "opnai" next_step:did you mean "openai"?`,
		`{"selection":"minimum-cost"}`:                          "no selection next_step:write router/NAME",
		`{"allow_list":["ollama","opnai/*"]}`:                   `did you mean "openai"?`,
		`{"allow_list":["openai/"]}`:                            "is not a pattern",
		`{"mode":"never"}`:                                      "no mode of a key",
		`{"budget":{"day":-3}}`:                                 "no budget",
		`{"budget":{"week":3}}`:                                 "no budget",
	} {
		status, out := p.admin(t, "PATCH", path, body)
		if status != 400 && status != 422 || !strings.Contains(fmt.Sprint(out["error"]), says) {
			t.Errorf("%s: %d %v", body, status, out)
		}
	}
	if k := p.o.Keys.Get(made["id"].(string)); k.Mode != db.ModeAsked || k.Selection != settings.DefaultSelection || k.AllowList != nil {
		t.Errorf("what was refused changed the key: %+v", k)
	}
	p.admin(t, "POST", "/keys", `{"name":"taken"}`)
	for _, name := range []string{"Taken", " ", "a\tb"} {
		if status, out := p.admin(t, "PATCH", path, fmt.Sprintf(`{"mode":"selected","local_only":true,"enabled":false,"name":%q}`, name)); status < 400 {
			t.Errorf("%q: %d %v", name, status, out)
		}
		if k := p.o.Keys.Get(made["id"].(string)); k.Mode != db.ModeAsked || k.LocalOnly || k.Disabled || k.Name != "editor" {
			t.Errorf("what was refused for its name %q changed the key: %+v", name, k)
		}
	}
	if status, out := p.admin(t, "POST", "/keys", `{"name":"other","selection":"router/minimal-cost"}`); status != 422 {
		t.Errorf("%d %v", status, out)
	}
}

// TestNotesOnTermsThatWillNotWork: each is right by itself, together they refuse.
func TestNotesOnTermsThatWillNotWork(t *testing.T) {
	p := withRouting(t)
	_, made := p.admin(t, "POST", "/keys", `{"name":"editor"}`)
	path := "/keys/" + made["id"].(string)
	for _, c := range []struct{ body, says string }{
		{`{"selection":"openai/gpt-9"}`, "openai does not list gpt-9; it is asked for it all the same."},
		{`{"selection":"openai/gpt-5","local_only":true}`, `openai/gpt-5 is not on this machine and editor is for local models only, so it is refused where an application asks for "auto".`},
		{`{"selection":"ollama/gpt-oss:120b-cloud"}`, `ollama/gpt-oss:120b-cloud is not on this machine and editor is for local models only, so it is refused where an application asks for "auto".`},
		{`{"local_only":false,"selection":"openai/gpt-5","allow_list":["ollama"],"mode":"selected"}`, "openai/gpt-5 is not among what editor may use, so it is refused with every request."},
		{`{"allow_list":[]}`, ""},
	} {
		_, out := p.admin(t, "PATCH", path, c.body)
		notes, _ := out["notes"].([]any)
		if c.says == "" && len(notes) != 0 || c.says != "" && !slices.Contains(notes, any(c.says)) {
			t.Errorf("%s: %v", c.body, notes)
		}
	}
	err := p.o.Settings.Update(func(s *settings.Settings) error { s.Routers = s.Routers[:1]; return nil })
	if err != nil {
		t.Fatal(err)
	}
	p.o.Keys.SetSelection(made["id"].(string), "router/maximum-performance", db.ModeSelected)
	_, out := p.admin(t, "PATCH", path, `{"strict":true}`)
	if notes := fmt.Sprint(out["notes"]); !strings.Contains(notes, "router/maximum-performance is not there") {
		t.Errorf("a router that is gone: %s", notes)
	}
}

func TestOfflineModeByTheAdminAPI(t *testing.T) {
	p := newPreview(t)
	for _, on := range []bool{true, false} {
		if status, out := p.admin(t, "PUT", "/offline", fmt.Sprintf(`{"offline":%v}`, on)); status != 200 || out["offline"] != on {
			t.Errorf("%d %v", status, out)
		}
		if _, out := p.admin(t, "GET", "/status", ""); out["offline"] != on || p.o.Settings.Get().Offline != on {
			t.Errorf("the status says %v, want %v", out["offline"], on)
		}
	}
	if status, out := p.admin(t, "PUT", "/offline", `{}`); status != 400 {
		t.Errorf("%d %v", status, out)
	}
}
