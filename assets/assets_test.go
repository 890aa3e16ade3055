package assets_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"localrouter/assets"
)

func get(t *testing.T, path, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	assets.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestEveryFileIsServedUnderItsHashedNameWithItsType(t *testing.T) {
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	for _, name := range []string{"app.css", "tokens.css", "app.js", "chart.js", "echarts.js", "logo.svg", "favicon.svg"} {
		p := assets.Path(name)
		if !regexp.MustCompile(`^/static/[a-z]+\.[0-9a-f]{12}\.(css|js|svg)$`).MatchString(p) {
			t.Errorf("Path(%q) = %q, want a hashed name", name, p)
		}
		res := get(t, p, "gzip")
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != types[filepath.Ext(name)] {
			t.Errorf("%s: status %d, type %q", name, res.StatusCode, res.Header.Get("Content-Type"))
		}
		if !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: a hashed file must be cacheable for ever", name)
		}
		z, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		packed, err := io.ReadAll(z)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		plain, _ := io.ReadAll(get(t, p, "").Body)
		if len(plain) == 0 || string(plain) != string(packed) {
			t.Errorf("%s: %d plain and %d unpacked bytes differ", name, len(plain), len(packed))
		}
	}
}

func TestOtherPathsAreNotFound(t *testing.T) {
	for _, p := range []string{"/static/", "/static/app.css", "/static/../assets.go", "/static/templates/shell.html", "/static/echarts/build.mjs"} {
		if res := get(t, p, ""); res.StatusCode != 404 {
			t.Errorf("%s: status %d, want 404", p, res.StatusCode)
		}
	}
}

func TestScriptsImportHashedNames(t *testing.T) {
	b, _ := io.ReadAll(get(t, assets.Path("app.js"), "").Body)
	found := regexp.MustCompile(`["']\./([^"']+\.js)["']`).FindAllStringSubmatch(string(b), -1)
	if len(found) == 0 {
		t.Fatal("app.js imports nothing; the test looks for the wrong thing")
	}
	for _, m := range found {
		if res := get(t, "/static/"+m[1], ""); res.StatusCode != 200 {
			t.Errorf("app.js imports %s, which answers %d", m[1], res.StatusCode)
		}
	}
}

// Names in templates and Go code are strings; this is what notices a typing error in one.
func TestNamedFilesAndIconsExist(t *testing.T) {
	icons := map[string]bool{}
	for _, m := range regexp.MustCompile(`<symbol id="([a-z-]+)"`).FindAllStringSubmatch(assets.Text("sprite.svg"), -1) {
		icons[m[1]] = true
	}
	var texts []string
	for _, pattern := range []string{"web/*.js", "web/templates/*.html", "../dashboard/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(b))
		}
	}
	text := strings.Join(texts, "\n")
	for _, m := range regexp.MustCompile(`(?:asset|assets\.Path|assets\.Text)[ (]"([^"]+)"`).FindAllStringSubmatch(text, -1) {
		name := m[1]
		_, err := fs.Stat(assets.FS, name)
		if err != nil {
			_, err = fs.Stat(assets.FS, name+".gz")
		}
		if err != nil {
			t.Errorf("%q is named but is not a file", name)
		}
	}
	for _, m := range regexp.MustCompile(`#?\b([is]-[a-z]+)"`).FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[0], "#") && !icons[m[1]] {
			t.Errorf("icon %q is used but is not in sprite.svg", m[1])
		}
	}
}
