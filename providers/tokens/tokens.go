// Package tokens counts tokens without asking anybody: exactly for o200k_base, the vocabulary that OpenAI publishes for
// its models since gpt-4o, and by that count for Claude, whose vocabularies are not public. It is for estimates before a
// request is sent and for answers that broke before the provider counted; what a provider reports always wins.
//
// The vocabulary is a hash table in the program file, 2.1 MB, read where it lies: nothing is done at start, nothing is
// loaded, and the memory besides is 200 KB for each count at work and a table of 128 KB. The Go libraries for it were
// measured and not taken: tiktoken-go/tokenizer 0.10.0 adds 7 MB to the program as map literals (11 MB by its front door)
// and needs 8 s for 100 KB of blanks and line ends, quadratically; pkoukk/tiktoken-go 0.1.8 with its offline loader adds
// 11 MB, takes 230 ms and 22 MB to load, and its time is quadratic in the length of a word.
package tokens

import (
	"localrouter/providers/llm"
)

// Family says whose tokens are counted.
type Family uint8

// The families. Models of other vendors are counted as OpenAI's; how far off that is was not measured.
const (
	// OpenAI is o200k_base.
	OpenAI Family = iota
	// Claude is Claude up to 4.6 and Haiku 4.5. The one tokenizer that Anthropic ever published (npm
	// @anthropic-ai/tokenizer 0.0.4, for models before Claude 3) is met within 12 % on each text of the test corpus; lists of
	// numbers, of which it makes fewer tokens, are up to 50 % off.
	// It is not that of Claude 3 and later, of which others measured 16 % (English) to 30 % (Python) more than o200k_base;
	// here both are 14 %.
	Claude
	// ClaudeNew is Claude from Opus 4.7 on, whose tokenizer makes, as Anthropic says, 1.0 to 1.35 times as many tokens of
	// the same text. By what others measured with Anthropic's free count, it is words in Latin letters that cost more, 1.2
	// to 1.5 times in prose and 1.15 to 1.3 times in code, and nothing else; such words count 1.4 times here.
	ClaudeNew
)

// FamilyOf guesses the family from a model's id in anybody's spelling: "claude-opus-4-8", "anthropic/claude-opus-4.8",
// "eu.anthropic.claude-3-7-sonnet-20250219-v1:0". A Claude without a version counts as the newest.
func FamilyOf(id string) Family {
	major, minor, ok := claudeVersion(id)
	switch {
	case !ok:
		return OpenAI
	case major == 0, major > 4, major == 4 && minor >= 7:
		return ClaudeNew
	}
	return Claude
}

// claudeVersion reads the first number behind "claude", and the second if it follows at once. Longer numbers are dates.
func claudeVersion(id string) (major, minor int, ok bool) {
	const name = "claude"
	at := -1
	for i := 0; i+len(name) <= len(id) && at < 0; i++ {
		if equalFold(id[i:i+len(name)], name) {
			at = i + len(name)
		}
	}
	if at < 0 {
		return 0, 0, false
	}
	for at < len(id) && (id[at] < '0' || id[at] > '9') {
		at++
	}
	major, n := shortNumber(id[at:])
	if n > 0 && at+n < len(id) && (id[at+n] == '-' || id[at+n] == '.') {
		minor, _ = shortNumber(id[at+n+1:])
	}
	return major, minor, true
}

// equalFold compares ASCII, b being lower case.
func equalFold(a, b string) bool {
	for i := range len(b) {
		if a[i]|0x20 != b[i] {
			return false
		}
	}
	return true
}

// shortNumber reads a number of one or two digits; n is 0 where there is none.
func shortNumber(s string) (value, n int) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		if n == 2 {
			return 0, 0
		}
		value = value*10 + int(s[n]-'0')
		n++
	}
	return value, n
}

// Count is the number of tokens of text, which is UTF-8, in o200k_base. It is exact but for a stretch of more than 4,096
// bytes without a boundary, where each cut may cost a token, and for characters younger than Go's Unicode tables. Names of
// special tokens count as the text they are. It may be called from many goroutines.
func Count(text []byte) int {
	return int(OpenAI.Count(text))
}

// Count is the number of tokens of text, which is UTF-8, or a good guess; see the families.
func (f Family) Count(text []byte) int64 {
	c := counters.Get().(*counter)
	defer counters.Put(c)
	c.reset()
	c.count(text)
	return c.total(f)
}

// framing is what a vendor adds to the texts of a request, in tokens.
type framing struct {
	request, system, turn, name, call, result, tool, tools, toolsForced int64
}

// framings are of OpenAI's cookbook (3 for a message, 1 for its role, 3 for the answer's beginning) and, of Claude, what a
// message of one token counts (8) and the published size of the system prompt that tools bring along (346; 313 where a
// call is forced). The examples of the vendors' own pages, which are in the tests, are met within 3 % or 2 tokens. What
// calls and results cost besides their texts is a guess.
var framings = [...]framing{
	OpenAI:    {request: 3, system: 4, turn: 4, name: 1, call: 3, result: 3},
	Claude:    {request: 3, turn: 4, name: 1, call: 8, result: 6, tool: 3, tools: 346, toolsForced: 313},
	ClaudeNew: {request: 3, turn: 4, name: 1, call: 8, result: 6, tool: 3, tools: 346, toolsForced: 313},
}

// Conversation is about the number of input tokens of c: its texts, tools, calls, results and media, and what is added
// around them.
func Conversation(c *llm.Conversation, f Family) int64 {
	n := counters.Get().(*counter)
	defer counters.Put(n)
	n.reset()
	frame := &framings[f]
	sum := frame.request
	for i := range c.Turns {
		t := &c.Turns[i]
		sum += frame.turn
		if t.Role == llm.System {
			sum += frame.system - frame.turn
		}
		if len(t.Name) > 0 {
			sum += frame.name
			n.countText(t.Name)
		}
		sum += n.parts(t.Parts, f)
	}
	for i := range c.Tools {
		t := &c.Tools[i]
		sum += frame.tool
		n.countText(t.Name)
		n.countText(t.Description)
		n.countJSON(t.Schema)
		n.countJSON(t.Raw)
	}
	if len(c.Tools) > 0 {
		if c.Choice.Mode == llm.ChoiceAny || c.Choice.Mode == llm.ChoiceOne {
			sum += frame.toolsForced
		} else {
			sum += frame.tools
		}
	}
	if c.Format.Kind == llm.FormatSchema {
		n.countText(c.Format.Name)
		n.countText(c.Format.Description)
		n.countJSON(c.Format.Schema)
	}
	return sum + n.total(f)
}

// parts counts the texts of list, and returns what else they cost. Signatures cost nothing: they stand for reasoning that
// is not read again.
func (c *counter) parts(list []llm.Part, f Family) (sum int64) {
	frame := &framings[f]
	for i := range list {
		p := &list[i]
		switch p.Kind {
		case llm.PartImage:
			sum += image(p, f)
		case llm.PartAudio:
			sum += audio(p)
		case llm.PartFile:
			c.countText(p.Name)
			if len(p.Text) == 0 && len(p.Parts) == 0 {
				sum += file(p)
			}
		case llm.PartToolCall:
			sum += frame.call
			c.countText(p.Name)
			c.count(p.Args)
		case llm.PartToolResult:
			sum += frame.result
		case llm.PartOpaque:
			c.countJSON(p.Raw)
		}
		c.countText(p.Text)
		sum += c.parts(p.Parts, f)
	}
	return sum
}
