package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// plainWord is what is safe without quotes everywhere in YAML, flow style included. Of words with a colon only URLs are:
// inside brackets the parser takes c:1 for a field.
var plainWord = regexp.MustCompile(`^(https?:/)?[A-Za-z/][A-Za-z0-9_./+@-]*$`)

// otherMeaning are the words that some YAML reader takes for something else than text.
var otherMeaning = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}

func encodeWord(s string) string {
	if plainWord.MatchString(s) && !slices.Contains(otherMeaning, strings.ToLower(s)) {
		return s
	}
	var b bytes.Buffer
	j := json.NewEncoder(&b)
	j.SetEscapeHTML(false)
	if err := j.Encode(s); err != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// encoder writes values. general holds the thresholds that those of a provider build on.
type encoder struct{ general Resilience }

// flow writes a value so that it fits on the line of its key.
func (e *encoder) flow(v reflect.Value, unit string) string {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return encodeDuration(time.Duration(v.Int()))
	case v.Type() == reflect.TypeFor[*Resilience]():
		return sparse(v.Elem(), reflect.ValueOf(e.general))
	case v.Type() == reflect.TypeFor[Limit]():
		return e.flow(reflect.ValueOf(v.Interface().(Limit).fields()), "")
	case v.Kind() == reflect.Pointer:
		return e.flow(v.Elem(), unit)
	case unit == "bare":
		return v.String()
	case v.Kind() == reflect.String:
		return encodeWord(v.String())
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case v.Kind() == reflect.Slice:
		words := make([]string, v.Len())
		for i := range words {
			words[i] = e.flow(v.Index(i), "")
		}
		return "[" + strings.Join(words, ", ") + "]"
	case v.Kind() == reflect.Map:
		m := v.Interface().(map[string]string)
		words := make([]string, 0, len(m))
		for _, k := range slices.Sorted(maps.Keys(m)) {
			words = append(words, encodeWord(k)+": "+encodeWord(m[k]))
		}
		return "{" + strings.Join(words, ", ") + "}"
	case v.Kind() == reflect.Struct:
		var words []string
		for _, f := range writtenFields(v) {
			words = append(words, f.name+": "+e.flow(f.value, f.unit))
		}
		return "{" + strings.Join(words, ", ") + "}"
	case unit == "size":
		return formatSize(v.Int())
	case unit == "count":
		return FormatCount(v.Int())
	case unit == "usd":
		return FormatUSD(v.Int())
	}
	return strconv.FormatInt(v.Int(), 10)
}

// sparse writes what of a provider's thresholds differs from the general ones: what it does not name follows them.
func sparse(v, general reflect.Value) string {
	var words []string
	for i, name := range fieldNames(v.Type()) {
		switch w, g := v.Field(i), general.Field(i); {
		case equal(w, g):
		case w.Kind() == reflect.Struct:
			words = append(words, name+": "+sparse(w, g))
		default:
			words = append(words, name+": "+new(encoder).flow(w, ""))
		}
	}
	return "{" + strings.Join(words, ", ") + "}"
}

// block writes a value as lines under its key: a list of providers, or a section. Anything else is on one line.
func (e *encoder) block(v reflect.Value, indent int) []string {
	space := strings.Repeat(" ", indent)
	if v.Kind() == reflect.Slice {
		var lines []string
		for i := range v.Len() {
			lines = append(lines, e.item(v.Index(i), indent)...)
		}
		return lines
	}
	var lines []string
	for _, f := range writtenFields(v) {
		lines = append(lines, space+f.name+": "+e.flow(f.value, f.unit))
	}
	return lines
}

func (e *encoder) item(v reflect.Value, indent int) []string {
	space := strings.Repeat(" ", indent)
	if v.Kind() != reflect.Struct || v.IsZero() || v.Type() == reflect.TypeFor[Limit]() {
		return []string{space + "- " + e.flow(v, "")}
	}
	lines := e.block(v, indent+2)
	lines[0] = space + "- " + lines[0][indent+2:]
	return lines
}

type writtenField struct {
	name, unit string
	value      reflect.Value
}

// writtenFields lists the fields of a struct that stand in a file: all but the optional ones that are zero.
func writtenFields(v reflect.Value) []writtenField {
	var out []writtenField
	for i, name := range fieldNames(v.Type()) {
		f := v.Type().Field(i)
		if optional(f) && v.Field(i).IsZero() {
			continue
		}
		out = append(out, writtenField{name, f.Tag.Get("unit"), v.Field(i)})
	}
	return out
}

func optional(f reflect.StructField) bool {
	return strings.HasSuffix(f.Tag.Get("yaml"), ",omitempty")
}

// encodeDuration writes 2m, not 2m0s.
func encodeDuration(d time.Duration) string {
	s := d.String()
	if rest, ok := strings.CutSuffix(s, "m0s"); ok {
		s = rest + "m"
	}
	if rest, ok := strings.CutSuffix(s, "h0m"); ok {
		s = rest + "h"
	}
	return s
}

// encodePath writes value under the names of path, all on one line: a: {b: value}.
func encodePath(path []string, value string) string {
	last := len(path) - 1
	out := encodeWord(path[last]) + ": " + value
	for i := last - 1; i >= 0; i-- {
		out = fmt.Sprintf("%s: {%s}", encodeWord(path[i]), out)
	}
	return out
}
