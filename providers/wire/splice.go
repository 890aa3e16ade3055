package wire

import (
	"strings"

	"localrouter/providers/llm"
)

// Edit replaces the bytes of a span. An empty span inserts.
type Edit struct {
	At   llm.Span
	With []byte
}

// Spliced is a request's body with edits made, which are in order and do not overlap: its pieces, for NewBody.
// Everything else stays byte for byte, since prompt caches go by bytes.
func Spliced(req *llm.Request, edits []Edit) [][]byte {
	parts := make([][]byte, 0, 2*len(edits)+1)
	from := 0
	for _, e := range edits {
		parts = append(parts, req.Body[from:e.At.Start])
		if len(e.With) > 0 {
			parts = append(parts, e.With)
		}
		from = e.At.End
	}
	return append(parts, req.Body[from:])
}

// Rename puts the provider's own name of the model in place.
func Rename(req *llm.Request, model string) Edit {
	if strings.HasPrefix(req.ContentType, "multipart/") { // a form, whose values have no quotes
		return Edit{req.ModelSpan, []byte(model)}
	}
	return Edit{req.ModelSpan, AppendQuote(make([]byte, 0, len(model)+2), model)}
}
