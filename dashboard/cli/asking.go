package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"localrouter/providers/llm"
)

// mostEvent bounds one line of an answer's stream.
const mostEvent = 16 << 20

// asking is one streamed chat completion, sent as any application would send it.
type asking struct {
	base, key, model, question string
	now                        func() time.Time
	show                       func(text string) // the answer, piece by piece; may be nil
	think                      func(text string) // reasoning, where the model shows it; may be nil
}

// reply is what came of it; `demo --json` prints it.
type reply struct {
	Answer       string         `json:"answer"`
	Route        string         `json:"route"`
	RequestID    string         `json:"request_id"`
	TokensIn     int64          `json:"tokens_in"`
	TokensOut    int64          `json:"tokens_out"`
	Estimated    bool           `json:"tokens_estimated"`
	CostUSD      *float64       `json:"cost_usd"`
	CostSource   llm.CostSource `json:"cost_source"`
	FirstTokenMS int64          `json:"first_token_ms"`
	TotalMS      int64          `json:"total_ms"`
}

// ask sends the question and reads the answer to its end. The reply is returned with an error, too, where a part of
// the answer had come.
func (a *asking) ask(ctx context.Context) (*reply, error) {
	body, err := json.Marshal(map[string]any{
		"model": a.model, "stream": true, "stream_options": map[string]bool{"include_usage": true},
		"messages": []map[string]string{{"role": "user", "content": a.question}},
	})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+a.key)
	start := a.now()
	resp, err := loopbackClient().Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fail(exitFailure, "the gateway cannot be reached: "+err.Error(), "")
	}
	defer resp.Body.Close()
	r := &reply{Route: resp.Header.Get("X-LocalRouter-Route"), RequestID: resp.Header.Get("X-LocalRouter-Request-Id")}
	if resp.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(io.LimitReader(resp.Body, mostReplySize))
		return nil, answerFailure(errorMessage(data), fmt.Sprintf("the gateway answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	}
	err = a.read(resp.Body, r, start)
	r.TotalMS = a.now().Sub(start).Milliseconds()
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return r, err
}

// chunk is the part of a stream's event that is shown.
type chunk struct {
	Choices []struct {
		Delta struct {
			Content          string `json:"content"`
			ReasoningContent string `json:"reasoning_content"`
			Reasoning        string `json:"reasoning"`
		} `json:"delta"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int64 `json:"prompt_tokens"`
		CompletionTokens int64 `json:"completion_tokens"`
	} `json:"usage"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// read follows the events of an answer until its end mark; an end without one is an error. What comes after the mark
// is drained: the body's own end says that the gateway is done with the request.
func (a *asking) read(body io.Reader, r *reply, start time.Time) error {
	var text strings.Builder
	defer func() { r.Answer = text.String() }()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, mostEvent)
	first := true
	for lines.Scan() {
		data, ok := strings.CutPrefix(strings.TrimRight(lines.Text(), "\r"), "data:")
		if !ok {
			continue
		}
		if data = strings.TrimSpace(data); data == "[DONE]" {
			_, err := io.Copy(io.Discard, io.LimitReader(body, mostEvent))
			return err
		}
		var c chunk
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			return fail(exitFailure, "the answer is not understood: "+err.Error(), "")
		}
		if c.Error != nil {
			return answerFailure(c.Error.Message, "the answer broke off")
		}
		if c.Usage != nil {
			r.TokensIn, r.TokensOut = max(r.TokensIn, c.Usage.PromptTokens), max(r.TokensOut, c.Usage.CompletionTokens)
		}
		if len(c.Choices) == 0 {
			continue
		}
		delta := c.Choices[0].Delta
		thought := delta.ReasoningContent + delta.Reasoning
		if first && delta.Content+thought != "" {
			r.FirstTokenMS, first = a.now().Sub(start).Milliseconds(), false
		}
		if thought != "" && a.think != nil {
			a.think(thought)
		}
		text.WriteString(delta.Content)
		if delta.Content != "" && a.show != nil {
			a.show(delta.Content)
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) {
		return fail(exitFailure, "the answer broke off: "+err.Error(), "ask again")
	}
	return fail(exitFailure, "the answer broke off without its end mark", "ask again")
}

// answerFailure prefers the gateway's own words, which hold the next step.
func answerFailure(message, otherwise string) *failure {
	if message == "" {
		return fail(exitFailure, otherwise, "look at the request in the dashboard")
	}
	return fail(exitFailure, strings.TrimRight(message, ". "), "")
}
