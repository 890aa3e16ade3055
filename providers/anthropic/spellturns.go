package anthropic

import (
	"strconv"

	"localrouter/providers/llm"
)

// turn is one message to be sent.
type turn struct {
	role   llm.Role
	pieces []piece
	calls  []int // of speller.calls
}

type pieceKind uint8

const (
	pieceOf     pieceKind = iota // a part as it is
	pieceWords                   // text of our own, or wrapped
	pieceKept                    // blocks of thinking that the gateway kept
	pieceResult                  // a call's result, or its lack
)

// piece is one content block to be sent.
type piece struct {
	kind pieceKind
	part *llm.Part
	id   string   // of a call
	name llm.Text // of a tool
	head string   // before text
	tail string   // and after
	raw  [][]byte
	// prefix is that of the answer which kept blocks belong to.
	prefix uint64
}

// call is a call of a tool in the history, and what became of it.
type call struct {
	id     string
	result *llm.Part
}

// Texts of our own that stand in for what this dialect demands.
const (
	lostResult  = "There is no result: the call was interrupted."
	emptyTurn   = "."
	goOn        = "Go on from exactly where your last message ends."
	reminder    = "<system-reminder>\\n"
	reminderEnd = "\\n</system-reminder>"
	noSound     = "The conversation holds sound, which this provider has no place for. Send its text instead."
	strayResult = "Result of a tool call that is not in this conversation:\\n"
)

// lay puts the turns into the order this dialect demands: system text apart, roles that alternate and begin with the
// user's, each call followed by its result at the beginning of the next turn.
func (w *speller) lay() *llm.Error {
	w.open = map[string]int{}
	w.turns = make([]turn, 0, len(w.c.Turns)+2)
	leading := true
	for i := range w.c.Turns {
		t := &w.c.Turns[i]
		if t.Role == llm.System && leading {
			if err := w.laySystem(t); err != nil {
				return err
			}
			continue
		}
		leading = false
		w.recall(t)
		for j := range t.Parts {
			if err := w.layPart(t, &t.Parts[j]); err != nil {
				return err
			}
		}
	}
	w.pair()
	w.join()
	w.settleEnds()
	return nil
}

func (w *speller) laySystem(t *llm.Turn) *llm.Error {
	for i := range t.Parts {
		p := &t.Parts[i]
		if p.Kind != llm.PartText && !(p.Kind == llm.PartFile && len(p.Text) > 0) {
			return bad("system", "The system text holds something other than text, which this provider does not take there. Put it into a user's message.")
		}
		w.system = append(w.system, p)
	}
	return nil
}

// to is the turn of a role at the end of the list, begun where it is not there.
func (w *speller) to(role llm.Role) *turn {
	if n := len(w.turns); n == 0 || w.turns[n-1].role != role {
		w.turns = append(w.turns, turn{role: role})
	}
	return &w.turns[len(w.turns)-1]
}

func (w *speller) add(role llm.Role, p piece) {
	t := w.to(role)
	t.pieces = append(t.pieces, p)
}

// recall puts the thinking that was kept for a turn's first call, and came before the turn's text, before all of the turn.
func (w *speller) recall(t *llm.Turn) {
	if t.Role != llm.Assistant || w.remembered == nil || signed(t.Parts) {
		return
	}
	if p := firstCall(t); p != nil {
		if k := w.remembered(p.ID); k != nil {
			w.keep(k, k.before)
		}
	}
}

// keep adds blocks that were kept, of which settleKept says whether they may stay.
func (w *speller) keep(k *kept, raw [][]byte) {
	if len(raw) > 0 {
		w.add(llm.Assistant, piece{kind: pieceKept, raw: raw, prefix: k.prefix})
	}
}

// signed reports whether parts hold thinking that may go back to the vendor as it is.
func signed(parts []llm.Part) bool {
	for i := range parts {
		if isSigned(&parts[i]) || parts[i].Kind == llm.PartOpaque && parts[i].Origin == vendor {
			return true
		}
	}
	return false
}

// isSigned reports whether p is thinking of this vendor: text may be hidden, the signature is always there.
func isSigned(p *llm.Part) bool {
	return p.Kind == llm.PartThinking && p.Origin == vendor && len(p.Signature) > 0
}

func (w *speller) layPart(t *llm.Turn, p *llm.Part) *llm.Error {
	role := t.Role
	if role == llm.System {
		if p.Kind == llm.PartText && blank(p.Text) {
			w.lostMark(p)
		} else if p.Kind == llm.PartText && !w.gone(llm.FeatureMidSystem) {
			w.add(llm.User, piece{kind: pieceWords, part: p, head: reminder, tail: reminderEnd})
		}
		return nil
	}
	switch p.Kind {
	case llm.PartText, llm.PartRefusal:
		if blank(p.Text) { // the vendor refuses it
			w.lostMark(p)
		} else {
			w.add(role, piece{part: p})
		}
	case llm.PartThinking:
		if isSigned(p) && role == llm.Assistant {
			w.add(role, piece{part: p})
		}
	case llm.PartOpaque:
		if p.Origin == vendor {
			w.add(role, piece{part: p})
		}
	case llm.PartToolCall:
		w.layCall(t, p)
	case llm.PartToolResult:
		return w.layResult(p)
	case llm.PartAudio:
		return bad("messages", noSound)
	default:
		if err := checkMedia(p); err != nil {
			return err
		}
		w.add(role, piece{part: p})
	}
	return nil
}

