package anthropic

import (
	"bytes"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// cache is the mark of a piece. One inside a tool's result marks the result.
func (p *piece) cache() string {
	if p.part == nil || p.kind == pieceKept || p.part.Kind == llm.PartThinking || p.part.Kind == llm.PartOpaque {
		return ""
	}
	mark := p.part.Cache
	for i := range p.part.Parts {
		if mark == "" {
			mark = p.part.Parts[i].Cache
		}
	}
	return mark
}

func (p *piece) size() int {
	n := 192 + len(p.id) + len(p.name) + len(p.head) + len(p.tail)
	for _, raw := range p.raw {
		n += len(raw) + 1
	}
	if p.part != nil {
		n += partSize(p.part)
		for i := range p.part.Parts {
			n += partSize(&p.part.Parts[i])
		}
	}
	return n
}

func partSize(p *llm.Part) int {
	n := 192 + len(p.Text) + len(p.Media) + len(p.Data) + len(p.URL) + len(p.FileID) + len(p.Name) + len(p.Signature) + len(p.Raw)
	if p.Custom {
		return n + 2*len(p.Args)
	}
	return n + len(p.Args)
}

func (w *speller) appendTurns() {
	w.b = append(w.b, `,"messages":[`...)
	for i := range w.turns {
		t := &w.turns[i]
		if i > 0 {
			w.b = append(w.b, ',')
		}
		if t.role == llm.Assistant {
			w.b = append(w.b, `{"role":"assistant","content":[`...)
		} else {
			w.b = append(w.b, `{"role":"user","content":[`...)
		}
		for j := range t.pieces {
			if j > 0 {
				w.b = append(w.b, ',')
			}
			w.appendPiece(&t.pieces[j])
		}
		w.b = append(w.b, `]}`...)
	}
	w.b = append(w.b, ']')
}

func (w *speller) appendPiece(p *piece) {
	switch {
	case p.kind == pieceKept:
		for i, raw := range p.raw {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.b = append(w.b, raw...)
		}
	case p.kind == pieceWords:
		w.b = append(append(w.b, `{"type":"text","text":"`...), p.head...)
		if p.part != nil {
			w.b = append(w.b, p.part.Text...)
		}
		w.b = append(append(w.b, p.tail...), '"')
		w.appendMark(p.cache())
		w.b = append(w.b, '}')
	case p.kind == pieceResult:
		w.appendResult(p)
	case p.part.Kind == llm.PartToolCall:
		w.appendUse(p)
	default:
		w.appendPart(p.part, p.cache())
	}
}

// appendPart writes a part that is a content block of its own.
func (w *speller) appendPart(p *llm.Part, mark string) {
	switch p.Kind {
	case llm.PartThinking:
		w.b = append(append(append(w.b, `{"type":"thinking","thinking":"`...), p.Text...), `","signature":"`...)
		w.b = append(append(w.b, p.Signature...), `"}`...)
		return
	case llm.PartOpaque:
		w.b = append(w.b, p.Raw...)
		return
	case llm.PartImage:
		w.b = append(w.b, `{"type":"image","source":`...)
		w.appendSource(p, imageType(p))
	case llm.PartFile:
		w.b = append(w.b, `{"type":"document","source":`...)
		w.appendSource(p, mediaPDF)
		if len(p.Name) > 0 {
			w.b = append(append(append(w.b, `,"title":"`...), p.Name...), '"')
		}
		if p.Cite && !w.gone(llm.FeatureCitations) {
			w.b = append(w.b, `,"citations":{"enabled":true}`...)
		}
	default:
		w.b = append(append(append(w.b, `{"type":"text","text":"`...), p.Text...), '"')
	}
	w.appendMark(mark)
	w.b = append(w.b, '}')
}

func (w *speller) appendSource(p *llm.Part, media string) {
	switch {
	case len(p.Data) > 0:
		w.b = append(append(append(w.b, `{"type":"base64","media_type":"`...), media...), `","data":"`...)
		w.b = append(append(w.b, p.Data...), `"}`...)
	case len(p.Text) > 0:
		w.b = append(append(append(w.b, `{"type":"text","media_type":"text/plain","data":"`...), p.Text...), `"}`...)
	case len(p.URL) > 0:
		w.b = append(append(append(w.b, `{"type":"url","url":"`...), p.URL...), `"}`...)
	default:
		w.b = append(append(append(w.b, `{"type":"file","file_id":"`...), p.FileID...), `"}`...)
	}
}

// checkMedia refuses what this dialect has no block for, and what a plan cannot see: types of pictures.
func checkMedia(p *llm.Part) *llm.Error {
	switch {
	case len(p.Data) == 0 && len(p.Text) == 0 && len(p.URL) == 0 && len(p.FileID) == 0:
		return bad("messages", "The conversation holds a picture or file without any data.")
	case p.Kind == llm.PartImage && len(p.Data) > 0 && imageType(p) == "":
		return bad("messages", "The conversation holds a picture of the type "+fieldName([]byte(p.Media))+"; this provider takes PNG, JPEG, GIF and WebP. Convert it.")
	case p.Kind == llm.PartFile && len(p.Data) > 0 && p.Media != mediaPDF:
		return bad("messages", "The conversation holds a file of the type "+fieldName([]byte(p.Media))+"; this provider takes PDF and plain text. Convert it, or send its text.")
	}
	return nil
}

// beginnings are the first letters, in base64, of the types of pictures that the vendor takes.
var beginnings = []struct{ data, media string }{{"iVBORw0KGg", "image/png"}, {"/9j/", "image/jpeg"}, {`\/9j\/`, "image/jpeg"}, {"R0lGOD", "image/gif"}, {"UklGR", "image/webp"}}

// imageType is the type of a picture as its data tell it, for the vendor refuses one that contradicts them; "" for one
// that it does not take.
func imageType(p *llm.Part) string {
	for _, b := range beginnings {
		if bytes.HasPrefix(p.Data, []byte(b.data)) {
			return b.media
		}
	}
	switch p.Media {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return p.Media
	case "image/jpg":
		return "image/jpeg"
	}
	return ""
}

// customField is the one field of the object in which free text travels.
const customField = "input"

// appendUse writes a call of a tool. Its input has to be an object.
func (w *speller) appendUse(p *piece) {
	w.b = append(append(append(w.b, `{"type":"tool_use","id":"`...), p.id...), `","name":"`...)
	w.b = append(append(w.b, p.name...), `","input":`...)
	args := p.part.Args
	switch {
	case p.part.Custom:
		w.b = append(wire.AppendEscaped(append(w.b, `{"input":"`...), args), `"}`...)
	case wire.IsObject(args):
		w.b = append(w.b, args...)
	default:
		w.b = append(w.b, `{}`...)
	}
	w.appendMark(p.cache())
	w.b = append(w.b, '}')
}

func (w *speller) appendResult(p *piece) {
	w.b = append(append(append(w.b, `{"type":"tool_result","tool_use_id":"`...), p.id...), '"')
	if p.part == nil {
		w.b = wire.AppendQuote(append(w.b, `,"is_error":true,"content":`...), lostResult)
		w.b = append(w.b, '}')
		return
	}
	if p.part.Failed && !w.gone(llm.FeatureToolErrors) {
		w.b = append(w.b, `,"is_error":true`...)
	}
	first := true
	for i := range p.part.Parts {
		part := &p.part.Parts[i]
		switch part.Kind {
		case llm.PartText, llm.PartRefusal:
			if blank(part.Text) {
				continue
			}
		case llm.PartImage, llm.PartFile: // checked when they were laid
		case llm.PartOpaque:
			if part.Origin != vendor {
				continue
			}
		default:
			continue
		}
		w.comma(`,"content":[`, &first)
		w.appendPart(part, "")
	}
	if !first {
		w.b = append(w.b, ']')
	}
	w.appendMark(p.cache())
	w.b = append(w.b, '}')
}
