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
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// encodeFlow writes a value so that it fits on the line of its key.
func encodeFlow(v reflect.Value, unit string) string {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return encodeDuration(time.Duration(v.Int()))
	case v.Kind() == reflect.Pointer:
		return encodeFlow(v.Elem(), unit)
	case v.Kind() == reflect.String:
		return encodeWord(v.String())
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case v.Kind() == reflect.Slice:
		words := make([]string, v.Len())
		for i := range words {
			words[i] = encodeFlow(v.Index(i), "")
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
			words = append(words, f.name+": "+encodeFlow(f.value, f.unit))
		}
		return "{" + strings.Join(words, ", ") + "}"
	case unit == "size":
		return formatSize(v.Int())
	}
	return strconv.FormatInt(v.Int(), 10)
}

// encodeBlock writes a value as lines under its key: a list of providers, or a section. Anything else is on one line.
func encodeBlock(v reflect.Value, indent int) []string {
	space := strings.Repeat(" ", indent)
	if v.Kind() == reflect.Slice {
		var lines []string
		for i := range v.Len() {
			lines = append(lines, encodeItem(v.Index(i), indent)...)
		}
		return lines
	}
	var lines []string
	for _, f := range writtenFields(v) {
		lines = append(lines, space+f.name+": "+encodeFlow(f.value, f.unit))
	}
	return lines
}

func encodeItem(v reflect.Value, indent int) []string {
	space := strings.Repeat(" ", indent)
	if v.Kind() != reflect.Struct {
		return []string{space + "- " + encodeFlow(v, "")}
	}
	lines := encodeBlock(v, indent+2)
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
