package anthropic

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// maxIdent bounds ids and names in this dialect.
const maxIdent = 128

// isIdent reports whether s can be the id of a call or the name of a tool.
func isIdent(s string) bool {
	if s == "" || len(s) > maxIdent {
		return false
	}
	for i := range len(s) {
		if !identByte(s[i]) {
			return false
		}
	}
	return true
}

func identByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// callID is id where this dialect takes it, else one that is always the same for it, so that a call and its result
// still belong together in the next turn.
func callID(id string) string {
	if isIdent(id) {
		return id
	}
	return "toolu_" + digest(id, 24)
}

// digest is n hexadecimal digits that stand for s.
func digest(s string, n int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:n]
}

// names gives each tool a name that this dialect takes, and knows the way back.
type names struct {
	there map[string]string // as the application wrote it -> as it is spelled
	back  map[string]string // the other way, of all
}

// keep reserves the names that need no change, so that no changed one takes their place.
func (n *names) keep(name string) {
	if isIdent(name) {
		n.set(name, name)
	}
}

func (n *names) set(name, spelled string) {
	if n.there == nil {
		n.there, n.back = map[string]string{}, map[string]string{}
	}
	n.there[name], n.back[spelled] = spelled, name
}

// spell is name as this dialect takes it.
func (n *names) spell(name string) string {
	if s, ok := n.there[name]; ok {
		return s
	}
	s := name
	if !isIdent(name) {
		b := []byte(name)
		for i, c := range b {
			if !identByte(c) {
				b[i] = '_'
			}
		}
		if s = string(b); s == "" {
			s = "tool"
		}
		if len(s) > maxIdent {
			s = s[:maxIdent-9] + "_" + digest(name, 8)
		}
	}
	s = n.free(s)
	n.set(name, s)
	return s
}

// free is s, or s with a number where another tool has it.
func (n *names) free(s string) string {
	for i, base := 2, s; ; i++ {
		if _, taken := n.back[s]; !taken {
			return s
		}
		end := "_" + strconv.Itoa(i)
		s = base[:min(len(base), maxIdent-len(end))] + end
	}
}

// take gives s, or what is nearest to it, to a tool of ours.
func (n *names) take(s string) string {
	s = n.free(s)
	if n.back == nil {
		n.there, n.back = map[string]string{}, map[string]string{}
	}
	n.back[s] = s
	return s
}

// changed lists the spelled names that differ from the application's, with those.
func (n *names) changed() map[string]string {
	var m map[string]string
	for spelled, name := range n.back {
		if spelled != name {
			if m == nil {
				m = map[string]string{}
			}
			m[spelled] = name
		}
	}
	return m
}
