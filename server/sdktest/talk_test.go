package sdktest

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// sdk is an official SDK, set up as an application does and driven through its public types only.
type sdk interface {
	name() string
	dialect() string // "openai" or "anthropic"
	// send asks at a place and reads the answer to its end, whole or streamed. What was read before a failure is
	// returned beside it.
	send(ctx context.Context, at place, c *conversation, streamed bool) (answer, error)
	// failure is an error as the SDK's own type tells it; false where it is not of that type.
	failure(err error) (failure, bool)
	// models lists all models, page by page where the dialect has pages.
	models(ctx context.Context, at place) ([]string, error)
	model(ctx context.Context, at place, id string) (string, error)
}

// sdks are all that take part.
var sdks = []sdk{openAISDK{}, anthropicSDK1{}, anthropicSDK2{}}

// place is where an SDK sends its requests.
type place struct {
	base string // without /v1
	key  string
	// bearer sends the key as a bearer token, where an Anthropic SDK would not do so by itself.
	bearer bool
}

// conversation is what an application asks for, in words that every SDK can spell.
type conversation struct {
	model, system string
	turns         []turn
	tools         bool   // the weather may be asked for
	choice        string // "", "auto", "any", "one" or "none"
	single        bool   // no parallel calls
	schema        bool   // a person is wanted, as JSON
	effort        string // of reasoning
	stop          []string
	limit         int  // 0: nothing is said, or 1024 where the dialect must have one
	unasked       bool // the usage of a stream is not asked for, where the dialect lets one choose
	more          map[string]any
	seen          func(text string) // hears of each piece of text
}

// turn is what a person or a tool says, or, where reply is set, what the model said in the SDK's own type.
type turn struct {
	parts []part
	reply any
}

// part is one piece of a person's turn.
type part struct {
	text, image, imageURL, file string // image and file are base64
	result                      string // the id of the call that is answered with the rest
	failed                      bool
}

// answer is what an SDK understood.
type answer struct {
	text, reasoning, refusal string
	json                     json.RawMessage // wanted instead of text
	calls                    []call
	stop                     string // see stops
	sequence                 string // that stopped it
	usage                    usage
	signatures               []string
	id, model                string
	header                   http.Header
	reply                    any // the SDK's own type, for the next turn
}

type call struct{ id, name, arguments string }

// usage counts as both dialects can be read: input is all of it.
type usage struct{ input, read, write, output, reasoning int64 }

// failure is an error in the words of a dialect.
type failure struct {
	status              int
	kind, code, message string
	header              http.Header
}

// says adds a person's turn.
func (c *conversation) says(parts ...part) *conversation {
	c.turns = append(c.turns, turn{parts: parts})
	return c
}

// heard adds the model's turn.
func (c *conversation) heard(a answer) *conversation {
	c.turns = append(c.turns, turn{reply: a.reply})
	return c
}

// talk begins a conversation with a model.
func talk(model string) *conversation {
	return (&conversation{model: model, system: "You are a terse assistant."}).says(part{text: "Hello <world> & \"你好\"\n\u2028 👋"})
}

// The tool and the form that conversations use, with their keys in an order that no map would keep.
const (
	weatherText   = "Current weather for a city"
	weatherSchema = `{"type":"object","properties":{"unit":{"type":"string","enum":["celsius","fahrenheit"]},"city":{"type":"string","description":"City name"}},"required":["unit","city"],"additionalProperties":false}`
	personSchema  = `{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"],"additionalProperties":false}`
)

// differs says where got is not what was wanted; "" where it is. Ids are the vendor's to choose, they must only be there.
func (got answer) differs(want answer) string {
	var all []string
	miss := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			all = append(all, what+": got "+show(got)+", want "+show(want))
		}
	}
	if want.json != nil {
		if !sameJSON(got.text, string(want.json)) {
			miss("JSON", got.text, string(want.json))
		}
	} else {
		miss("text", got.text, want.text)
	}
	miss("reasoning", got.reasoning, want.reasoning)
	if want.refusal != "any" {
		miss("refusal", got.refusal, want.refusal)
	} else if got.refusal == "" && got.stop == "end" {
		miss("refusal", got.refusal, "an explanation, or another reason to stop")
	}
	if !strings.Contains(" or "+want.stop+" or ", " or "+got.stop+" or ") {
		miss("stop", got.stop, want.stop)
	}
	miss("usage", got.usage, want.usage)
	miss("number of calls", len(got.calls), len(want.calls))
	for i := range min(len(got.calls), len(want.calls)) {
		g, w := got.calls[i], want.calls[i]
		miss("name of a call", g.name, w.name)
		if g.id == "" {
			miss("id of a call", g.id, "any")
		}
		if !sameJSON(g.arguments, w.arguments) {
			miss("arguments of a call", g.arguments, w.arguments)
		}
	}
	return strings.Join(all, "; ")
}

func show(v any) string {
	switch v := v.(type) {
	case usage:
		b, _ := json.Marshal(map[string]int64{"input": v.input, "read": v.read, "write": v.write, "output": v.output, "reasoning": v.reasoning})
		return string(b)
	default:
		b, _ := json.Marshal(v)
		return string(b)
	}
}

// sameJSON reports whether both are JSON and mean the same.
func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// must is send where no failure is expected.
func must(t *testing.T, s sdk, at place, c *conversation, streamed bool) answer {
	t.Helper()
	a, err := s.send(t.Context(), at, c, streamed)
	if err != nil {
		f, _ := s.failure(err)
		t.Fatalf("%s: %v %q", s.name(), err, f.message)
	}
	return a
}

// dropped lists what an answer says was left out of the request or said approximately.
func (a answer) dropped() []string {
	var list []string
	for _, field := range strings.Split(strings.Join(a.header.Values("X-LocalRouter-Dropped"), ","), ",") {
		if field = strings.TrimSpace(field); field != "" {
			list = append(list, field)
		}
	}
	return list
}
