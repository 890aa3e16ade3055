package tray

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var twoKeys = State{Status: Running, Address: "127.0.0.1:3636", Running: true, Today: "3 requests today", Keys: someKeys(2), Choices: someChoices(3)}

// trial is a Run on a fake desktop, in a bubble of virtual time.
type trial struct {
	t       *testing.T
	app     *fakeApp
	desktop *fakeDesktop
	stop    context.CancelFunc
	log     bytes.Buffer
	err     error
	ended   chan struct{}

	mu     sync.Mutex // guards copied and told
	copied []string
	told   []string
}

func start(t *testing.T, s State, copy func(string) error) *trial {
	r := &trial{t: t, app: newFakeApp(s), desktop: newFakeDesktop(), ended: make(chan struct{})}
	return r.begin(r.app, copy)
}

func (r *trial) begin(app App, copy func(string) error) *trial {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	o := Options{
		Context: ctx, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Copy: func(text string) error {
			r.mu.Lock()
			r.copied = append(r.copied, text)
			r.mu.Unlock()
			if copy != nil {
				return copy(text)
			}
			return nil
		},
		Notify: func(title, text string) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, title+": "+text)
			return nil
		},
	}
	go func() {
		defer close(r.ended)
		r.err = run(app, r.desktop, o)
	}()
	r.settle()
	return r
}

func (r *trial) settle() {
	time.Sleep(2 * settleTime) // virtual
	synctest.Wait()
}

func (r *trial) click(path ...string) {
	r.t.Helper()
	if err := r.desktop.click(path...); err != nil {
		r.t.Fatal(err)
	}
	r.settle()
}

func (r *trial) end() {
	r.t.Helper()
	r.stop()
	<-r.ended
	if r.err != nil {
		r.t.Errorf("Run: %v, want none", r.err)
	}
}

func TestTheDesktopShowsWhatTheStateSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, twoKeys, nil)
		states := []State{
			twoKeys, {Status: Stopped}, {Status: Failed, Detail: "port 3636 is taken"},
			{Status: Running, Running: true, Address: "127.0.0.1:1", Keys: someKeys(20)},
			{Status: Degraded, Running: true, Address: "127.0.0.1:1", Today: "x", Keys: someKeys(3)[1:]}, twoKeys,
		}
		for i, s := range states {
			r.app.set(s)
			r.settle()
			if diff := cmp.Diff(text(menuOf(s), ""), r.desktop.text()); diff != "" {
				t.Errorf("state %d (-want +got):\n%s", i, diff)
			}
		}
		want := []string{Running, Stopped, Failed, Running, Degraded, Running}
		if diff := cmp.Diff(want, r.desktop.icons()); diff != "" {
			t.Errorf("icons (-want +got):\n%s", diff)
		}
		r.end()
	})
}

func TestNothingIsSentWhileNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, twoKeys, nil)
		before := r.desktop.count()
		for range 50 {
			r.app.set(twoKeys)
			r.settle()
		}
		if calls := r.desktop.count() - before; calls != 0 {
			t.Errorf("%d calls to the desktop for an unchanged state", calls)
		}
		r.end()
	})
}

func TestBusyFiguresAreShownTwiceASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, twoKeys, nil)
		before := r.desktop.count()
		for i := range 1000 {
			s := twoKeys
			s.Today = fmt.Sprint(i, " requests today")
			r.app.set(s)
			time.Sleep(10 * time.Millisecond)
		}
		r.settle()
		// One label and one tooltip per update, in ten seconds.
		if calls := r.desktop.count() - before; calls > 2*2*11 {
			t.Errorf("%d calls to the desktop in 10 s", calls)
		}
		if got := r.desktop.text(); !strings.Contains(got, "999 requests today") {
			t.Errorf("the last figure is missing:\n%s", got)
		}
		r.end()
	})
}

func TestTheLeverMovesOnlyWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, State{Status: Stopped}, nil)
		r.app.set(State{Status: Starting})
		r.settle()
		time.Sleep(4 * frameTime)
		r.app.set(twoKeys)
		r.settle()
		icons := r.desktop.icons()
		time.Sleep(time.Minute)
		if more := r.desktop.icons(); len(more) != len(icons) {
			t.Errorf("%d more icons while running", len(more)-len(icons))
		}
		got := strings.Join(icons, " ")
		if !strings.HasPrefix(got, "stopped starting-1 starting-2 starting-3 starting-1") || !strings.HasSuffix(got, " running") {
			t.Errorf("icons were %s", got)
		}
		r.end()
	})
}

func TestClicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, twoKeys, nil)
		r.click("Stop gateway")
		r.click("Open dashboard")
		r.click("Copy endpoint address")
		r.click("New API key")
		r.click("Keys", "my-app-1", "Enabled")
		r.click("Keys", "my-app-2", "Enabled")
		r.click("Keys", "my-app-2", "Open usage")
		r.click("Keys", "my-app-2", "Router: Minimum Cost")
		r.click("Keys", "my-app-1", "As the application asks")
		r.click("Offline mode (local models only)")
		want := "stop; dashboard; new key; disable id-1; enable id-2; usage id-2; choose router/minimum-cost for id-2; choose  for id-1; offline"
		if got := r.app.all(); got != want {
			t.Errorf("the program was asked: %s, want: %s", got, want)
		}
		if diff := cmp.Diff([]string{"http://127.0.0.1:3636/v1", "lr-secret"}, r.copied); diff != "" {
			t.Errorf("copied (-want +got):\n%s", diff)
		}
		told := []string{"Key my-app-7 copied: Paste it into your application as the API key. The address is http://127.0.0.1:3636/v1"}
		if diff := cmp.Diff(told, r.told); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
		r.end()
		if strings.Contains(r.log.String(), "lr-secret") {
			t.Error("the key is in the log")
		}
		if strings.Contains(r.app.all(), "quit") {
			t.Error("the program asked the tray to end and was told to quit by it")
		}
	})
}

// Some hosts deliver clicks on greyed lines.
func TestClicksOnGreyedLinesDoNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, State{Status: Starting}, nil)
		for _, label := range []string{"LocalRouter - starting", "Start gateway", "Copy endpoint address"} {
			if err := r.desktop.click(label); err != nil {
				t.Fatal(err)
			}
			r.settle()
		}
		if got := r.app.all(); got != "" || len(r.copied) != 0 {
			t.Errorf("greyed lines asked for: %s, copied %v", got, r.copied)
		}
		r.end()
	})
}

// A key that is deleted moves the next one up, under the pointer of a person
// who is about to click.
func TestAClickDoesNotReachAKeyThatJustMovedThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, twoKeys, nil)
		s := twoKeys
		s.Keys = twoKeys.Keys[1:]
		r.app.set(s)
		synctest.Wait()
		if err := r.desktop.click("Keys", "my-app-2", "Open usage"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := r.app.all(); got != "" {
			t.Errorf("the click asked for: %s", got)
		}
		r.settle()
		r.click("Keys", "my-app-2", "Open usage")
		if got := r.app.all(); got != "usage id-2" {
			t.Errorf("later the click asked for %q", got)
		}
		r.end()
	})
}

// Likewise a list of models that is read anew while the menu is open.
func TestAClickDoesNotReachAModelThatJustMovedThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, twoKeys, nil)
		s := twoKeys
		s.Choices = twoKeys.Choices[1:]
		r.app.set(s)
		synctest.Wait()
		if err := r.desktop.click("Keys", "my-app-2", "Router: Maximum Performance"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := r.app.all(); got != "" {
			t.Errorf("the click asked for: %s", got)
		}
		r.settle()
		r.click("Keys", "my-app-2", "Router: Maximum Performance")
		if got := r.app.all(); got != "choose router/maximum-performance for id-2" {
			t.Errorf("later the click asked for %q", got)
		}
		r.end()
	})
}

func TestFailuresAreToldInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, twoKeys, nil)
		r.app.fail = errors.New("port 3636 is taken by nginx")
		r.click("Stop gateway")
		r.click("Open dashboard")
		r.click("New API key")
		r.click("Keys", "my-app-1", "Enabled")
		const cause = ": port 3636 is taken by nginx"
		want := []string{"The gateway could not be stopped" + cause, "The dashboard could not be opened" + cause, "No key was made" + cause, "The key could not be turned off" + cause}
		if diff := cmp.Diff(want, r.told); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
		r.end()
	})
}

// teller is a program that tells of something by itself.
type teller struct {
	*fakeApp
	notices chan Notice
}

func (t teller) Notices() <-chan Notice { return t.notices }

func TestWhatTheProgramTellsIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &trial{t: t, app: newFakeApp(twoKeys), desktop: newFakeDesktop(), ended: make(chan struct{})}
		app := teller{r.app, make(chan Notice, 1)}
		app.notices <- Notice{"The key zed has no money left", "It has spent $5."} // told before there was an icon
		r.begin(app, nil)
		app.notices <- Notice{"This machine has spent 80 % of its money", "It has spent $8."}
		r.settle()
		close(app.notices)
		r.settle()
		want := []string{"The key zed has no money left: It has spent $5.", "This machine has spent 80 % of its money: It has spent $8."}
		if diff := cmp.Diff(want, r.told); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
		r.end()
	})
}

// shower is a program that can show a key once more.
type shower struct{ *fakeApp }

