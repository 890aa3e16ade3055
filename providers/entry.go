package providers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/anthropic"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
	"localrouter/providers/tokens"
	"localrouter/providers/upstream"
	"localrouter/providers/wire"
)

// State is how a provider stands.
type State string

// The states of a provider.
const (
	Healthy   State = "healthy"
	Degraded  State = "degraded"  // slow, or refusing for the moment
	Unhealthy State = "unhealthy" // not reachable, or its credential refused
	Unknown   State = "unknown"   // not asked yet
	Off       State = "off"       // disabled in the settings
)

// entry is one provider of the settings.
type entry struct {
	conf     settings.Provider
	caFile   string
	keys     []credential // in the order of the settings
	builtIn  bool         // the demo that nobody configured
	baseURL  *url.URL
	features *llm.Features
	own      *corrections

	// Guarded by Registry.mu.
	source  *llm.Source
	state   State
	detail  string
	latency time.Duration
	seen    time.Time   // of the last answer
	asked   time.Time   // of the last question
	listed  time.Time   // when the list was last asked for
	unread  bool        // and that it could not be read
	said    []llm.Model // the list as the provider gave it
}

// open reads what an entry is made of; build makes it live. What is open is enough to compare two entries.
func (r *Registry) open(p *settings.Provider, caFile string) *entry {
	e := &entry{conf: *p, caFile: caFile}
	if p.Enabled {
		e.keys = r.credentials(p)
	}
	return e
}

// same finds the entry that was made of the same settings and credential.
func same(list []*entry, e *entry) *entry {
	for _, old := range list {
		if old.builtIn == e.builtIn && old.caFile == e.caFile && sameKeys(old.keys, e.keys) &&
			reflect.DeepEqual(forClient(old.conf), forClient(e.conf)) {
			return old
		}
	}
	return nil
}

// forClient leaves out what is read from the settings when it is needed.
func forClient(p settings.Provider) settings.Provider {
	p.Resilience, p.MaxParallel, p.Queue = nil, 0, settings.Queue{}
	return p
}

// inherit takes over the list of an entry for the same server until it is read anew, so that a correction does not make
// models vanish.
func (e *entry) inherit(list []*entry) {
	for _, old := range list {
		if old.conf.Name == e.conf.Name && old.conf.Type == e.conf.Type && old.conf.BaseURL == e.conf.BaseURL && old.said != nil && len(e.clients()) > 0 && len(e.conf.Models) == 0 {
			e.said = old.said
			e.source.Models, e.source.Listed = e.completed(old.said), true
		}
	}
}

// completed are the models of a list with all that is known of them.
func (e *entry) completed(said []llm.Model) []llm.Model {
	models := slices.Clone(said)
	for i := range models {
		e.own.complete(e.conf.Type, &models[i])
	}
	return models
}

// build makes e live: with a client, as the demo, or as one that says why it cannot work.
func (r *Registry) build(e *entry) {
	e.state, e.own = Unknown, correctionsOf(&e.conf)
	k := kinds[e.conf.Type]
	var p llm.Provider
	var keys []llm.Credential
	var err *llm.Error
	switch {
	case !e.conf.Enabled:
		e.state = Off
		e.readURL(k)
		return
	case k.demo:
		p, e.state, e.features = newDemo(r.o.Pace, r.o.Now), Healthy, openai.Features()
	default:
		if err = r.connect(e, k); err == nil {
			p = e.clients()[0]
		}
		keys = e.offered(r.o.InstallID)
	}
	if err != nil {
		p, e.state, e.detail = refusing{err}, Unhealthy, err.Message
	}
	e.source = &llm.Source{Name: e.conf.Name, Type: e.conf.Type, Provider: p, Dialect: llm.OpenAI, Local: e.local(k), Demo: k.demo,
		Credentials: keys, Billing: e.conf.Plan, Features: e.features, Facts: func(id string) *llm.Model { return e.own.about(e.conf.Type, id) }}
	if k.dialect != "" {
		e.source.Dialect = k.dialect
	}
	switch {
	case k.demo:
		e.source.Models, e.source.Listed = demoModels(), true
	case len(e.conf.Models) > 0:
		for _, id := range e.conf.Models {
			e.source.Models = append(e.source.Models, llm.Model{ID: id})
			e.own.complete(e.conf.Type, &e.source.Models[len(e.source.Models)-1])
		}
		e.source.Listed = true
	}
}

// connect makes the clients of an entry, one for each credential. The error is that of the first, where none can work.
func (r *Registry) connect(e *entry, k kind) *llm.Error {
	var first *llm.Error
	works := false
	for i := range e.keys {
		c := &e.keys[i]
		if c.refused = r.connectWith(e, k, c); c.refused == nil {
			works = true
		} else if first == nil {
			first = c.refused
		}
	}
	if works {
		return nil
	}
	return first
}

