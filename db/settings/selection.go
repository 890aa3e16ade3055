package settings

import (
	"fmt"
	"slices"
	"strings"
)

const selectionExample = "; write router/NAME or PROVIDER/MODEL, for example " + DefaultSelection + " or ollama/llama3.3"

// CheckSelection reports what is wrong with the form of a selection: it is a router/NAME or a provider/model. Whether
// they exist is for Settings.CheckSelection to say.
func CheckSelection(text string) error {
	name, isRouter := strings.CutPrefix(text, RouterPrefix)
	switch {
	case isRouter && providerName.MatchString(name) && len(name) <= longestName:
		return nil
	case isRouter:
		return fmt.Errorf("%s is no name of a router: it has up to %d of a-z, 0-9 and -%s", quoteShort(name), longestName, selectionExample)
	case strings.Contains(text, "*") || !isTarget(text):
		return fmt.Errorf("%s is no selection%s", quoteShort(text), selectionExample)
	}
	return nil
}

// CheckSelection reports whether the router or the provider of a selection exists, and else names the nearest. builtIn
// are providers that stand in no file.
func (s *Settings) CheckSelection(text string, builtIn ...string) error {
	if err := CheckSelection(text); err != nil {
		return err
	}
	if name, ok := strings.CutPrefix(text, RouterPrefix); ok {
		if s.Router(name) != nil {
			return nil
		}
		names := make([]string, len(s.Routers))
		for i := range s.Routers {
			names[i] = s.Routers[i].Name
		}
		return missing("router", name, names, "`localrouter routers list` shows them")
	}
	name, _, _ := strings.Cut(text, "/")
	return s.CheckProvider(name, builtIn...)
}

// CheckProvider reports whether a provider exists, and else names the nearest. builtIn are those that stand in no file.
func (s *Settings) CheckProvider(name string, builtIn ...string) error {
	names := slices.Clone(builtIn)
	for i := range s.Providers {
		names = append(names, s.Providers[i].Name)
	}
	if slices.Contains(names, name) {
		return nil
	}
	return missing("provider", name, names, "`localrouter providers list` shows them")
}

func missing(what, name string, names []string, otherwise string) error {
	next := otherwise
	if near := nearest(name, names); near != "" {
		next = fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Errorf("there is no %s named %s; %s", what, quoteShort(name), next)
}

// Providers lists the providers that are named without a star, each once.
func (p Patterns) Providers() (names []string) {
	for _, one := range p {
		name, _, _ := strings.Cut(one, "/")
		if !strings.Contains(name, "*") && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
