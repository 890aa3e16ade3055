// Package settings knows the one file a person may edit: its fields and defaults, how it is read strictly, checked,
// migrated, watched and saved without losing a comment, and where the program keeps its files. It knows no secrets and
// calls no provider.
package settings

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"localrouter/providers/llm"
)

// Version is the format of the settings file that this program writes and understands.
const Version = 1

// Settings is one consistent state of the settings file. A value that came from a Store is shared and never changed;
// Clone it first.
type Settings struct {
	// Version is the format of the file. It is required; an older one is migrated, a newer one refused. Zero is the
	// first format, from before there was a version.
	Version int `yaml:"version"`
	// Server says where the program listens and how much it holds in memory.
	Server Server `yaml:"server"`
	// Providers are the places that answer, in the order in which a bare model name is looked for. Default: none, and
	// the built-in demo provider answers.
	Providers []Provider `yaml:"providers"`
	// Routers choose models, by the names router/NAME. Default: those of DefaultRouters. Empty: none, as the person
	// removed them.
	Routers []Router `yaml:"routers"`
	// Aliases are further names of models: each stands for a router/NAME or a provider/model. Default: none.
	Aliases map[string]string `yaml:"aliases"`
	// Offline lets no request reach a model that is not local. Default false.
	Offline bool `yaml:"offline"`
	// Budget is a cap on the money of the whole machine. Default: none.
	Budget Budget `yaml:"budget,omitempty"`
	// Resilience holds the thresholds of failure.
	Resilience Resilience `yaml:"resilience"`
	// Network is what every call to a provider shares.
	Network Network `yaml:"network"`
	// Logging says what is written down and how long it is kept.
	Logging Logging `yaml:"logging"`
}

// Server says where the program listens and how much it holds in memory.
type Server struct {
	// Host is the address the gateway listens on: an IP address of this machine, or localhost. Default 127.0.0.1;
	// empty means the default. Anything but loopback needs ExposeConfirmed. The dashboard stays on loopback always.
	Host string `yaml:"host"`
	// Port is the gateway's. Default 3636; zero means the default.
	Port int `yaml:"port"`
	// DashboardPort is the dashboard's, on 127.0.0.1. Default 3637; zero means the default.
	DashboardPort int `yaml:"dashboard_port"`
	// AllowedHosts are further names by which applications may call the gateway, as they write them in the URL
	// (host.docker.internal; with a port only where it differs). Compared exactly. Default: none.
	AllowedHosts []string `yaml:"allowed_hosts"`
	// ExposeConfirmed is the person's word that Host may be reachable from other machines. Default false: a Host other
	// than loopback is refused.
	ExposeConfirmed bool `yaml:"expose_confirmed"`
	// MaxBodyBytes is the largest request body. Default 32MiB; zero means the default.
	MaxBodyBytes int64 `yaml:"max_body" unit:"size"`
	// BufferBytes bounds all buffered bodies together; past it requests get 503. Default 512MiB; zero means the
	// default.
	BufferBytes int64 `yaml:"buffers" unit:"size"`
}

// Provider is one place that answers. Make it with NewProvider, or set Enabled: the zero value is switched off.
type Provider struct {
	// Name is what stands before the slash in provider/model. Required, unique, [a-z0-9-]+; router, auto and
	// localrouter are reserved.
	Name string `yaml:"name"`
	// Type is one of ProviderTypes. Required.
	Type string `yaml:"type"`
	// BaseURL is where the API begins. Empty: the type's own; required for openai-compatible. Plain http is for
	// loopback and private addresses only.
	BaseURL string `yaml:"base_url,omitempty"`
	// APIKeyEnv names the environment variable that holds the API key. Empty: APIKeyFile, or else the vault.
	APIKeyEnv string `yaml:"api_key_env,omitempty"`
	// APIKeyFile is the absolute path of a file that holds the API key. Empty: APIKeyEnv, or else the vault.
	APIKeyFile string `yaml:"api_key_file,omitempty"`
	// Enabled reports whether the provider takes part. Default in the file: true.
	Enabled bool `yaml:"enabled"`
	// Headers are added to every request (Azure, company gateways). Default: none.
	Headers map[string]string `yaml:"headers,omitempty"`
	// Query is added to every request's URL (Azure's api-version). Default: none.
	Query map[string]string `yaml:"query,omitempty"`
	// Timeout overrides the clocks of a request. Zero fields mean the defaults.
	Timeout Timeout `yaml:"timeout,omitempty"`
	// Local says that a private address is on this person's own ground: never billed, reachable offline. Nil: true for
	// loopback, false for everything else.
	Local *bool `yaml:"local,omitempty"`
	// Models is a list to use in place of the provider's own, for servers that cannot list. Empty: the provider is
	// asked.
	Models []string `yaml:"models,omitempty"`
	// Credentials are further keys of the same provider, used in order when the ones before rest. Default: none.
	Credentials []Credential `yaml:"credentials,omitempty"`
	// Plan is how use of the provider is paid for. Empty: by use.
	Plan llm.Billing `yaml:"plan,omitempty"`
	// Facts correct what is known of its models; the first that matches and says something holds. Default: none.
	Facts []Fact `yaml:"facts,omitempty"`
	// MaxParallel is the most requests at once; what is over it waits in Queue. Zero: no bound.
	MaxParallel int `yaml:"max_parallel,omitempty"`
	// Queue bounds what waits.
	Queue Queue `yaml:"queue,omitempty"`
	// Resilience takes the place of the general thresholds. What the file does not name is as there and follows when those
	// change; who sets it begins with a copy of the general ones. Nil: the general ones.
	Resilience *Resilience `yaml:"resilience,omitempty"`
}

