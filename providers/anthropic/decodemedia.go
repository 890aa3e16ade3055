package anthropic

import (
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// source is where a picture or document comes from.
type source struct {
	kind, media                    string
	types, data, url, file, inside []byte
}

func (s *source) member(key, v []byte) bool {
	switch string(key) {
	case "type":
		s.kind = wire.Text(v)
	case "media_type":
		s.types = v
	case "data":
		s.data = v
	case "url":
		s.url = v
	case "file_id":
		s.file = v
	case "content":
		s.inside = v
	}
	return true
}

func (d *decoding) source(f *fields) (s source) {
	if len(f.source) == 0 || f.source[0] != '{' {
		d.fail(d.here()+".source", "must be an object with a type")
		return s
	}
	wire.Members(f.source, s.member)
	s.media = strings.ToLower(wire.Cut(d.ident("source.media_type", s.types), 128))
	return s
}

func (d *decoding) image(f *fields) llm.Part {
	p := llm.Part{Kind: llm.PartImage}
	switch s := d.source(f); s.kind {
	case "base64":
		p.Media, p.Data = s.media, d.said("source.data", s.data)
		if p.Media == "" || len(p.Data) == 0 {
			d.fail(d.here()+".source", "must have a media_type and data")
		}
		d.c.Use(llm.FeatureImages, "messages.content.image")
	case "url":
		if p.URL = d.said("source.url", s.url); len(p.URL) == 0 {
			d.fail(d.here()+".source.url", "is missing")
		}
		d.c.Use(llm.FeatureImageURLs, "messages.content.image.source.url")
	case "file":
		if p.FileID = d.said("source.file_id", s.file); len(p.FileID) == 0 {
			d.fail(d.here()+".source.file_id", "is missing")
		}
		d.c.Use(llm.FeatureFileIDs, "messages.content.image.source.file_id")
	default:
		d.fail(d.here()+".source.type", "must be \"base64\", \"url\" or \"file\"")
	}
	return p
}

const (
	mediaPDF  = "application/pdf"
	mediaText = "text/plain"
)

func (d *decoding) document(raw []byte, f *fields) llm.Part {
	p := llm.Part{Kind: llm.PartFile, Name: d.said("title", f.title)}
	switch s := d.source(f); s.kind {
	case "base64":
		if p.Media, p.Data = s.media, d.said("source.data", s.data); p.Media == "" || len(p.Data) == 0 {
			d.fail(d.here()+".source", "must have a media_type and data")
		}
		if p.Media == mediaPDF {
			d.c.Use(llm.FeatureFiles, "messages.content.document")
		} else {
			d.c.Use(llm.FeatureOtherFiles, "messages.content.document.source.media_type")
		}
	case "text":
		p.Media, p.Text = mediaText, d.said("source.data", s.data)
		d.c.Use(llm.FeatureFileTexts, "messages.content.document")
	case "content":
		text, ok := d.plainText("source.content", s.inside)
		if !ok { // pictures between the texts: no other dialect has such a document
			return d.opaque(raw, f, llm.User)
		}
		p.Media, p.Text = mediaText, text
		d.c.Use(llm.FeatureFileTexts, "messages.content.document")
	case "url":
		if p.URL = d.said("source.url", s.url); len(p.URL) == 0 {
			d.fail(d.here()+".source.url", "is missing")
		}
		d.c.Use(llm.FeatureFileURLs, "messages.content.document.source.url")
	case "file":
		if p.FileID = d.said("source.file_id", s.file); len(p.FileID) == 0 {
			d.fail(d.here()+".source.file_id", "is missing")
		}
		d.c.Use(llm.FeatureFileIDs, "messages.content.document.source.file_id")
	default:
		d.fail(d.here()+".source.type", "must be \"base64\", \"text\", \"content\", \"url\" or \"file\"")
	}
	if !wire.Empty(f.context) {
		d.c.Use(llm.FeatureOther, "messages.content.document.context")
	}
	if p.Cite = cites(f.citations); p.Cite {
		d.c.Use(llm.FeatureCitations, "messages.content.document.citations")
	}
	return p
}

// searchResult is a passage with its source. Other dialects have a document of text at best: the source goes on top.
func (d *decoding) searchResult(f *fields) llm.Part {
	text, ok := d.plainText("content", f.content)
	if !ok {
		d.fail(d.here()+".content", "must be a list of text blocks")
	}
	if from := d.said("source", f.source); len(from) > 0 {
		head := append(llm.Text("Source: "), from...)
		text = joined([]llm.Text{head, text})
	}
	d.c.Use(llm.FeatureSearchResults, "messages.content.search_result")
	p := llm.Part{Kind: llm.PartFile, Media: mediaText, Text: text, Name: d.said("title", f.title)}
	if p.Cite = cites(f.citations); p.Cite {
		d.c.Use(llm.FeatureCitations, "messages.content.search_result.citations")
	}
	return p
}

// plainText joins a string or blocks of text; ok is false where there is anything else.
func (d *decoding) plainText(name string, v []byte) (t llm.Text, ok bool) {
	if len(v) == 0 {
		return nil, false
	}
	if v[0] == '"' {
		return d.said(name, v), true
	}
	var list []llm.Text
	ok = v[0] == '['
	wire.Elements(v, func(v []byte) bool {
		var f fields
		if !f.read(v) || string(f.kind) != "text" || f.text == nil {
			ok = false
			return false
		}
		list = append(list, d.said(name, f.text))
		return true
	})
	return joined(list), ok
}

// cites reports whether citations are asked for.
func cites(v []byte) (on bool) {
	if len(v) == 0 || v[0] != '{' {
		return false
	}
	wire.Members(v, func(key, v []byte) bool {
		if string(key) == "enabled" {
			on = string(v) == "true"
		}
		return true
	})
	return on
}
