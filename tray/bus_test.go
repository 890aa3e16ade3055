//go:build linux

package tray_test

import (
	"bytes"
	"errors"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"localrouter/assets"
	"localrouter/tray"
	"localrouter/tray/traytest"
)

// The colours that tell the states on a dark bar (look.md).
var (
	green = color.NRGBA{0x4c, 0xc3, 0x8a, 0xff}
	amber = color.NRGBA{0xf2, 0xb1, 0x3c, 0xff}
	red   = color.NRGBA{0xe5, 0x48, 0x4d, 0xff}
)

// trialFolder holds the trial program; it is removed when all tests are done.
var trialFolder string

// trial builds the trial program once, without the race detector: it reports
// the tray library itself.
var trial = sync.OnceValues(func() (string, error) {
	var err error
	if trialFolder, err = os.MkdirTemp("", "lrtrial"); err != nil {
		return "", err
	}
	program := filepath.Join(trialFolder, "trial")
	out, err := exec.Command("go", "build", "-o", program, "./testdata/trial").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return program, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if trialFolder != "" {
		os.RemoveAll(trialFolder)
	}
	os.Exit(code)
}

func startTrial(t *testing.T, bus *traytest.Bus, arguments ...string) *traytest.Program {
	t.Helper()
	program, err := trial()
	if err != nil {
		t.Fatal(err)
	}
	return traytest.Start(t, []string{"DBUS_SESSION_BUS_ADDRESS=" + bus.Address}, append([]string{program}, arguments...)...)
}

func pixels(item *traytest.Item, c color.NRGBA) func() bool {
	return func() bool {
		return item.IconPixels(c) > 20
	}
}

func TestOnABusTheIconIsThereAndTheMenuWorks(t *testing.T) {
	bus := traytest.StartBus(t)
	watcher, notices := bus.Watch(t), bus.Notices(t)
	clipboard := filepath.Join(t.TempDir(), "clipboard")
	program := startTrial(t, bus, "-clipboard", clipboard)
	item := bus.Item(t)
	if watcher.Seen() != 1 {
		t.Errorf("registered %d times, want once", watcher.Seen())
	}
	for property, want := range map[string]string{"Id": "LocalRouter", "Title": "LocalRouter", "Status": "Active", "Category": "ApplicationStatus"} {
		if got := item.Text(property); got != want {
			t.Errorf("%s = %q, want %q", property, got, want)
		}
	}
	if got, want := item.Tooltip(), "LocalRouter - running\n312 requests, 1.2 M tokens, $0.84 today"; got != want {
		t.Errorf("tooltip %q, want %q", got, want)
	}
	drawn, err := png.Decode(bytes.NewReader(assets.Icon("running", assets.DarkBar, 44)))
	if err != nil {
		t.Fatal(err)
	}
	icon := item.Icon()
	if icon == nil || icon.Rect != drawn.Bounds() {
		t.Fatalf("no icon of 44 px")
	}
	for y := range 44 {
		for x := range 44 {
			if got, want := icon.NRGBAAt(x, y), color.NRGBAModel.Convert(drawn.At(x, y)); got != want {
				t.Fatalf("pixel %d,%d of the icon is %v, drawn was %v", x, y, got, want)
			}
		}
	}
	traytest.Until(t, "the submenus are there", func() bool { return strings.Contains(item.Tree(), "my-app-2") })
	want := `LocalRouter - running on 127.0.0.1:3636 [disabled]
312 requests, 1.2 M tokens, $0.84 today [disabled]
---
Stop gateway
Open dashboard
Copy endpoint address
New API key
Keys
  my-app-1
    As the application asks [x]
    Router: Minimum Cost [ ]
    ollama > llama3.3 [ ]
    Enabled [x]
    Open usage
  my-app-2
    As the application asks [x]
    Router: Minimum Cost [ ]
    ollama > llama3.3 [ ]
    Enabled [x]
    Open usage
Offline mode (local models only) [ ]
---
Quit
`
	if diff := cmp.Diff(want, item.Tree()); diff != "" {
		t.Errorf("menu (-want +got):\n%s", diff)
	}

	item.Click("Copy endpoint address")
	traytest.Until(t, "the address is copied", holds(clipboard, "http://127.0.0.1:3636/v1"))
	item.Click("New API key")
	traytest.Until(t, "the key is copied", holds(clipboard, "lr-trial-my-app-3"))
	item.Has("my-app-3")
	traytest.Until(t, "a notice names the key", func() bool {
		return strings.HasPrefix(strings.Join(notices.All(), ""), "Key my-app-3 copied: ")
	})
	if strings.Contains(strings.Join(notices.All(), "")+program.Errors(), "lr-trial-") {
		t.Error("the key is in a notice or in the log")
	}
	item.Click("Keys", "my-app-1", "Enabled")
	program.Says("key id-1 false", 1)
	item.Has("Enabled [ ]")
	item.Click("Keys", "my-app-2", "Open usage")
	program.Says("usage id-2", 1)
	item.Click("Keys", "my-app-2", "ollama > llama3.3")
	program.Says(`choose "ollama/llama3.3" for id-2`, 1)
	item.Has("ollama > llama3.3 [x]")
	item.Click("Keys", "my-app-2", "As the application asks")
	program.Says(`choose "" for id-2`, 1)
	item.Click("Offline mode (local models only)")
	program.Says("offline true", 1)
	item.Has("Offline mode (local models only) [x]")
	item.Click("Open dashboard")
	program.Says("dashboard", 1)
	program.Tell("name an_app & more")
	item.Has("an_app & more")

	item.Click("Stop gateway")
	program.Says("running false", 1)
	item.Has("LocalRouter - stopped [disabled]")
	item.Click("LocalRouter - stopped") // greyed, and delivered all the same
	item.Click("Start gateway")
	program.Says("running true", 1)
	item.Has("Stop gateway")

	item.Click("Quit")
	if code := program.ExitCode(); code != 0 {
		t.Errorf("exit status %d after Quit, want 0", code)
	}
	program.Says("run ended: <nil>", 1)
}

func holds(file, want string) func() bool {
	return func() bool {
		got, err := os.ReadFile(file)
		return err == nil && string(got) == want
	}
}

func TestOnABusTheIconChangesOnlyWithTheState(t *testing.T) {
	bus := traytest.StartBus(t)
	bus.Watch(t)
	program := startTrial(t, bus)
	item := bus.Item(t)
	for i, step := range []struct {
		status string
		colour color.NRGBA
	}{{tray.Degraded, amber}, {tray.Failed, red}, {tray.Exposed, amber}, {tray.Running, green}} {
		program.Tell("status " + step.status)
		item.Has("LocalRouter - " + step.status + " on 127.0.0.1:3636 [disabled]")
		traytest.Until(t, step.status+" shows its colour", pixels(item, step.colour))
		// Changing words do not send the icon again.
		program.Tell("today " + step.status)
		item.Has(step.status + " [disabled]")
		if got := item.NewIcons(); got != i+1 {
			t.Errorf("%s: the icon was sent %d times, want %d", step.status, got, i+1)
		}
	}
	before := item.NewIcons()
	program.Tell("status starting")
	traytest.Until(t, "the lever moves while starting", func() bool { return item.NewIcons() >= before+4 })
	program.Tell("status stopped")
	item.Has("LocalRouter - stopped [disabled]")
	after := item.NewIcons()
	program.Tell("today done")
	item.Has("done [disabled]")
	if got := item.NewIcons(); got != after {
		t.Errorf("the lever still moves when stopped")
	}
	program.Terminate()
	if code := program.ExitCode(); code != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0", code)
	}
}

