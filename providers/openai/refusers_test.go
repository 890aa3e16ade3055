package openai

import (
	"strconv"
	"testing"
)

// TestRefusersAreBounded: an application may name any model.
func TestRefusersAreBounded(t *testing.T) {
	var r refusers
	for i := range 10 * mostRefusers {
		name := strconv.Itoa(i)
		if r.add(name); !r.has(name) {
			t.Fatalf("%s is not remembered", name)
		}
	}
	n := 0
	r.models.Range(func(any, any) bool { n++; return true })
	if n > mostRefusers {
		t.Errorf("%d are kept", n)
	}
}
