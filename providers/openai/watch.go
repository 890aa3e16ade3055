package openai

import (
	"bytes"
	"net/http"

	"localrouter/providers/llm"
	"localrouter/providers/upstream"
)

// format is what the client machinery has to know of this dialect.
type format struct{}

func (format) Dialect() llm.Dialect { return llm.OpenAI }

// Passes names the fields of an application that any provider of this dialect may see.
func (format) Passes(name string) bool {
	return name == "Idempotency-Key" || name == "Openai-Beta" || name == "X-Client-Request-Id"
}

func (format) Refused(status int, _ http.Header, body []byte) *llm.Error {
	s := hear(body)
	return &llm.Error{Kind: classify(status, s), Code: s.code, Type: s.kind, Param: s.param, Message: s.message}
}

// Whole judges whether a reply with status 200 is one.
func (format) Whole(op llm.Op, body []byte, f *upstream.Facts) *llm.Error {
	var have facts
	have.read(body)
	if op != llm.Forward { // of the others: lists, texts, whatever the endpoint answers
		switch {
		case !have.wellEnded:
			return upstream.Broken(llm.ProviderFailed, "answered with something that is not a JSON object; check its base_url", nil)
		case have.failure != nil && !have.chosen:
			return insideError(body, have.failure)
		case !have.chosen && (op == llm.Chat || op == llm.Completions):
			return upstream.Broken(llm.ProviderFailed, "answered without any choice", nil)
		}
	}
	f.Content, f.Text, f.Finish, f.Usage, f.HasUsage = have.content, have.text, have.finish, have.usage, have.hasUsage
	f.Service, f.Model = have.service, have.model
	return nil
}

// Last is the end mark, which not every server of this dialect sends.
func (format) Last() []byte { return done }

func (format) Watch(_ llm.Op, wantsUsage bool) upstream.Watch { return &watch{wantsUsage: wantsUsage} }

// watch reads what has to be known of a stream's chunks on their way past.
type watch struct {
	wantsUsage bool
	finished   bool
	weight     int // which of texts held text last
	like       upstream.Frame
}

// Event looks at one chunk.
func (w *watch) Event(_, data []byte, committed bool, f *upstream.Facts) {
	if len(data) <= 16 && isDone(data) {
		f.End = true
		return
	}
	if committed {
		// The common case, a few letters of text in the same frame as before.
		if text, ok := w.like.Fits(data); ok {
			f.Content, f.Text = len(text), text
			return
		}
		// The next common one: four searches and no parsing.
		from, n, which := weigh(data, w.weight)
		f.Content, f.Text, w.weight = n, data[from:from+n], which
		if !has(data, keyUsage) && (w.finished || !has(data, keyFinish)) && !has(data, keyError) {
			if n > 0 {
				w.like.Keep(data, from, from+n)
			}
			return
		}
	}
	var have facts
	have.read(data)
	if have.failure != nil {
		f.Failure = insideError(data, have.failure)
		return
	}
	if !committed {
		f.Content, f.Text = have.content, have.text
	}
	f.Finish, f.Usage, f.HasUsage = have.finish, have.usage, have.hasUsage
	f.Service, f.Model = have.service, have.model
	w.finished = w.finished || have.finish != ""
	f.Withhold = have.hasUsage && have.choices && !have.chosen && !w.wantsUsage
}

func isDone(data []byte) bool { return string(bytes.TrimSpace(data)) == string(done) }
