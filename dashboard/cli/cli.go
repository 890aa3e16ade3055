// Package cli is the command line: it turns words typed in a terminal into calls of the admin API of the running
// program, and shows the answers to people and to scripts. It knows no store, no provider and no gateway; what needs
// them it asks for through App, Offline and Versioned, which main implements.
package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"localrouter/db/settings"

	"github.com/spf13/cobra"
)

// App is the whole program as one call, implemented by main.
type App interface {
	// Run opens the stores, starts the gateway, the dashboard and, unless o.Headless, the tray, and returns after ctx
	// ends or the person quits. It returns an error for which errors.Is(err, ErrRunning) holds where another instance
	// uses the same files. Where a tray may be started, it is called on the main goroutine.
	Run(ctx context.Context, o RunOptions) error
}

// RunOptions says how App.Run is to run.
type RunOptions struct {
	// Headless leaves the tray out. The dashboard is served all the same.
	Headless bool
	// Override holds the flags and variables that go over the settings file; they are never saved.
	Override settings.Override
	// Home is the folder of --home; empty means LOCALROUTER_HOME, else the places of the operating system.
	Home string
	// Out takes the lines for the person who started the program; nil discards them.
	Out io.Writer
}

// Offline is the extra ability of an App to serve the admin API without listeners, for the few commands that work
// while the program is not running. It is asked for at run time, so that an App without it stays small.
type Offline interface {
	// Admin opens the stores of o.Home for itself alone and hands out the admin API, rooted at /admin/v1, without its
	// guard: requests come without a token, and whoever holds the handler is the owner of the files. GET /status tells
	// the address the gateway would have, o.Override applied. close ends it all and is called once. An error for which
	// errors.Is(err, ErrRunning) holds means that an instance was started meanwhile.
	Admin(ctx context.Context, o RunOptions) (h http.Handler, close func() error, err error)
}

// Versioned is the extra ability of an App to name its version; without it the build information is used.
type Versioned interface{ Version() string }

// ErrRunning is what App and Offline report where another instance of the program holds the files.
var ErrRunning = errors.New("another instance of LocalRouter is running")

// The exit codes, stable for scripts.
const (
	exitOK         = 0
	exitFailure    = 1
	exitUsage      = 2
	exitRunning    = 3 // another instance is running
	exitNotRunning = 4 // the program is needed and not running
)

// Main runs the command that args (without the program's name) spell and returns the exit code. It stops when ctx
// ends. in is read only for keys and answers; a terminal is recognised where in, out and errOut are files.
func Main(ctx context.Context, app App, args []string, in io.Reader, out, errOut io.Writer) (exit int) {
	allowDoubleClick()
	s := &session{
		app: app, in: in, out: out, errOut: errOut,
		getenv: os.Getenv, self: programName(), colour: wantsColour(out, os.Getenv), terminal: isTerminal,
	}
	root := s.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	return s.report(root.ExecuteContext(ctx))
}

// session is one call of the command line: what every command shares.
type session struct {
	app      App
	in       io.Reader
	out      io.Writer
	errOut   io.Writer
	getenv   func(string) string
	terminal func(stream any) bool
	self     string // how the person starts the program: "localrouter" or "go run ."
	colour   bool
	home     string // --home
}

// root lays out all commands on one screen.
func (s *session) root() *cobra.Command {
	root := s.runCommand("localrouter", false)
	root.Short = "One endpoint on your own machine for every model you use"
	root.Long = "LocalRouter answers http://127.0.0.1:3636 in OpenAI's and Anthropic's dialect with the models of all your providers.\n" +
		"Without a command it starts the gateway, the dashboard and, on a desktop, the tray icon."
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Args = s.noArgs
	root.SuggestionsMinimumDistance = 2
	root.PersistentFlags().StringVar(&s.home, "home", "", "keep every file under `DIR` (default: LOCALROUTER_HOME, else the places of the system)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return s.usage(c, err.Error()) })

	serve := s.runCommand("serve", true)
	serve.Short = "Start the gateway and the dashboard without a tray icon"
	keys := s.group("keys", "Make and manage the keys of your applications",
		s.keysList(), s.keysNew(), s.keysSet(), s.keysRename(), s.keysSwitch("enable", true), s.keysSwitch("disable", false),
		s.keysRegenerate(), s.keysRemove())
	providers := s.group("providers", "Say who answers: OpenAI, OpenRouter, Ollama, any compatible server",
		s.providersList(), s.providersAdd(), s.providersSet(), s.providersSetKey(), s.providersTest(), s.providersRetry(), s.providersRemove())
	routers := s.group("routers", "Say how a model is chosen, and see how it would be now",
		s.routersList(), s.routersPreview(), s.routersNew(), s.routersSet(), s.routersRemove(), s.routersRestore())
	root.AddCommand(serve, s.demoCommand(), s.statusCommand(), s.dashboardCommand(), keys, providers, routers, s.modelsCommand(), s.offlineCommand(), s.budgetCommand(), s.versionCommand())
	return root
}

// group makes a command that only holds others: alone it shows its help, with an unknown word it is a usage error.
func (s *session) group(name, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, RunE: func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return s.usage(c, "unknown command "+quote(args[0]))
		}
		return c.Help()
	}}
	c.AddCommand(commands...)
	return c
}

// noArgs refuses words after a command that takes none.
func (s *session) noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	what := "unexpected argument " + quote(args[0])
	if c.HasSubCommands() {
		what = "unknown command " + quote(args[0])
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return fail(exitUsage, what, "did you mean "+s.self+" "+near[0])
		}
	}
	return s.usage(c, what)
}

// names asks for between least and most words after a command; what names them in the complaint.
func (s *session) names(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return s.usage(c, what+" is missing")
		case len(args) > most:
			return s.usage(c, "unexpected argument "+quote(args[most]))
		}
		return nil
	}
}

// programName is how a person starts this program: hints shall work as they are pasted.
func programName() string {
	exe, err := os.Executable()
	if err == nil && strings.Contains(exe, "go-build") && filepath.Base(filepath.Dir(exe)) == "exe" {
		return "go run ."
	}
	return "localrouter"
}
