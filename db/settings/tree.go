package settings

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a settings file. They keep a hostile or broken file from costing memory or stack.
const (
	maxFileBytes  = 256 << 10
	maxNesting    = 32
	maxFields     = 10000
	maxBlankLines = 200 // in a row: the YAML scanner's time grows with their square, and the parser's with that of fields
)

type shape int

const (
	scalarShape shape = iota
	nullShape
	mapShape
	listShape
)

// node is one value of the file with the bytes it covers: what reading needs, and what an edit needs to touch nothing
// else.
type node struct {
	shape        shape
	flow         bool // {...} or [...]
	line, column int  // 1-based, of the first character; column in characters
	start, end   int  // byte offsets into the text
	plain        bool // a scalar without quotes
	text         string
	pairs        []*pair // of a map, in order
	items        []*item // of a list, in order
}

type pair struct {
	key          string
	line, column int
	start        int // of the key
	colon        int // offset just after the ':'
	value        *node
}

type item struct {
	start int // of the '-' in block style, of the value in flow style
	value *node
}

func (n *node) pair(key string) *pair {
	for _, p := range n.pairs {
		if p.key == key {
			return p
		}
	}
	return nil
}

// plainText prepares the bytes of a file for parsing: without byte order mark, with \n as the only line end. The
// second result says whether the file had \r\n.
func plainText(raw string) (text string, crlf bool, err *Error) {
	text = strings.TrimPrefix(raw, "\ufeff")
	if len(text) > maxFileBytes {
		return "", false, &Error{Message: fmt.Sprintf("the file is larger than %d KiB", maxFileBytes>>10), Hint: "take out what does not belong there"}
	}
	if crlf = strings.Contains(text, "\r\n"); crlf {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	line, column, blank := 1, 1, 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return "", false, &Error{Line: line, Column: column, Message: "this byte is not UTF-8 text", Hint: "save the file as UTF-8"}
		case r == '\n':
			line, column = line+1, 0
			if blank++; blank > maxBlankLines {
				return "", false, &Error{Line: line, Column: 1, Message: fmt.Sprintf("more than %d blank lines in a row", maxBlankLines), Hint: "delete them"}
			}
		case r < 0x20 && r != '\t', r >= 0x7f && r < 0xa0, r == 0xfeff:
			return "", false, &Error{Line: line, Column: column, Message: fmt.Sprintf("control character U+%04X", r), Hint: "delete it"}
		}
		if r != '\n' && r != ' ' && r != '\t' {
			blank = 0
		}
		i, column = i+size, column+1
	}
	return text, crlf, nil
}

// parseTree reads text (as plainText gives it) into its tree. A nil tree without an error means that there is nothing
// but comments.
func parseTree(text string) (root *node, err *Error) {
	// The parser is foreign code that reads what people type. Should it panic on something, that is a file that cannot
	// be read, not the end of the program.
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, &Error{Message: "the file cannot be read as YAML", Hint: "compare it with the last good copy beside it (.bak)"}
		}
	}()
	tokens := lexer.Tokenize(text)
	if err := refuseTokens(tokens); err != nil {
		return nil, err
	}
	file, perr := parser.Parse(tokens, 0)
	if perr != nil {
		return nil, syntaxError(perr)
	}
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case body != nil:
			at := doc.Body.GetToken().Position
			return nil, &Error{Line: at.Line, Column: max(at.Column, 1), Message: "a second document begins here", Hint: "keep one: remove the --- line"}
		default:
			body = doc.Body
		}
	}
	if body == nil {
		return nil, nil
	}
	b := &treeBuilder{text: text, tokens: tokens, lines: lineStarts(text)}
	root = b.build(body, 0)
	if b.err != nil {
		return nil, b.err
	}
	return root, nil
}

func syntaxError(err error) *Error {
	out := &Error{Message: "the file is not valid YAML", Hint: "check indentation, quotes and brackets there"}
	var y yaml.Error
	if !errors.As(err, &y) {
		return out
	}
	out.Message = y.GetMessage()
	if tk := y.GetToken(); tk != nil && tk.Position != nil {
		out.Line, out.Column = max(tk.Position.Line, 1), max(tk.Position.Column, 1)
	}
	var dup *yaml.DuplicateKeyError
	if errors.As(err, &dup) {
		out.Hint = "keep one of the two"
	}
	return out
}

