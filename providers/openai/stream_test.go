package openai

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"localrouter/providers/llm"
	"localrouter/providers/providertest"
	"localrouter/providers/wire"
)

func streamRequest(t testing.TB) *llm.Request {
	return scan(t, llm.Chat, "/chat/completions", streamed)
}

// TestStreamSurvivesEveryCut sends one stream cut at every byte: characters, lines and events are torn.
func TestStreamSurvivesEveryCut(t *testing.T) {
	for name, nl := range map[string]string{"LF": "\n", "CRLF": "\r\n", "CR": "\r"} {
		whole := strings.ReplaceAll(head1+": a comment\n\n"+text1+stop1+used1+done1, "\n", nl)
		kept := strings.ReplaceAll(head1+": a comment\n\n"+text1+stop1+done1, "\n", nl)
		u := providertest.New(t)
		c := newClient(t, u)
		step := 1
		if testing.Short() {
			step = 17
		}
		for i := 1; i < len(whole); i += step {
			u.Answer(providertest.Stream(whole[:i], whole[i:]))
			a := ask(t, c, streamRequest(t))
			if i == len(whole)-1 && nl == "\r\n" { // the end mark is over with its CR, and the LF may come too late
				a.body = strings.TrimRight(a.body, "\r\n") + "\r\n\r\n"
			}
			if a.err != nil || a.body != kept || a.usage.Output != 4 || a.finish != "stop" {
				t.Fatalf("%s cut at %d: %v\n%q", name, i, a.err, a.body)
			}
		}
		pieces := strings.Split(whole, "")
		u.Answer(providertest.Stream(pieces...))
		// A lone CR ends a line already, so the LF behind the very last one may come too late.
		if a := ask(t, c, streamRequest(t)); a.err != nil || strings.TrimRight(a.body, "\r\n") != strings.TrimRight(kept, "\r\n") {
			t.Errorf("%s byte by byte: %v\n%q", name, a.err, a.body)
		}
	}
}

// TestUsageIsAskedForAndWithheld: what the application did not ask for it does not get, and we know it all the same.
func TestUsageIsAskedForAndWithheld(t *testing.T) {
	u := providertest.New(t)
	u.Answer(providertest.Stream(head1, text1, stop1, used1, done1))
	c := newClient(t, u)
	a := ask(t, c, streamRequest(t))
	if strings.Contains(a.body, "prompt_tokens") {
		t.Errorf("the application got usage that it did not ask for: %q", a.body)
	}
	if a.usage != (llm.Usage{Input: 9, Output: 4}) {
		t.Errorf("usage %+v", a.usage)
	}
	if sent := string(u.Last().Body); !strings.Contains(sent, `"stream_options":{"include_usage":true}`) {
		t.Errorf("usage was not asked for: %s", sent)
	}
	req := scan(t, llm.Chat, "/chat/completions", `{"model":"lab/m","stream":true,"stream_options":{"include_usage":true},"messages":[]}`)
	if a := ask(t, c, req); !strings.Contains(a.body, "prompt_tokens") {
		t.Errorf("the application asked for usage and did not get it: %q", a.body)
	}
	if a := ask(t, newClient(t, u, func(o *Options) { o.NoStreamUsage = true }), streamRequest(t)); strings.Contains(string(u.Last().Body), "stream_options") || a.err != nil {
		t.Errorf("a server that refuses stream_options was sent them: %s", u.Last().Body)
	}
}

// TestUsageInTheChoiceIsCounted, where Moonshot has it.
func TestUsageInTheChoiceIsCounted(t *testing.T) {
	u := providertest.New(t)
	stop := `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":4}}]}` + "\n\n"
	u.Answer(providertest.Stream(head1, text1, stop, done1))
	if a := ask(t, newClient(t, u), streamRequest(t)); a.err != nil || a.usage != (llm.Usage{Input: 9, Output: 4}) || a.body != head1+text1+stop+done1 {
		t.Errorf("%v %+v %q", a.err, a.usage, a.body)
	}
}

