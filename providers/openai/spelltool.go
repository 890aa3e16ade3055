package openai

import (
	"hash/fnv"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// pickTools decides which tools are sent.
func (s *speller) pickTools() {
	if s.c.Choice.Mode == llm.ChoiceNone && !s.exact(llm.FeatureNoToolChoice) {
		return // the nearest to "none" is to have no tools
	}
	var subset map[string]bool
	if s.c.Choice.Allowed != nil && !s.exact(llm.FeatureToolSubset) {
		subset = map[string]bool{}
		for _, name := range s.c.Choice.Allowed {
			subset[string(name)] = true
		}
	}
	for i := range s.c.Tools {
		t := &s.c.Tools[i]
		if !t.Hosted && (!t.Custom || s.kept(llm.FeatureCustomTools)) && (subset == nil || subset[string(t.Name)]) {
			s.pick(t)
		}
	}
	for i := range s.c.Tools {
		if c := s.c.Tools[i].Cache; c != "" {
			s.toolMark = c
		}
	}
	if len(s.c.Tools) == 0 && s.st.DeclareTools {
		s.declare()
	}
}

func (s *speller) pick(t *llm.Tool) {
	s.tools = append(s.tools, t)
	if t.Custom {
		if s.customs == nil {
			s.customs = map[string]bool{}
		}
		s.customs[string(t.Name)] = true
	}
}

// declare makes tools of the calls in the history.
func (s *speller) declare() {
	there := map[string]bool{}
	for i := range s.c.Turns {
		for j := range s.c.Turns[i].Parts {
			if p := &s.c.Turns[i].Parts[j]; p.Kind == llm.PartToolCall && !there[string(p.Name)] {
				there[string(p.Name)] = true
				s.pick(&llm.Tool{Name: p.Name, Custom: p.Custom})
			}
		}
	}
}

func (s *speller) appendTools() {
	if len(s.tools) == 0 {
		if m := s.c.Choice.Mode; (m == llm.ChoiceAny || m == llm.ChoiceOne) && s.kept(llm.FeatureToolChoice) {
			s.leave(llm.FeatureToolChoice, "")
		}
		s.unmarked = s.unmarked || s.toolMark != ""
		return
	}
	s.dst = append(s.dst, `,"tools":[`...)
	for i, t := range s.tools {
		if i > 0 {
			s.dst = append(s.dst, ',')
		}
		s.tool(t)
		if i == len(s.tools)-1 && s.st.Marks == MarksControl {
			s.mark(s.toolMark)
		}
		s.dst = append(s.dst, '}')
	}
	s.dst = append(s.dst, ']')
	s.unmarked = s.unmarked || s.toolMark != "" && s.st.Marks != MarksControl
	if s.loose {
		s.leave(llm.FeatureStrictTools, "")
	}
	s.choice()
	if s.c.OneCall && s.kept(llm.FeatureOneCall) {
		s.dst = append(s.dst, `,"parallel_tool_calls":false`...)
	}
}

// tool appends a tool without its last brace.
func (s *speller) tool(t *llm.Tool) {
	open := `{"type":"function","function":{"name":`
	if t.Custom {
		open = `{"type":"custom","custom":{"name":`
	}
	s.dst = quoted(append(s.dst, open...), s.names.Of(t.Name))
	if len(t.Description) > 0 {
		s.dst = quoted(append(s.dst, `,"description":`...), t.Description)
	}
	if !t.Custom {
		s.dst = appendSchema(append(s.dst, `,"parameters":`...), t.Schema)
		if t.Strict != nil && s.st.Strict {
			strict := *t.Strict && s.kept(llm.FeatureStrictTools) && (s.o.Request.Dialect == llm.OpenAI || strictSchema(t.Schema))
			s.loose = s.loose || *t.Strict && !strict && s.kept(llm.FeatureStrictTools)
			s.dst = appendBool(append(s.dst, `,"strict":`...), strict)
		}
	}
	s.dst = append(s.dst, '}')
}

// choice appends the tool choice where it says more than the default.
func (s *speller) choice() {
	c := &s.c.Choice
	mode := ""
	switch c.Mode {
	case llm.ChoiceAuto:
		mode = "auto"
	case llm.ChoiceNone:
		mode = "none"
	case llm.ChoiceAny:
		if mode = "required"; s.st.AnyTool {
			mode = "any"
		}
		if !s.kept(llm.FeatureToolChoice) {
			mode = ""
		}
	case llm.ChoiceOne:
		if s.kept(llm.FeatureToolChoice) {
			s.dst = append(s.dst, `,"tool_choice":`...)
			s.refer(c.Name)
		}
		return
	}
	switch {
	case mode == "":
	case c.Allowed != nil && s.exact(llm.FeatureToolSubset):
		s.dst = append(append(s.dst, `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"`...), mode...)
		s.dst = append(s.dst, `","tools":[`...)
		for i, name := range c.Allowed {
			if i > 0 {
				s.dst = append(s.dst, ',')
			}
			s.refer(name)
		}
		s.dst = append(s.dst, "]}}"...)
	default:
		s.dst = append(append(append(s.dst, `,"tool_choice":"`...), mode...), '"')
	}
}

// refer appends a reference to a tool.
func (s *speller) refer(name llm.Text) {
	open := `{"type":"function","function":{"name":`
	if s.customs[string(name)] {
		open = `{"type":"custom","custom":{"name":`
	}
	s.dst = append(quoted(append(s.dst, open...), s.names.Of(name)), "}}"...)
}

// callID appends the id of a call.
func (s *speller) callID(id string) { s.dst = wire.AppendQuote(s.dst, s.idOf(id)) }

// idOf is the id of a call as it is sent: verbatim wherever the server takes it.
func (s *speller) idOf(id string) string {
	if s.st.ShortIDs && !shortID(id) {
		return makeShortID(id)
	}
	return id
}

const shortIDLen = 9

func shortID(id string) bool {
	for i := range len(id) {
		if id[i] == '_' || id[i] == '-' {
			return false
		}
	}
	return len(id) == shortIDLen && wire.IsName(id, shortIDLen)
}

// makeShortID makes an id of nine letters and digits, always the same for the same id.
func makeShortID(id string) string {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	h := fnv.New64a()
	h.Write([]byte(id))
	n := h.Sum64()
	var b [shortIDLen]byte
	for i := range b {
		b[i] = letters[n%uint64(len(letters))]
		n /= uint64(len(letters))
	}
	return string(b[:])
}
