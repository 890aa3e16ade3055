package cli_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"localrouter/dashboard/cli"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	run := func(app cli.App) func() {
		return func() { os.Exit(cli.Main(context.Background(), app, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
	}
	testscript.Main(m, map[string]func(){
		"localrouter": run(offlineApp{}),
		"online-only": run(fakeApp{}), // a program that cannot open its stores without running
	})
}

// running is the fake that a script started.
type running struct {
	fake *fake
	stop func()
}

// TestScripts plays the scenes of testdata: what a person types, what comes back, and with which exit code.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("LOCALROUTER_HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("TZ", "UTC")
			r := &running{}
			env.Values["running"] = r
			env.Defer(func() {
				if r.stop != nil {
					r.stop()
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"app":   appCommand,
			"asked": askedCommand,
			"exit":  exitCommand,
		},
	})
}

// appCommand is `app start [SCENARIO]`, `app stop`, and `app stale` (a runtime file whose process is gone).
func appCommand(ts *testscript.TestScript, _ bool, args []string) {
	r := ts.Value("running").(*running)
	switch {
	case args[0] == "stop":
		r.stop()
		r.stop = nil
	case args[0] == "start":
		r.fake = newFake(strings.Join(args[1:], ""))
		var err error
		r.stop, err = r.fake.listen(ts.Getenv("LOCALROUTER_HOME"), 0, 0)
		ts.Check(err)
	case args[0] == "chat":
		r.fake = newFake(strings.Join(args[1:], ""))
		gateway, dashboard := freePort(ts), freePort(ts)
		var err error
		r.stop, err = r.fake.listen(ts.Getenv("LOCALROUTER_HOME"), gateway, dashboard)
		ts.Check(err)
	default:
		ts.Fatalf("usage: app start|chat|stop [SCENARIO]")
	}
}

// askedCommand is `asked TEXT`: the running fake received such a call, on a line of its own.
func askedCommand(ts *testscript.TestScript, neg bool, args []string) {
	f := ts.Value("running").(*running).fake
	f.mu.Lock()
	defer f.mu.Unlock()
	all := strings.Join(f.asked, "\n")
	if strings.Contains(all, args[0]) == neg {
		ts.Fatalf("the calls were:\n%s", all)
	}
}

// exitCommand is `exit CODE COMMAND...`: the command ends with just this code.
func exitCommand(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	if got := exitCode(err); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

func exitCode(err error) string {
	if err == nil {
		return "0"
	}
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return strconv.Itoa(e.ExitCode())
	}
	return err.Error()
}

func freePort(ts *testscript.TestScript) int {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