// TestRefusedUsageIsNotAskedForAgain: the edit was ours, so its refusal is not the application's business.
func TestRefusedUsageIsNotAskedForAgain(t *testing.T) {
	u := providertest.New(t)
	u.Answer(providertest.JSON(400, `{"error":{"message":"Unknown parameter: stream_options","param":"stream_options","type":"invalid_request_error","code":null}}`),
		providertest.Stream(head1, text1, stop1, done1))
	c := newClient(t, u)
	for range 2 {
		a := ask(t, c, streamRequest(t))
		if a.err != nil || a.body != head1+text1+stop1+done1 {
			t.Fatalf("%v %q", a.err, a.body)
		}
		if !a.usage.Estimated || a.usage.Output < 1 {
			t.Errorf("without usage the count is %+v, want an estimate", a.usage)
		}
	}
	if n := len(u.Received()); n != 3 {
		t.Errorf("%d requests, want 3: one refusal only", n)
	}
}

func TestBrokenStreams(t *testing.T) {
	errorEvent := "data: {\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\",\"code\":null}}\n\n"
	for name, c := range map[string]struct {
		script providertest.Script
		kind   llm.Kind
		body   string // handed out before the failure
		inNext bool   // the failure comes after the commit
	}{
		"no end mark":            {providertest.Stream(head1, text1), llm.Broken, head1 + text1, true},
		"cut inside an event":    {providertest.Stream(head1, text1, `data: {"choices":[{"delta":{"cont`), llm.Broken, head1 + text1, true},
		"reset after content":    {providertest.StreamThen((*providertest.Conn).Reset, head1, text1), llm.Broken, head1 + text1, true},
		"cut after content":      {providertest.StreamThen((*providertest.Conn).Cut, head1, text1), llm.Broken, head1 + text1, true},
		"error after content":    {providertest.Stream(head1, text1, errorEvent), llm.ProviderFailed, head1 + text1, true},
		"error before content":   {providertest.Stream(head1, errorEvent), llm.ProviderFailed, "", true},
		"nothing at all":         {providertest.Stream(), llm.Broken, "", true},
		"end before content":     {providertest.Stream(head1), llm.Broken, "", true},
		"error inside a 200":     {providertest.JSON(200, `{"error":{"message":"busy","type":"server_error","code":null}}`), llm.ProviderFailed, "", true},
		"a page for people":      {providertest.Body(200, "text/html", "<html>sign in</html>"), llm.Broken, "", true},
		"hang up before headers": {providertest.Hangup(), llm.Unreachable, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			u := providertest.New(t)
			u.Answer(c.script)
			a := ask(t, newClient(t, u), streamRequest(t))
			if a.err == nil || a.err.Kind != c.kind || a.body != c.body {
				t.Fatalf("%v, handed out %q; want %s after %q", a.err, a.body, c.kind, c.body)
			}
			if a.err.Provider != "lab" || a.err.Message == "" {
				t.Errorf("the error names no provider or says nothing: %+v", a.err)
			}
			if (a.committed == 1) != (c.body != "") {
				t.Errorf("committed %d times with %q handed out", a.committed, a.body)
			}
			if c.body != "" && a.usage.Output == 0 {
				t.Error("what was generated before the failure is not counted")
			}
		})
	}
}

// TestEndlessStreamEndsWithTheApplication: one that goes away ends it, and nothing piles up.
func TestEndlessStreamEndsWithTheApplication(t *testing.T) {
	u := providertest.New(t)
	u.Answer(providertest.Endless(text1))
	ctx, cancel := context.WithCancel(t.Context())
	h := &heard{t: t}
	relay, err := newClient(t, u).Send(ctx, streamRequest(t), "m", h)
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	for range 1000 {
		b, err := relay.Next()
		if err != nil || len(b) > 64<<10 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
	}
	cancel()
	for err == nil {
		_, err = relay.Next()
	}
	if e := llm.AsError(err); e.Kind != llm.ClientGone {
		t.Errorf("it ended with %v", e)
	}
	if _, gone := u.WaitGone(u.Last()); !gone {
		t.Error("the provider was not told")
	}
}

// TestHugeEventsAndSilentHeadsAreBounded: an event that never ends does not fill the memory.
func TestHugeEventIsRefused(t *testing.T) {
	u := providertest.New(t)
	u.Answer(func(c *providertest.Conn) error {
		if err := c.Head(200, "Content-Type: text/event-stream"); err != nil {
			return err
		}
		block := strings.Repeat("x", 1<<20)
		err := c.Chunk(`data: {"choices":[{"delta":{"content":"`)
		for err == nil {
			err = c.Chunk(block)
		}
		return err
	})
	a := ask(t, newClient(t, u), streamRequest(t))
	if a.err == nil || a.err.Kind != llm.Broken || !strings.Contains(a.err.Message, "16 MiB") {
		t.Errorf("%v", a.err)
	}
}

