package dashboard_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"localrouter/dashboard"
	"localrouter/db"
	"localrouter/providers/llm"
)

// browser is a tab of a headless Chromium that fails the test on any outside request, policy report or exception.
type browser struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex // guards what follows
	expected []string   // parts of log entries that the test provokes
	requests int
}

func chromium(t testing.TB) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no Chromium was found, and with CI=true that is a failure")
	}
	t.Skip("no Chromium was found; install the package chromium to run this test")
	return ""
}

// fonts lets pictures look the same everywhere: the system's font is Inter there, where it is installed.
func fonts(t testing.TB) string {
	file := filepath.Join(t.TempDir(), "fonts.conf")
	const conf = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include>
<match target="pattern"><test name="family"><string>sans</string></test><edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>
<match target="pattern"><test name="family"><string>sans-serif</string></test><edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>
<match target="pattern"><test name="family"><string>system-ui</string></test><edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>
<match target="pattern"><test name="family"><string>monospace</string></test><edit name="family" mode="prepend" binding="strong"><string>JetBrains Mono</string></edit></match></fontconfig>`
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func openBrowser(t testing.TB, origin string) *browser {
	t.Helper()
	b := &browser{t: t}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Env("FONTCONFIG_FILE="+fonts(t)), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	parent, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	allocator, cancel := chromedp.NewExecAllocator(parent, options...)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // the browser of a failed test may be gone already
		end()
		cancel()
		stop()
	})
	b.ctx = ctx
	err := chromedp.Listen(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := ev.(type) {
		case *network.EventRequestWillBeSent:
			b.requests++
			if u := e.Request.URL; !strings.HasPrefix(u, origin+"/") && !strings.HasPrefix(u, "data:") {
				t.Errorf("the page asked for %s, which is not ours", u)
			}
		case *cdplog.EventEntryAdded:
			for _, part := range b.expected {
				if strings.Contains(e.Entry.Text+e.Entry.URL, part) {
					return
				}
			}
			t.Errorf("the browser reports: %s (%s)", e.Entry.Text, e.Entry.URL)
		case *runtime.EventExceptionThrown:
			what := e.ExceptionDetails.Text
			if e.ExceptionDetails.Exception != nil {
				what += " " + e.ExceptionDetails.Exception.Description
			}
			t.Errorf("the script failed: %s (%s:%d)", what, e.ExceptionDetails.URL, e.ExceptionDetails.LineNumber+1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.call(func() error { _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); return err })
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		b.call(func() error {
			_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
				Permission: &cdpbrowser.PermissionDescriptor{Name: name}, Setting: cdpbrowser.PermissionSettingGranted, Origin: origin})
			return err
		})
	}
	b.size(1360, 900, 1)
	return b
}

func (b *browser) call(f func() error) {
	b.t.Helper()
	if err := f(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.call(func() error { return chromedp.Do(b.ctx, steps...) })
}

func (b *browser) size(width, height int64, scale float64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
}

func (b *browser) scheme(value string) {
	b.t.Helper()
	b.call(func() error {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	})
}

// eval runs an expression in the page.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// wait polls until an expression is true.
func (b *browser) wait(expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(15*time.Second), chromedp.WithPollingInterval(50*time.Millisecond)))
	if err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		b.t.Fatalf("waited in vain for %s: %v; the page says:\n%s", expression, err, text)
	}
}

func (b *browser) keys(text string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(text))
}

// press sends one key as a keyboard does: what the page prevents is not typed.
func (b *browser) press(key string) {
	b.t.Helper()
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
		params := input.DispatchKeyEventParams{Type: kind, Key: key}
		if kind == input.DispatchKeyEventTypeKeyDown {
			params.Text = key
		}
		b.call(func() error { _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, params); return err })
	}
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.wait(`document.querySelector(` + quote(selector) + `) !== null`)
	eval[bool](b, `(document.querySelector(`+quote(selector)+`).click(), true)`)
}

func quote(s string) string { return "`" + s + "`" }

// picture saves what the tab shows, where LOCALROUTER_PICTURES names a folder.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("LOCALROUTER_PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

const drawn = `(() => { const c = document.querySelector("#graph canvas"); if (!c) return false;
	const copy = new OffscreenCanvas(c.width, c.height).getContext("2d", { willReadFrequently: true }); copy.drawImage(c, 0, 0);
	const p = copy.getImageData(0, 0, c.width, c.height).data; let n = 0;
	for (let i = 3; i < p.length; i += 4) if (p[i] > 0) n++; return n > 2000; })()`

func (p *preview) open(t *testing.T) *browser {
	t.Helper()
	b := openBrowser(t, p.server.URL)
	b.scheme("light")
	url, err := p.LoginURL()
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(url))
	b.wait(`document.body.dataset.state === "open"`)
	b.wait(drawn)
	return b
}

func TestOverviewInABrowser(t *testing.T) {
	p := newPreview(t)
	p.fill(t)
	b := p.open(t)

	if path := eval[string](b, `location.pathname + location.hash`); path != "/" {
		t.Errorf("after the login the address is %q; the code must be gone from it", path)
	}
	ground := func() string { return eval[string](b, `getComputedStyle(document.body).backgroundColor`) }
	light := ground()
	b.picture("overview-light")
	b.scheme("dark")
	b.wait(`getComputedStyle(document.body).backgroundColor !== ` + quote(light))
	b.wait(drawn)
	b.picture("overview-dark")
	b.click("#theme") // from "as the system" to light
	b.wait(`getComputedStyle(document.body).backgroundColor === ` + quote(light))
	b.click("#theme")
	b.click("#theme")
	b.wait(`localStorage.getItem("theme") === null`)

	// The figures move by themselves, and only where they changed.
	figure := `document.querySelector('[data-metric="requests"] .figure').textContent`
	before := eval[string](b, figure)
	eval[bool](b, `(window.marked = document.querySelector('[data-metric="requests"]'), true)`)
	p.record(&db.Entry{Start: noon, KeyID: p.keys["zed"].ID, Key: "zed", Provider: "openai", Model: "gpt-5", Op: llm.Chat, Status: 200,
		Usage: llm.Usage{Input: 10, Output: 10}, Latency: time.Second, CostSource: llm.CostUnknown})
	b.wait(figure + ` !== ` + quote(before))
	if !eval[bool](b, `window.marked === document.querySelector('[data-metric="requests"]')`) {
		t.Error("a live update replaced a tile instead of changing its figure")
	}

	for _, metric := range []string{"tokens", "cost", "success", "latency", "speed"} {
		b.click(`[data-metric="` + metric + `"]`)
		b.wait(`document.getElementById("graph-title").textContent === document.querySelector('[data-metric="` + metric + `"] .label').textContent`)
		b.wait(drawn)
		b.picture("graph-" + metric)
	}
	if rows := eval[int](b, `document.querySelectorAll("#graph-table tr").length`); rows != 60 {
		t.Errorf("the table behind the graph has %d rows, want 60 minutes", rows)
	}
	b.do(chromedp.MouseEvent("mouseMoved", 700, 330))
	b.wait(`!document.getElementById("tip").hidden`)
	b.picture("overview-tip")

	b.click(`[data-act="stop-run"][data-id="run-2"]`)
	b.wait(`document.querySelector('[data-id="run-2"]') === null`)
	b.click(`[data-act="gateway"]`)
	b.wait(`document.querySelector("#f-status strong").textContent === "Stopped"`)
	p.gateway.set("exposed", "")
	b.wait(`document.getElementById("f-banners").textContent.includes("Other machines")`)
	b.picture("overview-exposed")
}

func TestKeysInABrowser(t *testing.T) {
	p := newPreview(t)
	p.fill(t)
	b := p.open(t)

	b.press("g")
	b.press("k")
	b.wait(`location.pathname === "/keys" && document.querySelectorAll(".key-table tbody tr").length === 6`)
	b.picture("keys-light")
	b.press("/")
	b.wait(`document.activeElement.id === "search"`)
	b.keys("claude")
	b.wait(`document.querySelectorAll(".key-table tbody tr:not([hidden])").length === 1`)
	b.keys("x")
	b.wait(`!document.getElementById("no-match").hidden`)
	b.keys("\x1b")
	b.wait(`document.getElementById("no-match").hidden && document.activeElement.id !== "search"`)
	b.click(`th[data-sort="requests"] button`)
	b.wait(`document.querySelector(".key-table tbody tr").dataset.name === "claude-code" && location.search === "?sort=requests-down"`)
	b.press("j")
	b.wait(`document.activeElement.closest("tr")?.dataset.name === "claude-code"`)

	b.mu.Lock()
	b.expected = []string{"/content/keys"} // the browser logs the 409 of a name that is taken
	b.mu.Unlock()
	b.click(`.head [data-act="new-key"]`)
	b.keys("claude-code\r")
	b.wait(`document.getElementById("new-key-says").textContent.includes("claude-code")`)
	eval[bool](b, `(document.getElementById("new-key-name").value = "my-app-2", true)`)
	b.click(`#new-key [type="submit"]`)
	b.wait(`document.querySelector(".secret") !== null`)
	b.picture("keys-secret")
	secret := eval[string](b, `document.getElementById("secret-value").value`)
	if _, err := p.o.Keys.ByToken(secret); err != nil {
		t.Errorf("the shown key is refused: %v", err)
	}
	b.click("#secret-copy")
	b.wait(`document.getElementById("toasts").textContent.includes("Key copied")`)
	if got := eval[string](b, `navigator.clipboard.readText()`); got != secret {
		t.Errorf("the clipboard holds %q, want the key", got)
	}
	b.click("#tab-python")
	b.wait(`document.getElementById("snippet-python").textContent.includes(` + quote(secret) + `) && !document.getElementById("snippet-python").hidden`)
	b.scheme("dark")
	b.picture("keys-secret-dark")
	b.scheme("light")
	b.size(390, 844, 1)
	if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
		t.Error("at 390 px the page with a new secret is wider than the window")
	}
	b.picture("keys-secret-390")
	b.size(1360, 900, 1)
	b.click(`[data-act="secret-close"]`)
	if eval[bool](b, `document.documentElement.outerHTML.includes(`+quote(secret)+`)`) {
		t.Error("the key is still in the page after its panel was closed")
	}

	row := `[data-key="` + p.keys["zed"].ID + `"] `
	b.click(row + `[data-act="key-rename"]`)
	b.keys("editor\r")
	b.wait(`document.querySelector('` + row + `.key-name')?.textContent === "editor"`)
	b.click(row + `[data-act="key-switch"]`)
	b.wait(`document.querySelector('` + row + `.switch').getAttribute("aria-checked") === "false"`)
	if _, err := p.o.Keys.ByToken(p.tokens["zed"]); err == nil {
		t.Error("a key that was switched off still opens the gateway")
	}
	b.click(row + `[data-act="key-regenerate"]`)
	b.wait(`document.getElementById("ask").open && document.activeElement.id === "ask-no"`)
	b.click("#ask-yes")
	b.wait(`document.getElementById("secret-value") !== null`)
	b.wait(`document.getElementById("secret-title").textContent === "editor is still off"`)

	b.click(`[data-key="` + p.keys["ci-bot"].ID + `"] [data-act="key-delete"]`)
	b.wait(`document.getElementById("ask-title").textContent === "Delete ci-bot?"`)
	b.picture("keys-delete")
	b.keys("\x1b")
	b.wait(`!document.getElementById("ask").open`)
	if p.o.Keys.Get(p.keys["ci-bot"].ID) == nil {
		t.Fatal("Esc deleted a key")
	}
	again := eval[bool](b, `(async () => { const del = document.querySelector('[data-key="`+p.keys["ci-bot"].ID+`"] [data-act="key-delete"]');
		del.click(); document.getElementById("ask-no").click(); for (let i = 0; i < 20; i++) await null;
		del.click(); return document.getElementById("ask").open })()`)
	if !again {
		t.Error("a button whose question was just answered is deaf to the next click")
	}
	b.click("#ask-yes")
	b.wait(`document.querySelector('[data-key="` + p.keys["ci-bot"].ID + `"]') === null`)

	b.press("?")
	b.wait(`document.getElementById("help").open`)
	b.picture("help")
}

