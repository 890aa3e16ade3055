// Package gateway builds the real program and runs it as a person would: a home of its own with a settings file, ports that
// nobody uses, keys made by the command line. For tests and for replay, which is one that a person watches.
package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// ready is how long the program may take to answer, or to list its providers' models.
const ready = 30 * time.Second

// Gateway is the program as it runs. Start makes one.
type Gateway struct {
	URL  string // "http://127.0.0.1:PORT"
	Home string

	bin    string
	env    []string
	serve  *exec.Cmd
	output bytes.Buffer // of serve; read only after it ended
	ended  chan struct{}
	err    error // of serve; read only after it ended
}

// Key is a key of an application, as `localrouter keys new` tells of it.
type Key struct {
	Secret  string `json:"key"`
	BaseURL string `json:"base_url"`
}

// Build builds the program whose source is in the folder root into the folder dir and returns its path. LOCALROUTER_PROGRAM
// may name one that is built already.
func Build(root, dir string) (bin string, err error) {
	if built := os.Getenv("LOCALROUTER_PROGRAM"); built != "" {
		return built, nil
	}
	bin = filepath.Join(dir, "localrouter")
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	compile := exec.Command("go", "build", "-o", bin, ".")
	compile.Dir = root
	if out, err := compile.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return bin, nil
}

// Start runs `localrouter serve` with this text as its settings file and waits until its gateway answers. home is made
// where it is missing; env is what the settings read from the environment. Who starts it stops it; where Start fails the
// program has ended, and the error tells what it said.
func Start(bin, home, settings string, env ...string) (*Gateway, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	g := &Gateway{URL: fmt.Sprintf("http://127.0.0.1:%d", ports[0]), Home: home, bin: bin, ended: make(chan struct{})}
	g.env = append(environment(), "LOCALROUTER_HOME="+home, fmt.Sprintf("LOCALROUTER_PORT=%d", ports[0]),
		fmt.Sprintf("LOCALROUTER_DASHBOARD_PORT=%d", ports[1]))
	g.env = append(g.env, env...)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(home, "settings.yaml"), []byte(settings), 0o600); err != nil {
		return nil, err
	}
	g.serve = g.command("serve")
	g.serve.Stdout, g.serve.Stderr = &g.output, &g.output
	if err := g.serve.Start(); err != nil {
		return nil, err
	}
	go func() {
		g.err = g.serve.Wait()
		close(g.ended)
	}()
	if err := g.Until("the gateway answers", g.healthy); err != nil {
		return nil, err
	}
	return g, nil
}

// environment is the person's own without what would decide for the program: its settings and their keys.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "LOCALROUTER_") || strings.HasPrefix(variable, "OPENAI_") || strings.HasPrefix(variable, "ANTHROPIC_")
	})
}

func (g *Gateway) command(args ...string) *exec.Cmd {
	c := exec.Command(g.bin, args...)
	c.Env = g.env
	return c
}

func (g *Gateway) healthy() bool {
	resp, err := http.Get(g.URL + "/health")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusNoContent
}

// Run runs one command line of the program, such as "offline on", and returns what it prints.
func (g *Gateway) Run(args ...string) ([]byte, error) {
	var problem bytes.Buffer
	c := g.command(args...)
	c.Stderr = &problem
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("localrouter %s: %w\n%s%s", strings.Join(args, " "), err, out, problem.String())
	}
	return out, nil
}

// NewKey makes a key with these terms, as the command line takes them. Where it fails the program has ended, and the error
// tells what it said.
func (g *Gateway) NewKey(name string, terms ...string) (Key, error) {
	out, err := g.Run(append([]string{"keys", "new", name, "--json"}, terms...)...)
	if err != nil {
		return Key{}, fmt.Errorf("%w\n%s", err, g.kill())
	}
	var made Key
	if err := json.Unmarshal(out, &made); err != nil || made.Secret == "" {
		return Key{}, fmt.Errorf("keys new --json printed %q\n%s", out, g.kill())
	}
	return made, nil
}

// Models are the ids that the key with this secret sees; none where the gateway does not answer. Providers are asked for
// theirs behind the requests, so that some come later.
func (g *Gateway) Models(secret string) (ids []string) {
	req, err := http.NewRequest(http.MethodGet, g.URL+"/v1/models", nil)
	if err != nil {
		return nil
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var page struct{ Data []struct{ ID string } }
	json.NewDecoder(resp.Body).Decode(&page)
	for _, m := range page.Data {
		ids = append(ids, m.ID)
	}
	return ids
}

// Until asks is again and again while the program runs, for half a minute at most. Where it fails the program has ended,
// and the error tells what it said.
func (g *Gateway) Until(what string, is func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(ready)
	defer late.Stop()
	for !is() {
		select {
		case <-g.ended:
			return fmt.Errorf("the program ended before %s: %v\n%s", what, g.err, g.output.String())
		case <-late.C:
			return fmt.Errorf("after %v it is not so that %s\n%s", ready, what, g.kill())
		case <-tick.C:
		}
	}
	return nil
}

// kill ends the program and returns what it printed.
func (g *Gateway) kill() string {
	g.serve.Process.Kill()
	<-g.ended
	return g.output.String()
}

// Stop ends the program as Ctrl-C does and wants a clean end within the promised 12 s, and no panic before it, which the
// gateway would have survived. Of a program that ended by itself it says nothing: who saw it end told that.
func (g *Gateway) Stop() error {
	if err := g.serve.Process.Signal(os.Interrupt); errors.Is(err, os.ErrProcessDone) {
		return nil
	} else if err != nil {
		g.kill() // Windows knows no such signal
		return nil
	}
	select {
	case <-g.ended:
	case <-time.After(12 * time.Second):
		return errors.New("the program did not end within 12 s\n" + g.kill())
	}
	out := g.output.String()
	switch {
	case g.err != nil:
		return fmt.Errorf("the program did not end cleanly: %w\n%s", g.err, out)
	case strings.Contains(out, "panic"):
		return errors.New("the program panicked\n" + out)
	}
	return nil
}

// freePorts finds ports that nobody uses, all held until the last is known.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
