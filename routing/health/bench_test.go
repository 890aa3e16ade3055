package health

import (
	"fmt"
	"testing"
	"time"
)

func thousand() (*Tracker, []*Target) {
	t := New(Options{})
	list := make([]*Target, 1000)
	for i := range list {
		list[i] = t.Target(fmt.Sprint("p", i%10), false, []string{"k"}, fmt.Sprint("m", i))
		p, _ := list[i].Enter(time.Now(), false, 0)
		p.Done(Outcome{Streamed: true, FirstToken: time.Second, Total: 2 * time.Second, Output: 100})
	}
	return t, list
}

// BenchmarkReady asks 1,000 different targets.
func BenchmarkReady(b *testing.B) {
	_, list := thousand()
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		for _, t := range list {
			if !t.Ready(now) {
				b.Fatal("not ready")
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/target")
}

// BenchmarkAverages asks 1,000 different targets.
func BenchmarkAverages(b *testing.B) {
	t, list := thousand()
	t.see(t.latest.Load() + int64(time.Minute))
	b.ReportAllocs()
	for b.Loop() {
		for _, t := range list {
			if t.Averages().FirstToken == 0 {
				b.Fatal("not known")
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/target")
}

func BenchmarkEnterDone(b *testing.B) {
	_, list := thousand()
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		p, ok := list[0].Enter(now, false, 0)
		if !ok {
			b.Fatal("not let in")
		}
		p.Done(Outcome{Streamed: true, FirstToken: time.Second, Total: 2 * time.Second, Output: 100})
	}
}

func BenchmarkEnterDoneParallel(b *testing.B) {
	_, list := thousand()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, _ := list[0].Enter(time.Now(), false, 0)
			p.Done(Outcome{})
		}
	})
}
