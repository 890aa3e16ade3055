package anthropic

import (
	"bytes"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// declared is one tool to be sent.
type declared struct {
	name   llm.Text
	tool   *llm.Tool // nil for one of ours
	schema []byte
	strict bool
	about  llm.Text
}

func (d *declared) cache() string {
	if d.tool == nil {
		return ""
	}
	return d.tool.Cache
}

func (d *declared) size() int {
	n := 192 + len(d.name) + len(d.schema) + len(d.about)
	if d.tool != nil {
		n += len(d.tool.Raw)
	}
	return n
}

var (
	emptySchema  = []byte(`{"type":"object","properties":{}}`)
	customSchema = []byte(`{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`)
)

const (
	answerTool  = "answer"
	answerAbout = "Call this tool exactly once to give your answer. Its arguments are the answer."
	oldAbout    = "A tool that was used earlier in this conversation and is not there any more."
)

// declare settles which tools are sent, and under which names.
func (w *speller) declare() *llm.Error {
	for i := range w.c.Tools {
		t := &w.c.Tools[i]
		if !w.allowed(t) {
			continue
		}
		d := declared{tool: t, name: w.names.Of(t.Name), about: t.Description}
		switch {
		case t.Hosted:
			if w.gone(llm.FeatureHostedTools) {
				continue
			}
		case t.Custom:
			d.schema = customSchema
			if w.out.custom == nil {
				w.out.custom = map[string]bool{}
			}
			w.out.custom[wire.Meaning(t.Name)] = true
		default:
			if len(bytes.TrimSpace(t.Schema)) > 0 && !wire.IsObject(t.Schema) {
				return bad("tools", "The parameters of the tool "+fieldName([]byte(wire.Meaning(t.Name)))+" are not a JSON Schema object.")
			}
			d.strict = t.Strict != nil && *t.Strict && !w.gone(llm.FeatureStrictTools)
			d.schema = toolSchema(t.Schema)
			if d.strict {
				d.schema = w.tighten(d.schema, "tools")
			}
		}
		w.declared = append(w.declared, d)
	}
	if err := w.declareFormat(); err != nil {
		return err
	}
	if len(w.declared) == 0 {
		w.declareOld()
	}
	return nil
}

// allowed reports whether a tool is one of the subset that may be called. The dialect has no word for a subset.
func (w *speller) allowed(t *llm.Tool) bool {
	if w.c.Choice.Allowed == nil || w.gone(llm.FeatureToolSubset) {
		return true
	}
	for _, name := range w.c.Choice.Allowed {
		if bytes.Equal(name, t.Name) {
			return true
		}
	}
	return false
}

// declareFormat makes a tool of the answer's form for a model that has no forms.
func (w *speller) declareFormat() *llm.Error {
	switch f := &w.c.Format; {
	case f.Kind == llm.FormatJSON && !w.gone(llm.FeatureJSON):
		w.jsonLine = true
	case f.Kind != llm.FormatSchema || w.gone(llm.FeatureSchema):
	case !wire.IsObject(f.Schema):
		return bad("response_format", "The schema of the answer is not a JSON Schema object.")
	case w.o.Plan.Near.Has(llm.FeatureSchema):
		if kind := schemaType(f.Schema); kind != "" && kind != "object" {
			return bad("response_format", "The chosen model can only give an answer whose schema is of the type object. Wrap yours in one.")
		}
		name := wire.Meaning(f.Name)
		if !isIdent(name) {
			name = answerTool
		}
		w.out.answer = w.names.Add(w.c, name)
		about := llm.Text(answerAbout)
		if len(f.Description) > 0 {
			about = joined([]llm.Text{about, f.Description})
		}
		w.declared = append(w.declared, declared{name: llm.Text(w.out.answer), schema: toolSchema(f.Schema), about: about})
	}
	return nil
}

// declareOld declares the tools that only the history knows: it is refused where it has calls and there are no tools.
func (w *speller) declareOld() {
	seen := map[string]bool{}
	for i := range w.c.Turns {
		for j := range w.c.Turns[i].Parts {
			p := &w.c.Turns[i].Parts[j]
			if p.Kind != llm.PartToolCall {
				continue
			}
			if name := w.names.Of(p.Name); !seen[string(name)] {
				seen[string(name)] = true
				w.declared = append(w.declared, declared{name: name, schema: emptySchema, about: llm.Text(oldAbout)})
			}
		}
	}
}

// toolSchema is a schema of arguments with the type that the vendor demands.
func toolSchema(schema []byte) []byte {
	schema = bytes.TrimSpace(schema)
	if len(schema) == 0 || wire.Empty(schema) {
		return emptySchema
	}
	if schemaType(schema) == "object" {
		return schema
	}
	out := make([]byte, 0, len(schema)+20)
	out = append(out, `{"type":"object"`...)
	wire.Members(schema, func(key, v []byte) bool {
		if string(key) != "type" {
			out = append(append(append(append(out, `,"`...), key...), `":`...), v...)
		}
		return true
	})
	return append(out, '}')
}

// schemaType is the type at the top of a schema; "" where it is not a single one.
func schemaType(schema []byte) (kind string) {
	wire.Members(schema, func(key, v []byte) bool {
		if string(key) == "type" && v[0] == '"' {
			kind = wire.Text(v)
		}
		return true
	})
	return kind
}

func (w *speller) appendTools() {
	if len(w.declared) == 0 {
		return
	}
	w.b = append(w.b, `,"tools":[`...)
	for i := range w.declared {
		d := &w.declared[i]
		if i > 0 {
			w.b = append(w.b, ',')
		}
		if d.tool != nil && d.tool.Hosted {
			w.b = append(w.b, d.tool.Raw...) // its mark is in it
			if d.tool.Cache != "" {
				w.marked++
			}
			continue
		}
		w.b = append(append(append(w.b, `{"name":"`...), d.name...), '"')
		if len(d.about) > 0 {
			w.b = append(append(append(w.b, `,"description":"`...), d.about...), '"')
		}
		w.b = append(append(w.b, `,"input_schema":`...), d.schema...)
		if d.strict {
			w.b = append(w.b, `,"strict":true`...)
		}
		w.appendMark(d.cache())
		w.b = append(w.b, '}')
	}
	w.b = append(w.b, ']')
	w.appendChoice()
}

// choice is the type of tool_choice to send, with the name of the one tool; "" for none at all.
func (w *speller) choice() (kind, name string) {
	mode := w.c.Choice.Mode
	if (mode == llm.ChoiceAny || mode == llm.ChoiceOne) && w.gone(llm.FeatureToolChoice) || mode == llm.ChoiceNone && w.gone(llm.FeatureNoToolChoice) {
		mode = llm.ChoiceDefault
	}
	switch {
	case len(w.declared) == 0:
		return "", ""
	case len(w.c.Tools) == 0 && w.out.answer == "":
		return "none", "" // those of the history are gone
	case w.out.answer != "" && (len(w.declared) == 1 || mode == llm.ChoiceNone):
		return "tool", w.out.answer
	case w.out.answer != "" && mode != llm.ChoiceOne:
		return "any", ""
	}
	switch mode {
	case llm.ChoiceNone:
		return "none", ""
	case llm.ChoiceAny:
		return "any", ""
	case llm.ChoiceOne:
		return "tool", string(w.names.Of(w.c.Choice.Name))
	case llm.ChoiceAuto:
		return "auto", ""
	}
	if w.oneCall() {
		return "auto", ""
	}
	return "", ""
}

func (w *speller) oneCall() bool {
	return w.c.OneCall && !w.gone(llm.FeatureOneCall) || w.out.answer != "" && len(w.declared) == 1
}

func (w *speller) appendChoice() {
	kind, name := w.choice()
	if kind == "" {
		return
	}
	w.b = append(append(append(w.b, `,"tool_choice":{"type":"`...), kind...), '"')
	if kind == "tool" {
		w.b = wire.AppendQuote(append(w.b, `,"name":`...), name)
	}
	if kind != "none" && w.oneCall() {
		w.b = append(w.b, `,"disable_parallel_tool_use":true`...)
	}
	w.b = append(w.b, '}')
}
