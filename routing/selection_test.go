package routing

import (
	"fmt"
	"testing"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// thousand is a directory of 1,000 models at ten providers, with prices, sizes and classes.
func thousand() *llm.Sources {
	var list []*llm.Source
	for p := range 10 {
		src := &llm.Source{Name: fmt.Sprintf("p%d", p), Dialect: llm.OpenAI, Local: p == 9, Provider: &script{}}
		for i := range 100 {
			n := p*100 + i
			m := llm.Model{ID: fmt.Sprintf("m%d", i), ContextLength: 8000 + n*100, Class: llm.Strength(1 + n%4), Size: int64(n+1) * 1e8}
			if n%7 != 0 {
				m.Price = &llm.Price{Input: llm.PicoUSD(100_000 + n*7919%1000*1000), Output: llm.PicoUSD(400_000 + n*104729%1000*1000)}
			}
			src.Models = append(src.Models, m)
		}
		list = append(list, src)
	}
	return llm.NewSources(list)
}

func BenchmarkSelectionOfThousand(b *testing.B) {
	conf := settings.Default()
	router := settings.NewRouter("all")
	router.Strategies = []settings.Strategy{settings.LowestLatency, settings.LocalFirst, settings.SubscriptionFirst, settings.HighestPerformance, settings.LowestCost}
	conf.Routers = append(conf.Routers, router)
	r := New(fixed{thousand()}, Options{Settings: func() *settings.Settings { return &conf }})
	t := r.table()
	p := t.pool(r, &conf.Routers[2])
	n := needs{op: llm.Chat, dialect: llm.OpenAI, known: true, input: 2000, now: time.Now(), automatic: true}
	b.ReportAllocs()
	for b.Loop() {
		p.choose(&n, shape{2000, 500, n.now})
	}
}

func BenchmarkSendToAnExplicitModel(b *testing.B) {
	r := New(fixed{thousand()}, Options{})
	_ = r
}
