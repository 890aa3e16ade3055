package routing_test

import (
	"fmt"
	"slices"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// place is one scripted provider of the pool. What it does is a function of the virtual time: see fault.
type place struct {
	name        string
	local, flat bool
	parallel    int      // max_parallel of its settings; 0: none
	failures    int      // a breaker threshold of its own; 0: the general one
	credentials []string // their names
	models      []llm.Model
	first       time.Duration // usual time to the first content
	faults      []fault       // in order of their beginning

	watch   *watch
	working int           // requests inside, those whose content comes included
	full    time.Duration // when it last had as many as parallel says
}

// busyLocked reports whether the place was full at any time since one.
func (p *place) busyLocked(since time.Duration) bool {
	return p.parallel > 0 && (p.working >= p.parallel || p.full >= since && p.full > 0)
}

// The features that requests of the day make use of.
var (
	noTools  = llm.SetOf(llm.FeatureTools)
	noImages = llm.SetOf(llm.FeatureImages)
)

// model makes a model whose price is in thousandths of a dollar for a million tokens. A negative input price is an
// unknown one.
func model(id string, context int, size int64, class llm.Strength, input, output int64, lacks ...llm.Set) llm.Model {
	m := llm.Model{ID: id, ContextLength: context, Size: size, Class: class, InputModes: []string{"text", "image"}, OutputModes: []string{"text"}}
	for _, l := range lacks {
		m.Lacks |= l
	}
	if m.Lacks.Has(llm.FeatureImages) {
		m.InputModes = m.InputModes[:1]
	}
	if input >= 0 {
		m.Price = &llm.Price{Input: llm.PicoUSD(input * 1000), Output: llm.PicoUSD(output * 1000)}
	}
	return m
}

// newPool makes the twelve providers, in the order of the settings.
func newPool() []*place {
	const small, medium, large, frontier = llm.Small, llm.Medium, llm.Large, llm.Frontier
	one := []string{"main"}
	pool := []*place{
		{name: "ollama", local: true, parallel: 2, credentials: one, first: 900 * time.Millisecond, models: []llm.Model{
			model("llama:3b", 8_000, 3e9, small, -1, 0, noTools, noImages), model("qwen:14b", 32_000, 14e9, small, -1, 0, noImages)}},
		{name: "studio", local: true, parallel: 3, credentials: one, first: 700 * time.Millisecond, models: []llm.Model{
			model("gemma:27b", 32_000, 27e9, medium, -1, 0, noTools)}},
		{name: "alder", credentials: []string{"main", "spare"}, first: 400 * time.Millisecond, models: []llm.Model{
			model("alder-mini", 128_000, 0, small, 150, 600), model("alder-max", 200_000, 0, frontier, 2500, 10_000)}},
		{name: "birch", credentials: []string{"main", "spare"}, first: 350 * time.Millisecond, models: []llm.Model{
			model("birch-small", 64_000, 0, small, 100, 400, noImages), model("birch-large", 1_000_000, 0, large, 1250, 10_000)}},
		{name: "cedar", credentials: one, first: 600 * time.Millisecond, models: []llm.Model{
			model("open-70b", 128_000, 70e9, medium, 230, 400, noImages), model("open-8b", 32_000, 8e9, small, 50, 80, noImages, noTools),
			model("lab/vision", 128_000, 0, medium, 210, 840), model("lab/long", 1_000_000, 0, medium, 400, 1600), model("lab/odd", 64_000, 0, medium, -1, 0)}},
		{name: "dogwood", flat: true, credentials: one, first: 500 * time.Millisecond, models: []llm.Model{
			model("dogwood-pro", 200_000, 0, frontier, 3000, 15_000)}},
		{name: "elm", flat: true, credentials: one, first: 200 * time.Millisecond, models: []llm.Model{
			model("elm-fast", 32_000, 0, small, 50, 100, noImages)}},
		{name: "fir", credentials: one, first: 300 * time.Millisecond, models: []llm.Model{
			model("open-70b", 128_000, 70e9, medium, 350, 700, noImages), model("fir-vision", 128_000, 0, medium, 260, 900)}},
		{name: "gum", credentials: one, first: 450 * time.Millisecond, models: []llm.Model{
			model("gum-tiny", 128_000, 4e9, small, 40, 140, noImages), model("gum-giant", 256_000, 400e9, large, 900, 2700)}},
		{name: "hazel", credentials: one, failures: 3, first: 550 * time.Millisecond, models: []llm.Model{
			model("open-70b", 128_000, 70e9, medium, 300, 500, noImages), model("hazel-long", 1_000_000, 0, large, 800, 3200)}},
		{name: "iris", credentials: one, first: 800 * time.Millisecond, models: []llm.Model{
			model("iris-lite", 200_000, 0, small, 120, 500), model("iris-prime", 400_000, 0, frontier, 3000, 15_000)}},
		{name: "juniper", credentials: one, first: 650 * time.Millisecond, models: []llm.Model{
			model("juniper-m", 128_000, 0, medium, 200, 800), model("juniper-xl", 1_000_000, 0, large, 1500, 6000)}},
	}
	for _, p := range pool {
		p.watch = &watch{place: p}
	}
	return pool
}

// version is what the router can know at one time: the directory's snapshot and the settings.
type version struct {
	sources  *llm.Sources
	settings *settings.Settings

	sourcesKey, settingsKey string // of what they were made of
}

// changes are what may differ between two versions.
type changes struct {
	gone    map[string]bool         // providers that were taken out
	prices  map[string]llm.Price    // by provider/model
	edits   map[string]int          // how often the credential provider#name was edited
	offline bool                    // the offline mode
	routers func([]settings.Router) // edits the routers
}

// build makes the version that holds after c. What did not change stays the same value, as it does in the program.
func (d *day) build(c *changes) *version {
	v := &version{sourcesKey: fmt.Sprint(c.gone, c.prices, c.edits), settingsKey: fmt.Sprint(c.gone, c.offline, c.routers != nil)}
	old := d.now.Load()
	if v.sources, v.settings = d.sources(c), d.conf(c); old == nil {
		return v
	}
	if old.sourcesKey == v.sourcesKey {
		v.sources = old.sources
	}
	if old.settingsKey == v.settingsKey {
		v.settings = old.settings
	}
	return v
}

func (d *day) sources(c *changes) *llm.Sources {
	var list []*llm.Source
	for _, p := range d.pool {
		if !c.gone[p.name] {
			list = append(list, d.source(p, c))
		}
	}
	return llm.NewSources(list)
}

func (d *day) conf(c *changes) *settings.Settings {
	conf := settings.Default()
	conf.Resilience = settings.DefaultResilience()
	conf.Routers = routers()
	conf.Offline = c.offline
	if c.routers != nil {
		c.routers(conf.Routers)
	}
	for _, p := range d.pool {
		if c.gone[p.name] {
			continue
		}
		set := settings.NewProvider(p.name, "openai-compatible")
		set.MaxParallel = p.parallel
		if p.failures > 0 {
			own := settings.DefaultResilience()
			own.Breaker.Failures = p.failures
			set.Resilience = &own
		}
		conf.Providers = append(conf.Providers, set)
	}
	return &conf
}

func (d *day) source(p *place, c *changes) *llm.Source {
	s := &llm.Source{Name: p.name, Type: "openai-compatible", Dialect: llm.OpenAI, Local: p.local, Models: slices.Clone(p.models), Listed: true}
	if p.flat {
		s.Billing = llm.BillingFlat
	}
	for i := range s.Models {
		if price, ok := c.prices[p.name+"/"+s.Models[i].ID]; ok {
			s.Models[i].Price = &price
		}
	}
	for _, name := range p.credentials {
		id := p.name + "#" + name
		for range c.edits[id] {
			id += "+"
		}
		s.Credentials = append(s.Credentials, llm.Credential{ID: id, Name: name, Provider: &desk{d, p, id}})
	}
	s.Provider = s.Credentials[0].Provider
	return s
}

// exclusive leaves out what costs nothing, so that the cheapest is a matter of prices.
var exclusive = settings.Patterns{"ollama", "studio", "dogwood", "elm"}

// routers are those of the day's settings.
func routers() []settings.Router {
	list := settings.DefaultRouters()
	add := func(name string, edit func(*settings.Router), strategies ...settings.Strategy) {
		r := settings.NewRouter(name)
		r.Strategies = strategies
		edit(&r)
		list = append(list, r)
	}
	all := func(*settings.Router) {}
	add("cheapest", func(r *settings.Router) { r.Select.Automatic.Exclude = exclusive }, settings.LowestCost)
	add("paid", all, settings.SubscriptionFirst, settings.LowestCost)
	add("away", all, settings.RemoteFirst, settings.APIFirst, settings.HighestPerformance)
	add("quick", all, settings.LowestLatency)
	add("even", all, settings.LeastUsed)
	add("free", func(r *settings.Router) { r.FreeOnly = true }, settings.LocalFirst)
	add("handy", func(r *settings.Router) { r.Select.Automatic.Capabilities = []string{"tools", "vision"} }, settings.HighestPerformance, settings.LowestCost)
	add("list", func(r *settings.Router) {
		r.Select.Manual = []string{"juniper/juniper-m", "fir/fir-vision", "alder/alder-max", "birch/birch-large", "iris/iris-prime"}
		r.Fallback.ContentPolicy = true
	})
	add("once", func(r *settings.Router) { r.Fallback.Enabled, r.Select.Automatic.Exclude = false, exclusive }, settings.LowestCost)
	add("twice", func(r *settings.Router) { r.Fallback.Attempts = 2 }, settings.HighestPerformance)
	return list
}
