package settings

import (
	"fmt"
	"slices"
	"time"
)

const (
	mostParallel  = 10_000
	mostWaiting   = 10_000
	longestWait   = 10 * time.Minute
	mostTokens    = 1_000_000_000
	longestRest   = 15 * time.Minute // no cool-down is longer
	mostFailures  = 1000
	lowestRank    = 1_000_000
	shortestCheck = 5 * time.Second // a check may take that long
)

// billing checks how something is paid for.
func (c *checker) billing(path, plan string) {
	if plan != "" {
		c.known(path, plan, "a plan", texts(Plans))
	}
}

// load checks the further credentials of a provider, how it is paid for, what it takes at once and what is known of it.
func (c *checker) load(p *Provider, general *Resilience, path string) {
	seen := map[string]int{}
	for i := range p.Credentials {
		k := &p.Credentials[i]
		at := fmt.Sprintf("%s.credentials[%d]", path, i)
		c.unique(at, path+".credentials", k.Name, i, seen)
		c.name(at+".name", k.Name, "second")
		c.keySource(k.APIKeyEnv, k.APIKeyFile, at)
	}
	c.billing(path+".plan", string(p.Plan))
	for i := range p.Facts {
		c.fact(&p.Facts[i], fmt.Sprintf("%s.facts[%d]", path, i))
	}
	c.number(path+".max_parallel", p.MaxParallel, 0, mostParallel)
	c.number(path+".queue.length", p.Queue.Length, 0, mostWaiting)
	c.span(path+".queue.wait", p.Queue.Wait, 0, longestWait)
	if p.Resilience != nil {
		c.resilience(path+".resilience", p.Resilience, general)
	}
}

func (c *checker) fact(f *Fact, path string) {
	if f.Plan == "" && f.Price == nil && f.Rank == 0 && f.Context == 0 && f.MaxOutput == 0 && f.Parameters == 0 && len(f.Limits)+len(f.Has)+len(f.Lacks) == 0 {
		c.fail(path, "says nothing", "add what you know: plan, limits, price, rank, context, max_output, parameters, has or lacks")
	}
	for i, m := range f.Models {
		at := fmt.Sprintf("%s.models[%d]", path, i)
		if !isModel(m) {
			c.fail(at, quoteShort(m)+" is not a model", `write the provider's own id, with * for any text: "gpt-*"`)
		}
		c.once(at, f.Models, i)
	}
	c.billing(path+".plan", string(f.Plan))
	c.limits(path+".limits", f.Limits)
	if f.Price != nil {
		c.price(f.Price, path+".price")
	}
	c.number(path+".rank", f.Rank, 0, lowestRank)
	c.number(path+".context", f.Context, 0, mostTokens)
	c.number(path+".max_output", f.MaxOutput, 0, mostTokens)
	if f.Parameters < 0 || f.Parameters > highestCount {
		c.fail(path+".parameters", "is not a size of a model", "write it as 7B or 500M")
	}
	c.words(path+".has", f.Has, "a capability", Capabilities)
	c.words(path+".lacks", f.Lacks, "a capability", Capabilities)
	for i, one := range f.Lacks {
		if slices.Contains(f.Has, one) {
			c.fail(fmt.Sprintf("%s.lacks[%d]", path, i), quoteShort(one)+" is also in has", "keep one of the two")
		}
	}
}

func (c *checker) price(p *Price, path string) {
	for _, f := range p.fields() {
		if _, problem, hint := f.parse(); problem != "" {
			c.fail(path+"."+f.name, problem, hint)
		}
	}
}

// span checks a time with both bounds.
func (c *checker) span(path string, t, low, high time.Duration) {
	if t < low || t > high {
		c.fail(path, "is "+encodeDuration(t), fmt.Sprintf("use a time from %s to %s", encodeDuration(low), encodeDuration(high)))
	}
}

// resilience checks thresholds. What is as in general, which may be nil, was found wrong there already.
func (c *checker) resilience(path string, r, general *Resilience) {
	if general == nil {
		general = new(Resilience)
	}
	b, g := &r.Breaker, &general.Breaker
	for _, n := range []struct {
		name            string
		is, there       int
		lowest, highest int
	}{
		{"breaker.failures", b.Failures, g.Failures, 1, mostFailures},
		{"breaker.local_failures", b.LocalFailures, g.LocalFailures, 1, mostFailures},
		{"retries", r.Retries, general.Retries, 0, mostAttempts},
		{"attempts", r.Attempts, general.Attempts, 1, mostAttempts},
	} {
		if n.is != n.there {
			c.number(path+"."+n.name, n.is, n.lowest, n.highest)
		}
	}
	for _, t := range []struct {
		name            string
		is, there       time.Duration
		lowest, highest time.Duration
	}{
		{"breaker.window", b.Window, g.Window, time.Second, time.Hour},
		{"breaker.open", b.Open, g.Open, time.Second, longestRest},
		{"breaker.longest", b.Longest, g.Longest, time.Second, longestRest},
		{"health.interval", r.Health.Interval, general.Health.Interval, shortestCheck, time.Hour},
	} {
		if t.is != t.there {
			c.span(path+"."+t.name, t.is, t.lowest, t.highest)
		}
	}
	if b.Longest < b.Open && (b.Longest != g.Longest || b.Open != g.Open) {
		c.fail(path+".breaker.longest", fmt.Sprintf("is %s, which is shorter than open", encodeDuration(b.Longest)), "make it at least as long as open")
	}
}
