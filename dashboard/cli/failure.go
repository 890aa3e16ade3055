package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// failure is an error as a person reads it, with the exit code for scripts.
type failure struct {
	exit int
	what string // what happened
	next string // what to do; empty where what says it
}

func (f *failure) Error() string {
	if f.next == "" {
		return f.what
	}
	return f.what + "; " + f.next
}

func fail(exit int, what, next string) *failure { return &failure{exit, what, next} }

// usage is the failure of a command that was spelled wrong.
func (s *session) usage(c *cobra.Command, what string) *failure {
	path := strings.TrimPrefix(c.CommandPath(), c.Root().Name())
	return fail(exitUsage, what, "see "+s.self+path+" --help")
}

// report shows err and turns it into the exit code. Every error line has one form: the program's name, what happened,
// the next step.
func (s *session) report(err error) int {
	if err == nil {
		return exitOK
	}
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = fail(exitFailure, err.Error(), "")
		if errors.Is(err, context.Canceled) {
			f = fail(exitFailure, "interrupted", "")
		}
	}
	if f.what != "" {
		lines := strings.Split(strings.TrimSpace(f.Error()), "\n")
		for i, line := range lines {
			lines[i] = clean(line)
		}
		fmt.Fprintln(s.errOut, "localrouter: "+strings.Join(lines, "\n  "))
	}
	return f.exit
}

// notRunning is the failure of a command that needs the running program.
func (s *session) notRunning() *failure {
	return fail(exitNotRunning, "LocalRouter is not running", "start it with: "+s.command("")+"   (or without a tray: "+s.command("serve")+")")
}

// command spells a command as it can be pasted, with the --home it needs.
func (s *session) command(words string) string {
	line := s.self
	if words != "" {
		line += " " + words
	}
	if s.home != "" {
		line += " --home " + shellQuote(s.home)
	}
	return line
}

// shellQuote makes word one word of a POSIX shell.
func shellQuote(word string) string {
	if word != "" && strings.IndexFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,", r))
	}) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func quote(word string) string { return fmt.Sprintf("%q", word) }