// TestClocks: who is silent for too long is given up, with the clock's name and the next step.
func TestClocks(t *testing.T) {
	for name, c := range map[string]struct {
		script providertest.Script
		clock  string
	}{
		"no headers":        {providertest.Silent(), "first byte"},
		"no content":        {providertest.StreamThen((*providertest.Conn).Stall, head1), "idle"},
		"in the middle":     {providertest.StreamThen((*providertest.Conn).Stall, head1, text1), "idle"},
		"no body of an 500": {stalledRefusal, "idle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := providertest.New(t)
			u.Answer(c.script)
			limit := 150 * time.Millisecond
			if name == "no body of an 500" {
				limit = 0 // its own clock is 30 s: the application gives up before
			}
			client := newClient(t, u, func(o *Options) { o.FirstByte, o.Idle = limit, limit })
			ctx := t.Context()
			if limit == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				go func() { u.Wait(1); cancel() }()
			}
			a := askWith(ctx, t, client, streamRequest(t))
			switch {
			case limit == 0:
				if a.err == nil || a.err.Kind != llm.ClientGone {
					t.Errorf("%v", a.err)
				}
			case a.err == nil || a.err.Kind != llm.Timeout || a.err.Status != 504 || !strings.Contains(a.err.Message, c.clock+" clock"):
				t.Errorf("%v, want a timeout by the %s clock", a.err, c.clock)
			}
			if _, gone := u.WaitGone(u.Last()); !gone {
				t.Error("the provider was not told")
			}
		})
	}
}

func stalledRefusal(c *providertest.Conn) error {
	if err := c.Head(500, "Content-Type: application/json"); err != nil {
		return err
	}
	return c.Stall()
}

// TestCancelReachesTheProvider within 200 ms: before its headers, before its first content, in the middle.
func TestCancelReachesTheProvider(t *testing.T) {
	for name, script := range map[string]providertest.Script{
		"before the headers":       providertest.Silent(),
		"before the first content": providertest.StreamThen((*providertest.Conn).Stall, head1),
		"in the middle":            providertest.StreamThen((*providertest.Conn).Stall, head1, text1),
	} {
		t.Run(name, func(t *testing.T) {
			u := providertest.New(t)
			u.Answer(script)
			ctx, cancel := context.WithCancelCause(t.Context())
			var at time.Time
			go func() {
				u.Wait(1)
				at = time.Now()
				cancel(errors.New("the application went away"))
			}()
			a := askWith(ctx, t, newClient(t, u), streamRequest(t))
			if a.err == nil || a.err.Kind != llm.ClientGone {
				t.Errorf("it ended with %v", a.err)
			}
			when, gone := u.WaitGone(u.Last())
			if took := when.Sub(at); !gone || took > 200*time.Millisecond {
				t.Errorf("the provider heard of it after %v (%v)", took, gone)
			}
		})
	}
}

// TestTextIsWeighedAlikeInEveryFrame: what a shortcut takes for text is what a decoder does, and hides nothing.
func TestTextIsWeighedAlikeInEveryFrame(t *testing.T) {
	frame := func(text string) string {
		return "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text + "\"},\"finish_reason\":null}],\"usage\":null}\n\n"
	}
	texts := []string{"one", "two", `a \"quote\"`, `back\\`, "three", `\u00fc`, "", "four", `\"},\"usage\":{\"completion_tokens\":99},\"x\":{\"y\":\"`, "five"}
	stream, n := "", 0
	for _, text := range texts {
		stream += frame(text)
		n += len(text)
	}
	u := providertest.New(t)
	u.Answer(providertest.Stream(stream+done1), providertest.Stream(stream+frame("six"), "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n"+done1))
	c := newClient(t, u)
	n += len(`""`) // the first chunk is read as a whole, quotes included
	if a := ask(t, c, streamRequest(t)); a.err != nil || !a.usage.Estimated || a.usage.Output != int64((n+wire.BytesPerToken-1)/wire.BytesPerToken) || a.body != stream+done1 {
		t.Errorf("%d bytes of text are %+v (%v)", n, a.usage, a.err)
	}
	if a := ask(t, c, streamRequest(t)); a.finish != "length" || a.usage != (llm.Usage{Input: 3, Output: 5}) {
		t.Errorf("what differs from the frame is missed: %q %+v", a.finish, a.usage)
	}
}
