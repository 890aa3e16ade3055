package wire

import (
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// Redactor takes key material out of texts before they are logged or shown: the secrets it knows by exact match, then
// whatever looks like one. It may be used by many goroutines at once; the zero value knows the patterns only.
type Redactor struct {
	exact atomic.Pointer[strings.Replacer]
}

const removed = "[removed]"

// looks are the shapes of keys: vendors' prefixes, tokens of three parts, and values behind names that say what they are.
var looks = regexp.MustCompile(`\b(?:sk|pk|rk|lr|gsk|xai|hf|nvapi|csk|fw|tgp|pplx|ghp|gho|github_pat|glpat|dsk)[-_][A-Za-z0-9_-]{5,}[A-Za-z0-9_*.-]*` +
	`|\bAIza[A-Za-z0-9_-]{10,}|\bya29\.[A-Za-z0-9_.-]{10,}|\bAKIA[A-Z0-9]{12,}` +
	`|\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?`)

var named = regexp.MustCompile(`(?i)\b(bearer\s+|(?:x-)?api[-_]?key["']?\s*[:=]\s*["']?|authorization["']?\s*[:=]\s*["']?(?:basic\s+)?|(?:access|refresh)[-_]token["']?\s*[:=]\s*["']?|[?&]key=)([^\s"'&,;]{6,})`)

// minSecret is the length below which a secret is not looked for: shorter ones would tear ordinary words apart.
const minSecret = 6

// Know replaces the secrets that are matched exactly.
func (r *Redactor) Know(secrets []string) {
	list := slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < minSecret })
	// Longer first, so that a secret that begins another does not leave the other's end standing.
	slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(list))
	for _, s := range list {
		pairs = append(pairs, s, removed)
	}
	r.exact.Store(strings.NewReplacer(pairs...))
}

// Clean returns s without key material.
func (r *Redactor) Clean(s string) string {
	if exact := r.exact.Load(); exact != nil {
		s = exact.Replace(s)
	}
	s = named.ReplaceAllString(s, "${1}"+removed)
	return looks.ReplaceAllString(s, removed)
}
