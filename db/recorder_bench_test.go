package db_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"localrouter/db"
	"localrouter/providers/llm"
)

func fullEntry(start time.Time) *db.Entry {
	return &db.Entry{
		ID: "req_0123456789abcdef", Start: start, KeyID: "k1", Key: "my-app-1", Provider: "openai", Model: "gpt-4o", Asked: "openai/gpt-4o",
		Dialect: llm.OpenAI, Op: llm.Chat, Path: "/v1/chat/completions", Stream: true, Status: 200, Finish: "stop",
		Usage: llm.Usage{Input: 100, CacheRead: 20, Output: 50}, Cost: 1_234_567_890, CostSource: llm.CostComputed,
		Latency: 800 * time.Millisecond, FirstToken: 200 * time.Millisecond, Attempts: []llm.Attempt{{Provider: "openai", Model: "gpt-4o", DurationMS: 799}},
	}
}

// BenchmarkRecord is all that a request pays: cells, line, list of the newest.
func BenchmarkRecord(b *testing.B) {
	h := newHome(b)
	h.now = time.Now
	h.open()
	e := fullEntry(time.Now())
	b.ReportAllocs()
	for b.Loop() {
		e.Latency += 1001
		h.rec.Record(e)
	}
	b.ReportMetric(float64(h.rec.Dropped())/float64(b.N), "dropped/op")
}

// BenchmarkBatch is one wake of the writer with a hundred requests of four kinds, fsync included.
func BenchmarkBatch(b *testing.B) {
	h := newHome(b)
	h.open()
	e := fullEntry(h.now())
	b.ReportAllocs()
	for b.Loop() {
		for i := range 100 {
			e.Model = []string{"a", "b", "c", "d"}[i%4]
			h.rec.Record(e)
		}
		if err := h.rec.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkQueries reads what pages ask for, over a month of a busy office: 10 keys, 3 providers, 6 models.
func BenchmarkQueries(b *testing.B) {
	h := newHome(b)
	at := h.now()
	now := at.Add(-30 * 24 * time.Hour)
	h.now = func() time.Time { return now }
	h.open()
	n := 0
	for ; now.Before(at); now = now.Add(5 * time.Minute) {
		for range 8 {
			n++
			e := fullEntry(now)
			e.KeyID, e.Provider, e.Model = fmt.Sprint("k", n%10), fmt.Sprint("p", n%3), fmt.Sprint("m", n*7%6)
			e.Latency = time.Duration(100+n*n%5000) * time.Millisecond
			h.rec.Record(e)
		}
		if n%400 == 0 {
			if err := h.rec.Flush(); err != nil {
				b.Fatal(err)
			}
		}
	}
	h.reopen()
	info, err := os.Stat(filepath.Join(h.dir, "localrouter.db"))
	if err != nil {
		b.Fatal(err)
	}
	var mem runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&mem)
	b.Logf("%d requests in 30 days: %.1f MB on disk, %.1f MB heap", n, float64(info.Size())/1e6, float64(mem.HeapAlloc)/1e6)
	for _, bb := range []struct {
		name string
		q    db.Query
	}{
		{"hour by minute", db.Query{From: at.Add(-time.Hour), Step: time.Minute}},
		{"day by minute", db.Query{From: at.Add(-24 * time.Hour), Step: time.Minute}},
		{"day by minute and model", db.Query{From: at.Add(-24 * time.Hour), Step: 5 * time.Minute, GroupBy: db.GroupModel}},
		{"week by minute", db.Query{From: at.Add(-6 * 24 * time.Hour), Step: 2 * time.Minute}},
		{"month by hour", db.Query{From: at.Add(-30 * 24 * time.Hour), Step: time.Hour}},
		{"month by hour and model", db.Query{From: at.Add(-30 * 24 * time.Hour), Step: time.Hour, GroupBy: db.GroupModel}},
		{"month by hour from triples", db.Query{From: at.Add(-30 * 24 * time.Hour), Step: time.Hour, GroupBy: db.GroupModel, Dim: db.Dim{Key: "k1"}}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.rec.Series(bb.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
