package sdktest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// route is a way from an application to a vendor: through the gateway in all four combinations of dialects, and straight,
// where both have the same. What fails straight is wrong in this package, not in the gateway.
type route struct {
	client   string // the application's dialect
	vendor   *vendor
	straight bool
}

// routes lists all ways.
func routes() []route {
	return []route{
		{"openai", vendors["upo"], true}, {"anthropic", vendors["upa"], true},
		{"openai", vendors["upo"], false}, {"openai", vendors["upa"], false},
		{"anthropic", vendors["upo"], false}, {"anthropic", vendors["upown"], false}, {"anthropic", vendors["upa"], false},
	}
}

// each runs a test for each SDK on each route, those straight to a vendor included.
func each(t *testing.T, test func(t *testing.T, s sdk, r route)) {
	t.Helper()
	for _, r := range routes() {
		for _, s := range sdks {
			if s.dialect() != r.client {
				continue
			}
			t.Run(fmt.Sprintf("%s %s", s.name(), r), func(t *testing.T) {
				r.ready(t)
				test(t, s, r)
			})
		}
	}
}

// through runs a test for each SDK on each route through the gateway.
func through(t *testing.T, test func(t *testing.T, s sdk, r route)) {
	t.Helper()
	for _, r := range routes() {
		for _, s := range sdks {
			if !r.straight && s.dialect() == r.client {
				t.Run(fmt.Sprintf("%s %s", s.name(), r), func(t *testing.T) {
					r.ready(t)
					test(t, s, r)
				})
			}
		}
	}
}

func (r route) String() string {
	if r.straight {
		return "straight"
	}
	return "through " + r.vendor.name
}

// translated reports whether the gateway has to say everything in another dialect.
func (r route) translated() bool { return r.client != r.vendor.dialect }

func (r route) place() place {
	if r.straight {
		return place{base: r.vendor.base, key: providerKey}
	}
	return place{base: running.URL, key: key}
}

// model is the name of a vendor's model as the application says it.
func (r route) model(id string) string {
	if r.straight {
		return id
	}
	return r.vendor.name + "/" + id
}

// known says, once per vendor, whether the gateway knows its models.
var known = map[string]func() error{"upo": knows("upo"), "upown": knows("upown"), "upa": knows("upa")}

func knows(provider string) func() error {
	return sync.OnceValue(func() error {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		late := time.After(10 * time.Second)
		for !listed(provider + "/plain") {
			select {
			case <-late:
				return errors.New("are not known after 10 s")
			case <-tick.C:
			}
		}
		return nil
	})
}

func (r route) ready(t *testing.T) {
	t.Helper()
	if r.straight {
		return
	}
	if err := known[r.vendor.name](); err != nil {
		t.Fatalf("the models of %s %v", r.vendor.name, err)
	}
}

// shapes runs a test for whole answers and for streams.
func shapes(t *testing.T, test func(t *testing.T, streamed bool)) {
	t.Helper()
	t.Run("whole", func(t *testing.T) { test(t, false) })
	t.Run("stream", func(t *testing.T) { test(t, true) })
}
