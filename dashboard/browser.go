package dashboard

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/pkg/browser"
)

// browserWait is how long a failure to open a browser is waited for. Some systems keep the starter running as long as
// the browser, so silence means that it was opened.
const browserWait = 500 * time.Millisecond

// silence keeps the output of browsers out of ours.
var silence = sync.OnceFunc(func() { browser.Stdout, browser.Stderr = io.Discard, io.Discard })

// OpenInBrowser shows url in the person's default browser. The error says why that cannot be; the address itself should
// be shown then. It waits half a second at most.
func OpenInBrowser(url string) error {
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" && !onWSL() {
		return errors.New("there is no desktop session here")
	}
	silence()
	done := make(chan error, 1)
	go func() { done <- open(url) }()
	t := time.NewTimer(browserWait)
	defer t.Stop()
	select {
	case err := <-done:
		if err != nil {
			return errors.New("no browser could be started: " + err.Error())
		}
	case <-t.C:
	}
	return nil
}

// open tries Windows' browser first where Linux runs inside Windows: there is seldom one of its own.
func open(url string) error {
	if runtime.GOOS == "linux" && onWSL() {
		if exec.Command("wslview", url).Run() == nil || exec.Command("cmd.exe", "/c", "start", url).Run() == nil {
			return nil
		}
	}
	return browser.OpenURL(url)
}

// onWSL reports whether this Linux runs inside Windows. Its kernel says so.
func onWSL() bool {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	return err == nil && strings.Contains(strings.ToLower(string(release)), "microsoft")
}