func (s shower) ShowKey(name, _ string) error { return s.ask("show " + name) }

func TestWithoutAClipboardTheDashboardHelps(t *testing.T) {
	broken := func(string) error { return errors.New("xclip is not installed") }
	hanging := func(string) error { select {} }
	panicking := func(string) error { panic("clipboard") }
	synctest.Test(t, func(t *testing.T) {
		for name, copy := range map[string]func(string) error{"broken": broken, "panicking": panicking} {
			r := start(t, twoKeys, copy)
			r.click("New API key")
			if got := r.app.all(); got != "new key; dashboard" {
				t.Errorf("%s: the program was asked: %s", name, got)
			}
			if len(r.told) != 1 || !strings.HasPrefix(r.told[0], "Key my-app-7 was made but not copied: ") {
				t.Errorf("%s: notices %q", name, r.told)
			}
			r.click("Copy endpoint address")
			if len(r.told) != 2 || !strings.Contains(r.told[1], "http://127.0.0.1:3636/v1") {
				t.Errorf("%s: notices %q", name, r.told)
			}
			r.end()
			if strings.Contains(r.log.String(), "lr-secret") {
				t.Errorf("%s: the key is in the log", name)
			}
		}
		r := &trial{t: t, app: newFakeApp(twoKeys), desktop: newFakeDesktop(), ended: make(chan struct{})}
		r.begin(shower{r.app}, broken)
		r.click("New API key")
		if got := r.app.all(); got != "new key; show my-app-7" {
			t.Errorf("the program was asked: %s", got)
		}
		r.end()
	})
	// Nothing ends a helper that hangs, so this one is not in a bubble.
	if err := within(time.Millisecond, func() error { return hanging("") }); err == nil {
		t.Error("a clipboard that hangs is waited for")
	}
}

func TestQuitEndsBoth(t *testing.T) {
	for _, hook := range []bool{true, false} { // macOS does not call the hook
		synctest.Test(t, func(t *testing.T) {
			r := start(t, twoKeys, nil)
			r.desktop.hook = hook
			if err := r.desktop.click("Quit"); err != nil {
				t.Fatal(err)
			}
			<-r.ended
			if r.err != nil || r.app.all() != "quit" {
				t.Errorf("hook %v: Run: %v, asked: %s; want one quit and no error", hook, r.err, r.app.all())
			}
		})
	}
}

func TestTheEndOfTheSessionQuitsTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, twoKeys, nil)
		r.desktop.quit()
		<-r.ended
		if r.err != nil || r.app.all() != "quit" {
			t.Errorf("Run: %v, asked: %s; want one quit and no error", r.err, r.app.all())
		}
	})
}

func TestABrokenDesktopHarmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, twoKeys, nil)
		r.desktop.breakDown()
		for _, status := range []string{Starting, Failed, Stopped, Running} {
			r.app.set(State{Status: status, Keys: someKeys(15)})
			r.settle()
		}
		select {
		case <-r.ended:
			t.Fatal("the tray ended")
		default:
		}
		r.end()
		if got := strings.Count(r.log.String(), "level=WARN"); got != 1 {
			t.Errorf("%d warnings, want one:\n%s", got, r.log.String())
		}
	})
}

func TestAPanicInAnActionHarmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, twoKeys, nil)
		r.app.panic = true
		r.click("Open dashboard")
		r.click("New API key")
		r.app.panic = false
		r.click("Open dashboard")
		if got := r.app.all(); got != "dashboard; new key; dashboard" {
			t.Errorf("the program was asked: %s", got)
		}
		if len(r.told) != 2 {
			t.Errorf("notices %q, want one for each failure", r.told)
		}
		r.end()
	})
}

// lostDesktop panics in its own loop, which the library does without a bus.
type lostDesktop struct{ *fakeDesktop }

func (lostDesktop) run(face, func(), func()) { panic("nil pointer") }

func TestATrayThatCannotRunIsAnErrorAndNoQuit(t *testing.T) {
	app := newFakeApp(twoKeys)
	err := run(app, lostDesktop{newFakeDesktop()}, Options{})
	if err == nil || app.all() != "" {
		t.Errorf("Run: %v, asked: %q; want an error and nothing asked", err, app.all())
	}
}

func TestTheLibrarysOwnLinesGoToTheLog(t *testing.T) {
	var log, rest bytes.Buffer
	l := libraryLog{to: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), rest: &rest}
	fmt.Fprintln(l, "2026/11/24 systray error: failed to register")
	fmt.Fprintln(l, "http: something else")
	if !strings.Contains(log.String(), "failed to register") || rest.String() != "http: something else\n" {
		t.Errorf("log %q, rest %q", log.String(), rest.String())
	}
}
