package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (s *session) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "status", Short: "Say how the running program is", Args: s.noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := s.find(c.Context())
			if err != nil {
				return err
			}
			if client == nil {
				if asJSON {
					if err := s.json(map[string]string{"status": "not running"}); err != nil {
						return err
					}
				}
				return s.notRunning()
			}
			if asJSON {
				var raw json.RawMessage
				if err := client.call(c.Context(), http.MethodGet, "/status", nil, &raw); err != nil {
					return err
				}
				return s.json(raw)
			}
			s.showStatus(&client.status, client.baseURL())
			return nil
		}}
	addJSON(c, &asJSON)
	return c
}

func (s *session) showStatus(st *status, base string) {
	s.printf("LocalRouter is %s", s.state(clean(st.Status)))
	if st.Status != "stopped" && st.Status != "error" {
		s.printf(" on %s", clean(base))
	}
	if st.Detail != "" {
		s.printf(": %s", clean(st.Detail))
	}
	s.line()
	cost := usd(st.Today.CostUSD)
	if st.Today.Unpriced > 0 {
		cost += " and " + plural(st.Today.Unpriced, "request") + " of unknown cost"
	}
	rows := [][]string{
		{"  dashboard", "http://" + clean(st.Dashboard) + " (open it with: " + s.command("dashboard") + ")"},
		{"  today", fmt.Sprintf("%s, %s, %s, %s", plural(st.Today.Requests, "request"), plural(st.Today.Tokens, "token"), cost, plural(st.Today.Errors, "error"))},
		{"  running for", span(time.Duration(st.UptimeSeconds * float64(time.Second)))},
		{"  version", fmt.Sprintf("%s (process %d)", clean(st.Version), st.PID)},
	}
	if st.Offline {
		rows = append(rows, []string{"  offline", s.paint("33", "on") + ": local models only (end it with: " + s.command("offline off") + ")"})
	}
	if st.Home != "" {
		rows = append(rows, []string{"  files", clean(st.Home)})
	}
	vault := s.state(clean(st.Vault.Status)) + " (" + clean(st.Vault.Backend) + ")"
	if st.Vault.Status != "ready" && st.Vault.Detail != "" {
		vault += ": " + clean(st.Vault.Detail)
	}
	rows = append(rows, []string{"  keys' vault", vault})
	if st.SettingsError != "" {
		for fault := range strings.Lines(st.SettingsError) {
			rows = append(rows, []string{"  settings", s.paint("31", clean(strings.TrimSpace(fault)))})
		}
	}
	for _, n := range st.Notices {
		rows = append(rows, []string{"  notice", clean(n)})
	}
	s.table(rows)
}

func (s *session) dashboardCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "dashboard", Short: "Open the dashboard in the browser", Args: s.noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			page, err := client.open(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return s.json(page)
			}
			s.line(page.URL)
			if page.Detail != "" {
				s.printf("No browser was opened (%s). Open the address yourself; it logs in once, within a minute.\n", clean(page.Detail))
			}
			return nil
		}}
	addJSON(c, &asJSON)
	return c
}

func (s *session) versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "version", Short: "Name the version", Args: s.noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := map[string]string{"version": s.version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			if asJSON {
				return s.json(v)
			}
			s.printf("localrouter %s (%s, %s)\n", v["version"], v["platform"], v["go"])
			return nil
		}}
	addJSON(c, &asJSON)
	return c
}

// version is what the App says, else what the build knows of itself.
func (s *session) version() string {
	if v, ok := s.app.(Versioned); ok {
		return v.Version()
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
