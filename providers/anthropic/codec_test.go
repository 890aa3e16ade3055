package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

func TestScanReadsTheHead(t *testing.T) {
	body := `{"max_tokens": 77, "model":"lab\/m","stream":true,"messages":[{"role":"user","content":"hi"}]}`
	req := scan(t, llm.Chat, body)
	if req.Model != "lab/m" || !req.Stream || !req.WantsUsage || req.MaxOutput != 77 || req.Dialect != llm.Anthropic || req.Length != int64(len(body)) || !req.HasMembers || req.InputEstimate == 0 ||
		body[req.ModelSpan.Start:req.ModelSpan.End] != `"lab\/m"` || body[req.ObjectEnd] != '}' || req.ContentType != "application/json" || len(req.Cuts) != 0 {
		t.Errorf("%+v", req)
	}
}

func TestScanRefuses(t *testing.T) {
	for body, want := range map[string]struct{ code, param string }{
		`{"model":"a","model":"b"}`:    {"invalid_name", "model"},
		`{"Model":"a"}`:                {"invalid_name", "model"},
		`{"SYSTEM":"a"}`:               {"invalid_name", "system"},
		`{"model":1}`:                  {"invalid_value", "model"},
		`{"model":"a","stream":"yes"}`: {"invalid_value", "stream"},
		`{"model":"a"`:                 {"invalid_json", ""},
		``:                             {"invalid_json", ""},
	} {
		_, err := NewCodec().Scan(llm.Chat, "/messages", []byte(body))
		if e := llm.AsError(err); e == nil || e.Kind != llm.BadRequest || e.Status != 400 || e.Code != want.code || e.Param != want.param || e.Message == "" {
			t.Errorf("%s: %+v", body, e)
		}
	}
}

// TestOurSignaturesAreCut: what the gateway signed in another vendor's name never reaches Anthropic, and what is left is
// the request without it.
func TestOurSignaturesAreCut(t *testing.T) {
	own := `{"type":"thinking","thinking":"x, {\"signature\":\"lr1:no\"}","signature":"lr1:lab"}`
	theirs := `{"type":"thinking","thinking":"y","signature":"EqQB"}`
	say := `{"type":"text","text":"\"signature\":\"lr1:lab\""}`
	ask := `{"role":"user","content":"hi"}`
	turn := func(blocks ...string) string {
		return `{"role": "assistant", "content": [ ` + strings.Join(blocks, " , ") + ` ]}`
	}
	for name, c := range map[string]struct{ in, want []string }{
		"first":              {[]string{ask, turn(own, say)}, []string{ask, turn(say)}},
		"last":               {[]string{ask, turn(say, own), ask}, []string{ask, turn(say), ask}},
		"middle":             {[]string{ask, turn(theirs, own, say)}, []string{ask, turn(theirs, say)}},
		"several":            {[]string{ask, turn(own, own, say, own, own)}, []string{ask, turn(say)}},
		"a whole turn":       {[]string{ask, turn(own, own), ask}, []string{ask, ask}},
		"the last turn":      {[]string{ask, turn(own)}, []string{ask}},
		"the first turn":     {[]string{turn(own), ask, turn(own, say)}, []string{ask, turn(say)}},
		"nothing but":        {[]string{turn(own)}, []string{}},
		"a user's text":      {[]string{`{"role":"user","content":[` + say + `]}`}, []string{`{"role":"user","content":[` + say + `]}`}},
		"the vendor's stays": {[]string{ask, turn(theirs, say)}, []string{ask, turn(theirs, say)}},
	} {
		body := `{"model":"m","messages":[` + strings.Join(c.in, ", ") + `],"max_tokens":5}`
		req := scan(t, llm.Chat, body)
		var b strings.Builder
		at := 0
		for _, cut := range req.Cuts {
			if cut.Start < at || cut.End < cut.Start {
				t.Fatalf("%s: the cuts %v are out of order", name, req.Cuts)
			}
			b.WriteString(body[at:cut.Start])
			at = cut.End
		}
		b.WriteString(body[at:])
		var got, want any
		if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
			t.Errorf("%s: %v in %s", name, err, b.String())
		}
		if err := json.Unmarshal([]byte(`{"model":"m","messages":[`+strings.Join(c.want, ", ")+`],"max_tokens":5}`), &want); err != nil {
			t.Fatal(err)
		}
		if compact(got) != compact(want) {
			t.Errorf("%s: left is\n%s", name, b.String())
		}
	}
}

