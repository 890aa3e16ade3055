package dashboard_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"localrouter/dashboard"
)

// admin calls the admin API as the command line does.
func (p *preview) admin(t testing.TB, method, path, body string) (int, map[string]any) {
	t.Helper()
	header := bearerOf(adminToken)
	if body != "" {
		header["Content-Type"] = "application/json"
	}
	res, text := p.ask(t, method, "/admin/v1"+path, body, header)
	var out map[string]any
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatalf("%s %s answered %q", method, path, text)
		}
	}
	return res.StatusCode, out
}

// TestBadInputSaysWhatIsWrongAndWhatToDo, on every route that takes any.
func TestBadInputSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	p := newPreview(t)
	_, made := p.admin(t, "POST", "/keys", `{"name":"app"}`)
	id := made["id"].(string)
	p.admin(t, "POST", "/providers", `{"name":"lab","type":"openai-compatible","base_url":"http://127.0.0.1:1/v1","api_key_env":"LAB"}`)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/keys", `{`, 400, "cannot be read"},
		{"POST", "/keys", `{"nam":"x"}`, 400, "unknown field"},
		{"POST", "/keys", `null`, 400, "not one JSON object"},
		{"POST", "/keys", `{"name":"x"} {"name":"y"}`, 400, "not one JSON object"},
		{"POST", "/keys", `{"name":"` + strings.Repeat("x", 70_000) + `"}`, 413, "64 kB"},
		{"POST", "/keys", `{"name":"app"}`, 409, "already"},
		{"POST", "/keys/internal", `{"name":"other"}`, 404, "does not exist"},
		{"PATCH", "/keys/" + id, `{}`, 400, "nothing to change"},
		{"PATCH", "/keys/none", `{"enabled":false}`, 404, ""},
		{"POST", "/keys/none/regenerate", `{}`, 404, ""},
		{"DELETE", "/keys/none", ``, 404, ""},
		{"POST", "/gateway", `{}`, 400, "running is missing"},
		{"POST", "/providers", `{"name":"lab","type":"ollama"}`, 409, "already"},
		{"POST", "/providers", `{"name":"Up Per","type":"ollama"}`, 422, ""},
		{"POST", "/providers", `{"name":"auto","type":"ollama"}`, 422, ""},
		{"POST", "/providers", `{"name":"x","type":"nonsense"}`, 422, ""},
		{"POST", "/providers", `{"name":"x","type":"openai-compatible"}`, 422, "base_url"},
		{"POST", "/providers", `{"name":"x","type":"openai-compatible","base_url":"http://example.com/v1"}`, 422, "http"},
		{"POST", "/providers", `{"name":"x","type":"openai","api_key":"k","api_key_env":"K"}`, 400, "both"},
		{"PUT", "/providers/none/key", `{"api_key":"k"}`, 404, "no provider named none"},
		{"PUT", "/providers/lab/key", `{"api_key":"k"}`, 409, "takes its key from LAB"},
		{"POST", "/providers/none/test", `{}`, 404, "no provider named none"},
		{"DELETE", "/providers/none", ``, 404, "no provider named none"},
		{"GET", "/requests?limit=many", ``, 400, ""},
		{"GET", "/requests/none", ``, 404, ""},
	} {
		status, out := p.admin(t, c.method, c.path, c.body)
		e, _ := out["error"].(map[string]any)
		message, _ := e["message"].(string)
		next, _ := e["next_step"].(string)
		if status != c.status || !strings.Contains(message, c.says) || message == "" || next == "" {
			t.Errorf("%s %s %.60s: %d %q, next %q; want %d and %q", c.method, c.path, c.body, status, message, next, c.status, c.says)
		}
	}
	header := bearerOf(adminToken)
	header["Content-Type"] = "text/plain"
	if res, body := p.ask(t, "POST", "/admin/v1/keys", `{"name":"y"}`, header); res.StatusCode != 415 || !strings.Contains(body, "next_step") {
		t.Errorf("without a content type: %d %s", res.StatusCode, body)
	}
	if _, out := p.admin(t, "GET", "/keys", ""); len(out["keys"].([]any)) != 1 {
		t.Errorf("bad input made keys: %v", out)
	}
	if list := p.o.Settings.Get().Providers; len(list) != 1 || list[0].Name != "lab" {
		t.Errorf("bad input changed the providers: %+v", list)
	}
}

