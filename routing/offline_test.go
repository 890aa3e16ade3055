package routing

import (
	"context"
	"sync/atomic"
	"testing"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// TestOfflineModeHoldsForRequestsThatAreOnTheirWay: who was admitted before it was switched on reaches nobody remote any
// more, neither the next of a router nor the same again.
func TestOfflineModeHoldsForRequestsThatAreOnTheirWay(t *testing.T) {
	for _, name := range []string{"router/all", "far/m"} {
		online := settings.Default()
		all := settings.NewRouter("all")
		all.Select.Manual = []string{"far/m", "farther/m", "near/m"}
		online.Routers = append(online.Routers, all)
		offline := online
		offline.Offline = true
		var conf atomic.Pointer[settings.Settings]
		conf.Store(&online)
		asked := map[string]int{}
		answer := func(name string, e error) *script {
			return &script{send: func(context.Context) error { asked[name]++; conf.Store(&offline); return e },
				next: func(context.Context) ([]byte, error) { return []byte("x"), nil }}
		}
		r := New(fixed{llm.NewSources([]*llm.Source{
			{Name: "far", Provider: answer("far", &llm.Error{Kind: llm.ProviderFailed, Status: 500, Message: "down"}), Models: models("m")},
			{Name: "farther", Provider: answer("farther", nil), Models: models("m")},
			{Name: "near", Provider: answer("near", nil), Local: true, Models: models("m")},
		})}, Options{Settings: conf.Load, Rand: func() float64 { return 0 }})
		a, _, e := r.Send(t.Context(), &Call{Request: &llm.Request{Op: llm.Completions, Model: name, Stream: true}, Observer: quietObserver{}})
		if asked["far"] != 1 || asked["farther"] != 0 {
			t.Errorf("%s: asked were %v", name, asked)
		}
		if name == "far/m" && (e == nil || e.Message != "down") || name != "far/m" && (e != nil || a.Source.Name != "near") {
			t.Errorf("%s: %v", name, e)
		}
	}
}
