package tokens

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"

	"localrouter/providers/llm"
)

// What a vendor charges for a picture depends on its size alone. Claude takes one token for each patch of 28 x 28 pixels
// after the picture was shrunk to 1,568 pixels and about 1,568 tokens, newer models to 2,576 and 4,784. OpenAI's rules
// differ by model: here, patches of 32 x 32, at most 1,536 of them, as of gpt-4.1-mini and gpt-5-mini; models that count
// tiles charge down to three quarters of that, gpt-6 1.2 times.
var pictures = [...]struct{ patch, edge, most int }{
	OpenAI:    {32, 2048, 1536},
	Claude:    {28, 1568, 1568},
	ClaudeNew: {28, 2576, 4784},
}

const (
	lowDetail   = 85   // OpenAI's price of a picture in low detail
	usualSide   = 1024 // of a picture whose size cannot be seen: one by address, or of an unknown format
	pageBytes   = 50_000
	pageTokens  = 2500 // of a page of a PDF, which is read as text (1,500 to 3,000 by Anthropic's page) and as a picture
	mostPages   = 600
	soundSecond = 10 // tokens
	unknownFile = pageTokens * 4
)

// image is about what a picture costs.
func image(p *llm.Part, f Family) int64 {
	if f == OpenAI && p.Detail == "low" {
		return lowDetail
	}
	width, height := size(p.Data)
	if width <= 0 || height <= 0 {
		width, height = usualSide, usualSide
	}
	rule := pictures[f]
	if long := max(width, height); long > rule.edge {
		width, height = max(1, width*rule.edge/long), max(1, height*rule.edge/long)
	}
	patches := ((width + rule.patch - 1) / rule.patch) * ((height + rule.patch - 1) / rule.patch)
	return int64(min(patches, rule.most))
}

// audio is about what sound costs: ten tokens for a second, whose length is guessed from the bytes.
func audio(p *llm.Part) int64 {
	perSecond := 16_000 // compressed, 128 kbit/s
	switch p.Media {
	case "audio/wav", "audio/x-wav", "audio/wave", "audio/pcm", "audio/pcm16", "audio/l16":
		perSecond = 48_000 // 24 kHz, 16 bit
	}
	return int64(1 + decoded(p.Data)*soundSecond/perSecond)
}

// file is about what a document costs that cannot be looked into: a page for each 50 KB of a PDF, the bytes of a text. A
// file that the vendor keeps counts as four pages.
func file(p *llm.Part) int64 {
	n := decoded(p.Data)
	switch {
	case n == 0:
		return unknownFile
	case p.Media == "application/pdf":
		return int64(min(1+n/pageBytes, mostPages)) * pageTokens
	}
	return int64(1 + n/4)
}

// decoded is the length of what base64 stands for.
func decoded(data llm.Text) int { return len(data) / 4 * 3 }

// headBytes is how much of a picture is searched for its size; a JPEG may have a preview before it.
const headBytes = 96 << 10

// size reads the size of a picture from the head of its base64, 0 where it cannot be found.
func size(data llm.Text) (width, height int) {
	data = data[:min(len(data), headBytes/3*4)]
	if bytes.IndexByte(data, '\\') >= 0 { // some spell / as \/
		data = bytes.ReplaceAll(data, []byte(`\/`), []byte("/"))
	}
	data = bytes.TrimRight(data, "=")
	b := make([]byte, base64.RawStdEncoding.DecodedLen(len(data)))
	n, _ := base64.RawStdEncoding.Decode(b, data[:len(data)-len(data)%4])
	b = b[:n]
	switch {
	case len(b) >= 24 && string(b[:8]) == "\x89PNG\r\n\x1a\n":
		return big32(b[16:]), big32(b[20:])
	case len(b) >= 10 && string(b[:3]) == "GIF":
		return little16(b[6:]), little16(b[8:])
	case len(b) >= 30 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		return webpSize(b)
	case len(b) >= 2 && b[0] == 0xFF && b[1] == 0xD8:
		return jpegSize(b)
	}
	return 0, 0
}

func webpSize(b []byte) (width, height int) {
	switch string(b[12:16]) {
	case "VP8 ":
		return little16(b[26:]) & 0x3FFF, little16(b[28:]) & 0x3FFF
	case "VP8L":
		bits := int(binary.LittleEndian.Uint32(b[21:]))
		return bits&0x3FFF + 1, bits>>14&0x3FFF + 1
	case "VP8X":
		return little24(b[24:]) + 1, little24(b[27:]) + 1
	}
	return 0, 0
}

// jpegSize goes from segment to segment until the one that begins the picture.
func jpegSize(b []byte) (width, height int) {
	for i := 2; i+9 <= len(b) && b[i] == 0xFF; {
		marker := b[i+1]
		switch {
		case marker == 0xFF: // fill
			i++
			continue
		case marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC:
			return big16(b[i+7:]), big16(b[i+5:])
		}
		i += 2 + max(2, big16(b[i+2:]))
	}
	return 0, 0
}

func big16(b []byte) int    { return int(binary.BigEndian.Uint16(b)) }
func little16(b []byte) int { return int(binary.LittleEndian.Uint16(b)) }
func little24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// big32 is 0 where no picture is that large.
func big32(b []byte) int {
	if n := binary.BigEndian.Uint32(b); n < 1<<20 {
		return int(n)
	}
	return 0
}
