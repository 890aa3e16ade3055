package server

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// hostNames is the closed list of Host values that one state of the settings allows at one port.
type hostNames struct {
	from *settings.Settings
	port int
	set  map[string]struct{}
}

func newHostNames(s *settings.Settings, port int) *hostNames {
	n := &hostNames{from: s, port: port, set: map[string]struct{}{}}
	suffix := ":" + strconv.Itoa(port)
	for _, name := range []string{"127.0.0.1", "localhost", "[::1]"} {
		n.set[name+suffix] = struct{}{}
		if port == 80 {
			n.set[name] = struct{}{} // what clients send for the default port
		}
	}
	for _, name := range s.Server.AllowedHosts {
		if name != "" {
			// A person types the name; the application appends the port it dials, which a container may map.
			n.set[name] = struct{}{}
			n.set[name+suffix] = struct{}{}
		}
	}
	return n
}

// guardHost refuses every Host that is not ours, before anything else is looked at: a web page whose name was rebound
// to loopback still sends its own name.
func (x *exchange) guardHost() *llm.Error {
	s := x.g.Settings()
	port := s.Server.Port
	if addr, ok := x.r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		port = addr.Port
	}
	n := x.g.names.Load()
	if n == nil || n.from != s || n.port != port {
		n = newHostNames(s, port)
		x.g.names.Store(n)
	}
	if _, ok := n.set[x.r.Host]; !ok {
		return forbidden("host_not_allowed", "The host name "+quoted(x.r.Host)+" is not one of LocalRouter's. Use http://127.0.0.1:"+strconv.Itoa(port)+
			"/v1, or add the name to server.allowed_hosts in the settings.")
	}
	return nil
}

// What a web page on an allowed origin may send and read.
const (
	corsMethods = "GET, HEAD, POST"
	corsExpose  = "Request-Id, Retry-After, X-LocalRouter-Attempts, X-LocalRouter-Dropped, X-LocalRouter-Request-Id, X-LocalRouter-Route, X-LocalRouter-Router, X-Request-Id"
)

// guardOrigin lets a web page through only if its origin is on the list of some key, and answers its preflight. Which
// key it is, guardKeyOrigin checks once the key is known.
func (x *exchange) guardOrigin() (answered bool, e *llm.Error) {
	h := x.r.Header
	origins := h["Origin"]
	if len(origins) == 0 {
		for _, site := range h["Sec-Fetch-Site"] {
			if site != "none" && site != "same-origin" {
				return false, forbidden("origin_not_allowed", "A web page may not call LocalRouter without an Origin.")
			}
		}
		return false, nil
	}
	origin := origins[0]
	if len(origins) > 1 || origin == "" || !x.g.Keys.HasOrigin(origin) {
		return false, forbidden("origin_not_allowed", "Web pages of "+quoted(origin)+" may not call LocalRouter. Add this origin to a key on the dashboard if they should.")
	}
	x.set("Access-Control-Allow-Origin", origin)
	x.set("Vary", "Origin")
	x.set("Access-Control-Expose-Headers", corsExpose)
	if x.r.Method != http.MethodOptions || len(h["Access-Control-Request-Method"]) == 0 {
		return false, nil
	}
	x.set("Access-Control-Allow-Methods", corsMethods)
	if fields := h["Access-Control-Request-Headers"]; len(fields) > 0 {
		x.set("Access-Control-Allow-Headers", cutText(strings.Join(fields, ", "), 4096))
	}
	if len(h["Access-Control-Request-Private-Network"]) > 0 {
		x.set("Access-Control-Allow-Private-Network", "true")
	}
	x.set("Access-Control-Max-Age", "600")
	x.send(http.StatusNoContent)
	return true, nil
}

// guardKeyOrigin holds a web page to the list of the very key it sent.
func (x *exchange) guardKeyOrigin() *llm.Error {
	origins := x.r.Header["Origin"]
	if len(origins) == 0 || slices.Contains(x.key.Origins, origins[0]) {
		return nil
	}
	return forbidden("origin_not_allowed", "The key "+x.key.Name+" may not be used by web pages of "+quoted(origins[0])+". Add this origin to the key on the dashboard if it should.")
}

// guardLoop refuses a request that this installation sent itself.
func (x *exchange) guardLoop() *llm.Error {
	for _, hops := range x.r.Header["X-Localrouter-Hop"] {
		for hop := range strings.SplitSeq(hops, ",") {
			if x.g.InstallID != "" && strings.TrimSpace(hop) == x.g.InstallID {
				return &llm.Error{Kind: llm.Loop, Status: http.StatusLoopDetected, Code: "loop_detected",
					Message: "LocalRouter was called by itself: one of its providers has LocalRouter's own address as base_url. Change that address in the settings."}
			}
		}
	}
	return nil
}

// straighten takes doubled and trailing slashes out of the path: a base URL that ends in a slash gives both.
func straighten(u *url.URL) {
	p := u.Path
	if len(p) < 2 || (!strings.Contains(p, "//") && p[len(p)-1] != '/') {
		return
	}
	b := make([]byte, 0, len(p))
	for i := range len(p) {
		if p[i] != '/' || len(b) == 0 || b[len(b)-1] != '/' {
			b = append(b, p[i])
		}
	}
	if len(b) > 1 && b[len(b)-1] == '/' {
		b = b[:len(b)-1]
	}
	u.Path, u.RawPath = string(b), ""
}

// quoted repeats a word that came from outside: cut and printable.
func quoted(s string) string { return `"` + strings.ReplaceAll(cleanTag(s), `"`, "") + `"` }
