package providers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/anthropic"
	"localrouter/providers/catalog"
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
	key      string
	keyErr   error // why the credential could not be read; it is tried again
	builtIn  bool  // the demo that nobody configured
	baseURL  *url.URL
	client   client // nil for the demo and for what cannot work
	features *llm.Features

	// Guarded by Registry.mu.
	source  *llm.Source
	state   State
	detail  string
	latency time.Duration
	seen    time.Time // of the last answer
	asked   time.Time // of the last question
}

// client is a provider on a network.
type client interface {
	llm.Provider
	Close()
}

// open reads what an entry is made of; build makes it live. What is open is enough to compare two entries.
func (r *Registry) open(p *settings.Provider, caFile string) *entry {
	e := &entry{conf: *p, caFile: caFile}
	if p.Enabled {
		e.key, e.keyErr = r.credential(p)
	}
	return e
}

// same finds the entry that was made of the same settings and credential.
func same(list []*entry, e *entry) *entry {
	for _, old := range list {
		if old.builtIn == e.builtIn && old.key == e.key && old.caFile == e.caFile && errorText(old.keyErr) == errorText(e.keyErr) &&
			reflect.DeepEqual(old.conf, e.conf) {
			return old
		}
	}
	return nil
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

const maxKeyFile = 64 << 10

// errVault marks a credential that is there but cannot be read now.
var errVault = errors.New("the vault cannot be opened")

// credential finds a provider's key where its settings say.
func (r *Registry) credential(p *settings.Provider) (string, error) {
	switch {
	case p.APIKeyEnv != "":
		key := strings.TrimSpace(r.o.Getenv(p.APIKeyEnv))
		if key == "" {
			return "", fmt.Errorf("the environment variable %s is not set; set it before LocalRouter starts", p.APIKeyEnv)
		}
		return key, checkKey(key)
	case p.APIKeyFile != "":
		f, err := os.Open(p.APIKeyFile)
		if err != nil {
			return "", fmt.Errorf("api_key_file: %w", err)
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
		if err != nil {
			return "", fmt.Errorf("api_key_file: %w", err)
		}
		key := strings.TrimSpace(string(b))
		if key == "" {
			return "", fmt.Errorf("the file %s is empty; put the API key into it", p.APIKeyFile)
		}
		return key, checkKey(key)
	case r.o.Secrets == nil || kinds[p.Type].demo:
		return "", nil
	}
	key, err := r.o.Secrets.Get(p.Name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errVault, err)
	}
	return key, checkKey(key)
}

// checkKey refuses what no header can carry.
func checkKey(key string) error {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return errors.New("the API key holds a character that no key has, such as a line break; store it again")
		}
	}
	return nil
}

// build makes e live: with a client, as the demo, or as one that says why it cannot work.
func (r *Registry) build(e *entry) {
	e.state = Unknown
	k := kinds[e.conf.Type]
	var p llm.Provider
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
			p = e.client
		}
	}
	if err != nil {
		p, e.state, e.detail = refusing{err}, Unhealthy, err.Message
	}
	e.source = &llm.Source{Name: e.conf.Name, Type: e.conf.Type, Provider: p, Dialect: llm.OpenAI, Local: e.local(k), Demo: k.demo,
		Features: e.features, Facts: func(id string) *llm.Model { return catalog.Facts(e.conf.Type, id) }}
	if k.dialect != "" {
		e.source.Dialect = k.dialect
	}
	switch {
	case k.demo:
		e.source.Models, e.source.Listed = demoModels(), true
	case len(e.conf.Models) > 0:
		for _, id := range e.conf.Models {
			e.source.Models = append(e.source.Models, llm.Model{ID: id})
			catalog.Complete(e.conf.Type, &e.source.Models[len(e.source.Models)-1])
		}
		e.source.Listed = true
	}
}

// connect makes the client of an entry.
func (r *Registry) connect(e *entry, k kind) *llm.Error {
	refuse := func(kind llm.Kind, status int, message string) *llm.Error {
		return &llm.Error{Kind: kind, Provider: e.conf.Name, Status: status, Code: string(kind), Message: "The provider " + e.conf.Name + " cannot be used: " + message + "."}
	}
	switch {
	case k.later:
		return refuse(llm.Unreachable, http.StatusBadGateway, "the type "+e.conf.Type+" comes with a later version of LocalRouter. Until then reach its models through openrouter, or disable it in the settings")
	case errors.Is(e.keyErr, errVault):
		return refuse(llm.VaultLocked, http.StatusServiceUnavailable, e.keyErr.Error())
	case e.keyErr != nil:
		return refuse(llm.ProviderAuth, http.StatusBadGateway, e.keyErr.Error())
	}
	if err := e.readURL(k); err != nil {
		return refuse(llm.Unreachable, http.StatusBadGateway, "its base_url cannot be read: "+err.Error())
	}
	if e.key == "" && k.needsKey && !e.keyInHeaders() && !(k.dialect == llm.Anthropic && e.local(k)) {
		return refuse(llm.ProviderAuth, http.StatusBadGateway, "it has no API key. Give it one in the dashboard or with `localrouter providers set-key "+e.conf.Name+"`")
	}
	s := serviceOf(k, e.baseURL)
	agent := "LocalRouter"
	if r.o.Version != "" {
		agent += "/" + r.o.Version
	}
	o := upstream.Options{Name: e.conf.Name, BaseURL: e.baseURL.String(), Key: e.key, KeyHeader: s.keyHeader,
		Header: e.conf.Headers, Query: e.conf.Query, Local: e.local(k), Hop: r.o.InstallID, Agent: agent,
		Connect: e.conf.Timeout.Connect, FirstByte: e.conf.Timeout.FirstByte, Idle: e.conf.Timeout.Idle,
		CAFile: e.caFile, Getenv: r.o.Getenv, Pass: s.pass, Now: r.o.Now, Count: tokens.Count}
	if err := e.dial(k, s, o); err != nil {
		return refuse(llm.Unreachable, http.StatusBadGateway, err.Error())
	}
	return nil
}

// dial makes the client in the dialect of the entry's kind.
func (e *entry) dial(k kind, s service, o upstream.Options) error {
	if k.dialect == llm.Anthropic {
		c, err := anthropic.New(anthropic.Options{Options: o})
		if err == nil {
			e.client, e.features = c, anthropic.Features()
		}
		return err
	}
	s.style.Provider = e.conf.Name
	c, err := openai.New(openai.Options{Options: o, ModelsPath: s.modelsPath, NoStreamUsage: s.noStreamUsage, Style: s.style})
	if err == nil {
		e.client, e.features = c, s.features()
	}
	return err
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
	list := []string{e.key}
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
	if e.client != nil {
		e.client.Close()
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
