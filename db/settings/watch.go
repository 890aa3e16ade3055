package settings

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watch applies valid edits of the file within two seconds, until ctx ends or the Store is closed. It watches the
// folder, not the file: editors replace files. Where the system has no watches left it looks once a second instead.
func (s *Store) Watch(ctx context.Context) error {
	var events chan fsnotify.Event
	var faults chan error
	var tick <-chan time.Time
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer watcher.Close()
		err = watcher.Add(filepath.Dir(s.path))
	}
	if err != nil {
		s.log.Warn("the settings folder cannot be watched, so it is looked at every second", "error", err)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		tick = ticker.C
	} else {
		events, faults = watcher.Events, watcher.Errors
	}
	rest := time.NewTimer(0) // what happened before the watch began
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.closing:
			return nil
		case event, ok := <-events:
			if !ok {
				return nil
			}
			if filepath.Base(event.Name) == filepath.Base(s.path) {
				rest.Reset(s.rest)
			}
		case err, ok := <-faults:
			if !ok {
				return nil
			}
			// Events may be lost: look for ourselves.
			s.log.Warn("watching the settings folder", "error", err)
			rest.Reset(s.rest)
		case <-tick:
			s.look(rest)
		case <-rest.C:
			s.look(rest)
		}
	}
}

// look takes over what is on disk, unless it looks half-written and is young: then it looks again.
func (s *Store) look(rest *time.Timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, err := readOwn(s.path)
	if err == nil && (s.seen == nil || raw != *s.seen) && !strings.HasSuffix(raw, "\n") {
		if age := s.age(); age >= 0 && age < longQuiet {
			rest.Reset(longQuiet - age)
			return
		}
	}
	_ = s.syncLocked() // Problem has told and logged it
}

// age is the time since the file was last written; negative where the clocks disagree.
func (s *Store) age() time.Duration {
	info, err := os.Lstat(s.path)
	if err != nil {
		return -1
	}
	return s.now().Sub(info.ModTime())
}
