package anthropic

import (
	"hash/maphash"
	"slices"

	"localrouter/providers/llm"
)

// seed is of the hashes of prefixes, which never leave the process.
var seed = maphash.MakeSeed()

// settleKept takes out the kept thinking that belongs to another conversation than this one: newer models bind theirs to
// all that came before it, and refuse it for good where the application has since changed a word there. It notes
// what the coming answer follows.
func (w *speller) settleKept() {
	if w.remembered == nil || len(w.declared) == 0 {
		return
	}
	p := prefix{}
	p.SetSeed(seed)
	for i := range w.declared {
		p.tool(&w.declared[i])
	}
	for _, part := range w.system {
		p.part(part)
	}
	for _, line := range w.ownLines() {
		p.text([]byte(line))
	}
	for i := range w.turns {
		t := &w.turns[i]
		if t.role == llm.Assistant {
			sum := p.Sum64()
			t.pieces = slices.DeleteFunc(t.pieces, func(q piece) bool { return q.kind == pieceKept && q.prefix != sum })
		}
		p.WriteByte(byte(t.role))
		for j := range t.pieces {
			p.piece(&t.pieces[j])
		}
	}
	w.out.prefix = p.Sum64()
}

// prefix sums up the beginning of a request, but for what may differ from turn to turn: cache marks and tuning.
type prefix struct{ maphash.Hash }

// text adds one value. The byte behind it is in no UTF-8.
func (p *prefix) text(list ...[]byte) {
	for _, b := range list {
		p.Write(b)
		p.WriteByte(0xff)
	}
}

func (p *prefix) flag(on bool) {
	if on {
		p.WriteByte(1)
	} else {
		p.WriteByte(0)
	}
}

func (p *prefix) tool(d *declared) {
	p.text(d.name, d.about, d.schema)
	p.flag(d.strict)
	if d.tool != nil {
		p.text(d.tool.Raw)
	}
}

func (p *prefix) piece(q *piece) {
	p.WriteByte(byte(q.kind))
	p.text([]byte(q.id), q.name, []byte(q.head), []byte(q.tail))
	p.text(q.raw...)
	if p.flag(q.part != nil); q.part != nil {
		p.part(q.part)
	}
}

func (p *prefix) part(q *llm.Part) {
	p.WriteByte(byte(q.Kind))
	p.text(q.Text, []byte(q.Media), q.Data, q.URL, q.FileID, q.Name, q.Args, q.Signature, q.Raw)
	p.flag(q.Failed)
	p.flag(q.Cite)
	for i := range q.Parts {
		p.part(&q.Parts[i])
	}
}