func TestWhenTheBusDiesTheProgramLivesOn(t *testing.T) {
	bus := traytest.StartBus(t)
	bus.Watch(t)
	program := startTrial(t, bus)
	bus.Item(t)
	bus.Kill()
	for _, line := range []string{"status starting", "keys 20", "detail the bus is gone", "ping"} {
		program.Tell(line)
	}
	program.Says("pong", 1)
	// The frames of starting are what panics in the library.
	traytest.Until(t, "the loss is noticed", func() bool { return strings.Contains(program.Errors(), "level=WARN") })
	program.Tell("status running")
	program.Tell("ping")
	program.Says("pong", 2)
	program.Terminate()
	if code := program.ExitCode(); code != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0", code)
	}
	if got := strings.Count(program.Errors(), "level=WARN"); got != 1 {
		t.Errorf("%d warnings, want one", got)
	}
}

func TestWithoutATrayTheIconWaitsForOne(t *testing.T) {
	bus := traytest.StartBus(t)
	program := startTrial(t, bus)
	program.Says("no host: no tray on this desktop yet", 1)
	item := bus.Item(t)
	item.Has("Stop gateway")
	watcher := bus.Watch(t)
	traytest.Until(t, "the icon comes when a tray does", func() bool { return watcher.Seen() == 1 })
	item.Click("Quit")
	if code := program.ExitCode(); code != 0 {
		t.Errorf("exit status %d after Quit, want 0", code)
	}
}

func TestWithoutABusOneLineSaysWhy(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(t.TempDir(), "none"))
	err := tray.Probe(t.Context())
	if !errors.Is(err, tray.ErrNoBus) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Probe: %v, want one line that says there is no bus", err)
	}
	if err := tray.Host(t.Context()); !errors.Is(err, tray.ErrNoBus) {
		t.Errorf("Host: %v, want that there is no bus", err)
	}
}

// A bus that accepts and never answers is the worst kind.
func TestABusThatHangsDoesNotHoldTheStart(t *testing.T) {
	traytest.Need(t, "dbus-daemon", "dbus")
	bus := traytest.StartBus(t)
	bus.Freeze()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", bus.Address)
	begun := time.Now()
	if err := tray.Probe(t.Context()); !errors.Is(err, tray.ErrNoBus) {
		t.Errorf("Probe: %v, want that there is no bus", err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("Probe took %v", took)
	}
}
