package providers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/providers/providertest"
)

// TestKindsAreTheTypesOfTheSettings: a type that a file may name is one that can be made, or that says when it comes.
func TestKindsAreTheTypesOfTheSettings(t *testing.T) {
	var have []string
	for name := range kinds {
		have = append(have, name)
	}
	want := slices.Clone(settings.ProviderTypes)
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("providers makes %v, settings allows %v", have, want)
	}
	r := registry(t, Options{}, settings.NewProvider("g", "gemini"))
	for _, s := range r.Status() {
		if s.State != Unhealthy || !strings.Contains(s.Detail, "later version") {
			t.Errorf("%s: %s %q", s.Name, s.State, s.Detail)
		}
	}
	if _, err := r.Sources().Named("g").Provider.Send(t.Context(), &llm.Request{}, "m", nil); llm.AsError(err).Kind != llm.Unreachable {
		t.Errorf("a request to it gives %v", err)
	}
}

func registry(t *testing.T, o Options, list ...settings.Provider) *Registry {
	t.Helper()
	r := NewRegistry(o)
	t.Cleanup(r.Close)
	s := settings.Default()
	s.Providers = list
	if err := r.Apply(&s); err != nil {
		t.Fatal(err)
	}
	return r
}

func compatible(name, url string) settings.Provider {
	p := settings.NewProvider(name, "openai-compatible")
	p.BaseURL = url
	return p
}

// running keeps the lists fresh for the length of the test.
func running(t *testing.T, r *Registry) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(t.Context())
	}()
	t.Cleanup(func() { <-done })
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.Tick(5 * time.Millisecond); !is(); <-tick {
		if time.Now().After(deadline) {
			t.Fatal("it never came to be that " + what)
		}
	}
}

const list2 = `{"object":"list","data":[{"id":"a","context_length":1000},{"id":"b/c"}]}`

// TestDemoStepsAsideForARealProvider, and comes back when there is none.
func TestDemoStepsAsideForARealProvider(t *testing.T) {
	r := registry(t, Options{})
	if s := r.Sources(); len(s.List) != 1 || !s.List[0].Demo || !s.List[0].Local || s.Offers("demo") == nil {
		t.Fatalf("with nothing configured there is %+v", s.List)
	}
	s := settings.Default()
	s.Providers = []settings.Provider{compatible("lab", "http://127.0.0.1:1/v1")}
	r.Apply(&s)
	if got := r.Sources(); got.Named("demo") != nil || got.Named("lab") == nil {
		t.Error("the demo stays beside a real provider")
	}
	off := s.Clone()
	off.Providers[0].Enabled = false
	r.Apply(off)
	if r.Sources().Named("demo") == nil {
		t.Error("with the only provider disabled nobody answers")
	}
	if st := r.Status(); len(st) != 2 || st[0].State != Off || !st[1].BuiltIn {
		t.Errorf("%+v", st)
	}
}

// TestListsAreReadBehindTheRequests: one dead provider delays nobody.
func TestListsAreReadBehindTheRequests(t *testing.T) {
	good, dead := providertest.New(t), providertest.New(t)
	good.AnswerPath("/models", providertest.JSON(200, list2))
	dead.AnswerPath("/models", providertest.Silent())
	r := registry(t, Options{}, compatible("dead", dead.URL), compatible("good", good.URL))
	if got := r.Sources(); got.Named("good").Listed || len(good.Received()) != 0 {
		t.Error("Apply or Sources asked a provider")
	}
	running(t, r)
	until(t, "the good one's list is there", func() bool { return len(r.Sources().Offers("b/c")) == 1 })
	if s := r.Sources().Named("dead"); s == nil || s.Listed {
		t.Errorf("the dead one is %+v", s)
	}
	if m, ok := r.Sources().Named("good").Model("a"); !ok || m.ContextLength != 1000 {
		t.Errorf("%+v", m)
	}
}

// TestAPersonsListIsNotAskedFor: servers that cannot list.
func TestAPersonsListIsNotAskedFor(t *testing.T) {
	u := providertest.New(t)
	p := compatible("lab", u.URL)
	p.Models = []string{"mine"}
	r := registry(t, Options{}, p)
	if len(r.Sources().Offers("mine")) != 1 {
		t.Error("the person's own list is not used")
	}
}

// TestApplyKeepsWhatDidNotChange: connections, lists and state survive a change next door.
func TestApplyKeepsWhatDidNotChange(t *testing.T) {
	u := providertest.New(t)
	u.AnswerPath("/models", providertest.JSON(200, list2))
	lab := compatible("lab", u.URL)
	r := registry(t, Options{}, lab)
	if res := r.Test(t.Context(), "lab"); !res.OK || res.Models != 2 {
		t.Fatalf("%+v", res)
	}
	before := r.Sources().Named("lab")
	s := settings.Default()
	s.Providers = []settings.Provider{compatible("new", "http://127.0.0.1:1/v1"), lab}
	r.Apply(&s)
	if r.Sources().Named("lab") != before {
		t.Error("a provider that did not change was made anew")
	}
	changed := s.Clone()
	changed.Providers[1].Headers = map[string]string{"X-Team": "7"}
	r.Apply(changed)
	if after := r.Sources().Named("lab"); after == before || after.Provider == before.Provider {
		t.Error("a provider that changed was kept")
	}
}

// vault is a stand-in for the sealed credentials.
type vault struct {
	locked atomic.Bool
	key    string
}

func (v *vault) Get(string) (string, error) {
	if v.locked.Load() {
		return "", errors.New("unlock the keyring")
	}
	return v.key, nil
}

