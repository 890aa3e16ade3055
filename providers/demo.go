package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/openai"
)

// demo is a provider inside the program: it answers in the OpenAI dialect as a real one would, with words written down
// beforehand, so that a first request works before anything is set up.
type demo struct {
	pace  func(context.Context, time.Duration) error
	now   func() time.Time
	count atomic.Int64 // of answers, for their ids
}

const (
	demoModel  = "demo"
	demoWindow = 32_768
	demoThink  = 120 * time.Millisecond // before the first word
	demoWord   = 35 * time.Millisecond  // between words
)

func newDemo(pace func(context.Context, time.Duration) error, now func() time.Time) *demo {
	if pace == nil {
		pace = wait
	}
	return &demo{pace: pace, now: now}
}

// wait passes d, or ends early with ctx.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func demoModels() []llm.Model {
	return []llm.Model{{ID: demoModel, Name: "Demo (no model behind it)", OwnedBy: "localrouter", ContextLength: demoWindow,
		InputModes: []string{"text", "image"}, OutputModes: []string{"text"},
		Parameters: []string{"max_tokens", "max_completion_tokens", "tools", "tool_choice", "response_format", "stream"}}}
}

func (d *demo) Models(context.Context) ([]llm.Model, error) { return demoModels(), nil }

// demoRequest is what the demo reads of a request of any operation.
type demoRequest struct {
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Prompt json.RawMessage `json:"prompt"`
	N      *int            `json:"n"`
	Tools  []struct {
		Function struct {
			Name       string          `json:"name"`
			Parameters json.RawMessage `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
	ToolChoice     json.RawMessage `json:"tool_choice"`
	ResponseFormat struct {
		Type   string `json:"type"`
		Schema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`

	Input      json.RawMessage `json:"input"`
	Dimensions *int            `json:"dimensions"`
	Encoding   string          `json:"encoding_format"`
}

// Send answers req; see llm.Provider.
func (d *demo) Send(ctx context.Context, req *llm.Request, model string, obs llm.Observer) (llm.Relay, error) {
	if model != demoModel {
		return nil, &llm.Error{Kind: llm.ModelNotFound, Provider: "demo", Model: model, Status: http.StatusNotFound, Code: "model_not_found", Param: "model",
			Message: fmt.Sprintf("The demo provider has one model, %q, and no %q.", demoModel, model)}
	}
	if req.Op == llm.Forward {
		return nil, demoRefuses(http.StatusNotFound, "", "The demo provider answers chat, completions and embeddings only. Add a real provider for "+req.Path+".")
	}
	var in demoRequest
	if err := json.Unmarshal(req.Body, &in); err != nil {
		return nil, demoRefuses(http.StatusBadRequest, "", "The request does not have the form of the OpenAI dialect: "+err.Error()+".")
	}
	if in.N != nil && *in.N > 1 {
		return nil, demoRefuses(http.StatusBadRequest, "n", "The demo provider gives one answer; leave n away.")
	}
	n := d.count.Add(1)
	if req.Op == llm.Embeddings {
		return d.embed(ctx, req, &in, obs)
	}
	a := d.script(req, &in)
	a.id, a.created = "demo-"+strconv.FormatInt(n, 10), d.now().Unix()
	ctx, cancel := context.WithCancel(ctx)
	r := &demoRelay{ctx: ctx, cancel: cancel, pace: d.pace, obs: obs, usage: a.usage, finish: a.finish}
	if req.Stream {
		r.steps = a.events(req)
		r.head = llm.Head{Status: 200, ContentType: "text/event-stream", Length: -1, Stream: true}
	} else {
		body := a.whole(req.Op)
		r.steps = []demoStep{{time.Duration(len(a.pieces))*demoWord/8 + demoThink, body, len(a.pieces)}}
		r.head = llm.Head{Status: 200, ContentType: "application/json", Length: int64(len(body))}
	}
	return r, nil
}

// Converse answers a request of another dialect; see llm.Provider.
func (d *demo) Converse(ctx context.Context, o *llm.Order, obs llm.Observer) (llm.Stream, error) {
	return openai.Inside(o, func(req *llm.Request) (llm.Relay, error) { return d.Send(ctx, req, o.ID, obs) })
}

func demoRefuses(status int, param, message string) *llm.Error {
	e := &llm.Error{Kind: llm.ProviderRejected, Provider: "demo", Model: demoModel, Status: status, Code: "invalid_value", Type: "invalid_request_error", Param: param, Message: message, Dialect: llm.OpenAI}
	_, e.ContentType, e.Body = openai.NewCodec().Error(e)
	return e
}

// demoAnswer is a written-down answer: words, or one call of a tool.
type demoAnswer struct {
	id      string
	created int64
	op      llm.Op
	pieces  []string // of the text, or of the call's arguments
	tool    string
	finish  string
	usage   llm.Usage
}

// script decides what to say.
func (d *demo) script(req *llm.Request, in *demoRequest) demoAnswer {
	a := demoAnswer{op: req.Op, finish: "stop"}
	asked, role := "", ""
	if n := len(in.Messages); n > 0 {
		asked, role = textOf(in.Messages[n-1].Content), in.Messages[n-1].Role
	} else {
		asked = textOf(in.Prompt)
	}
	tool, parameters := in.tool()
	var text string
	switch {
	case tool != "" && role != "tool" && role != "function":
		a.tool, a.finish = tool, "tool_calls"
		a.pieces = cutEvery(string(sample(parameters)), 12)
	case in.ResponseFormat.Type == "json_schema":
		text = string(sample(in.ResponseFormat.Schema.Schema))
	case in.ResponseFormat.Type == "json_object":
		text = `{"answer": "This is the demo provider of LocalRouter; no model is behind it.", "demo": true}`
	case role == "tool" || role == "function":
		text = "The tool answered: " + short(asked, 400) + " This is the demo provider of LocalRouter, so nobody thought about it." + demoNext
	default:
		text = "Hello from LocalRouter. This is the built-in demo: no model is behind it and nothing left this machine. "
		if asked != "" {
			text += "You asked: \u201c" + short(asked, 300) + "\u201d "
		}
		text += "A real model would answer here, by the same endpoint, with the same key." + demoNext
	}
	if a.tool == "" {
		a.pieces = words(text)
	}
	if req.MaxOutput > 0 && len(a.pieces) > req.MaxOutput {
		a.pieces, a.finish = a.pieces[:req.MaxOutput], "length"
	}
	a.usage = llm.Usage{Input: max(1, req.InputEstimate), Output: int64(len(a.pieces))}
	return a
}

const demoNext = " To add one, open the dashboard (`localrouter dashboard`) or run `localrouter providers add`."

// tool finds the function to call: the one that is asked for by name, else the first; "" where none may be called.
func (in *demoRequest) tool() (string, json.RawMessage) {
	wanted := ""
	var named struct {
		Function struct{ Name string }
	}
	if string(in.ToolChoice) == `"none"` {
		return "", nil
	} else if json.Unmarshal(in.ToolChoice, &named) == nil {
		wanted = named.Function.Name
	}
	for _, t := range in.Tools {
		if t.Function.Name != "" && (wanted == "" || wanted == t.Function.Name) {
			return t.Function.Name, t.Function.Parameters
		}
	}
	return "", nil
}

// textOf reads a content: a string, or the texts of its parts.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		var list []string
		json.Unmarshal(raw, &list) // prompts may be a list of texts; of tokens nothing can be said
		return strings.Join(list, " ")
	}
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.Text != "":
			b.WriteString(p.Text + " ")
		case p.Type != "":
			b.WriteString("[" + p.Type + "] ")
		}
	}
	return strings.TrimSpace(b.String())
}

func short(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// words cuts a text before each space, so that the pieces joined are the text.
func words(s string) (list []string) {
	from := 0
	for i := 1; i < len(s); i++ {
		if s[i] == ' ' && s[i-1] != ' ' {
			list = append(list, s[from:i])
			from = i
		}
	}
	return append(list, s[from:])
}

// cutEvery cuts a text into pieces of about n bytes without splitting a character.
func cutEvery(s string, n int) (list []string) {
	piece := 0
	for i := range s {
		if i-piece >= n {
			list = append(list, s[piece:i])
			piece = i
		}
	}
	return append(list, s[piece:])
}
