package limits

import (
	"slices"
	"strings"

	"localrouter/db/settings"
)

// The ids by which what the settings bound is told from the keys of applications.
const (
	MachineID    = "machine"
	RouterPrefix = "router:" // before the router's name
	planPrefix   = "plan:"
)

func ofSettings(id string) bool {
	return id == MachineID || strings.HasPrefix(id, RouterPrefix) || strings.HasPrefix(id, planPrefix)
}

// bounds is what one state of the settings bounds. It is never changed.
type bounds struct {
	revision uint64
	machine  *Key
	routers  map[string]*Key
	plans    map[string][]plan // by provider
}

type plan struct {
	models settings.Patterns // none: all
	key    *Key
}

// Apply takes up what the settings bound: the money of the whole machine, routers, and what plans allow. What was there
// before and stays goes on with what it holds; the rest is forgotten.
func (l *Limiter) Apply(s *settings.Settings) {
	l.applying.Lock()
	defer l.applying.Unlock()
	b := &bounds{revision: 1, routers: map[string]*Key{}, plans: map[string][]plan{}}
	if old := l.bounds.Load(); old != nil {
		b.revision = old.revision + 1
	}
	kept := map[string]bool{}
	add := func(id, name string, limits []settings.Limit, budget settings.Budget) *Key {
		k := &Key{ID: id, Name: name, Revision: b.revision, Limits: limits, Budget: budget}
		if !k.Bounds() {
			return nil
		}
		kept[id] = true
		return k
	}
	b.machine = add(MachineID, "This machine", nil, s.Budget)
	for _, r := range s.Routers {
		b.routers[r.Name] = add(RouterPrefix+r.Name, "The router "+r.Name, r.Limits, settings.Budget{})
	}
	for _, p := range s.Providers {
		for _, f := range p.Facts {
			// By what the plan names, so that another fact before it does not move it.
			k := add(planPrefix+p.Name+"/"+strings.Join(f.Models, ","), "The plan of "+p.Name, f.Limits, settings.Budget{})
			if k != nil {
				b.plans[p.Name] = append(b.plans[p.Name], plan{patterns(f.Models), k})
			}
		}
	}
	l.bounds.Store(b)
	l.retain(func(id string) bool { return !ofSettings(id) || kept[id] })
}

// patterns makes a provider's own patterns of ids fit for Match.
func patterns(models []string) settings.Patterns {
	list := slices.Clone(models)
	for i := range list {
		list[i] = "*/" + list[i]
	}
	return list
}

// Plans reports whether some plan allows only so much.
func (l *Limiter) Plans() bool {
	if l == nil {
		return false
	}
	b := l.bounds.Load()
	return b != nil && len(b.plans) > 0
}

// OfSettings lists what the settings bound for all requests together: the machine, and the routers that have limits.
func (l *Limiter) OfSettings() (list []*Key) {
	b := l.bounds.Load()
	if b == nil {
		return nil
	}
	if b.machine != nil {
		list = append(list, b.machine)
	}
	for _, k := range b.routers {
		if k != nil {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b *Key) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Machine is the budget of the whole machine; nil: none.
func (l *Limiter) Machine() *Key {
	if b := l.bounds.Load(); b != nil {
		return b.machine
	}
	return nil
}

// Router is what bounds all requests through a router together; nil: nothing.
func (l *Limiter) Router(name string) *Key {
	if b := l.bounds.Load(); b != nil && name != "" {
		return b.routers[name]
	}
	return nil
}

// Plan is what the plan of a provider allows for a model, the first whose fact names it; nil: nothing is published. What
// one fact names shares its limits.
func (l *Limiter) Plan(provider, model string) *Key {
	b := l.bounds.Load()
	if b == nil {
		return nil
	}
	for _, p := range b.plans[provider] {
		if len(p.models) == 0 || p.models.Match(provider, model) {
			return p.key
		}
	}
	return nil
}
