package openai

import (
	"testing"

	"localrouter/providers/llm"
)

const benchChunk = `{"id":"chatcmpl-9lNJQ2d3","object":"chat.completion.chunk","created":1795377600,"model":"gpt-6-sol","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{"content":"some more words"},"logprobs":null,"finish_reason":null}],"usage":null}`

func benchDecoder(b *testing.B, chunks ...string) {
	d := newDecoder(nil, minted())
	var data [][]byte
	for _, c := range chunks {
		data = append(data, []byte(c))
	}
	events, _ := d.Event(nil, nil, data[0])
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var err error
		if events, err = d.Event(events[:0], nil, data[i%len(data)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeChunk is a chunk in the frame of the one before.
func BenchmarkDecodeChunk(b *testing.B) { benchDecoder(b, benchChunk) }

// BenchmarkDecodeChunkAnew is a chunk whose frame changes each time.
func BenchmarkDecodeChunkAnew(b *testing.B) {
	benchDecoder(b, benchChunk, delta(`{"content":"some more words"}`))
}

func BenchmarkDecodeArguments(b *testing.B) {
	benchDecoder(b, callDelta(`{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a"}}`), callDelta(`{"index":0,"function":{"arguments":"bc"}}`))
}

func BenchmarkEncodeChunk(b *testing.B) {
	enc := Codec{}.Encoder(&llm.Request{Stream: true, WantsUsage: true}, answeredAs)
	e := llm.Event{Kind: llm.EventText, Text: llm.Text("some more words")}
	dst := enc.Append(make([]byte, 0, 4096), &e)
	b.ReportAllocs()
	for b.Loop() {
		dst = enc.Append(dst[:0], &e)
	}
}

// benchTranslate decodes a request and spells it.
func benchTranslate(b *testing.B, body []byte) {
	req, err := NewCodec().Scan(llm.Chat, "/chat/completions", body)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if req.Conversation, err = NewCodec().Decode(req); err != nil {
			b.Fatal(err)
		}
		if _, err := spell(&llm.Order{Request: req, ID: "m", Plan: everything}, fullStyle); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTranslate2K(b *testing.B) { benchTranslate(b, body2K) }
func BenchmarkTranslate2M(b *testing.B) { benchTranslate(b, body2M) }

func BenchmarkDecode2M(b *testing.B) {
	req, err := NewCodec().Scan(llm.Chat, "/chat/completions", body2M)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body2M)))
	for b.Loop() {
		if _, err := NewCodec().Decode(req); err != nil {
			b.Fatal(err)
		}
	}
}
