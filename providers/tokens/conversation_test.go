package tokens

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

func text(s string) llm.Part { return llm.Part{Kind: llm.PartText, Text: llm.Text(s)} }

func turn(r llm.Role, parts ...llm.Part) llm.Turn { return llm.Turn{Role: r, Parts: parts} }

// The examples that the vendors publish with their own counts.
func TestConversationIsNearTheVendorsExamples(t *testing.T) {
	city := `"location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"}`
	for _, c := range []struct {
		name   string
		family Family
		want   float64
		c      llm.Conversation
	}{
		{"OpenAI's cookbook, gpt-4o", OpenAI, 101, llm.Conversation{
			Turns: []llm.Turn{
				turn(llm.System, text("You are a helpful assistant that can answer to questions about the weather.")),
				turn(llm.User, text("What's the weather like in Pittsburgh?")),
			},
			Tools: []llm.Tool{{Name: llm.Text("get_current_weather"), Description: llm.Text("Get the current weather in a given location"),
				Schema: []byte(`{"type":"object","properties":{` + city + `,"unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},"required":["location"]}`)}},
		}},
		{"Anthropic's token counting page, plain", Claude, 14, llm.Conversation{
			Turns: []llm.Turn{turn(llm.System, text("You are a scientist")), turn(llm.User, text("Hello, Claude"))},
		}},
		{"Anthropic's token counting page, tools", Claude, 403, llm.Conversation{
			Turns: []llm.Turn{turn(llm.User, text("What's the weather like in San Francisco?"))},
			Tools: []llm.Tool{{Name: llm.Text("get_weather"), Description: llm.Text("Get the current weather in a given location"),
				Schema: []byte(`{"type": "object", "properties": {` + city + `}, "required": ["location"]}`)}},
		}},
	} {
		got := float64(Conversation(&c.c, c.family))
		t.Logf("%s: %v for %v", c.name, got, c.want)
		if math.Abs(got-c.want) > 2+0.05*c.want {
			t.Errorf("%s: %v tokens, want %v", c.name, got, c.want)
		}
	}
}

// Texts travel as JSON spells them; what is counted is what they say.
func TestEscapesAreUndone(t *testing.T) {
	for _, plain := range []string{
		"say \"hi\"\\there\n\ttabbed / slash", "naïve 日本語 😀 \u2028 end", "\b\f\r", strings.Repeat("line with a word\n", 9_000),
		strings.Repeat("日本", 25_000) + "\n", strings.Repeat("\n", 80_000), "",
	} {
		quoted, err := json.Marshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		c := new(counter)
		c.countText(llm.Text(quoted[1 : len(quoted)-1]))
		got, want := c.total(OpenAI), OpenAI.Count([]byte(plain))
		if slack := int64(2*len(plain)/windowSize + len(plain)/longest); got < want-slack || got > want+slack {
			t.Errorf("%.40q: %d tokens, want %d", plain, got, want)
		}
		if cap(c.window) > 4*windowSize {
			t.Errorf("%.40q: a window of %d bytes", plain, cap(c.window))
		}
	}
}

// How a schema is laid out costs nothing: no provider keeps it.
func TestLayoutOfASchemaIsFree(t *testing.T) {
	compact := `{"type":"object","properties":{"a b":{"type":"string","description":"two  blanks, a \" and a \\"}}}`
	var wide any
	if err := json.Unmarshal([]byte(compact), &wide); err != nil {
		t.Fatal(err)
	}
	spread, err := json.MarshalIndent(wide, "", "        ")
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(wide) // members in the same order
	if err != nil {
		t.Fatal(err)
	}
	tools := func(schema []byte) *llm.Conversation {
		return &llm.Conversation{Tools: []llm.Tool{{Name: llm.Text("f"), Schema: schema}}}
	}
	if got, want := Conversation(tools(spread), OpenAI), Conversation(tools(again), OpenAI); got != want {
		t.Errorf("%d tokens, %d without layout", got, want)
	}
}

