package anthropic

import (
	"container/list"
	"sync"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// Bounds of what is remembered.
const (
	maxKept      = 4096
	maxKeptBytes = 16 << 20
)

// memory keeps the thinking of answers by the calls of tools that it led to. Applications of other dialects have no
// place for it, and Anthropic wants it back with the results. What is oldest in use goes first. Nothing is given to
// another key of the gateway, or another model. It may be used by many goroutines at once; the zero value is ready.
type memory struct {
	mu    sync.Mutex // guards all below
	order list.List  // of *kept, the last used first
	index map[place]*list.Element
	bytes int
}

// place is where something is kept.
type place struct{ key, model, call string }

// kept is the thinking that led to a call.
type kept struct {
	at     place
	prefix uint64 // of the answer: all that it followed
	// before holds the blocks that came before the answer's text, after those behind it.
	before, after [][]byte
	size          int
}

// put keeps k for the call that it names. It copies nothing: the blocks must not change.
func (m *memory) put(k *kept) {
	if len(k.before)+len(k.after) == 0 {
		return
	}
	k.size = 384 + len(k.at.key) + len(k.at.model) + len(k.at.call)
	for _, list := range [][][]byte{k.before, k.after} {
		for _, b := range list {
			k.size += len(b) + 32
		}
	}
	if k.size > maxKeptBytes/4 {
		return // one answer shall not push out all others
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.index == nil {
		m.index = map[place]*list.Element{}
	}
	if e, there := m.index[k.at]; there {
		m.dropLocked(e)
	}
	m.index[k.at] = m.order.PushFront(k)
	m.bytes += k.size
	for m.order.Len() > maxKept || m.bytes > maxKeptBytes {
		m.dropLocked(m.order.Back())
	}
}

// get gives what was kept for a call, which must not be changed; nil where nothing was.
func (m *memory) get(key, model, callID string) *kept {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, there := m.index[place{key, model, callID}]
	if !there {
		return nil
	}
	m.order.MoveToFront(e)
	return e.Value.(*kept)
}

func (m *memory) dropLocked(e *list.Element) {
	k := m.order.Remove(e).(*kept)
	delete(m.index, k.at)
	m.bytes -= k.size
}

// recorder collects the thinking of one answer from its events, and puts it into a memory with each call that follows.
type recorder struct {
	m          *memory
	key, model string
	prefix     uint64

	thinking      bool // a block is being collected
	spoke         bool // text came
	index         int
	text          llm.Text
	sign          llm.Text
	before, after [][]byte // the text
	size          int
}

// record makes the recorder of one answer to a request whose prefix is given.
func (m *memory) record(key, model string, prefix uint64) *recorder {
	return &recorder{m: m, key: key, model: model, prefix: prefix}
}

// see takes one event. What it keeps is copied.
func (r *recorder) see(e *llm.Event) {
	switch e.Kind {
	case llm.EventThinking, llm.EventSignature:
		if r.thinking && e.Index != r.index {
			r.shut()
		}
		r.thinking, r.index = true, e.Index
		if r.size += len(e.Text); r.size > maxKeptBytes/4 {
			r.before, r.after, r.text, r.sign, r.thinking = nil, nil, nil, nil, false // it would not be kept
			return
		}
		if e.Kind == llm.EventThinking {
			r.text = append(r.text, e.Text...)
		} else {
			r.sign = append(r.sign, e.Text...)
		}
	case llm.EventOpaque:
		r.shut()
		if isRedacted(e.Raw) {
			if r.size += len(e.Raw); r.size <= maxKeptBytes/4 {
				r.add(append([]byte(nil), e.Raw...))
			}
		}
	case llm.EventText:
		r.shut()
		r.spoke = r.spoke || len(e.Text) > 0
	case llm.EventToolCall:
		r.shut()
		r.m.put(&kept{at: place{r.key, r.model, e.ID}, prefix: r.prefix, before: r.before, after: r.after})
		r.before, r.after = nil, nil
	}
}

func (r *recorder) add(block []byte) {
	if r.spoke {
		r.after = append(r.after, block)
	} else {
		r.before = append(r.before, block)
	}
}

// shut makes a block of what was collected. Without a signature it would be refused.
func (r *recorder) shut() {
	if r.thinking && len(r.sign) > 0 {
		b := append(make([]byte, 0, len(r.text)+len(r.sign)+64), `{"type":"thinking","thinking":"`...)
		b = append(append(append(b, r.text...), `","signature":"`...), r.sign...)
		r.add(wire.Paired(append(b, `"}`...))) // it will be part of a request
	}
	r.thinking, r.text, r.sign = false, nil, nil
}

func isRedacted(raw []byte) bool {
	var b begun
	return wire.Members(raw, b.member) && string(b.kind) == "redacted_thinking"
}
