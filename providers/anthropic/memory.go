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

type kept struct {
	places []place
	blocks [][]byte
	size   int
}

// put keeps blocks for calls. It copies nothing: the blocks must not change.
func (m *memory) put(key, model string, callIDs []string, blocks [][]byte) {
	if len(callIDs) == 0 || len(blocks) == 0 {
		return
	}
	k := &kept{blocks: blocks, size: 256}
	for _, b := range blocks {
		k.size += len(b) + 32
	}
	for _, id := range callIDs {
		k.places = append(k.places, place{key, model, id})
		k.size += len(key) + len(model) + len(id) + 128
	}
	if k.size > maxKeptBytes/4 {
		return // one answer shall not push out all others
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.index == nil {
		m.index = map[place]*list.Element{}
	}
	for _, p := range k.places {
		if e, there := m.index[p]; there {
			m.dropLocked(e)
		}
	}
	e := m.order.PushFront(k)
	for _, p := range k.places {
		m.index[p] = e
	}
	m.bytes += k.size
	for m.order.Len() > maxKept || m.bytes > maxKeptBytes {
		m.dropLocked(m.order.Back())
	}
}

// get gives what was kept for a call; nil where nothing was.
func (m *memory) get(key, model, callID string) [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, there := m.index[place{key, model, callID}]
	if !there {
		return nil
	}
	m.order.MoveToFront(e)
	return e.Value.(*kept).blocks
}

func (m *memory) dropLocked(e *list.Element) {
	k := m.order.Remove(e).(*kept)
	for _, p := range k.places {
		if m.index[p] == e {
			delete(m.index, p)
		}
	}
	m.bytes -= k.size
}

// recorder collects the thinking of one answer from its events, and puts it into a memory with each call that follows.
type recorder struct {
	m          *memory
	key, model string

	thinking bool // a block is being collected
	index    int
	text     llm.Text
	sign     llm.Text
	blocks   [][]byte
	size     int
}

// record makes the recorder of one answer.
func (m *memory) record(key, model string) *recorder { return &recorder{m: m, key: key, model: model} }

// see takes one event. What it keeps is copied.
func (r *recorder) see(e *llm.Event) {
	switch e.Kind {
	case llm.EventThinking, llm.EventSignature:
		if r.thinking && e.Index != r.index {
			r.shut()
		}
		r.thinking, r.index = true, e.Index
		if r.size += len(e.Text); r.size > maxKeptBytes/4 {
			r.blocks, r.text, r.sign, r.thinking = nil, nil, nil, false // it would not be kept
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
				r.blocks = append(r.blocks, append([]byte(nil), e.Raw...))
			}
		}
	case llm.EventText:
		r.shut()
	case llm.EventToolCall:
		r.shut()
		r.m.put(r.key, r.model, []string{e.ID}, r.blocks)
		r.blocks = nil
	}
}

// shut makes a block of what was collected. Without a signature it would be refused.
func (r *recorder) shut() {
	if r.thinking && len(r.sign) > 0 {
		b := append(make([]byte, 0, len(r.text)+len(r.sign)+64), `{"type":"thinking","thinking":"`...)
		b = append(append(append(b, r.text...), `","signature":"`...), r.sign...)
		r.blocks = append(r.blocks, wire.Paired(append(b, `"}`...))) // it will be part of a request
	}
	r.thinking, r.text, r.sign = false, nil, nil
}

func isRedacted(raw []byte) bool {
	var b begun
	return wire.Members(raw, b.member) && string(b.kind) == "redacted_thinking"
}
