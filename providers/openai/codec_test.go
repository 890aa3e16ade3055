package openai

import (
	"encoding/json"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

// TestScanNamesWhatIsWrong: the place, the field, and what to do.
func TestScanNamesWhatIsWrong(t *testing.T) {
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	for name, c := range map[string]struct{ body, code, param, says string }{
		"empty":                {``, "invalid_json", "", "byte 0): the body is empty"},
		"only spaces":          {" \n ", "invalid_json", "", "the body is empty"},
		"an array":             {`[]`, "invalid_json", "", "must be a JSON object"},
		"a byte order mark":    {"\ufeff{}", "invalid_json", "", "must be a JSON object"},
		"cut":                  {"{\"model\":\"m\",\n \"messages\":[{", "invalid_json", "", "line 2, column 15"},
		"comma at the end":     {`{"model":"m",}`, "invalid_json", "", "column 14"},
		"no comma":             {`{"model":"m" "stream":true}`, "invalid_json", "", "expected , or }"},
		"no colon":             {`{"model" "m"}`, "invalid_json", "", "expected :"},
		"unclosed string":      {`{"model":"m`, "invalid_json", "", "no closing quote"},
		"bad literal":          {`{"model":"m","x":trve}`, "invalid_json", "", "column 18"},
		"leading zero":         {`{"model":"m","x":012}`, "invalid_json", "", "expected a value"},
		"single quotes":        {`{'model':'m'}`, "invalid_json", "", "double quotes"},
		"something behind":     {`{"model":"m"} {}`, "invalid_json", "", "after the end"},
		"deep":                 {`{"model":"m","x":` + deep + `}`, "invalid_json", "", "deeper than 128"},
		"wrong bracket":        {`{"model":"m","x":[1}}`, "invalid_json", "", "expected , or ]"},
		"twice":                {`{"model":"a","model":"b"}`, "invalid_name", "model", "appears twice"},
		"twice by an escape":   {`{"model":"a","\u006dodel":"b"}`, "invalid_name", "model", "appears twice"},
		"twice later":          {`{"model":"a",` + manyNames(40) + `,"n7":1}`, "invalid_name", "n7", "appears twice"},
		"by letter case":       {`{"Model":"a"}`, "invalid_name", "model", "letter case"},
		"by a folded letter":   {`{"meſſages":[]}`, "invalid_name", "messages", "letter case"},
		"too many names":       {`{` + manyNames(1100) + `}`, "invalid_json", "", "more than 1024"},
		"model is a number":    {`{"model":7}`, "invalid_value", "model", "must be a string"},
		"model of bad bytes":   {"{\"model\":\"a\xff\"}", "invalid_value", "model", "must be a string"},
		"model of half a pair": {`{"model":"\ud800"}`, "invalid_value", "model", "must be a string"},
		"stream is a string":   {`{"model":"m","stream":"yes"}`, "invalid_value", "stream", "true or false"},
		"stream_options":       {`{"model":"m","stream_options":[]}`, "invalid_value", "stream_options", "cannot be accepted"},
		"include_usage twice":  {`{"model":"m","stream_options":{"include_usage":true,"include_usage":false}}`, "invalid_value", "stream_options", "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewCodec().Scan(llm.Chat, "/chat/completions", []byte(c.body))
			if err == nil {
				t.Fatal("it was accepted")
			}
			e := llm.AsError(err)
			if e.Kind != llm.BadRequest || e.Status != 400 || e.Code != c.code || e.Param != c.param || !strings.Contains(e.Message, c.says) {
				t.Errorf("%+v\nwant code %s, param %q, %q", e, c.code, c.param, c.says)
			}
			status, kind, body := NewCodec().Error(e)
			var shape struct {
				Error struct {
					Message, Type string
					Param, Code   *string
				}
			}
			if err := json.Unmarshal(body, &shape); err != nil || status != 400 || kind != "application/json" || shape.Error.Message != e.Message || *shape.Error.Code != c.code {
				t.Errorf("spelt as %d %s %s (%v)", status, kind, body, err)
			}
		})
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"n` + json.Number(rune2(i)).String() + `":1`)
	}
	return b.String()
}

func rune2(i int) string { b, _ := json.Marshal(i); return string(b) }

func TestScanReadsTheHead(t *testing.T) {
	body := ` { "messages" : [ {"role":"user","content":[{"type":"text","text":"a \"model\": x"}]} ], "model" : "lab\/m\u0041" , "stream" : true, "stream_options" : { "include_usage" : false }, "max_tokens": 7, "max_completion_tokens": 9 } `
	r := scan(t, llm.Chat, "/chat/completions", body)
	if r.Model != "lab/mA" || !r.Stream || r.WantsUsage || r.MaxOutput != 9 || !r.HasMembers || r.InputEstimate < 1 {
		t.Errorf("%+v", r)
	}
	for what, c := range map[string]struct {
		span llm.Span
		want string
	}{
		"model":          {r.ModelSpan, `"lab\/m\u0041"`},
		"stream_options": {r.StreamOptionsSpan, `{ "include_usage" : false }`},
		"include_usage":  {r.IncludeUsageSpan, `false`},
	} {
		if got := body[c.span.Start:c.span.End]; got != c.want {
			t.Errorf("%s is found as %q, want %q", what, got, c.want)
		}
	}
	if body[r.ObjectEnd] != '}' || strings.TrimSpace(body[r.ObjectEnd:]) != "}" {
		t.Errorf("the end is found at %q", body[r.ObjectEnd:])
	}
}

// TestEveryKindOfErrorHasItsShape: OpenAI's SDKs make typed errors of status, type and code.
func TestEveryKindOfErrorHasItsShape(t *testing.T) {
	for kind, want := range spelling {
		status, _, body := NewCodec().Error(&llm.Error{Kind: kind, Message: "it \"failed\"\n"})
		var shape map[string]map[string]any
		if err := json.Unmarshal(body, &shape); err != nil {
			t.Fatalf("%s: %v in %s", kind, err, body)
		}
		e := shape["error"]
		if status != want.status || e["code"] != want.code || e["type"] != want.kind || e["message"] != "it \"failed\"\n" {
			t.Errorf("%s: %d %s", kind, status, body)
		}
		if _, there := e["param"]; !there {
			t.Errorf("%s: no param in %s", kind, body)
		}
		end := string(NewCodec().StreamError(llm.Chat, &llm.Error{Kind: kind, Message: "it failed"}))
		data, ok := strings.CutSuffix(end, "\n\ndata: [DONE]\n\n")
		if !ok || !json.Valid([]byte(strings.TrimPrefix(data, "data: "))) || strings.Contains(data, "\n") {
			t.Errorf("%s: a stream ends with %q", kind, end)
		}
	}
}

// TestProvidersOwnErrorGoesOutAsItCame, also where it would tear an event apart.
func TestProvidersOwnErrorGoesOutAsItCame(t *testing.T) {
	own := "{\"error\": {\n\"message\":\"m\"}}"
	e := &llm.Error{Kind: llm.ProviderRejected, Status: 422, Message: "m", Body: []byte(own), ContentType: "application/json; charset=utf-8"}
	status, kind, body := NewCodec().Error(e)
	if status != 422 || kind != e.ContentType || string(body) != own {
		t.Errorf("%d %s %s", status, kind, body)
	}
	if end := string(NewCodec().StreamError(llm.Chat, e)); strings.Count(end, "\n\n") != 2 || !strings.HasPrefix(end, `data: {"error":{"message":"m"`) {
		t.Errorf("%q", end)
	}
}
