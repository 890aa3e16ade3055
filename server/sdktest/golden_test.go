package sdktest

import (
	"embed"
	"encoding/json"
	"path"
	"strings"
	"testing"
)

//go:embed testdata/golden
var goldenFiles embed.FS

// golden is one answer of a vendor, whole and streamed, with its meaning.
type golden struct {
	Dialect string            `json:"dialect"` // "openai-chat" or "anthropic"
	Case    string            `json:"case"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Expect  expected          `json:"expect"`

	whole, stream string // "" where there is none
}

// expected is what an answer means, in words that no dialect owns but for Stop.
type expected struct {
	Text      string          `json:"text"`
	Reasoning string          `json:"reasoning"`
	Refusal   string          `json:"refusal"`
	JSON      json.RawMessage `json:"json"` // of the text, where it was to be JSON
	Calls     []struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"tool_calls"`
	Stop  string `json:"stop"`
	Usage struct {
		Input      int64 `json:"input"` // all of it, cached or not
		CacheRead  int64 `json:"cache_read"`
		CacheWrite int64 `json:"cache_write"`
		Output     int64 `json:"output"`
		Reasoning  int64 `json:"reasoning"`
	} `json:"usage"`
	Error *struct{ Type, Code string } `json:"error"`
}

// goldens are all cases, read once.
var goldens = readGoldens()

func readGoldens() []golden {
	index, err := goldenFiles.ReadFile("testdata/golden/index.json")
	if err != nil {
		panic(err)
	}
	var list []golden
	if err := json.Unmarshal(index, &list); err != nil {
		panic("testdata/golden/index.json: " + err.Error())
	}
	for i := range list {
		g := &list[i]
		g.whole = g.file(".response.json")
		g.stream = g.file(".stream.txt")
	}
	return list
}

func (g *golden) file(end string) string {
	b, err := goldenFiles.ReadFile(path.Join("testdata/golden", g.Dialect, g.Case+end))
	if err != nil {
		return ""
	}
	return string(b)
}

// goldenOf finds a case of a dialect ("openai" or "anthropic").
func goldenOf(dialect, name string) *golden {
	for i := range goldens {
		if g := &goldens[i]; g.of() == dialect && g.Case == name {
			return g
		}
	}
	return nil
}

// of is the case's dialect as the tests call it.
func (g *golden) of() string { return strings.TrimSuffix(g.Dialect, "-chat") }

// stops are the vendors' words for why a model stopped, in ours. OpenAI says "stop" for a stop sequence too.
var stops = map[string]string{
	"stop": "end", "end_turn": "end", "stop_sequence": "stop", "tool_calls": "tools", "tool_use": "tools",
	"length": "length", "max_tokens": "length", "content_filter": "filtered", "refusal": "filtered",
}

// means is the answer that an application of dialect must be told where a provider of the case's dialect gave it.
func (g *golden) means(dialect string) answer {
	e := g.Expect
	a := answer{text: e.Text, reasoning: e.Reasoning, refusal: e.Refusal, json: e.JSON, stop: stops[e.Stop],
		usage: usage{e.Usage.Input, e.Usage.CacheRead, e.Usage.CacheWrite, e.Usage.Output, e.Usage.Reasoning}}
	for _, c := range e.Calls {
		a.calls = append(a.calls, call{name: c.Name, arguments: string(c.Arguments)})
	}
	return inDialect(a, g.of(), dialect)
}

// inDialect is what an application of one dialect is told of an answer that was given in another.
func inDialect(a answer, from, to string) answer {
	switch {
	case to == "anthropic" && a.refusal != "": // a refusal is a text there, and may be a reason of its own
		a.text, a.refusal, a.stop = a.text+a.refusal, "", "end or filtered"
	case to == "openai" && from == "anthropic" && a.stop == "filtered": // its explanation may be told
		a.refusal, a.stop = "any", "filtered or end"
	case to == "openai" && a.stop == "stop":
		a.stop = "end"
	}
	return a
}

func TestEachGoldenCaseIsWhole(t *testing.T) {
	if len(goldens) < 30 {
		t.Fatalf("only %d cases", len(goldens))
	}
	for _, g := range goldens {
		if g.whole == "" && g.stream == "" {
			t.Errorf("%s/%s has no files", g.Dialect, g.Case)
		}
		if g.whole != "" && !json.Valid([]byte(g.whole)) {
			t.Errorf("%s/%s is no JSON", g.Dialect, g.Case)
		}
		if g.Expect.Stop != "" && stops[g.Expect.Stop] == "" {
			t.Errorf("%s/%s stops for an unknown reason: %s", g.Dialect, g.Case, g.Expect.Stop)
		}
	}
}
