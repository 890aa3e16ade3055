package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/openai/openai-go/v3"
)

// player sends the steps of a session with the SDKs, as the applications of one person would.
type player struct {
	url  string
	keys map[string]string
	node *nodePlayer // nil: all steps are sent by the SDKs for Go

	mu        sync.Mutex // guards the rest
	openAIs   map[string]*openai.Client
	anthropos map[string]*anthropic.Client
	talks     map[string]*talk
}

// talk is a conversation in one of the dialects.
type talk struct {
	openAI    []openai.ChatCompletionMessageParamUnion
	anthropic []anthropic.MessageParam
	calls     []string // ids of tools that were called and wait for their results
}

// result is what became of a request.
type result struct {
	step    *step
	scene   string
	ills    string // what was wrong with the upstreams then
	status  int    // torn where the answer began and did not end
	err     error
	header  http.Header
	text    string
	input   int64 // by the answer's usage
	output  int64
	models  []string // of a list
	took    time.Duration
	receipt *receipt // nil where there is none
	noPaper error    // why not
	remote  int      // requests that reached remote upstreams meanwhile
}

// route is who answered, as the gateway says.
func (r *result) route() string { return r.header.Get("X-LocalRouter-Route") }

// system is what every conversation begins with.
const system = "You help a developer. Be short."

// pixel is a picture of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// fileText is what the tool returns.
const fileText = "package main\n\nfunc main() { println(\"hello\") }\n"

var fileSchema = map[string]any{"type": "object", "properties": map[string]any{"path": map[string]any{"type": "string"}}, "required": []string{"path"}}

// answerRoom is how many tokens an answer may have.
const answerRoom = 200

// question is the text of a step. Its number or the name of the conversation is in it: two that begin
// alike would be taken for one.
func (s *step) question() string {
	said := s.say
	switch {
	case s.talk != "" && said != "":
		said += " It is about " + s.talk + "."
	case !s.same && said != "":
		said += fmt.Sprintf(" It is number %d.", s.number)
	}
	if s.words == 0 {
		return said
	}
	return said + "\n\n" + strings.Repeat("line after line of a log that somebody pasted ", s.words/9+1)
}

// play sends one step and fetches its receipt with the same key.
func (p *player) play(ctx context.Context, s *step) *result {
	r := &result{step: s, header: http.Header{}}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute) // as an application's own patience
	defer cancel()
	started := time.Now()
	if p.node != nil && s.node {
		p.node.ask(ctx, s, p.keys[s.who], r)
	} else if s.dialect == speaksAnthropic {
		p.askAnthropic(ctx, s, r)
	} else {
		p.askOpenAI(ctx, s, r)
	}
	r.took = time.Since(started)
	if id := r.header.Get("X-LocalRouter-Request-Id"); id != "" {
		var paper receipt
		if r.noPaper = p.openAI(s.who).Get(ctx, "generation?id="+id, nil, &paper); r.noPaper == nil {
			r.receipt = &paper
		}
	}
	return r
}

// talk finds the conversation of a step.
func (p *player) talk(s *step) *talk {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.talks[s.talk]
	if t == nil || s.talk == "" {
		t = &talk{}
		p.talks[s.talk] = t
	}
	return t
}

// keep puts headers and status of a response into the result.
func (r *result) keep(resp *http.Response) {
	if resp != nil {
		r.status, r.header = resp.StatusCode, resp.Header
	}
}

// failed keeps an error: an answer that had begun is torn.
func (r *result) failed(err error) {
	r.err = err
	if r.status == http.StatusOK {
		r.status = torn
	}
}