// Everything that a provider reads costs something, and nothing that it does not.
func TestEverythingThatIsReadIsCounted(t *testing.T) {
	word := llm.Text("unmistakable")
	base := Conversation(&llm.Conversation{Turns: []llm.Turn{turn(llm.User)}}, Claude)
	for name, c := range map[string]llm.Conversation{
		"text":      {Turns: []llm.Turn{turn(llm.User, llm.Part{Kind: llm.PartText, Text: word})}},
		"name":      {Turns: []llm.Turn{{Role: llm.User, Name: word}}},
		"thinking":  {Turns: []llm.Turn{turn(llm.Assistant, llm.Part{Kind: llm.PartThinking, Text: word})}},
		"refusal":   {Turns: []llm.Turn{turn(llm.Assistant, llm.Part{Kind: llm.PartRefusal, Text: word})}},
		"call":      {Turns: []llm.Turn{turn(llm.Assistant, llm.Part{Kind: llm.PartToolCall, Name: word})}},
		"arguments": {Turns: []llm.Turn{turn(llm.Assistant, llm.Part{Kind: llm.PartToolCall, Args: word})}},
		"result":    {Turns: []llm.Turn{turn(llm.User, llm.Part{Kind: llm.PartToolResult, Parts: []llm.Part{{Kind: llm.PartText, Text: word}}})}},
		"document":  {Turns: []llm.Turn{turn(llm.User, llm.Part{Kind: llm.PartFile, Text: word})}},
		"opaque":    {Turns: []llm.Turn{turn(llm.Assistant, llm.Part{Kind: llm.PartOpaque, Raw: word})}},
		"format":    {Turns: []llm.Turn{turn(llm.User)}, Format: llm.Format{Kind: llm.FormatSchema, Schema: []byte(`{"type":"object"}`)}},
		"image":     {Turns: []llm.Turn{turn(llm.User, llm.Part{Kind: llm.PartImage, URL: llm.Text("https://example.org/x.png")})}},
		"audio":     {Turns: []llm.Turn{turn(llm.User, llm.Part{Kind: llm.PartAudio, Media: "audio/wav", Data: llm.Text(strings.Repeat("A", 64_000*4))})}},
		"file id":   {Turns: []llm.Turn{turn(llm.User, llm.Part{Kind: llm.PartFile, FileID: llm.Text("file-1")})}},
	} {
		if got := Conversation(&c, Claude); got <= base {
			t.Errorf("%s: %d tokens, an empty turn %d", name, got, base)
		}
	}
	signed := turn(llm.Assistant, llm.Part{Kind: llm.PartThinking, Text: word, Signature: llm.Text(strings.Repeat("QUJD", 500))})
	plain := turn(llm.Assistant, llm.Part{Kind: llm.PartThinking, Text: word})
	if got, want := Conversation(&llm.Conversation{Turns: []llm.Turn{signed}}, Claude), Conversation(&llm.Conversation{Turns: []llm.Turn{plain}}, Claude); got != want {
		t.Errorf("a signature makes %d tokens of %d", got, want)
	}
}

func png(width, height int) llm.Text {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	b = append(b, byte(width>>24), byte(width>>16), byte(width>>8), byte(width), byte(height>>24), byte(height>>16), byte(height>>8), byte(height))
	return llm.Text(base64.StdEncoding.EncodeToString(append(b, 8, 2, 0, 0, 0)))
}

// The sizes and the counts, less 65 or 77 tokens of words around the picture, are those that others measured of Claude
// Haiku 4.5 and Opus 5.5, where pictures of more than 2,000 pixels came to a fifth less than Anthropic's own rule says.
func TestAPictureCostsByItsSize(t *testing.T) {
	for _, c := range []struct{ width, height, openai, old, new int }{
		{256, 256, 64, 100, 100}, {512, 512, 256, 361, 361}, {1024, 1024, 1024, 1369, 1369}, {1280, 720, 920, 1196, 1196},
		{1920, 1080, 1536, 1568, 2691}, {4032, 3024, 1536, 1568, 4784}, {1, 1, 1, 1, 1}, {100_000, 1, 64, 56, 92},
	} {
		p := llm.Part{Kind: llm.PartImage, Media: "image/png", Data: png(c.width, c.height)}
		for f, want := range []int{OpenAI: c.openai, Claude: c.old, ClaudeNew: c.new} {
			if got := image(&p, Family(f)); got != int64(want) {
				t.Errorf("%d x %d, family %d: %d tokens, want %d", c.width, c.height, f, got, want)
			}
		}
	}
	low := llm.Part{Kind: llm.PartImage, Detail: "low", Data: png(1024, 1024)}
	if got := image(&low, OpenAI); got != 85 {
		t.Errorf("low detail: %d tokens", got)
	}
}

