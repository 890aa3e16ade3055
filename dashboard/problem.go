package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
)

// problem is an answer that says what went wrong and what to do next. It is an error, so handlers just return it.
type problem struct {
	Status   int    `json:"-"`
	Code     string `json:"code,omitempty"`
	Message  string `json:"message"`
	NextStep string `json:"next_step"`
}

func (p *problem) Error() string { return p.Message }

// handler is a route's work; a returned error becomes the answer.
type handler func(w http.ResponseWriter, r *http.Request) error

// answer runs h and spells its error. What is not a problem is our own defect: the cause goes to the log only.
func (d *Dashboard) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		p, ok := errors.AsType[*problem](err)
		if !ok {
			d.o.Log.Error("dashboard: request failed", "path", r.URL.Path, "error", err.Error())
			p = &problem{Status: http.StatusInternalServerError, Message: "internal error", NextStep: "the log names the cause"}
		}
		writeProblem(w, p)
	})
}

func writeProblem(w http.ResponseWriter, p *problem) {
	writeJSON(w, p.Status, struct {
		Error *problem `json:"error"`
	}{p})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":{"message":"internal error","next_step":"the log names the cause"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the caller went away; nobody is left to tell
}

// readJSON decodes a small strict body.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return &problem{Status: http.StatusUnsupportedMediaType, Message: "the body must be JSON", NextStep: "send Content-Type: application/json"}
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	var raw json.RawMessage
	err := dec.Decode(&raw)
	if err == nil && (raw[0] != '{' || dec.More()) {
		err = errors.New("it is not one JSON object")
	}
	if err == nil {
		strict := json.NewDecoder(bytes.NewReader(raw))
		strict.DisallowUnknownFields()
		err = strict.Decode(into)
	}
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return &problem{Status: http.StatusRequestEntityTooLarge, Message: "the body is over 64 kB", NextStep: "send less"}
		}
		return &problem{Status: http.StatusBadRequest, Message: "the body cannot be read: " + err.Error(), NextStep: "correct it and send it again"}
	}
	return nil
}

func notFound(what string) error {
	return &problem{Status: http.StatusNotFound, Message: what + " does not exist", NextStep: "look at the list and try again"}
}
