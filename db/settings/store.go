package settings

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

//go:embed default.yaml
var defaultFile string

// StoreOptions are the wishes of whoever opens a Store.
type StoreOptions struct {
	// Log gets what happens to the file. Nil: nothing is logged.
	Log *slog.Logger
	// Now is the clock. Nil: the system's.
	Now func() time.Time
}

// How long a file must be quiet before a change to it counts as finished. A file that does not end with a line end is
// likely half-written, and gets longer.
const (
	quiet     = 150 * time.Millisecond
	longQuiet = time.Second
)

// Store is the settings file in use. All methods may be called from any goroutine.
type Store struct {
	path string
	log  *slog.Logger
	now  func() time.Time
	disk disk
	rest time.Duration // how long the file must be quiet

	current atomic.Pointer[Settings]
	problem atomic.Pointer[error]
	first   bool
	news    *bulletin
	closing chan struct{}
	once    sync.Once

	mu   sync.Mutex // guards the file on disk and the two below
	seen *string    // the file's bytes when last looked at, good or not; nil: there was none
	good string     // the bytes that current was read from, or what they would be
}

// OpenStore opens the settings file at path, and writes the annotated one where there is none. A file that cannot be
// used is left as it is: the last good copy serves, and Problem tells what is wrong. Only a file of a newer format
// (ErrNewer), and a folder that cannot be used, are errors.
func OpenStore(path string, o StoreOptions) (*Store, error) {
	s := &Store{path: path, log: o.Log, now: o.Now, disk: osDisk(), rest: quiet, closing: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sweepTemps(path, s.now())
	if err := s.openLocked(); err != nil {
		return nil, err
	}
	s.news = newBulletin()
	return s, nil
}

func (s *Store) openLocked() error {
	raw, err := readOwn(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.disk.write(s.path, []byte(defaultFile), nil); err != nil {
			return fmt.Errorf("make the settings file: %w; make the folder writable or name another with --home", err)
		}
		s.first, raw, err = true, defaultFile, nil
	}
	if err != nil {
		s.fallBackLocked(err)
		return nil
	}
	s.seen = &raw
	next, err := s.readLocked(raw)
	switch {
	case errors.Is(err, ErrNewer):
		return err
	case err != nil:
		s.fallBackLocked(err)
	default:
		s.current.Store(next)
		s.keepLocked()
	}
	if info, err := os.Lstat(s.path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(s.path, 0o600); err != nil {
			s.log.Warn("the settings file is open to others and could not be closed", "error", err)
		}
	}
	return nil
}

// fallBackLocked serves the last good copy because of err.
func (s *Store) fallBackLocked(err error) {
	used := "the last good copy is in use"
	var last *Settings
	raw, berr := readOwn(s.backup())
	if berr == nil {
		var errs Errors
		if last, errs = parse(raw); errs != nil {
			last = nil
		}
	}
	if last == nil {
		d := Default()
		last, raw, used = &d, defaultFile, "there is no good copy, so the defaults are in use"
	}
	s.good = raw
	s.current.Store(last)
	s.setProblem(fmt.Errorf("the settings file cannot be used, %s: %w", used, err))
}

// readLocked reads the bytes of a file, brings them to this format and checks them. A migrated file is saved, after a
// backup of the old one.
func (s *Store) readLocked(raw string) (*Settings, error) {
	name := filepath.Base(s.path)
	text, from, err := migrate(name, raw)
	if err != nil {
		return nil, err
	}
	next, errs := parse(text)
	if errs != nil {
		return nil, errs.named(name)
	}
	if from != Version {
		if err := s.saveMigratedLocked(raw, text, from); err != nil {
			return nil, err
		}
	}
	s.good = text
	return next, nil
}

func (s *Store) saveMigratedLocked(raw, text string, from int) error {
	aside := fmt.Sprintf("%s.v%d.bak", s.path, from)
	err := s.disk.write(aside, []byte(raw), nil)
	if err == nil {
		err = s.disk.write(s.path, []byte(text), func() error { return s.unchanged(&raw) })
	}
	if err != nil {
		return fmt.Errorf("the settings file could not be brought from format %d to %d: %w; nothing was changed", from, Version, err)
	}
	s.seen = &text
	s.log.Info("the settings file was brought to the new format", "from", from, "to", Version, "backup", filepath.Base(aside))
	return nil
}

// Get returns the settings in use. They are shared: nobody changes them.
func (s *Store) Get() *Settings { return s.current.Load() }

// Problem tells why the file on disk is not what is in use, with line and column; nil while it is.
func (s *Store) Problem() error {
	if p := s.problem.Load(); p != nil {
		return *p
	}
	return nil
}

func (s *Store) setProblem(err error) {
	was := s.Problem()
	if err == nil {
		s.problem.Store(nil)
		if was != nil {
			s.log.Info("the settings file can be used again")
		}
		return
	}
	s.problem.Store(&err)
	if was == nil || was.Error() != err.Error() {
		s.log.Error("the settings file cannot be used", "error", err)
	}
}

// FirstStart reports whether OpenStore made the file.
func (s *Store) FirstStart() bool { return s.first }

func (s *Store) backup() string { return s.path + ".bak" }

// keepLocked makes the bytes in use the last good copy. Without it the program still runs, so failing is only logged.
func (s *Store) keepLocked() {
	if was, err := readOwn(s.backup()); err == nil && was == s.good {
		return
	}
	if err := s.disk.write(s.backup(), []byte(s.good), nil); err != nil {
		s.log.Warn("the last good copy of the settings could not be kept", "error", err)
	}
}

var errGone = errors.New("the settings file is gone; the settings in use stay, and the next save writes it again")

// syncLocked looks at the file and takes over a valid change. The result is Problem's.
func (s *Store) syncLocked() error {
	raw, err := readOwn(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.seen = nil
		s.setProblem(errGone)
		return errGone
	}
	if err != nil {
		s.seen = nil
		err = fmt.Errorf("the settings file cannot be read, the settings in use stay: %w", err)
		s.setProblem(err)
		return err
	}
	if s.seen != nil && *s.seen == raw {
		return s.Problem()
	}
	s.seen = &raw
	next, err := s.readLocked(raw)
	if err != nil {
		err = fmt.Errorf("the settings file cannot be used, the settings in use stay: %w", err)
		s.setProblem(err)
		return err
	}
	s.setProblem(nil)
	s.keepLocked()
	s.publish(next)
	return nil
}

func (s *Store) publish(next *Settings) {
	if reflect.DeepEqual(s.Get(), next) {
		return
	}
	s.current.Store(next)
	s.news.add(next)
}

var errMoved = errors.New("the settings file is being edited elsewhere")

// Update changes the settings: edit gets a copy, which is checked and then saved with the person's comments and order
// kept. An edit by hand that was not seen yet is taken over first; where it is invalid nothing is saved. After an error
// nothing has changed, neither in memory nor on disk.
func (s *Store) Update(edit func(*Settings) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for range 5 {
		if err = s.settleLocked(); err != nil {
			return err
		}
		if err = s.updateLocked(edit); !errors.Is(err, errMoved) {
			return err
		}
	}
	return fmt.Errorf("the settings were not saved: %w; try again when that is finished", err)
}

// settleLocked takes over what is on disk. A file that has just changed is watched until it rests: the first half of a
// save may well be valid.
func (s *Store) settleLocked() error {
	before, _ := readOwn(s.path)
	for range 10 {
		if s.seen != nil && before == *s.seen {
			break
		}
		select {
		case <-time.After(s.rest):
		case <-s.closing:
		}
		after, _ := readOwn(s.path)
		if after == before {
			break
		}
		before = after
	}
	if err := s.syncLocked(); err != nil && !errors.Is(err, errGone) {
		return fmt.Errorf("the settings were not saved: %w; correct the file first, then save again", err)
	}
	return nil
}

func (s *Store) updateLocked(edit func(*Settings) error) error {
	was := s.Get()
	next := was.Clone()
	if err := edit(next); err != nil {
		return err
	}
	next = next.Clone() // edit may keep what it was given
	inherit(s.good, was, next)
	next.normalise()
	if err := next.Validate(); err != nil {
		return err
	}
	if reflect.DeepEqual(was, next) && s.seen != nil {
		return nil
	}
	text, err := rewrite(s.good, was, next)
	if err != nil {
		return err
	}
	if err := s.disk.write(s.path, []byte(text), func() error { return s.unchanged(s.seen) }); err != nil {
		return fmt.Errorf("the settings were not saved, the old ones stay: %w", err)
	}
	s.seen, s.good = &text, text
	s.setProblem(nil)
	s.keepLocked()
	s.publish(next)
	return nil
}

// unchanged is the last look before a rename: is the file still what was seen?
func (s *Store) unchanged(seen *string) error {
	raw, err := readOwn(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && seen == nil:
		return nil
	case err != nil || seen == nil || raw != *seen:
		return errMoved
	}
	return nil
}

// Subscribe calls fn after each applied change, in order, from one goroutine that is not the caller's. fn may call the
// Store. After cancel no new call begins.
func (s *Store) Subscribe(fn func(*Settings)) (cancel func()) { return s.news.subscribe(fn) }

// Close ends Watch and waits until the subscribers have heard everything. It must not be called from a subscriber.
func (s *Store) Close() error {
	s.once.Do(func() { close(s.closing) })
	s.news.close()
	return nil
}

// readOwn reads a file of this user's, bounded.
func readOwn(path string) (string, error) {
	if err := checkOwn(path); err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 2*maxFileBytes))
	return string(raw), err
}
