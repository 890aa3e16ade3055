package openai

import (
	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

const withUsage = `"include_usage":true`

// spliced is the body to send: the application's bytes, with the model's own name in place and, where ask, the wish for
// usage.
func spliced(req *llm.Request, model string, ask bool) *wire.Body {
	var store [2]wire.Edit
	edits := store[:0]
	if model != req.Model && req.ModelSpan.Found() {
		edits = append(edits, wire.Rename(req, model))
	}
	if ask {
		edits = append(edits, usageEdit(req))
	}
	if len(edits) == 2 && edits[1].At.Start < edits[0].At.Start {
		edits[0], edits[1] = edits[1], edits[0]
	}
	return wire.NewBody(wire.Spliced(req, edits)...)
}

// usageEdit asks for usage with the smallest change of the bytes.
func usageEdit(req *llm.Request) wire.Edit {
	switch {
	case req.IncludeUsageSpan.Found():
		return wire.Edit{At: req.IncludeUsageSpan, With: []byte("true")}
	case req.StreamOptionsSpan.Found():
		at := req.StreamOptionsSpan
		if req.Body[at.Start] != '{' { // null
			return wire.Edit{At: at, With: []byte("{" + withUsage + "}")}
		}
		inside := llm.Span{Start: at.Start + 1, End: at.Start + 1}
		if wire.Empty(req.Body[at.Start:at.End]) {
			return wire.Edit{At: inside, With: []byte(withUsage)}
		}
		return wire.Edit{At: inside, With: []byte(withUsage + ",")}
	}
	member := `"stream_options":{` + withUsage + `}`
	if req.HasMembers {
		member = "," + member
	}
	return wire.Edit{At: llm.Span{Start: req.ObjectEnd, End: req.ObjectEnd}, With: []byte(member)}
}
