package anthropic

import (
	"strconv"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// spelled is a conversation as a request of this dialect, and what the answer's decoder has to know of it.
type spelled struct {
	body []byte
	// names leads from the names of tools that had to be changed back to the application's.
	names map[string]string
	// custom holds the names, the application's, of tools that take free text.
	custom map[string]bool
	// answer is the name of the tool that stands for the form of the answer; "" where there is none.
	answer string
	// left names what could not be said because of something else in the request, in its own words, as Planned.Report
	// does: llm.Plan decides feature by feature and cannot see it.
	left []string
}

// speller spells one conversation.
type speller struct {
	o          *llm.Order
	c          *llm.Conversation
	used       llm.Set
	remembered func(callID string) [][]byte
	out        *spelled
	b          []byte

	names    *wire.Names
	system   []*llm.Part
	turns    []turn
	calls    []call
	open     map[string]int  // id -> its last call
	spelled  map[string]bool // ids of calls
	declared []declared
	jsonLine bool
	forced   bool // the choice of tools makes the model call one
	prefill  bool
	think    thinking

	maxTokens int
	marks     int // cache marks in all
	marked    int // and written
	short     bool
}

// unknownOutput is the output limit for a model of which nothing is known: one that all current models have.
const unknownOutput = 32000

// spell makes the request for o. remembered, which may be nil, gives the thinking blocks that this gateway kept for the
// call of an id; an application of another dialect has no place for them, and Anthropic wants them back.
func spell(o *llm.Order, remembered func(callID string) [][]byte) (*spelled, *llm.Error) {
	w := &speller{o: o, c: o.Request.Conversation, remembered: remembered, out: &spelled{}, names: wire.NewNames(o.Request.Conversation, maxIdent)}
	for _, u := range w.c.Uses {
		w.used |= 1 << u.Feature
	}
	if err := w.declare(); err != nil {
		return nil, err
	}
	if err := w.lay(); err != nil {
		return nil, err
	}
	w.limit()
	w.decideThinking()
	w.countMarks()
	w.b = make([]byte, 0, w.size())
	w.appendRequest()
	w.out.body, w.out.names = w.b, w.names.Own()
	return w.out, nil
}

// gone reports whether the plan leaves f out.
func (w *speller) gone(f llm.Feature) bool { return w.used.Has(f) && !w.o.Plan.Keep.Has(f) }

// leave notes that what the request said by f could not be said.
func (w *speller) leave(f llm.Feature, otherwise string) {
	for _, u := range w.c.Uses {
		if u.Feature == f {
			w.out.left = append(w.out.left, u.Field)
			return
		}
	}
	if otherwise != "" {
		w.out.left = append(w.out.left, otherwise)
	}
}

// bad refuses what cannot be spelled and what no plan could foresee.
func bad(param, message string) *llm.Error {
	return &llm.Error{Kind: llm.BadRequest, Status: 400, Code: "unsupported_value", Param: param, Message: message}
}

func (w *speller) counting() bool { return w.o.Request.Op == llm.CountTokens }

// limit settles max_tokens, which this dialect demands: what was asked for within what the model has.
func (w *speller) limit() {
	w.maxTokens = w.c.MaxOutput
	most := w.mostOutput()
	switch {
	case w.maxTokens <= 0 && most > 0:
		w.maxTokens = most
	case w.maxTokens <= 0:
		w.maxTokens = unknownOutput
	case most > 0:
		w.maxTokens = min(w.maxTokens, most)
	}
}

// mostOutput is the model's own limit; 0 where it is not known.
func (w *speller) mostOutput() int {
	if w.o.Model != nil {
		return w.o.Model.MaxOutput
	}
	return 0
}

func (w *speller) appendRequest() {
	w.b = wire.AppendQuote(append(w.b, `{"model":`...), w.o.ID)
	if !w.counting() {
		w.b = strconv.AppendInt(append(w.b, `,"max_tokens":`...), int64(w.maxTokens), 10)
		w.b = append(w.b, `,"stream":true`...)
		w.appendSampling()
		w.appendAccount()
	}
	w.appendThinking()
	w.appendTools()
	w.appendSystem()
	w.appendTurns()
	w.b = append(w.b, '}')
}

func (w *speller) appendSampling() {
	c := w.c
	hot := w.think.active()
	number := func(f llm.Feature, name, value string) {
		switch {
		case value == "" || w.gone(f):
		case hot: // refused beside thinking
			w.leave(f, name)
		default:
			w.b = append(append(append(append(w.b, `,"`...), name...), `":`...), value...)
		}
	}
	number(llm.FeatureTemperature, "temperature", cool(c.Temperature))
	if c.Temperature == "" || w.gone(llm.FeatureTemperature) || !w.gone(llm.FeatureTopPToo) {
		number(llm.FeatureTopP, "top_p", c.TopP)
	}
	number(llm.FeatureTopK, "top_k", c.TopK)
	first := true
	for _, stop := range c.Stop {
		if blank(stop) || w.gone(llm.FeatureStop) {
			continue
		}
		if first {
			w.b = append(w.b, `,"stop_sequences":[`...)
		} else {
			w.b = append(w.b, ',')
		}
		first = false
		w.b = append(append(append(w.b, '"'), stop...), '"')
	}
	if !first {
		w.b = append(w.b, ']')
	}
}

// cool bounds a temperature to what this dialect takes.
func cool(value string) string {
	f, err := strconv.ParseFloat(value, 64)
	switch {
	case value == "":
		return ""
	case err != nil || f < 0:
		return "0"
	case f > 1:
		return "1"
	}
	return value
}

// longestUser bounds metadata.user_id at the vendor.
const longestUser = 256

// appendAccount writes who asks and how urgently.
func (w *speller) appendAccount() {
	if user := w.c.User; len(user) > 0 && !w.gone(llm.FeatureUser) {
		if len(user) > longestUser {
			user = llm.Text(wire.Digest(user, 64))
		}
		w.b = append(append(append(w.b, `,"metadata":{"user_id":"`...), user...), `"}`...)
	}
	if w.gone(llm.FeatureTier) {
		return
	}
	switch strings.ToLower(w.c.Tier) {
	case "":
	case "auto":
		w.b = append(w.b, `,"service_tier":"auto"`...)
	case "default", "standard", "standard_only":
		w.b = append(w.b, `,"service_tier":"standard_only"`...)
	default: // flex, priority, scale: bought elsewhere
		w.leave(llm.FeatureTier, "service_tier")
	}
}

func (w *speller) appendSystem() {
	first := true
	for _, p := range w.system {
		if blank(p.Text) {
			continue
		}
		w.comma(`,"system":[`, &first)
		w.b = append(append(append(w.b, `{"type":"text","text":"`...), p.Text...), '"')
		w.appendMark(p.Cache)
		w.b = append(w.b, '}')
	}
	if w.jsonLine {
		w.comma(`,"system":[`, &first)
		w.b = append(w.b, `{"type":"text","text":"Answer with JSON only: one valid JSON value, without any other text and without a code fence."}`...)
	}
	if !first {
		w.b = append(w.b, ']')
	}
}

// comma writes what stands before an element: head before the first.
func (w *speller) comma(head string, first *bool) {
	if *first {
		w.b = append(w.b, head...)
	} else {
		w.b = append(w.b, ',')
	}
	*first = false
}

// maxMarks is how many cache marks a request may carry.
const maxMarks = 4

// appendMark writes a cache mark. Of too many the first stays, for the prefix that all requests share, and the last
// ones, which a conversation grows by. A longer time may not follow a shorter one.
func (w *speller) appendMark(mark string) {
	if mark == "" || w.gone(llm.FeatureCacheMarks) {
		return
	}
	w.marked++
	if w.marks > maxMarks && w.marked > 1 && w.marked <= w.marks-(maxMarks-1) {
		return
	}
	if mark == "1h" && !w.short {
		w.b = append(w.b, `,"cache_control":{"type":"ephemeral","ttl":"1h"}`...)
		return
	}
	w.short = true
	w.b = append(w.b, `,"cache_control":{"type":"ephemeral"}`...)
}

// countMarks counts what appendMark will be asked for.
func (w *speller) countMarks() {
	count := func(mark string) {
		if mark != "" {
			w.marks++
		}
	}
	for _, d := range w.declared {
		count(d.cache())
	}
	for _, p := range w.system {
		if !blank(p.Text) {
			count(p.Cache)
		}
	}
	for i := range w.turns {
		for j := range w.turns[i].pieces {
			count(w.turns[i].pieces[j].cache())
		}
	}
}

// size bounds the body, so that a picture is copied once.
func (w *speller) size() int {
	n := 1024 + len(w.o.ID)
	for _, d := range w.declared {
		n += d.size()
	}
	for _, p := range w.system {
		n += len(p.Text) + 96
	}
	for i := range w.turns {
		n += 64
		for j := range w.turns[i].pieces {
			n += w.turns[i].pieces[j].size()
		}
	}
	for _, s := range w.c.Stop {
		n += len(s) + 4
	}
	return n + len(w.c.User) + 2*len(w.c.Format.Schema)
}
