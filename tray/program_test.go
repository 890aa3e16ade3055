//go:build linux

package tray_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"localrouter/tray/traytest"
)

// TestTheProgramOnADesktop drives the whole program by its menu, on a real panel with a real clipboard: what the menu
// says happens to the gateway behind it.
func TestTheProgramOnADesktop(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "localrouter")
	if out, err := exec.Command("go", "build", "-o", program, "localrouter").CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	home, opened := filepath.Join(dir, "home"), filepath.Join(dir, "opened")
	fakeBrowser(t, dir, opened)
	address := freeAddress(t)
	desktop := traytest.StartDesktop(t)
	p := traytest.Start(t, append(desktop.Env(), "LOCALROUTER_HOME="+home, "PATH="+dir+":"+os.Getenv("PATH"),
		"LOCALROUTER_PORT="+port(t, address), "LOCALROUTER_DASHBOARD_PORT="+port(t, freeAddress(t))), program)
	item := desktop.Bus.Item(t)
	item.Has("LocalRouter - running on " + address + " [disabled]")

	// On a first start the dashboard shows itself.
	traytest.Until(t, "the dashboard was opened", func() bool { return len(lines(opened)) == 1 })

	item.Click("New API key")
	key := ""
	traytest.Until(t, "a key is on the clipboard", func() bool {
		key = desktop.Clipboard()
		return strings.HasPrefix(key, "lr-")
	})
	if code := ask(t, address, key); code != http.StatusOK {
		t.Fatalf("the key of the clipboard got %d, want 200", code)
	}
	item.Has("1 request, 57 tokens, $0.00 today [disabled]")

	shown := time.Now()
	item.Has("Enabled [x]")
	traytest.Until(t, "the line of a new key takes clicks", func() bool { return time.Since(shown) > time.Second })
	item.Click("Keys", "my-app-1", "Enabled")
	item.Has("Enabled [ ]")
	traytest.Until(t, "the disabled key is refused", func() bool { return ask(t, address, key) == http.StatusForbidden })
	item.Click("Keys", "my-app-1", "Enabled")
	traytest.Until(t, "the key works again", func() bool { return ask(t, address, key) == http.StatusOK })

	// What is chosen in the menu answers every request of the key, until the application may ask again.
	command := func(words ...string) string {
		c := exec.Command(program, words...)
		c.Env = append(os.Environ(), "LOCALROUTER_HOME="+home)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("localrouter %s: %v\n%s", strings.Join(words, " "), err, out)
		}
		return strings.Join(strings.Fields(string(out)), " ")
	}
	item.Click("Keys", "my-app-1", "Router: Maximum Performance")
	item.Has("Router: Maximum Performance [x]")
	if list := command("keys", "list"); !strings.Contains(list, " selected router/maximum-performance ") {
		t.Errorf("after the choice the key is: %s", list)
	}
	item.Click("Keys", "my-app-1", "demo > demo")
	item.Has("demo > demo [x]")
	if list := command("keys", "list"); !strings.Contains(list, " selected demo/demo ") {
		t.Errorf("after the choice of a model the key is: %s", list)
	}
	item.Click("Keys", "my-app-1", "As the application asks")
	item.Has("As the application asks [x]")
	if list := command("keys", "list"); !strings.Contains(list, " asked demo/demo ") {
		t.Errorf("after taking it back the key is: %s", list)
	}
	item.Click("Offline mode (local models only)")
	item.Has("Offline mode (local models only) [x]")
	if said := command("offline"); !strings.Contains(said, "is on") {
		t.Errorf("the command line says: %s", said)
	}
	command("offline", "off")
	item.Has("Offline mode (local models only) [ ]")

	item.Click("Stop gateway")
	item.Has("LocalRouter - stopped [disabled]")
	if code := ask(t, address, key); code != 0 {
		t.Errorf("a stopped gateway answered %d", code)
	}
	item.Click("Start gateway")
	item.Has("LocalRouter - running on " + address + " [disabled]")
	if code := ask(t, address, key); code != http.StatusOK {
		t.Errorf("after stop and start the key got %d, want 200", code)
	}

	item.Click("Open dashboard")
	traytest.Until(t, "the dashboard was opened again", func() bool { return len(lines(opened)) == 2 })
	signIn(t, lines(opened)[1])

	item.Click("Quit")
	if code := p.ExitCode(); code != 0 {
		t.Errorf("exit status %d after Quit, want 0", code)
	}
	if _, err := os.Stat(filepath.Join(home, "run", "runtime.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Quit the runtime file is still there: %v", err)
	}
}

// fakeBrowser puts a browser into dir that writes down what it is to open.
func fakeBrowser(t *testing.T, dir, opened string) {
	t.Helper()
	script := "#!/bin/sh\nprintf '%s\\n' \"$1\" >> '" + opened + "'\n"
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}

func lines(file string) []string {
	b, _ := os.ReadFile(file)
	return strings.Fields(string(b))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func port(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// ask sends one question and returns the status; 0 where nothing answers.
func ask(t *testing.T, address, key string) int {
	t.Helper()
	r, err := http.NewRequest("POST", "http://"+address+"/v1/chat/completions", strings.NewReader(`{"model":"demo/demo","messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// signIn does what the page does with the address it was opened at.
func signIn(t *testing.T, url string) {
	t.Helper()
	base, code, ok := strings.Cut(url, "/login#")
	if !ok {
		t.Fatalf("the dashboard was opened at %s, which signs nobody in", url)
	}
	resp, err := http.Post(base+"/login", "application/json", strings.NewReader(fmt.Sprintf(`{"code":%q}`, code)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var session struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&session); err != nil || resp.StatusCode != http.StatusOK || session.Token == "" {
		t.Errorf("signing in got %d, %v", resp.StatusCode, err)
	}
}
