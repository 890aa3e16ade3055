package tray

import "slices"

// Choice is something that can answer all requests of a key.
type Choice struct {
	// Value names it for App.Choose: router/minimum-cost, ollama/llama3.3.
	Value string
	// Label is what the menu shows.
	Label string
	// Group is the provider of a model; empty for a router.
	Group string
}

// maxChoices is how many choices a key's submenu holds; like the keys, they are
// lines that are made once.
const maxChoices = 16

// offer returns the choices that the menu has room for: all where they fit,
// else the routers and, of each provider, as many models as of the others.
func offer(all []Choice) []Choice {
	if len(all) <= maxChoices {
		return all
	}
	groups, of := []string{}, map[string]int{}
	for _, c := range all {
		if of[c.Group] == 0 {
			groups = append(groups, c.Group)
		}
		of[c.Group]++
	}
	take, room := map[string]int{}, maxChoices
	// The routers come first, but leave half of the room to the models.
	take[""] = min(of[""], maxChoices/2)
	room -= take[""]
	for given := true; given && room > 0; {
		given = false
		for _, g := range groups {
			if g != "" && room > 0 && take[g] < of[g] {
				take[g]++
				room--
				given = true
			}
		}
	}
	offered := make([]Choice, 0, maxChoices)
	for _, c := range all {
		if take[c.Group] > 0 {
			take[c.Group]--
			offered = append(offered, c)
		}
	}
	return offered
}

// withSelected returns offered with the choice that is in force among them: what
// answers now must be seen, also where it is gone.
func withSelected(offered, all []Choice, selected string) []Choice {
	is := func(c Choice) bool { return c.Value == selected }
	if selected == "" || slices.ContainsFunc(offered, is) {
		return offered
	}
	now := Choice{Value: selected, Label: selected}
	if i := slices.IndexFunc(all, is); i >= 0 {
		now = all[i]
	}
	offered = slices.Clone(offered[:min(len(offered), maxChoices-1)])
	return append(offered, now)
}
