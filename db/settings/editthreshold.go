package settings

import (
	"reflect"
	"slices"
)

// thresholds brings those of the providers to want. What a provider's do not name follows the general ones, so a field
// is written only where the person wrote it, or where it now differs.
func (e *editor) thresholds(want *Settings) {
	for i := range want.Providers {
		if r := want.Providers[i].Resilience; r != nil {
			e.overlay([]any{"providers", i, "resilience"}, reflect.ValueOf(r).Elem(), reflect.ValueOf(e.general))
		}
	}
}

func (e *editor) overlay(path []any, want, general reflect.Value) {
	for i, name := range fieldNames(want.Type()) {
		at := append(slices.Clone(path), name)
		if want.Field(i).Kind() == reflect.Struct {
			e.overlay(at, want.Field(i), general.Field(i))
			continue
		}
		root := e.tree()
		if root == nil {
			return
		}
		is := general.Field(i)
		if n := written(root, at); n != nil {
			is = reflect.New(is.Type()).Elem()
			(&decoder{spots: map[string]spot{}}).value(is, n, "", "")
		}
		if !equal(is, want.Field(i)) {
			e.set(at, want.Field(i), "")
		}
	}
}

// written returns the value that the file has at path, nil where it has none.
func written(root *node, path []any) *node {
	if n, _, rest := reach(root, path); len(rest) == 0 && n.shape != nullShape {
		return n
	}
	return nil
}

// inherit lets the thresholds of providers follow the general ones in next, where text, which holds was, does not name
// them and the edit did not touch them.
func inherit(raw string, was, next *Settings) {
	text, _, err := plainText(raw)
	if err != nil {
		return
	}
	root, err := parseTree(text)
	if err != nil || root == nil {
		return
	}
	general := next.Resilience
	general.fill(new(DefaultResilience()))
	for i, j := range match(reflect.ValueOf(was.Providers), reflect.ValueOf(next.Providers)) {
		if j < 0 || was.Providers[j].Resilience == nil || next.Providers[i].Resilience == nil {
			continue
		}
		follow(root, []any{"providers", j, "resilience"}, reflect.ValueOf(was.Providers[j].Resilience).Elem(),
			reflect.ValueOf(next.Providers[i].Resilience).Elem(), reflect.ValueOf(general))
	}
}

func follow(root *node, path []any, was, next, general reflect.Value) {
	for i, name := range fieldNames(next.Type()) {
		at := append(slices.Clone(path), name)
		switch {
		case next.Field(i).Kind() == reflect.Struct:
			follow(root, at, was.Field(i), next.Field(i), general.Field(i))
		case equal(was.Field(i), next.Field(i)) && written(root, at) == nil:
			next.Field(i).Set(general.Field(i))
		}
	}
}
