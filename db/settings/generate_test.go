package settings

import (
	"time"

	"localrouter/providers/llm"

	"pgregory.net/rapid"
)

// Generators of valid settings. What must hold across fields (names that exist, lists without doubles) they see to.

func drawSome(t *rapid.T, label string, words ...string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(words), 0, 3, rapid.ID).Draw(t, label)
}

func drawLimits(t *rapid.T) []Limit {
	one := rapid.Custom(func(t *rapid.T) Limit {
		return Limit{LimitKind(rapid.IntRange(0, int(LimitKinds)-1).Draw(t, "kind")), rapid.Int64Range(1, 1e12).Draw(t, "amount"),
			time.Duration(rapid.IntRange(1, 100000).Draw(t, "window")) * time.Second}
	})
	return rapid.SliceOfNDistinct(one, 0, 3, identityOf).Draw(t, "limits")
}

func identityOf(l Limit) string { return l.Kind.String() + l.WindowText() }

func drawRouter(t *rapid.T) Router {
	r := NewRouter(rapid.SampledFrom([]string{"a", "b", "c", "minimum-cost", "1", "null"}).Draw(t, "name"))
	r.Title = rapid.SampledFrom([]string{"", "Minimum Cost", "é: 日 # x", "true", "- a"}).Draw(t, "title")
	if rapid.Bool().Draw(t, "by hand") {
		r.Select.Manual = drawSome(t, "manual", "a/b", "ollama/llama3:8b", "x/y/z", "a/#", "a/true")
	} else {
		a := &r.Select.Automatic
		a.Include, a.Exclude = drawSome(t, "include", "ollama", "openai/*", "*/gpt-5"), drawSome(t, "exclude", "*", "*/*:free")
		a.MinParameters = rapid.SampledFrom([]int64{0, 1, 500_000_000, 7_000_000_000}).Draw(t, "least")
		a.MaxParameters = a.MinParameters * rapid.Int64Range(0, 3).Draw(t, "times")
		a.Capabilities = drawSome(t, "capabilities", Capabilities...)
	}
	for _, s := range drawSome(t, "strategies", texts(Strategies)...) {
		r.Strategies = append(r.Strategies, Strategy(s))
	}
	r.FreeOnly = rapid.Bool().Draw(t, "free")
	r.Fallback = Fallback{rapid.Bool().Draw(t, "fallback"), rapid.IntRange(0, 10).Draw(t, "attempts"), rapid.Bool().Draw(t, "policy")}
	r.Limits = drawLimits(t)
	return r
}

func drawResilience(t *rapid.T) Resilience {
	r := DefaultResilience()
	r.Breaker.Enabled, r.Cooldowns = rapid.Bool().Draw(t, "breaker"), rapid.Bool().Draw(t, "cool-downs")
	r.Breaker.Failures = rapid.IntRange(1, 4).Draw(t, "failures")
	r.Breaker.Longest = time.Duration(rapid.IntRange(60, 63).Draw(t, "longest")) * time.Second
	r.Retries, r.Attempts = rapid.IntRange(0, 2).Draw(t, "retries"), rapid.IntRange(1, 3).Draw(t, "attempts")
	return r
}

func drawFact(t *rapid.T) Fact {
	f := Fact{Rank: rapid.IntRange(1, 3).Draw(t, "rank"), Models: drawSome(t, "models", "gpt-*", "*", "c:1", "# x")}
	f.Plan = rapid.SampledFrom(append([]llm.Billing{""}, Plans...)).Draw(t, "plan")
	f.Parameters, f.Context = rapid.SampledFrom([]int64{0, 1234, 70_000_000_000}).Draw(t, "size"), rapid.IntRange(0, 2).Draw(t, "context")
	f.Limits, f.Has = drawLimits(t), drawSome(t, "has", Capabilities...)
	if rapid.Bool().Draw(t, "priced") {
		f.Price = &Price{Input: rapid.SampledFrom([]string{"0", "0.1"}).Draw(t, "input"), Output: "2", Request: rapid.SampledFrom([]string{"", "0.01"}).Draw(t, "request")}
	}
	return f
}

// drawLoad fills the fields of a provider that are about routing.
func drawLoad(t *rapid.T, p *Provider) {
	for _, name := range drawSome(t, "credentials", "a", "b", "c") {
		p.Credentials = append(p.Credentials, Credential{Name: name, APIKeyEnv: rapid.SampledFrom([]string{"", "KEY"}).Draw(t, "env")})
	}
	p.Plan = rapid.SampledFrom(append([]llm.Billing{""}, Plans...)).Draw(t, "plan")
	p.Facts = rapid.SliceOfN(rapid.Custom(drawFact), 0, 2).Draw(t, "facts")
	p.MaxParallel = rapid.IntRange(0, 2).Draw(t, "parallel")
	p.Queue = Queue{rapid.IntRange(0, 2).Draw(t, "length"), time.Duration(rapid.IntRange(0, 2).Draw(t, "wait")) * time.Second}
	if rapid.Bool().Draw(t, "own thresholds") {
		r := drawResilience(t)
		p.Resilience = &r
	}
}

// drawRouting fills the sections of the settings that are about routing.
func drawRouting(t *rapid.T, s *Settings) {
	switch rapid.IntRange(0, 3).Draw(t, "routers") {
	case 0: // the default ones
	case 1:
		s.Routers = nil
	default:
		s.Routers = rapid.SliceOfNDistinct(rapid.Custom(drawRouter), 0, 3, func(r Router) string { return r.Name }).Draw(t, "list")
	}
	s.Aliases = rapid.MapOfN(rapid.SampledFrom([]string{"fast", "gpt-4:x", "x.y/z", "1", "true"}), rapid.SampledFrom([]string{"a/b", "ollama/llama3:8b"}), 0, 3).Draw(t, "aliases")
	s.Offline = rapid.Bool().Draw(t, "offline")
	s.Budget = Budget{rapid.Int64Range(0, 2).Draw(t, "day"), rapid.SampledFrom([]int64{0, 1, 5e12}).Draw(t, "month")}
	if rapid.Bool().Draw(t, "thresholds") {
		s.Resilience = drawResilience(t)
	}
}
