package providers

import (
	"context"
	"errors"
	"strings"
	"testing"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/providers/providertest"
)

// several is a vault of several keys; a name whose key begins with "!" cannot be read.
type several map[string]string

func (v several) Get(name string) (string, error) {
	if why, broken := strings.CutPrefix(v[name], "!"); broken {
		return "", errors.New(why)
	}
	return v[name], nil
}

func severalKeys(url string, names ...string) settings.Provider {
	p := compatible("lab", url)
	for _, n := range names {
		p.Credentials = append(p.Credentials, settings.Credential{Name: n})
	}
	return p
}

// TestSeveralKeysOfAProvider: each asks with its own, in the order of the settings, and one that cannot be read makes only
// itself unusable.
func TestSeveralKeysOfAProvider(t *testing.T) {
	u := providertest.New(t)
	u.AnswerPath("/models", providertest.JSON(200, list2))
	v := several{"lab": "sk-first-key", "lab#broken": "!unlock the keyring", "lab#team": "sk-team-key"}
	r := registry(t, Options{Secrets: v, InstallID: "here"}, severalKeys(u.URL, "broken", "missing", "team"))
	keys := r.Sources().Named("lab").Credentials
	var names []string
	for _, k := range keys {
		names = append(names, k.Name)
		if strings.Contains(k.ID, "sk-") || !strings.HasPrefix(k.ID, "lab#") {
			t.Errorf("the id %s", k.ID)
		}
	}
	if strings.Join(names, ",") != ",team,broken,missing" {
		t.Fatalf("keys %q: those that work come first", names)
	}
	for i, want := range []string{"sk-first-key", "sk-team-key"} {
		if _, err := keys[i].Provider.Models(t.Context()); err != nil || u.Last().Header.Get("Authorization") != "Bearer "+want {
			t.Errorf("key %d sends %q, %v", i, u.Last().Header.Get("Authorization"), err)
		}
	}
	if r.Sources().Named("lab").Provider != keys[0].Provider {
		t.Error("the provider is not that of the first key")
	}
	for i, want := range map[int]llm.Kind{2: llm.VaultLocked, 3: llm.ProviderAuth} {
		if _, err := keys[i].Provider.Send(t.Context(), &llm.Request{}, "m", nil); llm.AsError(err).Kind != want || !strings.Contains(llm.AsError(err).Message, "lab") {
			t.Errorf("key %d: %v", i, err)
		}
	}
	for _, key := range []string{"sk-first-key", "sk-team-key"} {
		if strings.Contains(r.Redact("it said "+key), key) {
			t.Errorf("%s is not taken out", key)
		}
	}
	st := r.Status()[0].Keys
	if len(st) != 4 || st[0].Problem != "" || !strings.Contains(st[1].Problem, "unlock the keyring") || !strings.Contains(st[2].Problem, "set-key lab#missing") || st[3].Problem != "" {
		t.Errorf("%+v", st)
	}
}

// TestAKeysIDChangesWithTheKey, and with nothing else, so that what is remembered of a key ends when it is edited.
func TestAKeysIDChangesWithTheKey(t *testing.T) {
	ids := func(install string, v several) (list []string) {
		for _, c := range registry(t, Options{Secrets: v, InstallID: install}, severalKeys("http://127.0.0.1:1/v1", "team")).Sources().Named("lab").Credentials {
			list = append(list, c.ID)
		}
		return list
	}
	a := ids("here", several{"lab": "sk-first-key", "lab#team": "sk-team-key"})
	b := ids("here", several{"lab": "sk-first-key", "lab#team": "sk-other-key"})
	c := ids("there", several{"lab": "sk-first-key", "lab#team": "sk-team-key"})
	same := ids("here", several{"lab": "sk-same-key", "lab#team": "sk-same-key"})
	if a[0] != b[0] || a[1] == b[1] || a[0] == c[0] || same[0] == same[1] {
		t.Errorf("%q %q %q %q", a, b, c, same)
	}
	if only := registry(t, Options{Secrets: several{"lab": "sk-first-key"}}, compatible("lab", "http://127.0.0.1:1/v1")).Sources().Named("lab").Credentials; len(only) != 1 || only[0].Name != "" {
		t.Errorf("with one key: %+v", only)
	}
	if none := registry(t, Options{}, compatible("lab", "http://127.0.0.1:1/v1")).Sources().Named("lab").Credentials; none != nil {
		t.Errorf("without a key: %+v", none)
	}
	if further := ids("here", several{"lab#team": "sk-team-key"}); len(further) != 1 {
		t.Errorf("with further keys only: %q", further)
	}
}

// TestTheListComesFromAKeyThatWorks: one that is refused or at its limit does not hide what the others can reach.
func TestTheListComesFromAKeyThatWorks(t *testing.T) {
	for status, falls := range map[int]bool{401: true, 429: true, 402: true, 503: false} {
		u := providertest.New(t)
		u.AnswerPath("/models", func(c *providertest.Conn) error {
			if c.Request().Header.Get("Authorization") == "Bearer sk-first-key" {
				return providertest.JSON(status, `{"error":{"message":"no"}}`)(c)
			}
			return providertest.JSON(200, list2)(c)
		})
		r := registry(t, Options{Secrets: several{"lab": "sk-first-key", "lab#team": "sk-team-key"}}, severalKeys(u.URL, "team"))
		if res := r.Test(t.Context(), "lab"); res.OK != falls || falls && res.Models != 2 {
			t.Errorf("%d: %+v after %d requests", status, res, len(u.Received()))
		}
	}
}

// TestAKeyThatComesLaterIsUsed: the vault is asked again, and only what changed is made anew.
func TestAKeyThatComesLaterIsUsed(t *testing.T) {
	v := several{"lab": "sk-first-key", "lab#team": "!locked"}
	r := registry(t, Options{Secrets: v}, severalKeys("http://127.0.0.1:1/v1", "team"))
	before := r.Sources().Named("lab")
	r.retryCredentials()
	if r.Sources().Named("lab") != before {
		t.Error("nothing changed, and the provider was made anew")
	}
	v["lab#team"] = "sk-team-key"
	r.retryCredentials()
	keys := r.Sources().Named("lab").Credentials
	if len(keys) != 2 || keys[1].Name != "team" {
		t.Fatalf("%+v", keys)
	}
	if _, err := keys[1].Provider.Models(context.Background()); llm.AsError(err).Kind != llm.Unreachable {
		t.Errorf("%v", err)
	}
}
