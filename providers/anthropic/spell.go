package anthropic

import (
	"slices"
	"strconv"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// spelled is a conversation as a request of this dialect, and what the answer's decoder has to know of it.
type spelled struct {
	body []byte
	// stream says that an event stream is asked for.
	stream bool
	// hidden says that the application does not want to see the reasoning that it asks for.
	hidden bool
	// prefix stands for all that the answer follows: what thinking belongs to.
	prefix uint64
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
	model      *llm.Model // never nil
	used       llm.Set
	remembered func(callID string) *kept
	out        *spelled
	b          []byte

	names    *wire.Names
	system   []*llm.Part
	turns    []turn
	calls    []call
	open     map[string]int  // id -> its last call
	spelled  map[string]bool // ids of calls
	repeats  map[string]int  // id of a call -> the number that tells its next repetition apart
	declared []declared
	onlyOld  bool        // those declared are of the history, and may not be called
	form     *tightening // of the answer, where it is kept to
	jsonLine bool
	forced   bool // the choice of tools makes the model call one
	prefill  bool
	think    thinking

	maxTokens int
	most      int // that maxTokens may be where we choose it; 0: not known
	marks     int // cache marks in all
	marked    int // and written
	short     bool
}

// unknownOutput is the output limit for a model of which nothing is known: one that all current models have.
const unknownOutput = 32000

// mostWhole is the largest max_tokens of a whole reply. The vendor's SDKs refuse one above it without a stream, because
// it may take longer than the ten minutes after which the vendor gives up.
const mostWhole = 21333

// spell makes the request for o. remembered, which may be nil, gives the thinking blocks that this gateway kept for the
// call of an id; an application of another dialect has no place for them, and Anthropic wants them back.
func spell(o *llm.Order, remembered func(callID string) *kept) (*spelled, *llm.Error) {
	w := &speller{o: o, c: o.Request.Conversation, model: o.Model, remembered: remembered, out: &spelled{}, names: wire.NewNames(o.Request.Conversation, maxIdent)}
	if w.model == nil {
		w.model = &llm.Model{ID: o.ID}
	}
	for _, u := range w.c.Uses {
		w.used |= 1 << u.Feature
	}
	if err := w.declare(); err != nil {
		return nil, err
	}
	if err := w.lay(); err != nil {
		return nil, err
	}
	w.settleKept()
	w.limit()
	w.decideThinking()
	w.out.stream = !w.counting() && (o.Request.Stream || w.maxTokens > mostWhole)
	w.countMarks()
	w.b = make([]byte, 0, w.size())
	w.appendRequest()
	w.out.body, w.out.names = w.b, w.names.Own()
	return w.out, nil
}

// gone reports whether the plan leaves f out.
func (w *speller) gone(f llm.Feature) bool { return w.used.Has(f) && !w.o.Plan.Keep.Has(f) }

// leave notes that what the request said by f could not be said.
func (w *speller) leave(f llm.Feature, otherwise string) { w.tell(w.field(f, otherwise), "") }

// near notes that what the request said by f is said approximately.
func (w *speller) near(f llm.Feature, otherwise string) {
	w.tell(w.field(f, otherwise), ";approximated")
}

// field is what the request itself calls its use of f.
func (w *speller) field(f llm.Feature, otherwise string) string {
	for _, u := range w.c.Uses {
		if u.Feature == f {
			return u.Field
		}
	}
	return otherwise
}

// tell puts a field into the report, unless it is there.
func (w *speller) tell(field, how string) {
	if field != "" && !slices.Contains(w.out.left, field+how) {
		w.out.left = append(w.out.left, field+how)
	}
}

// bad refuses what cannot be spelled and what no plan could foresee.
func bad(param, message string) *llm.Error {
	return &llm.Error{Kind: llm.BadRequest, Status: 400, Code: "unsupported_value", Param: param, Message: message}
}

func (w *speller) counting() bool { return w.o.Request.Op == llm.CountTokens }

// leastRoom is what an answer is given however full the context is by our estimate.
const leastRoom = 1024

// limit settles max_tokens, which this dialect demands: what was asked for within what the model has. Where nothing was
// asked for it is all that the model has and that its context leaves room for.
func (w *speller) limit() {
	w.most = w.model.MaxOutput
	if w.maxTokens = llm.OutputLimit(w.o.Request, w.model); w.maxTokens > 0 {
		return
	}
	if w.maxTokens = w.most; w.maxTokens <= 0 {
		w.maxTokens = unknownOutput
	}
	if context := int64(w.model.ContextLength); context > 0 {
		input := max(w.o.Request.InputEstimate, 0)
		room := int(max(context-input-input/8-leastRoom, leastRoom)) // an estimate may be wrong by some
		w.maxTokens = min(w.maxTokens, room)
		if w.most == 0 || w.most > room {
			w.most = room
		}
	}
}

func (w *speller) appendRequest() {
	w.b = wire.AppendQuote(append(w.b, `{"model":`...), w.o.ID)
	if !w.counting() {
		w.b = strconv.AppendInt(append(w.b, `,"max_tokens":`...), int64(w.maxTokens), 10)
		if w.out.stream {
			w.b = append(w.b, `,"stream":true`...)
		}
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
	temperature, said := cool(c.Temperature)
	if !said && !hot && !w.gone(llm.FeatureTemperature) && !w.used.Has(llm.FeatureHot) {
		w.near(llm.FeatureTemperature, "temperature")
	}
	number(llm.FeatureTemperature, "temperature", temperature)
	if c.Temperature == "" || w.gone(llm.FeatureTemperature) || !w.gone(llm.FeatureTopPToo) {
		number(llm.FeatureTopP, "top_p", c.TopP)
	}
	number(llm.FeatureTopK, "top_k", c.TopK)
	first := true
	for _, stop := range c.Stop {
		if w.gone(llm.FeatureStop) {
			break
		}
		if blank(stop) {
			if !w.used.Has(llm.FeatureBlankStop) {
				w.leave(llm.FeatureStop, "stop")
			}
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

// cool bounds a temperature to what this dialect takes; ok is false where it had to. One that is too large for a number is
// infinite.
func cool(value string) (_ string, ok bool) {
	switch f, _ := strconv.ParseFloat(value, 64); {
	case f < 0:
		return "0", false
	case f > 1:
		return "1", false
	}
	return value, true
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
			w.lostMark(p)
			continue
		}
		w.comma(`,"system":[`, &first)
		w.b = append(append(append(w.b, `{"type":"text","text":"`...), p.Text...), '"')
		w.appendMark(p.Cache)
		w.b = append(w.b, '}')
	}
	for _, line := range w.ownLines() {
		w.comma(`,"system":[`, &first)
		w.b = append(append(append(w.b, `{"type":"text","text":"`...), line...), `"}`...)
	}
	if !first {
		w.b = append(w.b, ']')
	}
}

const jsonOnly = "Answer with JSON only: one valid JSON value, without any other text and without a code fence."

// ownLines are system lines of our own, for what the dialect or the model has no field for.
func (w *speller) ownLines() (lines []string) {
	if w.jsonLine {
		lines = append(lines, jsonOnly)
	}
	if w.cannotForce() {
		switch kind, name := w.wanted(); kind {
		case "any":
			lines = append(lines, "You must call at least one of the tools now. Do not answer without a call.")
		case "tool":
			lines = append(lines, "You must call the tool "+name+" now. Do not answer without calling it.")
		}
	}
	return lines
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
		w.near(llm.FeatureCacheMarks, "cache_control")
		return
	}
	if mark == "1h" && !w.short {
		w.b = append(w.b, `,"cache_control":{"type":"ephemeral","ttl":"1h"}`...)
		return
	}
	if mark == "1h" {
		w.near(llm.FeatureCacheMarks, "cache_control")
	}
	w.short = true
	w.b = append(w.b, `,"cache_control":{"type":"ephemeral"}`...)
}

// lostMark notes that a part that is not sent had a cache mark.
func (w *speller) lostMark(p *llm.Part) {
	if p.Cache != "" && !w.gone(llm.FeatureCacheMarks) {
		w.near(llm.FeatureCacheMarks, "cache_control")
	}
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
	if w.form != nil {
		n += len(w.form.out)
	}
	return n + len(w.c.User)
}
