package dashboard

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"localrouter/db/settings"
)

// bare is a dashboard of which only the guard can work: a route that lets a bare request through meets nil and shows.
func bare(t *testing.T) *Dashboard {
	t.Helper()
	s, err := settings.OpenStore(filepath.Join(t.TempDir(), "settings.yaml"), settings.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return New(Options{Settings: s, AdminToken: "right", Address: func() string { return "127.0.0.1:3637" }})
}

func TestEveryRouteHasAClassAndIsClosedToABareRequest(t *testing.T) {
	d := bare(t)
	for _, r := range table {
		path := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(r.path, "x")
		req := httptest.NewRequest(r.method, "http://127.0.0.1:3637"+path, strings.NewReader("{}"))
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		d.ServeHTTP(w, req)
		body, _ := io.ReadAll(w.Body)
		want := 0
		switch r.class {
		case public:
			want = 404 // no such file
			if r.method == "POST" {
				want = 403 // no such code
			}
		case shell:
			want = 200
		case session, cli:
			want = 401
		default:
			t.Errorf("%s %s: class %q is not one of the five", r.method, r.path, r.class)
			continue
		}
		if w.Code != want {
			t.Errorf("%s %s (%s): status %d, want %d: %s", r.method, r.path, r.class, w.Code, want, body)
		}
	}
}

func TestARouteWithoutAClassIsClosed(t *testing.T) {
	d := bare(t)
	opened := false
	h := d.buildRoutes([]route{{"", "GET", "/new", func(*Dashboard) handler {
		return func(http.ResponseWriter, *http.Request) error { opened = true; return nil }
	}}})
	w := httptest.NewRecorder()
	req := httptest.NewRequest("GET", "http://127.0.0.1:3637/new", nil)
	req.Header.Set("Authorization", "Bearer right")
	h.ServeHTTP(w, req)
	if opened || w.Code != 403 {
		t.Errorf("status %d, opened %v; want 403 and closed", w.Code, opened)
	}
}

func TestOneClassesTokenDoesNotOpenAnother(t *testing.T) {
	d := bare(t)
	code, err := d.sessions.newCode()
	if err != nil {
		t.Fatal(err)
	}
	token, ok, err := d.sessions.redeem(code)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	for _, c := range []struct {
		class class
		token string
	}{{cli, token}, {session, "right"}, {cli, ""}, {cli, "righ"}, {cli, "right "[:5] + "x"}, {session, ""}, {session, code}} {
		r, err := http.NewRequestWithContext(context.Background(), "GET", "http://127.0.0.1:3637/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		if p := d.refuse(c.class, r); p == nil || p.Status != 401 {
			t.Errorf("class %s with token %q: %v, want 401", c.class, c.token, p)
		}
	}
}

func TestShellHoldsNoData(t *testing.T) {
	d := bare(t) // keys and figures are nil: a shell that touched them would panic
	for _, path := range []string{"/", "/keys", "/login"} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1:3637"+path, nil))
		body := w.Body.String()
		if w.Code != 200 || !strings.Contains(body, "<title>") {
			t.Errorf("%s: status %d", path, w.Code)
		}
		if regexp.MustCompile(`(?i)<script>|\sstyle=|\son[a-z]+=|https?://[^"]*\.(js|css)`).MatchString(body) {
			t.Errorf("%s: the shell has an inline script, style or handler, or loads from elsewhere", path)
		}
	}
}

func TestUnknownPathsAndMethodsSayWhatToDo(t *testing.T) {
	d := bare(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{{"GET", "/nothing", 404, ""}, {"GET", "//keys", 404, ""}, {"PUT", "/admin/v1/keys", 405, "GET,POST"}, {"POST", "/keys", 405, "GET"}, {"GET", "/debug/pprof/", 404, ""}} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(c.method, "http://127.0.0.1:3637"+c.path, nil))
		if w.Code != c.status || strings.Join(w.Header().Values("Allow"), ",") != c.allow || !strings.Contains(w.Body.String(), "next_step") {
			t.Errorf("%s %s: status %d, Allow %q, %s; want %d, %q and a next step", c.method, c.path, w.Code, w.Header().Values("Allow"), w.Body, c.status, c.allow)
		}
	}
}
