package settings

import (
	"slices"
	"strings"
	"time"

	"localrouter/providers/llm"
)

// Strategy names an order of candidates. Each is a stable sort: the first of a router decides, the next breaks ties.
type Strategy string

// The strategies.
const (
	LowestCost         Strategy = "lowest_cost"         // by what this very request would cost; unknown prices last
	HighestPerformance Strategy = "highest_performance" // by rank, class and size of the model, then measured speed
	LocalFirst         Strategy = "local_first"
	RemoteFirst        Strategy = "remote_first"
	SubscriptionFirst  Strategy = "subscription_first" // what is paid for already, or free
	APIFirst           Strategy = "api_first"          // what is paid by use
	LowestLatency      Strategy = "lowest_latency"     // by measured time to the first token
	LeastUsed          Strategy = "least_used"         // by the requests of late and those running
)

// Strategies lists all strategies. A test in routing holds it against what it orders by.
var Strategies = []Strategy{LowestCost, HighestPerformance, LocalFirst, RemoteFirst, SubscriptionFirst, APIFirst, LowestLatency, LeastUsed}

// RouterPrefix stands before a router's name where a model is named.
const RouterPrefix = "router/"

// Router says how a model is chosen. Make it with NewRouter: the zero value chooses nothing.
type Router struct {
	// Name is what stands after "router/". Required, unique, [a-z0-9-]+.
	Name string `yaml:"name"`
	// Title is for people. Empty: the name.
	Title string `yaml:"title,omitempty"`
	// Select says which models take part. Default: all.
	Select Select `yaml:"select,omitempty"`
	// Strategies order the candidates. Empty: in the order of the list, or of the providers.
	Strategies []Strategy `yaml:"strategies,omitempty"`
	// FreeOnly leaves out everything that may cost money for this request: only local, free and subscription models
	// stay.
	FreeOnly bool `yaml:"free_only,omitempty"`
	// Fallback says what happens when the first choice fails.
	Fallback Fallback `yaml:"fallback"`
	// Limits bound all requests through the router together. Default: none.
	Limits []Limit `yaml:"limits,omitempty"`
}

// Select says which models take part in a router: Manual where it is set, else Automatic.
type Select struct {
	// Automatic takes all models that pass it.
	Automatic Automatic `yaml:"automatic,omitempty"`
	// Manual lists targets in order of preference, as provider/model. Empty: Automatic.
	Manual []string `yaml:"manual,omitempty" unit:"some"`
}

// Automatic is a filter of models. The zero value lets all through.
type Automatic struct {
	// Include lists patterns of which one must match: "ollama" (a provider), "openai/*", "openrouter/anthropic/*",
	// "*/gpt-5". Empty: everything.
	Include Patterns `yaml:"include,omitempty"`
	// Exclude lists patterns of which none may match.
	Exclude Patterns `yaml:"exclude,omitempty"`
	// MinParameters and MaxParameters bound the model's size, as 7B or 500M. Zero: no bound. With a bound set, a model
	// of unknown size is left out.
	MinParameters int64 `yaml:"min_parameters,omitempty" unit:"count"`
	MaxParameters int64 `yaml:"max_parameters,omitempty" unit:"count"`
	// Capabilities lists what a model must be known or believed to have; see Capabilities.
	Capabilities []string `yaml:"capabilities,omitempty"`
}

// Capabilities lists the names that Automatic.Capabilities may hold. A test in routing holds it against what it knows.
var Capabilities = []string{"tools", "vision", "audio", "files", "json_schema", "reasoning"}

// Fallback says what happens when a target fails.
type Fallback struct {
	// Enabled lets the next target be tried. Default true.
	Enabled bool `yaml:"enabled"`
	// Attempts is the most attempts of one request. Zero: that of Resilience.
	Attempts int `yaml:"attempts,omitempty"`
	// ContentPolicy goes on to the next target also where one refuses because of the content. Default false.
	ContentPolicy bool `yaml:"content_policy,omitempty"`
}

// NewRouter returns a router as the file gives it when it names nothing else.
func NewRouter(name string) Router { return Router{Name: name, Fallback: Fallback{Enabled: true}} }

// Clone returns a deep copy.
func (r Router) Clone() Router {
	a := &r.Select.Automatic
	a.Include, a.Exclude, a.Capabilities = slices.Clone(a.Include), slices.Clone(a.Exclude), slices.Clone(a.Capabilities)
	r.Select.Manual, r.Strategies, r.Limits = slices.Clone(r.Select.Manual), slices.Clone(r.Strategies), slices.Clone(r.Limits)
	return r
}