// TestErrors: each kind of failure, in this dialect's words.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		e      llm.Error
		status int
		kind   string
		begins string
	}{
		{llm.Error{Kind: llm.BadRequest, Status: 400, Message: "m"}, 400, invalid, "m"},
		{llm.Error{Kind: llm.InvalidKey, Status: 401, Message: "m"}, 401, authentication, "m"},
		{llm.Error{Kind: llm.Forbidden, Status: 403, Message: "m"}, 403, permission, "m"},
		{llm.Error{Kind: llm.ModelNotFound, Status: 404, Message: "m"}, 404, notFound, "m"},
		{llm.Error{Kind: llm.TooLarge, Status: 413, Message: "m"}, 413, tooLarge, "m"},
		{llm.Error{Kind: llm.ProviderRejected, Status: 413, Message: "m", Dialect: llm.OpenAI}, 413, tooLarge, "m"},
		{llm.Error{Kind: llm.LimitReached, Status: 429, Message: "m"}, 429, rateLimit, "m"},
		{llm.Error{Kind: llm.RateLimited, Status: 429, Message: "m"}, 429, rateLimit, "m"},
		{llm.Error{Kind: llm.Quota, Status: 429, Message: "m", Type: "insufficient_quota", Dialect: llm.OpenAI}, 402, billing, "m"},
		{llm.Error{Kind: llm.Overloaded, Status: 503, Message: "m"}, 529, overloaded, "m"},
		{llm.Error{Kind: llm.Stopping, Status: 503, Message: "m"}, 529, overloaded, "m"},
		{llm.Error{Kind: llm.ProviderFailed, Status: 503, Message: "m", Dialect: llm.OpenAI}, 529, overloaded, "m"},
		{llm.Error{Kind: llm.ProviderFailed, Status: 529, Message: "m"}, 529, overloaded, "m"},
		{llm.Error{Kind: llm.ProviderFailed, Status: 500, Message: "m", Type: "server_error", Dialect: llm.OpenAI, Body: []byte(`{"error":{}}`)}, 500, apiError, "m"},
		{llm.Error{Kind: llm.ProviderFailed, Status: 408, Message: "m"}, 502, apiError, "m"},
		{llm.Error{Kind: llm.Timeout, Status: 504, Message: "m"}, 504, timedOut, "m"},
		{llm.Error{Kind: llm.ProviderAuth, Status: 401, Message: "m"}, 502, apiError, "m"},
		{llm.Error{Kind: llm.Unreachable, Message: "m"}, 502, apiError, "m"},
		{llm.Error{Kind: llm.Internal, Message: "m"}, 500, apiError, "m"},
		{llm.Error{Kind: "unheard_of", Message: "m"}, 500, apiError, "m"},
		{llm.Error{Kind: llm.ContextTooLong, Status: 400, Message: "This is too much.", Dialect: llm.OpenAI, Code: "context_length_exceeded", Body: []byte(`{}`)}, 400, invalid, "prompt is too long: This is too much."},
		{llm.Error{Kind: llm.ContextTooLong, Status: 400, Message: "Prompt is too long: 9 tokens"}, 400, invalid, "Prompt is too long: 9 tokens"},
	} {
		status, contentType, body := NewCodec().Error(&c.e)
		var got struct {
			Type  string
			Error struct{ Type, Message string }
		}
		if err := json.Unmarshal(body, &got); err != nil || got.Type != "error" || status != c.status || got.Error.Type != c.kind || got.Error.Message != c.begins || contentType != "application/json" {
			t.Errorf("%s %d: %d %s", c.e.Kind, c.e.Status, status, body)
		}
		stream := string(NewCodec().StreamError(llm.Chat, &c.e))
		if stream != "event: error\ndata: "+string(body)+"\n\n" {
			t.Errorf("%s %d: in a stream %q", c.e.Kind, c.e.Status, stream)
		}
	}
}

func TestTheVendorsOwnErrorIsHandedOn(t *testing.T) {
	own := "{\"type\":\"error\",\n \"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"
	e := &llm.Error{Kind: llm.ProviderFailed, Status: 529, Dialect: llm.Anthropic, Body: []byte(own), ContentType: "application/json; x"}
	if status, contentType, body := NewCodec().Error(e); status != 529 || contentType != e.ContentType || string(body) != own {
		t.Errorf("%d %s %s", status, contentType, body)
	}
	stream := string(NewCodec().StreamError(llm.Chat, e))
	if stream != "event: error\ndata: "+strings.ReplaceAll(own, "\n", " ")+"\n\n" {
		t.Errorf("%q", stream)
	}
	e.Body = []byte("<html>")
	if stream = string(NewCodec().StreamError(llm.Chat, e)); !strings.Contains(stream, `"type":"overloaded_error"`) {
		t.Errorf("%q", stream)
	}
}

func TestKeepAliveIsAnEventOfTheDialect(t *testing.T) {
	list, err := newDecoder(nil).Event(nil, []byte("ping"), []byte(`{"type":"ping"}`))
	if len(list) != 0 || err != nil || string(NewCodec().KeepAlive()) != "event: ping\ndata: {\"type\":\"ping\"}\n\n" {
		t.Errorf("%v %v %q", list, err, NewCodec().KeepAlive())
	}
}

func TestEachFeatureIsDecided(t *testing.T) {
	for _, r := range Features().Rows() {
		if r.Class != llm.Mapped && r.Fact == "" {
			t.Errorf("%s is %s without a fact", r.Feature, r.Class)
		}
		if r.Class == llm.Refused && r.Lacking != llm.Refused {
			t.Errorf("%s is refused, and %s where the model lacks it", r.Feature, r.Lacking)
		}
	}
}
