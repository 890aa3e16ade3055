package server

import (
	"slices"
	"strings"
	"testing"

	"localrouter/db"
	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/routing"
)

// names of what a request can ask for: every way to the remote model m.
var waysToRemote = []string{"far/m", "only-far", "shortcut", "router/two", "router/far", "auto", "localrouter/auto"}

// grounds is a scene with a local and a remote provider; of the local one a model is run elsewhere.
func grounds(t *testing.T, change ...func(*settings.Settings)) *scene {
	cloud := []llm.Model{{ID: "m"}, {ID: "big:120b-cloud"}, {ID: "glm:cloud"}}
	s := stage(t, []peer{{name: "far", dialect: llm.OpenAI, models: []llm.Model{{ID: "m"}, {ID: "only-far"}, {ID: "text-embedding"}}},
		{name: "near", dialect: llm.OpenAI, kind: "ollama", local: true, models: cloud}}, append([]func(*settings.Settings){func(conf *settings.Settings) {
		far := settings.NewRouter("far")
		far.Select.Manual = []string{"far/m", "near/big:120b-cloud", "near/GLM:Cloud"}
		conf.Routers = append(conf.Routers, far)
		conf.Aliases = map[string]string{"shortcut": "far/m", "long": "router/far"}
	}}, change...)...)
	s.up["far"].Answer(ok(llm.OpenAI, false))
	s.up["near"].Answer(ok(llm.OpenAI, false))
	return s
}

