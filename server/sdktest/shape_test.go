package sdktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// shape checks JSON as a strict vendor does. It keeps the first fault it finds, with its place.
type shape struct {
	place, message string
}

type object = map[string]json.RawMessage

func (s *shape) ok() bool { return s.message == "" }

func (s *shape) no(place, format string, a ...any) {
	if s.ok() {
		s.place, s.message = place, fmt.Sprintf(format, a...)
	}
}

// under is the place of a member.
func under(place string, member any) string {
	if place == "" {
		return fmt.Sprint(member)
	}
	return fmt.Sprint(place, ".", member)
}

// object reads an object with no other members than those named; none named: any.
func (s *shape) object(place string, raw json.RawMessage, members ...string) object {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil || o == nil {
		s.no(place, "Input should be an object")
		return object{}
	}
	if len(members) > 0 {
		for name := range o {
			if !slices.Contains(members, name) {
				s.no(under(place, name), "Extra inputs are not permitted")
			}
		}
	}
	return o
}

func (s *shape) list(place string, raw json.RawMessage) []json.RawMessage {
	var l []json.RawMessage
	if err := json.Unmarshal(raw, &l); err != nil || l == nil {
		s.no(place, "Input should be a list")
	}
	return l
}

// text reads a string that must be there.
func (s *shape) text(place string, raw json.RawMessage) string {
	var t *string
	if raw == nil {
		s.no(place, "Field required")
	} else if err := json.Unmarshal(raw, &t); err != nil || t == nil {
		s.no(place, "Input should be a string, is %.60s", raw)
	}
	if t == nil {
		return ""
	}
	return *t
}

// word reads a string that is one of several.
func (s *shape) word(place string, raw json.RawMessage, words ...string) string {
	w := s.text(place, raw)
	if s.ok() && !slices.Contains(words, w) {
		s.no(place, "Input should be one of %s, is %q", strings.Join(words, ", "), w)
	}
	return w
}

// number reads a number within bounds, whole where whole is set.
func (s *shape) number(place string, raw json.RawMessage, least, most float64, whole bool) float64 {
	n, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case raw == nil:
		s.no(place, "Field required")
	case err != nil:
		s.no(place, "Input should be a number, is %.60s", raw)
	case n < least || n > most:
		s.no(place, "Input should be from %v to %v, is %v", least, most, n)
	case whole && n != float64(int64(n)):
		s.no(place, "Input should be a whole number, is %s", raw)
	}
	return n
}

func (s *shape) flag(place string, raw json.RawMessage) bool {
	switch string(raw) {
	case "true":
		return true
	case "false":
		return false
	}
	s.no(place, "Input should be true or false, is %.60s", raw)
	return false
}

// match reads a string of a form.
func (s *shape) match(place string, raw json.RawMessage, form *regexp.Regexp) string {
	t := s.text(place, raw)
	if s.ok() && !form.MatchString(t) {
		s.no(place, "String should match pattern '%s', is %q", form, t)
	}
	return t
}

// strict checks that a JSON Schema is one that a model can be kept to: each object closed, and, where all is set, all
// its properties required.
func (s *shape) strict(place string, raw json.RawMessage, all bool) {
	o := s.object(place, raw)
	var kind string
	json.Unmarshal(o["type"], &kind)
	if kind == "object" {
		if string(o["additionalProperties"]) != "false" {
			s.no(place, "For 'object' type, 'additionalProperties' must be explicitly set to false")
		}
		var properties object
		var required []string
		json.Unmarshal(o["properties"], &properties)
		json.Unmarshal(o["required"], &required)
		for name, sub := range properties {
			if all && !slices.Contains(required, name) {
				s.no(place, "'required' is required to be supplied and to be an array including every key in properties. Missing '%s'", name)
			}
			s.strict(under(place, name), sub, all)
		}
	}
	if items := o["items"]; items != nil {
		s.strict(under(place, "items"), items, all)
	}
}

// once checks that no object anywhere has a member twice, that no number or text is odd, and that nothing follows.
func (s *shape) once(body []byte) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	s.value(d, "")
	if _, err := d.Token(); s.ok() && err != io.EOF {
		s.no("", "There was an issue parsing the body: something follows it")
	}
}

func (s *shape) value(d *json.Decoder, place string) {
	token, err := d.Token()
	if err != nil {
		s.no(place, "There was an issue parsing the body: %v", err)
		return
	}
	open, isDelim := token.(json.Delim)
	if !isDelim {
		return
	}
	seen := map[string]bool{}
	for i := 0; s.ok() && d.More(); i++ {
		if open == '[' {
			s.value(d, under(place, i))
			continue
		}
		name, err := d.Token()
		if err != nil {
			s.no(place, "There was an issue parsing the body: %v", err)
			return
		}
		if seen[name.(string)] {
			s.no(under(place, name), "Field is there twice")
		}
		seen[name.(string)] = true
		s.value(d, under(place, name))
	}
	if s.ok() {
		d.Token()
	}
}