func TestNarrowAndWideScreens(t *testing.T) {
	p := newPreview(t)
	p.fill(t)
	b := p.open(t)
	for _, path := range []string{"/", "/keys"} {
		name := map[string]string{"/": "overview", "/keys": "keys"}[path]
		b.do(chromedp.Navigate(p.server.URL + path))
		b.wait(`document.body.dataset.state === "open"`)
		for _, s := range []struct {
			name          string
			width, height int64
		}{{"360", 360, 780}, {"390", 390, 844}, {"768", 768, 1024}, {"1024", 1024, 768}, {"1360", 1360, 900}, {"2560", 2560, 1440}} {
			b.size(s.width, s.height, 1)
			if path == "/" {
				b.wait(drawn)
			}
			if over := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s at %d px is %d px too wide", name, s.width, over)
			}
			b.picture(name + "-" + s.name)
		}
		b.size(390, 844, 1)
		b.scheme("dark")
		b.picture(name + "-390-dark")
		if path == "/" {
			b.click("#menu")
			b.wait(`getComputedStyle(document.getElementById("status-card")).display !== "none"`)
			b.picture("menu-390")
			eval[bool](b, `(scrollTo(0, 760), true)`)
		}
		b.picture(name + "-390-lower")
		b.scheme("light")
	}
}

