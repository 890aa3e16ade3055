package routing

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// TestARouterThatCountsMoneyAsksNobodyOfUnknownPrice, however many of them come before the first whose price is known, and
// not after it has failed either.
func TestARouterThatCountsMoneyAsksNobodyOfUnknownPrice(t *testing.T) {
	conf := settings.Default()
	paid := settings.NewRouter("paid")
	var list []*llm.Source
	var asked []string
	add := func(name string, price *llm.Price, e error) {
		paid.Select.Manual = append(paid.Select.Manual, name+"/m")
		list = append(list, &llm.Source{Name: name, Dialect: llm.OpenAI, Models: []llm.Model{{ID: "m", Price: price}}, Provider: &script{
			send: func(context.Context) error { asked = append(asked, name); return e },
			next: func(context.Context) ([]byte, error) { return []byte("x"), nil }}})
	}
	for i := range 5 {
		add(fmt.Sprintf("unknown-%d", i), nil, nil)
	}
	add("known", &llm.Price{Input: 1, Output: 1}, &llm.Error{Kind: llm.ProviderFailed, Status: 500, Message: "down"})
	add("unknown-6", nil, nil)
	add("also", &llm.Price{Input: 2, Output: 2}, nil)
	paid.Limits = []settings.Limit{{Kind: settings.LimitCost, Amount: 1, Window: time.Hour}}
	conf.Routers = append(conf.Routers, paid)
	r := New(fixed{llm.NewSources(list)}, Options{Settings: func() *settings.Settings { return &conf }})
	admitted := ""
	_, _, e := r.Send(t.Context(), &Call{Request: &llm.Request{Op: llm.Completions, Dialect: llm.OpenAI, Model: "router/paid", Stream: true}, Observer: quietObserver{},
		Admit: func(targets []Target, router string) ([]string, *llm.Error) {
			for i := range targets {
				admitted += targets[i].Name() + " "
			}
			return nil, nil
		}})
	if e != nil || admitted != "known/m also/m " || strings.Join(asked, " ") != "known also" {
		t.Errorf("%v: the limits saw %s, asked were %v", e, admitted, asked)
	}
	receipt, e := r.Preview("router/paid", PreviewOptions{})
	if e != nil || receipt.Candidates[0].Provider != "known" || receipt.Candidates[7].Left != "price unknown" {
		t.Errorf("the preview says %+v, %v", receipt.Candidates, e)
	}
}