func TestSizesAreReadFromEveryFormat(t *testing.T) {
	encode := func(s string) llm.Text { return llm.Text(base64.StdEncoding.EncodeToString([]byte(s))) }
	for name, data := range map[string]llm.Text{
		"png":           png(640, 480),
		"png, \\/":      llm.Text(strings.ReplaceAll(string(png(640, 480)), "/", `\/`)),
		"gif":           encode("GIF89a\x80\x02\xe0\x01\x00\x00\x00"),
		"jpeg":          encode("\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xdb\x00\x03x\xff\xc2\x00\x11\x08\x01\xe0\x02\x80\x03"),
		"webp lossy":    encode("RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00abc\x9d\x01\x2a\x80\x02\xe0\x01"),
		"webp lossless": encode("RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00/\x7f\xc2\x77\x00xxxxx"),
		"webp extended": encode("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\x7f\x02\x00\xdf\x01\x00"),
	} {
		if width, height := size(data); width != 640 || height != 480 {
			t.Errorf("%s: %d x %d, want 640 x 480", name, width, height)
		}
	}
	for _, data := range []llm.Text{nil, llm.Text("!"), encode("BM1234"), encode("\xff\xd8\xff\xe0\xff\xff"), encode("\x89PNG\r\n\x1a\n")} {
		if width, height := size(data); width != 0 || height != 0 {
			t.Errorf("%q: %d x %d", data, width, height)
		}
	}
}

func TestFamilyOfAModel(t *testing.T) {
	for id, want := range map[string]Family{
		"gpt-4o": OpenAI, "o3": OpenAI, "": OpenAI, "gemini-2.5-pro": OpenAI, "clau": OpenAI,
		"claude-3-5-sonnet-20241022": Claude, "claude-3-haiku-20240307": Claude, "claude-opus-4-20250514": Claude, "claude-sonnet-4-0": Claude,
		"claude-haiku-4-5-20251001": Claude, "claude-opus-4-6": Claude, "anthropic/claude-sonnet-4.6": Claude, "claude-2.1": Claude,
		"eu.anthropic.claude-3-7-sonnet-20250219-v1:0": Claude, "claude-opus-4-5@20251101": Claude,
		"claude-opus-4-7": ClaudeNew, "anthropic/claude-opus-4.8": ClaudeNew, "claude-sonnet-5": ClaudeNew, "claude-fable-5-2": ClaudeNew,
		"Claude-Opus-5-5": ClaudeNew, "claude-opus-latest": ClaudeNew, "claude": ClaudeNew, "anthropic.claude-opus-4-7-v1": ClaudeNew,
	} {
		if got := FamilyOf(id); got != want {
			t.Errorf("%s: family %d, want %d", id, got, want)
		}
	}
}

// Whatever stands in a conversation, counting it ends, and nothing counts as less than nothing.
func FuzzConversation(f *testing.F) {
	f.Add([]byte(`a\n\u00e9\ud83d\ude00\`), "image/png", string(png(10, 10)))
	f.Add([]byte(`{"type": "object", "a": "b\"c`), "application/pdf", "JVBERi0=")
	f.Add([]byte("\\u\xff"), "audio/wav", string(png(-1, 1<<30)))
	f.Fuzz(func(t *testing.T, s []byte, media, data string) {
		x := llm.Text(s)
		c := &llm.Conversation{Tools: []llm.Tool{{Name: x, Schema: s}}}
		for kind := llm.PartText; kind <= llm.PartOpaque; kind++ {
			p := llm.Part{Kind: kind, Text: x, Media: media, Data: llm.Text(data), Args: s, Raw: s}
			c.Turns = append(c.Turns, turn(llm.User, p, llm.Part{Kind: llm.PartToolResult, Parts: []llm.Part{p}}))
		}
		for family := OpenAI; family <= ClaudeNew; family++ {
			if n := Conversation(c, family); n < 40 || n > int64(60*len(s)+10*len(data)+200_000) {
				t.Fatalf("%d tokens", n)
			}
		}
	})
}

func ExampleCount() {
	fmt.Println(Count([]byte("How many tokens are these?")))
	// Output: 6
}
