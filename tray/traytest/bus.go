//go:build unix

// Package traytest knows how to be the desktop: a bus of its own, the service
// that collects tray icons, the one that shows notices, and a real panel on a
// virtual screen. It works on any program with a tray icon, reading the icon
// and the menu from the outside as a desktop does. For tests only.
package traytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// Patience is how long anything may take to happen on a slow machine.
const Patience = 40 * time.Second

// Need skips the test where a tool is missing and says what to install; where
// CI=true it fails instead. The arguments are pairs of tool and package.
func Need(tb testing.TB, toolsAndPackages ...string) {
	tb.Helper()
	var missing []string
	for i := 0; i+1 < len(toolsAndPackages); i += 2 {
		if _, err := exec.LookPath(toolsAndPackages[i]); err != nil {
			missing = append(missing, toolsAndPackages[i+1])
		}
	}
	switch {
	case len(missing) == 0:
	case os.Getenv("CI") == "true":
		tb.Fatalf("missing on this machine, install: %s", strings.Join(missing, " "))
	default:
		tb.Skipf("not run; to run it install: %s", strings.Join(missing, " "))
	}
}

// Until waits for a thing to be true and fails the test when it never is.
func Until(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	if !within(Patience, is) {
		tb.Fatalf("after %v still not so: %s", Patience, what)
	}
}

func within(limit time.Duration, is func() bool) bool {
	end := time.NewTimer(limit)
	defer end.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-end.C:
			return false
		case <-again.C:
		}
	}
	return true
}

// Bus is a session bus that nothing else uses and that starts no services.
type Bus struct {
	Address string
	conn    *dbus.Conn
	daemon  *exec.Cmd
	ended   chan struct{}
}

// quietBus lets everybody talk and starts nothing by itself.
const quietBus = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`

// StartBus starts a private bus for the length of the test.
func StartBus(tb testing.TB) *Bus {
	tb.Helper()
	Need(tb, "dbus-daemon", "dbus")
	// The path of a socket must be short; the test's own folder need not be.
	dir, err := os.MkdirTemp("", "lrbus")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	socket, config := filepath.Join(dir, "bus"), filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, quietBus, socket), 0o600); err != nil {
		tb.Fatal(err)
	}
	b := &Bus{Address: "unix:path=" + socket, ended: make(chan struct{})}
	b.daemon = exec.Command("dbus-daemon", "--nofork", "--config-file="+config)
	if err := b.daemon.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		defer close(b.ended)
		b.daemon.Wait() // killed at the end, so it never ends well
	}()
	tb.Cleanup(b.Kill)
	Until(tb, "the bus answers", func() bool {
		b.conn, err = dbus.Connect(b.Address)
		return err == nil
	})
	tb.Cleanup(func() { b.conn.Close() })
	return b
}

// Kill ends the bus at once, as when a desktop session breaks.
func (b *Bus) Kill() {
	b.daemon.Process.Kill()
	<-b.ended
}

// Freeze stops the bus without ending it: it takes connections and is silent.
func (b *Bus) Freeze() { b.daemon.Process.Signal(syscall.SIGSTOP) }

// names returns the name of each tray item on the bus.
func (b *Bus) names() []string {
	var all, items []string
	if err := b.conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&all); err != nil {
		return nil
	}
	for _, name := range all {
		if strings.HasPrefix(name, "org.kde.StatusNotifierItem-") {
			items = append(items, name)
		}
	}
	return items
}

// Watcher collects tray items, as a panel does.
type Watcher struct {
	mu    sync.Mutex // guards items
	items []string
}

// RegisterStatusNotifierItem is called over the bus by a program with an icon.
func (w *Watcher) RegisterStatusNotifierItem(_ string, from dbus.Sender) *dbus.Error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.items = append(w.items, string(from))
	return nil
}

// Seen reports how often an item was registered.
func (w *Watcher) Seen() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.items)
}

// Watch makes this test the tray of the bus.
func (b *Bus) Watch(tb testing.TB) *Watcher {
	tb.Helper()
	const name, path = "org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher"
	w := &Watcher{}
	if err := b.conn.Export(w, path, name); err != nil {
		tb.Fatal(err)
	}
	_, err := prop.Export(b.conn, path, prop.Map{name: {
		"IsStatusNotifierHostRegistered": {Value: true, Emit: prop.EmitTrue},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	if reply, err := b.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		tb.Fatalf("cannot be the tray of the bus: reply %v, %v", reply, err)
	}
	return w
}

// Notices shows desktop notices by keeping them.
type Notices struct {
	mu    sync.Mutex // guards texts
	texts []string
}

// Notify is called over the bus.
func (n *Notices) Notify(_ string, _ uint32, _, title, text string, _ []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.texts = append(n.texts, title+": "+text)
	return uint32(len(n.texts)), nil
}

// All returns the notices so far, each as "title: text".
func (n *Notices) All() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.texts...)
}

// Notices makes this test the one that shows notices on the bus.
func (b *Bus) Notices(tb testing.TB) *Notices {
	tb.Helper()
	n := &Notices{}
	const name = "org.freedesktop.Notifications"
	if err := b.conn.Export(n, "/org/freedesktop/Notifications", name); err != nil {
		tb.Fatal(err)
	}
	if reply, err := b.conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		tb.Fatalf("cannot show notices on the bus: reply %v, %v", reply, err)
	}
	return n
}
