package settings

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	aliasName       = regexp.MustCompile(`^[A-Za-z0-9._:-]+(/[A-Za-z0-9._:-]+)*$`)
	patternProvider = regexp.MustCompile(`^[a-z0-9*-]+$`)
)

// The bounds of what a person names.
const (
	longestName  = 64  // of a provider, a router, a credential
	longestTitle = 100 // in characters
	longestModel = 256 // of a model, an alias, a pattern
	mostAttempts = 10  // of one request
)

func (c *checker) routers(s *Settings) {
	seen := map[string]int{}
	for i := range s.Routers {
		r := &s.Routers[i]
		path := fmt.Sprintf("routers[%d]", i)
		c.unique(path, "routers", r.Name, i, seen)
		c.router(r, path)
	}
}

// unique checks the name of the entry i of a list against those before it.
func (c *checker) unique(path, list, name string, i int, seen map[string]int) {
	if first, twice := seen[name]; twice && name != "" {
		c.fail(path+".name", fmt.Sprintf("%s is also the name of %s[%d]", quoteShort(name), list, first), "give one of them another name")
		return
	}
	seen[name] = i
}

// name checks the name of something that has one; example is one that would do.
func (c *checker) name(path, name, example string) {
	switch {
	case name == "":
		c.fail(path, "is missing", "give it a short name such as "+example)
	case !providerName.MatchString(name) || len(name) > longestName:
		c.fail(path, quoteShort(name)+" is not a name", "use up to 64 of a-z, 0-9 and -")
	}
}

// known checks a word against those that may stand there. what is the word's kind, as in "a strategy".
func (c *checker) known(path, word, what string, words []string) {
	switch near := nearest(word, words); {
	case slices.Contains(words, word):
	case near != "":
		c.fail(path, quoteShort(word)+" is not "+what, fmt.Sprintf("did you mean %q?", near))
	default:
		c.fail(path, quoteShort(word)+" is not "+what, "use one of "+strings.Join(words, ", "))
	}
}

// words checks a list of words that may stand there once each.
func (c *checker) words(path string, list []string, what string, known []string) {
	for i, word := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.known(at, word, what, known)
		c.once(at, list, i)
	}
}

// once checks that what stands at i in list does not stand before it.
func (c *checker) once(path string, list []string, i int) {
	if slices.Index(list, list[i]) < i {
		c.fail(path, quoteShort(list[i])+" stands there twice", "keep one")
	}
}

// number checks a number with both bounds.
func (c *checker) number(path string, n, low, high int) {
	if n < low || n > high {
		c.fail(path, fmt.Sprintf("is %d", n), fmt.Sprintf("use a number from %d to %d", low, high))
	}
}

func (c *checker) router(r *Router, path string) {
	if c.name(path+".name", r.Name, "everyday"); slices.Contains(reservedNames, r.Name) {
		c.fail(path+".name", quoteShort(r.Name)+" is reserved", "choose another name")
	}
	if len([]rune(r.Title)) > longestTitle || hasControl(r.Title) {
		c.fail(path+".title", "is not a title", fmt.Sprintf("write up to %d characters on one line", longestTitle))
	}
	c.manual(r, path+".select.manual")
	c.automatic(&r.Select.Automatic, path+".select.automatic")
	c.words(path+".strategies", texts(r.Strategies), "a strategy", texts(Strategies))
	c.number(path+".fallback.attempts", r.Fallback.Attempts, 0, mostAttempts)
	c.limits(path+".limits", r.Limits)
}

// texts turns a list of named words into one of texts.
func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, word := range list {
		out[i] = string(word)
	}
	return out
}

func (c *checker) manual(r *Router, path string) {
	a := &r.Select.Automatic
	set := len(a.Include)+len(a.Exclude)+len(a.Capabilities) > 0 || a.MinParameters != 0 || a.MaxParameters != 0
	if set && len(r.Select.Manual) > 0 {
		c.fail(path, "stands beside automatic", "keep one of the two")
	}
	for i, m := range r.Select.Manual {
		at := fmt.Sprintf("%s[%d]", path, i)
		// A provider that is not there is no fault: it can be deleted, and the entry then has no target.
		switch {
		case strings.HasPrefix(m, RouterPrefix):
			c.fail(at, quoteShort(m)+" is a router", "list models, as provider/model")
		case strings.Contains(m, "*"):
			c.fail(at, quoteShort(m)+" is a pattern", "list models one by one, or move it to select.automatic.include")
		case !isTarget(m):
			c.fail(at, quoteShort(m)+" is not provider/model", "write it as ollama/qwen3-coder")
		}
		c.once(at, r.Select.Manual, i)
	}
}

// isTarget reports whether text is a provider's name, a slash and a model.
func isTarget(text string) bool {
	provider, model, ok := strings.Cut(text, "/")
	return ok && providerName.MatchString(provider) && !slices.Contains(reservedNames, provider) && isModel(model)
}

func isModel(text string) bool {
	return text != "" && len(text) <= longestModel && !hasControl(text) && strings.TrimSpace(text) == text
}

