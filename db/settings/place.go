package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Paths says where everything is that outlives the program. All are absolute.
type Paths struct {
	// Home is the one folder that holds everything, or empty where the system's own places are used.
	Home string

	Settings   string // settings.yaml
	DB         string // localrouter.db
	Copies     string // folder of the verified copies of the database
	Logs       string // folder of the access log
	KeyFile    string // master.key, in a folder that is not copied with the data
	Runtime    string // runtime.json: the running program's ports
	AdminToken string // admin.token: the command line's way in
}

// Locate finds the places. home comes from --home; empty means LOCALROUTER_HOME, and without that the places of the
// operating system: XDG folders, Application Support, AppData.
func Locate(home string, getenv func(string) string) (Paths, error) {
	if home == "" {
		home = getenv("LOCALROUTER_HOME")
	}
	if home == "" {
		return systemPlaces(runtime.GOOS, getenv)
	}
	abs, err := filepath.Abs(home)
	if err != nil {
		return Paths{}, fmt.Errorf("find the home folder %s: %w", home, err)
	}
	p := under(abs, abs, abs, abs, abs)
	p.Home = abs
	return p, nil
}

func under(config, data, logs, secrets, run string) Paths {
	return Paths{
		Settings:   filepath.Join(config, "settings.yaml"),
		DB:         filepath.Join(data, "data", "localrouter.db"),
		Copies:     filepath.Join(data, "data", "copies"),
		Logs:       filepath.Join(logs, "logs"),
		KeyFile:    filepath.Join(secrets, "secrets", "master.key"),
		Runtime:    filepath.Join(run, "run", "runtime.json"),
		AdminToken: filepath.Join(run, "run", "admin.token"),
	}
}

func systemPlaces(goos string, getenv func(string) string) (Paths, error) {
	if goos == "windows" {
		roaming, local := getenv("APPDATA"), getenv("LOCALAPPDATA")
		if roaming == "" || local == "" {
			return Paths{}, errors.New("APPDATA or LOCALAPPDATA is not set; set LOCALROUTER_HOME to a folder")
		}
		local = filepath.Join(local, "LocalRouter")
		return under(filepath.Join(roaming, "LocalRouter"), local, local, local, local), nil
	}
	user := getenv("HOME")
	if !filepath.IsAbs(user) {
		return Paths{}, errors.New("HOME is not set; set it, or set LOCALROUTER_HOME to a folder")
	}
	if goos == "darwin" {
		support := filepath.Join(user, "Library", "Application Support", "LocalRouter")
		return under(support, support, support, support, support), nil
	}
	// The XDG specification: a relative path is to be ignored.
	xdg := func(name, fallback string) string {
		if dir := getenv(name); filepath.IsAbs(dir) {
			return filepath.Join(dir, "localrouter")
		}
		return filepath.Join(user, fallback, "localrouter")
	}
	state := xdg("XDG_STATE_HOME", ".local/state")
	run := state
	if filepath.IsAbs(getenv("XDG_RUNTIME_DIR")) {
		run = xdg("XDG_RUNTIME_DIR", "")
	}
	return under(xdg("XDG_CONFIG_HOME", ".config"), xdg("XDG_DATA_HOME", ".local/share"), state, state, run), nil
}

// Make creates the folders, each for its owner only, and repairs the mode of those that exist. Symbolic links, folders
// of another user and folders shared with others are refused.
func (p Paths) Make() error {
	dirs := []string{filepath.Dir(p.Settings), filepath.Dir(p.DB), p.Copies, p.Logs, filepath.Dir(p.KeyFile), filepath.Dir(p.Runtime)}
	if p.Home == "" {
		// data, logs, secrets and run stand inside a folder of ours.
		for _, dir := range dirs[1:] {
			if parent := filepath.Dir(dir); strings.EqualFold(filepath.Base(parent), "localrouter") {
				dirs = append(dirs, parent)
			}
		}
	}
	// Parents before children, so that no child is made inside a folder that is refused.
	for _, dir := range sortedByLength(dirs) {
		if err := makeFolder(dir); err != nil {
			return err
		}
	}
	return nil
}

func sortedByLength(dirs []string) []string {
	out := append([]string(nil), dirs...)
	for i := range out {
		for j := i; j > 0 && len(out[j]) < len(out[j-1]); j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

func makeFolder(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the folder %s: %w; name another with --home or LOCALROUTER_HOME", dir, err)
		}
		info, err = os.Lstat(dir)
	}
	if err != nil {
		return fmt.Errorf("look at the folder %s: %w; name another with --home or LOCALROUTER_HOME", dir, err)
	}
	const other = "; name another folder with --home or LOCALROUTER_HOME"
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link, which is refused"+other, dir)
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder"+other, dir)
	case !ownedByUser(info):
		return fmt.Errorf("%s belongs to another user"+other, dir)
	case runtime.GOOS == "windows":
		return nil
	case info.Mode()&fs.ModeSticky != 0 || info.Mode().Perm()&0o002 != 0:
		// /tmp and its like: closing it would lock others out, leaving it open would let them in.
		return fmt.Errorf("%s can be written by every user"+other, dir)
	}
	if user, err := os.UserHomeDir(); err == nil && filepath.Clean(user) == filepath.Clean(dir) || dir == filepath.Dir(dir) {
		return fmt.Errorf("%s is not a folder for one program"+other, dir)
	}
	if info.Mode().Perm() != 0o700 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("close the folder %s to others: %w"+other, dir, err)
		}
	}
	return nil
}
