package settings

import (
	"fmt"
	"net"
	"reflect"
	"strconv"
)

// migrations holds at index n the step from format n to n+1. A step works on the text, so that comments and order
// survive, and does not touch version. A step that was released is never changed; testdata has a before and an after
// for each.
var migrations = []func(*editor) *Error{
	migrate0,
}

// migrate0 splits the address:
//
//	BEFORE  listen: 127.0.0.1:3636
//	AFTER   server: {host: 127.0.0.1, port: 3636}
func migrate0(e *editor) *Error {
	root := e.tree()
	if root == nil {
		return nil
	}
	p := root.pair("listen")
	if p == nil {
		return nil
	}
	host, portText, err := net.SplitHostPort(p.value.text)
	port, perr := strconv.Atoi(portText)
	if err != nil || perr != nil {
		return &Error{Line: p.value.line, Column: p.value.column, Path: "listen", Message: "is not an address with a port", Hint: "write it as 127.0.0.1:3636"}
	}
	if host == "" {
		host = "0.0.0.0" // what an empty host meant; the check then asks for the confirmation
	}
	if root.pair("server") == nil && !root.flow && e.lineEnd(p.start) == e.lineEnd(p.value.end) {
		// In its place, so that the comments above and behind keep their subject.
		e.splice(p.start, p.value.end, "server: {host: "+encodeWord(host)+", port: "+strconv.Itoa(port)+"}")
		return nil
	}
	e.remove([]any{"listen"})
	e.set([]any{"server", "host"}, reflect.ValueOf(host), "")
	e.set([]any{"server", "port"}, reflect.ValueOf(port), "")
	return nil
}

// migrate brings the bytes of a file to this program's format. from is the format it had; where that is Version, or
// cannot be told, the bytes come back as they are. name is the file's, for messages.
func migrate(name, raw string) (out string, from int, err error) {
	text, _, perr := plainText(raw)
	if perr != nil {
		return raw, Version, nil // reading it says what is wrong
	}
	root, perr := parseTree(text)
	if perr != nil || root == nil {
		return raw, Version, nil
	}
	from, perr = versionOf(root)
	switch {
	case perr != nil || from == Version:
		return raw, Version, nil
	case from > Version:
		p := root.pair("version").value
		return raw, from, fmt.Errorf("%w: %w", ErrNewer, &Error{
			File: name, Line: p.line, Column: p.column, Path: "version", Message: fmt.Sprintf("the file has format %d, this program knows up to %d; nothing was changed", from, Version),
			Hint: "start the newer LocalRouter, or put back the copy from before the migration (settings.yaml.v*.bak)",
		})
	}
	e := &editor{text: text}
	for n := from; n < Version; n++ {
		if perr := migrations[n](e); perr != nil {
			perr.File = name
			return raw, from, perr
		}
		e.set([]any{"version"}, reflect.ValueOf(n+1), "")
	}
	if e.err != nil {
		return raw, from, fmt.Errorf("the settings file could not be brought from format %d to %d: %w; nothing was changed", from, Version, e.err)
	}
	return e.text, from, nil
}
