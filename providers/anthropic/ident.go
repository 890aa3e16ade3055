package anthropic

import "localrouter/providers/wire"

// maxIdent bounds ids and names in this dialect.
const maxIdent = 128

// isIdent reports whether s can be the id of a call or the name of a tool.
func isIdent(s string) bool { return wire.IsName(s, maxIdent) }

// callID is id where this dialect takes it, else one that is always the same for it, so that a call and its result
// still belong together in the next turn.
func callID(id string) string {
	if isIdent(id) {
		return id
	}
	return "toolu_" + wire.Digest(id, 24)
}