func TestEmptyAndTroubledPages(t *testing.T) {
	p := newPreview(t)
	b := openBrowser(t, p.server.URL)
	b.scheme("dark")
	b.do(chromedp.Navigate(p.server.URL + "/keys"))
	b.wait(`document.body.dataset.state === "signed-out" && document.body.innerText.includes("localrouter dashboard")`)
	b.picture("signed-out")

	url, err := p.LoginURL()
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(url))
	b.wait(`document.body.dataset.state === "open" && document.body.innerText.includes("No requests since the start")`)
	b.wait(`document.querySelector("#f-status strong")?.textContent === "Running"`)
	b.wait(`document.querySelector("#graph canvas") !== null`)
	b.picture("overview-empty")
	b.do(chromedp.Navigate(p.server.URL + "/keys"))
	b.wait(`document.body.innerText.includes("No keys yet")`)
	b.picture("keys-empty")

	b.mu.Lock()
	b.expected = []string{"/live/", "/content/", "/login"} // the browser logs each 401 and 403
	b.mu.Unlock()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(url)) // the code was used; the session still stands
	b.wait(`document.body.dataset.state === "open"`)
	p.gateway.set("error", "port 3636 is held by lms, pid 4121")
	b.wait(`document.getElementById("f-banners").textContent.includes("held by lms, pid 4121")`)
	b.picture("overview-error")
	for _, state := range []dashboard.State{{Status: "starting", Detail: "waiting for port 3636"}, {Status: "degraded", Detail: "1 of 5 providers down"}} {
		p.gateway.set(state.Status, state.Detail)
		b.wait(`document.getElementById("f-status").textContent.includes(` + quote(state.Detail) + `)`)
		b.picture("status-" + state.Status)
	}
	res, body := p.ask(t, "POST", "/do/logout-everywhere", "{}", bearerOf(eval[string](b, `localStorage.getItem("session")`)))
	if res.StatusCode != 204 {
		t.Fatalf("status %d: %s", res.StatusCode, body)
	}
	b.wait(`document.body.dataset.state === "signed-out" && localStorage.getItem("session") === null`)
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(url))
	b.wait(`document.body.innerText.includes("used already")`)
}
