// Package db knows what outlives the process: keys, sealed secrets, limit windows, what rests and the cells of the
// metrics, all in one bbolt file with verified copies beside it. It does not know HTTP, and the access log only by the
// recorder's Sink.
package db

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"localrouter/db/secret"
)

// schema is the version of what the buckets hold. A file with a higher one belongs to a newer program; one with a lower
// one is brought up to it at the start. 2: keys have limits, which a program that does not know them would not keep.
// 3: likewise what a key may reach, its selection and its budget. A bucket that an older program may lose or leave as it
// is needs no new number: prepare makes it where it is missing.
const schema = 3

// lockWait is how long a second instance waits before it says so: long enough for the first one's last flush.
const lockWait = 500 * time.Millisecond

// The buckets. Those in framed hold records with a checksum (see record.go); the cells have a form of their own.
var (
	bucketMeta    = []byte("meta")    // schema, install id
	bucketVault   = []byte("vault")   // the vault's header
	bucketKeys    = []byte("keys")    // id -> sealed key record
	bucketSecrets = []byte("secrets") // provider -> sealed credential
	bucketMinutes = []byte("m1")      // minute cells
	bucketHours   = []byte("h1")      // hour cells
	bucketState   = []byte("state")   // the recorder's: the log offset up to which the cells count
	bucketLimits  = []byte("limits")  // key id -> state of the windows of its limits
	bucketRests   = []byte("rests")   // which credentials and models rest; a program that does not know it leaves it alone

	buckets = [][]byte{bucketMeta, bucketVault, bucketKeys, bucketSecrets, bucketMinutes, bucketHours, bucketState, bucketLimits, bucketRests}
	framed  = map[string]bool{"meta": true, "vault": true, "keys": true, "secrets": true, "limits": true, "rests": true}
)

// What Open and the transactions can fail with; everything else is the system's own error, wrapped.
var (
	// ErrInUse: another process holds the file.
	ErrInUse = errors.New("the database is in use by another LocalRouter; quit that one or use its dashboard")
	// ErrNewer: the file was written by a newer program. Nothing was changed.
	ErrNewer = errors.New("the database was written by a newer version of LocalRouter; install that version again, or start with another --home")
	// ErrDamaged: the file does not hold what it should. Open never returns it, it restores a copy.
	ErrDamaged = errors.New("the database file is damaged; restart LocalRouter, which will restore the last verified copy")
	// ErrClosed: the store was closed before.
	ErrClosed = errors.New("the database is closed")
)

// Options of a Store. The zero value works.
type Options struct {
	Copies string           // folder of the verified copies; empty: a folder "copies" beside the file
	Log    *slog.Logger     // nil: silent
	Now    func() time.Time // nil: time.Now
}

// Store is one bbolt file. All methods may be called from any goroutine.
//
// Every transaction goes through view and update, never through bolt itself: they turn a fault in the mapped file
// into ErrDamaged where bbolt would end the process.
type Store struct {
	path   string
	copies string
	log    *slog.Logger
	now    func() time.Time

	bolt     *bbolt.DB
	lock     *os.File
	install  string
	restored bool
	damaged  atomic.Bool // a transaction met a fault: no more writes

	mu      sync.Mutex // guards the fields below
	notices []string
	closing []func() // run by Close before the file is closed, the last added first
	closed  bool

	copying sync.Mutex // one Copy at a time; guards lastTx
	lastTx  int        // transaction that the newest copy holds
}

// Open opens the database at path, makes it if it is not there, and restores the newest verified copy if it is damaged
// (see Notices). It fails with ErrInUse, ErrNewer, or what the system says.
func Open(path string, o Options) (*Store, error) {
	s := &Store{path: path, copies: o.Copies, log: o.Log, now: o.Now}
	if s.copies == "" {
		s.copies = filepath.Join(filepath.Dir(path), "copies")
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	for _, dir := range []string{filepath.Dir(path), s.copies} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the folder of the database: %w", err)
		}
	}
	lock, err := lockFile(path+".lock", lockWait)
	if err != nil {
		return nil, err
	}
	s.lock = lock
	if err := s.open(); err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