func (w *speller) layCall(t *llm.Turn, p *llm.Part) {
	if w.remembered != nil && !signed(t.Parts) {
		if k := w.remembered(p.ID); k != nil {
			if p != firstCall(t) {
				w.keep(k, k.before)
			}
			w.keep(k, k.after)
		}
	}
	id := w.freshID(p.ID)
	w.add(llm.Assistant, piece{part: p, id: id, name: w.names.Of(p.Name)})
	last := w.to(llm.Assistant)
	last.calls = append(last.calls, len(w.calls))
	w.open[p.ID] = len(w.calls)
	w.calls = append(w.calls, call{id: id})
}

// freshID is the id to send for a call. One may be there once only; clients that number the calls of each turn from 0
// repeat theirs.
func (w *speller) freshID(own string) string {
	if w.spelled == nil {
		w.spelled, w.repeats = map[string]bool{}, map[string]int{}
	}
	id := callID(own)
	for w.spelled[id] {
		n := max(w.repeats[own], 2)
		w.repeats[own] = n + 1
		id = callID(own + "_" + strconv.Itoa(n))
	}
	w.spelled[id] = true
	return id
}

func firstCall(t *llm.Turn) *llm.Part {
	for i := range t.Parts {
		if t.Parts[i].Kind == llm.PartToolCall {
			return &t.Parts[i]
		}
	}
	return nil
}

// layResult gives a result to its call, behind which pair puts it. One without a call becomes text.
func (w *speller) layResult(p *llm.Part) *llm.Error {
	for i := range p.Parts {
		switch part := &p.Parts[i]; part.Kind {
		case llm.PartImage, llm.PartFile:
			if err := checkMedia(part); err != nil {
				return err
			}
		case llm.PartAudio:
			return bad("messages", noSound)
		}
	}
	w.to(llm.User)
	if i, known := w.open[p.ID]; known && w.calls[i].result == nil {
		w.calls[i].result = p
		return nil
	}
	said := false
	for i := range p.Parts {
		switch part := &p.Parts[i]; {
		case part.Kind == llm.PartText && !blank(part.Text):
			head := strayResult
			if said {
				head = ""
			}
			said = true
			w.add(llm.User, piece{kind: pieceWords, part: part, head: head})
		case part.Kind == llm.PartText:
			w.lostMark(part)
		case part.Kind == llm.PartImage || part.Kind == llm.PartFile:
			w.add(llm.User, piece{part: part})
		}
	}
	return nil
}

// pair puts the results of each turn's calls at the beginning of the turn that follows.
func (w *speller) pair() {
	for i := 0; i < len(w.turns); i++ {
		if len(w.turns[i].calls) == 0 {
			continue
		}
		if i+1 == len(w.turns) {
			w.turns = append(w.turns, turn{role: llm.User})
		}
		calls, next := w.turns[i].calls, &w.turns[i+1] // roles alternate: it is the user's
		results := make([]piece, 0, len(calls)+len(next.pieces))
		for _, c := range calls {
			results = append(results, piece{kind: pieceResult, part: w.calls[c].result, id: w.calls[c].id})
		}
		next.pieces = append(results, next.pieces...)
	}
}

// join drops turns that came out empty and puts neighbours of one role together.
func (w *speller) join() {
	out := w.turns[:0]
	for _, t := range w.turns {
		switch n := len(out); {
		case len(t.pieces) == 0:
		case n > 0 && out[n-1].role == t.role:
			out[n-1].pieces = append(out[n-1].pieces, t.pieces...)
			out[n-1].calls = append(out[n-1].calls, t.calls...)
		default:
			out = append(out, t)
		}
	}
	w.turns = out
}

// settleEnds sees to the first turn, which must be the user's, and to the last, which must be on newer models.
func (w *speller) settleEnds() {
	if len(w.turns) == 0 || w.turns[0].role != llm.User {
		w.turns = append([]turn{{role: llm.User, pieces: []piece{{kind: pieceWords, head: emptyTurn}}}}, w.turns...)
	}
	last := &w.turns[len(w.turns)-1]
	if last.role != llm.Assistant {
		return
	}
	// The plan goes by the request; turns that say nothing here, such as one of a single line separator, leave another last.
	unplanned := !w.used.Has(llm.FeaturePrefill) && w.model.Lacks.Has(llm.FeaturePrefill)
	if unplanned {
		w.out.left = append(w.out.left, "messages;approximated")
	}
	if unplanned || w.o.Plan.Near.Has(llm.FeaturePrefill) || w.gone(llm.FeaturePrefill) {
		w.turns = append(w.turns, turn{role: llm.User, pieces: []piece{{kind: pieceWords, head: goOn}}})
		return
	}
	w.prefill = true
	if p := &last.pieces[len(last.pieces)-1]; p.kind == pieceOf && (p.part.Kind == llm.PartText || p.part.Kind == llm.PartRefusal) {
		// A space at the end is refused.
		trimmed := *p.part
		trimmed.Text = trim(trimmed.Text)
		p.part = &trimmed
	}
}

// bareLoop reports whether the model is in the middle of calling tools and the turn that called them does not begin
// with thinking. With a budget the vendor wants it there; it is lost where another model made the calls, or where the
// gateway was started anew.
func (w *speller) bareLoop() bool {
	for i := len(w.turns) - 1; i > 0; i-- {
		t := &w.turns[i]
		if t.role == llm.User && t.pieces[0].kind != pieceResult {
			return false // a new question
		}
		if t.role == llm.Assistant {
			p := &t.pieces[0]
			return p.kind != pieceKept && !(p.kind == pieceOf && (isSigned(p.part) || p.part.Kind == llm.PartOpaque))
		}
	}
	return false
}
