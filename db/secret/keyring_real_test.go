//go:build linux

package secret

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// caseVariable names the case that a child of TestRealKeyring runs, on a session bus of its own.
const caseVariable = "LOCALROUTER_KEYRING_TEST"

const password = "pw"

// TestRealKeyring runs the vault against gnome-keyring: present, absent, locked and hanging. Each case is this test
// binary again under dbus-run-session, because the keyring module binds to the bus as it is loaded.
func TestRealKeyring(t *testing.T) {
	if name := os.Getenv(caseVariable); name != "" {
		run, ok := map[string]func(*testing.T){"present": present, "absent": absentService, "locked": locked, "hanging": hanging}[name]
		if !ok {
			t.Fatalf("%s=%q: want present, absent, locked or hanging", caseVariable, name)
		}
		run(t)
		return
	}
	for _, tool := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is needed: install dbus and gnome-keyring", tool)
			}
			t.Skip("skipped: install dbus and gnome-keyring to test the vault against a real keyring")
		}
	}
	for _, name := range []string{"present", "absent", "locked", "hanging"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			runtime := filepath.Join(home, "run")
			if err := os.Mkdir(runtime, 0o700); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			args := append(busArgs(t, name), "--", os.Args[0], "-test.run=^TestRealKeyring$", "-test.v")
			cmd := exec.CommandContext(ctx, "dbus-run-session", args...)
			cmd.WaitDelay = time.Second // a daemon that kept the pipe does not hold the test
			cmd.Env = append(os.Environ(), caseVariable+"="+name, "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home,
				"XDG_CACHE_HOME="+home, "XDG_RUNTIME_DIR="+runtime, "DISPLAY=", "WAYLAND_DISPLAY=", "DBUS_SESSION_BUS_ADDRESS=")
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("--- PASS: TestRealKeyring")) {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

// busArgs gives the case without a keyring a bus that starts no service by itself.
func busArgs(t *testing.T, name string) []string {
	if name != "absent" && name != "hanging" {
		return nil
	}
	path := filepath.Join(t.TempDir(), "bus.conf")
	conf := `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--config-file=" + path}
}

func realOptions(t *testing.T, m memory) Options {
	return Options{Records: m, KeyFile: filepath.Join(t.TempDir(), "master.key")}
}

// openTimed opens a vault and holds it to the figure: a start within 5 s whatever the keyring does.
func openTimed(t *testing.T, o Options) *Vault {
	t.Helper()
	start := time.Now()
	v := Open(o)
	d := time.Since(start)
	t.Logf("%v: %+v", d.Round(time.Millisecond), v.State())
	if d > 5*time.Second {
		t.Errorf("the start took %v", d)
	}
	return v
}

// daemon starts gnome-keyring in the foreground and waits until it holds its name on the bus.
func daemon(t *testing.T, input string, args ...string) (stop func()) {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"),
		dbus.WithMatchArg(0, "org.freedesktop.secrets")); err != nil {
		t.Fatal(err)
	}
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	cmd := exec.Command("gnome-keyring-daemon", append([]string{"--foreground", "--components=secrets"}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { cmd.Process.Kill(); cmd.Wait() }
	t.Cleanup(stop)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		select {
		case s := <-signals:
			if len(s.Body) == 3 && s.Body[2] != "" {
				return stop
			}
		case <-ctx.Done():
			t.Fatal("gnome-keyring did not come up")
		}
	}
}

func present(t *testing.T) {
	daemon(t, password, "--unlock")
	m := memory{}
	o := realOptions(t, m)
	v := openTimed(t, o)
	want(t, v, Ready, Keyring)
	b := sealed(t, v)
	v = openTimed(t, o)
	want(t, v, Ready, Keyring)
	opens(t, v, b)
	if _, err := os.Stat(o.KeyFile); err == nil {
		t.Error("a key file was made as well")
	}
}

func absentService(t *testing.T) {
	v := openTimed(t, realOptions(t, memory{}))
	want(t, v, Ready, File)
	want(t, openTimed(t, realOptions(t, made(t))), Locked, Keyring)
}

// locked: the vault was made with an open keyring; after a login without its password it is closed, and opened later.
func locked(t *testing.T) {
	stop := daemon(t, password, "--unlock")
	m := memory{}
	o := realOptions(t, m)
	v := openTimed(t, o)
	want(t, v, Ready, Keyring)
	b := sealed(t, v)
	stop()

	stop = daemon(t, "", "--start")
	v = openTimed(t, o)
	want(t, v, Locked, Keyring)
	if _, err := os.Stat(o.KeyFile); err == nil {
		t.Error("a key file was made for a vault of the keyring")
	}
	want(t, openTimed(t, realOptions(t, memory{})), Ready, File) // a new vault does not wait for a prompt
	stop()

	daemon(t, password, "--unlock")
	if s := v.Retry(t.Context()); s.Status != Ready {
		t.Fatal(s)
	}
	opens(t, v, b)
}

// hanging: a service that holds the name and never answers.
func hanging(t *testing.T) {
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if reply, err := conn.RequestName("org.freedesktop.secrets", dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	silent := make(chan struct{})
	defer close(silent)
	if err := conn.Export(mute{silent}, "/org/freedesktop/secrets", "org.freedesktop.Secret.Service"); err != nil {
		t.Fatal(err)
	}
	want(t, openTimed(t, realOptions(t, memory{})), Ready, File)
	v := openTimed(t, realOptions(t, made(t)))
	want(t, v, Locked, Keyring)
}

type mute struct{ until chan struct{} }

func (m mute) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	<-m.until
	return dbus.MakeVariant(""), "/", dbus.MakeFailedError(fmt.Errorf("silent"))
}

// made returns the header of a vault whose master key is in a keyring that works.
func made(t *testing.T) memory {
	t.Helper()
	m := memory{}
	o := realOptions(t, m)
	o.Open = newRing().open
	want(t, Open(o), Ready, Keyring)
	return m
}
