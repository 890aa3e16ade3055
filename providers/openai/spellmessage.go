package openai

import (
	"slices"
	"strconv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// messages spells the turns. A tool's result is a message of its own here, and those of one answer stand directly
// behind it, whatever else came between; what the user says comes after them.
func (s *speller) messages() {
	turns := s.c.Turns
	for i := 0; i < len(turns); i++ {
		switch t := &turns[i]; t.Role {
		case llm.System:
			s.system(t)
		case llm.User:
			s.user(t)
		case llm.Assistant:
			j := i + 1
			for calls(turns[i:j]) && j < len(turns) && turns[j].Role == llm.Assistant {
				j++ // its results come behind, so it is one answer with the next
			}
			s.assistant(turns[i:j])
			if calls(turns[i:j]) {
				s.results(turns[i:j], turns[j:])
			}
			i = j - 1
		}
	}
	s.flush()
	s.open()
	if !s.begun && s.err == nil {
		s.err = wire.Refuse("messages", "must hold at least one message that says something")
	}
}

// calls reports whether tools are called in turns.
func calls(turns []llm.Turn) bool {
	for i := range turns {
		if slices.ContainsFunc(turns[i].Parts, func(p llm.Part) bool { return p.Kind == llm.PartToolCall }) {
			return true
		}
	}
	return false
}

// begin begins a message.
func (s *speller) begin(role string, name llm.Text) {
	if s.begun {
		s.dst = append(s.dst, ',')
	}
	s.begun, s.bridge = true, false
	s.dst = append(append(append(s.dst, `{"role":"`...), role...), '"')
	if s.named(name) {
		s.dst = quoted(append(s.dst, `,"name":`...), name)
	}
}

// named reports whether a speaker's name is told.
func (s *speller) named(name llm.Text) bool { return len(name) > 0 && s.kept(llm.FeatureNames) }

// message spells a message with the items and nothing else.
func (s *speller) message(role string, name llm.Text) {
	s.begin(role, name)
	s.content()
	s.dst = append(s.dst, '}')
}

// system spells what the system says. Where it must stand in one message at the beginning it is collected for that;
// what comes later is said by the user then, and marked as what it is.
func (s *speller) system(t *llm.Turn) {
	s.items = s.items[:0]
	for i := range t.Parts {
		s.take(&t.Parts[i], false)
	}
	switch {
	case len(s.items) == 0 || s.spoken && !s.kept(llm.FeatureMidSystem):
	case s.spoken && !s.exact(llm.FeatureMidSystem):
		s.items = slices.Insert(s.items, 0, item{text: llm.Text("<system-reminder>")})
		s.items = append(s.items, item{text: llm.Text("</system-reminder>")})
		s.say(t.Name)
	case !s.spoken && !s.st.FreeTurns && !s.named(t.Name):
		s.opening = append(s.opening, s.items...)
	default:
		s.flush()
		s.open()
		s.cross()
		s.message(s.ruler(), t.Name)
	}
}

// ruler is the role that the system has.
func (s *speller) ruler() string {
	if s.st.Developer {
		return "developer"
	}
	return "system"
}

// open spells what the system says before all others.
func (s *speller) open() {
	if len(s.opening) == 0 {
		return
	}
	items := s.items
	s.items, s.opening = s.opening, nil
	s.message(s.ruler(), nil)
	s.items = items
}

// cross puts an answer between results and what comes behind them, for servers that want one.
func (s *speller) cross() {
	if s.bridge && s.st.BridgeResults {
		s.begin("assistant", nil)
		s.dst = append(s.dst, `,"content":"I have read the results."}`...)
	}
}

// user spells what a user says, results of tools aside.
func (s *speller) user(t *llm.Turn) {
	s.items = s.items[:0]
	for i := range t.Parts {
		p := &t.Parts[i]
		if p.Kind != llm.PartToolResult {
			s.take(p, false)
		} else if !slices.Contains(s.done, p) {
			// Its call is not in the history; as a message of its own it would be refused.
			s.items = append(s.items, item{text: wire.TextOf("Result of the tool call " + p.ID + ":")})
			for j := range p.Parts {
				s.take(&p.Parts[j], true)
			}
			s.markLast(p.Cache)
		}
	}
	if len(s.items) > 0 {
		s.say(t.Name)
	}
}

// say has a user say the items: in a message with what is carried, and where one message is to follow no other with
// what the user says next.
func (s *speller) say(name llm.Text) {
	s.spoken = true
	if s.st.FreeTurns || s.named(name) {
		if !s.st.FreeTurns {
			s.flush() // somebody else has said it
		}
		s.items = slices.Insert(s.items, 0, s.carried...)
		s.carried = s.carried[:0]
		s.open()
		s.cross()
		s.message("user", name)
		return
	}
	s.carried = append(s.carried, s.items...)
}

// flush spells what is carried as a message of its own.
func (s *speller) flush() {
	if len(s.carried) == 0 {
		return
	}
	items := s.items
	s.items, s.carried = s.carried, nil
	s.spoken = true
	s.open()
	s.cross()
	s.message("user", nil)
	s.items = items
}

// assistant spells turns of an assistant as one message.
func (s *speller) assistant(turns []llm.Turn) {
	var refusal, thinking llm.Text
	var media []item
	var mark string // of the calls
	s.items = s.items[:0]
	anyCall := calls(turns)
	for i := range turns {
		for j := range turns[i].Parts {
			switch p := &turns[i].Parts[j]; p.Kind {
			case llm.PartText:
				s.take(p, false)
			case llm.PartToolCall:
				if p.Cache != "" {
					mark = p.Cache
				}
			case llm.PartRefusal:
				refusal = append(refusal[:len(refusal):len(refusal)], p.Text...)
			case llm.PartThinking:
				if s.thinks(p) {
					thinking = append(thinking[:len(thinking):len(thinking)], p.Text...)
				}
			case llm.PartImage, llm.PartAudio, llm.PartFile: // an assistant has only words here
				media = s.carry(media, p, "From the assistant's message before:")
			}
		}
	}
	if len(s.items) == 0 && len(refusal) == 0 && !anyCall {
		s.carried = append(s.carried, media...)
		return
	}
	s.markLast(mark)
	s.flush()
	s.spoken = true
	s.open()
	s.begin("assistant", turns[0].Name)
	s.assistantContent(refusal)
	if len(thinking) > 0 || s.st.ReasoningBack && anyCall {
		s.dst = quoted(append(s.dst, `,"reasoning_content":`...), thinking)
	}
	if anyCall {
		s.toolCalls(turns)
	}
	if turns[len(turns)-1].Prefix && s.st.Prefix && s.kept(llm.FeaturePrefill) {
		s.dst = append(s.dst, `,"prefix":true`...)
	}
	s.dst = append(s.dst, '}')
	s.carried = append(s.carried, media...)
}

// thinks reports whether a piece of reasoning goes back: to who wants it and has made it.
func (s *speller) thinks(p *llm.Part) bool {
	if !s.st.ReasoningBack || !s.kept(llm.FeatureThinking) {
		return false
	}
	if p.Origin != "" && p.Origin != s.st.Provider {
		s.strange = true
		return false
	}
	return true
}

func (s *speller) assistantContent(refusal llm.Text) {
	switch {
	case len(s.items) > 0:
		s.content()
	case s.st.NoNull:
		s.dst = append(s.dst, `,"content":""`...)
	default:
		s.dst = append(s.dst, `,"content":null`...)
	}
	if len(refusal) > 0 {
		s.dst = quoted(append(s.dst, `,"refusal":`...), refusal)
	}
}

func (s *speller) toolCalls(turns []llm.Turn) {
	shut := `,"tool_calls":[`
	for i := range turns {
		for j := range turns[i].Parts {
			p := &turns[i].Parts[j]
			if p.Kind != llm.PartToolCall {
				continue
			}
			s.dst = append(append(s.dst, shut...), `{"id":`...)
			s.callID(p.ID)
			if p.Custom {
				s.dst = quoted(append(s.dst, `,"type":"custom","custom":{"name":`...), s.names.Of(p.Name))
				s.dst = append(s.dst, `,"input":"`...)
			} else {
				s.dst = quoted(append(s.dst, `,"type":"function","function":{"name":`...), s.names.Of(p.Name))
				s.dst = append(s.dst, `,"arguments":"`...)
			}
			if len(p.Args) == 0 && !p.Custom {
				s.dst = append(s.dst, "{}"...)
			}
			s.dst = append(wire.AppendEscaped(s.dst, p.Args), `"}}`...)
			shut = ","
		}
	}
	s.dst = append(s.dst, ']')
}

// results spells the results of an answer's calls, wherever they stand before the next answer, and one for each call
// that has none.
func (s *speller) results(answer, after []llm.Turn) {
	var open []*llm.Part
	for i := range answer {
		for j := range answer[i].Parts {
			if p := &answer[i].Parts[j]; p.Kind == llm.PartToolCall {
				open = append(open, p)
			}
		}
	}
	if len(open) > mostCalls && s.err == nil {
		s.err = wire.Refuse("messages", "must not hold more than "+strconv.Itoa(mostCalls)+" tool calls in one answer")
	}
	s.done = s.done[:0]
	for i := range after {
		if after[i].Role == llm.Assistant || s.err != nil {
			break
		}
		for j := range after[i].Parts {
			p := &after[i].Parts[j]
			if p.Kind != llm.PartToolResult {
				continue
			}
			if at := slices.IndexFunc(open, func(c *llm.Part) bool { return c.ID == p.ID }); at >= 0 {
				s.done = append(s.done, p)
				s.result(open[at], p)
				open = slices.Delete(open, at, at+1)
			}
		}
	}
	for _, call := range open {
		s.result(call, nil)
	}
	s.bridge = true
}

// result spells the result of a call; p is nil where there is none.
func (s *speller) result(call, p *llm.Part) {
	s.items = s.items[:0]
	switch {
	case p == nil:
		s.items = append(s.items, item{text: llm.Text("There is no result: the call was interrupted.")})
	default:
		s.resultItems(p)
	}
	s.begin("tool", nil)
	if s.st.ToolNames {
		s.dst = quoted(append(s.dst, `,"name":`...), s.names.Of(call.Name))
	}
	s.dst = append(s.dst, `,"tool_call_id":`...)
	s.callID(call.ID)
	s.content()
	s.dst = append(s.dst, '}')
}

// resultItems takes the texts of a result; everything else is carried into the next user's message.
func (s *speller) resultItems(p *llm.Part) {
	before := len(s.carried)
	for i := range p.Parts {
		switch q := &p.Parts[i]; {
		case q.Kind == llm.PartImage, q.Kind == llm.PartAudio, q.Kind == llm.PartFile && q.Text == nil:
			label := ""
			if len(s.carried) == before {
				label = "From the result of the tool call " + s.idOf(p.ID) + ":"
			}
			s.carried = s.carry(s.carried, q, label)
		default:
			s.take(q, true)
		}
	}
	switch {
	case len(s.items) > 0:
	case len(s.carried) > before:
		s.items = append(s.items, item{text: llm.Text("See the user's message that follows.")})
	case !p.Failed:
		s.items = append(s.items, item{text: llm.Text("(no output)")})
	}
	if p.Failed {
		s.fail()
	}
	s.markLast(p.Cache)
}

// markLast gives a mark to the last item, as what it stands at has no place for one.
func (s *speller) markLast(cache string) {
	if n := len(s.items); cache != "" && n > 0 {
		s.items[n-1].cache = cache
	} else if cache != "" {
		s.unmarked = true
	}
}

// fail says before the text of a result that the tool failed.
func (s *speller) fail() {
	if len(s.items) == 0 {
		s.items = append(s.items, item{text: llm.Text("Error: the tool failed and said nothing.")})
		return
	}
	s.items[0].before = "Error: "
}