// DefaultRouters are those of a first start.
func DefaultRouters() []Router {
	cheap, strong := NewRouter("minimum-cost"), NewRouter("maximum-performance")
	cheap.Title, cheap.Strategies = "Minimum Cost", []Strategy{LocalFirst, LowestCost}
	strong.Title, strong.Strategies = "Maximum Performance", []Strategy{HighestPerformance}
	return []Router{cheap, strong}
}

// DefaultSelection is what a new key's "auto" stands for.
const DefaultSelection = RouterPrefix + "minimum-cost"

// Router returns the router of that name, or nil. It points into s.
func (s *Settings) Router(name string) *Router {
	for i := range s.Routers {
		if s.Routers[i].Name == name {
			return &s.Routers[i]
		}
	}
	return nil
}

// Patterns name models: each is a provider's name, or provider/model in which * stands for any text.
type Patterns []string

// Match reports whether one of the patterns names the model at the provider. Comparison is exact, case included. It is
// asked for every candidate of a request: most patterns are told apart at their first letters, and nothing is allocated.
func (p Patterns) Match(provider, model string) bool {
	for _, one := range p {
		if matchPattern(one, provider, model) {
			return true
		}
	}
	return false
}

func matchPattern(pattern, provider, model string) bool {
	at := samePrefix(pattern, provider)
	switch {
	case at == len(pattern):
		return at == len(provider)
	case pattern[at] == '/':
		return at == len(provider) && matchStars(pattern[at+1:], model)
	case pattern[at] != '*':
		return false
	}
	wantProvider, wantModel, both := strings.Cut(pattern[at:], "/")
	return matchStars(wantProvider, provider[at:]) && (!both || matchStars(wantModel, model))
}

// samePrefix is how far text goes along with a pattern, to its first * or slash at most.
func samePrefix(pattern, text string) int {
	for i := range min(len(pattern), len(text)) {
		if c := pattern[i]; c == '*' || c == '/' || c != text[i] {
			return i
		}
	}
	return min(len(pattern), len(text))
}

// matchStars compares text with a pattern in which each * stands for any text, slashes included.
func matchStars(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, head)
	if !ok || rest == "" {
		return ok
	}
	for {
		next, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(text, next)
		}
		at := strings.Index(text, next)
		if at < 0 {
			return false
		}
		text, rest = text[at+len(next):], after
	}
}

// Resilience holds the thresholds of failure. Where a provider has its own, those hold for it.
type Resilience struct {
	// Breaker keeps requests from a provider that fails.
	Breaker Breaker `yaml:"breaker"`
	// Cooldowns lets a credential or a model that refused rest for as long as it said, at most 15 minutes. Default true.
	Cooldowns bool `yaml:"cooldowns"`
	// Retries is how often the same target is tried again where no other is left. Default 2.
	Retries int `yaml:"retries"`
	// Attempts is the most attempts of one request. Default 4.
	Attempts int `yaml:"attempts"`
	// Health is the check by free calls.
	Health HealthCheck `yaml:"health"`
}

// Breaker opens after Failures within Window and stays open for Open, which doubles up to Longest.
type Breaker struct {
	// Enabled lets it open. Default true.
	Enabled bool `yaml:"enabled"`
	// Failures within Window open it. Default 5, 2 for a local provider.
	Failures      int `yaml:"failures"`
	LocalFailures int `yaml:"local_failures"`
	// Window is the time in which failures are counted. Default 30s.
	Window time.Duration `yaml:"window"`
	// Open is how long it stays open at first. Default 15s.
	Open time.Duration `yaml:"open"`
	// Longest is what the doubling ends at. Default 5m.
	Longest time.Duration `yaml:"longest"`
}

// HealthCheck asks providers for their model lists, which is free.
type HealthCheck struct {
	// Enabled lets them be asked. Default true.
	Enabled bool `yaml:"enabled"`
	// Interval is the time between two questions while the program is in use. Default 30s.
	Interval time.Duration `yaml:"interval"`
}

