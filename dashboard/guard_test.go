package dashboard_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"localrouter/db/settings"
)

// ask sends one request to the preview's own address.
func (p *preview) ask(t testing.TB, method, path, body string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, p.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		if k == "Host" {
			r.Host = v
			continue
		}
		r.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func bearerOf(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

func (p *preview) redeem(t testing.TB, url string) string {
	t.Helper()
	_, code, _ := strings.Cut(url, "#")
	res, body := p.ask(t, "POST", "/login", `{"code":"`+code+`"}`, nil)
	if res.StatusCode != 200 {
		return ""
	}
	var out struct{ Token string }
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatal(err)
	}
	return out.Token
}

func TestForeignHostsAreRefusedBeforeAnythingElse(t *testing.T) {
	p := newPreview(t)
	_, port, _ := strings.Cut(p.o.Address(), ":")
	if err := p.o.Settings.Update(func(s *settings.Settings) error {
		s.Server.AllowedHosts = []string{"host.docker.internal"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"127.0.0.1:" + port: 200, "localhost:" + port: 200, "[::1]:" + port: 200, "host.docker.internal": 200, "host.docker.internal:" + port: 200,
		"127.0.0.1": 403, "localhost:1": 403, "evil.example:" + port: 403, "0.0.0.0:" + port: 403, "LOCALHOST:" + port: 403,
		"192.168.1.20:" + port: 403, "localrouter.local:" + port: 403, "x.host.docker.internal": 403, "localhost." + ":" + port: 403,
	} {
		for _, path := range []string{"/", "/login"} {
			res, body := p.ask(t, "GET", path, "", map[string]string{"Host": host})
			if res.StatusCode != want {
				t.Errorf("Host %q, %s: status %d, want %d: %s", host, path, res.StatusCode, want, body)
			}
		}
	}
}

func TestEveryAnswerCarriesThePolicy(t *testing.T) {
	p := newPreview(t)
	for _, path := range []string{"/", "/nothing", "/content/overview", "/admin/v1/status", "/static/nothing.js"} {
		res, _ := p.ask(t, "GET", path, "", nil)
		csp := res.Header.Get("Content-Security-Policy")
		for _, must := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, must) {
				t.Errorf("%s: the policy lacks %s: %q", path, must, csp)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy allows something unsafe: %q", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Set-Cookie": "", "Access-Control-Allow-Origin": ""} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestOtherPagesCannotAct(t *testing.T) {
	p := newPreview(t)
	token := p.login(t)
	for _, c := range []struct {
		name   string
		header map[string]string
		want   int
	}{
		{"own page", map[string]string{"Origin": p.server.URL, "Sec-Fetch-Site": "same-origin"}, 200},
		{"no browser", nil, 200},
		{"other port of this machine", map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
		{"other name of this machine", map[string]string{"Origin": strings.Replace(p.server.URL, "127.0.0.1", "localhost", 1)}, 403},
		{"same site", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"cross site without an origin", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"null", map[string]string{"Origin": "null"}, 403},
	} {
		header := bearerOf(token)
		for k, v := range c.header {
			header[k] = v
		}
		if res, body := p.ask(t, "GET", "/content/keys", "", header); res.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d: %s", c.name, res.StatusCode, c.want, body)
		}
	}
	header := bearerOf(adminToken)
	header["Origin"] = p.server.URL
	if res, _ := p.ask(t, "GET", "/admin/v1/status", "", header); res.StatusCode != 403 {
		t.Errorf("a browser with the admin token: status %d, want 403", res.StatusCode)
	}
}

func TestLoginCodeOpensOneSessionWithinAMinute(t *testing.T) {
	p := newPreview(t)
	url, err := p.LoginURL()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(url, p.server.URL+"/login#") {
		t.Fatalf("LoginURL() = %q, want one of %s/login#", url, p.server.URL)
	}
	token := p.redeem(t, url)
	if token == "" {
		t.Fatal("a fresh code opened no session")
	}
	if again := p.redeem(t, url); again != "" {
		t.Error("a code worked twice")
	}
	if res, _ := p.ask(t, "GET", "/content/overview", "", bearerOf(token)); res.StatusCode != 200 {
		t.Errorf("with a session: status %d, want 200", res.StatusCode)
	}
	late, err := p.LoginURL()
	if err != nil {
		t.Fatal(err)
	}
	p.clock.set(noon.Add(61 * time.Second))
	if p.redeem(t, late) != "" {
		t.Error("a code worked after 61 s")
	}
	p.clock.set(noon.Add(30*24*time.Hour + time.Minute))
	if res, _ := p.ask(t, "GET", "/content/overview", "", bearerOf(token)); res.StatusCode != 401 {
		t.Errorf("after 30 days: status %d, want 401", res.StatusCode)
	}
}

func TestSignOutEverywhereEndsEverySessionAndItsLiveAnswer(t *testing.T) {
	p := newPreview(t)
	a, b := p.login(t), p.login(t)
	r, err := http.NewRequest("GET", p.server.URL+"/live/overview", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b)
	live, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Body.Close()
	if res, body := p.ask(t, "POST", "/do/logout-everywhere", "{}", bearerOf(a)); res.StatusCode != 204 {
		t.Fatalf("status %d, want 204: %s", res.StatusCode, body)
	}
	for _, token := range []string{a, b} {
		if res, _ := p.ask(t, "GET", "/content/keys", "", bearerOf(token)); res.StatusCode != 401 {
			t.Errorf("a session outlived it: status %d", res.StatusCode)
		}
	}
	if _, err := io.Copy(io.Discard, live.Body); err != nil { // returns only if the answer ends
		t.Errorf("the live answer ended badly: %v", err)
	}
}
