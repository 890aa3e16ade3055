package server

import (
	"bufio"
	"bytes"
	"errors"
	"mime"
	"net/textproto"
	"strings"

	"localrouter/providers/llm"
)

const (
	partHeaderMax = 8 << 10 // bytes of one part's header
	formModelMax  = 512     // bytes of the model field's value
)

var (
	errDelimiter   = errors.New("its boundary stands where no part begins or ends")
	errPartHeader  = errors.New("the header of one of its parts is malformed or longer than 8 KiB")
	errModelField  = errors.New("its model field is not a plain text field named \"model\" of at most 512 bytes")
	errSecondModel = errors.New("it has two model fields; send one")
)

// form follows the parts of a multipart form in bytes that arrive in pieces. It is strict where parsers differ: what
// two of them could read in two ways is refused, because one of them decides here and another at the provider.
type form struct {
	dash  []byte // "--boundary"
	at    int    // how far the bytes have been looked at
	phase phase
	begun bool // the first delimiter was seen
	value int  // where the model's value begins, -1 outside of it
	seen  bool // the model field was found
}

type phase int

const (
	inContent phase = iota // looking for the next delimiter
	inHeader               // of a part
	afterEnd               // the closing delimiter was seen
)

func newForm(boundary string) *form { return &form{dash: []byte("--" + boundary), value: -1} }

// rebase tells the form that everything before at was taken away.
func (f *form) rebase() { f.at = 0 }

// model looks on in b, which holds all bytes from the last rebase on, and reports where the value of a model field
// stands once it is whole. False means that more bytes are needed.
func (f *form) model(b []byte) (at llm.Span, found bool, err error) {
	for {
		switch f.phase {
		case afterEnd:
			f.at = len(b)
			return llm.Span{}, false, nil
		case inHeader:
			end := bytes.Index(b[f.at:], []byte("\r\n\r\n"))
			if end > partHeaderMax || end < 0 && len(b)-f.at > partHeaderMax {
				return llm.Span{}, false, errPartHeader
			}
			if end < 0 {
				return llm.Span{}, false, nil
			}
			isModel, err := partIsModel(b[f.at : f.at+end+4])
			if err != nil {
				return llm.Span{}, false, err
			}
			f.at += end + 4
			if isModel {
				if f.seen {
					return llm.Span{}, false, errSecondModel
				}
				f.value = f.at
			}
			// The two bytes of the line break belong to the delimiter of an empty part too.
			f.at -= 2
			f.phase = inContent
		case inContent:
			at, found, more, err := f.content(b)
			if err != nil || found || more {
				return at, found, err
			}
		}
	}
}

// content looks for the delimiter that ends a part. more reports that it has not come yet.
func (f *form) content(b []byte) (at llm.Span, found, more bool, err error) {
	i := bytes.Index(b[f.at:], f.dash)
	if f.value >= 0 && (i < 0 && len(b)-f.value > formModelMax+len(f.dash)+4 || i >= 0 && f.at+i-2-f.value > formModelMax) {
		return at, false, false, errModelField
	}
	if i < 0 {
		if !f.begun {
			if len(b) >= len(f.dash)+2 {
				return at, false, false, errDelimiter // text before the first part: nobody sends it
			}
			return at, false, true, nil
		}
		if f.value < 0 { // a model's value is looked at again when it is whole
			f.at = max(f.at, len(b)-len(f.dash)-1)
		}
		return at, false, true, nil
	}
	i += f.at
	after := i + len(f.dash)
	if len(b) < after+2 {
		return at, false, true, nil
	}
	switch {
	case !f.begun && i != 0 && !(i == 2 && b[0] == '\r' && b[1] == '\n'),
		f.begun && (i < f.at+2 || b[i-2] != '\r' || b[i-1] != '\n'):
		return at, false, false, errDelimiter
	case b[after] == '\r' && b[after+1] == '\n':
		f.phase = inHeader
	case f.begun && b[after] == '-' && b[after+1] == '-':
		f.phase = afterEnd
	default:
		return at, false, false, errDelimiter
	}
	f.begun = true
	f.at = after + 2
	if f.value >= 0 {
		at, found = llm.Span{Start: f.value, End: max(f.value, i-2)}, true
		f.value, f.seen = -1, true
		if !at.Found() {
			return at, false, false, errModelField
		}
	}
	return at, found, false, nil
}

// partIsModel reports whether a part's header names the model field.
func partIsModel(header []byte) (bool, error) {
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(header))).ReadMIMEHeader()
	if err != nil || len(h["Content-Disposition"]) != 1 {
		return false, errPartHeader
	}
	kind, params, err := mime.ParseMediaType(h["Content-Disposition"][0])
	if err != nil || kind != "form-data" {
		return false, errPartHeader
	}
	name, file := params["name"], false
	_, file = params["filename"]
	if !strings.EqualFold(strings.TrimSpace(name), "model") {
		return false, nil
	}
	coding := h["Content-Transfer-Encoding"]
	if name != "model" || file || len(coding) > 0 {
		return false, errModelField
	}
	return true, nil
}
