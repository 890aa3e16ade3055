package settings

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parse reads the bytes of a settings file of this version strictly and checks them. All that is wrong comes back as
// Errors with line and column.
func Parse(raw []byte) (*Settings, error) {
	s, errs := parse(string(raw))
	if errs != nil {
		return nil, errs
	}
	return s, nil
}

func parse(raw string) (*Settings, Errors) {
	text, _, err := plainText(raw)
	if err != nil {
		return nil, Errors{err}
	}
	root, err := parseTree(text)
	if err != nil {
		return nil, Errors{err}
	}
	if root == nil {
		return nil, Errors{{Message: "the file holds no settings", Hint: "restore it from the .bak beside it, or delete it to get a new one"}}
	}
	if _, err := versionOf(root); err != nil {
		return nil, Errors{err}
	}
	s := Default()
	d := &decoder{spots: map[string]spot{}, general: generalResilience(root)}
	d.value(reflect.ValueOf(&s).Elem(), root, "", "")
	if d.errs != nil {
		return nil, d.errs
	}
	s.normalise()
	errs := s.check()
	for _, e := range errs {
		e.Line, e.Column = d.find(e.Path)
	}
	slices.SortStableFunc(errs, func(a, b *Error) int { return a.Line - b.Line })
	if len(errs) > 0 {
		return nil, errs
	}
	return &s, nil
}

// versionOf reads the format before anything else is judged: a newer file may well hold fields that this program does
// not know.
func versionOf(root *node) (int, *Error) {
	if root.shape != mapShape {
		return 0, &Error{Line: root.line, Column: root.column, Message: "the file must be fields with values", Hint: `begin with "version: 1"`}
	}
	p := root.pair("version")
	if p == nil {
		return 0, &Error{Line: 1, Column: 1, Path: "version", Message: "is missing", Hint: fmt.Sprintf(`add the line "version: %d" at the top`, Version)}
	}
	v, err := strconv.Atoi(p.value.text)
	if err != nil || p.value.shape != scalarShape || v < 0 {
		return 0, &Error{Line: p.value.line, Column: p.value.column, Path: "version", Message: "must be a whole number", Hint: fmt.Sprintf(`write "version: %d"`, Version)}
	}
	return v, nil
}

// maxErrors is where telling what is wrong ends: nobody reads on.
const maxErrors = 20

type spot struct{ line, column int }

// decoder fills Settings from the tree. It is our own and not the YAML library's so that every message names line,
// column and path, and so that what is found while checking can be shown at its place too.
type decoder struct {
	spots   map[string]spot
	errs    Errors
	general Resilience // what a provider's own thresholds begin with
}

// generalResilience reads the general thresholds before anything else, as those of a provider build on them wherever in
// the file they stand. What is wrong with them is told later.
func generalResilience(root *node) Resilience {
	r := DefaultResilience()
	if p := root.pair("resilience"); p != nil {
		d := &decoder{spots: map[string]spot{}}
		d.value(reflect.ValueOf(&r).Elem(), p.value, "", "")
	}
	general := DefaultResilience()
	r.fill(&general)
	return r
}

func (d *decoder) fail(n *node, path, message, hint string) {
	d.errs = append(d.errs, &Error{Line: n.line, Column: n.column, Path: path, Message: message, Hint: hint})
}