// TestLocalOnlyFailsClosed: neither a key that is bound to local models nor offline mode lets anything reach a remote one,
// by whatever name, in either dialect, for whatever purpose.
func TestLocalOnlyFailsClosed(t *testing.T) {
	ways := append(slices.Clone(waysToRemote), "long", "near/big:120b-cloud", "near/glm:cloud", "near/GLM:CLOUD", "big:120b-cloud",
		"near/glm:20b:cloud", "near/box:5000/glm:cloud", "near/glm:cloud@sha256", "near/glm:cloud\u200b")
	for name, bind := range map[string]func(*scene){
		"key":     func(s *scene) { s.policy(func(k *db.Key) { k.LocalOnly, k.Selection = true, "router/far" }) },
		"offline": func(s *scene) { s.settings.Offline = true; s.policy(func(k *db.Key) { k.Selection = "router/far" }) },
		"selected": func(s *scene) {
			s.policy(func(k *db.Key) { k.LocalOnly, k.Mode, k.Selection = true, routing.ModeSelected, "far/m" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := grounds(t)
			bind(s)
			for _, way := range ways {
				for _, app := range []llm.Dialect{llm.OpenAI, llm.Anthropic} {
					a := s.chat(app, way, false)
					if way == "router/two" && name != "selected" { // it has a local model
						if a.StatusCode != 200 || a.Header.Get("X-Localrouter-Route") != "near/m" {
							t.Errorf("%s: %d by %s", way, a.StatusCode, a.Header.Get("X-Localrouter-Route"))
						}
						continue
					}
					if e, err := readError(app, a); a.StatusCode != 403 || err != nil || len(a.entry.Attempts) != 0 || !strings.Contains(e.message, "local") && !strings.Contains(e.message, "offline") {
						t.Errorf("%s: %d %s", way, a.StatusCode, a.body)
					}
				}
			}
			for path, body := range map[string]string{
				"/v1/embeddings":            `{"model":"far/text-embedding","input":"x"}`,
				"/v1/moderations":           `{"model":"far/m","input":"x"}`,
				"/v1/completions":           `{"model":"far/m","prompt":"x"}`,
				"/v1/messages/count_tokens": chatText(llm.Anthropic, "far/m", false),
			} {
				if a := s.send(path, body); a.StatusCode != 403 {
					t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
				}
			}
			if s.asked("far") != 0 || s.up["near"].Contains("cloud") || s.up["near"].Contains("CLOUD") {
				t.Error("a remote model was reached")
			}
			for _, fields := range [][]string{nil, {"Anthropic-Version", "2023-06-01"}} {
				if a := s.get("/v1/models", fields...); strings.Contains(a.body, `"far/`) || strings.Contains(a.body, "cloud") || !strings.Contains(a.body, `"near/m"`) {
					t.Errorf("the list shows %s", a.body)
				}
			}
			if a := s.get("/v1/models/far/m"); a.StatusCode != 403 {
				t.Errorf("one model: %d %s", a.StatusCode, a.body)
			}
		})
	}
}

// TestTheAllowListBoundsEverything that a key can name.
func TestTheAllowListBoundsEverything(t *testing.T) {
	s := grounds(t)
	s.policy(func(k *db.Key) { k.AllowList, k.Selection = settings.Patterns{"near/m"}, "router/far" })
	for _, way := range append(slices.Clone(waysToRemote), "long", "near/big:120b-cloud", "far/not-listed") {
		for _, app := range []llm.Dialect{llm.OpenAI, llm.Anthropic} {
			a := s.chat(app, way, false)
			if way == "router/two" {
				if a.StatusCode != 200 || a.Header.Get("X-Localrouter-Route") != "near/m" {
					t.Errorf("%s: %d by %s", way, a.StatusCode, a.Header.Get("X-Localrouter-Route"))
				}
			} else if a.StatusCode != 403 || app == llm.OpenAI && !strings.Contains(a.body, `"model_not_allowed"`) {
				t.Errorf("%s: %d %s", way, a.StatusCode, a.body)
			}
		}
	}
	for path, body := range map[string]string{
		"/v1/embeddings":            `{"model":"text-embedding","input":"x"}`,
		"/v1/audio/speech":          `{"model":"far/tts","input":"x"}`,
		"/v1/messages/count_tokens": chatText(llm.Anthropic, "far/m", false),
	} {
		if a := s.send(path, body); a.StatusCode != 403 {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := s.get("/v1/models"); strings.Contains(a.body, `"far/`) || !strings.Contains(a.body, `"near/m"`) || !strings.Contains(a.body, `"auto"`) {
		t.Errorf("the list shows %s", a.body)
	}
	if a := s.get("/v1/models/far/m"); a.StatusCode != 403 {
		t.Errorf("one model: %d %s", a.StatusCode, a.body)
	}
	if s.asked("far") != 0 {
		t.Error("a model outside the list was reached")
	}
}

// TestWhatNamesStandFor in both dialects, under both modes of a key.
func TestWhatNamesStandFor(t *testing.T) {
	for _, c := range []struct {
		asked, route, router string
		policy               func(*db.Key)
	}{
		{"auto", "near/m", "router/minimum-cost", nil}, // the default selection: local first
		{"auto", "far/m", "", func(k *db.Key) { k.Selection = "far/m" }},
		{"localrouter/auto", "far/m", "router/far", func(k *db.Key) { k.Selection = "router/far" }},
		{"router/far", "far/m", "router/far", nil},
		{"shortcut", "far/m", "", nil},
		{"long", "far/m", "router/far", nil},
		{"m", "far/m", "", nil}, // provider order
		{"only-far", "far/only-far", "", nil},
		{"near/m", "near/m", "", nil},
		{"gpt-hard-wired", "near/m", "", func(k *db.Key) { k.Mode, k.Selection = routing.ModeSelected, "near/m" }},
		{"far/m", "near/m", "router/minimum-cost", func(k *db.Key) { k.Mode = routing.ModeSelected }},
		{"", "near/m", "", func(k *db.Key) { k.Mode, k.Selection = routing.ModeSelected, "near/m" }},
	} {
		for _, app := range []llm.Dialect{llm.OpenAI, llm.Anthropic} {
			s := grounds(t)
			if c.policy != nil {
				s.policy(c.policy)
			}
			a := s.chat(app, c.asked, false)
			if a.StatusCode != 200 || a.Header.Get("X-Localrouter-Route") != c.route || a.Header.Get("X-Localrouter-Router") != c.router {
				t.Errorf("%s %q: %d by %q, router %q: %s", app, c.asked, a.StatusCode, a.Header.Get("X-Localrouter-Route"), a.Header.Get("X-Localrouter-Router"), a.body)
			}
			if r := s.receipt(a); r.Asked != c.asked || r.Because == "" {
				t.Errorf("%s %q: %+v", app, c.asked, r)
			}
		}
	}
}

// TestNamesThatStandForNothing: a key whose router is gone is refused and told, never sent elsewhere.
func TestNamesThatStandForNothing(t *testing.T) {
	for _, c := range []struct {
		asked  string
		status int
		says   string
		policy func(*db.Key)
	}{
		{"auto", 403, "router/gone", func(k *db.Key) { k.Selection = "router/gone" }},
		{"near/m", 403, "router/gone", func(k *db.Key) { k.Mode, k.Selection = routing.ModeSelected, "router/gone" }},
		{"auto", 404, "has selected a model that is not there", func(k *db.Key) { k.Selection = "gone/m" }},
		{"router/none", 404, "router/two", nil},
		{"nothing-like-it", 404, "unknown", nil},
		{"", 400, "No model is named", nil},
		{"m", 404, "far/m, near/m", func(k *db.Key) { k.Strict = true }},
	} {
		for _, app := range []llm.Dialect{llm.OpenAI, llm.Anthropic} {
			s := grounds(t)
			if c.policy != nil {
				s.policy(c.policy)
			}
			a := s.chat(app, c.asked, false)
			if e, err := readError(app, a); a.StatusCode != c.status || err != nil || !strings.Contains(e.message, c.says) || s.asked("far")+s.asked("near") != 0 {
				t.Errorf("%s %q: %d %s (%v)", app, c.asked, a.StatusCode, a.body, err)
			}
		}
	}
}

// TestReceiptsAreTheKeysOwn: another key learns nothing, not even that there was a request.
func TestReceiptsAreTheKeysOwn(t *testing.T) {
	s := grounds(t)
	a := s.chat(llm.OpenAI, "router/two", false)
	path := "/v1/generation?id=" + a.Header.Get("X-Localrouter-Request-Id")
	for key, status := range map[string]int{"lr-bare": 404, goodToken: 200, "lr-nobody": 401} {
		if got := s.get(path, "Authorization", "Bearer "+key); got.StatusCode != status {
			t.Errorf("%s: %d %s", key, got.StatusCode, got.body)
		}
	}
	if got := s.get("/v1/generation?id=unknown"); got.StatusCode != 404 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if got := s.get("/v1/generation"); got.StatusCode != 400 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

// TestNoFurtherModelBesideTheAllowedOne: some providers answer with another model that the body names. Under an allow-list
// such a body is refused, in both dialects and whatever is asked.
func TestNoFurtherModelBesideTheAllowedOne(t *testing.T) {
	s := stage(t, []peer{{name: "far", dialect: llm.OpenAI}})
	s.up["far"].Answer(ok(llm.OpenAI, false))
	body := func(model, more string) string {
		return `{"model":"` + model + `","max_tokens":9,"messages":[{"role":"user","content":"hi"}]` + more + `}`
	}
	others := []string{`,"models":["dear"]`, `,"fallbacks":["dear"]`, `,"mod\u0065ls":["dear"]`, `,"models":"dear"`}
	for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1/completions", "/v1/embeddings", "/v1/rerank"} {
		for _, model := range []string{"far/m", "m", "router/two"} {
			for _, more := range others {
				s.policy(func(k *db.Key) { k.AllowList = settings.Patterns{"far/m"} })
				if a := s.send(path, body(model, more)); a.StatusCode != 403 || !strings.Contains(a.body, "Leave these fields out") {
					t.Errorf("%s %s %s: %d %s", path, model, more, a.StatusCode, a.body)
				}
			}
		}
	}
	if s.asked("far") != 0 {
		t.Errorf("it was asked %d times", s.asked("far"))
	}
	if a := s.send("/v1/chat/completions", body("far/m", `,"models":null`)); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	s.policy(func(k *db.Key) { k.AllowList = nil })
	if a := s.send("/v1/chat/completions", body("far/m", others[0])); a.StatusCode != 200 || !s.up["far"].Contains("dear") {
		t.Errorf("a key that may use everything: %d %s", a.StatusCode, a.body)
	}
}
