package dashboard

import (
	"encoding/json"
	"net/http"
	"time"
)

const (
	liveEvery = time.Second      // the most often a page is told something
	liveBeat  = 10 * time.Second // an empty line, so that a dead connection is noticed on both sides
)

// update is one line of the live answer: only what changed since the last.
type update struct {
	HTML  map[string]string `json:"html,omitempty"` // by element id
	Graph json.RawMessage   `json:"graph,omitempty"`
}

// liveOf answers with one JSON line at most each second for as long as the page is open. It works only while somebody
// looks, and a page that was hidden asks anew.
func (d *Dashboard) liveOf(page string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		token, m := bearer(r), metricOf(r.URL.Query().Get("metric"))
		out := http.NewResponseController(w)
		w.Header().Set("Content-Type", "application/x-ndjson")
		d.watchers.Add(1)
		defer d.watchers.Add(-1)
		tick := time.NewTicker(liveEvery)
		defer tick.Stop()
		sent, graphSent := map[string]string{}, ""
		quiet := time.Duration(0)
		for {
			now, err := d.snapshot(page, m)
			if err != nil {
				return err
			}
			u := difference(now, sent, &graphSent)
			if u != nil || quiet >= liveBeat {
				if err := writeLine(w, out, u); err != nil {
					return nil // the page was closed
				}
				quiet = 0
			}
			select {
			case <-tick.C:
				quiet += liveEvery
			case <-r.Context().Done():
				return nil
			case <-d.closed:
				return nil
			}
			if !d.sessions.valid(token) { // signed out everywhere
				return nil
			}
		}
	}
}

// snapshot is all that a page shows live.
func (d *Dashboard) snapshot(page string, m *metric) (*update, error) {
	state := d.o.Gateway.State()
	runs := d.runs()
	html, err := d.frame(state, len(runs))
	if err != nil {
		return nil, err
	}
	u := &update{HTML: html}
	add := func(id, name string, data any) {
		if err == nil {
			u.HTML[id], err = d.render(name, data)
		}
	}
	if page == "keys" {
		v, err := d.keysView()
		if err != nil {
			return nil, err
		}
		u.HTML["f-range"] = v.Range
		u.HTML["f-keys"], err = d.render("key-table", v.Keys)
		return u, err
	}
	recent := d.o.Recorder.Recent(1000)
	tiles, compared, err := d.tiles(recent, m.id)
	if err != nil {
		return nil, err
	}
	add("f-tiles", "tiles", tiles)
	add("f-running", "running", runs)
	add("f-providers", "providers", d.providerStrip())
	add("f-newest", "newest", d.newest(recent))
	u.HTML["f-range"], u.HTML["f-running-count"] = d.rangeWords(compared), formatCount(int64(len(runs)))
	if err != nil {
		return nil, err
	}
	g, err := d.graphOf(m, recent)
	if err != nil {
		return nil, err
	}
	u.Graph, err = json.Marshal(g)
	return u, err
}

// difference is what of now was not sent yet, and marks it as sent; nil where there is nothing.
func difference(now *update, sent map[string]string, graphSent *string) *update {
	u := &update{HTML: map[string]string{}}
	for id, text := range now.HTML {
		if old, ok := sent[id]; !ok || old != text {
			sent[id], u.HTML[id] = text, text
		}
	}
	if g := string(now.Graph); g != *graphSent {
		*graphSent, u.Graph = g, now.Graph
	}
	if len(u.HTML) == 0 && u.Graph == nil {
		return nil
	}
	return u
}

// writeLine sends one line; a page that does not read for ten seconds is let go.
func writeLine(w http.ResponseWriter, out *http.ResponseController, u *update) error {
	line := []byte("{}")
	if u != nil {
		var err error
		if line, err = json.Marshal(u); err != nil {
			return err
		}
	}
	_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a writer that cannot is a test's; the wall clock is the socket's
	if _, err := w.Write(append(line, '\n')); err != nil {
		return err
	}
	return out.Flush()
}