// open does what Open promises once the lock is held.
func (s *Store) open() error {
	if err := secret.Private(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	damage := s.inspect()
	if damage == nil {
		damage = s.openBolt()
	}
	if errors.Is(damage, ErrDamaged) {
		s.abandonBolt()
		if err := s.restore(damage); err != nil {
			return err
		}
		damage = s.openBolt()
	}
	return damage
}

// inspect checks the file before bbolt maps it, because bbolt trusts what it reads: a bad page can end the process in
// ways that no recover catches. A big file that was closed in order and not touched since is taken as it is.
func (s *Store) inspect() error {
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.noticeMissing()
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if mark, ok := readMark(s.path); ok && info.Size() > alwaysCheck && mark.fits(info) {
		if mark.Schema > schema {
			return ErrNewer
		}
		return nil
	}
	found, err := checkFile(s.path)
	if err != nil {
		return err
	}
	if found.schema > schema {
		return ErrNewer
	}
	return nil
}

// openBolt opens the file and makes what a new one lacks.
func (s *Store) openBolt() error {
	_, statErr := os.Stat(s.path)
	err := guard(s.log, func() (err error) {
		s.bolt, err = bbolt.Open(s.path, 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType, NoStatistics: true})
		return err
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return ErrInUse
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return fmt.Errorf("%w: %v", ErrDamaged, err)
	case err != nil:
		return fmt.Errorf("open the database: %w", err)
	}
	if errors.Is(statErr, fs.ErrNotExist) {
		// The name itself must outlive a power cut, or the first key goes with it.
		if err := syncDir(filepath.Dir(s.path)); err != nil {
			return fmt.Errorf("make the database: %w", err)
		}
	}
	removeMark(s.path)
	return s.prepare()
}

// prepare makes missing buckets, the schema number and the install id, and writes only if something was missing. The
// file of an older program is copied first, to a name that stays.
func (s *Store) prepare() error {
	missing, old := false, 0
	err := s.view(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			missing = missing || tx.Bucket(name) == nil
		}
		number, err := getRecord(tx, bucketMeta, "schema")
		if err != nil {
			return err
		}
		old, _ = strconv.Atoi(string(number)) // empty in a new file
		id, err := getRecord(tx, bucketMeta, "install")
		s.install = string(id)
		return err
	})
	if err != nil || !missing && s.install != "" && old == schema {
		return err
	}
	if old != 0 && old != schema {
		if err := s.copyTo(context.Background(), fmt.Sprintf("schema-%d.db", old)); err != nil {
			return fmt.Errorf("copy the database before it is brought up to this version: %w", err)
		}
	}
	return s.update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		id, err := getRecord(tx, bucketMeta, "install")
		if err != nil {
			return err
		}
		if id == nil {
			id = []byte(randomHex(8))
			if err := putRecord(tx, bucketMeta, "install", id); err != nil {
				return err
			}
		}
		s.install = string(id)
		return putRecord(tx, bucketMeta, "schema", []byte(strconv.Itoa(schema)))
	})
}

// InstallID names this installation to other gateways, so that a chain that leads back to itself is seen.
// It is random and says nothing about the machine.
func (s *Store) InstallID() string { return s.install }

// Restored reports whether this start put a copy in the place of a damaged file.
func (s *Store) Restored() bool { return s.restored }

// Notices are sentences for a person about what Open found, oldest first.
func (s *Store) Notices() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.notices...)
}

func (s *Store) notice(text string) {
	s.mu.Lock()
	s.notices = append(s.notices, text)
	s.mu.Unlock()
	s.log.Warn(text)
}

// onClose makes Close run fn first; what was added last runs first.
func (s *Store) onClose(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = append(s.closing, fn)
}

// Close writes what is still in memory and closes the file. It may be called twice.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	closing := s.closing
	s.closing = nil
	s.mu.Unlock()

	for i := len(closing) - 1; i >= 0; i-- {
		closing[i]()
	}
	s.copying.Lock() // a copy that runs is waited for
	defer s.copying.Unlock()
	err := s.abandonBolt()
	if err == nil && !s.damaged.Load() {
		err = writeMark(s.path)
	}
	s.abandon()
	if err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

// abandonBolt closes the file. Where a fault left one of bbolt's locks held, closing would wait for ever; the process
// is about to end or to start over then, so it is left behind.
func (s *Store) abandonBolt() error {
	bolt := s.bolt
	if bolt == nil {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- guard(s.log, bolt.Close) }()
	if !s.damaged.Load() {
		return <-done
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ErrDamaged
	}
}

func (s *Store) abandon() {
	s.abandonBolt()
	s.lock.Close()
}

// view runs fn in a read transaction. What fn keeps it must copy: the bytes are gone when view returns.
func (s *Store) view(fn func(*bbolt.Tx) error) error {
	return s.run(s.bolt.View, fn)
}

// update runs fn in the one write transaction and returns when it is on disk. After a fault it refuses, because a
// commit over pages that cannot be trusted would make things worse.
func (s *Store) update(fn func(*bbolt.Tx) error) error {
	if s.damaged.Load() {
		return ErrDamaged
	}
	return s.run(s.bolt.Update, fn)
}

func (s *Store) run(do func(func(*bbolt.Tx) error) error, fn func(*bbolt.Tx) error) error {
	err := guard(s.log, func() error { return do(fn) })
	switch {
	case errors.Is(err, ErrDamaged):
		s.damaged.Store(true)
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return ErrClosed
	}
	return err
}

// guard runs fn and turns a panic, or a fault in mapped memory, into ErrDamaged.
func guard(log *slog.Logger, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			log.Error("database: fault", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	return fn()
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the process first
	return hex.EncodeToString(b)
}
