package anthropic

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/upstream"
)

type nobody struct{}

func (nobody) Committed()        {}
func (nobody) Usage(llm.Usage)   {}
func (nobody) Finish(string)     {}
func (nobody) Failed(*llm.Error) {}

// provider is a client of a server that gives one answer, and what that server was asked for.
func provider(t *testing.T, contentType, answer string) (c *Client, asked *string) {
	t.Helper()
	asked = new(string)
	c, err := New(Options{Options: upstream.Options{Name: "p", BaseURL: "http://127.0.0.1/v1", Trip: func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		*asked = string(b)
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(answer))}, err
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return c, asked
}

// converse asks for an answer and hears all of it.
func converse(t *testing.T, c *Client, o *llm.Order) *answer {
	t.Helper()
	s, err := c.Converse(context.Background(), o, nobody{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := &answer{}
	for {
		var e llm.Event
		if err := s.Next(&e); err == io.EOF {
			a.ended = true
			return a
		} else if err != nil {
			t.Fatal(err)
		}
		a.take(t, []llm.Event{e})
	}
}

const wholeAnswer = `{"id":"m1","type":"message","role":"assistant","model":"x","content":[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"text","text":"Hi"},{"type":"tool_use","id":"t1","name":"get_weather","input":{"city":"Paris"}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":5}}`

// TestWholeReplies: an application that wants one body has the provider asked for one, if it may not take too long; and an
// answer that comes as a whole says all that a stream does.
func TestWholeReplies(t *testing.T) {
	c, asked := provider(t, "application/json", wholeAnswer)
	con := &llm.Conversation{Turns: []llm.Turn{user(text("hi"))}, Tools: []llm.Tool{weather}, MaxOutput: 1000}
	a := converse(t, c, order(con, sonnet45, about(sonnet45)))
	if strings.Contains(*asked, `"stream"`) {
		t.Errorf("a stream is asked for: %s", *asked)
	}
	if a.Text != "Hi" || a.Thinking != "hm" || a.Signature != "sig" || len(a.Calls) != 1 || a.Calls[0] != (called{ID: "t1", Name: "get_weather", Args: `{"city":"Paris"}`, Ended: true}) || a.Reason != llm.ReasonTools || a.Usage.Output != 5 {
		t.Errorf("%+v", a)
	}
	o := order(con, sonnet45, about(sonnet45))
	o.Request.Stream = true
	if converse(t, c, o); !strings.Contains(*asked, `"stream":true`) {
		t.Errorf("no stream is asked for: %s", *asked)
	}
	con.MaxOutput = 0
	if converse(t, c, order(con, sonnet45, about(sonnet45))); !strings.Contains(*asked, `"stream":true`) {
		t.Errorf("no stream is asked for, and it may take longer than ten minutes: %s", *asked)
	}
}

// TestHiddenReasoning: reasoning that the application excluded does not reach it, and still goes back to the model.
func TestHiddenReasoning(t *testing.T) {
	c, asked := provider(t, "application/json", wholeAnswer)
	con := &llm.Conversation{Turns: []llm.Turn{user(text("hi"))}, Tools: []llm.Tool{weather}, Reasoning: llm.Reasoning{Effort: "low"}}
	con.Use(llm.FeatureReasoning, "reasoning_effort")
	a := converse(t, c, order(con, sonnet45, about(sonnet45)))
	if a.Thinking != "" || a.Signature != "" || a.Text != "Hi" || len(a.Calls) != 1 {
		t.Errorf("%+v", a)
	}
	con.Turns = append(con.Turns, assistant(text("Hi"), use("t1", "get_weather", `{"city":"Paris"}`)), user(result("t1", text("1"))))
	converse(t, c, order(con, sonnet45, about(sonnet45)))
	if !strings.Contains(*asked, `{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"text","text":"Hi"},`) {
		t.Errorf("the thinking does not come back: %s", *asked)
	}
}

func TestTheReportNamesAFieldOnce(t *testing.T) {
	c, _ := provider(t, "application/json", wholeAnswer)
	con := &llm.Conversation{Turns: []llm.Turn{user(text("hi"))}, Format: llm.Format{Kind: llm.FormatSchema, Schema: []byte(`{"type":"object"}`)}}
	con.Use(llm.FeatureSchema, "response_format")
	o := order(con, "kimi-k3", about("kimi-k3"))
	converse(t, c, o)
	if !slices.Equal(o.Plan.Report, []string{"response_format;approximated"}) {
		t.Errorf("the report is %q", o.Plan.Report)
	}
}
