package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"localrouter/db/secret"
)

const (
	keepCopies = 3
	copyPrefix = "localrouter-"
	copyTime   = "20060102T150405.000Z"
	copyLayout = copyPrefix + copyTime + ".db"
)

// alwaysCheck is the size up to which the file is checked at every start. A bigger one is checked unless the last
// program to have it closed it in order and nobody wrote to it since.
const alwaysCheck = 16 << 20

// Copy makes a verified copy of the database, unless nothing was written since the last one: it is written beside its
// final name, read back and checked, and only then counts. The newest three are kept.
func (s *Store) Copy(ctx context.Context) error {
	s.copying.Lock()
	defer s.copying.Unlock()
	if s.isClosed() {
		return ErrClosed
	}
	if s.damaged.Load() {
		return ErrDamaged // the good copies must not rotate away
	}
	var wrote int
	err := s.view(func(tx *bbolt.Tx) error { wrote = tx.ID(); return nil })
	if err != nil || wrote == s.lastTx {
		return err
	}
	if err := s.copyTo(ctx, s.now().UTC().Format(copyLayout)); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	s.lastTx = wrote
	return s.rotate()
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// copyTo makes a verified copy of that name.
func (s *Store) copyTo(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.copies, ".copy-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already if all went well
	defer f.Close()
	err = s.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(stopping{ctx, f})
		return err
	})
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = s.verify(f.Name())
	}
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(s.copies, name)); err != nil {
		return err
	}
	return syncDir(s.copies)
}

// stopping ends a copy early when the program is about to end.
type stopping struct {
	ctx context.Context
	w   io.Writer
}

func (s stopping) Write(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.w.Write(b)
}

// verify checks a copy and lets bbolt open it: what counts is that it can be used.
func (s *Store) verify(path string) error {
	found, err := checkFile(path)
	if err != nil {
		return err
	}
	if found.schema > schema {
		return ErrNewer
	}
	return guard(s.log, func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: lockWait})
		if err != nil {
			return err
		}
		defer db.Close()
		return db.View(func(tx *bbolt.Tx) error {
			if tx.Bucket(bucketKeys) == nil {
				return damaged("no bucket of keys")
			}
			return nil
		})
	})
}

// copyNames returns the copies' paths, newest first.
func (s *Store) copyNames() []string {
	entries, _ := os.ReadDir(s.copies)
	var names []string
	for _, e := range entries {
		if _, ok := copyMade(e.Name()); ok && e.Type().IsRegular() {
			names = append(names, filepath.Join(s.copies, e.Name()))
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names
}

func copyMade(path string) (time.Time, bool) {
	t, err := time.Parse(copyLayout, filepath.Base(path))
	return t, err == nil
}

func (s *Store) rotate() error {
	names := s.copyNames()
	for _, old := range names[min(keepCopies, len(names)):] {
		if err := os.Remove(old); err != nil {
			return fmt.Errorf("remove an old copy of the database: %w", err)
		}
	}
	return nil
}

// restore sets the damaged file aside and puts the newest copy that verifies in its place, or nothing if there is none.
// The old file keeps its bytes under a second name until the new one stands, so a crash in between loses neither.
func (s *Store) restore(damage error) error {
	aside := fmt.Sprintf("%s.corrupt-%s", s.path, s.now().UTC().Format(copyTime))
	for i := 2; exists(aside); i++ {
		aside = fmt.Sprintf("%s.corrupt-%s-%d", s.path, s.now().UTC().Format(copyTime), i)
	}
	why := strings.TrimPrefix(damage.Error(), ErrDamaged.Error()+": ")
	for _, name := range s.copyNames() {
		if err := s.verify(name); err != nil {
			s.log.Warn("database: a copy cannot be used", "copy", filepath.Base(name), "error", err)
			continue
		}
		if err := s.replace(name, aside); err != nil {
			return fmt.Errorf("restore the database from %s: %w; free some space or check the folder's rights, then start again", filepath.Base(name), err)
		}
		made, _ := copyMade(name)
		s.restored = true
		s.notice(fmt.Sprintf("The database was damaged (%s). It was set aside as %s and the copy of %s put in its place. Keys are as they were then: look at the Keys page for keys made or deleted since.",
			why, filepath.Base(aside), made.Local().Format("2006-01-02 15:04:05")))
		return nil
	}
	if err := os.Rename(s.path, aside); err != nil {
		return fmt.Errorf("set the damaged database aside: %w", err)
	}
	s.restored = true
	s.notice(fmt.Sprintf("The database was damaged (%s) and there is no copy that can be read. It was set aside as %s and an empty one made: make new keys on the Keys page and enter the providers' keys again.",
		why, filepath.Base(aside)))
	return syncDir(filepath.Dir(s.path))
}

// replace puts a copy of the file named from at the store's path; what was there is then named aside.
func (s *Store) replace(from, aside string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	dir := filepath.Dir(s.path)
	out, err := os.CreateTemp(dir, ".restore-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if errClose := out.Close(); err == nil {
		err = errClose
	}
	if err != nil {
		return err
	}
	if err := os.Link(s.path, aside); err != nil { // a file system without links: the small gap cannot be helped
		if err := os.Rename(s.path, aside); err != nil {
			return err
		}
	}
	if err := os.Rename(out.Name(), s.path); err != nil {
		return err
	}
	return syncDir(dir)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// noticeMissing tells a person who lost the file, rather than removed it, that it can come back.
func (s *Store) noticeMissing() {
	if names := s.copyNames(); len(names) > 0 {
		s.notice(fmt.Sprintf("The database %s was not there, so an empty one was made. A copy exists: to take it, quit LocalRouter and copy %s to that place.", s.path, names[0]))
	}
}

// mark is left beside the file when it was closed in order. If it still fits the file, nobody wrote to it since.
type mark struct {
	Schema int   `json:"schema"`
	Size   int64 `json:"size"`
	Mod    int64 `json:"mod"`
}

func markPath(path string) string { return path + ".clean" }

func (m mark) fits(info fs.FileInfo) bool {
	return m.Size == info.Size() && m.Mod == info.ModTime().UnixNano()
}

func readMark(path string) (m mark, ok bool) {
	b, err := os.ReadFile(markPath(path))
	return m, err == nil && json.Unmarshal(b, &m) == nil
}

func writeMark(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed under us: nothing to vouch for
	}
	if err != nil {
		return err
	}
	b, err := json.Marshal(mark{Schema: schema, Size: info.Size(), Mod: info.ModTime().UnixNano()})
	if err != nil {
		return err
	}
	return secret.WriteFile(markPath(path), b)
}

func removeMark(path string) { os.Remove(markPath(path)) }
