//go:build unix

package traytest

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Program is a started program whose words are kept.
type Program struct {
	tb    testing.TB
	cmd   *exec.Cmd
	input io.WriteCloser
	ended chan struct{}

	mu     sync.Mutex // guards output and errors
	output bytes.Buffer
	errors bytes.Buffer
}

// Start starts a program with an environment added to one that has neither a
// display nor a bus, and ends it with the test.
func Start(tb testing.TB, env []string, command ...string) *Program {
	tb.Helper()
	p := &Program{tb: tb, cmd: exec.Command(command[0], command[1:]...), ended: make(chan struct{})}
	for _, set := range os.Environ() {
		switch name, _, _ := strings.Cut(set, "="); name {
		case "DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_CURRENT_DESKTOP":
		default:
			p.cmd.Env = append(p.cmd.Env, set)
		}
	}
	p.cmd.Env = append(p.cmd.Env, env...)
	var err error
	if p.input, err = p.cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = p.keeper(&p.output), p.keeper(&p.errors)
	// A helper that a program leaves behind (xclip keeps the clipboard) may hold
	// the pipes open; the program has ended all the same.
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait() // ExitCode tells how it ended
	}()
	tb.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		if tb.Failed() {
			tb.Logf("%s said:\n%s\nand on standard error:\n%s", command[0], strings.Join(p.Lines(), "\n"), p.Errors())
		}
	})
	return p
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(text []byte) (int, error) { return w(text) }

func (p *Program) keeper(to *bytes.Buffer) io.Writer {
	return writerFunc(func(text []byte) (int, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return to.Write(text)
	})
}

// Tell writes a line to the program's standard input.
func (p *Program) Tell(line string) {
	p.tb.Helper()
	if _, err := io.WriteString(p.input, line+"\n"); err != nil {
		p.tb.Fatal(err)
	}
}

// Lines returns what the program has printed so far.
func (p *Program) Lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Split(p.output.String(), "\n")
}

// Errors returns what the program has written to standard error so far.
func (p *Program) Errors() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.errors.String()
}

// Says waits until the program has printed a line that begins so, as often as
// told.
func (p *Program) Says(start string, times int) {
	p.tb.Helper()
	Until(p.tb, "the program says "+start, func() bool {
		count := 0
		for _, line := range p.Lines() {
			if strings.HasPrefix(line, start) {
				count++
			}
		}
		return count >= times
	})
}

// Terminate asks the program to end, as a service manager does.
func (p *Program) Terminate() { p.cmd.Process.Signal(syscall.SIGTERM) }

// ExitCode waits for the end of the program and returns its status.
func (p *Program) ExitCode() int {
	p.tb.Helper()
	Until(p.tb, "the program has ended", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	return p.cmd.ProcessState.ExitCode()
}
