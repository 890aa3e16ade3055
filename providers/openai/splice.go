package openai

import (
	"io"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// edit replaces the bytes of a span. An empty span inserts.
type edit struct {
	at   llm.Span
	with []byte
}

const withUsage = `"include_usage":true`

// spliced is the body to send: the application's bytes, with the model's own name in place and, where ask, the wish for
// usage. Everything else stays byte for byte, since prompt caches go by bytes.
func spliced(req *llm.Request, model string, ask bool) *wire.Body {
	var store [2]edit
	edits := store[:0]
	if model != req.Model && req.ModelSpan.Found() {
		edits = append(edits, edit{req.ModelSpan, modelText(req, model)})
	}
	if ask {
		edits = append(edits, usageEdit(req))
	}
	if len(edits) == 2 && edits[1].at.Start < edits[0].at.Start {
		edits[0], edits[1] = edits[1], edits[0]
	}
	var parts [5][]byte
	n, from := 0, 0
	for _, e := range edits {
		parts[n], parts[n+1] = req.Body[from:e.at.Start], e.with
		n, from = n+2, e.at.End
	}
	parts[n] = req.Body[from:]
	return wire.NewBody(parts[:n+1]...)
}

// modelText spells a model where it stands: in a form without quotes.
func modelText(req *llm.Request, model string) []byte {
	if strings.HasPrefix(req.ContentType, "multipart/") {
		return []byte(model)
	}
	return wire.AppendQuote(make([]byte, 0, len(model)+2), model)
}

// usageEdit asks for usage with the smallest change of the bytes.
func usageEdit(req *llm.Request) edit {
	switch {
	case req.IncludeUsageSpan.Found():
		return edit{req.IncludeUsageSpan, []byte("true")}
	case req.StreamOptionsSpan.Found():
		at := req.StreamOptionsSpan
		if req.Body[at.Start] != '{' { // null
			return edit{at, []byte("{" + withUsage + "}")}
		}
		inside := llm.Span{Start: at.Start + 1, End: at.Start + 1}
		if wire.Empty(req.Body[at.Start:at.End]) {
			return edit{inside, []byte(withUsage)}
		}
		return edit{inside, []byte(withUsage + ",")}
	}
	member := `"stream_options":{` + withUsage + `}`
	if req.HasMembers {
		member = "," + member
	}
	return edit{llm.Span{Start: req.ObjectEnd, End: req.ObjectEnd}, []byte(member)}
}

// upload sends what was read of a body and then the rest as it comes.
type upload struct {
	head *wire.Body
	rest io.Reader
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.head.Read(p)
	if err == io.EOF {
		return u.rest.Read(p)
	}
	return n, err
}

func (u *upload) Close() error { return nil }
