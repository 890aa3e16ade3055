package routing

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"localrouter/providers/llm"
)

const (
	conversationsKept = 4096
	conversationLasts = time.Hour
)

// conversations remembers which target each conversation began with. The zero value is ready.
type conversations struct {
	mu   sync.Mutex // guards what follows
	home map[uint64]place
	ring []uint64 // the order in which they came
	next int
}

type place struct {
	provider, model string
	seen            time.Time
}

var seed = maphash.MakeSeed()

// beginning tells a conversation from others: by the application's own name of it, or by the key and how it begins. 0
// where there is nothing to tell it by.
func (j *journey) beginning() uint64 {
	c := j.c.Request.Conversation
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteString(j.policy.ID)
	h.WriteByte(0)
	h.WriteString(j.meaning.chosen)
	h.WriteByte(0)
	switch {
	case j.c.Session != "":
		h.WriteString(j.c.Session)
	case c == nil:
		return 0
	case len(c.CacheKey) > 0:
		h.Write(c.CacheKey)
	default:
		if !hashBeginning(&h, c) {
			return 0
		}
	}
	return h.Sum64() | 1
}

// hashBeginning takes the system texts and the first message of the user.
func hashBeginning(h *maphash.Hash, c *llm.Conversation) bool {
	for i := range c.Turns {
		t := &c.Turns[i]
		if t.Role == llm.Assistant {
			return false
		}
		for k := range t.Parts {
			h.Write(t.Parts[k].Text)
			h.Write(t.Parts[k].Data)
			h.Write(t.Parts[k].URL)
			h.WriteByte(0)
		}
		if t.Role == llm.User {
			return true
		}
	}
	return false
}

// bound are the features that tie a conversation to who began it: what only its maker understands, and what it keeps.
var bound = llm.SetOf(llm.FeatureThinking, llm.FeatureOpaque, llm.FeatureCacheMarks, llm.FeatureCacheKey)

// signed are those of them that nobody but their maker understands.
var signed = llm.SetOf(llm.FeatureThinking, llm.FeatureOpaque)

// stay puts the target that a conversation began with first, where that is worth something: its history carries what only
// that provider understands, or the provider keeps a cache of it.
func (j *journey) stay() {
	j.identity = j.beginning()
	if j.identity == 0 {
		return
	}
	home, ok := j.r.sticky.find(j.identity, j.needs.now)
	if !ok || !goesOn(j.c.Request.Conversation) || j.needs.uses&bound == 0 && !j.cached(home) {
		return
	}
	if s := j.table.sources.Named(home.provider); s != nil && s.Dialect == j.c.Request.Dialect {
		j.signed = j.needs.uses&signed != 0
	}
	j.stuck = j.selected.prefer(home.provider, home.model, j.needs.moment)
}

// goesOn reports whether a conversation has a history that somebody wrote. A beginning goes where it is best off.
func goesOn(c *llm.Conversation) bool {
	return c != nil && slices.ContainsFunc(c.Turns, func(t llm.Turn) bool { return t.Role == llm.Assistant })
}

// cached reports whether a target charges less for what it read before. A local one is quicker with it.
func (j *journey) cached(p place) bool {
	if c := j.table.listed(p.provider + "/" + p.model); c != nil {
		return c.local || c.price != nil && c.price.CacheRead > 0 && c.price.CacheRead < c.price.Input
	}
	return false
}

// remember notes the target that answered a turn of the conversation. One that stood in for whoever signed parts of it, and
// was told nothing of them, does not become its home: the conversation goes back to its maker.
func (j *journey) remember(c *candidate) {
	standsIn := j.signed && c.Source.Dialect != j.c.Request.Dialect
	if j.identity != 0 && j.c.Request.Op == llm.Chat && !standsIn {
		j.r.sticky.keep(j.identity, place{c.Source.Name, c.ID, j.r.now()})
	}
}

func (c *conversations) find(id uint64, now time.Time) (place, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.home[id]
	return p, ok && now.Sub(p.seen) < conversationLasts
}

func (c *conversations) keep(id uint64, p place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.home == nil {
		c.home, c.ring = make(map[uint64]place), make([]uint64, conversationsKept)
	}
	if _, known := c.home[id]; !known {
		delete(c.home, c.ring[c.next])
		c.ring[c.next] = id
		c.next = (c.next + 1) % conversationsKept
	}
	c.home[id] = p
}
