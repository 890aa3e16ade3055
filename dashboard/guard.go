package dashboard

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strings"
)

// policy is the whole of what a page of ours may do: no inline script or style, nothing from elsewhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// protect sets the headers every answer carries, and refuses a foreign Host before anything else is looked at: a page
// of a rebound name would otherwise be of our own origin.
func (d *Dashboard) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store") // static files say otherwise
		if !d.hostAllowed(r) {
			writeProblem(w, &problem{Status: http.StatusForbidden, Message: "this host name is not served here",
				NextStep: "open http://" + d.o.Address() + "/ or add the name to server.allowed_hosts in the settings"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostAllowed compares the Host exactly with this machine's three names and with those the person typed.
func (d *Dashboard) hostAllowed(r *http.Request) bool {
	_, port, err := net.SplitHostPort(d.o.Address())
	if err != nil || r.Host == "" {
		return false
	}
	switch r.Host {
	case "127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port:
		return true
	}
	return slices.ContainsFunc(d.o.Settings.Get().Server.AllowedHosts, func(name string) bool {
		return name != "" && (r.Host == name || r.Host == name+":"+port)
	})
}

// sameOrigin reports whether the browser says that a page of ours asks, or that no page does. Another port of this
// machine is another origin; only the scheme and the whole Host together count.
func sameOrigin(r *http.Request) bool {
	if o := r.Header.Values("Origin"); len(o) > 1 || len(o) == 1 && o[0] != "http://"+r.Host {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return false
}

// admit wraps a route by its class.
func (d *Dashboard) admit(c class, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := d.refuse(c, r); p != nil {
			if p.Status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			writeProblem(w, p)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse says why a request may not use a route of class c; nil where it may.
func (d *Dashboard) refuse(c class, r *http.Request) *problem {
	foreign := &problem{Status: http.StatusForbidden, Message: "another web page asked for this",
		NextStep: "open the dashboard itself"}
	switch c {
	case public:
		if !sameOrigin(r) {
			return foreign
		}
		return nil
	case shell:
		return nil // any navigation may have it: it holds no data, and no page may frame or read it
	case session:
		if !sameOrigin(r) {
			return foreign
		}
		if !d.sessions.valid(bearer(r)) {
			return &problem{Status: http.StatusUnauthorized, Code: "signed_out", Message: "not signed in",
				NextStep: `use "Open dashboard" in the tray, or run: localrouter dashboard`}
		}
		return nil
	case cli:
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			return foreign // a browser has no business here, whatever it holds
		}
		if !sameSecret(bearer(r), d.o.AdminToken) {
			return &problem{Status: http.StatusUnauthorized, Code: "admin_token", Message: "the admin token is missing or wrong",
				NextStep: "run the command as the user who started LocalRouter, with the same LOCALROUTER_HOME"}
		}
		return nil
	}
	// machine: no such route exists yet, and a class unknown here opens nothing.
	return &problem{Status: http.StatusForbidden, Message: "not served", NextStep: "open the dashboard itself"}
}

// bearer is the token of the Authorization header; empty where there is none or more than one.
func bearer(r *http.Request) string {
	v := r.Header.Values("Authorization")
	if len(v) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(v[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// sameSecret compares in constant time, lengths included; an empty secret equals nothing.
func sameSecret(got, want string) bool {
	if got == "" || want == "" {
		return false
	}
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