// DefaultResilience are the thresholds of a first start.
func DefaultResilience() Resilience {
	return Resilience{
		Breaker:   Breaker{Enabled: true, Failures: 5, LocalFailures: 2, Window: 30 * time.Second, Open: 15 * time.Second, Longest: 5 * time.Minute},
		Cooldowns: true, Retries: 2, Attempts: 4, Health: HealthCheck{Enabled: true, Interval: 30 * time.Second},
	}
}

// fill sets what zero stands for: the value in other. A Retries of zero means none, and stays.
func (r *Resilience) fill(other *Resilience) {
	orElse(&r.Breaker.Failures, other.Breaker.Failures)
	orElse(&r.Breaker.LocalFailures, other.Breaker.LocalFailures)
	orElse(&r.Breaker.Window, other.Breaker.Window)
	orElse(&r.Breaker.Open, other.Breaker.Open)
	orElse(&r.Breaker.Longest, other.Breaker.Longest)
	orElse(&r.Attempts, other.Attempts)
	orElse(&r.Health.Interval, other.Health.Interval)
}

// ResilienceOf returns the thresholds that hold for a provider.
func (s *Settings) ResilienceOf(provider string) *Resilience {
	if p := s.Provider(provider); p != nil && p.Resilience != nil {
		return p.Resilience
	}
	return &s.Resilience
}

// Credential is one of several keys of a provider.
type Credential struct {
	// Name tells it from the others; in the vault it is PROVIDER#NAME. Required, [a-z0-9-]+.
	Name string `yaml:"name"`
	// APIKeyEnv and APIKeyFile are as a Provider's. Without either it is in the vault.
	APIKeyEnv  string `yaml:"api_key_env,omitempty"`
	APIKeyFile string `yaml:"api_key_file,omitempty"`
}

// Plans lists how use may be paid for.
var Plans = []llm.Billing{llm.BillingUse, llm.BillingFree, llm.BillingRateLimited, llm.BillingFlat}

// Fact is what the person knows better of some models of a provider than the catalogue and the provider's list.
type Fact struct {
	// Models are patterns of the provider's own ids, in which * stands for any text. Empty: all.
	Models []string `yaml:"models,omitempty"`
	// Plan is how they are paid for. Empty: as the provider is.
	Plan llm.Billing `yaml:"plan,omitempty"`
	// Limits are what the plan allows, as published. The gateway stays within them. Default: none.
	Limits []Limit `yaml:"limits,omitempty"`
	// Price is in USD for a million tokens. Nil: the known one.
	Price *Price `yaml:"price,omitempty"`
	// Rank orders by highest performance before anything else: 1 is the best. Zero: none.
	Rank int `yaml:"rank,omitempty"`
	// Context and MaxOutput are in tokens, Parameters as 7B. Zero: as known.
	Context    int   `yaml:"context,omitempty"`
	MaxOutput  int   `yaml:"max_output,omitempty"`
	Parameters int64 `yaml:"parameters,omitempty" unit:"count"`
	// Has and Lacks correct capabilities; see Capabilities.
	Has   []string `yaml:"has,omitempty"`
	Lacks []string `yaml:"lacks,omitempty"`
}

// Match reports whether the fact is about the model of that id.
func (f *Fact) Match(id string) bool {
	return len(f.Models) == 0 || slices.ContainsFunc(f.Models, func(one string) bool { return matchStars(one, id) })
}

// Price is a list price as a person writes it: decimal texts, in USD for a million tokens.
type Price struct {
	Input          string `yaml:"input"`
	Output         string `yaml:"output"`
	CacheRead      string `yaml:"cache_read,omitempty"`       // empty: as input
	CacheWrite     string `yaml:"cache_write,omitempty"`      // empty: as input
	CacheWriteLong string `yaml:"cache_write_long,omitempty"` // empty: as CacheWrite
	Request        string `yaml:"request,omitempty"`          // USD for one request; empty: nothing
}

// Queue bounds what waits for a provider that takes so many requests at once.
type Queue struct {
	// Length is how many may wait. Zero: 64.
	Length int `yaml:"length,omitempty"`
	// Wait is how long one may wait. Zero: 60s.
	Wait time.Duration `yaml:"wait,omitempty"`
}

// Budget is money by the local calendar, in 10^-12 USD. Zero fields mean no bound.
type Budget struct {
	Day   int64 `yaml:"day,omitempty" json:"day,omitempty" unit:"usd"`
	Month int64 `yaml:"month,omitempty" json:"month,omitempty" unit:"usd"`
}
