// Package nobus keeps the keyring library from starting a D-Bus session bus. That library asks for the bus when it is
// imported, and where there is none but dbus-launch is installed, asking starts a dbus-daemon that outlives the program.
//
// It works by its place in the order of initialisation, which the language fixes: of the packages whose imports are
// ready the first by path comes next. This one needs os alone, and the library needs net, which sorts behind it
// (https://go.dev/ref/spec#Package_initialization). So it must not import anything but os.
package nobus

import "os"

// dead is an address at which no bus answers; asking there fails at once and starts nothing.
const dead = "unix:path=/dev/null/no-session-bus"

const variable = "DBUS_SESSION_BUS_ADDRESS"

var set = hide()

// hide puts the dead address in place where the library would start a bus.
func hide() bool {
	if v := os.Getenv(variable); v != "" && v != "autolaunch:" {
		return false
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		for _, name := range []string{"/bus", "/dbus-session"} { // where the library looks first
			if _, err := os.Stat(dir + name); err == nil {
				return false
			}
		}
	}
	return os.Setenv(variable, dead) == nil
}

// Restore takes the dead address out of the environment again, for the programs this one starts. main calls it first.
func Restore() {
	if set {
		os.Unsetenv(variable)
	}
}
