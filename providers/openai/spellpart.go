package openai

import (
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// item is one piece of a content: a part, or a text of ours.
type item struct {
	part   *llm.Part // nil for a text
	text   llm.Text
	before string // stands before the text
	cache  string
}

// take adds a part to the message in hand as far as it is kept. Of a tool's result it is only asked for words here.
func (s *speller) take(p *llm.Part, inResult bool) {
	switch {
	case p.Kind == llm.PartText, p.Kind == llm.PartRefusal:
		if len(p.Text) > 0 {
			s.items = append(s.items, item{text: p.Text, cache: p.Cache})
		}
	case p.Kind == llm.PartFile && p.Text != nil:
		if !s.kept(llm.FeatureFileTexts) && !s.kept(llm.FeatureSearchResults) {
			return
		}
		s.items = append(s.items, item{text: document(p), cache: p.Cache})
	case inResult && s.keptInResult(p), !inResult && s.keptMedia(p):
		s.items = append(s.items, item{part: p, cache: p.Cache})
	}
}

// carry adds a part to those that go into the next user's message, behind a label that says whose it is.
func (s *speller) carry(list []item, p *llm.Part, label string) []item {
	if !s.keptInResult(p) && !s.keptMedia(p) {
		return list
	}
	if label != "" {
		list = append(list, item{text: wire.TextOf(label)})
	}
	return append(list, item{part: p, cache: p.Cache})
}

// keptMedia reports whether a part other than text is to be spelled.
func (s *speller) keptMedia(p *llm.Part) bool {
	switch {
	case p.Kind == llm.PartAudio:
		return p.Data != nil && s.kept(llm.FeatureAudio)
	case p.Kind != llm.PartImage && p.Kind != llm.PartFile:
		return false
	case p.FileID != nil:
		return p.Kind == llm.PartFile && s.kept(llm.FeatureFileIDs)
	case p.Kind == llm.PartImage && p.URL != nil:
		return s.kept(llm.FeatureImageURLs)
	case p.Kind == llm.PartImage:
		return p.Data != nil && s.kept(llm.FeatureImages)
	case p.URL != nil:
		return s.kept(llm.FeatureFileURLs)
	case p.Media == "application/pdf":
		return p.Data != nil && s.kept(llm.FeatureFiles)
	}
	return p.Data != nil && s.kept(llm.FeatureOtherFiles)
}

// keptInResult is keptMedia for what stands in a tool's result.
func (s *speller) keptInResult(p *llm.Part) bool {
	if p.Data == nil && p.URL == nil {
		return false
	}
	if p.Kind == llm.PartImage {
		return s.kept(llm.FeatureToolImages)
	}
	return (p.Kind == llm.PartFile || p.Kind == llm.PartAudio) && s.kept(llm.FeatureToolFiles)
}

// document is a document of text with its title and source, as text: in the form that models know from web pages.
func document(p *llm.Part) llm.Text {
	t := append(make(llm.Text, 0, len(p.Text)+len(p.Name)+len(p.URL)+64), `<document`...)
	if len(p.Name) > 0 {
		t = append(append(append(t, ` title=\"`...), p.Name...), `\"`...)
	}
	if len(p.URL) > 0 {
		t = append(append(append(t, ` source=\"`...), p.URL...), `\"`...)
	}
	t = append(append(t, `>\n`...), p.Text...)
	return append(t, `\n</document>`...)
}

// content appends the items as the content of a message. Nothing but text is one string, as every server takes it,
// unless a mark must stand at a part of it.
func (s *speller) content() {
	s.dst = append(s.dst, `,"content":`...)
	if s.flat() {
		s.dst = append(s.dst, '"')
		for i := range s.items {
			if i > 0 {
				s.dst = append(s.dst, `\n\n`...)
			}
			s.dst = s.text(s.dst, &s.items[i])
		}
		s.dst = append(s.dst, '"')
		return
	}
	s.dst = append(s.dst, '[')
	for i := range s.items {
		if i > 0 {
			s.dst = append(s.dst, ',')
		}
		s.part(&s.items[i])
	}
	s.dst = append(s.dst, ']')
}

func (s *speller) text(dst []byte, it *item) []byte {
	return append(append(dst, it.before...), it.text...)
}

// flat reports whether the items are text without marks.
func (s *speller) flat() bool {
	for i := range s.items {
		if s.items[i].part != nil || s.marked(s.items[i].cache) {
			return false
		}
	}
	return true
}

// part appends one element of a content.
func (s *speller) part(it *item) {
	switch p := it.part; {
	case p == nil:
		s.dst = append(s.text(append(s.dst, `{"type":"text","text":"`...), it), '"')
	case p.Kind == llm.PartImage:
		s.dst = append(s.dst, `{"type":"image_url","image_url":{"url":"`...)
		s.address(p)
		if p.Detail != "" && s.kept(llm.FeatureImageDetail) {
			s.dst = append(wire.AppendEscaped(append(s.dst, `,"detail":"`...), p.Detail), '"')
		}
		s.dst = append(s.dst, '}')
	case p.Kind == llm.PartAudio:
		s.dst = append(append(s.dst, `{"type":"input_audio","input_audio":{"data":"`...), p.Data...)
		s.dst = append(wire.AppendEscaped(append(s.dst, `","format":"`...), soundFormat(p.Media)), `"}`...)
	default:
		s.file(p)
	}
	s.mark(it.cache)
	s.dst = append(s.dst, '}')
}

// address appends where a picture or file is, or the thing itself as a data: URL, and the quote behind it.
func (s *speller) address(p *llm.Part) {
	if p.Data == nil {
		s.dst = append(append(s.dst, p.URL...), '"')
		return
	}
	s.dst = append(wire.AppendEscaped(append(s.dst, "data:"...), p.Media), ";base64,"...)
	s.dst = append(append(s.dst, p.Data...), '"')
}

func (s *speller) file(p *llm.Part) {
	s.dst = append(s.dst, `{"type":"file","file":{`...)
	if p.FileID != nil {
		s.dst = append(quoted(append(s.dst, `"file_id":`...), p.FileID), '}')
		return
	}
	name := p.Name
	if len(name) == 0 {
		name = llm.Text("document.pdf") // data without a name is refused
	}
	s.dst = append(quoted(append(s.dst, `"filename":`...), name), `,"file_data":"`...)
	s.address(p)
	s.dst = append(s.dst, '}')
}

// soundFormat is what this dialect calls a type of sound.
func soundFormat(media string) string {
	if f := soundTypes[media]; f != "" {
		return f
	}
	return strings.TrimPrefix(media, "audio/")
}

// marked reports whether the end of a cached prefix is to be marked.
func (s *speller) marked(cache string) bool {
	return cache != "" && s.st.Marks != MarksNot && s.kept(llm.FeatureCacheMarks)
}

func (s *speller) mark(cache string) {
	if !s.marked(cache) {
		return
	}
	if s.st.Marks == MarksBreakpoint {
		s.dst = append(s.dst, `,"prompt_cache_breakpoint":{"mode":"explicit"}`...)
		return
	}
	s.dst = append(s.dst, `,"cache_control":{"type":"ephemeral"`...)
	if cache == "1h" {
		s.dst = append(s.dst, `,"ttl":"1h"`...)
	}
	s.dst = append(s.dst, '}')
}
