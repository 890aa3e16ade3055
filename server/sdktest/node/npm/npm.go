// Package npm installs pinned npm packages for a test into a folder of the person's cache, once for each lock file. It
// knows npm only as a program on the path and the registry only as npm is set up on the machine.
package npm

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pinned are the files that say what is installed, and how.
var pinned = []string{"package.json", "package-lock.json", ".npmrc"}

// Need returns a folder with the node_modules of the lock file in dir, installing them the first time. Where that cannot
// be done the test is skipped with a line that says why; where CI=true it fails instead.
func Need(tb testing.TB, dir string) string {
	tb.Helper()
	at, err := Install(tb.Logf, dir)
	switch {
	case err == nil:
		return at
	case os.Getenv("CI") == "true":
		tb.Fatalf("%v; with CI=true that is a failure", err)
	default:
		tb.Skipf("not run: %v", err)
	}
	return ""
}

// Install is Need without a test; say is told of an installation and its time.
func Install(say func(format string, args ...any), dir string) (string, error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%s is missing; install Node 20 or later with npm", tool)
		}
	}
	target, err := place(dir)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	started := time.Now()
	if err := install(dir, target); err != nil {
		return "", err
	}
	say("npm ci of %s took %v; it is kept in %s", filepath.Base(dir), time.Since(started).Round(100*time.Millisecond), target)
	return target, nil
}

// place is the folder that the lock file in dir has on this kind of machine.
func place(dir string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.GOOS, runtime.GOARCH)
	for _, name := range pinned {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, name, len(content))
		sum.Write(content)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder to install npm packages into: %w", err)
	}
	return filepath.Join(cache, "localrouter-sdktest", fmt.Sprintf("%s-%x", filepath.Base(dir), sum.Sum(nil)[:8])), nil
}

// install runs npm in a folder beside target and renames it, so that target is never half an installation. The packages'
// own install scripts do not run.
func install(dir, target string) error {
	home := filepath.Dir(target)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	unready, err := os.MkdirTemp(home, "unready-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(unready)
	for _, name := range pinned {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(unready, name), content, 0o600); err != nil {
			return err
		}
	}
	ci := exec.Command("npm", "ci", "--ignore-scripts", "--no-progress")
	ci.Dir = unready
	if out, err := ci.CombinedOutput(); err != nil {
		return fmt.Errorf("npm could not install what %s locks (does it reach its registry?): %w\n%s", filepath.Join(dir, "package-lock.json"), err, complaint(out))
	}
	if err := os.Rename(unready, target); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, there := os.Stat(target); there != nil { // else another test was faster
			return err
		}
	}
	forget(target)
	return nil
}

// complaint is the start of what npm said went wrong; after it npm explains all its options.
func complaint(out []byte) string {
	var said []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "npm error") && len(said) < 12 {
			said = append(said, line)
		}
	}
	return strings.Join(said, "")
}

// forget removes what older lock files of the same name left, and what an installation left that was killed: agents are
// hundreds of megabytes.
func forget(target string) {
	unready, _ := filepath.Glob(filepath.Join(filepath.Dir(target), "unready-*"))
	for _, u := range unready {
		if info, err := os.Stat(u); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(u)
		}
	}
	name := filepath.Base(target)
	name = name[:strings.LastIndexByte(name, '-')]
	older, _ := filepath.Glob(filepath.Join(filepath.Dir(target), name+"-*"))
	for _, o := range older {
		if o != target {
			os.RemoveAll(o)
		}
	}
}