// TestAKeysLife by the admin API: made, renamed, off, on, made anew, deleted.
func TestAKeysLife(t *testing.T) {
	p := newPreview(t)
	status, made := p.admin(t, "POST", "/keys", `{"name":""}`)
	token, _ := made["key"].(string)
	if status != 201 || made["name"] != "my-app-1" || !strings.HasPrefix(token, "lr-") {
		t.Fatalf("%d %v", status, made)
	}
	path := "/keys/" + made["id"].(string)
	if _, e := p.o.Keys.ByToken(token); e != nil {
		t.Errorf("the new key is refused: %v", e)
	}
	if status, k := p.admin(t, "PATCH", path, `{"name":"notes","enabled":false}`); status != 200 || k["name"] != "notes" || k["enabled"] != false {
		t.Errorf("%d %v", status, k)
	}
	if _, e := p.o.Keys.ByToken(token); e == nil || e.Status != 403 {
		t.Errorf("a disabled key gets %v", e)
	}
	p.admin(t, "PATCH", path, `{"enabled":true}`)
	_, anew := p.admin(t, "POST", path+"/regenerate", `{}`)
	if _, e := p.o.Keys.ByToken(token); e == nil || e.Status != 401 {
		t.Errorf("the old secret gets %v", e)
	}
	if _, e := p.o.Keys.ByToken(anew["key"].(string)); e != nil {
		t.Errorf("the new secret is refused: %v", e)
	}
	if status, _ := p.admin(t, "DELETE", path, ""); status != 204 || p.o.Keys.Get(made["id"].(string)) != nil {
		t.Errorf("deleting gave %d", status)
	}
}

// TestTermsOfAKey by the admin API: given when it is made, changed, taken away.
func TestTermsOfAKey(t *testing.T) {
	p := newPreview(t)
	_, made := p.admin(t, "POST", "/keys", `{"name":"guest","limits":[{"kind":"cost","limit":0.5,"window":"1d"}],"expires":"2126-01-31T00:00:00Z"}`)
	id, _ := made["id"].(string)
	k := p.o.Keys.Get(id)
	if k == nil || len(k.Limits) != 1 || k.Limits[0].Amount != 5e11 || k.Expires.Year() != 2126 {
		t.Fatalf("%v %+v", made, k)
	}
	status, out := p.admin(t, "PATCH", "/keys/"+id, `{"limits":[{"kind":"requests","limit":7,"window":"90s"},{"kind":"tokens","limit":9,"window":"1m"}],"expires":"never"}`)
	if text := fmt.Sprint(out["limits"], out["expires"]); status != 200 || text != "[map[kind:requests limit:7 window:1m30s] map[kind:tokens limit:9 window:1m]] <nil>" {
		t.Errorf("%d %s", status, text)
	}
	for body, says := range map[string]string{
		`{"limits":[{"kind":"words","limit":1,"window":"1m"}]}`:                                             "a limit counts requests",
		`{"limits":[{"kind":"tokens","limit":1.5,"window":"1m"}]}`:                                          "no amount of tokens",
		`{"limits":[{"kind":"tokens","limit":1,"window":"1m"},{"kind":"tokens","limit":2,"window":"60s"}]}`: "two limits count tokens in 1m",
		`{"expires":"2020-01-01T00:00:00Z"}`:                                                                "expired",
		`{"expires":"soon"}`:                                                                                "no end of a key",
		`{}`:                                                                                                "nothing to change",
	} {
		status, out := p.admin(t, "PATCH", "/keys/"+id, body)
		if status != 400 || !strings.Contains(fmt.Sprint(out["error"]), says) || !strings.Contains(fmt.Sprint(out["error"]), "next_step") {
			t.Errorf("%s: %d %v", body, status, out)
		}
	}
	if k := p.o.Keys.Get(id); len(k.Limits) != 2 {
		t.Errorf("bad input changed the limits: %v", k.Limits)
	}
	p.admin(t, "PATCH", "/keys/"+id, `{"limits":[]}`)
	if k := p.o.Keys.Get(id); len(k.Limits) != 0 {
		t.Errorf("%v", k.Limits)
	}
}

// TestAFullDiskIsNoInternalError: the person is told, and the old settings stay.
func TestAFullDiskIsNoInternalError(t *testing.T) {
	p := newPreview(t)
	// A folder that is gone fails as a full disk does, and also where tests run as root.
	if err := os.RemoveAll(filepath.Dir(p.settings)); err != nil {
		t.Fatal(err)
	}
	status, out := p.admin(t, "POST", "/providers", `{"name":"x","type":"ollama"}`)
	e, _ := out["error"].(map[string]any)
	if status != 507 || e["code"] != "not_written" || !strings.Contains(e["next_step"].(string), "free some space") || len(p.o.Settings.Get().Providers) != 0 {
		t.Errorf("%d %v", status, out)
	}
}

// TestWithoutABrowserTheAddressIsShown.
func TestWithoutABrowserTheAddressIsShown(t *testing.T) {
	p := newPreview(t)
	p.o.Open = func(string) error { return errors.New("there is no desktop session here") }
	p.Dashboard = dashboard.New(p.o)
	status, out := p.admin(t, "POST", "/open", `{}`)
	if url, _ := out["url"].(string); status != 200 || !strings.Contains(url, "/login#") || out["detail"] != "there is no desktop session here" {
		t.Errorf("%d %v", status, out)
	}
}
