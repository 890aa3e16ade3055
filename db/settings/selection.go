package settings

import (
	"fmt"
	"slices"
	"strings"
)

// The bounds of a list of patterns.
const (
	mostPatterns   = 200
	longestPattern = 256
)

const selectionExample = "; write router/NAME or PROVIDER/MODEL, for example " + DefaultSelection + " or ollama/llama3.3"

// CheckSelection reports what is wrong with the form of a selection: it is a router/NAME or a provider/model. Whether
// they exist is for Settings.CheckSelection to say.
func CheckSelection(text string) error {
	head, rest, _ := strings.Cut(text, "/")
	switch {
	case head == "" || rest == "" || len(text) > longestPattern || hasControl(text):
		return fmt.Errorf("%s is no selection%s", quoteShort(text), selectionExample)
	case head+"/" == RouterPrefix && !providerName.MatchString(rest):
		return fmt.Errorf("%s is no name of a router: it has a-z, 0-9 and - only%s", quoteShort(rest), selectionExample)
	case head+"/" == RouterPrefix:
		return nil
	case head == "auto" || head == "localrouter":
		return fmt.Errorf("%s is what a selection answers, so it cannot be one%s", quoteShort(text), selectionExample)
	case !providerName.MatchString(head):
		return fmt.Errorf("%s is no name of a provider%s", quoteShort(head), selectionExample)
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

const patternExample = "; write a provider's name, or PROVIDER/MODEL in which * stands for any text, for example ollama or openai/gpt-5*"

// Check reports what is wrong with the form of the patterns.
func (p Patterns) Check() error {
	if len(p) > mostPatterns {
		return fmt.Errorf("%d patterns are too many; keep at most %d", len(p), mostPatterns)
	}
	for i, one := range p {
		provider, model, both := strings.Cut(one, "/")
		switch {
		case provider == "" || both && model == "" || len(one) > longestPattern || hasControl(one):
			return fmt.Errorf("%s is no pattern of models%s", quoteShort(one), patternExample)
		case !providerName.MatchString(strings.ReplaceAll(provider, "*", "-")):
			return fmt.Errorf("%s in %s is no name of a provider%s", quoteShort(provider), quoteShort(one), patternExample)
		case provider+"/" == RouterPrefix:
			return fmt.Errorf("%s names a router, and a list of models names what a router may reach%s", quoteShort(one), patternExample)
		case slices.Index(p, one) < i:
			return fmt.Errorf("%s stands there twice; keep one", quoteShort(one))
		}
	}
	return nil
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
