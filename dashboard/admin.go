package dashboard

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"localrouter/db"
	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// status answers what every command asks first.
func (d *Dashboard) status(w http.ResponseWriter, _ *http.Request) error {
	today, err := d.o.Recorder.Totals(db.Query{From: d.midnight()})
	if err != nil {
		return err
	}
	state, vault := d.o.Gateway.State(), d.o.Vault.State()
	notices := []string{}
	for _, b := range d.banners(state) {
		notices = append(notices, b.Title+": "+b.Detail)
	}
	settingsError := ""
	if err := d.o.Settings.Problem(); err != nil {
		settingsError = err.Error()
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"status": state.Status, "address": state.Address, "detail": state.Detail, "dashboard": d.o.Address(),
		"version": d.o.Version, "pid": os.Getpid(), "home": d.o.Home, "uptime_seconds": d.o.Now().Sub(d.started).Seconds(),
		"notices": notices, "settings_error": settingsError, "offline": d.o.Settings.Get().Offline,
		"vault": map[string]string{"status": vault.Status, "backend": vault.Backend, "detail": vault.Detail},
		"today": map[string]any{"requests": today.Requests, "tokens": today.Tokens.Total(), "cost_usd": usd(today.Cost),
			"cost_unknown": today.CostUnknown, "errors": today.ErrorCount()},
	})
	return nil
}

// midnight is when the person's day began.
func (d *Dashboard) midnight() time.Time {
	now := d.o.Now()
	return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
}

func usd(c llm.PicoUSD) float64 { return float64(c) / float64(llm.USD) }

func (d *Dashboard) setGateway(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Running *bool `json:"running"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Running == nil {
		return &problem{Status: http.StatusBadRequest, Message: "running is missing", NextStep: `send {"running": true} or {"running": false}`}
	}
	act := d.o.Gateway.Stop
	if *in.Running {
		act = d.o.Gateway.Start
	}
	if err := act(); err != nil {
		return &problem{Status: http.StatusConflict, Message: err.Error(), NextStep: "see the status for what holds it up"}
	}
	state := d.o.Gateway.State()
	writeJSON(w, http.StatusOK, map[string]string{"status": state.Status, "address": state.Address, "detail": state.Detail})
	return nil
}

// setOffline keeps every request on this machine, or lets them out again.
func (d *Dashboard) setOffline(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Offline *bool `json:"offline"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Offline == nil {
		return &problem{Status: http.StatusBadRequest, Message: "offline is missing", NextStep: `send {"offline": true} or {"offline": false}`}
	}
	if err := d.o.Settings.SetOffline(*in.Offline); err != nil {
		return explain(err)
	}
	writeJSON(w, http.StatusOK, map[string]bool{"offline": *in.Offline})
	return nil
}

func (d *Dashboard) newLogin(w http.ResponseWriter, _ *http.Request) error {
	url, err := d.LoginURL()
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"url": url})
	return nil
}

// openBrowser answers with the address even where no browser could be opened: the person can still paste it.
func (d *Dashboard) openBrowser(w http.ResponseWriter, _ *http.Request) error {
	url, err := d.OpenBrowser()
	if url == "" {
		return err
	}
	out := map[string]string{"url": url}
	if err != nil {
		out["detail"] = err.Error()
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (d *Dashboard) quit(w http.ResponseWriter, _ *http.Request) error {
	if d.o.Quit == nil {
		return &problem{Status: http.StatusNotImplemented, Message: "this program cannot be ended from here", NextStep: "stop it where it was started"}
	}
	w.WriteHeader(http.StatusAccepted)
	d.o.Quit()
	return nil
}

func (d *Dashboard) stopRun(w http.ResponseWriter, r *http.Request) error {
	if !d.o.Gateway.StopRun(mux.Vars(r)["id"]) {
		return &problem{Status: http.StatusNotFound, Message: "that request is not running any more", NextStep: "see the newest requests for how it ended"}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *Dashboard) retryVault(w http.ResponseWriter, r *http.Request) error {
	state := d.o.Vault.Retry(r.Context())
	writeJSON(w, http.StatusOK, map[string]string{"status": state.Status, "detail": state.Detail})
	return nil
}

// explain turns what db and settings refuse, and what the disk does, into an answer; nil stays nil, anything else is a
// defect for the log.
func explain(err error) error {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		message, next, _ := strings.Cut(e.Message, ". ")
		return &problem{Status: e.Status, Code: e.Code, Message: strings.TrimSuffix(message, "."), NextStep: lowered(strings.TrimSuffix(next, "."))}
	}
	if e, ok := errors.AsType[*settings.Error](err); ok {
		next := e.Hint
		if e.File != "" { // not what was asked for: somebody is editing the file by hand
			at := *e
			at.Hint = ""
			return &problem{Status: http.StatusConflict, Code: "settings_faulty", Message: "nothing was changed, because the settings file has a fault: " + at.Error(),
				NextStep: strings.TrimPrefix(next+"; then try again", "; then ")}
		}
		if next == "" {
			next = "correct it and try again"
		}
		message := e.Message
		if field := e.Path[strings.LastIndexByte(e.Path, '.')+1:]; field != "" {
			message = field + " " + message
		}
		return &problem{Status: http.StatusUnprocessableEntity, Message: message, NextStep: next}
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return &problem{Status: http.StatusInsufficientStorage, Code: "not_written", Message: err.Error(),
			NextStep: "free some space on the disk, or make the file writable, and try again"}
	}
	return err
}

// lowered makes a sentence fit behind a semicolon.
func lowered(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToLower(first)) + s[n:]
}