// TestWhereCredentialsComeFrom: environment, file, vault; and what is said where there is none.
func TestWhereCredentialsComeFrom(t *testing.T) {
	u := providertest.New(t)
	u.AnswerPath("/models", providertest.JSON(200, list2))
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(" sk-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := &vault{key: "sk-vault"}
	env, inFile, sealed := compatible("env", u.URL), compatible("file", u.URL), compatible("vault", u.URL)
	env.APIKeyEnv, inFile.APIKeyFile = "LAB_KEY", file
	missing := compatible("missing", u.URL)
	missing.APIKeyEnv = "NOT_SET"
	bad := compatible("bad", u.URL)
	bad.APIKeyEnv = "TWO_LINES"
	none := settings.NewProvider("none", "openai")
	none.BaseURL = u.URL
	r := registry(t, Options{Secrets: v, Getenv: func(name string) string {
		return map[string]string{"LAB_KEY": "sk-env", "TWO_LINES": "sk-a\nsk-b"}[name]
	}}, env, inFile, sealed, missing, bad)
	for name, key := range map[string]string{"env": "sk-env", "file": "sk-file", "vault": "sk-vault"} {
		if res := r.Test(t.Context(), name); !res.OK || u.Last().Header.Get("Authorization") != "Bearer "+key {
			t.Errorf("%s: %+v, sent %q", name, res, u.Last().Header.Get("Authorization"))
		}
		if got := r.Redact("it said " + key + "!"); strings.Contains(got, key) {
			t.Errorf("%s is not taken out of %q", name, got)
		}
	}
	for name, says := range map[string]string{"missing": "NOT_SET is not set", "bad": "store it again"} {
		if res := r.Test(t.Context(), name); res.OK || !strings.Contains(res.Err.Message, says) || res.Err.Kind != llm.ProviderAuth {
			t.Errorf("%s: %+v", name, res.Err)
		}
	}
	v.key = ""
	r = registry(t, Options{Secrets: v}, none)
	if res := r.Test(t.Context(), "none"); res.OK || !strings.Contains(res.Err.Message, "set-key none") {
		t.Errorf("without a key: %+v", res.Err)
	}
}

// TestLockedVaultSaysSoAndIsTriedAgain: a request gets vault_locked, never a refusal of its key; after Reload it works.
func TestLockedVaultSaysSoAndIsTriedAgain(t *testing.T) {
	u := providertest.New(t)
	u.AnswerPath("/models", providertest.JSON(200, list2))
	v := &vault{key: "sk-vault"}
	v.locked.Store(true)
	r := registry(t, Options{Secrets: v}, compatible("lab", u.URL))
	_, err := r.Sources().Named("lab").Provider.Send(t.Context(), &llm.Request{}, "m", nil)
	if e := llm.AsError(err); e.Kind != llm.VaultLocked || e.Status != 503 || len(u.Received()) != 0 {
		t.Errorf("%+v after %d requests", e, len(u.Received()))
	}
	v.locked.Store(false)
	r.Reload()
	if res := r.Test(t.Context(), "lab"); !res.OK {
		t.Errorf("after the vault was opened: %v", res.Err)
	}
}

// TestStateFollowsWhatTheProviderAnswers.
func TestStateFollowsWhatTheProviderAnswers(t *testing.T) {
	u := providertest.New(t)
	r := registry(t, Options{}, compatible("lab", u.URL))
	for i, c := range []struct {
		script providertest.Script
		want   State
	}{
		{providertest.JSON(200, list2), Healthy},
		{providertest.JSON(503, `{}`), Degraded},
		{providertest.JSON(429, `{}`), Degraded},
		{providertest.JSON(401, `{}`), Unhealthy},
		{providertest.JSON(404, `{}`), Degraded},
		{providertest.JSON(200, `<html>`), Degraded},
		{providertest.Hangup(), Unhealthy},
		{providertest.JSON(200, `{"data":[]}`), Healthy},
	} {
		u.AnswerPath("/models", c.script)
		res := r.Test(t.Context(), "lab")
		s := r.Status()[0]
		if s.State != c.want || res.OK != (c.want == Healthy) || (s.Detail == "") != (c.want == Healthy) {
			t.Errorf("%d: %s %q, want %s", i, s.State, s.Detail, c.want)
		}
	}
	if s := r.Sources().Named("lab"); !s.Listed || len(s.Models) != 0 {
		t.Errorf("an empty list is a list: %+v", s)
	}
	if res := r.Test(t.Context(), "nobody"); res.OK || res.Err.Kind != llm.NotFound {
		t.Errorf("%+v", res)
	}
}

// TestLocalIsWhatRunsHere: only such a provider costs nothing, so nobody becomes one by accident.
func TestLocalIsWhatRunsHere(t *testing.T) {
	yes, no := true, false
	for i, c := range []struct {
		url   string
		local *bool
		want  bool
	}{
		{"http://127.0.0.1:1/v1", nil, true}, {"http://localhost:1/v1", nil, true}, {"http://[::1]:1", nil, true}, {"http://192.168.1.2:1/v1", nil, false},
		{"http://192.168.1.2:1/v1", &yes, true}, {"http://127.0.0.1:1/v1", &no, false}, {"https://api.openai.com/v1", &yes, false}, {"https://api.openai.com/v1", nil, false},
	} {
		p := compatible(fmt.Sprint("p", i), c.url)
		p.Local = c.local
		if got := registry(t, Options{}, p).Sources().List[0].Local; got != c.want {
			t.Errorf("%s with local %v is local: %v", c.url, c.local, got)
		}
	}
}
