package providers

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// scripted is a provider on no network: it answers after a while, as it is told.
type scripted struct {
	refusing
	mu           sync.Mutex
	pings, lists int
	wait         time.Duration
	err          error // of every call
	listErr      error // of lists
}

func (s *scripted) call(ctx context.Context, n *int) error {
	s.mu.Lock()
	*n++
	wait, err := s.wait, s.err
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
	}
	return err
}

func (s *scripted) Ping(ctx context.Context) error { return s.call(ctx, &s.pings) }

func (s *scripted) Models(ctx context.Context) ([]llm.Model, error) {
	if err := s.call(ctx, &s.lists); err != nil {
		return nil, err
	}
	return []llm.Model{{ID: "m"}}, s.listErr
}

func (s *scripted) Close() {}

// counts tells the calls since it was asked last.
func (s *scripted) counts() (pings, lists int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pings, lists = s.pings, s.lists
	s.pings, s.lists = 0, 0
	return pings, lists
}

func (s *scripted) set(wait time.Duration, err, listErr error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait, s.err, s.listErr = wait, err, listErr
}

// checked hears for Options.Checked.
type checked struct {
	mu   sync.Mutex
	what heard
}

// heard is what was heard last.
type heard struct {
	n     int
	name  string
	state State
	err   *llm.Error
	took  time.Duration
}

func (c *checked) hear(name string, state State, err *llm.Error, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.what = heard{c.what.n + 1, name, state, err, took}
}

func (c *checked) last() heard {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.what
}

// probed runs a registry with one scripted provider in a bubble of time.
func probed(t *testing.T, health settings.HealthCheck, test func(r *Registry, s *scripted, heard *checked)) {
	synctest.Test(t, func(t *testing.T) {
		heard, script := &checked{}, &scripted{}
		r := NewRegistry(Options{Checked: heard.hear})
		conf := settings.Default()
		conf.Resilience.Health = health
		conf.Providers = []settings.Provider{compatible("lab", "http://127.0.0.1:1/v1")}
		r.Apply(&conf)
		e := r.find("lab")
		e.keys[0].client = script
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.Run(ctx)
		}()
		synctest.Wait()
		test(r, script, heard)
		cancel()
		<-done
	})
}

var usual = settings.HealthCheck{Enabled: true, Interval: 30 * time.Second}

// TestChecksGoOnWhileInUse: the free call at each interval, the list every five minutes, nothing after ten without anybody
// asking, and at once when somebody does.
func TestChecksGoOnWhileInUse(t *testing.T) {
	probed(t, usual, func(r *Registry, s *scripted, heard *checked) {
		if pings, lists := s.counts(); pings != 0 || lists != 1 || heard.last().n != 1 || heard.last().name != "lab" || heard.last().state != Healthy {
			t.Errorf("at the start: %d pings, %d lists, %+v", pings, lists, heard.last())
		}
		time.Sleep(4*time.Minute + 45*time.Second)
		if pings, lists := s.counts(); pings != 9 || lists != 0 {
			t.Errorf("in the first minutes: %d pings, %d lists", pings, lists)
		}
		r.Sources()
		time.Sleep(5 * time.Minute)
		if pings, lists := s.counts(); pings != 9 || lists != 1 {
			t.Errorf("in the next five minutes: %d pings, %d lists", pings, lists)
		}
		time.Sleep(time.Hour)
		pings, lists := s.counts()
		if pings+lists < 8 || pings+lists > 12 {
			t.Errorf("in an hour without anybody: %d pings, %d lists", pings, lists)
		}
		time.Sleep(time.Hour)
		if pings, lists := s.counts(); pings+lists != 0 {
			t.Errorf("in the next one: %d pings, %d lists", pings, lists)
		}
		r.Sources()
		synctest.Wait()
		if pings, lists := s.counts(); lists != 1 || pings != 0 {
			t.Errorf("when somebody asks again: %d pings, %d lists", pings, lists)
		}
		time.Sleep(5*time.Minute + time.Second)
		if pings, lists := s.counts(); pings+lists != 10 {
			t.Errorf("afterwards: %d pings, %d lists", pings, lists)
		}
	})
}

