package routing

import (
	"sync"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// table is everything selection knows of one state of providers and settings. It is made when either changes, and its
// parts when they are first asked for.
type table struct {
	sources *llm.Sources
	conf    *settings.Settings

	mu      sync.RWMutex // guards what follows
	all     []candidate  // every listed model, in provider order; nil until asked for
	index   map[string]*candidate
	pools   map[string]*pool
	allowed map[*Policy]map[*pool][]bool
}

// pool is the candidates of one router.
type pool struct {
	router *settings.Router
	list   []candidate
	keys   []orderKey // the figures that its strategies order by
	steps  []step     // the same, as they are compared
	runs   int        // of fixed figures
}

// table gives the table of now.
func (r *Router) table() *table {
	sources, conf := r.dir.Sources(), r.settings()
	if t := r.tables.Load(); t != nil && t.sources == sources && t.conf == conf {
		return t
	}
	t := &table{sources: sources, conf: conf}
	r.tables.Store(t)
	return t
}

// everything lists every model of every provider.
func (t *table) everything(r *Router) []candidate {
	t.mu.RLock()
	all := t.all
	t.mu.RUnlock()
	if all != nil {
		return all
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.everythingLocked(r)
	return t.all
}

func (t *table) everythingLocked(r *Router) {
	if t.all != nil {
		return
	}
	n := 0
	for _, s := range t.sources.List {
		n += len(s.Models)
	}
	t.all, t.index = make([]candidate, 0, n), make(map[string]*candidate, n)
	for _, s := range t.sources.List {
		for i := range s.Models {
			t.all = append(t.all, newCandidate(Target{s, s.Models[i].ID, &s.Models[i]}, r.health))
			c := &t.all[len(t.all)-1]
			if name := c.Name(); t.index[name] == nil {
				t.index[name] = c
			}
		}
	}
}

// candidate finds what is known of an explicit target. One that its provider does not list is made anew each time: names
// come from outside, and are not to be kept.
func (t *table) candidate(r *Router, target Target) *candidate {
	t.everything(r)
	t.mu.RLock()
	c := t.index[target.Name()]
	t.mu.RUnlock()
	if c != nil {
		return c
	}
	made := newCandidate(target, r.health)
	return &made
}

// pool gives the candidates of a router.
func (t *table) pool(r *Router, router *settings.Router) *pool {
	t.mu.RLock()
	p := t.pools[router.Name]
	t.mu.RUnlock()
	if p != nil {
		return p
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p = t.pools[router.Name]; p != nil {
		return p
	}
	t.everythingLocked(r)
	p = &pool{router: router, keys: orderOf(router.Strategies)}
	if len(router.Select.Manual) > 0 {
		p.list = t.manualLocked(r, router.Select.Manual)
	} else {
		p.list = t.automaticLocked(&router.Select.Automatic)
	}
	p.rank()
	if t.pools == nil {
		t.pools = map[string]*pool{}
	}
	t.pools[router.Name] = p
	return p
}

// manualLocked finds the targets of a list in its order. A target whose provider is gone or switched off has no place.
func (t *table) manualLocked(r *Router, names []string) []candidate {
	list := make([]candidate, 0, len(names))
	for _, name := range names {
		if c := t.index[name]; c != nil {
			list = append(list, *c)
			continue
		}
		if target, ok := t.explicit(name); ok {
			list = append(list, newCandidate(target, r.health))
		}
	}
	return list
}

// automaticLocked lists the models that pass a filter. The demonstration takes part only while there is nothing else.
func (t *table) automaticLocked(a *settings.Automatic) []candidate {
	var list []candidate
	for i := range t.all {
		c := &t.all[i]
		switch {
		case c.Source.Demo && len(t.sources.List) > 1:
		case len(a.Include) > 0 && !a.Include.Match(c.Source.Name, c.ID):
		case a.Exclude.Match(c.Source.Name, c.ID):
		case !sized(&c.Target, a.MinParameters, a.MaxParameters):
		case !capable(&c.Target, a.Capabilities):
		default:
			list = append(list, *c)
		}
	}
	return list
}

func sized(t *Target, least, most int64) bool {
	if least <= 0 && most <= 0 {
		return true
	}
	return t.Model != nil && t.Model.Size > 0 && t.Model.Size >= least && (most <= 0 || t.Model.Size <= most)
}

func capable(t *Target, wanted []string) bool {
	for _, w := range wanted {
		if !has(t, w) {
			return false
		}
	}
	return true
}

// allowedOf tells which candidates of a pool a key may reach; nil: all.
func (t *table) allowedOf(p *pool, policy *Policy) []bool {
	if len(policy.Allow) == 0 {
		return nil
	}
	t.mu.RLock()
	may := t.allowed[policy][p]
	t.mu.RUnlock()
	if may != nil {
		return may
	}
	may = make([]bool, len(p.list))
	for i := range p.list {
		may[i] = policy.Allow.Match(p.list[i].Source.Name, p.list[i].ID)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.allowed == nil || len(t.allowed) > mostPolicies { // policies of keys that were edited are not kept for ever
		t.allowed = map[*Policy]map[*pool][]bool{}
	}
	if t.allowed[policy] == nil {
		t.allowed[policy] = map[*pool][]bool{}
	}
	t.allowed[policy][p] = may
	return may
}

const mostPolicies = 4096

// explicit finds provider/model, whether the provider lists it or not.
func (t *table) explicit(name string) (Target, bool) {
	source, id, ok := cutName(t.sources, name)
	if !ok || id == "" {
		return Target{}, false
	}
	return targetOf(t.sources, source, id), true
}

// listed finds a listed model by provider/model; nil where there is none.
func (t *table) listed(name string) *candidate {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.index[name]
}
