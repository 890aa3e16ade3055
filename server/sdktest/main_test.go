// Package sdktest drives the real program with the official SDKs for Go of OpenAI and Anthropic, as applications would. It
// is a module of its own, so that the program's own modules stay few. The program is built and started as a person would
// start it, with providers that this package plays: one that answers as the test at hand wants, and a strict one of each
// vendor.
package sdktest

import (
	"bytes"
	"context"
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
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// providerKey is the provider's credential; no application may ever see it, nor the provider the application's.
const providerKey = "sk-provider-secret"

// What all tests share; set once by TestMain.
var (
	up      *upstream              // the provider "up"
	vendors = map[string]*vendor{} // by provider: "upo", "upown" and "upa"
	running *program
	baseURL string // of the running gateway
	key     string // made by `localrouter keys new`
)

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() { // of the person at this machine, which the SDKs would obey
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "ANTHROPIC_") || strings.HasPrefix(name, "OPENAI_") {
			os.Unsetenv(name)
		}
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sdktest:", err)
		code = 1
	}
	os.Exit(code)
}

// run builds the program, starts it with the upstream as its provider, makes a key and runs the tests.
func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "sdktest")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if up, err = startUpstream(); err != nil {
		return 1, err
	}
	defer up.Close()
	for _, p := range vendorProviders {
		v, err := startVendor(p.dialect, p.name)
		if err != nil {
			return 1, err
		}
		defer v.Close()
		vendors[p.name] = v
	}
	p, err := build(dir)
	if err != nil {
		return 1, err
	}
	if err := p.start(); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := p.stop(); stopErr != nil && err == nil {
			err = stopErr
		}
	}()
	var made struct {
		Key     string `json:"key"`
		BaseURL string `json:"base_url"`
	}
	out, err := p.command("keys", "new", "sdk", "--json").Output()
	if err != nil {
		return 1, fmt.Errorf("keys new: %w\n%s", err, p.said())
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return 1, fmt.Errorf("keys new --json printed %q: %w", out, err)
	}
	running, key, baseURL = p, made.Key, made.BaseURL
	if err := p.until(func() bool { return listed("up/plain") }); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// program is the real program with a home of its own.
type program struct {
	bin, home, gateway string
	env                []string
	cmd                *exec.Cmd
	output             bytes.Buffer // of serve; read only after it ended
	ended              chan error
}

func build(dir string) (*program, error) {
	p := &program{bin: filepath.Join(dir, "localrouter"), home: filepath.Join(dir, "home")}
	if runtime.GOOS == "windows" {
		p.bin += ".exe"
	}
	compile := exec.Command("go", "build", "-o", p.bin, ".")
	compile.Dir = filepath.Join("..", "..")
	if out, err := compile.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the program: %w\n%s", err, out)
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	p.gateway = fmt.Sprintf("127.0.0.1:%d", ports[0])
	p.env = append(os.Environ(), "LOCALROUTER_HOME="+p.home, fmt.Sprintf("LOCALROUTER_PORT=%d", ports[0]),
		fmt.Sprintf("LOCALROUTER_DASHBOARD_PORT=%d", ports[1]), "LOCALROUTER_HOST=", "UP_KEY="+providerKey)
	if err := os.MkdirAll(p.home, 0o700); err != nil {
		return nil, err
	}
	// The vendors fail on purpose and are asked for each failure: nothing may keep a request from them, or ask twice.
	settings := "version: 1\nresilience: {breaker: {enabled: false}, cooldowns: false, retries: 0, attempts: 1}\nproviders:\n" + provider("up", "openai-compatible", up.base)
	for _, p := range vendorProviders {
		settings += provider(p.name, p.kind, vendors[p.name].base+p.path)
	}
	return p, os.WriteFile(filepath.Join(p.home, "settings.yaml"), []byte(settings), 0o600)
}

func provider(name, kind, base string) string {
	return "  - name: " + name + "\n    type: " + kind + "\n    base_url: " + base + "\n    api_key_env: UP_KEY\n"
}

func (p *program) command(args ...string) *exec.Cmd {
	c := exec.Command(p.bin, args...)
	c.Env = p.env
	return c
}

// start runs `localrouter serve` until its gateway answers.
func (p *program) start() error {
	p.cmd = p.command("serve")
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.ended = make(chan error, 1)
	go func() { p.ended <- p.cmd.Wait() }()
	return p.until(p.healthy)
}

// until asks ready again and again, for half a minute at most and while the program runs.
func (p *program) until(ready func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	for !ready() {
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("the program ended: %v\n%s", err, p.output.String())
		case <-late.C:
			return errors.New("the program is not ready after 30 s\n" + p.said())
		case <-tick.C:
		}
	}
	return nil
}

// healthy reports whether the gateway answers.
func (p *program) healthy() bool {
	resp, err := http.Get("http://" + p.gateway + "/health")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusNoContent
}

// listed reports whether a model is known; lists are read behind the requests.
func listed(id string) bool {
	c := client()
	page, err := c.Models.List(context.Background())
	return err == nil && slices.ContainsFunc(page.Data, func(m openai.Model) bool { return m.ID == id })
}

// stop ends the program as Ctrl-C does and wants a clean end within the promised 12 s, and no panic before it, which the
// gateway would have survived.
func (p *program) stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); errors.Is(err, os.ErrProcessDone) {
		return nil // told by who saw it end
	} else if err != nil {
		p.cmd.Process.Kill() // Windows knows no such signal
		<-p.ended
		return nil
	}
	select {
	case err := <-p.ended:
		if err != nil {
			return fmt.Errorf("the program did not end cleanly: %w\n%s", err, p.output.String())
		}
		if out := p.output.String(); strings.Contains(out, "panic") {
			return errors.New("the program panicked\n" + out)
		}
		return nil
	case <-time.After(12 * time.Second):
		p.cmd.Process.Kill()
		<-p.ended
		return errors.New("the program did not end within 12 s\n" + p.output.String())
	}
}

// said ends the program and returns what it printed.
func (p *program) said() string {
	p.cmd.Process.Kill()
	err := <-p.ended
	p.ended <- err
	return p.output.String()
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

// client is the SDK as an application sets it up; no retries of its own, so that every answer is the gateway's.
func client(more ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{
		option.WithBaseURL(baseURL), option.WithAPIKey(key), option.WithMaxRetries(0),
	}, more...)...)
}
