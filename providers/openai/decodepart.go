package openai

import (
	"bytes"
	"slices"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// content reads a content: a string, a list of parts, or nothing. Empty texts are left out.
func (r *reading) content(v []byte) (parts []llm.Part) {
	switch {
	case v == nil:
	case v[0] == '"':
		if t := r.text(v, "content"); len(t) > 0 {
			parts = []llm.Part{{Kind: llm.PartText, Text: t}}
		}
	case v[0] == '[':
		r.elements(v, "content", func(i int, v []byte) {
			r.part = i
			parts = r.contentPart(parts, v)
		})
		r.part = -1
	default:
		r.refuse("content", "must be a string or a list of parts")
	}
	return parts
}

// partTypes are the kinds of parts. The value of a part stands in a member that is called like its kind.
var partTypes = [...]string{"text", "refusal", "image_url", "input_audio", "file", "thinking"}

// contentPart adds one part of a content.
func (r *reading) contentPart(parts []llm.Part, v []byte) []llm.Part {
	if v[0] == '"' { // a bare string, which many servers take
		if t := r.text(v, ""); len(t) > 0 {
			parts = append(parts, llm.Part{Kind: llm.PartText, Text: t})
		}
		return parts
	}
	var kind llm.Text
	var values [len(partTypes)][]byte
	var mark string
	r.members(v, "", func(key, v []byte) {
		switch string(key) {
		case "type":
			kind = r.text(v, "type")
		case "text", "refusal", "image_url", "input_audio", "file", "thinking":
			values[slices.Index(partTypes[:], string(key))] = v
		case "prompt_cache_breakpoint", "cache_control":
			mark = r.cacheMark("messages.content.", string(key), v)
		case "annotations": // clients give back what they got
		default:
			if string(key) != wire.Meaning(kind) {
				r.unknown("messages.content.", key, v)
			}
		}
	})
	if r.err != nil {
		return parts
	}
	var value []byte
	i := slices.Index(partTypes[:], wire.Meaning(kind))
	if i >= 0 {
		value = values[i]
	}
	p, ok := r.typedPart(wire.Meaning(kind), value)
	if !ok {
		return parts
	}
	p.Cache = mark
	return append(parts, p)
}

// typedPart reads what the type of a part promises; ok is false where there is nothing to say.
func (r *reading) typedPart(kind string, v []byte) (p llm.Part, ok bool) {
	switch kind {
	case "text", "refusal", "image_url", "input_audio", "file", "thinking":
		if v == nil {
			r.refuse(kind, "is missing; a part of this type must have it")
			return p, false
		}
	case "":
		r.refuse("type", "must be a string that names the kind of the part, such as \"text\"")
		return p, false
	default: // another server's kind of content, such as a video
		r.c.Use(llm.FeatureVital, "messages.content.type")
		return p, false
	}
	switch kind {
	case "text":
		p = llm.Part{Kind: llm.PartText, Text: r.text(v, "text")}
		return p, len(p.Text) > 0
	case "refusal":
		p = llm.Part{Kind: llm.PartRefusal, Text: r.text(v, "refusal")}
		return p, len(p.Text) > 0
	case "image_url":
		return r.image(v), r.err == nil
	case "input_audio":
		return r.audio(v), r.err == nil
	case "file":
		return r.file(v), r.err == nil
	}
	p = llm.Part{Kind: llm.PartThinking, Text: r.thinkingText(v)}
	if len(p.Text) > 0 {
		r.c.Use(llm.FeatureThinking, "messages.content.thinking")
	}
	return p, len(p.Text) > 0
}

// thinkingText reads the text of Mistral's thinking part: a string, or a list of text parts.
func (r *reading) thinkingText(v []byte) (t llm.Text) {
	if v[0] == '"' {
		return r.text(v, "thinking")
	}
	r.elements(v, "thinking", func(_ int, v []byte) {
		r.members(v, "thinking", func(key, v []byte) {
			if string(key) == "text" {
				t = append(t, r.text(v, "thinking.text")...)
			}
		})
	})
	return t
}

// cacheMark reads where a cached prefix ends, in OpenAI's or OpenRouter's form. Lifetimes other than an hour or more
// count as the short one.
func (r *reading) cacheMark(before, field string, v []byte) string {
	mark := "5m"
	r.members(v, field, func(key, v []byte) {
		switch string(key) {
		case "ttl":
			if ttl := wire.Meaning(r.text(v, field+".ttl")); strings.HasSuffix(ttl, "h") {
				mark = "1h"
			}
		case "mode", "type":
		default:
			r.unknown(before+field+".", key, v)
		}
	})
	r.c.Use(llm.FeatureCacheMarks, before+field)
	return mark
}

func (r *reading) image(v []byte) llm.Part {
	p := llm.Part{Kind: llm.PartImage}
	if v[0] == '"' { // a bare address, which many servers take
		r.address(&p, r.text(v, "image_url"), "image_url")
	} else {
		found := false
		r.members(v, "image_url", func(key, v []byte) {
			switch string(key) {
			case "url":
				found = true
				r.address(&p, r.text(v, "image_url.url"), "image_url.url")
			case "detail":
				r.detail(&p, v)
			default:
				r.unknown("messages.content.image_url.", key, v)
			}
		})
		if !found {
			r.refuse("image_url.url", "must be a string: an address, or a data: URL that holds the picture")
		}
	}
	if p.URL != nil {
		r.c.Use(llm.FeatureImageURLs, "messages.content.image_url")
	} else {
		r.c.Use(llm.FeatureImages, "messages.content.image_url")
	}
	if p.Data != nil && !strings.HasPrefix(p.Media, "image/") {
		r.refuse("image_url.url", "must be a picture; its data: URL names another type")
	}
	return p
}

func (r *reading) detail(p *llm.Part, v []byte) {
	switch detail := wire.Meaning(r.text(v, "image_url.detail")); detail {
	case "", "auto":
	case "low", "high", "original":
		p.Detail = detail
		r.c.Use(llm.FeatureImageDetail, "messages.content.image_url.detail")
	default:
		r.refuse("image_url.detail", "must be one of auto, low, high and original")
	}
}

// address reads a URL: a data: URL is the content itself, any other stays what it is and is never fetched.
func (r *reading) address(p *llm.Part, t llm.Text, field string) {
	url, copied := flat(t)
	if len(url) == 0 {
		r.refuse(field, "must not be empty")
		return
	}
	const scheme = "data:"
	if len(url) < len(scheme) || !strings.EqualFold(string(url[:len(scheme)]), scheme) {
		p.URL = t
		return
	}
	comma := bytes.IndexByte(url, ',')
	if comma < 0 || comma > 256 || !strings.HasSuffix(strings.ToLower(string(url[:comma])), ";base64") {
		r.refuse(field, "must be a data: URL with base64, such as \"data:image/png;base64,...\"")
		return
	}
	media, _, _ := strings.Cut(strings.ToLower(string(url[len(scheme):comma])), ";")
	if media = strings.TrimSpace(media); media == "" {
		media = "text/plain" // RFC 2397
	}
	r.data(p, media, url[comma+1:], copied, field)
}

// flat is what a text means: the text itself where it holds no escapes. A "\/" is one, and some serializers write it
// even in base64.
func flat(t llm.Text) (b []byte, copied bool) {
	if bytes.IndexByte(t, '\\') < 0 {
		return t, false
	}
	return wire.AppendUnescaped(make([]byte, 0, len(t)), t), true
}

// data takes over base64. It is not decoded, but it must be able to stand in a string; what was not copied was checked.
func (r *reading) data(p *llm.Part, media string, b []byte, copied bool, field string) {
	if copied && (bytes.IndexByte(b, '\\') >= 0 || !wire.Sound(b)) || string(wire.TextOf(media)) != media {
		r.refuse(field, "must hold base64")
		return
	}
	p.Media, p.Data = media, b
}

// soundTypes are the formats of sound in this dialect, by their media type.
var soundTypes = map[string]string{"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav"}

func (r *reading) audio(v []byte) llm.Part {
	p := llm.Part{Kind: llm.PartAudio}
	format := "wav"
	var data llm.Text
	r.members(v, "input_audio", func(key, v []byte) {
		switch string(key) {
		case "data":
			data = r.text(v, "input_audio.data")
		case "format":
			format = strings.ToLower(wire.Meaning(r.text(v, "input_audio.format")))
		default:
			r.unknown("messages.content.input_audio.", key, v)
		}
	})
	if len(data) == 0 {
		r.refuse("input_audio.data", "must be a string that holds the sound as base64")
	}
	if format == "mp3" {
		format = "mpeg"
	}
	b, copied := flat(data)
	r.data(&p, "audio/"+format, b, copied, "input_audio.data")
	r.c.Use(llm.FeatureAudio, "messages.content.input_audio")
	return p
}

func (r *reading) file(v []byte) llm.Part {
	const field = "messages.content.file"
	p := llm.Part{Kind: llm.PartFile}
	r.members(v, "file", func(key, v []byte) {
		switch string(key) {
		case "file_data":
			r.fileData(&p, v)
		case "file_id":
			p.FileID = r.text(v, "file.file_id")
		case "filename":
			p.Name = r.text(v, "file.filename")
		default:
			r.unknown(field+".", key, v)
		}
	})
	switch {
	case r.err != nil:
	case p.Data != nil && p.Media == "application/pdf":
		r.c.Use(llm.FeatureFiles, field)
	case p.Data != nil:
		r.c.Use(llm.FeatureOtherFiles, field)
	case p.URL != nil:
		r.c.Use(llm.FeatureFileURLs, field)
	case len(p.FileID) > 0:
		r.c.Use(llm.FeatureFileIDs, field)
	default:
		r.refuse("file", "must hold file_data or file_id")
	}
	return p
}

// fileData reads a file: a data: URL, an address (OpenRouter takes one), or bare base64, which is PDF.
func (r *reading) fileData(p *llm.Part, v []byte) {
	t := r.text(v, "file.file_data")
	if colon := bytes.IndexByte(t, ':'); colon > 0 && colon < 16 {
		r.address(p, t, "file.file_data")
		return
	}
	if b, copied := flat(t); len(b) > 0 {
		r.data(p, "application/pdf", b, copied, "file.file_data")
	}
}