// connectWith makes the client of one credential.
func (r *Registry) connectWith(e *entry, k kind, c *credential) *llm.Error {
	refuse := func(kind llm.Kind, status int, message string) *llm.Error {
		return &llm.Error{Kind: kind, Provider: e.conf.Name, Status: status, Code: string(kind), Message: "The provider " + e.conf.Name + " cannot be used: " + message + "."}
	}
	switch {
	case k.later:
		return refuse(llm.Unreachable, http.StatusBadGateway, "the type "+e.conf.Type+" comes with a later version of LocalRouter. Until then reach its models through openrouter, or disable it in the settings")
	case errors.Is(c.err, errVault):
		return refuse(llm.VaultLocked, http.StatusServiceUnavailable, c.err.Error())
	case c.err != nil:
		return refuse(llm.ProviderAuth, http.StatusBadGateway, c.err.Error())
	}
	if err := e.readURL(k); err != nil {
		return refuse(llm.Unreachable, http.StatusBadGateway, "its base_url cannot be read: "+err.Error())
	}
	if c.key == "" && k.needsKey && !e.keyInHeaders() && !(k.dialect == llm.Anthropic && e.local(k)) {
		return refuse(llm.ProviderAuth, http.StatusBadGateway, "it has no API key. Give it one in the dashboard or with `localrouter providers set-key "+e.conf.Name+"`")
	}
	s := serviceOf(k, e.baseURL)
	agent := "LocalRouter"
	if r.o.Version != "" {
		agent += "/" + r.o.Version
	}
	o := upstream.Options{Name: e.conf.Name, BaseURL: e.baseURL.String(), Key: c.key, KeyHeader: s.keyHeader,
		Header: e.conf.Headers, Query: e.conf.Query, Secrets: e.secrets(), Local: e.local(k), Hop: r.o.InstallID, Agent: agent,
		Connect: e.conf.Timeout.Connect, FirstByte: e.conf.Timeout.FirstByte, Idle: e.conf.Timeout.Idle,
		CAFile: e.caFile, Getenv: r.o.Getenv, Pass: s.pass, Now: r.o.Now, Count: tokens.Count}
	made, features, err := dial(k, s, o)
	if err != nil {
		return refuse(llm.Unreachable, http.StatusBadGateway, err.Error())
	}
	c.client, e.features = made, features
	return nil
}

// dial makes a client in the dialect of a kind, and tells what requests of other dialects may make use of there.
func dial(k kind, s service, o upstream.Options) (client, *llm.Features, error) {
	if k.dialect == llm.Anthropic {
		c, err := anthropic.New(anthropic.Options{Options: o})
		if err != nil {
			return nil, nil, err
		}
		return c, anthropic.Features(), nil
	}
	s.style.Provider = o.Name
	c, err := openai.New(openai.Options{Options: o, ModelsPath: s.modelsPath, NoStreamUsage: s.noStreamUsage, Style: s.style})
	if err != nil {
		return nil, nil, err
	}
	return c, s.features(), nil
}

func (e *entry) readURL(k kind) error {
	base := e.conf.BaseURL
	if base == "" {
		base = k.baseURL
	}
	if base == "" {
		return nil // the demo
	}
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil {
		return err
	}
	switch {
	case u.Path == "":
		u.Path = k.rootPath
	case k.dialect == llm.Anthropic && !strings.HasSuffix(u.Path, "/v1"):
		u.Path += "/v1" // Anthropic's own base URLs are written without it
	}
	e.baseURL = u
	return nil
}

// local reports whether the provider runs on this person's own ground. A loopback address does; a private one only if
// the person says so.
func (e *entry) local(k kind) bool {
	if k.demo {
		return true
	}
	if e.baseURL == nil {
		e.readURL(k)
	}
	if e.baseURL == nil {
		return false
	}
	onLoopback, private := wire.Near(e.baseURL)
	if e.conf.Local != nil {
		return *e.conf.Local && private
	}
	return onLoopback
}

func (e *entry) keyInHeaders() bool {
	for name := range e.conf.Headers {
		if isCredential(name) {
			return true
		}
	}
	return false
}

func isCredential(name string) bool {
	name = strings.ToLower(name)
	return name == "authorization" || strings.Contains(name, "key") || strings.Contains(name, "token") || strings.Contains(name, "secret")
}

// secrets are the texts that must never be shown.
func (e *entry) secrets() []string {
	var list []string
	for i := range e.keys {
		list = append(list, e.keys[i].key)
	}
	for name, value := range e.conf.Headers {
		if isCredential(name) {
			list = append(list, value)
			if _, bare, ok := strings.Cut(value, " "); ok {
				list = append(list, bare)
			}
		}
	}
	for name, value := range e.conf.Query {
		if isCredential(name) {
			list = append(list, value)
		}
	}
	return list
}

func (e *entry) close() {
	for _, c := range e.clients() {
		c.Close()
	}
}

// refusing stands for a provider that cannot work and says why.
type refusing struct{ err *llm.Error }

func (p refusing) Send(_ context.Context, _ *llm.Request, model string, _ llm.Observer) (llm.Relay, error) {
	e := *p.err
	e.Model = model
	return nil, &e
}

func (p refusing) Converse(_ context.Context, o *llm.Order, _ llm.Observer) (llm.Stream, error) {
	e := *p.err
	e.Model = o.ID
	return nil, &e
}

func (p refusing) Models(context.Context) ([]llm.Model, error) { return nil, p.err }