// refuseTokens keeps out the parts of YAML that a settings file has no use for, and nesting that would cost stack.
// Anchors and merges would also make an edit in one place change another.
func refuseTokens(tokens token.Tokens) *Error {
	flow, entries, entryLine, fields := 0, 0, 0, 0
	for _, tk := range tokens {
		refuse := ""
		switch tk.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			refuse = "anchors and references are not read here"
		case token.TagType:
			refuse = "type tags are not read here"
		case token.DirectiveType:
			refuse = "YAML directives are not read here"
		case token.MappingKeyType:
			refuse = "\"?\" keys are not read here"
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.MappingValueType:
			if fields++; fields > maxFields {
				refuse = fmt.Sprintf("more than %d fields", maxFields)
			}
		case token.SequenceEntryType:
			if tk.Position.Line != entryLine {
				entryLine, entries = tk.Position.Line, 0
			}
			entries++
		}
		if flow > maxNesting || entries > maxNesting || tk.Position.IndentNum > 8*maxNesting {
			refuse = "too deeply nested"
		}
		if refuse != "" {
			return &Error{Line: max(tk.Position.Line, 1), Column: max(tk.Position.Column, 1), Message: refuse, Hint: "write the value out"}
		}
	}
	return nil
}

type treeBuilder struct {
	text   string
	tokens token.Tokens
	lines  []int
	err    *Error
}

func (b *treeBuilder) fail(at *token.Position, message string) *node {
	if b.err == nil {
		b.err = &Error{Message: message, Hint: "write it the way the comments in the file show"}
		if at != nil {
			b.err.Line, b.err.Column = max(at.Line, 1), max(at.Column, 1)
		}
	}
	return &node{shape: nullShape}
}

// build turns the parser's node into ours. after is the offset just behind the key, where a value that is not written
// would stand.
func (b *treeBuilder) build(n ast.Node, after int) *node {
	if b.err != nil || n == nil {
		return &node{shape: nullShape, start: after, end: after}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return b.mapping(n, n.Values, after)
	case *ast.MappingValueNode:
		return b.mapping(&ast.MappingNode{}, []*ast.MappingValueNode{n}, after)
	case *ast.SequenceNode:
		return b.list(n, after)
	case *ast.NullNode:
		out := &node{shape: nullShape, start: after, end: after}
		// A null that is not written has a token all the same, with the text of its neighbour.
		raw := strings.TrimSpace(n.Token.Origin)
		if at := b.at(n.Token, after); (raw == "~" || strings.EqualFold(raw, "null")) && strings.HasPrefix(b.text[at.start:], raw) {
			out.start, out.end = at.start, at.start+len(raw)
		}
		return out
	case *ast.LiteralNode:
		out := b.at(n.Start, after)
		out.text, out.end = n.Value.Value, b.literalEnd(n, out.start)
		return out
	case ast.ScalarNode:
		tk := n.GetToken()
		out := b.at(tk, after)
		out.end = min(out.start+len(strings.TrimSpace(tk.Origin)), len(b.text))
		out.text = tk.Value
		out.plain = tk.Type != token.SingleQuoteType && tk.Type != token.DoubleQuoteType
		return out
	}
	return b.fail(n.GetToken().Position, "this kind of value is not read here")
}

// at begins a node at its token. The parser's columns are off now and then, behind trailing white space for one; then the
// place is where the text goes on after the offset given.
func (b *treeBuilder) at(tk *token.Token, after int) *node {
	raw := strings.TrimSpace(tk.Origin)
	out := &node{line: max(tk.Position.Line, 1), column: max(tk.Position.Column, 1), start: b.offset(tk.Position)}
	if next := b.skip(after); !strings.HasPrefix(b.text[out.start:], raw) && strings.HasPrefix(b.text[next:], raw) {
		out.start = next
		line := lineOf(b.lines, next)
		out.line, out.column = line+1, utf8.RuneCountInString(b.text[b.lines[line]:next])+1
	}
	return out
}

// skip passes over white space, commas and comments.
func (b *treeBuilder) skip(at int) int {
	for at < len(b.text) {
		switch b.text[at] {
		case ' ', '\t', '\n', ',':
			at++
		case '#':
			end := strings.IndexByte(b.text[at:], '\n')
			if end < 0 {
				return len(b.text)
			}
			at += end
		default:
			return at
		}
	}
	return at
}

