package server

import (
	"bytes"

	"localrouter/providers/llm"
)

// account listens to an answer as it passes and knows in the end what it used and cost. It is the llm.Observer of one
// exchange.
type account struct {
	x       *exchange
	source  *llm.Source // that answered; nil before
	model   *llm.Model  // nil where the list does not hold it
	usage   llm.Usage   // the provider's own
	input   int64       // estimated when the request was read
	bytes   int64       // of the answer, as handed on
	lines   int64       // of an event stream
	started bool        // content came
}

func (a *account) Committed() {
	a.started = true
	a.x.entry.FirstToken = a.x.g.Now().Sub(a.x.entry.Start)
}

func (a *account) Usage(u llm.Usage) { a.usage = u }

// again begins anew: another attempt is made, and what was heard of the one before is not the answer.
func (a *account) again() {
	a.usage, a.started = llm.Usage{}, false
	a.x.entry.FirstToken, a.x.entry.Finish = 0, ""
}

func (a *account) Finish(reason string) { a.x.entry.Finish = cutText(reason, 64) }

// Failed is part of llm.Observer. The same failure comes out of Next, where it can be told from a cancellation.
func (a *account) Failed(*llm.Error) {}

// passed counts the bytes on their way, for the estimate where the provider counts nothing.
func (a *account) passed(chunk []byte) {
	a.bytes += int64(len(chunk))
	if a.x.events {
		a.lines += int64(bytes.Count(chunk, newline))
	}
}

var newline = []byte{'\n'}

// settle writes usage and cost into the record.
func (a *account) settle() {
	e := a.x.entry
	if len(e.Attempts) == 0 || e.Op == llm.CountTokens {
		return
	}
	if a.usage.Zero() && !a.usage.CostReported || !a.spent() {
		a.usage = a.estimate()
	}
	e.Usage = a.usage
	if e.Kind != "" && a.usage.Zero() && !a.usage.CostReported {
		return // failed before anything was used: there is no cost to know
	}
	a.find()
	e.Cost, e.CostSource = a.cost()
}

// find looks the provider up where the request ended before it answered.
func (a *account) find() {
	if a.source != nil || a.x.g.Directory == nil {
		return
	}
	if a.source = a.x.g.Directory.Sources().Named(a.x.entry.Provider); a.source != nil {
		a.model, _ = a.source.Model(a.x.entry.Model)
	}
}

func (a *account) cost() (llm.PicoUSD, llm.CostSource) {
	t := target{Source: a.source, ID: a.x.entry.Model, Model: a.model}
	price := a.price()
	switch {
	case a.source != nil && t.Local():
		return 0, llm.CostLocal
	case a.source != nil && t.Free():
		return 0, llm.CostFlat
	case a.usage.CostReported:
		return a.usage.Cost, llm.CostReported
	case price == nil || a.usage.Zero():
		return 0, llm.CostUnknown
	case a.usage.Estimated:
		return price.Cost(a.usage), llm.CostEstimated
	}
	return price.Cost(a.usage), llm.CostComputed
}

// price is that of the model that answered, as it was when the request began; nil where it is not known.
func (a *account) price() *llm.Price {
	if a.source == nil {
		return nil
	}
	m := a.source.Answered(a.model, a.usage.Model)
	if m == nil {
		return nil
	}
	return m.Price.At(a.x.entry.Start)
}

// What an estimate by length goes by: OpenAI's "about four characters a token", and what the frame of an answer takes.
const (
	tokenBytes = 4
	eventFrame = 250 // of one event of a stream
	replyFrame = 350 // of a whole reply
)

// endedHere reports whether a failure is that the application or we ended the request.
func endedHere(kind llm.Kind) bool {
	return kind == llm.ClientGone || kind == llm.KeyDisabled || kind == llm.Stopping
}

// spent reports whether the provider had work with the request. What it counted before it failed without any content is
// not charged; it does not count either where another target answered.
func (a *account) spent() bool {
	kind := a.x.entry.Kind
	return kind == "" || a.started || endedHere(kind)
}

// estimate counts by length what the provider did not count. An event of a stream is about a token.
func (a *account) estimate() llm.Usage {
	e := a.x.entry
	switch {
	case e.Op == llm.Forward:
		return llm.Usage{} // sound, pictures and judgements: an estimate would be invented
	case e.Kind == "" || a.started:
	case endedHere(e.Kind):
		// The provider was at work when the application or we ended it.
		return llm.Usage{Input: a.input, Estimated: true}
	default:
		return llm.Usage{}
	}
	u := llm.Usage{Input: a.input, Estimated: true}
	switch {
	case e.Op == llm.Embeddings:
	case a.x.events:
		events := a.lines / 2
		u.Output = max(events, (a.bytes-events*eventFrame)/tokenBytes)
	default:
		u.Output = max(1, (a.bytes-replyFrame)/tokenBytes)
	}
	return u
}
