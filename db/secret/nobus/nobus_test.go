//go:build linux

package nobus_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	_ "github.com/99designs/keyring" // what asks for a bus when it is imported

	"localrouter/db/secret/nobus"
)

const inside = "LOCALROUTER_TEST_NOBUS"

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		nobus.Restore()
		if v, ok := os.LookupEnv("DBUS_SESSION_BUS_ADDRESS"); ok {
			os.Stdout.WriteString(v)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestImportingTheKeyringStartsNoBus runs a program that imports the library where a bus could be started.
func TestImportingTheKeyringStartsNoBus(t *testing.T) {
	dir := t.TempDir()
	called := filepath.Join(dir, "called")
	script := "#!/bin/sh\n: > '" + called + "'\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "dbus-launch"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	run := func(env ...string) string {
		t.Helper()
		c := exec.Command(os.Args[0])
		c.Env = append([]string{inside + "=1", "PATH=" + dir + ":/usr/bin:/bin"}, env...)
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if left := run(); left != "" {
		t.Errorf("programs started from here would see the bus address %q", left)
	}
	if _, err := os.Stat(called); !errors.Is(err, fs.ErrNotExist) {
		t.Error("importing the keyring library started dbus-launch")
	}
	const own = "unix:path=/nowhere/bus"
	if left := run("DBUS_SESSION_BUS_ADDRESS=" + own); left != own {
		t.Errorf("the session's own bus address became %q", left)
	}
}
