package openai

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"localrouter/providers/llm"
)

func sent(t testing.TB, req *llm.Request, model string, ask bool) string {
	t.Helper()
	b := spliced(req, model, ask)
	n := b.Len()
	all, err := io.ReadAll(b)
	if err != nil || int64(len(all)) != n {
		t.Fatalf("%d of %d bytes, %v", len(all), n, err)
	}
	return string(all)
}

func TestSplice(t *testing.T) {
	const u = `"stream_options":{"include_usage":true}`
	for body, want := range map[string]string{
		`{"model":"lab/m"}`:                                           `{"model":"x\"y",` + u + `}`,
		` {"model" : "lab/m" , "a":1 } `:                              ` {"model" : "x\"y" , "a":1 ,` + u + `} `,
		`{"stream_options":null,"model":"lab/m"}`:                     `{"stream_options":{"include_usage":true},"model":"x\"y"}`,
		`{"stream_options":{},"model":"lab/m"}`:                       `{"stream_options":{"include_usage":true},"model":"x\"y"}`,
		`{"stream_options":{ "a":1},"model":"lab/m"}`:                 `{"stream_options":{"include_usage":true, "a":1},"model":"x\"y"}`,
		`{"model":"lab/m","stream_options":{"include_usage" : null}}`: `{"model":"x\"y","stream_options":{"include_usage" : true}}`,
	} {
		if got := sent(t, scan(t, llm.Chat, "/chat/completions", body), `x"y`, true); got != want {
			t.Errorf("%s\nis sent as %s\nwant       %s", body, got, want)
		}
	}
	same := `{ "model":"m" }`
	if got := sent(t, scan(t, llm.Chat, "/chat/completions", same), "m", false); got != same {
		t.Errorf("nothing was to be changed, and %s became %s", same, got)
	}
}

// TestSpliceChangesOnlyWhatItMust compares with decoding and encoding, for any JSON a request may be.
func TestSpliceChangesOnlyWhatItMust(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		object := map[string]any{"model": rapid.String().Draw(r, "model")}
		for name, v := range rapid.MapOf(rapid.StringMatching(`[a-z_]{1,12}`), value(3)).Draw(r, "members") {
			if !isHead(name) {
				object[name] = v
			}
		}
		switch rapid.IntRange(0, 4).Draw(r, "stream_options") {
		case 0:
			object["stream_options"] = nil
		case 1:
			object["stream_options"] = map[string]any{}
		case 2:
			object["stream_options"] = map[string]any{"include_usage": rapid.Bool().Draw(r, "wanted"), "other": 1.0}
		case 3:
			object["stream_options"] = map[string]any{"other": "x"}
		}
		body, err := json.Marshal(object)
		if err != nil {
			r.Skip("not JSON")
		}
		if rapid.Bool().Draw(r, "indented") {
			var b bytes.Buffer
			json.Indent(&b, body, " ", "\t")
			body = b.Bytes()
		}
		req, err := NewCodec().Scan(llm.Chat, "/chat/completions", body)
		if err != nil {
			r.Fatalf("%s: %v", body, err)
		}
		model := rapid.String().Draw(r, "new model")
		got := sent(t, req, model, true)
		var after map[string]any
		if err := json.Unmarshal([]byte(got), &after); err != nil {
			r.Fatalf("%s\nbecame %s: %v", body, got, err)
		}
		var want map[string]any
		json.Unmarshal(body, &want)
		want["model"] = string([]rune(model))
		options, _ := want["stream_options"].(map[string]any)
		if options == nil {
			options = map[string]any{}
		}
		options["include_usage"] = true
		want["stream_options"] = options
		if !reflect.DeepEqual(after, want) {
			r.Fatalf("%s\nbecame %s", body, got)
		}
	})
}

func isHead(name string) bool {
	for _, n := range append([]string{"stream_options"}, strict...) {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// value draws any JSON value.
func value(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(rapid.String().AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil))
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(leaf, rapid.SliceOfN(value(depth-1), 0, 3).AsAny(), rapid.MapOfN(rapid.String(), value(depth-1), 0, 3).AsAny())
}