// find returns the place of a path, or of the nearest thing around it that the file holds.
func (d *decoder) find(path string) (line, column int) {
	for path != "" {
		if s, ok := d.spots[path]; ok {
			return s.line, s.column
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 1, 1
}

func (d *decoder) value(v reflect.Value, n *node, path, unit string) {
	d.spots[path] = spot{n.line, n.column}
	if n.shape == nullShape {
		return // a field without a value keeps its default
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		d.duration(v, n, path)
	case v.Type() == reflect.TypeFor[Limit]():
		d.limit(v, n, path)
	case v.Kind() == reflect.Struct:
		d.fields(v, n, path)
	case v.Kind() == reflect.Slice:
		d.list(v, n, path, unit)
	case v.Kind() == reflect.Map:
		d.words(v, n, path)
	case v.Kind() == reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if r, ok := p.Interface().(*Resilience); ok {
			*r = d.general
		}
		d.value(p.Elem(), n, path, unit)
		v.Set(p)
	case n.shape != scalarShape:
		d.fail(n, path, "must be a single value", "")
	case v.Kind() == reflect.String:
		v.SetString(n.text)
	case v.Kind() == reflect.Bool:
		if !n.plain || n.text != "true" && n.text != "false" {
			d.fail(n, path, "must be true or false", "")
			return
		}
		v.SetBool(n.text == "true")
	case unit != "":
		d.measure(v, n, path, unit)
	default:
		i, err := strconv.ParseInt(n.text, 10, 32)
		if err != nil || !n.plain {
			d.fail(n, path, "must be a whole number", "")
			return
		}
		v.SetInt(i)
	}
}

// measure reads a number that is written with a unit.
func (d *decoder) measure(v reflect.Value, n *node, path, unit string) {
	switch unit {
	case "size":
		size, ok := parseSize(n.text)
		if !ok {
			d.fail(n, path, "must be a size", "write it as 32MiB")
			return
		}
		v.SetInt(size)
	case "count":
		count, err := ParseCount(n.text)
		if err != nil {
			d.fail(n, path, "must be a count from 0 to 1000T", "write it as 7B or 500M")
			return
		}
		v.SetInt(count)
	case "usd":
		money, err := ParseUSD(n.text)
		if err != nil {
			d.fail(n, path, fmt.Sprintf("must be an amount of USD from 0 to %d", highestCost), "write it as 5 or 0.25")
			return
		}
		v.SetInt(money)
	}
}

// limit reads {kind: requests, limit: 100, window: 1m} or requests=100/1m.
func (d *decoder) limit(v reflect.Value, n *node, path string) {
	const hint = "write it as {kind: requests, limit: 100, window: 1m}, or as requests=100/1m"
	explain := func(n *node, path string, err error) {
		d.fail(n, path, strings.TrimSuffix(err.Error(), limitExample), hint)
	}
	if n.shape == scalarShape {
		l, err := ParseLimit(n.text)
		if err != nil {
			explain(n, path, err)
			return
		}
		v.Set(reflect.ValueOf(l))
		return
	}
	var l Limit
	var parts limitFields
	before := len(d.errs)
	if d.fields(reflect.ValueOf(&parts).Elem(), n, path); len(d.errs) > before {
		return
	}
	for _, part := range []struct {
		name, text string
		parse      func(string) error
	}{
		{"kind", parts.Kind, func(text string) (err error) { l.Kind, err = parseKind(text); return }},
		{"limit", parts.Limit, func(text string) (err error) { l.Amount, err = parseAmount(l.Kind, text); return }},
		{"window", parts.Window, func(text string) (err error) { l.Window, err = parseWindow(text); return }},
	} {
		at, p := path+"."+part.name, n.pair(part.name)
		if p == nil || part.text == "" {
			d.fail(n, at, "is missing", hint)
			return
		}
		if err := part.parse(part.text); err != nil {
			explain(p.value, at, err)
			return
		}
	}
	v.Set(reflect.ValueOf(l))
}

func (d *decoder) duration(v reflect.Value, n *node, path string) {
	t, err := time.ParseDuration(n.text)
	if n.shape != scalarShape || err != nil {
		d.fail(n, path, "must be a time with its unit", "write it as 10s or 2m")
		return
	}
	v.SetInt(int64(t))
}

func (d *decoder) fields(v reflect.Value, n *node, path string) {
	if n.shape != mapShape {
		d.fail(n, path, "must be fields with values", "known here: "+strings.Join(fieldNames(v.Type()), ", "))
		return
	}
	for _, p := range n.pairs {
		at := join(path, p.key)
		if len(d.errs) >= maxErrors {
			return
		}
		i := slices.Index(fieldNames(v.Type()), p.key)
		if i < 0 {
			d.errs = append(d.errs, &Error{Line: p.line, Column: p.column, Path: at, Message: "unknown field", Hint: unknownHint(p.key, v.Type())})
			continue
		}
		d.value(v.Field(i), p.value, at, v.Type().Field(i).Tag.Get("unit"))
		if p.value.shape == nullShape {
			d.spots[at] = spot{p.line, p.column}
		}
	}
}

func unknownHint(key string, t reflect.Type) string {
	names := fieldNames(t)
	if (t == reflect.TypeFor[Provider]() || t == reflect.TypeFor[Credential]()) && slices.Contains([]string{"api_key", "apikey", "key", "token", "secret", "password"}, strings.ToLower(key)) {
		return `keys do not belong in this file: use api_key_env or api_key_file, or run "localrouter providers set-key NAME"`
	}
	if near := nearest(key, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known here: " + strings.Join(names, ", ")
}

func (d *decoder) list(v reflect.Value, n *node, path, unit string) {
	if n.shape != listShape {
		d.fail(n, path, "must be a list", `write "- " before each entry`)
		return
	}
	if unit == "some" && len(n.items) == 0 {
		d.fail(n, path, "is empty, which would mean every model", "list at least one, or take the field out")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, it := range n.items {
		switch p := out.Index(i).Addr().Interface().(type) {
		case *Provider:
			*p = NewProvider("", "")
		case *Router:
			*p = NewRouter("")
		}
		d.value(out.Index(i), it.value, fmt.Sprintf("%s[%d]", path, i), "")
	}
	v.Set(out)
}

func (d *decoder) words(v reflect.Value, n *node, path string) {
	if n.shape != mapShape {
		d.fail(n, path, "must be names with values", "write it as {name: value}")
		return
	}
	out := map[string]string{}
	for _, p := range n.pairs {
		at := join(path, p.key)
		d.spots[at] = spot{p.line, p.column}
		if p.value.shape == mapShape || p.value.shape == listShape {
			d.fail(p.value, at, "must be a single value", "")
			continue
		}
		out[p.key] = p.value.text
	}
	v.Set(reflect.ValueOf(out))
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fieldNames lists the names a struct's fields have in the file, by field index.
func fieldNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
	}
	return names
}

var sizeUnits = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}}

func parseSize(s string) (int64, bool) {
	factor := int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, factor = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return 0, false
	}
	return n * factor, true
}

func formatSize(n int64) string {
	for _, u := range sizeUnits[:3] {
		if n > 0 && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