// TestTheIntervalIsTheSettings, and without checks only the list is read.
func TestTheIntervalIsTheSettings(t *testing.T) {
	probed(t, settings.HealthCheck{Enabled: true, Interval: 5 * time.Second}, func(_ *Registry, s *scripted, _ *checked) {
		s.counts()
		time.Sleep(61 * time.Second)
		if pings, _ := s.counts(); pings != 12 {
			t.Errorf("%d pings in a minute", pings)
		}
	})
	probed(t, settings.HealthCheck{}, func(r *Registry, s *scripted, _ *checked) {
		s.counts()
		time.Sleep(9 * time.Minute)
		if pings, lists := s.counts(); pings != 0 || lists != 1 {
			t.Errorf("without checks: %d pings, %d lists in nine minutes", pings, lists)
		}
	})
}

// TestWhatAnAnswerSaysOfAProvider: slow and overloaded is degraded, refused is unhealthy, and routing hears of each.
func TestWhatAnAnswerSaysOfAProvider(t *testing.T) {
	probed(t, usual, func(r *Registry, s *scripted, heard *checked) {
		fail := func(kind llm.Kind, status int) error { return &llm.Error{Kind: kind, Status: status, Message: "no"} }
		for _, c := range []struct {
			name string
			wait time.Duration
			err  error
			want State
			kind llm.Kind
		}{
			{"quick", 0, nil, Healthy, ""}, {"slow", 2100 * time.Millisecond, nil, Degraded, ""}, {"not so slow", 1900 * time.Millisecond, nil, Healthy, ""},
			{"silent", time.Minute, nil, Degraded, llm.Timeout}, {"busy", 0, fail(llm.RateLimited, 429), Degraded, llm.RateLimited}, {"broken", 0, fail(llm.ProviderFailed, 503), Degraded, llm.ProviderFailed},
			{"refused", 0, fail(llm.Unreachable, 502), Unhealthy, llm.Unreachable}, {"key refused", 0, fail(llm.ProviderAuth, 401), Unhealthy, llm.ProviderAuth}, {"well again", 0, nil, Healthy, ""},
		} {
			s.set(c.wait, c.err, nil)
			time.Sleep(36 * time.Second)
			synctest.Wait()
			got := heard.last()
			if st := r.Status()[0]; st.State != c.want || got.state != c.want || (got.err == nil) != (c.kind == "") || got.err != nil && got.err.Kind != c.kind || (st.Detail == "") != (c.want == Healthy) {
				t.Errorf("%s: %s %q, heard %+v", c.name, st.State, st.Detail, heard)
			}
			if c.want != Unhealthy && c.kind != llm.Timeout && got.took != c.wait {
				t.Errorf("%s took %v", c.name, got.took)
			}
		}
		// A list that cannot be read is no health, however quick the call is.
		s.set(0, nil, fail(llm.ProviderFailed, 502))
		r.Sources()
		time.Sleep(5 * time.Minute)
		s.counts()
		time.Sleep(2 * time.Minute)
		if pings, lists := s.counts(); r.Status()[0].State != Degraded || pings != 0 || lists != 4 {
			t.Errorf("%s, %d pings, %d lists", r.Status()[0].State, pings, lists)
		}
	})
}

// TestOfflineOnlyLocalProvidersAreAsked: a list is free, but it is a call that leaves the machine, with the key.
func TestOfflineOnlyLocalProvidersAreAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		remote, here, far := false, &scripted{}, &scripted{}
		r := NewRegistry(Options{})
		conf := settings.Default()
		conf.Offline = true
		conf.Providers = []settings.Provider{compatible("lab", "http://127.0.0.1:1/v1"), compatible("far", "http://127.0.0.1:2/v1")}
		conf.Providers[1].Local = &remote
		r.Apply(&conf)
		r.find("lab").keys[0].client, r.find("far").keys[0].client = here, far
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { r.Run(ctx) })
		for range 40 {
			r.Sources()
			time.Sleep(15 * time.Second)
		}
		if pings, lists := far.counts(); pings+lists != 0 {
			t.Errorf("a provider on the internet was asked %d times", pings+lists)
		}
		if pings, lists := here.counts(); pings+lists == 0 {
			t.Error("the local one was not asked")
		}
		online := conf.Clone()
		online.Offline = false
		r.Apply(online)
		time.Sleep(time.Minute)
		if pings, lists := far.counts(); pings+lists == 0 {
			t.Error("after it nobody asked the other")
		}
		cancel()
		run.Wait()
	})
}
