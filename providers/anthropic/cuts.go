package anthropic

import (
	"bytes"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// mark begins the signatures that this gateway gives to the reasoning of other vendors' models, whose name follows it.
// An application sends them back as it must; Anthropic would refuse them.
const mark = "lr1:"

var quotedMark = []byte(`"` + mark)

// cuts finds what of messages, whose value v stands at offset at of the body, must not reach Anthropic: thinking blocks
// with a signature of our own, each with one neighbouring comma. A message of nothing else goes whole, since one
// without content is refused; neighbours of the same role, which may come together then, are merged by the vendor. Only
// where nothing else is in messages an empty list is left, and the vendor says what it thinks of it.
func cuts(v []byte, at int) []llm.Span {
	if !holdsMark(v) {
		return nil
	}
	var out []llm.Span
	messages := elements(v, at)
	gone := make([]bool, len(messages))
	inner := make([][]llm.Span, len(messages))
	for i, m := range messages {
		message := v[m.Start-at : m.End-at]
		if bytes.Contains(message, quotedMark) {
			inner[i], gone[i] = marked(message, m.Start)
		}
	}
	outer := removed(messages, gone)
	for i := range messages {
		if gone[i] {
			out = append(out, outer[0])
			outer = outer[1:]
		} else {
			out = append(out, inner[i]...)
		}
	}
	return out
}

// holdsMark reports whether a string in v begins with the mark. It goes from quote to quote, because a picture of
// megabytes has none.
func holdsMark(v []byte) bool {
	for {
		i := bytes.IndexByte(v, '"')
		if i < 0 {
			return false
		}
		if v = v[i+1:]; len(v) >= len(mark) && string(v[:len(mark)]) == mark {
			return true
		}
	}
}

// marked finds the blocks to cut from one message; all reports that nothing would be left of it.
func marked(message []byte, at int) (list []llm.Span, all bool) {
	var content []byte
	assistant := false
	wire.Members(message, func(key, v []byte) bool {
		switch string(key) {
		case "role":
			assistant = string(v) == `"assistant"`
		case "content":
			content = v
		}
		return true
	})
	if !assistant || len(content) == 0 || content[0] != '[' {
		return nil, false
	}
	from := at + wire.Offset(message, content)
	blocks := elements(content, from)
	gone := make([]bool, len(blocks))
	n := 0
	for i, b := range blocks {
		if gone[i] = isMarked(content[b.Start-from : b.End-from]); gone[i] {
			n++
		}
	}
	return removed(blocks, gone), n > 0 && n == len(blocks)
}

// isMarked reports whether a block is thinking with a signature of our own.
func isMarked(block []byte) bool {
	thinking, ours := false, false
	wire.Members(block, func(key, v []byte) bool {
		switch string(key) {
		case "type":
			thinking = string(v) == `"thinking"`
		case "signature":
			ours = bytes.HasPrefix(v, quotedMark)
		}
		return true
	})
	return thinking && ours
}

// elements lists where the elements of the array v stand, which itself begins at offset at.
func elements(v []byte, at int) (list []llm.Span) {
	wire.Elements(v, func(e []byte) bool {
		from := at + wire.Offset(v, e)
		list = append(list, llm.Span{Start: from, End: from + len(e)})
		return true
	})
	return list
}

// removed lists the spans to cut so that the elements marked gone leave the array well-formed.
func removed(list []llm.Span, gone []bool) (out []llm.Span) {
	kept := false
	for i, e := range list {
		switch {
		case !gone[i]:
			kept = true
		case kept:
			out = append(out, llm.Span{Start: list[i-1].End, End: e.End})
		case i+1 < len(list):
			out = append(out, llm.Span{Start: e.Start, End: list[i+1].Start})
		default:
			out = append(out, e)
		}
	}
	return out
}
