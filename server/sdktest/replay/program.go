package main

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
	"time"
)

// ready is how long the program may take to answer, to list the models, or to take over new settings.
const ready = 30 * time.Second

// program is the real program with a home of its own, as a person would start it.
type program struct {
	url  string // "http://127.0.0.1:PORT"
	bin  string
	home string
	keys map[string]string // by name

	env    []string
	cmd    *exec.Cmd
	output bytes.Buffer // of serve; read only after it ended
	ended  chan error
}

// build builds the program of the source tree at root into dir.
func build(root, dir string) (bin string, err error) {
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

// startProgram starts it with these settings and waits until it answers.
func startProgram(bin, home, settings string) (*program, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	p := &program{url: fmt.Sprintf("http://127.0.0.1:%d", ports[0]), bin: bin, home: home, keys: map[string]string{}, ended: make(chan error, 1)}
	for _, variable := range os.Environ() { // the person's own keys and home are none of the session's
		if name, _, _ := strings.Cut(variable, "="); !strings.HasPrefix(name, "LOCALROUTER_") && !strings.HasPrefix(name, "OPENAI_") && !strings.HasPrefix(name, "ANTHROPIC_") {
			p.env = append(p.env, variable)
		}
	}
	p.env = append(p.env, "LOCALROUTER_HOME="+home, fmt.Sprintf("LOCALROUTER_PORT=%d", ports[0]), fmt.Sprintf("LOCALROUTER_DASHBOARD_PORT=%d", ports[1]),
		"REPLAY_KEY="+vendorKey)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(home, "settings.yaml"), []byte(settings), 0o600); err != nil {
		return nil, err
	}
	p.cmd = p.command("serve")
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.ended <- p.cmd.Wait() }()
	return p, p.until("the gateway answers", func() bool {
		resp, err := http.Get(p.url + "/health")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusNoContent
	})
}

func (p *program) command(args ...string) *exec.Cmd {
	c := exec.Command(p.bin, args...)
	c.Env = p.env
	return c
}

// run runs one command line of the program, such as "offline on".
func (p *program) run(args ...string) ([]byte, error) {
	var problem bytes.Buffer
	c := p.command(args...)
	c.Stderr = &problem
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("localrouter %s: %w\n%s%s", strings.Join(args, " "), err, out, problem.String())
	}
	return out, nil
}

// newKey makes a key with these terms.
func (p *program) newKey(name string, terms ...string) error {
	out, err := p.run(append([]string{"keys", "new", name, "--json"}, terms...)...)
	if err != nil {
		return err
	}
	var made struct{ Key string }
	if err := json.Unmarshal(out, &made); err != nil || made.Key == "" {
		return fmt.Errorf("keys new --json printed %q", out)
	}
	p.keys[name] = made.Key
	return nil
}

// lists reports whether a key sees a model.
func (p *program) lists(key, id string) bool {
	req, err := http.NewRequest(http.MethodGet, p.url+"/v1/models", nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+p.keys[key])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var page struct{ Data []struct{ ID string } }
	json.NewDecoder(resp.Body).Decode(&page)
	for _, m := range page.Data {
		if m.ID == id {
			return true
		}
	}
	return false
}

// until asks is again and again while the program runs.
func (p *program) until(what string, is func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(ready)
	defer late.Stop()
	for !is() {
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("the program ended before %s: %v\n%s", what, err, p.output.String())
		case <-late.C:
			return fmt.Errorf("after %v it is not so that %s\n%s", ready, what, p.said())
		case <-tick.C:
		}
	}
	return nil
}

// said ends the program and returns what it printed.
func (p *program) said() string {
	p.cmd.Process.Kill()
	err := <-p.ended
	p.ended <- err
	return p.output.String()
}

// stop ends the program as Ctrl-C does and wants an end within the promised 12 s, without a panic before it.
func (p *program) stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); errors.Is(err, os.ErrProcessDone) {
		return nil
	} else if err != nil {
		p.said() // Windows knows no such signal
		return nil
	}
	select {
	case err := <-p.ended:
		p.ended <- err
		if err != nil {
			return fmt.Errorf("the program did not end cleanly: %w\n%s", err, p.output.String())
		}
		if out := p.output.String(); strings.Contains(out, "panic") {
			return errors.New("the program panicked\n" + out)
		}
		return nil
	case <-time.After(12 * time.Second):
		return errors.New("the program did not end within 12 s\n" + p.said())
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