func (c *checker) automatic(a *Automatic, path string) {
	c.patterns(path+".include", a.Include)
	c.patterns(path+".exclude", a.Exclude)
	for i, p := range a.Include {
		if slices.Contains(a.Exclude, p) {
			c.fail(fmt.Sprintf("%s.include[%d]", path, i), quoteShort(p)+" is also in exclude", "keep one of the two")
		}
	}
	if a.MinParameters < 0 || a.MinParameters > highestCount {
		c.fail(path+".min_parameters", "is not a size of a model", "write it as 7B or 500M")
	}
	if a.MaxParameters < 0 || a.MaxParameters > highestCount {
		c.fail(path+".max_parameters", "is not a size of a model", "write it as 70B or 500M")
	}
	if a.MaxParameters > 0 && a.MaxParameters < a.MinParameters {
		c.fail(path+".max_parameters", fmt.Sprintf("is %s, which is less than min_parameters", FormatCount(a.MaxParameters)), "make it larger, or take one of the two out")
	}
	c.words(path+".capabilities", a.Capabilities, "a capability", Capabilities)
}

func (c *checker) patterns(path string, list Patterns) {
	for i, p := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if problem, hint := patternProblem(p); problem != "" {
			c.fail(at, quoteShort(p)+problem, hint)
		}
		c.once(at, list, i)
	}
}

func patternProblem(p string) (problem, hint string) {
	provider, model, both := strings.Cut(p, "/")
	switch {
	case both && (provider == strings.TrimSuffix(RouterPrefix, "/") || provider == "localrouter"):
		return " is not a model of a provider", "name models, as provider/model"
	case patternProvider.MatchString(provider) && len(provider) <= longestName && (!both || isModel(model)):
		return "", ""
	case !both && isModel(p):
		return " is not the name of a provider", fmt.Sprintf("a model is written as provider/model, for example %q", "*/"+p)
	}
	return " is not a pattern", `write a provider, or provider/model with * for any text: ollama, "openai/*", "*/gpt-5"`
}

// Check says what is wrong with the patterns and what to do, nil where nothing is: for those that stand elsewhere than in
// the settings file.
func (p Patterns) Check() error {
	for _, one := range p {
		if problem, hint := patternProblem(one); problem != "" {
			return fmt.Errorf("%s%s; %s", quoteShort(one), problem, hint)
		}
	}
	return nil
}

func (c *checker) limits(path string, list []Limit) {
	if err := CheckLimits(list); err != nil {
		c.fail(path, err.Error(), "")
	}
	for i, l := range list {
		if l.Kind >= LimitKinds || l.Amount < 1 || l.Window < ShortestWindow || l.Window > LongestWindow {
			c.fail(fmt.Sprintf("%s[%d]", path, i), "is not a limit", "write it as {kind: requests, limit: 100, window: 1m}")
		}
	}
}

func (c *checker) aliases(s *Settings) {
	for _, name := range slices.Sorted(maps.Keys(s.Aliases)) {
		if !aliasName.MatchString(name) || len(name) > longestModel {
			c.fail("aliases", quoteShort(name)+" is not a name for a model", "use letters, digits and . _ : - with / between them")
			continue
		}
		if problem, hint := s.aliasNameProblem(name); problem != "" {
			c.fail("aliases."+name, problem, hint)
		}
		if problem, hint := s.aliasTargetProblem(s.Aliases[name]); problem != "" {
			c.fail("aliases."+name, problem, hint)
		}
	}
}

func (s *Settings) aliasNameProblem(name string) (problem, hint string) {
	first, _, both := strings.Cut(name, "/")
	switch {
	case slices.Contains(reservedNames, first):
		return quoteShort(first) + " is reserved", "choose another name"
	case both && s.Provider(first) != nil:
		return "names a model of the provider " + quoteShort(first), "choose a name that does not begin with a provider's"
	}
	return "", ""
}

func (s *Settings) aliasTargetProblem(target string) (problem, hint string) {
	const form = "write router/NAME or PROVIDER/MODEL"
	name, isRouter := strings.CutPrefix(target, RouterPrefix)
	_, isAlias := s.Aliases[target]
	switch {
	case target == "":
		return "stands for nothing", form
	case isAlias:
		return quoteShort(target) + " is an alias itself", "name what that one stands for"
	case isRouter && s.Router(name) != nil:
		return "", ""
	case isRouter:
		return "there is no router " + quoteShort(name), s.routerHint(name)
	case strings.Contains(target, "*") || !isTarget(target):
		return quoteShort(target) + " is not a router or a model", form
	}
	return "", ""
}

// routerHint tells what to write in place of the name of a router that is not there.
func (s *Settings) routerHint(name string) string {
	names := make([]string, len(s.Routers))
	for i := range s.Routers {
		names[i] = s.Routers[i].Name
	}
	switch near := nearest(name, names); {
	case near != "":
		return fmt.Sprintf("did you mean %q?", RouterPrefix+near)
	case len(names) > 0:
		return "there are " + strings.Join(names, ", ")
	}
	return "add it under routers:"
}
