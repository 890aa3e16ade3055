package sse

import (
	"fmt"
	"strings"
	"testing"
)

// read feeds s in the given pieces and tells what came out, and that no byte was lost.
func read(t testing.TB, pieces ...string) []string {
	t.Helper()
	var s Scanner
	var buf, seen []byte
	var out []string
	for _, p := range pieces {
		buf = append(buf, p...)
		for {
			e, n, ok := s.Next(buf)
			if !ok {
				break
			}
			if n <= 0 || n > len(buf) {
				t.Fatalf("Next consumed %d of %d bytes", n, len(buf))
			}
			if e.Data != nil {
				out = append(out, fmt.Sprintf("%s|%s", e.Name, e.Data))
			}
			seen = append(seen, buf[:n]...)
			buf = append([]byte(nil), buf[n:]...)
		}
	}
	if e, _ := s.Rest(buf); e.Data != nil {
		out = append(out, fmt.Sprintf("rest %s|%s", e.Name, e.Data))
	}
	seen = append(seen, buf...)
	if all := strings.Join(pieces, ""); string(seen) != all {
		t.Fatalf("bytes changed:\n got %q\nwant %q", seen, all)
	}
	return out
}

var cases = []struct {
	name, stream string
	want         []string
}{
	{"one event", "data: {\"a\":1}\n\n", []string{"|{\"a\":1}"}},
	{"no space after the colon", "data:x\n\n", []string{"|x"}},
	{"only the first space is framing", "data:  x\n\n", []string{"| x"}},
	{"CR LF", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"|a", "|b"}},
	{"CR alone", "data: a\r\rdata: b\r\r", []string{"|a", "|b"}},
	{"mixed line ends", "data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", []string{"|a", "|b", "|c"}},
	{"several data lines are joined", "data: a\ndata: b\ndata: c\n\n", []string{"|a\nb\nc"}},
	{"comments are no events", ": OPENROUTER PROCESSING\n\n: x\ndata: a\n\n", []string{"|a"}},
	{"byte order mark", "\xEF\xBB\xBFdata: a\n\n", []string{"|a"}},
	{"names", "event: ping\ndata: {}\n\ndata: a\n\n", []string{"ping|{}", "|a"}},
	{"blank lines between", "\n\ndata: a\n\n\n\ndata: b\n\n", []string{"|a", "|b"}},
	{"other fields", "id: 7\nretry: 10\ndata: a\nfoo\n\n", []string{"|a"}},
	{"characters of several bytes", "data: héllo 你好 🎈\n\n", []string{"|héllo 你好 🎈"}},
	{"missing final line end", "data: a\n\ndata: [DONE]", []string{"|a", "rest |[DONE]"}},
	{"missing blank line", "data: a\n\ndata: [DONE]\n", []string{"|a", "rest |[DONE]"}},
	{"missing line feed of the last CR LF", "data: [DONE]\r\n\r", []string{"|[DONE]"}},
	{"empty data", "data:\n\n", []string{"|"}},
}

// TestEveryCut: an event is the same wherever the network cut it.
func TestEveryCut(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			check := func(pieces ...string) {
				t.Helper()
				if got := read(t, pieces...); fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Fatalf("pieces %q\n got %q\nwant %q", pieces, got, c.want)
				}
			}
			check(c.stream)
			check(strings.Split(c.stream, "")...)
			for i := range len(c.stream) {
				for j := i; j < len(c.stream); j++ {
					check(c.stream[:i], c.stream[i:j], c.stream[j:])
				}
			}
			var bytewise []string
			for i := range len(c.stream) {
				bytewise = append(bytewise, c.stream[i:i+1])
			}
			check(bytewise...)
		})
	}
}

// FuzzScanner: no bytes crash it, none are lost, and cutting them changes nothing.
func FuzzScanner(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.stream), uint16(3), uint16(9))
	}
	f.Fuzz(func(t *testing.T, stream []byte, a, b uint16) {
		i, j := int(a)%(len(stream)+1), int(b)%(len(stream)+1)
		if i > j {
			i, j = j, i
		}
		whole := read(t, string(stream))
		cut := read(t, string(stream[:i]), string(stream[i:j]), string(stream[j:]))
		if fmt.Sprintf("%q", whole) != fmt.Sprintf("%q", cut) {
			t.Fatalf("cut at %d and %d of %q\n got %q\nwant %q", i, j, stream, cut, whole)
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	event := []byte("data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + strings.Repeat("x", 40) + "\"},\"finish_reason\":null}]}\n\n")
	var s Scanner
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		if _, n, ok := s.Next(event); !ok || n != len(event) {
			b.Fatal("no event")
		}
	}
}
