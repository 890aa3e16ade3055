package routing

import (
	"context"
	"fmt"
	"io"
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
	n.moment = r.health.Moment(n.now)
	b.ReportAllocs()
	for b.Loop() {
		p.choose(&n, shape{input: 2000, output: 500, at: n.now})
	}
}

// quick answers at once.
type quick struct{ relay quickRelay }

type quickRelay struct{}

func (quickRelay) Head() llm.Head        { return llm.Head{Status: 200} }
func (quickRelay) Next() ([]byte, error) { return nil, io.EOF }
func (quickRelay) Close() error          { return nil }

func (q *quick) Send(context.Context, *llm.Request, string, llm.Observer) (llm.Relay, error) {
	return q.relay, nil
}
func (q *quick) Models(context.Context) ([]llm.Model, error) { return nil, nil }
func (q *quick) Converse(context.Context, *llm.Order, llm.Observer) (llm.Stream, error) {
	panic("asked to translate")
}

// BenchmarkSend is all that routing does for one request.
func BenchmarkSend(b *testing.B) {
	sources := thousand()
	for _, src := range sources.List {
		src.Provider = &quick{}
	}
	conf := settings.Default()
	r := New(fixed{sources}, Options{Settings: func() *settings.Settings { return &conf }})
	for _, model := range []string{"p3/m33", "p3/not-listed", "router/minimum-cost"} {
		b.Run(model, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				call := Call{ID: "request", Request: &llm.Request{Dialect: llm.OpenAI, Op: llm.Completions, Model: model}, Observer: quietObserver{}}
				answer, _, e := r.Send(b.Context(), &call)
				if e != nil {
					b.Fatal(e)
				}
				answer.Relay.Next()
				answer.Relay.Close()
			}
		})
	}
}
