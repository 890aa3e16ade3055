package providertest

import (
	"fmt"
	"strings"
	"time"
)

// The scripts that tests use again and again. Anything else is a Script of the test's own.

// JSON answers with a status and a body. Fields are given as "Name: value".
func JSON(status int, body string, fields ...string) Script {
	return func(c *Conn) error {
		return c.Raw(head(status, append([]string{"Content-Type: application/json"}, fields...)...) +
			fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
	}
}

// Body answers with a status, a content type and a body.
func Body(status int, contentType, body string, fields ...string) Script {
	return func(c *Conn) error {
		return c.Raw(head(status, append([]string{"Content-Type: " + contentType}, fields...)...) +
			fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
	}
}

// Stream answers with an event stream whose pieces are sent one by one, each in a write of its own, and ends cleanly.
func Stream(pieces ...string) Script { return stream((*Conn).End, pieces) }

// StreamThen sends the pieces and goes on as end says: Cut, Reset, Stall.
func StreamThen(end func(*Conn) error, pieces ...string) Script { return stream(end, pieces) }

func stream(end func(*Conn) error, pieces []string) Script {
	return func(c *Conn) error {
		if err := c.Head(200, "Content-Type: text/event-stream"); err != nil {
			return err
		}
		for _, p := range pieces {
			if err := c.Chunk(p); err != nil {
				return err
			}
		}
		return end(c)
	}
}

// Gated sends each piece when something comes from gate, and ends when gate is closed.
func Gated(gate <-chan struct{}, pieces ...string) Script {
	return func(c *Conn) error {
		if err := c.Head(200, "Content-Type: text/event-stream"); err != nil {
			return err
		}
		for _, p := range pieces {
			if err := c.Wait(gate); err != nil {
				return err
			}
			if err := c.Chunk(p); err != nil {
				return err
			}
		}
		return c.End()
	}
}

// Endless sends piece for ever, until the client goes away.
func Endless(piece string) Script {
	return func(c *Conn) error {
		if err := c.Head(200, "Content-Type: text/event-stream"); err != nil {
			return err
		}
		for {
			if err := c.Chunk(piece); err != nil {
				return err
			}
		}
	}
}

// Silent takes the request and never answers.
func Silent() Script { return (*Conn).Stall }

// Hangup closes the connection before any answer.
func Hangup() Script { return (*Conn).Cut }

// Redirect answers with a redirect to target.
func Redirect(target string) Script {
	return func(c *Conn) error {
		return c.Raw(head(307, "Location: "+target) + "Content-Length: 0\r\n\r\n")
	}
}

// Paced sends pieces with a pause before each, in real time. Tests that can be told by a channel use Gated.
func Paced(pause time.Duration, pieces ...string) Script {
	return func(c *Conn) error {
		if err := c.Head(200, "Content-Type: text/event-stream"); err != nil {
			return err
		}
		for _, p := range pieces {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-c.ctx.Done():
				timer.Stop()
				return c.ctx.Err()
			}
			if err := c.Chunk(p); err != nil {
				return err
			}
		}
		return c.End()
	}
}

// Bytewise cuts a stream into single bytes, inside characters and line ends.
func Bytewise(s string) []string {
	pieces := make([]string, len(s))
	for i := range len(s) {
		pieces[i] = s[i : i+1]
	}
	return pieces
}

// CutAt cuts a stream at the given offsets.
func CutAt(s string, offsets ...int) []string {
	var pieces []string
	from := 0
	for _, at := range offsets {
		at = min(max(at, from), len(s))
		pieces = append(pieces, s[from:at])
		from = at
	}
	return append(pieces, s[from:])
}

// CRLF spells a stream with carriage returns.
func CRLF(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// Done is the end mark of a stream.
const Done = "data: [DONE]\n\n"

// Event is one data event.
func Event(data string) string { return "data: " + data + "\n\n" }

// Role, Text, Finish and Usage are the chunks of a chat stream.
func Role() string { return chunk(`{"role":"assistant","content":""}`, "null", "") }

// Text is a chunk with content; s must need no escapes but those it brings.
func Text(s string) string { return chunk(`{"content":"`+s+`"}`, "null", "") }

// Finish is the chunk with the reason why the model stopped.
func Finish(reason string) string { return chunk(`{}`, `"`+reason+`"`, "") }

// Usage is the trailing chunk with usage and no choice.
func Usage(prompt, completion int) string {
	return Event(fmt.Sprintf(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}`,
		prompt, completion, prompt+completion))
}

func chunk(delta, finish, more string) string {
	return Event(fmt.Sprintf(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":%s,"finish_reason":%s}]%s}`, delta, finish, more))
}

// Chat is a whole stream: role, words, finish, usage, end mark.
func Chat(words ...string) []string {
	pieces := []string{Role()}
	for _, w := range words {
		pieces = append(pieces, Text(w))
	}
	return append(pieces, Finish("stop"), Usage(5, len(words)), Done)
}

// Reply is a whole chat completion.
func Reply(text string) string {
	return fmt.Sprintf(`{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}`, text)
}

// Models is a model list.
func Models(ids ...string) string {
	for i, id := range ids {
		ids[i] = fmt.Sprintf(`{"id":%q,"object":"model","created":1,"owned_by":"test"}`, id)
	}
	return `{"object":"list","data":[` + strings.Join(ids, ",") + `]}`
}

// KeepAlive wraps a script so that the connection can be used again: the fields of its answer must say so themselves.
const KeepAlive = "Connection: keep-alive"