func (b *treeBuilder) mapping(n *ast.MappingNode, values []*ast.MappingValueNode, after int) *node {
	out := &node{shape: mapShape, flow: n.IsFlowStyle}
	if out.flow {
		if n.Start == nil || n.End == nil {
			return b.fail(nil, "a brace is missing")
		}
		first := b.at(n.Start, after)
		out.line, out.column, out.start = first.line, first.column, first.start
		after = out.start + 1
	}
	for _, v := range values {
		if m, ok := v.Key.(*ast.MappingKeyNode); ok {
			return b.fail(m.Start.Position, "\"?\" keys are not read here")
		}
		key := b.at(v.Key.GetToken(), after)
		p := &pair{key: v.Key.GetToken().Value, line: key.line, column: key.column, start: key.start}
		p.colon = b.at(v.Start, min(p.start+len(strings.TrimSpace(v.Key.GetToken().Origin)), len(b.text))).start + 1
		p.value = b.build(v.Value, min(p.colon, len(b.text)))
		if p.value.line == 0 {
			p.value.line, p.value.column = p.line, p.column
		}
		if out.pair(p.key) != nil {
			return b.fail(v.Key.GetToken().Position, fmt.Sprintf("mapping key %s stands here a second time", quoteShort(p.key)))
		}
		out.pairs = append(out.pairs, p)
		after = p.value.end
	}
	switch {
	case out.flow:
		out.end = b.at(n.End, after).start + 1
	case len(out.pairs) > 0:
		first, last := out.pairs[0], out.pairs[len(out.pairs)-1]
		out.line, out.column, out.start, out.end = first.line, first.column, first.start, last.value.end
	}
	return out
}

func (b *treeBuilder) list(n *ast.SequenceNode, after int) *node {
	out := b.at(n.Start, after)
	out.shape, out.flow = listShape, n.IsFlowStyle
	if out.flow {
		after = out.start + 1
	}
	for i, v := range n.Values {
		dash := -1
		if !out.flow && i < len(n.Entries) {
			dash = b.at(n.Entries[i].Start, after).start
			after = dash + 1
		}
		value := b.build(v, after)
		if value.line == 0 {
			value.line, value.column = out.line, out.column
		}
		if out.flow {
			b.rejoin(value)
		}
		it := &item{start: value.start, value: value}
		if !out.flow {
			it.start = dash
		}
		out.items = append(out.items, it)
		out.end, after = value.end, value.end
	}
	if out.flow {
		if n.End == nil {
			return b.fail(n.Start.Position, "a bracket is missing")
		}
		out.end = b.at(n.End, after).start + 1
	}
	return out
}

// rejoin makes one word again of what the parser took apart at its colon: in brackets inside braces it reads llama3:8b as
// a field, where YAML has it a field only with a space behind the colon.
func (b *treeBuilder) rejoin(n *node) {
	if n.shape != mapShape || n.flow || len(n.pairs) != 1 {
		return
	}
	p := n.pairs[0]
	if p.value.shape != scalarShape || p.colon >= n.end || strings.ContainsRune(" \t\n", rune(b.text[p.colon])) || strings.ContainsRune("\"'", rune(b.text[p.start])) {
		return
	}
	*n = node{line: n.line, column: n.column, start: n.start, end: n.end, plain: true, text: b.text[n.start:n.end]}
}

// literalEnd finds the end of a | or > block: where the next token begins, without the white space before it.
func (b *treeBuilder) literalEnd(n *ast.LiteralNode, start int) int {
	end := len(b.text)
	at := slices.Index(b.tokens, n.Value.Token)
	if at >= 0 && at+1 < len(b.tokens) {
		end = b.offset(b.tokens[at+1].Position)
	}
	return start + len(strings.TrimRight(b.text[start:max(start, end)], " \n\t"))
}

// offset turns a line and a column of characters into a byte offset. The parser's own offset counts characters.
func (b *treeBuilder) offset(p *token.Position) int {
	if p.Line < 1 || p.Line > len(b.lines) {
		return len(b.text)
	}
	at := b.lines[p.Line-1]
	for range p.Column - 1 {
		if at >= len(b.text) {
			break
		}
		_, size := utf8.DecodeRuneInString(b.text[at:])
		at += size
	}
	return at
}

func lineStarts(text string) []int {
	starts := []int{0}
	for i := range len(text) {
		if text[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// lineOf returns the 0-based line that holds the byte at offset.
func lineOf(starts []int, offset int) int {
	at, found := slices.BinarySearchFunc(starts, offset, func(a, b int) int { return cmp.Compare(a, b) })
	if found {
		return at
	}
	return at - 1
}