// Timeout holds the clocks of one provider.
type Timeout struct {
	// Connect bounds dialling and TLS. Zero: 10s.
	Connect time.Duration `yaml:"connect,omitempty"`
	// FirstByte bounds the wait for the response headers. Zero: 120s, 600s for a local provider, 30s where another
	// target waits.
	FirstByte time.Duration `yaml:"first_byte,omitempty"`
	// Idle bounds the silence inside an answer. Zero: 120s, for a local provider 600s until the first content.
	Idle time.Duration `yaml:"idle,omitempty"`
}

// Network is what every call to a provider shares. Proxies come from HTTPS_PROXY and NO_PROXY.
type Network struct {
	// CAFile is the absolute path of a PEM file with further certificate authorities. Empty: the system's only.
	CAFile string `yaml:"ca_file"`
}

// Logging says what is written down and how long it is kept.
type Logging struct {
	// Level is the least level of the program's own log: debug, info, warn or error. Default info; empty means info.
	Level string `yaml:"level"`
	// RetentionDays is how long the request log is kept. Default 30; zero keeps it for ever.
	RetentionDays int `yaml:"retention_days"`
}

// ProviderTypes lists the types a provider may have. A test in providers holds it against its own table.
var ProviderTypes = []string{"openai", "anthropic", "gemini", "ollama", "openrouter", "openai-compatible", "demo",
	"cerebras", "deepinfra", "deepseek", "fireworks", "groq", "huggingface", "lm-studio", "mistral", "moonshot", "nvidia", "together", "xai"}

// The figures of Default.
const (
	DefaultHost          = "127.0.0.1"
	DefaultPort          = 3636
	DefaultDashboardPort = 3637
	defaultMaxBody       = 32 << 20
	defaultBuffers       = 512 << 20
	defaultRetention     = 30
	defaultLevel         = "info"
)

// Default returns the settings of a first start: loopback, no providers, the default routers.
func Default() Settings {
	return Settings{
		Version: Version,
		Server: Server{
			Host: DefaultHost, Port: DefaultPort, DashboardPort: DefaultDashboardPort,
			MaxBodyBytes: defaultMaxBody, BufferBytes: defaultBuffers,
		},
		Routers:    DefaultRouters(),
		Resilience: DefaultResilience(),
		Logging:    Logging{Level: defaultLevel, RetentionDays: defaultRetention},
	}
}

// NewProvider returns a provider as the file gives it when it names nothing else: enabled.
func NewProvider(name, kind string) Provider {
	return Provider{Name: name, Type: kind, Enabled: true}
}

// Provider returns the provider of that name, or nil. It points into s.
func (s *Settings) Provider(name string) *Provider {
	for i := range s.Providers {
		if s.Providers[i].Name == name {
			return &s.Providers[i]
		}
	}
	return nil
}

// Clone returns a deep copy.
func (s *Settings) Clone() *Settings {
	c := *s
	c.Server.AllowedHosts = slices.Clone(s.Server.AllowedHosts)
	c.Aliases = maps.Clone(s.Aliases)
	c.Routers = slices.Clone(s.Routers)
	for i := range c.Routers {
		c.Routers[i] = c.Routers[i].Clone()
	}
	c.Providers = slices.Clone(s.Providers)
	for i := range c.Providers {
		c.Providers[i] = c.Providers[i].Clone()
	}
	return &c
}

// Clone returns a deep copy.
func (p Provider) Clone() Provider {
	p.Headers, p.Query, p.Models = maps.Clone(p.Headers), maps.Clone(p.Query), slices.Clone(p.Models)
	p.Credentials, p.Facts = slices.Clone(p.Credentials), slices.Clone(p.Facts)
	for i := range p.Facts {
		f := &p.Facts[i]
		f.Models, f.Limits, f.Has, f.Lacks = slices.Clone(f.Models), slices.Clone(f.Limits), slices.Clone(f.Has), slices.Clone(f.Lacks)
		f.Price = clonePointer(f.Price)
	}
	p.Local, p.Resilience = clonePointer(p.Local), clonePointer(p.Resilience)
	return p
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// normalise gives every state of the settings one spelling: what zero stands for is filled in and empty lists are nil,
// so that two states can be compared field by field.
func (s *Settings) normalise() {
	d := Default()
	orElse(&s.Server.Host, d.Server.Host)
	orElse(&s.Server.Port, d.Server.Port)
	orElse(&s.Server.DashboardPort, d.Server.DashboardPort)
	orElse(&s.Server.MaxBodyBytes, d.Server.MaxBodyBytes)
	orElse(&s.Server.BufferBytes, d.Server.BufferBytes)
	orElse(&s.Logging.Level, d.Logging.Level)
	s.Resilience.fill(&d.Resilience)
	for i := range s.Providers {
		if r := s.Providers[i].Resilience; r != nil {
			r.fill(&s.Resilience)
		}
	}
	dropEmpty(reflect.ValueOf(s).Elem())
}

// dropEmpty makes empty lists and maps nil, wherever in v they are.
func dropEmpty(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			dropEmpty(v.Field(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			dropEmpty(v.Elem())
		}
	case reflect.Map, reflect.Slice:
		if v.Len() == 0 {
			v.SetZero()
			return
		}
		for i := 0; v.Kind() == reflect.Slice && i < v.Len(); i++ {
			dropEmpty(v.Index(i))
		}
	}
}

func orElse[T comparable](v *T, other T) {
	var zero T
	if *v == zero {
		*v = other
	}
}
