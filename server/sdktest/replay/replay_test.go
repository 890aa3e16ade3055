package main

import (
	"testing"
)

func TestADayIsLongEnough(t *testing.T) {
	n := 0
	for _, sc := range day(3) {
		m := 0
		for _, s := range sc.steps {
			m += max(s.atOnce, 1)
		}
		n += m
		t.Log(m, sc.title)
	}
	if n < 300 {
		t.Errorf("%d requests, want at least 300", n)
	}
	t.Log(n)
}
