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
	tight  *tightening // the schema as it is with strict
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
	allowed := w.allowed()
	for i := range w.c.Tools {
		t := &w.c.Tools[i]
		if allowed != nil && !allowed[string(t.Name)] {
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
			d.schema = toolSchema(t.Schema)
			if t.Strict != nil && *t.Strict && !w.gone(llm.FeatureStrictTools) {
				d.tight = tighten(d.schema)
			}
		}
		w.declared = append(w.declared, d)
	}
	if err := w.checkForced(); err != nil {
		return err
	}
	if err := w.readForm(); err != nil {
		return err
	}
	w.settleStrict()
	if err := w.declareForm(); err != nil {
		return err
	}
	if len(w.declared) == 0 {
		w.declareOld()
	}
	return nil
}

// allowed are the names of the tools that may be called; nil: all. The dialect has no word for a subset, and a model that
// cannot be made to call one tool is given no other.
func (w *speller) allowed() map[string]bool {
	choice := &w.c.Choice
	if choice.Mode == llm.ChoiceOne && w.cannotForce() && !w.gone(llm.FeatureToolChoice) {
		return map[string]bool{string(choice.Name): true}
	}
	if choice.Allowed == nil || w.gone(llm.FeatureToolSubset) {
		return nil
	}
	names := make(map[string]bool, len(choice.Allowed))
	for _, name := range choice.Allowed {
		names[string(name)] = true
	}
	return names
}

// cannotForce reports whether the model refuses to be made to call a tool.
func (w *speller) cannotForce() bool {
	return w.model.Lacks.Has(llm.FeatureToolChoice) || w.o.Plan.Near.Has(llm.FeatureToolChoice)
}

// checkForced refuses to demand a call that cannot be made.
func (w *speller) checkForced() *llm.Error {
	switch choice := &w.c.Choice; {
	case w.gone(llm.FeatureToolChoice):
	case choice.Mode == llm.ChoiceAny && len(w.declared) == 0:
		return bad("tool_choice", "A call of a tool is demanded, but there is no tool that may be called. Declare one, or leave the choice to the model.")
	case choice.Mode == llm.ChoiceOne:
		for i := range w.declared {
			if bytes.Equal(w.declared[i].tool.Name, choice.Name) {
				return nil
			}
		}
		return bad("tool_choice", "A call of the tool "+fieldName([]byte(wire.Meaning(choice.Name)))+" is demanded, which is not among the tools that may be called.")
	}
	return nil
}

// readForm rewrites the answer's form for a model that has forms, where they can hold it.
func (w *speller) readForm() *llm.Error {
	f := &w.c.Format
	if f.Kind != llm.FormatSchema || w.gone(llm.FeatureSchema) {
		return nil
	}
	if !wire.IsObject(f.Schema) {
		return bad("response_format", "The schema of the answer is not a JSON Schema object.")
	}
	if !w.o.Plan.Near.Has(llm.FeatureSchema) {
		if form := tighten(f.Schema); form.holds() {
			w.form = form
		}
	}
	return nil
}

// settleStrict decides whether the strict tools of the request stay so: each by its schema, and all by their number.
func (w *speller) settleStrict() {
	total, strict := tightening{}, 0
	if w.form != nil {
		total.optional, total.unions = w.form.optional, w.form.unions
	}
	for i := range w.declared {
		if t := w.declared[i].tight; t != nil && t.holds() {
			strict++
			total.optional += t.optional
			total.unions += t.unions
		}
	}
	fits := strict <= mostStrict && total.holds()
	for i := range w.declared {
		d := &w.declared[i]
		switch {
		case d.tight == nil:
		case fits && d.tight.holds():
			d.schema, d.strict = d.tight.out, true
			w.tellMoved(d.tight, "tools")
		default:
			w.leave(llm.FeatureStrictTools, "tools.strict")
		}
	}
	if w.form != nil {
		w.tellMoved(w.form, "json_schema")
	}
}

// declareForm makes a tool of the answer's form where the model has no forms, or none that holds this one.
func (w *speller) declareForm() *llm.Error {
	switch f := &w.c.Format; {
	case f.Kind == llm.FormatJSON && !w.gone(llm.FeatureJSON):
		w.jsonLine = true
	case f.Kind != llm.FormatSchema || w.gone(llm.FeatureSchema) || w.form != nil:
	default:
		w.near(llm.FeatureSchema, "response_format")
		if kind := schemaType(f.Schema); kind != "" && kind != "object" {
			return bad("response_format", "The chosen model can only give an answer of such a schema where it is of the type object. Wrap yours in one.")
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
	w.onlyOld = true
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

// choice is the type of tool_choice to send, with the name of the one tool; "" for none at all. A model that cannot be made
// to call a tool is asked to by a system line.
func (w *speller) choice() (kind, name string) {
	kind, name = w.wanted()
	if (kind == "any" || kind == "tool") && w.cannotForce() {
		return "auto", ""
	}
	return kind, name
}

// wanted is the choice of the application, or the one that its form of the answer needs.
func (w *speller) wanted() (kind, name string) {
	mode := w.c.Choice.Mode
	if (mode == llm.ChoiceAny || mode == llm.ChoiceOne) && w.gone(llm.FeatureToolChoice) || mode == llm.ChoiceNone && w.gone(llm.FeatureNoToolChoice) {
		mode = llm.ChoiceDefault
	}
	switch {
	case len(w.declared) == 0:
		return "", ""
	case w.onlyOld:
		return "none", ""
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
