package anthropic

import (
	"strings"
	"testing"

	"localrouter/providers/llm"
)

var (
	body2K = `{"model":"lab/m","stream":true,"max_tokens":100,"messages":[{"role":"user","content":"` + strings.Repeat("some words ", 180) + `"}]}`
	body2M = `{"model":"lab/m","max_tokens":100,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + strings.Repeat("iVBORw0K", 250_000) + `"}}]}]}`
)

func benchScan(b *testing.B, body string) {
	codec, bytes := NewCodec(), []byte(body)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.Scan(llm.Chat, "/messages", bytes); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScan2K(b *testing.B) { benchScan(b, body2K) }
func BenchmarkScan2M(b *testing.B) { benchScan(b, body2M) }

func benchDecode(b *testing.B, body string) {
	req := scan(b, llm.Chat, body)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewCodec().Decode(req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode2K(b *testing.B) { benchDecode(b, body2K) }
func BenchmarkDecode2M(b *testing.B) { benchDecode(b, body2M) }

func benchSpell(b *testing.B, body string) {
	req := scan(b, llm.Chat, body)
	req.Conversation = decode(b, body)
	o := everything(&llm.Order{Request: req, ID: sonnet45, Model: about(sonnet45)})
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := spell(o, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpell2K(b *testing.B) { benchSpell(b, body2K) }
func BenchmarkSpell2M(b *testing.B) { benchSpell(b, body2M) }

// BenchmarkDecodeChunk is what one delta of a stream costs to read.
func BenchmarkDecodeChunk(b *testing.B) {
	d := newDecoder(nil)
	name, data := []byte("content_block_delta"), []byte(blockDelta(0, `{"type":"text_delta","text":"some more words"}`))
	if _, err := d.Event(nil, []byte("content_block_start"), []byte(blockStart(0, `{"type":"text","text":""}`))); err != nil {
		b.Fatal(err)
	}
	var list []llm.Event
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if list, err = d.Event(list[:0], name, data); err != nil || len(list) != 1 {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodeChunk is what one delta costs to write.
func BenchmarkEncodeChunk(b *testing.B) {
	enc := NewCodec().Encoder(&llm.Request{Stream: true}, lab)
	e := said1("some more words")
	buf := enc.Append(make([]byte, 0, 4096), &e)
	b.ReportAllocs()
	for b.Loop() {
		buf = enc.Append(buf[:0], &e)
	}
}

// TestNoGarbagePerDelta: a delta is read and written without allocating, and a picture is copied once.
func TestNoGarbagePerDelta(t *testing.T) {
	d, enc := newDecoder(nil), NewCodec().Encoder(&llm.Request{Stream: true}, lab)
	data := []byte(blockDelta(0, `{"type":"text_delta","text":"some \u00e9 words"}`))
	list, buf := make([]llm.Event, 0, 4), make([]byte, 0, 4096)
	step := func() {
		list, _ = d.Event(list[:0], nil, data)
		buf = enc.Append(buf[:0], &list[0])
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations for each delta", n)
	}
	req := scan(t, llm.Chat, body2M)
	c, err := NewCodec().Decode(req)
	if err != nil {
		t.Fatal(err)
	}
	req.Conversation = c
	sp, failed := spell(everything(&llm.Order{Request: req, ID: sonnet45}), nil)
	if failed != nil || cap(sp.body) > len(sp.body)+8192 {
		t.Errorf("%v, a buffer of %d for %d", failed, cap(sp.body), len(sp.body))
	}
	if &req.Conversation.Turns[0].Parts[0].Data[0] != &req.Body[strings.Index(body2M, "iVBOR")] {
		t.Error("the picture was copied when it was read")
	}
}
