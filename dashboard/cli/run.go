package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"localrouter/db/settings"

	"github.com/spf13/cobra"
)

const (
	startPatience = 2 * time.Second // for the first instance to answer a second one
	pollEvery     = 25 * time.Millisecond
)

// listenFlags are the flags that go over the settings file.
type listenFlags struct {
	host                string
	port, dashboardPort int
}

func (f *listenFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.host, "host", "", "listen on `ADDRESS` instead of the settings' one (LOCALROUTER_HOST)")
	c.Flags().IntVar(&f.port, "port", 0, "gateway `PORT` (LOCALROUTER_PORT)")
	c.Flags().IntVar(&f.dashboardPort, "dashboard-port", 0, "dashboard `PORT` (LOCALROUTER_DASHBOARD_PORT)")
}

// override joins the flags and the variables; a flag goes over its variable.
func (f *listenFlags) override(s *session, c *cobra.Command) (settings.Override, error) {
	o, err := s.environment()
	if err != nil {
		return o, err
	}
	if c.Flags().Changed("host") {
		o.Host = f.host
	}
	for _, p := range []struct {
		flag         string
		given, value *int
	}{{"port", &f.port, &o.Port}, {"dashboard-port", &f.dashboardPort, &o.DashboardPort}} {
		if !c.Flags().Changed(p.flag) {
			continue
		}
		if !isPort(*p.given) {
			return o, fail(exitUsage, fmt.Sprintf("--%s %d is not a port", p.flag, *p.given), "use a number from 1 to 65535")
		}
		*p.value = *p.given
	}
	if o.Port != 0 && o.Port == o.DashboardPort {
		return o, fail(exitUsage, fmt.Sprintf("gateway and dashboard cannot both listen on port %d", o.Port), "give one of them another port")
	}
	return o, nil
}

// environment reads the variables that go over the settings file.
func (s *session) environment() (settings.Override, error) {
	o, err := settings.OverrideFromEnv(s.getenv)
	if err != nil {
		what, next, _ := strings.Cut(err.Error(), "; ")
		return o, fail(exitUsage, what, next)
	}
	return o, nil
}

func isPort(n int) bool { return n >= 1 && n <= 65535 }

// runCommand is `localrouter` itself and `localrouter serve`: they differ in the tray and in what a second start does.
func (s *session) runCommand(name string, headless bool) *cobra.Command {
	var flags listenFlags
	c := &cobra.Command{Use: name, Args: s.noArgs, RunE: func(c *cobra.Command, _ []string) error {
		override, err := flags.override(s, c)
		if err != nil {
			return err
		}
		// Asked first because it answers at once; the lock on the files below is what decides. A program that is
		// there but does not answer is left to that lock too.
		if running, err := s.find(c.Context()); err == nil && running != nil {
			return s.second(c.Context(), running, headless)
		}
		err = s.app.Run(c.Context(), RunOptions{Headless: headless, Override: override, Home: s.home, Out: s.out})
		if errors.Is(err, ErrRunning) {
			return s.second(c.Context(), s.await(c.Context(), startPatience), headless)
		}
		if c.Context().Err() != nil && errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}}
	flags.add(c)
	return c
}

// second is what a second instance does: serve says so, the tray program hands over to the first. running is nil where
// the first holds the files but does not answer.
func (s *session) second(ctx context.Context, running *client, headless bool) error {
	if running == nil {
		return fail(exitRunning, "another instance of LocalRouter holds its files but does not answer", "look with: "+s.command("status"))
	}
	if headless {
		return fail(exitRunning, fmt.Sprintf("LocalRouter is already running on %s (process %d)", running.status.Address, running.status.PID),
			"look at it with: "+s.command("dashboard"))
	}
	page, err := running.open(ctx)
	if err != nil {
		return err
	}
	s.line("LocalRouter is already running; its dashboard: " + page.URL)
	return nil
}

// page is where the dashboard can be seen; the address logs in once.
type page struct {
	URL    string `json:"url"`
	Detail string `json:"detail,omitempty"` // why no browser was opened
}

// open asks the running program to show its dashboard.
func (c *client) open(ctx context.Context) (page, error) {
	var p page
	err := c.call(ctx, http.MethodPost, "/open", struct{}{}, &p)
	return p, err
}

// await looks for the running program until it answers or patience or ctx ends; nil where it did not.
func (s *session) await(ctx context.Context, patience time.Duration) *client {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if c, err := s.find(ctx); err == nil && c != nil {
			return c
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
