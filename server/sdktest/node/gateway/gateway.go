// Package gateway builds the real program and starts it for a test as a person would: a home of its own, settings that
// name the providers, a key made by the command line. For tests only.
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
	"strings"
	"testing"
	"time"
)

// ready is how long the program may take until its providers' models are listed.
const ready = 20 * time.Second

// Provider is one entry of the settings.
type Provider struct {
	Name, Type, BaseURL string
	Key                 string // the credential that the provider wants
}

// Program is the built program.
type Program struct{ bin string }

// Gateway is the program as it runs.
type Gateway struct {
	URL string // "http://127.0.0.1:PORT"
	Key string // of the application

	bin    string
	env    []string
	cmd    *exec.Cmd
	output bytes.Buffer // of serve; read only after it ended
	ended  chan error
}

// Build builds the program whose source is in the folder root; LOCALROUTER_PROGRAM may name one that is built already.
func Build(tb testing.TB, root string) Program {
	tb.Helper()
	if built := os.Getenv("LOCALROUTER_PROGRAM"); built != "" {
		return Program{built}
	}
	p := Program{filepath.Join(tb.TempDir(), "localrouter")}
	if runtime.GOOS == "windows" {
		p.bin += ".exe"
	}
	compile := exec.Command("go", "build", "-o", p.bin, ".")
	compile.Dir = root
	if out, err := compile.CombinedOutput(); err != nil {
		tb.Fatalf("building the program: %v\n%s", err, out)
	}
	return p
}

// Start starts the program in a new home and stops it with the test. It returns when each provider's models are listed,
// or an error with what the program said.
func (p Program) Start(tb testing.TB, providers ...Provider) (*Gateway, error) {
	tb.Helper()
	home := tb.TempDir()
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	g := &Gateway{URL: fmt.Sprintf("http://127.0.0.1:%d", ports[0]), bin: p.bin, ended: make(chan error, 1)}
	g.env = append(os.Environ(), "LOCALROUTER_HOME="+home, fmt.Sprintf("LOCALROUTER_PORT=%d", ports[0]),
		fmt.Sprintf("LOCALROUTER_DASHBOARD_PORT=%d", ports[1]), "LOCALROUTER_HOST=")
	// The vendors fail on purpose and are asked for each failure: nothing may keep a request from them, or ask twice.
	settings := "version: 1\nresilience: {breaker: {enabled: false}, cooldowns: false, retries: 0, attempts: 1}\nproviders:\n"
	for _, one := range providers {
		variable := strings.ToUpper(one.Name) + "_KEY"
		settings += fmt.Sprintf("  - name: %s\n    type: %s\n    base_url: %s\n    api_key_env: %s\n", one.Name, one.Type, one.BaseURL, variable)
		g.env = append(g.env, variable+"="+one.Key)
	}
	if err := os.WriteFile(filepath.Join(home, "settings.yaml"), []byte(settings), 0o600); err != nil {
		return nil, err
	}
	g.cmd = g.command("serve")
	g.cmd.Stdout, g.cmd.Stderr = &g.output, &g.output
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { g.ended <- g.cmd.Wait() }()
	tb.Cleanup(func() {
		if err := g.stop(); err != nil {
			tb.Error(err)
		}
	})
	return g, g.prepare(providers)
}

// prepare waits for the program, makes the key and waits for the models.
func (g *Gateway) prepare(providers []Provider) error {
	if err := g.until("its gateway answers", func() bool {
		resp, err := http.Get(g.URL + "/health")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusNoContent
	}); err != nil {
		return err
	}
	var made struct{ Key string }
	out, err := g.command("keys", "new", "sdktest", "--json").Output()
	if err != nil {
		return fmt.Errorf("keys new: %w\n%s", err, g.said())
	}
	if err := json.Unmarshal(out, &made); err != nil || made.Key == "" {
		return fmt.Errorf("keys new --json printed %q", out)
	}
	g.Key = made.Key
	for _, one := range providers {
		if err := g.until("models of "+one.Name+" are listed", func() bool { return g.lists(one.Name + "/") }); err != nil {
			return err
		}
	}
	return nil
}

// lists reports whether a model whose id begins so is listed for the key.
func (g *Gateway) lists(prefix string) bool {
	req, err := http.NewRequest("GET", g.URL+"/v1/models", nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+g.Key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var page struct{ Data []struct{ ID string } }
	json.NewDecoder(resp.Body).Decode(&page)
	for _, m := range page.Data {
		if strings.HasPrefix(m.ID, prefix) {
			return true
		}
	}
	return false
}

func (g *Gateway) command(args ...string) *exec.Cmd {
	c := exec.Command(g.bin, args...)
	c.Env = g.env
	return c
}

// until asks is again and again while the program runs, up to the time it may take.
func (g *Gateway) until(what string, is func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(ready)
	defer late.Stop()
	for !is() {
		select {
		case err := <-g.ended:
			g.ended <- err
			return fmt.Errorf("the program ended before %s: %v\n%s", what, err, g.output.String())
		case <-late.C:
			return fmt.Errorf("after %v it is not so that %s\n%s", ready, what, g.said())
		case <-tick.C:
		}
	}
	return nil
}

// said ends the program and returns what it printed.
func (g *Gateway) said() string {
	g.cmd.Process.Kill()
	err := <-g.ended
	g.ended <- err
	return g.output.String()
}

// stop ends the program as Ctrl-C does and wants an end within the promised 12 s.
func (g *Gateway) stop() error {
	if err := g.cmd.Process.Signal(os.Interrupt); errors.Is(err, os.ErrProcessDone) {
		return nil
	} else if err != nil {
		g.said() // Windows knows no such signal
		return nil
	}
	select {
	case err := <-g.ended:
		g.ended <- err
		if err != nil {
			return fmt.Errorf("the program did not end cleanly: %w\n%s", err, g.output.String())
		}
		return nil
	case <-time.After(12 * time.Second):
		return errors.New("the program did not end within 12 s\n" + g.said())
	}
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
