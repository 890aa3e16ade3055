package dashboard

import (
	"net/http"

	"github.com/gorilla/mux"

	"localrouter/assets"
)

// class says who may use a route. Its zero value opens nothing, so a route without a class is closed.
type class string

const (
	public  class = "public"  // static files and the login: anybody on this machine, no data
	shell   class = "shell"   // a page without any data, given to any navigation
	session class = "session" // everything with data or effect: a session token in a header
	machine class = "machine" // metrics and health for other tools, by a token of their own: none yet
	cli     class = "cli"     // the admin API: the owner-only token file
)

// route is one line of the table.
type route struct {
	class  class
	method string
	path   string
	serve  func(*Dashboard) handler
}

// table is every route there is. A test walks it and calls each one bare.
var table = []route{
	{public, "GET", assets.Prefix + "{file}", func(*Dashboard) handler { return serveStatic }},
	{public, "POST", "/login", func(d *Dashboard) handler { return d.login }},

	{shell, "GET", "/", func(d *Dashboard) handler { return d.shellOf("overview") }},
	{shell, "GET", "/keys", func(d *Dashboard) handler { return d.shellOf("keys") }},
	{shell, "GET", "/login", func(d *Dashboard) handler { return d.shellOf("overview") }},

	{session, "GET", "/content/overview", func(d *Dashboard) handler { return d.contentOf("overview") }},
	{session, "GET", "/content/keys", func(d *Dashboard) handler { return d.contentOf("keys") }},
	{session, "GET", "/live/overview", func(d *Dashboard) handler { return d.liveOf("overview") }},
	{session, "GET", "/live/keys", func(d *Dashboard) handler { return d.liveOf("keys") }},
	{session, "POST", "/content/keys", func(d *Dashboard) handler { return d.keyShown }},
	{session, "POST", "/content/keys/{id}/regenerate", func(d *Dashboard) handler { return d.newSecretShown }},
	{session, "PATCH", "/do/keys/{id}", func(d *Dashboard) handler { return d.changeKey }},
	{session, "DELETE", "/do/keys/{id}", func(d *Dashboard) handler { return d.deleteKey }},
	{session, "POST", "/do/gateway", func(d *Dashboard) handler { return d.setGateway }},
	{session, "POST", "/do/runs/{id}/stop", func(d *Dashboard) handler { return d.stopRun }},
	{session, "POST", "/do/vault/retry", func(d *Dashboard) handler { return d.retryVault }},
	{session, "POST", "/do/budget/allow", func(d *Dashboard) handler { return d.allowBudget }},
	{session, "POST", "/do/logout", func(d *Dashboard) handler { return d.logout }},
	{session, "POST", "/do/logout-everywhere", func(d *Dashboard) handler { return d.logoutEverywhere }},

	{cli, "GET", "/admin/v1/status", func(d *Dashboard) handler { return d.status }},
	{cli, "POST", "/admin/v1/gateway", func(d *Dashboard) handler { return d.setGateway }},
	{cli, "PUT", "/admin/v1/offline", func(d *Dashboard) handler { return d.setOffline }},
	{cli, "POST", "/admin/v1/login", func(d *Dashboard) handler { return d.newLogin }},
	{cli, "POST", "/admin/v1/open", func(d *Dashboard) handler { return d.openBrowser }},
	{cli, "POST", "/admin/v1/quit", func(d *Dashboard) handler { return d.quit }},
	{cli, "GET", "/admin/v1/keys", func(d *Dashboard) handler { return d.listKeys }},
	{cli, "POST", "/admin/v1/keys", func(d *Dashboard) handler { return d.createKey }},
	{cli, "POST", "/admin/v1/keys/internal", func(d *Dashboard) handler { return d.internalKey }},
	{cli, "PATCH", "/admin/v1/keys/{id}", func(d *Dashboard) handler { return d.changeKey }},
	{cli, "POST", "/admin/v1/keys/{id}/regenerate", func(d *Dashboard) handler { return d.regenerateKey }},
	{cli, "DELETE", "/admin/v1/keys/{id}", func(d *Dashboard) handler { return d.deleteKey }},
	{cli, "GET", "/admin/v1/budget", func(d *Dashboard) handler { return d.showBudget }},
	{cli, "POST", "/admin/v1/budget/allow", func(d *Dashboard) handler { return d.allowBudget }},
	{cli, "GET", "/admin/v1/providers", func(d *Dashboard) handler { return d.listProviders }},
	{cli, "POST", "/admin/v1/providers", func(d *Dashboard) handler { return d.addProvider }},
	{cli, "PUT", "/admin/v1/providers/{name}/key", func(d *Dashboard) handler { return d.setProviderKey }},
	{cli, "POST", "/admin/v1/providers/{name}/test", func(d *Dashboard) handler { return d.testProvider }},
	{cli, "POST", "/admin/v1/providers/{name}/retry", func(d *Dashboard) handler { return d.retryProvider }},
	{cli, "PATCH", "/admin/v1/providers/{name}", func(d *Dashboard) handler { return d.changeProvider }},
	{cli, "DELETE", "/admin/v1/providers/{name}", func(d *Dashboard) handler { return d.deleteProvider }},
	{cli, "GET", "/admin/v1/routers", func(d *Dashboard) handler { return d.listRouters }},
	{cli, "GET", "/admin/v1/routers/{name}/preview", func(d *Dashboard) handler { return d.previewRouter }},
	{cli, "POST", "/admin/v1/routers/restore", func(d *Dashboard) handler { return d.restoreRouters }},
	{cli, "PUT", "/admin/v1/routers/{name}", func(d *Dashboard) handler { return d.putRouter }},
	{cli, "DELETE", "/admin/v1/routers/{name}", func(d *Dashboard) handler { return d.deleteRouter }},
	{cli, "GET", "/admin/v1/models", func(d *Dashboard) handler { return d.listModels }},
	{cli, "GET", "/admin/v1/requests", func(d *Dashboard) handler { return d.listRequests }},
	{cli, "GET", "/admin/v1/requests/{id}", func(d *Dashboard) handler { return d.oneRequest }},
}

// buildRoutes makes the mux. What is not in the table is refused by the same words for everybody.
func (d *Dashboard) buildRoutes(routes []route) http.Handler {
	m := mux.NewRouter().SkipClean(true)
	for _, r := range routes {
		m.Handle(r.path, d.admit(r.class, d.answer(r.serve(d)))).Methods(r.method)
	}
	m.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, &problem{Status: http.StatusNotFound, Message: "there is no such page", NextStep: "open http://" + d.o.Address() + "/"})
	})
	m.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, known := range routes {
			var match mux.RouteMatch
			probe := r.Clone(r.Context())
			probe.Method = known.method
			if m.Match(probe, &match) && match.MatchErr == nil && match.Route != nil {
				if p, err := match.Route.GetPathTemplate(); err == nil && p == known.path {
					w.Header().Add("Allow", known.method)
				}
			}
		}
		writeProblem(w, &problem{Status: http.StatusMethodNotAllowed, Message: "this address does not take " + r.Method, NextStep: "use one of the methods in the Allow header"})
	})
	return m
}

func serveStatic(w http.ResponseWriter, r *http.Request) error {
	assets.Handler().ServeHTTP(w, r)
	return nil
}
