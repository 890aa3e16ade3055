package dashboard

import "net/http"

// login trades the one-time code of the address for a session token. The page keeps it in localStorage, which belongs
// to this origin, port included; a cookie would be sent to every other port of this machine too.
func (d *Dashboard) login(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Code string `json:"code"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	token, ok, err := d.sessions.redeem(in.Code)
	if err != nil {
		return err
	}
	if !ok {
		return &problem{Status: http.StatusForbidden, Code: "code_spent", Message: "the code was used already or is older than a minute",
			NextStep: "open the dashboard from the tray again, or run: localrouter dashboard"}
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": token})
	return nil
}

func (d *Dashboard) logout(w http.ResponseWriter, r *http.Request) error {
	d.sessions.end(bearer(r))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *Dashboard) logoutEverywhere(w http.ResponseWriter, _ *http.Request) error {
	d.sessions.endAll()
	w.WriteHeader(http.StatusNoContent)
	return nil
}
