package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"sync"
	"time"
)

const (
	codeLife    = 60 * time.Second
	sessionLife = 30 * 24 * time.Hour
	// Bounds, so that asking again and again fills no memory: the oldest gives way.
	maxCodes    = 16
	maxSessions = 256
)

// sessions holds one-time codes and session tokens, by their hash and in memory only: whoever takes our port while we
// are away finds a token that opens nothing.
type sessions struct {
	now    func() time.Time
	chance io.Reader

	mu     sync.Mutex // guards what follows
	codes  map[[32]byte]time.Time
	tokens map[[32]byte]time.Time
}

func newSessions(now func() time.Time, chance io.Reader) *sessions {
	if chance == nil {
		chance = rand.Reader
	}
	return &sessions{now: now, chance: chance, codes: map[[32]byte]time.Time{}, tokens: map[[32]byte]time.Time{}}
}

// newCode makes a code that opens one session within a minute.
func (s *sessions) newCode() (string, error) {
	return s.make(func(sum [32]byte) { put(s.codes, sum, s.now().Add(codeLife), maxCodes) })
}

// redeem trades a code for a session token; ok is false where the code is unknown, used or too old.
func (s *sessions) redeem(code string) (token string, ok bool, err error) {
	sum := sha256.Sum256([]byte(code))
	s.mu.Lock()
	until, known := s.codes[sum]
	delete(s.codes, sum)
	s.mu.Unlock()
	if !known || s.now().After(until) {
		return "", false, nil
	}
	token, err = s.make(func(sum [32]byte) { put(s.tokens, sum, s.now().Add(sessionLife), maxSessions) })
	return token, err == nil, err
}

// valid reports whether token is a running session's.
func (s *sessions) valid(token string) bool {
	if token == "" {
		return false
	}
	sum := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	until, known := s.tokens[sum]
	if known && s.now().After(until) {
		delete(s.tokens, sum)
		return false
	}
	return known
}

// end closes one session.
func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, sha256.Sum256([]byte(token)))
}

// endAll closes every session and forgets every code.
func (s *sessions) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
	clear(s.codes)
}

func (s *sessions) make(keep func(sum [32]byte)) (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(s.chance, b[:]); err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(b[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	keep(sha256.Sum256([]byte(text)))
	return text, nil
}

// put adds to m, dropping what ends first where m is full.
func put(m map[[32]byte]time.Time, sum [32]byte, until time.Time, most int) {
	if len(m) >= most {
		var first [32]byte
		var at time.Time
		for k, t := range m {
			if at.IsZero() || t.Before(at) {
				first, at = k, t
			}
		}
		delete(m, first)
	}
	m[sum] = until
}
