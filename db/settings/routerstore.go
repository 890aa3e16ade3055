package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// What names something that is not there is refused with one of these.
var (
	ErrNoRouter = errors.New("there is no such router")
	ErrNoAlias  = errors.New("there is no such alias")
)

// PutRouter saves a router: in place of the one of that name, or as a new one at the end. The error is as of Update.
func (s *Store) PutRouter(r Router) error {
	return s.Update(func(next *Settings) error {
		next.putRouter(r)
		return nil
	})
}

func (s *Settings) putRouter(r Router) {
	if was := s.Router(r.Name); was != nil {
		*was = r
		return
	}
	s.Routers = append(s.Routers, r)
}

// RemoveRouter takes the router of that name out. It fails with ErrNoRouter, and where an alias stands for the router.
// Keys that select it are refused from then on.
func (s *Store) RemoveRouter(name string) error {
	return s.Update(func(next *Settings) error {
		if next.Router(name) == nil {
			return fmt.Errorf("%w: %s", ErrNoRouter, quoteShort(name))
		}
		for _, alias := range slices.Sorted(maps.Keys(next.Aliases)) {
			if next.Aliases[alias] == RouterPrefix+name {
				return fmt.Errorf("the alias %s stands for %s%s; change or remove the alias first", quoteShort(alias), RouterPrefix, name)
			}
		}
		next.Routers = slices.DeleteFunc(next.Routers, func(r Router) bool { return r.Name == name })
		return nil
	})
}

// RenameRouter gives a router another name and lets the aliases follow; keys are the caller's. It fails with ErrNoRouter,
// and where the new name is another router's or no name.
func (s *Store) RenameRouter(name, to string) error {
	return s.Update(func(next *Settings) error { return next.RenameRouter(name, to) })
}

// RenameRouter is the Store's, for an Update that changes more. It fails with ErrNoRouter.
func (s *Settings) RenameRouter(name, to string) error {
	r := s.Router(name)
	if r == nil {
		return fmt.Errorf("%w: %s", ErrNoRouter, quoteShort(name))
	}
	r.Name = to
	for alias, target := range s.Aliases {
		if target == RouterPrefix+name {
			s.Aliases[alias] = RouterPrefix + to
		}
	}
	return nil
}

// RestoreRouters puts the default routers back as they were at first. All others stay.
func (s *Store) RestoreRouters() error {
	return s.Update(func(next *Settings) error {
		for _, r := range DefaultRouters() {
			next.putRouter(r)
		}
		return nil
	})
}

// SetAlias lets name stand for target, a router/NAME or provider/model.
func (s *Store) SetAlias(name, target string) error {
	return s.Update(func(next *Settings) error {
		if next.Aliases == nil {
			next.Aliases = map[string]string{}
		}
		next.Aliases[name] = target
		return nil
	})
}

// RemoveAlias takes an alias out. It fails with ErrNoAlias.
func (s *Store) RemoveAlias(name string) error {
	return s.Update(func(next *Settings) error {
		if _, ok := next.Aliases[name]; !ok {
			return fmt.Errorf("%w: %s", ErrNoAlias, quoteShort(name))
		}
		delete(next.Aliases, name)
		return nil
	})
}

// SetOffline says whether requests may reach models that are not local.
func (s *Store) SetOffline(offline bool) error {
	return s.Update(func(next *Settings) error {
		next.Offline = offline
		return nil
	})
}
