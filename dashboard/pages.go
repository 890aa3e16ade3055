package dashboard

import (
	"bytes"
	"html/template"
	"net/http"

	"localrouter/assets"
)

// page is one entry of the navigation. Only pages that exist are in it.
type page struct{ Page, Path, Title string }

var navigation = []page{
	{"overview", "/", "Overview"},
	{"keys", "/keys", "Keys"},
}

// parsePages reads the embedded templates. A mistake in one is a defect of the build that every test would meet.
func parsePages() *template.Template {
	funcs := template.FuncMap{
		"asset":  assets.Path,
		"sprite": func() template.HTML { return template.HTML(assets.Text("sprite.svg")) }, // our own file, nothing foreign in it
	}
	return template.Must(template.New("").Funcs(funcs).ParseFS(assets.FS, "templates/*.html"))
}

// shellOf answers a navigation with the frame of a page and no data at all: the script fetches that with its token.
func (d *Dashboard) shellOf(name string) handler {
	title := ""
	for _, p := range navigation {
		if p.Page == name {
			title = p.Title
		}
	}
	return func(w http.ResponseWriter, _ *http.Request) error {
		return d.html(w, "shell", map[string]any{"Page": name, "Title": title, "Nav": navigation})
	}
}

// contentOf answers with what stands inside the frame.
func (d *Dashboard) contentOf(name string) handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		v, err := d.view(name)
		if err != nil {
			return err
		}
		return d.html(w, name, v)
	}
}

// view is what a page shows now.
func (d *Dashboard) view(name string) (any, error) {
	if name == "keys" {
		return d.keysView()
	}
	return d.overviewView()
}

// html renders before it answers, so that a failure is never half a page.
func (d *Dashboard) html(w http.ResponseWriter, name string, data any) error {
	text, err := d.render(name, data)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(text)) // the browser went away; nobody is left to tell
	return nil
}

func (d *Dashboard) render(name string, data any) (string, error) {
	var b bytes.Buffer
	err := d.pages.ExecuteTemplate(&b, name, data)
	return b.String(), err
}
